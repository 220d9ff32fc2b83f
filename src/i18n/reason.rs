//! What each reason means and what a person does about it, as one sentence each; knows no particulars.

use crate::core::reason::ReasonCode;
use crate::i18n::{Locale, en, ko};

/// What the reason means: one sentence with its full stop.
#[must_use]
pub fn meaning(reason: ReasonCode, locale: Locale) -> &'static str {
    match locale {
        Locale::En => en::reason::meaning(reason),
        Locale::Ko => ko::reason::meaning(reason),
    }
}

/// What to do next: one or two sentences.
#[must_use]
pub fn help(reason: ReasonCode, locale: Locale) -> &'static str {
    match locale {
        Locale::En => en::reason::help(reason),
        Locale::Ko => ko::reason::help(reason),
    }
}

/// The meaning with particulars behind it: `A freeze window is open (주말).`
#[must_use]
pub fn because(reason: ReasonCode, particulars: Option<&str>, locale: Locale) -> String {
    let meaning = meaning(reason, locale);
    match particulars.map(str::trim).filter(|p| !p.is_empty()) {
        None => meaning.to_owned(),
        Some(text) => format!(
            "{}{}({}).",
            meaning.trim_end_matches('.'),
            match locale {
                Locale::En => " ",
                Locale::Ko => "",
            },
            text.trim_end_matches('.')
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_a_sentence_and_a_next_step_in_both_languages() {
        let mut meanings = HashSet::new();
        for reason in ReasonCode::ALL {
            for text in [meaning, help] {
                let (en, ko) = (text(*reason, Locale::En), text(*reason, Locale::Ko));
                assert!(
                    en.ends_with('.') && ko.ends_with('.'),
                    "{reason}: {en} {ko}"
                );
                assert!(en.is_ascii(), "{reason}: {en}");
                assert!(
                    ko.chars().any(|c| ('가'..='힣').contains(&c)),
                    "{reason}: {ko}"
                );
                // 합니다체: every Korean sentence ends politely.
                for sentence in ko.split_inclusive(". ").map(str::trim) {
                    assert!(
                        ["니다.", "시오.", "세요."]
                            .iter()
                            .any(|end| sentence.ends_with(end)),
                        "{reason}: {sentence}"
                    );
                }
            }
            for locale in Locale::ALL {
                assert!(
                    meanings.insert(meaning(*reason, *locale)),
                    "{reason} says what another reason says"
                );
            }
        }
    }

    #[test]
    fn particulars_follow_the_meaning() {
        assert_eq!(
            because(ReasonCode::Frozen, Some("Christmas."), Locale::En),
            "A freeze window is open (Christmas)."
        );
        assert_eq!(
            because(ReasonCode::Frozen, Some("  "), Locale::Ko),
            meaning(ReasonCode::Frozen, Locale::Ko)
        );
    }
}
