//! What people read of a restore, in both languages: summary, Slack and mail of every way it can go, by the action and
//! from a terminal; as snapshots, with what differs from run to run taken out.

use serde_json::{Value, json};

use super::prod::{BINARY, Like, Prod, VERIFY};
use crate::world::app::Behaviour;
use crate::world::faults::{Fault, On};
use crate::world::runner_result::StepResult;
use crate::world::runner_spec::Uses;

const LOCALES: [&str; 2] = ["en", "ko"];

pub fn like(locale: &'static str, strategies: &'static str) -> Like {
    Like {
        functions: 2,
        strategies,
        told: Some(locale),
        ..Like::default()
    }
}

/// Numbers become `#`, ids `deploy-A` and so on; commits stay, for they are the same in every run.
pub fn plain(text: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let (mut out, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let end = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(end);
        out.push_str(&plain_word(word, &mut names));
        rest = after;
    }
    // How many probes fail before the restored version answers, and how long it takes, is chance.
    [
        (", #회 중 #회 실패", ""),
        (", # of # probes failed", ""),
        ("응답 시간 #초", "응답 시간 #밀리초"),
        ("status # in # s", "status # in # ms"),
    ]
    .iter()
    .fold(out, |text, (chance, plain)| text.replace(chance, plain))
}

