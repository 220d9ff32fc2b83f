//! Stories of the command line, through the real binary: what a person reads, what a script reads, what is left behind.

mod backtest;
mod help;
mod stores;
mod usage;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use deploy_guard::core::journal::{Closing, Event, JobStatus, LiveChange};
use deploy_guard::core::lease::Holder;
use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{Decision, Status};
use deploy_guard::core::time::Timestamp;
use deploy_guard::ports::{Commit, HeadWrite, History, RecordWrite};

use crate::contract::samples::{Guard, at, id};

const BINARY: &str = env!("CARGO_BIN_EXE_deploy-guard");

/// A developer's folder, with the environment that the binary is started in.
pub struct Desk {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            env: BTreeMap::new(),
        }
    }

    pub fn with_env(env: BTreeMap<String, String>) -> Self {
        Self { env, ..Self::new() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn history_file(&self) -> PathBuf {
        deploy_guard::adapters::sqlite::default_path(self.path())
    }

    /// The configuration, where the command line looks for it.
    pub fn configure(&self, text: &str) {
        let folder = self.path().join(".github");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("deploy-guard.yml"), text).expect("a file");
    }

    /// The binary with these words, split at spaces.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(words.split_whitespace())
            .current_dir(self.path())
            .env_clear()
            .envs(&self.env)
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &str) -> Said {
        let output = self.command(words).output().expect("the binary runs");
        let folder = self.path().display().to_string();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("UTF-8");
            text.replace(&folder, "[folder]")
        };
        Said {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// As [`Desk::run`], for a world whose servers live on this runtime.
    pub async fn run_beside(&self, words: &str) -> Said {
        let mut command = self.command(words);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let _nobody_waits = sender.send(command.output());
        });
        let output = receiver.await.expect("a thread").expect("the binary runs");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Every file below the folder but the configuration.
    pub fn left_behind(&self) -> Vec<String> {
        let mut found: Vec<String> = std::fs::read_dir(self.path())
            .expect("the folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| name != ".github")
            .collect();
        found.sort();
        found
    }
}

impl Said {
    /// Everything, as a transcript.
    pub fn transcript(&self, words: &str) -> String {
        let part = |name: &str, text: &str| {
            if text.is_empty() {
                String::new()
            } else {
                format!("--- {name}\n{text}")
            }
        };
        format!(
            "$ deploy-guard {words}\n{}{}--- exit code {}\n\n",
            part("standard output", &self.out),
            part("standard error", &self.err),
            self.code
        )
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}{}", self.out, self.err))
    }
}

pub fn transcript(desk: &Desk, commands: &[&str]) -> String {
    commands.iter().map(|c| desk.run(c).transcript(c)).collect()
}

/// Far enough that no test's clock hides the records as expired.
const NEVER_S: i64 = 4_070_908_800;

fn lasting(mut commit: Commit) -> Commit {
    commit.expires_s = NEVER_S;
    match &mut commit.record {
        Some(RecordWrite::Create(record) | RecordWrite::Update { record, .. }) => {
            record.expires_s = Some(NEVER_S);
        }
        None => {}
    }
    commit
}

/// Three deployments: a good one, one whose deploy step failed, and one that holds the lock since five hours.
pub async fn seed(history: &dyn History) {
    let commit = async |commit: Commit| history.commit(&lasting(commit)).await.expect("commits");
    let mut good = Guard::new("deploy-20241212-143052-a1b2c3d4", at(0));
    let start = good.start(None);
    commit(start).await;
    let close = good.close();
    commit(close).await;

    let mut failed = Guard::new("hotfix-20241213-090000-a1b2c3d4", at(66_548));
    let start = failed.start(Some(good.fence));
    commit(start).await;
    let release = failed.release(None);
    let closing = Closing {
        status: Status::Failure,
        verdict: None,
        reason: ReasonCode::DeployFailed,
        decision: Decision::Stop,
        error: None,
        live: false,
    };
    let ended = Event::JobEnded {
        job: JobStatus::Failure,
        live: LiveChange::Unchanged,
        stacks: Vec::new(),
    };
    let mut close = failed.commit(Some(release), vec![ended, Event::Closed(closing)]);
    let mut record = failed.record(Status::Failure);
    record.kind = deploy_guard::core::record::StoredWord::Known(
        deploy_guard::core::record::DeploymentType::Hotfix,
    );
    if let Some(guard) = &mut record.guard {
        guard.rev = 2;
        guard.verdict = None;
        guard.reason_code = Some(ReasonCode::DeployFailed);
    }
    close.record = Some(RecordWrite::Update {
        record: Box::new(record),
        seen_rev: 1,
    });
    commit(close).await;

    let mut open = Guard::new("deploy-20241214-010203-a1b2c3d4", at(124_270));
    let mut start = open.start(Some(failed.fence));
    if let Some(HeadWrite::Take { holder, .. }) = &mut start.head {
        **holder = Holder {
            at: five_hours_ago(),
            run_url: Some("https://github.com/hanbit/todo/actions/runs/4/attempts/1".into()),
            ..open.holder()
        };
    }
    commit(start).await;
    assert_eq!(open.id, id("deploy-20241214-010203-a1b2c3d4"));
}

fn five_hours_ago() -> Timestamp {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    let ms = i64::try_from(now.as_millis()).expect("a time");
    Timestamp::from_millis(ms).minus(Duration::from_secs(5 * 3600 + 150))
}

/// The text without the minutes of a lock's age.
pub fn without_clock(text: &str) -> String {
    text.lines()
        .filter(|l| !l.contains("generatedAt") && !l.contains("heldSeconds"))
        .map(|l| {
            let since = ["Since ", "보유 시작 "];
            if since.iter().any(|s| l.starts_with(s)) {
                let label: String = l.chars().take_while(|c| !c.is_ascii_digit()).collect();
                format!("{label}[time]\n")
            } else {
                format!("{l}\n")
            }
        })
        .collect()
}
