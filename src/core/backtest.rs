//! The configured gates on what a service went through before: how each deployment, and any quiet moment, would have
//! been judged, beside other gates' rules. Knows counts a minute, no provider and no store.

use std::time::Duration;

use crate::core::gate::rate::{RateGate, RateJudge, Terms};
use crate::core::gate::series::{BASELINE_MINUTES, Cell, MINUTE, minute_of, next_minute};
use crate::core::gate::{Finding, GateSettings, MetricGate, Mode, OnTrafficVanished};
use crate::core::judge::{Policy, judge};
use crate::core::reason::ReasonCode;
use crate::core::record::{Record, Status, Verdict};
use crate::core::time::Timestamp;
use crate::core::verdict::Bucket;
use crate::core::verdict::peers::{self, PEERS};

/// CloudWatch keeps one-minute data so long. Source: CloudWatch user guide, "Metrics retention".
pub const KEPT: Duration = Duration::from_secs(15 * 86_400);

const HOUR: usize = BASELINE_MINUTES as usize;
const DAY: usize = 24 * HOUR;

/// Everything that was read: each gate's minutes from one on, all equally many.
#[derive(Debug, Clone)]
pub struct Past {
    /// The first minute's start.
    pub from: Timestamp,
    /// Minutes.
    pub minutes: usize,
    /// Gates as configured.
    pub gates: GateSettings,
    /// Shares of bad requests.
    pub rates: Vec<(RateGate, Vec<Bucket>)>,
    /// Expressions.
    pub expressions: Vec<(MetricGate, Vec<Cell>)>,
}

/// A moment to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When the deployment began: the baseline ends here.
    pub deployed: Timestamp,
    /// When the watch began.
    pub watched: Timestamp,
}

/// How a moment would have been judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Over window and bake.
    pub verdict: Verdict,
    /// Why.
    pub reason: ReasonCode,
    /// The gate that failed, with what it had seen by then.
    pub failed: Option<Finding>,
    /// Minutes of the watch until it was certain, the delay of the data included.
    pub minute: Option<usize>,
    /// When each of [`PEERS`] would have rolled back, the same delay included.
    pub peers: Vec<Option<usize>>,
}

/// Why a moment cannot be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unjudged {
    /// The provider does not keep minutes so long.
    TooOld,
    /// Its watch is not over.
    TooNew,
    /// The provider has not a single value of then, or did not answer.
    NoData,
}

/// What became of a deployment, as far as it says whether its version was good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It stayed.
    Good,
    /// It was taken back, or called degraded.
    Bad,
    /// It says nothing of the version: cancelled, superseded, or its deploy step failed.
    Open,
}

impl Ended {
    /// From a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let verdict = record.guard.as_ref().map(|guard| guard.verdict);
        match record.status.known() {
            Some(Status::Success) => Self::Good,
            Some(Status::RolledBack | Status::RollbackFailed) => Self::Bad,
            Some(Status::Failure) => match verdict {
                Some(Some(Verdict::Degraded)) => Self::Bad,
                // The predecessor wrote no verdict: why it failed is not known.
                Some(_) | None => Self::Open,
            },
            Some(Status::InProgress | Status::Cancelled | Status::Superseded) | None => Self::Open,
        }
    }
}

impl Past {
    /// Minutes of a watch that are final when window and bake are over.
    #[must_use]
    pub fn span(&self) -> usize {
        let whole = self.gates.window.saturating_add(self.gates.bake);
        let minutes = whole.saturating_sub(self.gates.data_lag).as_secs() / 60;
        usize::try_from(minutes)
            .unwrap_or(usize::MAX)
            .saturating_sub(1)
            .max(1)
    }

    /// Whole minutes for which every minute waits until it counts.
    fn lag(&self) -> usize {
        usize::try_from(self.gates.data_lag.as_secs().div_ceil(60)).unwrap_or(usize::MAX)
    }

    /// Number of a minute by its start; `None` before the first.
    fn place(&self, minute: Timestamp) -> Option<usize> {
        if minute < self.from {
            return None;
        }
        usize::try_from(minute.since(self.from).as_secs() / 60).ok()
    }

