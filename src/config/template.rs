//! Values that are filled in: `${env.NAME}` and `{environment}` when an environment is chosen, `{ref}` and
//! `${stack.OutputKey}` later; does not know where a variable or an output comes from. There is no escape: `${` always
//! begins one of these.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::scalar::shown;
use crate::core::gate::http::VersionCheck;
use crate::core::gate::{ApiName, GateSettings};
use crate::core::id::CommitSha;
use crate::i18n::config::ProblemKind;

/// What a piece of text is.
enum Piece<'t> {
    Plain(&'t str),
    Env(&'t str),
    Stack(&'t str),
    Environment,
    Ref,
    Unknown(&'t str),
}

const ENVIRONMENT: &str = "{environment}";
const REF: &str = "{ref}";

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let next = [rest.find("${"), rest.find(ENVIRONMENT), rest.find(REF)]
            .into_iter()
            .flatten()
            .min();
        let Some(start) = next else {
            pieces.push(Piece::Plain(rest));
            break;
        };
        if start > 0 {
            pieces.push(Piece::Plain(&rest[..start]));
        }
        rest = &rest[start..];
        let (piece, tail) = if let Some(tail) = rest.strip_prefix(ENVIRONMENT) {
            (Piece::Environment, tail)
        } else if let Some(tail) = rest.strip_prefix(REF) {
            (Piece::Ref, tail)
        } else {
            let end = rest.find('}').map_or(rest.len(), |end| end + 1);
            let (whole, tail) = rest.split_at(end);
            let inner = whole
                .strip_prefix("${")
                .and_then(|w| w.strip_suffix('}'))
                .unwrap_or_default();
            let piece = match inner.split_once('.') {
                Some(("env", name)) if is_name(name) => Piece::Env(name),
                Some(("stack", name)) if is_name(name) => Piece::Stack(name),
                Some(_) | None => Piece::Unknown(whole),
            };
            (piece, tail)
        };
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

/// Where a text stands, which decides what it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// Outside the gates' values.
    Plain,
    /// A gate's value: `${stack.X}` may stand here.
    Gate,
    /// A wanted version: `{ref}` may stand here too.
    Version,
}

/// A text with the environment's values in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Filled {
    /// The text so far.
    pub(super) text: String,
    /// Something is still to be filled in, so that its form cannot be checked.
    pub(super) open: bool,
    /// A variable's value is in it, which no message may quote.
    pub(super) private: bool,
    /// It uses a stack's output.
    pub(super) stack: bool,
    /// What is wrong.
    pub(super) problems: Vec<ProblemKind>,
}

/// Looks up an environment variable.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Fills in what is known when an environment is chosen. Without `lookup`, variables stay for later.
pub(super) fn fill(
    text: &str,
    spot: Spot,
    environment: Option<&str>,
    lookup: Option<Lookup<'_>>,
) -> Filled {
    let mut filled = Filled::default();
    for piece in pieces(text) {
        match piece {
            Piece::Plain(text) => filled.text.push_str(text),
            Piece::Environment => match environment {
                Some(name) => filled.text.push_str(name),
                None => {
                    filled.open = true;
                    filled.text.push_str(ENVIRONMENT);
                }
            },
            Piece::Ref => {
                filled.open = true;
                filled.text.push_str(REF);
                if spot != Spot::Version {
                    filled.problems.push(ProblemKind::RefNotHere);
                }
            }
            Piece::Env(name) => {
                filled.private = true;
                let value = lookup.map(|lookup| lookup(name).filter(|value| !value.is_empty()));
                if let Some(Some(value)) = value {
                    filled.text.push_str(&value);
                } else {
                    filled.open = true;
                    filled.text.push_str(&format!("${{env.{name}}}"));
                    if lookup.is_some() {
                        filled
                            .problems
                            .push(ProblemKind::EnvMissing { name: shown(name) });
                    }
                }
            }
            Piece::Stack(name) => {
                filled.open = true;
                filled.stack = true;
                filled.text.push_str(&format!("${{stack.{name}}}"));
                if spot == Spot::Plain {
                    let found = shown(&format!("${{stack.{name}}}"));
                    filled.problems.push(ProblemKind::StackNotHere { found });
                }
            }
            Piece::Unknown(whole) => {
                filled.open = true;
                filled.problems.push(ProblemKind::UnknownTemplate {
                    found: shown(whole),
                });
            }
        }
    }
    filled
}

/// Every text of the gates that may use an output.
fn visit(gates: &mut GateSettings, act: &mut dyn FnMut(&mut String)) {
    for gate in &mut gates.http {
        act(&mut gate.url);
        gate.headers.values_mut().for_each(&mut *act);
        gate.json.values_mut().for_each(&mut *act);
        gate.header.values_mut().for_each(&mut *act);
        gate.body.iter_mut().for_each(&mut *act);
        gate.version
            .iter_mut()
            .for_each(|version| act(&mut version.equals));
    }
    gates
        .lambda
        .iter_mut()
        .flat_map(|gate| &mut gate.functions)
        .for_each(&mut *act);
    for gate in &mut gates.api_gateway {
        match &mut gate.api {
            ApiName::Rest(name) | ApiName::Http(name) => act(name),
        }
        gate.stage.iter_mut().for_each(&mut *act);
    }
    if let Some(gate) = &mut gates.alarms {
        gate.names
            .iter_mut()
            .chain(&mut gate.prefix)
            .for_each(&mut *act);
    }
    gates
        .metric
        .iter_mut()
        .for_each(|gate| act(&mut gate.expression));
    for gate in &mut gates.logs {
        gate.groups.iter_mut().for_each(&mut *act);
        act(&mut gate.query);
    }
}

/// An output that no stack has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no stack has the output `{key}`")]
pub struct MissingOutput {
    /// The key that is used.
    pub key: String,
    /// The keys that there are.
    pub available: Vec<String>,
}

/// The outputs that the gates use.
#[must_use]
pub fn needed_outputs(gates: &GateSettings) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    visit(&mut gates.clone(), &mut |text| {
        needed.extend(pieces(text).iter().filter_map(|piece| match piece {
            Piece::Stack(name) => Some((*name).to_owned()),
            Piece::Plain(_)
            | Piece::Env(_)
            | Piece::Environment
            | Piece::Ref
            | Piece::Unknown(_) => None,
        }));
    });
    needed
}

