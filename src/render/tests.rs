//! Every way to end on every surface, in both languages: the words are frozen here. Not part of the product.

use insta::assert_snapshot;

use crate::core::alert::AlertEvent;
use crate::i18n::Locale;
use crate::render::{annotation, fixtures, mail, message, outputs, slack, summary};

#[test]
fn summaries() {
    for (name, report) in fixtures::all() {
        for locale in Locale::ALL {
            assert_snapshot!(
                format!("summary_{name}_{locale}"),
                summary::summary(&report, *locale)
            );
        }
    }
}

#[test]
fn annotations_and_log() {
    for (name, report) in fixtures::all() {
        let mut out = String::new();
        for locale in Locale::ALL {
            for a in annotation::annotations(&report, *locale) {
                out.push_str(&format!("{}\n", a.line()));
            }
            out.push('\n');
            out.push_str(&annotation::log_lines(&report, *locale).join("\n"));
            out.push_str("\n\n");
        }
        assert_snapshot!(format!("log_{name}"), out);
    }
}

#[test]
fn every_output_has_its_place() {
    for (name, report) in fixtures::all() {
        let names = [
            "deployment_id",
            "deployment_type",
            "status",
            "verdict",
            "deploy_needed",
            "ref",
            "previous_ref",
            "previous_deployment_id",
            "rollback_target",
            "rolled_back",
            "rollback_ref",
            "decision",
            "reason_code",
            "reason",
            "duration_seconds",
            "result",
        ];
        let found = outputs::outputs(&report, Locale::En);
        assert_eq!(
            found.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
            names,
            "{name}"
        );
        let lines: Vec<String> = found
            .iter()
            .filter(|(n, _)| *n != "result")
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        assert_snapshot!(format!("outputs_{name}"), lines.join("\n"));
    }
}

#[test]
fn the_result_has_everything() {
    for (name, report) in fixtures::all() {
        if matches!(name, "rolled_back" | "refused_locked") {
            let result = outputs::result(&report, Locale::En);
            let text = serde_json::to_string_pretty(&result).expect("JSON");
            assert!(
                !text.contains("token"),
                "a lock's token is nobody's business"
            );
            assert_snapshot!(format!("result_{name}"), text);
        }
    }
}

#[test]
fn alerts() {
    for event in AlertEvent::ALL {
        let facts = fixtures::facts(*event);
        for locale in Locale::ALL {
            let message = message::message(&facts, false, None, *locale);
            let slack = serde_json::to_string_pretty(&message.slack).expect("JSON");
            assert_snapshot!(
                format!("alert_{event}_{locale}"),
                format!("{}\n\n{}\n{slack}", message.subject, message.text)
            );
        }
    }
}

#[test]
fn known_titles_stay_as_the_team_knows_them() {
    let title = |event| {
        let payload = slack::payload(&fixtures::facts(event), false, None, Locale::Ko);
        payload["text"].as_str().map(str::to_owned)
    };
    let subject = |event| mail::subject(&fixtures::facts(event), Locale::Ko);
    assert_eq!(
        title(AlertEvent::Failed).as_deref(),
        Some("🚨 프로덕션 배포 실패!")
    );
    assert_eq!(
        title(AlertEvent::RollbackStarted).as_deref(),
        Some("🔄 배포 롤백 시작")
    );
    assert_eq!(
        title(AlertEvent::RollbackCompleted).as_deref(),
        Some("✅ 배포 롤백 성공")
    );
    assert_eq!(
        title(AlertEvent::RollbackFailed).as_deref(),
        Some("❌ 배포 롤백 실패")
    );
    assert_eq!(
        subject(AlertEvent::HealthCheckFailed),
        "🚨 배포 헬스체크 실패 - prod"
    );
    assert_eq!(
        subject(AlertEvent::RollbackStarted),
        "🔄 자동 롤백 시작 - prod"
    );
    assert_eq!(
        subject(AlertEvent::RollbackFailed),
        "❌ 자동 롤백 실패 - prod"
    );
}
