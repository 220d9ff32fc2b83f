//! Notices, refusals and the keeper's heartbeat; knows no channel.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::error::Fault;
use super::read::bad;
use crate::adapters::stored;
use crate::core::alert::{Channel, Notice, NoticeState};
use crate::core::id::{DeploymentId, EnvironmentName, SessionId};
use crate::core::lease::KeeperBeat;
use crate::core::time::Timestamp;
use crate::ports::{Mark, Refusal};

/// False where one of that key is there already.
pub(super) fn insert(
    tx: &Transaction<'_>,
    environment: &EnvironmentName,
    notice: &Notice,
    facts: &str,
) -> Result<bool, Fault> {
    let added = tx.execute(
        "INSERT INTO notices VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT DO NOTHING",
        params![
            environment.as_str(),
            notice.key(),
            notice.deployment.as_str(),
            notice.n,
            notice.index,
            notice.channel.as_str(),
            notice.mention,
            notice.state.as_str(),
            notice.claimed_by.as_ref().map(SessionId::as_str),
            notice.claimed_until.millis(),
            notice.give_up_at.millis(),
            notice.repeated,
            stored::notice_expires_s(&notice.facts),
            facts
        ],
    )?;
    Ok(added == 1)
}

struct Raw {
    deployment: String,
    n: u32,
    index: u32,
    channel: String,
    mention: Option<String>,
    state: String,
    claimed_by: Option<String>,
    claimed_until: i64,
    give_up_at: i64,
    repeated: bool,
    facts: String,
}

const COLUMNS: &str = "deployment, n, idx, channel, mention, state, claimed_by, claimed_until, give_up_at, repeated, facts";

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        deployment: row.get(0)?,
        n: row.get(1)?,
        index: row.get(2)?,
        channel: row.get(3)?,
        mention: row.get(4)?,
        state: row.get(5)?,
        claimed_by: row.get(6)?,
        claimed_until: row.get(7)?,
        give_up_at: row.get(8)?,
        repeated: row.get(9)?,
        facts: row.get(10)?,
    })
}

fn notice(environment: &EnvironmentName, raw: Raw) -> Result<Notice, Fault> {
    let unknown = |word: &str| Fault::malformed(format!("a notice has the unknown word `{word}`"));
    Ok(Notice {
        deployment: DeploymentId::new(raw.deployment).map_err(bad("a notice"))?,
        environment: environment.clone(),
        n: raw.n,
        index: raw.index,
        channel: Channel::parse(&raw.channel).ok_or_else(|| unknown(&raw.channel))?,
        mention: raw.mention,
        state: NoticeState::parse(&raw.state).ok_or_else(|| unknown(&raw.state))?,
        claimed_by: raw
            .claimed_by
            .map(SessionId::new)
            .transpose()
            .map_err(bad("a notice"))?,
        claimed_until: Timestamp::from_millis(raw.claimed_until),
        give_up_at: Timestamp::from_millis(raw.give_up_at),
        repeated: raw.repeated,
        facts: stored::read_facts(&raw.facts)?,
    })
}

pub(super) fn owed(
    connection: &Connection,
    environment: &EnvironmentName,
    now: Timestamp,
) -> Result<Vec<Notice>, Fault> {
    let mut statement = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM notices
         WHERE environment = ?1 AND state IN ('sending', 'owed') AND expires_s > ?2 ORDER BY key"
    ))?;
    let found = statement.query_map(params![environment.as_str(), now.seconds()], raw)?;
    found
        .map(|row| notice(environment, row?))
        .collect::<Result<_, _>>()
}

pub(super) fn claim(
    tx: &Transaction<'_>,
    environment: &EnvironmentName,
    key: &str,
    session: &SessionId,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, Fault> {
    let found = tx
        .query_row(
            "SELECT state, claimed_by, claimed_until FROM notices
             WHERE environment = ?1 AND key = ?2 AND expires_s > ?3 AND give_up_at > ?4",
            params![environment.as_str(), key, now.seconds(), now.millis()],
            |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, Option<String>>(1)?,
                    row.get::<_, i64>(2)?,
                ))
            },
        )
        .optional()?;
    let Some((state, by, claimed_until)) = found else {
        return Ok(false);
    };
    let mine = by.as_deref() == Some(session.as_str());
    let repeated = match NoticeState::parse(&state) {
        Some(NoticeState::Owed) => false,
        Some(NoticeState::Sending) if mine => false,
        Some(NoticeState::Sending) if claimed_until <= now.millis() => true,
        Some(NoticeState::Sending | NoticeState::Sent | NoticeState::Undelivered) | None => {
            return Ok(false);
        }
    };
    tx.execute(
        "UPDATE notices SET state = 'sending', claimed_by = ?3, claimed_until = ?4, repeated = repeated OR ?5
         WHERE environment = ?1 AND key = ?2",
        params![
            environment.as_str(),
            key,
            session.as_str(),
            until.millis(),
            repeated
        ],
    )?;
    Ok(true)
}

pub(super) fn mark(
    tx: &Transaction<'_>,
    environment: &EnvironmentName,
    session: &SessionId,
    marks: &[Mark],
) -> Result<(), Fault> {
    for mark in marks {
        let free = mark.state == NoticeState::Owed;
        tx.execute(
            "UPDATE notices SET state = ?4, claimed_by = CASE WHEN ?5 THEN NULL ELSE claimed_by END,
                 repeated = repeated OR ?6
             WHERE environment = ?1 AND key = ?2 AND claimed_by = ?3",
            params![
                environment.as_str(),
                mark.key,
                session.as_str(),
                mark.state.as_str(),
                free,
                mark.repeated
            ],
        )?;
    }
    Ok(())
}

pub(super) fn refuse(tx: &Transaction<'_>, refusal: &Refusal) -> Result<(), Fault> {
    let reasons: Vec<_> = refusal.reasons.iter().map(|r| r.as_str()).collect();
    tx.execute(
        "INSERT OR REPLACE INTO refusals VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            refusal.environment.as_str(),
            refusal.service.as_str(),
            refusal.at.millis(),
            refusal.run.map_or_else(String::new, |r| r.to_string()),
            refusal.kind.as_str(),
            reasons.join(" "),
            refusal.actor.as_deref().map(|a| stored::cut(a, 256)),
            refusal.git_ref.as_ref().map(|c| c.as_str().to_owned()),
            stored::refusal_expires_s(refusal.at)
        ],
    )?;
    Ok(())
}

pub(super) fn beat(
    tx: &Transaction<'_>,
    environment: &EnvironmentName,
    beat: &KeeperBeat,
) -> Result<(), Fault> {
    tx.execute(
        "INSERT OR REPLACE INTO keepers VALUES (?1, ?2, ?3)",
        params![environment.as_str(), beat.at.millis(), beat.version],
    )?;
    Ok(())
}
