//! The Markdown document: every figure of the benchmark, the losing ones included.

use std::fmt::Write;

use deploy_guard::core::verdict::interval::wilson;
use deploy_guard::core::verdict::peers::{PEERS, SHOWN};

use crate::Options;
use crate::cells::{FAULTY, FAULTY_WITH_DAY, Group, HEALTHY, HEALTHY_WITH_DAY, USUAL};
use crate::compare::{losses, matched};

use crate::probes::false_alarms;
use crate::requests::multiple;
use crate::rows::{
    FALSE_PASS, MUST_FIND, Row, duty, found, is_false_pass, meets, meets_at_a_look, must_forgive,
    percent, service, with_limits,
};
use crate::scenario::{ALPHA, Change};
use crate::speed::Measured;
use crate::study::Rollbacks;
use crate::traffic::{Arrivals, Errors};

/// Everything.
pub fn document(rows: &[Row], measured: &[Measured], options: &Options) -> String {
    let mut out = String::new();
    let (runs, seed) = (options.runs, options.seed);
    let multiples: Vec<(f64, f64)> = [1.4, 1.6, 2.0, 3.0, 4.0, 6.0, 10.0]
        .map(|f| (f, multiple(f, runs.min(10_000), seed)))
        .to_vec();
    head(&mut out, runs);
    requirements(&mut out, rows, &multiples);
    method(&mut out);
    healthy(&mut out, rows);
    healthy_peers(&mut out, rows);
    poor(&mut out, rows);
    bad_days(&mut out, rows);
    with_day(&mut out, rows);
    steps(&mut out, rows);
    faults(&mut out, rows);
    matched(&mut out, rows);
    requests(&mut out, &multiples);
    probes(&mut out, runs, seed);
    cost(&mut out, measured, options.threads);
    losses(&mut out, rows);
    limits(&mut out);
    out
}

fn head(out: &mut String, runs: u32) {
    let _ = write!(
        out,
        "# How good the verdict is\n\n\
         How often deploy-guard rolls back a healthy release, how long it needs to see a bad one, and how often it \
         calls a bad one healthy; beside it the rules of other gates, written again from their documentation, with \
         their default and with better settings. Every figure is simulated, {runs} deployments a cell, from a fixed \
         seed, by\n\n```sh\ncargo bench --bench verdict -- --full    # writes this file and verdict.svg\n\
         cargo bench --bench verdict -- --quick   # the same in a minute, printed only\n```\n\n\
         ![False rollbacks against time to detect](verdict.svg)\n\n"
    );
}

