//! Notices, refusals and the heartbeat as items; knows no call and no channel.

use aws_sdk_dynamodb::types::AttributeValue;

use super::attr::{self, Item, malformed, must, must_natural, must_time, n, s, text};
use super::change::Change;
use super::key;
use crate::adapters::stored;
use crate::core::alert::{Channel, Notice, NoticeState};
use crate::core::id::{DeploymentId, EnvironmentName, SessionId};
use crate::core::lease::KeeperBeat;
use crate::core::time::Timestamp;
use crate::ports::{Mark, Refusal, StoreError};

/// A notice; `facts` is what [`stored::write_facts`] made of its facts.
pub(super) fn write(environment: &EnvironmentName, notice: &Notice, facts: &str) -> Item {
    let mut item = key::of(key::notices(environment), notice.key());
    let mut put = |name: &str, value: Option<AttributeValue>| {
        if let Some(value) = value {
            item.insert(name.to_owned(), value);
        }
    };
    put("deployment", Some(s(&notice.deployment)));
    put("n", Some(n(notice.n)));
    put("index", Some(n(notice.index)));
    put("channel", Some(s(notice.channel)));
    put("mention", notice.mention.as_ref().map(s));
    put("state", Some(s(notice.state)));
    put("claimedBy", notice.claimed_by.as_ref().map(s));
    put("claimedUntil", Some(s(notice.claimed_until)));
    put("giveUpAt", Some(s(notice.give_up_at)));
    put(
        "repeated",
        notice.repeated.then_some(AttributeValue::Bool(true)),
    );
    put("facts", Some(s(facts)));
    put("ttl", Some(n(stored::notice_expires_s(&notice.facts))));
    item
}

/// `None` where it has expired.
pub(super) fn read(
    environment: &EnvironmentName,
    item: &Item,
    now: Timestamp,
) -> Result<Option<Notice>, StoreError> {
    if attr::whole(item, "ttl").is_some_and(|ttl| ttl <= now.seconds()) {
        return Ok(None);
    }
    let what = format!("the notice `{}`", must(item, key::AT, "a notice")?);
    let bad = |e: crate::core::id::InvalidId| malformed(format!("{what}: {e}"));
    let number = |name: &str| {
        u32::try_from(must_natural(item, name, &what)?)
            .map_err(|e| malformed(format!("`{name}` of {what}: {e}")))
    };
    let unknown = |name: &str| malformed(format!("{what} has an unknown `{name}`"));
    Ok(Some(Notice {
        deployment: DeploymentId::new(must(item, "deployment", &what)?).map_err(bad)?,
        environment: environment.clone(),
        n: number("n")?,
        index: number("index")?,
        channel: Channel::parse(must(item, "channel", &what)?).ok_or_else(|| unknown("channel"))?,
        mention: text(item, "mention").map(str::to_owned),
        state: NoticeState::parse(must(item, "state", &what)?).ok_or_else(|| unknown("state"))?,
        claimed_by: text(item, "claimedBy")
            .map(SessionId::new)
            .transpose()
            .map_err(bad)?,
        claimed_until: must_time(item, "claimedUntil", &what)?,
        give_up_at: must_time(item, "giveUpAt", &what)?,
        repeated: matches!(item.get("repeated"), Some(AttributeValue::Bool(true))),
        facts: stored::read_facts(must(item, "facts", &what)?)?,
    }))
}

/// Claims a notice that is in the state `from`; times compare as text, for they all have the same form.
pub(super) fn claim(
    from: NoticeState,
    session: &SessionId,
    now: Timestamp,
    until: Timestamp,
) -> Change {
    let mut c = Change::default();
    c.when(|t| t.is("state", s(from)));
    c.when(|t| format!("{} > {}", t.name("ttl"), t.value(n(now.seconds()))));
    c.when(|t| format!("{} > {}", t.name("giveUpAt"), t.value(s(now))));
    if from == NoticeState::Sending {
        c.when(|t| format!("{} <= {}", t.name("claimedUntil"), t.value(s(now))));
        c.set("repeated", AttributeValue::Bool(true));
    }
    c.set("state", s(NoticeState::Sending));
    c.set("claimedBy", s(session));
    c.set("claimedUntil", s(until));
    c
}

/// Says what became of a notice that the session had claimed.
pub(super) fn mark(mark: &Mark, session: &SessionId) -> Change {
    let mut c = Change::default();
    c.when(|t| t.is("claimedBy", s(session)));
    c.set("state", s(mark.state));
    if mark.state == NoticeState::Owed {
        c.remove("claimedBy");
    }
    if mark.repeated {
        c.set("repeated", AttributeValue::Bool(true));
    }
    c
}

pub(super) fn write_refusal(refusal: &Refusal) -> Item {
    let run = refusal
        .run
        .map_or_else(|| "-".to_owned(), |r| r.to_string());
    let mut item = key::of(
        key::refusals(&refusal.environment, &refusal.service),
        format!("{}#{run}", refusal.at),
    );
    let reasons = refusal.reasons.iter().map(s).collect();
    item.insert("reasons".to_owned(), AttributeValue::L(reasons));
    item.insert("type".to_owned(), s(refusal.kind));
    item.insert("ttl".to_owned(), n(stored::refusal_expires_s(refusal.at)));
    if let Some(actor) = &refusal.actor {
        item.insert("actor".to_owned(), s(stored::cut(actor, 256)));
    }
    if let Some(commit) = &refusal.git_ref {
        item.insert("ref".to_owned(), s(commit));
    }
    item
}

pub(super) fn write_beat(environment: &EnvironmentName, beat: &KeeperBeat) -> Item {
    let mut item = key::of(key::heads(environment), key::KEEPER);
    item.insert("beat".to_owned(), s(beat.at));
    item.insert("version".to_owned(), s(&beat.version));
    item
}

/// Prolongs the session's own claim.
pub(super) fn extend(session: &SessionId, now: Timestamp, until: Timestamp) -> Change {
    let mut c = Change::default();
    c.when(|t| t.is("state", s(NoticeState::Sending)));
    c.when(|t| t.is("claimedBy", s(session)));
    c.when(|t| format!("{} > {}", t.name("ttl"), t.value(n(now.seconds()))));
    c.when(|t| format!("{} > {}", t.name("giveUpAt"), t.value(s(now))));
    c.set("claimedUntil", s(until));
    c
}
