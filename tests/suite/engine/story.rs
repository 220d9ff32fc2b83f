//! One environment with its store, town and jobs, and what each stage of a job does; knows no assertion but those that
//! hold at the end of every story.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use deploy_guard::core::alert::{AlertEvent, Channel, Routing};
use deploy_guard::core::deployment::{Deployment, State};
use deploy_guard::core::gate::http::{HttpGate, HttpMode, VersionCheck};
use deploy_guard::core::gate::{GateSettings, Mode, OnInconclusive};
use deploy_guard::core::id::{DeploymentId, EnvironmentName, ServiceName};
use deploy_guard::core::journal::{Adopter, Closing, Event, JobStatus, RunRef, StoppedBy, replay};
use deploy_guard::core::lease::{Head, Holder};
use deploy_guard::core::outcome::{Exit, Told};
use deploy_guard::core::policy::{ApprovalRule, PolicySettings};
use deploy_guard::core::record::{DeploymentType, Record, Status};
use deploy_guard::core::restore::{RollbackSettings, Strategy};
use deploy_guard::core::stats::Delta;
use deploy_guard::core::target::TargetSpec;
use deploy_guard::engine::evidence::Evidence;
use deploy_guard::engine::guard::{Extra, Guarded, NotStarted, Request, guard};
use deploy_guard::engine::keep::{Sweep, sweep};
use deploy_guard::engine::notify::deliver_with_owed;
use deploy_guard::engine::release::{Released, release};
use deploy_guard::engine::resume::{Drove, How, drive};
use deploy_guard::engine::session::{CommitOr, Session};
use deploy_guard::engine::{EngineError, Ports, Sayer, Setup, Stop};
use deploy_guard::i18n::Locale;
use deploy_guard::ports::{Clock, ListQuery, Stored};

use super::calls::Calls;
use super::fakes::{Hand, Path, Town, Voice, sha};
use super::sky::View;
use super::store::{Store, Way as StoreWay};
use super::time::{Actor, Time, lock, run, run_all};

pub const MINUTE: Duration = Duration::from_secs(60);

pub fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Everything of one environment.
pub struct Story {
    pub time: Arc<Time>,
    pub store: Arc<Store>,
    pub town: Arc<Town>,
    pub setup: Setup,
}

/// How a stage ended.
#[derive(Debug)]
#[expect(
    dead_code,
    reason = "why it could not go on stands in the message of a failed test"
)]
pub enum End {
    /// The job's own steps may deploy.
    Allowed(DeploymentId),
    /// Not started.
    Not(NotStarted),
    /// Closed by this stage.
    Closed(Box<Closing>, Exit),
    /// Left open on purpose.
    Open(Drove),
    /// Nothing of this job's is open.
    Nothing,
    /// Closed before; verify repeats how.
    Was(Exit),
    /// The lock is in other hands.
    Lost,
    /// It could not go on: exit 6, or 4 where what serves is bad.
    Failed(Exit, String),
}

impl End {
    pub fn exit(&self) -> Exit {
        match self {
            Self::Allowed(_) | Self::Nothing => Exit::Fine,
            Self::Not(NotStarted::Refused(_)) | Self::Lost => Exit::Refused,
            Self::Not(NotStarted::Unavailable(_)) => Exit::Unreachable,
            Self::Not(
                NotStarted::AlreadyLive | NotStarted::DryRun | NotStarted::WouldBeRefused(_),
            ) => Exit::Fine,
            Self::Closed(_, exit) | Self::Failed(exit, _) | Self::Was(exit) => *exit,
            Self::Open(Drove::LeftToPost(by)) => match by {
                StoppedBy::Terminate => Exit::Terminated,
                StoppedBy::Interrupt | StoppedBy::JobCancelled | StoppedBy::Released => {
                    Exit::Interrupted
                }
            },
            Self::Open(Drove::LeftToJob) => Exit::Fine,
            Self::Open(Drove::KeptOpen | Drove::Closed) => Exit::Failed,
        }
    }

    /// The closing, where it was closed here.
    pub fn closing(&self) -> &Closing {
        match self {
            Self::Closed(closing, _) => closing,
            other => panic!("not closed here: {other:?}"),
        }
    }
}

