//! Commits: all or nothing, once, with their conditions; journals and evidence read back.

use deploy_guard::core::id::Fence;
use deploy_guard::core::journal::{Event, replay};
use deploy_guard::core::lease::HeadMode;
use deploy_guard::core::record::{Status, StoredWord};
use deploy_guard::core::stats::Delta;
use deploy_guard::ports::{Commit, CommitError, RecordWrite, StoreError, Undo};

use super::bench::Bench;
use super::on_every_store;
use super::samples::{Guard, at, canonical, day, env, head, key, todo};

on_every_store! {
    a_deployment_reads_back_as_it_was_written,
    the_same_commit_again_happens_once,
    an_id_is_given_once,
    a_record_that_moved_on_is_not_overwritten,
    an_entry_is_written_once,
    a_rollback_undoes_an_earlier_success_in_its_own_close,
    evidence_is_replaced_and_has_a_limit,
    long_texts_are_cut_and_no_event_is_lost,
    an_expired_deployment_is_not_there,
}

async fn a_deployment_reads_back_as_it_was_written(bench: &Bench) {
    let history = &bench.history;
    let mut guard = Guard::new("deploy-20241212-143052-a1b2c3d4", at(0));
    let mut entries = Vec::new();
    let start = guard.start(None);
    entries.extend(start.entry.clone());
    history.commit(&start).await.expect("starts");
    let mut close = guard.close();
    close.evidence = Some("{\"증거\":\"🚀\"}".into());
    entries.extend(close.entry.clone());
    history.commit(&close).await.expect("closes");

    let stored = history
        .deployment(&guard.id, at(0))
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(
        canonical(stored.record.clone()),
        canonical(guard.record(Status::Success))
    );
    assert_eq!(stored.entries, entries);
    assert_eq!(stored.evidence.as_deref(), Some("{\"증거\":\"🚀\"}"));
    let replayed = replay(&stored.entries).expect("replays");
    assert_eq!(replayed, replay(&entries).expect("replays"));
    assert_eq!(replayed.state.name(), "closed");

    let totals = history
        .totals(&env(), &todo(), day(), day())
        .await
        .expect("readable");
    assert_eq!(totals.get(&day()), close.totals.get(&(todo(), day())));
    assert_eq!(
        history
            .deployment(&super::samples::id("another"), at(0))
            .await
            .expect("readable"),
        None
    );
}

async fn the_same_commit_again_happens_once(bench: &Bench) {
    let history = &bench.history;
    let mut guard = Guard::new("deploy-a", at(0));
    let start = guard.start(None);
    history.commit(&start).await.expect("starts");
    history.commit(&start).await.expect("has worked");
    let close = guard.close();
    history.commit(&close).await.expect("closes");
    history.commit(&close).await.expect("has worked");
    history.commit(&start).await.expect("has worked, long ago");
    let totals = history
        .totals(&env(), &todo(), day(), day())
        .await
        .expect("readable");
    assert_eq!(totals.get(&day()).map(|d| d.n), Some(1));
    let mut counts = Commit {
        entry: None,
        ..Guard::new("deploy-c", at(0)).commit(None, vec![])
    };
    counts.totals = close.totals.clone();
    for _ in 0..3 {
        history
            .commit(&counts)
            .await
            .expect("also without an entry");
    }
    let totals = history
        .totals(&env(), &todo(), day(), day())
        .await
        .expect("readable");
    assert_eq!(totals.get(&day()).map(|d| d.n), Some(2));
    let mut stranger = Guard::new("deploy-b", at(9));
    history
        .commit(&stranger.start(Some(Fence(1))))
        .await
        .expect("the lock is free");
    history
        .commit(&close)
        .await
        .expect("has worked, though another holds the lock now");
    assert_eq!(
        head(&**history, &todo()).await.and_then(|h| h.holder),
        Some(stranger.holder())
    );
}

async fn an_id_is_given_once(bench: &Bench) {
    let history = &bench.history;
    let mut first = Guard::new("deploy-a", at(0));
    history.commit(&first.start(None)).await.expect("starts");
    history.commit(&first.close()).await.expect("closes");
    // The same id at the same and at another time.
    for seconds in [0, 1] {
        let mut second = Guard::new("deploy-a", at(seconds));
        let result = history.commit(&second.start(Some(Fence(1)))).await;
        assert!(matches!(result, Err(CommitError::IdTaken)), "{result:?}");
    }
    let free = head(&**history, &todo()).await.expect("a head");
    assert_eq!(
        (free.fence, free.holder),
        (Fence(1), None),
        "nothing of it happened"
    );
}

