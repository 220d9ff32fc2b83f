//! Lists: filters before the limit, pages, expiry; refusals are no deployments.

use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{DeploymentType, Status, StoredWord};
use deploy_guard::core::time::Timestamp;
use deploy_guard::ports::{Commit, History, ListQuery, RecordWrite, Refusal, StoreError};

use super::bench::Bench;
use super::on_every_store;
use super::samples::{Guard, at, env, query, service, todo};

on_every_store! {
    a_list_is_newest_first_and_filters_before_its_limit,
    pages_go_on_exactly,
    a_foreign_cursor_is_refused,
    expired_records_are_hidden,
    a_refusal_is_in_no_list,
}

/// 24 records without lock: every third failed, every fourth a rollback, every second of `auth`.
async fn fill(history: &dyn History) {
    for i in 0..24_i64 {
        let name = if i % 2 == 0 { "todo" } else { "auth" };
        let mut guard = Guard {
            service: service(name),
            ..Guard::new(&format!("d-{i:02}"), at(i * 60))
        };
        guard.rev = 1;
        let status = if i % 3 == 0 {
            Status::Failure
        } else {
            Status::Success
        };
        let mut record = guard.record(status);
        if i % 4 == 0 {
            record.kind = StoredWord::Known(DeploymentType::Rollback);
        }
        let expires_s = guard.expires_s() + i;
        let commit = guard.commit(None, vec![]);
        let record = Some(RecordWrite::Create(Box::new(record)));
        history
            .commit(&Commit {
                record,
                expires_s,
                ..commit
            })
            .await
            .expect("writes");
    }
}

async fn ids(history: &dyn History, query: &ListQuery) -> Vec<String> {
    let page = history.list(query).await.expect("lists");
    page.records.iter().map(|r| r.id.to_string()).collect()
}

fn expected(keep: impl Fn(i64) -> bool) -> Vec<String> {
    (0..24)
        .rev()
        .filter(|i| keep(*i))
        .map(|i| format!("d-{i:02}"))
        .collect()
}

async fn a_list_is_newest_first_and_filters_before_its_limit(bench: &Bench) {
    let history = &*bench.history;
    fill(history).await;
    assert_eq!(ids(history, &query()).await, expected(|_| true));
    let failed = ListQuery {
        status: Some("failure".into()),
        limit: 3,
        ..query()
    };
    assert_eq!(ids(history, &failed).await, ["d-21", "d-18", "d-15"]);
    let rollbacks = ListQuery {
        kind: Some("rollback".into()),
        limit: 2,
        ..query()
    };
    assert_eq!(ids(history, &rollbacks).await, ["d-20", "d-16"]);
    let auth = ListQuery {
        service: Some(service("auth")),
        ..query()
    };
    assert_eq!(ids(history, &auth).await, expected(|i| i % 2 == 1));
    let between = ListQuery {
        from: Some(at(300)),
        to: Some(at(600)),
        ..query()
    };
    assert_eq!(
        ids(history, &between).await,
        expected(|i| (5..=10).contains(&i))
    );
    let just_off = ListQuery {
        from: Some(Timestamp::from_millis(at(300).millis() + 1)),
        to: Some(Timestamp::from_millis(at(600).millis() - 1)),
        ..query()
    };
    assert_eq!(
        ids(history, &just_off).await,
        expected(|i| (6..=9).contains(&i))
    );
    let all = ListQuery {
        status: Some("success".into()),
        kind: Some("rollback".into()),
        service: Some(todo()),
        from: Some(at(60 * 5)),
        ..query()
    };
    assert_eq!(
        ids(history, &all).await,
        expected(|i| i % 3 != 0 && i % 4 == 0 && i >= 5)
    );
    let none = ListQuery {
        from: Some(at(600)),
        to: Some(at(300)),
        ..query()
    };
    assert_eq!(ids(history, &none).await, [""; 0]);
    let other = ListQuery {
        status: Some("backup".into()),
        ..query()
    };
    assert_eq!(ids(history, &other).await, [""; 0]);
}

async fn pages_go_on_exactly(bench: &Bench) {
    let history = &*bench.history;
    fill(history).await;
    for (status, limit) in [
        (None, 7),
        (None, 24),
        (Some("failure"), 3),
        (Some("success"), 5),
    ] {
        let mut ask = ListQuery {
            status: status.map(str::to_owned),
            limit,
            ..query()
        };
        let mut seen = Vec::new();
        loop {
            let page = history.list(&ask).await.expect("lists");
            assert!(page.records.len() <= limit && !page.records.is_empty());
            seen.extend(page.records.iter().map(|r| r.id.to_string()));
            ask.cursor = page.cursor;
            if ask.cursor.is_none() {
                break;
            }
        }
        let wanted = expected(|i| status.is_none_or(|s| (i % 3 == 0) == (s == "failure")));
        assert_eq!(seen, wanted, "{status:?} by {limit}");
    }
}

async fn a_foreign_cursor_is_refused(bench: &Bench) {
    for cursor in ["", "garbage", "e30", "🚀", "WyJhIl0"] {
        let asked = bench
            .history
            .list(&ListQuery {
                cursor: Some(cursor.into()),
                ..query()
            })
            .await;
        assert!(
            matches!(asked, Err(StoreError::Cursor { .. })),
            "{cursor}: {asked:?}"
        );
    }
}

async fn expired_records_are_hidden(bench: &Bench) {
    let history = &*bench.history;
    fill(history).await;
    // At this moment the first ten have expired.
    let first = Guard::new("d-00", at(0)).expires_s();
    let now = Timestamp::from_millis((first + 9 * 61) * 1000);
    let got = ids(history, &ListQuery { now, ..query() }).await;
    assert_eq!(got, expected(|i| i >= 10));
}

async fn a_refusal_is_in_no_list(bench: &Bench) {
    let history = &*bench.history;
    for run in [Some(7), None, Some(7)] {
        let refusal = Refusal {
            environment: env(),
            service: todo(),
            at: at(0),
            kind: DeploymentType::Deploy,
            reasons: vec![ReasonCode::Frozen, ReasonCode::ChecksNotGreen],
            actor: Some("개발자".into()),
            git_ref: Some(super::samples::sha()),
            run,
        };
        history.refuse(&refusal).await.expect("is kept");
    }
    assert_eq!(ids(history, &query()).await, [""; 0]);
    assert!(
        history
            .heads(&env())
            .await
            .expect("readable")
            .heads
            .is_empty()
    );
}
