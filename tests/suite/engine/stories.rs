//! Full windows in virtual time: what becomes of good, bad, doubtful, stopped and abandoned deployments.

use deploy_guard::core::alert::{AlertEvent, Channel};
use deploy_guard::core::outcome::Exit;
use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{Status, Verdict};
use deploy_guard::ports::Clock;

use super::fakes::sha;
use super::story::{Job, MINUTE, Story};
use super::time::lock;

#[test]
fn a_good_deployment_is_watched_for_its_whole_window() {
    let story = Story::new();
    let before = story.time.monotonic();
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.exit(), Exit::Fine);
    assert_eq!(end.closing().verdict, Some(Verdict::Healthy));
    assert!(story.time.monotonic() - before >= 10 * MINUTE);
    assert_eq!(story.head().live.and_then(|l| l.git_ref), Some(sha(2)));
    assert_eq!(story.heard(AlertEvent::Succeeded, Channel::Slack), 1);
    story.check("good");
    story.check_live("good");
}

#[test]
fn a_bad_deployment_is_restored_by_the_first_strategy_and_verified() {
    let story = Story::new();
    lock(&story.town.sick).insert(2);
    let before = story.time.monotonic();
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.closing().status, Status::RolledBack);
    assert_eq!(end.closing().reason, ReasonCode::Restored);
    assert_eq!(end.exit(), Exit::Failed);
    assert!(
        story.time.monotonic() - before < 3 * MINUTE,
        "{:?}",
        story.time.monotonic()
    );
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
