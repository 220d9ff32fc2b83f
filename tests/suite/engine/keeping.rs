//! What turns bad after its window is rolled back by the keeper, once, whoever dies and whoever else keeps.

use deploy_guard::core::alert::{AlertEvent, Channel};
use deploy_guard::core::deployment::State;
use deploy_guard::core::outcome::Exit;
use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{DeploymentType, Status};
use deploy_guard::core::restore::Strategy;
use deploy_guard::engine::keep::{KeptWhat, sweep};

use super::calls::{Fate, changes};
use super::fakes::Way;
use super::story::{Job, MINUTE, Process, Story, died, job_of, keeper, quiet, seconds, unstopped};
use super::time::{Actor, lock, run_all};

/// Version 2 was good for its whole window, and is bad now.
fn turned_bad(request: impl FnOnce(&mut Job)) -> Story {
    let story = Story::with(|setup| {
        setup.gates.window = seconds(12);
        setup.gates.interval = seconds(5);
        setup.gates.http[0].confirm = seconds(2);
        setup.rollback.verify = seconds(10);
    });
    let mut job = Job::new(1, 2);
    request(&mut job);
    let ends = story.job(&job);
    assert!(ends.iter().all(|e| e.exit() == Exit::Fine), "{ends:?}");
    story.pass(MINUTE);
    lock(&story.town.sick).insert(2);
    story
}

fn kept(story: &Story) -> Vec<KeptWhat> {
    story.keep().kept.into_iter().map(|k| k.what).collect()
}

fn status_of(story: &Story, version: u32, kind: DeploymentType) -> Vec<Status> {
    let commit = super::fakes::sha(version);
    let all = story.all();
    let ours = all.iter().filter(|s| {
        s.record.commit.as_deref() == Some(commit.as_str()) && s.record.kind.known() == Some(kind)
    });
    ours.map(|s| s.record.status.known().expect("known"))
        .collect()
}

#[test]
fn what_turns_bad_after_its_window_is_rolled_back_once() {
    let story = turned_bad(|_| {});
    let what = kept(&story);
    assert!(
        matches!(
            what.as_slice(),
            [KeptWhat::RolledBack {
                status: Status::Success,
                ..
            }]
        ),
        "{what:?}"
    );
    assert_eq!(*lock(&story.town.version), 1);
    assert_eq!(
        status_of(&story, 2, DeploymentType::Deploy),
        [Status::RolledBack]
    );
    assert_eq!(
        status_of(&story, 1, DeploymentType::Rollback),
        [Status::Success]
    );
    for event in [
        AlertEvent::HealthCheckFailed,
        AlertEvent::RollbackStarted,
        AlertEvent::Succeeded,
    ] {
        let times = story.heard(event, Channel::Slack);
        // The good version's own success was forgotten with the scene.
        assert_eq!(
            times,
            if event == AlertEvent::Succeeded { 2 } else { 1 },
            "{event}"
        );
    }
    let (_, rollback) = story.last();
    assert!(rollback.start.automatic);
    assert_eq!(rollback.start.actor.as_deref(), Some("keeper"));
    assert_eq!(
        rollback.start.undoes.map(|l| l.deployment),
        rollback.start.previous.map(|l| l.deployment)
    );
    for _ in 0..3 {
        story.pass(MINUTE);
        kept(&story);
    }
    assert_eq!(
        status_of(&story, 1, DeploymentType::Rollback).len(),
        1,
        "once"
    );
    story.check("rolled back");
    story.check_live("rolled back");
}

#[test]
fn a_rollback_that_does_not_help_is_not_tried_again() {
    let story = turned_bad(|_| {});
    story.town.way(Strategy::LambdaAlias, Way::Useless);
    story.town.way(Strategy::Cloudformation, Way::Refused);
    let what = kept(&story);
    assert!(
        matches!(
            what.as_slice(),
            [KeptWhat::RolledBack {
                status: Status::RollbackFailed,
                ..
            }]
        ),
        "{what:?}"
    );
    for _ in 0..4 {
        story.pass(MINUTE);
        kept(&story);
    }
    assert_eq!(
        status_of(&story, 1, DeploymentType::Rollback),
        [Status::RollbackFailed]
    );
    assert_eq!(story.heard(AlertEvent::RollbackFailed, Channel::Slack), 1);
    let told = lock(&story.town.heard)
        .iter()
        .any(|(_, _, text)| text.contains("deploy-guard rollback prod"));
    assert!(told, "with the command");
    story.check("not again");
}

/// Where it cannot be, or shall not be, a person is told once, with the commands, and no record is begun.
#[test]
fn where_there_is_no_way_back_a_person_is_told() {
    type Change = fn(&mut Story);
    let cases: [(&str, bool, Change); 4] = [
        ("off", false, |story| story.setup.rollback.automatic = false),
        ("irreversible", true, |_| {}),
        ("no strategy", false, |story| {
            story.town.way(Strategy::LambdaAlias, Way::NotApplicable);
            story.town.way(Strategy::Cloudformation, Way::NotApplicable);
        }),
        ("stored data", false, |story| {
            story.setup.rollback.strategies = vec![Strategy::Cloudformation];
            story.town.way(Strategy::Cloudformation, Way::WouldDestroy);
        }),
    ];
    for (what, irreversible, change) in cases {
        let mut story = turned_bad(|job| job.request.irreversible = irreversible);
        change(&mut story);
        for _ in 0..3 {
            kept(&story);
            story.pass(MINUTE);
        }
        assert_eq!(
            story.heard(AlertEvent::HealthCheckFailed, Channel::Slack),
            1,
            "{what}"
        );
        assert!(
            status_of(&story, 1, DeploymentType::Rollback).is_empty(),
            "{what}"
        );
        assert_eq!(*lock(&story.town.version), 2, "{what}");
        story.check(what);
    }
}

