//! Reads durations and rates as the configuration writes them; knows no setting.

use std::time::Duration;

use strsim::{damerau_levenshtein, jaro_winkler};

use crate::i18n::config::{ProblemKind, percent, span};

/// Longest duration that is read: ten years, so that no sum of two of them overflows a time.
const LONGEST: Duration = Duration::from_secs(3650 * 86_400);

/// Most characters of a text from outside that a message quotes.
const SHOWN: usize = 80;

/// Text from outside as a message may quote it: control characters escaped, cut at 80 characters.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == SHOWN {
            out.push('…');
            break;
        }
        // Backticks would end the quotation; directional marks would reorder what people read.
        if c.is_control()
            || matches!(c, '`' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

fn unit(text: &str) -> Option<u64> {
    match text {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    }
}

fn strict_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (name, tail) = tail.split_at(end);
        let part = number.parse::<u64>().ok()?.checked_mul(unit(name)?)?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    let span = Duration::from_millis(total);
    (!text.is_empty() && span <= LONGEST).then_some(span)
}

/// What was probably meant by something like `10`, `5 min` or `1.5h`.
fn likely_duration(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let end = lower
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(lower.len());
    let (number, name) = lower.split_at(end);
    let scale = match name.trim() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" | "초" => 1000.0,
        "ms" | "msec" | "millis" | "milliseconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" | "분" => 60_000.0,
        "h" | "hr" | "hrs" | "hour" | "hours" | "시간" => 3_600_000.0,
        "d" | "day" | "days" | "일" => 86_400_000.0,
        _ => return None,
    };
    let millis = number.parse::<f64>().ok()? * scale;
    // Also false for NaN.
    if !(millis >= 0.0 && millis <= LONGEST.as_millis() as f64) {
        return None;
    }
    Some(span(Duration::from_millis(millis.round() as u64)))
}

/// Reads `30s`, `5m`, `2h`, `90d`, `250ms` or a row of them such as `1m30s`; ten years at most.
///
/// # Errors
/// [`ProblemKind::BadDuration`], with what was probably meant where that can be told.
pub fn parse_duration(text: &str) -> Result<Duration, ProblemKind> {
    strict_duration(text).ok_or_else(|| ProblemKind::BadDuration {
        found: shown(text),
        suggestion: likely_duration(text),
    })
}

/// Reads `5%` or `0.5%` as a fraction, 0 to 1.
///
/// # Errors
/// [`ProblemKind::BadRate`], with what was probably meant where that can be told.
pub fn parse_rate(text: &str) -> Result<f64, ProblemKind> {
    let number = text
        .strip_suffix('%')
        .and_then(plain_number)
        .filter(|n| *n <= 100.0);
    number
        .map(|n| n / 100.0)
        .ok_or_else(|| ProblemKind::BadRate {
            found: shown(text),
            suggestion: match plain_number(text.trim_end_matches('%').trim()) {
                // A fraction below one, written without the sign, is a share of one.
                Some(n) if n < 1.0 && !text.contains('%') => Some(percent(n)),
                Some(n) if n <= 100.0 => Some(percent(n / 100.0)),
                Some(_) | None => None,
            },
        })
}

fn plain_number(text: &str) -> Option<f64> {
    let shape = text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && text.starts_with(|c: char| c.is_ascii_digit())
        && !text.ends_with('.')
        && text.len() <= 20;
    text.parse::<f64>().ok().filter(|_| shape)
}

/// The nearest of `words` to `text`, if one is near enough to have been meant.
#[must_use]
pub fn nearest<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let plain = |t: &str| -> String {
        t.chars()
            .filter(|c| !matches!(c, '_' | '-' | ' '))
            .flat_map(char::to_lowercase)
            .take(64)
            .collect()
    };
    let text = plain(text);
    words
        .into_iter()
        .filter_map(|word| {
            let candidate = plain(word);
            let distance = damerau_levenshtein(&text, &candidate);
            let longest = text.chars().count().max(candidate.chars().count());
            // A word cut short (`name` for `namespace`) is near, however much is missing.
            let cut = text.len() >= 3 && candidate.starts_with(&text);
            let near = cut || distance <= (longest / 3).max(1).min(longest.saturating_sub(1));
            near.then(|| (distance, jaro_winkler(&text, &candidate), word))
        })
        .min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)))
        .map(|(_, _, word)| word.to_owned())
}
