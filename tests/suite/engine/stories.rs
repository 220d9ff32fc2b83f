//! Full windows in virtual time: what becomes of good, bad and doubtful deployments, and how they are restored.

use deploy_guard::core::alert::{AlertEvent, Channel};
use deploy_guard::core::gate::OnInconclusive;
use deploy_guard::core::journal::JobStatus;
use deploy_guard::core::outcome::Exit;
use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{Decision, DeploymentType, Status, Verdict};
use deploy_guard::core::restore::Strategy;
use deploy_guard::core::target::TargetSpec;
use deploy_guard::engine::guard::NotStarted;
use deploy_guard::ports::Clock;

use super::fakes::{Way, sha};
use super::story::{End, Job, MINUTE, Story, one, seconds};
use super::time::lock;

fn bad() -> Story {
    let story = Story::new();
    lock(&story.town.sick).insert(2);
    story
}

#[test]
fn a_good_deployment_is_watched_for_its_whole_window() {
    for minutes in [10, 30] {
        let story = Story::with(|s| s.gates.window = minutes * MINUTE);
        let before = story.time.monotonic();
        let end = story.end_of(one());
        assert_eq!(end.exit(), Exit::Fine);
        assert_eq!(end.closing().verdict, Some(Verdict::Healthy));
        let took = story.time.monotonic() - before;
        assert!(
            took >= minutes * MINUTE && took < (minutes + 2) * MINUTE,
            "{took:?}"
        );
        assert_eq!(story.heard(AlertEvent::Succeeded, Channel::Slack), 1);
        story.check("good");
        story.check_live("good");
    }
}

#[test]
fn an_early_pass_ends_the_watch_as_soon_as_it_is_shown() {
    let story = Story::with(|s| s.gates.early_pass = true);
    let before = story.time.monotonic();
    assert_eq!(story.end_of(one()).exit(), Exit::Fine);
    assert!(story.time.monotonic() - before < 2 * MINUTE);
}

#[test]
fn a_bad_deployment_is_restored_by_the_first_strategy_and_verified() {
    let story = bad();
    let before = story.time.monotonic();
    let end = story.end_of(one());
    assert_eq!(end.closing().status, Status::RolledBack);
    assert_eq!(end.closing().reason, ReasonCode::Restored);
    assert_eq!(end.exit(), Exit::Failed);
    assert!(story.time.monotonic() - before < 3 * MINUTE);
    assert_eq!(*lock(&story.town.version), 1);
    for event in [
        AlertEvent::HealthCheckFailed,
        AlertEvent::RollbackStarted,
        AlertEvent::RollbackCompleted,
    ] {
        assert_eq!(story.heard(event, Channel::Sns), 1, "{event}");
    }
    story.check("restored");
    story.check_live("restored");
}

#[test]
fn a_failure_late_in_the_window_is_found_then() {
    let story = Story::with(|s| s.gates.window = 30 * MINUTE);
    let now = story.time.monotonic();
    lock(&story.town.fits).push((now + 25 * MINUTE, now + 25 * MINUTE + 40 * seconds(1)));
    let end = story.end_of(one());
    assert_eq!(
        end.closing().status,
        Status::RolledBack,
        "{:?}",
        story.tale()
    );
    let took = story.time.monotonic() - now;
    assert!(took > 25 * MINUTE && took < 30 * MINUTE, "{took:?}");
    story.check_live("late");
}

#[test]
fn a_short_fit_is_not_confirmed() {
    let story = Story::new();
    let now = story.time.monotonic();
    lock(&story.town.fits).push((now + 3 * MINUTE, now + 3 * MINUTE + seconds(15)));
    assert_eq!(
        story.end_of(one()).closing().verdict,
        Some(Verdict::Healthy)
    );
}

#[test]
fn failures_while_it_warms_up_do_not_count() {
    let story = Story::with(|s| s.gates.http[0].warmup = seconds(45));
    let now = story.time.monotonic();
    lock(&story.town.fits).push((now + MINUTE, now + MINUTE + seconds(40)));
    assert_eq!(
        story.end_of(one()).closing().verdict,
        Some(Verdict::Healthy)
    );
}

