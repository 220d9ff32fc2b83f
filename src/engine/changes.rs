//! How the wanted commit lies to those before it: from the default branch's newest commits, else by comparing. What
//! it brings, and by which pull requests. Knows no check.

use std::time::Duration;

use futures_util::future::{join, join_all};

use crate::core::changes::{self, Pull};
use crate::core::id::CommitSha;
use crate::core::journal::Start;
use crate::engine::Ports;
use crate::engine::saving::Beside;
use crate::ports::{CommitLine, Comparison, Forge, ForgeError, Relation};

/// Lines that are kept of what a deployment brings.
const LINES: usize = 20;

/// Nobody waits longer than this for lines that decide nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Commits whose pull requests are looked up.
const ASKED: usize = 10;

/// The newest commits of the default branch, and what comparisons have shown.
#[derive(Debug, Default)]
pub struct Commits {
    /// Newest first; `None` = not asked.
    recent: Option<Result<Vec<CommitLine>, ForgeError>>,
    compared: Vec<(CommitSha, Comparison)>,
}

/// What a deployment brings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brings {
    /// Newest first, SHA and title each.
    pub lines: Vec<String>,
    /// How many more there are.
    pub left_out: usize,
}

impl Commits {
    /// `None` = not asked.
    #[must_use]
    pub fn new(recent: Option<Result<Vec<CommitLine>, ForgeError>>) -> Self {
        Self {
            recent,
            compared: Vec::new(),
        }
    }

    fn window(&self) -> &[CommitLine] {
        match &self.recent {
            Some(Ok(commits)) => commits,
            Some(Err(_)) | None => &[],
        }
    }

    fn known(&self, base: &CommitSha) -> Option<&Comparison> {
        self.compared
            .iter()
            .find(|(b, _)| b == base)
            .map(|(_, c)| c)
    }

    /// How `wanted` lies to the live commit, and what it brings since `base`. Both comparisons, where they are
    /// needed at all, are made at once; that for `base` decides nothing, so nobody waits long for it.
    pub async fn see(
        &mut self,
        ports: &Ports,
        live: Option<&CommitSha>,
        base: Option<&CommitSha>,
        wanted: &CommitSha,
    ) -> (Option<Result<Relation, ForgeError>>, Brings) {
        let asks_live = live.is_some_and(|live| {
            !live.names(wanted)
                && relation_within(self.window(), live, wanted).is_none()
                && self.known(live).is_none()
        });
        let asks_base = base.is_some_and(|base| {
            let same = asks_live && live == Some(base);
            !same
                && !base.names(wanted)
                && within(self.window(), base, wanted).is_none()
                && self.known(base).is_none()
        });
        let forge = ports.forge.as_deref();
        let (live_compared, base_compared) = join(
            async {
                match live.filter(|_| asks_live) {
                    Some(live) => Some((live, compare(forge, live, wanted).await)),
                    None => None,
                }
            },
            async {
                let base = base.filter(|_| asks_base)?;
                let seen = tokio::select! {
                    seen = compare(forge, base, wanted) => seen.map_err(|error| error.to_string()),
                    () = ports.clock.sleep(PATIENCE) => Err("no answer in time".to_owned()),
                };
                match seen {
                    Ok(seen) => Some((base, seen)),
                    Err(why) => {
                        tracing::warn!(code = "DG124", %why, "what this deployment brings is not known");
                        None
                    }
                }
            },
        )
        .await;
        let mut failed = None;
        match live_compared {
            Some((live, Ok(seen))) => self.compared.push((live.clone(), seen)),
            Some((_, Err(error))) => failed = Some(error),
            None => {}
        }
        if let Some((base, seen)) = base_compared {
            self.compared.push((base.clone(), seen));
        }
        let relation = live.map(|live| match failed {
            Some(error) => Err(error),
            None => self
                .relation(live, wanted)
                .ok_or_else(|| ForgeError::NotFound {
                    what: format!("way from {live} to {wanted}"),
                }),
        });
        (relation, self.brings(base, wanted))
    }

    /// As far as it is known by now.
    fn relation(&self, live: &CommitSha, wanted: &CommitSha) -> Option<Relation> {
        if live.names(wanted) {
            return Some(Relation::Identical);
        }
        let compared = self.known(live).map(|c| c.relation.clone());
        compared.or_else(|| relation_within(self.window(), live, wanted))
    }