fn plain_word(word: &str, names: &mut Vec<String>) -> String {
    let parts: Vec<&str> = word.split('-').collect();
    let digits = |p: &str, n| p.len() == n && p.bytes().all(|b| b.is_ascii_digit());
    if let [kind, day, time, sha, more @ ..] = parts.as_slice()
        && digits(day, 8)
        && digits(time, 6)
    {
        let id = format!("{kind}-{day}-{time}-{sha}");
        let n = names.iter().position(|n| *n == id).unwrap_or_else(|| {
            names.push(id);
            names.len() - 1
        });
        let letter = char::from(b'A' + u8::try_from(n).unwrap());
        let more: Vec<&str> = more.to_vec();
        let tail = if more.is_empty() {
            String::new()
        } else {
            format!("-{}", more.join("-"))
        };
        return format!("{kind}-{letter}{tail}");
    }
    let hex = word.len() >= 7 && word.bytes().all(|b| b.is_ascii_hexdigit());
    if (hex && !digits(word, word.len())) || word.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return word.to_owned();
    }
    let mut out = String::new();
    for c in word.chars() {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

/// Everything that people were told since these messages and mails.
pub fn told(prod: &Prod, step: &StepResult, seen: (usize, usize)) -> String {
    let mut text = format!("{}\n", step.summary.clone().unwrap_or_default());
    text.push_str(&told_elsewhere(prod, seen));
    plain(&text)
}

/// Without the lines that a look leaves each: how many there are is chance.
pub fn settled(said: &str) -> String {
    let looks = ["gates: ", "게이트: "];
    let lines = said
        .lines()
        .filter(|l| !looks.iter().any(|look| l.starts_with(look)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Messages of one write go out at once: each channel's are put in the order of their words.
pub fn told_elsewhere(prod: &Prod, seen: (usize, usize)) -> String {
    let messages = prod.world.slack.messages();
    let mut slack: Vec<_> = (messages.iter().skip(seen.0))
        .map(|message| slack_text(&message.payload))
        .collect();
    let published = prod.world.aws.published();
    let mut mails: Vec<_> = (published.iter().skip(seen.1))
        .map(|mail| mail_text(mail.subject.as_deref(), &mail.message))
        .collect();
    slack.sort();
    mails.sort();
    slack.into_iter().chain(mails).collect()
}

fn slack_text(payload: &Value) -> String {
    let mut text = format!(
        "\n=== Slack: {}\n",
        payload["text"].as_str().unwrap_or_default()
    );
    for attachment in payload["attachments"].as_array().into_iter().flatten() {
        for field in attachment["fields"].as_array().into_iter().flatten() {
            let get = |name: &str| field[name].as_str().unwrap_or_default().to_owned();
            text.push_str(&format!("{}: {}\n", get("title"), get("value")));
        }
        if let Some(words) = attachment["text"].as_str() {
            text.push_str(&format!("{words}\n"));
        }
    }
    text
}

fn mail_text(subject: Option<&str>, message: &str) -> String {
    let body: Value = serde_json::from_str(message).unwrap_or_default();
    let body = body["email"]
        .as_str()
        .or(body["default"].as_str())
        .unwrap_or(message);
    format!("\n=== Mail: {}\n{body}\n", subject.unwrap_or_default())
}

pub fn seen(prod: &Prod) -> (usize, usize) {
    (
        prod.world.slack.messages().len(),
        prod.world.aws.published().len(),
    )
}

fn verify() -> Uses {
    Uses::new("verify", &VERIFY)
}

#[tokio::test]
async fn aliases() {
    for locale in LOCALES {
        let prod = Prod::new(like(locale, "lambda_alias, cloudformation")).await;
        let mark = seen(&prod);
        let verify = prod.deploy("v2", Behaviour::broken("v2"), 1).await;
        assert_eq!(verify.output("status"), "rolled_back", "{}", verify.story());
        insta::assert_snapshot!(format!("aliases_{locale}"), told(&prod, &verify, mark));
    }
}

#[tokio::test]
async fn stack() {
    for locale in LOCALES {
        let prod = Prod::new(like(locale, "cloudformation")).await;
        let mark = seen(&prod);
        let (_, verify) = prod.update(&json!({}), verify()).await;
        assert_eq!(verify.output("status"), "rolled_back", "{}", verify.story());
        insta::assert_snapshot!(format!("stack_{locale}"), told(&prod, &verify, mark));
    }
}

/// The aliases move, and the service is no better for it: the stack follows.
#[tokio::test]
async fn aliases_then_the_stack() {
    for locale in LOCALES {
        let prod = Prod::new(like(locale, "lambda_alias, cloudformation")).await;
        let mark = seen(&prod);
        let moves = async {
            // The deployment changes both; what breaks it is in the stack.
            loop {
                if prod.release().await == "v2" {
                    for function in &prod.functions {
                        let version = prod.publish(function, "v2").await;
                        let to = json!({ "FunctionVersion": version });
                        prod.lambda("PUT", &format!("/{function}/aliases/live"), &to)
                            .await;
                    }
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let ((_, verify), ()) =
            futures_util::future::join(prod.update(&json!({}), verify()), moves).await;
        assert_eq!(verify.output("status"), "rolled_back", "{}", verify.story());
        assert_eq!(prod.aliases().await, ["1", "1"]);
        assert_eq!(prod.release().await, "v1");
        assert_eq!(
            prod.world
                .calls()
                .count("CloudFormation", "ExecuteChangeSet"),
            1
        );
        insta::assert_snapshot!(format!("both_{locale}"), told(&prod, &verify, mark));
    }
}

/// Both strategies are refused: a person must act, with the commands at hand.
#[tokio::test]
async fn nothing_helps() {
    for locale in LOCALES {
        let prod = Prod::new(like(locale, "lambda_alias")).await;
        prod.world
            .fault(On::op("UpdateAlias").always(), Fault::Denied);
        let mark = seen(&prod);
        let verify = prod.deploy("v2", Behaviour::broken("v2"), 4).await;
        assert_eq!(verify.output("status"), "rollback_failed");
        let told = told(&prod, &verify, mark);
        for part in [
            "deploy-guard rollback prod deploy-A",
            "describe-stack-events --stack-name todo-prod",
        ] {
            assert!(
                told.matches(part).count() >= 2,
                "{part} in summary and messages: {told}"
            );
        }
        insta::assert_snapshot!(format!("nothing_helps_{locale}"), told);
    }
}

/// Without an explicit step the post stage watches, and restores all the same.
#[tokio::test]
async fn by_the_post_stage() {
    for locale in LOCALES {
        let prod = Prod::new(like(locale, "lambda_alias")).await;
        let mark = seen(&prod);
        prod.world.github.with(|hub| hub.commit("Make v2"));
        let mut job = prod.world.start(prod.world.job(BINARY));
        let status = prod
            .following(async {
                job.uses("guard", &[("environment", "prod")])
                    .await
                    .assert_code(0);
                job.run("deploy", async {
                    prod.ship("v2", Behaviour::broken("v2")).await;
                    tokio::time::sleep(std::time::Duration::from_millis(120)).await;
                    Ok(())
                })
                .await;
                job.finish().await
            })
            .await;
        assert_eq!(status, "failure", "{}", job.post("guard").story());
        assert_eq!(prod.aliases().await, ["1", "1"]);
        assert_eq!(prod.records().await[1][1], "rolled_back");
        insta::assert_snapshot!(
            format!("post_{locale}"),
            told(&prod, job.post("guard"), mark)
        );
    }
}

#[tokio::test]
async fn by_the_button_and_from_a_terminal() {
    for locale in LOCALES {
        let prod = Prod::new(like(locale, "lambda_alias")).await;
        prod.deploy("v2", Behaviour::healthy("v2"), 0).await;
        prod.deploy("v3", Behaviour::healthy("v3"), 0).await;
        let mark = seen(&prod);
        let (guard, mut job) = prod.button("last-success").await;
        guard.assert_code(0);
        assert_eq!(job.finish().await, "success");
        assert_eq!(prod.aliases().await, ["2", "2"]);
        insta::assert_snapshot!(format!("button_{locale}"), told(&prod, &guard, mark));
        let mark = seen(&prod);
        let (code, said) = prod
            .cli(&["rollback", "prod", "last-success", "--yes"])
            .await;
        assert_eq!(code, 0, "{said}");
        assert_eq!(prod.aliases().await, ["1", "1"]);
        let text = plain(&format!(
            "{}\n{}",
            settled(&said),
            told_elsewhere(&prod, mark)
        ));
        insta::assert_snapshot!(format!("terminal_{locale}"), text);
    }
}

#[tokio::test]
async fn from_a_terminal_where_nothing_helps() {
    for locale in LOCALES {
        let prod = Prod::new(like(locale, "lambda_alias")).await;
        prod.deploy("v2", Behaviour::healthy("v2"), 0).await;
        prod.world
            .fault(On::op("UpdateAlias").always(), Fault::Denied);
        let mark = seen(&prod);
        let (code, said) = prod
            .cli(&["rollback", "prod", "last-success", "--yes"])
            .await;
        assert_eq!(code, 4, "{said}");
        assert_eq!(prod.records().await[2][1], "rollback_failed");
        let text = plain(&format!(
            "{}\n{}",
            settled(&said),
            told_elsewhere(&prod, mark)
        ));
        insta::assert_snapshot!(format!("terminal_nothing_helps_{locale}"), text);
    }
}
