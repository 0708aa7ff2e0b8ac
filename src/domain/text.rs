//! Rules for all texts that people enter.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::domain::error::{Problem, Result};

/// Whether a letter overrides or isolates the direction of the text after it.
fn is_turn(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a text contains a bidirectional override or isolate.
pub(crate) fn turns_direction(text: &str) -> bool {
    text.contains(is_turn)
}

/// The text without bidirectional overrides and isolates.
pub(crate) fn without_turns(text: &str) -> Cow<'_, str> {
    if turns_direction(text) {
        text.replace(is_turn, "").into()
    } else {
        text.into()
    }
}

/// Whether a character is invisible.
pub(crate) fn is_invisible(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// The most characters of a value with this name that a request can contain. What a value is for has closer limits with
/// messages of their own; this one holds for every value, before anything is done with it.
pub(crate) fn max_length(name: &str) -> usize {
    match name {
        "description" | "markdown" | "roadmap" | "body" | "about" => 200_000,
        // a URL with a filter
        "back" => 32_000,
        _ => 10_000,
    }
}

/// The most entries of a list in a request.
pub(crate) const MAX_ENTRIES: usize = 1000;

/// Whether a text has at most this many characters. Takes no longer for longer texts.
pub(crate) fn is_within(text: &str, most: usize) -> bool {
    text.len() <= most || text.chars().nth(most).is_none()
}

/// Refuses a field whose text has too many characters.
pub(crate) fn check_length(name: &'static str, text: &str, most: usize) -> Result<()> {
    if is_within(text, most) {
        return Ok(());
    }
    Err(Problem::field(
        name,
        format!("This can have at most {} characters.", grouped(most)),
    ))
}

/// A number with its thousands apart: `20,000`.
pub(crate) fn grouped(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}

/// The text with composed letters (NFC), so that equal letters are equal bytes.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    match unicode_normalization::is_nfc_quick(text.chars()) {
        unicode_normalization::IsNormalized::Yes => text.into(),
        _ => text.nfc().collect::<String>().into(),
    }
}

/// The form in which texts are compared and searched. The same as the function `fold` of the database, where most of it
/// is done.
pub fn fold(text: &str) -> String {
    let is_invisible = |letter: &char| matches!(letter, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let mut folded = String::with_capacity(text.len());
    for letter in text
        .nfkd()
        .filter(|letter| !is_invisible(letter))
        .flat_map(char::to_lowercase)
    {
        match letter {
            'ı' => folded.push('i'),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' => folded.push('d'),
            'ς' => folded.push('σ'),
            'ß' => folded.push_str("ss"),
            other => folded.push(other),
        }
    }
    folded
}

/// Normalizes line ends for storage: a browser sends CRLF, and a lone CR would break an event
/// stream.
pub(crate) fn plain_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The entries of a list that was copied from somewhere: its lines, without blank ones and without bullets, numbers and
/// checkboxes before them.
pub(crate) fn list_entries(text: &str) -> Vec<&str> {
    let entries = text.lines().map(|line| {
        let line = line.trim();
        let number = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let entry = ["- ", "* ", "+ ", "• "]
            .into_iter()
            .find_map(|bullet| line.strip_prefix(bullet))
            .or_else(|| {
                let is_numbered = number.len() < line.len();
                let rest = number.strip_prefix(". ").or(number.strip_prefix(") "));
                rest.filter(|_| is_numbered)
            })
            .unwrap_or(line)
            .trim_start();
        ["[ ] ", "[x] ", "[X] ", "☐ ", "☑ "]
            .into_iter()
            .find_map(|checkbox| entry.strip_prefix(checkbox))
            .unwrap_or(entry)
            .trim()
    });
    entries.filter(|entry| !entry.is_empty()).collect()
}

/// Escapes the wildcards of LIKE, and its escape character.
pub fn literal(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_is_read_without_its_marks() {
        let text = "- [ ] Write the runbook\r\n* Rehearse\n\n 2. Switch\n10) Clean up\n[x] Plain\n2.5 hours later\n-5 °C\n- \n";
        assert_eq!(
            list_entries(text),
            [
                "Write the runbook",
                "Rehearse",
                "Switch",
                "Clean up",
                "Plain",
                "2.5 hours later",
                "-5 °C",
                "-"
            ]
        );
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(is_within(&"å".repeat(500), 500) && !is_within(&"å".repeat(501), 500));
        assert!(is_within("", 0) && !is_within("a", 0));
        assert_eq!(grouped(1_020_000), "1,020,000");
        assert!(check_length("note", &"a".repeat(501), 500).is_err());
    }
}