/// The bake goes on with the settings that the deployment's own job had pinned.
#[test]
fn the_bake_goes_by_what_was_pinned() {
    let story = turned_bad(|_| {});
    let mut process = story.process();
    process.setup.rollback.automatic = false;
    let automatic = story.setup.clone();
    let pins = move |_: &deploy_guard::engine::Setup, _: &_| automatic.clone();
    let (mut stop, say) = (unstopped(), quiet());
    let work = sweep(
        &process.ports,
        &process.setup,
        &pins,
        "1.0.0",
        &say,
        &mut stop,
    );
    story
        .run(&process, work)
        .expect("nobody dies")
        .expect("a sweep");
    assert_eq!(*lock(&story.town.version), 1);
    story.check("pinned");
}

/// The keeper dies at each of its calls; the next one goes on.
#[test]
fn a_keeper_that_died_anywhere_is_followed_by_the_next() {
    let names = {
        let story = turned_bad(|_| {});
        let process = story.process();
        story
            .run(&process, keeper(&process))
            .expect("alive")
            .expect("a sweep");
        process.calls.names()
    };
    assert!(names.len() > 30, "{names:?}");
    for n in 1..=names.len() {
        for fate in [
            Fate::DiesBefore,
            Fate::DiesAfter,
            Fate::Fails,
            Fate::WorksAndFails,
        ] {
            if matches!(fate, Fate::DiesAfter | Fate::WorksAndFails) && !changes(names[n - 1]) {
                continue;
            }
            let story = turned_bad(|_| {});
            let process = story.process();
            process.calls.doom(n, fate);
            let what = format!("{fate:?} call {n} ({})", names[n - 1]);
            story.run(&process, keeper(&process));
            assert_eq!(
                died(&process),
                matches!(fate, Fate::DiesBefore | Fate::DiesAfter),
                "{what}"
            );
            for _ in 0..3 {
                story.pass(3 * MINUTE);
                story.keep();
            }
            story.check(&what);
            // Once, but for a message whose answer was lost: that one is marked as perhaps repeated.
            let most = if names[n - 1] == "send" || names[n - 1] == "mark" {
                2
            } else {
                1
            };
            let told = |event| (1..=most).contains(&story.heard(event, Channel::Slack));
            let rollbacks = status_of(&story, 1, DeploymentType::Rollback);
            let failed = rollbacks.last() == Some(&Status::RollbackFailed);
            assert_eq!(rollbacks.len(), 1, "{what}: {rollbacks:?}");
            if failed {
                assert!(told(AlertEvent::RollbackFailed), "{what}");
            } else {
                assert_eq!(rollbacks, [Status::Success], "{what}");
                assert_eq!(*lock(&story.town.version), 1, "{what}");
                assert_eq!(
                    status_of(&story, 2, DeploymentType::Deploy),
                    [Status::RolledBack],
                    "{what}"
                );
                story.check_live(&what);
            }
            assert!(told(AlertEvent::HealthCheckFailed), "{what}");
        }
    }
}

fn actor<'a>(process: &'a Process, work: impl Future<Output = ()> + 'a) -> Actor<'a> {
    Actor {
        work: Box::pin(work),
        killed: process.calls.killed.clone(),
    }
}

/// Two keepers, and a person who rolls back at the same time.
#[test]
fn of_two_that_roll_back_one_does() {
    for dice in 1..=40 {
        let story = turned_bad(|_| {});
        let processes = [story.process(), story.process(), story.process()];
        for process in &processes {
            process.calls.race();
        }
        let [one, two, three] = &processes;
        let mut button = Job::new(5, 1).kind(DeploymentType::Rollback);
        button.request.git_ref = None;
        let actors = vec![
            actor(one, async {
                // Who loses the race says so in the sweep.
                keeper(one).await.expect("a sweep");
            }),
            actor(two, async {
                keeper(two).await.expect("a sweep");
            }),
            actor(three, async {
                if dice % 2 == 0 {
                    job_of(three, &story.town, &button).await;
                }
                story.end_job(5, "success");
            }),
        ];
        run_all(&story.time, actors, dice);
        let what = format!("dice {dice}");
        story.check(&what);
        let done = status_of(&story, 1, DeploymentType::Rollback);
        assert_eq!(done, [Status::Success], "{what}");
        assert_eq!(*lock(&story.town.version), 1, "{what}");
        let closed = story.all().into_iter().filter(|s| {
            let deployment = deploy_guard::core::journal::replay(&s.entries).expect("replays");
            matches!(deployment.state, State::Closed(c) if c.reason == ReasonCode::Locked)
        });
        assert_eq!(closed.count(), 0, "{what}");
    }
}