async fn a_record_that_moved_on_is_not_overwritten(bench: &Bench) {
    let history = &bench.history;
    let mut guard = Guard::new("deploy-a", at(0));
    history.commit(&guard.start(None)).await.expect("starts");
    let mut wrong = guard.clone().close();
    wrong.record = Some(RecordWrite::Update {
        record: Box::new(guard.record(Status::Success)),
        seen_rev: 7,
    });
    let result = history.commit(&wrong).await;
    assert!(
        matches!(&result, Err(CommitError::Stale { detail }) if detail.contains("revision 1")),
        "{result:?}"
    );
    let held = head(&**history, &todo()).await.expect("a head");
    assert!(held.holder.is_some(), "nothing of it happened");
    assert!(
        history
            .totals(&env(), &todo(), day(), day())
            .await
            .expect("readable")
            .is_empty()
    );

    history.commit(&guard.close()).await.expect("closes");
    let mut again = Commit {
        head: None,
        ..guard.clone().close()
    };
    again.record = Some(RecordWrite::Update {
        record: Box::new(guard.record(Status::Failure)),
        seen_rev: 2,
    });
    let result = history.commit(&again).await;
    assert!(
        matches!(&result, Err(CommitError::Stale { detail }) if detail.contains("success")),
        "{result:?}"
    );
    let missing = Guard::new("deploy-nowhere", at(0)).close();
    let result = history
        .commit(&Commit {
            head: None,
            ..missing
        })
        .await;
    assert!(
        matches!(result, Err(CommitError::Stale { .. })),
        "{result:?}"
    );
}

async fn an_entry_is_written_once(bench: &Bench) {
    let history = &bench.history;
    let mut guard = Guard::new("deploy-a", at(0));
    history.commit(&guard.start(None)).await.expect("starts");
    let mut twin = guard.clone();
    let keep = guard.keep(HeadMode::Deploying);
    history
        .commit(&guard.commit(Some(keep.clone()), vec![]))
        .await
        .expect("entry 2");
    let beat = head(&**history, &todo()).await.expect("a head").beat;
    let result = history.commit(&twin.commit(Some(keep), vec![])).await;
    assert!(
        matches!(result, Err(CommitError::Stale { .. })),
        "{result:?}"
    );
    assert_eq!(
        head(&**history, &todo()).await.expect("a head").beat,
        beat,
        "nothing of it happened"
    );
    guard.n = 200;
    let keep = guard.keep(HeadMode::Deploying);
    let result = history.commit(&guard.commit(Some(keep), vec![])).await;
    assert!(
        matches!(
            result,
            Err(CommitError::Store(StoreError::Malformed { .. }))
        ),
        "{result:?}"
    );
}

async fn a_rollback_undoes_an_earlier_success_in_its_own_close(bench: &Bench) {
    let history = &bench.history;
    let mut undone = Guard::new("deploy-a", at(0));
    history.commit(&undone.start(None)).await.expect("starts");
    history.commit(&undone.close()).await.expect("closes");
    let mut rollback = Guard::new("rollback-b", at(60));
    history
        .commit(&rollback.start(Some(Fence(1))))
        .await
        .expect("starts");
    let mut close = rollback.close();
    // Both are of one day, so both deltas meet on one item.
    close
        .totals
        .entry((todo(), day()))
        .or_default()
        .merge(&Delta::undone());
    close.undo = Some(Undo {
        id: undone.id.clone(),
        at: undone.at,
        by: rollback.id.clone(),
    });
    history.commit(&close).await.expect("closes and undoes");
    history.commit(&close).await.expect("has worked");

    let stored = history
        .deployment(&undone.id, at(0))
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(stored.record.status, StoredWord::Known(Status::RolledBack));
    let last = stored.entries.last().expect("entries");
    assert_eq!(
        (last.n, &last.events[..]),
        (
            3,
            &[Event::UndoneBy {
                by: rollback.id.clone()
            }][..]
        )
    );
    replay(&stored.entries).expect("replays");
    let totals = history
        .totals(&env(), &todo(), day(), day())
        .await
        .expect("readable");
    let delta = totals.get(&day()).expect("totals");
    assert_eq!(delta.n, 2);
    assert_eq!(delta.by_status.get(&Status::Success), Some(&1));
    assert_eq!(delta.by_status.get(&Status::RolledBack), Some(&1));
    assert_eq!(delta.by_seconds.get(&75), Some(&2));

    let mut second = Guard::new("rollback-c", at(90));
    history
        .commit(&second.start(Some(Fence(2))))
        .await
        .expect("starts");
    let mut close = second.close();
    close.undo = Some(Undo {
        id: undone.id.clone(),
        at: undone.at,
        by: second.id.clone(),
    });
    let result = history.commit(&close).await;
    assert!(
        matches!(result, Err(CommitError::Stale { .. })),
        "a success is undone once: {result:?}"
    );
}

