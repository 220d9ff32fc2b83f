//! GitHub, the stack, the service, the movers and the channels of the stories: state behind a lock, and one process's
//! way to each. Knows no engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use deploy_guard::core::alert::Channel;
use deploy_guard::core::changes::Pull;
use deploy_guard::core::id::CommitSha;
use deploy_guard::core::journal::StackSeen;
use deploy_guard::core::lease::{Holder, JobState, Lease};
use deploy_guard::core::observation::{Answer, Kind, NetFault, Probe, ProbeRequest, Why};
use deploy_guard::core::restore::{Loss, Obstacle, PlannedStep, StepKey, Strategy};
use deploy_guard::core::showing::Listed;
use deploy_guard::core::state::{SavedState, Scope};
use deploy_guard::core::time::Timestamp;
use deploy_guard::ports::{
    Acted, Approval, CheckState, Clock, CloudError, CommitLine, Comparison, ConfigFile, Dispatch,
    EnvironmentRules, Forge, ForgeError, Message, MoveError, Mover, NewShown, NoPlan, Notifier,
    Prober, Relation, Restore, RunSeen, Saver, SendError, ShownStatus, Stack, Stacks, StepState,
    Workflows, until_held,
};

use super::calls::Calls;
use super::sky::Sky;
use super::time::{Time, lock};

/// The commit of version n.
pub fn sha(version: u32) -> CommitSha {
    CommitSha::new(
        format!("{version:x}")
            .repeat(40)
            .chars()
            .take(40)
            .collect::<String>(),
    )
    .expect("hex")
}

/// How a strategy goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    Works,
    /// Each step is refused.
    Refused,
    /// Works, and the answer is lost.
    WorksUnheard,
    /// Done as ordered, and the service is no better for it.
    Useless,
    NotApplicable,
    WouldDestroy,
    /// Found only when it is done.
    WouldDestroyLate,
    /// Begun, and never ends.
    Endless,
    /// Frozen for a while just before it begins.
    Frozen,
}

/// What is outside.
pub struct Town {
    pub time: Arc<Time>,
    /// The version that serves.
    pub version: Mutex<u32>,
    /// Versions that answer 500.
    pub sick: Mutex<BTreeSet<u32>>,
    /// From then until then every version answers 500.
    pub fits: Mutex<Vec<(Duration, Duration)>>,
    /// No host can be reached from here.
    pub dark: Mutex<bool>,
    /// Ended jobs' conclusions by run; others run.
    pub ended: Mutex<BTreeMap<u64, &'static str>>,
    pub github_dark: Mutex<bool>,
    /// The stack's last change, and until when it goes on.
    pub stack: Mutex<(Timestamp, Duration)>,
    pub stack_word: Mutex<&'static str>,
    pub ways: Mutex<BTreeMap<Strategy, Way>>,
    /// When each step was begun, and how often.
    pub effects: Mutex<BTreeMap<StepKey, (Duration, u32)>>,
    /// What a channel answers.
    pub channels: Mutex<BTreeMap<Channel, Mouth>>,
    /// What arrived: channel, key, text.
    pub heard: Mutex<Vec<(Channel, String, String)>>,
    /// When the last probe was made.
    pub probes: Mutex<usize>,
    /// Runs that were dispatched, in order.
    pub dispatched: Mutex<Vec<u64>>,
    /// Runs that were dispatched wait for another one.
    pub pending: Mutex<bool>,
    /// What cannot be looked at while what runs is saved.
    pub unsaved: Mutex<Vec<String>>,
    /// Runs that were asked to end.
    pub halted: Mutex<Vec<u64>>,
    /// What CloudWatch says of it.
    pub sky: Arc<Sky>,
}

/// What a channel does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mouth {
    Open,
    Later,
    /// Delivered, and the answer is lost.
    Unheard,
    Dead,
    Hangs,
}

