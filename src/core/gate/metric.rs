//! The metric gate: the values of an expression against a highest sum and a lowest value; knows no query language.

use crate::core::gate::series::{Cell, Series};
use crate::core::gate::{Finding, GateKind, MetricGate, Seen};
use crate::core::observation::{Kind, Why};
use crate::core::reason::ReasonCode;
use crate::core::record::Verdict;

/// Minutes in a row below `min` that fail, and minutes with values that certify: a blip is forgiven.
const MINUTES: usize = 3;

/// Likeness from which on a name counts as a slip of the pen. Source: strsim's normalised Damerau–Levenshtein.
const LIKE: f64 = 0.75;

/// An expression whose metric is not among those that exist.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NoSuchMetric {
    /// In words, with the nearest names.
    pub why: Why,
    /// A name so near exists that this one is a slip of the pen.
    pub misspelt: bool,
}

impl MetricGate {
    /// The series that it needs.
    #[must_use]
    pub fn wanted(&self) -> Series {
        Series::Expression {
            expression: self.expression.clone(),
        }
    }

    /// The finding. `before`: as many minutes before the deployment as the watch is long; `after`: the final minutes
    /// since it began; `why`: why the newest are not known.
    ///
    /// `max` bounds the sum over the watch; `min` fails after three minutes in a row below it. An expression without
    /// any value cannot be above `max`: it does not hold the deployment, but where its metric seems misspelt.
    #[must_use]
    pub fn finding(
        &self,
        before: &[Cell],
        after: &[Cell],
        why: Option<&Why>,
        absent: Option<&NoSuchMetric>,
    ) -> Finding {
        let unknown = after.contains(&Cell::Unknown);
        let values = values(after);
        let blank = Finding::blank(&self.name, GateKind::Metric);
        let sum: f64 = values.iter().sum();
        let value = match (self.max, values.last()) {
            (Some(_), _) => sum,
            (None, Some(last)) => *last,
            (None, None) => 0.0,
        };
        let seen = Seen::Value { value };
        let (above, old_above) = self.above(before, after);
        let (below, old_below) = self.below(before, after);
        if above || below {
            return Finding {
                verdict: Verdict::Degraded,
                reason: ReasonCode::MetricOutOfBounds,
                evidence: 1.0,
                seen,
                ..blank
            };
        }
        if unknown || after.is_empty() {
            let seen = why.map_or(blank.seen.clone(), |why| Seen::Unknown { why: why.clone() });
            return Finding { seen, ..blank };
        }
        if values.is_empty() {
            let why = absent.map_or_else(
                || Why::new(Kind::NoData, "no value since the watch began"),
                |absent| absent.why.clone(),
            );
            return Finding {
                thin: self.min.is_none() && !absent.is_some_and(|absent| absent.misspelt),
                seen: Seen::Unknown { why },
                ..blank
            };
        }
        if old_above || old_below {
            return Finding {
                reason: ReasonCode::FailingBefore,
                thin: true,
                seen,
                ..blank
            };
        }
        let pass = (values.len() as f64 / MINUTES as f64).min(1.0);
        Finding {
            verdict: Verdict::Healthy,
            reason: ReasonCode::Healthy,
            certified: pass >= 1.0,
            evidence: self.share(sum, &values),
            pass_evidence: pass,
            seen,
            ..blank
        }
    }

    /// Whether the sum is too high, and whether it would be had it not been so before.
    fn above(&self, before: &[Cell], after: &[Cell]) -> (bool, bool) {
        let Some(max) = self.max else {
            return (false, false);
        };
        let sum = |cells: &[Cell]| values(cells).iter().sum::<f64>();
        if sum(after) <= max {
            return (false, false);
        }
        if sum(before) <= max {
            return (true, false);
        }
        // Good once: for as long as the stretch in which it was bad before.
        let span = before.len().max(1);
        let good = after.windows(span).position(|run| sum(run) <= max);
        match good.and_then(|at| after.get(at + span..)) {
            Some(later) if sum(later) > max => (true, false),
            _ => (false, true),
        }
    }

    /// Whether values are too low, and whether they would be had they not been so before.
    fn below(&self, before: &[Cell], after: &[Cell]) -> (bool, bool) {
        let Some(min) = self.min else {
            return (false, false);
        };
        let low = |values: &[f64]| {
            values.len() >= MINUTES && values.windows(MINUTES).any(|w| w.iter().all(|v| *v < min))
        };
        let (old, new) = (values(before), values(after));
        if !low(&new) {
            return (false, false);
        }
        let newest = old.len().saturating_sub(MINUTES);
        if !low(old.get(newest..).unwrap_or_default()) {
            return (true, false);
        }
        let good = new.iter().position(|v| *v >= min);
        match good.and_then(|at| new.get(at..)) {
            Some(later) if low(later) => (true, false),
            _ => (false, true),
        }
    }

