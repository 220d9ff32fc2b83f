//! What SQLite's errors mean for us, with the file and the next step; knows no table.

use rusqlite::ErrorCode;

use crate::ports::{CommitError, StoreError};

/// A failure below the port: SQLite's, or something stored that cannot be read.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error,
            Fault::Sqlite(error) => explain("the database", &error),
        }
    }
}

impl From<Fault> for CommitError {
    fn from(fault: Fault) -> Self {
        Self::Store(fault.into())
    }
}

impl Fault {
    pub(super) fn new(name: &str, error: rusqlite::Error) -> Self {
        Self::Sqlite(error).at(name)
    }

    /// Names the file in SQLite's own errors.
    pub(super) fn at(self, name: &str) -> Self {
        match self {
            Self::Sqlite(error) => Self::Store(explain(name, &error)),
            Self::Store(error) => Self::Store(error),
        }
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::Store(StoreError::Malformed {
            detail: detail.into(),
        })
    }
}

fn explain(name: &str, error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::AuthorizationForStatementDenied,
        ) => StoreError::Denied {
            action: format!("write {name}"),
            detail: format!(
                "{error}; make the file and its folder writable for this user, or set `history.path` to another place"
            ),
        },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => StoreError::Malformed {
            detail: format!(
                "`{name}` is damaged or no SQLite database ({error}); move it away or restore it from a backup, then try again"
            ),
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Unreachable {
            detail: format!(
                "another process has been writing to `{name}` for more than 5 s ({error}); try again when it has ended"
            ),
        },
        Some(ErrorCode::DiskFull) => StoreError::Unreachable {
            detail: format!("the disk of `{name}` is full ({error}); make room, then try again"),
        },
        Some(_) => StoreError::Unreachable {
            detail: format!("`{name}`: {error}"),
        },
        None => StoreError::Malformed {
            detail: format!("`{name}` holds something unexpected: {error}"),
        },
    }
}
