//! Which cells are simulated, in which group of the report.

use crate::scenario::{Before, Cell, Change, WATCH};
use crate::traffic::{ARRIVALS, Arrivals, ERRORS, Errors};

pub const RATES: [f64; 6] = [0.02, 0.1, 1.0, 10.0, 100.0, 1000.0];
pub const HEALTHY: [f64; 5] = [0.001, 0.01, 0.03, 0.045, 0.05];
pub const FAULTY: [f64; 5] = [0.07, 0.1, 0.2, 0.5, 1.0];
/// Error rate before a fault.
pub const USUAL: f64 = 0.01;

/// Group of the report that a cell belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// A healthy service with an hour of baseline.
    Healthy,
    /// A healthy service with a poor baseline.
    PoorBaseline,
    /// A healthy service on a bad day.
    BadDay,
    /// A healthy service of which the same hour of the day before is known too.
    WithDay,
    /// A fault at such a service.
    WithDayStep,
    /// A step of the error rate with the deployment.
    Step,
    /// The same with a poor baseline.
    PoorStep,
    /// Other faults.
    Fault,
    /// Where the rules are compared at matched false rollbacks: faults at services of other usual rates.
    Match,
}

/// Every cell, in the order of the report.
pub fn all() -> Vec<(Group, String, Cell)> {
    let mut cells = Vec::new();
    let services = || {
        RATES.into_iter().flat_map(|rate| {
            ARRIVALS.into_iter().flat_map(move |arrivals| {
                ERRORS
                    .into_iter()
                    .map(move |errors| (rate, arrivals, errors))
            })
        })
    };
    for (per_second, arrivals, errors) in services() {
        for usual in HEALTHY {
            let cell = Cell {
                arrivals,
                errors,
                ..Cell::steady(per_second, usual, Change::None)
            };
            cells.push((Group::Healthy, String::new(), cell));
        }
    }
    for (name, before) in POOR {
        for per_second in [0.1, 1.0, 10.0, 1000.0] {
            for errors in ERRORS {
                for usual in [0.01, 0.045, 0.05] {
                    let cell = Cell {
                        before,
                        errors,
                        ..Cell::steady(per_second, usual, Change::None)
                    };
                    cells.push((Group::PoorBaseline, name.to_owned(), cell));
                }
            }
        }
    }
    for (name, usual, change) in BAD_DAYS {
        for per_second in RATES {
            cells.push((
                Group::BadDay,
                name.to_owned(),
                Cell::steady(per_second, usual, change),
            ));
        }
    }
    with_day(&mut cells);
    for (per_second, arrivals, errors) in services() {
        for rate in FAULTY {
            let cell = Cell {
                arrivals,
                errors,
                ..Cell::steady(per_second, USUAL, Change::Step(rate, 0))
            };
            cells.push((Group::Step, String::new(), cell));
        }
    }
    for (name, usual, change) in FAULTS {
        for per_second in [0.1, 1.0, 10.0, 100.0] {
            cells.push((
                Group::Fault,
                name.to_owned(),
                Cell::steady(per_second, usual, change),
            ));
        }
    }
    for (name, before) in [POOR[0], POOR[2]] {
        for per_second in RATES {
            for rate in FAULTY {
                let cell = Cell {
                    before,
                    ..Cell::steady(per_second, USUAL, Change::Step(rate, 0))
                };
                cells.push((Group::PoorStep, name.to_owned(), cell));
            }
        }
    }
    for per_second in [0.1, 1.0, 10.0] {
        for usual in [0.001, 0.03, 0.045] {
            for rate in [0.1, 0.2] {
                cells.push((
                    Group::Match,
                    String::new(),
                    Cell::steady(per_second, usual, Change::Step(rate, 0)),
                ));
            }
        }
    }
    for (name, usual, change) in [
        (
            "50 % in two single minutes, provider silent for the five between",
            0.01,
            Change::Blips(0.5),
        ),
        ("provider silent from minute 15 on", 0.01, Change::GoesDark),
    ] {
        for per_second in RATES {
            cells.push((
                Group::BadDay,
                name.to_owned(),
                Cell::steady(per_second, usual, change),
            ));
        }
    }
    for per_second in [1.0, 10.0, 100.0] {
        for (group, name, change) in [
            (Group::BadDay, "48 requests before, 4 %", Change::None),
            (
                Group::Fault,
                "48 requests before, 4 % to 20 %",
                Change::Step(0.2, 0),
            ),
            (
                Group::Fault,
                "48 requests before, 4 % to 50 %",
                Change::Step(0.5, 0),
            ),
        ] {
            let cell = Cell {
                before: Before::Few,
                ..Cell::steady(per_second, 0.04, change)
            };
            cells.push((group, name.to_owned(), cell));
        }
    }
    cells
}

/// As it is for a service that is older than a day: the hour before and the same hour of the day before.
fn with_day(cells: &mut Vec<(Group, String, Cell)>) {
    let mut add = |group, name: &str, cell: Cell| {
        let cell = Cell {
            day_before: true,
            ..cell
        };
        cells.push((group, name.to_owned(), cell));
    };
    for per_second in RATES {
        for errors in ERRORS {
            let steady = |usual, change| Cell {
                errors,
                ..Cell::steady(per_second, usual, change)
            };
            for usual in HEALTHY_WITH_DAY {
                add(Group::WithDay, "", steady(usual, Change::None));
            }
            for rate in FAULTY_WITH_DAY {
                add(Group::WithDayStep, "", steady(USUAL, Change::Step(rate, 0)));
            }
        }
    }
    for (name, change) in [("tide", Change::Season), ("habit", Change::Episodes)] {
        for per_second in RATES {
            let usual = if name == "tide" { 0.03 } else { 0.02 };
            add(
                Group::BadDay,
                &format!("{name} as above, the day before known too"),
                Cell::steady(per_second, usual, change),
            );
        }
    }
}

