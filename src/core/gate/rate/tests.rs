//! Shares of Lambda functions and APIs, judged from minutes.

use std::time::Duration;

use super::*;
use crate::core::gate::{ApiGatewayGate, ApiName, LambdaGate};
use crate::core::observation::Kind;

fn gate() -> RateGate {
    let gate = LambdaGate {
        functions: Vec::new(),
        max_error_rate: 0.05,
        p95: Some(Duration::from_secs(3)),
        p99: None,
        max_throttle_rate: Some(0.01),
    };
    let tests = gate.tests("CreateTodo");
    let names: Vec<&str> = tests.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(
        names,
        ["CreateTodo", "CreateTodo p95", "CreateTodo throttles"]
    );
    tests.into_iter().next().expect("errors")
}

fn terms(mode: Mode) -> Terms {
    Terms {
        mode,
        alpha: 0.01,
        planned: 40,
        watched: 8,
        failing: 2,
        of: 3,
        traffic_vanished: OnTrafficVanished::Inconclusive,
    }
}

fn find(mode: Mode, before: &[Bucket], after: &[Bucket]) -> Finding {
    let gate = gate();
    RateJudge::new(&gate, terms(mode), before, None).finding(&gate, after, None)
}

#[test]
fn a_bad_function_fails_and_a_good_one_is_certified() {
    let before = [Bucket::known(60, 0); 60];
    for mode in [Mode::Sequential, Mode::Threshold] {
        let bad = find(mode, &before, &[Bucket::known(60, 20); 8]);
        assert_eq!(
            (bad.verdict, bad.evidence),
            (Verdict::Degraded, 1.0),
            "{mode}"
        );
        assert_eq!(
            bad.counted.map(|c| (c.requests, c.errors)),
            Some((480, 160))
        );
        let good = find(mode, &before, &[Bucket::known(600, 0); 8]);
        assert!(
            good.certified && good.reason == ReasonCode::Healthy,
            "{mode}"
        );
    }
}

#[test]
fn no_data_is_never_a_fail_nor_a_pass_and_little_traffic_is_thin() {
    let before = [Bucket::known(60, 0); 60];
    for mode in [Mode::Sequential, Mode::Threshold] {
        let blind = find(mode, &before, &[Bucket::Unknown; 30]);
        assert_eq!(
            (blind.verdict, blind.reason, blind.thin),
            (Verdict::Inconclusive, ReasonCode::NoData, false),
            "{mode}"
        );
        let thin = find(mode, &[Bucket::known(0, 0); 60], &[Bucket::known(0, 0); 10]);
        assert!(thin.thin && thin.reason == ReasonCode::NoTraffic, "{mode}");
    }
    let gone = find(Mode::Sequential, &before, &[Bucket::known(0, 0); 10]);
    assert_eq!(
        (gone.reason, gone.thin),
        (ReasonCode::TrafficVanished, false)
    );
}

#[test]
fn vanished_traffic_fails_where_it_is_configured_to_and_other_silence_does_not() {
    let strict = Terms {
        traffic_vanished: OnTrafficVanished::Degraded,
        ..terms(Mode::Sequential)
    };
    let (gate, busy) = (gate(), [Bucket::known(60, 0); 60]);
    let found = |before: &[Bucket], after: &[Bucket]| {
        RateJudge::new(&gate, strict, before, None).finding(&gate, after, None)
    };
    let gone = found(&busy, &[Bucket::known(0, 0); 10]);
    assert_eq!(
        (gone.verdict, gone.reason, gone.evidence),
        (Verdict::Degraded, ReasonCode::TrafficVanished, 1.0)
    );
    let quiet = [Bucket::known(0, 0); 60];
    for (before, after) in [
        (&busy, [Bucket::Unknown; 10]),
        (&busy, [Bucket::known(55, 0); 10]),
        (&quiet, [Bucket::known(0, 0); 10]),
    ] {
        assert_ne!(
            found(before, &after).verdict,
            Verdict::Degraded,
            "{after:?}"
        );
    }
}

