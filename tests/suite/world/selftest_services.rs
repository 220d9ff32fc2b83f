//! The world's own tests: STS, SNS, CloudFormation and Lambda behind the proxy behave as AWS's do where moto's do not.

use std::time::Duration;

use serde_json::{Value, json};

use super::World;
use super::aws_client::small_stack;
use super::aws_identity::Trust;
use super::aws_words::xml_text;
use super::http::{Reply, send};

async fn job_token(world: &World, audience: &str) -> String {
    let target = format!("/oidc/token?api-version=2.0&audience={audience}");
    let auth = [(
        "authorization".to_owned(),
        format!("Bearer {}", world.oidc.request_token()),
    )];
    let reply = send(world.oidc.server().addr(), "GET", &target, &auth, b"")
        .await
        .expect("an answer");
    reply.body_json()["value"]
        .as_str()
        .unwrap_or_else(|| panic!("no token: {}", reply.body_text()))
        .to_owned()
}

async fn assume(world: &World, token: &str) -> Reply {
    let params = [
        ("RoleArn", "arn:aws:iam::123456789012:role/deploy-guard"),
        ("RoleSessionName", "deploy-guard-1"),
        ("WebIdentityToken", token),
    ];
    world
        .through
        .query("sts", "AssumeRoleWithWebIdentity", &params)
        .await
        .expect("an answer")
}

#[tokio::test]
async fn a_role_is_given_only_for_the_worlds_own_token_and_ends_when_told() {
    let world = World::new().await;
    let code = |reply: &Reply| xml_text(&reply.body_text(), "Code").unwrap_or_default();
    assert_eq!(
        code(&assume(&world, "not-a-token").await),
        "InvalidIdentityToken"
    );
    assert_eq!(
        code(&assume(&world, &job_token(&world, "https%3A%2F%2Fgithub.com").await).await),
        "InvalidIdentityToken"
    );
    let token = job_token(&world, "sts.amazonaws.com").await;
    for (trust, said) in [
        (Trust::AccessDenied, "AccessDenied"),
        (Trust::InvalidIdentityToken, "InvalidIdentityToken"),
        (Trust::IdpCommunicationError, "IDPCommunicationError"),
    ] {
        world.aws.identity().set_trust(trust);
        assert_eq!(code(&assume(&world, &token).await), said);
    }
    world.aws.identity().set_trust(Trust::Granted);
    world.aws.identity().set_lifetime(Duration::from_secs(90));
    let given = assume(&world, &token).await;
    assert_eq!(given.status, 200, "{}", given.body_text());
    let ends: jiff::Timestamp = xml_text(&given.body_text(), "Expiration")
        .expect("an end")
        .parse()
        .expect("a date");
    let left = ends.as_second() - jiff::Timestamp::now().as_second();
    assert!((60..=91).contains(&left), "{left} s");
    let taken = world.aws.identity().assumed();
    assert_eq!(
        (
            taken.len(),
            taken[0].session_name.as_str(),
            taken[0].token == token
        ),
        (1, "deploy-guard-1", true)
    );

    let with_role = |world: &World| {
        let auth = format!(
            "AWS4-HMAC-SHA256 Credential={}/20240101/ap-northeast-2/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            taken[0].access_key
        );
        let headers = vec![
            ("authorization".to_owned(), auth),
            (
                "x-amz-target".to_owned(),
                "DynamoDB_20120810.ListTables".to_owned(),
            ),
        ];
        let addr = world.aws.server().addr();
        async move {
            send(addr, "POST", "/", &headers, b"{}")
                .await
                .expect("an answer")
        }
    };
    assert_eq!(with_role(&world).await.status, 200);
    world.aws.identity().end_credentials();
    assert_eq!(
        with_role(&world).await.header("x-amzn-errortype"),
        Some("ExpiredTokenException")
    );
}

