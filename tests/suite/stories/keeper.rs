//! The keeper as its workflow runs it: a step of its own that uses the image, inside Actions, without a word about the store.

use super::scene::*;
use crate::drift::read;
use crate::world::runner_spec::Uses;

stories![the_keeper_of_the_example_closes_what_a_dead_job_left];

/// The step of `examples/workflows/keeper.yml` that uses the image.
fn step_of_the_example() -> Uses {
    let workflow: serde_yaml::Value = serde_yaml::from_str(&read("examples/workflows/keeper.yml"))
        .expect("the example is a workflow");
    let steps = workflow["jobs"]["keep"]["steps"].as_sequence();
    let step = steps.into_iter().flatten().find(|step| {
        let uses = step["uses"].as_str().unwrap_or_default();
        uses.starts_with("docker://ghcr.io/hanbit/deploy-guard")
    });
    let step = step.expect("the example uses the image");
    let env = step["env"].as_mapping().into_iter().flatten();
    let text = |v: &serde_yaml::Value| v.as_str().expect("a text").to_owned();
    Uses {
        env: env.map(|(k, v)| (text(k), text(v))).collect(),
        ..Uses::image("keep", &text(&step["with"]["args"]))
    }
}

async fn the_keeper_of_the_example_closes_what_a_dead_job_left() {
    let world = plain_world().await;
    let mut dead = job(&world);
    let held = guard(&mut dead, &[]).await;
    held.assert_code(0);
    dead.lose_machine();
    dead.finish().await;
    assert_held(&world, held.output("deployment_id")).await;

    let mut keeper = job_with(&world, |spec| {
        spec.workflow = "keeper.yml".into();
        spec.job = "keep".into();
    });
    keeper.secret("SLACK_WEBHOOK_URL", &world.slack.webhook_url());
    // What `actions/checkout` brings.
    let folder = keeper.workspace().join(".github");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("deploy-guard.yml"), Config::new(&world).text()).unwrap();
    let kept = keeper.step(step_of_the_example()).await;
    kept.assert_code(0);
    let record = record(&world).await;
    assert_ne!(record["status"], "in_progress", "{}", kept.story());
    assert_free(&world).await;
    let heads = items(&world, "dg#head#prod").await;
    assert!(
        heads.iter().any(|item| item["timestamp"] == "~keeper"),
        "the sweep leaves its sign of life in the table: {heads:#?}"
    );
    assert!(
        !keeper.workspace().join(".deploy-guard").exists(),
        "no history is begun beside the table's"
    );
    assert_eq!(keeper.finish().await, "success");
    keeper.assert_no_leak();
}
