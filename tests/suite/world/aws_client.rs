//! A raw AWS client for setting the scene and looking at it afterwards: JSON and query protocol over plain HTTP, unsigned in all but form.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use super::aws_words::xml_text;
use super::http::{Reply, percent_encode, send};

/// A client of one account, either of moto itself (neither logged nor met by faults) or through the proxy.
#[derive(Clone, Debug)]
pub struct AwsClient {
    pub addr: SocketAddr,
    pub account: String,
    pub region: String,
}

impl AwsClient {
    fn headers(&self, service: &str) -> Vec<(String, String)> {
        let scope = format!("AKIAWORLD/20240101/{}/{service}/aws4_request", self.region);
        let signed =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        vec![
            ("authorization".into(), signed),
            ("x-moto-account-id".into(), self.account.clone()),
        ]
    }

    /// A call in the JSON protocol, e.g. `("dynamodb", "DynamoDB_20120810.PutItem", …)`, whatever the answer.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> std::io::Result<Reply> {
        let mut headers = self.headers(service);
        headers.push(("x-amz-target".into(), target.into()));
        headers.push(("content-type".into(), "application/x-amz-json-1.0".into()));
        send(
            self.addr,
            "POST",
            "/",
            &headers,
            body.to_string().as_bytes(),
        )
        .await
    }

    /// A call in the query protocol, whatever the answer.
    pub async fn query(
        &self,
        service: &str,
        action: &str,
        params: &[(&str, &str)],
    ) -> std::io::Result<Reply> {
        let version = match service {
            "sts" => "2011-06-15",
            "sns" => "2010-03-31",
            "cloudformation" => "2010-05-15",
            _ => "2010-08-01",
        };
        let mut headers = self.headers(service);
        if service == "sts" && action == "AssumeRoleWithWebIdentity" {
            headers.remove(0);
        }
        headers.push((
            "content-type".into(),
            "application/x-www-form-urlencoded; charset=utf-8".into(),
        ));
        let fixed = [("Action", action), ("Version", version)];
        let body: Vec<String> = fixed
            .iter()
            .chain(params)
            .map(|(k, v)| format!("{}={}", percent_encode(k), percent_encode(v)))
            .collect();
        send(self.addr, "POST", "/", &headers, body.join("&").as_bytes()).await
    }

    /// A call of Lambda's REST protocol, whatever the answer.
    pub async fn lambda(&self, method: &str, path: &str, body: &Value) -> std::io::Result<Reply> {
        let mut headers = self.headers("lambda");
        headers.push(("content-type".into(), "application/json".into()));
        send(
            self.addr,
            method,
            path,
            &headers,
            body.to_string().as_bytes(),
        )
        .await
    }

    /// A DynamoDB call that must work.
    pub async fn dynamo(&self, operation: &str, body: &Value) -> Value {
        must(
            operation,
            self.json("dynamodb", &format!("DynamoDB_20120810.{operation}"), body)
                .await,
        )
        .body_json()
    }

    /// A query-protocol call that must work; the answer's XML.
    pub async fn must_query(&self, service: &str, action: &str, params: &[(&str, &str)]) -> String {
        must(action, self.query(service, action, params).await).body_text()
    }

    /// Creates the history table as the predecessor made it: key, both indexes with all attributes, TTL.
    pub async fn create_history_table(&self, table: &str) {
        let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let key = |hash: &str| json!([{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": "timestamp", "KeyType": "RANGE" }]);
        let index = |name: &str, hash: &str| json!({ "IndexName": name, "KeySchema": key(hash), "Projection": { "ProjectionType": "ALL" } });
        self.dynamo(
            "CreateTable",
            &json!({
                "TableName": table,
                "AttributeDefinitions": [attribute("deploymentId"), attribute("timestamp"), attribute("environment"), attribute("status")],
                "KeySchema": key("deploymentId"),
                "GlobalSecondaryIndexes": [index("EnvironmentIndex", "environment"), index("StatusIndex", "status")],
                "BillingMode": "PAY_PER_REQUEST",
            }),
        )
        .await;
        let ttl = json!({ "AttributeName": "ttl", "Enabled": true });
        self.dynamo(
            "UpdateTimeToLive",
            &json!({ "TableName": table, "TimeToLiveSpecification": ttl }),
        )
        .await;
    }

    /// Writes one item, given in DynamoDB's JSON (`{"deploymentId": {"S": "…"}, …}`).
    pub async fn put_item(&self, table: &str, item: &Value) {
        self.dynamo("PutItem", &json!({ "TableName": table, "Item": item }))
            .await;
    }

    /// Every item of a table, in DynamoDB's JSON, in order of key.
    pub async fn items(&self, table: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut from = Value::Null;
        loop {
            let mut ask = json!({ "TableName": table, "ConsistentRead": true });
            if !from.is_null() {
                ask["ExclusiveStartKey"] = from;
            }
            let page = self.dynamo("Scan", &ask).await;
            items.extend(page["Items"].as_array().cloned().unwrap_or_default());
            from = page["LastEvaluatedKey"].clone();
            if from.is_null() {
                break;
            }
        }
        items.sort_by_key(|i| {
            (
                i["deploymentId"]["S"].to_string(),
                i["timestamp"]["S"].to_string(),
            )
        });
        items
    }

    /// Every item of a table as plain JSON (numbers as numbers, binaries as base64 text).
    pub async fn plain_items(&self, table: &str) -> Vec<Value> {
        self.items(table)
            .await
            .iter()
            .map(|i| plain(&json!({ "M": i })))
            .collect()
    }

    /// Creates a topic and gives its ARN.
    pub async fn create_topic(&self, name: &str) -> String {
        let xml = self
            .must_query("sns", "CreateTopic", &[("Name", name)])
            .await;
        xml_text(&xml, "TopicArn").unwrap_or_else(|| panic!("CreateTopic gave no ARN: {xml}"))
    }

    /// Creates a stack from a template (JSON or YAML) with parameters; gives its id.
    pub async fn create_stack(
        &self,
        name: &str,
        template: &str,
        parameters: &[(&str, &str)],
    ) -> String {
        self.stack("CreateStack", name, template, parameters).await
    }

    /// Updates a stack; gives its id.
    pub async fn update_stack(
        &self,
        name: &str,
        template: &str,
        parameters: &[(&str, &str)],
    ) -> String {
        self.stack("UpdateStack", name, template, parameters).await
    }

    async fn stack(
        &self,
        action: &str,
        name: &str,
        template: &str,
        parameters: &[(&str, &str)],
    ) -> String {
        let mut owned = vec![
            ("StackName".to_owned(), name.to_owned()),
            ("TemplateBody".to_owned(), template.to_owned()),
        ];
        for (n, (key, value)) in parameters.iter().enumerate() {
            owned.push((
                format!("Parameters.member.{}.ParameterKey", n + 1),
                (*key).to_owned(),
            ));
            owned.push((
                format!("Parameters.member.{}.ParameterValue", n + 1),
                (*value).to_owned(),
            ));
        }
        let params: Vec<(&str, &str)> = owned
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        let xml = self.must_query("cloudformation", action, &params).await;
        xml_text(&xml, "StackId").unwrap_or_else(|| panic!("{action} gave no stack id: {xml}"))
    }
}

/// A small template: a parameter store entry that holds the release, and outputs as the predecessor's stack has them.
pub fn small_stack(outputs: &[(&str, &str)]) -> String {
    let outputs: Map<String, Value> = outputs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), json!({ "Value": v })))
        .collect();
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": { "Release": { "Type": "String", "Default": "none" } },
        "Resources": { "Current": { "Type": "AWS::SSM::Parameter", "Properties": { "Name": { "Fn::Sub": "/${AWS::StackName}/release" }, "Type": "String", "Value": { "Ref": "Release" } } } },
        "Outputs": outputs,
    })
    .to_string()
}

fn must(what: &str, reply: std::io::Result<Reply>) -> Reply {
    let reply = reply.unwrap_or_else(|e| panic!("{what} got no answer from AWS's stand-in: {e}"));
    assert!(
        (200..300).contains(&reply.status),
        "{what} failed with {}: {}",
        reply.status,
        reply.body_text()
    );
    reply
}

/// DynamoDB's typed JSON as plain JSON.
pub fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|o| o.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "N" => inner
            .as_str()
            .and_then(|n| serde_json::from_str(n).ok())
            .unwrap_or(Value::Null),
        "M" => inner
            .as_object()
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.clone(), plain(v)))
            .collect::<Map<_, _>>()
            .into(),
        "L" => inner.as_array().into_iter().flatten().map(plain).collect(),
        "NULL" => Value::Null,
        _ => inner.clone(),
    }
}
