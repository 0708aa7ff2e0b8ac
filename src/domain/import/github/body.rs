//! The HTML that GitHub's editor and issue templates put into Markdown.

use crate::domain::import::sanitize;

/// Turns `<img>` into links and drops comments, except in code.
pub(crate) fn without_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut fence: Option<&str> = None;
    while !rest.is_empty() {
        // Line by line: a fence is at the start of one.
        let end = rest.find('\n').map_or(rest.len(), |end| end + 1);
        let line = &rest[..end];
        let marks = line.trim_start();
        match fence {
            Some(mark) => {
                if marks.starts_with(mark) {
                    fence = None;
                }
                out.push_str(line);
                rest = &rest[end..];
                continue;
            }
            None => {
                fence = ["```", "~~~"]
                    .into_iter()
                    .find(|mark| marks.starts_with(mark))
            }
        }
        if fence.is_some() {
            out.push_str(line);
            rest = &rest[end..];
        } else {
            rest = copy_line(rest, end, &mut out);
        }
    }
    out
}

/// Copies text up to the end of a line, and returns what follows: a comment or tag may go on after
/// the line.
fn copy_line<'t>(text: &'t str, end: usize, out: &mut String) -> &'t str {
    let mut at = 0;
    while at < end {
        let rest = &text[at..];
        if let Some(inside) = rest.strip_prefix("<!--") {
            let Some(close) = inside.find("-->") else {
                // GitHub shows nothing of a comment without an end.
                return "";
            };
            at += 4 + close + 3;
        } else if let Some((tag, shown)) = image(rest) {
            out.push_str(&shown);
            at += tag;
        } else if rest.starts_with('`') {
            let ticks = rest.len() - rest.trim_start_matches('`').len();
            let code = &rest[ticks..];
            let close = code.find(&rest[..ticks]).map_or(0, |close| close + ticks);
            out.push_str(&rest[..ticks + close]);
            at += ticks + close;
        } else {
            let next = rest
                .char_indices()
                .skip(1)
                .find(|(_, letter)| matches!(letter, '<' | '`' | '\n'))
                .map_or(rest.len(), |(next, _)| next);
            let next = if rest.starts_with('\n') { 1 } else { next };
            out.push_str(&rest[..next]);
            at += next;
        }
    }
    &text[at..]
}

/// The length of an `<img>` tag at the start of the text, and what replaces it.
fn image(text: &str) -> Option<(usize, String)> {
    let start = text.get(..4)?;
    if !start.eq_ignore_ascii_case("<img") {
        return None;
    }
    let close = end_of_tag(text)?;
    let tag = text.get(4..close)?;
    if !tag.starts_with([' ', '\t', '\n', '\r', '/']) {
        return None;
    }
    let alt = attribute(tag, "alt").unwrap_or_default();
    let name = sanitize::line(&alt.replace(['[', ']', '<', '>', '`', '*'], ""), 200).0;
    let name = if name.is_empty() { "Image" } else { &name };
    let address = attribute(tag, "src").unwrap_or_default();
    let is_link = sanitize::link("", &address).is_some();
    let shown = match address.trim() {
        "" => name.to_owned(),
        address if is_link => format!("[{name}](<{}>)", address.replace(' ', "%20")),
        address => format!("{name} {}", sanitize::verbatim(address)),
    };
    Some((close + 1, shown))
}

/// The place of the `>` that ends a tag; one in quotes does not.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, letter) in text.char_indices().take(4000) {
        match (quote, letter) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            _ => {}
        }
    }
    None
}

/// The value of an attribute in a tag, with or without quotes.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let lower = tag.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = lower.get(from..)?.find(name) {
        let (start, end) = (from + found, from + found + name.len());
        from = end;
        let is_start = tag[..start].ends_with([' ', '\t', '\n', '\r', '"', '\'', '/']);
        let Some(value) = tag[end..]
            .trim_start()
            .strip_prefix('=')
            .filter(|_| is_start)
        else {
            continue;
        };
        let value = value.trim_start();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split(quote).next(),
            _ => value.split([' ', '\t', '\n', '\r', '>']).next(),
        };
        return value.map(|value| value.replace("&amp;", "&").replace("&quot;", "\""));
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn images_become_links_and_comments_disappear() {
        for (html, text) in [
            (
                r#"See <img width="1494" height="471" alt="Image" src="https://github.com/a/b.png" /> here"#,
                "See [Image](<https://github.com/a/b.png>) here",
            ),
            (
                "<IMG src='https://x.test/a b.png'>",
                "[Image](<https://x.test/a%20b.png>)",
            ),
            ("<img src=https://x.test/a>", "[Image](<https://x.test/a>)"),
            (
                "<img\n  alt=\"a > b\"\n  src=\"https://x.test/?a=1&amp;b=2\">x",
                "[a b](<https://x.test/?a=1&b=2>)x",
            ),
            ("<img alt=\"no address\">", "no address"),
            ("<img src=\"docs/a.png\">", "Image `docs/a.png`"),
            ("a<!-- Please\nfill in -->b\nc", "ab\nc"),
            ("a <!-- no end", "a "),
            (
                "`<!-- code -->` <!-- not --> ``<img src=\"https://x.test\">``",
                "`<!-- code -->`  ``<img src=\"https://x.test\">``",
            ),
            (
                "```html\n<!-- kept -->\n```\n<!-- dropped -->",
                "```html\n<!-- kept -->\n```\n",
            ),
            ("<imgur> a < b", "<imgur> a < b"),
            ("plain\ntext ` with a tick", "plain\ntext ` with a tick"),
        ] {
            assert_eq!(without_html(html), text, "{html}");
        }
    }

    proptest! {
        #[test]
        fn text_without_tags_is_kept(text in "[a-zé \n`~]*") {
            prop_assert_eq!(without_html(&text), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(<img|<!--|-->|src=|alt=|\"|'|>|`|```|\n|é| |a)*") {
            let _ = without_html(&text);
        }
    }
}