fn failed(session: Option<&Session>, error: &EngineError) -> End {
    let bad = session
        .and_then(|s| s.unsaved.as_ref())
        .is_some_and(|j| j.verdict == deploy_guard::core::record::Verdict::Degraded);
    match error {
        EngineError::Lost { .. } => End::Lost,
        EngineError::Stopped(by) => End::Open(Drove::LeftToPost(*by)),
        _ if bad => End::Failed(Exit::Act, error.to_string()),
        _ => End::Failed(Exit::Unreachable, error.to_string()),
    }
}

/// One process: a stage of a job, the keeper, or a command.
#[derive(Clone)]
pub struct Process {
    pub ports: Ports,
    pub setup: Setup,
    pub calls: Arc<Calls>,
    pub stop: Stop,
}

pub fn quiet() -> Sayer {
    Arc::new(|_| {})
}

/// Nobody stops it.
pub fn unstopped() -> Stop {
    let (sender, receiver) = tokio::sync::watch::channel(None);
    drop(sender);
    receiver
}

impl Story {
    /// Version 1 serves, and is good; the gate wants `/version` to be the deployed commit.
    pub fn new() -> Self {
        let time = Arc::new(Time::default());
        let story = Self {
            store: Arc::new(Store::new(Arc::clone(&time))),
            town: Arc::new(Town::new(Arc::clone(&time))),
            time,
            setup: setup(),
        };
        let job = Job::new(100, 1);
        let mut swift = story.process();
        swift.setup.gates.window = seconds(5);
        swift.setup.gates.interval = seconds(2);
        let ends = story
            .run(&swift, job_of(&swift, &story.town, &job))
            .expect("nobody dies");
        assert_eq!(ends.last().map(End::exit), Some(Exit::Fine), "{ends:?}");
        story.end_job(100, "success");
        lock(&story.town.heard).clear();
        lock(&story.store.seen).ordered.clear();
        story
    }