impl Town {
    pub fn new(time: Arc<Time>) -> Self {
        let stack = Mutex::new((time.now(), Duration::ZERO));
        Self {
            sky: Arc::new(Sky::new(Arc::clone(&time))),
            time,
            version: Mutex::new(1),
            sick: Mutex::default(),
            fits: Mutex::default(),
            dark: Mutex::new(false),
            ended: Mutex::default(),
            github_dark: Mutex::new(false),
            stack,
            stack_word: Mutex::new("UPDATE_COMPLETE"),
            ways: Mutex::default(),
            effects: Mutex::default(),
            channels: Mutex::default(),
            heard: Mutex::default(),
            probes: Mutex::default(),
            dispatched: Mutex::default(),
            pending: Mutex::default(),
            unsaved: Mutex::default(),
            halted: Mutex::default(),
        }
    }

    /// The team's own deploy step.
    pub fn deploy(&self, version: u32) {
        *lock(&self.version) = version;
        self.sky.serves(version);
        *lock(&self.stack) = (self.time.now(), self.time.monotonic());
    }

    pub fn way(&self, strategy: Strategy, way: Way) {
        lock(&self.ways).insert(strategy, way);
    }

    fn answer(&self) -> Result<(u16, u32), NetFault> {
        *lock(&self.probes) += 1;
        if *lock(&self.dark) {
            return Err(NetFault::Timeout);
        }
        let (version, now) = (*lock(&self.version), self.time.monotonic());
        let fit = lock(&self.fits)
            .iter()
            .any(|(from, to)| *from <= now && now < *to);
        let sick = fit || lock(&self.sick).contains(&version);
        Ok((if sick { 500 } else { 200 }, version))
    }

    fn stack_seen(&self, name: &str) -> StackSeen {
        let (updated, until) = *lock(&self.stack);
        let word = if self.time.monotonic() < until {
            "UPDATE_IN_PROGRESS"
        } else {
            *lock(&self.stack_word)
        };
        StackSeen {
            name: name.to_owned(),
            status: Some(word.to_owned()),
            updated: Some(updated),
        }
    }

    fn way_of(&self, strategy: Strategy) -> Way {
        lock(&self.ways)
            .get(&strategy)
            .cloned()
            .unwrap_or(Way::Works)
    }

    fn begun(&self, step: &PlannedStep) -> Option<Duration> {
        lock(&self.effects).get(&step.key).map(|(at, _)| *at)
    }

    /// How long a step's effect takes.
    fn takes(strategy: Strategy) -> Duration {
        match strategy {
            Strategy::Cloudformation => Duration::from_secs(90),
            Strategy::LambdaAlias | Strategy::Workflow | Strategy::Redeploy => Duration::ZERO,
        }
    }

    /// Starts a run for a step, once for its key.
    fn dispatch(&self, step: &PlannedStep) -> Dispatch {
        let now = self.time.monotonic();
        let mut runs = lock(&self.dispatched);
        let next = FIRST_RUN + runs.len() as u64;
        runs.push(next);
        lock(&self.effects)
            .entry(step.key.clone())
            .and_modify(|(_, times)| *times += 1)
            .or_insert((now, 1));
        dispatch_of(runs.len())
    }

    fn begin(&self, step: &PlannedStep) {
        let now = self.time.monotonic();
        lock(&self.effects)
            .entry(step.key.clone())
            .and_modify(|(_, times)| *times += 1)
            .or_insert((now, 1));
        // The last word of what a step does is the version that it brings.
        let to = step.what.rsplit(' ').next().and_then(|w| w.parse().ok());
        if let (Some(to), true) = (to, self.way_of(step.strategy) != Way::Useless) {
            *lock(&self.version) = to;
            self.sky.serves(to);
        }
    }

    fn state(&self, step: &PlannedStep) -> StepState {
        match self.begun(step) {
            None => StepState::NotDone,
            Some(_) if self.way_of(step.strategy) == Way::Endless => StepState::Running,
            Some(at) if self.time.monotonic() < at + Self::takes(step.strategy) => {
                StepState::Running
            }
            Some(_) => StepState::Done,
        }
    }
}

/// Runs that are dispatched are numbered from here on.
pub const FIRST_RUN: u64 = 900;

fn dispatch_of(n: usize) -> Dispatch {
    Dispatch {
        run: FIRST_RUN + n as u64 - 1,
        url: None,
    }
}

/// A process's way to the town.
#[derive(Clone)]
pub struct Path {
    pub town: Arc<Town>,
    pub calls: Arc<Calls>,
}

