//! Records, commits and notices to write; knows no store.

use std::collections::BTreeMap;
use std::time::Duration;

use deploy_guard::core::alert::{AlertEvent, Channel, Facts, Notice, NoticeState};
use deploy_guard::core::id::{
    CommitKey, CommitSha, DeploymentId, EnvironmentName, Fence, ServiceName, SessionId, Token,
};
use deploy_guard::core::journal::{
    Closing, Entry, Event, JobStatus, Judgement, LiveChange, RunRef, Start,
};
use deploy_guard::core::lease::{Head, HeadMode, Holder, Live};
use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{
    Decision, DeploymentType, GuardFields, Record, Status, StoredWord, Verdict,
};
use deploy_guard::core::stats::Delta;
use deploy_guard::core::time::{Day, Timestamp};
use deploy_guard::ports::{Commit, HeadWrite, History, ListQuery, Pointers, RecordWrite};

pub const DAY_S: i64 = 86_400;

pub fn env() -> EnvironmentName {
    EnvironmentName::new("prod").expect("valid")
}

pub fn service(name: &str) -> ServiceName {
    ServiceName::new(name).expect("valid")
}

pub fn todo() -> ServiceName {
    service("todo")
}

/// Seconds after 2024-12-12T14:30:52.123Z.
pub fn at(seconds: i64) -> Timestamp {
    let base = Timestamp::parse("2024-12-12T14:30:52.123Z").expect("valid");
    Timestamp::from_millis(base.millis() + seconds * 1000)
}

pub fn day() -> Day {
    at(0).day()
}

fn digits() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("random bytes");
    deploy_guard::core::id::hex(bytes)
}

pub fn key() -> CommitKey {
    CommitKey::new(digits()).expect("valid")
}

pub fn session() -> SessionId {
    SessionId::new(digits()).expect("valid")
}

pub fn id(text: &str) -> DeploymentId {
    DeploymentId::new(text).expect("valid")
}

/// One deployment's run: who it is and how far it has got.
#[derive(Debug, Clone)]
pub struct Guard {
    pub id: DeploymentId,
    pub at: Timestamp,
    pub service: ServiceName,
    pub session: SessionId,
    pub token: Token,
    pub fence: Fence,
    pub n: u32,
    pub rev: u64,
}

impl Guard {
    pub fn new(name: &str, at: Timestamp) -> Self {
        Self {
            id: id(name),
            at,
            service: todo(),
            session: session(),
            token: Token::new(digits()).expect("valid"),
            fence: Fence(0),
            n: 0,
            rev: 0,
        }
    }

    pub fn holder(&self) -> Holder {
        Holder {
            token: self.token.clone(),
            deployment: self.id.clone(),
            at: self.at,
            repo: Some("hanbit/todo".into()),
            run: Some(u64::MAX / 2),
            attempt: Some(1),
            job_id: Some(7),
            job: Some("배포 deploy".into()),
            hosted: true,
            actor: Some("dev".into()),
            run_url: None,
        }
    }

    pub fn live(&self) -> Live {
        Live {
            deployment: self.id.clone(),
            at: self.at,
            git_ref: Some(sha()),
            state_id: None,
            bake_until: Some(at(900)),
            irreversible: false,
            unwell: false,
        }
    }

    pub fn record(&self, status: Status) -> Record {
        let ended = status.is_final();
        Record {
            id: self.id.clone(),
            at: self.at,
            environment: env(),
            status: StoredWord::Known(status),
            kind: StoredWord::Known(DeploymentType::Deploy),
            version: Some("v1.2".into()),
            commit: Some(sha().as_str().into()),
            deployed_by: Some("개발자 \"dev\"".into()),
            duration_s: ended.then_some(75),
            changes: vec!["할 일 목록을 고침 🚀".into(), "fix: \\ \" ' \n".into()],
            error: (status == Status::Failure).then(|| "무엇이 틀렸다".into()),
            rollback_target: None,
            details: r#"{"run":{"id":12345678901234567},"말":["a",null,1.5,true]}"#.into(),
            expires_s: Some(self.expires_s()),
            guard: Some(GuardFields {
                service: self.service.clone(),
                phase: if ended { "closed" } else { "deploying" }.into(),
                rev: self.rev,
                verdict: ended.then_some(Verdict::Healthy),
                reason_code: ended.then_some(ReasonCode::Healthy),
                git_ref: Some(sha()),
                previous_ref: None,
                previous_deployment: None,
                state_id: None,
                irreversible: false,
                run_url: Some("https://github.com/hanbit/todo/actions/runs/1".into()),
                duration_ms: ended.then_some(75_250),
            }),
        }
    }

