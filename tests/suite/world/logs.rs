//! Logs Insights as the SDK speaks it (JSON 1.1): queries that run, end, fail or never end; log groups are moto's affair.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::aws_words::error;
use super::calls::Seen;
use super::http::{Reply, Req, lock, random_hex};

struct Line {
    group: String,
    second: i64,
    message: String,
}

struct Run {
    matches: u64,
    count_as: Option<String>,
    polled: usize,
}

#[derive(Default)]
struct State {
    lines: Vec<Line>,
    absent: Vec<String>,
    runs: BTreeMap<String, Run>,
    polls: usize,
    ends_as: Option<String>,
    stopped: Vec<String>,
}

/// Switches of Logs Insights.
#[derive(Default)]
pub struct Insights(Mutex<State>);

impl Insights {
    /// A line in a log group, at a second since the epoch.
    pub fn line(&self, group: &str, second: i64, message: &str) {
        lock(&self.0).lines.push(Line {
            group: group.into(),
            second,
            message: message.into(),
        });
    }

    /// A log group that does not exist.
    pub fn absent(&self, group: &str) {
        lock(&self.0).absent.push(group.into());
    }

    /// A query is answered as running so many times before it ends.
    pub fn runs_for(&self, polls: usize) {
        lock(&self.0).polls = polls;
    }

    /// Queries end with this status word (`Failed`, `Timeout`, `Cancelled`) instead of `Complete`.
    pub fn end_as(&self, status: &str) {
        lock(&self.0).ends_as = Some(status.into());
    }

    /// Ids of the queries that were stopped.
    pub fn stopped(&self) -> Vec<String> {
        lock(&self.0).stopped.clone()
    }

    /// Answers what moto cannot; `None` for everything else.
    pub fn answer(&self, req: &Req, seen: &Seen) -> Option<Reply> {
        let body = req.json();
        match seen.operation.as_str() {
            "StartQuery" => Some(self.start(&body, seen)),
            "GetQueryResults" => Some(self.results(&body, seen)),
            "StopQuery" => Some(self.stop(&body, seen)),
            _ => None,
        }
    }

    fn start(&self, body: &Value, seen: &Seen) -> Reply {
        let groups: Vec<&str> = body["logGroupNames"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        assert!(groups.len() <= 50, "more than 50 log groups in one query");
        let mut state = lock(&self.0);
        if groups.iter().any(|g| state.absent.iter().any(|a| a == g)) {
            let said = "The specified log group does not exist.";
            return error(seen, 400, "ResourceNotFoundException", said);
        }
        let (from, to) = (body["startTime"].as_i64(), body["endTime"].as_i64());
        let (from, to) = (from.unwrap_or(0), to.unwrap_or(i64::MAX));
        let query = body["queryString"].as_str().unwrap_or_default();
        let Some(wanted) = query.split('/').nth(1) else {
            return error(seen, 400, "MalformedQueryException", "unexpected symbol");
        };
        let matches = state
            .lines
            .iter()
            .filter(|l| groups.contains(&l.group.as_str()))
            .filter(|l| from <= l.second && l.second <= to && l.message.contains(wanted))
            .count() as u64;
        let count_as = query
            .rsplit_once("| stats count(*) as ")
            .map(|(_, name)| name.trim().to_owned());
        let id = random_hex(16);
        let run = Run {
            matches,
            count_as,
            polled: 0,
        };
        state.runs.insert(id.clone(), run);
        ok(json!({ "queryId": id }))
    }

    fn results(&self, body: &Value, seen: &Seen) -> Reply {
        let mut state = lock(&self.0);
        let (polls, ends_as) = (state.polls, state.ends_as.clone());
        let Some(run) = state
            .runs
            .get_mut(body["queryId"].as_str().unwrap_or_default())
        else {
            return error(seen, 400, "ResourceNotFoundException", "no such query");
        };
        run.polled += 1;
        let nothing = json!({ "recordsMatched": 0.0, "recordsScanned": 0.0, "bytesScanned": 0.0 });
        if run.polled <= polls {
            return ok(json!({ "status": "Running", "results": [], "statistics": nothing }));
        }
        if let Some(status) = ends_as {
            return ok(json!({ "status": status, "results": [], "statistics": nothing }));
        }
        let results = match &run.count_as {
            Some(name) if run.matches > 0 => {
                json!([[{ "field": name, "value": run.matches.to_string() }]])
            }
            _ => json!([]),
        };
        let matched = run.matches as f64;
        let statistics =
            json!({ "recordsMatched": matched, "recordsScanned": 10.0, "bytesScanned": 100.0 });
        ok(json!({ "status": "Complete", "results": results, "statistics": statistics }))
    }

    fn stop(&self, body: &Value, seen: &Seen) -> Reply {
        let mut state = lock(&self.0);
        let id = body["queryId"].as_str().unwrap_or_default().to_owned();
        if state.runs.remove(&id).is_none() {
            return error(seen, 400, "ResourceNotFoundException", "no such query");
        }
        state.stopped.push(id);
        ok(json!({ "success": true }))
    }
}

fn ok(body: Value) -> Reply {
    Reply::new(200, "application/x-amz-json-1.1", body.to_string())
}