    /// How a moment would have been judged.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn judge(&self, moment: Moment) -> Result<Judged, Unjudged> {
        // The same minutes as while it was watched: see engine::metrics.
        let end = self
            .place(minute_of(moment.deployed))
            .ok_or(Unjudged::TooOld)?;
        let start = self
            .place(next_minute(moment.watched))
            .ok_or(Unjudged::TooOld)?;
        if end < HOUR {
            return Err(Unjudged::TooOld);
        }
        let until = start.saturating_add(self.span());
        if until > self.minutes {
            return Err(Unjudged::TooNew);
        }
        let terms = Terms::of(&self.gates, self.gates.http.len() + self.rates.len());
        let looks: Vec<Look<'_>> = self
            .rates
            .iter()
            .map(|(gate, minutes)| Look::new(gate, terms, minutes, end, start..until))
            .collect();
        let silent = looks.iter().all(Look::is_silent)
            && self.expressions.iter().all(|(_, cells)| {
                cells
                    .get(start..until)
                    .is_none_or(|cells| !cells.iter().any(|cell| matches!(cell, Cell::Value(_))))
            });
        if silent {
            return Err(Unjudged::NoData);
        }
        let findings = |minutes: usize| -> Vec<Finding> {
            let mut all: Vec<Finding> = looks.iter().map(|look| look.finding(minutes)).collect();
            all.extend(self.expressions.iter().map(|(gate, cells)| {
                let window = usize::try_from(self.gates.window.as_secs().div_ceil(60))
                    .unwrap_or(HOUR)
                    .clamp(1, HOUR);
                let before = cells.get(end - window..end).unwrap_or_default();
                let after = cells.get(start..start + minutes).unwrap_or_default();
                gate.finding(before, after, None, None)
            }));
            all
        };
        let policy = Policy {
            on_inconclusive: self.gates.on_inconclusive,
            automatic: false,
            irreversible: false,
        };
        let last = until - start;
        let mut judgement = judge(findings(last), policy);
        let mut minute = None;
        // Bad once is bad for good only at the look that saw it: the first such look ends a watch.
        if let Some(first) = self.first_bad(&looks, &findings, last) {
            judgement = judge(findings(first), policy);
            minute = Some(first + self.lag());
        }
        let failed = judgement
            .findings
            .iter()
            .find(|finding| finding.verdict == Verdict::Degraded)
            .cloned();
        Ok(Judged {
            verdict: judgement.verdict,
            reason: judgement.reason,
            failed,
            minute,
            peers: self.peers(&looks),
        })
    }

    /// The first number of minutes after which some gate fails.
    fn first_bad(
        &self,
        looks: &[Look<'_>],
        findings: &dyn Fn(usize) -> Vec<Finding>,
        last: usize,
    ) -> Option<usize> {
        let is_bad = |minutes: usize| {
            findings(minutes)
                .iter()
                .any(|finding| finding.verdict == Verdict::Degraded)
        };
        // A sequential test that has failed stays failed; the simple mode and expressions may recover.
        let lasting = looks.iter().all(|look| look.is_lasting()) && self.expressions.is_empty();
        if lasting && !is_bad(last) {
            return None;
        }
        (1..=last).find(|minutes| is_bad(*minutes))
    }

    fn peers(&self, looks: &[Look<'_>]) -> Vec<Option<usize>> {
        let mut all: Vec<Option<usize>> = vec![None; PEERS.len()];
        for look in looks {
            let bound = look.gate.bound;
            let theirs = peers::judge(bound, look.before, look.after, true);
            for (earliest, minute) in all.iter_mut().zip(theirs) {
                let minute = minute.map(|minute| minute + self.lag());
                *earliest = match (*earliest, minute) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
        }
        all
    }

    /// At most `most` moments at which nothing was deployed: neither the hour before nor the watch touches one of `busy`,
    /// a deployment and its watch each, from start to end. Drawn at random, the same ones for the same past.
    #[must_use]
    pub fn quiet(&self, busy: &[(Timestamp, Timestamp)], most: usize) -> Vec<Moment> {
        let minute = |place: usize| {
            let minutes = u32::try_from(place).unwrap_or(u32::MAX);
            self.from.plus(MINUTE.saturating_mul(minutes))
        };
        let span = self.span();
        let last = self.minutes.saturating_sub(span);
        let mut free: Vec<usize> = (HOUR..=last)
            .filter(|place| {
                let (from, to) = (minute(place - HOUR), minute(place + span));
                !busy.iter().any(|(start, end)| *start < to && *end >= from)
            })
            .collect();
        let mut random = self.from.millis().unsigned_abs();
        let taken = most.min(free.len());
        for place in 0..taken {
            let left = free.len() - place;
            let other = place + usize::try_from(next(&mut random) % left as u64).unwrap_or(0);
            free.swap(place, other);
        }
        free.truncate(taken);
        free.sort_unstable();
        let moment = |place: usize| Moment {
            deployed: minute(place),
            watched: minute(place),
        };
        free.into_iter().map(moment).collect()
    }
}

/// splitmix64 (Steele, Lea, Flood 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One gate's test at one moment.
struct Look<'a> {
    gate: &'a RateGate,
    judge: RateJudge,
    before: &'a [Bucket],
    after: &'a [Bucket],
    lasting: bool,
}

impl<'a> Look<'a> {
    fn new(
        gate: &'a RateGate,
        terms: Terms,
        minutes: &'a [Bucket],
        end: usize,
        watch: std::ops::Range<usize>,
    ) -> Self {
        let before = minutes.get(end - HOUR..end).unwrap_or_default();
        // As when it was watched: an hour without a request is no baseline.
        let day = end
            .checked_sub(DAY + HOUR)
            .and_then(|start| minutes.get(start..start + HOUR))
            .filter(|day| {
                day.iter()
                    .any(|b| b.counts().is_some_and(|c| c.requests > 0))
            });
        Self {
            gate,
            judge: RateJudge::new(gate, terms, before, day),
            before,
            after: minutes.get(watch).unwrap_or_default(),
            lasting: terms.mode == Mode::Sequential
                && terms.traffic_vanished == OnTrafficVanished::Inconclusive,
        }
    }

    /// What the provider does not keep looks like a service without requests: neither can be judged.
    fn is_silent(&self) -> bool {
        let busy = |bucket: &Bucket| bucket.counts().is_some_and(|counts| counts.requests > 0);
        !self.before.iter().any(busy) && !self.after.iter().any(busy)
    }

    fn is_lasting(&self) -> bool {
        self.lasting
    }

    fn finding(&self, minutes: usize) -> Finding {
        let after = self.after.get(..minutes).unwrap_or(self.after);
        self.judge.finding(self.gate, after, None)
    }
}

/// How often a rule rolls back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Rolled back.
    pub rolled_back: u64,
    /// Of so many.
    pub of: u64,
}