    pub fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut story = Self::new();
        change(&mut story.setup);
        story
    }

    /// A new process.
    pub fn process(&self) -> Process {
        let calls = Arc::new(Calls::default());
        let path = Path {
            town: Arc::clone(&self.town),
            calls: Arc::clone(&calls),
        };
        let hand = |strategy| {
            let path = path.clone();
            Arc::new(Hand { path, strategy }) as Arc<dyn deploy_guard::ports::Mover>
        };
        let voice = |channel| {
            let path = path.clone();
            Arc::new(Voice { path, channel }) as Arc<dyn deploy_guard::ports::Notifier>
        };
        let ports = Ports {
            history: Arc::new(StoreWay {
                store: Arc::clone(&self.store),
                calls: Arc::clone(&calls),
            }),
            forge: Some(Arc::new(path.clone())),
            stacks: Arc::new(path.clone()),
            saver: Arc::new(path.clone()),
            cloud: View {
                sky: Arc::clone(&self.town.sky),
                calls: Arc::clone(&calls),
            }
            .cloud(),
            prober: Arc::new(path.clone()),
            notifiers: vec![voice(Channel::Slack), voice(Channel::Sns)],
            movers: [
                Strategy::LambdaAlias,
                Strategy::Cloudformation,
                Strategy::Workflow,
            ]
            .map(hand)
            .into(),
            clock: self.time.clone(),
        };
        Process {
            ports,
            setup: self.setup.clone(),
            calls,
            stop: unstopped(),
        }
    }

    /// Runs a process; `None` = it died.
    pub fn run<T>(&self, process: &Process, work: impl Future<Output = T>) -> Option<T> {
        run(&self.time, &process.calls.killed, work)
    }

    /// Runs a process while other things happen.
    pub fn run_beside<'a, T>(
        &self,
        process: &Process,
        work: impl Future<Output = T> + 'a,
        beside: impl Future<Output = ()> + 'a,
    ) -> Option<T> {
        let mut end = None;
        let main = async { end = Some(work.await) };
        let actor = |work, killed| Actor { work, killed };
        let actors = vec![
            actor(Box::pin(main), Arc::clone(&process.calls.killed)),
            actor(Box::pin(beside), Arc::default()),
        ];
        run_all(&self.time, actors, 0);
        end
    }

    /// The whole job, by a process that nothing befalls.
    pub fn job(&self, job: &Job) -> Vec<End> {
        let process = self.process();
        let ends = self
            .run(&process, job_of(&process, &self.town, job))
            .expect("nobody dies");
        self.end_job(
            job.run,
            if ends.iter().all(|e| e.exit() == Exit::Fine) {
                "success"
            } else {
                "failure"
            },
        );
        ends
    }

    /// As [`Self::job`]; the end of its watch.
    pub fn end_of(&self, job: &Job) -> End {
        self.job(job)
            .into_iter()
            .find(|e| matches!(e, End::Closed(..)))
            .expect("a close")
    }

    pub fn keep(&self) -> Sweep {
        let process = self.process();
        self.run(&process, keeper(&process))
            .expect("nobody dies")
            .expect("a sweep")
    }

    pub fn release(&self, force: bool) -> Released {
        let process = self.process();
        let work = release(&process.ports, &process.setup, force);
        self.run(&process, work)
            .expect("nobody dies")
            .expect("an answer")
    }

    pub fn pass(&self, span: Duration) {
        run(&self.time, &Arc::default(), self.time.sleep(span));
    }

    /// GitHub says that a run's job is over.
    pub fn end_job(&self, run: u64, conclusion: &'static str) {
        lock(&self.town.ended).insert(run, conclusion);
    }

    pub fn head(&self) -> Head {
        let heads = self.store.heads(&self.setup.environment).heads;
        heads
            .into_iter()
            .find(|h| h.service == self.setup.service)
            .expect("a head")
    }

    pub fn stored(&self, id: &DeploymentId) -> Stored {
        self.store.deployment(id).expect("it is recorded")
    }

    pub fn all(&self) -> Vec<Stored> {
        let started = lock(&self.store.seen).started.clone();
        started.iter().map(|id| self.stored(id)).collect()
    }

    /// The newest deployment.
    pub fn last(&self) -> (Record, Deployment) {
        let all = self.all();
        let newest = all.into_iter().max_by_key(|s| s.record.at).expect("one");
        (newest.record, replay(&newest.entries).expect("replays"))
    }

    /// The events' names of the newest deployment.
    pub fn tale(&self) -> Vec<&'static str> {
        let all = self.all();
        let newest = all.into_iter().max_by_key(|s| s.record.at).expect("one");
        newest
            .entries
            .iter()
            .flat_map(|e| &e.events)
            .map(Event::name)
            .collect()
    }

    /// How often an event was heard on a channel.
    pub fn heard(&self, event: AlertEvent, channel: Channel) -> usize {
        let ordered = lock(&self.store.seen).ordered.clone();
        let is = |key: &String| ordered.get(key) == Some(&event);
        lock(&self.town.heard)
            .iter()
            .filter(|(c, k, _)| *c == channel && is(k))
            .count()
    }

    /// What holds at the end of every story, once the keeper had its time.
    pub fn check(&self, what: &str) {
        self.pass(3 * MINUTE);
        self.keep();
        self.pass(3 * MINUTE);
        self.keep();
        let head = self.head();
        assert_eq!(
            head.holder,
            None,
            "{what}: the lock is free: {:?}",
            self.tale()
        );
        assert_eq!(head.session, None, "{what}");
        let mut totals = Delta::default();
        let ours = |s: &Stored| {
            s.record
                .guard
                .as_ref()
                .is_some_and(|g| g.service == self.setup.service)
        };
        for stored in self.all().into_iter().filter(ours) {
            let record = &stored.record;
            let status = record.status.known().expect("ours");
            assert!(status.is_final(), "{what}: {} is {status}", record.id);
            let deployment = replay(&stored.entries).expect("replays");
            let State::Closed(closing) = &deployment.state else {
                panic!("{what}: {} is not closed", record.id)
            };
            assert_eq!(closing.status, status, "{what}");
            let judged = deployment.judged.as_ref().map(|j| j.verdict);
            if closing.status == Status::Success {
                assert!(judged.is_some(), "{what}: success without a judgement");
            }
            let own = Delta::of(
                if deployment_undone(&stored) {
                    Status::Success
                } else {
                    status
                },
                deployment.start.kind,
                closing.reason,
                record.duration_s.expect("it has ended"),
            );
            totals.merge(&own);
            if deployment_undone(&stored) {
                totals.merge(&Delta::undone());
            }
        }
        let mut counted = Delta::default();
        for delta in self
            .store
            .totals(&self.setup.environment, &self.setup.service)
            .values()
        {
            counted.merge(delta);
        }
        let clean = |mut d: Delta| {
            d.by_status.retain(|_, n| *n != 0);
            d
        };
        assert_eq!(
            clean(counted),
            clean(totals),
            "{what}: each is counted once"
        );
        for (key, (_, times)) in lock(&self.town.effects).iter() {
            assert_eq!(*times, 1, "{what}: {key} was done {times} times");
        }
        self.check_notices(what);
    }

    fn check_notices(&self, what: &str) {
        let heard = lock(&self.town.heard).clone();
        for (key, event) in &lock(&self.store.seen).ordered {
            let times = heard
                .iter()
                .filter(|(c, k, _)| k == key && key.ends_with(c.as_str()))
                .count();
            if event.at_least_once() {
                assert!(times >= 1, "{what}: {event} ({key}) was never told");
            } else {
                assert!(times <= 1, "{what}: {event} ({key}) was told {times} times");
            }
        }
        let owed = self.store.owed(&self.setup.environment);
        assert!(owed.is_empty(), "{what}: still owed: {owed:?}");
    }

    /// The live pointer names what serves.
    pub fn check_live(&self, what: &str) {
        let live = self.head().live.and_then(|l| l.git_ref);
        assert_eq!(
            live,
            Some(sha(*lock(&self.town.version))),
            "{what}: the live pointer, {:?}",
            self.tale()
        );
    }
}

