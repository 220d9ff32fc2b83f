//! YAML text as a tree in which every key and value knows its line and column; knows no setting.
//!
//! `serde_yaml` keeps no positions in its values and stops at the first error, so the text is read by `saphyr-parser`:
//! safe Rust, YAML 1.2, released by its organisation in step with `saphyr`, events with markers.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use crate::config::scalar::shown;
use crate::i18n::config::ProblemKind;

/// Largest file that is read.
pub const MOST_BYTES: usize = 256 * 1024;
/// Deepest nesting that is read.
pub const MOST_DEPTH: usize = 32;
/// Most values after aliases are unfolded.
pub const MOST_NODES: usize = 50_000;

/// Line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
}

impl Mark {
    fn of(span: Span) -> Self {
        Self {
            line: span.start.line().max(1),
            column: span.start.col() + 1,
        }
    }
}

/// One value.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub mark: Mark,
    /// It carries a `!tag`.
    pub tagged: bool,
    /// What it holds.
    pub data: Data,
}

/// What a value holds.
#[derive(Debug, Clone)]
pub enum Data {
    /// A scalar; `plain` = not quoted, so that it may be a number.
    Scalar {
        /// As written, without quotes.
        text: String,
        /// Not quoted.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping in the file's order.
    Map(Vec<(Key, Node)>),
}

/// One key of a mapping.
#[derive(Debug, Clone)]
pub struct Key {
    /// Where it begins.
    pub mark: Mark,
    /// `None` where it is no text.
    pub text: Option<String>,
}

/// A problem with the text itself.
#[derive(Debug)]
pub struct Broken {
    /// Where, if known.
    pub mark: Option<Mark>,
    /// What.
    pub kind: ProblemKind,
}

impl Broken {
    fn at(mark: Mark, kind: ProblemKind) -> Self {
        Self {
            mark: Some(mark),
            kind,
        }
    }
}

enum Open {
    List {
        mark: Mark,
        anchor: usize,
        tagged: bool,
        items: Vec<Node>,
    },
    Map {
        mark: Mark,
        anchor: usize,
        tagged: bool,
        items: Vec<(Key, Node)>,
        key: Option<Key>,
    },
}

/// What an alias adds to the tree.
#[derive(Debug, Clone, Copy)]
struct Size {
    nodes: usize,
    levels: usize,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Size)>,
    nodes: usize,
    root: Option<Node>,
    documents: usize,
}

/// Reads one document; `Ok(None)` where there is nothing but comments.
pub fn read(text: &str) -> Result<Option<Node>, Broken> {
    if text.len() > MOST_BYTES {
        return Err(Broken {
            mark: None,
            kind: ProblemKind::TooLarge {
                bytes: text.len(),
                most: MOST_BYTES,
            },
        });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(text, &error))?;
        builder.take(event, Mark::of(span))?;
    }
    Ok(builder.root)
}

fn syntax(text: &str, error: &ScanError) -> Broken {
    let line = error.marker().line().max(1);
    let tab = text.lines().take(line).position(|l| {
        let indent = &l[..l.len() - l.trim_start_matches([' ', '\t']).len()];
        indent.contains('\t') && !l.trim().is_empty()
    });
    match tab {
        Some(at) => Broken::at(
            Mark {
                line: at + 1,
                column: 1,
            },
            ProblemKind::Tab,
        ),
        None => Broken::at(
            Mark {
                line,
                column: error.marker().col() + 1,
            },
            ProblemKind::Syntax {
                detail: shown(error.info()),
            },
        ),
    }
}

