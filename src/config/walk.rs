//! Compares the located tree with the JSON Schema: unknown and repeated keys, wrong types, words and ranges, all at once.
//! Hands back what is in order, for serde. Does not know which values make sense together.

use std::collections::HashMap;

use serde_json::Value as Json;
use serde_yaml::{Mapping, Value};

use crate::config::problem::{Problems, join};
use crate::config::scalar::{nearest, parse_duration, parse_rate, shown};
use crate::config::tree::{Data, Key, Node, as_bool, as_number, is_null};
use crate::i18n::config::{ProblemKind, Shape};

/// Where the walk stands: in the file, and in the schema (`environments.<name>.gates.http`).
struct Place {
    path: String,
    general: String,
}

struct Walk<'a> {
    schema: &'a Json,
    problems: &'a mut Problems,
}

/// Checks the whole file's form; the answer holds only what is in order.
pub(super) fn walk(root: &Node, schema: &Json, problems: &mut Problems) -> Value {
    let place = Place {
        path: String::new(),
        general: String::new(),
    };
    Walk { schema, problems }
        .value(root, schema, &place)
        .unwrap_or(Value::Mapping(Mapping::new()))
}

/// True where a value may be a secret, so that no message quotes it.
fn is_secret(path: &str) -> bool {
    path.ends_with(".webhook_url") || path.ends_with(".bot_token") || path.contains(".headers.")
}

fn shape_of(node: &Node) -> Shape {
    match &node.data {
        Data::List(_) => Shape::List,
        Data::Map(_) => Shape::Map,
        Data::Scalar { plain: false, .. } => Shape::Text,
        Data::Scalar { text, .. } if is_null(text) => Shape::Nothing,
        Data::Scalar { text, .. } if as_bool(text).is_some() => Shape::Bool,
        Data::Scalar { text, .. } if as_number(text).is_some() => Shape::Number,
        Data::Scalar { .. } => Shape::Text,
    }
}

fn named<'a>(schema: &'a Json, key: &str) -> Option<&'a str> {
    schema.get(key).and_then(Json::as_str)
}

/// The key at the end of a setting's path.
fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

impl<'a> Walk<'a> {
    /// Follows a reference; the name says which scalars are more than text.
    fn resolve(&self, schema: &'a Json) -> (&'a Json, &'a str) {
        named(schema, "$ref")
            .and_then(|r| r.strip_prefix("#/$defs/"))
            .and_then(|name| Some((self.schema.get("$defs")?.get(name)?, name)))
            .unwrap_or((schema, ""))
    }

    fn value(&mut self, node: &Node, schema: &'a Json, place: &Place) -> Option<Value> {
        let (mut schema, mut name) = self.resolve(schema);
        if node.tagged {
            self.problems
                .push_at(Some(node.mark), &place.path, ProblemKind::Tag);
            return None;
        }
        if let Some(Json::Array(shapes)) = schema.get("anyOf") {
            let wants_map = matches!(node.data, Data::Map(_));
            let one = shapes
                .iter()
                .map(|one| self.resolve(one))
                .find(|(one, _)| (named(one, "type") == Some("object")) == wants_map)?;
            (schema, name) = one;
        }
        match (name, named(schema, "type")) {
            ("Duration", _) => self.scalar(node, place, Shape::Duration, |text| {
                parse_duration(text).map(drop)
            }),
            ("Rate", _) => self.scalar(node, place, Shape::Rate, |text| parse_rate(text).map(drop)),
            (_, Some("object")) => self.map(node, schema, place),
            (_, Some("array")) => self.list(node, schema, place),
            (_, Some("boolean")) => self.boolean(node, place),
            (_, Some("integer")) => self.number(node, schema, place, Shape::Integer),
            (_, Some("number")) => self.number(node, schema, place, Shape::Number),
            (_, Some("string")) if schema.get("enum").is_some() => self.word(node, schema, place),
            (_, Some("string")) => self.text(node, place),
            (_, _) => self.scalar(node, place, Shape::Scalar, |_| Ok(())),
        }
    }

