//! How numbers, spans, times and names are put into words; knows no sentence and no surface.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::core::time::Timestamp;
use crate::i18n::Locale;

/// Longest piece of outside text inside a sentence, in characters.
pub const PIECE: usize = 300;

/// One line of outside text: control characters and line ends become spaces, direction marks and other
/// invisible characters become `�`, more than `most` characters are cut with `…`.
#[must_use]
pub fn one_line(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut left = most;
    let mut space = false;
    for c in text.chars() {
        if c.is_control() || c.is_whitespace() {
            space = !out.is_empty();
            continue;
        }
        let need = 1 + usize::from(space);
        if left < need {
            // The mark stands where the last character would.
            if left == 0 {
                out.pop();
            }
            out.push('…');
            return out;
        }
        left -= need;
        if space {
            out.push(' ');
            space = false;
        }
        out.push(if is_invisible(c) { '\u{fffd}' } else { c });
    }
    out
}

/// Characters that change how others look or that cannot be seen: direction marks, joiners, tags.
/// Source: Unicode, UAX 9 (bidirectional formatting) and UTS 55 (source code spoofing).
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Outside text of ordinary length inside a sentence.
#[must_use]
pub fn piece(text: &str) -> String {
    one_line(text, PIECE)
}

/// `850 ms`, `12 s`, `2 min 5 s`, `1 h 3 min`, `2 d 4 h`; `850밀리초`, `12초`, `2분 5초`, `1시간 3분`, `2일 4시간`.
#[must_use]
pub fn duration(span: Duration, locale: Locale) -> String {
    let ms = span.as_millis();
    let s = span.as_secs();
    let unit = |n: u64, en: &str, ko: &str| match locale {
        Locale::En => format!("{n} {en}"),
        Locale::Ko => format!("{n}{ko}"),
    };
    let pair = |a: u64, a_en, a_ko, b: u64, b_en, b_ko| {
        if b == 0 {
            unit(a, a_en, a_ko)
        } else {
            format!("{} {}", unit(a, a_en, a_ko), unit(b, b_en, b_ko))
        }
    };
    match s {
        0 if ms > 0 => unit(u64::try_from(ms).unwrap_or(0), "ms", "밀리초"),
        0..60 => unit(s, "s", "초"),
        60..3600 => pair(s / 60, "min", "분", s % 60, "s", "초"),
        3600..86_400 => pair(s / 3600, "h", "시간", s % 3600 / 60, "min", "분"),
        _ => pair(s / 86_400, "d", "일", s % 86_400 / 3600, "h", "시간"),
    }
}

/// A latency: `850 ms` below ten seconds also with a fraction (`2.5 s`).
#[must_use]
pub fn latency(ms: u64, locale: Locale) -> String {
    if (1000..10_000).contains(&ms) && !ms.is_multiple_of(1000) {
        let seconds = number(ms as f64 / 1000.0);
        return match locale {
            Locale::En => format!("{seconds} s"),
            Locale::Ko => format!("{seconds}초"),
        };
    }
    duration(Duration::from_millis(ms), locale)
}

/// `8.8 %` or `8.8%`: one decimal, more below one per cent so that something other than zero stands there.
#[must_use]
pub fn percent(fraction: f64, locale: Locale) -> String {
    let value = fraction * 100.0;
    let text = if value != 0.0 && value.abs() < 1.0 {
        trim(format!("{value:.2}"))
    } else {
        trim(format!("{value:.1}"))
    };
    // A share that is not quite whole must not read as whole.
    let text = match text.as_str() {
        "100" if value < 100.0 => "99.9".to_owned(),
        "0" if value > 0.0 => "<0.01".to_owned(),
        _ => text,
    };
    match locale {
        Locale::En => format!("{text} %"),
        Locale::Ko => format!("{text}%"),
    }
}

/// A number with at most two decimals, thousands apart.
#[must_use]
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    let text = trim(format!("{:.2}", value.abs()));
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = if value < 0.0 && text != "0" { "-" } else { "" }.to_owned();
    out.push_str(&grouped(whole));
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    out
}

/// A whole number, thousands apart.
#[must_use]
pub fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// `1 gate`, `3 gates`: English number with its noun.
#[must_use]
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// `1 to 100`: odds of a small chance, as `1 in 100` says them.
#[must_use]
pub fn odds(chance: f64) -> String {
    if chance <= 0.0 || !chance.is_finite() {
        return "∞".to_owned();
    }
    let n = (1.0 / chance).round().clamp(1.0, 1e12);
    number(n)
}

fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

fn trim(text: String) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// `2024-12-12 14:30:52 UTC`, and with a zone also the local time: `… (23:30 KST)`.
#[must_use]
pub fn time(at: Timestamp, zone: Option<&TimeZone>) -> String {
    let utc = at
        .zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string();
    match zone {
        Some(zone) if *zone != TimeZone::UTC => {
            format!(
                "{utc} ({})",
                at.zoned(zone.clone()).strftime("%m-%d %H:%M %Z")
            )
        }
        _ => utc,
    }
}

/// `14:30:52`, UTC.
#[must_use]
pub fn clock(at: Timestamp) -> String {
    at.zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string()
}

/// A list, cut after `most` with the number of those left out: `a, b and 3 more`, `a, b 외 3개`.
#[must_use]
pub fn list<T: AsRef<str>>(items: &[T], most: usize, locale: Locale) -> String {
    let shown: Vec<String> = items
        .iter()
        .take(most)
        .map(|i| one_line(i.as_ref(), 120))
        .collect();
    let more = items.len().saturating_sub(most) as u64;
    let text = shown.join(", ");
    match (more, locale) {
        (0, _) => text,
        (more, Locale::En) => format!("{text} and {} more", count(more)),
        (more, Locale::Ko) => format!("{text} 외 {}개", count(more)),
    }
}

/// A Korean particle whose form depends on the sound before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Particle {
    /// 은/는.
    Topic,
    /// 이/가.
    Subject,
    /// 을/를.
    Object,
    /// 으로/로.
    Toward,
    /// 과/와.
    With,
}

/// How a word ends, as it is read aloud in Korean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sound {
    Vowel,
    Rieul,
    Consonant,
    Unclear,
}

/// The word with its particle: `prod를`, `3은`, `배포가`, `롤백으로`.
#[must_use]
pub fn with(word: &str, particle: Particle) -> String {
    let sound = sound(word);
    let form = match (particle, sound) {
        (Particle::Topic, Sound::Vowel) => "는",
        (Particle::Topic, Sound::Rieul | Sound::Consonant) => "은",
        (Particle::Topic, Sound::Unclear) => "은(는)",
        (Particle::Subject, Sound::Vowel) => "가",
        (Particle::Subject, Sound::Rieul | Sound::Consonant) => "이",
        (Particle::Subject, Sound::Unclear) => "이(가)",
        (Particle::Object, Sound::Vowel) => "를",
        (Particle::Object, Sound::Rieul | Sound::Consonant) => "을",
        (Particle::Object, Sound::Unclear) => "을(를)",
        (Particle::Toward, Sound::Vowel | Sound::Rieul) => "로",
        (Particle::Toward, Sound::Consonant) => "으로",
        (Particle::Toward, Sound::Unclear) => "(으)로",
        (Particle::With, Sound::Vowel) => "와",
        (Particle::With, Sound::Rieul | Sound::Consonant) => "과",
        (Particle::With, Sound::Unclear) => "와(과)",
    };
    format!("{word}{form}")
}

fn sound(word: &str) -> Sound {
    let word = word.trim_end_matches(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                ')' | ']' | '}' | '"' | '\'' | '`' | '”' | '’' | '」' | '.'
            )
    });
    let Some(last) = word.chars().next_back() else {
        return Sound::Unclear;
    };
    match last {
        '가'..='힣' => match (u32::from(last) - 0xac00) % 28 {
            0 => Sound::Vowel,
            8 => Sound::Rieul,
            _ => Sound::Consonant,
        },
        // 영(십, 백, 천), 삼, 육 close with a consonant; 일, 칠, 팔 with ㄹ; 이, 사, 오, 구 with none.
        '0' | '3' | '6' => Sound::Consonant,
        '1' | '7' | '8' => Sound::Rieul,
        '2' | '4' | '5' | '9' => Sound::Vowel,
        '%' => Sound::Vowel,
        c if c.is_ascii_alphabetic() => latin(word, c),
        _ => Sound::Unclear,
    }
}