#[tokio::test]
async fn published_messages_are_read_back() {
    let world = World::new().await;
    let topic = world.scene.create_topic("deployment-alerts-prod").await;
    let params = [
        ("TopicArn", topic.as_str()),
        ("Subject", "🚨 배포 실패 - prod"),
        ("Message", "{\"default\":\"a & b\"}"),
        ("MessageStructure", "json"),
    ];
    world.through.must_query("sns", "Publish", &params).await;
    let all = world.aws.published();
    assert_eq!(
        (
            all.len(),
            all[0].topic_arn.as_str(),
            all[0].subject.as_deref()
        ),
        (1, topic.as_str(), Some("🚨 배포 실패 - prod"))
    );
    assert_eq!(
        (all[0].message.as_str(), all[0].message_structure.as_deref()),
        ("{\"default\":\"a & b\"}", Some("json"))
    );
    assert!(!all[0].message_id.is_empty());
    let missing = world
        .through
        .query(
            "sns",
            "Publish",
            &[
                ("TopicArn", "arn:aws:sns:ap-northeast-2:1:none"),
                ("Message", "x"),
            ],
        )
        .await;
    assert_ne!(missing.expect("an answer").status, 200);
    assert_eq!(world.aws.published().len(), 1);
}

#[tokio::test]
async fn stacks_update_as_cloudformation_does() {
    let world = World::new().await;
    let name = "HanbitTodoStack-prod";
    let template = small_stack(&[("ApiEndpointProd", "http://127.0.0.1:1/prod")]);
    let (body, cfn) = (template.as_str(), "cloudformation");
    world
        .through
        .create_stack(name, body, &[("Release", "one")])
        .await;
    let describe = async || {
        world
            .through
            .must_query(cfn, "DescribeStacks", &[("StackName", name)])
            .await
    };
    assert_eq!(
        xml_text(&describe().await, "StackStatus").as_deref(),
        Some("CREATE_COMPLETE")
    );
    assert_eq!(
        xml_text(&describe().await, "OutputValue").as_deref(),
        Some("http://127.0.0.1:1/prod")
    );

    world
        .through
        .must_query(
            cfn,
            "UpdateStack",
            &[
                ("StackName", name),
                ("TemplateBody", body),
                ("ClientRequestToken", "dg-1"),
            ],
        )
        .await;
    assert_eq!(
        xml_text(&describe().await, "ParameterValue").as_deref(),
        Some("none"),
        "a parameter left out goes back to its default"
    );
    let events = world
        .through
        .must_query(cfn, "DescribeStackEvents", &[("StackName", name)])
        .await;
    assert!(
        events.contains("<ClientRequestToken>dg-1</ClientRequestToken>"),
        "{events}"
    );

    let plain = "{\"Resources\":{\"Topic\":{\"Type\":\"AWS::SNS::Topic\"}}}";
    world.scene.create_stack("plain", plain, &[]).await;
    let same = [("StackName", "plain"), ("TemplateBody", plain)];
    let same = world
        .through
        .query(cfn, "UpdateStack", &same)
        .await
        .expect("an answer");
    assert!(
        same.body_text().contains("No updates are to be performed."),
        "{}",
        same.body_text()
    );

    let change = [
        ("StackName", name),
        ("ChangeSetName", "none"),
        ("ChangeSetType", "UPDATE"),
        ("TemplateBody", body),
    ];
    world
        .through
        .must_query(cfn, "CreateChangeSet", &change)
        .await;
    let set = world
        .through
        .must_query(
            cfn,
            "DescribeChangeSet",
            &[("StackName", name), ("ChangeSetName", "none")],
        )
        .await;
    assert_eq!(xml_text(&set, "Status").as_deref(), Some("FAILED"), "{set}");
    assert!(set.contains("contain changes"), "{set}");
}

