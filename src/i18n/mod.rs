//! The sentences that people read, in English and Korean; knows no surface's escaping.

pub mod config;

use crate::core::record::words;

words! {
    /// A language.
    Locale {
        /// English.
        En = "en",
        /// Korean.
        Ko = "ko",
    }
}