fn deployment_undone(stored: &Stored) -> bool {
    stored
        .entries
        .iter()
        .flat_map(|e| &e.events)
        .any(|e| matches!(e, Event::UndoneBy { .. }))
}

/// A job: its run, and the version that it deploys.
#[derive(Debug, Clone)]
pub struct Job {
    pub run: u64,
    pub request: Request,
    /// What the deploy step does: the version that serves then, and how the step ends.
    pub deploys: (Option<u32>, JobStatus),
}

/// The first job of most stories: run 1 deploys version 2.
pub fn one() -> &'static Job {
    static ONE: std::sync::LazyLock<Job> = std::sync::LazyLock::new(|| Job::new(1, 2));
    &ONE
}

/// A process that is stopped after a while, and the hand that stops it.
pub fn stoppable(story: &Story) -> (Process, tokio::sync::watch::Sender<Option<StoppedBy>>) {
    let (sender, receiver) = tokio::sync::watch::channel(None);
    let process = Process {
        stop: receiver,
        ..story.process()
    };
    (process, sender)
}

impl Job {
    pub fn new(run: u64, version: u32) -> Self {
        Self {
            run,
            request: request(run, version),
            deploys: (Some(version), JobStatus::Success),
        }
    }

    pub fn kind(mut self, kind: DeploymentType) -> Self {
        self.request.kind = kind;
        self
    }
}

fn request(run: u64, version: u32) -> Request {
    Request {
        kind: DeploymentType::Deploy,
        git_ref: Some(sha(version)),
        target: TargetSpec::LastSuccess,
        target_text: String::new(),
        force: false,
        irreversible: false,
        dry_run: false,
        note: None,
        actor: Some("dev".to_owned()),
        run: RunRef {
            repo: Some("hanbit/todo".to_owned()),
            run: Some(run),
            attempt: Some(1),
            job: Some("deploy".to_owned()),
            job_id: Some(run * 10),
            url: Some(format!("https://github.com/hanbit/todo/actions/runs/{run}")),
            sha: None,
        },
        hosted: true,
        branch: Some("main".to_owned()),
    }
}

pub fn setup() -> Setup {
    Setup {
        environment: EnvironmentName::new("prod").expect("valid"),
        service: ServiceName::new("todo").expect("valid"),
        locale: Locale::En,
        production: true,
        github_environments: vec!["prod".to_owned()],
        stacks: vec!["todo-prod".to_owned()],
        policy: PolicySettings {
            lock_wait: Duration::ZERO,
            approval_deploy: ApprovalRule::None,
            approval_rollback: ApprovalRule::None,
            branches: Vec::new(),
            required_checks: Vec::new(),
            freeze: Vec::new(),
        },
        gates: gates(),
        rollback: RollbackSettings {
            automatic: true,
            strategies: vec![Strategy::LambdaAlias, Strategy::Cloudformation],
            workflow: None,
            verify: 3 * MINUTE,
        },
        routing: Routing {
            routes: Vec::new(),
            input_channels: Vec::new(),
            default_channels: vec![Channel::Slack, Channel::Sns],
            production: true,
        },
        retention: Duration::from_secs(90 * 86_400),
    }
}

