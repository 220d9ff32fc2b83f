//! The first whole run: a job takes the lock, is recorded, deploys, is watched, is judged, and everybody knows.

use crate::world::World;
use crate::world::app::Behaviour;

const BINARY: &str = env!("CARGO_BIN_EXE_deploy-guard");

#[tokio::test]
async fn a_good_deployment_is_recorded_watched_and_told() {
    let world = World::new().await;
    world.github.with(|hub| {
        hub.put_file(
            ".github/deploy-guard.yml",
            &format!(
                "version: 1\nservice: todo\nenvironments:\n  prod:\n    production: true\n    gates:\n      window: 5s\n      interval: 1s\n      http:\n        - {{ name: api, url: \"{}\", warmup: 0s }}\n",
                world.app.health_url()
            ),
        );
    });
    let mut job = world.start(world.job(BINARY));
    let webhook = world.slack.webhook_url();
    let guard = job
        .uses(
            "guard",
            &[("environment", "prod"), ("slack_webhook_url", &webhook)],
        )
        .await;
    guard.assert_code(0);
    assert_eq!(guard.output("deploy_needed"), "true");
    job.run("deploy", async {
        world.app.deploy(Behaviour::healthy("v2"));
        Ok(())
    })
    .await;
    let verify = job
        .uses(
            "verify",
            &[
                ("environment", "prod"),
                ("phase", "verify"),
                ("slack_webhook_url", &webhook),
            ],
        )
        .await;
    verify.assert_code(0);
    assert_eq!(job.finish().await, "success");
}
