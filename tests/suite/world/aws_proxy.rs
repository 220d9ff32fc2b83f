//! The proxy before moto, one for each world: it names the world's account, lets faults strike, and mends what moto gets wrong; the mending of each service stands in a file of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;

use super::aws_cloudformation::{self, Stacks};
use super::aws_dynamodb::{self, Dynamo};
use super::aws_identity::{self, Identity};
use super::aws_lambda::{self, Aliases};
use super::aws_words;
use super::calls::{Calls, Seen};
use super::cloudwatch::CloudWatch;
use super::faults::{Faults, Wire};
use super::http::{self, Reply, Req, Server, close_without_answer, form, lock};
use super::logs::Insights;
use super::moto;
use super::oidc::IssuedTokens;

/// One message that was published to SNS with success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    pub topic_arn: String,
    pub subject: Option<String>,
    pub message: String,
    /// `json` when the message holds one text for each protocol.
    pub message_structure: Option<String>,
    pub group_id: Option<String>,
    pub deduplication_id: Option<String>,
    pub message_id: String,
}

/// What the requests of one world share.
pub struct Shared {
    pub moto: SocketAddr,
    pub account: String,
    pub dynamo: Dynamo,
    pub identity: Identity,
    pub stacks: Stacks,
    pub aliases: Aliases,
    pub cloudwatch: CloudWatch,
    pub insights: Insights,
    published: Mutex<Vec<Published>>,
    wire: Wire,
}

/// The AWS of one world.
pub struct AwsProxy {
    server: Server,
    shared: Arc<Shared>,
}

impl AwsProxy {
    /// Starts a proxy with an AWS account of its own.
    pub fn start(calls: &Calls, faults: &Faults, tokens: &IssuedTokens) -> Self {
        let mut digits = [0u8; 12];
        getrandom::fill(&mut digits).expect("the operating system gives random bytes");
        let account = digits.iter().map(|d| char::from(b'1' + d % 9)).collect();
        let shared = Arc::new(Shared {
            moto: moto::addr(),
            account,
            dynamo: Dynamo::default(),
            identity: Identity::new(tokens.clone()),
            stacks: Stacks::default(),
            aliases: Aliases::default(),
            cloudwatch: CloudWatch::default(),
            insights: Insights::default(),
            published: Mutex::default(),
            wire: Wire::new(calls, faults, aws_words::dialect),
        });
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared));
        Self {
            server: Server::start("aws", router),
            shared,
        }
    }

    /// The server, to take it down and up.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The account of this world, twelve digits.
    pub fn account(&self) -> &str {
        &self.shared.account
    }

    /// Switches of STS.
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Switches of CloudFormation.
    pub fn stacks(&self) -> &Stacks {
        &self.shared.stacks
    }

    /// Switches of DynamoDB.
    pub fn dynamo(&self) -> &Dynamo {
        &self.shared.dynamo
    }

    /// Switches of CloudWatch's metrics.
    pub fn cloudwatch(&self) -> &CloudWatch {
        &self.shared.cloudwatch
    }

    /// Switches of Logs Insights.
    pub fn insights(&self) -> &Insights {
        &self.shared.insights
    }

    /// All messages published with success, oldest first.
    pub fn published(&self) -> Vec<Published> {
        lock(&self.shared.published).clone()
    }

    /// Moto itself, without log, faults and mending: for setting the scene.
    pub fn moto(&self) -> SocketAddr {
        self.shared.moto
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(req) = Req::read(request).await else {
        return close_without_answer();
    };
    let seen = aws_words::name(&req);
    let wire = shared.wire.clone();
    let known = seen.clone();
    // A task of its own: a caller that gives up does not stop the work that it had ordered.
    let work = async move {
        match tokio::spawn(async move { route(shared, req, known).await }).await {
            Ok(reply) => reply,
            Err(e) => Reply::text(500, &format!("the AWS proxy of the test world failed: {e}")),
        }
    };
    wire.answer(seen, work).await
}

async fn route(shared: Arc<Shared>, req: Req, seen: Seen) -> Reply {
    if let Some(refused) = shared.identity.refuses(&seen) {
        return refused;
    }
    match seen.service.as_str() {
        "DynamoDB" => aws_dynamodb::answer(&shared, &req, &seen).await,
        "STS" => aws_identity::answer(&shared, &req, &seen).await,
        "SNS" => publish(&shared, &req, &seen).await,
        "CloudFormation" => aws_cloudformation::answer(&shared, &req, &seen).await,
        "Lambda" => aws_lambda::answer(&shared, &req, &seen).await,
        "CloudWatch" => match shared.cloudwatch.answer(&req, &seen) {
            Some(reply) => reply,
            None => shared.forward(&req).await,
        },
        "Logs" => match shared.insights.answer(&req, &seen) {
            Some(reply) => reply,
            None => shared.forward(&req).await,
        },
        _ => shared.forward(&req).await,
    }
}

impl Shared {
    /// Passes a request on to moto in the name of the world's account.
    pub async fn forward(&self, req: &Req) -> Reply {
        self.forward_with(req, &req.target, &req.body).await
    }

    /// Passes a request on with another target or body.
    pub async fn forward_with(&self, req: &Req, target: &str, body: &[u8]) -> Reply {
        const OURS: [&str; 4] = [
            "connection",
            "content-length",
            "transfer-encoding",
            "x-moto-account-id",
        ];
        let mut headers: Vec<(String, String)> = req
            .headers
            .iter()
            .filter(|(k, _)| !OURS.contains(&k.as_str()))
            .filter_map(|(k, v)| Some((k.to_string(), v.to_str().ok()?.to_owned())))
            .collect();
        headers.push(("x-moto-account-id".into(), self.account.clone()));
        match http::send(self.moto, &req.method, target, &headers, body).await {
            Ok(mut reply) => {
                const THEIRS: [&str; 5] = [
                    "connection",
                    "content-length",
                    "transfer-encoding",
                    "server",
                    "date",
                ];
                reply.headers.retain(|(k, _)| !THEIRS.contains(&k.as_str()));
                reply
            }
            Err(e) => Reply::text(500, &format!("moto did not answer: {e}")),
        }
    }
}

async fn publish(shared: &Shared, req: &Req, seen: &Seen) -> Reply {
    let reply = shared.forward(req).await;
    if seen.operation == "Publish" && reply.status == 200 {
        let fields = form(&req.text());
        let get = |name: &str| {
            fields
                .iter()
                .find(|(k, _)| k == name)
                .map(|(_, v)| v.clone())
        };
        lock(&shared.published).push(Published {
            topic_arn: get("TopicArn")
                .or_else(|| get("TargetArn"))
                .unwrap_or_default(),
            subject: get("Subject"),
            message: get("Message").unwrap_or_default(),
            message_structure: get("MessageStructure"),
            group_id: get("MessageGroupId"),
            deduplication_id: get("MessageDeduplicationId"),
            message_id: aws_words::xml_text(&reply.body_text(), "MessageId").unwrap_or_default(),
        });
    }
    reply
}
