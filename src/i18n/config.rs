//! What can be wrong with a configuration file, and the sentence for each; knows no file and no parser.

mod en;
mod ko;

use std::time::Duration;

use crate::i18n::Locale;

/// What kind of value stands somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Bool,
    /// Text, a number or `true`/`false`.
    Scalar,
    /// A duration such as `30s`.
    Duration,
    /// A rate such as `5%`.
    Rate,
    /// A list.
    List,
    /// A mapping.
    Map,
    /// Nothing.
    Nothing,
}

/// A text that must have a certain form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Name or alias of an environment.
    EnvironmentName,
    /// Name of a service.
    ServiceName,
    /// AWS region.
    Region,
    /// ARN of an IAM role.
    RoleArn,
    /// ARN of an SNS topic.
    TopicArn,
    /// CloudFormation stack.
    StackName,
    /// DynamoDB table.
    TableName,
    /// CloudWatch namespace.
    Namespace,
    /// Branch name or pattern.
    BranchPattern,
    /// RFC 6901.
    JsonPointer,
    /// HTTP header name.
    HeaderName,
    /// HTTP header value.
    HeaderValue,
    /// Absolute URL.
    Url,
    /// First or last moment of a freeze window.
    Moment,
    /// File of a workflow.
    WorkflowFile,
    /// Text with at least one visible character.
    NotEmpty,
}

/// What is wrong. Texts from the file are already cut and escaped.
#[derive(Debug, Clone, PartialEq)]
pub enum ProblemKind {
    /// The file is larger than is read.
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest size.
        most: usize,
    },
    /// Nested deeper than is read.
    TooDeep {
        /// The deepest level.
        most: usize,
    },
    /// Aliases make it larger than is read.
    TooManyNodes {
        /// The most values.
        most: usize,
    },
    /// Nothing in the file.
    Empty,
    /// Indented by a tab.
    Tab,
    /// Not YAML.
    Syntax {
        /// The parser's words.
        detail: String,
    },
    /// A second document.
    SeveralDocuments,
    /// An alias to what contains it.
    AliasLoop,
    /// The file is not a mapping.
    NotAMapping,
    /// The same key again.
    DuplicateKey {
        /// Where it stood first.
        first_line: usize,
    },
    /// A key that is not text.
    KeyNotText,
    /// A `!tag`.
    Tag,
    /// No such setting.
    UnknownSetting {
        /// What may have been meant.
        suggestion: Option<String>,
        /// The settings there are.
        allowed: Vec<String>,
    },
    /// Another kind of value.
    WrongType {
        /// Wanted.
        wanted: Shape,
        /// Seen.
        found: Shape,
        /// The value, if it is short and no secret.
        text: Option<String>,
    },
    /// None of the words.
    UnknownWord {
        /// Seen.
        found: String,
        /// What may have been meant.
        suggestion: Option<String>,
        /// The words there are.
        allowed: Vec<String>,
    },
    /// A number outside its bounds.
    OutOfRange {
        /// Seen.
        found: String,
        /// Lowest.
        least: String,
        /// Highest.
        most: Option<String>,
    },
    /// Not a duration.
    BadDuration {
        /// Seen.
        found: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// Not a rate.
    BadRate {
        /// Seen.
        found: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// A duration below the smallest.
    TooShort {
        /// Seen.
        found: Duration,
        /// Smallest.
        least: Duration,
    },
    /// A rate that makes no sense here.
    RateOutOfRange {
        /// Seen, as a fraction.
        found: f64,
        /// Must be above.
        above: f64,
        /// Highest, as a fraction.
        most: f64,
        /// The highest itself is allowed.
        inclusive: bool,
    },
    /// A list without items.
    EmptyList,
    /// The same again in a list or among names.
    Repeated {
        /// What.
        value: String,
        /// Where it stood first.
        first_line: Option<usize>,
    },
    /// A version of the format that this program does not know.
    UnknownVersion {
        /// Seen.
        found: String,
    },
    /// A needed setting is not there.
    Missing,
    /// One of these is needed.
    NeedsOneOf {
        /// Which.
        keys: Vec<String>,
    },
    /// Two settings that exclude each other.
    Exclusive {
        /// The other one.
        other: String,
    },
    /// Needs the environment's `stacks`.
    NeedsStacks,
    /// Needs another setting.
    NeedsSetting {
        /// Which.
        key: String,
    },
    /// Not of the wanted form.
    BadForm {
        /// Wanted.
        form: Form,
        /// Seen, if it is no secret.
        found: Option<String>,
    },
    /// Unencrypted to another machine.
    PlainHttp,
    /// Not in the IANA database.
    UnknownTimeZone {
        /// Seen.
        found: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// One end weekly, the other dated.
    FreezeMixed,
    /// Ends before it begins.
    FreezeOrder,
    /// Begins and ends at the same moment.
    FreezeNothing,
    /// Not longer than another duration.
    MustBeBelow {
        /// Seen.
        found: Duration,
        /// The other setting.
        other: String,
        /// Its value.
        limit: Duration,
    },
    /// The watch is shorter than the pause between looks.
    WindowBelowInterval {
        /// Watch.
        window: Duration,
        /// Pause.
        interval: Duration,
    },
    /// `min` above `max`.
    MinAboveMax,
    /// An unknown `${…}`.
    UnknownTemplate {
        /// Seen.
        found: String,
    },
    /// `${stack.…}` outside the gates' values.
    StackNotHere {
        /// Seen.
        found: String,
    },
    /// `{ref}` outside `version.equals`.
    RefNotHere,
    /// The variable is not set.
    EnvMissing {
        /// Which.
        name: String,
    },
    /// A name or alias that another environment has.
    NameTaken {
        /// Which.
        name: String,
        /// By which.
        by: String,
    },
    /// No such environment.
    UnknownEnvironment {
        /// Asked for.
        asked: String,
        /// What may have been meant.
        suggestion: Option<String>,
        /// Names and aliases.
        allowed: Vec<String>,
    },
    /// More problems than are listed.
    More {
        /// How many.
        count: usize,
    },
}

/// `90s` as `1m30s`, in the file's own notation.
#[must_use]
pub fn span(span: Duration) -> String {
    let mut rest = span.as_millis();
    let mut text = String::new();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ] {
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

/// `0.05` as `5%`.
#[must_use]
pub fn percent(rate: f64) -> String {
    // Six decimals hide the noise of binary fractions.
    format!("{}%", (rate * 100.0 * 1e6).round() / 1e6)
}

fn list(words: &[String]) -> String {
    words
        .iter()
        .map(|w| format!("`{w}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The sentence for a problem at `path`, a path such as `gates.window`; empty = the file as a whole.
#[must_use]
pub fn problem(path: &str, kind: &ProblemKind, locale: Locale) -> String {
    match locale {
        Locale::En => en::problem(path, kind),
        Locale::Ko => ko::problem(path, kind),
    }
}
