//! The GitHub Action: the verbs `action main` and `action post`, exactly as the runner starts them.

pub mod files;
pub mod finish;
pub mod guard;
pub mod inputs;
pub mod nothing;
pub mod own;
pub mod pinned;
pub mod stage;

use std::time::Duration;

use crate::core::outcome::{Asked, Exit};
use crate::core::reason::ReasonCode;
use crate::core::record::DeploymentType;
use crate::engine::{EngineError, Stop, stopped};
use crate::i18n::Locale;
use crate::surface::action::files::Files;
use crate::surface::action::inputs::{Env, Phase};
use crate::surface::action::stage::{Ended, Stage};
use crate::surface::connect::Connect;
use crate::surface::out;

/// A stopped stage ends within 5 s; the runner kills it soon after.
const GRACE: Duration = Duration::from_secs(4);

/// Which entry point the runner started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The step itself.
    Main,
    /// After all steps.
    Post,
}

/// Runs one stage. Secrets are masked before anything else is printed.
pub async fn run(entry: Entry, env: &Env, connect: &dyn Connect, stop: &mut Stop) -> Exit {
    for secret in inputs::secrets(env) {
        for line in crate::render::annotation::add_mask(&secret) {
            out::line(&line);
        }
    }
    let files = Files::of(env);
    let clock = connect.clock();
    let inputs = match inputs::read(env) {
        Ok(inputs) => inputs,
        Err(problems) => {
            let locale = inputs::locale_of(env);
            let problems = problems.iter().map(|p| p.text(locale)).collect();
            return end_early(env, files, locale, connect, entry, problems);
        }
    };
    let phase = inputs.phase;
    let locale = inputs.locale.unwrap_or(Locale::En);
    let mut stage = Stage {
        env,
        inputs,
        files,
        locale,
        connect,
        clock,
    };
    let (clock, mut seen) = (stage.clock.clone(), stop.clone());
    let work = async {
        match (entry, phase) {
            (Entry::Main, Phase::Guard) => guard::run(&mut stage, stop).await,
            (Entry::Main, Phase::Verify) => finish::verify(&mut stage, stop).await,
            (Entry::Post, Phase::Guard | Phase::Verify) => finish::post(&mut stage, stop).await,
        }
    };
    let overdue = async {
        let by = stopped(&mut seen).await;
        clock.sleep(GRACE).await;
        by
    };
    let work = Box::pin(work);
    let result = tokio::select! {
        result = work => result,
        // Whatever still hangs is owed to post, the next run or the keeper: the journal tells them how far it came.
        by = overdue => Err(stage.failed(&EngineError::Stopped(by))),
    };
    result.unwrap_or_else(|ended| stage.end(&ended))
}

/// Wrong inputs end main; a post of the same step has nothing to finish, for main never started.
fn end_early(
    env: &Env,
    files: Files,
    locale: Locale,
    connect: &dyn Connect,
    entry: Entry,
    problems: Vec<String>,
) -> Exit {
    if entry == Entry::Post && !env.contains_key("STATE_deployment") {
        return Exit::Fine;
    }
    let ended = Ended {
        reason: ReasonCode::InvalidInput,
        problems,
        exit: Exit::Usage,
    };
    let asked = Asked {
        environment: inputs::raw(env, "environment")
            .unwrap_or_default()
            .to_owned(),
        service: String::new(),
        kind: DeploymentType::Deploy,
        git_ref: None,
        actor: env.get("GITHUB_ACTOR").cloned(),
        force: false,
        dry_run: false,
        note: None,
        run_url: None,
    };
    stage::end(&files, locale, connect.clock().as_ref(), asked, &ended)
}