fn requirements(out: &mut String, rows: &[Row], multiples: &[(f64, f64)]) {
    let healthy = |row: &&Row| must_forgive(row);
    let over: Vec<&Row> = rows
        .iter()
        .filter(healthy)
        .filter(|r| r.outcome.ours.share() > ALPHA)
        .collect();
    let certain = over
        .iter()
        .filter(|r| r.outcome.ours.limits().0 > ALPHA)
        .count();
    let cells = rows.iter().filter(healthy).count();
    let with_hour = over
        .iter()
        .filter(|r| r.group != Group::PoorBaseline)
        .count();
    let worst = |group: &dyn Fn(&Row) -> bool| {
        rows.iter()
            .filter(healthy)
            .filter(|r| group(r))
            .map(|r| r.outcome.ours.share())
            .fold(0.0, f64::max)
    };
    let due: Vec<(&Row, bool)> = rows
        .iter()
        .filter_map(|row| meets(row).map(|met| (row, met)))
        .collect();
    let missed = due.iter().filter(|(_, met)| !met).count();
    let seldom = due
        .iter()
        .filter(|(row, _)| row.outcome.ours.share() < MUST_FIND)
        .count();
    let at_a_look = due
        .iter()
        .filter(|(row, _)| meets_at_a_look(row) == Some(true))
        .count();
    let plain =
        |row: &Row| row.cell.errors == Errors::Independent && row.cell.arrivals == Arrivals::Steady;
    let missed_plain = due.iter().filter(|(row, met)| !met && plain(row)).count();
    let due_plain = due.iter().filter(|(row, _)| plain(row)).count();
    let most = multiples.iter().map(|m| m.1).fold(0.0, f64::max);
    let least = multiples.iter().map(|m| m.1).fold(f64::INFINITY, f64::min);
    let passes: Vec<&Row> = rows.iter().filter(|r| is_false_pass(r)).collect();
    let false_passes = passes
        .iter()
        .filter(|r| r.outcome.healthy > FALSE_PASS)
        .count();
    let worst_pass = passes.iter().map(|r| r.outcome.healthy).fold(0.0, f64::max);
    let blind: f64 = rows
        .iter()
        .filter(|r| {
            matches!(
                r.cell.change,
                Change::Blind | Change::Outage | Change::GoesDark
            ) || r.name == "no traffic at all"
        })
        .map(|r| r.outcome.ours.share())
        .fold(0.0, f64::max);
    let _ = write!(
        out,
        "## The six requirements\n\n| | required | reached |\n|---|---|---|\n\
         | 1 | false rollbacks at most {} % in every healthy cell (a blip of 3 minutes or more excepted, also one that comes back and fell into no minute of the baseline) | an hour of baseline: worst cell {} %, {with_hour} over; poor or no baseline: worst cell {} %, {} over; of {cells} cells {certain} are over beyond chance (95 % limits), all listed below |\n\
         | 2 | where Wald's bound is at most a third of the watch: found in at least 97 %, median at most m + 2 × bound | {} of {} cells; {at_a_look} with the due time rounded up to the minute at which it can be looked at; {seldom} are found in less than 97 %; Poisson arrivals with independent errors: {} of {due_plain} |\n\
         | 3 | requests at most 1.7 × Wald's bound for 1.4 θ to 10 θ | {least:.2} to {most:.2} |\n\
         | 4 | false passes at most 5 % | worst cell {} %, {false_passes} of {} cells over |\n\
         | 5 | never a rollback on silence | worst of the silent cells {} % |\n\
         | 6 | compared at matched false rollbacks | see \"At matched false rollbacks\" |\n\n",
        percent(ALPHA),
        percent(worst(&|r| r.group != Group::PoorBaseline)),
        percent(worst(&|r| r.group == Group::PoorBaseline)),
        over.len() - with_hour,
        due.len() - missed,
        due.len(),
        due_plain - missed_plain,
        percent(worst_pass),
        passes.len(),
        percent(blind),
    );
}

fn method(out: &mut String) {
    out.push_str(
        "## What is simulated\n\n\
         A service with a bound of 5 % is watched for 30 minutes in one-minute buckets after 60 minutes of baseline; \
         the gate may roll back 1 % of healthy releases. Requests arrive as a Poisson process, in bursts (a Poisson \
         process whose mean varies from minute to minute by a gamma law of shape 1/2) or with every second minute, at \
         random, idle. Errors are independent, come in groups of five requests that fail together, or their rate \
         varies from minute to minute by a beta law with intra-class correlation 0.02. The mean is the same for all. \
         Times are minutes since the fault began, without the delay of the data, which is added to every rule alike. \
         Figures in parentheses are 95 % Wilson limits.\n\n\
         The test: a change-point mixture e-process on counts, tested against the stricter of the absolute bound and \
         of twice the upper limit of the service's own rate before (or half a point above it); evidence of errors \
         that come together is divided by their measured dispersion; a fault must last 3 minutes, the last of which need only show that it goes \
         on where an hour of the service is known; a pass needs evidence of its own. Where a figure differs from what was derived on paper the figure counts.\n\n\
         Wald's bound `ln(1/a)/KL` is the mean number of requests that the best test for this one fault would need. \
         It knows independent errors only, and is therefore multiplied by the variance factor of the errors, and \
         the counts of the baseline are divided by it where the bound is reckoned that the fault is measured against. m is \
         three minutes with requests: with half of the minutes idle that is five minutes of the clock.\n\n",
    );
}

