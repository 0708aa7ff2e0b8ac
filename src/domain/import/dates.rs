//! Reads dates and times as other tools write them into tables.

use time::{
    Date, Month, OffsetDateTime, Time, UtcOffset,
    format_description::well_known::{Rfc2822, Rfc3339},
};

use crate::domain::import::{draft::Due, summary::Notices};

/// In which order day and month stand when both are numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    #[default]
    DayFirst,
    MonthFirst,
}

/// The first letters of months in English, German, French, Spanish, Italian, Portuguese and Dutch. What several
/// languages share stands once.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen"],
    &["feb", "fév", "fev"],
    &["mar", "mär", "mrz", "mrt", "maa"],
    &["apr", "avr", "abr"],
    &["may", "mai", "mag", "mei"],
    &["jun", "juin", "giu"],
    &["jul", "juil", "lug"],
    &["aug", "aoû", "ago", "aou"],
    &["sep", "set"],
    &["oct", "okt", "ott", "out"],
    &["nov"],
    &["dec", "dez", "déc", "dic"],
];

/// Finds out whether the month stands first in a column of dates: a second number above 12 shows it, and otherwise the
/// day is taken to stand first.
pub(crate) fn order<'t>(texts: impl Iterator<Item = &'t str>) -> Order {
    for text in texts {
        let numbers: Vec<i32> = text
            .split(|letter: char| !letter.is_ascii_digit())
            .map_while(|part| part.parse().ok())
            .take(2)
            .collect();
        match numbers.as_slice() {
            [first, _] if (13..=31).contains(first) => return Order::DayFirst,
            [first, second] if *first >= 1 && *second > 12 && *second <= 31 => {
                return Order::MonthFirst;
            }
            _ => {}
        }
    }
    Order::DayFirst
}

/// Reads an instant. Where no zone is given, it is taken to be of UTC.
pub(crate) fn instant(text: &str, order: Order) -> Option<OffsetDateTime> {
    // Plane writes `20 Apr 2025 10:17:06 UTC+0000`.
    let text = &text.trim().replace(" UTC+", " +").replace(" UTC-", " -");
    let read = OffsetDateTime::parse(&with_colon(text), &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(text, &Rfc2822))
        .ok();
    read.or_else(|| of_script(text))
        .or_else(|| loose(text, order))
        // The database has no others.
        .filter(|at| (1900..3000).contains(&at.year()))
        .map(|at| at.to_offset(UtcOffset::UTC))
}

/// An ISO date whose offset has no colon, such as `2026-10-01T10:00:00+0000`, with one.
fn with_colon(text: &str) -> String {
    let Some((start, end)) = text.split_at_checked(text.len().saturating_sub(2)) else {
        return text.to_owned();
    };
    let has_offset = start.len() > 20
        && start.as_bytes().get(10) == Some(&b'T')
        && matches!(start.as_bytes().get(start.len() - 3), Some(b'+' | b'-'));
    match has_offset {
        true => format!("{start}:{end}"),
        false => text.to_owned(),
    }
}

/// Reads a due date: a day, or an instant if a time is given that is not midnight.
pub(crate) fn due(text: &str, order: Order) -> Option<Due> {
    let at = instant(text, order)?;
    Some(if at.time() == Time::MIDNIGHT {
        Due::Day(at.date())
    } else {
        Due::Instant(at)
    })
}

/// Returns what was read of a text, and adds a notice if there is a text of which nothing could be read.
pub(crate) fn or_notice<T>(
    read: Option<T>,
    text: &str,
    title: &str,
    changed: &mut Notices,
) -> Option<T> {
    if read.is_none() && !text.is_empty() {
        changed.add("dates that could not be read were left out", title);
    }
    read
}

/// `Sun Apr 20 2025 10:17:06 GMT+0000 (GMT)`, as JavaScript writes it.
fn of_script(text: &str) -> Option<OffsetDateTime> {
    let mut parts = text.split_whitespace();
    let (_, month_name, day, year) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let day = date(year.parse().ok()?, month(month_name)?, day.parse().ok()?)?;
    let at = clock(parts.next()?, None)?;
    let offset = parts.next()?.strip_prefix("GMT")?;
    Some(day.with_time(at).assume_offset(offset_of(offset)?))
}

