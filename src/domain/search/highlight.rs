//! Which parts of a text match a search, for highlighting, and excerpts around the first of them.

use crate::domain::{search::Terms, text::fold};

/// The most characters of an excerpt before and after its first match.
const BEFORE: usize = 40;
const AFTER: usize = 100;

/// A part of a text, and whether it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) text: String,
    pub(crate) is_match: bool,
}

/// Splits a text at the words that begin with one of the terms.
pub(crate) fn highlight(text: &str, terms: &Terms) -> Vec<Passage> {
    let mut passages = Vec::new();
    let mut end = 0;
    for (from, to) in matches(text, terms) {
        push(&mut passages, &text[end..from], false);
        push(&mut passages, &text[from..to], true);
        end = to;
    }
    push(&mut passages, &text[end..], false);
    passages
}

/// The part of a text around its first match on one line, highlighted. Without a match, its beginning.
pub(crate) fn excerpt(text: &str, terms: &Terms) -> Vec<Passage> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let first = matches(&line, terms).next().map_or(0, |(from, _)| from);
    let from = line[..first]
        .char_indices()
        .rev()
        .nth(BEFORE)
        .map_or(0, |(at, _)| next_word(&line, at, first));
    let to = line[first..]
        .char_indices()
        .nth(AFTER)
        .map_or(line.len(), |(at, _)| first + at);
    let (before, after) = (
        if from > 0 { "…" } else { "" },
        if to < line.len() { "…" } else { "" },
    );
    highlight(&format!("{before}{}{after}", &line[from..to]), terms)
}

/// The beginning of the next word after `at`, but not after `latest`.
fn next_word(line: &str, at: usize, latest: usize) -> usize {
    line[at..latest]
        .find(' ')
        .map_or(at, |blank| at + blank + 1)
}

fn push(passages: &mut Vec<Passage>, text: &str, is_match: bool) {
    if !text.is_empty() {
        passages.push(Passage {
            text: text.to_owned(),
            is_match,
        });
    }
}

/// The byte ranges of words that match, in order.
fn matches<'a>(text: &'a str, terms: &'a Terms) -> impl Iterator<Item = (usize, usize)> + 'a {
    words(text).filter(move |&(from, to)| {
        let word = fold(&text[from..to]);
        terms
            .words
            .iter()
            .any(|term| word.starts_with(term.as_str()))
    })
}

/// The byte ranges of the words of a text, split as `search_words` does.
fn words(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut letters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let is_part = |letter: char| !(letter.is_whitespace() || letter.is_ascii_punctuation());
        let (from, first) = letters.find(|(_, letter)| is_part(*letter))?;
        let mut to = from + first.len_utf8();
        if !is_without_spaces(first) {
            while let Some((at, letter)) =
                letters.next_if(|(_, letter)| is_part(*letter) && !is_without_spaces(*letter))
            {
                to = at + letter.len_utf8();
            }
        }
        Some((from, to))
    })
}

/// Whether the character belongs to a script that has no spaces between words: Thai, Lao, Chinese, Japanese. They are the
/// same ranges as in `search_words`.
fn is_without_spaces(letter: char) -> bool {
    matches!(letter, '\u{0e00}'..='\u{0eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(passages: &[Passage]) -> String {
        passages
            .iter()
            .map(|passage| {
                if passage.is_match {
                    format!("[{}]", passage.text)
                } else {
                    passage.text.clone()
                }
            })
            .collect()
    }

    fn terms(words: &[&str]) -> Terms {
        Terms {
            typed: words.join(" "),
            words: words.iter().map(|&word| word.to_owned()).collect(),
        }
    }

    #[test]
    fn words_that_begin_with_a_term_are_highlighted() {
        for (text, words, wanted) in [
            ("Postgres, repost", &["post"][..], "[Postgres], repost"),
            ("Größe der Cafés", &["gross", "cafe"], "[Größe] der [Cafés]"),
            ("データ移行", &["移"], "データ[移]行"),
            ("db.example.com", &["example"], "db.[example].com"),
            ("nothing", &["x"], "nothing"),
            ("", &["x"], ""),
        ] {
            assert_eq!(shown(&highlight(text, &terms(words))), wanted);
        }
    }

    #[test]
    fn excerpt_is_a_line_around_the_first_match() {
        let text = format!(
            "{}\n\nthe rollback {}",
            "before ".repeat(30),
            "after ".repeat(30)
        );
        let excerpt = shown(&excerpt(&text, &terms(&["rollback"])));
        assert!(excerpt.starts_with("…before"), "{excerpt}");
        assert!(excerpt.contains("the [rollback] after"), "{excerpt}");
        assert!(
            excerpt.ends_with('…') && excerpt.chars().count() < 160,
            "{excerpt}"
        );
        assert_eq!(shown(&super::excerpt("short", &terms(&["x"]))), "short");
        let wide = "語".repeat(300);
        assert_eq!(
            shown(&super::excerpt(&wide, &terms(&["x"])))
                .chars()
                .count(),
            AFTER + 1
        );
    }
}