fn services_of(rows: &[&Row], columns: usize) -> Vec<Vec<usize>> {
    (0..rows.len())
        .collect::<Vec<_>>()
        .chunks(columns)
        .map(<[usize]>::to_vec)
        .collect()
}

fn healthy(out: &mut String, rows: &[Row]) {
    let rows: Vec<&Row> = rows.iter().filter(|r| r.group == Group::Healthy).collect();
    out.push_str("## Healthy releases rolled back, % (hour of baseline)\n\n");
    table(out, &rows, &HEALTHY, |row| with_limits(&row.outcome.ours));
    out.push_str("And certified as healthy, %:\n\n");
    table(out, &rows, &HEALTHY, |row| percent(row.outcome.healthy));
    out.push_str("What is neither rolled back nor certified is inconclusive and says why.\n\n");
}

fn peer_head(out: &mut String, first: &str) {
    let _ = write!(out, "| {first} | deploy-guard |");
    for index in SHOWN {
        let _ = write!(out, " {} |", PEERS[index].name());
    }
    out.push_str("\n|---|---|");
    out.push_str(&"---|".repeat(SHOWN.len()));
    out.push('\n');
}

fn peer_line(out: &mut String, name: &str, row: &Row, show: fn(&Rollbacks) -> String) {
    let _ = write!(out, "| {name} | {} |", show(&row.outcome.ours));
    for index in SHOWN {
        let _ = write!(out, " {} |", show(&row.outcome.peers[index]));
    }
    out.push('\n');
}

fn healthy_peers(out: &mut String, rows: &[Row]) {
    out.push_str("## The same services under other rules: healthy releases rolled back, %\n\n");
    peer_head(out, "service");
    for row in rows
        .iter()
        .filter(|r| r.group == Group::Healthy && r.cell.usual >= 0.01 && r.cell.usual < 0.05)
    {
        let name = format!("{}, {} %", service(&row.cell), percent(row.cell.usual));
        peer_line(out, &name, row, |r| percent(r.share()));
    }
    out.push('\n');
}

fn with_day(out: &mut String, rows: &[Row]) {
    out.push_str("## With the same hour of the day before\n\nEverything else in this document knows an hour of baseline only. In an environment that is older than a day deploy-guard reads the same hour of the day before too; the larger bound and the larger dispersion count. Poisson arrivals; healthy releases rolled back, %:\n\n");
    let of = |group: Group| -> Vec<&Row> { rows.iter().filter(|r| r.group == group).collect() };
    table(out, &of(Group::WithDay), &HEALTHY_WITH_DAY, |row| {
        with_limits(&row.outcome.ours)
    });
    let _ = write!(
        out,
        "Faults from the first minute on (before: {} %), found as below:\n\n",
        percent(USUAL)
    );
    table(
        out,
        &of(Group::WithDayStep),
        &FAULTY_WITH_DAY,
        found_and_due,
    );
}

fn found_and_due(row: &Row) -> String {
    let due = duty(&row.cell).map_or(String::new(), |until| format!(" [{until:.1}]"));
    let mark = if meets(row) == Some(false) {
        " ✗"
    } else {
        ""
    };
    format!("{}{due}{mark}", found(&row.outcome.ours))
}

fn poor(out: &mut String, rows: &[Row]) {
    out.push_str("## Healthy releases with a poor baseline rolled back, %\n\n| baseline | service | 1 % | 4.5 % | 5 % |\n|---|---|---|---|---|\n");
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|r| r.group == Group::PoorBaseline)
        .collect();
    for line in services_of(&rows, 3) {
        let first = rows[line[0]];
        let _ = write!(out, "| {} | {} |", first.name, service(&first.cell));
        for index in line {
            let _ = write!(out, " {} |", with_limits(&rows[index].outcome.ours));
        }
        out.push('\n');
    }
    out.push('\n');
}