    pub fn expires_s(&self) -> i64 {
        self.at.seconds() + 90 * DAY_S
    }

    /// A commit of the next entry with these events.
    pub fn commit(&mut self, head: Option<HeadWrite>, events: Vec<Event>) -> Commit {
        self.n += 1;
        let key = key();
        Commit {
            key: key.clone(),
            environment: env(),
            service: self.service.clone(),
            deployment: self.id.clone(),
            head,
            record: None,
            entry: Some(Entry {
                n: self.n,
                at: self.at.plus(Duration::from_secs(u64::from(self.n))),
                session: self.session.clone(),
                commit: key,
                events,
            }),
            totals: BTreeMap::new(),
            notices: Vec::new(),
            evidence: None,
            undo: None,
            expires_s: self.expires_s(),
        }
    }

    pub fn take(&self, seen: Option<Fence>) -> HeadWrite {
        HeadWrite::Take {
            seen,
            session: self.session.clone(),
            holder: Box::new(self.holder()),
            mode: HeadMode::Deploying,
            lease_until: at(120),
        }
    }

    /// The start: lock, record, first entry.
    pub fn start(&mut self, seen: Option<Fence>) -> Commit {
        let take = self.take(seen);
        self.fence = seen.unwrap_or(Fence(0)).next();
        let events = vec![Event::Started(Box::new(self.start_event())), Event::Allowed];
        let mut commit = self.commit(Some(take), events);
        self.rev = 1;
        commit.record = Some(RecordWrite::Create(Box::new(
            self.record(Status::InProgress),
        )));
        commit
    }

    pub fn start_event(&self) -> Start {
        Start {
            id: self.id.clone(),
            at: self.at,
            environment: env(),
            service: self.service.clone(),
            kind: DeploymentType::Deploy,
            git_ref: Some(sha()),
            previous: None,
            good: None,
            actor: Some("개발자".into()),
            note: None,
            run: RunRef::default(),
            force: false,
            irreversible: false,
            target: None,
            undoes: None,
            stacks: Vec::new(),
            failing_before: Vec::new(),
            versions_before: Vec::new(),
            alarms_before: Vec::new(),
            locked: true,
            unguarded: false,
            heir_of: None,
            automatic: false,
            changes: vec!["첫 줄".into()],
            changes_left_out: 0,
        }
    }

    pub fn adopt(&self, by: &Self) -> HeadWrite {
        HeadWrite::Adopt {
            token: self.token.clone(),
            seen: self.fence,
            session: by.session.clone(),
            holder: Box::new(by.holder()),
            mode: HeadMode::Watching,
            lease_until: at(240),
        }
    }

    pub fn keep(&self, mode: HeadMode) -> HeadWrite {
        HeadWrite::Keep {
            fence: self.fence,
            session: self.session.clone(),
            mode,
            lease_until: at(300),
            heir: None,
        }
    }

    pub fn release(&self, pointers: Option<Pointers>) -> HeadWrite {
        HeadWrite::Release {
            fence: self.fence,
            session: self.session.clone(),
            pointers: pointers.map(Box::new),
            totals_since: day(),
        }
    }