fn dark() -> ForgeError {
    ForgeError::Unreachable {
        detail: "no answer".to_owned(),
    }
}

fn cloud(call: &str) -> CloudError {
    CloudError {
        call: call.to_owned(),
        why: Why::new(Kind::Timeout, "no answer"),
    }
}

impl Path {
    async fn github<T: Send>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> Result<T, ForgeError> + Send,
    ) -> Result<T, ForgeError> {
        let work = || {
            if *lock(&self.town.github_dark) {
                Err(dark())
            } else {
                work()
            }
        };
        self.calls.pass(name, work, |_| Err(dark())).await
    }
}

#[async_trait]
impl Forge for Path {
    async fn config_file(&self, _: &str) -> Result<Option<ConfigFile>, ForgeError> {
        self.github("config_file", || Ok(None)).await
    }
    async fn job(&self, holder: &Holder) -> Result<JobState, ForgeError> {
        self.github("job", || {
            let run = holder.run.expect("only jobs are looked up");
            Ok(match lock(&self.town.ended).get(&run) {
                Some(word) => JobState::Ended {
                    conclusion: Some((*word).to_owned()),
                },
                None => JobState::Running,
            })
        })
        .await
    }
    async fn approvals(&self, _: u64) -> Result<Vec<Approval>, ForgeError> {
        self.github("approvals", || Ok(Vec::new())).await
    }
    async fn environment(&self, _: &str) -> Result<Option<EnvironmentRules>, ForgeError> {
        self.github("environment", || Ok(None)).await
    }
    async fn checks(&self, _: &CommitSha) -> Result<Vec<CheckState>, ForgeError> {
        self.github("checks", || Ok(Vec::new())).await
    }
    async fn recent_commits(&self) -> Result<Vec<CommitLine>, ForgeError> {
        self.github("recent_commits", || {
            Ok((1..=9)
                .rev()
                .map(|n| CommitLine {
                    sha: sha(n),
                    title: format!("version {n}"),
                    parents: if n > 1 { vec![sha(n - 1)] } else { Vec::new() },
                })
                .collect())
        })
        .await
    }
    async fn compare(&self, _: &str, _: &str) -> Result<Comparison, ForgeError> {
        self.github("compare", || {
            Ok(Comparison {
                relation: Relation::Diverged,
                commits: Vec::new(),
                total: 0,
            })
        })
        .await
    }
    async fn pulls(&self, _: &CommitSha) -> Result<Vec<Pull>, ForgeError> {
        self.github("pulls", || Ok(Vec::new())).await
    }
    async fn deployments_of(&self, _: &CommitSha) -> Result<Vec<Listed>, ForgeError> {
        self.github("deployments_of", || Ok(Vec::new())).await
    }
    async fn pages_of(&self, _: u64) -> Result<Vec<String>, ForgeError> {
        self.github("pages_of", || Ok(Vec::new())).await
    }
    async fn make_deployment(&self, _: &NewShown) -> Result<u64, ForgeError> {
        self.github("make_deployment", || Ok(1)).await
    }
    async fn show(&self, _: u64, _: &ShownStatus) -> Result<(), ForgeError> {
        self.github("show", || Ok(())).await
    }
    async fn ping(&self) -> Result<(), ForgeError> {
        self.github("ping", || Ok(())).await
    }
}

#[async_trait]
impl Stacks for Path {
    async fn describe(&self, name: &str) -> Result<Stack, CloudError> {
        let work = || {
            Ok(Stack {
                seen: self.town.stack_seen(name),
                outputs: BTreeMap::new(),
            })
        };
        let fail = |_| Err(cloud("cloudformation:DescribeStacks"));
        self.calls.pass("describe", work, fail).await
    }
}

#[async_trait]
impl Saver for Path {
    async fn capture(&self, _: &Scope) -> Result<SavedState, CloudError> {
        let work = || {
            Ok(SavedState {
                at: self.town.time.now(),
                stacks: Vec::new(),
                functions: Vec::new(),
                missing: lock(&self.town.unsaved).clone(),
            })
        };
        let fail = |_| Err(cloud("cloudformation:GetTemplate"));
        self.calls.pass("capture", work, fail).await
    }
}

