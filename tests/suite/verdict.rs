//! The verdict engine: properties on any input, and a short sweep with fixed seeds over made-up services.

#[expect(dead_code, reason = "the benchmark uses more of it")]
#[path = "../../benches/verdict/random.rs"]
mod random;

use deploy_guard::core::verdict::{
    Bucket, PreparedTest, RateFinding, RateTest, ReasonCode, Traffic, Verdict, judge_rate,
};
use proptest::prelude::*;
use random::Random;

const WATCH: usize = 30;

fn test_of(bound: f64, alpha: f64, planned: usize) -> RateTest {
    RateTest::new(bound, alpha, planned as u32).expect("valid settings")
}

fn judge(before: &[Bucket], after: &[Bucket]) -> RateFinding {
    judge_rate(test_of(0.05, 0.01, after.len().max(1)), before, None, after)
}

fn minutes(random: &mut Random, count: usize, per_minute: f64, rate: f64) -> Vec<Bucket> {
    (0..count)
        .map(|_| {
            let n = random.poisson(per_minute);
            Bucket::known(n as u64, random.binomial(n, rate) as u64)
        })
        .collect()
}

/// Errors whose rate moves from minute to minute.
fn restless(random: &mut Random, count: usize, per_minute: f64, rate: f64) -> Vec<Bucket> {
    (0..count)
        .map(|_| {
            let n = random.poisson(per_minute);
            let now = random.beta(rate, 0.02);
            Bucket::known(n as u64, random.binomial(n, now) as u64)
        })
        .collect()
}

