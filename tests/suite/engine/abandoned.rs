//! Deployments that nobody goes on with: who may take them over, when, and what becomes of them.

use deploy_guard::core::alert::{AlertEvent, Channel};
use deploy_guard::core::journal::{Adopter, JobStatus, RunRef, StoppedBy};
use deploy_guard::core::outcome::Exit;
use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{DeploymentType, Status};
use deploy_guard::engine::guard::NotStarted;
use deploy_guard::engine::keep::KeptWhat;
use deploy_guard::engine::release::Released;
use deploy_guard::engine::resume::Drove;
use deploy_guard::ports::Clock;

use super::story::{End, Job, MINUTE, Story, finish, keeper, main_stage, one, seconds, stoppable};
use super::time::lock;

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

/// Main has run, and perhaps the deploy step; then the runner is gone.
fn begun(story: &Story, job: &Job, deployed: Option<u32>) {
    let process = story.process();
    let main = story
        .run(&process, main_stage(&process, job))
        .expect("alive");
    assert!(matches!(main, End::Allowed(_)), "{main:?}");
    story.pass(MINUTE);
    if let Some(version) = deployed {
        story.town.deploy(version);
    }
}

fn kept(story: &Story) -> Vec<KeptWhat> {
    story.keep().kept.into_iter().map(|k| k.what).collect()
}

#[test]
fn the_evidence_says_how_an_abandoned_deployment_ended() {
    let (sick, well) = (true, false);
    let cases = [
        (
            "success",
            Some(2),
            well,
            Status::Success,
            ReasonCode::Healthy,
        ),
        (
            "success",
            Some(2),
            sick,
            Status::RolledBack,
            ReasonCode::Restored,
        ),
        (
            "failure",
            Some(2),
            sick,
            Status::RolledBack,
            ReasonCode::Restored,
        ),
        (
            "failure",
            Some(2),
            well,
            Status::Failure,
            ReasonCode::DeployFailedChanged,
        ),
        (
            "failure",
            None,
            well,
            Status::Failure,
            ReasonCode::DeployFailed,
        ),
        (
            "timed_out",
            None,
            well,
            Status::Failure,
            ReasonCode::DeployFailed,
        ),
        (
            "cancelled",
            None,
            well,
            Status::Cancelled,
            ReasonCode::Cancelled,
        ),
        (
            "cancelled",
            Some(2),
            sick,
            Status::Cancelled,
            ReasonCode::CancelledLive,
        ),
        (
            "another word",
            None,
            well,
            Status::Cancelled,
            ReasonCode::Cancelled,
        ),
    ];
    for (conclusion, deployed, is_sick, status, reason) in cases {
        let story = Story::new();
        if is_sick {
            lock(&story.town.sick).insert(2);
        }
        begun(&story, one(), deployed);
        assert!(matches!(
            kept(&story)[..],
            [KeptWhat::Alive { stuck: false, .. }]
        ));
        story.end_job(1, conclusion);
        let what = format!("{conclusion}, {deployed:?} sick {is_sick}");
        assert_eq!(
            kept(&story),
            [KeptWhat::Closed(status)],
            "{what}: {:?}",
            story.tale()
        );
        assert_eq!(
            story.last().0.guard.expect("ours").reason_code,
            Some(reason),
            "{what}"
        );
        story.check(&what);
        story.check_live(&what);
    }
}

#[test]
fn an_unreadable_github_means_alive_until_no_hosted_job_can_live() {
    let story = Story::new();
    begun(&story, one(), None);
    *lock(&story.town.github_dark) = true;
    story.pass(6 * HOUR);
    assert!(matches!(kept(&story)[..], [KeptWhat::Alive { .. }]));
    let ends = story.job(&Job::new(2, 3));
    let waits = matches!(ends[0], End::Not(NotStarted::Refused(ReasonCode::Locked)));
    assert!(
        waits || matches!(ends[0], End::Not(NotStarted::Unavailable(_))),
        "{ends:?}"
    );
    story.pass(16 * MINUTE);
    assert_eq!(kept(&story), [KeptWhat::Closed(Status::Cancelled)]);
    *lock(&story.town.github_dark) = false;
    story.check("dark");
}

