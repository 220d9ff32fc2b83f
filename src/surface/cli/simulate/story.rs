//! `simulate FILE`: the very engine on a scenario, in virtual time; prints what a job's log would say and the verdict.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;

use crate::config::{Scenario, scenario};
use crate::core::alert::Routing;
use crate::core::gate::Finding;
use crate::core::id::{EnvironmentName, ServiceName};
use crate::core::journal::Judgement;
use crate::core::judge::Policy;
use crate::core::outcome::Exit;
use crate::core::policy::{ApprovalRule, PolicySettings};
use crate::core::restore::RollbackSettings;
use crate::engine::watch::{Watched, watch_unrecorded};
use crate::engine::{Cloud, Ports, Say, Setup};
use crate::i18n::saying::Saying;
use crate::i18n::{Locale, Word, reason, sight};
use crate::ports::{Clock, History};
use crate::surface::cli::simulate::time::Time;
use crate::surface::cli::simulate::town::Town;
use crate::surface::cli::{Common, Failed, print_json};
use crate::surface::connect::Connect;
use crate::surface::out;
use crate::surface::progress::line;

/// The whole story of a scenario.
pub struct Story {
    /// Time since the deployment, and what the log says then.
    pub lines: Vec<(Duration, String)>,
    /// How it was judged.
    pub judgement: Judgement,
    /// When.
    pub at: Duration,
}

/// Runs a scenario.
pub fn tell(
    scenario: &Scenario,
    history: Arc<dyn History>,
    locale: Locale,
) -> Result<Story, String> {
    let time = Arc::new(Time::default());
    let town = Arc::new(Town {
        time: Arc::clone(&time),
        scenario: scenario.clone(),
    });
    let setup = setup(scenario, locale).map_err(|error| error.to_string())?;
    let ports = Ports {
        history,
        forge: None,
        stacks: town.clone(),
        cloud: Cloud {
            metrics: town.clone(),
            functions: town.clone(),
            logs: town.clone(),
        },
        saver: town.clone(),
        prober: town,
        notifiers: Vec::new(),
        movers: Vec::new(),
        clock: time.clone(),
    };
    let policy = Policy {
        on_inconclusive: scenario.gates.on_inconclusive,
        automatic: false,
        irreversible: false,
    };
    let lines = Arc::new(Mutex::new(Lines::default()));
    let say = {
        let (lines, time) = (Arc::clone(&lines), Arc::clone(&time));
        Arc::new(move |say: Say| {
            let text = line(&say, locale, time.now());
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.take(time.monotonic(), &say, text);
        })
    };
    let (sender, mut stop) = tokio::sync::watch::channel(None);
    drop(sender);
    let window = Some(scenario.gates.window);
    let say: crate::engine::Sayer = say;
    let work = watch_unrecorded(&ports, &setup, policy, window, &say, &mut stop);
    let judgement = match time.run(work) {
        Some(Ok(Watched::Judged(judgement) | Watched::Yielded(judgement))) => judgement,
        Some(Ok(Watched::Superseded | Watched::Stopped(_))) | None => {
            return Err("the simulation did not come to an end".to_owned());
        }
        Some(Err(error)) => return Err(error.to_string()),
    };
    let lines = std::mem::take(&mut lines.lock().unwrap_or_else(PoisonError::into_inner).all);
    Ok(Story {
        lines,
        judgement,
        at: time.monotonic(),
    })
}

/// A minute of the watch has one line, but where a gate's verdict changes.
#[derive(Debug, Default)]
struct Lines {
    all: Vec<(Duration, String)>,
    minute: Option<u64>,
    verdicts: Vec<crate::core::record::Verdict>,
}

impl Lines {
    fn take(&mut self, at: Duration, say: &Say, text: String) {
        if let Say::Watching { findings, .. } = say {
            let verdicts: Vec<_> = findings.iter().map(|f| f.verdict).collect();
            let minute = Some(at.as_secs() / 60);
            if self.minute == minute && self.verdicts == verdicts {
                return;
            }
            (self.minute, self.verdicts) = (minute, verdicts);
        }
        self.all.push((at, text));
    }
}

fn setup(scenario: &Scenario, locale: Locale) -> Result<Setup, crate::core::id::InvalidId> {
    Ok(Setup {
        environment: EnvironmentName::new("simulation")?,
        service: ServiceName::new("simulation")?,
        locale,
        production: false,
        github_environments: Vec::new(),
        stacks: vec!["simulation".to_owned()],
        policy: PolicySettings {
            lock_wait: Duration::ZERO,
            approval_deploy: ApprovalRule::None,
            approval_rollback: ApprovalRule::None,
            branches: Vec::new(),
            required_checks: Vec::new(),
            freeze: Vec::new(),
        },
        gates: scenario.gates.clone(),
        rollback: RollbackSettings {
            automatic: false,
            strategies: Vec::new(),
            workflow: None,
            verify: Duration::ZERO,
        },
        routing: Routing {
            routes: Vec::new(),
            input_channels: Vec::new(),
            default_channels: Vec::new(),
            production: false,
        },
        retention: Duration::ZERO,
    })
}

