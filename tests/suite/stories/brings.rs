//! What a deployment brings: commits since the last good version and their pull requests, in record, summary, messages.

use serde_json::Value;

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::faults::{Fault, On};
use crate::world::github_state::Pull;
use crate::world::runner_result::StepResult;

stories![
    commits_and_pull_requests,
    since_the_last_good_one,
    what_others_have_merged_too,
    many_are_shortened,
    more_than_the_newest_hundred,
    pull_requests_that_cannot_be_read_are_a_note,
    in_korean,
];

const PULLS: &str = "GET /repos/{o}/{r}/commits/{sha}/pulls";
const COMPARE: &str = "GET /repos/{o}/{r}/compare/{basehead}";

async fn next(world: &World) -> (StepResult, StepResult) {
    let mut job = job(world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    let sha = job.sha.clone();
    deploy(&mut job, Behaviour::healthy(&sha)).await;
    let verify = verify(&mut job, &[]).await;
    job.finish().await;
    (guard, verify)
}

fn changes(record: &Value) -> Vec<String> {
    let list = record["changes"].as_array().cloned().unwrap_or_default();
    list.iter()
        .map(|c| c.as_str().unwrap_or_default().to_owned())
        .collect()
}

fn commit(world: &World, title: &str, pull: Option<u64>) -> String {
    world.github.with(|hub| {
        let sha = hub.commit(title);
        let pull = pull.map(|number| Pull {
            number,
            title: title.to_owned(),
            user: "dev".to_owned(),
            merged: true,
            sha: sha.clone(),
        });
        hub.pulls.insert(sha.clone(), pull.into_iter().collect());
        sha
    })
}

async fn commits_and_pull_requests() {
    let world = plain_world().await;
    good(&world).await;
    let base = world.github.with(|hub| hub.head());
    let first = commit(&world, "Add due dates (#12)", Some(12));
    let second = commit(&world, "Fix <!channel> & | tables\n\nand more", None);
    let (guard, verify) = next(&world).await;
    let page = format!("https://github.com/hanbit/todo/compare/{base}...{second}");
    let record = record_of(&world, guard.output("deployment_id")).await;
    let lines = [
        format!("{} Fix <!channel> & | tables", &second[..8]),
        format!("{} Add due dates (#12)", &first[..8]),
    ];
    assert_eq!(changes(&record), lines);
    let summary = verify.summary.clone().unwrap_or_default();
    let commit = format!(
        "[{}](https://github.com/hanbit/todo/commit/{first}) Add due dates [\\#12](",
        &first[..8]
    );
    assert!(summary.contains(&commit), "{summary}");
    assert!(
        summary.contains("/pull/12)") && summary.contains(&page),
        "{summary}"
    );
    assert!(!summary.contains("<!channel>"), "{summary}");
    let told = &world.slack.messages()[2].payload.to_string();
    assert!(
        told.contains("&lt;!channel&gt; &amp; | tables") && told.contains(&page),
        "{told}"
    );
    assert!(told.contains("Add due dates (#12)"), "{told}");
    let result: Value = serde_json::from_str(verify.output("result")).unwrap();
    assert_eq!(result["pull_requests"][0]["number"], 12);
    assert_eq!(result["compare_url"], page.as_str());
    assert_eq!(
        world.calls().count("GitHub", COMPARE),
        0,
        "the newest commits tell it"
    );
}

/// The one that serves is bad: what has changed is counted from the one before.
async fn since_the_last_good_one() {
    let world = plain_world().await;
    good(&world).await;
    commit(&world, "bad", None);
    let mut bad = job(&world);
    guard(&mut bad, &[("auto_rollback", "false")])
        .await
        .assert_code(0);
    deploy(&mut bad, Behaviour::broken("bad")).await;
    bad.finish().await;
    commit(&world, "mended", None);
    let (guard, _) = next(&world).await;
    let record = record_of(&world, guard.output("deployment_id")).await;
    let titles: Vec<String> = changes(&record).iter().map(|c| c[9..].to_owned()).collect();
    assert_eq!(titles, ["mended", "bad"]);
}

/// A branch that began before the live commit and was merged after it.
async fn what_others_have_merged_too() {
    let world = plain_world().await;
    world
        .github
        .with(|hub| hub.commit_on("side", "on the side"));
    commit(&world, "live", None);
    good(&world).await;
    world.github.with(|hub| hub.merge("side"));
    let (guard, _) = next(&world).await;
    let record = record_of(&world, guard.output("deployment_id")).await;
    let titles: Vec<String> = changes(&record).iter().map(|c| c[9..].to_owned()).collect();
    assert_eq!(titles, ["Merge side", "on the side"]);
}

async fn many_are_shortened() {
    let world = plain_world().await;
    good(&world).await;
    for n in 0..30 {
        commit(&world, &format!("change {n}"), None);
    }
    let (guard, verify) = next(&world).await;
    let record = record_of(&world, guard.output("deployment_id")).await;
    let kept = changes(&record);
    assert_eq!(kept.len(), 11, "{kept:?}");
    assert!(
        kept[10].starts_with("+20 https://github.com/hanbit/todo/compare/"),
        "{kept:?}"
    );
    summed(&verify, "Changes (30)");
    summed(&verify, "Show all changes");
    let told = &world.slack.messages()[2].payload.to_string();
    assert!(
        told.contains("change 29") && !told.contains("change 24"),
        "{told}"
    );
    assert_eq!(world.calls().count("GitHub", PULLS), 10, "not one for each");
}

async fn more_than_the_newest_hundred() {
    let world = plain_world().await;
    good(&world).await;
    for n in 0..120 {
        commit(&world, &format!("change {n}"), None);
    }
    let (guard, verify) = next(&world).await;
    assert_eq!(
        world.calls().count("GitHub", COMPARE),
        1,
        "for both questions"
    );
    let kept = changes(&record_of(&world, guard.output("deployment_id")).await);
    assert!(
        kept[0].ends_with("change 119") && kept[10].starts_with("+110 "),
        "{kept:?}"
    );
    summed(&verify, "Changes (120)");
}

async fn pull_requests_that_cannot_be_read_are_a_note() {
    let world = plain_world().await;
    good(&world).await;
    commit(&world, "one", Some(1));
    commit(&world, "two", Some(2));
    let denied = world.fault(On::op(PULLS).always(), Fault::Denied);
    let (guard, verify) = next(&world).await;
    verify.assert_code(0);
    summed(&verify, "`pull-requests: read`");
    assert_eq!(denied.count(), 1, "one refusal tells as much as ten");
    assert_eq!(
        changes(&record_of(&world, guard.output("deployment_id")).await).len(),
        2
    );
}

async fn in_korean() {
    let world = World::new().await;
    Config::new(&world).top("locale: ko").put(&world);
    good(&world).await;
    commit(&world, "마감일 추가 (#12)", Some(12));
    let (_, verify) = next(&world).await;
    summed(&verify, "변경 내역 (1)");
    summed(&verify, "전체 변경 내역 보기");
    summed(&verify, "마감일 추가 [#12](");
    let told = &world.slack.messages()[2].payload.to_string();
    assert!(
        told.contains("변경 내역") && told.contains("전체 변경 내역 보기"),
        "{told}"
    );
}
