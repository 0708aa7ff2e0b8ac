//! Finds what a text links to: addresses, by GFM's extended autolink rules, before emphasis is parsed; and task keys and
//! mentions, in what is text then.

use std::{borrow::Cow, collections::HashSet, ops::Range};

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};

/// The words that become links: team keys (INF) and handles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    pub(crate) team_keys: HashSet<String>,
    pub(crate) handles: HashSet<String>,
}

/// Wraps each bare address in `<` and `>`, so that nothing in it is taken for Markdown. Code, links and HTML stay as they
/// are.
pub(super) fn wrap_addresses(text: &str, options: Options, most_events: usize) -> Cow<'_, str> {
    if !text.contains(['/', '.']) {
        return Cow::Borrowed(text);
    }
    let (mut wrapped, mut copied) = (String::new(), 0);
    let mut taken = taken_ranges(text, options, most_events)
        .into_iter()
        .peekable();
    let mut from = 0;
    while let Some(address) = next_address(text, from) {
        while taken.next_if(|range| range.end <= address.start).is_some() {}
        if let Some(range) = taken.peek().filter(|range| range.start < address.end) {
            from = range.end.max(address.end);
            continue;
        }
        let written = &text[address.clone()];
        wrapped.push_str(&text[copied..address.start]);
        if written
            .get(..4)
            .is_some_and(|begin| begin.eq_ignore_ascii_case("www."))
            && !written.contains('@')
        {
            // shown without the scheme that it lacks
            wrapped.push_str(&format!("[{}](<http://{written}>)", escaped(written)));
        } else {
            wrapped.push_str(&format!("<{written}>"));
        }
        copied = address.end;
        from = address.end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    wrapped.push_str(&text[copied..]);
    Cow::Owned(wrapped)
}

/// The parts of a text in which no address is looked for, in order.
fn taken_ranges(text: &str, options: Options, most_events: usize) -> Vec<Range<usize>> {
    let parser = Parser::new_ext(text, options);
    let mut ranges: Vec<Range<usize>> = parser
        .reference_definitions()
        .iter()
        .map(|(_, definition)| definition.span.clone())
        .collect();
    for (event, range) in parser.into_offset_iter().take(most_events) {
        if matches!(
            event,
            Event::Code(_)
                | Event::Html(_)
                | Event::InlineHtml(_)
                | Event::Start(Tag::CodeBlock(_) | Tag::Link { .. } | Tag::Image { .. })
        ) {
            ranges.push(range);
        }
    }
    ranges.sort_by_key(|range| (range.start, range.end));
    ranges
}

/// The first address from a position on.
fn next_address(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest[0] == b'@'
            && let Some(range) = mail_address(bytes, from, at)
        {
            return Some(range);
        }
        let scheme = ["https://", "http://", "www."].into_iter().find(|scheme| {
            rest.len() > scheme.len()
                && rest[..scheme.len()].eq_ignore_ascii_case(scheme.as_bytes())
        });
        if let Some(scheme) = scheme
            && may_begin(bytes, at, scheme)
            && let Some(end) = find_end(text, at, scheme.len())
        {
            return Some(at..end);
        }
        at += 1;
    }
    None
}

fn may_begin(bytes: &[u8], at: usize, scheme: &str) -> bool {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    match before {
        None => true,
        Some(letter) if scheme == "www." => {
            letter.is_ascii_whitespace() || matches!(letter, b'*' | b'_' | b'~' | b'(')
        }
        Some(letter) => !letter.is_ascii_alphanumeric(),
    }
}

