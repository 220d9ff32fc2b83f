//! Saved states: whole or not at all, under their name, until they expire.

use std::collections::BTreeMap;

use deploy_guard::core::state::{SavedAlias, SavedFunction, SavedStack, SavedState};

use super::bench::Bench;
use super::on_every_store;
use super::samples::at;

on_every_store! {
    a_state_is_read_as_it_was_written,
    a_large_state_comes_back_whole,
    a_state_replaces_the_one_before,
    a_state_expires,
}

fn state(template: &str) -> SavedState {
    SavedState {
        at: at(0),
        stacks: vec![SavedStack {
            name: "HanbitTodoStack-prod".into(),
            status: "UPDATE_COMPLETE".into(),
            template: template.into(),
            parameters: BTreeMap::from([
                ("Release".into(), Some("v1".into())),
                ("Password".into(), None),
            ]),
            tags: BTreeMap::from([("팀".into(), "할일".into())]),
            outputs: BTreeMap::from([("ApiEndpointProd".into(), "https://api".into())]),
            capabilities: vec!["CAPABILITY_IAM".into()],
        }],
        functions: vec![SavedFunction {
            name: "CreateTodo".into(),
            aliases: vec![SavedAlias {
                name: "live".into(),
                version: "7".into(),
                weights: BTreeMap::from([("8".into(), 0.1)]),
                revision: Some("r-1".into()),
            }],
        }],
        missing: vec!["lambda:ListAliases: denied".into()],
    }
}

async fn a_state_is_read_as_it_was_written(bench: &Bench) {
    let written = state("{}");
    let history = &bench.history;
    assert_eq!(history.state("d.before", at(0)).await.unwrap(), None);
    history
        .put_state("d.before", &written, at(900).seconds())
        .await
        .unwrap();
    let other = bench.another().await;
    assert_eq!(other.state("d.before", at(0)).await.unwrap(), Some(written));
    assert_eq!(other.state("d.after", at(0)).await.unwrap(), None);
}

/// Letters that do not compress, so that more than one item is needed.
async fn a_large_state_comes_back_whole(bench: &Bench) {
    let mut noise = String::new();
    let mut x = 0x9E37_79B9_7F4A_7C15_u64;
    while noise.len() < 1_200_000 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        noise.push_str(&format!("{x:016x}"));
    }
    let written = state(&noise);
    let history = &bench.history;
    history
        .put_state("large", &written, at(900).seconds())
        .await
        .unwrap();
    assert_eq!(history.state("large", at(0)).await.unwrap(), Some(written));
    if let Some(world) = &bench.world {
        let pieces = world.items().await;
        assert!(pieces.len() > 1, "one item would pass 400 KB");
    }
}

async fn a_state_replaces_the_one_before(bench: &Bench) {
    let history = &bench.history;
    for template in ["one", "two"] {
        history
            .put_state("d.before", &state(template), at(900).seconds())
            .await
            .unwrap();
    }
    let read = history.state("d.before", at(0)).await.unwrap();
    assert_eq!(read, Some(state("two")));
}

async fn a_state_expires(bench: &Bench) {
    let history = &bench.history;
    history
        .put_state("d.before", &state("{}"), at(60).seconds())
        .await
        .unwrap();
    assert!(history.state("d.before", at(59)).await.unwrap().is_some());
    assert_eq!(history.state("d.before", at(61)).await.unwrap(), None);
}
