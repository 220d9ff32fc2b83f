//! Runs cells on all cores and counts what came of them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use deploy_guard::core::verdict::interval::wilson;
use deploy_guard::core::verdict::peers::{self, PEERS};
use deploy_guard::core::verdict::{PreparedTest, RateTest, Traffic, Verdict};

use crate::random::Random;
use crate::scenario::{ALPHA, BOUND, Cell, WATCH};

/// Rollbacks of one rule: how many, and when.
#[derive(Clone)]
pub struct Rollbacks {
    /// By minutes since the fault began (or since the deployment); 0 is "before it began".
    at: [u32; WATCH + 1],
    runs: u32,
}

impl Rollbacks {
    const fn new(runs: u32) -> Self {
        Self {
            at: [0; WATCH + 1],
            runs,
        }
    }

    /// Share that was rolled back, from the fault on.
    pub fn share(&self) -> f64 {
        f64::from(self.at.iter().sum::<u32>() - self.at[0]) / f64::from(self.runs)
    }

    /// Wilson limits of the share, 95 %.
    pub fn limits(&self) -> (f64, f64) {
        wilson(
            self.share() * f64::from(self.runs),
            f64::from(self.runs),
            0.025,
        )
    }

    /// Minutes after which this share of all runs was rolled back; `None` if it never was.
    pub fn quantile(&self, q: f64) -> Option<usize> {
        let mut sum = 0.0;
        (1..=WATCH).find(|minute| {
            sum += f64::from(self.at[*minute]);
            sum >= q * f64::from(self.runs)
        })
    }
}

/// What came of one cell.
#[derive(Clone)]
pub struct Outcome {
    pub ours: Rollbacks,
    pub healthy: f64,
    pub vanished: f64,
    pub peers: Vec<Rollbacks>,
}

/// Simulates one cell.
fn simulate(cell: &Cell, seed: u64, runs: u32) -> Outcome {
    let mut random = Random::new(seed);
    let onset = cell.onset().unwrap_or(0);
    let since = |minute: usize| minute.saturating_sub(onset);
    let mut ours = Rollbacks::new(runs);
    let mut others = vec![Rollbacks::new(runs); PEERS.len()];
    let (mut healthy, mut vanished) = (0_u32, 0_u32);
    let test = RateTest::new(BOUND, ALPHA, WATCH as u32).expect("valid settings");
    for run in 0..runs {
        let deployment = cell.deploy(&mut random);
        let finding = PreparedTest::new(test, &deployment.before, deployment.day_before.as_deref())
            .judge(&deployment.after);
        if let Some(index) = finding.decided_at {
            ours.at[since(index + 1)] += 1;
        }
        healthy += u32::from(finding.verdict == Verdict::Healthy);
        vanished += u32::from(finding.traffic == Traffic::Vanished);
        let seen = deployment.partial.as_ref().unwrap_or(&deployment.after);
        // The rank test is slow: a tenth of the runs, counted tenfold.
        let slow = run % 10 == 0;
        for (index, minute) in peers::judge(BOUND, &deployment.before, seen, slow)
            .into_iter()
            .enumerate()
        {
            if let Some(minute) = minute {
                let weight = if PEERS[index] == peers::Peer::Kayenta {
                    10
                } else {
                    1
                };
                others[index].at[since(minute)] += weight;
            }
        }
    }
    let share = |count: u32| f64::from(count) / f64::from(runs);
    Outcome {
        ours,
        healthy: share(healthy),
        vanished: share(vanished),
        peers: others,
    }
}

/// Simulates all cells on `threads` threads; the result does not depend on their number.
pub fn run(cells: &[Cell], seed: u64, runs: u32, threads: usize) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Outcome>>> = cells.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(cell) = cells.get(index) else { return };
                    let outcome = simulate(cell, seed.wrapping_add(index as u64), runs);
                    *done[index].lock().expect("no thread panicked") = Some(outcome);
                }
            });
        }
    });
    done.into_iter()
        .map(|slot| {
            slot.into_inner()
                .expect("no thread panicked")
                .expect("every cell ran")
        })
        .collect()
}
