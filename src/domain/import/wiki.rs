//! Converts Jira's wiki markup to Markdown: headings, lists, code, quotes, tables, links, pictures, mentions and bold text.
//! What it does not know stays as it is.

/// How much of a text is searched for the end of a mark within a line. Longer ones are no marks.
const LONGEST_MARK: usize = 2000;

/// A tag that encloses lines.
enum Tag {
    Quote,
    /// With the tag that ends it.
    Code(&'static str),
}

/// Converts a text. `name_of` tells the name of an account, by its id.
pub(crate) fn to_markdown<'n>(text: &str, name_of: impl Fn(&str) -> Option<&'n str>) -> String {
    let text = text.replace("\r\n", "\n");
    let (mut lines, mut is_quote, mut rest) = (Vec::new(), false, text.as_str());
    let mut add = |part: &str, is_quote: bool, is_code: bool| {
        let mut is_table = false;
        // The ends of lines before and after a tag are part of it.
        let part = part.strip_prefix('\n').unwrap_or(part);
        let part = part.strip_suffix('\n').unwrap_or(part);
        let fence = is_code.then(|| "```".to_owned());
        let inside = part.split('\n').map(|line| match is_code {
            true => line.to_owned(),
            false => block(line, &mut is_table, &name_of),
        });
        let all = fence.clone().into_iter().chain(inside).chain(fence);
        lines.extend(all.map(|line| match is_quote {
            true => format!("> {line}"),
            false => line,
        }));
    };
    while let Some((start, length, tag)) = next_tag(rest) {
        let (before, after) = (&rest[..start], &rest[start + length..]);
        if !before.trim().is_empty() {
            add(before, is_quote, false);
        }
        rest = match tag {
            Tag::Quote => {
                is_quote = !is_quote;
                after
            }
            Tag::Code(end) => {
                let (code, after) = after.split_once(end).unwrap_or((after, ""));
                add(code, is_quote, true);
                after
            }
        };
    }
    if !rest.trim().is_empty() || rest.len() == text.len() {
        add(rest, is_quote, false);
    }
    lines.join("\n")
}

/// The next `{quote}`, `{code}`, `{code:java}` or `{noformat}`, with its place and length.
fn next_tag(text: &str) -> Option<(usize, usize, Tag)> {
    text.match_indices('{').find_map(|(start, _)| {
        let inside = beginning(text.get(start + 1..)?);
        let (tag, _) = inside.split_once('}')?;
        let (name, _) = tag.split_once(':').unwrap_or((tag, ""));
        let found = match name {
            "quote" => Tag::Quote,
            "code" => Tag::Code("{code}"),
            "noformat" => Tag::Code("{noformat}"),
            _ => return None,
        };
        (!tag.contains(['\n', '{'])).then_some((start, tag.len() + 2, found))
    })
}

/// As much of a text as is searched for the end of a mark.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_MARK)]
}

/// A line that is no code.
fn block<'n>(
    line: &str,
    is_table: &mut bool,
    name_of: &impl Fn(&str) -> Option<&'n str>,
) -> String {
    let text = line.trim_start();
    let was_table = std::mem::replace(is_table, text.starts_with('|'));
    if let Some((level, rest)) = heading(text) {
        return format!("{} {}", "#".repeat(level), inline(rest, name_of));
    }
    if let Some(rest) = text.strip_prefix("bq. ") {
        return format!("> {}", inline(rest, name_of));
    }
    if let Some(head) = text.strip_prefix("||") {
        let names = head.trim_end().trim_end_matches('|');
        let cells: Vec<String> = names
            .split("||")
            .map(|cell| inline(cell, name_of))
            .collect();
        let rule = vec!["---"; cells.len()].join(" | ");
        return format!("| {} |\n| {rule} |", cells.join(" | "));
    }
    if text.starts_with('|') {
        let row = inline(text, name_of);
        let cells = row.matches('|').count().saturating_sub(1).max(1);
        // Markdown has no table without a head.
        return match was_table {
            true => row,
            false => format!(
                "|{}\n|{}\n{row}",
                "  |".repeat(cells),
                " --- |".repeat(cells)
            ),
        };
    }
    match list_item(text) {
        Some((indent, mark, rest)) => {
            format!("{}{mark} {}", " ".repeat(indent), inline(rest, name_of))
        }
        None => inline(line, name_of),
    }
}

/// `h2. Title`
fn heading(text: &str) -> Option<(usize, &str)> {
    let rest = text.strip_prefix('h')?;
    let level = rest.chars().next()?.to_digit(10)?;
    let title = rest.get(1..)?.strip_prefix(". ")?;
    (1..=6).contains(&level).then_some((level as usize, title))
}

/// `*` and `-` for points, `#` for numbers, repeated by depth: the spaces before it, its mark, and the text.
fn list_item(text: &str) -> Option<(usize, &'static str, &str)> {
    let (marks, rest) = text.split_once(' ')?;
    let last = marks.chars().last()?;
    let is_list = marks.len() <= 6 && marks.chars().all(|mark| matches!(mark, '*' | '#' | '-'));
    // Lines of hyphens are dashes and rules.
    if !is_list || marks.len() > 1 && marks.chars().all(|mark| mark == '-') {
        return None;
    }
    let mark = if last == '#' { "1." } else { "-" };
    Some(((marks.len() - 1) * 3, mark, rest))
}

