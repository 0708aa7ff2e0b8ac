//! Rules for all texts that people enter.

/// Whether a text contains a bidirectional override or isolate.
pub(crate) fn turns_direction(text: &str) -> bool {
    text.contains(|letter| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

/// Normalizes line ends for storage: a browser sends CRLF, and a lone CR would break an event
/// stream.
pub(crate) fn plain_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Escapes the wildcards of LIKE, and its escape character.
pub fn literal(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}
