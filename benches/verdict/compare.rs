//! Our rule against the others' at matched false rollbacks, and where it loses.

use std::fmt::Write;

use deploy_guard::core::verdict::peers::{PEERS, Peer};

use crate::cells::Group;

use crate::plot::Point;
use crate::rows::{
    FALSE_PASS, Row, duty, found, is_false_pass, meets, minutes, percent, reference, service,
    with_limits,
};
use crate::scenario::{ALPHA, Change, WATCH};
use crate::study::Rollbacks;
use crate::traffic::{Arrivals, Errors};

/// Healthy releases of one service, and its bad days that every rule must forgive: of these the largest
/// share that each rule rolls back.
fn worst_days(rows: &[Row], healthy: &Row) -> Vec<f64> {
    let forgiven = |row: &&Row| {
        row.group == Group::BadDay
            && row.cell.per_second == healthy.cell.per_second
            && matches!(
                row.cell.change,
                Change::Blip(_, 1 | 2) | Change::Partial | Change::Outage | Change::Blind
            )
    };
    (0..PEERS.len())
        .map(|index| {
            rows.iter()
                .filter(forgiven)
                .map(|row| row.outcome.peers[index].share())
                .fold(healthy.outcome.peers[index].share(), f64::max)
        })
        .collect()
}

/// Fastest setting of a family whose false rollbacks stay within the budget.
fn best<'a>(
    family: &str,
    false_rollbacks: &[f64],
    faulty: &'a Row,
) -> Option<(Peer, &'a Rollbacks)> {
    PEERS
        .iter()
        .enumerate()
        .filter(|(index, peer)| peer.family() == family && false_rollbacks[*index] <= ALPHA)
        .map(|(index, peer)| (*peer, &faulty.outcome.peers[index]))
        .min_by_key(|(_, r)| {
            (
                r.quantile(0.5).unwrap_or(99),
                1_000_000 - (r.share() * 1e6) as u64,
            )
        })
}

/// False rollbacks of every peer on a healthy service without bad days.
fn quiet_days(healthy: &Row) -> Vec<f64> {
    healthy.outcome.peers.iter().map(Rollbacks::share).collect()
}

fn twins(rows: &[Row]) -> Vec<(&Row, &Row)> {
    let simple = |row: &&Row| {
        row.cell.errors == Errors::Independent
            && row.cell.arrivals == Arrivals::Steady
            && row.cell.onset() == Some(0)
            && row
                .cell
                .faulty_rate()
                .is_some_and(|rate| (0.07..=0.5).contains(&rate))
            && matches!(row.group, Group::Step | Group::Match)
    };
    rows.iter()
        .filter(simple)
        .filter_map(|faulty| {
            let healthy = rows.iter().find(|row| {
                row.group == Group::Healthy
                    && row.cell.errors == faulty.cell.errors
                    && row.cell.arrivals == faulty.cell.arrivals
                    && row.cell.per_second == faulty.cell.per_second
                    && row.cell.usual == faulty.cell.usual
            })?;
            Some((healthy, faulty))
        })
        .collect()
}

const FAMILIES: [&str; 4] = [
    "Argo Rollouts",
    "Flagger",
    "CloudWatch alarm, CodeDeploy",
    "Kayenta",
];

pub fn matched(out: &mut String, rows: &[Row]) {
    let _ = write!(
        out,
        "## At matched false rollbacks\n\nFor each service and fault the fastest setting of every rule that rolls back at most {} % of the healthy releases of that very service: tuned with knowledge that nobody has beforehand. Found in %, median/95th percentile, setting.\n\nFirst with the healthy days that happen (also a blip of one or two minutes, a silent provider, a newest minute that is still filling):\n\n",
        percent(ALPHA)
    );
    matched_table(out, rows, true);
    out.push_str(
        "Then with undisturbed days only, which a rule without memory or patience likes best:\n\n",
    );
    matched_table(out, rows, false);
    one_setting(out, rows);
}

fn matched_table(out: &mut String, rows: &[Row], all_days: bool) {
    out.push_str("| service, before → after | deploy-guard |");
    for family in FAMILIES {
        let _ = write!(out, " {family} |");
    }
    out.push_str("\n|---|---|---|---|---|---|\n");
    for (healthy, faulty) in twins(rows) {
        let false_rollbacks = if all_days {
            worst_days(rows, healthy)
        } else {
            quiet_days(healthy)
        };
        let rate = faulty.cell.faulty_rate().unwrap_or(0.0);
        let _ = write!(
            out,
            "| {} req/s, {} → {} % | {} |",
            faulty.cell.per_second,
            percent(faulty.cell.usual),
            percent(rate),
            found(&faulty.outcome.ours)
        );
        for family in FAMILIES {
            match best(family, &false_rollbacks, faulty) {
                Some((peer, rollbacks)) => {
                    let setting = peer.name();
                    let setting = setting
                        .rsplit(", ")
                        .next()
                        .unwrap_or("")
                        .replace("alarm ", "");
                    let _ = write!(out, " {} ({setting}) |", found(rollbacks));
                }
                None => out.push_str(" no setting |"),
            }
        }
        out.push('\n');
    }
    out.push('\n');
}

