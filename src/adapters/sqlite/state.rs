//! Saved states as rows; knows no stack and no function.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::Fault;
use crate::adapters::stored;
use crate::core::state::SavedState;
use crate::core::time::Timestamp;
use crate::ports::StoreError;

/// One row.
pub(super) struct Row {
    id: String,
    sha256: String,
    body: Vec<u8>,
    expires_s: i64,
}

impl Row {
    pub(super) fn of(id: &str, state: &SavedState, expires_s: i64) -> Result<Self, StoreError> {
        let body = stored::pack(&stored::write_state(state)?)?;
        Ok(Self {
            id: id.to_owned(),
            sha256: stored::sha256(&body),
            body,
            expires_s,
        })
    }

    pub(super) fn put(&self, c: &Connection) -> Result<(), Fault> {
        c.execute(
            "INSERT OR REPLACE INTO states (id, v, sha256, body, expires_s) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                self.id,
                i64::try_from(stored::STATE_VERSION).unwrap_or(i64::MAX),
                self.sha256,
                self.body,
                self.expires_s
            ],
        )?;
        Ok(())
    }
}

/// Reads it back; `None` where it is not there, or no more.
pub(super) fn get(c: &Connection, id: &str, now: Timestamp) -> Result<Option<SavedState>, Fault> {
    let row = c
        .query_row(
            "SELECT v, sha256, body FROM states WHERE id = ?1 AND expires_s > ?2",
            params![id, now.seconds()],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                ))
            },
        )
        .optional()?;
    let Some((version, hash, body)) = row else {
        return Ok(None);
    };
    if stored::sha256(&body) != hash {
        return Err(Fault::malformed(format!(
            "the saved state `{id}` is not whole"
        )));
    }
    let version = u64::try_from(version).unwrap_or(u64::MAX);
    Ok(Some(stored::read_state(version, &stored::unpack(&body)?)?))
}
