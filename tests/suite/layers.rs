//! The layers and invariants of docs/ARCHITECTURE.md that source text can show; reads every file below src/, whether it is compiled or not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Layers in reading order: each may import those before it. `adapters` and `engine` stand side by side.
const LAYERS: [&[&str]; 10] = [
    &["core"],
    &["i18n"],
    &["render"],
    &["config"],
    &["ports"],
    &["adapters", "engine"],
    &["infra"],
    &["surface"],
    &["app"],
    &["main"],
];

/// Adapters that others stand on.
const SHARED_ADAPTERS: [&str; 4] = ["http", "aws", "retry", "stored"];

/// Layers that only decide and word.
const PURE: [&str; 4] = ["core", "i18n", "render", "config"];

/// What a pure layer must not name: waiting, the outside, the clock.
const IMPURE: [&str; 26] = [
    "async",
    "await",
    "async_trait",
    "tokio",
    "futures",
    "futures_util",
    "tracing",
    "reqwest",
    "hyper",
    "octocrab",
    "rusqlite",
    "aws_config",
    "aws_types",
    "SystemTime",
    "Instant",
    "getrandom",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "println",
];

/// What reads the clock.
const CLOCK: [&str; 5] = [
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "Utc::now",
];

/// Lines of a file, tables of messages excepted.
const LONGEST: usize = 600;

/// Files that are longer all the same. None may be added; one that has become shorter is taken off.
const TOO_LONG: [&str; 0] = [];

/// One file of src/.
struct Source {
    /// Below src/, with `/`.
    path: String,
    /// As written.
    text: String,
    /// Without comments, literals and modules that exist for tests only.
    code: String,
    /// Only compiled for tests.
    for_tests: bool,
}

impl Source {
    /// `core/gate/http.rs` → `core`, `gate`, `http`.
    fn module(&self) -> Vec<&str> {
        let mut parts: Vec<_> = self.path.trim_end_matches(".rs").split('/').collect();
        if parts.last() == Some(&"mod") || self.path == "lib.rs" {
            parts.pop();
        }
        parts
    }

    fn layer(&self) -> Option<usize> {
        self.module().first().and_then(|m| layer(m))
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|l| l.contains(&module))
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                let text = fs::read_to_string(&path).unwrap();
                let code = without_tests(&bare(&text));
                found.push(Source {
                    path: name,
                    text,
                    code,
                    for_tests: false,
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let only_for_tests: BTreeSet<String> = found.iter().flat_map(test_modules).collect();
    for source in &mut found {
        let module = source.module().join("::");
        source.for_tests = only_for_tests
            .iter()
            .any(|t| module == *t || module.starts_with(&format!("{t}::")));
    }
    assert!(found.len() > 50, "src/ could not be read");
    found
}

/// Modules in files of their own that are declared below `#[cfg(test)]`.
fn test_modules(source: &Source) -> Vec<String> {
    let bare = bare(&source.text);
    let after = bare.split("#[cfg(test)]").skip(1);
    after
        .filter_map(|rest| {
            let (declaration, _) = rest.trim_start().split_once(';')?;
            let name = declaration.rsplit_once("mod ")?.1.trim();
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            let own = source.module();
            is_name.then(|| {
                own.iter()
                    .copied()
                    .chain([name])
                    .collect::<Vec<_>>()
                    .join("::")
            })
        })
        .collect()
}

/// The text without comments and without what stands in literals.
fn bare(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let at = |i: usize| letters.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < letters.len() {
        let c = at(i);
        if c == '/' && at(i + 1) == '/' {
            while i < letters.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            while i < letters.len() {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    (_, _) => i += 1,
                }
                if depth == 0 {
                    break;
                }
            }
        } else if matches!(c, 'r' | 'b')
            && raw_string(&letters, i).is_some()
            && (i == 0 || !is_word(at(i - 1)))
        {
            i = raw_string(&letters, i).unwrap();
            out.push_str("\"\"");
        } else if c == '"' {
            i += 1;
            while i < letters.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            i += 1;
            out.push_str("\"\"");
        } else if c == '\'' && at(i + 1) == '\\' {
            i += 3;
            while i < letters.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
            out.push_str("' '");
        } else if c == '\'' && at(i + 2) == '\'' {
            i += 3;
            out.push_str("' '");
        } else {
            out.push(c);
            i += 1;
        }
    }
    out
}

/// Where the raw string that begins at `i` ends.
fn raw_string(letters: &[char], i: usize) -> Option<usize> {
    let mut j = i;
    while matches!(letters.get(j), Some('b' | 'r')) {
        j += 1;
    }
    if letters.get(j - 1) != Some(&'r') {
        return None;
    }
    let hashes = letters[j..].iter().take_while(|c| **c == '#').count();
    j += hashes;
    if letters.get(j) != Some(&'"') {
        return None;
    }
    j += 1;
    while j < letters.len() {
        let closes = letters[j] == '"'
            && letters[j + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes;
        if closes {
            return Some(j + 1 + hashes);
        }
        j += 1;
    }
    Some(j)
}

/// Bare code without the items below `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        out.push_str(before);
        let mut depth = 0;
        let end = after.char_indices().find_map(|(i, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0 && matches!(c, '}' | ';')).then_some(i + 1)
        });
        rest = end.map_or("", |end| &after[end..]);
    }
    out.push_str(rest);
    out
}

