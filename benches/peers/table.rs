//! Words and numbers of the comparison.

use std::fmt::Write as _;

use super::Run;

/// The middle of what was measured; of an even number, between the two in the middle.
fn median(runs: &[Run], of: impl Fn(&Run) -> f64) -> f64 {
    let mut all: Vec<f64> = runs.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    let upper = all.len() / 2;
    let lower = (all.len() - 1) / 2;
    f64::midpoint(all[lower], all[upper])
}

/// A column: what it is, how to read it off a run, its unit.
type Column = (&'static str, fn(&Run) -> f64, &'static str);

const COLUMNS: [Column; 6] = [
    ("wall time", |r| r.wall_ms, " ms"),
    (
        "wall time without the local AWS server's own",
        |r| r.wall_ms - r.aws_ms,
        " ms",
    ),
    ("processor time", |r| r.cpu_ms, " ms"),
    ("peak memory", |r| r.peak_kib / 1024.0, " MiB"),
    ("calls", |r| r.calls as f64, ""),
    ("round trips in a row", |r| r.depth as f64, ""),
];

/// The table; without the chain, our side alone.
pub fn report(ours: &[Run], theirs: &[Run]) -> String {
    let number = |n: f64, unit: &str| {
        if unit.is_empty() {
            format!("{n:.0}")
        } else {
            format!("{n:.1}{unit}")
        }
    };
    let alone = theirs.is_empty();
    let mut out = if alone {
        "| one guarded run (main and post) | median |\n|---|---|\n".to_owned()
    } else {
        "| | one guarded run (main and post) | chain of five actions | ratio |\n|---|---|---|---|\n"
            .to_owned()
    };
    for (what, of, unit) in COLUMNS {
        let our = median(ours, of);
        let seen = number(our, unit);
        let line = if alone {
            format!("| {what} | {seen} |")
        } else {
            let their = median(theirs, of);
            format!(
                "| {what} | {seen} | {} | 1 : {:.1} |",
                number(their, unit),
                their / our
            )
        };
        writeln!(out, "{line}").unwrap();
    }
    writeln!(
        out,
        "\nMedians of {} runs{}.",
        ours.len(),
        if alone { "" } else { " of each side, in turn" }
    )
    .unwrap();
    out
}