/// Reads, runs and prints a scenario.
pub async fn run(common: &Common, file: &str, connect: &dyn Connect) -> Result<Exit, Failed> {
    let locale = common.locale.unwrap_or(Locale::En);
    let unreadable = |why: String| {
        let text = Saying::Unreadable {
            what: file,
            why: &why,
        };
        Failed::new(Exit::Usage, text.text(locale))
    };
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
    let scenario = scenario(file, &text).map_err(|problems| Failed {
        problems: problems.iter().map(|p| p.text(locale)).collect(),
        exit: Exit::Usage,
    })?;
    let history = connect.scratch().await;
    let history = history.map_err(|error| unreadable(error.to_string()))?;
    let story = tell(&scenario, history, locale).map_err(unreadable)?;
    let judgement = &story.judgement;
    if common.json {
        let lines: Vec<_> = story
            .lines
            .iter()
            .map(|(at, text)| json!({ "seconds": at.as_secs(), "text": text }))
            .collect();
        print_json(&json!({
            "verdict": judgement.verdict.as_str(),
            "expected": scenario.expect.map(crate::core::record::Verdict::as_str),
            "reasonCode": judgement.reason.as_str(),
            "reason": reason::meaning(judgement.reason, locale),
            "seconds": story.at.as_secs(),
            "gates": crate::render::json::findings(&judgement.findings, locale),
            "story": lines,
        }));
    } else {
        print(&scenario, &story, locale);
    }
    let unexpected = scenario
        .expect
        .filter(|expected| *expected != judgement.verdict);
    if let Some(expected) = unexpected {
        let text = Saying::Unexpected {
            expected,
            found: judgement.verdict,
        };
        out::error_line(&text.text(locale));
        return Ok(Exit::Failed);
    }
    Ok(Exit::Fine)
}

fn print(scenario: &Scenario, story: &Story, locale: Locale) {
    let safe = crate::render::annotation::safe_line;
    if let Some(about) = &scenario.about {
        out::line(&safe(about));
    }
    for (at, text) in &story.lines {
        out::line(&format!("{}  {}", clock(*at), safe(text)));
    }
    let judgement = &story.judgement;
    out::line(&format!(
        "{}  {}: {}",
        clock(story.at),
        judgement.verdict.word(locale),
        reason::meaning(judgement.reason, locale)
    ));
    let findings: Vec<&Finding> = sight::worst_first(&judgement.findings);
    for finding in findings {
        let sign = crate::render::summary::verdict_sign(finding);
        let mut text = safe(&sight::line(finding, locale));
        if finding.verdict == crate::core::record::Verdict::Inconclusive
            && finding.reason != judgement.reason
        {
            text.push_str(&format!(" ({})", reason::meaning(finding.reason, locale)));
        }
        out::line(&format!("  {sign} {text}"));
    }
}

/// `05:10`: minutes and seconds.
fn clock(at: Duration) -> String {
    format!("{:02}:{:02}", at.as_secs() / 60, at.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every scenario that is published comes to the verdict that it names.
    #[tokio::test]
    async fn the_examples_tell_what_they_say() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("a file").path();
            let name = path.display().to_string();
            let text = std::fs::read_to_string(&path).expect("text");
            let scenario = scenario(&name, &text).expect("a scenario");
            let expected = scenario.expect.expect("a verdict that is expected");
            for locale in Locale::ALL {
                let history = crate::adapters::sqlite::SqliteHistory::in_memory().await;
                let history = Arc::new(history.expect("memory"));
                let story = tell(&scenario, history, *locale).expect("an end");
                let found = &story.judgement;
                assert_eq!(found.verdict, expected, "{name}: {:#?}", found.findings);
                assert!(!story.lines.is_empty(), "{name}");
            }
            seen += 1;
        }
        assert!(seen >= 7, "{seen} scenarios");
    }

    #[test]
    fn unknown_keys_are_told_with_line_and_suggestion() {
        let text = "gates:\n  lambda: {}\nafter:\n  - requsts: 3\n";
        let problems = scenario("a.yml", text).expect_err("a slip");
        let said = problems[0].text(Locale::En);
        assert!(
            said.starts_with("a.yml:4:") && said.contains("requests"),
            "{said}"
        );
        assert!(scenario("a.yml", "about: nothing\n").is_err());
    }
}
