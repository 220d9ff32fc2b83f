//! Checks before a deployment, from raw to settings: lock, approval, branches, freeze windows.

use std::time::Duration;

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;

use crate::config::checked::context::Context;
use crate::config::problem::join;
use crate::config::raw::{RawApproval, RawEnvironment, RawFreeze};
use crate::config::scalar::{nearest, shown};
use crate::config::template::Spot;
use crate::core::policy::{ApprovalRule, Freeze, FreezeSpan, PolicySettings};
use crate::i18n::config::{Form, ProblemKind};

/// One end of a freeze window.
enum Moment {
    Weekly(Weekday, Time),
    Dated(DateTime),
}

pub(super) fn policy(c: &mut Context<'_>, path: &str, raw: &RawEnvironment) -> PolicySettings {
    let at = |key: &str| join(path, key);
    let wait = raw.lock.as_ref().and_then(|lock| lock.wait);
    let (approval_deploy, approval_rollback) = match raw.approval {
        None => (None, None),
        Some(RawApproval::All(rule)) => (Some(rule), Some(rule)),
        Some(RawApproval::Each(each)) => (each.deploy, each.rollback),
    };
    let freezes = raw.freeze.iter().enumerate();
    PolicySettings {
        lock_wait: c.duration(&at("lock.wait"), wait, Duration::ZERO, Duration::ZERO),
        approval_deploy: approval_deploy.unwrap_or(ApprovalRule::None),
        approval_rollback: approval_rollback.unwrap_or(ApprovalRule::None),
        branches: c.list(
            &at("branches"),
            raw.branches.as_deref(),
            Form::BranchPattern,
            Spot::Plain,
        ),
        required_checks: c.list(
            &at("required_checks"),
            raw.required_checks.as_deref(),
            Form::NotEmpty,
            Spot::Plain,
        ),
        freeze: freezes
            .filter_map(|(n, one)| freeze(c, &format!("{path}.freeze[{n}]"), one))
            .collect(),
    }
}

fn freeze(c: &mut Context<'_>, path: &str, raw: &RawFreeze) -> Option<Freeze> {
    let time_zone = zone(c, &join(path, "time_zone"), raw.time_zone.as_ref());
    let reason = c.formed(
        &join(path, "reason"),
        raw.reason.as_ref(),
        Form::NotEmpty,
        Spot::Plain,
    );
    let from = end(c, &join(path, "from"), raw.from.as_ref());
    let to = end(c, &join(path, "to"), raw.to.as_ref());
    let span = match (from?, to?) {
        (Moment::Weekly(day, time), Moment::Weekly(to_day, to_time)) => {
            if (day, time) == (to_day, to_time) {
                c.problems.push(path, ProblemKind::FreezeNothing);
            }
            FreezeSpan::Weekly {
                from: (day, time),
                to: (to_day, to_time),
            }
        }
        (Moment::Dated(from), Moment::Dated(to)) => {
            if from == to {
                c.problems.push(path, ProblemKind::FreezeNothing);
            } else if from > to {
                c.problems.push(path, ProblemKind::FreezeOrder);
            }
            FreezeSpan::Dated { from, to }
        }
        (Moment::Weekly(..), Moment::Dated(_)) | (Moment::Dated(_), Moment::Weekly(..)) => {
            c.problems.push(path, ProblemKind::FreezeMixed);
            return None;
        }
    };
    Some(Freeze {
        span,
        time_zone,
        reason,
    })
}

fn zone(c: &mut Context<'_>, path: &str, raw: Option<&String>) -> String {
    let Some(raw) = raw else {
        return "UTC".to_owned();
    };
    let filled = c.fill(path, raw, Spot::Plain);
    if !filled.open && !c.problems.is_full() && TimeZone::get(&filled.text).is_err() {
        let known: Vec<String> = jiff::tz::db()
            .available()
            .map(|name| name.to_string())
            .collect();
        let names = || known.iter().map(String::as_str);
        // `Seoul` alone is a city of one zone.
        let city = names().find(|name| {
            name.rsplit('/')
                .next()
                .is_some_and(|c| c.eq_ignore_ascii_case(&filled.text))
        });
        let suggestion = city
            .map(str::to_owned)
            .or_else(|| nearest(&filled.text, names()));
        let found = shown(if filled.private { raw } else { &filled.text });
        c.problems
            .push(path, ProblemKind::UnknownTimeZone { found, suggestion });
    }
    filled.text
}

fn end(c: &mut Context<'_>, path: &str, raw: Option<&String>) -> Option<Moment> {
    let Some(raw) = raw else {
        c.problems.push_missing(path, ProblemKind::Missing);
        return None;
    };
    let read = weekly(raw)
        .map(|(day, time)| Moment::Weekly(day, time))
        .or_else(|| dated(raw).map(Moment::Dated));
    if read.is_none() {
        c.problems.push(
            path,
            ProblemKind::BadForm {
                form: Form::Moment,
                found: Some(shown(raw)),
            },
        );
    }
    read
}

/// `Fri 18:00`, `friday 18:00`.
fn weekly(text: &str) -> Option<(Weekday, Time)> {
    let (day, time) = text.trim().split_once(' ')?;
    let day = match day.to_ascii_lowercase().as_str() {
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tuesday" => Weekday::Tuesday,
        "wed" | "wednesday" => Weekday::Wednesday,
        "thu" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        "sun" | "sunday" => Weekday::Sunday,
        _ => return None,
    };
    Some((day, clock(time.trim())?))
}

/// `18:00`, `8:00`.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |t: &str, lengths: &[usize]| {
        (lengths.contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit()))
            .then(|| t.parse::<i8>().ok())
            .flatten()
    };
    Time::new(digits(hour, &[1, 2])?, digits(minute, &[2])?, 0, 0).ok()
}

/// `2026-12-24T00:00`, a blank in the place of `T`; a UTC offset is refused, for the time zone stands beside.
fn dated(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let (date, time) = text.split_once(['T', ' '])?;
    let date: jiff::civil::Date = (date.len() == 10).then(|| date.parse().ok()).flatten()?;
    let time = match time.split(':').collect::<Vec<_>>().as_slice() {
        [hour, minute] | [hour, minute, "00"] => clock(&format!("{hour}:{minute}"))?,
        _ => return None,
    };
    Some(date.to_datetime(time))
}
