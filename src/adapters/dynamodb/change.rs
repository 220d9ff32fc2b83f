//! Builds update and condition expressions with every name and value by placeholder; knows no item.

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, Update};

use super::attr::{Item, malformed, n};
use crate::ports::StoreError;

/// Names and values of one expression.
#[derive(Debug, Default)]
pub(super) struct Terms {
    names: Vec<String>,
    values: Vec<AttributeValue>,
}

impl Terms {
    /// The placeholder of a path; dots lead into maps.
    pub(super) fn name(&mut self, path: &str) -> String {
        let parts: Vec<String> = path
            .split('.')
            .map(|part| {
                let known = self.names.iter().position(|n| n == part);
                let at = known.unwrap_or_else(|| {
                    self.names.push(part.to_owned());
                    self.names.len() - 1
                });
                format!("#n{at}")
            })
            .collect();
        parts.join(".")
    }

    /// The placeholder of a value.
    pub(super) fn value(&mut self, value: AttributeValue) -> String {
        let known = self.values.iter().position(|v| *v == value);
        let at = known.unwrap_or_else(|| {
            self.values.push(value);
            self.values.len() - 1
        });
        format!(":v{at}")
    }

    /// `path = value`.
    pub(super) fn is(&mut self, path: &str, value: AttributeValue) -> String {
        format!("{} = {}", self.name(path), self.value(value))
    }

    /// `attribute_not_exists(path)`.
    pub(super) fn absent(&mut self, path: &str) -> String {
        format!("attribute_not_exists({})", self.name(path))
    }

    /// `attribute_exists(path)`.
    pub(super) fn present(&mut self, path: &str) -> String {
        format!("attribute_exists({})", self.name(path))
    }

    pub(super) fn names(&self) -> Option<std::collections::HashMap<String, String>> {
        let named = self.names.iter().enumerate();
        (!self.names.is_empty())
            .then(|| named.map(|(i, n)| (format!("#n{i}"), n.clone())).collect())
    }

    pub(super) fn values(&self) -> Option<Item> {
        let valued = self.values.iter().enumerate();
        (!self.values.is_empty())
            .then(|| valued.map(|(i, v)| (format!(":v{i}"), v.clone())).collect())
    }
}

/// An update of one item with its condition.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) terms: Terms,
    set: Vec<String>,
    remove: Vec<String>,
    add: Vec<String>,
    when: Vec<String>,
}

impl Change {
    pub(super) fn set(&mut self, path: &str, value: AttributeValue) {
        let term = self.terms.is(path, value);
        self.set.push(term);
    }

    /// Sets where there is a value, else removes.
    pub(super) fn put(&mut self, path: &str, value: Option<AttributeValue>) {
        match value {
            Some(value) => self.set(path, value),
            None => self.remove(path),
        }
    }

    pub(super) fn set_once(&mut self, path: &str, value: AttributeValue) {
        let (name, value) = (self.terms.name(path), self.terms.value(value));
        self.set
            .push(format!("{name} = if_not_exists({name}, {value})"));
    }

    /// Raises a number by one, from nothing to one.
    pub(super) fn raise(&mut self, path: &str) {
        let (name, zero, one) = (
            self.terms.name(path),
            self.terms.value(n(0)),
            self.terms.value(n(1)),
        );
        self.set
            .push(format!("{name} = if_not_exists({name}, {zero}) + {one}"));
    }

    /// Copies an attribute as it was before the update.
    pub(super) fn copy(&mut self, to: &str, from: &str) {
        let (to, from) = (self.terms.name(to), self.terms.name(from));
        self.set.push(format!("{to} = {from}"));
    }

    pub(super) fn remove(&mut self, path: &str) {
        let name = self.terms.name(path);
        self.remove.push(name);
    }

    pub(super) fn add(&mut self, path: &str, by: i64) {
        let term = format!("{} {}", self.terms.name(path), self.terms.value(n(by)));
        self.add.push(term);
    }

    pub(super) fn when(&mut self, condition: impl FnOnce(&mut Terms) -> String) {
        let condition = condition(&mut self.terms);
        self.when.push(condition);
    }

    pub(super) fn update(&self) -> String {
        let clause = |word: &str, parts: &[String]| {
            (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")))
        };
        [
            clause("SET", &self.set),
            clause("REMOVE", &self.remove),
            clause("ADD", &self.add),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
    }

    pub(super) fn condition(&self) -> Option<String> {
        (!self.when.is_empty()).then(|| self.when.join(" AND "))
    }

    /// As an action of a transaction.
    pub(super) fn action(self, table: &str, key: Item) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(table)
            .set_key(Some(key))
            .update_expression(self.update())
            .set_condition_expression(self.condition())
            .set_expression_attribute_names(self.terms.names())
            .set_expression_attribute_values(self.terms.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|e| malformed(format!("an update cannot be built: {e}")))
    }
}

/// A new item as an action of a transaction, on condition that there is none of its key.
pub(super) fn put_new(table: &str, item: Item) -> Result<Put, StoreError> {
    let mut terms = Terms::default();
    let condition = terms.absent(super::key::ID);
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression(condition)
        .set_expression_attribute_names(terms.names())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(|e| malformed(format!("a new item cannot be built: {e}")))
}
