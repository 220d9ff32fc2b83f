//! Delivers what the outbox owes: claims, sends, marks. Knows no channel's protocol and changes no outcome.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};

use crate::core::alert::{CLAIM, Channel, Facts, Notice, NoticeState};
use crate::core::id::{EnvironmentName, SessionId};
use crate::core::outcome::Told;
use crate::engine::{Ports, Setup};
use crate::i18n::Locale;
use crate::ports::{Mark, Message, Notifier, SendError, StoreError};

/// One message may take this long in all, retries included; a channel that hangs must not hold a job.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends notices that this session has claimed by writing them, all at once, and marks them in one write.
/// What fails is told in the answer and owed; it never changes the deployment's outcome.
pub async fn deliver(
    ports: &Ports,
    environment: &EnvironmentName,
    session: &SessionId,
    locale: Locale,
    notices: Vec<Notice>,
) -> Vec<Told> {
    if notices.is_empty() {
        return Vec::new();
    }
    let sent = join_all(notices.iter().map(|notice| send(ports, notice, locale))).await;
    let mut told = Vec::new();
    let mut marks = Vec::new();
    for (notice, result) in notices.iter().zip(sent) {
        let perhaps = matches!(result, Err(SendError::Perhaps { .. }));
        let (state, why) = match result {
            Ok(()) => (NoticeState::Sent, None),
            Err(SendError::Later { detail, .. }) => (NoticeState::Owed, Some(detail)),
            // Failures and rollbacks are told again rather than not at all; the rest at most once.
            Err(SendError::Perhaps { detail }) if notice.facts.event.at_least_once() => {
                (NoticeState::Owed, Some(detail))
            }
            Err(SendError::Perhaps { detail }) => (NoticeState::Sent, Some(detail)),
            Err(SendError::Dead { detail }) => (NoticeState::Undelivered, Some(detail)),
        };
        if state != notice.state {
            marks.push(Mark {
                key: notice.key(),
                state,
                repeated: perhaps,
            });
        }
        told.push(Told {
            event: notice.facts.event,
            channel: notice.channel,
            state,
            why,
        });
    }
    if !marks.is_empty()
        && let Err(error) = ports.history.mark(environment, session, &marks).await
    {
        // The claim runs out and the next one sends again, marked as perhaps repeated.
        tracing::warn!(code = "DG310", error = %error, "delivered notices could not be marked");
    }
    told
}

async fn send(ports: &Ports, notice: &Notice, locale: Locale) -> Result<(), SendError> {
    let find = |channel: Channel| {
        ports
            .notifiers
            .iter()
            .find(|n| n.channel() == channel)
            .cloned()
    };
    let first = match find(notice.channel) {
        Some(notifier) => attempt(ports, &notifier, notice, locale).await,
        None => Err(SendError::Dead {
            detail: format!("no {} channel is configured here", notice.channel),
        }),
    };
    let Err(SendError::Dead { detail }) = first else {
        return first;
    };
    // A dead channel falls back to another one.
    for notifier in ports
        .notifiers
        .iter()
        .filter(|n| n.channel() != notice.channel)
    {
        if attempt(ports, notifier, notice, locale).await.is_ok() {
            return Err(SendError::Dead {
                detail: format!("{detail}; told {} instead", notifier.channel()),
            });
        }
    }
    Err(SendError::Dead { detail })
}

async fn attempt(
    ports: &Ports,
    notifier: &Arc<dyn Notifier>,
    notice: &Notice,
    locale: Locale,
) -> Result<(), SendError> {
    let message = message(notice, locale);
    tokio::select! {
        result = notifier.send(&message) => result,
        () = ports.clock.sleep(PATIENCE) => Err(SendError::Perhaps { detail: format!("no answer in {} s", PATIENCE.as_secs()) }),
    }
}

fn message(notice: &Notice, locale: Locale) -> Message {
    let rendered = crate::render::message::message(
        &notice.facts,
        notice.repeated,
        notice.mention.as_deref(),
        locale,
    );
    Message {
        subject: rendered.subject,
        text: rendered.text,
        slack: rendered.slack,
        key: notice.key(),
    }
}

/// Sends what earlier processes left: the keeper's and every next run's duty. A channel that is not configured here
/// is left to somebody who knows it.
pub async fn deliver_owed(
    ports: &Ports,
    environment: &EnvironmentName,
    session: &SessionId,
    locale: Locale,
) -> Result<Vec<Told>, StoreError> {
    deliver_some(ports, environment, session, locale, usize::MAX).await
}

