//! Finds the people a text mentions.

use std::collections::BTreeSet;

use pulldown_cmark::{Event, Parser, Tag, TagEnd, TextMergeStream};

use crate::domain::markdown::{MAX_EVENTS, OPTIONS, links, nesting};

/// The handles that a Markdown text mentions outside code and links, in lower case. Whether such people exist is not
/// known here.
pub(crate) fn mentions(text: &str) -> BTreeSet<String> {
    let mut handles = BTreeSet::new();
    if !text.contains('@') {
        return handles;
    }
    let limited = nesting::limit_nesting(text);
    let source = links::wrap_addresses(&limited, OPTIONS, MAX_EVENTS);
    let mut depth = 0;
    for event in TextMergeStream::new(Parser::new_ext(&source, OPTIONS).take(MAX_EVENTS)) {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::Link { .. }) => depth += 1,
            Event::End(TagEnd::CodeBlock | TagEnd::Link) => depth -= 1,
            Event::Text(text) if depth == 0 => add_mentions(&text, &mut handles),
            _ => {}
        }
    }
    handles
}

fn add_mentions(text: &str, handles: &mut BTreeSet<String>) {
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('@') {
        let is_part_of_word = at
            .checked_sub(1)
            .is_some_and(|before| links::is_word(bytes[before]) || bytes[before] == b'@');
        if is_part_of_word {
            continue;
        }
        let rest = &text[at + 1..];
        let length = rest
            .bytes()
            .take_while(|byte| links::is_word(*byte))
            .count();
        let handle = rest[..length].trim_end_matches(['-', '_']).to_lowercase();
        if !handle.is_empty() {
            handles.insert(handle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_mentioned_outside_code_and_links() {
        let text = "@Jonas, see `@code` and a@b.example, (@mira-), **@ada**.\n\n    @block\n\n<https://example.org/@elif>";
        let found: Vec<String> = mentions(text).into_iter().collect();
        assert_eq!(found, ["ada", "jonas", "mira"]);
    }
}
