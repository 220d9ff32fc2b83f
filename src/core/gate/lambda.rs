//! The Lambda gate: which shares of a function are tested; knows no CloudWatch request.

use crate::core::gate::rate::{About, RateGate, SLOWER_THAN_P95, SLOWER_THAN_P99};
use crate::core::gate::series::{LambdaCount, Series};
use crate::core::gate::{GateKind, LambdaGate};

impl LambdaGate {
    /// The tests of one function: errors, and what is configured of latency and throttles.
    #[must_use]
    pub fn tests(&self, function: &str) -> Vec<RateGate> {
        let series = |count| Series::Lambda {
            function: function.to_owned(),
            count,
        };
        let test = |suffix: &str, about, requests: Vec<LambdaCount>, errors, bound| RateGate {
            name: format!("{function}{suffix}"),
            kind: GateKind::Lambda,
            about,
            requests: requests.into_iter().map(series).collect(),
            errors: series(errors),
            bound,
        };
        let invocations = vec![LambdaCount::Invocations];
        let mut tests = vec![test(
            "",
            About::Errors,
            invocations,
            LambdaCount::Errors,
            self.max_error_rate,
        )];
        let latency = [
            (" p95", self.p95, SLOWER_THAN_P95),
            (" p99", self.p99, SLOWER_THAN_P99),
        ];
        for (suffix, limit, share) in latency {
            if let Some(limit) = limit {
                let slow = LambdaCount::SlowerThan(super::http::millis(limit));
                tests.push(test(
                    suffix,
                    About::Latency,
                    vec![LambdaCount::Timed],
                    slow,
                    share,
                ));
            }
        }
        if let Some(bound) = self.max_throttle_rate {
            // Invocations do not hold what was throttled. Source: Lambda, "Types of metrics".
            let all = vec![LambdaCount::Invocations, LambdaCount::Throttles];
            tests.push(test(
                " throttles",
                About::Throttles,
                all,
                LambdaCount::Throttles,
                bound,
            ));
        }
        tests
    }

    /// Names without `*`: functions that need no looking up.
    pub fn named(&self) -> impl Iterator<Item = &String> {
        self.functions.iter().filter(|name| !name.contains('*'))
    }

    /// Names with `*`.
    pub fn patterns(&self) -> impl Iterator<Item = &String> {
        self.functions.iter().filter(|name| name.contains('*'))
    }
}