fn bad_days(out: &mut String, rows: &[Row]) {
    out.push_str("## Healthy releases on bad days rolled back, %\n\n");
    peer_head(out, "day");
    for row in rows.iter().filter(|r| r.group == Group::BadDay) {
        let name = format!("{}, {} req/s", row.name, row.cell.per_second);
        peer_line(out, &name, row, |r| percent(r.share()));
    }
    out.push_str("\nFlagger counts a minute without a value as a failed check, which is why silence rolls back.\n\n");
}

fn steps(out: &mut String, rows: &[Row]) {
    let _ = write!(
        out,
        "## Faults from the first minute on (before: {} %)\n\nFound in %, median/95th percentile of the minutes to find it (over all runs, – is never within the watch); in brackets until when the median is due, where it is; ✗ where that is missed.\n\n",
        percent(USUAL)
    );
    let with_hour: Vec<&Row> = rows.iter().filter(|r| r.group == Group::Step).collect();
    table(out, &with_hour, &FAULTY, found_and_due);
    out.push_str("And called healthy, % (a false pass):\n\n");
    table(out, &with_hour, &FAULTY, |row| percent(row.outcome.healthy));
    out.push_str("With a poor baseline, Poisson arrivals, independent errors:\n\n");
    let poor: Vec<&Row> = rows.iter().filter(|r| r.group == Group::PoorStep).collect();
    table(out, &poor, &FAULTY, |row| {
        format!(
            "{}, healthy {}",
            found_and_due(row),
            percent(row.outcome.healthy)
        )
    });
}

/// A service a line, a rate a column.
fn table(out: &mut String, rows: &[&Row], rates: &[f64], show: impl Fn(&Row) -> String) {
    out.push_str("| service |");
    for rate in rates {
        let _ = write!(out, " {} % |", percent(*rate));
    }
    let _ = writeln!(out, "\n|---|{}", "---|".repeat(rates.len()));
    for line in services_of(rows, rates.len()) {
        let first = rows[line[0]];
        let before = if first.name.is_empty() {
            String::new()
        } else {
            format!("baseline {}: ", first.name)
        };
        let _ = write!(out, "| {before}{} |", service(&first.cell));
        for index in line {
            let _ = write!(out, " {} |", show(rows[index]));
        }
        out.push('\n');
    }
    out.push('\n');
}

fn faults(out: &mut String, rows: &[Row]) {
    out.push_str("## Other faults: found in %, median/95th percentile\n\nNot adjusted for false rollbacks: most of the other rules are fast because they also roll back healthy releases.\n\n");
    peer_head(out, "fault");
    for row in rows.iter().filter(|r| r.group == Group::Fault) {
        let name = format!("{}, {} req/s", row.name, row.cell.per_second);
        peer_line(out, &name, row, found);
    }
    let called = rows
        .iter()
        .filter(|r| matches!(r.group, Group::Healthy | Group::Step))
        .map(|r| r.outcome.vanished)
        .fold(0.0, f64::max);
    let _ = write!(
        out,
        "\nTraffic that goes on is called vanished in {} % of the deployments of the worst cell.\n",
        percent(called)
    );
    out.push_str("\nWhat deploy-guard makes of vanished traffic (never a rollback by itself), and how often it calls the others healthy:\n\n| fault | vanished, % | healthy, % |\n|---|---|---|\n");
    for row in rows.iter().filter(|r| r.group == Group::Fault) {
        let _ = writeln!(
            out,
            "| {}, {} req/s | {} | {} |",
            row.name,
            row.cell.per_second,
            percent(row.outcome.vanished),
            percent(row.outcome.healthy)
        );
    }
    out.push('\n');
}

fn requests(out: &mut String, multiples: &[(f64, f64)]) {
    out.push_str("## Requests needed, as a multiple of Wald's bound\n\nMean over all runs, without blip protection, independent errors.\n\n| true rate |");
    for (factor, _) in multiples {
        let _ = write!(out, " {factor} θ |");
    }
    out.push_str("\n|---|");
    out.push_str(&"---|".repeat(multiples.len()));
    out.push_str("\n| multiple |");
    for (_, multiple) in multiples {
        let _ = write!(out, " {multiple:.2} |");
    }
    out.push_str("\n\n");
}

