//! What names, ARNs and patterns must look like; knows no setting.

use crate::core::id::{EnvironmentName, ServiceName};
use crate::i18n::config::Form;

fn all(text: &str, lengths: std::ops::RangeInclusive<usize>, extra: &str) -> bool {
    lengths.contains(&text.chars().count())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

/// `arn:<partition>:<service>:<region>:<account>:<rest>`.
fn arn(text: &str, service: &str, rest_ok: impl Fn(&str) -> bool) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", partition, named, _, account, rest]
        if partition.starts_with("aws")
            && *named == service
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && rest_ok(rest))
        && !text.contains(char::is_whitespace)
}

fn region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), [area, middle @ .., number]
        if !middle.is_empty()
            && area.len() == 2
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
            && std::iter::once(area).chain(middle).all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase())))
}

/// RFC 6901: empty is the whole document, which no setting compares; `~` only as `~0` and `~1`.
fn json_pointer(text: &str) -> bool {
    text.starts_with('/')
        && text
            .split('~')
            .skip(1)
            .all(|after| after.starts_with(['0', '1']))
}

/// RFC 9110, `token`.
fn header_name(text: &str) -> bool {
    all(text, 1..=256, "!#$%&'*+-.^_`|~")
}

/// `git check-ref-format`, as far as a name can tell; of patterns only `*` is known.
fn branch(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && !text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || "?[]~^:\\".contains(c))
        && !text.starts_with(['/', '-', '!'])
        && !text.ends_with('/')
        && !text.contains("..")
        && !text.contains("//")
}

fn workflow(text: &str) -> bool {
    (text.ends_with(".yml") || text.ends_with(".yaml"))
        && all(text, 5..=255, "._- ")
        && !text.starts_with('.')
}

fn stack(text: &str) -> bool {
    all(text, 1..=128, "-") && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// True where the text has the form. URLs and moments are read by their own modules.
pub(super) fn fits(form: Form, text: &str) -> bool {
    match form {
        Form::EnvironmentName => EnvironmentName::new(text).is_ok(),
        Form::ServiceName => ServiceName::new(text).is_ok(),
        Form::Region => region(text),
        Form::RoleArn => arn(text, "iam", |rest| {
            rest.strip_prefix("role/")
                .is_some_and(|name| !name.is_empty())
        }),
        Form::TopicArn => arn(text, "sns", |rest| all(rest, 1..=256, "_-.")),
        Form::StackName => stack(text),
        Form::TableName => all(text, 3..=255, "._-"),
        Form::Namespace => all(text, 1..=255, " .-_/#") && !text.starts_with("AWS/"),
        Form::BranchPattern => branch(text),
        Form::JsonPointer => json_pointer(text),
        Form::HeaderName => header_name(text),
        Form::HeaderValue => !text.chars().any(|c| c.is_control() && c != '\t'),
        Form::WorkflowFile => workflow(text),
        Form::Url | Form::Moment | Form::NotEmpty => !text.trim().is_empty(),
    }
}
