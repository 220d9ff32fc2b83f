//! A restore by a run that it dispatches: the run borrows the lock, deploys the good version and gives the lock back,
//! whoever dies on the way.

use std::cell::RefCell;

use deploy_guard::core::alert::{AlertEvent, Channel};
use deploy_guard::core::id::DeploymentId;
use deploy_guard::core::journal::{Event, JobStatus};
use deploy_guard::core::outcome::Exit;
use deploy_guard::core::policy::ApprovalRule;
use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{DeploymentType, Status};
use deploy_guard::core::restore::{Strategy, WorkflowTarget};
use deploy_guard::core::target::TargetSpec;
use deploy_guard::ports::Clock;

use super::calls::{Fate, changes};
use super::fakes::{FIRST_RUN, Way};
use super::story::{End, Job, MINUTE, Process, Story, died, job_of, main_stage, seconds};
use super::time::{Actor, lock, run_all};

/// Version 2 is bad, and only the workflow can bring version 1 back.
fn story() -> Story {
    let story = Story::with(|setup| {
        setup.gates.window = seconds(12);
        setup.gates.interval = seconds(5);
        setup.gates.http[0].confirm = seconds(2);
        setup.rollback.verify = seconds(10);
        setup.rollback.strategies = vec![Strategy::Workflow];
        setup.rollback.workflow = Some(WorkflowTarget {
            file: "deploy.yml".to_owned(),
            git_ref: "main".to_owned(),
            timeout: 20 * MINUTE,
        });
        // Nobody approves the dispatched run: it inherits.
        setup.policy.approval_rollback = ApprovalRule::Required;
    });
    lock(&story.town.sick).insert(2);
    story
}

/// What the dispatched run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Child {
    /// Deploys version 1.
    Works,
    /// Its deploy step fails.
    Fails,
    /// Its machine is gone once it has the lock.
    Dies,
    /// It never ends by itself.
    Hangs,
    /// It waits for another run until it is cancelled.
    Waits,
    /// It is no rollback at all, but somebody's deployment.
    Strange,
}

fn good(story: &Story) -> DeploymentId {
    story.head().live.expect("live").deployment
}

fn child_job(good: DeploymentId) -> Job {
    let mut job = Job::new(FIRST_RUN, 1).kind(DeploymentType::Rollback);
    job.request.git_ref = None;
    job.request.target_text = good.to_string();
    job.request.target = TargetSpec::Id(good);
    job
}

/// The dispatched run, from when it is dispatched.
async fn child(story: &Story, process: &Process, good: DeploymentId, how: Child) {
    for _ in 0..600 {
        if !lock(&story.town.dispatched).is_empty() {
            break;
        }
        story.time.sleep(seconds(1)).await;
    }
    if lock(&story.town.dispatched).is_empty() {
        return;
    }
    // A machine is found, and the image is loaded.
    story.time.sleep(seconds(5)).await;
    let mut job = child_job(good);
    let conclusion = match how {
        Child::Works | Child::Fails => {
            if how == Child::Fails {
                job.deploys = (None, JobStatus::Failure);
            }
            let ends = job_of(process, &story.town, &job).await;
            let fine = how == Child::Works && ends.iter().all(|e| e.exit() == Exit::Fine);
            if fine { "success" } else { "failure" }
        }
        Child::Dies => {
            let main = main_stage(process, &job).await;
            assert!(matches!(main, End::Allowed(_)), "{main:?}");
            story.time.sleep(seconds(30)).await;
            "failure"
        }
        Child::Waits => {
            while lock(&story.town.halted).is_empty() {
                story.time.sleep(seconds(2)).await;
            }
            "cancelled"
        }
        Child::Strange => {
            let main = main_stage(process, &Job::new(FIRST_RUN, 3)).await;
            assert!(matches!(main, End::Not(_)), "{main:?}");
            "failure"
        }
        Child::Hangs => {
            let main = main_stage(process, &job).await;
            assert!(matches!(main, End::Allowed(_)), "{main:?}");
            while lock(&story.town.halted).is_empty() {
                story.time.sleep(seconds(10)).await;
            }
            story.time.sleep(seconds(20)).await;
            "cancelled"
        }
    };
    story.end_job(FIRST_RUN, conclusion);
}