/// Latin words as Koreans read them: capitals letter by letter, others by their last sounds.
fn latin(word: &str, last: char) -> Sound {
    let tail: Vec<char> = word
        .chars()
        .rev()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    if tail.len() == 1 || tail.iter().all(char::is_ascii_uppercase) {
        return match last.to_ascii_lowercase() {
            'l' | 'r' => Sound::Rieul,
            'm' | 'n' => Sound::Consonant,
            _ => Sound::Vowel,
        };
    }
    let before = tail.get(1).map_or('x', |c| c.to_ascii_lowercase());
    let vowel = matches!(before, 'a' | 'e' | 'i' | 'o' | 'u');
    match last.to_ascii_lowercase() {
        'l' => Sound::Rieul,
        'm' | 'n' => Sound::Consonant,
        'g' if before == 'n' => Sound::Consonant,
        'k' if before == 'c' => Sound::Consonant,
        'k' | 'p' | 't' | 'c' if vowel => Sound::Consonant,
        'e' if before == 'l' => Sound::Rieul,
        _ => Sound::Vowel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_shares_read_well() {
        let d = |s| duration(Duration::from_secs(s), Locale::En);
        let k = |s| duration(Duration::from_secs(s), Locale::Ko);
        assert_eq!((d(0), k(0)), ("0 s".into(), "0초".into()));
        assert_eq!((d(125), k(125)), ("2 min 5 s".into(), "2분 5초".into()));
        assert_eq!((d(3780), k(3780)), ("1 h 3 min".into(), "1시간 3분".into()));
        assert_eq!((d(360_000), k(86_400)), ("4 d 4 h".into(), "1일".into()));
        assert_eq!(latency(2500, Locale::En), "2.5 s");
        assert_eq!(latency(850, Locale::Ko), "850밀리초");
        assert_eq!(percent(14.0 / 160.0, Locale::En), "8.8 %");
        assert_eq!(percent(0.019, Locale::Ko), "1.9%");
        assert_eq!(percent(0.000_01, Locale::En), "<0.01 %");
        assert_eq!(percent(0.9999, Locale::En), "99.9 %");
        assert_eq!(percent(1.0, Locale::En), "100 %");
        assert_eq!(number(-12_345.678), "-12,345.68");
        assert_eq!(odds(0.01), "100");
    }

    #[test]
    fn particles_follow_the_sound() {
        let of = |w, p| with(w, p);
        assert_eq!(of("배포", Particle::Topic), "배포는");
        assert_eq!(of("롤백", Particle::Object), "롤백을");
        assert_eq!(of("서울", Particle::Toward), "서울로");
        assert_eq!(of("롤백", Particle::Toward), "롤백으로");
        assert_eq!(of("prod", Particle::Object), "prod를");
        assert_eq!(of("main", Particle::Subject), "main이");
        assert_eq!(of("API", Particle::Subject), "API가");
        assert_eq!(of("URL", Particle::Toward), "URL로");
        assert_eq!(of("stack", Particle::Topic), "stack은");
        assert_eq!(of("10", Particle::Topic), "10은");
        assert_eq!(of("7", Particle::Toward), "7로");
        assert_eq!(of("deploy-a1b2c3d4", Particle::Object), "deploy-a1b2c3d4를");
        assert_eq!(of("api (v2)", Particle::With), "api (v2)와");
        assert_eq!(of("★", Particle::Subject), "★이(가)");
    }

    #[test]
    fn outside_text_stays_on_one_line_and_short() {
        assert_eq!(one_line("  a\r\n\tb\u{2028}c ", 99), "a b c");
        assert_eq!(one_line("abcdef", 3), "ab…");
        assert_eq!(one_line("abc", 3), "abc");
        assert_eq!(one_line("ab\u{202e}c", 9), "ab\u{fffd}c");
        assert_eq!(one_line("a b", 2), "a…");
        assert!(one_line(&"가 ".repeat(1_000_000), PIECE).chars().count() <= PIECE);
    }

    #[test]
    fn times_are_utc_and_local_on_request() {
        let at = Timestamp::parse("2024-12-12T14:30:52Z").expect("valid");
        assert_eq!(time(at, None), "2024-12-12 14:30:52 UTC");
        let seoul = TimeZone::get("Asia/Seoul").expect("known");
        assert_eq!(
            time(at, Some(&seoul)),
            "2024-12-12 14:30:52 UTC (12-12 23:30 KST)"
        );
        assert_eq!(list(&["a", "b", "c"], 2, Locale::Ko), "a, b 외 1개");
    }
}
