//! Shows a deployment on GitHub's own pages: in the deployment that the job's `environment:` has made, else in one of
//! ours. What fails here is said and changes nothing.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{try_join, try_join_all};

use crate::core::deployment::Deployment;
use crate::core::id::CommitSha;
use crate::core::journal::{RunRef, Start};
use crate::core::outcome::Outcome;
use crate::core::record::DeploymentType;
use crate::core::showing::{Listed, ShownState, is_of_job, shown};
use crate::engine::saving::Beside;
use crate::engine::{Ports, Setup};
use crate::i18n::Ending;
use crate::i18n::wording::one_line;
use crate::ports::{Clock, Forge, ForgeError, NewShown, ShownStatus};

/// Nobody waits longer than this for GitHub's pages.
const LONGEST: Duration = Duration::from_secs(10);

/// The newest deployments of a commit and environment, whose statuses are looked at.
const LOOKED_AT: usize = 5;

/// GitHub shows at most so many characters.
/// Source: GitHub REST API, "Create a deployment status".
const DESCRIPTION: usize = 140;

/// GitHub's deployment of a job; `None` = there is none.
pub type Found = Result<Option<u64>, ForgeError>;

/// Looks for the deployment that the job's `environment:` has made, or that an earlier stage has; `None` where there
/// is no job or no GitHub.
#[must_use]
pub fn find(
    ports: &Ports,
    setup: &Setup,
    run: &RunRef,
    start: Option<&Start>,
) -> Option<Beside<Found>> {
    let forge = ports.forge.clone()?;
    run.run?;
    let wanted = start.and_then(|s| s.git_ref.clone());
    let mut commits: Vec<CommitSha> = run.sha.clone().into_iter().chain(wanted).collect();
    commits.dedup();
    let (environments, run) = (setup.github_environments.clone(), run.clone());
    let (clock, start) = (ports.clock.clone(), start.cloned());
    Some(Beside::new(async move {
        let looking = look(&forge, &environments, &commits, &run, start.as_ref());
        in_time(&clock, looking).await
    }))
}

async fn in_time<T>(
    clock: &Arc<dyn Clock>,
    work: impl Future<Output = Result<T, ForgeError>>,
) -> Result<T, ForgeError> {
    tokio::select! {
        done = work => done,
        () = clock.sleep(LONGEST) => Err(ForgeError::Unreachable {
            detail: format!("no answer in {} s", LONGEST.as_secs()),
        }),
    }
}

async fn look(
    forge: &Arc<dyn Forge>,
    environments: &[String],
    commits: &[CommitSha],
    run: &RunRef,
    start: Option<&Start>,
) -> Found {
    let listed = try_join_all(commits.iter().map(|c| forge.deployments_of(c))).await?;
    let of_here = |d: &Listed| d.is_in(environments);
    let mut listed: Vec<Listed> = listed.into_iter().flatten().filter(of_here).collect();
    if let Some(ours) = start.and_then(|s| listed.iter().find(|d| d.is_made_for(&s.id))) {
        return Ok(Some(ours.id));
    }
    // GitHub counts upwards.
    listed.sort_by_key(|d| std::cmp::Reverse(d.id));
    listed.truncate(LOOKED_AT);
    let pages = try_join_all(listed.iter().map(|d| forge.pages_of(d.id))).await?;
    let ours = listed
        .iter()
        .zip(pages)
        .find(|(_, pages)| is_of_job(pages, run));
    Ok(ours.map(|(d, _)| d.id))
}

/// Shows how a deployment stands, in the deployment that was found, else, where `makes`, in a new one. The error is
/// for people.
pub async fn show(
    ports: &Ports,
    setup: &Setup,
    deployment: &Deployment,
    found: Found,
    outcome: &Outcome,
    makes: bool,
) -> Result<(), String> {
    let Some(forge) = &ports.forge else {
        return Ok(());
    };
    let start = &deployment.start;
    let state = shown(outcome);
    let ending = Ending::of(outcome, start.kind);
    let headline = ending.headline(setup.environment.as_str(), start.kind, setup.locale);
    let id = start.id.as_str();
    let room = DESCRIPTION.saturating_sub(id.chars().count() + 3);
    let description = format!("{} · {id}", one_line(&headline, room));
    let work = async {
        let on_github = match (found?, &start.git_ref) {
            (Some(found), _) => found,
            (None, Some(git_ref)) if makes => {
                let new = NewShown {
                    git_ref: git_ref.clone(),
                    environment: github_name(setup),
                    production: setup.production,
                    deployment: start.id.clone(),
                    description: description.clone(),
                };
                forge.make_deployment(&new).await?
            }
            (None, _) => return Ok(()),
        };
        let status = ShownStatus {
            state,
            description: description.clone(),
            page: start.run.url.clone(),
        };
        let undone = undone(forge, setup, deployment, on_github, &status);
        try_join(forge.show(on_github, &status), undone)
            .await
            .map(|_| ())
    };
    let done = in_time(&ports.clock, work).await;
    done.map_err(|error| error.to_string())
}

fn github_name(setup: &Setup) -> String {
    let configured = setup.github_environments.first().cloned();
    configured.unwrap_or_else(|| setup.environment.to_string())
}

/// What a rollback has undone does not serve any more: the newest other deployment of that version says so.
async fn undone(
    forge: &Arc<dyn Forge>,
    setup: &Setup,
    deployment: &Deployment,
    ours: u64,
    status: &ShownStatus,
) -> Result<(), ForgeError> {
    let start = &deployment.start;
    let undoes = start.kind == DeploymentType::Rollback && status.state == ShownState::Success;
    let left = start.undoes.as_ref().filter(|_| undoes);
    let Some(commit) = left.and_then(|l| l.git_ref.as_ref()) else {
        return Ok(());
    };
    let listed = forge.deployments_of(commit).await?;
    let here = listed
        .iter()
        .filter(|d| d.is_in(&setup.github_environments) && d.id < ours);
    let Some(newest) = here.max_by_key(|d| d.id) else {
        return Ok(());
    };
    let status = ShownStatus {
        state: ShownState::Inactive,
        ..status.clone()
    };
    forge.show(newest.id, &status).await
}
