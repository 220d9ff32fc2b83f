//! One line that a person can follow while a deployment is watched; knows no terminal.

use crate::core::gate::Finding;
use crate::core::record::Verdict;
use crate::core::time::Timestamp;
use crate::i18n::wording::{duration, one_line, percent};
use crate::i18n::{Locale, Message, sight};

/// How many gates say what, the most telling gate, its evidence, and the time left.
#[must_use]
pub fn progress(findings: &[Finding], now: Timestamp, until: Timestamp, locale: Locale) -> String {
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count() as u64;
    let mut seen = Message::Gates {
        healthy: count(Verdict::Healthy),
        degraded: count(Verdict::Degraded),
        open: count(Verdict::Inconclusive) + count(Verdict::Skipped),
    }
    .text(locale);
    let telling = most_telling(findings);
    if let Some(finding) = telling {
        let what = sight::join(&sight::seen(finding), locale);
        let name = sight::gate_name(finding, locale);
        seen.push_str(&format!(" · {name}: {}", one_line(&what, 160)));
    }
    let against = telling
        .map(|f| f.evidence)
        .filter(|e| *e > 0.0)
        .map(|e| percent(e.min(1.0), locale));
    let in_favour = telling
        .filter(|f| f.verdict == Verdict::Inconclusive && f.evidence <= 0.0)
        .map(|f| percent(f.pass_evidence.clamp(0.0, 1.0), locale));
    let left = duration(
        std::time::Duration::from_secs(until.since(now).as_secs()),
        locale,
    );
    Message::Watching {
        seen: &seen,
        against: against.as_deref(),
        in_favour: in_favour.as_deref(),
        left: &left,
    }
    .text(locale)
}

/// The gate with the most evidence against the deployment; without any, the undecided one that is furthest from a pass,
/// one that may hold the deployment first.
fn most_telling(findings: &[Finding]) -> Option<&Finding> {
    let against = findings
        .iter()
        .filter(|f| f.evidence > 0.0)
        .max_by(|a, b| a.evidence.total_cmp(&b.evidence));
    against.or_else(|| {
        let rank = |f: &Finding| match f.verdict {
            Verdict::Inconclusive if !f.thin => 0,
            Verdict::Inconclusive => 1,
            Verdict::Healthy | Verdict::Degraded | Verdict::Skipped => 2,
        };
        findings.iter().min_by(|a, b| {
            let by_evidence = a.pass_evidence.total_cmp(&b.pass_evidence);
            rank(a).cmp(&rank(b)).then(by_evidence)
        })
    })
}
