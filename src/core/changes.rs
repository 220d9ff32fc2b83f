//! What a deployment brings: lines of commits, the pages that show them, and their pull requests. Knows no request.

use crate::core::id::CommitSha;
use crate::core::journal::Start;
use crate::core::record::DeploymentType;

/// Characters of a title that are kept.
const TITLE: usize = 120;

/// A commit as it stands in a journal.
#[must_use]
pub fn line(sha: &CommitSha, title: &str) -> String {
    let title: String = title.chars().take(TITLE).collect();
    format!("{sha} {title}")
}

/// Commit and title of a line.
#[must_use]
pub fn split(line: &str) -> (Option<CommitSha>, &str) {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    match CommitSha::parse(first) {
        Ok(sha) => (Some(sha), rest),
        Err(_) => (None, line),
    }
}

/// A line with a short commit, as records and messages have it.
#[must_use]
pub fn short(line: &str) -> String {
    match split(line) {
        (Some(sha), title) => format!("{} {title}", sha.short()),
        (None, title) => title.to_owned(),
    }
}

/// A pull request that brought a commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pull {
    /// Number.
    pub number: u64,
    /// Its page.
    pub url: String,
}

/// The version that changes are counted from: the last good one, else what served before.
#[must_use]
pub fn base(start: &Start) -> Option<&CommitSha> {
    let good = start.good.as_ref().and_then(|l| l.git_ref.as_ref());
    good.or_else(|| start.previous.as_ref().and_then(|l| l.git_ref.as_ref()))
}

/// The repository's page, read from the run's.
#[must_use]
pub fn repository_page(start: &Start) -> Option<&str> {
    let (page, _) = start.run.url.as_deref()?.split_once("/actions/runs/")?;
    Some(page)
}

/// GitHub's page that shows everything that a deployment brings.
#[must_use]
pub fn compare_page(start: &Start) -> Option<String> {
    if start.kind == DeploymentType::Rollback || start.changes.is_empty() {
        return None;
    }
    let (base, wanted) = (base(start)?, start.git_ref.as_ref()?);
    Some(format!(
        "{}/compare/{base}...{wanted}",
        repository_page(start)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_and_read() {
        let sha = CommitSha::parse(&"a1b2c3d4e5".repeat(4)).expect("a sha");
        let text = line(&sha, "Add due dates (#12)");
        assert_eq!(split(&text), (Some(sha), "Add due dates (#12)"));
        assert_eq!(short(&text), "a1b2c3d4 Add due dates (#12)");
        assert_eq!(
            short("a1b2c3d4 kept by an older version"),
            "a1b2c3d4 kept by an older version"
        );
        assert_eq!(split("no commit"), (None, "no commit"));
        assert_eq!(
            line(
                &CommitSha::parse("a1b2c3d").expect("a sha"),
                &"가".repeat(500)
            )
            .chars()
            .count(),
            8 + TITLE
        );
    }
}