    /// How near the bound it is, 0 to 1, short of it.
    fn share(&self, sum: f64, values: &[f64]) -> f64 {
        let high = match self.max {
            Some(max) if max > 0.0 => (sum / max).clamp(0.0, 0.99),
            _ => 0.0,
        };
        let low = self.min.map_or(0.0, |min| {
            let run = values.iter().rev().take_while(|v| **v < min).count();
            (run as f64 / MINUTES as f64).min(0.99)
        });
        high.max(low)
    }

    /// The namespace that a SEARCH or a Metrics Insights query looks in, such as `AWS/SQS`; `None` for other expressions.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        let name = match self.query() {
            Some((_, from)) => {
                let from = after_word(from, "SCHEMA").map_or(from, |rest| {
                    rest.trim_start().trim_start_matches('(').trim_start()
                });
                match from.strip_prefix('"') {
                    Some(quoted) => quoted.split('"').next()?,
                    None => from.split([',', ')', ' ', '\n', '\t']).next()?,
                }
            }
            None => {
                let (_, rest) = self.expression.split_once('{')?;
                let end = rest.find([',', '}'])?;
                rest.get(..end)?.trim().trim_matches('"')
            }
        };
        (!name.is_empty()).then_some(name)
    }

    /// A Metrics Insights query `SELECT function(metric) FROM …`: the metric, and what follows FROM.
    fn query(&self) -> Option<(&str, &str)> {
        let select = after_word(&self.expression, "SELECT")?;
        let (_, rest) = select.split_once('(')?;
        let (metric, rest) = rest.split_once(')')?;
        let from = after_word(rest, "FROM")?;
        Some((metric.trim().trim_matches('"'), from.trim_start()))
    }

    /// The words of the expression that may name a metric: not those that are the key or the value of a dimension.
    fn metric_words(&self) -> Option<Vec<&str>> {
        if let Some((metric, _)) = self.query() {
            return Some(vec![metric]);
        }
        let (_, rest) = self.expression.split_once('}')?;
        let search = rest.split_once('\'').map_or(rest, |(search, _)| search);
        // `=` stands by itself, quotes and brackets only part words.
        let mut words = Vec::new();
        let mut tokens = search
            .split_inclusive('=')
            .flat_map(|part| match part.strip_suffix('=') {
                Some(before) => [before, "="],
                None => [part, ""],
            })
            .flat_map(|part| {
                part.split(|c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')'))
            })
            .filter(|token| !token.is_empty())
            .peekable();
        while let Some(token) = tokens.next() {
            if tokens.next_if_eq(&"=").is_some() {
                let value = tokens.next();
                words.extend(value.filter(|_| token.eq_ignore_ascii_case("MetricName")));
                // The other values of the same key.
                while tokens.next_if(|t| t.eq_ignore_ascii_case("OR")).is_some() {
                    let other = tokens.next();
                    words.extend(other.filter(|_| token.eq_ignore_ascii_case("MetricName")));
                }
            } else if !matches!(token, "AND" | "OR" | "NOT") {
                words.push(token);
            }
        }
        Some(words)
    }

    /// Whether the expression names metrics of which none exists in its namespace, and which are near.
    #[must_use]
    pub fn absent_from(&self, existing: &[String]) -> Option<NoSuchMetric> {
        let namespace = self.namespace()?;
        let words = self.metric_words().filter(|words| !words.is_empty())?;
        let lower: Vec<String> = existing.iter().map(|n| n.to_lowercase()).collect();
        // A word of a SEARCH also finds names of which it is a part.
        let found = |word: &&str| lower.iter().any(|name| name.contains(&word.to_lowercase()));
        if words.iter().any(found) {
            return None;
        }
        let mut near: Vec<(f64, &String)> = existing
            .iter()
            .map(|name| {
                let likeness = words
                    .iter()
                    .map(|word| likeness(word, name))
                    .fold(0.0, f64::max);
                (likeness, name)
            })
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let misspelt = near.first().is_some_and(|(likeness, _)| *likeness >= LIKE);
        let names: Vec<String> = near.into_iter().map(|(_, name)| name.clone()).collect();
        Some(NoSuchMetric {
            why: no_such(
                &format!("metric of `{namespace}` that the expression names"),
                &names,
            ),
            misspelt,
        })
    }
}

/// What follows the word where the text begins with it, whatever its case.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let (first, rest) = text.split_at_checked(word.len())?;
    first.eq_ignore_ascii_case(word).then_some(rest)
}

fn values(cells: &[Cell]) -> Vec<f64> {
    cells
        .iter()
        .filter_map(|cell| match cell {
            Cell::Value(value) => Some(*value),
            Cell::Absent | Cell::Unknown => None,
        })
        .collect()
}

fn likeness(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(&a.to_lowercase(), &b.to_lowercase())
}

/// That something does not exist, with the nearest three names, best first.
#[must_use]
pub fn no_such(what: &str, nearest: &[String]) -> Why {
    let names: Vec<&str> = nearest.iter().take(3).map(String::as_str).collect();
    let hint = if names.is_empty() {
        String::new()
    } else {
        format!("; nearest: {}", names.join(", "))
    };
    Why::new(Kind::NotFound, format!("no {what}{hint}"))
}

