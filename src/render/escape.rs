//! The escaping printers: one for each surface that reads text as more than text. Know no sentence.

use crate::i18n::wording::{is_invisible, one_line};

/// Text for GitHub's Markdown, tables included: shows as it is and starts nothing: no markup, no HTML,
/// no mention, no formula, no new line.
#[must_use]
pub fn markdown(text: &str) -> String {
    let text = one_line(text, usize::MAX);
    let mut out = String::with_capacity(text.len() + 8);
    let chars: Vec<char> = text.chars().collect();
    for (i, c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| chars.get(i));
        let after = chars.get(i + 1);
        let inside = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric() || *c == '_');
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Split by a comment-less break that renders as nothing, so that nobody is called.
            '@' => out.push_str("@&#8203;"),
            // Between letters it cannot begin or end anything.
            '_' if inside(before) && inside(after) => out.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '#' | '!' | '{' | '}' => {
                out.push('\\');
                out.push(*c);
            }
            // Would begin a list, a rule or a heading underline.
            '-' | '+' | '=' | ':' if i == 0 => {
                out.push('\\');
                out.push(*c);
            }
            // No links out of outside text.
            ':' if after == Some(&'/') => out.push_str("&#58;"),
            c => out.push(*c),
        }
    }
    out.replace("www.", "www&#46;")
}

/// Inline code for our own words: ids, commits, commands. Text that could end it is shown as plain text.
#[must_use]
pub fn code(text: &str) -> String {
    let harmless = text
        .chars()
        .all(|c| c.is_ascii_graphic() && !matches!(c, '`' | '|' | '<' | '>' | '&') || c == ' ');
    if harmless && !text.trim().is_empty() {
        format!("`{text}`")
    } else {
        markdown(text)
    }
}

/// A web address that may become a link: `https`, or `http` (other servers than github.com), and nothing in
/// it that could end it.
#[must_use]
pub fn web_address(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let plain = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                '/' | '.' | '-' | '_' | ':' | '?' | '=' | '#' | '%' | '~' | '+' | '&' | ',' | '@'
            )
    };
    (!rest.is_empty() && rest.len() <= 2000 && rest.chars().all(plain)).then_some(url)
}

/// A Markdown link, or the escaped text alone where the address is not one.
#[must_use]
pub fn link(text: &str, url: &str) -> String {
    match web_address(url) {
        Some(url) => format!("[{}]({})", markdown(text), url.replace('&', "&amp;")),
        None => markdown(text),
    }
}

/// Slack's mrkdwn: exactly these three characters are escaped. Cut before it, at `most` characters.
/// Source: Slack, "Formatting text for app surfaces".
#[must_use]
pub fn slack(text: &str, most: usize) -> String {
    one_line(text, most)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A label inside a Mermaid diagram: letters, digits and harmless signs only, for Mermaid has no escape.
#[must_use]
pub fn mermaid(text: &str, most: usize) -> String {
    let kept: String = one_line(text, most.saturating_mul(4))
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | '/' | '(' | ')') {
                c
            } else {
                ' '
            }
        })
        .collect();
    let text = one_line(&kept, most);
    // Words that Mermaid reads as commands at a line's start.
    if text.is_empty() {
        "-".to_owned()
    } else {
        text.replace("--", "-")
    }
}

/// Plain text for mails and files: line ends are kept, other control characters and invisible ones are not.
#[must_use]
pub fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| match c {
            '\n' => '\n',
            '\r' => '\n',
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c if is_invisible(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The longest beginning of at most `most` bytes that ends between characters.
#[must_use]
pub fn cut_bytes(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let mut end = most;
    while end > 0 && !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_shows_text_as_it_is() {
        assert_eq!(
            markdown("a|b\n<b>@team `x` **y** force_deploy _z_ https://evil.example"),
            "a\\|b &lt;b&gt;@&#8203;team \\`x\\` \\*\\*y\\*\\* force_deploy \\_z\\_ https&#58;//evil.example"
        );
        assert_eq!(markdown("- x"), "\\- x");
        assert_eq!(markdown("</details>"), "&lt;/details&gt;");
    }

    #[test]
    fn code_and_links_cannot_be_left() {
        assert_eq!(code("deploy-1"), "`deploy-1`");
        assert_eq!(code("a`b"), "a\\`b");
        assert_eq!(
            link("run", "https://github.com/o/r"),
            "[run](https://github.com/o/r)"
        );
        assert_eq!(link("run", "javascript:alert(1)"), "run");
        assert_eq!(link("run", "https://x/)[y](https://z"), "run");
    }

    #[test]
    fn slack_is_cut_before_it_is_escaped() {
        assert_eq!(slack("<!channel> & co", 40), "&lt;!channel&gt; &amp; co");
        assert_eq!(slack("&&&&", 2), "&amp;…");
    }

    #[test]
    fn mermaid_keeps_letters_only() {
        assert_eq!(
            mermaid("alias live: v7; click x %%", 60),
            "alias live v7 click x"
        );
        assert_eq!(mermaid("::", 60), "-");
    }

    #[test]
    fn bytes_are_cut_between_characters() {
        assert_eq!(cut_bytes("가나", 4), "가");
        assert_eq!(cut_bytes("ab", 4), "ab");
    }
}