#[test]
fn a_strategy_that_fails_is_followed_by_the_next() {
    for way in [Way::Refused, Way::Useless, Way::NotApplicable] {
        let story = bad();
        story.town.way(Strategy::LambdaAlias, way.clone());
        let end = story.end_of(one());
        assert_eq!(end.closing().status, Status::RolledBack, "{way:?}");
        assert!(
            lock(&story.town.effects)
                .keys()
                .any(|k| k.as_str().ends_with("-stack"))
        );
        story.check(&format!("{way:?}"));
        story.check_live(&format!("{way:?}"));
    }
}

#[test]
fn a_step_whose_answer_is_lost_is_not_done_again() {
    let story = bad();
    story.town.way(Strategy::LambdaAlias, Way::WorksUnheard);
    let end = story.end_of(one());
    assert_eq!(end.closing().status, Status::RolledBack);
    assert!(!story.tale().contains(&"step_failed"), "{:?}", story.tale());
    story.check("unheard");
}

#[test]
fn where_no_strategy_helps_a_person_is_called() {
    for way in [Way::Refused, Way::Useless] {
        let story = bad();
        story.town.way(Strategy::LambdaAlias, way.clone());
        story.town.way(Strategy::Cloudformation, way.clone());
        let end = story.end_of(one());
        assert_eq!(end.closing().status, Status::RollbackFailed, "{way:?}");
        assert_eq!(end.exit(), Exit::Act);
        assert_eq!(story.heard(AlertEvent::RollbackFailed, Channel::Slack), 1);
        story.check(&format!("{way:?}"));
        story.check_live(&format!("{way:?}"));
    }
}

#[test]
fn what_cannot_be_restored_is_said_and_left() {
    type Change = fn(&Story);
    let cases: [(&str, Change, ReasonCode); 4] = [
        (
            "data",
            |s| {
                s.town.way(Strategy::LambdaAlias, Way::NotApplicable);
                s.town.way(Strategy::Cloudformation, Way::WouldDestroy);
            },
            ReasonCode::WouldDestroyData,
        ),
        (
            "nothing applies",
            |s| {
                s.town.way(Strategy::LambdaAlias, Way::NotApplicable);
                s.town.way(Strategy::Cloudformation, Way::NotApplicable);
            },
            ReasonCode::NoStrategy,
        ),
        ("all is well", |_| {}, ReasonCode::Restored),
        ("again", |_| {}, ReasonCode::Restored),
    ];
    for (what, change, reason) in cases {
        let story = bad();
        change(&story);
        let end = story.end_of(one());
        assert_eq!(end.closing().reason, reason, "{what}");
        if reason != ReasonCode::Restored {
            assert_eq!(end.closing().status, Status::Failure, "{what}");
            assert_eq!(end.exit(), Exit::Act, "{what}");
            let told = |event| story.heard(event, Channel::Slack);
            assert_eq!(told(AlertEvent::HealthCheckFailed), 1, "{what}");
            assert_eq!(told(AlertEvent::Failed), 0, "{what}: told once");
            assert!(story.head().live.expect("live").unwell, "{what}");
        }
        story.check(what);
        story.check_live(what);
    }
}

#[test]
fn without_automatic_restore_it_stays_and_is_told_once() {
    let mut story = bad();
    story.setup.rollback.automatic = false;
    let end = story.end_of(one());
    assert_eq!(
        (end.closing().status, end.exit()),
        (Status::Failure, Exit::Act)
    );
    assert_eq!(
        story.heard(AlertEvent::HealthCheckFailed, Channel::Slack),
        1
    );
    assert_eq!(story.heard(AlertEvent::Failed, Channel::Slack), 0);
    assert_eq!(end.closing().reason, ReasonCode::AutomaticOff);
    story.check("off");
}

#[test]
fn an_irreversible_deployment_is_not_restored() {
    let story = bad();
    let mut job = Job::new(1, 2);
    job.request.irreversible = true;
    let end = story.end_of(&job);
    assert_eq!(
        (end.closing().status, end.exit()),
        (Status::Failure, Exit::Act)
    );
    assert_eq!(end.closing().reason, ReasonCode::Irreversible);
    assert!(lock(&story.town.effects).is_empty());
    story.check("irreversible");
}

