//! Notices: owed, claimed by one, marked by the one who claimed.

use deploy_guard::core::alert::NoticeState;
use deploy_guard::core::time::Timestamp;
use deploy_guard::ports::{CommitError, History, Mark};

use super::bench::Bench;
use super::on_every_store;
use super::samples::{DAY_S, Guard, at, env, session};

on_every_store! {
    what_is_not_sent_is_owed_until_it_expires,
    a_notice_is_claimed_by_one_session,
    a_lapsed_claim_may_repeat_the_notice,
    marks_are_for_what_the_session_had_claimed,
    a_notice_is_ordered_once,
}

async fn ordered(history: &dyn History, states: &[NoticeState]) -> Guard {
    let mut guard = Guard::new("deploy-a", at(0));
    let mut start = guard.start(None);
    start.notices = (0..)
        .zip(states)
        .map(|(i, state)| guard.notice(i, *state))
        .collect();
    history.commit(&start).await.expect("starts");
    guard
}

async fn keys(history: &dyn History, now: Timestamp) -> Vec<(u32, NoticeState, bool)> {
    let owed = history.owed(&env(), now).await.expect("readable");
    owed.iter()
        .map(|n| (n.index, n.state, n.repeated))
        .collect()
}

async fn what_is_not_sent_is_owed_until_it_expires(bench: &Bench) {
    let history = &*bench.history;
    let states = [
        NoticeState::Sending,
        NoticeState::Owed,
        NoticeState::Sent,
        NoticeState::Undelivered,
    ];
    let guard = ordered(history, &states).await;
    let owed = history.owed(&env(), at(0)).await.expect("readable");
    assert_eq!(
        owed,
        [
            guard.notice(0, NoticeState::Sending),
            guard.notice(1, NoticeState::Owed)
        ]
    );
    assert_eq!(keys(history, at(7 * DAY_S)).await.len(), 2);
    assert_eq!(keys(history, at(7 * DAY_S + 11)).await.len(), 0);
}

async fn a_notice_is_claimed_by_one_session(bench: &Bench) {
    let history = &*bench.history;
    let guard = ordered(history, &[NoticeState::Owed]).await;
    let key = guard.notice(0, NoticeState::Owed).key();
    let mut claims = Vec::new();
    for _ in 0..6 {
        let (history, key) = (bench.another().await, key.clone());
        claims.push(tokio::spawn(async move {
            history
                .claim(&env(), &key, &session(), at(1), at(61))
                .await
                .expect("answers")
        }));
    }
    let mut won = 0;
    for claim in claims {
        won += usize::from(claim.await.expect("no panic"));
    }
    assert_eq!(won, 1);
    assert_eq!(
        keys(history, at(2)).await,
        [(0, NoticeState::Sending, false)]
    );
    assert!(
        !history
            .claim(&env(), "deploy-a#999#slack", &session(), at(1), at(61))
            .await
            .expect("answers")
    );
    let given_up = history
        .claim(&env(), &key, &session(), at(DAY_S + 1), at(DAY_S + 61))
        .await;
    assert!(!given_up.expect("answers"), "nobody sends it any more");
}

async fn a_lapsed_claim_may_repeat_the_notice(bench: &Bench) {
    let history = &*bench.history;
    let guard = ordered(history, &[NoticeState::Sending]).await;
    let key = guard.notice(0, NoticeState::Sending).key();
    let next = session();
    assert!(
        !history
            .claim(&env(), &key, &next, at(59), at(119))
            .await
            .expect("answers")
    );
    assert!(
        history
            .claim(&env(), &key, &guard.session, at(59), at(70))
            .await
            .expect("one's own claim holds on")
    );
    assert_eq!(
        keys(history, at(0)).await,
        [(0, NoticeState::Sending, false)]
    );
    assert!(
        !history
            .claim(&env(), &key, &next, at(69), at(129))
            .await
            .expect("answers")
    );
    assert!(
        history
            .claim(&env(), &key, &next, at(70), at(130))
            .await
            .expect("answers")
    );
    assert_eq!(
        keys(history, at(0)).await,
        [(0, NoticeState::Sending, true)]
    );
    assert!(
        !history
            .claim(&env(), &key, &guard.session, at(71), at(131))
            .await
            .expect("answers")
    );
}

async fn marks_are_for_what_the_session_had_claimed(bench: &Bench) {
    let history = &*bench.history;
    let guard = ordered(
        history,
        &[
            NoticeState::Sending,
            NoticeState::Sending,
            NoticeState::Sending,
        ],
    )
    .await;
    let key = |i| guard.notice(i, NoticeState::Sending).key();
    let next = session();
    assert!(
        history
            .claim(&env(), &key(2), &next, at(60), at(120))
            .await
            .expect("answers")
    );
    let marks = [
        Mark {
            key: key(0),
            state: NoticeState::Sent,
            repeated: false,
        },
        Mark {
            key: key(1),
            state: NoticeState::Owed,
            repeated: false,
        },
        Mark {
            key: key(2),
            state: NoticeState::Undelivered,
            repeated: false,
        },
        Mark {
            key: "deploy-a#1#gone".into(),
            state: NoticeState::Sent,
            repeated: false,
        },
    ];
    history
        .mark(&env(), &guard.session, &marks)
        .await
        .expect("marks");
    history
        .mark(&env(), &guard.session, &[])
        .await
        .expect("nothing to mark");
    assert_eq!(
        keys(history, at(0)).await,
        [
            (1, NoticeState::Owed, false),
            (2, NoticeState::Sending, true)
        ],
        "what another session has claimed since is left to it"
    );
    assert!(
        history
            .claim(&env(), &key(1), &next, at(61), at(121))
            .await
            .expect("answers")
    );
    let marks = [1, 2].map(|i| Mark {
        key: key(i),
        state: NoticeState::Undelivered,
        repeated: false,
    });
    history.mark(&env(), &next, &marks).await.expect("marks");
    assert_eq!(keys(history, at(0)).await, []);
}

async fn a_notice_is_ordered_once(bench: &Bench) {
    let history = &*bench.history;
    let mut guard = ordered(history, &[NoticeState::Owed]).await;
    let notice = guard.notice(0, NoticeState::Owed);
    let keep = guard.keep(deploy_guard::core::lease::HeadMode::Deploying);
    let mut commit = guard.commit(Some(keep), vec![]);
    commit.notices = vec![notice];
    let result = history.commit(&commit).await;
    assert!(
        matches!(result, Err(CommitError::Stale { .. })),
        "{result:?}"
    );
}
