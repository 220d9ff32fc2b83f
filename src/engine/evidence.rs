//! What is kept beside a record for whoever goes on with it: the job's configuration and the counts of the CloudWatch
//! gates, as one JSON object. Knows no store; keys of others stay as they are.

use serde_json::{Map, Value};

use crate::engine::metrics::MetricMemory;

/// Larger evidence might not fit into one commit once packed: then the counts are left out, for a close must not fail.
const MOST_BYTES: usize = 700 * 1024;

const METRICS: &str = "metrics";
const BAKED: &str = "baked";

/// The evidence of one deployment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence(Map<String, Value>);

impl Evidence {
    /// Reads what was kept; what cannot be read counts as nothing, for it only helps to go on.
    #[must_use]
    pub fn read(text: Option<&str>) -> Self {
        let read = text.map(serde_json::from_str::<Map<String, Value>>);
        Self(match read {
            None => Map::new(),
            Some(Ok(map)) => map,
            Some(Err(error)) => {
                tracing::warn!(code = "DG245", %error, "kept evidence could not be read");
                Map::new()
            }
        })
    }

    /// The counts of the CloudWatch gates, where they were kept.
    #[must_use]
    pub fn metrics(&self) -> Option<MetricMemory> {
        let value = self.0.get(METRICS)?.clone();
        match serde_json::from_value(value) {
            Ok(memory) => Some(memory),
            Err(error) => {
                tracing::warn!(code = "DG246", %error, "kept counts could not be read");
                None
            }
        }
    }

    /// The same with these counts.
    #[must_use]
    pub fn with_metrics(mut self, memory: &MetricMemory) -> Self {
        match serde_json::to_value(memory) {
            Ok(value) => {
                self.0.insert(METRICS.to_owned(), value);
            }
            Err(error) => tracing::warn!(code = "DG247", %error, "the counts could not be kept"),
        }
        self
    }

    /// True where the keeper is done with it, though its bake may go on.
    #[must_use]
    pub fn is_baked(&self) -> bool {
        self.0.get(BAKED) == Some(&Value::Bool(true))
    }

    /// The same, done with.
    #[must_use]
    pub fn baked(mut self) -> Self {
        self.0.insert(BAKED.to_owned(), Value::Bool(true));
        self
    }

    /// As it is kept; `None` where there is nothing to keep.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let whole = Value::Object(self.0.clone()).to_string();
        if whole.len() <= MOST_BYTES {
            return Some(whole);
        }
        tracing::warn!(
            code = "DG248",
            bytes = whole.len(),
            "there are too many counts to be kept: the keeper begins anew"
        );
        let mut rest = self.0.clone();
        rest.remove(METRICS);
        let rest = Value::Object(rest).to_string();
        (rest.len() <= MOST_BYTES).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_others_stay_and_what_is_broken_is_nothing() {
        let evidence = Evidence::read(Some(r#"{"config":{"file":"a.yml"}}"#)).baked();
        let again = Evidence::read(evidence.text().as_deref());
        assert!(again.is_baked() && again.metrics().is_none());
        assert!(again.text().expect("kept").contains("a.yml"));
        assert_eq!(Evidence::read(Some("{")), Evidence::default());
        assert_eq!(Evidence::default().text(), None);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut evidence = Evidence::read(Some(r#"{"config":1}"#));
        let long = Value::String("x".repeat(MOST_BYTES));
        evidence.0.insert(METRICS.to_owned(), long);
        assert_eq!(evidence.text().as_deref(), Some(r#"{"config":1}"#));
    }
}