/// Marks within a line.
fn inline<'n>(text: &str, name_of: &impl Fn(&str) -> Option<&'n str>) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let before = written.chars().last();
        let near = beginning(rest);
        let found = match next {
            '{' => braces(near),
            '[' => brackets(near, name_of),
            '!' => picture(near),
            '*' if !before.is_some_and(char::is_alphanumeric) => bold(near, name_of),
            '\\' if rest.starts_with("\\\\") => Some(("\n".to_owned(), 2)),
            _ => None,
        };
        let (markdown, length) = found.unwrap_or_else(|| (next.to_string(), next.len_utf8()));
        written.push_str(&markdown);
        rest = rest.get(length..).unwrap_or("");
    }
    written
}

/// `{{code}}`, and colours and panels, which are left out. Returns what is written, and the length of what was read.
fn braces(text: &str) -> Option<(String, usize)> {
    if let Some(rest) = text.strip_prefix("{{") {
        let (code, _) = rest.split_once("}}").filter(|(code, _)| !code.is_empty())?;
        return Some((format!("`{}`", code.replace('`', "'")), code.len() + 4));
    }
    let (tag, _) = text.strip_prefix('{')?.split_once('}')?;
    let name = tag.split(':').next()?;
    let is_known = matches!(
        name,
        "color" | "panel" | "anchor" | "toc" | "expand" | "quote"
    );
    is_known.then(|| (String::new(), tag.len() + 2))
}

/// `[~accountid:1]`, `[text|address]` or `[address]`.
fn brackets<'n>(text: &str, name_of: &impl Fn(&str) -> Option<&'n str>) -> Option<(String, usize)> {
    let (inside, _) = text.strip_prefix('[')?.split_once(']')?;
    let length = inside.len() + 2;
    if let Some(account) = inside.strip_prefix('~') {
        let account = account.strip_prefix("accountid:").unwrap_or(account);
        return Some((name_of(account).unwrap_or("someone").to_owned(), length));
    }
    let mut parts = inside.split('|');
    let (first, second) = (parts.next()?, parts.next());
    let address = second.unwrap_or(first).trim();
    let is_address = ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| address.starts_with(scheme));
    let is_plain = !address.contains([' ', '(', ')', '<', '>']);
    match second {
        _ if !is_address || !is_plain => None,
        Some(_) if first.trim() != address => Some((format!("[{first}]({address})"), length)),
        _ => Some((address.to_owned(), length)),
    }
}

/// `!picture.png|width=10!`: only its name, because the file is not in the table.
fn picture(text: &str) -> Option<(String, usize)> {
    let (inside, _) = text.strip_prefix('!')?.split_once('!')?;
    let name = inside.split('|').next()?;
    let is_name = name.contains('.') && !name.contains(char::is_whitespace) && !name.is_empty();
    is_name.then(|| (format!("(picture {name})"), inside.len() + 2))
}

/// `*bold*`, if no letter stands directly outside.
fn bold<'n>(text: &str, name_of: &impl Fn(&str) -> Option<&'n str>) -> Option<(String, usize)> {
    let (inside, after) = text.strip_prefix('*')?.split_once('*')?;
    let is_tight = !inside.is_empty() && inside.trim() == inside;
    let ends = !after.starts_with(|letter: char| letter.is_alphanumeric() || letter == '*');
    (is_tight && ends).then(|| (format!("**{}**", inline(inside, name_of)), inside.len() + 2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn converted(text: &str) -> String {
        to_markdown(text, |id| (id == "712020:1").then_some("Ada Ahrens"))
    }

    #[test]
    fn marks_are_converted() {
        for (wiki, markdown) in [
            ("h3. The plan", "### The plan"),
            (
                "*User Story* \nAs *one*, 2*3*4",
                "**User Story** \nAs **one**, 2*3*4",
            ),
            (
                "# one\n# two\n## below\n* point\n** below",
                "1. one\n1. two\n   1. below\n- point\n   - below",
            ),
            ("{code:java}\n*a* [b|c]\n{code}", "```\n*a* [b|c]\n```"),
            ("{noformat}\nh1. not\n", "```\nh1. not\n```"),
            ("{quote}\nsaid\n{quote}\nbq. also", "> said\n> also"),
            (
                "[docs|https://example.org/a] [https://example.org]",
                "[docs](https://example.org/a) https://example.org",
            ),
            (
                "[https://example.org|https://example.org|smart-link]",
                "https://example.org",
            ),
            ("[~accountid:712020:1] and [~old]", "Ada Ahrens and someone"),
            (
                "see !image-1.png|width=800,alt=\"a\"!, well!",
                "see (picture image-1.png), well!",
            ),
            ("{{a `b`}} {color:red}x{color}", "`a 'b'` x"),
            ("||a||b||\n|1|2|", "| a | b |\n| --- | --- |\n|1|2|"),
            ("|1|2|", "|  |  |\n| --- | --- |\n|1|2|"),
            (
                "-- a dash\n---- \n[not a link|javascript:x]",
                "-- a dash\n---- \n[not a link|javascript:x]",
            ),
            ("one\\\\two", "one\ntwo"),
            ("{code}SELECT 1{code}", "```\nSELECT 1\n```"),
            (
                "Run {code:sql}SELECT 1\n{code} now",
                "Run \n```\nSELECT 1\n```\n now",
            ),
            (
                "{code}\n{code: 200}\n{quote}\n{code}\nafter",
                "```\n{code: 200}\n{quote}\n```\nafter",
            ),
            ("{quote}a\nb{quote}c", "> a\n> b\nc"),
            ("", ""),
        ] {
            assert_eq!(converted(wiki), markdown, "{wiki}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_converted(text in "([*#|!{}\\[\\]~\\\\h1. a€\n-]|\\{code\\}|\\{quote\\}){0,60}") {
            let written = converted(&text);
            // Nothing that is no mark is lost.
            let letters = |text: &str| text.matches(['a', '€']).count();
            prop_assert_eq!(letters(&written), letters(&text), "{}", written);
        }
    }
}