#[test]
fn a_runner_of_ones_own_may_take_longer() {
    let story = Story::new();
    let mut job = Job::new(1, 2);
    job.request.hosted = false;
    begun(&story, &job, None);
    story.pass(30 * HOUR);
    assert!(matches!(
        kept(&story)[..],
        [KeptWhat::Alive { stuck: true, .. }]
    ));
}

#[test]
fn a_command_without_a_sign_of_life_is_gone_after_a_lease() {
    let story = Story::new();
    let mut job = Job::new(1, 2);
    job.request.run = RunRef::default();
    begun(&story, &job, None);
    assert!(
        matches!(kept(&story)[..], [KeptWhat::Alive { .. }]),
        "its lease has not run out"
    );
    story.pass(2 * MINUTE);
    let before = story.time.monotonic();
    assert_eq!(kept(&story), [KeptWhat::Closed(Status::Cancelled)]);
    assert!(
        story.time.monotonic() - before >= 2 * MINUTE,
        "it was waited for"
    );
    story.check("command");
}

#[test]
fn a_stack_that_takes_its_time_costs_no_entry_a_sweep() {
    let story = Story::new();
    begun(&story, one(), Some(2));
    lock(&story.town.stack).1 = story.time.monotonic() + 5 * HOUR;
    story.end_job(1, "cancelled");
    for _ in 0..250 {
        assert_eq!(kept(&story), [KeptWhat::Settling]);
        story.pass(MINUTE);
    }
    assert!(story.tale().len() < 10, "{:?}", story.tale());
    story.pass(HOUR);
    assert_eq!(kept(&story), [KeptWhat::Closed(Status::Cancelled)]);
    story.check("settled");
    story.check_live("settled");
}

#[test]
fn a_lock_that_is_held_too_long_is_told_once() {
    let story = Story::new();
    let mut job = Job::new(1, 2);
    job.request.hosted = false;
    begun(&story, &job, None);
    story.pass(7 * HOUR);
    for _ in 0..5 {
        story.keep();
        story.pass(MINUTE);
    }
    assert_eq!(story.heard(AlertEvent::Stuck, Channel::Slack), 1);
    assert_eq!(story.heard(AlertEvent::Stuck, Channel::Sns), 1);
}

#[test]
fn a_stopped_keeper_closes_nothing_and_the_next_one_does() {
    let story = Story::new();
    begun(&story, one(), Some(2));
    story.end_job(1, "success");
    let (process, hand) = stoppable(&story);
    let stop = async {
        story
            .time
            .sleep(std::time::Duration::from_millis(500))
            .await;
        hand.send_replace(Some(StoppedBy::Terminate));
    };
    story
        .run_beside(&process, keeper(&process), stop)
        .expect("alive")
        .expect("a sweep");
    assert!(story.head().holder.is_some());
    story.pass(3 * MINUTE);
    assert_eq!(
        kept(&story),
        [KeptWhat::Closed(Status::Success)],
        "{:?}",
        story.tale()
    );
    story.check("stopped keeper");
}

#[test]
fn a_second_keeper_leaves_a_restore_to_the_first() {
    let story = Story::new();
    lock(&story.town.sick).insert(2);
    story.town.way(
        deploy_guard::core::restore::Strategy::LambdaAlias,
        super::fakes::Way::NotApplicable,
    );
    begun(&story, one(), Some(2));
    story.end_job(1, "success");
    let (first, second) = (story.process(), story.process());
    let other = async {
        for _ in 0..4 {
            story.time.sleep(seconds(20)).await;
            let swept = keeper(&second).await.expect("a sweep");
            let what: Vec<_> = swept.kept.into_iter().map(|k| k.what).collect();
            assert!(matches!(what[..], [KeptWhat::LostRace]), "{what:?}");
        }
    };
    let swept = story
        .run_beside(&first, keeper(&first), other)
        .expect("alive")
        .expect("a sweep");
    assert_eq!(
        swept.kept[0].what,
        KeptWhat::Closed(Status::RolledBack),
        "{:?}",
        story.tale()
    );
    story.check("two keepers");
}