#[test]
fn no_way_back_leads_behind_an_irreversible_deployment() {
    for ended in [JobStatus::Success, JobStatus::Failure] {
        let story = bad();
        lock(&story.town.sick).insert(3);
        let mut migration = Job::new(1, 2);
        migration.request.irreversible = true;
        migration.deploys.1 = ended;
        assert_eq!(story.end_of(&migration).exit(), Exit::Act, "{ended:?}");

        // It got well by other means, and what comes after it is bad: version 1 knows nothing of the data as they are now.
        lock(&story.town.sick).remove(&2);
        let end = story.end_of(&Job::new(2, 3));
        assert_eq!(end.closing().reason, ReasonCode::NoGoodState, "{ended:?}");
        assert_eq!(end.exit(), Exit::Act);
        assert!(lock(&story.town.effects).is_empty(), "{ended:?}");

        let mut back = Job::new(3, 1).kind(DeploymentType::Rollback);
        let ends = story.job(&back);
        let why = ReasonCode::TargetBeforeIrreversible;
        assert!(
            matches!(&ends[0], End::Not(NotStarted::Refused(reason)) if *reason == why),
            "{ends:?}"
        );
        back.request.force = true;
        assert_eq!(story.end_of(&back).closing().status, Status::Success);
        story.check_live("forced");
    }
}

#[test]
fn an_irreversible_deployment_that_changed_nothing_bars_no_way() {
    let story = Story::new();
    lock(&story.town.sick).insert(3);
    let mut migration = Job::new(1, 2);
    migration.request.irreversible = true;
    migration.deploys = (None, JobStatus::Failure);
    assert_eq!(
        story.end_of(&migration).closing().reason,
        ReasonCode::DeployFailed
    );
    let end = story.end_of(&Job::new(2, 3));
    assert_eq!(end.closing().status, Status::RolledBack);
    story.check_live("back");
}

/// No stack and no version tell what a failed job has changed: only the gate does.
fn blind() -> Story {
    Story::with(|setup| {
        setup.stacks.clear();
        setup.gates.stack = false;
        setup.gates.http[0].version = None;
    })
}

#[test]
fn what_nobody_saw_is_neither_unchanged_nor_live() {
    // It answers as before.
    let story = blind();
    let mut job = Job::new(1, 2);
    job.deploys = (Some(2), JobStatus::Failure);
    let end = story.end_of(&job);
    assert_eq!(end.closing().reason, ReasonCode::DeployFailedUnseen);
    assert_eq!(
        (end.closing().status, end.exit()),
        (Status::Failure, Exit::Failed)
    );
    story.check("well");

    // So the version before it may not be live any more: it may be deployed again.
    assert_eq!(story.end_of(&Job::new(2, 1)).exit(), Exit::Fine);
    story.check_live("again");

    // What was good before and is bad now was changed.
    let story = blind();
    lock(&story.town.sick).insert(2);
    let end = story.end_of(&job);
    assert_eq!(
        end.closing().status,
        Status::RolledBack,
        "{:?}",
        story.tale()
    );
    story.check("sick");
    story.check_live("sick");

    // A cancelled job is not watched.
    let story = blind();
    job.deploys.1 = JobStatus::Cancelled;
    let end = story.end_of(&job);
    assert_eq!(end.closing().reason, ReasonCode::CancelledUnseen);
    assert_eq!(end.closing().decision, Decision::Hold);
    assert_eq!(story.heard(AlertEvent::Cancelled, Channel::Slack), 1);
    assert!(story.head().live.is_some_and(|l| l.unwell));
}

#[test]
fn a_rollback_that_failed_takes_nothing_off_the_good_ones() {
    let story = Story::new();
    assert_eq!(story.end_of(one()).exit(), Exit::Fine);
    let good = story.head().good;
    assert_eq!(good.len(), 2);
    lock(&story.town.sick).insert(1);
    let mut back = Job::new(2, 1).kind(DeploymentType::Rollback);
    back.request.target = TargetSpec::LastSuccess;
    assert_eq!(story.end_of(&back).exit(), Exit::Act);
    assert_eq!(story.head().good, good);
}

