//! A crash before and after every call of a whole story; then post, the keeper, or the next run goes on.

use deploy_guard::core::journal::{Adopter, JobStatus};
use deploy_guard::core::outcome::Exit;
use deploy_guard::core::record::Status;
use deploy_guard::core::restore::Strategy;
use deploy_guard::engine::keep::KeptWhat;

use super::calls::{Fate, changes};
use super::fakes::Way;
use super::story::{End, Job, MINUTE, Process, Story, died, finish, main_stage, seconds};
use super::time::lock;

/// Who goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heir {
    Post,
    Keeper,
    NextRun,
}

/// Where it died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Main,
    Verify,
    Post,
}

type Scene = fn(&Story);

fn bad(story: &Story) {
    lock(&story.town.sick).insert(2);
}

fn bad_twice(story: &Story) {
    bad(story);
    story.town.way(Strategy::LambdaAlias, Way::Useless);
}

fn short() -> Story {
    Story::with(|setup| {
        setup.gates.window = seconds(12);
        setup.gates.interval = seconds(5);
        setup.gates.http[0].confirm = seconds(2);
        setup.rollback.verify = seconds(10);
    })
}

/// The calls that the story makes when nothing befalls it.
fn calls(scene: Scene) -> Vec<&'static str> {
    let story = short();
    scene(&story);
    let (names, _) = until_death(&story, usize::MAX, Fate::DiesBefore);
    names
}

/// Runs the job until it dies; `None` = it did not.
fn until_death(story: &Story, n: usize, fate: Fate) -> (Vec<&'static str>, Option<Stage>) {
    let process = story.process();
    process.calls.doom(n, fate);
    let stage = stage_of_death(story, &process);
    (process.calls.names(), stage)
}

fn stage_of_death(story: &Story, process: &Process) -> Option<Stage> {
    let job = Job::new(1, 2);
    let main = story.run(process, main_stage(process, &job));
    if died(process) {
        return Some(Stage::Main);
    }
    let main = main.expect("alive");
    assert!(matches!(main, End::Allowed(_)), "{main:?}");
    story.pass(MINUTE);
    story.town.deploy(2);
    let verify = story.run(
        process,
        finish(process, &job, Adopter::Verify, JobStatus::Success),
    );
    if died(process) {
        return Some(Stage::Verify);
    }
    let status = if verify.expect("alive").exit() == Exit::Fine {
        JobStatus::Success
    } else {
        JobStatus::Failure
    };
    story.run(process, finish(process, &job, Adopter::Post, status));
    died(process).then_some(Stage::Post)
}

fn go_on(story: &Story, heir: Heir, what: &str) {
    match heir {
        Heir::Post => {
            let post = story.process();
            let end = story
                .run(
                    &post,
                    finish(&post, &Job::new(1, 2), Adopter::Post, JobStatus::Failure),
                )
                .expect("nobody dies");
            assert!(
                matches!(end, End::Nothing | End::Closed(..)),
                "{what}: {end:?}"
            );
            story.end_job(1, "failure");
        }
        Heir::Keeper => {
            story.end_job(1, "failure");
            let sweep = story.keep();
            // What serves meanwhile is watched on.
            let done = |k: &deploy_guard::engine::keep::Kept| {
                matches!(k.what, KeptWhat::Closed(_) | KeptWhat::Baking(_))
            };
            assert!(sweep.kept.iter().all(done), "{what}: {sweep:?}");
        }
        Heir::NextRun => {
            story.end_job(1, "failure");
            let ends = story.job(&Job::new(2, 3));
            assert!(
                ends.iter().all(|e| e.exit() == Exit::Fine),
                "{what}: {ends:?}"
            );
        }
    }
}

fn sweep(scene: Scene, heir: Heir, brought_back: bool) {
    let names = calls(scene);
    let count = names.len();
    assert!(count > 25, "a whole story has more calls than {count}");
    for n in 1..=count {
        for fate in [Fate::DiesBefore, Fate::DiesAfter] {
            if fate == Fate::DiesAfter && !changes(names[n - 1]) {
                continue;
            }
            let story = short();
            scene(&story);
            let (made, stage) = until_death(&story, n, fate);
            let call = made.last().copied().unwrap_or("nothing");
            let stage = stage.unwrap_or_else(|| panic!("it does not die at {n} of {count}"));
            let what = format!("{fate:?} call {n} ({call}) in {stage:?}, then {heir:?}");
            if heir != Heir::Post || stage != Stage::Post {
                go_on(&story, heir, &what);
            } else {
                story.end_job(1, "failure");
            }
            story.check(&what);
            story.check_live(&what);
            let serves = *lock(&story.town.version);
            let first = story
                .all()
                .into_iter()
                .find(|s| s.record.commit.as_deref() == Some(super::fakes::sha(2).as_str()));
            let status = first.and_then(|s| s.record.status.known());
            if heir == Heir::NextRun {
                assert_eq!(serves, 3, "{what}");
            } else if brought_back {
                assert_eq!(serves, 1, "{what}: {:?}", story.tale());
            }
            if brought_back {
                let wanted = if stage == Stage::Main {
                    [None, Some(Status::Failure), Some(Status::Cancelled)].contains(&status)
                } else {
                    status == Some(Status::RolledBack)
                };
                assert!(wanted, "{what}: {status:?}, {:?}", story.tale());
            }
        }
    }
}

#[test]
fn a_restore_that_died_anywhere_is_finished_by_post() {
    sweep(bad, Heir::Post, true);
}

#[test]
fn a_restore_that_died_anywhere_is_finished_by_the_keeper() {
    sweep(bad, Heir::Keeper, true);
}

#[test]
fn a_restore_that_died_anywhere_is_finished_by_the_next_run() {
    sweep(bad, Heir::NextRun, true);
}

#[test]
fn a_second_strategy_that_died_anywhere_is_finished_by_post() {
    sweep(bad_twice, Heir::Post, true);
}

#[test]
fn a_second_strategy_that_died_anywhere_is_finished_by_the_keeper() {
    sweep(bad_twice, Heir::Keeper, true);
}

#[test]
fn a_good_deployment_that_died_anywhere_ends_with_the_keeper() {
    sweep(|_| {}, Heir::Keeper, false);
}

#[test]
fn a_good_deployment_that_died_anywhere_ends_with_the_next_run() {
    sweep(|_| {}, Heir::NextRun, false);
}
