//! Every way to end on every surface, in both languages: the words are frozen here. Not part of the product.

use insta::assert_snapshot;
use proptest::prelude::*;

use crate::core::alert::AlertEvent;
use crate::core::changes::Pull;
use crate::core::gate::http::Problem;
use crate::core::gate::{Finding, GateKind, Seen};
use crate::core::id::CommitSha;
use crate::core::journal::{Event, Start};
use crate::core::lease::{Head, HeadMode, Owner};
use crate::core::observation::{Kind, Why};
use crate::core::outcome::Report;
use crate::core::policy::{CheckLine, CheckResult};
use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, GuardFields, Record, Status, StoredWord, Verdict};
use crate::i18n::{Label, Locale};
use crate::render::escape::{code, markdown, mermaid, slack as slack_text};
use crate::render::progress::progress;
use crate::render::terminal::Colours;
use crate::render::{annotation, fixtures, json, mail, message, outputs, slack, summary, terminal};

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

fn records() -> Vec<Record> {
    let one = |text: &str, status: Status, verdict: Option<Verdict>, reason| Record {
        id: fixtures::id(text),
        at: fixtures::at(0),
        environment: fixtures::env(),
        status: StoredWord::Known(status),
        kind: StoredWord::Known(DeploymentType::Deploy),
        version: None,
        commit: Some("a1b2c3d4e5f60718293a4b5c6d7e8f9012345678".to_owned()),
        deployed_by: Some("김개발".to_owned()),
        duration_s: Some(171),
        changes: vec!["a1b2c3d4 Add \u{1b}[31mdue dates".to_owned()],
        error: None,
        rollback_target: None,
        details: "{}".to_owned(),
        expires_s: Some(1_741_789_852),
        guard: Some(GuardFields {
            service: crate::core::id::ServiceName::new("hanbit-todo").expect("valid"),
            phase: "closed".to_owned(),
            rev: 7,
            verdict,
            reason_code: Some(reason),
            git_ref: None,
            previous_ref: None,
            previous_deployment: None,
            state_id: None,
            irreversible: false,
            run_url: Some("https://github.com/hanbit/todo/actions/runs/4711".to_owned()),
            duration_ms: Some(171_000),
        }),
    };
    let mut old = one(
        "rollback-backup-20241201_101112",
        Status::Failure,
        None,
        ReasonCode::NotProven,
    );
    old.status = StoredWord::<Status>::read("backup");
    old.kind = StoredWord::<DeploymentType>::read("backup");
    old.commit = Some("release/2024-12".to_owned());
    old.guard = None;
    old.duration_s = None;
    old.error = Some("ValidationError: bad\nthing".to_owned());
    old.details = "{\\\"from\\\": \\\"script\\\"}".to_owned();
    vec![
        one(
            "deploy-20241212-143052-a1b2c3d4",
            Status::RolledBack,
            Some(Verdict::Degraded),
            ReasonCode::Restored,
        ),
        one(
            "hotfix-20241212-120000-a1b2c3d4",
            Status::Success,
            Some(Verdict::Healthy),
            ReasonCode::Healthy,
        ),
        old,
    ]
}

fn head() -> Head {
    let mut head = Head::absent(
        fixtures::env(),
        crate::core::id::ServiceName::new("hanbit-todo").expect("valid"),
    );
    let locked = fixtures::all().into_iter().find_map(|(_, r)| r.holder);
    head.holder = locked;
    head.mode = Some(HeadMode::Watching);
    head.live = Some(fixtures::good());
    head
}

#[test]
fn terminal_texts() {
    let journal = fixtures::all()
        .into_iter()
        .find(|(name, _)| *name == "restore_failed")
        .map(|(_, r)| r.entries)
        .expect("there");
    for locale in Locale::ALL {
        let (env, plain) = (fixtures::env(), Colours(false));
        let records = records();
        let mut out = terminal::history(&records, Some("abc"), &env, *locale, plain);
        out.push_str(&terminal::history(&[], None, &env, *locale, plain));
        for record in &records {
            out.push_str("\n----\n");
            out.push_str(&terminal::show(record, &journal, *locale, plain));
        }
        out.push_str("\n----\n");
        out.push_str(&terminal::lock(
            &head(),
            None,
            fixtures::at(600),
            *locale,
            plain,
        ));
        assert_snapshot!(format!("terminal_{locale}"), out);
    }
}