#[test]
fn a_first_deployment_has_nothing_to_go_back_to() {
    let mut story = bad();
    // Another service of the same table: no version of it was ever good.
    story.setup.service = deploy_guard::core::id::ServiceName::new("first").expect("valid");
    let end = story.end_of(one());
    assert_eq!(end.closing().reason, ReasonCode::NoGoodState);
    assert_eq!(end.exit(), Exit::Act);
    assert_eq!(
        story.heard(AlertEvent::HealthCheckFailed, Channel::Slack),
        1
    );
    assert_eq!(
        story.heard(AlertEvent::Failed, Channel::Slack),
        0,
        "told once"
    );
    story.check("first");
}

#[test]
fn what_failed_before_is_no_evidence_until_it_was_good_once() {
    let story = Story::new();
    let now = story.time.monotonic();
    lock(&story.town.fits).push((now, now + 60 * MINUTE));
    let end = story.end_of(one());
    assert_eq!(end.closing().verdict, Some(Verdict::Inconclusive));
    assert_eq!(end.closing().reason, ReasonCode::FailingBefore);
    assert_eq!(end.exit(), Exit::Unproven);
    story.check("failing before");
}

#[test]
fn a_target_that_failed_the_same_gate_is_not_brought_back() {
    let story = bad();
    let now = story.time.monotonic();
    // It fails when the deployment begins, is well for a moment after it, and is sick then.
    lock(&story.town.sick).remove(&2);
    lock(&story.town.fits).push((now, now + seconds(30)));
    lock(&story.town.fits).push((now + 4 * MINUTE, now + 60 * MINUTE));
    let end = story.end_of(one());
    assert_eq!(
        end.closing().reason,
        ReasonCode::TargetFailedSameGate,
        "{:?}",
        story.tale()
    );
    assert_eq!(end.exit(), Exit::Act);
    assert!(lock(&story.town.effects).is_empty());
    story.check("same gate");
}

#[test]
fn an_unproven_end_holds_passes_or_restores_as_configured() {
    for (on, exit, status) in [
        (OnInconclusive::Hold, Exit::Unproven, Status::Success),
        (OnInconclusive::Rollback, Exit::Failed, Status::RolledBack),
    ] {
        let story = Story::with(|s| s.gates.on_inconclusive = on);
        let now = story.time.monotonic();
        // Bad at the very end: seen once, so neither side is shown.
        lock(&story.town.fits).push((
            now + 11 * MINUTE - seconds(5),
            now + 11 * MINUTE + seconds(5),
        ));
        let end = story.end_of(one());
        assert_eq!(
            (end.closing().status, end.exit()),
            (status, exit),
            "{on}: {:?}",
            story.tale()
        );
        story.check(on.as_str());
        story.check_live(on.as_str());
        assert!(
            story.head().good.iter().all(|g| g.git_ref != Some(sha(2))),
            "never a target"
        );
    }
}

#[test]
fn a_good_version_that_was_not_live_is_live_once_it_is_brought_back() {
    let story = Story::new();
    let now = story.time.monotonic();
    lock(&story.town.fits).push((
        now + 11 * MINUTE - seconds(5),
        now + 11 * MINUTE + seconds(5),
    ));
    assert_eq!(story.end_of(one()).closing().decision, Decision::Hold);
    lock(&story.town.sick).insert(3);
    story.pass(MINUTE);
    let end = story.end_of(&Job::new(2, 3));
    assert_eq!(end.closing().status, Status::RolledBack);
    assert_eq!(
        *lock(&story.town.version),
        1,
        "the newest that was shown to be good"
    );
    story.check_live("two back");
    story.check("two back");
}

#[test]
fn the_network_of_the_runner_says_nothing_of_the_service() {
    let story = Story::new();
    let process = story.process();
    let main = story
        .run(&process, super::story::main_stage(&process, one()))
        .expect("alive");
    assert!(matches!(main, End::Allowed(_)));
    story.town.deploy(2);
    *lock(&story.town.dark) = true;
    *lock(&story.town.github_dark) = true;
    let verify = super::story::finish(
        &process,
        one(),
        deploy_guard::core::journal::Adopter::Verify,
        JobStatus::Success,
    );
    let end = story.run(&process, verify).expect("alive");
    assert_eq!(end.closing().verdict, Some(Verdict::Inconclusive));
    assert_eq!(end.closing().reason, ReasonCode::OwnNetworkDown);
    assert!(lock(&story.town.effects).is_empty());
}

