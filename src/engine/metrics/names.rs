//! Which functions the Lambda gate watches, and what of the configuration does not exist. Knows no count.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::core::gate::ApiName;
use crate::core::gate::metric::{NoSuchMetric, nearest, no_such};
use crate::core::gate::series::Series;
use crate::core::observation::{Kind, Why};
use crate::core::policy::matches_pattern;
use crate::engine::Cloud;
use crate::engine::metrics::MetricWatch;

/// Likeness from which on another name counts as the one that was meant.
const LIKE: f64 = 0.8;

const API_GATEWAY: &str = "AWS/ApiGateway";

impl MetricWatch {
    /// Functions by name need no call; patterns and "all of the stacks" are looked up in the stacks, and patterns
    /// that nothing there matches in the whole account.
    pub(super) async fn find_functions(&mut self, cloud: &Cloud) {
        let Some(gate) = self.gates.lambda.clone() else {
            return;
        };
        self.memory.functions.extend(gate.named().cloned());
        self.memory.unresolved.clear();
        let patterns: Vec<&String> = gate.patterns().collect();
        if patterns.is_empty() && !gate.functions.is_empty() {
            return;
        }
        let listed = join_all(
            self.stacks
                .iter()
                .map(|stack| async move { (stack, cloud.functions.of_stack(stack).await) }),
        )
        .await;
        let mut of_stacks = BTreeSet::new();
        let mut failures = Vec::new();
        for (stack, list) in listed {
            match list {
                Ok(list) => of_stacks.extend(list),
                Err(error) => failures.push((stack.clone(), error.why)),
            }
        }
        if gate.functions.is_empty() {
            if of_stacks.is_empty() && failures.is_empty() {
                let detail = if self.stacks.is_empty() {
                    "no function is named and no stack is configured".to_owned()
                } else {
                    format!("no function in {}", self.stacks.join(", "))
                };
                let why = Why::new(Kind::NotFound, detail);
                self.memory.unresolved.insert("lambda".to_owned(), why);
            }
            self.memory.functions.extend(of_stacks);
            self.memory.unresolved.extend(failures);
            return;
        }
        let mut open: Vec<&String> = Vec::new();
        for pattern in patterns {
            let matching: Vec<_> = matching(pattern, of_stacks.iter()).collect();
            if matching.is_empty() {
                open.push(pattern);
            }
            self.memory.functions.extend(matching);
        }
        if open.is_empty() {
            return;
        }
        match cloud.functions.all().await {
            Ok(all) => {
                for pattern in open {
                    let matching: Vec<_> = matching(pattern, all.iter()).collect();
                    if matching.is_empty() {
                        let why = no_such(
                            &format!("function matches {pattern}"),
                            &nearest(pattern, &all),
                        );
                        self.memory.unresolved.insert(pattern.clone(), why);
                    }
                    self.memory.functions.extend(matching);
                }
            }
            Err(error) => {
                for pattern in open {
                    let why = error.why.clone();
                    self.memory.unresolved.insert(pattern.clone(), why);
                }
            }
        }
    }

    /// Tells what does not exist from what only has no data; asks nothing where everything has data.
    pub(super) async fn find_absent(&mut self, cloud: &Cloud) {
        let memory = &self.memory;
        let silent = |series: &Series| {
            let tables = [&memory.before, &memory.day_before, &memory.after];
            memory.before.answered(series) && !tables.iter().any(|table| table.has_data(series))
        };
        let mut functions = BTreeSet::new();
        let mut apis = BTreeSet::new();
        for (gate, _) in &self.tests {
            match gate.requests.first() {
                Some(series @ Series::Lambda { function, .. }) if silent(series) => {
                    functions.insert(function.clone());
                }
                Some(series @ Series::Api { api, .. }) if silent(series) => {
                    apis.insert(api.clone());
                }
                _ => {}
            }
        }
        let named: BTreeSet<String> = self
            .gates
            .lambda
            .iter()
            .flat_map(|gate| gate.named().cloned())
            .collect();
        let functions: Vec<String> = functions.intersection(&named).cloned().collect();
        let expressions: Vec<_> = self
            .gates
            .metric
            .iter()
            .filter(|gate| silent(&gate.wanted()))
            .cloned()
            .collect();
        // Asked about once all of it has been answered.
        let answered = |series: &Series| memory.before.answered(series);
        let mut known = self.wanted().iter().all(answered);
        if !functions.is_empty() {
            match cloud.functions.all().await {
                Ok(all) => {
                    for name in functions.iter().filter(|name| !all.contains(name)) {
                        let why = no_such(&format!("function {name}"), &nearest(name, &all));
                        let absent = NoSuchMetric {
                            why,
                            misspelt: true,
                        };
                        self.memory.absent.insert(name.clone(), absent);
                    }
                }
                Err(error) => {
                    known &= error.why.kind == Kind::Denied;
                    tracing::debug!(code = "DG242", %error, "whether functions exist is not known");
                }
            }
        }
        for api in apis {
            let dimension = match &api {
                ApiName::Rest(_) => "ApiName",
                ApiName::Http(_) => "ApiId",
            };
            match cloud.metrics.existing(API_GATEWAY, Some(dimension)).await {
                Ok(all) => {
                    let name = api.as_str().to_owned();
                    if !all.contains(&name) {
                        let near = nearest(&name, &all);
                        let misspelt = near.first().is_some_and(|other| {
                            strsim::normalized_damerau_levenshtein(&name, other) >= LIKE
                        });
                        let why = no_such(&format!("API {name} with metrics"), &near);
                        let absent = NoSuchMetric { why, misspelt };
                        self.memory.absent.insert(name, absent);
                    }
                }
                Err(error) => {
                    known &= error.why.kind == Kind::Denied;
                    tracing::debug!(code = "DG243", %error, "whether an API exists is not known");
                }
            }
        }
        for gate in expressions {
            let Some(namespace) = gate.namespace() else {
                continue;
            };
            match cloud.metrics.existing(namespace, None).await {
                Ok(all) => {
                    if let Some(absent) = gate.absent_from(&all) {
                        self.memory.absent.insert(gate.name.clone(), absent);
                    }
                }
                Err(error) => {
                    known &= error.why.kind == Kind::Denied;
                    tracing::debug!(code = "DG244", %error, "whether a metric exists is not known");
                }
            }
        }
        self.existence_known = known;
    }
}

fn matching<'a>(
    pattern: &'a str,
    names: impl Iterator<Item = &'a String>,
) -> impl Iterator<Item = String> {
    names
        .filter(move |name| matches_pattern(pattern, name))
        .cloned()
}