/// Puts the stacks' outputs in; afterwards [`crate::config::check_urls`] is to be asked.
///
/// # Errors
/// Every output that is not there; nothing is changed then.
pub fn fill_outputs(
    gates: &mut GateSettings,
    outputs: &BTreeMap<String, String>,
) -> Result<(), Vec<MissingOutput>> {
    let missing: Vec<MissingOutput> = needed_outputs(gates)
        .into_iter()
        .filter(|key| !outputs.contains_key(key))
        .map(|key| MissingOutput {
            key,
            available: outputs.keys().cloned().collect(),
        })
        .collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    visit(gates, &mut |text| {
        let mut filled = String::new();
        let mut ends_with_slash = false;
        for piece in pieces(text) {
            match piece {
                Piece::Plain(plain) if ends_with_slash => {
                    filled.push_str(plain.strip_prefix('/').unwrap_or(plain))
                }
                Piece::Plain(plain) | Piece::Unknown(plain) => filled.push_str(plain),
                Piece::Environment => filled.push_str(ENVIRONMENT),
                Piece::Ref => filled.push_str(REF),
                Piece::Env(name) => filled.push_str(&format!("${{env.{name}}}")),
                // Present: looked at above.
                Piece::Stack(name) => filled.push_str(outputs.get(name).map_or("", String::as_str)),
            }
            // `${stack.Api}/health` with `https://…/prod/`: API Gateway refuses a double slash.
            ends_with_slash = matches!(piece, Piece::Stack(_)) && filled.ends_with('/');
        }
        *text = filled;
    });
    Ok(())
}

/// True where the wanted version is, or holds, the commit of whatever deployment is watched.
#[must_use]
pub fn needs_ref(version: &VersionCheck) -> bool {
    version.equals.contains(REF)
}

/// Puts the deployed commit in the place of `{ref}` in every wanted version.
pub fn fill_ref(gates: &mut GateSettings, sha: &CommitSha) {
    for version in gates
        .http
        .iter_mut()
        .filter_map(|gate| gate.version.as_mut())
    {
        version.equals = version.equals.replace(REF, sha.as_str());
    }
}