#[async_trait]
impl Prober for Path {
    async fn probe(&self, request: &ProbeRequest) -> Probe {
        let at = self.town.time.now();
        let probe = |outcome| Probe {
            at,
            took: Duration::from_millis(20),
            outcome,
        };
        let lost = |fault| Err((fault, "no answer".to_owned()));
        let work = || match self.town.answer() {
            Err(fault) => probe(lost(fault)),
            Ok((status, version)) => probe(Ok(Answer {
                status,
                json: request
                    .json_pointers
                    .iter()
                    .map(|p| (p.clone(), sha(version).to_string()))
                    .collect(),
                headers: BTreeMap::new(),
                texts_found: Vec::new(),
                body_cut: false,
            })),
        };
        self.calls
            .pass("probe", work, |_| probe(lost(NetFault::Timeout)))
            .await
    }
}

/// One channel's way out.
pub struct Voice {
    pub path: Path,
    pub channel: Channel,
}

#[async_trait]
impl Notifier for Voice {
    fn channel(&self) -> Channel {
        self.channel
    }

    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let town = &self.path.town;
        let mouth = lock(&town.channels)
            .get(&self.channel)
            .copied()
            .unwrap_or(Mouth::Open);
        let say = || {
            let heard = (self.channel, message.key.clone(), message.text.clone());
            lock(&town.heard).push(heard);
        };
        let detail = || "no answer".to_owned();
        let perhaps = || Err(SendError::Perhaps { detail: detail() });
        let later = || {
            Err(SendError::Later {
                detail: detail(),
                after: None,
            })
        };
        if mouth == Mouth::Hangs {
            town.time.sleep(Duration::from_secs(100_000)).await;
        }
        let work = || match mouth {
            Mouth::Open | Mouth::Hangs => {
                say();
                Ok(())
            }
            Mouth::Unheard => {
                say();
                perhaps()
            }
            Mouth::Later => later(),
            Mouth::Dead => Err(SendError::Dead { detail: detail() }),
        };
        let fail = |worked| if worked { perhaps() } else { later() };
        self.path.calls.pass("send", work, fail).await
    }
}

fn loss() -> Vec<Loss> {
    vec![Loss {
        stack: "todo".to_owned(),
        resource: "Table".to_owned(),
        kind: "AWS::DynamoDB::Table".to_owned(),
        replaced: false,
    }]
}

/// One strategy's way.
pub struct Hand {
    pub path: Path,
    pub strategy: Strategy,
}

#[async_trait]
impl Mover for Hand {
    fn strategy(&self) -> Strategy {
        self.strategy
    }

    async fn foresee(&self, _: Option<&SavedState>) -> Result<(), NoPlan> {
        let fail = |_| Err(NoPlan::Unknown(Why::new(Kind::Timeout, "no answer")));
        self.path.calls.pass("foresee", || Ok(()), fail).await
    }

    async fn plan(&self, restore: &Restore<'_>) -> Result<Vec<PlannedStep>, NoPlan> {
        let version = restore
            .target
            .git_ref
            .as_ref()
            .and_then(|r| r.as_str()[..1].parse::<u32>().ok());
        let version = version.expect("a good version");
        let id = &restore.deployment.start.id;
        let step = |name: &str, what: String| PlannedStep {
            key: StepKey::new(id, name),
            strategy: self.strategy,
            what,
        };
        let work = || match self.path.town.way_of(self.strategy) {
            Way::NotApplicable => Err(NoPlan::NotApplicable(Obstacle::NoAliases)),
            Way::WouldDestroy => Err(NoPlan::WouldDestroyData(loss())),
            Way::Works
            | Way::Refused
            | Way::WorksUnheard
            | Way::Useless
            | Way::Endless
            | Way::Frozen
            | Way::WouldDestroyLate => Ok(match self.strategy {
                Strategy::LambdaAlias => vec![
                    step("alias-a", "alias live of a stays".to_owned()),
                    step("alias-b", format!("alias live of b to {version}")),
                ],
                Strategy::Workflow => vec![
                    step("workflow", format!("dispatch of {version}")),
                    step("workflow-run", format!("run of {version}")),
                ],
                Strategy::Cloudformation | Strategy::Redeploy => {
                    vec![step("stack", format!("the template of {version}"))]
                }
            }),
        };
        let fail = |_| Err(NoPlan::Unknown(Why::new(Kind::Timeout, "no answer")));
        self.path.calls.pass("plan", work, fail).await
    }