/// Both runs, until both have ended.
fn both(story: &Story, parent: &Process, how: Child) -> Vec<End> {
    let ends = RefCell::new(Vec::new());
    let heir = story.process();
    let good = good(story);
    let job = Job::new(1, 2);
    let actors = vec![
        Actor {
            work: Box::pin(async {
                *ends.borrow_mut() = job_of(parent, &story.town, &job).await;
            }),
            killed: parent.calls.killed.clone(),
        },
        Actor {
            work: Box::pin(child(story, &heir, good, how)),
            killed: heir.calls.killed.clone(),
        },
    ];
    run_all(&story.time, actors, 0);
    story.end_job(1, "failure");
    ends.into_inner()
}

fn statuses(story: &Story) -> Vec<(DeploymentType, Status)> {
    let mut all = story.all();
    all.sort_by_key(|s| s.record.at);
    all.iter()
        .map(|s| {
            let kind = s.record.kind.known().expect("known");
            (kind, s.record.status.known().expect("known"))
        })
        .collect()
}

/// The workflow has one `concurrency` group, so that its runs wait for each other.
#[test]
fn a_run_that_waits_for_its_parent_is_followed_by_the_next_strategy() {
    let mut story = story();
    story.setup.rollback.strategies = vec![Strategy::Workflow, Strategy::LambdaAlias];
    *lock(&story.town.pending) = true;
    let before = story.time.monotonic();
    let parent = story.process();
    let ends = both(&story, &parent, Child::Waits);
    assert!(story.time.monotonic() - before < 4 * MINUTE, "{ends:?}");
    assert_eq!(*lock(&story.town.halted), [FIRST_RUN]);
    assert_eq!(statuses(&story)[1].1, Status::RolledBack, "{ends:?}");
    story.check("waits");
    story.check_live("waits");
}

/// Taken for the dispatched run by mistake: it inherits neither lock nor approval.
#[test]
fn a_run_that_is_no_such_rollback_inherits_nothing() {
    let story = story();
    let parent = story.process();
    let ends = both(&story, &parent, Child::Strange);
    assert_eq!(*lock(&story.town.version), 2, "{ends:?}");
    let all = statuses(&story);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[1].1, Status::RollbackFailed);
    story.check("strange");
}

#[test]
fn a_dispatched_run_brings_the_good_version_back() {
    let story = story();
    let parent = story.process();
    let ends = both(&story, &parent, Child::Works);
    assert_eq!(*lock(&story.town.version), 1, "{ends:?}");
    use DeploymentType::{Deploy, Rollback};
    assert_eq!(
        statuses(&story),
        [
            (Deploy, Status::Success),
            (Deploy, Status::RolledBack),
            (Rollback, Status::Success)
        ],
        "{ends:?}"
    );
    assert_eq!(lock(&story.town.dispatched).len(), 1);
    // The heir is quiet: whoever dispatched it tells, once.
    assert_eq!(story.heard(AlertEvent::RollbackStarted, Channel::Slack), 1);
    assert_eq!(
        story.heard(AlertEvent::RollbackCompleted, Channel::Slack),
        1
    );
    assert_eq!(story.heard(AlertEvent::Succeeded, Channel::Slack), 0);
    let heir = story
        .all()
        .into_iter()
        .max_by_key(|s| s.record.at)
        .expect("one");
    let dispatches =
        |e: &Event| matches!(e, Event::Dispatched { .. } | Event::RestorePlanned { .. });
    let events: Vec<_> = heir.entries.iter().flat_map(|e| &e.events).collect();
    assert!(
        !events.iter().any(|e| dispatches(e)),
        "an heir restores nothing"
    );
    story.check("dispatched");
    story.check_live("dispatched");
}

#[test]
fn a_dispatched_run_that_ends_badly_ends_the_restore() {
    for how in [Child::Fails, Child::Dies, Child::Hangs] {
        let story = story();
        let parent = story.process();
        let ends = both(&story, &parent, how);
        let closed = statuses(&story);
        assert_eq!(closed[1].1, Status::RollbackFailed, "{how:?}: {ends:?}");
        assert_ne!(closed[2].1, Status::Success, "{how:?}");
        assert_eq!(story.heard(AlertEvent::RollbackFailed, Channel::Slack), 1);
        assert_eq!(
            lock(&story.town.halted).len(),
            usize::from(how == Child::Hangs),
            "{how:?}"
        );
        story.check(&format!("{how:?}"));
    }
}