fn probes(out: &mut String, runs: u32, seed: u64) {
    out.push_str("## Probes: watches that end in a false \"down\", %\n\n| probes, failing by chance | two in a row alone | confirmed by 10 a second apart | sequential |\n|---|---|---|---|\n");
    for (count, failing) in [(60, 0.01), (180, 0.01), (60, 0.05), (180, 0.05)] {
        let shares = false_alarms(failing, count, runs, seed);
        let shown = shares.map(|share| {
            let (low, high) = wilson(share * f64::from(runs), f64::from(runs), 0.025);
            format!("{} ({}–{})", percent(share), percent(low), percent(high))
        });
        let _ = writeln!(
            out,
            "| {count}, {} % | {} |",
            percent(failing),
            shown.join(" | ")
        );
    }
    out.push_str("\nA service that is dead from the start is down with the second probe (sequential; with the fourth if it dies later), or ten seconds after the second (confirmed).\n\n");
}

fn cost(out: &mut String, measured: &[Measured], threads: usize) {
    let _ = write!(
        out,
        "## What judging costs\n\nOn {threads} threads of the machine that wrote this file, best of several goes. What CloudWatch takes for it stands in [gates.md](gates.md).\n\n| what | at most | took |\n|---|---|---|\n"
    );
    for Measured { what, limit, took } in measured {
        let _ = writeln!(out, "| {what} | {limit} | {took:.1?} |");
    }
    out.push('\n');
}

fn limits(out: &mut String) {
    out.push_str(
        "## What this does not show\n\n\
         - Before and after are different times: there is no concurrent control. A rise of the usual rate beyond the \
         factor 2, by season or by a neighbour's fault, looks like a bad release.\n\
         - The hour before is all that is known of a service. A baseline of few requests allows a high relative \
         bound, so that a rise from 0.1 to 1 % at one request a second is hardly ever found.\n\
         - A habit that the baseline does not show is a change: errors that come in episodes of three minutes every \
         twenty are rolled back where, by chance, none fell into the hour, up to once in twenty-five. No test can tell \
         the first such episode from a fault without waiting longer for every fault. With the same hour of the day \
         before it is once in some hundreds.\n\
         - A fault must last three minutes. One that lasts less is forgiven, a cold start that fails for three \
         minutes is not.\n\
         - Requirement 2 is missed in six kinds of cell. A fault that sets in late, at six requests a minute: the test \
         pays for every minute in which it might have begun, some four nats, which Wald's bound knows nothing of. Errors \
         in groups or in bursts of traffic at one to six requests a minute: the requests of half an hour are only just \
         enough, and one run in thirty has too few. Bursty traffic and a large fault: three minutes with requests are \
         not three minutes with enough of them, so that the median is the fourth. And a service of which nothing is \
         known: that its errors do not come in groups has to be learned first, which costs the fourth minute too. With the day before known, 7 % at an \
         over-dispersed service: the larger of two measured dispersions counts, which errs on the safe side. And a service that had hardly any \
         requests before and a few failed ones among them: whether it was bad already is left open, and unless the \
         new rate is clearly worse than that the deployment is held instead of rolled back (none of them is called \
         healthy).\n\
         - A service that was above its bound before, in an hour with too few requests to show it, is rolled back for \
         being above its bound: what was bad before must be visible in the baseline.\n\
         - Errors that come together without having done so before, at a rate close to the bound, are taken for \
         evidence; the false rollbacks above \"none\" of the poor baselines are of that kind. What is protected is a \
         service that behaves as it did, and independent errors at any rate up to the bound.\n\
         - A pass says that the rate over the watch was below the bound, not that it will be. A fault in the last \
         minutes, or a slow leak, can be missed by it; the keeper goes on with the same test.\n\
         - The other gates are their documented rules on the same buckets, not their programs; Kayenta's judge is \
         taken at its deadline only, from a tenth of the runs.\n",
    );
}
