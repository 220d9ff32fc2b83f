//! What judging costs: one look, many deployments, large counts; best of several goes, for other work on the machine is
//! no part of it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use deploy_guard::core::verdict::{Bucket, PreparedTest, RateTest};

use crate::cells::USUAL;
use crate::random::Random;
use crate::scenario::{ALPHA, BOUND, Cell, Change, WATCH};

/// How often each is measured; the best counts.
const GOES: u32 = 7;
const GATES: usize = 50;
const DEPLOYMENTS: usize = 10_000;

/// One thing that was measured.
pub struct Measured {
    pub what: &'static str,
    pub limit: &'static str,
    pub took: Duration,
}

fn best(mut go: impl FnMut()) -> Duration {
    (0..GOES)
        .map(|_| {
            let started = Instant::now();
            go();
            started.elapsed()
        })
        .min()
        .unwrap_or_default()
}

/// Everything, on `threads` threads where it says so.
pub fn measure(threads: usize) -> Vec<Measured> {
    let test = RateTest::new(BOUND, ALPHA, WATCH as u32).expect("valid settings");
    let cell = &Cell::steady(10.0, USUAL, Change::None);
    let mut random = Random::new(1);
    let deployment = cell.deploy(&mut random);
    let gates = vec![PreparedTest::new(test, &deployment.before, None); GATES];
    let look = best(|| {
        for gate in &gates {
            let _ = black_box(gate.judge(black_box(&deployment.after)));
        }
    });
    let prepare = best(|| {
        for _ in 0..GATES {
            black_box(PreparedTest::new(test, black_box(&deployment.before), None));
        }
    });
    let deployments = best(|| {
        std::thread::scope(|scope| {
            for thread in 0..threads {
                scope.spawn(move || {
                    let mut random = Random::new(thread as u64);
                    for _ in 0..DEPLOYMENTS / threads {
                        let deployment = cell.deploy(&mut random);
                        let gate = PreparedTest::new(test, &deployment.before, None);
                        for minutes in 1..=WATCH {
                            let _ = black_box(gate.judge(&deployment.after[..minutes]));
                        }
                    }
                });
            }
        });
    });
    let million = vec![Bucket::known(10_000_000, 100_000); 1_000_000];
    let long = best(|| {
        let _ = black_box(gates[0].judge(black_box(&million)));
    });
    vec![
        Measured {
            what: "one look at 50 gates, 30 minutes each",
            limit: "1 ms",
            took: look,
        },
        Measured {
            what: "preparing 50 gates from an hour of baseline, once a watch",
            limit: "–",
            took: prepare,
        },
        Measured {
            what: "10,000 deployments of 30 minutes with a look a minute, made up and judged",
            limit: "10 s",
            took: deployments,
        },
        Measured {
            what: "one look at a million minutes of ten million requests each",
            limit: "–",
            took: long,
        },
    ]
}