#[test]
fn a_stop_while_restoring_leaves_the_rest_to_post_or_the_keeper() {
    for by_post in [true, false] {
        for after in [0, 2, 30, 95, 100] {
            let story = Story::new();
            let what = format!("stopped after {after} s, by post: {by_post}");
            lock(&story.town.sick).insert(2);
            story.town.way(
                deploy_guard::core::restore::Strategy::LambdaAlias,
                super::fakes::Way::Useless,
            );
            begun(&story, one(), Some(2));
            let (process, hand) = stoppable(&story);
            let stop = async {
                while !story.tale().contains(&"restore_planned") {
                    story.time.sleep(seconds(1)).await;
                }
                story.time.sleep(seconds(after)).await;
                hand.send_replace(Some(StoppedBy::Terminate));
            };
            let verify = finish(&process, one(), Adopter::Verify, JobStatus::Success);
            let end = story.run_beside(&process, verify, stop).expect("alive");
            assert!(
                matches!(end, End::Open(Drove::LeftToPost(StoppedBy::Terminate))),
                "{what}: {end:?}"
            );
            assert!(story.tale().contains(&"cancel_asked"));
            if by_post {
                let post = story.process();
                let end = story
                    .run(
                        &post,
                        finish(&post, one(), Adopter::Post, JobStatus::Cancelled),
                    )
                    .expect("alive");
                assert_eq!(
                    end.closing().status,
                    Status::RolledBack,
                    "{what}: {:?}",
                    story.tale()
                );
            } else {
                story.end_job(1, "cancelled");
                assert_eq!(
                    kept(&story),
                    [KeptWhat::Closed(Status::RolledBack)],
                    "{what}"
                );
            }
            story.end_job(1, "cancelled");
            story.check(&what);
            story.check_live(&what);
        }
    }
}

#[test]
fn a_stop_while_watching_ends_as_cancelled_by_post() {
    let story = Story::new();
    begun(&story, one(), Some(2));
    let (process, hand) = stoppable(&story);
    let stop = async {
        story.time.sleep(MINUTE).await;
        hand.send_replace(Some(StoppedBy::Interrupt));
    };
    let verify = finish(&process, one(), Adopter::Verify, JobStatus::Success);
    let end = story.run_beside(&process, verify, stop).expect("alive");
    assert_eq!(end.exit(), Exit::Interrupted);
    let post = story.process();
    let end = story
        .run(
            &post,
            finish(&post, one(), Adopter::Post, JobStatus::Cancelled),
        )
        .expect("alive");
    assert_eq!(
        (end.closing().status, end.exit()),
        (Status::Cancelled, Exit::Interrupted)
    );
    assert_eq!(end.closing().reason, ReasonCode::CancelledLive);
    story.end_job(1, "cancelled");
    story.check("cancelled");
    story.check_live("cancelled");
}

#[test]
fn a_watching_holder_hands_over_within_ten_seconds() {
    // From a quiet watch, and from the midst of a confirmation.
    for fit in [false, true] {
        let story = Story::new();
        begun(&story, one(), Some(2));
        let now = story.time.monotonic();
        if fit {
            lock(&story.town.fits).push((now + seconds(55), now + seconds(75)));
        }
        let process = story.process();
        let verify = finish(&process, one(), Adopter::Verify, JobStatus::Success);
        let (other, job) = (story.process(), Job::new(2, 3).kind(DeploymentType::Hotfix));
        let hotfix = async {
            story.time.sleep(seconds(66)).await;
            let asked = story.time.monotonic();
            let main = main_stage(&other, &job).await;
            assert!(matches!(main, End::Allowed(_)), "{main:?}");
            let took = story.time.monotonic() - asked;
            assert!(took <= seconds(10), "{took:?}");
        };
        let end = story.run_beside(&process, verify, hotfix).expect("alive");
        assert_eq!(
            end.closing().reason,
            ReasonCode::Yielded,
            "{:?}",
            story.tale()
        );
        assert_eq!(end.exit(), Exit::Unproven);
        assert!(story.head().holder.is_some_and(|h| h.run == Some(2)));
    }
}

