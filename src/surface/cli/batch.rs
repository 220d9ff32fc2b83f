//! `simulate --batch`: JSON lines of counts in, one verdict a line out; it knows the format, not the statistics.
//!
//! A line is one deployment: `{"id", "bound": 0.05, "alpha": 0.01, "lag_minutes": 0, "baseline":
//! [[requests, errors], …], "after": [[requests, errors], …]}`, one pair a minute, oldest first.
//!
//! - `null` instead of a pair, or in it: no answer from the provider, no evidence at all. `[0, 0]` is an
//!   answer: no requests.
//! - More errors than requests in a minute count as as many as requests. Negative, fractional or
//!   non-finite numbers, and those above 2⁵³, are an error of the line.
//! - `thin`: the baseline promises too few requests for a pass. What else keeps a gate from one is `reason_code`.
//! - The test is planned over as many minutes as `after` has.
//! - With `lag_minutes` the minute that ends k minutes after the deployment is seen at the look of minute
//!   k + lag, and the last look is at the length of `after` + lag; only `decided_at_minute` depends on it.
//! - `alpha` (0.01), `bound` (0.05), `lag_minutes` (0), `baseline` (none) and `baseline_day_before`
//!   (none) may be missing; other keys are ignored.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::verdict::{Bucket, PreparedTest, RateTest, Verdict};

/// Lines that are read before they are judged and written.
const CHUNK: usize = 4096;
/// Largest count that is exact as a JSON number.
const LARGEST: f64 = 9_007_199_254_740_992.0;
/// Malformed lines that are remembered one by one.
const REMEMBERED: usize = 20;

/// One deployment as it is read.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    id: Value,
    #[serde(default = "default_bound")]
    bound: f64,
    #[serde(default = "default_alpha")]
    alpha: f64,
    #[serde(default)]
    lag_minutes: f64,
    #[serde(default)]
    baseline: Option<Vec<Option<Pair>>>,
    #[serde(default)]
    baseline_day_before: Option<Vec<Option<Pair>>>,
    after: Vec<Option<Pair>>,
}

/// Requests and errors of one minute.
#[derive(Debug, Deserialize)]
struct Pair(Option<f64>, Option<f64>);

const fn default_bound() -> f64 {
    0.05
}

const fn default_alpha() -> f64 {
    0.01
}

/// One verdict as it is printed.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    id: &'a Value,
    verdict: &'static str,
    decided_at_minute: Option<u64>,
    evidence: f64,
    reason_code: &'static str,
    thin: bool,
    traffic: &'static str,
}

/// What is printed for a line that could not be judged.
#[derive(Debug, Serialize)]
struct Refusal<'a> {
    id: &'a Value,
    error: &'a str,
}

/// How a batch went.
#[must_use = "malformed lines must be reported"]
#[derive(Debug, Default)]
pub struct BatchReport {
    /// Lines that got a verdict.
    pub judged: u64,
    /// Lines that could not be read; each got an `error` object.
    pub malformed: u64,
    /// The first of them: line number (from 1) and what is wrong.
    pub problems: Vec<(u64, String)>,
}

/// Judges every line of `input` and writes the answers in the same order, on `threads` threads.
///
/// Blank lines are skipped. A malformed line gets `{"id", "error"}`, is counted and does not stop the
/// others; the caller ends with a failure when the report has any.
///
/// # Errors
/// Only when reading or writing fails.
pub fn run_batch(
    mut input: impl BufRead,
    mut out: impl Write,
    threads: usize,
) -> io::Result<BatchReport> {
    let mut report = BatchReport::default();
    let mut number = 0_u64;
    loop {
        let mut lines: Vec<(u64, Vec<u8>)> = Vec::with_capacity(CHUNK);
        while lines.len() < CHUNK {
            let mut line = Vec::new();
            if input.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            number += 1;
            if !line.trim_ascii().is_empty() {
                lines.push((number, line));
            }
        }
        if lines.is_empty() {
            out.flush()?;
            return Ok(report);
        }
        let share = lines.len().div_ceil(threads.max(1));
        let answers: Vec<Answered> = std::thread::scope(|scope| {
            let workers: Vec<_> = lines
                .chunks(share)
                .map(|part| {
                    (
                        part,
                        scope.spawn(move || {
                            part.iter().map(|(n, line)| judge_line(*n, line)).collect()
                        }),
                    )
                })
                .collect();
            workers
                .into_iter()
                .flat_map(|(part, worker)| {
                    worker
                        .join()
                        .unwrap_or_else(|_| part.iter().map(|(n, _)| lost(*n)).collect::<Vec<_>>())
                })
                .collect()
        });
        for answered in answers {
            out.write_all(answered.text.as_bytes())?;
            out.write_all(b"\n")?;
            match answered.problem {
                None => report.judged += 1,
                Some(problem) => {
                    report.malformed += 1;
                    if report.problems.len() < REMEMBERED {
                        report.problems.push((answered.number, problem));
                    }
                }
            }
        }
    }
}