/// Names by likeness to one that does not exist, best first.
#[must_use]
pub fn nearest(name: &str, existing: &[String]) -> Vec<String> {
    let mut all: Vec<&String> = existing.iter().collect();
    all.sort_by(|a, b| {
        likeness(name, b)
            .total_cmp(&likeness(name, a))
            .then_with(|| a.cmp(b))
    });
    all.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(max: Option<f64>, min: Option<f64>) -> MetricGate {
        MetricGate {
            name: "dead-letters".to_owned(),
            expression: "SUM(SEARCH('{AWS/SQS,QueueName} dlq NumberOfMessagesSent', 'Sum', 60))"
                .to_owned(),
            max,
            min,
        }
    }

    fn cells(values: &[f64]) -> Vec<Cell> {
        values.iter().map(|v| Cell::Value(*v)).collect()
    }

    #[test]
    fn a_sum_above_its_bound_fails_unless_it_was_so_before() {
        let gate = gate(Some(2.0), None);
        let quiet = vec![Cell::Absent; 10];
        let find = |before: &[Cell], after: &[Cell]| gate.finding(before, after, None, None);
        let bad = find(&quiet, &cells(&[1.0, 2.0]));
        assert_eq!(
            (bad.verdict, bad.seen),
            (Verdict::Degraded, Seen::Value { value: 3.0 })
        );
        assert!(find(&quiet, &cells(&[0.0, 1.0, 1.0])).certified);
        let old = find(&cells(&[3.0; 10]), &cells(&[3.0; 10]));
        assert_eq!((old.reason, old.thin), (ReasonCode::FailingBefore, true));
        let silent = find(&quiet, &quiet);
        assert_eq!(
            (silent.verdict, silent.reason, silent.thin),
            (Verdict::Inconclusive, ReasonCode::NoData, true)
        );
        assert_eq!(
            find(&quiet, &[Cell::Absent, Cell::Unknown]).verdict,
            Verdict::Inconclusive
        );
    }

    #[test]
    fn three_minutes_in_a_row_below_the_bound_fail() {
        let gate = gate(None, Some(5.0));
        let good = cells(&[9.0; 10]);
        let find = |after: &[f64]| gate.finding(&good, &cells(after), None, None).verdict;
        assert_eq!(find(&[9.0, 1.0, 1.0, 9.0]), Verdict::Healthy);
        assert_eq!(find(&[9.0, 1.0, 1.0, 1.0]), Verdict::Degraded);
        let none = gate.finding(&good, &[Cell::Absent; 5], None, None);
        assert!(!none.thin, "nothing is known of a lowest value");
    }

    #[test]
    fn a_query_names_its_metric_and_a_dimension_does_not() {
        let existing = vec!["NumberOfMessagesSent".to_owned()];
        let of = |expression: &str| MetricGate {
            expression: expression.to_owned(),
            ..gate(Some(0.0), None)
        };
        for (expression, namespace, absent) in [
            (
                r#"SELECT SUM(NumberOfMesagesSent) FROM SCHEMA("AWS/SQS", QueueName)"#,
                "AWS/SQS",
                true,
            ),
            (
                r#"select sum(NumberOfMessagesSent) from "AWS/SQS" where QueueName = 'dlq'"#,
                "AWS/SQS",
                false,
            ),
            (
                r#"SEARCH('{AWS/SQS,QueueName} QueueName="dlq"', 'Sum', 60)"#,
                "AWS/SQS",
                false,
            ),
            (
                r#"SEARCH('{AWS/SQS,QueueName} MetricName="NumberOfMesagesSent" QueueName=("a" OR "b")', 'Sum', 60)"#,
                "AWS/SQS",
                true,
            ),
            (
                r#"SEARCH('{"My App",Host} MetricName=("Gone" OR "NumberOfMessagesSent")', 'Sum', 60)"#,
                "My App",
                false,
            ),
        ] {
            let gate = of(expression);
            assert_eq!(gate.namespace(), Some(namespace), "{expression}");
            assert_eq!(
                gate.absent_from(&existing).is_some(),
                absent,
                "{expression}"
            );
        }
        assert_eq!(of("SUM(METRICS())").namespace(), None);
    }

    #[test]
    fn a_metric_that_does_not_exist_is_told_with_its_neighbours() {
        let gate = gate(Some(0.0), None);
        assert_eq!(gate.namespace(), Some("AWS/SQS"));
        let names = |list: &[&str]| list.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            gate.absent_from(&names(&["NumberOfMessagesSent", "SentMessageSize"])),
            None
        );
        let absent = gate.absent_from(&names(&["NumberOfMesagesSent"]));
        let absent = absent.expect("not there");
        assert!(absent.misspelt && absent.why.detail.contains("NumberOfMesagesSent"));
        let finding = gate.finding(&[], &[Cell::Absent; 3], None, Some(&absent));
        assert!(!finding.thin);
    }
}