/// One rule on all that could be judged.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleOutcome {
    /// Its name; `None` = the configured gates.
    pub rule: Option<String>,
    /// Deployments that ended badly.
    pub bad: Share,
    /// Deployments that stayed.
    pub good: Share,
    /// Quiet moments.
    pub quiet: Share,
    /// Median minutes until the bad ones are rolled back, of those that are.
    pub median: Option<usize>,
}

/// Every rule's outcome, ours first: `deployments` with how they ended, and `quiet` moments.
#[must_use]
pub fn rules(deployments: &[(Ended, Judged)], quiet: &[Judged]) -> Vec<RuleOutcome> {
    let outcome = |rule: Option<String>, when: &dyn Fn(&Judged) -> Option<usize>| {
        let of = |wanted: Ended| -> Vec<Option<usize>> {
            let these = deployments.iter().filter(|(ended, _)| *ended == wanted);
            these.map(|(_, judged)| when(judged)).collect()
        };
        let share = |all: &[Option<usize>]| Share {
            rolled_back: all.iter().flatten().count() as u64,
            of: all.len() as u64,
        };
        let bad = of(Ended::Bad);
        let mut found: Vec<usize> = bad.iter().flatten().copied().collect();
        found.sort_unstable();
        let quiet: Vec<Option<usize>> = quiet.iter().map(when).collect();
        RuleOutcome {
            rule,
            bad: share(&bad),
            good: share(&of(Ended::Good)),
            quiet: share(&quiet),
            median: found.get(found.len() / 2).copied(),
        }
    };
    let mut all = vec![outcome(None, &|judged| judged.minute)];
    all.extend(PEERS.iter().enumerate().map(|(index, peer)| {
        outcome(Some(peer.name()), &|judged| {
            judged.peers.get(index).copied().flatten()
        })
    }));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::gate::rate::About;
    use crate::core::gate::series::LambdaCount;
    use crate::core::gate::series::Series;
    use crate::core::gate::{GateKind, OnInconclusive};

    const MINUTES: usize = 3 * DAY;

    fn at(minute: usize) -> Timestamp {
        Timestamp::from_millis(1_700_000_040_000)
            .plus(MINUTE * u32::try_from(minute).expect("small"))
    }

    fn moment(minute: usize) -> Moment {
        Moment {
            deployed: at(minute),
            watched: at(minute),
        }
    }

    fn past(mode: Mode, minutes: Vec<Bucket>) -> Past {
        let series = |count| Series::Lambda {
            function: "f".to_owned(),
            count,
        };
        Past {
            from: at(0),
            minutes: minutes.len(),
            gates: GateSettings {
                window: Duration::from_secs(600),
                bake: Duration::from_secs(1800),
                interval: Duration::from_secs(10),
                false_rollback: 0.01,
                early_pass: false,
                failing_minutes: 2,
                of_minutes: 3,
                traffic_vanished: crate::core::gate::OnTrafficVanished::Inconclusive,
                mode,
                on_inconclusive: OnInconclusive::Hold,
                data_lag: Duration::from_secs(120),
                http: Vec::new(),
                lambda: None,
                api_gateway: Vec::new(),
                alarms: None,
                metric: Vec::new(),
                logs: Vec::new(),
                stack: false,
            },
            rates: vec![(
                RateGate {
                    name: "f".to_owned(),
                    kind: GateKind::Lambda,
                    about: About::Errors,
                    requests: vec![series(LambdaCount::Invocations)],
                    errors: series(LambdaCount::Errors),
                    bound: 0.05,
                },
                minutes,
            )],
            expressions: Vec::new(),
        }
    }

    fn healthy() -> Vec<Bucket> {
        vec![Bucket::known(100, 1); MINUTES]
    }

    #[test]
    fn a_fault_after_a_deployment_is_found_in_its_third_minute_and_the_delay() {
        let mut minutes = healthy();
        minutes[2000..2010].fill(Bucket::known(100, 40));
        for mode in [Mode::Sequential, Mode::Threshold] {
            let past = past(mode, minutes.clone());
            let judged = past.judge(moment(2000)).expect("data");
            assert_eq!(judged.verdict, Verdict::Degraded);
            // The simple mode: 2 of 3.
            let expected = if mode == Mode::Sequential { 5 } else { 4 };
            assert_eq!(judged.minute, Some(expected), "{mode}");
            assert_eq!(judged.peers[0], Some(3), "Argo's first bad minute");
            assert_eq!(
                past.judge(moment(1900)).map(|j| (j.verdict, j.minute)),
                Ok((Verdict::Healthy, None))
            );
        }
    }

    #[test]
    fn what_cannot_be_judged_is_said_to_be_so() {
        let past = past(Mode::Sequential, healthy());
        assert_eq!(past.judge(moment(59)), Err(Unjudged::TooOld));
        assert!(past.judge(moment(60)).is_ok());
        let last = MINUTES - past.span();
        assert!(past.judge(moment(last)).is_ok());
        assert_eq!(past.judge(moment(last + 1)), Err(Unjudged::TooNew));
        let before = Moment {
            deployed: at(0).minus(MINUTE),
            watched: at(100),
        };
        assert_eq!(past.judge(before), Err(Unjudged::TooOld));
        for silence in [Bucket::Unknown, Bucket::known(0, 0)] {
            let past = self::past(Mode::Sequential, vec![silence; MINUTES]);
            assert_eq!(past.judge(moment(2000)), Err(Unjudged::NoData));
        }
    }

    #[test]
    fn quiet_moments_keep_clear_of_deployments_and_are_the_same_each_time() {
        let past = past(Mode::Sequential, healthy());
        let busy = [(at(1000), at(1040)), (at(3000), at(3050))];
        let quiet = past.quiet(&busy, 500);
        assert_eq!(quiet.len(), 500);
        assert_eq!(quiet, past.quiet(&busy, 500));
        let mut places: Vec<Timestamp> = quiet.iter().map(|m| m.deployed).collect();
        places.dedup();
        assert_eq!(places.len(), 500, "each once");
        for moment in &quiet {
            let (from, to) = (
                moment.deployed.minus(MINUTE * 60),
                moment.deployed.plus(MINUTE * 37),
            );
            assert!(
                busy.iter().all(|(start, end)| *end < from || *start >= to),
                "{moment:?}"
            );
        }
        assert_eq!(
            past.quiet(&busy, 100_000).len(),
            past.quiet(&busy, 99_999).len()
        );
    }

    #[test]
    fn rules_are_counted_by_how_deployments_ended() {
        let judged = |minute| Judged {
            verdict: Verdict::Healthy,
            reason: ReasonCode::Healthy,
            failed: None,
            minute,
            peers: vec![Some(1); PEERS.len()],
        };
        let deployments = [
            (Ended::Bad, judged(Some(7))),
            (Ended::Bad, judged(None)),
            (Ended::Good, judged(None)),
            (Ended::Open, judged(Some(3))),
        ];
        let all = rules(&deployments, &[judged(None), judged(Some(4))]);
        let share = |rolled_back, of| Share { rolled_back, of };
        assert_eq!(all.len(), PEERS.len() + 1);
        assert_eq!(
            (all[0].bad, all[0].good, all[0].quiet, all[0].median),
            (share(1, 2), share(0, 1), share(1, 2), Some(7))
        );
        assert_eq!((all[1].bad, all[1].good), (share(2, 2), share(1, 1)));
    }
}