impl Builder {
    fn take(&mut self, event: Event<'_>, mark: Mark) -> Result<(), Broken> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Broken::at(mark, ProblemKind::SeveralDocuments));
                }
                Ok(())
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some((node, size)) => {
                    let (node, size) = (node.clone(), *size);
                    self.count(size.nodes, mark)?;
                    self.deep(size.levels, mark)?;
                    self.put(node);
                    Ok(())
                }
                None => Err(Broken::at(mark, ProblemKind::AliasLoop)),
            },
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, mark)?;
                let data = Data::Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                };
                self.close(
                    Node {
                        mark,
                        tagged: tag.is_some(),
                        data,
                    },
                    anchor,
                );
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => self.open(
                Open::List {
                    mark,
                    anchor,
                    tagged: tag.is_some(),
                    items: Vec::new(),
                },
                mark,
            ),
            Event::MappingStart(anchor, tag) => self.open(
                Open::Map {
                    mark,
                    anchor,
                    tagged: tag.is_some(),
                    items: Vec::new(),
                    key: None,
                },
                mark,
            ),
            Event::SequenceEnd | Event::MappingEnd => {
                match self.open.pop() {
                    Some(Open::List {
                        mark,
                        anchor,
                        tagged,
                        items,
                    }) => {
                        self.close(
                            Node {
                                mark,
                                tagged,
                                data: Data::List(items),
                            },
                            anchor,
                        );
                    }
                    Some(Open::Map {
                        mark,
                        anchor,
                        tagged,
                        items,
                        ..
                    }) => {
                        self.close(
                            Node {
                                mark,
                                tagged,
                                data: Data::Map(items),
                            },
                            anchor,
                        );
                    }
                    None => {}
                }
                Ok(())
            }
        }
    }

    fn count(&mut self, more: usize, mark: Mark) -> Result<(), Broken> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MOST_NODES {
            return Err(Broken::at(
                mark,
                ProblemKind::TooManyNodes { most: MOST_NODES },
            ));
        }
        Ok(())
    }

    fn open(&mut self, open: Open, mark: Mark) -> Result<(), Broken> {
        self.count(1, mark)?;
        self.deep(1, mark)?;
        self.open.push(open);
        Ok(())
    }

    fn deep(&self, more: usize, mark: Mark) -> Result<(), Broken> {
        if self.open.len() + more > MOST_DEPTH {
            return Err(Broken::at(mark, ProblemKind::TooDeep { most: MOST_DEPTH }));
        }
        Ok(())
    }

    fn close(&mut self, node: Node, anchor: usize) {
        if anchor > 0 {
            let size = node.size();
            self.anchors.insert(anchor, (node.clone(), size));
        }
        self.put(node);
    }

    fn put(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { items, key, .. }) => match key.take() {
                Some(name) => items.push((name, node)),
                None => {
                    *key = Some(Key {
                        mark: node.mark,
                        text: node.into_key(),
                    })
                }
            },
        }
    }
}

impl Node {
    /// True for a plain scalar that stands for nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(&self.data, Data::Scalar { text, plain: true } if is_null(text))
    }

    fn size(&self) -> Size {
        let sum = |sizes: &mut dyn Iterator<Item = Size>| {
            sizes.fold(
                Size {
                    nodes: 1,
                    levels: 1,
                },
                |sum, size| Size {
                    nodes: sum.nodes + size.nodes,
                    levels: sum.levels.max(size.levels + 1),
                },
            )
        };
        match &self.data {
            Data::Scalar { .. } => Size {
                nodes: 1,
                levels: 0,
            },
            Data::List(items) => sum(&mut items.iter().map(Self::size)),
            Data::Map(items) => sum(&mut items.iter().map(|(_, value)| value.size())),
        }
    }

    fn into_key(self) -> Option<String> {
        match self.data {
            Data::Scalar { text, plain } => (!(plain && is_null(&text))).then_some(text),
            Data::List(_) | Data::Map(_) => None,
        }
    }
}

/// YAML 1.2 core schema: what a plain scalar that stands for nothing looks like.
#[must_use]
pub fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// YAML 1.2 core schema: `true` and `false`.
#[must_use]
pub fn as_bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A decimal number of YAML's core schema; the rarer notations (`0x1F`, `.inf`) count as text.
#[must_use]
pub fn as_number(text: &str) -> Option<f64> {
    let digits = text.trim_start_matches(['-', '+']);
    (digits.starts_with(|c: char| c.is_ascii_digit()) || digits.starts_with('.'))
        .then(|| text.parse::<f64>().ok())
        .flatten()
        .filter(|n| n.is_finite())
}
