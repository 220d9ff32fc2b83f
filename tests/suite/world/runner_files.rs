//! The runner's rules for `GITHUB_OUTPUT`, `GITHUB_ENV`, `GITHUB_STATE` and the summary (`FileCommandManager.cs`); it reads text, not files.

/// Above this many bytes the runner drops the whole summary.
pub const SUMMARY_LIMIT: usize = 1024 * 1024;

/// What the runner made of one file: the pairs before the first error, and that error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    pub pairs: Vec<(String, String)>,
    pub error: Option<String>,
}

/// One line from `at` on: its text, whether it ended in LF, and where the next begins.
fn next_line(text: &str, at: usize) -> Option<(&str, bool, usize)> {
    if at >= text.len() {
        return None;
    }
    Some(match text[at..].find('\n') {
        Some(lf) => (&text[at..at + lf], true, at + lf + 1),
        None => (&text[at..], false, text.len()),
    })
}

/// Parses a file of `name=value` and `name<<DELIMITER` entries as the runner does on Linux.
pub fn parse_pairs(text: &str) -> Pairs {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Pairs::default();
    let mut at = 0;
    while let Some((line, _, next)) = next_line(text, at) {
        at = next;
        if line.is_empty() {
            continue;
        }
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        let pair = match (equals, heredoc) {
            (equals, Some(h)) if equals.is_none_or(|e| h < e) => {
                read_heredoc(text, line, h, &mut at)
            }
            (Some(0), _) => Err(format!("Invalid format '{line}'. Name must not be empty")),
            (Some(e), _) => Ok((line[..e].to_owned(), line[e + 1..].to_owned())),
            _ => Err(format!("Invalid format '{line}'")),
        };
        match pair {
            Ok(pair) => found.pairs.push(pair),
            Err(error) => {
                found.error = Some(error);
                break;
            }
        }
    }
    found
}

fn read_heredoc(
    text: &str,
    line: &str,
    marker: usize,
    at: &mut usize,
) -> Result<(String, String), String> {
    let (name, delimiter) = (&line[..marker], &line[marker + 2..]);
    if name.is_empty() || delimiter.is_empty() {
        return Err(format!(
            "Invalid format '{line}'. Name must not be empty and delimiter must not be empty"
        ));
    }
    let start = *at;
    let mut end = start;
    loop {
        let Some((line, ended, next)) = next_line(text, *at) else {
            return Err(format!(
                "Invalid value. Matching delimiter not found '{delimiter}'"
            ));
        };
        *at = next;
        if line == delimiter {
            return Ok((name.to_owned(), text[start..end.max(start)].to_owned()));
        }
        if !ended {
            return Err("Invalid value. EOF marker missing new line.".to_owned());
        }
        end = next - 1;
    }
}

/// The summary that people see, or why there is none.
pub fn summary(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > SUMMARY_LIMIT {
        return Err(format!(
            "$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of {}k, got {}k",
            SUMMARY_LIMIT / 1024,
            text.len() / 1024
        ));
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let found = parse_pairs(text);
        assert_eq!(found.error, None, "{text:?}");
        found.pairs
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn whichever_of_equals_and_heredoc_comes_first_decides() {
        assert_eq!(pairs("a=b<<c\n"), owned(&[("a", "b<<c")]));
        assert_eq!(pairs("a<<b=c\nvalue\nb=c\n"), owned(&[("a", "value")]));
        assert_eq!(
            parse_pairs("a<<b=c\n").error.as_deref(),
            Some("Invalid value. Matching delimiter not found 'b=c'")
        );
    }

    #[test]
    fn values_keep_equals_signs_white_space_and_carriage_returns() {
        assert_eq!(
            pairs("a=b=c\n\n k = v \r\nempty=\n"),
            owned(&[("a", "b=c"), (" k ", " v \r"), ("empty", "")])
        );
    }

    #[test]
    fn a_heredoc_loses_only_its_last_line_feed() {
        assert_eq!(
            pairs("a<<E\n\none\n\ntwo\n\nE\nb=1"),
            owned(&[("a", "\none\n\ntwo\n"), ("b", "1")])
        );
        assert_eq!(pairs("a<<E\nE\n"), owned(&[("a", "")]));
        assert_eq!(
            pairs("a<<E\nx\nE"),
            owned(&[("a", "x")]),
            "the delimiter line may lack its line feed"
        );
        assert_eq!(
            pairs("a<<E\n E\nE \nE\n"),
            owned(&[("a", " E\nE ")]),
            "the delimiter is compared whole"
        );
    }

    #[test]
    fn errors_keep_what_stood_before_them() {
        for (text, error) in [
            ("a=1\nnonsense\nb=2\n", "Invalid format 'nonsense'"),
            (
                "a=1\n<<E\nx\nE\n",
                "Invalid format '<<E'. Name must not be empty and delimiter must not be empty",
            ),
            (
                "a=1\nb<<\nx\n",
                "Invalid format 'b<<'. Name must not be empty and delimiter must not be empty",
            ),
            (
                "a=1\nb<<E\nx\n",
                "Invalid value. Matching delimiter not found 'E'",
            ),
            (
                "a=1\nb<<E\nx",
                "Invalid value. EOF marker missing new line.",
            ),
            ("a=1\n \n", "Invalid format ' '"),
        ] {
            let found = parse_pairs(text);
            assert_eq!(found.pairs, owned(&[("a", "1")]), "{text:?}");
            assert_eq!(found.error.as_deref(), Some(error), "{text:?}");
        }
    }

    #[test]
    fn a_summary_above_one_mebibyte_is_dropped_whole() {
        assert_eq!(
            summary(&"x".repeat(SUMMARY_LIMIT)).map(|s| s.map(|s| s.len())),
            Ok(Some(SUMMARY_LIMIT))
        );
        assert!(summary(&"x".repeat(SUMMARY_LIMIT + 1)).is_err());
        assert_eq!(summary(""), Ok(None));
    }
}
