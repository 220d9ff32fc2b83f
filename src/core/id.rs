//! Names that identify things; knows which characters each may hold, not what they point to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {kind}: {rule}")]
pub struct InvalidId {
    /// What was wanted, in words: `deployment id`, `environment`.
    pub kind: &'static str,
    /// The allowed form, in words.
    pub rule: &'static str,
    /// The text as given, cut at 128 characters.
    pub text: String,
}

fn check(
    kind: &'static str,
    rule: &'static str,
    text: String,
    ok: impl Fn(&str) -> bool,
) -> Result<String, InvalidId> {
    if ok(&text) {
        Ok(text)
    } else {
        Err(InvalidId {
            kind,
            rule,
            text: text.chars().take(128).collect(),
        })
    }
}

fn plain(text: &str, extra: &[char], most: usize) -> bool {
    !text.is_empty()
        && text.len() <= most
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || extra.contains(&c))
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the form and keeps the text as it is.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                check($kind, $rule, text.into(), $ok).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }
    };
}

text_id!(
    /// Id of one deployment, such as `deploy-20241212-143052-a1b2c3d4`; ids of other makers are accepted too.
    DeploymentId, "deployment id", "1 to 128 letters, digits, `.`, `_` or `-`",
    |t| plain(t, &['.', '_', '-'], 128)
);
text_id!(
    /// Name of an environment, such as `prod`.
    EnvironmentName, "environment", "1 to 64 letters, digits, `_` or `-`",
    |t| plain(t, &['_', '-'], 64)
);
text_id!(
    /// Name of a service; several may share one table.
    ServiceName, "service", "1 to 100 letters, digits, `.`, `_` or `-`",
    |t| plain(t, &['.', '_', '-'], 100)
);
text_id!(
    /// A Git commit, 7 to 40 lower-case hexadecimal digits.
    CommitSha, "commit SHA", "7 to 40 lower-case hexadecimal digits",
    |t| (7..=40).contains(&t.len()) && t.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
);
text_id!(
    /// One process's stay at a lock: every stage of a job has its own, so that an older one cannot write.
    SessionId, "session", "32 hexadecimal digits",
    |t| t.len() == 32 && t.bytes().all(|b| b.is_ascii_hexdigit())
);
text_id!(
    /// The secret part of a lock's ownership, handed from stage to stage of one job.
    Token, "lock token", "32 hexadecimal digits",
    |t| t.len() == 32 && t.bytes().all(|b| b.is_ascii_hexdigit())
);
text_id!(
    /// Identity of one write; the store answers a repeated one as the first.
    CommitKey, "write id", "32 hexadecimal digits",
    |t| t.len() == 32 && t.bytes().all(|b| b.is_ascii_hexdigit())
);

impl CommitSha {
    /// The first eight digits, as people and ids show it.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }

    /// True where one is a prefix of the other, which is how a short SHA names a commit.
    #[must_use]
    pub fn names(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }

    /// Reads a SHA of either case.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        Self::new(text.to_ascii_lowercase())
    }
}

/// Makes the 32 hexadecimal digits of tokens, sessions and write ids from 16 random bytes.
#[must_use]
pub fn hex(random: [u8; 16]) -> String {
    random.iter().map(|b| format!("{b:02x}")).collect()
}

impl DeploymentId {
    /// The id of a new deployment: type, UTC date and time, first 8 digits of the commit;
    /// `clash` 2 and up is appended where the id was taken already.
    #[must_use]
    pub fn generate(
        kind: crate::core::record::DeploymentType,
        at: crate::core::time::Timestamp,
        commit: Option<&CommitSha>,
        clash: u32,
    ) -> Self {
        let commit = commit.map_or("00000000", CommitSha::short);
        let mut text = format!("{}-{}-{commit}", kind.as_str(), at.compact());
        if clash > 1 {
            text.push_str(&format!("-{clash}"));
        }
        Self(text)
    }
}

/// Number that rises with every change of hands of a lock; a write with an older one is refused.
/// Source: Kleppmann, "How to do distributed locking" (fencing tokens).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub u64);

impl Fence {
    /// The number that the next taker sets.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
