//! The English sentences for problems of a configuration file; knows no file and no parser.

use super::{Form, ProblemKind, Shape, list, percent, span};

fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Text => "text",
        Shape::Integer => "a whole number",
        Shape::Number => "a number",
        Shape::Bool => "`true` or `false`",
        Shape::Scalar => "text, a number or `true`/`false`",
        Shape::Duration => "a duration such as `30s`, `5m` or `2h`",
        Shape::Rate => "a rate such as `5%`",
        Shape::List => "a list",
        Shape::Map => "a mapping of settings",
        Shape::Nothing => "nothing",
    }
}

fn form(form: Form) -> &'static str {
    match form {
        Form::EnvironmentName => "1 to 64 letters, digits, `_` or `-`, such as `prod`",
        Form::ServiceName => "1 to 100 letters, digits, `.`, `_` or `-`, such as `hanbit-todo`",
        Form::Region => "an AWS region such as `ap-northeast-2`",
        Form::RoleArn => "the ARN of a role such as `arn:aws:iam::123456789012:role/deploy-guard`",
        Form::TopicArn => {
            "the ARN of a topic such as `arn:aws:sns:ap-northeast-2:123456789012:alerts`"
        }
        Form::StackName => "a stack's name: a letter, then letters, digits or `-`, 128 at most",
        Form::TableName => "a table's name: 3 to 255 letters, digits, `.`, `_` or `-`",
        Form::Namespace => {
            "a namespace: 1 to 255 letters, digits, spaces or `.-_/#`, not beginning with `AWS/`"
        }
        Form::BranchPattern => "a branch or a pattern with `*` such as `release/*`",
        Form::JsonPointer => "a JSON pointer such as `/status`",
        Form::HeaderName => "a header's name such as `x-version`",
        Form::HeaderValue => "one line of text",
        Form::Url => "an absolute URL such as `https://api.example.com/health`",
        Form::Moment => {
            "a weekday and time such as `Fri 18:00`, or a date and time such as `2026-12-24T00:00`"
        }
        Form::WorkflowFile => {
            "the name of a file in `.github/workflows` such as `deploy-production.yml`"
        }
        Form::NotEmpty => "text with at least one character",
    }
}

fn meant(suggestion: Option<&String>) -> String {
    suggestion.map_or_else(String::new, |s| format!("; did you mean `{s}`?"))
}

fn allowed(suggestion: Option<&String>, words: &[String]) -> String {
    match (suggestion, words) {
        (Some(_), []) => meant(suggestion),
        (Some(_), words) => format!("{} Allowed: {}", meant(suggestion), list(words)),
        (None, []) => String::new(),
        (None, words) => format!("; allowed: {}", list(words)),
    }
}

/// How a value looks to YAML.
fn read_as(found: Shape) -> &'static str {
    match found {
        Shape::Bool => "a boolean",
        other => shape(other),
    }
}