    fn wrong(&mut self, node: &Node, place: &Place, wanted: Shape) -> Option<Value> {
        let text = match &node.data {
            Data::Scalar { text, plain } if !is_secret(&place.path) => Some(if *plain {
                shown(text)
            } else {
                format!("\"{}\"", shown(text))
            }),
            Data::Scalar { .. } | Data::List(_) | Data::Map(_) => None,
        };
        let found = shape_of(node);
        self.problems.push(
            &place.path,
            ProblemKind::WrongType {
                wanted,
                found,
                text,
            },
        );
        None
    }

    fn scalar(
        &mut self,
        node: &Node,
        place: &Place,
        wanted: Shape,
        check: impl Fn(&str) -> Result<(), ProblemKind>,
    ) -> Option<Value> {
        match (&node.data, shape_of(node)) {
            (Data::Scalar { text, .. }, shape) if shape != Shape::Nothing => match check(text) {
                Ok(()) => Some(Value::String(text.clone())),
                Err(kind) => {
                    self.problems.push(&place.path, kind);
                    None
                }
            },
            (_, _) => self.wrong(node, place, wanted),
        }
    }

    fn text(&mut self, node: &Node, place: &Place) -> Option<Value> {
        match (&node.data, shape_of(node)) {
            (Data::Scalar { text, .. }, Shape::Text) => Some(Value::String(text.clone())),
            (_, _) => self.wrong(node, place, Shape::Text),
        }
    }

    fn boolean(&mut self, node: &Node, place: &Place) -> Option<Value> {
        match &node.data {
            Data::Scalar { text, plain: true } if as_bool(text).is_some() => {
                as_bool(text).map(Value::Bool)
            }
            Data::Scalar { .. } | Data::List(_) | Data::Map(_) => {
                self.wrong(node, place, Shape::Bool)
            }
        }
    }