#[test]
fn columns_line_up_with_wide_letters() {
    let env = fixtures::env();
    let text = terminal::history(&records(), None, &env, Locale::Ko, Colours(false));
    let before: Vec<usize> = text
        .lines()
        .skip(1)
        .filter_map(|l| {
            l.find("UTC")
                .map(|at| terminal::width(l.get(..at).unwrap_or("")))
        })
        .collect();
    assert_eq!(before, [20, 20, 20]);
    assert_eq!(terminal::width("배포 a"), 6);
    let coloured = terminal::history(&records(), None, &env, Locale::En, Colours(true));
    assert!(coloured.contains("\u{1b}[33mrolled back"));
}

#[test]
fn api_json() {
    let records = records();
    let out = serde_json::to_string_pretty(&json::history(
        &records,
        Some("next"),
        &fixtures::env(),
        fixtures::at(600),
    ));
    assert_snapshot!("json_history", out.expect("JSON"));
    let lock = json::lock(&head(), Some(&Owner::Alive), None, fixtures::at(600));
    let lock = serde_json::to_string_pretty(&lock).expect("JSON");
    assert!(!lock.contains("aaaaaaaa"), "the token stays secret");
    assert_snapshot!("json_lock", lock);
    let show = json::show(&records[0], &fixtures::all()[1].1.entries, Locale::En);
    assert_eq!(show["journal"][0]["n"], 1);
    assert_eq!(show["journal"][0]["events"][0]["event"], "started");
    assert_eq!(json::record(&records[2])["details"]["from"], "script");
}

#[test]
fn progress_lines() {
    let mut out = String::new();
    for findings in [
        fixtures::well(),
        fixtures::bad(),
        fixtures::unproven(),
        vec![],
    ] {
        for locale in Locale::ALL {
            let line = progress(&findings, fixtures::at(0), fixtures::at(385), *locale);
            assert!(!line.contains('\n'));
            out.push_str(&format!("{line}\n"));
        }
    }
    assert_snapshot!("progress", out);
}

#[test]
fn problems_are_listed() {
    let problems = [
        "deploy-guard.yml:12: `gates.max_error_rat` is not a setting; did you mean `max_error_rate`?".to_owned(),
        "input <b>::error::x".to_owned(),
    ];
    let mut out = String::new();
    for locale in Locale::ALL {
        out.push_str(&summary::summary_of_problems(&problems, *locale));
        for a in annotation::annotations_of_problems(&problems, *locale) {
            out.push_str(&format!("{}\n", a.line()));
        }
    }
    assert_snapshot!("problems", out);
    let many: Vec<String> = (0..5000)
        .map(|i| format!("{i}{}", "x".repeat(9000)))
        .collect();
    assert!(summary::summary_of_problems(&many, Locale::En).len() <= summary::LIMIT);
    assert_eq!(
        annotation::annotations_of_problems(&many, Locale::En).len(),
        10
    );
}

#[test]
fn a_summary_of_5000_gates_is_shortened_not_lost() {
    let (_, mut report) = fixtures::all()
        .into_iter()
        .find(|(n, _)| *n == "rolled_back")
        .expect("there");
    let many: Vec<_> = (0..5000)
        .map(|i| {
            let mut finding = fixtures::bad()[1].clone();
            finding.gate = format!("gate {i} {}", "<가|".repeat(400));
            finding
        })
        .collect();
    for entry in &mut report.entries {
        for event in &mut entry.events {
            if let Event::Judged(j) | Event::RestoreJudged { judgement: j, .. } = event {
                j.findings.clone_from(&many);
            }
        }
    }
    report.notes = (0..300).map(|_| "<|&".repeat(10_000)).collect();
    for locale in Locale::ALL {
        let text = summary::summary(&report, *locale);
        assert!(text.len() <= summary::LIMIT, "{}", text.len());
        assert!(text.contains(Label::DeploymentId.text(*locale)));
        assert!(text.contains("gate 0 "));
        assert!(text.contains("… "));
        let result = outputs::result(&report, *locale);
        assert!(result.to_string().len() <= 400 * 1024);
        assert_eq!(result["left_out"][0], "journal");
        assert_eq!(result["reason_code"], "restored");
    }
}

