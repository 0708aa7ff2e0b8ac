//! A task's card on a board.

use askama::Template;
use time::OffsetDateTime;

use crate::domain::{
    column_state::ColumnState,
    humanize,
    tasks::{Blocker, BlockerKind, Card},
};

/// A card. It looks the same for everyone, so that it can be cached.
#[derive(Template)]
#[template(path = "tasks/_card.html")]
pub struct CardHtml<'c> {
    card: &'c Card,
    now: OffsetDateTime,
    /// Whether the card has its column and state as attributes, when it is sent alone.
    tells_column: bool,
}

impl<'c> CardHtml<'c> {
    pub(crate) fn new(card: &'c Card, now: OffsetDateTime) -> Self {
        Self {
            card,
            now,
            tells_column: false,
        }
    }

    pub(crate) fn with_column(card: &'c Card, now: OffsetDateTime) -> Self {
        Self {
            card,
            now,
            tells_column: true,
        }
    }

    fn age(&self) -> String {
        humanize::age(self.now, self.card.column_since)
    }

    fn due(&self) -> String {
        self.card
            .due
            .map_or(String::new(), |due| humanize::day_from(self.now, due))
    }

    /// Whether the task has been in its column for five days or more.
    fn is_old(&self) -> bool {
        matches!(
            self.card.state,
            ColumnState::Doing | ColumnState::Blocked | ColumnState::Review
        ) && (self.now - self.card.column_since).whole_days() >= 5
    }

    fn is_overdue(&self) -> bool {
        self.card.state != ColumnState::Done
            && self.card.due_ends.is_some_and(|ends| ends <= self.now)
    }

    /// The names of the labels that are not shown.
    fn further_labels(&self) -> String {
        let names = self.card.labels.iter().skip(3);
        let names: Vec<&str> = names.map(|label| label.name.as_str()).collect();
        names.join(", ")
    }

    fn rank(&self) -> &str {
        self.card.rank.as_deref().unwrap_or("")
    }

    fn lacks_reason(&self) -> bool {
        self.card.state == ColumnState::Blocked && self.card.blocked_by.is_empty()
    }

    fn blocked_reason(&self, blocker: &Blocker) -> String {
        blocker.text(self.now)
    }
}

impl Blocker {
    /// Describes the blocker, its state and its age: `Waiting on ING-58 “Dual-write person updates”
    /// · Ingestion: in review · 3 d`.
    pub(crate) fn text(&self, now: OffsetDateTime) -> String {
        let age = humanize::age(now, self.since);
        let note = if self.note.is_empty() {
            String::new()
        } else {
            format!(": {}", self.note)
        };
        if self.on.is_none() && matches!(self.kind, BlockerKind::Task | BlockerKind::Team) {
            // Of a task that the reader can't see, only the team is shown.
            let of = self.team.as_deref().unwrap_or("a private team");
            return match self.done_at {
                Some(at) => format!(
                    "Was waiting on a task of {of}, done {}{note}",
                    humanize::ago(now, at)
                ),
                None if self.kind == BlockerKind::Task => {
                    format!("Waiting on a task of {of}{note} ·\u{a0}{age}")
                }
                None => format!("Waiting on a private team{note} ·\u{a0}{age}"),
            };
        }
        let (on, name) = (
            self.on.as_deref().unwrap_or(""),
            self.name.as_deref().unwrap_or(""),
        );
        match (self.kind, self.state) {
            (BlockerKind::Task, Some(ColumnState::Done)) => {
                let done = self
                    .done_at
                    .map_or_else(|| age.clone(), |at| humanize::ago(now, at));
                format!("Was waiting on {on} “{name}”, done {done}{note}")
            }
            (BlockerKind::Task, state) => {
                let team = self.team.as_deref().unwrap_or("");
                if self.archived {
                    return format!(
                        "Waiting on {on} “{name}”{note}, archived by {team} ·\u{a0}{age}"
                    );
                }
                let status = match state {
                    Some(ColumnState::Doing) => "in progress",
                    Some(ColumnState::Blocked) => "blocked",
                    Some(ColumnState::Review) => "in review",
                    _ => "not started",
                };
                format!("Waiting on {on} “{name}”{note} · {team}: {status} ·\u{a0}{age}")
            }
            (BlockerKind::Text, _) => format!("Waiting on {} ·\u{a0}{age}", self.note),
            _ => format!("Waiting on {name}{note} ·\u{a0}{age}"),
        }
    }
}