/// The end of the address that begins at a position, without the punctuation that follows it.
fn find_end(text: &str, start: usize, scheme: usize) -> Option<usize> {
    let rest = &text[start..];
    let host = rest.get(scheme..)?;
    if !host.starts_with(|letter: char| letter.is_alphanumeric() || letter == '[') {
        return None;
    }
    let length = rest
        .find(|letter: char| letter.is_whitespace() || letter.is_control() || ends_address(letter))
        .unwrap_or(rest.len());
    let mut address = &rest[..length];
    let (mut round, mut square) = (surplus(address, '(', ')'), surplus(address, '[', ']'));
    loop {
        let last = address.chars().next_back()?;
        match last {
            ')' if round > 0 => round -= 1,
            ']' if square > 0 => square -= 1,
            '?' | '!' | '.' | ',' | ':' | ';' | '*' | '_' | '~' | '\'' | '"' | '`' | '[' | '('
            | '\\' => {}
            _ => break,
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    (address.len() > scheme).then_some(start + address.len())
}

/// The mail address around an `@`. Both parts are searched only as far as they can be long.
fn mail_address(bytes: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let is_local =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let local = bytes[from.max(at.saturating_sub(64))..at]
        .iter()
        .rev()
        .take_while(|byte| is_local(byte))
        .count();
    let domain = &bytes[at + 1..bytes.len().min(at + 256)];
    let mut length = domain.iter().take_while(|byte| is_domain(byte)).count();
    while length > 0 && domain[length - 1] == b'.' {
        length -= 1;
    }
    let domain = &domain[..length];
    let is_complete =
        local > 0 && domain.contains(&b'.') && domain.last().is_some_and(u8::is_ascii_alphanumeric);
    is_complete.then_some(at - local..at + 1 + length)
}

/// How many more brackets close than open.
fn surplus(address: &str, open: char, close: char) -> usize {
    let closing = address.matches(close).count();
    closing.saturating_sub(address.matches(open).count())
}

/// Punctuation that no address contains unescaped: angle brackets and quotes, and that of Chinese and Japanese.
fn ends_address(letter: char) -> bool {
    matches!(
        letter,
        '<' | '>' | '|' | '“' | '”' | '‘' | '’' | '«' | '»' | '…'
            | '\u{3000}'..='\u{303f}'
            | '\u{ff01}'..='\u{ff0f}'
            | '\u{ff1a}'..='\u{ff20}'
            | '\u{ff3b}'..='\u{ff40}'
            | '\u{ff5b}'..='\u{ff65}'
            | '\u{30fb}'
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// Turns addresses, task keys and mentions in a plain text into links.
pub(super) fn link_line(text: &str, links: &Links, events: &mut Vec<Event<'_>>) {
    let mut plain = 0;
    while let Some(address) = next_address(text, plain) {
        link_words(&text[plain..address.start], links, events);
        let written = &text[address.clone()];
        let has_scheme = written.contains("://") || written.starts_with("mailto:");
        let target = match (has_scheme, written.contains('@')) {
            (true, _) => written.to_owned(),
            (_, true) => format!("mailto:{written}"),
            _ => format!("http://{written}"),
        };
        push_link(events, target, written);
        plain = address.end;
    }
    link_words(&text[plain..], links, events);
}

fn push_link(events: &mut Vec<Event<'_>>, target: String, text: &str) {
    let link = Tag::Link {
        link_type: LinkType::Inline,
        dest_url: CowStr::from(target),
        title: CowStr::from(""),
        id: CowStr::from(""),
    };
    events.extend([
        Event::Start(link),
        Event::Text(CowStr::from(text.to_owned())),
        Event::End(TagEnd::Link),
    ]);
}

/// Turns task keys and mentions in a text into links.
pub(super) fn link_words(text: &str, links: &Links, events: &mut Vec<Event<'_>>) {
    let mut plain = 0;
    let mut at = 0;
    while let Some(found) = next_word(text, at, links) {
        let (word, address) = found;
        if plain < word.start {
            events.push(Event::Text(CowStr::from(
                text[plain..word.start].to_owned(),
            )));
        }
        push_link(events, address, &text[word.clone()]);
        (plain, at) = (word.end, word.end);
    }
    if plain < text.len() {
        events.push(Event::Text(CowStr::from(text[plain..].to_owned())));
    }
}

/// Whether a letter can be part of a key or handle. Chinese and Japanese are written without spaces, so only these count.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The first key or mention from a position on, with what it leads to.
fn next_word(text: &str, from: usize, links: &Links) -> Option<(Range<usize>, String)> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        let is_mention = bytes[at] == b'@';
        let begins = (is_mention || bytes[at].is_ascii_uppercase())
            && !at
                .checked_sub(1)
                .is_some_and(|before| is_word(bytes[before]) || bytes[before] == b'@');
        if !begins {
            at += 1;
            continue;
        }
        let start = at + usize::from(is_mention);
        let length = bytes[start..]
            .iter()
            .take_while(|byte| is_word(**byte))
            .count();
        let word = &text[start..start + length];
        let target = if is_mention {
            let handle = word.trim_end_matches(['-', '_']).to_lowercase();
            let known = links.handles.contains(&handle);
            known.then(|| (handle.len(), format!("/people/{handle}")))
        } else {
            key_target(word, links).map(|address| (word.len(), address))
        };
        if let Some((length, address)) = target {
            return Some((at..start + length, address));
        }
        at = (start + length).max(at + 1);
    }
    None
}

fn key_target(word: &str, links: &Links) -> Option<String> {
    let (key, number) = word.split_once('-')?;
    let is_number =
        !number.is_empty() && number.len() < 12 && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && links.team_keys.contains(key)).then(|| format!("/tasks/{word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<&str> {
        let (mut found, mut from) = (Vec::new(), 0);
        while let Some(address) = next_address(text, from) {
            from = address.end;
            found.push(&text[address]);
        }
        found
    }

    #[test]
    fn addresses_end_where_a_reader_would_end_them() {
        for (text, expected) in [
            (
                "(see https://example.org/a_(b))",
                "https://example.org/a_(b)",
            ),
            (
                "https://example.org/a_b_c*d*~e~f.",
                "https://example.org/a_b_c*d*~e~f",
            ),
            ("[https://example.org/x[1]]", "https://example.org/x[1]"),
            (
                "https://example.org/a,b;c=1,",
                "https://example.org/a,b;c=1",
            ),
            ("HTTPS://EXAMPLE.org?", "HTTPS://EXAMPLE.org"),
            ("見てhttps://example.org/x。次", "https://example.org/x"),
            ("「https://example.org/x」", "https://example.org/x"),
            ("https://example.org/@jonas!", "https://example.org/@jonas"),
            ("“https://example.org”", "https://example.org"),
            ("www.example.org/a.", "www.example.org/a"),
            ("http://localhost:8080/", "http://localhost:8080/"),
            ("mail a.b+c@example.org.", "a.b+c@example.org"),
        ] {
            assert_eq!(addresses(text), [expected], "{text}");
        }
        for text in [
            "xhttps://a.org",
            "https://",
            "http://!a",
            "a@b",
            "@jonas",
            "awww.a.org",
        ] {
            assert_eq!(addresses(text), [""; 0], "{text}");
        }
    }
}