/// `word` as a whole path, wherever it stands.
fn names(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(i, _)| {
        let before = code[..i].chars().next_back();
        let after = code[i + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Paths that begin at the crate, cut to two names: `crate::core::{id, time}` → `core::id`, `core::time`.
fn crate_paths(source: &Source, code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for root in ["crate::", "deploy_guard::"] {
        for (i, _) in code.match_indices(root) {
            let whole = !code[..i]
                .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$');
            if whole {
                found.extend(branches(&code[i + root.len()..], 2));
            }
        }
    }
    // `super::super::x` may climb to the crate's root, too.
    let depth = source.module().len();
    let mut rest = code;
    while let Some(i) = rest.find("super::") {
        let climbs = rest[i..]
            .split("super::")
            .take_while(|s| s.is_empty())
            .count();
        let after = &rest[i + climbs * "super::".len()..];
        if climbs >= depth {
            found.extend(branches(after, 2));
        } else if climbs + 1 == depth {
            for mut path in branches(after, 1) {
                path.insert(0, source.module()[0].to_owned());
                found.push(path);
            }
        }
        rest = after;
    }
    found
}

/// The first `depth` names of every path that the text begins with.
fn branches(text: &str, depth: usize) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if depth == 0 {
        return vec![Vec::new()];
    }
    if let Some(inside) = text.strip_prefix('{') {
        let mut found = Vec::new();
        let (mut level, mut start) = (0, 0);
        for (i, c) in inside.char_indices() {
            match c {
                '{' => level += 1,
                '}' if level == 0 => {
                    found.extend(branches(&inside[start..i], depth));
                    return found;
                }
                '}' => level -= 1,
                ',' if level == 0 => {
                    found.extend(branches(&inside[start..i], depth));
                    start = i + 1;
                }
                _ => {}
            }
        }
        return found;
    }
    let name: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    if name.is_empty() {
        return Vec::new();
    }
    match text[name.len()..].trim_start().strip_prefix("::") {
        Some(rest) => {
            let below = branches(rest, depth - 1);
            let below = if below.is_empty() {
                vec![Vec::new()]
            } else {
                below
            };
            below
                .into_iter()
                .map(|b| std::iter::once(name.clone()).chain(b).collect())
                .collect()
        }
        None => vec![vec![name]],
    }
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn imports_point_down() {
    let mut faults = Vec::new();
    for source in sources() {
        let Some(own) = source.layer() else {
            assert_eq!(source.path, "lib.rs", "{} is in no layer", source.path);
            continue;
        };
        let module = source.module()[0].to_owned();
        for path in crate_paths(&source, &source.code) {
            let beside = layer(&path[0]) == Some(own) && path[0] != module;
            if layer(&path[0]).is_some_and(|l| l > own) || beside {
                faults.push(format!(
                    "{} must not import {}",
                    source.path,
                    path.join("::")
                ));
            }
        }
    }
    report(&faults);
}

#[test]
fn only_app_names_an_adapter() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|s| !s.for_tests) {
        if ["adapters", "app"].contains(&source.module().first().copied().unwrap_or_default()) {
            continue;
        }
        for path in crate_paths(source, &source.code)
            .iter()
            .filter(|p| p[0] == "adapters")
        {
            faults.push(format!("{} names {}", source.path, path.join("::")));
        }
    }
    report(&faults);
}

#[test]
fn adapters_do_not_know_each_other() {
    let mut faults = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| !s.for_tests && s.path.starts_with("adapters/"))
    {
        let module = source.module();
        let Some(own) = module.get(1) else { continue };
        for path in crate_paths(source, &source.code)
            .iter()
            .filter(|p| p[0] == "adapters")
        {
            let Some(other) = path.get(1) else { continue };
            if other != own && !SHARED_ADAPTERS.contains(&other.as_str()) {
                faults.push(format!("{} imports the adapter {other}", source.path));
            }
        }
    }
    report(&faults);
}

