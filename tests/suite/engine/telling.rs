//! Messages that do not get through at once: who hears what, how often, and until when.

use deploy_guard::core::alert::{AlertEvent, Channel};
use deploy_guard::core::outcome::Exit;
use deploy_guard::core::record::Status;
use deploy_guard::ports::Clock;

use super::fakes::Mouth;
use super::story::{Job, MINUTE, Story};
use super::time::lock;

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

fn bad(mouth: Mouth) -> Story {
    let story = Story::new();
    lock(&story.town.sick).insert(2);
    lock(&story.town.channels).insert(Channel::Slack, mouth);
    story
}

#[test]
fn what_could_not_be_sent_is_sent_by_the_keeper() {
    let story = bad(Mouth::Later);
    assert_eq!(
        story.end_of(&Job::new(1, 2)).closing().status,
        Status::RolledBack
    );
    assert_eq!(
        story.heard(AlertEvent::RollbackCompleted, Channel::Slack),
        0
    );
    for _ in 0..60 {
        story.pass(MINUTE);
        story.keep();
    }
    lock(&story.town.channels).clear();
    story.keep();
    for event in [
        AlertEvent::Started,
        AlertEvent::HealthCheckFailed,
        AlertEvent::RollbackCompleted,
    ] {
        assert_eq!(story.heard(event, Channel::Slack), 1, "{event}");
    }
    let heard = lock(&story.town.heard).clone();
    for (_, key, text) in heard.iter().filter(|(c, _, _)| *c == Channel::Slack) {
        // The place in its entry differs, the text does not: it was certainly not sent before.
        let same = heard
            .iter()
            .any(|(c, _, t)| *c == Channel::Sns && t == text);
        assert!(same, "{key}: {text}");
    }
    story.check("later");
}

#[test]
fn after_a_day_nobody_sends_it_any_more() {
    let story = bad(Mouth::Later);
    story.end_of(&Job::new(1, 2));
    for _ in 0..25 {
        story.pass(HOUR);
        story.keep();
    }
    assert!(
        story.store.owed(&story.setup.environment).is_empty(),
        "given up"
    );
    lock(&story.town.channels).clear();
    story.keep();
    assert_eq!(
        story.heard(AlertEvent::RollbackCompleted, Channel::Slack),
        0,
        "no flood"
    );
    assert_eq!(story.heard(AlertEvent::RollbackCompleted, Channel::Sns), 1);
}

#[test]
fn an_answer_that_was_lost_repeats_failures_and_nothing_else() {
    let story = bad(Mouth::Unheard);
    story.end_of(&Job::new(1, 2));
    story.keep();
    story.pass(2 * MINUTE);
    lock(&story.town.channels).clear();
    story.keep();
    assert_eq!(story.heard(AlertEvent::Started, Channel::Slack), 1);
    assert!(story.heard(AlertEvent::RollbackCompleted, Channel::Slack) >= 2);
    story.check("unheard");
    let ordered = lock(&story.store.seen).ordered.clone();
    let heard = lock(&story.town.heard).clone();
    let told: Vec<_> = heard
        .iter()
        .filter(|(c, k, _)| {
            *c == Channel::Slack && ordered.get(k) == Some(&AlertEvent::RollbackCompleted)
        })
        .map(|(_, _, text)| text.clone())
        .collect();
    assert_ne!(
        told.first(),
        told.last(),
        "the repetition says that it is one"
    );
}

#[test]
fn a_dead_channel_falls_back_to_another() {
    let story = bad(Mouth::Dead);
    story.end_of(&Job::new(1, 2));
    let heard = lock(&story.town.heard).clone();
    let instead = heard
        .iter()
        .filter(|(c, k, _)| *c == Channel::Sns && k.ends_with("slack"))
        .count();
    assert!(instead >= 3, "{heard:?}");
    assert!(story.store.owed(&story.setup.environment).is_empty());
}

#[test]
fn a_channel_that_hangs_holds_the_job_for_seconds_and_changes_no_end() {
    let story = bad(Mouth::Hangs);
    let before = story.time.monotonic();
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(
        (end.closing().status, end.exit()),
        (Status::RolledBack, Exit::Failed)
    );
    let took = story.time.monotonic() - before;
    assert!(took < 5 * MINUTE, "{took:?}");
}

#[test]
fn every_event_of_a_good_story_is_told_once_on_each_channel() {
    let story = Story::new();
    story.end_of(&Job::new(1, 2));
    for channel in [Channel::Slack, Channel::Sns] {
        for event in [AlertEvent::Started, AlertEvent::Succeeded] {
            assert_eq!(story.heard(event, channel), 1, "{event} on {channel}");
        }
    }
}

#[test]
fn what_an_earlier_run_owes_is_told_by_the_next_one_once() {
    let story = bad(Mouth::Later);
    story.end_of(&Job::new(1, 2));
    story.pass(2 * MINUTE);
    lock(&story.town.channels).clear();
    lock(&story.town.sick).clear();
    story.end_of(&Job::new(2, 3));
    let owed = AlertEvent::RollbackCompleted;
    assert_eq!(story.heard(owed, Channel::Slack), 1);
    assert_eq!(story.heard(AlertEvent::Started, Channel::Slack), 2);
    story.keep();
    assert_eq!(story.heard(owed, Channel::Slack), 1, "never twice");
    story.check("told by the next run");
}

#[test]
fn what_is_owed_on_a_channel_that_hangs_holds_the_next_job_for_half_a_minute() {
    let story = bad(Mouth::Later);
    story.end_of(&Job::new(1, 2));
    story.pass(2 * MINUTE);
    lock(&story.town.sick).clear();
    lock(&story.town.channels).insert(Channel::Slack, Mouth::Hangs);
    let process = story.process();
    let before = story.time.monotonic();
    let begun = story.run(
        &process,
        super::story::main_stage(&process, &Job::new(2, 3)),
    );
    assert_eq!(begun.expect("nobody dies").exit(), Exit::Fine);
    let took = story.time.monotonic() - before;
    assert!(took < MINUTE, "{took:?}");
}

#[test]
fn a_run_that_does_not_know_the_channel_leaves_what_is_owed_to_one_that_does() {
    let story = bad(Mouth::Later);
    story.end_of(&Job::new(1, 2));
    story.pass(2 * MINUTE);
    lock(&story.town.channels).clear();
    let mut process = story.process();
    process
        .ports
        .notifiers
        .retain(|n| n.channel() != Channel::Slack);
    let owed = story.store.owed(&story.setup.environment).len();
    assert!(owed > 0);
    let ended = story.run(&process, super::story::keeper(&process));
    ended.expect("nobody dies").expect("a sweep");
    assert_eq!(story.store.owed(&story.setup.environment).len(), owed);
    story.keep();
    assert_eq!(
        story.heard(AlertEvent::RollbackCompleted, Channel::Slack),
        1
    );
}
