//! The API Gateway gate: which shares of an API are tested; knows no CloudWatch request.

use crate::core::gate::rate::{About, RateGate, SLOWER_THAN_P95, SLOWER_THAN_P99};
use crate::core::gate::series::{ApiCount, Series};
use crate::core::gate::{ApiGatewayGate, ApiName, GateKind};

impl ApiName {
    /// The name or id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Rest(name) => name,
            Self::Http(id) => id,
        }
    }
}

impl ApiGatewayGate {
    /// `name`, or `name/stage`.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.stage {
            Some(stage) => format!("{}/{stage}", self.api.as_str()),
            None => self.api.as_str().to_owned(),
        }
    }

    /// The tests: 5XX, and what is configured of latency.
    #[must_use]
    pub fn tests(&self) -> Vec<RateGate> {
        let series = |count| Series::Api {
            api: self.api.clone(),
            stage: self.stage.clone(),
            count,
        };
        let test = |suffix: &str, about, requests, errors, bound| RateGate {
            name: format!("{}{suffix}", self.shown()),
            kind: GateKind::ApiGateway,
            about,
            requests: vec![series(requests)],
            errors: series(errors),
            bound,
        };
        let mut tests = vec![test(
            "",
            About::Errors,
            ApiCount::Requests,
            ApiCount::Errors5xx,
            self.max_5xx_rate,
        )];
        let latency = [
            (" p95", self.p95, SLOWER_THAN_P95),
            (" p99", self.p99, SLOWER_THAN_P99),
        ];
        for (suffix, limit, share) in latency {
            if let Some(limit) = limit {
                let slow = ApiCount::SlowerThan(super::http::millis(limit));
                tests.push(test(suffix, About::Latency, ApiCount::Timed, slow, share));
            }
        }
        tests
    }
}