/// Texts that would be something else than text, were they printed as they are.
const HOSTILE: &[&str] = &[
    "::set-output name=x::y",
    "\n::error::x",
    "##[error]x",
    "<!channel>",
    "<@U123>",
    "a|b",
    "a\r\nb",
    "</details>",
    "<img src=x>",
    "\u{202e}evil",
    "\u{2066}x",
    "[x](javascript:y)",
    "`x`",
    "```\nx",
    "@team",
    "\u{1b}[31mred",
    "a\u{0}b",
    "%0A::x",
    "&lt;",
    "$x$",
];

fn spoil(report: &mut Report, bad: &str) {
    let pull = Pull {
        number: 7,
        url: bad.to_owned(),
    };
    report.pulls = vec![(brought(), vec![pull])];
    let some = || Some(bad.to_owned());
    report.asked.environment = bad.to_owned();
    report.asked.service = bad.to_owned();
    (report.asked.actor, report.asked.note, report.asked.run_url) = (some(), some(), some());
    report.asked.git_ref = some();
    report.notes = vec![bad.to_owned()];
    for told in &mut report.told {
        told.why = some();
    }
    if let Some(holder) = &mut report.holder {
        (holder.actor, holder.repo, holder.run_url) = (some(), some(), some());
    }
    let lines = |lines: &mut Vec<CheckLine>| {
        for line in lines {
            line.result = match &line.result {
                CheckResult::Passed { .. } => CheckResult::Passed {
                    note: some(),
                    remarks: Vec::new(),
                },
                CheckResult::Failed { reason, .. } => CheckResult::Failed {
                    reason: *reason,
                    detail: bad.to_owned(),
                },
                CheckResult::Unavailable { .. } => CheckResult::Unavailable {
                    why: Why::new(Kind::Denied, bad),
                },
                CheckResult::NotApplicable | CheckResult::Skipped => continue,
            };
        }
    };
    lines(&mut report.checks);
    if let Some(deployment) = &mut report.deployment {
        lines(&mut deployment.checks);
        spoil_start(&mut deployment.start, bad);
    }
    for event in report.entries.iter_mut().flat_map(|e| &mut e.events) {
        match event {
            Event::Started(start) => spoil_start(start, bad),
            Event::Checked { lines: l } => lines(l),
            Event::Judged(j) | Event::RestoreJudged { judgement: j, .. } => {
                spoil_findings(&mut j.findings, bad)
            }
            Event::RestorePlanned { plan } => {
                for step in &mut plan.steps {
                    step.what = bad.to_owned();
                }
            }
            Event::StepFailed { why, .. } => why.detail = bad.to_owned(),
            Event::Closed(c) => c.error = some(),
            Event::JobEnded { stacks, .. } => {
                for stack in stacks {
                    stack.name = bad.to_owned();
                }
            }
            _ => {}
        }
    }
}

fn brought() -> CommitSha {
    CommitSha::parse("a1b2c3d4e5f60718293a4b5c6d7e8f9012345678").expect("a commit")
}

fn spoil_start(start: &mut Start, bad: &str) {
    start.actor = Some(bad.to_owned());
    start.note = Some(bad.to_owned());
    start.changes = vec![bad.to_owned(), format!("{} {bad}", brought())];
    start.run.url = Some(bad.to_owned());
}

fn spoil_findings(findings: &mut [Finding], bad: &str) {
    for finding in findings {
        finding.gate = bad.to_owned();
        finding.seen = match finding.kind {
            GateKind::Http => Seen::Http {
                status: Some(500),
                problem: Some(Problem::Json {
                    pointer: bad.to_owned(),
                    got: Some(bad.to_owned()),
                    want: bad.to_owned(),
                }),
                took_ms: 1,
                failures_in_a_row: 2,
                confirmed_ms: None,
            },
            GateKind::Alarms => Seen::Names {
                names: vec![bad.to_owned()],
            },
            GateKind::Metric => Seen::Unknown {
                why: Why::new(Kind::Provider, bad),
            },
            _ => Seen::Text {
                text: bad.to_owned(),
            },
        };
    }
}

fn no_odd_characters(text: &str, what: &str) {
    let odd = text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || ('\u{202a}'..='\u{202e}').contains(c)
            || ('\u{2066}'..='\u{2069}').contains(c)
    });
    assert_eq!(odd, None, "{what}: {text}");
}

