//! The made-up deployments: what each cell of the benchmark simulates.

use deploy_guard::core::verdict::Bucket;

use crate::random::Random;
use crate::traffic::{Arrivals, Errors, bucket};

/// Minutes of the watch.
pub const WATCH: usize = 30;
/// Absolute bound of the gate.
pub const BOUND: f64 = 0.05;
/// Budget of false rollbacks.
pub const ALPHA: f64 = 0.01;

/// What is known from before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Before {
    /// So many minutes.
    Minutes(usize),
    /// An hour for which the provider did not answer.
    Unanswered,
    /// An hour with gaps: every third minute was not answered.
    Gaps,
    /// An hour with 48 requests, however many come after it.
    Few,
}

/// How a deployment differs from a service that stays as it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Change {
    /// Not at all.
    None,
    /// The error rate steps to this from the given minute (from 0) on.
    Step(f64, usize),
    /// The error rate rises evenly to this until the end.
    Leak(f64),
    /// The error rate is this for the first minutes only.
    Blip(f64, usize),
    /// Traffic falls to this share.
    Traffic(f64),
    /// The provider does not answer for five minutes, from minute 10 on.
    Outage,
    /// The provider does not answer any more from minute 15 on.
    GoesDark,
    /// The error rate is this in minutes 8 and 14, and the provider does not answer for the five between them.
    Blips(f64),
    /// The provider never answers.
    Blind,
    /// The rate drifts through the day: the error rate by ± a third, traffic to a half or double.
    Season,
    /// A habit, before and after: three minutes at four times the usual rate, every twenty minutes or so.
    Episodes,
    /// The newest minute is still filling when it is read (by the peers; deploy-guard waits for it).
    Partial,
}

/// One cell of the benchmark.
#[derive(Clone, Debug)]
pub struct Cell {
    pub per_second: f64,
    pub arrivals: Arrivals,
    pub errors: Errors,
    /// True error rate before.
    pub usual: f64,
    pub before: Before,
    /// Whether the same hour of the day before is known too, as it is for a service that is older than a day.
    pub day_before: bool,
    pub change: Change,
}

/// One simulated deployment.
pub struct Deployment {
    pub before: Vec<Bucket>,
    pub day_before: Option<Vec<Bucket>>,
    pub after: Vec<Bucket>,
    /// What a gate sees that reads the newest minute before it is complete.
    pub partial: Option<Vec<Bucket>>,
}

impl Cell {
    pub fn steady(per_second: f64, usual: f64, change: Change) -> Self {
        Self {
            per_second,
            arrivals: Arrivals::Steady,
            errors: Errors::Independent,
            usual,
            before: Before::Minutes(60),
            day_before: false,
            change,
        }
    }

    pub fn per_minute(&self) -> f64 {
        60.0 * self.per_second
    }

    /// Minute (from 0) in which a fault begins; `None` for a healthy cell.
    pub fn onset(&self) -> Option<usize> {
        match self.change {
            Change::Step(_, onset) => Some(onset),
            Change::Leak(_) | Change::Traffic(_) => Some(0),
            Change::None
            | Change::Blip(..)
            | Change::Outage
            | Change::GoesDark
            | Change::Blips(_)
            | Change::Blind
            | Change::Season
            | Change::Episodes
            | Change::Partial => None,
        }
    }

    fn rate_at(&self, minute: usize) -> f64 {
        match self.change {
            Change::Step(rate, onset) if minute >= onset => rate,
            Change::Leak(rate) => {
                self.usual + (rate - self.usual) * (minute as f64 + 0.5) / WATCH as f64
            }
            Change::Blip(rate, minutes) if minute < minutes => rate,
            Change::Blips(rate) if minute == 8 || minute == 14 => rate,
            Change::Step(..)
            | Change::Blip(..)
            | Change::Blips(_)
            | Change::GoesDark
            | Change::None
            | Change::Traffic(_)
            | Change::Outage
            | Change::Blind
            | Change::Season
            | Change::Episodes
            | Change::Partial => self.usual,
        }
    }

    /// Makes one deployment.
    pub fn deploy(&self, random: &mut Random) -> Deployment {
        let phase = std::f64::consts::TAU * random.uniform();
        let mut episode = 0_u32;
        let mut minute = |random: &mut Random, time: f64, rate: f64, share: f64| {
            let (mut rate, mut volume) = (rate, self.per_minute() * share);
            if self.change == Change::Season {
                let tide = (std::f64::consts::TAU * time / 240.0 + phase).sin();
                rate *= 1.0 + tide / 3.0;
                volume *= 2.0_f64.powf(tide);
            }
            if self.change == Change::Episodes {
                episode = if episode > 0 {
                    episode - 1
                } else {
                    3 * u32::from(random.chance(1.0 / 20.0))
                };
                // 3 of 23 minutes at four times the rate, so that the mean stays.
                rate = (rate / 1.39 * if episode > 0 { 4.0 } else { 1.0 }).min(1.0);
            }
            let n = self.arrivals.minute(random, volume);
            let x = self.errors.among(random, n, rate);
            (n, x)
        };
        let minutes = match self.before {
            Before::Minutes(minutes) => minutes,
            Before::Unanswered | Before::Gaps | Before::Few => 60,
        };
        let share_before = if self.before == Before::Few {
            0.8 / self.per_minute()
        } else {
            1.0
        };
        let before = (0..minutes)
            .map(|t| {
                let (n, x) = minute(random, t as f64 - minutes as f64, self.usual, share_before);
                let silent = self.before == Before::Unanswered
                    || (self.before == Before::Gaps && t % 3 == 0);
                if silent {
                    Bucket::Unknown
                } else {
                    bucket(n, x)
                }
            })
            .collect();
        let share = if let Change::Traffic(share) = self.change {
            share
        } else {
            1.0
        };
        let counts: Vec<(f64, f64)> = (0..WATCH)
            .map(|t| minute(random, t as f64, self.rate_at(t), share))
            .collect();
        let after = counts
            .iter()
            .enumerate()
            .map(|(t, &(n, x))| {
                let silent = match self.change {
                    Change::Blind => true,
                    Change::Outage => (10..15).contains(&t),
                    Change::Blips(_) => (9..14).contains(&t),
                    Change::GoesDark => t >= 15,
                    _ => false,
                };
                if silent {
                    Bucket::Unknown
                } else {
                    bucket(n, x)
                }
            })
            .collect();
        let partial = (self.change == Change::Partial).then(|| {
            let part = |random: &mut Random, (n, x): (f64, f64)| {
                let done = random.uniform();
                let errors = random.binomial(x, done);
                bucket(errors + random.binomial(n - x, done), errors)
            };
            counts.iter().map(|&c| part(random, c)).collect()
        });
        // Last, so that a cell with it and its twin without it see the same watch.
        let day_before = self.day_before.then(|| {
            (0..60)
                .map(|t| {
                    let (n, x) = minute(random, f64::from(t) - 1500.0, self.usual, 1.0);
                    bucket(n, x)
                })
                .collect()
        });
        Deployment {
            before,
            day_before,
            after,
            partial,
        }
    }
}
