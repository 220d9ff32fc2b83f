//! What GitHub knows in one world: a small commit graph, files, checks, runs, approvals, environments, deployments; it does not speak HTTP.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

/// A commit.
#[derive(Clone, Debug)]
pub struct Commit {
    pub sha: String,
    pub parents: Vec<String>,
    pub message: String,
    pub author: String,
    pub at: String,
    /// Order of making: newer is greater.
    pub order: usize,
}

/// A check run of a commit.
#[derive(Clone, Debug)]
pub struct CheckRun {
    pub name: String,
    /// `queued`, `in_progress`, `completed`.
    pub status: String,
    pub conclusion: Option<String>,
    pub app: String,
}

/// A job of one attempt.
#[derive(Clone, Debug)]
pub struct RunJob {
    pub id: u64,
    pub name: String,
    /// `queued`, `in_progress`, `completed`, …
    pub status: String,
    pub conclusion: Option<String>,
    pub runner: String,
    /// Steps with their conclusions.
    pub steps: Vec<(String, String)>,
    pub started_at: String,
    pub completed_at: Option<String>,
}

/// One attempt of a run.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub status: String,
    pub conclusion: Option<String>,
    pub triggering_actor: String,
    pub started_at: String,
    pub jobs: Vec<RunJob>,
}

/// A workflow run; `GET /actions/runs/{id}` shows its last attempt.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: u64,
    pub number: u64,
    pub workflow: String,
    pub event: String,
    pub head_branch: String,
    pub head_sha: String,
    pub actor: String,
    pub inputs: Value,
    pub attempts: Vec<Attempt>,
}

/// An environment's settings.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentRules {
    pub id: u64,
    /// Minutes; 0 for none.
    pub wait_timer: u64,
    /// Users, one of whom must approve; empty for no such rule.
    pub reviewers: Vec<String>,
    pub prevent_self_review: bool,
    pub branch_policy: bool,
}

/// One review of a run.
#[derive(Clone, Debug)]
pub struct Approval {
    pub environments: Vec<String>,
    /// `approved`, `rejected`, `pending`.
    pub state: String,
    pub user: String,
    pub comment: String,
}

/// A deployment in GitHub's own sense.
#[derive(Clone, Debug)]
pub struct HubDeployment {
    pub id: u64,
    pub sha: String,
    pub reference: String,
    pub environment: String,
    pub body: Value,
    pub at: String,
    /// Bodies of the statuses, oldest first.
    pub statuses: Vec<Value>,
}

/// A pull request that brought a commit in.
#[derive(Clone, Debug)]
pub struct Pull {
    pub number: u64,
    pub title: String,
    pub user: String,
    pub merged: bool,
    pub sha: String,
}

/// A workflow dispatch that was taken.
#[derive(Clone, Debug)]
pub struct Dispatch {
    pub workflow: String,
    pub reference: String,
    pub inputs: Value,
    pub run_id: u64,
}

/// GitHub's whole state.
#[derive(Debug)]
pub struct Hub {
    /// Where the API listens.
    pub base: String,
    pub owner: String,
    pub repo: String,
    pub default_branch: String,
    pub token: String,
    /// Refuse requests without `X-GitHub-Api-Version`, so that a client that forgets to pin one is seen.
    pub needs_version: bool,
    pub rate_limit: u64,
    pub rate_used: u64,
    pub commits: BTreeMap<String, Commit>,
    pub branches: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    /// (branch, path) to text.
    pub files: BTreeMap<(String, String), String>,
    pub check_runs: HashMap<String, Vec<CheckRun>>,
    /// Commit to (context, state).
    pub statuses: HashMap<String, Vec<(String, String)>>,
    pub runs: BTreeMap<u64, Run>,
    pub approvals: HashMap<u64, Vec<Approval>>,
    /// Run to environments that wait for a review.
    pub pending: HashMap<u64, Vec<String>>,
    pub environments: BTreeMap<String, EnvironmentRules>,
    pub deployments: Vec<HubDeployment>,
    pub pulls: HashMap<String, Vec<Pull>>,
    /// Workflow file to the inputs that it declares.
    pub workflows: BTreeMap<String, Vec<String>>,
    pub dispatches: Vec<Dispatch>,
    next_id: u64,
}

/// Now, as GitHub writes it.
pub fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

impl Hub {
    /// An empty repository with one first commit on its default branch.
    pub fn new(owner: &str, repo: &str, token: &str) -> Self {
        let mut hub = Self {
            base: String::new(),
            owner: owner.to_owned(),
            repo: repo.to_owned(),
            default_branch: "main".to_owned(),
            token: token.to_owned(),
            needs_version: true,
            rate_limit: 1000,
            rate_used: 0,
            commits: BTreeMap::new(),
            branches: BTreeMap::new(),
            tags: BTreeMap::new(),
            files: BTreeMap::new(),
            check_runs: HashMap::new(),
            statuses: HashMap::new(),
            runs: BTreeMap::new(),
            approvals: HashMap::new(),
            pending: HashMap::new(),
            environments: BTreeMap::new(),
            deployments: Vec::new(),
            pulls: HashMap::new(),
            workflows: BTreeMap::new(),
            dispatches: Vec::new(),
            next_id: 1000,
        };
        hub.commit("first commit");
        hub
    }