#[test]
fn a_clock_that_is_set_back_or_forward_changes_no_window() {
    for jump in [-3_600_000, -30_000] {
        let story = Story::new();
        begun(&story, one(), Some(2));
        let process = story.process();
        let before = story.time.monotonic();
        let verify = finish(&process, one(), Adopter::Verify, JobStatus::Success);
        let set = async {
            story.time.sleep(3 * MINUTE).await;
            story.time.jump(jump);
        };
        let end = story.run_beside(&process, verify, set).expect("alive");
        let took = story.time.monotonic() - before;
        assert!(
            took >= 10 * MINUTE && took < 11 * MINUTE,
            "{took:?} after {jump}"
        );
        assert_eq!(end.exit(), Exit::Fine);
        story.end_job(1, "success");
        // Later than what serves, whatever the clock says.
        let ends = story.job(&Job::new(2, 3));
        assert!(ends.iter().all(|e| e.exit() == Exit::Fine), "{ends:?}");
        assert_eq!(story.last().1.start.git_ref, Some(super::fakes::sha(3)));
        story.pass(2 * HOUR);
        story.check("set back");
    }
}

#[test]
fn two_starts_in_one_second_have_two_ids() {
    let mut story = Story::new();
    begun(&story, one(), None);
    story.time.jump(-60_000);
    story.setup.service = deploy_guard::core::id::ServiceName::new("second").expect("valid");
    begun(&story, &Job::new(2, 2), None);
    let ids: Vec<_> = story
        .all()
        .iter()
        .map(|s| s.record.id.to_string())
        .collect();
    assert!(ids.iter().any(|id| id.ends_with("22222222-2")), "{ids:?}");
}

#[test]
fn a_lock_released_while_restoring_leaves_a_failed_restore() {
    let story = Story::new();
    lock(&story.town.sick).insert(2);
    story.town.way(
        deploy_guard::core::restore::Strategy::LambdaAlias,
        super::fakes::Way::NotApplicable,
    );
    begun(&story, one(), Some(2));
    assert!(matches!(story.release(false), Released::Alive(_)));
    let process = story.process();
    let verify = finish(&process, one(), Adopter::Verify, JobStatus::Success);
    let person = story.process();
    let let_go = async {
        while !story.tale().contains(&"step_started") {
            story.time.sleep(seconds(1)).await;
        }
        let released =
            deploy_guard::engine::release::release(&person.ports, &person.setup, true).await;
        let status = match released.expect("an answer") {
            Released::Closed { status, .. } => status,
            other => panic!("{other:?}"),
        };
        assert_eq!(status, Status::RollbackFailed);
    };
    let end = story.run_beside(&process, verify, let_go).expect("alive");
    assert!(matches!(end, End::Lost), "{end:?}");
    assert_eq!(story.heard(AlertEvent::RollbackFailed, Channel::Slack), 1);
    story.end_job(1, "failure");
    story.check("released");
}

#[test]
fn the_next_run_takes_an_abandoned_lock_over_and_says_so() {
    let story = Story::new();
    begun(&story, one(), None);
    story.end_job(1, "cancelled");
    let ends = story.job(&Job::new(2, 3));
    assert!(ends.iter().all(|e| e.exit() == Exit::Fine), "{ends:?}");
    assert_eq!(story.heard(AlertEvent::LockTakenOver, Channel::Slack), 1);
    story.check("taken over");
    story.check_live("taken over");
}