fn gates() -> GateSettings {
    GateSettings {
        window: 10 * MINUTE,
        bake: 30 * MINUTE,
        interval: seconds(10),
        false_rollback: 0.01,
        early_pass: false,
        failing_minutes: 2,
        of_minutes: 3,
        traffic_vanished: deploy_guard::core::gate::OnTrafficVanished::Inconclusive,
        mode: Mode::Sequential,
        on_inconclusive: OnInconclusive::Hold,
        data_lag: 2 * MINUTE,
        http: vec![HttpGate {
            name: "api".to_owned(),
            url: "https://api.example.com/health".to_owned(),
            headers: Default::default(),
            status: Some(200),
            json: Default::default(),
            header: Default::default(),
            body: None,
            version: Some(VersionCheck {
                json: Some("/version".to_owned()),
                header: None,
                equals: "{ref}".to_owned(),
            }),
            timeout: seconds(5),
            max_latency: None,
            consecutive_failures: 2,
            confirm: seconds(10),
            warmup: Duration::ZERO,
            consecutive_successes: 2,
            follow_redirects: false,
            mode: HttpMode::Consecutive,
        }],
        lambda: None,
        api_gateway: Vec::new(),
        alarms: None,
        metric: Vec::new(),
        logs: Vec::new(),
        stack: true,
    }
}

async fn send(process: &Process, session: &mut Session) -> Vec<Told> {
    let notices = std::mem::take(&mut session.notices);
    let environment = &process.setup.environment;
    deliver_with_owed(
        &process.ports,
        environment,
        session.id(),
        Locale::En,
        notices,
    )
    .await
    .0
}

/// Main: checks, lock, record; then the messages.
pub async fn main_stage(process: &Process, job: &Job) -> End {
    let (ports, setup) = (&process.ports, process.setup.clone());
    let announce = |_: &Holder| Ok(());
    let mut stop = process.stop.clone();
    let begun = guard(
        ports,
        &setup,
        &job.request,
        None,
        &announce,
        &quiet(),
        &mut stop,
    )
    .await;
    match begun {
        Err(error) => failed(None, &error),
        Ok(Guarded::Not(not, Extra { .. })) => End::Not(not),
        Ok(Guarded::Superseded(mut session, _)) => {
            send(process, &mut session).await;
            let closing = session.deployment.closing_of_overtaken();
            End::Closed(Box::new(closing), Exit::Fine)
        }
        Ok(Guarded::Started(mut session, _)) => {
            let id = session.deployment.start.id.clone();
            send(process, &mut session).await;
            session.saved_before().await;
            End::Allowed(id)
        }
    }
}

/// Verify or post: goes on with this job's deployment, if it is open and this job's.
pub async fn finish(process: &Process, job: &Job, by: Adopter, status: JobStatus) -> End {
    match try_finish(process, job, by, status).await {
        Ok(end) => end,
        Err(error) => failed(None, &error),
    }
}

async fn try_finish(
    process: &Process,
    job: &Job,
    by: Adopter,
    status: JobStatus,
) -> Result<End, EngineError> {
    let (ports, setup) = (&process.ports, process.setup.clone());
    let heads = ports.history.heads(&setup.environment).await?;
    let head = heads.heads.into_iter().find(|h| h.service == setup.service);
    if let Some(head) = head.clone().filter(|h| {
        h.lender
            .as_ref()
            .is_some_and(|lender| lender.run == Some(job.run))
    }) {
        return wait_for_heir(process, head, by, status).await;
    }
    let held = head.and_then(|h| h.holder.clone().map(|holder| (h, holder)));
    let Some((head, holder)) = held.filter(|(_, holder)| holder.run == Some(job.run)) else {
        return Ok(earlier(process, job, by).await?.unwrap_or(End::Nothing));
    };
    let stored = ports
        .history
        .deployment(&holder.deployment, ports.clock.now())
        .await?;
    let Some(stored) = stored else {
        return Ok(End::Nothing);
    };
    let adopted = Session::adopt(ports, &setup, stored, head, by, holder, Vec::new()).await;
    let session = adopted.map_err(CommitOr::into_engine)?;
    go_on(process, session, by, status).await
}

