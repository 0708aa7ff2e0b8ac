//! Texts of one line and of a maximum length.

use crate::domain::text::{composed, is_invisible};

/// Text as one line without invisible or unstorable characters, cut to a maximum length, and
/// whether it was cut.
pub(crate) fn line(text: &str, most: usize) -> (String, bool) {
    let turns = |letter: char| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let spaced: String = composed(text)
        .chars()
        .filter(|letter| !turns(*letter))
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line
        .chars()
        .all(|letter| letter.is_whitespace() || is_invisible(letter))
    {
        return (String::new(), false);
    }
    cut(&line, most)
}

/// The text cut to a maximum number of characters, and whether it was longer.
pub(crate) fn cut(text: &str, most: usize) -> (String, bool) {
    match text.char_indices().nth(most) {
        Some((end, _)) => (text[..end].trim_end().to_owned(), true),
        None => (text.to_owned(), false),
    }
}