#[test]
fn a_waiting_run_starts_when_the_lock_is_free_and_spares_github() {
    let mut story = Story::new();
    begun(&story, one(), Some(2));
    story.setup.policy.lock_wait = HOUR;
    let (first, second) = (story.process(), story.process());
    let verify = finish(&first, one(), Adopter::Verify, JobStatus::Success);
    let waits = async {
        let main = main_stage(&second, &Job::new(2, 3)).await;
        assert!(matches!(main, End::Allowed(_)), "{main:?}");
    };
    story.run_beside(&first, verify, waits).expect("alive");
    let asked = second.calls.names().iter().filter(|n| **n == "job").count();
    assert!(asked <= 45, "GitHub was asked {asked} times in ten minutes");
}

#[test]
fn a_full_journal_still_ends() {
    let story = Story::new();
    begun(&story, one(), Some(2));
    let process = story.process();
    let stored = story
        .all()
        .into_iter()
        .max_by_key(|s| s.record.at)
        .expect("one");
    let work = async {
        for _ in 0..250 {
            let stored = process
                .ports
                .history
                .deployment(&stored.record.id, process.ports.clock.now())
                .await;
            let stored = stored.expect("an answer").expect("there");
            let head = story.head();
            let holder = head.holder.clone().expect("held");
            deploy_guard::engine::session::Session::adopt(
                &process.ports,
                &process.setup,
                stored,
                head,
                Adopter::Post,
                holder,
                Vec::new(),
            )
            .await
            .expect("adopted");
        }
    };
    story.run(&process, work).expect("alive");
    assert_eq!(
        story.tale().iter().filter(|e| **e == "adopted").count(),
        189
    );
    story.end_job(1, "success");
    assert_eq!(kept(&story), [KeptWhat::Closed(Status::Cancelled)]);
    story.check("full");
}

#[test]
fn a_deployment_that_held_no_lock_is_closed_by_the_keeper_too() {
    let story = Story::new();
    begun(&story, one(), Some(2));
    let process = story.process();
    let job = Job::new(2, 3);
    let verify = deploy_guard::engine::guard::record_unlocked(
        &process.ports,
        &process.setup,
        &job.request,
        None,
    );
    let session = story
        .run(&process, verify)
        .expect("alive")
        .expect("recorded");
    assert!(!session.is_locked());
    drop(session);
    story.end_job(1, "success");
    story.end_job(2, "failure");
    let what = kept(&story);
    assert_eq!(what.len(), 2, "{what:?}");
    assert!(
        what.iter().all(|w| matches!(w, KeptWhat::Closed(_))),
        "{what:?}"
    );
    story.check("unlocked");
}

/// More of them than one page of the history holds, of a service that nobody keeps in particular.
#[test]
fn deployments_without_a_lock_are_closed_whatever_their_service() {
    let story = Story::new();
    let process = story.process();
    let two = deploy_guard::engine::Setup {
        service: deploy_guard::core::id::ServiceName::new("two").expect("a name"),
        ..process.setup.clone()
    };
    let runs = 1..=102_u64;
    for run in runs.clone() {
        let job = Job::new(run, 3);
        let verify =
            deploy_guard::engine::guard::record_unlocked(&process.ports, &two, &job.request, None);
        let session = story
            .run(&process, verify)
            .expect("alive")
            .expect("recorded");
        // The first one holds the lock of its service while it is watched.
        assert_eq!(session.is_locked(), run == 1);
        drop(session);
        story.pass(seconds(1));
    }
    for run in runs {
        story.end_job(run, "failure");
    }
    let what = kept(&story);
    let closed = |w: &&KeptWhat| matches!(w, KeptWhat::Closed(Status::Failure));
    assert_eq!(what.iter().filter(closed).count(), 102, "{what:?}");
}