#[test]
fn a_failed_deploy_step_ends_as_what_it_has_changed_says() {
    // Nothing was changed.
    let story = Story::new();
    let mut job = Job::new(1, 2);
    job.deploys = (None, JobStatus::Failure);
    let end = story.end_of(&job);
    assert_eq!(
        (end.closing().status, end.exit()),
        (Status::Failure, Exit::Failed)
    );
    assert_eq!(end.closing().reason, ReasonCode::DeployFailed);
    story.check("unchanged");
    story.check_live("unchanged");

    // Nothing was changed, and the service is sick all the same: that is told too.
    let story = Story::new();
    let now = story.time.monotonic();
    lock(&story.town.fits).push((now + seconds(30), now + 30 * MINUTE));
    let end = story.end_of(&job);
    assert_eq!(
        (end.closing().status, end.exit()),
        (Status::Failure, Exit::Failed)
    );
    assert_eq!(story.heard(AlertEvent::Failed, Channel::Slack), 1);
    assert!(
        lock(&story.town.effects).is_empty(),
        "it is not this deployment's fault"
    );

    // Half of it was changed, and it is bad.
    let story = bad();
    job.deploys = (Some(2), JobStatus::Failure);
    let end = story.end_of(&job);
    assert_eq!(end.closing().status, Status::RolledBack);
    story.check("half, bad");

    // Half of it was changed, and it is good: still no success.
    let story = Story::new();
    let end = story.end_of(&job);
    assert_eq!(
        (end.closing().status, end.exit()),
        (Status::Failure, Exit::Unproven)
    );
    story.check("half, good");

    // CloudFormation cannot go back.
    let story = Story::new();
    *lock(&story.town.stack_word) = "UPDATE_ROLLBACK_FAILED";
    let end = story.end_of(&job);
    assert_eq!(
        (end.closing().status, end.exit()),
        (Status::RollbackFailed, Exit::Act)
    );
    assert_eq!(story.heard(AlertEvent::RollbackFailed, Channel::Slack), 1);
}

#[test]
fn a_rollback_by_button_undoes_what_was_live() {
    let story = Story::new();
    assert_eq!(story.end_of(one()).exit(), Exit::Fine);
    let mut back = Job::new(2, 1).kind(DeploymentType::Rollback);
    back.request.target = TargetSpec::LastSuccess;
    // The branch's head, as GitHub says it: what is deployed, and must answer, is the target.
    back.request.git_ref = Some(sha(2));
    let end = story.end_of(&back);
    assert_eq!(end.closing().status, Status::Success, "{:?}", story.tale());
    let two = story
        .all()
        .into_iter()
        .find(|s| s.record.commit.as_deref() == Some(sha(2).as_str()));
    assert_eq!(
        two.expect("there").record.status.known(),
        Some(Status::RolledBack)
    );
    story.check("back");
    story.check_live("back");
}

#[test]
fn a_rollback_of_what_is_no_success_any_more_closes_without_undoing() {
    use deploy_guard::core::journal::Adopter;
    let story = Story::new();
    assert_eq!(story.end_of(one()).exit(), Exit::Fine);
    let back = Job::new(2, 1).kind(DeploymentType::Rollback);
    let process = story.process();
    let main = story
        .run(&process, super::story::main_stage(&process, &back))
        .expect("alive");
    assert!(matches!(main, End::Allowed(_)), "{main:?}");
    story.town.deploy(1);
    let two = story
        .all()
        .into_iter()
        .find(|s| s.record.commit.as_deref() == Some(sha(2).as_str()))
        .expect("there");
    story.store.spoil(&two.record.id);
    let end = story
        .run(
            &process,
            super::story::finish(&process, &back, Adopter::Verify, JobStatus::Success),
        )
        .expect("alive");
    assert_eq!(end.closing().status, Status::Success, "{:?}", story.tale());
    assert_eq!(story.head().holder, None);
    story.check_live("back");
}

#[test]
fn what_is_live_already_is_left_alone() {
    let story = Story::new();
    let ends = story.job(&Job::new(1, 1));
    assert!(
        matches!(ends[0], End::Not(NotStarted::AlreadyLive)),
        "{ends:?}"
    );
    assert_eq!(ends[0].exit(), Exit::Fine);
}
