//! Digests a report into the parts that every surface tells; knows no markup.

use crate::core::deployment::{Deployment, State};
use crate::core::gate::Finding;
use crate::core::id::{CommitSha, DeploymentId, EnvironmentName};
use crate::core::journal::{Closing, Event, Judgement, StackSeen, Start};
use crate::core::lease::Live;
use crate::core::outcome::Report;
use crate::core::policy::{CheckLine, CheckResult};
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, DeploymentType, Verdict};
use crate::core::restore::{RestorePlan, Strategy};
use crate::core::time::Timestamp;
use crate::i18n::reason::{because, help, meaning};
use crate::i18n::wording::{one_line, piece};
use crate::i18n::{Ending, Locale, Message, Word, sight};
use crate::render::next::is_stack_name;

/// A report, read once.
#[derive(Debug, Clone)]
pub struct Story<'a> {
    /// The report itself.
    pub report: &'a Report,
    /// How it ended.
    pub ending: Ending,
    /// The environment's name as people may see it: outside text where it is not a name.
    pub environment: String,
    /// The deployment's start.
    pub start: Option<&'a Start>,
    /// The judgement that the end rests on: the first one.
    pub cause: Option<&'a Judgement>,
    /// Judgements after each strategy.
    pub after: Vec<(Strategy, &'a Judgement)>,
    /// The plan to restore.
    pub plan: Option<&'a RestorePlan>,
    /// How the record was closed, and when.
    pub closing: Option<(&'a Closing, Timestamp)>,
    /// The stacks as the job left them.
    pub stacks: &'a [StackSeen],
}

impl<'a> Story<'a> {
    /// Reads the report.
    #[must_use]
    pub fn of(report: &'a Report) -> Self {
        let deployment = report.deployment.as_ref();
        let mut story = Self {
            report,
            ending: Ending::of(&report.outcome, report.asked.kind),
            environment: one_line(&report.asked.environment, 64),
            start: deployment.map(|d| &d.start),
            cause: None,
            after: Vec::new(),
            plan: None,
            closing: None,
            stacks: &[],
        };
        for entry in &report.entries {
            for event in &entry.events {
                match event {
                    Event::Started(start) => story.start = story.start.or(Some(start)),
                    Event::Judged(judgement) => story.cause = story.cause.or(Some(judgement)),
                    Event::RestorePlanned { plan } => story.plan = Some(plan),
                    Event::RestoreJudged {
                        strategy,
                        judgement,
                    } => story.after.push((*strategy, judgement)),
                    Event::Closed(closing) => story.closing = Some((closing, entry.at)),
                    Event::JobEnded { stacks, .. } => story.stacks = stacks,
                    Event::Checked { .. }
                    | Event::Allowed
                    | Event::Saving { .. }
                    | Event::Saved { .. }
                    | Event::TookOver { .. }
                    | Event::Adopted { .. }
                    | Event::WatchStarted { .. }
                    | Event::YieldAsked { .. }
                    | Event::CancelAsked { .. }
                    | Event::StepStarted { .. }
                    | Event::Dispatched { .. }
                    | Event::StepDone { .. }
                    | Event::StepFailed { .. }
                    | Event::UndoneBy { .. } => {}
                }
            }
        }
        if let Some(deployment) = deployment {
            story.fill_from(deployment);
        }
        if story.start.is_some() && story.ending == Ending::Unreachable {
            story.ending = Ending::Unclosed;
        }
        story
    }

    /// Without a journal, what the deployment itself still knows.
    fn fill_from(&mut self, deployment: &'a Deployment) {
        match &deployment.state {
            State::Restoring(now) => {
                self.cause = self.cause.or(Some(&now.why));
                self.plan = self.plan.or(Some(&now.plan));
            }
            State::Closed(closing) => {
                self.closing = self.closing.or(Some((closing, self.report.at)));
            }
            State::Deploying
            | State::JobEnded { .. }
            | State::Watching { .. }
            | State::Judged(_) => {}
        }
        if self.after.is_empty() {
            self.cause = self.cause.or(deployment.judged.as_ref());
        }
    }

    /// The environment, where it is a name that may stand in a command.
    #[must_use]
    pub fn environment_name(&self) -> Option<EnvironmentName> {
        self.start.map(|s| s.environment.clone()).or_else(|| {
            EnvironmentName::new(self.report.asked.environment.clone())
                .ok()
                .filter(|e| !e.as_str().starts_with('-'))
        })
    }

    /// The checks, of the deployment or of the refusal.
    #[must_use]
    pub fn checks(&self) -> &'a [CheckLine] {
        match &self.report.deployment {
            Some(deployment) if self.report.checks.is_empty() => &deployment.checks,
            Some(_) | None => &self.report.checks,
        }
    }

    /// The commit that is deployed, or was to be.
    #[must_use]
    pub fn git_ref(&self) -> Option<String> {
        let of_target = match self.start {
            Some(start) if start.kind == DeploymentType::Rollback => start.target.as_ref(),
            Some(_) => None,
            None => self.report.target.as_ref(),
        };
        let of_target = of_target.and_then(|t| t.git_ref.as_ref());
        // Where the job deploys the last good version again, that is what `ref` names.
        let again = || {
            let goal = self.goal().filter(|_| self.ending == Ending::RestoreHere);
            goal.and_then(|g| g.git_ref).map(|c| c.to_string())
        };
        if let Some(again) = again() {
            return Some(again);
        }
        of_target
            .or_else(|| self.start.and_then(|s| s.git_ref.as_ref()))
            .map(CommitSha::to_string)
            .or_else(|| {
                self.report
                    .asked
                    .git_ref
                    .as_deref()
                    .map(|r| one_line(r, 255))
            })
    }

    /// The version that a restore or a rollback goes back to.
    #[must_use]
    pub fn goal(&self) -> Option<Goal> {
        let Some(start) = self.start else {
            return self.report.target.as_ref().map(Goal::of);
        };
        if start.kind == DeploymentType::Rollback {
            return start.target.as_ref().map(Goal::of);
        }
        let known = [&start.good, &start.target, &start.previous];
        if let Some(plan) = self.plan {
            let live = known
                .into_iter()
                .flatten()
                .find(|l| l.deployment == plan.target);
            return Some(Goal {
                deployment: plan.target.clone(),
                git_ref: live.and_then(|l| l.git_ref.clone()),
            });
        }
        if self.report.outcome.decision == Decision::Restore {
            return start.good.as_ref().map(Goal::of);
        }
        None
    }

    /// The version that a person could go back to.
    #[must_use]
    pub fn good(&self) -> Option<&'a Live> {
        let start = self.start?;
        start
            .good
            .as_ref()
            .filter(|good| good.deployment != start.id)
    }

    /// Whole seconds from start to end, or until now.
    #[must_use]
    pub fn seconds(&self) -> Option<u64> {
        let start = self.start?;
        let end = self.closing.map_or(self.report.at, |(_, at)| at);
        Some(end.since(start.at).as_secs())
    }

    /// Names of the stacks that are in a failed state, safe in a command.
    #[must_use]
    pub fn failed_stacks(&self) -> Vec<&'a str> {
        self.stacks
            .iter()
            .filter(|s| s.status.as_deref().is_some_and(|w| w.ends_with("_FAILED")))
            .map(|s| s.name.as_str())
            .filter(|n| is_stack_name(n))
            .collect()
    }

    /// The finding that the verdict rests on.
    #[must_use]
    pub fn worst(&self) -> Option<&'a Finding> {
        let cause = self.cause?;
        sight::worst_first(&cause.findings)
            .into_iter()
            .find(|f| {
                // A gate that saw nothing is why only a part could be observed.
                let part = cause.reason == ReasonCode::TooLittleData;
                f.verdict == cause.verdict
                    && (f.reason == cause.reason || (part && f.reason == ReasonCode::NoData))
            })
            .filter(|f| f.verdict != Verdict::Healthy)
    }

    /// Particulars of a reason: what the failed check, the gate or the error says.
    fn particulars(&self, reason: ReasonCode, locale: Locale) -> Option<String> {
        let from_check =
            self.checks()
                .iter()
                .filter(|l| !l.overridden)
                .find_map(|line| match &line.result {
                    CheckResult::Failed { reason: r, detail } if *r == reason => {
                        Some(piece(detail))
                    }
                    CheckResult::Unavailable { why } if reason == ReasonCode::CheckUnavailable => {
                        let what = Message::CheckUnavailable(&crate::core::observation::Why {
                            kind: why.kind,
                            detail: piece(&why.detail),
                        })
                        .text(locale);
                        Some(format!("{}: {what}", line.check.word(locale)))
                    }
                    CheckResult::Failed { .. }
                    | CheckResult::Unavailable { .. }
                    | CheckResult::Passed { .. }
                    | CheckResult::NotApplicable
                    | CheckResult::Skipped => None,
                });
        let from_gate = || {
            self.worst()
                .filter(|_| self.cause.is_some_and(|cause| cause.reason == reason))
                .map(|f| sight::line(f, locale))
        };
        let from_error = || {
            self.closing
                .filter(|(c, _)| c.reason == reason)
                .and_then(|(c, _)| c.error.as_deref().map(piece))
        };
        let from_note = || {
            matches!(
                self.ending,
                Ending::Unreachable | Ending::Unclosed | Ending::Invalid
            )
            .then(|| self.report.notes.first().map(|n| piece(n)))
            .flatten()
        };
        from_check
            .filter(|p| !p.is_empty())
            .or_else(from_gate)
            .or_else(from_error)
            .or_else(from_note)
    }

    /// Output `reason`: why it ended so, as one sentence.
    #[must_use]
    pub fn reason(&self, locale: Locale) -> String {
        let reason = self.report.outcome.reason;
        if let Some(text) = self.overridden(locale) {
            return text;
        }
        let bad = || {
            self.worst()
                .filter(|f| f.verdict == Verdict::Degraded)
                .map(|f| sight::line(f, locale))
        };
        let particulars = self.particulars(reason, locale).or_else(bad);
        because(reason, particulars.as_deref(), locale)
    }

    /// Instead of "all checks are in order", where force was needed.
    fn overridden(&self, locale: Locale) -> Option<String> {
        let names: Vec<&str> = self
            .checks()
            .iter()
            .filter(|l| l.overridden)
            .map(|l| l.check.word(locale))
            .collect();
        (self.report.outcome.reason == ReasonCode::Allowed && !names.is_empty())
            .then(|| Message::Overridden(&names.join(", ")).text(locale))
    }

    /// What happened, in a sentence or two.
    #[must_use]
    pub fn happened(&self, locale: Locale) -> String {
        let reason = self.report.outcome.reason;
        let cause = self.cause.map(|c| c.reason).filter(|r| {
            *r != reason && !matches!(r, ReasonCode::Healthy | ReasonCode::HealthyInPart)
        });
        let Some(cause) = cause else {
            return self.reason(locale);
        };
        let first = because(cause, self.particulars(cause, locale).as_deref(), locale);
        // What was done says the rest.
        if matches!(reason, ReasonCode::Restored | ReasonCode::RestoreFailed) {
            return first;
        }
        let second = because(reason, self.particulars(reason, locale).as_deref(), locale);
        format!("{first} {second}")
    }

    /// What was done.
    #[must_use]
    pub fn done(&self, locale: Locale) -> String {
        self.ending.done(&self.environment, locale)
    }

    /// What to do next; `None` where the job simply goes on.
    #[must_use]
    pub fn next(&self, locale: Locale) -> Option<&'static str> {
        let reason = self.report.outcome.reason;
        match self.ending {
            Ending::Cleared
            | Ending::RollbackCleared
            | Ending::RestoreHere
            | Ending::Healthy
            | Ending::RollbackHealthy => None,
            Ending::StillOpen if reason == ReasonCode::Allowed => None,
            Ending::StillOpen
            | Ending::Unwatched
            | Ending::Held
            | Ending::LetPass
            | Ending::AlreadyLive
            | Ending::DryRun
            | Ending::Refused
            | Ending::CheckUnavailable
            | Ending::DeployFailed
            | Ending::DeployFailedLive
            | Ending::DegradedLive
            | Ending::Failed
            | Ending::RolledBack
            | Ending::RestoreFailed
            | Ending::StackRollbackFailed
            | Ending::Cancelled
            | Ending::CancelledLive
            | Ending::CancelledUnseen
            | Ending::Superseded
            | Ending::Invalid
            | Ending::Unreachable
            | Ending::Unclosed
            | Ending::Interrupted
            | Ending::FencedOff => Some(help(reason, locale)),
        }
    }

    /// What happened and what was done, without saying the same thing twice.
    #[must_use]
    pub fn lead(&self, locale: Locale) -> String {
        let happened = match self.ending {
            // The headline says it already.
            Ending::AlreadyLive => meaning(self.report.outcome.reason, locale).to_owned(),
            Ending::DryRun => {
                let happened = self.happened(locale);
                let parts = self.would(locale).into_iter().chain([happened]);
                parts.collect::<Vec<_>>().join(" ")
            }
            _ => self.happened(locale),
        };
        let done = self.done(locale);
        match self.next(locale) {
            Some(next) => format!("{happened} {done} {next}"),
            None => format!("{happened} {done}"),
        }
    }

    /// What a dry run would have done; `None` where nothing was checked.
    fn would(&self, locale: Locale) -> Option<String> {
        if self.checks().is_empty() {
            return None;
        }
        if self.report.outcome.decision == Decision::Stop {
            return Some(Message::WouldRefuse.text(locale));
        }
        let commit = self.git_ref().map(|c| short_ref(&c));
        let would = Message::WouldDeploy {
            kind: self.report.asked.kind,
            commit: commit.as_deref(),
            environment: &self.environment,
        };
        Some(would.text(locale))
    }

    /// The headline.
    #[must_use]
    pub fn headline(&self, locale: Locale) -> String {
        self.ending
            .headline(&self.environment, self.report.asked.kind, locale)
    }
}

/// A commit as people read it.
#[must_use]
pub fn short_ref(git_ref: &str) -> String {
    match CommitSha::parse(git_ref) {
        Ok(sha) => sha.short().to_owned(),
        Err(_) => one_line(git_ref, 40),
    }
}

/// Where a restore goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The deployment whose version is brought back.
    pub deployment: DeploymentId,
    /// Its commit.
    pub git_ref: Option<CommitSha>,
}

impl Goal {
    fn of(live: &Live) -> Self {
        Self {
            deployment: live.deployment.clone(),
            git_ref: live.git_ref.clone(),
        }
    }
}
