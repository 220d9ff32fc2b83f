//! Bringing the last good version back: strategies and their steps; knows no provider.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::core::deployment::Deployment;
use crate::core::id::DeploymentId;
use crate::core::lease::Live;
use crate::core::observation::Why;
use crate::core::record::words;
use crate::core::state::{LATEST, SavedState};

words! {
    /// Ways to bring a version back, tried in the configured order.
    Strategy {
        /// Aliases back to the saved versions.
        LambdaAlias = "lambda_alias",
        /// The saved template and parameters applied again.
        Cloudformation = "cloudformation",
        /// The deploy workflow dispatched with `deployment_type: rollback`.
        Workflow = "workflow",
        /// The same job deploys the last good commit again.
        Redeploy = "redeploy",
    }
}

impl Strategy {
    /// True where the team's own tool deploys the version again: it would remove the same stored data, and nobody
    /// looks at what it does first.
    #[must_use]
    pub fn deploys(self) -> bool {
        matches!(self, Self::Workflow | Self::Redeploy)
    }
}

/// The `rollback` part of an environment's configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackSettings {
    /// Without a person.
    pub automatic: bool,
    /// In this order.
    pub strategies: Vec<Strategy>,
    /// For the `workflow` strategy.
    pub workflow: Option<WorkflowTarget>,
    /// Watch window after a restore.
    pub verify: std::time::Duration,
}

/// The workflow that a rollback dispatches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowTarget {
    /// File name in `.github/workflows`.
    pub file: String,
    /// Branch or tag.
    pub git_ref: String,
    /// How long its run may take.
    pub timeout: std::time::Duration,
}

/// Idempotency key of one step: `{deployment}-{step}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(String);

impl StepKey {
    /// Made from the deployment and the step's name.
    #[must_use]
    pub fn new(deployment: &DeploymentId, step: &str) -> Self {
        Self(format!("{deployment}-{step}"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Its key.
    pub key: StepKey,
    /// By which strategy.
    pub strategy: Strategy,
    /// What it does, for people: alias `live` of function X to version 7.
    pub what: String,
}

/// An ordered plan that leaves nothing to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePlan {
    /// The deployment whose version is brought back.
    pub target: DeploymentId,
    /// In order; strategy after strategy.
    pub steps: Vec<PlannedStep>,
    /// The saved state that they bring back, where they need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Configured strategies that do not apply, a sentence each; may hold words from outside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
}

/// Why a strategy has no plan.
#[derive(Debug, Clone, PartialEq)]
pub enum NoPlan {
    /// It does not apply here.
    NotApplicable(Obstacle),
    /// It would remove or replace stored data.
    WouldDestroyData(Vec<Loss>),
    /// It could not be found out.
    Unknown(Why),
}

/// Why a strategy does not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Nothing was saved of the version that is to come back.
    NoSavedState,
    /// No function is known.
    NoFunctions,
    /// Functions without an alias have one version only.
    NoAliases,
    /// Every alias points already where it was saved.
    AliasesAsSaved,
    /// An alias points to `$LATEST`, whose older content is nowhere.
    Unversioned {
        /// Function.
        function: String,
        /// Alias.
        alias: String,
    },
    /// An alias that was saved is there no more.
    AliasGone {
        /// Function.
        function: String,
        /// Alias.
        alias: String,
    },
    /// No stack was saved.
    NoStacks,
    /// Every stack stands as it was saved.
    StacksAsSaved,
    /// A stack that was saved is there no more.
    StackGone {
        /// Its name.
        stack: String,
    },
    /// CloudFormation takes no update of it now.
    StackBlocked {
        /// Its name.
        stack: String,
        /// CloudFormation's word.
        status: String,
    },
    /// Larger than CloudFormation takes without a bucket.
    TemplateTooLarge {
        /// Stack.
        stack: String,
        /// Bytes of its template.
        bytes: usize,
    },
    /// Nobody here can do it.
    NotAvailable,
    /// No workflow is configured that could be dispatched.
    NoWorkflow,
    /// Dispatching a workflow needs a token of GitHub.
    NoToken,
    /// The repository has no such workflow on that branch.
    WorkflowMissing {
        /// Its file.
        file: String,
    },
    /// The workflow does not declare what a rollback needs.
    WorkflowInputs {
        /// Its file.
        file: String,
        /// The missing inputs.
        missing: String,
    },
    /// An input of the workflow does not offer what this rollback is for.
    WorkflowOptions {
        /// Its file.
        file: String,
        /// The input.
        input: String,
        /// What it would have to offer.
        wanted: String,
    },
    /// The workflow requires inputs that nobody here knows.
    WorkflowNeeds {
        /// Its file.
        file: String,
        /// The inputs.
        needs: String,
    },
    /// A dispatched run would wait for a reviewer.
    ReviewersRequired {
        /// GitHub's name of the environment.
        environment: String,
    },
    /// The job does it, not this container.
    InTheJob,
    /// Only a verify step of the same job can ask its deploy step for it.
    NeedsVerify,
    /// The commit to go back to is the one that the job has just deployed.
    SameCommit,
    /// Another strategy would lose stored data, and deploying the version again loses the same.
    LosesTheSame,
}

/// A stored thing that a restore would remove or replace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// Stack.
    pub stack: String,
    /// Logical id.
    pub resource: String,
    /// Type, such as `AWS::DynamoDB::Table`.
    pub kind: String,
    /// Replaced by an empty one, else removed.
    pub replaced: bool,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.replaced { '±' } else { '−' };
        write!(
            f,
            "{sign} {} ({}) / {}",
            self.resource, self.kind, self.stack
        )
    }
}

