//! Parses quick-add lines: `Ask Legal for a date @ebba by Friday`.

use time::{Date, Duration, Weekday};

use crate::domain::dates::parse_date;

/// A line with its handle and due date taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuickAdd {
    pub(crate) text: String,
    /// The first `@handle`.
    pub(crate) handle: Option<String>,
    /// From `by Friday`, `by tomorrow` or `by 2026-11-30` at the end.
    pub(crate) by: Option<Date>,
}

impl QuickAdd {
    /// Parses a line; weekdays are the next ones after `today`.
    pub(crate) fn parse(line: &str, today: Date) -> Self {
        let (words, handle) = split(line);
        Self::of(words, handle, today)
    }

    /// Parses a line whose `@handle` is no account's and stays in the text.
    pub(crate) fn without_handle(line: &str, today: Date) -> Self {
        Self::of(line.split_whitespace().collect(), None, today)
    }

    fn of(mut words: Vec<&str>, handle: Option<String>, today: Date) -> Self {
        let by = match words.as_slice() {
            [_, .., by, day] if by.eq_ignore_ascii_case("by") => read_day(day, today),
            _ => None,
        };
        if by.is_some() {
            words.truncate(words.len().saturating_sub(2));
        }
        Self {
            text: words.join(" ").trim_end_matches(',').to_owned(),
            handle,
            by,
        }
    }
}

/// The line without its first `@handle`, and that handle.
pub(crate) fn extract_handle(line: &str) -> (String, Option<String>) {
    let (words, handle) = split(line);
    (words.join(" "), handle)
}

fn split(line: &str) -> (Vec<&str>, Option<String>) {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let handle_of = |word: &str| {
        let handle = word
            .trim_start_matches(['(', '“', '"', '\''])
            .strip_prefix('@')?;
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        let end = handle
            .find(|letter| !is_letter(letter))
            .unwrap_or(handle.len());
        let handle = handle[..end].trim_end_matches('-');
        (!handle.is_empty()).then(|| handle.to_lowercase())
    };
    let named = words
        .iter()
        .enumerate()
        .find_map(|(place, word)| Some((place, handle_of(word)?)));
    let Some((place, handle)) = named else {
        return (words, None);
    };
    words.remove(place);
    (words, Some(handle))
}

fn read_day(word: &str, today: Date) -> Option<Date> {
    let word = word.trim_end_matches(['.', ',']).to_lowercase();
    let weekday = match word.get(..3)? {
        _ if word == "today" => return Some(today),
        _ if word == "tomorrow" => return today.next_day(),
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        _ => return parse_date(&word),
    };
    let full = weekday.to_string().to_lowercase();
    (full.starts_with(&word)).then(|| {
        (1..=7)
            .map(|days| today.saturating_add(Duration::days(days)))
            .find(|day| day.weekday() == weekday)
    })?
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn parse(line: &str) -> (String, Option<String>, Option<Date>) {
        let line = QuickAdd::parse(line, date!(2026 - 11 - 24));
        (line.text, line.handle, line.by)
    }

    #[test]
    fn line_has_a_handle_and_a_due_date() {
        let ebba = Some("ebba".to_owned());
        let friday = Some(date!(2026 - 11 - 27));
        assert_eq!(
            parse("Ask Legal for a date @ebba by Friday"),
            ("Ask Legal for a date".to_owned(), ebba.clone(), friday)
        );
        assert_eq!(
            parse("@Ebba: ask Legal, by fri"),
            ("ask Legal".to_owned(), ebba, friday)
        );
        assert_eq!(
            parse("Book the drill by 2026-12-01").2,
            Some(date!(2026 - 12 - 01))
        );
        assert_eq!(
            parse("Book the drill by tomorrow").2,
            Some(date!(2026 - 11 - 25))
        );
        assert_eq!(
            parse("Meet by Tuesday").2,
            Some(date!(2026 - 12 - 01)),
            "not today, the next one"
        );
    }

    #[test]
    fn line_without_handle_or_due_date() {
        assert_eq!(
            parse("  Time the   index copy "),
            ("Time the index copy".to_owned(), None, None)
        );
        assert_eq!(parse("Stand by me"), ("Stand by me".to_owned(), None, None));
        assert_eq!(
            parse("by Friday").0,
            "by Friday",
            "a day alone is no action"
        );
        assert_eq!(parse("mail a@b.example").0, "mail a@b.example");
        assert_eq!(parse("@").0, "@");
        assert_eq!(parse("done by friendly people by frites").2, None);
    }
}
