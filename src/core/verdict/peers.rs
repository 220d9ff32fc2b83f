//! Other gates' rules, written again from their documentation, for comparison only; each answers when it would have rolled back.

use super::counts::Bucket;

/// A rule with its setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// Argo Rollouts analysis: aborts once more than `failureLimit` measurements failed (default 0), or
    /// after five errors in a row; a minute without a request is no measurement.
    Argo {
        /// Failed measurements that are forgiven.
        failure_limit: usize,
    },
    /// Flagger canary: rolls back once `threshold` checks failed (default 1); failed checks add up, no
    /// value and a provider's error count as failed.
    Flagger {
        /// Failed checks that roll back.
        threshold: usize,
    },
    /// CloudWatch alarm, also under CodeDeploy: M of the newest N data points; missing ones are skipped.
    Alarm {
        /// Data points above the bound.
        m: usize,
        /// Of the newest so many.
        n: usize,
    },
    /// Kayenta's Mann–Whitney judge at the deadline: the error rates of the minutes after against those
    /// before, 98 % confidence, a shift of more than a quarter of the median counts.
    Kayenta,
}

/// Every setting that is tried; the first of each family is its default.
pub const PEERS: [Peer; 22] = [
    Peer::Argo { failure_limit: 0 },
    Peer::Argo { failure_limit: 1 },
    Peer::Argo { failure_limit: 2 },
    Peer::Argo { failure_limit: 3 },
    Peer::Argo { failure_limit: 5 },
    Peer::Argo { failure_limit: 8 },
    Peer::Argo { failure_limit: 12 },
    Peer::Flagger { threshold: 1 },
    Peer::Flagger { threshold: 2 },
    Peer::Flagger { threshold: 3 },
    Peer::Flagger { threshold: 5 },
    Peer::Flagger { threshold: 8 },
    Peer::Flagger { threshold: 12 },
    Peer::Flagger { threshold: 18 },
    Peer::Alarm { m: 1, n: 1 },
    Peer::Alarm { m: 2, n: 3 },
    Peer::Alarm { m: 3, n: 3 },
    Peer::Alarm { m: 3, n: 5 },
    Peer::Alarm { m: 4, n: 5 },
    Peer::Alarm { m: 5, n: 5 },
    Peer::Alarm { m: 10, n: 10 },
    Peer::Kayenta,
];

/// Places in [`PEERS`] that are shown: each family's default and a setting that is often advised.
pub const SHOWN: [usize; 8] = [0, 3, 7, 10, 14, 15, 16, 21];

impl Peer {
    /// Its name and setting, as its own users know them.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Argo { failure_limit } => format!("Argo, failureLimit {failure_limit}"),
            Self::Flagger { threshold } => format!("Flagger, threshold {threshold}"),
            Self::Alarm { m, n } => format!("alarm {m} of {n}"),
            Self::Kayenta => "Kayenta".to_owned(),
        }
    }

    /// The system that it belongs to.
    #[must_use]
    pub const fn family(self) -> &'static str {
        match self {
            Self::Argo { .. } => "Argo Rollouts",
            Self::Flagger { .. } => "Flagger",
            Self::Alarm { .. } => "CloudWatch alarm, CodeDeploy",
            Self::Kayenta => "Kayenta",
        }
    }
}

/// When each of [`PEERS`] would have rolled back: minutes from 1, `None` for never. `kayenta`: whether to ask that rule
/// too, whose rank test is slow.
#[must_use]
pub fn judge(
    bound: f64,
    before: &[Bucket],
    after: &[Bucket],
    kayenta: bool,
) -> [Option<usize>; PEERS.len()] {
    // 0 fine, 1 above the bound, 2 no request, 3 no answer
    let kinds: Vec<u8> = after
        .iter()
        .map(|bucket| match bucket.counts() {
            None => 3,
            Some(counts) if counts.requests == 0 => 2,
            Some(counts) => u8::from(counts.x() > bound * counts.n()),
        })
        .collect();
    let minute = |index: usize| Some(index + 1);
    let nth = |wanted: usize, counts: fn(u8) -> bool| {
        kinds
            .iter()
            .enumerate()
            .filter(|(_, k)| counts(**k))
            .nth(wanted)
            .and_then(|(index, _)| minute(index))
    };
    let errors_in_a_row = kinds
        .windows(5)
        .position(|w| w.iter().all(|k| *k == 3))
        .and_then(|i| minute(i + 4));
    std::array::from_fn(|index| match PEERS[index] {
        Peer::Argo { failure_limit } => match (nth(failure_limit, |k| k == 1), errors_in_a_row) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        },
        Peer::Flagger { threshold } => nth(threshold - 1, |k| k != 0),
        Peer::Alarm { m, n } => {
            let points: Vec<(usize, bool)> = kinds
                .iter()
                .enumerate()
                .filter(|(_, k)| **k < 2)
                .map(|(i, k)| (i, *k == 1))
                .collect();
            (0..points.len())
                .find(|end| {
                    points[(end + 1).saturating_sub(n)..=*end]
                        .iter()
                        .filter(|p| p.1)
                        .count()
                        >= m
                })
                .and_then(|end| minute(points[end].0))
        }
        Peer::Kayenta => (kayenta && shifted(before, after)).then_some(after.len()),
    })
}

fn rates(buckets: &[Bucket]) -> Vec<f64> {
    let busy = buckets
        .iter()
        .filter_map(|b| b.counts())
        .filter(|c| c.requests > 0);
    busy.map(|c| c.x() / c.n()).collect()
}

/// Lower 98 % limit of the Hodges–Lehmann shift, against a quarter of the median of `before`.
fn shifted(before: &[Bucket], after: &[Bucket]) -> bool {
    let (mut old, new) = (rates(before), rates(after));
    if old.is_empty() || new.is_empty() || new.iter().all(|rate| *rate == 0.0) {
        return false;
    }
    let mut differences: Vec<f64> = new
        .iter()
        .flat_map(|a| old.iter().map(move |b| a - b))
        .collect();
    differences.sort_by(f64::total_cmp);
    old.sort_by(f64::total_cmp);
    let (m, n) = (new.len() as f64, old.len() as f64);
    let rank = m * n / 2.0 - 2.326 * (m * n * (m + n + 1.0) / 12.0).sqrt();
    rank >= 0.0 && differences[rank as usize] > 0.25 * old[old.len() / 2]
}
