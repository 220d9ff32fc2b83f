//! `verify`: judges what is there now, and changes nothing.

use super::Desk;
use crate::world::app::{App, Behaviour};
use crate::world::calls::Calls;

fn without_latency(text: &str) -> String {
    text.lines()
        .filter(|l| !l.starts_with("gates:") && !l.starts_with("게이트:"))
        .map(|l| match l.split_once("status 200 in ") {
            Some((before, _)) => format!("{before}status 200 in [time]\n"),
            None => format!("{l}\n"),
        })
        .collect()
}

#[tokio::test]
async fn a_healthy_and_a_broken_application_are_told_apart() {
    let app = App::start(&Calls::default(), "v1");
    let desk = Desk::new();
    desk.configure(&format!(
        "version: 1\nservice: todo\nenvironments:\n  prod:\n    gates:\n      interval: 1s\n      http:\n        - {{ name: api, url: \"{}\", confirm: 1s, warmup: 0s }}\n",
        app.health_url()
    ));
    let well = desk.run_beside("verify prod").await;
    assert_eq!(well.code, 0, "{}{}", well.out, well.err);
    let mut told = well.transcript("verify prod");
    app.deploy(Behaviour::broken("v2"));
    let bad = desk.run_beside("verify prod").await;
    assert_eq!(bad.code, 4, "{}{}", bad.out, bad.err);
    told.push_str(&bad.transcript("verify prod"));
    let json = desk.run_beside("verify prod --json").await;
    assert_eq!(json.json()["verdict"], "degraded");
    assert_eq!(json.json()["gates"].as_array().map(Vec::len), Some(1));
    insta::assert_snapshot!(without_latency(&told));
    assert_eq!(desk.left_behind(), Vec::<String>::new());
}