    async fn preview(
        &self,
        _: &Lease,
        _: &Restore<'_>,
        steps: Vec<PlannedStep>,
    ) -> Result<Vec<PlannedStep>, NoPlan> {
        Ok(steps)
    }

    async fn look(
        &self,
        restore: &Restore<'_>,
        step: &PlannedStep,
    ) -> Result<StepState, MoveError> {
        let town = &self.path.town;
        let child = restore.deployment.child();
        let work = || {
            Ok(match (child, self.strategy) {
                (Some(run), _) => match lock(&town.ended).get(&run) {
                    None if *lock(&town.pending) => StepState::Pending,
                    None => StepState::Running,
                    Some(&"success") => StepState::Done,
                    Some(other) => StepState::Failed(Why::new(Kind::Provider, *other)),
                },
                (None, Strategy::Workflow) => match lock(&town.dispatched).len() {
                    0 => StepState::NotDone,
                    n => StepState::Dispatched(dispatch_of(n)),
                },
                (None, _) => town.state(step),
            })
        };
        self.path
            .calls
            .pass("look", work, |_| Err(cloud("look").into()))
            .await
    }

    async fn act(
        &self,
        lease: &Lease,
        _: &Restore<'_>,
        step: &PlannedStep,
    ) -> Result<Acted, MoveError> {
        let town = &self.path.town;
        let dispatches = self.strategy == Strategy::Workflow;
        if town.way_of(self.strategy) == Way::Frozen {
            town.time.jump(10 * 60_000);
            until_held(&*town.time, lease).await;
            assert!(town.time.now() < lease.deadline(), "the lock was renewed");
        }
        let work = || match town.way_of(self.strategy) {
            Way::Refused => Err(MoveError::Failed(Why::new(Kind::Denied, "not allowed"))),
            Way::WorksUnheard | Way::Endless => {
                if dispatches {
                    town.dispatch(step);
                } else {
                    town.begin(step);
                }
                Err(cloud("act").into())
            }
            Way::WouldDestroyLate => Err(MoveError::WouldDestroyData(loss())),
            _ if dispatches => Ok(Acted::Dispatched(town.dispatch(step))),
            Way::Works | Way::Useless | Way::Frozen | Way::NotApplicable | Way::WouldDestroy => {
                town.begin(step);
                Ok(Acted::Done)
            }
        };
        let acted = self
            .path
            .calls
            .pass("act", work, |_| Err(cloud("act").into()))
            .await?;
        while town.state(step) == StepState::Running {
            town.time.sleep(Duration::from_secs(5)).await;
        }
        Ok(acted)
    }

    async fn halt(&self, restore: &Restore<'_>, _: &PlannedStep) -> Result<(), MoveError> {
        let work = || {
            if let Some(run) = restore.deployment.child() {
                lock(&self.path.town.halted).push(run);
            }
            Ok(())
        };
        self.path
            .calls
            .pass("halt", work, |_| Err(cloud("halt").into()))
            .await
    }
}

#[async_trait]
impl Workflows for Path {
    async fn workflow(&self, _: &str, _: &str) -> Result<Option<String>, ForgeError> {
        self.github("workflow", || Ok(None)).await
    }
    async fn dispatch(
        &self,
        _: &str,
        _: &str,
        _: &BTreeMap<String, String>,
    ) -> Result<Option<Dispatch>, ForgeError> {
        self.github("dispatch", || Ok(None)).await
    }
    async fn dispatched_since(
        &self,
        _: &str,
        _: &str,
        _: Timestamp,
    ) -> Result<Vec<RunSeen>, ForgeError> {
        self.github("dispatched_since", || Ok(Vec::new())).await
    }
    async fn run(&self, _: u64) -> Result<RunSeen, ForgeError> {
        self.github("run", || Err(dark())).await
    }
    async fn failed_step(&self, _: u64) -> Result<Option<String>, ForgeError> {
        self.github("failed_step", || Ok(None)).await
    }
    async fn cancel_run(&self, _: u64) -> Result<(), ForgeError> {
        self.github("cancel_run", || Ok(())).await
    }
}