/// The sentence for a problem at `path`.
pub(super) fn problem(path: &str, kind: &ProblemKind) -> String {
    match kind {
        ProblemKind::TooLarge { bytes, most } => {
            format!("the file has {bytes} bytes; {most} are the most")
        }
        ProblemKind::TooDeep { most } => format!("nested more than {most} levels deep"),
        ProblemKind::TooManyNodes { most } => {
            format!("aliases unfold to more than {most} values; write fewer of them")
        }
        ProblemKind::Empty => "the file is empty; begin with `version: 1`".to_owned(),
        ProblemKind::Tab => "indented by a tab; YAML allows only spaces there".to_owned(),
        ProblemKind::Syntax { detail } => format!("not valid YAML: {detail}"),
        ProblemKind::SeveralDocuments => {
            "a second document begins here (`---`); only one is allowed".to_owned()
        }
        ProblemKind::AliasLoop => "an alias stands for something that contains it".to_owned(),
        ProblemKind::NotAMapping => {
            "the file is not a mapping of settings; begin with `version: 1`".to_owned()
        }
        ProblemKind::DuplicateKey { first_line } => {
            format!("`{path}` is set twice, first in line {first_line}")
        }
        ProblemKind::KeyNotText => "a key must be text".to_owned(),
        ProblemKind::Tag => format!("`{path}` has a YAML tag (`!…`); leave it out"),
        ProblemKind::UnknownSetting {
            suggestion,
            allowed: words,
        } => {
            format!(
                "`{path}` is not a setting{}",
                allowed(suggestion.as_ref(), words)
            )
        }
        ProblemKind::WrongType {
            wanted,
            found: Shape::Nothing,
            ..
        } => format!(
            "`{path}` has no value; write {}, or remove the key",
            match wanted {
                Shape::Map => "its settings (`{}` for the defaults)",
                other => shape(*other),
            }
        ),
        ProblemKind::WrongType {
            wanted: Shape::Text,
            found,
            text: Some(text),
        } if *found != Shape::List && *found != Shape::Map => {
            format!(
                "`{path}` must be text, but `{text}` is read as {}; write \"{text}\" in quotes",
                read_as(*found)
            )
        }
        ProblemKind::WrongType {
            wanted,
            found,
            text,
        } => {
            let seen = text
                .as_ref()
                .map_or_else(|| shape(*found).to_owned(), |t| format!("`{t}`"));
            format!("`{path}` must be {}, not {seen}", shape(*wanted))
        }
        ProblemKind::UnknownWord {
            found,
            suggestion,
            allowed,
        } => format!(
            "`{path}` cannot be `{found}`{}",
            self::allowed(suggestion.as_ref(), allowed)
        ),
        ProblemKind::OutOfRange { found, least, most } => match most {
            Some(most) => format!("`{path}` is {found}; it must be {least} to {most}"),
            None => format!("`{path}` is {found}; it must be at least {least}"),
        },
        ProblemKind::BadDuration { found, suggestion } => format!(
            "`{path}`: `{found}` is not a duration{}",
            suggestion.as_ref().map_or_else(
                || "; write for example `30s`, `5m`, `2h` or `90d`".to_owned(),
                |s| format!("; write `{s}`")
            )
        ),
        ProblemKind::BadRate { found, suggestion } => format!(
            "`{path}`: `{found}` is not a rate{}",
            suggestion.as_ref().map_or_else(
                || "; write for example `5%` or `0.5%`".to_owned(),
                |s| format!("; write `{s}`")
            )
        ),
        ProblemKind::TooShort { found, least } => {
            format!(
                "`{path}` is {}; the smallest value is {}",
                span(*found),
                span(*least)
            )
        }
        ProblemKind::RateOutOfRange {
            found,
            above,
            most,
            inclusive,
        } => format!(
            "`{path}` is {}; it must be above {} and {} {}",
            percent(*found),
            percent(*above),
            if *inclusive { "at most" } else { "below" },
            percent(*most)
        ),
        ProblemKind::EmptyList => {
            format!("`{path}` is an empty list; name at least one, or remove the key")
        }
        ProblemKind::Repeated { value, first_line } => match first_line {
            Some(line) => format!("`{path}`: `{value}` is there already, first in line {line}"),
            None => format!("`{path}`: `{value}` is there already"),
        },
        ProblemKind::UnknownVersion { found } => {
            format!("`{path}` is {found}, which this release does not know; it reads `version: 1`")
        }
        ProblemKind::Missing => format!("`{path}` is missing"),
        ProblemKind::NeedsOneOf { keys } => format!("`{path}` needs one of {}", list(keys)),
        ProblemKind::Exclusive { other } => {
            format!("`{path}` and `{other}` exclude each other; keep one")
        }
        ProblemKind::NeedsStacks => {
            format!("`{path}` needs the environment's `stacks`, and none are named")
        }
        ProblemKind::NeedsSetting { key } => format!("`{path}` needs the setting `{key}`"),
        ProblemKind::BadForm {
            form: wanted,
            found: text,
        } => match (wanted, text) {
            (Form::NotEmpty, _) => format!("`{path}` is empty"),
            (wanted, Some(text)) => format!("`{path}`: `{text}` is not {}", form(*wanted)),
            (wanted, None) => format!("`{path}` is set to something that is not {}", form(*wanted)),
        },
        ProblemKind::PlainHttp => {
            format!(
                "`{path}` uses plain `http`, which is allowed only to this machine (`localhost`); use `https`"
            )
        }
        ProblemKind::UnknownTimeZone { found, suggestion } => format!(
            "`{path}`: there is no time zone `{found}`{}",
            suggestion.as_ref().map_or_else(
                || "; use an IANA name such as `Asia/Seoul`".to_owned(),
                |s| format!("; did you mean `{s}`?")
            )
        ),
        ProblemKind::FreezeMixed => format!(
            "`{path}`: `from` and `to` must both be weekdays (`Fri 18:00`) or both be dates (`2026-12-24T00:00`)"
        ),
        ProblemKind::FreezeOrder => {
            format!("`{path}` ends before it begins; `from` must be before `to`")
        }
        ProblemKind::FreezeNothing => format!("`{path}` begins and ends at the same moment"),
        ProblemKind::MustBeBelow {
            found,
            other,
            limit,
        } => format!(
            "`{path}` is {}; it must be shorter than `{other}`, {}",
            span(*found),
            span(*limit)
        ),
        ProblemKind::WindowBelowInterval { window, interval } => format!(
            "`{path}` is {}, shorter than the `interval` of {} between two looks",
            span(*window),
            span(*interval)
        ),
        ProblemKind::MinAboveMax => format!("`{path}`: `min` is above `max`"),
        ProblemKind::UnknownTemplate { found } => format!(
            "`{path}`: `{found}` is unknown; there are `${{env.NAME}}`, `${{stack.OutputKey}}` and `{{environment}}`"
        ),
        ProblemKind::StackNotHere { found } => {
            format!("`{path}`: `{found}` can stand only in values of `gates`")
        }
        ProblemKind::RefNotHere => {
            format!("`{path}`: `{{ref}}` can stand only in `version.equals`")
        }
        ProblemKind::EnvMissing { name } => {
            format!(
                "`{path}` needs the environment variable `{name}`, which is not set or is empty"
            )
        }
        ProblemKind::NameTaken { name, by } => {
            format!("`{path}`: `{name}` is already a name or alias of the environment `{by}`")
        }
        ProblemKind::UnknownEnvironment {
            asked,
            suggestion,
            allowed,
        } => format!(
            "there is no environment `{asked}`{}",
            self::allowed(suggestion.as_ref(), allowed)
        ),
        ProblemKind::More { count } => format!("and {count} more problems"),
    }
}
