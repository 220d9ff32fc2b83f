//! The CloudWatch gates of one watch: what they need is asked in one go, kept, and judged afresh from counts at
//! each look. Knows when to ask, not how CloudWatch is asked nor what a test means.

pub mod alarms;
mod names;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{join, join3};
use serde::{Deserialize, Serialize};

use crate::core::gate::alarms::{AlarmSeen, AlarmsMemory};
use crate::core::gate::logs::LogsMemory;
use crate::core::gate::metric::NoSuchMetric;
use crate::core::gate::rate::{RateGate, RateJudge, Terms, blank};
use crate::core::gate::series::{
    BASELINE_MINUTES, Cell, MINUTE, READ_AGAIN_MINUTES, Series, final_until, minute_of, next_minute,
};
use crate::core::gate::table::Table;
use crate::core::gate::{Finding, GateKind, GateSettings, Seen};
use crate::core::observation::{Kind, Reading, Why};
use crate::core::record::Verdict;
use crate::core::time::Timestamp;
use crate::engine::Cloud;
use crate::engine::metrics::read::{Told, read};

/// CloudWatch is asked at most this often, however short the gates' interval: new minutes come once a minute.
const TICK: Duration = Duration::from_secs(10);

const DAY: Duration = Duration::from_secs(86_400);

/// What the keeper needs to go on with the very same tests: counts, never results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricMemory {
    /// When the deployment began: the baseline ends here.
    pub deployed: Timestamp,
    /// When the watch began.
    pub since: Timestamp,
    /// Functions of the Lambda gate.
    functions: BTreeSet<String>,
    /// Names, patterns or stacks of which the functions are not known, and why.
    unresolved: BTreeMap<String, Why>,
    /// Functions, APIs and metric gates that do not exist, by the name that is shown.
    absent: BTreeMap<String, NoSuchMetric>,
    before: Table,
    day_before: Table,
    after: Table,
    alarms: AlarmsMemory,
    logs: BTreeMap<String, LogsMemory>,
}

/// The CloudWatch gates of one watch.
#[derive(Debug)]
pub struct MetricWatch {
    gates: GateSettings,
    stacks: Vec<String>,
    memory: MetricMemory,
    tests: Vec<(RateGate, RateJudge)>,
    alarms: Reading<Vec<AlarmSeen>>,
    asked: Option<Timestamp>,
    /// Minutes up to here are final.
    until: Timestamp,
    existence_known: bool,
    may_hold: bool,
    told: Told,
}

impl MetricWatch {
    /// A watch that has seen nothing. `deployed`: when the deployment began; `since`: when the watch began.
    #[must_use]
    pub fn new(
        gates: &GateSettings,
        stacks: &[String],
        deployed: Timestamp,
        since: Timestamp,
        now: Timestamp,
    ) -> Self {
        // Only complete minutes make a baseline.
        let end = minute_of(deployed).min(final_until(now, gates.data_lag));
        let start = end.minus(MINUTE.saturating_mul(BASELINE_MINUTES));
        let memory = MetricMemory {
            deployed,
            since,
            functions: BTreeSet::new(),
            unresolved: BTreeMap::new(),
            absent: BTreeMap::new(),
            before: Table::new(start),
            day_before: Table::new(start.minus(DAY)),
            after: Table::new(next_minute(since)),
            alarms: AlarmsMemory::default(),
            logs: BTreeMap::new(),
        };
        Self::resume(gates, stacks, memory)
    }

    /// Goes on where another process stopped.
    #[must_use]
    pub fn resume(gates: &GateSettings, stacks: &[String], memory: MetricMemory) -> Self {
        let mut watch = Self {
            gates: gates.clone(),
            stacks: stacks.to_vec(),
            until: memory.after.from(),
            memory,
            tests: Vec::new(),
            alarms: Reading::Unknown(Why::new(Kind::NoData, "not asked yet")),
            asked: None,
            existence_known: false,
            may_hold: true,
            told: Told::default(),
        };
        watch.rebuild();
        watch
    }

    /// Alarms that fired already at the checks before the deployment.
    #[must_use]
    pub fn with_alarms_before(mut self, names: &[String]) -> Self {
        self.memory
            .alarms
            .firing_before
            .extend(names.iter().cloned());
        self
    }

