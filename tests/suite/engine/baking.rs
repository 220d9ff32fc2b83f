//! After the window: the keeper goes on with the very same test until the bake ends, tells what it finds once, and
//! leaves alone what is not its own.

use deploy_guard::core::alert::{AlertEvent, Channel};
use deploy_guard::core::gate::LambdaGate;
use deploy_guard::core::journal::Event;
use deploy_guard::core::outcome::Exit;
use deploy_guard::core::record::{Status, Verdict};
use deploy_guard::core::state::before;
use deploy_guard::engine::evidence::Evidence;
use deploy_guard::engine::keep::KeptWhat;
use deploy_guard::ports::Clock;

use super::sky::function;
use super::story::{Job, MINUTE, Story, keeper, seconds};
use super::time::lock;

/// Version 2 fails from the n-th minute after now on.
fn failing_from(minutes: i64, share: f64) -> Story {
    let story = Story::with(|setup| {
        setup.gates.lambda = Some(LambdaGate {
            functions: vec!["CreateTodo".to_owned()],
            max_error_rate: 0.05,
            p95: None,
            p99: None,
            max_throttle_rate: None,
        });
    });
    let from = story.time.now().seconds() / 60 + minutes;
    story.town.sky.traffic(move |series, version, minute| {
        let bad = version == 2 && minute >= from;
        function(series, "CreateTodo", 300.0, if bad { share } else { 0.0 })
    });
    story
}

/// A sweep; what it found about what serves.
fn sweep(story: &Story) -> Option<Option<Verdict>> {
    let found = story.keep().kept;
    found.into_iter().find_map(|kept| match kept.what {
        KeptWhat::Baking(verdict) => Some(verdict),
        KeptWhat::Alive { .. }
        | KeptWhat::Settling
        | KeptWhat::Closed(_)
        | KeptWhat::RolledBack { .. }
        | KeptWhat::Freed
        | KeptWhat::Unreadable(_)
        | KeptWhat::LostRace
        | KeptWhat::Failed(_) => None,
    })
}

fn kept(story: &Story) -> Evidence {
    let (record, _) = story.last();
    Evidence::read(story.stored(&record.id).evidence.as_deref())
}

#[test]
fn a_healthy_version_is_watched_on_until_the_bake_ends() {
    let story = failing_from(10_000, 0.0);
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.exit(), Exit::Fine);
    let closed = story.time.now();
    let live = story.head().live.expect("live");
    let until = live.bake_until.expect("a bake");
    assert!(until > closed.plus(29 * MINUTE) && until <= closed.plus(30 * MINUTE));
    let since = kept(&story).metrics().expect("the counts are kept").since;
    let mut looks = 0;
    while story.time.now() < until {
        assert_eq!(sweep(&story), Some(Some(Verdict::Healthy)));
        looks += 1;
        story.pass(5 * MINUTE);
    }
    assert!(looks >= 6, "{looks} looks");
    assert_eq!(
        kept(&story).metrics().expect("kept").since,
        since,
        "the very same test"
    );
    let process = story.process();
    story
        .run(&process, keeper(&process))
        .expect("nobody dies")
        .expect("a sweep");
    assert!(
        !process.calls.names().contains(&"series"),
        "no look after the bake"
    );
    assert_eq!(
        story.heard(AlertEvent::HealthCheckFailed, Channel::Slack),
        0
    );
    story.check("baked");
    story.check_live("baked");
}

#[test]
fn without_a_way_back_a_fault_after_the_window_is_told_once() {
    let mut story = failing_from(16, 0.3);
    story.setup.rollback.automatic = false;
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.exit(), Exit::Fine, "well within the window");
    let mut verdicts = Vec::new();
    for _ in 0..20 {
        verdicts.extend(sweep(&story));
        story.pass(MINUTE);
    }
    assert_eq!(
        verdicts.last(),
        Some(&Some(Verdict::Degraded)),
        "{verdicts:?}"
    );
    assert!(
        verdicts.len() < 14,
        "found within minutes: {}",
        verdicts.len()
    );
    assert_eq!(
        story.heard(AlertEvent::HealthCheckFailed, Channel::Slack),
        1
    );
    assert_eq!(story.heard(AlertEvent::HealthCheckFailed, Channel::Sns), 1);
    assert!(kept(&story).is_baked());
    assert_eq!(
        story.last().0.status.known(),
        Some(Status::Success),
        "the record stays"
    );
    let text = lock(&story.town.heard).last().expect("told").2.clone();
    assert!(
        text.contains("Lambda CreateTodo: ") && text.contains("requests failed"),
        "{text}"
    );
    story.check("told");
}

#[test]
fn who_deploys_meanwhile_is_left_alone() {
    let story = failing_from(0, 0.0);
    story.end_of(&Job::new(1, 2));
    let process = story.process();
    let job = Job::new(2, 3);
    let held = super::story::main_stage(&process, &job);
    story.run(&process, held).expect("nobody dies");
    story.pass(seconds(30));
    assert_eq!(sweep(&story), None, "the lock is held");
    story.end_job(2, "cancelled");
    story.check("held");
}

#[test]
fn the_keeper_goes_by_what_was_saved_before_the_version_that_it_undoes() {
    let story = failing_from(15, 0.3);
    assert_eq!(story.end_of(&Job::new(1, 2)).exit(), Exit::Fine);
    let good = story.head().good;
    let (two, one) = (&good[0], &good[1]);
    story
        .store
        .lose_state(one.state_id.as_deref().expect("saved when it was good"));
    for _ in 0..30 {
        story.keep();
        story.pass(MINUTE);
    }
    let (record, deployment) = story.last();
    assert_eq!(
        record.status.known(),
        Some(Status::Success),
        "{:?}",
        story.tale()
    );
    assert_eq!(deployment.start.target.as_ref(), Some(one));
    let events = story
        .stored(&record.id)
        .entries
        .into_iter()
        .flat_map(|e| e.events);
    let plans: Vec<_> = events
        .filter_map(|e| match e {
            Event::RestorePlanned { plan } => plan.state,
            _ => None,
        })
        .collect();
    assert_eq!(plans, [before(&two.deployment)]);
    story.check_live("back");
}