    fn number(
        &mut self,
        node: &Node,
        schema: &Json,
        place: &Place,
        wanted: Shape,
    ) -> Option<Value> {
        let Data::Scalar { text, plain: true } = &node.data else {
            return self.wrong(node, place, wanted);
        };
        let value = match wanted {
            Shape::Integer => text
                .parse::<i64>()
                .ok()
                .map(|n| (n as f64, Value::Number(n.into()))),
            _ => as_number(text).map(|n| (n, Value::Number(n.into()))),
        };
        let Some((number, value)) = value else {
            return self.wrong(node, place, wanted);
        };
        let bound = |key| schema.get(key).and_then(Json::as_f64);
        let (least, most) = (bound("minimum"), bound("maximum"));
        if least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most) {
            return Some(value);
        }
        let found = shown(text);
        self.problems.push(
            &place.path,
            if place.path == "version" {
                ProblemKind::UnknownVersion { found }
            } else {
                ProblemKind::OutOfRange {
                    found,
                    least: least.unwrap_or(0.0).to_string(),
                    most: most.map(|most| most.to_string()),
                }
            },
        );
        None
    }

    fn word(&mut self, node: &Node, schema: &Json, place: &Place) -> Option<Value> {
        let words: Vec<&str> = schema
            .get("enum")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        match (&node.data, shape_of(node)) {
            (Data::Scalar { text, .. }, shape) if shape != Shape::Nothing => {
                if words.contains(&text.as_str()) {
                    return Some(Value::String(text.clone()));
                }
                self.problems.push(
                    &place.path,
                    ProblemKind::UnknownWord {
                        found: shown(text),
                        suggestion: nearest(text, words.iter().copied()),
                        allowed: words.iter().map(|&word| word.to_owned()).collect(),
                    },
                );
                None
            }
            (_, _) => self.wrong(node, place, Shape::Text),
        }
    }

    fn list(&mut self, node: &Node, schema: &'a Json, place: &Place) -> Option<Value> {
        let Data::List(items) = &node.data else {
            return self.wrong(node, place, Shape::List);
        };
        if items.is_empty() && schema.get("minItems").is_some() {
            self.problems.push(&place.path, ProblemKind::EmptyList);
        }
        let of = schema.get("items").unwrap_or(&Json::Null);
        let holds_maps = named(self.resolve(of).0, "type") == Some("object");
        let mut kept = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let place = Place {
                path: format!("{}[{n}]", place.path),
                general: place.general.clone(),
            };
            self.problems.place(place.path.clone(), item.mark);
            match self.value(item, of, &place) {
                Some(value) => kept.push(value),
                // Keeps the numbers of the items that follow.
                None if holds_maps => kept.push(Value::Mapping(Mapping::new())),
                None => {}
            }
        }
        Some(Value::Sequence(kept))
    }

    fn map(&mut self, node: &Node, schema: &'a Json, place: &Place) -> Option<Value> {
        let Data::Map(entries) = &node.data else {
            return self.wrong(node, place, Shape::Map);
        };
        let properties = schema.get("properties").and_then(Json::as_object);
        let others = schema
            .get("additionalProperties")
            .filter(|others| others.is_object());
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let mut kept = Mapping::new();
        for (key, value) in entries {
            let Some(name) = self.key(key, place, &mut seen) else {
                continue;
            };
            let path = join(&place.path, name);
            let known = properties.and_then(|p| p.get(name));
            let Some(of) = known.or(others) else {
                let allowed: Vec<String> = properties
                    .map(|p| p.keys().cloned().collect())
                    .unwrap_or_default();
                let suggestion = self.meant(name, place, &allowed);
                let allowed = if suggestion.is_some() {
                    Vec::new()
                } else {
                    allowed
                };
                let kind = ProblemKind::UnknownSetting {
                    suggestion,
                    allowed,
                };
                self.problems.push_at(Some(key.mark), &path, kind);
                continue;
            };
            // What begins on the next line, or nowhere, is found at its key.
            let inline =
                matches!(&value.data, Data::Scalar { .. }) && shape_of(value) != Shape::Nothing;
            self.problems
                .place(path.clone(), if inline { value.mark } else { key.mark });
            let general = join(
                &place.general,
                if known.is_some() { name } else { "<name>" },
            );
            if let Some(value) = self.value(value, of, &Place { path, general }) {
                kept.insert(Value::String(name.to_owned()), value);
            }
        }
        Some(Value::Mapping(kept))
    }

    /// The key's text, unless it is no text or was there already.
    fn key<'k>(
        &mut self,
        key: &'k Key,
        place: &Place,
        seen: &mut HashMap<&'k str, usize>,
    ) -> Option<&'k str> {
        let Some(name) = key.text.as_deref() else {
            self.problems
                .push_at(Some(key.mark), &place.path, ProblemKind::KeyNotText);
            return None;
        };
        if let Some(first) = seen.get(name) {
            let kind = ProblemKind::DuplicateKey { first_line: *first };
            self.problems
                .push_at(Some(key.mark), &join(&place.path, name), kind);
            return None;
        }
        seen.insert(name, key.mark.line);
        Some(name)
    }

    /// A setting that was probably meant: beside, below, anywhere (the same word in its one place), or like one below.
    fn meant(&self, name: &str, place: &Place, siblings: &[String]) -> Option<String> {
        if self.problems.is_full() {
            return None;
        }
        if let Some(sibling) = nearest(name, siblings.iter().map(String::as_str)) {
            return Some(sibling);
        }
        let mut all = Vec::new();
        self.settings(self.schema, "", &mut all);
        let under = match place.general.as_str() {
            "" => String::new(),
            general => format!("{general}."),
        };
        let below: Vec<&str> = all
            .iter()
            .filter_map(|path| path.strip_prefix(under.as_str()))
            .collect();
        let same: Vec<&String> = all.iter().filter(|path| last(path) == name).collect();
        if let [path] = same.as_slice() {
            let inside = place.general.starts_with("environments.<name>");
            let near = path
                .strip_prefix(under.as_str())
                .or_else(|| path.strip_prefix("environments.<name>.").filter(|_| inside));
            return Some(near.unwrap_or(path).to_owned());
        }
        let word = nearest(name, below.iter().map(|path| last(path)))?;
        let path = below.into_iter().find(|path| last(path) == word);
        path.map(str::to_owned)
    }

    /// Every setting's path, those of lists without a number.
    fn settings(&self, schema: &'a Json, path: &str, all: &mut Vec<String>) {
        let (schema, _) = self.resolve(schema);
        for (key, of) in schema
            .get("properties")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
        {
            let path = join(path, key);
            all.push(path.clone());
            self.settings(of, &path, all);
        }
        if let Some(of) = schema.get("items") {
            self.settings(of, path, all);
        }
        if let Some(of) = schema
            .get("additionalProperties")
            .filter(|of| of.is_object())
        {
            self.settings(of, &join(path, "<name>"), all);
        }
    }
}
