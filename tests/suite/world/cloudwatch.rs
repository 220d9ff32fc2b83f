//! CloudWatch's GetMetricData and ListMetrics as the SDK's query protocol has them, fed by a scripted traffic; alarms are moto's affair.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::aws_words::{error, iso, xml_escape};
use super::calls::Seen;
use super::http::{Reply, Req, form, lock};

/// One line of numbers that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub namespace: String,
    pub metric: String,
    pub dimensions: BTreeMap<String, String>,
    pub stat: String,
}

impl Asked {
    /// A dimension's value, empty where it has none.
    pub fn dimension(&self, name: &str) -> &str {
        self.dimensions.get(name).map_or("", String::as_str)
    }
}

/// What happens to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Half of the values, `PartialData`, and no further page.
    Partial,
    /// `InternalError` without values.
    Internal,
    /// `Forbidden` without values.
    Forbidden,
    /// Every value is no number.
    NotANumber,
    /// Every value is below zero.
    Negative,
    /// One value more, an hour after the end of the span.
    Future,
}

type Traffic = Arc<dyn Fn(&Asked, i64) -> Option<f64> + Send + Sync>;

#[derive(Default)]
struct State {
    traffic: Option<Traffic>,
    existing: Vec<Asked>,
    troubles: Vec<(String, Trouble)>,
    page_minutes: Option<i64>,
    hide_newest: i64,
}

/// Switches of CloudWatch.
#[derive(Default)]
pub struct CloudWatch(Mutex<State>);

impl CloudWatch {
    /// The value of a line in a minute (counted from the epoch); `None` = no datapoint.
    pub fn traffic(&self, values: impl Fn(&Asked, i64) -> Option<f64> + Send + Sync + 'static) {
        lock(&self.0).traffic = Some(Arc::new(values));
    }

    /// A metric that exists, for ListMetrics and SEARCH.
    pub fn exists(&self, namespace: &str, metric: &str, dimensions: &[(&str, &str)]) {
        lock(&self.0).existing.push(Asked {
            namespace: namespace.into(),
            metric: metric.into(),
            dimensions: dimensions
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            stat: String::new(),
        });
    }

    /// Trouble with every query whose metric, statistic, dimension or expression contains this text.
    pub fn trouble(&self, with: &str, trouble: Trouble) {
        lock(&self.0).troubles.push((with.into(), trouble));
    }

    /// No trouble any more.
    pub fn heal(&self) {
        lock(&self.0).troubles.clear();
    }

    /// So many minutes a page.
    pub fn pages_of(&self, minutes: i64) {
        lock(&self.0).page_minutes = Some(minutes);
    }

    /// The newest minutes of each answer have no datapoint yet.
    pub fn hide_newest(&self, minutes: i64) {
        lock(&self.0).hide_newest = minutes;
    }

    /// Answers what moto cannot; `None` for everything else.
    pub fn answer(&self, req: &Req, seen: &Seen) -> Option<Reply> {
        let fields: BTreeMap<String, String> = form(&req.text()).into_iter().collect();
        match seen.operation.as_str() {
            "GetMetricData" => Some(self.data(&fields, seen)),
            "ListMetrics" => Some(self.list(&fields)),
            _ => None,
        }
    }

    fn list(&self, fields: &BTreeMap<String, String>) -> Reply {
        let namespace = fields.get("Namespace");
        let dimension = fields.get("Dimensions.member.1.Name");
        let state = lock(&self.0);
        let metrics: String = state
            .existing
            .iter()
            .filter(|m| namespace.is_none_or(|n| m.namespace == *n))
            .filter(|m| dimension.is_none_or(|d| m.dimensions.contains_key(d)))
            .map(|m| {
                let dimensions: String = m
                    .dimensions
                    .iter()
                    .map(|(k, v)| {
                        let (k, v) = (xml_escape(k), xml_escape(v));
                        format!("<member><Name>{k}</Name><Value>{v}</Value></member>")
                    })
                    .collect();
                let (space, name) = (xml_escape(&m.namespace), xml_escape(&m.metric));
                format!("<member><Namespace>{space}</Namespace><MetricName>{name}</MetricName><Dimensions>{dimensions}</Dimensions></member>")
            })
            .collect();
        answer("ListMetrics", &format!("<Metrics>{metrics}</Metrics>"))
    }

