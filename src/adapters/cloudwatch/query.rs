//! How a series is called in CloudWatch: namespace, metric, dimensions, statistic; knows no answer.

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};

use crate::core::gate::ApiName;
use crate::core::gate::series::{ApiCount, LambdaCount, Series};

const PERIOD_S: i32 = 60;

/// The query with the number `n` in its request.
pub(super) fn query(n: usize, series: &Series) -> MetricDataQuery {
    let query = MetricDataQuery::builder().id(format!("q{n}"));
    let (metric, stat) = match series {
        Series::Expression { expression } => {
            return query.expression(expression).period(PERIOD_S).build();
        }
        Series::Lambda { function, count } => {
            let (name, stat) = lambda(*count);
            (
                metric("AWS/Lambda", name, vec![("FunctionName", function.clone())]),
                stat,
            )
        }
        Series::Api { api, stage, count } => {
            let (name, stat) = api_count(api, *count);
            let mut dimensions = vec![match api {
                // Source: API Gateway, "REST API dimensions": non-ASCII characters are removed.
                ApiName::Rest(name) => ("ApiName", name.chars().filter(char::is_ascii).collect()),
                ApiName::Http(id) => ("ApiId", id.clone()),
            }];
            dimensions.extend(stage.clone().map(|stage| ("Stage", stage)));
            (metric("AWS/ApiGateway", name, dimensions), stat)
        }
    };
    let stat = MetricStat::builder()
        .metric(metric)
        .period(PERIOD_S)
        .stat(stat)
        .build();
    query.metric_stat(stat).build()
}

/// The number back from a query's id.
pub(super) fn number(id: &str) -> Option<usize> {
    id.strip_prefix('q')?.parse().ok()
}

fn metric(namespace: &str, name: &str, dimensions: Vec<(&str, String)>) -> Metric {
    let dimensions = dimensions
        .into_iter()
        .map(|(name, value)| Dimension::builder().name(name).value(value).build())
        .collect();
    Metric::builder()
        .namespace(namespace)
        .metric_name(name)
        .set_dimensions(Some(dimensions))
        .build()
}

/// Trimmed count: values above so many milliseconds. Source: CloudWatch, "Statistics definitions".
fn slower_than(ms: u64) -> String {
    format!("TC({ms}:)")
}

fn lambda(count: LambdaCount) -> (&'static str, String) {
    match count {
        LambdaCount::Invocations => ("Invocations", "Sum".to_owned()),
        LambdaCount::Errors => ("Errors", "Sum".to_owned()),
        LambdaCount::Throttles => ("Throttles", "Sum".to_owned()),
        LambdaCount::Timed => ("Duration", "SampleCount".to_owned()),
        LambdaCount::SlowerThan(ms) => ("Duration", slower_than(ms)),
    }
}

fn api_count(api: &ApiName, count: ApiCount) -> (&'static str, String) {
    match count {
        ApiCount::Requests => ("Count", "Sum".to_owned()),
        ApiCount::Errors5xx => (
            match api {
                ApiName::Rest(_) => "5XXError",
                ApiName::Http(_) => "5xx",
            },
            "Sum".to_owned(),
        ),
        ApiCount::Timed => ("Latency", "SampleCount".to_owned()),
        ApiCount::SlowerThan(ms) => ("Latency", slower_than(ms)),
    }
}
