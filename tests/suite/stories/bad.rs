//! Bad and unproven ends where nothing can be restored, and what is neither.

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;

stories![
    nothing_to_restore,
    the_old_version_still_answers,
    a_third_version_answers,
    one_failure_is_no_verdict,
    our_own_network_is_down,
    what_failed_before_is_no_evidence,
    an_unproven_end_may_pass,
    an_endless_body_is_read_in_part,
    an_endpoint_hangs,
    a_verify_is_repeated,
];

async fn nothing_to_restore() {
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::broken("v2")).await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(4);
    assert_eq!(
        (verify.output("status"), verify.output("verdict")),
        ("failure", "degraded")
    );
    assert_eq!(
        (verify.output("decision"), verify.output("rolled_back")),
        ("stop", "false")
    );
    assert_eq!(job.finish().await, "failure");
    job.post("verify").assert_code(0);
    job.post("guard").assert_code(0);
    says(
        &record(&world).await,
        "failure",
        "degraded",
        "no_good_state",
    );
    assert_free(&world).await;
    assert_told(&world, &["started", "health check failed"]);
    assert_eq!(
        world.slack.messages()[1].payload["attachments"][0]["color"],
        "danger"
    );
    assert_eq!(
        items(&world, "dg#totals#prod#todo").await[0]["s_failure"],
        1
    );
    job.assert_no_leak();
}

async fn the_old_version_still_answers() {
    let world = World::new().await;
    Config::new(&world).versioned(&world).put(&world);
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v1")).await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(4);
    summed(
        &verify,
        "The version that answers is not the one that was deployed",
    );
    job.finish().await;
    says(
        &record(&world).await,
        "failure",
        "degraded",
        "no_good_state",
    );
    assert_free(&world).await;
}

async fn a_third_version_answers() {
    let world = World::new().await;
    Config::new(&world).versioned(&world).put(&world);
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v9")).await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(5);
    assert_eq!(verify.output("status"), "superseded");
    job.finish().await;
    says(&record(&world).await, "superseded", "-", "superseded");
    assert_free(&world).await;
    assert_told(&world, &["started", "superseded"]);
}

async fn one_failure_is_no_verdict() {
    let world = World::new().await;
    Config::new(&world).gates("early_pass: false").put(&world);
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    let blip = async {
        tokio::time::sleep(std::time::Duration::from_millis(1800)).await;
        let seen = world.app.requests();
        world.app.change(|b| b.status = 500);
        while world.app.requests() == seen {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        world.app.change(|b| b.status = 200);
    };
    let (verify, ()) = tokio::join!(verify(&mut job, &[]), blip);
    verify.assert_code(0);
    assert_eq!(job.finish().await, "success");
    says(&record(&world).await, "success", "healthy", "healthy");
}

async fn our_own_network_is_down() {
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    // The configuration must still be read; then everything but AWS is out of reach.
    let app = &world.app;
    let dark = async {
        let seen = app.requests();
        while app.requests() == seen {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        app.down();
        world.github.server().down();
    };
    let (verify, ()) = tokio::join!(verify(&mut job, &[]), dark);
    app.up();
    world.github.server().up();
    verify.assert_code(5);
    assert_eq!(
        (verify.output("verdict"), verify.output("reason_code")),
        ("inconclusive", "own_network_down"),
        "{}",
        verify.story()
    );
    assert_eq!(job.finish().await, "failure");
    says(
        &record(&world).await,
        "success",
        "inconclusive",
        "own_network_down",
    );
    assert!(
        head(&world).await["good"]
            .as_array()
            .is_none_or(Vec::is_empty)
    );
}

async fn what_failed_before_is_no_evidence() {
    let world = plain_world().await;
    world.app.deploy(Behaviour::broken("v1"));
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::broken("v2")).await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(5);
    assert_eq!(
        (verify.output("verdict"), verify.output("decision")),
        ("inconclusive", "hold")
    );
    job.finish().await;
    says(
        &record(&world).await,
        "success",
        "inconclusive",
        "failing_before",
    );
    assert_told(&world, &["started", "not proven healthy"]);
}

async fn an_unproven_end_may_pass() {
    let world = World::new().await;
    Config::new(&world)
        .gates("on_inconclusive: pass")
        .put(&world);
    world.app.deploy(Behaviour::broken("v1"));
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(0);
    assert!(
        verify.annotations.iter().any(|a| a.level == "warning"),
        "{}",
        verify.story()
    );
    assert_eq!(job.finish().await, "success");
    says(
        &record(&world).await,
        "success",
        "inconclusive",
        "failing_before",
    );
    assert!(
        head(&world).await["good"]
            .as_array()
            .is_none_or(Vec::is_empty)
    );
}

async fn an_endless_body_is_read_in_part() {
    use crate::world::app::Manner;
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(
        &mut job,
        Behaviour {
            manner: Manner::Endless,
            ..Behaviour::healthy("v2")
        },
    )
    .await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(0);
    let read = world.app.streamed_bytes();
    assert!(
        read < 64 * 1024 * 1024,
        "{read} bytes were taken of bodies that need not be read"
    );
    job.finish().await;
}

async fn an_endpoint_hangs() {
    use crate::world::app::Manner;
    let world = World::new().await;
    let gate =
        http_gate("api", &world.app.health_url(), "").replace("timeout: 2s", "timeout: 500ms");
    Config::new(&world).http(&[gate]).put(&world);
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(
        &mut job,
        Behaviour {
            manner: Manner::Hang,
            ..Behaviour::healthy("v2")
        },
    )
    .await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(4);
    assert!(
        verify.took < std::time::Duration::from_secs(8),
        "{:?}",
        verify.took
    );
    job.finish().await;
    says(
        &record(&world).await,
        "failure",
        "degraded",
        "no_good_state",
    );
}

async fn a_verify_is_repeated() {
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    let first = verify(&mut job, &[]).await;
    let second = verify(&mut job, &[]).await;
    second.assert_code(0);
    for output in [
        "deployment_id",
        "status",
        "verdict",
        "reason_code",
        "duration_seconds",
    ] {
        assert_eq!(first.output(output), second.output(output));
    }
    job.finish().await;
    assert_told(&world, &["started", "succeeded"]);
}
