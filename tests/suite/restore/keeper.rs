//! `keep`: what turns bad after its job has ended is rolled back by the sweep that sees it.

use serde_json::json;

use super::prod::{Like, Prod, record};
use super::told::{plain, seen, settled, told_elsewhere};
use crate::world::app::Behaviour;
use crate::world::faults::{Fault, On};

fn like(locale: &'static str) -> Like {
    Like {
        functions: 2,
        told: Some(locale),
        ..Like::default()
    }
}

/// Version 2 was good while its job watched; then it breaks.
async fn broken_later(locale: &'static str) -> Prod {
    let prod = Prod::new(like(locale)).await;
    prod.deploy("v2", Behaviour::healthy("v2"), 0).await;
    let broken = Behaviour::broken("v2");
    prod.behaviours.lock().unwrap().insert("2".into(), broken);
    prod
}

#[tokio::test]
async fn what_breaks_after_the_job_is_rolled_back_by_the_keeper() {
    for locale in ["en", "ko"] {
        let prod = broken_later(locale).await;
        let mark = seen(&prod);
        let (code, said) = prod.cli(&["keep", "prod"]).await;
        assert_eq!(code, 0, "{said}");
        assert_eq!(prod.aliases().await, ["1", "1"]);
        assert_eq!(
            prod.records().await[1..],
            [
                record("deploy", "rolled_back", "healthy", "healthy"),
                record("rollback", "success", "healthy", "healthy"),
            ],
            "{said}"
        );
        let text = format!("{}\n{}", settled(&said), told_elsewhere(&prod, mark));
        insta::assert_snapshot!(format!("keeper_{locale}"), plain(&text));
        let (code, said) = prod.cli(&["keep", "prod"]).await;
        assert_eq!(code, 0, "{said}");
        assert_eq!(prod.records().await.len(), 3, "once: {said}");
    }
}

/// The file has changed since; the deployment is judged and restored by what its own job had read.
#[tokio::test]
async fn it_goes_by_the_configuration_that_the_job_had() {
    let mut prod = broken_later("en").await;
    prod.change_config("lambda_alias", "redeploy");
    let (code, said) = prod.cli(&["keep", "prod"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(prod.aliases().await, ["1", "1"]);
}

#[tokio::test]
async fn a_rollback_that_fails_calls_a_person_once() {
    let prod = broken_later("en").await;
    prod.world
        .fault(On::op("UpdateAlias").always(), Fault::Denied);
    let mark = seen(&prod);
    let (code, said) = prod.cli(&["keep", "prod"]).await;
    assert_eq!(code, 4, "{said}");
    assert_eq!(prod.records().await[2][1], "rollback_failed");
    let again = prod.cli(&["keep", "prod"]).await;
    assert_eq!(prod.records().await.len(), 3, "{}", again.1);
    let told = plain(&told_elsewhere(&prod, mark));
    assert_eq!(told.matches("=== Slack: ❌").count(), 1, "{told}");
    assert!(
        told.contains("deploy-guard rollback prod deploy-"),
        "{told}"
    );
}

/// A job died while it restored: `resume` goes on where it was.
#[tokio::test]
async fn resume_finishes_what_a_dead_job_was_restoring() {
    use super::prod::VERIFY;
    use crate::world::runner_process::{Interrupt, What};
    use crate::world::runner_spec::Uses;
    for operation in ["GetAlias", "UpdateAlias"] {
        let prod = Prod::new(like("en")).await;
        let mark = prod.world.calls.mark();
        let calls = prod.world.calls.clone();
        let seen = move || calls.since(mark).count("Lambda", operation) > 0;
        let verify =
            Uses::new("verify", &VERIFY).interrupt(Interrupt::once(seen, What::MachineLost));
        prod.deploy_by("v2", Behaviour::broken("v2"), -1, verify)
            .await;
        assert_eq!(prod.records().await[1][1], "in_progress");
        let (code, said) = prod.cli(&["resume", "prod"]).await;
        assert_eq!(code, 1, "{operation}: {said}");
        assert_eq!(prod.aliases().await, ["1", "1"], "{said}");
        assert_eq!(prod.records().await[1][1], "rolled_back", "{said}");
        let (code, json) = prod.cli(&["resume", "prod", "--json"]).await;
        assert_eq!(code, 0, "{json}");
        assert!(json.contains(&json!(null).to_string()), "{json}");
    }
}
