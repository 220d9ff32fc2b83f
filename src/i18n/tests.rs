//! Every sentence in both languages, frozen. Not part of the product.

use insta::assert_snapshot;

use crate::core::id::{DeploymentId, EnvironmentName};
use crate::core::observation::{Kind, NetFault, Why};
use crate::core::policy::Remark;
use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, Verdict};
use crate::i18n::sight::Sight;
use crate::i18n::{Ending, Locale, Message, NextStep, Word, reason};

fn both(out: &mut String, text: impl Fn(Locale) -> String) {
    let (en, ko) = (text(Locale::En), text(Locale::Ko));
    assert!(!en.trim().is_empty() && !ko.trim().is_empty());
    out.push_str(&format!("{en}\n{ko}\n\n"));
}

#[test]
fn reasons() {
    let mut out = String::new();
    for code in ReasonCode::ALL {
        out.push_str(&format!("[{code}]\n"));
        both(&mut out, |l| {
            format!("{} → {}", reason::meaning(*code, l), reason::help(*code, l))
        });
    }
    assert_snapshot!("reasons", out);
}

#[test]
fn endings() {
    let mut out = String::new();
    for ending in Ending::ALL {
        for kind in DeploymentType::ALL {
            if *kind != DeploymentType::Deploy
                && *ending != Ending::Healthy
                && *ending != Ending::Refused
            {
                continue;
            }
            out.push_str(&format!("[{ending}] {}\n", ending.sign()));
            both(&mut out, |l| {
                format!(
                    "{} → {}",
                    ending.headline("prod", *kind, l),
                    ending.done("prod", l)
                )
            });
        }
    }
    assert_snapshot!("endings", out);
}

#[test]
fn sights() {
    let text = |t: &str| t.to_owned();
    let why = |detail: &str| Why::new(Kind::Denied, detail);
    let mut all = vec![
        Sight::Nothing,
        Sight::Good {
            status: Some(200),
            took_ms: 84,
        },
        Sight::Good {
            status: None,
            took_ms: 2500,
        },
        Sight::Status {
            got: 500,
            want: 200,
        },
        Sight::Status { got: 404, want: 0 },
        Sight::Json {
            pointer: text("/status"),
            got: Some(text("bad")),
            want: text("healthy"),
        },
        Sight::Json {
            pointer: text("/status"),
            got: None,
            want: text("healthy"),
        },
        Sight::Header {
            name: text("x-version"),
            got: Some(text("1")),
            want: text("2"),
        },
        Sight::Header {
            name: text("x-version"),
            got: None,
            want: text("2"),
        },
        Sight::Body(text("ok")),
        Sight::Slow {
            took_ms: 2500,
            max_ms: 2000,
        },
        Sight::Version {
            got: Some(text("0f1e2d3")),
            want: text("a1b2c3d"),
        },
        Sight::Version {
            got: None,
            want: text("a1b2c3d"),
        },
        Sight::InARow(1),
        Sight::InARow(3),
        Sight::Confirmed(10_000),
        Sight::Probes {
            errors: 2,
            requests: 40,
        },
        Sight::Counts {
            errors: 14,
            requests: 160,
        },
        Sight::Counts {
            errors: 0,
            requests: 0,
        },
        Sight::SlowCounts {
            errors: 1,
            requests: 12_345,
        },
        Sight::ThrottledCounts {
            errors: 3,
            requests: 200,
        },
        Sight::NoRequests,
        Sight::Value { value: 3.25 },
        Sight::Matches(12.0),
        Sight::Firing((0..7).map(|i| format!("alarm-{i}")).collect()),
        Sight::NoneFiring,
        Sight::Unknown(why("cloudwatch:GetMetricData")),
        Sight::Unknown(why("")),
        Sight::Bound(0.05),
        Sight::PlainBound(0.0),
        Sight::Baseline(0.019),
        Sight::Certain(0.01),
        Sight::Evidence(0.4),
        Sight::PassEvidence(0.62),
        Sight::Certified,
        Sight::Before {
            errors: 180,
            requests: 18_000,
        },
        Sight::Interval(0.053, 0.142),
        Sight::Unseen(1),
        Sight::Unseen(13),
        Sight::Thin,
    ];
    all.extend(NetFault::ALL.iter().map(|f| Sight::Network(*f)));
    let mut out = String::new();
    for sight in &all {
        both(&mut out, |l| sight.text(l));
    }
    assert_snapshot!("sights", out);
}

#[test]
fn messages() {
    let id = DeploymentId::new("deploy-20241212-143052-a1b2c3d4").expect("valid");
    let env = EnvironmentName::new("prod").expect("valid");
    let why = Why::new(Kind::Throttled, "Rate exceeded");
    let alert = ("health check failed", "Slack");
    let would = |kind| Message::WouldDeploy {
        kind,
        commit: Some("a1b2c3d4"),
        environment: "prod",
    };
    let all = [
        Message::CheckPassed,
        Message::Remark(Remark::Attempt(2)),
        Message::Remark(Remark::AdministratorBypass),
        Message::CheckUnavailable(&why),
        Message::CheckNotApplicable,
        Message::CheckSkipped(DeploymentType::Hotfix),
        Message::CheckOverridden,
        Message::AndMore(3),
        Message::LeftOut,
        Message::KeeperAbsent,
        Message::KeeperFresh,
        Message::NoLock,
        Message::ThinGates("DeleteTodo, AuthLogin"),
        Message::WorkflowNeedsReview,
        Message::WorkflowNoRun,
        Message::NotTold {
            event: alert.0,
            channel: alert.1,
            why: Some("no_service"),
        },
        Message::ToldLater {
            event: alert.0,
            channel: alert.1,
            why: None,
        },
        Message::Repeated,
        Message::HeldBy {
            deployment: &id,
            actor: Some("kim"),
            age: "10 min",
        },
        would(DeploymentType::Deploy),
        would(DeploymentType::Rollback),
        would(DeploymentType::Hotfix),
        Message::WouldRefuse,
        Message::Overridden("freeze"),
        Message::Problems(1),
        Message::Problems(2),
        Message::HistoryEmpty(&env),
        Message::MoreWith("abc"),
        Message::OwedTold { sent: 2, owed: 0 },
        Message::OwedTold { sent: 1, owed: 3 },
    ];
    let mut out = String::new();
    for message in &all {
        assert_ne!(message.text(Locale::En), message.text(Locale::Ko));
        both(&mut out, |l| message.text(l));
    }
    for step in NextStep::ALL {
        both(&mut out, |l| step.text(l).to_owned());
    }
    for verdict in Verdict::ALL {
        both(&mut out, |l| verdict.word(l).to_owned());
    }
    assert_snapshot!("messages", out);
}
