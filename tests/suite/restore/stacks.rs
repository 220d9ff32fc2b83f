//! `cloudformation`: the saved template and parameters applied again, looked at first; never over stored data.

use serde_json::{Value, json};

use super::prod::{BINARY, Like, Prod, STACK, VERIFY, template};
use crate::world::app::Behaviour;
use crate::world::aws_words::xml_text;
use crate::world::faults::{Fault, On};
use crate::world::runner_process::{Interrupt, What};
use crate::world::runner_result::StepResult;
use crate::world::runner_spec::Uses;

fn like(strategies: &'static str) -> Like {
    Like {
        functions: 1,
        strategies,
        ..Like::default()
    }
}

impl Prod {
    /// The stack's parameter `Release`.
    pub async fn release(&self) -> String {
        let xml = self
            .world
            .scene
            .must_query("cloudformation", "DescribeStacks", &[("StackName", STACK)])
            .await;
        xml_text(&xml, "ParameterValue").unwrap_or_default()
    }

    /// While `work` goes on, the application answers as the stack's release says.
    pub async fn with_stack<T>(&self, broken: &str, work: impl Future<Output = T>) -> T {
        let follow = async {
            let mut last = String::new();
            loop {
                let release = self.release().await;
                if release != last {
                    let behaviour = if release == broken {
                        Behaviour::broken(&release)
                    } else {
                        Behaviour::healthy(&release)
                    };
                    self.world.app.deploy(behaviour);
                    last = release;
                }
                tokio::time::sleep(std::time::Duration::from_millis(40)).await;
            }
        };
        tokio::select! {
            done = work => done,
            () = follow => unreachable!("it has no end"),
        }
    }

    /// A job that updates the stack to release `v2` with these further resources; what guard and verify said.
    pub async fn update(&self, resources: &Value, verify: Uses) -> (StepResult, StepResult) {
        self.world.github.with(|hub| hub.commit("Make v2"));
        let mut job = self.world.start(self.world.job(BINARY));
        self.with_stack("v2", async {
            let guard = job.uses("guard", &[("environment", "prod")]).await;
            guard.assert_code(0);
            job.run("deploy", async {
                let stack = template(self.functions.len(), resources);
                // A later time than the creation's whole second.
                tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
                self.world
                    .scene
                    .update_stack(STACK, &stack, &[("Release", "v2")])
                    .await;
                tokio::time::sleep(std::time::Duration::from_millis(120)).await;
                Ok(())
            })
            .await;
            let verify = job.step(verify).await;
            job.finish().await;
            (guard, verify)
        })
        .await
    }
}

fn verify() -> Uses {
    Uses::new("verify", &VERIFY)
}

fn table() -> Value {
    json!({ "Todos": { "Type": "AWS::DynamoDB::Table", "Properties": {
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "BillingMode": "PAY_PER_REQUEST",
    } } })
}

#[tokio::test]
async fn a_broken_stack_is_brought_back_by_its_saved_template() {
    let prod = Prod::new(like("cloudformation")).await;
    let more = json!({ "More": { "Type": "AWS::SSM::Parameter", "Properties": { "Name": "/more", "Type": "String", "Value": "more" } } });
    let (_, verify) = prod.update(&more, verify()).await;
    verify.assert_code(1);
    assert_eq!(verify.output("status"), "rolled_back");
    assert_eq!(prod.release().await, "v1");
    let summary = verify.summary.clone().unwrap_or_default();
    assert!(
        summary.contains("− More (AWS::SSM::Parameter)"),
        "shows what changes: {summary}"
    );
    assert_eq!(
        prod.world
            .calls()
            .count("CloudFormation", "ExecuteChangeSet"),
        1
    );
}

#[tokio::test]
async fn aliases_that_do_not_help_are_followed_by_the_stack() {
    let prod = Prod::new(like("lambda_alias, cloudformation")).await;
    let (_, verify) = prod.update(&json!({}), verify()).await;
    verify.assert_code(1);
    assert_eq!(verify.output("status"), "rolled_back");
    assert_eq!(prod.release().await, "v1");
}

#[tokio::test]
async fn a_table_that_would_go_stops_it_before_anything_is_touched() {
    let prod = Prod::new(like("cloudformation")).await;
    let (_, verify) = prod.update(&table(), verify()).await;
    verify.assert_code(4);
    assert_eq!(verify.output("reason_code"), "would_destroy_data");
    assert_eq!(prod.release().await, "v2");
    let calls = prod.world.calls();
    assert_eq!(calls.count("CloudFormation", "ExecuteChangeSet"), 0);
    let summary = verify.summary.clone().unwrap_or_default();
    assert!(summary.contains("Todos"), "{summary}");
}

#[tokio::test]
async fn what_passes_does_not_stop_it_and_it_is_executed_once() {
    let faults = [
        ("CreateChangeSet", Fault::Throttle),
        ("CreateChangeSet", Fault::WorkedThenClosed),
        ("DescribeChangeSet", Fault::Close),
        ("ExecuteChangeSet", Fault::WorkedThenClosed),
        ("ExecuteChangeSet", Fault::Close),
        ("DescribeStackEvents", Fault::Throttle),
    ];
    for (operation, fault) in faults {
        let name = format!("{operation} {fault:?}");
        let prod = Prod::new(like("cloudformation")).await;
        let hits = prod.world.fault(On::op(operation), fault);
        let (_, verify) = prod.update(&json!({}), verify()).await;
        assert_eq!(
            verify.output("status"),
            "rolled_back",
            "{name}\n{}",
            verify.story()
        );
        assert_eq!(hits.count(), 1, "{name}");
        assert_eq!(prod.release().await, "v1", "{name}");
    }
}

#[tokio::test]
async fn a_dead_machine_does_not_stop_it() {
    for operation in ["CreateChangeSet", "ExecuteChangeSet"] {
        let prod = Prod::new(like("cloudformation")).await;
        let calls = prod.world.calls.clone();
        let seen = move || calls.all().count("CloudFormation", operation) > 0;
        let dies = verify().interrupt(Interrupt::once(seen, What::MachineLost));
        prod.update(&json!({}), dies).await;
        assert_eq!(prod.records().await[1][1], "in_progress");
        let kept = prod.with_stack("v2", prod.cli_alone(&["keep", "prod"]));
        let (code, said) = kept.await;
        assert_eq!(code, 0, "{said}");
        assert_eq!(prod.release().await, "v1", "{operation}: {said}");
        assert_eq!(prod.records().await[1][1], "rolled_back", "{said}");
        let calls = prod.world.calls();
        assert_eq!(calls.count("CloudFormation", "ExecuteChangeSet"), 1);
    }
}