/// One line's answer.
struct Answered {
    number: u64,
    text: String,
    problem: Option<String>,
}

fn judge_line(number: u64, line: &[u8]) -> Answered {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    if !line.starts_with(b"{") {
        return refuse(number, &Value::Null, "not a JSON object".to_owned());
    }
    let (id, outcome) = match serde_json::from_slice::<Line>(line) {
        Ok(parsed) => {
            let outcome = answer(&parsed);
            (parsed.id, outcome)
        }
        Err(error) => {
            let id = serde_json::from_slice::<Value>(line)
                .ok()
                .and_then(|v| v.get("id").cloned());
            (id.unwrap_or(Value::Null), Err(error.to_string()))
        }
    };
    match outcome {
        Ok(text) => Answered {
            number,
            text,
            problem: None,
        },
        Err(problem) => refuse(number, &id, problem),
    }
}

fn refuse(number: u64, id: &Value, problem: String) -> Answered {
    let told = format!("line {number}: {problem}");
    let text = serde_json::to_string(&Refusal { id, error: &told }).unwrap_or_default();
    Answered {
        number,
        text,
        problem: Some(problem),
    }
}

fn lost(number: u64) -> Answered {
    refuse(number, &Value::Null, "could not be judged".to_owned())
}

fn answer(line: &Line) -> Result<String, String> {
    if !(line.lag_minutes.is_finite() && (0.0..1e6).contains(&line.lag_minutes)) {
        return Err("lag_minutes must be a number of minutes, 0 or more".to_owned());
    }
    let none = Vec::new();
    let baseline = buckets("baseline", line.baseline.as_ref().unwrap_or(&none))?;
    let day_before = match &line.baseline_day_before {
        Some(pairs) => Some(buckets("baseline_day_before", pairs)?),
        None => None,
    };
    let after = buckets("after", &line.after)?;
    let planned = u32::try_from(after.len()).unwrap_or(u32::MAX).max(1);
    let test = RateTest::new(line.bound, line.alpha, planned).map_err(|bad| bad.to_string())?;
    let finding = PreparedTest::new(test, &baseline, day_before.as_deref()).judge(&after);
    let look = |minutes: usize| (minutes as f64 + line.lag_minutes).ceil() as u64;
    let decided_at_minute = match finding.verdict {
        Verdict::Degraded => finding.decided_at.map(|index| look(index + 1)),
        Verdict::Healthy => Some(look(after.len())),
        Verdict::Inconclusive => None,
    };
    serde_json::to_string(&Answer {
        id: &line.id,
        verdict: finding.verdict.as_str(),
        decided_at_minute,
        evidence: (finding.evidence * 1e6).floor() / 1e6,
        reason_code: finding.reason.as_str(),
        thin: finding.thin,
        traffic: finding.traffic.as_str(),
    })
    .map_err(|error| error.to_string())
}

fn buckets(name: &str, pairs: &[Option<Pair>]) -> Result<Vec<Bucket>, String> {
    pairs
        .iter()
        .enumerate()
        .map(|(index, pair)| match pair {
            Some(Pair(Some(requests), Some(errors))) => {
                let wrong = |what: &str, value: f64| {
                    format!(
                        "{name}[{index}]: {what} must be a whole number from 0 to {LARGEST}, not {value}"
                    )
                };
                let requests = count(*requests).ok_or_else(|| wrong("requests", *requests))?;
                let errors = count(*errors).ok_or_else(|| wrong("errors", *errors))?;
                Ok(Bucket::known(requests, errors.min(requests)))
            }
            Some(Pair(..)) | None => Ok(Bucket::Unknown),
        })
        .collect()
}