async fn evidence_is_replaced_and_has_a_limit(bench: &Bench) {
    let history = &bench.history;
    let mut guard = Guard::new("deploy-a", at(0));
    history.commit(&guard.start(None)).await.expect("starts");
    let mut noise = vec![0; 149_000];
    getrandom::fill(&mut noise).expect("random bytes");
    let hex: String = noise.iter().map(|b| format!("{b:02x}")).collect();
    for evidence in ["{}", &hex[..], &"가".repeat(300_000)] {
        let keep = guard.keep(HeadMode::Watching);
        let mut commit = guard.commit(Some(keep), vec![]);
        commit.evidence = Some(evidence.to_owned());
        history
            .commit(&commit)
            .await
            .expect("fits once it is packed");
        let stored = history
            .deployment(&guard.id, at(0))
            .await
            .expect("readable")
            .expect("there");
        assert!(
            stored.evidence.as_deref() == Some(evidence),
            "evidence reads back"
        );
    }
    let keep = guard.keep(HeadMode::Watching);
    let mut commit = guard.commit(Some(keep), vec![]);
    commit.evidence = Some(hex.repeat(2));
    let result = history.commit(&commit).await;
    assert!(
        matches!(
            result,
            Err(CommitError::Store(StoreError::Malformed { .. }))
        ),
        "{result:?}"
    );
    let stored = history
        .deployment(&guard.id, at(0))
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(stored.entries.len(), 4, "nothing of it was written");
}

async fn long_texts_are_cut_and_no_event_is_lost(bench: &Bench) {
    let history = &bench.history;
    let mut guard = Guard::new("deploy-a", at(0));
    let mut start = guard.start(None);
    if let Some(Event::Started(begun)) = start.entry.as_mut().and_then(|e| e.events.first_mut()) {
        begun.note = Some("긴 글 ".repeat(2_000));
        begun.changes = (0..250)
            .map(|i| format!("{i} {}", "변경".repeat(40)))
            .collect();
    }
    if let Some(RecordWrite::Create(record)) = &mut start.record {
        record.changes = (0..250)
            .map(|i| format!("{i} {}", "변경".repeat(40)))
            .collect();
        record.error = Some("틀림".repeat(5_000));
    }
    history.commit(&start).await.expect("is cut to fit");
    let stored = history
        .deployment(&guard.id, at(0))
        .await
        .expect("readable")
        .expect("there");
    let events = &stored.entries[0].events;
    assert!(
        matches!(&events[..], [Event::Started(_), Event::Allowed]),
        "{events:?}"
    );
    if let Event::Started(begun) = &events[0] {
        assert!(
            begun
                .note
                .as_ref()
                .is_some_and(|n| n.len() <= 2048 && n.ends_with('…'))
        );
        assert!(begun.changes.len() < 250 && !begun.changes.is_empty());
    }
    assert!(
        stored
            .record
            .changes
            .last()
            .is_some_and(|l| l.starts_with("… +"))
    );
    assert!(stored.record.error.is_some_and(|e| e.len() <= 512));

    let many = (0..600)
        .map(|_| Event::Adopted {
            by: deploy_guard::core::journal::Adopter::Keeper,
        })
        .collect();
    let keep = guard.keep(HeadMode::Watching);
    let result = history.commit(&guard.commit(Some(keep), many)).await;
    assert!(
        matches!(
            result,
            Err(CommitError::Store(StoreError::Malformed { .. }))
        ),
        "{result:?}"
    );
}

async fn an_expired_deployment_is_not_there(bench: &Bench) {
    let history = &bench.history;
    let mut guard = Guard::new("deploy-a", at(0));
    history.commit(&guard.start(None)).await.expect("starts");
    let expires = deploy_guard::core::time::Timestamp::from_millis(guard.expires_s() * 1000);
    let before = expires.minus(std::time::Duration::from_secs(1));
    assert!(
        history
            .deployment(&guard.id, before)
            .await
            .expect("readable")
            .is_some()
    );
    assert!(
        history
            .deployment(&guard.id, expires)
            .await
            .expect("readable")
            .is_none()
    );
    // A lock has no time to live, and an abandoned record is closed however old it is.
    let mut close = guard.close();
    close.key = key();
    if let Some(entry) = &mut close.entry {
        entry.commit = close.key.clone();
    }
    history.commit(&close).await.expect("closes");
}