    /// The same gates and baseline for the version that a restore brought back: minutes count from `since` on, alarms
    /// that fire already are no evidence against it, and what so short a look cannot prove does not hold it.
    #[must_use]
    pub fn restarted(&self, since: Timestamp) -> Self {
        let memory = MetricMemory {
            deployed: since,
            since,
            after: Table::new(next_minute(since)),
            alarms: AlarmsMemory::default(),
            logs: BTreeMap::new(),
            ..self.memory.clone()
        };
        let mut watch = Self::resume(&self.gates, &self.stacks, memory);
        watch.existence_known = self.existence_known;
        watch.may_hold = false;
        watch
    }

    /// What another process needs to go on.
    #[must_use]
    pub fn memory(&self) -> &MetricMemory {
        &self.memory
    }

    /// True where no CloudWatch gate is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let gates = &self.gates;
        gates.lambda.is_none()
            && gates.api_gateway.is_empty()
            && gates.alarms.is_none()
            && gates.metric.is_empty()
            && gates.logs.is_empty()
    }

    /// Every test's share of the budget of false alarms, the HTTP gates' too.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.terms().alpha
    }

    fn terms(&self) -> Terms {
        Terms::of(&self.gates, self.gates.http.len() + self.rate_gates().len())
    }

    /// The tests of everything that is configured, found as for a watch; what could not be found, with the reason.
    pub async fn tests_of(
        gates: &GateSettings,
        stacks: &[String],
        cloud: &Cloud,
        now: Timestamp,
    ) -> (Vec<RateGate>, Vec<(String, Why)>) {
        let mut watch = Self::new(gates, stacks, now, now, now);
        watch.find_functions(cloud).await;
        (watch.rate_gates(), watch.missing())
    }

    fn rate_gates(&self) -> Vec<RateGate> {
        let lambda = self.gates.lambda.iter().flat_map(|gate| {
            let names = self.memory.functions.iter();
            names.flat_map(|function| gate.tests(function))
        });
        let apis = self.gates.api_gateway.iter().flat_map(|gate| gate.tests());
        lambda.chain(apis).collect()
    }

    /// Makes the tests anew from the baseline.
    fn rebuild(&mut self) {
        let terms = self.terms();
        let memory = &self.memory;
        let end = memory
            .before
            .from()
            .plus(MINUTE.saturating_mul(BASELINE_MINUTES));
        let judge = |gate: RateGate| {
            let before = memory.before.counts(&gate.requests, &gate.errors, end);
            let seen_then = gate.requests.iter().any(|s| memory.day_before.has_data(s));
            let day = seen_then.then(|| {
                memory
                    .day_before
                    .counts(&gate.requests, &gate.errors, end.minus(DAY))
            });
            let judge = RateJudge::new(&gate, terms, &before, day.as_deref());
            (gate, judge)
        };
        self.tests = self.rate_gates().into_iter().map(judge).collect();
    }

    fn wanted(&self) -> Vec<Series> {
        let rates = self
            .tests
            .iter()
            .flat_map(|(gate, _)| gate.wanted().cloned());
        let expressions = self.gates.metric.iter().map(|gate| gate.wanted());
        let all: BTreeSet<Series> = rates.chain(expressions).collect();
        all.into_iter().collect()
    }

    /// Before the first look: finds the functions, reads the baseline, looks at alarms and logs as they were, and
    /// finds out what does not exist. What fails here is tried again at the looks.
    pub async fn prepare(&mut self, cloud: &Cloud) {
        if self.is_empty() {
            return;
        }
        self.find_functions(cloud).await;
        self.rebuild();
        let (baseline, alarms, logs) = join3(
            self.read_baseline(cloud),
            self.read_alarms(cloud),
            self.read_logs_before(cloud),
        )
        .await;
        self.take_baseline(baseline);
        self.take_alarms(alarms);
        self.take_logs_before(logs);
        self.find_absent(cloud).await;
    }

    /// Asks for everything that is new since the last look, in one request, and for the last ten minutes again. Does
    /// nothing less than ten seconds after the last look.
    pub async fn look(&mut self, cloud: &Cloud, now: Timestamp) {
        if self.is_empty() || self.asked.is_some_and(|at| now.since(at) < TICK) {
            return;
        }
        self.asked = Some(now);
        if self
            .memory
            .unresolved
            .values()
            .any(|why| why.kind != Kind::NotFound)
        {
            self.find_functions(cloud).await;
            self.rebuild();
        }
        self.until = final_until(now, self.gates.data_lag).max(self.memory.after.from());
        let until = self.until;
        let wanted = self.wanted();
        let again = until.minus(MINUTE.saturating_mul(READ_AGAIN_MINUTES));
        let from = self
            .memory
            .after
            .unread_from(&wanted, until)
            .min(again)
            .max(self.memory.after.from());
        let after = read(cloud, &self.told, &wanted, from, until);
        let ((after, baseline), alarms, logs) = join3(
            join(after, self.read_baseline(cloud)),
            self.read_alarms(cloud),
            join(self.read_logs_before(cloud), self.read_logs(cloud, now)),
        )
        .await;
        for (series, reading) in &after {
            self.memory.after.take(series, from, until, reading);
        }
        self.take_baseline(baseline);
        self.take_alarms(alarms);
        self.take_logs_before(logs.0);
        for (gate, count) in logs.1 {
            self.memory.logs.entry(gate).or_default().take(now, &count);
        }
        if !self.existence_known {
            self.find_absent(cloud).await;
        }
    }

    /// What the gates say so far.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.tests.iter().map(|test| self.rate(test)).collect();
        findings.extend(
            self.memory
                .unresolved
                .iter()
                .map(|(name, why)| unfound(name, why)),
        );
        if let Some(gate) = &self.gates.alarms {
            let memory = &self.memory;
            findings.push(gate.finding(&self.alarms, &memory.alarms, memory.deployed));
        }
        findings.extend(self.gates.metric.iter().map(|gate| {
            let series = gate.wanted();
            let cells = |table: &Table, from: usize, to: usize| -> Vec<Cell> {
                (from..to)
                    .map(|minute| table.cell(&series, minute))
                    .collect()
            };
            let baseline = BASELINE_MINUTES as usize;
            let window = usize::try_from(self.gates.window.as_secs().div_ceil(60))
                .unwrap_or(baseline)
                .clamp(1, baseline);
            let before = cells(&self.memory.before, baseline - window, baseline);
            let after = cells(
                &self.memory.after,
                0,
                self.memory.after.minutes_to(self.until),
            );
            let why = self.memory.after.why(&series);
            gate.finding(&before, &after, why, self.memory.absent.get(&gate.name))
        }));
        findings.extend(self.gates.logs.iter().map(|gate| {
            let memory = self.memory.logs.get(&gate.name);
            gate.finding(memory.unwrap_or(&LogsMemory::default()))
        }));
        if !self.may_hold {
            for finding in &mut findings {
                finding.thin |= finding.verdict == Verdict::Inconclusive;
            }
        }
        findings
    }

    fn rate(&self, (gate, judge): &(RateGate, RateJudge)) -> Finding {
        let after = &self.memory.after;
        let why = gate.wanted().find_map(|series| after.why(series));
        let counts = after.counts(&gate.requests, &gate.errors, self.until);
        let finding = judge.finding(gate, &counts, why);
        let absent = gate.requests.first().and_then(|series| match series {
            Series::Lambda { function, .. } => self.memory.absent.get(function),
            Series::Api { api, .. } => self.memory.absent.get(api.as_str()),
            Series::Expression { .. } => None,
        });
        match absent {
            Some(absent) if finding.counted.is_none() => Finding {
                thin: finding.thin && !absent.misspelt,
                seen: Seen::Unknown {
                    why: absent.why.clone(),
                },
                ..finding
            },
            _ => finding,
        }
    }

    /// Gates whose baseline promises too few requests for a pass.
    #[must_use]
    pub fn thin(&self) -> Vec<String> {
        let thin = self.tests.iter().filter(|(_, judge)| judge.thin);
        thin.map(|(gate, _)| gate.name.clone()).collect()
    }

    /// What does not exist or could not be found out, with the reason.
    #[must_use]
    pub fn missing(&self) -> Vec<(String, Why)> {
        let absent = self.memory.absent.iter();
        let absent = absent.map(|(name, absent)| (name.clone(), absent.why.clone()));
        absent.chain(self.memory.unresolved.clone()).collect()
    }

    /// True where no gate waits for more evidence.
    #[must_use]
    pub fn decided(&self) -> bool {
        let open = |f: &Finding| f.verdict == Verdict::Inconclusive && !f.thin;
        !self.findings().iter().any(open)
    }
}

/// A finding for functions that could not be found.
fn unfound(name: &str, why: &Why) -> Finding {
    let series = Series::Expression {
        expression: String::new(),
    };
    let gate = RateGate {
        name: name.to_owned(),
        kind: GateKind::Lambda,
        about: crate::core::gate::rate::About::Errors,
        requests: Vec::new(),
        errors: series,
        bound: 0.0,
    };
    Finding {
        bound: None,
        seen: Seen::Unknown { why: why.clone() },
        ..blank(&gate)
    }
}

#[cfg(test)]
mod tests;