    fn brings(&self, base: Option<&CommitSha>, wanted: &CommitSha) -> Brings {
        let Some(base) = base.filter(|b| !b.names(wanted)) else {
            return Brings::default();
        };
        if let Some(new) = within(self.window(), base, wanted) {
            return Brings::of(new.iter().copied(), new.len());
        }
        match self.known(base) {
            Some(seen) => Brings::of(seen.commits.iter().rev(), seen.total),
            None => Brings::default(),
        }
    }
}

impl Brings {
    fn of<'a>(newest_first: impl Iterator<Item = &'a CommitLine>, total: usize) -> Self {
        let line = |c: &CommitLine| changes::line(&c.sha, &c.title);
        let lines: Vec<String> = newest_first.take(LINES).map(line).collect();
        Self {
            left_out: total.saturating_sub(lines.len()),
            lines,
        }
    }
}

async fn compare(
    forge: Option<&dyn Forge>,
    base: &CommitSha,
    wanted: &CommitSha,
) -> Result<Comparison, ForgeError> {
    match forge {
        Some(forge) => forge.compare(base.as_str(), wanted.as_str()).await,
        None => Err(ForgeError::Unreachable {
            detail: "no `github_token` was given".to_owned(),
        }),
    }
}

/// The commits from which these come, themselves included, as far as the list shows: places in it.
fn ancestors(commits: &[CommitLine], from: usize) -> Vec<bool> {
    let mut seen = vec![false; commits.len()];
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut seen[at], true) {
            let parents = &commits[at].parents;
            open.extend(
                parents
                    .iter()
                    .filter_map(|p| commits.iter().position(|c| c.sha == *p)),
            );
        }
    }
    seen
}

/// The relation where it follows from these commits and their parents alone; `None` where it does not.
#[must_use]
pub fn relation_within(
    commits: &[CommitLine],
    live: &CommitSha,
    wanted: &CommitSha,
) -> Option<Relation> {
    let find = |sha: &CommitSha| commits.iter().position(|c| c.sha.names(sha));
    let (live, wanted) = (find(live)?, find(wanted)?);
    if ancestors(commits, wanted)[live] {
        Some(Relation::Ahead)
    } else if ancestors(commits, live)[wanted] {
        Some(Relation::Behind)
    } else {
        None
    }
}

/// The commits that `wanted` has and `base` has not, newest first; `None` where the list does not reach so far.
fn within<'a>(
    commits: &'a [CommitLine],
    base: &CommitSha,
    wanted: &CommitSha,
) -> Option<Vec<&'a CommitLine>> {
    let find = |sha: &CommitSha| commits.iter().position(|c| c.sha.names(sha));
    let (base, wanted) = (find(base)?, find(wanted)?);
    let (old, new) = (ancestors(commits, base), ancestors(commits, wanted));
    let both = commits.iter().zip(new.into_iter().zip(old));
    Some(
        both.filter(|(_, (new, old))| *new && !*old)
            .map(|(c, _)| c)
            .collect(),
    )
}

/// Pull requests by commit.
pub type Pulls = Result<Vec<(CommitSha, Vec<Pull>)>, ForgeError>;

/// Looks the pull requests up that brought what a deployment brings; `None` where it brings nothing.
#[must_use]
pub fn look_up_pulls(ports: &Ports, start: &Start) -> Option<Beside<Pulls>> {
    let forge = ports.forge.clone()?;
    let lines = start.changes.iter().take(ASKED);
    let commits: Vec<CommitSha> = lines.filter_map(|line| changes::split(line).0).collect();
    let clock = ports.clock.clone();
    (!commits.is_empty()).then(|| {
        Beside::new(async move {
            tokio::select! {
                found = pulls(forge.as_ref(), &commits) => found,
                () = clock.sleep(PATIENCE) => Err(ForgeError::Unreachable {
                    detail: format!("no answer in {} s", PATIENCE.as_secs()),
                }),
            }
        })
    })
}

async fn pulls(forge: &dyn Forge, commits: &[CommitSha]) -> Pulls {
    let Some((first, rest)) = commits.split_first() else {
        return Ok(Vec::new());
    };
    // Where the permission is missing, one refusal tells as much as ten.
    let mut found = vec![(first.clone(), forge.pulls(first).await?)];
    let others = join_all(
        rest.iter()
            .map(|c| async { (c.clone(), forge.pulls(c).await) }),
    )
    .await;
    for (commit, pulls) in others {
        found.push((commit, pulls?));
    }
    Ok(found)
}