/// Types whose removal or replacement loses what users stored in them.
const STATEFUL: [&str; 66] = [
    "AWS::AmazonMQ::Broker",
    "AWS::Backup::BackupVault",
    "AWS::Cassandra::Table",
    // What it holds cannot be seen from outside.
    "AWS::CloudFormation::Stack",
    "AWS::CodeArtifact::Repository",
    "AWS::CodeCommit::Repository",
    "AWS::Cognito::IdentityPool",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolUser",
    "AWS::DAX::Cluster",
    "AWS::DSQL::Cluster",
    "AWS::DocDB::DBCluster",
    "AWS::DocDB::DBInstance",
    "AWS::DocDBElastic::Cluster",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::EC2::Instance",
    "AWS::EC2::Volume",
    "AWS::ECR::PublicRepository",
    "AWS::ECR::Repository",
    "AWS::EFS::FileSystem",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::Elasticsearch::Domain",
    "AWS::FSx::FileSystem",
    "AWS::FSx::Volume",
    "AWS::HealthLake::FHIRDatastore",
    "AWS::KMS::Key",
    "AWS::KMS::ReplicaKey",
    "AWS::Kendra::Index",
    "AWS::Kinesis::Stream",
    "AWS::Lightsail::Bucket",
    "AWS::Lightsail::Database",
    "AWS::Lightsail::Disk",
    "AWS::Lightsail::Instance",
    "AWS::Logs::LogGroup",
    "AWS::MSK::Cluster",
    "AWS::MSK::ServerlessCluster",
    "AWS::MemoryDB::Cluster",
    "AWS::Neptune::DBCluster",
    "AWS::Neptune::DBInstance",
    "AWS::NeptuneGraph::Graph",
    "AWS::OpenSearchServerless::Collection",
    "AWS::OpenSearchService::Domain",
    "AWS::QLDB::Ledger",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::RDS::GlobalCluster",
    "AWS::Redshift::Cluster",
    "AWS::RedshiftServerless::Namespace",
    "AWS::Route53::HostedZone",
    "AWS::S3::Bucket",
    "AWS::S3Express::DirectoryBucket",
    "AWS::S3Tables::Table",
    "AWS::S3Tables::TableBucket",
    "AWS::S3Vectors::Index",
    "AWS::S3Vectors::VectorBucket",
    "AWS::SDB::Domain",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::Serverless::SimpleTable",
    "AWS::Timestream::Database",
    "AWS::Timestream::InfluxDBInstance",
    "AWS::Timestream::Table",
    // CDK's: when it is removed it empties its bucket.
    "Custom::S3AutoDeleteObjects",
];