fn one_setting(out: &mut String, rows: &[Row]) {
    out.push_str("One setting for all services: the largest share of healthy releases that it rolls back, over the healthy cells with Poisson arrivals, independent errors and a true rate of 0.1 to 4.5 %:\n\n| rule | worst cell, % |\n|---|---|\n");
    let plain: Vec<&Row> = rows.iter().filter(|r| reference(r)).collect();
    let most = |pick: &dyn Fn(&Row) -> f64| plain.iter().map(|row| pick(row)).fold(0.0, f64::max);
    let _ = writeln!(
        out,
        "| deploy-guard | {} |",
        percent(most(&|r| r.outcome.ours.share()))
    );
    for (index, peer) in PEERS.iter().enumerate() {
        let _ = writeln!(
            out,
            "| {} | {} |",
            peer.name(),
            percent(most(&|r| r.outcome.peers[index].share()))
        );
    }
    out.push('\n');
}

/// The plot's points: worst false rollbacks over the reference cells, median time for a fault of 20 % at
/// 1 request a second.
pub fn points(rows: &[Row]) -> Vec<Point> {
    let healthy: Vec<&Row> = rows.iter().filter(|r| reference(r)).collect();
    let Some(faulty) = rows.iter().find(|r| {
        r.group == Group::Step
            && r.cell.errors == Errors::Independent
            && r.cell.arrivals == Arrivals::Steady
            && r.cell.per_second == 1.0
            && r.cell.faulty_rate() == Some(0.2)
    }) else {
        return Vec::new();
    };
    let most = |pick: &dyn Fn(&Row) -> f64| healthy.iter().map(|row| pick(row)).fold(0.0, f64::max);
    let time = |r: &Rollbacks| r.quantile(0.5).unwrap_or(WATCH) as f64;
    let mut points = vec![Point {
        false_rollbacks: most(&|r| r.outcome.ours.share()),
        minutes: time(&faulty.outcome.ours),
        name: "deploy-guard".to_owned(),
        family: "deploy-guard",
        ours: true,
    }];
    points.extend(PEERS.iter().enumerate().map(|(index, peer)| Point {
        false_rollbacks: most(&|r| r.outcome.peers[index].share()),
        minutes: time(&faulty.outcome.peers[index]),
        name: peer.name(),
        family: peer.family(),
        ours: false,
    }));
    points
}

pub fn losses(out: &mut String, rows: &[Row]) {
    out.push_str("## Where it loses\n\n");
    let mut list = |title: &str, lines: Vec<String>| {
        let _ = writeln!(out, "{title}:\n");
        if lines.is_empty() {
            out.push_str("- none\n");
        }
        for line in lines {
            let _ = writeln!(out, "- {line}");
        }
        out.push('\n');
    };
    let label = |row: &Row| {
        let change = row
            .cell
            .faulty_rate()
            .map_or(String::new(), |rate| format!(" → {} %", percent(rate)));
        let name = if row.name.is_empty() {
            String::new()
        } else {
            format!("{}: ", row.name)
        };
        format!(
            "{name}{}, {} %{change}",
            service(&row.cell),
            percent(row.cell.usual)
        )
    };
    list(
        "Healthy cells above the budget (with the declared exception)",
        rows.iter()
            .filter(|r| r.cell.onset().is_none() && r.outcome.ours.share() > ALPHA)
            .map(|r| format!("{}: {} %", label(r), with_limits(&r.outcome.ours)))
            .collect(),
    );
    list(
        "Faults found too seldom or too late",
        rows.iter()
            .filter(|r| meets(r) == Some(false))
            .map(|r| {
                let until = duty(&r.cell).unwrap_or(0.0);
                format!(
                    "{}: {}, due at {:.1}",
                    label(r),
                    found(&r.outcome.ours),
                    until
                )
            })
            .collect(),
    );
    list(
        "False passes above 5 %",
        rows.iter()
            .filter(|r| is_false_pass(r) && r.outcome.healthy > FALSE_PASS)
            .map(|r| format!("{}: {} %", label(r), percent(r.outcome.healthy)))
            .collect(),
    );
    list(
        "Other faults that end in \"healthy\" more often than 5 %",
        rows.iter()
            .filter(|r| {
                r.group == Group::Fault && !is_false_pass(r) && r.outcome.healthy > FALSE_PASS
            })
            .map(|r| format!("{}: {} %", label(r), percent(r.outcome.healthy)))
            .collect(),
    );
    for (title, all_days) in [
        (
            "Another rule, tuned to the service and its bad days, is faster at matched false rollbacks (median minutes)",
            true,
        ),
        (
            "Another rule, tuned to the service on undisturbed days, is faster (median minutes)",
            false,
        ),
    ] {
        let mut faster = Vec::new();
        for (healthy, faulty) in twins(rows) {
            let false_rollbacks = if all_days {
                worst_days(rows, healthy)
            } else {
                quiet_days(healthy)
            };
            let us = faulty.outcome.ours.quantile(0.5);
            let theirs: Vec<String> = FAMILIES
                .iter()
                .filter_map(|family| best(family, &false_rollbacks, faulty))
                .map(|(peer, r)| (peer, r.quantile(0.5)))
                .filter(|(_, them)| them.is_some_and(|them| us.is_none_or(|us| them < us)))
                .map(|(peer, them)| format!("{} ({})", minutes(them), peer.name()))
                .collect();
            if !theirs.is_empty() {
                faster.push(format!(
                    "{}: {} against {}",
                    label(faulty),
                    minutes(us),
                    theirs.join(", ")
                ));
            }
        }
        list(title, faster);
    }
}
