//! What only the file can show: it outlives the process, and says what is wrong with it.

use deploy_guard::adapters::sqlite::SqliteHistory;
use deploy_guard::ports::StoreError;

use super::bench::Bench;
use super::samples::{Guard, at, query};

#[tokio::test]
async fn a_file_outlives_the_process_that_wrote_it() {
    let mut bench = Bench::sqlite_file().await;
    let mut guard = Guard::new("deploy-a", at(0));
    bench
        .history
        .commit(&guard.start(None))
        .await
        .expect("starts");
    bench.history = bench.another().await;
    let stored = bench
        .history
        .deployment(&guard.id, at(0))
        .await
        .expect("readable");
    assert_eq!(stored.map(|s| s.entries.len()), Some(1));
}

#[tokio::test]
async fn many_processes_may_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("h.db");
    let opened: Vec<_> = (0..8)
        .map(|_| tokio::spawn(SqliteHistory::open(path.clone())))
        .collect();
    for history in opened {
        history.await.expect("no panic").expect("opens");
    }
}

#[tokio::test]
async fn a_damaged_file_is_named_with_the_next_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("h.db");
    std::fs::write(
        &path,
        "this is no database, and long enough to be looked at as one".repeat(99),
    )
    .expect("writes");
    match SqliteHistory::open(path.clone()).await {
        Err(StoreError::Malformed { detail }) => {
            assert!(
                detail.contains("h.db") && detail.contains("move it away"),
                "{detail}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("writes");
    for path in [file.join("below").join("h.db"), folder.path().to_owned()] {
        match SqliteHistory::open(path.clone()).await {
            Err(StoreError::Denied { action, detail }) => {
                assert!(
                    action.contains("file")
                        || action.contains(&folder.path().display().to_string()),
                    "{action}"
                );
                assert!(detail.contains("history.path"), "{detail}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("h.db");
    rusqlite::Connection::open(&path)
        .expect("opens")
        .execute_batch("PRAGMA user_version = 99")
        .expect("writes");
    match SqliteHistory::open(path).await {
        Err(StoreError::Malformed { detail }) => assert!(detail.contains("version 99"), "{detail}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_that_is_deleted_under_way_does_not_panic() {
    let bench = Bench::sqlite_file().await;
    drop(bench.folder);
    // Either answer is right; what is asked is that there is one.
    let _ = bench.history.list(&query()).await;
}
