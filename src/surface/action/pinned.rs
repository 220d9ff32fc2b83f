//! The configuration of a job, pinned by its first stage for all later ones. Knows GitHub's copy and the kept one.

use crate::core::id::ServiceName;
use crate::i18n::Locale;
use crate::ports::{Forge, ForgeError};
use crate::surface::action::inputs::Inputs;

/// The configuration's text as it was read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pinned {
    /// Path in the repository.
    pub file: String,
    /// Text; `None` = there is no file.
    pub text: Option<String>,
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum NoConfig {
    /// GitHub did not give it.
    Forge(ForgeError),
    /// It was named, and is not there.
    Missing(String),
}

/// Reads the file at the default branch's head, never from the workspace: a branch must not loosen its own guard.
pub async fn fetch(forge: &dyn Forge, inputs: &Inputs) -> Result<Pinned, NoConfig> {
    let (file, named) = &inputs.config;
    let found = forge.config_file(file).await.map_err(NoConfig::Forge)?;
    match found {
        None if *named => Err(NoConfig::Missing(file.clone())),
        found => Ok(Pinned {
            file: file.clone(),
            text: found.map(|f| f.text),
        }),
    }
}

/// The service's name where neither input nor configuration gives one: the repository's.
#[must_use]
pub fn service_of(repository: Option<&str>) -> Option<ServiceName> {
    let name = repository?.rsplit('/').next()?;
    ServiceName::new(name).ok()
}

/// The language: input, configuration, English.
#[must_use]
pub fn locale(inputs: Option<Locale>, configured: Option<Locale>) -> Locale {
    inputs.or(configured).unwrap_or(Locale::En)
}