#[test]
fn another_strategy_follows_a_dispatched_run_that_failed() {
    let mut story = story();
    story.setup.rollback.strategies = vec![Strategy::Workflow, Strategy::LambdaAlias];
    let parent = story.process();
    let ends = both(&story, &parent, Child::Dies);
    assert_eq!(*lock(&story.town.version), 1, "{ends:?}");
    assert_eq!(statuses(&story)[1].1, Status::RolledBack, "{ends:?}");
    story.check("another strategy");
    story.check_live("another strategy");
}

#[test]
fn a_dispatch_whose_answer_is_lost_is_found_and_not_done_again() {
    let story = story();
    story.town.way(Strategy::Workflow, Way::WorksUnheard);
    let parent = story.process();
    let ends = both(&story, &parent, Child::Works);
    assert_eq!(statuses(&story)[1].1, Status::RolledBack, "{ends:?}");
    assert_eq!(lock(&story.town.dispatched).len(), 1);
    story.check("found");
}

/// A run that nobody named is refused: the lock is held by who restores.
#[test]
fn a_run_that_is_not_the_heir_is_refused() {
    let story = story();
    let good = good(&story);
    let (parent, stranger) = (story.process(), story.process());
    let refused = RefCell::new(None);
    let mut job = child_job(good.clone());
    job.request.run.run = Some(77);
    job.request.run.job_id = Some(770);
    let first = Job::new(1, 2);
    let heir = story.process();
    let actors = vec![
        Actor {
            work: Box::pin(async {
                job_of(&parent, &story.town, &first).await;
            }),
            killed: parent.calls.killed.clone(),
        },
        Actor {
            work: Box::pin(async {
                while lock(&story.town.dispatched).is_empty() {
                    story.time.sleep(seconds(1)).await;
                }
                *refused.borrow_mut() = Some(main_stage(&stranger, &job).await);
            }),
            killed: stranger.calls.killed.clone(),
        },
        Actor {
            work: Box::pin(child(&story, &heir, good, Child::Works)),
            killed: heir.calls.killed.clone(),
        },
    ];
    run_all(&story.time, actors, 0);
    story.end_job(1, "failure");
    let refused = refused.into_inner().expect("an answer");
    let locked = deploy_guard::engine::guard::NotStarted::Refused(ReasonCode::Locked);
    assert!(
        matches!(&refused, End::Not(not) if *not == locked),
        "{refused:?}"
    );
    assert_eq!(statuses(&story)[1].1, Status::RolledBack);
    story.check("a stranger");
}

/// The parent dies at each of its calls; the run that it may have dispatched goes on, and then the keeper.
#[test]
fn a_parent_that_died_anywhere_is_finished_by_the_keeper() {
    let count = {
        let story = story();
        let parent = story.process();
        both(&story, &parent, Child::Works);
        parent.calls.names()
    };
    for n in 1..=count.len() {
        for fate in [Fate::DiesBefore, Fate::DiesAfter] {
            if fate == Fate::DiesAfter && !changes(count[n - 1]) {
                continue;
            }
            let story = story();
            let parent = story.process();
            parent.calls.doom(n, fate);
            let what = format!("{fate:?} call {n} ({})", count[n - 1]);
            both(&story, &parent, Child::Works);
            assert!(died(&parent), "{what}");
            // Where the dispatched run was refused, its time was over before the keeper came: it is asked for again.
            let runs = lock(&story.town.dispatched).len();
            assert!(runs <= 1, "{what}: {runs} runs");
            for _ in 0..6 {
                story.keep();
                story.pass(MINUTE);
            }
            story.check(&what);
            let two = story
                .all()
                .into_iter()
                .find(|s| s.record.commit.as_deref() == Some(super::fakes::sha(2).as_str()));
            let status = two.and_then(|s| s.record.status.known());
            assert_ne!(status, Some(Status::Success), "{what}");
            // It was restored, or a person was called: never in between.
            if status == Some(Status::RolledBack) {
                assert_eq!(*lock(&story.town.version), 1, "{what}");
                story.check_live(&what);
            }
            if status == Some(Status::RollbackFailed) {
                assert!(
                    story.heard(AlertEvent::RollbackFailed, Channel::Slack) >= 1,
                    "{what}"
                );
            }
        }
    }
}
