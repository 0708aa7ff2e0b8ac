//! Dates, periods and names in words.

use time::{Date, Month, OffsetDateTime, Weekday};

/// The names of the twelve colours.
pub(crate) const HUES: [&str; 12] = [
    "red", "orange", "amber", "olive", "green", "mint", "teal", "sky", "blue", "violet", "purple",
    "pink",
];

/// Replaces those names of a comma-separated list that match; a name may contain commas.
pub(crate) fn instead_of(
    names: &str,
    is_meant: impl Fn(&str) -> bool,
    replacement: &str,
) -> String {
    let parts: Vec<&str> = names.split(',').map(str::trim).collect();
    let (mut result, mut index) = (Vec::new(), 0);
    while index < parts.len() {
        let run = (1..=3).rev().find(|count| {
            parts
                .get(index..index + count)
                .is_some_and(|run| is_meant(&run.join(", ")))
        });
        result.push(if run.is_some() {
            replacement
        } else {
            parts[index]
        });
        index += run.unwrap_or(1);
    }
    result.join(", ")
}

/// Replaces e-mail addresses in a text, for readers without an account.
pub(crate) fn without_addresses(text: &str) -> String {
    let is_address = |word: &str| {
        let parts = word
            .trim_matches(|letter: char| letter.is_ascii_punctuation())
            .split_once('@');
        parts.is_some_and(|(local, site)| !local.is_empty() && site.contains('.'))
    };
    let shown = |word: &str| {
        if is_address(word.trim()) {
            word.replace(word.trim(), "(an address)")
        } else {
            word.to_owned()
        }
    };
    text.split_inclusive(char::is_whitespace)
        .map(shown)
        .collect()
}

/// `1 person`, `2 people`.
pub(crate) fn people(count: i64) -> String {
    if count == 1 {
        "1 person".to_owned()
    } else {
        format!("{count} people")
    }
}

/// `512 bytes`, `1.4 MB`: in units of a thousand.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// The text with its first letter in upper case.
pub(crate) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    first + letters.as_str()
}

/// `1 task`, `2 tasks`.
pub(crate) fn counted<N: std::fmt::Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    if count == N::from(1_u8) {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// How long ago something started: `<1 h`, `5 h`, `2 d`, with a non-breaking space.
pub(crate) fn age(now: OffsetDateTime, since: OffsetDateTime) -> String {
    let hours = (now - since).whole_hours().max(0);
    match hours {
        0 => "<1\u{a0}h".to_owned(),
        1..24 => format!("{hours}\u{a0}h"),
        _ => format!("{}\u{a0}d", hours / 24),
    }
}

/// When something happened: `just now`, `5 min ago`, `3 h ago`, `2 d ago`.
pub(crate) fn ago(now: OffsetDateTime, at: OffsetDateTime) -> String {
    let minutes = (now - at).whole_minutes().max(0);
    match minutes {
        0 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..1440 => format!("{} h ago", minutes / 60),
        _ => format!("{} d ago", minutes / 1440),
    }
}

/// `16 – 27 Nov`, or with both months where they differ.
pub(crate) fn span(from: Date, to: Date) -> String {
    if from.month() == to.month() {
        format!("{} – {} {}", from.day(), to.day(), month(to.month()))
    } else {
        format!(
            "{} {} – {} {}",
            from.day(),
            month(from.month()),
            to.day(),
            month(to.month())
        )
    }
}

/// `26 Nov`.
pub(crate) fn date(date: Date) -> String {
    format!("{} {}", date.day(), month(date.month()))
}

/// `Thu 26 Nov`.
pub(crate) fn day(date: Date) -> String {
    format!(
        "{} {} {}",
        weekday(date.weekday()),
        date.day(),
        month(date.month())
    )
}

/// Like `day`, with the year if it is not the current one.
pub(crate) fn day_from(now: OffsetDateTime, date: Date) -> String {
    if date.year() == now.year() {
        day(date)
    } else {
        format!("{} {}", day(date), date.year())
    }
}

/// `Thu 26 Nov 14:05`, in an IANA time zone.
pub(crate) fn moment(at: OffsetDateTime, zone: &str) -> String {
    let (date, hour, minute) = crate::domain::clock::civil(at, zone);
    format!("{} {hour:02}:{minute:02}", day(date))
}

fn weekday(day: Weekday) -> &'static str {
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][usize::from(day.number_days_from_monday())]
}

fn month(month: Month) -> &'static str {
    [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ][usize::from(u8::from(month)) - 1]
}