/// True rates of the healthy cells of [`Group::WithDay`].
pub const HEALTHY_WITH_DAY: [f64; 3] = [0.01, 0.045, 0.05];
/// Faults of [`Group::WithDayStep`].
pub const FAULTY_WITH_DAY: [f64; 4] = [0.07, 0.1, 0.2, 0.5];

const POOR: [(&str, Before); 6] = [
    ("none", Before::Minutes(0)),
    ("1 minute", Before::Minutes(1)),
    ("5 minutes", Before::Minutes(5)),
    ("15 minutes", Before::Minutes(15)),
    ("unanswered", Before::Unanswered),
    ("every third minute missing", Before::Gaps),
];

const BAD_DAYS: [(&str, f64, Change); 13] = [
    ("blip of 1 min, 50 %", 0.01, Change::Blip(0.5, 1)),
    ("blip of 1 min, 100 %", 0.01, Change::Blip(1.0, 1)),
    ("blip of 2 min, 50 %", 0.01, Change::Blip(0.5, 2)),
    ("blip of 2 min, 100 %", 0.01, Change::Blip(1.0, 2)),
    (
        "blip of 3 min, 50 % (declared exception)",
        0.01,
        Change::Blip(0.5, 3),
    ),
    ("newest minute still filling, 2 %", 0.02, Change::Partial),
    ("provider silent for 5 min, 2 %", 0.02, Change::Outage),
    ("provider silent throughout", 0.02, Change::Blind),
    ("already at 8 % before", 0.08, Change::None),
    ("already at 20 % before", 0.2, Change::None),
    (
        "tide: rate ± a third, traffic half to double, 3 %",
        0.03,
        Change::Season,
    ),
    (
        "habit: 3 min at 4 × every 20 min, 2 % (declared exception)",
        0.02,
        Change::Episodes,
    ),
    ("no traffic at all", 0.0, Change::Traffic(0.0)),
];

/// Share of requests slower than the latency bound: before (log-normal, σ = 0.5) and after × 1.25, 1.5, 2.
const SLOW: [f64; 4] = [0.03, 0.0757, 0.1426, 0.3106];

const FAULTS: [(&str, f64, Change); 14] = [
    ("10 % from minute 10 on", 0.01, Change::Step(0.1, 10)),
    ("20 % from minute 10 on", 0.01, Change::Step(0.2, 10)),
    ("50 % from minute 10 on", 0.01, Change::Step(0.5, 10)),
    ("20 % from minute 20 on", 0.01, Change::Step(0.2, 20)),
    ("50 % from minute 20 on", 0.01, Change::Step(0.5, 20)),
    ("leak, 1 % to 10 % evenly", 0.01, Change::Leak(0.1)),
    ("leak, 1 % to 30 % evenly", 0.01, Change::Leak(0.3)),
    ("relative, 0.1 % to 1 %", 0.001, Change::Step(0.01, 0)),
    ("relative, 0.1 % to 3 %", 0.001, Change::Step(0.03, 0)),
    (
        "latency × 1.25 (p95 bound)",
        SLOW[0],
        Change::Step(SLOW[1], 0),
    ),
    (
        "latency × 1.5 (p95 bound)",
        SLOW[0],
        Change::Step(SLOW[2], 0),
    ),
    ("latency × 2 (p95 bound)", SLOW[0], Change::Step(SLOW[3], 0)),
    ("traffic vanishes", 0.01, Change::Traffic(0.0)),
    ("traffic falls to 2 %", 0.01, Change::Traffic(0.02)),
];

impl Cell {
    /// Error rate under the fault, where that is one number.
    pub fn faulty_rate(&self) -> Option<f64> {
        match self.change {
            Change::Step(rate, _) => Some(rate),
            _ => None,
        }
    }

    /// Variance factor of the errors of a typical minute.
    pub fn dispersion(&self) -> f64 {
        let busy = match self.arrivals {
            Arrivals::Steady => self.per_minute(),
            Arrivals::Bursty => 3.0 * self.per_minute(),
            Arrivals::HalfIdle => 2.0 * self.per_minute(),
        };
        match self.errors {
            Errors::Independent => 1.0,
            Errors::Clustered => busy.clamp(1.0, 5.0),
            Errors::OverDispersed => 1.0 + 0.02 * busy,
        }
    }

    /// Median number of minutes until three with requests have passed.
    pub fn busy_minutes(&self) -> usize {
        let mean = self.per_minute();
        let idle = match self.arrivals {
            Arrivals::Steady => (-mean).exp(),
            Arrivals::Bursty => 1.0 / (1.0 + 2.0 * mean).sqrt(),
            Arrivals::HalfIdle => 0.5 + 0.5 * (-2.0 * mean).exp(),
        };
        (3..=WATCH)
            .find(|&t| {
                let n = t as f64;
                let busy = 1.0 - idle;
                let at_most_two = idle.powf(n)
                    + n * busy * idle.powf(n - 1.0)
                    + n * (n - 1.0) / 2.0 * busy * busy * idle.powf(n - 2.0);
                1.0 - at_most_two >= 0.5
            })
            .unwrap_or(WATCH)
    }
}