/// A job sends at most so many messages of others.
const BESIDE: usize = 10;

/// Sends this session's own notices and, beside them, a few that earlier runs still owe, the oldest first. Takes no
/// longer than a channel that hangs does, whatever the store answers; what is cut off stays owed.
pub async fn deliver_with_owed(
    ports: &Ports,
    environment: &EnvironmentName,
    session: &SessionId,
    locale: Locale,
    notices: Vec<Notice>,
) -> (Vec<Told>, Vec<Told>) {
    let owed = async {
        tokio::select! {
            owed = deliver_some(ports, environment, session, locale, BESIDE) => owed.unwrap_or_else(|error| {
                tracing::warn!(code = "DG312", error = %error, "notices that earlier runs owe could not be read");
                Vec::new()
            }),
            () = ports.clock.sleep(PATIENCE) => Vec::new(),
        }
    };
    join(deliver(ports, environment, session, locale, notices), owed).await
}

async fn deliver_some(
    ports: &Ports,
    environment: &EnvironmentName,
    session: &SessionId,
    locale: Locale,
    most: usize,
) -> Result<Vec<Told>, StoreError> {
    let now = ports.clock.now();
    let known = |notice: &Notice| {
        let here = |n: &Arc<dyn Notifier>| n.channel() == notice.channel;
        ports.notifiers.iter().any(here)
    };
    let mut waiting = ports.history.owed(environment, now).await?;
    waiting.retain(|notice| {
        let claimed = notice.state == NoticeState::Sending && notice.claimed_until > now;
        !claimed && (known(notice) || notice.give_up_at <= now)
    });
    waiting.sort_by_key(|notice| notice.facts.at);
    waiting.truncate(most);
    let claims = join_all(waiting.into_iter().map(|notice| async move {
        // A claim ends before the notice does, so that whoever comes after its end can still claim it, as of its
        // last moment, to say so.
        let last = notice.give_up_at.minus(Duration::from_millis(1));
        let (at, until) = (now.min(last), now.plus(CLAIM).min(last));
        match ports.history.claim(environment, &notice.key(), session, at, until).await {
            Ok(claimed) => claimed.then_some(notice),
            Err(error) => {
                // Should it be claimed all the same, the claim runs out.
                tracing::warn!(code = "DG313", error = %error, "an owed notice could not be claimed");
                None
            }
        }
    }));
    let mut mine = Vec::new();
    let mut marks = Vec::new();
    for mut notice in claims.await.into_iter().flatten() {
        // At most once counts as sent before it is: whatever becomes of this process, it is not told twice.
        let (over, state) = match notice.facts.event.at_least_once() {
            _ if notice.give_up_at <= now => (true, NoticeState::Undelivered),
            true => (false, NoticeState::Sending),
            false => (false, NoticeState::Sent),
        };
        if state != NoticeState::Sending {
            marks.push(Mark {
                key: notice.key(),
                state,
                repeated: false,
            });
        }
        if !over {
            // Whoever claimed it before may have sent it and died.
            notice.repeated |= notice.state == NoticeState::Sending;
            notice.state = state;
            mine.push(notice);
        }
    }
    if !marks.is_empty() {
        ports.history.mark(environment, session, &marks).await?;
    }
    Ok(deliver(ports, environment, session, locale, mine).await)
}

/// Sends without an outbox, for a store that cannot be reached: told perhaps twice rather than not at all.
pub async fn tell_directly(ports: &Ports, setup: &Setup, facts: Facts) -> Vec<Told> {
    let targets = setup.routing.targets(facts.event);
    let sends = targets.into_iter().zip(0_u32..).map(|(target, index)| {
        let now = ports.clock.now();
        let notice = Notice {
            deployment: facts.deployment.clone(),
            environment: facts.environment.clone(),
            n: 0,
            index,
            channel: target.channel,
            mention: target.mention,
            state: NoticeState::Sending,
            claimed_by: None,
            claimed_until: now,
            give_up_at: now,
            repeated: false,
            facts: facts.clone(),
        };
        async move {
            let result = send(ports, &notice, setup.locale).await;
            let state = if result.is_ok() {
                NoticeState::Sent
            } else {
                NoticeState::Undelivered
            };
            Told {
                event: notice.facts.event,
                channel: notice.channel,
                state,
                why: result.err().map(|e| e.to_string()),
            }
        }
    });
    join_all(sends).await
}