/// The lock is in the hands of a run that this job has dispatched.
async fn wait_for_heir(
    process: &Process,
    head: Head,
    by: Adopter,
    status: JobStatus,
) -> Result<End, EngineError> {
    let (ports, setup) = (&process.ports, process.setup.clone());
    let lender = head.lender.clone().expect("a lender");
    let stored = ports
        .history
        .deployment(&lender.deployment, ports.clock.now())
        .await?;
    let stored = stored.expect("it is recorded");
    let session = Session::waiting(ports, &setup, stored, head, by)?;
    go_on(process, session, by, status).await
}

async fn go_on(
    process: &Process,
    mut session: Session,
    by: Adopter,
    status: JobStatus,
) -> Result<End, EngineError> {
    let how = How {
        job: status,
        quick: false,
        leaves_to_post: by == Adopter::Verify,
    };
    let mut stop = process.stop.clone();
    let drove = drive(&mut session, how, &quiet(), &mut stop).await;
    send(process, &mut session).await;
    Ok(match drove {
        Err(error) => failed(Some(&session), &error),
        Ok(Drove::Closed) => {
            let State::Closed(closing) = &session.deployment.state else {
                panic!("the driver says closed")
            };
            let exit = Exit::of(closing, false, session.deployment.stop);
            End::Closed(Box::new(closing.clone()), exit)
        }
        Ok(open) => End::Open(open),
    })
}

/// What an earlier stage, or somebody else, has made of this job's deployment.
async fn earlier(process: &Process, job: &Job, by: Adopter) -> Result<Option<End>, EngineError> {
    let query = ListQuery {
        environment: process.setup.environment.clone(),
        status: None,
        kind: None,
        service: Some(process.setup.service.clone()),
        from: None,
        to: None,
        limit: 20,
        cursor: None,
        now: process.ports.clock.now(),
    };
    let page = process.ports.history.list(&query).await?;
    let ours = |r: &&Record| {
        r.guard
            .as_ref()
            .is_some_and(|g| g.run_url == job.request.run.url)
    };
    let Some(record) = page.records.iter().find(ours) else {
        return Ok(None);
    };
    let stored = process
        .ports
        .history
        .deployment(&record.id, process.ports.clock.now())
        .await?;
    let deployment = stored.and_then(|s| replay(&s.entries).ok());
    Ok(deployment.map(|d| match (&d.state, by) {
        (State::Closed(_), Adopter::Post) => End::Nothing,
        (State::Closed(closing), _) => End::Was(Exit::of(closing, false, d.stop)),
        (_, _) => End::Lost,
    }))
}

/// The team's steps and our later stages, as GitHub runs them after main.
pub async fn rest_of(process: &Process, town: &Town, job: &Job, main: End) -> Vec<End> {
    let mut ends = vec![main];
    let mut status = JobStatus::Success;
    if matches!(ends[0], End::Allowed(_)) {
        process.ports.clock.sleep(seconds(60)).await;
        if let Some(version) = job.deploys.0 {
            town.deploy(version);
        }
        status = job.deploys.1;
    } else if ends[0].exit() != Exit::Fine {
        status = JobStatus::Failure;
    }
    if status == JobStatus::Success {
        let verify = finish(process, job, Adopter::Verify, status).await;
        if verify.exit() != Exit::Fine {
            status = JobStatus::Failure;
        }
        ends.push(verify);
    }
    ends.push(finish(process, job, Adopter::Post, status).await);
    ends
}

/// A whole job: main, deploy, verify, post.
pub async fn job_of(process: &Process, town: &Town, job: &Job) -> Vec<End> {
    let main = main_stage(process, job).await;
    rest_of(process, town, job, main).await
}

pub async fn keeper(process: &Process) -> Result<Sweep, EngineError> {
    let mut stop = process.stop.clone();
    let as_now = |now: &Setup, _: &Evidence| now.clone();
    let (ports, setup) = (&process.ports, &process.setup);
    sweep(ports, setup, &as_now, "1.0.0", &quiet(), &mut stop).await
}

/// Whether a process has died.
pub fn died(process: &Process) -> bool {
    process.calls.killed.load(Ordering::SeqCst)
}
