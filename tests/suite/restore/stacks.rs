//! `cloudformation`: the saved template and parameters applied again, looked at first; never over stored data.

use serde_json::{Value, json};

use super::prod::{BINARY, Like, Prod, STACK, VERIFY, template};
use crate::world::app::Behaviour;
use crate::world::aws_changesets::ok;
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
        self.release_of(STACK).await
    }

    /// Another stack's parameter `Release`.
    async fn release_of(&self, stack: &str) -> String {
        let xml = self
            .world
            .scene
            .must_query("cloudformation", "DescribeStacks", &[("StackName", stack)])
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
        self.update_after(async {}, resources, verify).await
    }

    /// The same, with something before it in the deploy step.
    async fn update_after(
        &self,
        first: impl Future<Output = ()>,
        resources: &Value,
        verify: Uses,
    ) -> (StepResult, StepResult) {
        self.world.github.with(|hub| hub.commit("Make v2"));
        let mut job = self.world.start(self.world.job(BINARY));
        self.with_stack("v2", async {
            let guard = job.uses("guard", &[("environment", "prod")]).await;
            guard.assert_code(0);
            job.run("deploy", async {
                let stack = template(self.functions.len(), resources);
                // A later time than the creation's whole second.
                tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
                first.await;
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

/// What a nested stack would lose is seen, by its own change set; where it has none, nobody can tell.
#[tokio::test]
async fn a_table_in_a_nested_stack_stops_it_too() {
    let inner = "arn:aws:cloudformation:ap-northeast-2:123456789012:changeSet/inner/1";
    let change = |name: &str, action: &str, kind: &str, set: &str| {
        format!(
            "<Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus><StackName>{name}</StackName><Changes><member><Type>Resource</Type><ResourceChange><Action>{action}</Action><LogicalResourceId>{kind}</LogicalResourceId><ResourceType>AWS::{kind}</ResourceType><Replacement>False</Replacement>{set}</ResourceChange></member></Changes>"
        )
    };
    for named in [true, false] {
        let prod = Prod::new(like("cloudformation")).await;
        let set = format!("<ChangeSetId>{inner}</ChangeSetId>");
        let set = if named { set.as_str() } else { "" };
        let outer = change(STACK, "Modify", "CloudFormation::Stack", set);
        let table = change("todo-data", "Remove", "DynamoDB::Table", "");
        for (holds, answer) in [("StackName=todo-prod", outer), ("changeSet", table)] {
            let on = On::op("DescribeChangeSet").containing(holds).always();
            let answer = Fault::Answer(ok("DescribeChangeSet", &answer));
            // The first look must find none yet.
            let on = if holds == "changeSet" { on } else { on.nth(2) };
            prod.world.fault(on, answer);
        }
        let (_, verify) = prod.update(&json!({}), verify()).await;
        assert_eq!(
            verify.output("reason_code"),
            "would_destroy_data",
            "{named}\n{}",
            verify.story()
        );
        let calls = prod.world.calls();
        assert_eq!(calls.count("CloudFormation", "ExecuteChangeSet"), 0);
        let asked = calls.only(|c| c.operation == "CreateChangeSet");
        assert!(asked.0[0].body.contains("IncludeNestedStacks=true"));
        let summary = verify.summary.clone().unwrap_or_default();
        assert_eq!(summary.contains("todo-data"), named, "{summary}");
    }
}

/// A stack that cleans up behind an update takes no change set yet: it is waited for.
#[tokio::test]
async fn a_stack_that_cleans_up_is_waited_for() {
    let prod = Prod::new(like("cloudformation")).await;
    let stacks = prod.world.aws.stacks();
    let calls = prod.world.calls.clone();
    let read = move || calls.all().count("CloudFormation", "GetTemplate");
    let moment = || tokio::time::sleep(std::time::Duration::from_millis(20));
    // From the update until the templates are compared, and a little longer.
    let cleans = async {
        while prod.release().await != "v2" {
            moment().await;
        }
        let before = read();
        while read() == before {
            stacks.show_status(STACK, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
            moment().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        stacks.show_truth(STACK);
    };
    let nothing = json!({});
    let (verify, ()) = tokio::join!(prod.update(&nothing, verify()), cleans);
    let verify = verify.1;
    assert_eq!(verify.output("status"), "rolled_back", "{}", verify.story());
    assert_eq!(prod.release().await, "v1");
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

/// Two stacks: the one that was deployed last is brought back first.
#[tokio::test]
async fn several_stacks_are_brought_back_in_reverse_order() {
    let prod = Prod::new(Like {
        before: &["todo-data"],
        ..like("cloudformation")
    })
    .await;
    let data = template(0, &json!({}));
    let first = async {
        prod.world
            .scene
            .update_stack("todo-data", &data, &[("Release", "v2")])
            .await;
    };
    let verify = prod.update_after(first, &json!({}), verify()).await.1;
    assert_eq!(verify.output("status"), "rolled_back", "{}", verify.story());
    assert_eq!(prod.release().await, "v1");
    assert_eq!(prod.release_of("todo-data").await, "v1");
    let calls = prod.world.calls();
    let executed = calls.only(|c| c.operation == "ExecuteChangeSet");
    let order: Vec<bool> = executed
        .0
        .iter()
        .map(|c| c.body.contains("StackName=todo-prod"))
        .collect();
    assert_eq!(order, [true, false], "the last deployed one first");
}

/// Nothing of the stack has changed: there is nothing to apply, which is no failure.
#[tokio::test]
async fn a_stack_without_changes_is_done() {
    let prod = Prod::new(Like {
        functions: 1,
        strategies: "lambda_alias, cloudformation",
        ..Like::default()
    })
    .await;
    prod.world
        .fault(On::op("UpdateAlias").always(), Fault::Denied);
    let verify = prod.deploy("v2", Behaviour::broken("v2"), 4).await;
    let summary = verify.summary.clone().unwrap_or_default();
    assert!(summary.contains("Done: todo-prod"), "{summary}");
    let calls = prod.world.calls();
    assert_eq!(calls.count("CloudFormation", "CreateChangeSet"), 1);
    assert_eq!(calls.count("CloudFormation", "ExecuteChangeSet"), 0);
}

/// CloudFormation takes no update of a stack that is stuck: said, and left to a person.
#[tokio::test]
async fn a_stuck_stack_is_recognised() {
    let prod = Prod::new(like("cloudformation")).await;
    prod.deploy("v2", Behaviour::healthy("v2"), 0).await;
    let stacks = prod.world.aws.stacks();
    stacks.show_status(STACK, "UPDATE_ROLLBACK_FAILED");
    let (code, said) = prod
        .cli_alone(&["rollback", "prod", "last-success", "--yes"])
        .await;
    assert_ne!(code, 0, "{said}");
    assert!(said.contains("UPDATE_ROLLBACK_FAILED"), "{said}");
    let calls = prod.world.calls();
    assert_eq!(calls.count("CloudFormation", "ExecuteChangeSet"), 0);
}

/// A template of 80 KB: through CDK's bucket where there is one, else said at the start.
#[tokio::test]
async fn a_large_template_goes_through_the_bucket_of_cdk() {
    let mut large = json!({});
    for n in 0..20 {
        large[format!("Large{n}")] = json!({ "Type": "AWS::SSM::Parameter", "Properties": { "Name": format!("/large/{n}"), "Type": "String", "Value": "x".repeat(4000) } });
    }
    for bootstrapped in [true, false] {
        let prod = Prod::bare(&Like {
            resources: large.clone(),
            ..like("cloudformation")
        })
        .await;
        if bootstrapped {
            let bucket = json!({
                "Resources": { "Bucket": { "Type": "AWS::S3::Bucket", "Properties": { "BucketName": "cdk-assets" } } },
                "Outputs": { "BucketName": { "Value": { "Ref": "Bucket" } } },
            });
            let text = bucket.to_string();
            prod.world
                .scene
                .create_stack("CDKToolkit", &text, &[])
                .await;
        }
        prod.deploy("v1", Behaviour::healthy("v1"), 0).await;
        // The bucket is busy once.
        let put = On::any().containing("/cdk-assets/deploy-guard/");
        let busy = prod.world.fault(put, Fault::Status(503));
        let (guard, verify) = prod.update(&large, verify()).await;
        if bootstrapped {
            assert_eq!(busy.count(), 1);
            assert_eq!(verify.output("status"), "rolled_back", "{}", verify.story());
            assert_eq!(prod.release().await, "v1");
        } else {
            let summary = guard.summary.clone().unwrap_or_default();
            assert!(summary.contains("CDKToolkit"), "{summary}");
            assert_eq!(verify.output("reason_code"), "no_strategy");
        }
    }
}
