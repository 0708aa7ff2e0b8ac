//! Dates and timestamps as text: in forms, in JSON and in events.

use serde::Serializer;
use time::{
    Date, OffsetDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

use crate::domain::error::Result;

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// Parses a date as browsers and the API write it, with a plausible year.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    Date::parse(text, DATE)
        .ok()
        .filter(|date| (1900..=9999).contains(&date.year()))
}

/// Serializes a date in that format.
pub(crate) fn iso<S: Serializer>(date: &Date, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(date)
}

/// Formats an instant for events and pages.
pub(crate) fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// Parses the format of `instant`.
pub(crate) fn read_instant(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}