    fn data(&self, fields: &BTreeMap<String, String>, seen: &Seen) -> Reply {
        let text = |key: &str| fields.get(key).cloned().unwrap_or_default();
        let minute = |key: &str| {
            let at: jiff::Timestamp = text(key).parse().expect("an instant");
            at.as_second().div_euclid(60)
        };
        let (from, to) = (minute("StartTime"), minute("EndTime"));
        let queries = queries(fields);
        assert!(queries.len() <= 500, "more than 500 queries in one request");
        let state = lock(&self.0);
        let page_from = match fields.get("NextToken") {
            Some(token) => token.parse().expect("a token of ours"),
            None => from,
        };
        let page_to = state.page_minutes.map_or(to, |n| (page_from + n).min(to));
        let mut results = String::new();
        for query in &queries {
            let Some(lines) = state.lines(query) else {
                let said = format!(
                    "Error in expression '{}' [Invalid syntax]",
                    xml_escape(&query.id)
                );
                return error(seen, 400, "ValidationError", &said);
            };
            let trouble = state
                .troubles
                .iter()
                .find(|(with, _)| query.text.contains(with))
                .map(|(_, trouble)| *trouble);
            for (label, line) in lines {
                let newest = page_to.min(to - state.hide_newest);
                let mut points: Vec<(i64, f64)> = (page_from..newest)
                    .filter_map(|m| Some((m, state.value(&line, m)?)))
                    .collect();
                let mut status = if page_to < to {
                    "PartialData"
                } else {
                    "Complete"
                };
                match trouble {
                    None => {}
                    Some(Trouble::Partial) => {
                        points.truncate(points.len() / 2);
                        status = "PartialData";
                    }
                    Some(Trouble::Internal) => {
                        points.clear();
                        status = "InternalError";
                    }
                    Some(Trouble::Forbidden) => {
                        points.clear();
                        status = "Forbidden";
                    }
                    Some(Trouble::NotANumber) => points.iter_mut().for_each(|p| p.1 = f64::NAN),
                    Some(Trouble::Negative) => points.iter_mut().for_each(|p| p.1 = -1.0),
                    Some(Trouble::Future) => points.push((to + 60, 1000.0)),
                }
                if text("ScanBy") != "TimestampAscending" {
                    points.reverse();
                }
                results.push_str(&result(&query.id, &label, status, &points));
            }
        }
        let token = if page_to < to {
            format!("<NextToken>{page_to}</NextToken>")
        } else {
            String::new()
        };
        let body = format!("<MetricDataResults>{results}</MetricDataResults>{token}<Messages/>");
        answer("GetMetricData", &body)
    }
}

impl State {
    fn value(&self, lines: &[Asked], minute: i64) -> Option<f64> {
        let traffic = self.traffic.as_ref()?;
        let values: Vec<f64> = lines.iter().filter_map(|l| traffic(l, minute)).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// The lines of a query by label, several metrics added up in one; `None` where the expression is not valid.
    fn lines(&self, query: &Query) -> Option<Vec<(String, Vec<Asked>)>> {
        let Some(expression) = &query.expression else {
            return Some(vec![(query.line.metric.clone(), vec![query.line.clone()])]);
        };
        let (before, rest) = expression.split_once("SEARCH(")?;
        let mut quoted = rest.split('\'');
        let (search, stat) = (quoted.nth(1)?, quoted.nth(1)?);
        let (space, words) = search.strip_prefix('{')?.split_once('}')?;
        let space = space.split(',').next()?;
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let found: Vec<Asked> = self
            .existing
            .iter()
            .filter(|m| m.namespace == space)
            .filter(|m| {
                let values: Vec<&str> = m.dimensions.values().map(String::as_str).collect();
                let all = format!("{} {}", m.metric, values.join(" ")).to_lowercase();
                words.iter().all(|word| all.contains(word))
            })
            .map(|m| Asked {
                stat: stat.to_owned(),
                ..m.clone()
            })
            .collect();
        Some(match (before.trim(), found.is_empty()) {
            ("SUM(", _) => vec![("sum".to_owned(), found)],
            (_, true) => Vec::new(),
            _ => found
                .into_iter()
                .map(|m| (format!("{m:?}"), vec![m]))
                .collect(),
        })
    }
}

struct Query {
    id: String,
    expression: Option<String>,
    line: Asked,
    /// Everything by which trouble finds it.
    text: String,
}

fn queries(fields: &BTreeMap<String, String>) -> Vec<Query> {
    let mut queries = Vec::new();
    for n in 1.. {
        let at = |rest: &str| {
            let key = format!("MetricDataQueries.member.{n}.{rest}");
            fields.get(&key).cloned()
        };
        let Some(id) = at("Id") else { break };
        let mut line = Asked {
            namespace: at("MetricStat.Metric.Namespace").unwrap_or_default(),
            metric: at("MetricStat.Metric.MetricName").unwrap_or_default(),
            stat: at("MetricStat.Stat").unwrap_or_default(),
            ..Asked::default()
        };
        for d in 1.. {
            let part = |rest: &str| at(&format!("MetricStat.Metric.Dimensions.member.{d}.{rest}"));
            let (Some(name), Some(value)) = (part("Name"), part("Value")) else {
                break;
            };
            line.dimensions.insert(name, value);
        }
        let expression = at("Expression");
        assert!(
            expression.is_some() || at("MetricStat.Period").as_deref() == Some("60"),
            "one-minute periods are asked for"
        );
        let text = format!("{line:?} {}", expression.clone().unwrap_or_default());
        queries.push(Query {
            id,
            expression,
            line,
            text,
        });
    }
    queries
}

fn result(id: &str, label: &str, status: &str, points: &[(i64, f64)]) -> String {
    let times: String = points
        .iter()
        .map(|(m, _)| {
            let at = jiff::Timestamp::from_second(m * 60).expect("a minute of our time");
            format!("<member>{}</member>", iso(at))
        })
        .collect();
    let values: String = points
        .iter()
        .map(|(_, v)| format!("<member>{v}</member>"))
        .collect();
    let label = xml_escape(label);
    format!(
        "<member><Id>{id}</Id><Label>{label}</Label><Timestamps>{times}</Timestamps><Values>{values}</Values><StatusCode>{status}</StatusCode></member>"
    )
}

fn answer(operation: &str, result: &str) -> Reply {
    let body = format!(
        "<{operation}Response xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><{operation}Result>{result}</{operation}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{operation}Response>"
    );
    Reply::new(200, "text/xml", body)
}
