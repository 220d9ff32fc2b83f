//! Puts what a benchmark measured where `docs/performance.md` has a place for it.

use std::path::Path;

/// Replaces what stands between `<!-- name -->` and `<!-- /name -->`.
pub fn write(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let all = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = all
        .split_once(&open)
        .expect("docs/performance.md has a place for it");
    let (_, after) = rest.split_once(&close).expect("the place ends");
    std::fs::write(file, format!("{before}{open}{text}{close}{after}")).unwrap();
}