fn any_bucket() -> impl Strategy<Value = Bucket> {
    prop_oneof![
        1 => Just(Bucket::Unknown),
        1 => Just(Bucket::known(0, 0)),
        3 => (0_u64..200, 0_u64..50).prop_map(|(n, x)| Bucket::known(n, x)),
        1 => (any::<u64>(), any::<u64>()).prop_map(|(n, x)| Bucket::known(n, x)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_counts_have_a_defined_answer(
        before in prop::collection::vec(any_bucket(), 0..70),
        after in prop::collection::vec(any_bucket(), 0..40),
        bound in 1e-12_f64..1.0,
        alpha in 1e-15_f64..0.5,
    ) {
        let test = RateTest::new(bound, alpha, after.len().max(1) as u32);
        let Ok(test) = test else { return Ok(()) };
        let finding = judge_rate(test, &before, Some(&after), &after);
        prop_assert!((0.0..=1.0).contains(&finding.evidence), "{finding:?}");
        prop_assert!((0.0..=1.0).contains(&finding.pass_evidence), "{finding:?}");
        prop_assert!(finding.dispersion >= 1.0 && finding.dispersion.is_finite());
        prop_assert!(finding.rate.is_none_or(|rate| (0.0..=1.0).contains(&rate)));
        prop_assert_eq!(finding.decided_at.is_some(), finding.verdict == Verdict::Degraded);
        prop_assert_eq!(finding.evidence >= 1.0, finding.verdict == Verdict::Degraded);
        let (low, high) = finding.interval;
        prop_assert!((0.0..=1.0).contains(&low) && low <= high && high <= 1.0);
    }

    #[test]
    fn no_error_is_never_a_fail(
        before in prop::collection::vec(any_bucket(), 0..70),
        requests in prop::collection::vec(0_u64..1_000_000, 0..40),
    ) {
        let after: Vec<Bucket> = requests.iter().map(|n| Bucket::known(*n, 0)).collect();
        prop_assert_ne!(judge(&before, &after).verdict, Verdict::Degraded);
    }

    #[test]
    fn silence_decides_nothing(
        before in prop::collection::vec(any_bucket(), 0..70),
        pattern in prop::collection::vec(any::<bool>(), 0..40),
    ) {
        let after: Vec<Bucket> =
            pattern.iter().map(|known| if *known { Bucket::known(0, 0) } else { Bucket::Unknown }).collect();
        let finding = judge(&before, &after);
        prop_assert_eq!(finding.verdict, Verdict::Inconclusive);
        prop_assert_eq!(finding.evidence, 0.0);
    }

    #[test]
    fn a_fail_stays_a_fail_and_looks_agree(
        before in prop::collection::vec(any_bucket(), 0..70),
        after in prop::collection::vec(any_bucket(), 1..40),
    ) {
        let gate = PreparedTest::new(test_of(0.05, 0.01, 40), &before, None);
        let last = gate.judge(&after);
        let first = (1..=after.len()).find(|look| gate.judge(&after[..*look]).verdict == Verdict::Degraded);
        prop_assert_eq!(last.decided_at.map(|index| index + 1), first);
    }

    #[test]
    fn a_blip_of_two_minutes_is_forgiven_wherever_it_is(start in 0_usize..28, second in 0_usize..28) {
        let mut after = vec![Bucket::known(600, 6); WATCH];
        for index in [start, start + 1] {
            after[index] = Bucket::known(600, 600);
        }
        if second.abs_diff(start) > 4 {
            after[second] = Bucket::known(600, 300);
            after[second + 1] = Bucket::known(600, 300);
        }
        let before = [Bucket::known(600, 6); 60];
        prop_assert_ne!(judge(&before, &after).verdict, Verdict::Degraded);
    }

    #[test]
    fn two_bad_minutes_are_a_blip_whatever_nobody_answered_for(
        first in 0_usize..29,
        apart in 1_usize..29,
        answered in prop::collection::vec(prop::bool::weighted(0.2), WATCH),
        idle in any::<bool>(),
    ) {
        let second = first + apart;
        prop_assume!(second < WATCH);
        // Idle minutes bridge one minute only: more of them are two blips.
        let nothing = if idle && apart > 2 { Bucket::known(0, 0) } else { Bucket::Unknown };
        let mut after: Vec<Bucket> =
            answered.iter().map(|answered| if *answered { Bucket::known(60, 1) } else { nothing }).collect();
        after[first + 1..second].fill(nothing);
        after[first] = Bucket::known(60, 60);
        after[second] = Bucket::known(60, 30);
        for before in [&[Bucket::known(60, 1); 60][..], &[]] {
            prop_assert_ne!(judge(before, &after).verdict, Verdict::Degraded);
        }
    }

    #[test]
    fn a_fault_is_found_in_its_third_minute_wherever_it_begins(start in 0_usize..27) {
        let mut after = vec![Bucket::known(600, 6); WATCH];
        after[start..].fill(Bucket::known(600, 300));
        let finding = judge(&[Bucket::known(600, 6); 60], &after);
        prop_assert_eq!(finding.decided_at, Some(start + 2));
    }
}

#[test]
fn a_blip_does_not_hide_a_later_fault() {
    let mut after = vec![Bucket::known(60_000, 600); WATCH];
    after[0] = Bucket::known(60_000, 60_000);
    after[15..].fill(Bucket::known(60_000, 12_000));
    assert_eq!(
        judge(&[Bucket::known(60_000, 600); 60], &after).decided_at,
        Some(17)
    );
}

#[test]
fn ten_million_healthy_requests_in_one_minute_pass() {
    for errors in [0, 100_000, 400_000, 490_000] {
        let bucket = Bucket::known(10_000_000, errors);
        let finding = judge(&[], &[bucket; WATCH]);
        assert_eq!(finding.verdict, Verdict::Healthy, "{errors}: {finding:?}");
        assert_ne!(
            judge(&[bucket; 60], &[bucket; WATCH]).verdict,
            Verdict::Degraded,
            "{errors}"
        );
    }
}

#[test]
fn a_million_minutes_lose_no_precision() {
    let mut after = vec![Bucket::known(600, 36); 1_000_000];
    let gate = PreparedTest::new(
        test_of(0.05, 0.01, 1_000_010),
        &[Bucket::known(600, 12); 60],
        None,
    );
    // 6 % is above what a baseline of 2 % allows: found in time.
    assert!(gate.judge(&after[..100]).verdict == Verdict::Degraded);
    after.fill(Bucket::known(600, 12));
    assert_eq!(gate.judge(&after).verdict, Verdict::Healthy);
    after[999_990..].fill(Bucket::known(600, 300));
    assert!(
        gate.judge(&after)
            .decided_at
            .is_some_and(|index| (999_990..999_998).contains(&index))
    );
}

#[test]
fn an_outage_of_the_provider_is_no_evidence() {
    let before = [Bucket::known(60, 1); 60];
    let mut after = vec![Bucket::known(60, 1); WATCH];
    after[10..15].fill(Bucket::Unknown);
    assert_eq!(judge(&before, &after).verdict, Verdict::Healthy);
    after[4..].fill(Bucket::Unknown);
    assert_eq!(judge(&before, &after).reason, ReasonCode::TooLittleData);
    after.fill(Bucket::Unknown);
    let blind = judge(&before, &after);
    assert_eq!(
        (blind.verdict, blind.reason, blind.traffic),
        (Verdict::Inconclusive, ReasonCode::NoData, Traffic::None)
    );
}

#[test]
fn a_few_failed_requests_before_do_not_hide_a_fault() {
    let idle = Bucket::known(0, 0);
    let before = |requests: u64, errors: u64| {
        let mut hour = vec![idle; 60];
        for (index, minute) in hour.iter_mut().take(requests as usize).enumerate() {
            let failed = (index as u64).is_multiple_of(requests / errors)
                && index as u64 / (requests / errors) < errors;
            *minute = Bucket::known(1, u64::from(failed));
        }
        hour
    };
    for (requests, errors, after) in [
        (1, 1, 1000),
        (1, 1, 500),
        (5, 1, 600),
        (10, 2, 600),
        (60, 5, 300),
    ] {
        let finding = judge(
            &before(requests, errors),
            &[Bucket::known(1000, after); WATCH],
        );
        assert_eq!(
            finding.verdict,
            Verdict::Degraded,
            "{errors} of {requests}, then {after} of 1000: {finding:?}"
        );
    }
    // Not clearly worse than before: neither failed nor passed over as too little traffic.
    let held = judge(&before(20, 3), &[Bucket::known(1000, 150); WATCH]);
    assert_eq!((held.verdict, held.suspect), (Verdict::Inconclusive, true));
    assert!(held.evidence > 0.99);
    // The baseline shows that the service was bad already: then only a rise counts.
    let same = judge(&before(60, 12), &[Bucket::known(1000, 200); WATCH]);
    assert_eq!(same.reason, ReasonCode::BadBefore);
}

#[test]
fn what_nobody_answered_for_certifies_nothing() {
    let before = [Bucket::known(100, 1); 60];
    for seen in 1..WATCH {
        let mut after = [Bucket::known(100, 1); WATCH];
        after[seen..].fill(Bucket::Unknown);
        let finding = judge(&before, &after);
        let newest_third_unseen = seen <= WATCH - WATCH / 3;
        assert_eq!(
            finding.reason == ReasonCode::TooLittleData,
            newest_third_unseen,
            "{seen}: {finding:?}"
        );
        assert_eq!(finding.verdict == Verdict::Healthy, !newest_third_unseen);
        // A minute without requests is an answer.
        after[seen..].fill(Bucket::known(0, 0));
        assert_ne!(judge(&before, &after).reason, ReasonCode::TooLittleData);
    }
    let mut half = [Bucket::known(100, 1); WATCH];
    half[..WATCH / 2].fill(Bucket::Unknown);
    assert_eq!(judge(&before, &half).reason, ReasonCode::TooLittleData);
}

#[test]
fn a_quiet_day_before_does_not_hide_that_the_traffic_is_gone() {
    let quiet: Vec<Bucket> = (0..60)
        .map(|t| Bucket::known(u64::from(t % 12 == 0), 0))
        .collect();
    let gate = PreparedTest::new(
        test_of(0.05, 0.01, WATCH),
        &[Bucket::known(10, 0); 60],
        Some(&quiet),
    );
    let gone = gate.judge(&[Bucket::known(0, 0); WATCH]);
    assert_eq!(
        (gone.reason, gone.thin),
        (ReasonCode::TrafficVanished, false)
    );
    assert!(gate.promises(WATCH as u32));
    // Where the hour before was not answered the day before is what is known.
    let busy = [Bucket::known(10, 0); 60];
    let unanswered = [Bucket::Unknown; 60];
    let promises = |day: &[Bucket]| {
        PreparedTest::new(test_of(0.05, 0.01, WATCH), &unanswered, Some(day)).promises(WATCH as u32)
    };
    assert!(promises(&busy) && !promises(&quiet));
}

#[test]
fn a_service_that_failed_altogether_before_cannot_get_worse() {
    for (requests, minutes) in [(10_000_000, 1500), (1_000_000_000, WATCH)] {
        let broken = Bucket::known(requests, requests);
        let finding = judge(&vec![broken; 60], &vec![broken; minutes]);
        assert_eq!(
            finding.reason,
            ReasonCode::BadBefore,
            "{requests}: {finding:?}"
        );
    }
}

#[test]
fn vanished_traffic_is_named_and_sparse_traffic_is_not() {
    let none = [Bucket::known(0, 0); WATCH];
    assert_eq!(
        judge(&[Bucket::known(60, 0); 60], &none).reason,
        ReasonCode::TrafficVanished
    );
    assert_eq!(
        judge(&[Bucket::known(1, 0); 10], &none).traffic,
        Traffic::None
    );
    assert_eq!(judge(&[], &none).reason, ReasonCode::NoTraffic);
    let half: Vec<Bucket> = (0..60)
        .map(|t| Bucket::known(if t % 30 < 15 { 60 } else { 0 }, 0))
        .collect();
    assert_ne!(judge(&half, &half[15..30]).traffic, Traffic::Vanished);
}

#[test]
fn a_service_that_was_bad_before_is_not_blamed_unless_it_got_worse() {
    let bad = [Bucket::known(100, 20); 60];
    let same = judge(&bad, &[Bucket::known(100, 20); WATCH]);
    assert_eq!(
        (same.verdict, same.reason),
        (Verdict::Inconclusive, ReasonCode::BadBefore)
    );
    let worse = judge(&bad, &[Bucket::known(100, 70); WATCH]);
    assert_eq!(
        (worse.verdict, worse.reason),
        (Verdict::Degraded, ReasonCode::ErrorRateAboveBaseline)
    );
}

#[test]
fn a_pass_needs_65_requests_for_five_percent_and_thin_says_so() {
    let after = |n: u64| [Bucket::known(n, 0)];
    assert_eq!(judge(&[], &after(64)).reason, ReasonCode::TooFewRequests);
    assert_eq!(judge(&[], &after(65)).verdict, Verdict::Healthy);
    let gate = |per_minute| {
        PreparedTest::new(
            test_of(0.05, 0.01, 30),
            &[Bucket::known(per_minute, 0); 60],
            None,
        )
    };
    assert!(gate(2).thin() && !gate(3).thin());
    assert!(PreparedTest::new(test_of(0.05, 0.01, 30), &[], None).thin());
    assert!(!PreparedTest::new(test_of(0.05, 0.01, 30), &[Bucket::Unknown; 60], None).thin());
}

/// Deployments of a sweep that end in each verdict, and the median minute of a fail.
fn sweep(
    runs: usize,
    seed: u64,
    make: impl Fn(&mut Random) -> (Vec<Bucket>, Vec<Bucket>),
) -> (usize, usize, usize) {
    let mut random = Random::new(seed);
    let mut times = Vec::new();
    let mut passed = 0;
    for _ in 0..runs {
        let (before, after) = make(&mut random);
        let finding = judge(&before, &after);
        times.extend(finding.decided_at.map(|index| index + 1));
        passed += usize::from(finding.verdict == Verdict::Healthy);
    }
    times.sort_unstable();
    (
        times.len(),
        passed,
        times.get(runs / 2).copied().unwrap_or(usize::MAX),
    )
}

#[test]
fn healthy_services_are_not_rolled_back() {
    // 1 % of 300 is 3; 9 or more has a chance below 1 in 250 at exactly 1 %, and the cells lie far below.
    for (index, (per_minute, rate)) in [
        (6.0, 0.01),
        (60.0, 0.03),
        (600.0, 0.045),
        (600.0, 0.05),
        (60_000.0, 0.05),
    ]
    .into_iter()
    .enumerate()
    {
        let steady = sweep(300, index as u64, |r| {
            (
                minutes(r, 60, per_minute, rate),
                minutes(r, WATCH, per_minute, rate),
            )
        });
        let moving = sweep(300, index as u64, |r| {
            (
                restless(r, 60, per_minute, rate),
                restless(r, WATCH, per_minute, rate),
            )
        });
        assert!(
            steady.0 <= 8 && moving.0 <= 8,
            "{per_minute}/min, {rate}: {steady:?} {moving:?}"
        );
    }
    let without = sweep(300, 99, |r| (Vec::new(), minutes(r, WATCH, 600.0, 0.05)));
    assert!(without.0 <= 8, "{without:?}");
}

#[test]
fn faults_are_found_in_time() {
    for (per_minute, rate, due) in [
        (6.0, 0.5, 4),
        (60.0, 0.1, 10),
        (60.0, 0.2, 4),
        (600.0, 0.07, 7),
        (600.0, 0.1, 3),
        (60_000.0, 0.07, 3),
    ] {
        let (found, passed, median) = sweep(200, 7, |r| {
            (
                minutes(r, 60, per_minute, 0.01),
                minutes(r, WATCH, per_minute, rate),
            )
        });
        assert!(
            found >= 194 && median <= due,
            "{per_minute}/min, {rate}: found {found}, median {median}"
        );
        assert_eq!(passed, 0);
    }
}

#[test]
fn a_rate_at_the_bound_seldom_passes() {
    for per_minute in [6.0, 60.0, 600.0] {
        let (_, passed, _) = sweep(300, 3, |r| {
            (Vec::new(), minutes(r, WATCH, per_minute, 0.05))
        });
        assert!(passed <= 24, "{per_minute}: {passed} of 300");
    }
}

#[test]
fn other_bounds_budgets_and_windows_hold_as_well() {
    let mut random = Random::new(11);
    for (bound, alpha, window, per_minute) in [
        (0.001, 0.05, 30, 6000.0),
        (0.01, 0.01, 10, 600.0),
        (0.1, 0.05, 60, 60.0),
        (0.1, 0.001, 10, 600.0),
        (0.5, 0.05, 30, 10.0),
        (0.9, 0.05, 30, 60.0),
    ] {
        let test = test_of(bound, alpha, window);
        let mut failed = 0;
        let mut found = 0;
        for _ in 0..200 {
            let before = minutes(&mut random, 60, per_minute, bound);
            let same = minutes(&mut random, window, per_minute, bound);
            failed +=
                usize::from(judge_rate(test, &before, None, &same).verdict == Verdict::Degraded);
            let clean = minutes(&mut random, 60, per_minute, bound / 10.0);
            let worse = minutes(&mut random, window, per_minute, (4.0 * bound).min(0.99));
            found +=
                usize::from(judge_rate(test, &clean, None, &worse).verdict == Verdict::Degraded);
        }
        let allowed = 200.0 * alpha + 3.0 * (200.0 * alpha).sqrt() + 1.0;
        assert!(
            (failed as f64) <= allowed,
            "{bound} {alpha} {window}: {failed} false"
        );
        assert!(found >= 190, "{bound} {alpha} {window}: {found} found");
    }
}
