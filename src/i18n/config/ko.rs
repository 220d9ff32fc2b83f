//! The Korean sentences for problems of a configuration file; knows no file and no parser.
//!
//! Names and values stand before a colon or a noun, so that no particle hangs on text of unknown ending.

use super::{Form, ProblemKind, Shape, list, percent, span};

fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Text => "문자열",
        Shape::Integer => "정수",
        Shape::Number => "숫자",
        Shape::Bool => "`true` 또는 `false` 값",
        Shape::Scalar => "문자열, 숫자 또는 `true`/`false` 값",
        Shape::Duration => "시간 길이(예: `30s`, `5m`, `2h`)",
        Shape::Rate => "비율(예: `5%`)",
        Shape::List => "목록",
        Shape::Map => "설정 묶음(키: 값)",
        Shape::Nothing => "빈 값",
    }
}

fn form(form: Form) -> &'static str {
    match form {
        Form::EnvironmentName => "환경 이름은 영문자, 숫자, `_`, `-` 1~64자로 씁니다(예: `prod`)",
        Form::ServiceName => {
            "서비스 이름은 영문자, 숫자, `.`, `_`, `-` 1~100자로 씁니다(예: `hanbit-todo`)"
        }
        Form::Region => "AWS 리전을 씁니다(예: `ap-northeast-2`)",
        Form::RoleArn => "역할의 ARN을 씁니다(예: `arn:aws:iam::123456789012:role/deploy-guard`)",
        Form::TopicArn => {
            "토픽의 ARN을 씁니다(예: `arn:aws:sns:ap-northeast-2:123456789012:alerts`)"
        }
        Form::StackName => {
            "스택 이름은 영문자로 시작하고 영문자, 숫자, `-`만 쓰며 128자 이하여야 합니다"
        }
        Form::TableName => "테이블 이름은 영문자, 숫자, `.`, `_`, `-` 3~255자로 씁니다",
        Form::Namespace => {
            "네임스페이스는 영문자, 숫자, 공백, `.-_/#` 1~255자로 쓰고 `AWS/`로 시작할 수 없습니다"
        }
        Form::BranchPattern => "브랜치 이름이나 `*`가 든 패턴을 씁니다(예: `release/*`)",
        Form::JsonPointer => "JSON 포인터를 씁니다(예: `/status`)",
        Form::HeaderName => "헤더 이름을 씁니다(예: `x-version`)",
        Form::HeaderValue => "한 줄짜리 문자열을 씁니다",
        Form::Url => "절대 URL을 씁니다(예: `https://api.example.com/health`)",
        Form::Moment => {
            "요일과 시각(예: `Fri 18:00`) 또는 날짜와 시각(예: `2026-12-24T00:00`)을 씁니다"
        }
        Form::WorkflowFile => {
            "`.github/workflows`에 있는 파일 이름을 씁니다(예: `deploy-production.yml`)"
        }
        Form::NotEmpty => "한 글자 이상의 문자열을 씁니다",
    }
}

fn meant(suggestion: Option<&String>) -> String {
    suggestion.map_or_else(String::new, |s| format!(" 혹시 `{s}` 아닌가요?"))
}