#[test]
fn deciding_and_wording_is_pure() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|s| !s.for_tests) {
        if !PURE.contains(&source.module().first().copied().unwrap_or_default()) {
            continue;
        }
        for word in IMPURE.iter().filter(|w| names(&source.code, w)) {
            faults.push(format!("{} names {word}", source.path));
        }
    }
    report(&faults);
}

#[test]
fn only_one_file_reads_the_clock() {
    let mut faults = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| !s.for_tests && s.path != "adapters/clock.rs")
    {
        for call in CLOCK.iter().filter(|c| names(&source.code, c)) {
            faults.push(format!("{} calls {call}", source.path));
        }
    }
    report(&faults);
}

#[test]
fn every_file_says_what_it_does() {
    let silent = |s: &&Source| {
        !s.text
            .lines()
            .next()
            .unwrap_or_default()
            .starts_with("//! ")
    };
    let faults: Vec<_> = sources()
        .iter()
        .filter(silent)
        .map(|s| format!("{} has no `//!` line", s.path))
        .collect();
    report(&faults);
}

#[test]
fn no_file_is_too_long() {
    let mut faults = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| !s.path.starts_with("i18n/") && !s.for_tests)
    {
        let lines = source.text.lines().count();
        match (lines > LONGEST, TOO_LONG.contains(&source.path.as_str())) {
            (true, false) => faults.push(format!(
                "{} has {lines} lines; at most {LONGEST}",
                source.path
            )),
            (false, true) => faults.push(format!(
                "{} is short enough: take it off TOO_LONG",
                source.path
            )),
            (true, true) | (false, false) => {}
        }
    }
    report(&faults);
}

#[test]
fn ports_leave_nothing_to_chance() {
    let all = sources();
    let ports = all.iter().filter(|s| s.path.starts_with("ports"));
    let text: String = ports.map(|s| bare(&s.text)).collect();
    assert!(
        text.matches("pub trait ").count() > 10,
        "the ports are found"
    );
    for block in text.split("pub trait ").skip(1) {
        let name: String = block.chars().take_while(|c| c.is_alphanumeric()).collect();
        let (_, body) = block.split_once('{').expect("a body");
        let end = body.find("\n}").unwrap_or(body.len());
        assert!(
            !body[..end].contains('{'),
            "the port {name} has a default body"
        );
        for sdk in ["aws_sdk", "octocrab", "reqwest", "rusqlite"] {
            assert!(!body[..end].contains(sdk), "the port {name} names {sdk}");
        }
    }
}

// The reader itself, on small texts.

fn sample(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
        code: without_tests(&bare(text)),
        for_tests: false,
    }
}

fn paths(path: &str, text: &str) -> Vec<String> {
    let source = sample(path, text);
    crate_paths(&source, &source.code)
        .iter()
        .map(|p| p.join("::"))
        .collect()
}

#[test]
fn the_reader_sees_every_form_of_import() {
    let found = paths(
        "core/id.rs",
        "use crate::engine::guard;\nuse crate::{ports::History, core::{id, time}};",
    );
    assert_eq!(
        found,
        ["engine::guard", "ports::History", "core::id", "core::time"]
    );
    assert_eq!(
        paths("core/gate/http.rs", "super::super::super::engine::run()"),
        ["engine::run"]
    );
    assert_eq!(paths("core/id.rs", "use super::super::engine;"), ["engine"]);
    assert_eq!(
        paths("adapters/sns.rs", "use super::{http, slack::Slack};"),
        ["adapters::http", "adapters::slack"]
    );
    assert_eq!(
        paths("core/gate/http.rs", "use super::Finding;"),
        Vec::<String>::new()
    );
}

#[test]
fn the_reader_passes_over_comments_literals_and_tests() {
    let text = "// crate::engine\n/* crate::app /* x */ */ const A: &str = \"crate::surface\\\"\"; const B: char = '\"';\n\
                const C: &str = r#\"crate::engine \"x\" \"#;\n#[cfg(test)]\nmod tests { use crate::adapters::x; }\nuse crate::core::id;";
    assert_eq!(paths("core/id.rs", text), ["core::id"]);
    let declares = sample(
        "adapters/mod.rs",
        "#[cfg(test)]\npub(crate) mod testing;\nmod http;",
    );
    assert_eq!(test_modules(&declares), ["adapters::testing"]);
    assert!(
        names("x.elapsed(); std::time::Instant::now()", "Instant::now")
            && !names("MyInstant", "Instant")
    );
}