    /// A new number, unique in this world.
    pub fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Adds a commit to the default branch; gives its SHA (the same in every run of a test).
    pub fn commit(&mut self, message: &str) -> String {
        self.commit_on(&self.default_branch.clone(), message)
    }

    /// Adds a commit to a branch; a new branch starts at the default branch's head.
    pub fn commit_on(&mut self, branch: &str, message: &str) -> String {
        let parent = self
            .branches
            .get(branch)
            .or_else(|| self.branches.get(&self.default_branch))
            .cloned();
        let order = self.commits.len() + 1;
        let sha = sha_of(&format!("{order} {message}"));
        let parents = parent.into_iter().collect();
        let commit = Commit {
            sha: sha.clone(),
            parents,
            message: message.to_owned(),
            author: "dev".to_owned(),
            at: now(),
            order,
        };
        self.commits.insert(sha.clone(), commit);
        self.branches.insert(branch.to_owned(), sha.clone());
        sha
    }

    /// Merges a branch into the default branch; gives the merge commit's SHA.
    pub fn merge(&mut self, branch: &str) -> String {
        let other = self
            .branches
            .get(branch)
            .unwrap_or_else(|| panic!("no branch {branch} in this world"))
            .clone();
        let sha = self.commit(&format!("Merge {branch}"));
        if let Some(commit) = self.commits.get_mut(&sha) {
            commit.parents.push(other);
        }
        sha
    }

    /// The head of the default branch.
    pub fn head(&self) -> String {
        self.branches
            .get(&self.default_branch)
            .cloned()
            .unwrap_or_default()
    }

    /// Puts a file at the default branch's head.
    pub fn put_file(&mut self, path: &str, text: &str) {
        self.files.insert(
            (self.default_branch.clone(), path.to_owned()),
            text.to_owned(),
        );
    }

    /// Puts a file at another branch's head.
    pub fn put_file_on(&mut self, branch: &str, path: &str, text: &str) {
        self.files
            .insert((branch.to_owned(), path.to_owned()), text.to_owned());
    }

    /// Adds or replaces a check run; conclusion `None` means still running.
    pub fn check_run(&mut self, sha: &str, name: &str, conclusion: Option<&str>) {
        let runs = self.check_runs.entry(sha.to_owned()).or_default();
        runs.retain(|r| r.name != name);
        let status = if conclusion.is_some() {
            "completed"
        } else {
            "in_progress"
        };
        runs.push(CheckRun {
            name: name.to_owned(),
            status: status.to_owned(),
            conclusion: conclusion.map(str::to_owned),
            app: "github-actions".to_owned(),
        });
    }

    /// Adds or replaces a commit status: `success`, `failure`, `pending`, `error`.
    pub fn status(&mut self, sha: &str, context: &str, state: &str) {
        let statuses = self.statuses.entry(sha.to_owned()).or_default();
        statuses.retain(|(c, _)| c != context);
        statuses.push((context.to_owned(), state.to_owned()));
    }

    /// Notes that a user approved a run's environment.
    pub fn approve(&mut self, run_id: u64, environment: &str, user: &str) {
        self.approvals.entry(run_id).or_default().push(Approval {
            environments: vec![environment.to_owned()],
            state: "approved".to_owned(),
            user: user.to_owned(),
            comment: "ok".to_owned(),
        });
    }

    /// Makes an environment, with required reviewers if any are named.
    pub fn environment(&mut self, name: &str, reviewers: &[&str]) {
        let id = self.id();
        let reviewers = reviewers.iter().map(|r| (*r).to_owned()).collect();
        self.environments.insert(
            name.to_owned(),
            EnvironmentRules {
                id,
                reviewers,
                ..EnvironmentRules::default()
            },
        );
    }

    /// The commit that a branch, tag, full or short SHA means.
    pub fn resolve(&self, reference: &str) -> Option<&Commit> {
        let name = reference.strip_prefix("refs/").unwrap_or(reference);
        let name = name
            .strip_prefix("heads/")
            .or_else(|| name.strip_prefix("tags/"))
            .unwrap_or(name);
        let named = self
            .branches
            .get(name)
            .or_else(|| self.tags.get(name))
            .and_then(|sha| self.commits.get(sha));
        let short = || {
            self.commits
                .values()
                .find(|c| name.len() >= 7 && c.sha.starts_with(&name.to_ascii_lowercase()))
        };
        named.or_else(short)
    }

    /// A commit and everything before it.
    pub fn history(&self, sha: &str) -> BTreeSet<&str> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![sha]);
        while let Some(commit) = open.pop().and_then(|s| self.commits.get(s)) {
            if seen.insert(commit.sha.as_str()) {
                open.extend(commit.parents.iter().map(String::as_str));
            }
        }
        seen
    }
}

/// 40 hex digits that depend on the text alone (FNV-1a, five times over).
pub fn sha_of(text: &str) -> String {
    (0u8..5)
        .map(|salt| {
            let hash = text
                .bytes()
                .chain([salt])
                .fold(0xcbf2_9ce4_8422_2325u64, |h, b| {
                    (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
                });
            format!("{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
        })
        .collect()
}