/// True for a resource that holds what users stored.
#[must_use]
pub fn is_stateful(kind: &str) -> bool {
    STATEFUL.contains(&kind)
}

/// Stateful resources that stand in the one template and not, or as another type, in the one to come: logical id
/// and type each.
#[must_use]
pub fn losses(stack: &str, now: &[(String, String)], then: &[(String, String)]) -> Vec<Loss> {
    let after = |id: &str| then.iter().find(|(i, _)| i == id).map(|(_, kind)| kind);
    now.iter()
        .filter(|(id, kind)| is_stateful(kind) && after(id) != Some(kind))
        .map(|(id, kind)| Loss {
            stack: stack.to_owned(),
            resource: id.clone(),
            kind: kind.clone(),
            replaced: after(id).is_some(),
        })
        .collect()
}

/// One alias that has to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasMove {
    /// Function.
    pub function: String,
    /// Alias.
    pub alias: String,
    /// Where it points.
    pub from: String,
    /// Where it shall point.
    pub to: String,
}

/// The moves that bring every saved alias back; `now`: the aliases of the saved functions as they are.
pub fn alias_moves(saved: &SavedState, now: &SavedState) -> Result<Vec<AliasMove>, Obstacle> {
    if saved.functions.is_empty() {
        return Err(Obstacle::NoFunctions);
    }
    if saved.functions.iter().all(|f| f.aliases.is_empty()) {
        return Err(Obstacle::NoAliases);
    }
    let mut moves = Vec::new();
    for function in &saved.functions {
        for then in &function.aliases {
            let named = || (function.name.clone(), then.name.clone());
            let Some(now) = now.alias(&function.name, &then.name) else {
                let (function, alias) = named();
                return Err(Obstacle::AliasGone { function, alias });
            };
            let (function, alias) = named();
            if now.version == then.version && now.weights.is_empty() {
                if then.version == LATEST {
                    return Err(Obstacle::Unversioned { function, alias });
                }
                continue;
            }
            if then.version == LATEST {
                return Err(Obstacle::Unversioned { function, alias });
            }
            moves.push(AliasMove {
                function,
                alias,
                from: now.version.clone(),
                to: then.version.clone(),
            });
        }
    }
    if moves.is_empty() {
        return Err(Obstacle::AliasesAsSaved);
    }
    Ok(moves)
}

/// What can be said before a deployment about moving the aliases of `saved` back.
pub fn foresee_aliases(saved: &SavedState) -> Result<(), Obstacle> {
    if saved.functions.is_empty() {
        return Err(Obstacle::NoFunctions);
    }
    let mut all = saved
        .functions
        .iter()
        .flat_map(|f| f.aliases.iter().map(move |a| (f, a)));
    if saved.functions.iter().all(|f| f.aliases.is_empty()) {
        return Err(Obstacle::NoAliases);
    }
    all.find(|(_, a)| a.version == LATEST)
        .map_or(Ok(()), |(f, a)| {
            Err(Obstacle::Unversioned {
                function: f.name.clone(),
                alias: a.name.clone(),
            })
        })
}

/// The moves for people, in one line: what is alike stands together.
#[must_use]
pub fn moves_line(moves: &[AliasMove]) -> String {
    const SHOWN: usize = 6;
    let one = |m: &AliasMove| format!("{}:{} {} → {}", m.function, m.alias, m.from, m.to);
    let mut line: Vec<String> = moves.iter().take(SHOWN).map(one).collect();
    if moves.len() > SHOWN {
        line.push(format!("+{}", moves.len() - SHOWN));
    }
    line.join(", ")
}

/// Names of the saved states that bring `target` back, the newest first. What served unharmed just before this
/// deployment is newer than what was saved when it was judged.
#[must_use]
pub fn states_of(deployment: &Deployment, target: &Live) -> Vec<String> {
    let start = &deployment.start;
    let was_live = start
        .previous
        .as_ref()
        .is_some_and(|p| p.deployment == target.deployment && !p.unwell);
    let fresh = deployment
        .saved_before
        .clone()
        .filter(|_| was_live && start.failing_before.is_empty());
    let mut states: Vec<String> = fresh.into_iter().chain(target.state_id.clone()).collect();
    states.dedup();
    states
}
