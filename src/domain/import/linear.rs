//! Parses the tables of issues that Linear exports (“Export CSV”).

use std::sync::Arc;

use anyhow::Result;
use time::{Date, OffsetDateTime};

use crate::domain::{
    column_state::ColumnState,
    import::{
        dates::{self, Order},
        draft::{Draft, Task},
        people::external_user,
        sanitize, states,
        statuses::{self, CLOSED_UNDONE, Statuses},
        table::{OtherColumns, Row, Table},
    },
};

/// Fields that become lines of the description.
const LINES: [&str; 10] = [
    "Priority",
    "Project",
    "Project Milestone",
    "Initiatives",
    "Parent issue",
    "Blocked by",
    "Blocks",
    "Related to",
    "Duplicate of",
    "Team",
];

/// What is read elsewhere, or says nothing about the work.
const KNOWN: &str = "id|uuid|title|description|issue description|status|estimate|creator|assignee|labels|cycle number|\
     cycle name|cycle start|cycle end|created|updated|started|triaged|completed|canceled|archived|due date|project id|\
     project milestone id|time in status (minutes)|sla status";

/// Parses a table of issues, or returns what is wrong in it, with the line.
pub fn parse(text: String) -> Result<Draft> {
    let table = Table::parse(&text, &[&["Title"], &["Status"], &["Created"]])?;
    let is_known = |name: &str| {
        KNOWN.split('|').any(|known| known.trim() == name)
            || LINES.iter().any(|line| line.to_lowercase() == name)
    };
    let mut file = File {
        others: OtherColumns::of(&table, is_known),
        draft: Draft {
            from: "Linear",
            ..Draft::default()
        },
        statuses: Statuses::default(),
    };
    table.each(|row| {
        file.read(row);
        Ok(())
    })?;
    Ok(file.finished())
}

struct File {
    draft: Draft,
    statuses: Statuses,
    others: OtherColumns,
}

impl File {
    fn read(&mut self, row: &Row) {
        let (title, whole_title) = sanitize::title(row.text("Title"));
        let created_at = self.instant(row.text("Created"), &title);
        let finished_at = self.instant(row.text("Completed"), &title);
        let canceled_at = self.instant(row.text("Canceled"), &title);
        let archived_at = self.instant(row.text("Archived"), &title);
        let started_at = self.instant(row.text("Started"), &title);
        let status = row.text("Status");
        let is_undone = canceled_at.is_some() || statuses::is_closed_undone(status);
        let (list, state) = if is_undone {
            self.statuses.place_undone()
        } else {
            self.list(status, finished_at.is_some())
        };
        let is_done = state == Some(ColumnState::Done);
        let key = match (row.first(&["UUID", "ID"]), created_at) {
            ("", Some(at)) => format!("linear:{}@{}", title, at.unix_timestamp()),
            ("", None) => format!("linear:{title}"),
            (id, _) => format!("linear:{id}"),
        };
        let due_text = row.text("Due Date");
        let due = dates::due(due_text, Order::MonthFirst);
        let due = dates::or_notice(due, due_text, &title, &mut self.draft.changed);
        let mut names: Vec<String> = row.text("Labels").split(',').map(sanitize::label).collect();
        if is_undone {
            names.push(sanitize::label(status));
            self.draft.changed.add(CLOSED_UNDONE, &title);
        }
        let task = Task {
            key: sanitize::cut(&key, 500).0,
            whole_title,
            description: sanitize::lines(row.first(&["Description", "Issue description"])),
            list: Some(list),
            // Years of finished issues would flood the board.
            archived: is_done || is_undone || archived_at.is_some(),
            archived_at: archived_at.or(canceled_at).or(finished_at),
            created_at,
            created_by: external_user(row.text("Creator")).map(Arc::new),
            column_since: finished_at.or(started_at),
            due,
            sprint_days: cycle_days(row),
            estimate: sanitize::estimate(row.text("Estimate"), &title, &mut self.draft.changed),
            started_at,
            finished_at: finished_at.filter(|_| is_done),
            members: external_user(row.text("Assignee"))
                .into_iter()
                .map(Arc::new)
                .collect(),
            labels: sanitize::labels(names, &title, &mut self.draft.changed),
            lines: lines(row),
            position: self.draft.tasks.len() as f64,
            is_complete: is_done,
            title,
            ..Task::default()
        };
        self.others.count(row);
        self.draft.tasks.push(task);
    }

    fn list(&mut self, status: &str, is_completed: bool) -> (usize, Option<ColumnState>) {
        // The status is what it is now. Only of one with a name of its own does the date tell more.
        let state = match states::guess(status) {
            None if is_completed => Some(ColumnState::Done),
            None if status.eq_ignore_ascii_case("triage") => Some(ColumnState::Todo),
            guess => guess,
        };
        self.statuses.place(status, state)
    }

    fn instant(&mut self, text: &str, title: &str) -> Option<OffsetDateTime> {
        let at = dates::instant(text, Order::MonthFirst);
        dates::or_notice(at, text, title, &mut self.draft.changed)
    }

    fn finished(self) -> Draft {
        let mut draft = self.draft;
        draft.notes.extend(self.others.note());
        self.statuses.finish(&mut draft);
        draft
    }
}

/// The days of an issue's cycle.
fn cycle_days(row: &Row) -> Option<(Date, Date)> {
    let day = |name| dates::instant(row.text(name), Order::MonthFirst).map(OffsetDateTime::date);
    Some((day("Cycle Start")?, day("Cycle End")?))
}

fn lines(row: &Row) -> Vec<String> {
    let mut lines = Vec::new();
    for name in LINES {
        let value = row.text(name);
        let is_said = !matches!(value, "No priority" | "none");
        lines.extend(sanitize::field(name, value).filter(|_| is_said));
    }
    let cycle = row.first(&["Cycle Name", "Cycle Number"]);
    let cycle = match cycle_days(row) {
        Some((start, end)) if !cycle.is_empty() => format!("{cycle}, {start} to {end}"),
        _ => cycle.to_owned(),
    };
    lines.extend(sanitize::field("Cycle", &cycle));
    lines.extend(sanitize::field("Imported from Linear", row.text("ID")));
    lines
}
