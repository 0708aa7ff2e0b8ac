//! The check-in for programs: JSON, Atom, iCalendar and a badge. Each is the same for everyone who
//! may read it.

use askama::Template;
use icalendar::{Calendar, Component, Event, EventLike};
use time::{
    Duration, OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description,
};

use crate::{
    db::pool::Pool,
    domain::{
        checkin::{
            changes::{self, Changed},
            facts::Facts,
            summary::check_in,
        },
        dates::instant,
        error::{Problem, Result},
        humanize::without_addresses,
        sprints,
        tasks::lookup,
        team::Team,
    },
    http::page::rendered,
};

/// The iCalendar format of a UTC instant.
const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// The feed formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    Json,
    Atom,
    Calendar,
    Badge,
}

impl Feed {
    /// The feed with this file name.
    ///
    /// # Errors
    /// `NotFound` for any other name.
    pub(crate) fn from_file_name(file: &str) -> Result<Self> {
        match file {
            "check-in.json" => Ok(Self::Json),
            "changes.atom" => Ok(Self::Atom),
            "calendar.ics" => Ok(Self::Calendar),
            "badge.svg" => Ok(Self::Badge),
            _ => Err(Problem::NotFound),
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Atom => "application/atom+xml; charset=utf-8",
            Self::Calendar => "text/calendar; charset=utf-8",
            Self::Badge => "image/svg+xml",
        }
    }
}

/// The context of a feed: the site, its page, and whether the reader is a guest.
pub(crate) struct FeedContext<'p> {
    pub(crate) site: &'p str,
    pub(crate) page: &'p str,
    pub(crate) guest: bool,
}

/// A feed's text.
pub(crate) async fn render_feed(
    db: &Pool,
    team: &Team,
    feed: Feed,
    context: &FeedContext<'_>,
    now: OffsetDateTime,
) -> Result<String> {
    if feed == Feed::Calendar {
        return calendar(db, team, context, now).await;
    }
    if feed == Feed::Atom {
        let mut changes = changes::newest(db, team).await?;
        if context.guest {
            changes
                .iter_mut()
                .for_each(|change| change.title = without_addresses(&change.title));
        }
        // An empty feed has the date of the team's last change, so that it is not new at every
        // request.
        let last = changes::last(db, &[team.id]).await?;
        let updated = changes
            .first()
            .map(|newest| newest.at)
            .or(last.first().map(|(_, at)| *at))
            .unwrap_or(now);
        return rendered(&Atom {
            team,
            context,
            changes,
            updated,
        });
    }
    let summary = check_in(db, team, now).await?;
    let summary = if context.guest {
        summary.for_guests()
    } else {
        summary
    };
    if feed == Feed::Badge {
        return badge(&summary.in_short());
    }
    Ok(serde_json::to_string(&Facts::from(summary)).map_err(anyhow::Error::from)?)
}

#[derive(Template)]
#[template(path = "checkin/changes.xml")]
struct Atom<'a> {
    team: &'a Team,
    context: &'a FeedContext<'a>,
    changes: Vec<Changed>,
    updated: OffsetDateTime,
}

impl Atom<'_> {
    fn at(&self, at: &OffsetDateTime) -> String {
        instant(*at)
    }

    fn plain(&self, text: &str) -> String {
        plain(text)
    }
}

/// Removes the characters that XML and iCalendar do not allow, escaped or not.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}'))
        .collect()
}

#[derive(Template)]
#[template(path = "checkin/badge.svg")]
struct Badge<'b> {
    text: &'b str,
    /// An estimate of a text's width in pixels.
    width: usize,
}

/// The badge `Sprint 42: 9 of 24 done` as SVG.
pub(crate) fn badge(text: &str) -> Result<String> {
    let text = &plain(text);
    rendered(&Badge {
        text,
        width: text.chars().count().min(200) * 7 + 16,
    })
}

/// The calendar: the latest 26 sprints, and due dates. Its events are identified by what never changes and no other
/// installation has: a team's slug and key, and a sprint's number, can change.
async fn calendar(
    db: &Pool,
    team: &Team,
    context: &FeedContext<'_>,
    now: OffsetDateTime,
) -> Result<String> {
    let created = now.format(STAMP).map_err(anyhow::Error::from)?;
    let mut calendar = Calendar::new();
    calendar.name(&plain(&team.name));
    let sprints = sprints::queries::sprints_of(db, team.id).await?;
    for sprint in sprints.iter().take(26) {
        let name = if context.guest {
            without_addresses(&sprint.name)
        } else {
            sprint.name.clone()
        };
        calendar.push(
            Event::new()
                .uid(&format!("sprint-{}@{}", sprint.id, team.id))
                .add_property("DTSTAMP", created.as_str())
                .summary(&plain(&format!("{}: {name}", team.name)))
                .url(&format!("{}{}", context.site, context.page))
                .starts(sprint.starts_on)
                // iCalendar's end date is exclusive.
                .ends(sprint.next_start())
                .done(),
        );
    }
    let due = lookup::due_tasks(db, team.id).await?;
    for (number, title, on) in due {
        let key = format!("{}-{number}", team.key);
        let (url, title) = if context.guest {
            (
                format!("{}{}", context.site, context.page),
                without_addresses(&title),
            )
        } else {
            (format!("{}/tasks/{key}", context.site), title)
        };
        calendar.push(
            Event::new()
                .uid(&format!("task-{number}@{}", team.id))
                .add_property("DTSTAMP", created.as_str())
                .summary(&plain(&format!("{key} {title}")))
                .url(&url)
                .starts(on)
                .ends(on.saturating_add(Duration::days(1)))
                .done(),
        );
    }
    Ok(calendar.to_string())
}
