//! The runner's rules for workflow commands and masks on a step's output (`ActionCommand.cs`, `ActionCommandManager.cs`); it reads lines that somebody else captured.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::http::percent_encode;

const REGISTERED: [&str; 16] = [
    "add-mask",
    "add-matcher",
    "remove-matcher",
    "debug",
    "warning",
    "error",
    "notice",
    "group",
    "endgroup",
    "echo",
    "stop-commands",
    "set-output",
    "save-state",
    "set-env",
    "add-path",
    "internal-set-repo-path",
];

/// A workflow command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub name: String,
    pub properties: BTreeMap<String, String>,
    pub data: String,
}

/// An annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// `error`, `warning` or `notice`.
    pub level: String,
    pub message: String,
    /// `title`, `file`, `line`, …
    pub properties: BTreeMap<String, String>,
}

/// Splits as .NET's `ReadLine` does: at LF, CR LF and at a lone CR.
pub fn split_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text
        .split('\n')
        .flat_map(|l| l.strip_suffix('\r').unwrap_or(l).split('\r'))
        .collect();
    if lines.last().is_some_and(|l| l.is_empty()) {
        lines.pop();
    }
    lines
}

/// The command that a line holds; `extra` is one more registered name (the token of stop-commands).
pub fn parse(line: &str, extra: Option<&str>) -> Option<Command> {
    parse_v2(line, extra).or_else(|| parse_v1(line, extra))
}

fn registered(name: &str, extra: Option<&str>) -> bool {
    extra.is_some_and(|e| e.eq_ignore_ascii_case(name))
        || REGISTERED.iter().any(|r| r.eq_ignore_ascii_case(name))
}

fn parse_v2(line: &str, extra: Option<&str>) -> Option<Command> {
    let (info, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let name = info.split(' ').next().unwrap_or_default();
    let properties = info.strip_prefix(name)?.trim();
    build(
        name,
        extra,
        properties.split(','),
        data,
        &[
            ("%0D", "\r"),
            ("%0A", "\n"),
            ("%3A", ":"),
            ("%2C", ","),
            ("%25", "%"),
        ],
        &[("%0D", "\r"), ("%0A", "\n"), ("%25", "%")],
    )
}

fn parse_v1(line: &str, extra: Option<&str>) -> Option<Command> {
    let (_, rest) = line.split_once("##[")?;
    let (info, data) = rest.split_once(']')?;
    let name = info.split(' ').next().unwrap_or_default();
    let properties = info.strip_prefix(name)?.trim_start();
    let escapes = [
        ("%3B", ";"),
        ("%0D", "\r"),
        ("%0A", "\n"),
        ("%5D", "]"),
        ("%25", "%"),
    ];
    build(name, extra, properties.split(';'), data, &escapes, &escapes)
}

type Escapes<'a> = &'a [(&'a str, &'a str)];

fn build<'a>(
    name: &str,
    extra: Option<&str>,
    properties: impl Iterator<Item = &'a str>,
    data: &str,
    in_properties: Escapes,
    in_data: Escapes,
) -> Option<Command> {
    let unescape = |text: &str, escapes: Escapes| {
        escapes
            .iter()
            .fold(text.to_owned(), |t, (from, to)| t.replace(from, to))
    };
    let properties = properties
        .filter_map(|p| p.split_once('='))
        .filter(|(k, v)| !k.is_empty() && !v.is_empty())
        .map(|(k, v)| (k.to_ascii_lowercase(), unescape(v, in_properties)))
        .collect();
    registered(name, extra).then(|| Command {
        name: name.to_ascii_lowercase(),
        properties,
        data: unescape(data, in_data),
    })
}

/// Everything that is masked in one job.
#[derive(Clone, Debug, Default)]
pub struct Masks(Vec<String>);

impl Masks {
    /// Masks a value and each of its lines; `false` (a warning) when it is only white space.
    pub fn add(&mut self, value: &str) -> bool {
        if value.trim().is_empty() {
            return false;
        }
        self.0.push(value.to_owned());
        self.0.extend(
            split_lines(value)
                .into_iter()
                .map(|l| l.trim().to_owned())
                .filter(|l| !l.is_empty()),
        );
        true
    }

    /// Takes another's values in.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort();
        self.0.dedup();
    }

    /// The text as the log shows it.
    pub fn apply(&self, text: &str) -> String {
        let mut values: Vec<String> = self.0.iter().flat_map(|v| forms(v)).collect();
        values.sort_by_key(|v| std::cmp::Reverse(v.len()));
        values
            .iter()
            .fold(text.to_owned(), |text, v| text.replace(v, "***"))
    }
}