/// Everything that is printed about a report with this text in every place.
fn never_leaks(report: &Report, bad: &str) {
    for locale in Locale::ALL {
        let markdown = summary::summary(report, *locale);
        no_odd_characters(&markdown, "summary");
        assert!(markdown.len() <= summary::LIMIT);
        let own = ["<br>", "<details>", "</details>", "<summary>", "</summary>"];
        let rest = own
            .iter()
            .fold(markdown.clone(), |text, tag| text.replace(tag, ""));
        assert!(!rest.contains('<'), "{bad:?} leaks HTML:\n{rest}");
        assert_eq!(
            markdown.matches("<details>").count(),
            markdown.matches("</details>").count()
        );
        assert_eq!(markdown.matches("```").count() % 2, 0);
        for line in markdown.lines().filter(|l| l.starts_with("| ")) {
            let bars = line.replace("\\|", "").matches('|').count();
            assert!(matches!(bars, 3 | 4 | 7), "{bad:?} breaks a table: {line}");
        }
        // Inside code GitHub calls nobody.
        let outside_code: String = markdown.split('`').step_by(2).collect();
        assert!(!outside_code.contains("@t"), "{bad:?} mentions");
        for a in annotation::annotations(report, *locale) {
            let line = a.line();
            no_odd_characters(&line, "annotation");
            assert!(!line.contains('\n') && !line.contains("##["));
            assert_eq!(line.matches("::").count(), 2, "{line}");
        }
        for line in annotation::log_lines(report, *locale) {
            no_odd_characters(&line, "log");
            assert!(
                !line.contains("::") && !line.contains("##[") && !line.contains('\n'),
                "{line}"
            );
        }
    }
}

fn alert_never_leaks(event: AlertEvent, bad: &str) {
    let mut facts = fixtures::facts(event);
    let some = || Some(bad.to_owned());
    (facts.actor, facts.note, facts.detail, facts.run_url) = (some(), some(), some(), some());
    facts.stacks = vec![bad.to_owned()];
    (facts.changes, facts.compare_url) = (vec![bad.to_owned()], some());
    spoil_findings(&mut facts.findings, bad);
    for locale in Locale::ALL {
        let message = message::message(&facts, true, Some(bad), *locale);
        no_odd_characters(&message.text, "mail");
        no_odd_characters(&message.subject, "subject");
        assert!(message.subject.chars().count() < 100 && !message.subject.contains('\n'));
        assert!(message.text.len() <= 256 * 1024);
        let payload = message.slack.to_string();
        assert!(payload.len() < 16_000, "{}", payload.len());
        for field in message.slack["attachments"][0]["fields"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let value = field["value"].as_str().unwrap_or_default();
            let mut lines = value.lines();
            let link = |line: &str| line.starts_with(&format!("<{bad}|"));
            assert!(
                lines.all(|line| link(line) || !line.contains('<')),
                "{bad:?}: {value}"
            );
        }
    }
}

#[test]
fn hostile_text_never_leaks() {
    let huge = "<!channel>|`::".repeat(80_000);
    for bad in HOSTILE.iter().copied().chain([huge.as_str()]) {
        let every = if bad.len() > 1000 { 5 } else { 1 };
        for (_, mut report) in fixtures::all().into_iter().step_by(every) {
            spoil(&mut report, bad);
            never_leaks(&report, bad);
        }
        for event in AlertEvent::ALL {
            // A mention of the configuration is the one thing that may call people.
            if bad.starts_with("<!") || bad.starts_with("<@") {
                continue;
            }
            alert_never_leaks(*event, bad);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_text_leaks(
        parts in prop::collection::vec(prop_oneof![prop::sample::select(HOSTILE.to_vec()).prop_map(str::to_owned), "\\PC{0,6}"], 1..6),
        which in 0_usize..20,
        event in prop::sample::select(AlertEvent::ALL.to_vec()),
    ) {
        let bad = format!("x{}", parts.concat());
        let mut all = fixtures::all();
        let index = which % all.len();
        let (_, report) = &mut all[index];
        spoil(report, &bad);
        never_leaks(report, &bad);
        alert_never_leaks(event, &bad);
    }

    #[test]
    fn escaped_text_is_short_and_flat(text in "\\PC{0,200}") {
        prop_assert!(!markdown(&text).contains('\n'));
        prop_assert!(slack_text(&text, 20).matches(['<', '>']).count() == 0);
        prop_assert!(!mermaid(&text, 60).contains([':', ';', '#', '%', '"', '\n']));
        prop_assert!(code(&text).matches('|').count() == code(&text).matches("\\|").count());
    }
}
