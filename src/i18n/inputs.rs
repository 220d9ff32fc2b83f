//! What is wrong with an input of the action, in both languages; knows no environment variable.

use crate::i18n::Locale;

/// One thing wrong with one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputProblem {
    /// Required and empty.
    Missing {
        /// The input.
        input: &'static str,
    },
    /// Not one of the allowed words.
    NotOneOf {
        /// The input.
        input: &'static str,
        /// As given, cut.
        got: String,
        /// What is allowed.
        allowed: String,
    },
    /// Not of the wanted form.
    Form {
        /// The input.
        input: &'static str,
        /// As given, cut; empty for secrets.
        got: String,
        /// The wanted form, with an example.
        want: Form,
    },
    /// Given without another that it needs.
    Needs {
        /// The input.
        input: &'static str,
        /// What it needs.
        other: &'static str,
    },
    /// Given where it means nothing.
    OnlyWith {
        /// The input.
        input: &'static str,
        /// Where it would mean something: `deployment_type: rollback`.
        with: &'static str,
    },
    /// A variable of the runner that must be there.
    NoVariable {
        /// Its name.
        name: &'static str,
    },
}

/// The forms that inputs have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// 7 to 40 hexadecimal digits.
    Commit,
    /// An environment's name.
    Environment,
    /// A service's name.
    Service,
    /// What a rollback goes back to.
    Target,
    /// `https://…`, or `http://` on loopback.
    Url,
    /// `arn:aws:iam::…:role/…`.
    RoleArn,
    /// `arn:aws:sns:…`.
    TopicArn,
    /// Such as `ap-northeast-2`.
    Region,
    /// A DynamoDB table name.
    Table,
    /// A whole number.
    Number,
}

impl Form {
    fn en(self) -> &'static str {
        match self {
            Self::Commit => "a commit SHA of 7 to 40 hexadecimal digits",
            Self::Environment => "a name of 1 to 64 letters, digits, `_` or `-`",
            Self::Service => "a name of 1 to 100 letters, digits, `.`, `_` or `-`",
            Self::Target => {
                "a deployment id, a commit SHA, `last-success`, `previous` or `-N` such as `-2`"
            }
            Self::Url => "an `https://` address (plain `http://` only for this machine)",
            Self::RoleArn => "a role's ARN such as `arn:aws:iam::123456789012:role/deploy-guard`",
            Self::TopicArn => {
                "a topic's ARN such as `arn:aws:sns:ap-northeast-2:123456789012:deployment-alerts-prod`"
            }
            Self::Region => "an AWS Region such as `ap-northeast-2`",
            Self::Table => {
                "a table name of 3 to 255 letters, digits, `_`, `-` or `.`; `{environment}` is filled in"
            }
            Self::Number => "a whole number",
        }
    }

    fn ko(self) -> &'static str {
        match self {
            Self::Commit => "16진수 7~40자리의 커밋 SHA",
            Self::Environment => "영문자, 숫자, `_`, `-`로 된 1~64자의 이름",
            Self::Service => "영문자, 숫자, `.`, `_`, `-`로 된 1~100자의 이름",
            Self::Target => "배포 ID, 커밋 SHA, `last-success`, `previous` 또는 `-2`와 같은 `-N`",
            Self::Url => "`https://` 주소(`http://`는 이 컴퓨터 안에서만 가능)",
            Self::RoleArn => "`arn:aws:iam::123456789012:role/deploy-guard`와 같은 역할 ARN",
            Self::TopicArn => {
                "`arn:aws:sns:ap-northeast-2:123456789012:deployment-alerts-prod`와 같은 토픽 ARN"
            }
            Self::Region => "`ap-northeast-2`와 같은 AWS 리전",
            Self::Table => {
                "영문자, 숫자, `_`, `-`, `.`로 된 3~255자의 테이블 이름(`{environment}`는 환경 이름으로 바뀝니다)"
            }
            Self::Number => "정수",
        }
    }
}

impl InputProblem {
    /// The sentence.
    #[must_use]
    pub fn text(&self, locale: Locale) -> String {
        match locale {
            Locale::En => self.en(),
            Locale::Ko => self.ko(),
        }
    }

    fn en(&self) -> String {
        match self {
            Self::Missing { input } => format!("`{input}` is required and is empty"),
            Self::NotOneOf {
                input,
                got,
                allowed,
            } => format!("`{input}` is `{got}`; allowed: {allowed}"),
            Self::Form { input, got, want } if got.is_empty() => {
                format!("`{input}` must be {}", want.en())
            }
            Self::Form { input, got, want } => {
                format!("`{input}` is `{got}`; it must be {}", want.en())
            }
            Self::Needs { input, other } => format!("`{input}` needs `{other}`"),
            Self::OnlyWith { input, with } => format!("`{input}` is only for `{with}`"),
            Self::NoVariable { name } => {
                format!(
                    "the environment has no `{name}`: run this as a GitHub Action, or set what the runner sets"
                )
            }
        }
    }

    fn ko(&self) -> String {
        match self {
            Self::Missing { input } => format!("필수 입력 `{input}` 값이 비어 있습니다"),
            Self::NotOneOf {
                input,
                got,
                allowed,
            } => {
                format!("`{input}` 값 `{got}`은(는) 쓸 수 없습니다. 쓸 수 있는 값: {allowed}")
            }
            Self::Form { input, got, want } if got.is_empty() => format!(
                "`{input}` 값의 형식이 잘못되었습니다. 올바른 형식: {}",
                want.ko()
            ),
            Self::Form { input, got, want } => {
                format!(
                    "`{input}` 값 `{got}`의 형식이 잘못되었습니다. 올바른 형식: {}",
                    want.ko()
                )
            }
            Self::Needs { input, other } => {
                format!("`{input}` 입력에는 `{other}` 입력도 필요합니다")
            }
            Self::OnlyWith { input, with } => {
                format!("`{input}` 입력은 `{with}`에서만 쓸 수 있습니다")
            }
            Self::NoVariable { name } => {
                format!(
                    "환경 변수 `{name}`이(가) 없습니다. GitHub Action으로 실행하거나 러너가 설정하는 값을 직접 설정하십시오"
                )
            }
        }
    }
}
