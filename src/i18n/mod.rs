//! The sentences that people read, in English and Korean; knows no surface's escaping.

use crate::core::record::words;

pub mod config;
pub mod inputs;
pub mod trouble;

words! {
    /// A language.
    Locale {
        /// English.
        En = "en",
        /// Korean.
        Ko = "ko",
    }
}