#[test]
fn a_thin_gate_above_its_bound_and_one_half_seen_hold() {
    let mut few = [Bucket::known(0, 0); 60];
    few[0] = Bucket::known(20, 3);
    let above = find(Mode::Sequential, &few, &[Bucket::known(1000, 150); 8]);
    assert_eq!(
        (above.verdict, above.thin),
        (Verdict::Inconclusive, false),
        "{above:?}"
    );
    assert_eq!(above.before.map(|c| (c.requests, c.errors)), Some((20, 3)));
    let below = find(Mode::Sequential, &few, &[Bucket::known(1, 0); 8]);
    assert!(below.thin);
    let mut dark = [Bucket::Unknown; 8];
    dark[..4].fill(Bucket::known(1, 0));
    let dark = find(Mode::Sequential, &few, &dark);
    assert_eq!(
        (dark.reason, dark.thin, dark.unseen_minutes),
        (ReasonCode::TooLittleData, false, 4)
    );
}

#[test]
fn the_simple_mode_takes_m_of_n_minutes() {
    let (gate, busy) = (gate(), [Bucket::known(60, 0); 60]);
    let (bad, good) = (Bucket::known(60, 30), Bucket::known(60, 0));
    for (failing, of, needed) in [(1, 1, 1), (2, 3, 2), (4, 5, 4)] {
        let terms = Terms {
            failing,
            of,
            ..terms(Mode::Threshold)
        };
        let judge = RateJudge::new(&gate, terms, &busy, None);
        let verdict = |after: &[Bucket]| judge.finding(&gate, after, None).verdict;
        assert_eq!(verdict(&vec![bad; needed]), Verdict::Degraded);
        assert_ne!(verdict(&vec![bad; needed - 1]), Verdict::Degraded);
        // One good minute among the newest is forgiven where N is larger than M.
        let mut mixed = vec![bad; needed];
        mixed.insert(needed - 1, good);
        assert_eq!(
            verdict(&mixed) == Verdict::Degraded,
            of > failing || needed == 1
        );
    }
}

#[test]
fn a_thin_gate_that_cannot_be_read_holds() {
    let gate = gate();
    let judge = RateJudge::new(
        &gate,
        terms(Mode::Sequential),
        &[Bucket::known(0, 0); 60],
        None,
    );
    let why = Why::new(Kind::Denied, "no");
    let finding = judge.finding(&gate, &[Bucket::Unknown; 3], Some(&why));
    assert!(judge.thin && !finding.thin);
    assert_eq!(finding.seen, Seen::Unknown { why });
}

#[test]
fn what_was_bad_before_is_no_evidence() {
    let bad = [Bucket::known(60, 12); 60];
    for mode in [Mode::Sequential, Mode::Threshold] {
        let finding = find(mode, &bad, &[Bucket::known(60, 12); 8]);
        assert_eq!(
            (finding.verdict, finding.reason),
            (Verdict::Inconclusive, ReasonCode::FailingBefore),
            "{mode}"
        );
    }
}

#[test]
fn the_budget_is_divided_and_latency_says_so() {
    let gate = ApiGatewayGate {
        api: ApiName::Rest("todo".to_owned()),
        stage: Some("prod".to_owned()),
        max_5xx_rate: 0.1,
        p95: Some(Duration::from_secs(2)),
        p99: Some(Duration::from_secs(4)),
    };
    let tests = gate.tests();
    assert_eq!(
        tests.iter().map(|t| t.bound).collect::<Vec<_>>(),
        [0.1, 0.05, 0.01]
    );
    let slow = tests.get(1).expect("p95");
    assert_eq!(slow.name, "todo/prod p95");
    let judge = RateJudge::new(
        slow,
        terms(Mode::Sequential),
        &[Bucket::known(100, 0); 60],
        None,
    );
    let finding = judge.finding(slow, &[Bucket::known(100, 60); 6], None);
    assert_eq!(finding.reason, ReasonCode::LatencyAboveBound);
}
