//! One simulated cell with what the requirements make of it, and how figures are written.

use deploy_guard::core::verdict::baseline::relative_bound;
use deploy_guard::core::verdict::interval::upper_limit;

use crate::cells::Group;
use crate::requests::wald;
use crate::scenario::{ALPHA, BOUND, Before, Cell, Change, WATCH};
use crate::study::{Outcome, Rollbacks};
use crate::traffic::{Arrivals, Errors};

/// Share of faults that must be found where the bound allows it.
pub const MUST_FIND: f64 = 0.97;
/// Share of false passes that is allowed.
pub const FALSE_PASS: f64 = 0.05;
/// Longest blip that is forgiven is one minute less.
pub const BLIP: f64 = 3.0;

/// One simulated cell with its outcome.
pub struct Row {
    pub group: Group,
    pub name: String,
    pub cell: Cell,
    pub outcome: Outcome,
}

pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value == 0.0 {
        "0".to_owned()
    } else if value < 10.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    }
}

pub fn with_limits(rollbacks: &Rollbacks) -> String {
    let (low, high) = rollbacks.limits();
    format!(
        "{} ({}–{})",
        percent(rollbacks.share()),
        percent(low),
        percent(high)
    )
}

pub fn minutes(time: Option<usize>) -> String {
    time.map_or("–".to_owned(), |minute| minute.to_string())
}

pub fn found(rollbacks: &Rollbacks) -> String {
    format!(
        "{}, {}/{}",
        percent(rollbacks.share()),
        minutes(rollbacks.quantile(0.5)),
        minutes(rollbacks.quantile(0.95))
    )
}

/// Bound that a service's fault is tested against: absolute, or what its baseline allows on average. Errors that come
/// together say less of the usual rate: counts are divided by their variance factor, as Wald's bound is multiplied.
pub fn bound_of(cell: &Cell) -> f64 {
    let requests = match cell.before {
        Before::Minutes(minutes) => minutes as f64 * cell.per_minute() / cell.dispersion(),
        Before::Few => 48.0,
        Before::Unanswered | Before::Gaps => return BOUND,
    };
    let errors = cell.usual * requests;
    relative_bound(upper_limit(errors, requests, ALPHA / 8.0)).min(BOUND)
}

/// Wald's bound in minutes: requests that any test needs, times the variance factor of the errors.
pub fn wald_minutes(cell: &Cell) -> Option<f64> {
    let bound = bound_of(cell);
    let rate = cell.faulty_rate().filter(|rate| *rate > bound)?;
    Some(wald(rate, bound) * cell.dispersion() / cell.per_minute())
}

/// Whether a fault of this size must be found, and until when: `m + 2 × bound`, with m counted in minutes
/// that have requests.
pub fn duty(cell: &Cell) -> Option<f64> {
    let onset = cell.onset()?;
    let bound = wald_minutes(cell).filter(|bound| *bound <= (WATCH - onset) as f64 / 3.0)?;
    Some(cell.busy_minutes() as f64 + 2.0 * bound)
}

pub fn meets(row: &Row) -> Option<bool> {
    let until = duty(&row.cell)?;
    Some(found_in_time(row, until))
}

pub fn service(cell: &Cell) -> String {
    format!(
        "{} req/s, {}, {}",
        cell.per_second,
        cell.arrivals.name(),
        cell.errors.name()
    )
}

/// Whether a healthy cell must not be rolled back: all but those of the declared exception. An episode of three minutes
/// that the baseline does not show is a blip of three minutes.
pub fn must_forgive(row: &Row) -> bool {
    let excepted = match row.cell.change {
        Change::Blip(_, minutes) => minutes as f64 >= BLIP,
        Change::Episodes => !row.cell.day_before,
        _ => false,
    };
    row.cell.onset().is_none() && !excepted
}

/// The same as [`meets`], with the due time rounded up to the look at which it is due: data come by the minute.
pub fn meets_at_a_look(row: &Row) -> Option<bool> {
    let until = duty(&row.cell)?.ceil();
    Some(found_in_time(row, until))
}

fn found_in_time(row: &Row, until: f64) -> bool {
    let ours = &row.outcome.ours;
    ours.share() >= MUST_FIND
        && ours
            .quantile(0.5)
            .is_some_and(|median| median as f64 <= until)
}

/// A faulty service whose rate is really above the bound that it is tested against.
pub fn is_false_pass(row: &Row) -> bool {
    row.cell.onset() == Some(0)
        && row
            .cell
            .faulty_rate()
            .is_some_and(|rate| rate >= bound_of(&row.cell))
}

/// Healthy cells that the plot and the comparison by one setting rest on.
pub fn reference(row: &Row) -> bool {
    row.group == Group::Healthy
        && row.cell.errors == Errors::Independent
        && row.cell.arrivals == Arrivals::Steady
        && row.cell.usual < BOUND
}
