//! The lock: exclusive, fenced, asked for, inherited, given back.

use deploy_guard::core::id::Fence;
use deploy_guard::core::lease::{HeadMode, Heir, KeeperBeat, YieldRequest};
use deploy_guard::core::record::DeploymentType;
use deploy_guard::ports::{CommitError, HeadWrite};

use super::bench::Bench;
use super::on_every_store;
use super::samples::{Guard, at, day, env, head, key, service, session, todo};

on_every_store! {
    one_of_eight_racing_starts_wins_and_the_others_are_told_who,
    an_adopting_session_fences_the_older_one_off,
    a_start_sees_a_lock_that_was_taken_and_given_back_meanwhile,
    a_sign_of_life_shows_who_waits,
    only_a_watching_holder_is_asked_and_only_once,
    an_heir_takes_the_lock_and_hands_it_back,
    two_services_and_the_keeper_stand_side_by_side,
}

fn lost(result: Result<(), CommitError>) -> Option<deploy_guard::core::lease::Head> {
    match result {
        Err(CommitError::Lost { head }) => head.map(|h| *h),
        other => panic!("expected a lost lock, got {other:?}"),
    }
}

async fn one_of_eight_racing_starts_wins_and_the_others_are_told_who(bench: &Bench) {
    let mut racers = Vec::new();
    for i in 0..8 {
        let history = bench.another().await;
        let mut guard = Guard::new(&format!("deploy-{i}"), at(i));
        racers.push(tokio::spawn(async move {
            let commit = guard.start(None);
            (guard.clone(), history.commit(&commit).await)
        }));
    }
    let mut winners = Vec::new();
    let mut losers = Vec::new();
    for racer in racers {
        let (guard, result) = racer.await.expect("no panic");
        match result {
            Ok(()) => winners.push(guard),
            Err(CommitError::Lost { head }) => losers.push((guard, head)),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((winners.len(), losers.len()), (1, 7));
    let winner = &winners[0];
    for (loser, head) in losers {
        let shown = head.and_then(|h| h.holder).expect("the holder is shown");
        assert_eq!(shown, winner.holder());
        let found = bench
            .history
            .deployment(&loser.id, at(0))
            .await
            .expect("readable");
        assert_eq!(found, None, "a loser leaves nothing behind");
    }
}

async fn an_adopting_session_fences_the_older_one_off(bench: &Bench) {
    let history = &bench.history;
    let mut main = Guard::new("deploy-a", at(0));
    history.commit(&main.start(None)).await.expect("starts");

    let mut post = Guard {
        session: session(),
        ..main.clone()
    };
    let adopt = main.adopt(&post);
    history
        .commit(&post.commit(Some(adopt.clone()), vec![]))
        .await
        .expect("adopts");
    post.fence = Fence(2);

    let keep = main.keep(HeadMode::Watching);
    let shown = lost(history.commit(&main.commit(Some(keep), vec![])).await).expect("a head");
    assert_eq!(
        (shown.fence, shown.session),
        (Fence(2), Some(post.session.clone()))
    );
    assert!(matches!(
        history
            .renew(&env(), &todo(), main.fence, &main.session, at(9))
            .await,
        Err(CommitError::Lost { head: Some(_) })
    ));
    // Adopting twice with the same knowledge is being late.
    lost(history.commit(&post.commit(Some(adopt), vec![])).await);
    post.n = 2;

    history
        .commit(&post.close())
        .await
        .expect("the newer one closes");
    let free = head(&**history, &todo()).await.expect("a head");
    assert_eq!((free.holder, free.session, free.mode), (None, None, None));
    assert_eq!((free.fence, free.totals_since), (Fence(2), Some(day())));
    assert_eq!(free.live, Some(post.live()));
    assert_eq!(free.good, [post.live()]);
    lost(
        history
            .commit(&post.commit(Some(main.keep(HeadMode::Watching)), vec![]))
            .await,
    );
}

async fn a_start_sees_a_lock_that_was_taken_and_given_back_meanwhile(bench: &Bench) {
    let history = &bench.history;
    let mut first = Guard::new("deploy-a", at(0));
    history.commit(&first.start(None)).await.expect("starts");
    history.commit(&first.close()).await.expect("closes");

    let mut late = Guard::new("deploy-b", at(10));
    let shown = lost(history.commit(&late.start(None)).await).expect("a head");
    assert_eq!((shown.fence, shown.holder), (Fence(1), None));
    let mut knowing = Guard::new("deploy-c", at(11));
    history
        .commit(&knowing.start(Some(Fence(1))))
        .await
        .expect("starts on what it saw");
    let taken = head(&**history, &todo()).await.expect("a head");
    assert_eq!(taken.fence, Fence(2));
    assert_eq!(
        taken.live,
        Some(first.live()),
        "pointers stay while the lock changes hands"
    );
}

fn asks(seconds: i64) -> YieldRequest {
    YieldRequest {
        run_url: Some("https://github.com/hanbit/todo/actions/runs/2".into()),
        kind: DeploymentType::Hotfix,
        at: at(seconds),
    }
}

async fn a_sign_of_life_shows_who_waits(bench: &Bench) {
    let history = &bench.history;
    let mut guard = Guard::new("deploy-a", at(0));
    history.commit(&guard.start(None)).await.expect("starts");
    let keep = guard.keep(HeadMode::Watching);
    history
        .commit(&guard.commit(Some(keep), vec![]))
        .await
        .expect("watches");

    let before = history
        .renew(&env(), &todo(), guard.fence, &guard.session, at(500))
        .await
        .expect("renews");
    assert_eq!(
        (before.yield_to.clone(), before.lease_until),
        (None, Some(at(500)))
    );
    history
        .ask_yield(&env(), &todo(), &guard.token, &asks(5))
        .await
        .expect("asks");
    let after = history
        .renew(&env(), &todo(), guard.fence, &guard.session, at(510))
        .await
        .expect("renews");
    assert_eq!(after.yield_to, Some(asks(5)));
    assert_eq!(after.beat, before.beat + 1);
    assert_eq!(head(&**history, &todo()).await, Some(after));
    assert!(matches!(
        history
            .renew(
                &env(),
                &service("other"),
                guard.fence,
                &guard.session,
                at(1)
            )
            .await,
        Err(CommitError::Lost { head: None })
    ));
}

async fn only_a_watching_holder_is_asked_and_only_once(bench: &Bench) {
    let history = &bench.history;
    let mut guard = Guard::new("deploy-a", at(0));
    lost(
        history
            .ask_yield(&env(), &todo(), &guard.token, &asks(1))
            .await,
    );
    history.commit(&guard.start(None)).await.expect("starts");
    let shown = lost(
        history
            .ask_yield(&env(), &todo(), &guard.token, &asks(1))
            .await,
    )
    .expect("a head");
    assert_eq!(shown.mode, Some(HeadMode::Deploying));

    let keep = guard.keep(HeadMode::Watching);
    history
        .commit(&guard.commit(Some(keep), vec![]))
        .await
        .expect("watches");
    let stranger = Guard::new("deploy-b", at(0));
    lost(
        history
            .ask_yield(&env(), &todo(), &stranger.token, &asks(1))
            .await,
    );
    history
        .ask_yield(&env(), &todo(), &guard.token, &asks(1))
        .await
        .expect("asks");
    history
        .ask_yield(&env(), &todo(), &guard.token, &asks(1))
        .await
        .expect("the same request again has worked");
    let shown = lost(
        history
            .ask_yield(&env(), &todo(), &guard.token, &asks(2))
            .await,
    )
    .expect("a head");
    assert_eq!(shown.yield_to, Some(asks(1)));

    history.commit(&guard.close()).await.expect("closes");
    assert_eq!(
        head(&**history, &todo()).await.and_then(|h| h.yield_to),
        None
    );
}

async fn an_heir_takes_the_lock_and_hands_it_back(bench: &Bench) {
    let history = &bench.history;
    let mut parent = Guard::new("deploy-a", at(0));
    history.commit(&parent.start(None)).await.expect("starts");
    let names_heir = HeadWrite::Keep {
        fence: parent.fence,
        session: parent.session.clone(),
        mode: HeadMode::Restoring,
        lease_until: at(300),
        heir: Some(Heir { run: 99 }),
    };
    history
        .commit(&parent.commit(Some(names_heir), vec![]))
        .await
        .expect("names an heir");

    let mut child = Guard::new("rollback-b", at(5));
    let inherit = |run| HeadWrite::Inherit {
        run,
        seen: Fence(1),
        session: child.session.clone(),
        holder: Box::new(child.holder()),
        mode: HeadMode::Deploying,
        lease_until: at(300),
    };
    let (stranger, heir) = (inherit(98), inherit(99));
    let mut starts = child.start(None);
    starts.head = Some(stranger);
    lost(history.commit(&starts).await);
    starts.head = Some(heir);
    starts.key = key();
    if let Some(entry) = &mut starts.entry {
        entry.commit = starts.key.clone();
    }
    history.commit(&starts).await.expect("inherits");
    child.fence = Fence(2);
    let held = head(&**history, &todo()).await.expect("a head");
    assert_eq!(
        (held.holder, held.lender, held.heir),
        (Some(child.holder()), Some(parent.holder()), None)
    );
    let keep = parent.keep(HeadMode::Restoring);
    lost(history.commit(&parent.commit(Some(keep), vec![])).await);
    parent.n -= 1;

    let mut closes = child.close();
    closes.head = Some(HeadWrite::HandBack {
        fence: child.fence,
        session: child.session.clone(),
        pointers: None,
        totals_since: day(),
    });
    history.commit(&closes).await.expect("hands back");
    let back = head(&**history, &todo()).await.expect("a head");
    assert_eq!(
        (back.holder, back.lender, back.session),
        (Some(parent.holder()), None, None)
    );
    assert_eq!(
        (back.fence, back.mode),
        (Fence(3), Some(HeadMode::Restoring))
    );
    parent.fence = Fence(3);
    let adopt = parent.adopt(&parent);
    history
        .commit(&parent.commit(Some(adopt), vec![]))
        .await
        .expect("the parent goes on");
}

async fn two_services_and_the_keeper_stand_side_by_side(bench: &Bench) {
    let history = &bench.history;
    let none = history.heads(&env()).await.expect("readable");
    assert!(none.heads.is_empty() && none.keeper.is_none());
    for (name, guard) in [
        ("todo", Guard::new("deploy-a", at(0))),
        ("auth", Guard::new("deploy-b", at(1))),
    ] {
        let mut guard = Guard {
            service: service(name),
            ..guard
        };
        history
            .commit(&guard.start(None))
            .await
            .expect("each has a lock of its own");
    }
    for version in ["1.0.0", "1.0.1"] {
        let beat = KeeperBeat {
            at: at(7),
            version: version.into(),
        };
        history.beat(&env(), &beat).await.expect("beats");
    }
    let heads = history.heads(&env()).await.expect("readable");
    let names: Vec<_> = heads.heads.iter().map(|h| h.service.as_str()).collect();
    assert_eq!(names, ["auth", "todo"]);
    assert_eq!(
        heads.keeper,
        Some(KeeperBeat {
            at: at(7),
            version: "1.0.1".into()
        })
    );
}
