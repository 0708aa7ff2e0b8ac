//! The part of a Markdown text that is prose, in which task keys are looked for.

use std::collections::BTreeMap;

/// A Markdown text without its code blocks, inline code and HTML comments.
pub(super) fn without_code(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut fence: Option<(char, usize)> = None;
    let mut follows_blank = true;
    for line in text.split_inclusive('\n') {
        let indented = line.len() - line.trim_start_matches(' ').len();
        let bare = line.trim();
        let (mark, length) = fence_of(bare);
        match fence {
            Some((open, least)) => {
                // It ends at as many of the same marks, with nothing after them.
                if mark == open && length >= least && bare.len() == length && indented < 4 {
                    fence = None;
                }
                kept.push('\n');
            }
            None if length >= 3 && indented < 4 => {
                fence = Some((mark, length));
                kept.push('\n');
            }
            None if follows_blank && (indented >= 4 || line.starts_with('\t')) => {
                kept.push('\n');
                continue;
            }
            None => kept.push_str(line),
        }
        follows_blank = bare.is_empty();
    }
    without_comments(&without_inline_code(&kept))
}

/// The mark with which a line begins a code block, and how many there are.
fn fence_of(line: &str) -> (char, usize) {
    let mark = match line.chars().next() {
        Some(mark @ ('`' | '~')) => mark,
        _ => return (' ', 0),
    };
    let length = line.len() - line.trim_start_matches(mark).len();
    // Marks later in the line make it inline code.
    if mark == '`' && line[length..].contains('`') {
        return (' ', 0);
    }
    (mark, length)
}

/// A text without what is between runs of as many backticks.
fn without_inline_code(text: &str) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in text.match_indices('`') {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == at => *length += 1,
            _ => runs.push((at, 1)),
        }
    }
    // For each run, the next one of the same length.
    let mut next: Vec<Option<usize>> = vec![None; runs.len()];
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, (_, length)) in runs.iter().enumerate().rev() {
        next[index] = seen.insert(*length, index);
    }
    let mut kept = String::with_capacity(text.len());
    let (mut from, mut index) = (0, 0);
    while let Some((start, length)) = runs.get(index) {
        match next[index] {
            Some(end) => {
                kept.push_str(&text[from..*start]);
                // Something between words, and no key.
                kept.push_str(" ` ");
                from = runs[end].0 + length;
                index = end + 1;
            }
            None => index += 1,
        }
    }
    kept.push_str(&text[from..]);
    kept
}

/// A text without HTML comments, in which templates of pull requests explain themselves.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        kept.push_str(before);
        kept.push(' ');
        // One that does not end hides the rest, as on the forge.
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}