/// The sentence for a problem at `path`.
pub(super) fn problem(path: &str, kind: &ProblemKind) -> String {
    match kind {
        ProblemKind::TooLarge { bytes, most } => {
            format!("파일 크기가 {bytes}바이트입니다. 최대 {most}바이트까지 읽습니다.")
        }
        ProblemKind::TooDeep { most } => format!("{most}단계보다 깊게 중첩되어 있습니다."),
        ProblemKind::TooManyNodes { most } => {
            format!("앵커 참조(`*이름`)를 펼치면 값이 {most}개를 넘습니다. 참조를 줄여 주세요.")
        }
        ProblemKind::Empty => "파일이 비어 있습니다. `version: 1`로 시작하세요.".to_owned(),
        ProblemKind::Tab => "탭으로 들여쓰기했습니다. YAML에서는 공백만 쓸 수 있습니다.".to_owned(),
        ProblemKind::Syntax { detail } => format!("올바른 YAML이 아닙니다: {detail}"),
        ProblemKind::SeveralDocuments => {
            "여기서 두 번째 문서(`---`)가 시작됩니다. 문서는 하나만 쓸 수 있습니다.".to_owned()
        }
        ProblemKind::AliasLoop => "앵커 참조(`*이름`)가 자기 자신을 포함합니다.".to_owned(),
        ProblemKind::NotAMapping => {
            "파일이 설정 묶음(키: 값)이 아닙니다. `version: 1`로 시작하세요.".to_owned()
        }
        ProblemKind::DuplicateKey { first_line } => {
            format!("`{path}`: 같은 설정이 두 번 나옵니다(처음: {first_line}행).")
        }
        ProblemKind::KeyNotText => "키는 문자열이어야 합니다.".to_owned(),
        ProblemKind::Tag => format!("`{path}`: YAML 태그(`!…`)는 쓸 수 없습니다."),
        ProblemKind::UnknownSetting {
            suggestion,
            allowed,
        } => format!(
            "`{path}`: 없는 설정입니다.{}",
            match (suggestion, allowed.is_empty()) {
                (None, false) => format!(" 쓸 수 있는 설정: {}", list(allowed)),
                (suggestion, _) => meant(suggestion.as_ref()),
            }
        ),
        ProblemKind::WrongType {
            wanted,
            found: Shape::Nothing,
            ..
        } => match wanted {
            Shape::Map => format!(
                "`{path}`: 값이 없습니다. 기본값을 쓰려면 `{{}}`라고 적고, 필요 없으면 키를 지우세요."
            ),
            other => format!(
                "`{path}`: 값이 없습니다. 값을 적거나 키를 지우세요. 필요한 값: {}.",
                shape(*other)
            ),
        },
        ProblemKind::WrongType {
            wanted: Shape::Text,
            found,
            text: Some(text),
        } if *found != Shape::List && *found != Shape::Map => {
            format!(
                "`{path}`: 문자열이어야 하는데 {} `{text}`(으)로 읽힙니다. 따옴표로 감싸 \"{text}\"라고 쓰세요.",
                match found {
                    Shape::Bool => "참/거짓 값",
                    other => shape(*other),
                }
            )
        }
        ProblemKind::WrongType {
            wanted,
            found,
            text,
        } => format!(
            "`{path}`: 값의 종류가 다릅니다. 필요한 값: {}. 적힌 값: {}.",
            shape(*wanted),
            text.as_ref()
                .map_or_else(|| shape(*found).to_owned(), |t| format!("`{t}`"))
        ),
        ProblemKind::UnknownWord {
            found,
            suggestion,
            allowed,
        } => format!(
            "`{path}`: `{found}` 값은 쓸 수 없습니다.{} 쓸 수 있는 값: {}",
            meant(suggestion.as_ref()),
            list(allowed)
        ),
        ProblemKind::OutOfRange { found, least, most } => match most {
            Some(most) => format!(
                "`{path}`: {found} 값은 범위를 벗어났습니다. {least}에서 {most}까지 쓸 수 있습니다."
            ),
            None => format!("`{path}`: {found} 값은 너무 작습니다. {least} 이상이어야 합니다."),
        },
        ProblemKind::BadDuration { found, suggestion } => format!(
            "`{path}`: `{found}` 값은 시간 길이가 아닙니다. {}",
            suggestion.as_ref().map_or_else(
                || "예: `30s`, `5m`, `2h`, `90d`".to_owned(),
                |s| format!("`{s}`라고 쓰세요.")
            )
        ),
        ProblemKind::BadRate { found, suggestion } => format!(
            "`{path}`: `{found}` 값은 비율이 아닙니다. {}",
            suggestion.as_ref().map_or_else(
                || "예: `5%`, `0.5%`".to_owned(),
                |s| format!("`{s}`라고 쓰세요.")
            )
        ),
        ProblemKind::TooShort { found, least } => {
            format!(
                "`{path}`: {} 값은 너무 짧습니다. 최소값은 {}입니다.",
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
            "`{path}`: {} 값은 범위를 벗어났습니다. {} 초과 {} {} 합니다.",
            percent(*found),
            percent(*above),
            percent(*most),
            if *inclusive {
                "이하여야"
            } else {
                "미만이어야"
            },
        ),
        ProblemKind::EmptyList => {
            format!("`{path}`: 목록이 비어 있습니다. 하나 이상 적거나 키를 지우세요.")
        }
        ProblemKind::Repeated { value, first_line } => match first_line {
            Some(line) => format!("`{path}`: `{value}` 값이 이미 있습니다(처음: {line}행)."),
            None => format!("`{path}`: `{value}` 값이 이미 있습니다."),
        },
        ProblemKind::UnknownVersion { found } => {
            format!(
                "`{path}`: 이 릴리스가 모르는 형식 버전({found})입니다. `version: 1`만 읽을 수 있습니다."
            )
        }
        ProblemKind::Missing => format!("`{path}`: 필요한 설정인데 없습니다."),
        ProblemKind::NeedsOneOf { keys } => {
            format!("`{path}`: 다음 중 하나가 필요합니다: {}", list(keys))
        }
        ProblemKind::Exclusive { other } => {
            format!("`{path}`: `{other}` 설정과 함께 쓸 수 없습니다. 하나만 남기세요.")
        }
        ProblemKind::NeedsStacks => {
            format!("`{path}`: 환경에 `stacks` 설정이 있어야 하는데 없습니다.")
        }
        ProblemKind::NeedsSetting { key } => format!("`{path}`: `{key}` 설정이 필요합니다."),
        ProblemKind::BadForm {
            form: wanted,
            found,
        } => match (wanted, found) {
            (Form::NotEmpty, _) => format!("`{path}`: 값이 비어 있습니다."),
            (wanted, Some(text)) => {
                format!("`{path}`: `{text}` 값은 쓸 수 없습니다. {}.", form(*wanted))
            }
            (wanted, None) => format!("`{path}`: 적힌 값은 쓸 수 없습니다. {}.", form(*wanted)),
        },
        ProblemKind::PlainHttp => format!(
            "`{path}`: 암호화되지 않은 `http`는 이 컴퓨터(`localhost`)에만 쓸 수 있습니다. `https`를 쓰세요."
        ),
        ProblemKind::UnknownTimeZone { found, suggestion } => format!(
            "`{path}`: `{found}` 시간대는 없습니다.{}",
            suggestion.as_ref().map_or_else(
                || " IANA 이름을 쓰세요(예: `Asia/Seoul`).".to_owned(),
                |s| meant(Some(s))
            )
        ),
        ProblemKind::FreezeMixed => format!(
            "`{path}`: `from`과 `to`는 둘 다 요일(`Fri 18:00`)이거나 둘 다 날짜(`2026-12-24T00:00`)여야 합니다."
        ),
        ProblemKind::FreezeOrder => {
            format!("`{path}`: 시작보다 끝이 빠릅니다. `from`이 `to`보다 앞서야 합니다.")
        }
        ProblemKind::FreezeNothing => format!("`{path}`: 시작과 끝이 같습니다."),
        ProblemKind::MustBeBelow {
            found,
            other,
            limit,
        } => format!(
            "`{path}`: {} 값은 너무 깁니다. `{other}` 값({})보다 짧아야 합니다.",
            span(*found),
            span(*limit)
        ),
        ProblemKind::WindowBelowInterval { window, interval } => format!(
            "`{path}`: {} 값이 확인 간격(`interval`: {})보다 짧습니다.",
            span(*window),
            span(*interval)
        ),
        ProblemKind::MinAboveMax => format!("`{path}`: `min` 값이 `max` 값보다 큽니다."),
        ProblemKind::UnknownTemplate { found } => format!(
            "`{path}`: `{found}` 표현은 없습니다. `${{env.NAME}}`, `${{stack.OutputKey}}`, `{{environment}}`만 쓸 수 있습니다."
        ),
        ProblemKind::StackNotHere { found } => {
            format!("`{path}`: `{found}` 표현은 `gates`의 값에만 쓸 수 있습니다.")
        }
        ProblemKind::RefNotHere => {
            format!("`{path}`: `{{ref}}` 표현은 `version.equals`에만 쓸 수 있습니다.")
        }
        ProblemKind::EnvMissing { name } => {
            format!("`{path}`: 환경 변수 `{name}` 값이 필요한데 없거나 비어 있습니다.")
        }
        ProblemKind::NameTaken { name, by } => {
            format!("`{path}`: `{name}` 이름은 이미 `{by}` 환경의 이름이나 별칭입니다.")
        }
        ProblemKind::UnknownEnvironment {
            asked,
            suggestion,
            allowed,
        } => format!(
            "`{asked}` 환경은 없습니다.{} 쓸 수 있는 환경: {}",
            meant(suggestion.as_ref()),
            list(allowed)
        ),
        ProblemKind::More { count } => format!("그 밖에 문제가 {count}개 더 있습니다."),
    }
}