#[tokio::test]
async fn stacks_show_the_states_that_are_switched_on() {
    let world = World::new().await;
    let name = "HanbitTodoStack-prod";
    let (template, cfn) = (small_stack(&[]), "cloudformation");
    world.scene.create_stack(name, &template, &[]).await;
    let status = async || {
        xml_text(
            &world
                .through
                .must_query(cfn, "DescribeStacks", &[("StackName", name)])
                .await,
            "StackStatus",
        )
        .unwrap_or_default()
    };
    let stacks = world.aws.stacks();
    stacks.show_statuses(name, &["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]);
    assert_eq!(
        [status().await, status().await, status().await],
        ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_COMPLETE"]
    );
    stacks.show_status(name, "UPDATE_IN_PROGRESS");
    let at: jiff::Timestamp = "2024-12-12T14:30:52Z".parse().expect("a date");
    stacks.show_last_updated(name, at);
    stacks.show_reason(name, "User Initiated");
    let xml = world.through.must_query(cfn, "DescribeStacks", &[]).await;
    assert_eq!(
        xml_text(&xml, "LastUpdatedTime").as_deref(),
        Some("2024-12-12T14:30:52Z"),
        "{xml}"
    );
    assert_eq!(
        xml_text(&xml, "StackStatusReason").as_deref(),
        Some("User Initiated"),
        "{xml}"
    );
    let busy = world
        .through
        .query(
            cfn,
            "UpdateStack",
            &[("StackName", name), ("TemplateBody", &template)],
        )
        .await
        .expect("an answer");
    assert_eq!(
        (busy.status, busy.body_text().contains("can not be updated")),
        (400, true)
    );
    let early = world
        .through
        .query(cfn, "ContinueUpdateRollback", &[("StackName", name)])
        .await
        .expect("an answer");
    assert_eq!(early.status, 400);
    world
        .through
        .must_query(cfn, "CancelUpdateStack", &[("StackName", name)])
        .await;
    assert_eq!(
        [status().await, status().await],
        ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
    );
    stacks.show_status(name, "UPDATE_ROLLBACK_FAILED");
    world
        .through
        .must_query(cfn, "ContinueUpdateRollback", &[("StackName", name)])
        .await;
    assert_eq!(
        [status().await, status().await],
        ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
    );
    stacks.show_truth(name);
    assert_eq!(status().await, "CREATE_COMPLETE");
}

#[tokio::test]
async fn a_stale_alias_revision_is_refused() {
    let world = World::new().await;
    let role = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }] });
    let made = world
        .scene
        .must_query(
            "iam",
            "CreateRole",
            &[
                ("RoleName", "fn"),
                ("AssumeRolePolicyDocument", &role.to_string()),
            ],
        )
        .await;
    let arn = xml_text(&made, "Arn").expect("a role");
    // The smallest ZIP archive: an empty one.
    let code = json!({ "ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==" });
    let function = json!({ "FunctionName": "api", "Runtime": "python3.11", "Role": arn, "Handler": "a.b", "Code": code, "Publish": true });
    let path = "/2015-03-31/functions";
    let reply = world
        .scene
        .lambda("POST", path, &function)
        .await
        .expect("an answer");
    assert_eq!(reply.status, 201, "{}", reply.body_text());
    let alias = world
        .scene
        .lambda(
            "POST",
            &format!("{path}/api/aliases"),
            &json!({ "Name": "live", "FunctionVersion": "1" }),
        )
        .await;
    let revision = alias.expect("an answer").body_json()["RevisionId"].clone();
    let update = async |revision: &Value| {
        let body = json!({ "FunctionVersion": "$LATEST", "RevisionId": revision });
        world
            .through
            .lambda("PUT", &format!("{path}/api/aliases/live"), &body)
            .await
            .expect("an answer")
    };
    let stale = update(&json!("00000000-0000-0000-0000-000000000000")).await;
    assert_eq!(
        (stale.status, stale.header("x-amzn-errortype")),
        (412, Some("PreconditionFailedException"))
    );
    let fresh = update(&revision).await;
    assert_eq!(fresh.status, 200, "{}", fresh.body_text());
    assert_eq!(world.calls().count("Lambda", "UpdateAlias"), 2);
    assert_eq!(
        update(&revision).await.status,
        412,
        "the first update made the revision stale"
    );
}