/// A secret as it stands and in the encodings that the runner masks too.
pub fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), percent_encode(secret)];
    let json = serde_json::Value::from(secret).to_string();
    forms.push(json[1..json.len() - 1].to_owned());
    for skip in 0..3usize {
        // What the secret looks like inside base64 when it begins `skip` bytes into a group of three.
        let padded = [vec![0u8; skip], secret.as_bytes().to_vec()].concat();
        let encoded = STANDARD.encode(&padded);
        let from = if skip == 0 { 0 } else { skip + 1 };
        let to = encoded.trim_end_matches('=').len() - usize::from(padded.len() % 3 != 0);
        if to > from + 6 {
            forms.push(encoded[from..to].to_owned());
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

/// What the runner takes from a stage's output, line by line.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub annotations: Vec<Annotation>,
    pub outputs: Vec<(String, String)>,
    pub state: Vec<(String, String)>,
    /// Lines as the log shows them: commands gone, secrets masked.
    pub shown: Vec<String>,
    /// Why a command makes the step fail.
    pub errors: Vec<String>,
    stopped_by: Option<String>,
}

impl Heard {
    /// Takes one line; masks hold from the line that adds them on.
    pub fn line(&mut self, line: &str, masks: &mut Masks) {
        let Some(command) = parse(line, self.stopped_by.as_deref()) else {
            self.shown.push(masks.apply(line));
            return;
        };
        if let Some(token) = &self.stopped_by {
            if command.name.eq_ignore_ascii_case(token) {
                self.stopped_by = None;
            } else {
                self.shown.push(masks.apply(line));
            }
            return;
        }
        let named = |data: &str| {
            command
                .properties
                .get("name")
                .map(|n| (n.clone(), data.to_owned()))
        };
        match command.name.as_str() {
            "add-mask" => {
                let masked = masks.add(&command.data);
                if !masked {
                    let message = "Can't add secret mask for empty string in ##[add-mask] command."
                        .to_owned();
                    self.annotations.push(Annotation {
                        level: "warning".into(),
                        message,
                        properties: BTreeMap::new(),
                    });
                }
            }
            "error" | "warning" | "notice" => {
                let message = masks.apply(&command.data).chars().take(4096).collect();
                self.annotations.push(Annotation {
                    level: command.name,
                    message,
                    properties: command.properties,
                });
            }
            "set-output" => self.outputs.extend(named(&command.data)),
            "save-state" => self.state.extend(named(&command.data)),
            "set-env" | "add-path" => {
                self.errors.push(format!(
                    "The `{}` command is disabled. Please upgrade to using Environment Files",
                    command.name
                ));
            }
            "stop-commands" => {
                let token = command.data;
                if token.is_empty() || token == "pause-logging" || registered(&token, None) {
                    self.errors.push(format!(
                        "Invoked ::stop-commands:: with the unusable token '{token}'"
                    ));
                } else {
                    self.stopped_by = Some(token);
                }
            }
            "group" => self.shown.push(format!("▼ {}", masks.apply(&command.data))),
            "debug" => self
                .shown
                .push(format!("##[debug]{}", masks.apply(&command.data))),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> (Heard, Masks) {
        let (mut heard, mut masks) = (Heard::default(), Masks::default());
        lines.iter().for_each(|l| heard.line(l, &mut masks));
        (heard, masks)
    }

    #[test]
    fn both_spellings_of_commands_are_understood() {
        let command =
            parse("  ::error title=a%3Ab,file=x::one%0Atwo %2525", None).expect("a command");
        assert_eq!(
            (command.name.as_str(), command.data.as_str()),
            ("error", "one\ntwo %25")
        );
        assert_eq!(
            command.properties.get("title").map(String::as_str),
            Some("a:b")
        );
        let command = parse("text before ##[ERROR code=1%3B2]said%5D", None).expect("a command");
        assert_eq!(
            (command.name.as_str(), command.data.as_str()),
            ("error", "said]")
        );
        assert_eq!(
            command.properties.get("code").map(String::as_str),
            Some("1;2")
        );
        for text in [
            "x ::error::no",
            "::unknown::text",
            ":: ::",
            "##[section]x",
            "::error",
        ] {
            assert_eq!(parse(text, None), None, "{text}");
        }
    }

    #[test]
    fn a_lone_carriage_return_begins_a_line() {
        assert_eq!(
            split_lines("a\r::error::b\r\nc\n\nd\n"),
            ["a", "::error::b", "c", "", "d"]
        );
        assert!(split_lines("").is_empty());
    }

    #[test]
    fn a_mask_holds_from_its_line_on_and_in_other_encodings() {
        let (heard, masks) = heard(&[
            "before s3cret-value",
            "::add-mask::s3cret-value",
            "after s3cret-value",
        ]);
        assert_eq!(heard.shown, ["before s3cret-value", "after ***"]);
        let inside = STANDARD.encode("user:s3cret-value");
        assert!(
            masks.apply(&inside).contains("***"),
            "{}",
            masks.apply(&inside)
        );
    }

    #[test]
    fn stopped_commands_are_text_until_the_token() {
        let (heard, _) = heard(&[
            "::stop-commands::t0ken-x",
            "::error::no",
            "::t0ken-x::",
            "::error::yes",
        ]);
        assert_eq!(heard.annotations.len(), 1);
        assert_eq!(heard.shown, ["::error::no"]);
    }

    #[test]
    fn disabled_commands_and_bad_tokens_fail_the_step() {
        let (heard, _) = heard(&[
            "::set-env name=a::b",
            "##[add-path]x",
            "::stop-commands::error",
            "::set-output name=o::v",
        ]);
        assert_eq!(heard.errors.len(), 3);
        assert_eq!(heard.outputs, [("o".to_owned(), "v".to_owned())]);
    }
}
