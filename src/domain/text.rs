//! Rules that hold for every text that people type.

/// Whether a text has an override or an isolate of the writing direction in it.
pub fn turns_direction(text: &str) -> bool {
    text.contains(|letter| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

/// Line ends as they are kept: a browser sends CRLF, and a lone CR would break an event stream.
pub fn plain_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// For LIKE: its wildcards and its escape become plain letters.
pub fn literal(words: &str) -> String {
    words
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}
