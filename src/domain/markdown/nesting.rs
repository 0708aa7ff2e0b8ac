//! Limits how deeply Markdown can nest, before it is parsed: parsing a line takes time in proportion to the blocks
//! that are open, and sanitizing an element in proportion to those around it.

use std::borrow::Cow;

/// The quotes, lists and footnotes that one line can open.
const MAX_MARKERS: usize = 50;
/// The column in which the last of them can begin. Indentation continues open lists: a level is at least two columns.
const MAX_COLUMN: usize = 100;

/// Escapes the markers of blocks that are nested too deeply, so that they show as text.
pub(super) fn limit_nesting(text: &str) -> Cow<'_, str> {
    let (mut limited, mut copied, mut start) = (String::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        if let Some(at) = find_excess(line.as_bytes()) {
            limited.push_str(&text[copied..start + at]);
            limited.push('\\');
            copied = start + at;
        }
        start += line.len();
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    limited.push_str(&text[copied..]);
    Cow::Owned(limited)
}

/// The position of the character to escape in a line that opens too many blocks.
fn find_excess(line: &[u8]) -> Option<usize> {
    let (mut at, mut column, mut markers) = (0, 0, 0);
    loop {
        match line.get(at)? {
            b' ' => (at, column) = (at + 1, column + 1),
            b'\t' => (at, column) = (at + 1, column + 4 - column % 4),
            _ => {
                let (escaped, length) = find_marker(&line[at..])?;
                if markers == MAX_MARKERS || column >= MAX_COLUMN {
                    return (!is_rule(line)).then_some(at + escaped);
                }
                markers += 1;
                (at, column) = (at + length, column + length);
            }
        }
    }
}

/// The marker of a block at the start of `rest`: the position of its character to escape, and its length.
fn find_marker(rest: &[u8]) -> Option<(usize, usize)> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let ends_at = |at: usize| rest.get(at).is_none_or(is_space);
    match rest.first()? {
        b'>' => Some((0, 1)),
        b'-' | b'+' | b'*' => ends_at(1).then_some((0, 1)),
        b'[' if rest.get(1) == Some(&b'^') => {
            let end = rest.iter().position(|byte| *byte == b']')?;
            (rest.get(end + 1) == Some(&b':')).then_some((0, end + 2))
        }
        _ => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let is_number = digits > 0 && matches!(rest.get(digits), Some(b'.' | b')'));
            (is_number && ends_at(digits + 1)).then_some((digits, digits + 1))
        }
    }
}

/// Whether a line is a rule, such as `- - -`.
fn is_rule(line: &[u8]) -> bool {
    [b'-', b'*'].into_iter().any(|mark| {
        line.iter()
            .all(|byte| *byte == mark || byte.is_ascii_whitespace())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::markdown::{Links, render};

    #[test]
    fn usual_nesting_is_unchanged() {
        let rule = "- ".repeat(60);
        for text in [
            "> > quoted twice\n\n1. a\n   - b\n      > c\n",
            "    > code\n\t- code\n",
            "a > b - c [^1] [^2]: d\r\n",
            &format!("{}deep", "> ".repeat(50)),
            &format!("{}far to the right", " ".repeat(500)),
            &rule,
        ] {
            assert_eq!(limit_nesting(text), text);
        }
    }

    #[test]
    fn the_first_marker_beyond_the_limit_is_escaped() {
        for (marker, escaped) in [
            (">", r"\>"),
            ("+ ", r"\+ "),
            ("12) ", r"12\) "),
            ("[^a]: ", r"\[^a]: "),
        ] {
            let kept = MAX_MARKERS.min(MAX_COLUMN.div_ceil(marker.len()));
            let text = format!("a\n{}b\nc", marker.repeat(kept + 2));
            let limited = format!("a\n{}{escaped}{marker}b\nc", marker.repeat(kept));
            assert_eq!(limit_nesting(&text), limited);
        }
        let far = format!("{}- a", " ".repeat(MAX_COLUMN));
        assert_eq!(limit_nesting(&far), far.replace('-', r"\-"));
    }

    /// Case 50. Without limits, some of these took minutes in the largest text. The bound is wide, because tests run
    /// unoptimised.
    #[test]
    fn repeated_marks_do_not_nest_without_end() {
        let units = [
            ">",
            "> ",
            "- ",
            "+ ",
            "* ",
            "-\t",
            "1. ",
            "1) ",
            "> - ",
            "- > ",
            "> 1. ",
            "[",
            "![",
            "[](",
            "![](",
            "[[](",
            "*",
            "_",
            "**",
            "*a ",
            "*a_ ",
            "**a *a ",
            "~~a*",
            "`",
            "a``",
            "<",
            "<a x=\"",
            "<!--",
            "\\",
            "|",
            "# ",
            "\n",
            "a|b\n-|-\n",
            "[a]: ",
            "[^a]: > ",
            "- [ ] ",
            "```\n",
            "> ```\n",
            "    - ",
            "1.\n",
            "  - a\n",
        ];
        for unit in units {
            let many = unit.repeat(20_000 / unit.len());
            let half = &many[..many.len() / 2 / unit.len() * unit.len()];
            let lazy_lines = format!("{half}x\n{}", "a\n".repeat(5_000));
            let empty_lines = format!("{half}x\n{}x", "\n".repeat(10_000));
            for text in [&many, &lazy_lines, &empty_lines] {
                let started = std::time::Instant::now();
                let html = render(text, &Links::default()).to_string();
                let took = started.elapsed();
                assert!(took.as_secs() < 5, "{unit:?} took {took:?}");
                if !unit.contains(['*', '_', '~']) {
                    assert!(deepest(&html) < 300, "{unit:?} nests {}", deepest(&html));
                }
            }
        }
    }

    /// The largest number of elements inside each other.
    fn deepest(html: &str) -> i32 {
        let (mut depth, mut most) = (0, 0);
        for tag in html
            .split('<')
            .skip(1)
            .filter(|tag| !tag.starts_with("br") && !tag.starts_with("hr"))
        {
            depth += if tag.starts_with('/') { -1 } else { 1 };
            most = most.max(depth);
        }
        most
    }
}