    /// The events from the job's end to a healthy close.
    pub fn healthy_end() -> Vec<Event> {
        let judgement = Judgement {
            verdict: Verdict::Healthy,
            reason: ReasonCode::Healthy,
            decision: Decision::Continue,
            findings: Vec::new(),
        };
        vec![
            Event::JobEnded {
                job: JobStatus::Success,
                live: LiveChange::Changed,
                stacks: Vec::new(),
            },
            Event::WatchStarted {
                since: at(60),
                until: at(360),
                one_look: false,
            },
            Event::Judged(judgement),
            Event::Closed(Closing {
                status: Status::Success,
                verdict: Some(Verdict::Healthy),
                reason: ReasonCode::Healthy,
                decision: Decision::Continue,
                error: None,
                live: true,
            }),
        ]
    }

    /// The close as a success: lock free, pointers moved, totals counted.
    pub fn close(&mut self) -> Commit {
        let pointers = Pointers {
            live: Some(self.live()),
            previous: None,
            good_state: None,
            good: vec![self.live()],
        };
        let release = self.release(Some(pointers));
        let mut commit = self.commit(Some(release), Self::healthy_end());
        self.rev += 1;
        commit.record = Some(RecordWrite::Update {
            record: Box::new(self.record(Status::Success)),
            seen_rev: self.rev - 1,
        });
        let delta = Delta::of(
            Status::Success,
            DeploymentType::Deploy,
            ReasonCode::Healthy,
            75,
        );
        commit
            .totals
            .insert((self.service.clone(), self.at.day()), delta);
        commit
    }

    /// A notice ordered by the last entry.
    pub fn notice(&self, index: u32, state: NoticeState) -> Notice {
        Notice {
            deployment: self.id.clone(),
            environment: env(),
            n: self.n,
            index,
            channel: Channel::Slack,
            mention: Some("<!channel>".into()),
            state,
            claimed_by: (state == NoticeState::Sending).then(|| self.session.clone()),
            claimed_until: at(60),
            give_up_at: at(DAY_S),
            repeated: false,
            facts: self.facts(),
        }
    }

    pub fn facts(&self) -> Facts {
        Facts {
            event: AlertEvent::Succeeded,
            deployment: self.id.clone(),
            kind: DeploymentType::Deploy,
            environment: env(),
            service: self.service.clone(),
            git_ref: Some(sha()),
            actor: Some("개발자".into()),
            run_url: None,
            at: at(10),
            started: self.at,
            verdict: Some(Verdict::Healthy),
            reason: ReasonCode::Healthy,
            decision: None,
            note: None,
            findings: Vec::new(),
            previous: None,
            detail: None,
            took_ms: 10_000,
            changes: vec!["a1b2c3d4 첫 줄".into()],
            changes_left_out: 2,
            overridden: vec![deploy_guard::core::policy::CheckName::Freeze],
            skipped: vec![],
            compare_url: Some("https://github.com/o/r/compare/a...b".into()),
            stacks: Vec::new(),
        }
    }
}

pub fn sha() -> CommitSha {
    CommitSha::new("a1b2c3d4e5f60718293a4b5c6d7e8f9001122334").expect("valid")
}

/// Lists everything, from the beginning.
pub fn query() -> ListQuery {
    ListQuery {
        environment: env(),
        status: None,
        kind: None,
        service: None,
        from: None,
        to: None,
        limit: 50,
        cursor: None,
        now: at(0),
    }
}

pub async fn head(history: &dyn History, service: &ServiceName) -> Option<Head> {
    let heads = history
        .heads(&env())
        .await
        .expect("heads can be read")
        .heads;
    heads.into_iter().find(|h| h.service == *service)
}

/// Details are an object: compared without regard to the order of its names.
pub fn canonical(mut record: Record) -> Record {
    let value: serde_json::Value = serde_json::from_str(&record.details).expect("an object");
    record.details = sorted(&value);
    record
}

fn sorted(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let by_name: BTreeMap<_, _> = map.iter().map(|(k, v)| (k, sorted(v))).collect();
            format!("{by_name:?}")
        }
        Value::Array(list) => format!("{:?}", list.iter().map(sorted).collect::<Vec<_>>()),
        other => other.to_string(),
    }
}
