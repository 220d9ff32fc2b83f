//! The sentences that people read, in English and Korean; knows no surface's escaping.
//!
//! Themes: `reason` (what each reason means and what to do), `words` (one or two words for each value of
//! `core`), `label` (headings), `ending` (how a stage ended), `sight` (what a gate saw), `tale` (what happened
//! when), `message` (all other sentences), `step` (next steps). Each is an exhaustive match in `en` and in `ko`.

use crate::core::record::words;

pub mod alert;
pub mod config;
mod en;
pub mod ending;
pub mod inputs;
mod ko;
pub mod label;
pub mod message;
pub mod obstacle;
pub mod past;
pub mod reason;
pub mod saying;
pub mod sight;
pub mod step;
pub mod tale;
pub mod trouble;
pub mod wording;
pub mod words;

#[cfg(test)]
mod tests;

pub use ending::Ending;
pub use label::Label;
pub use message::Message;
pub use step::NextStep;
pub use words::Word;

words! {
    /// A language.
    Locale {
        /// English.
        En = "en",
        /// Korean.
        Ko = "ko",
    }
}