/// A whole number that is not negative and not too large to be exact.
fn count(value: f64) -> Option<u64> {
    ((0.0..=LARGEST).contains(&value) && value.fract() == 0.0).then_some(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(input: &str) -> (Vec<Value>, BatchReport) {
        let mut out = Vec::new();
        let report = run_batch(input.as_bytes(), &mut out, 3).expect("memory does not fail");
        let lines = out.split(|b| *b == b'\n').filter(|l| !l.is_empty());
        (
            lines
                .map(|l| serde_json::from_slice(l).expect("an object a line"))
                .collect(),
            report,
        )
    }

    #[test]
    fn answers_keep_their_order_and_a_bad_line_does_not_stop_the_others() {
        let healthy = |id: usize| {
            format!(
                r#"{{"id":{id},"baseline":[{b}],"after":[{b}]}}"#,
                b = vec!["[100,0]"; 30].join(",")
            )
        };
        let broken = r#"{"id":"x","after":[[1,-1]]}"#;
        let (answers, report) = run(&format!(
            "{}\n{broken}\n\nnonsense\n{}\r\n",
            healthy(1),
            healthy(2)
        ));
        assert_eq!((report.judged, report.malformed), (2, 2));
        assert_eq!(report.problems[0].0, 2);
        assert_eq!(report.problems[1].0, 4);
        assert_eq!(answers[0]["id"], 1);
        assert_eq!(answers[0]["verdict"], "healthy");
        assert_eq!(answers[0]["decided_at_minute"], 30);
        assert_eq!(answers[1]["id"], "x");
        assert!(
            answers[1]["error"]
                .as_str()
                .is_some_and(|e| e.contains("line 2: after[0]: errors"))
        );
        assert_eq!(answers[3]["id"], 2);
    }

    #[test]
    fn a_count_that_is_not_exact_is_refused() {
        let (answers, report) = run(concat!(
            r#"{"id":"huge","baseline":[[1e300,1e298]],"after":[[1e300,1e298]]}"#,
            "\n",
            r#"{"id":"largest","after":[[9007199254740992,0]]}"#,
            "\n[1,2]\n",
        ));
        assert_eq!((report.judged, report.malformed), (1, 2));
        let said = |index: usize| {
            answers[index]["error"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        assert!(
            said(0).contains("from 0 to 9007199254740992"),
            "{}",
            said(0)
        );
        assert_eq!(answers[1]["verdict"], "healthy");
        assert!(said(2).contains("not a JSON object"), "{}", said(2));
    }

    #[test]
    fn silence_is_never_a_verdict() {
        let (answers, report) = run(concat!(
            r#"{"id":"blind","after":[null,null,[null,null]]}"#,
            "\n",
            r#"{"id":"idle","baseline":[[0,0]],"after":[[0,0],[0,0]]}"#,
            "\n",
            r#"{"id":"empty","after":[]}"#,
            "\n",
        ));
        assert_eq!(report.malformed, 0);
        for answer in &answers {
            assert_eq!(answer["verdict"], "inconclusive");
            assert_eq!(answer["decided_at_minute"], Value::Null);
            assert_eq!(answer["traffic"], "none");
        }
        assert_eq!(answers[0]["reason_code"], "no_data");
        assert_eq!(answers[1]["reason_code"], "no_traffic");
        assert_eq!(answers[1]["thin"], true);
    }

    #[test]
    fn the_lag_moves_the_look_and_nothing_else() {
        let bad = r#"{"id":1,"lag_minutes":2,"baseline":[],"after":[[100,100],[100,100],[100,100],[100,100],[100,100],[100,100]]}"#;
        let (answers, _) = run(bad);
        assert_eq!(answers[0]["verdict"], "degraded");
        assert_eq!(answers[0]["decided_at_minute"], 5);
        assert_eq!(answers[0]["evidence"], 1.0);
        assert_eq!(answers[0]["reason_code"], "error_rate_above_bound");
    }
}