/// `+0530`, or nothing.
fn offset_of(text: &str) -> Option<UtcOffset> {
    if text.is_empty() {
        return Some(UtcOffset::UTC);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.trim_start_matches(['+', '-']).replace(':', "");
    let (hours, minutes) = (digits.get(..2)?, digits.get(2..4)?);
    let (hours, minutes): (i8, i8) = (hours.parse().ok()?, minutes.parse().ok()?);
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

/// A day, and perhaps a time: `27/Dec/25 10:48 AM`, `9/8/2021 9:05`, `2026-02-05 12:00`, `05.02.2026`.
/// A zone may follow the time: `+0100`, `+01:00` or `Z`.
fn loose(text: &str, order: Order) -> Option<OffsetDateTime> {
    let (day, rest) = match text.find([' ', 'T']) {
        Some(end) => text.split_at(end),
        None => (text, ""),
    };
    let parts: Vec<&str> = day.split(['/', '-', '.']).collect();
    let [first, second, third] = parts.as_slice() else {
        return None;
    };
    let number = |text: &str| -> Option<u8> { text.parse().ok() };
    let day = if first.len() == 4 {
        date(
            first.parse().ok()?,
            by_number(number(second)?)?,
            number(third)?,
        )?
    } else if let Some(month) = month(second) {
        date(year(third)?, month, number(first)?)?
    } else {
        let (day, month) = match order {
            Order::DayFirst => (first, second),
            Order::MonthFirst => (second, first),
        };
        date(year(third)?, by_number(number(month)?)?, number(day)?)?
    };
    let rest = rest.trim_start_matches([' ', 'T']);
    if rest.is_empty() {
        return Some(day.midnight().assume_utc());
    }
    let (at, offset) = match rest.find(['+', '-', 'Z']) {
        Some(end) => (
            rest.get(..end)?,
            offset_of(rest.get(end..)?.trim_start_matches('Z'))?,
        ),
        None => (rest, UtcOffset::UTC),
    };
    let mut parts = at.split_whitespace();
    let at = clock(parts.next()?, parts.next())?;
    if parts.next().is_some() {
        return None;
    }
    Some(day.with_time(at).assume_offset(offset))
}

/// `10:48`, `10:48:30.5`, with `AM` or `PM` if it has twelve hours.
fn clock(text: &str, half: Option<&str>) -> Option<Time> {
    let mut parts = text.split(':');
    let hour: u8 = parts.next()?.parse().ok()?;
    let minute: u8 = parts.next()?.parse().ok()?;
    let second = parts.next().map_or(Some(0), |text| {
        text.split('.').next().unwrap_or("").parse().ok()
    })?;
    let hour = match half.map(str::to_uppercase).as_deref() {
        Some("AM") if hour == 12 => 0,
        Some("PM") if hour < 12 => hour + 12,
        None | Some("AM" | "PM") => hour,
        Some(_) => return None,
    };
    Time::from_hms(hour, minute, second).ok()
}

/// A year of two digits is one of this century.
fn year(text: &str) -> Option<i32> {
    let year: i32 = text.parse().ok()?;
    match text.len() {
        2 => Some(2000 + year),
        4 => Some(year),
        _ => None,
    }
}

fn month(name: &str) -> Option<Month> {
    let name = name.trim_end_matches('.').to_lowercase();
    let number = (1..).zip(MONTHS).find_map(|(number, names)| {
        let is_one = names.iter().any(|beginning| name.starts_with(beginning));
        is_one.then_some(number)
    })?;
    by_number(number)
}

fn by_number(number: u8) -> Option<Month> {
    Month::try_from(number).ok()
}

fn date(year: i32, month: Month, day: u8) -> Option<Date> {
    Date::from_calendar_date(year, month, day).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn instants_are_read_as_tools_write_them() {
        for (text, read) in [
            ("27/Dec/25 10:48 AM", datetime!(2025-12-27 10:48 UTC)),
            ("05/Feb/26 12:02 AM", datetime!(2026-02-05 0:02 UTC)),
            ("05/Feb/26 12:02 PM", datetime!(2026-02-05 12:02 UTC)),
            ("05/fév/26 3:02 PM", datetime!(2026-02-05 15:02 UTC)),
            ("05/Mär/2026 15:02", datetime!(2026-03-05 15:02 UTC)),
            ("05/Mrz/26 15:02", datetime!(2026-03-05 15:02 UTC)),
            ("9/8/2021 9:05", datetime!(2021-08-09 9:05 UTC)),
            ("05.02.2026 15:02:03", datetime!(2026-02-05 15:02:03 UTC)),
            ("2026-02-05 15:02", datetime!(2026-02-05 15:02 UTC)),
            (
                "2026-02-05T15:02:03.250",
                datetime!(2026-02-05 15:02:03 UTC),
            ),
            ("2026-02-05T15:02:03Z", datetime!(2026-02-05 15:02:03 UTC)),
            (
                "2026-02-05T15:02:03+02:00",
                datetime!(2026-02-05 13:02:03 UTC),
            ),
            (
                "2025-12-27T10:48:00.000+0100",
                datetime!(2025-12-27 9:48 UTC),
            ),
            ("2025-12-27T10:48:00+0100", datetime!(2025-12-27 9:48 UTC)),
            ("2026-02-05 15:02 +0200", datetime!(2026-02-05 13:02 UTC)),
            ("27/Dec/25 10:48 PM -05:00", datetime!(2025-12-28 3:48 UTC)),
            ("2026-02-05", datetime!(2026-02-05 0:00 UTC)),
            (
                "Sun Apr 20 2025 10:17:06 GMT+0000 (GMT)",
                datetime!(2025-04-20 10:17:06 UTC),
            ),
            (
                "Wed Jul 01 2026 09:00:00 GMT+0530 (IST)",
                datetime!(2026-07-01 3:30 UTC),
            ),
            (
                "Mon, 21 Apr 2025 10:17:06 +0000",
                datetime!(2025-04-21 10:17:06 UTC),
            ),
        ] {
            assert_eq!(instant(text, Order::DayFirst), Some(read), "{text}");
        }
        for text in [
            "",
            "soon",
            "31/Feb/26",
            "1/2",
            "27/Foo/25",
            "0001-01-01",
            "9/8/2021 99:05",
            "9/8/2021 9:05 soon",
        ] {
            assert_eq!(instant(text, Order::DayFirst), None, "{text}");
        }
        assert_eq!(
            instant("9/8/2021 9:05", Order::MonthFirst),
            Some(datetime!(2021-09-08 9:05 UTC))
        );
    }

    #[test]
    fn order_of_day_and_month_is_seen_in_a_column() {
        let of = |texts: &[&str]| order(texts.iter().copied());
        assert_eq!(of(&["9/8/2021 9:05", "9/20/2021 1:00"]), Order::MonthFirst);
        assert_eq!(of(&["9/8/2021", "20/9/2021"]), Order::DayFirst);
        assert_eq!(of(&["9/8/2021", ""]), Order::DayFirst);
        assert_eq!(of(&["27/Dec/25 10:48 AM"]), Order::DayFirst);
    }

    #[test]
    fn due_date_is_a_day_unless_it_has_a_time() {
        let read = |text| due(text, Order::DayFirst);
        assert_eq!(
            read("05/Feb/26 12:00 AM"),
            Some(Due::Day(date!(2026 - 02 - 05)))
        );
        assert_eq!(read("2026-02-05"), Some(Due::Day(date!(2026 - 02 - 05))));
        assert_eq!(
            read("05/Feb/26 5:00 PM"),
            Some(Due::Instant(datetime!(2026-02-05 17:00 UTC)))
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in "\\PC{0,40}|[0-9/:. -]{0,30}|[0-9]{1,4}/[A-Za-zä]{3}/[0-9]{2} [0-9]{1,2}:[0-9]{2} [AP]M") {
            let _ = instant(&text, Order::MonthFirst);
            let _ = due(&text, Order::DayFirst);
            let _ = order(std::iter::once(text.as_str()));
        }
    }
}
