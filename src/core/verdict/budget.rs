//! One budget of false alarms for a whole deployment, divided over its gates; it does not know what they measure.

/// The share of each of `gates` gates of a deployment's budget `alpha`: alpha / gates (Bonferroni), so
/// that the deployment as a whole is rolled back falsely with probability at most `alpha`, whatever the
/// gates have to do with each other. No gate counts as one.
#[must_use]
pub fn share(alpha: f64, gates: usize) -> f64 {
    alpha / gates.max(1) as f64
}

/// Number of one-minute buckets that a test is planned over: window and bake, in seconds, each begun
/// minute counted, at least one.
#[must_use]
pub fn planned_buckets(window_seconds: u64, bake_seconds: u64) -> u32 {
    u32::try_from(window_seconds.saturating_add(bake_seconds).div_ceil(60))
        .unwrap_or(u32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_minutes_are_whole() {
        assert!((share(0.01, 4) * 4.0 - 0.01).abs() < 1e-15);
        assert_eq!(share(0.01, 0), 0.01);
        assert_eq!(planned_buckets(600, 1800), 40);
        assert_eq!(planned_buckets(5, 5), 1);
        assert_eq!(planned_buckets(u64::MAX, u64::MAX), u32::MAX);
    }
}
