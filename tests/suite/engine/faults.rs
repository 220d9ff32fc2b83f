//! Every call of a whole story fails once: the end is right, or honestly open, and then the keeper closes it.

use deploy_guard::core::outcome::Exit;
use deploy_guard::core::record::Status;
use deploy_guard::engine::release::release;

use super::calls::{Fate, changes};
use super::story::{End, Job, Story, job_of, seconds};
use super::time::lock;

fn short(sick: bool) -> Story {
    let story = Story::with(|setup| {
        setup.gates.window = seconds(12);
        setup.gates.interval = seconds(5);
        setup.gates.http[0].confirm = seconds(2);
        setup.rollback.verify = seconds(10);
    });
    if sick {
        lock(&story.town.sick).insert(2);
    }
    story
}

fn calls(sick: bool) -> Vec<&'static str> {
    let story = short(sick);
    let process = story.process();
    story
        .run(&process, job_of(&process, &story.town, &Job::new(1, 2)))
        .expect("nobody dies");
    process.calls.names()
}

fn befall(sick: bool, n: usize, fate: Fate) -> (Story, Vec<End>, String) {
    let story = short(sick);
    let process = story.process();
    process.calls.doom(n, fate);
    if fate == Fate::Interrupted {
        let person = story.process();
        process.calls.intruder(Box::new(move || {
            let person = person.clone();
            Box::pin(async move {
                release(&person.ports, &person.setup, true)
                    .await
                    .expect("it is released");
            })
        }));
    }
    let ends = story
        .run(&process, job_of(&process, &story.town, &Job::new(1, 2)))
        .expect("nobody dies");
    story.end_job(1, "failure");
    let call = process
        .calls
        .names()
        .get(n - 1)
        .copied()
        .unwrap_or("nothing");
    let what = format!("{fate:?} call {n} ({call}): {ends:?}");
    (story, ends, what)
}

fn honest(story: &Story, ends: &[End], sick: bool, what: &str) {
    if let End::Allowed(id) = &ends[0] {
        assert!(
            story.store.deployment(id).is_some(),
            "{what}: allowed without a record"
        );
    }
    let closed = ends.iter().find_map(|e| match e {
        End::Closed(closing, exit) => Some((closing.status, *exit)),
        _ => None,
    });
    let open = story.head().holder.is_some();
    if open {
        let said = ends
            .iter()
            .any(|e| [Exit::Unreachable, Exit::Act].contains(&e.exit()));
        assert!(said, "{what}: open, and nobody said so");
    }
    story.check(what);
    let two = story
        .all()
        .into_iter()
        .find(|s| s.record.commit.as_deref() == Some(super::fakes::sha(2).as_str()));
    let status = two.and_then(|s| s.record.status.known());
    if sick {
        assert_ne!(status, Some(Status::Success), "{what}: a success by error");
        assert!(
            ends.iter().any(|e| e.exit() != Exit::Fine),
            "{what}: green by error"
        );
    }
    if let Some((closed, _)) = closed {
        assert_eq!(status, Some(closed), "{what}: another end than was said");
    }
}

fn sweep(sick: bool) {
    let calls = calls(sick);
    for n in 1..=calls.len() {
        for fate in [Fate::Fails, Fate::WorksAndFails] {
            if fate == Fate::WorksAndFails && !changes(calls[n - 1]) {
                continue;
            }
            let (story, ends, what) = befall(sick, n, fate);
            honest(&story, &ends, sick, &what);
            story.check_live(&what);
            if sick && ends.len() > 2 {
                assert_eq!(*lock(&story.town.version), 1, "{what}: {:?}", story.tale());
            }
        }
    }
}

#[test]
fn a_bad_deployment_whose_calls_fail_is_never_a_success() {
    sweep(true);
}

#[test]
fn a_good_deployment_whose_calls_fail_ends_well_or_open() {
    sweep(false);
}

#[test]
fn a_lock_released_by_a_person_before_any_call_is_not_written_to_again() {
    for sick in [true, false] {
        for n in 1..=calls(sick).len() {
            let (story, ends, what) = befall(sick, n, Fate::Interrupted);
            honest(&story, &ends, sick, &what);
        }
    }
}
