//! Parses tables by saying which columns stand for which field of a task: for tools whose tables are that plain, and
//! proposed by the names of the columns for any other table.

pub mod columns;
pub mod formats;

use std::{collections::HashMap, sync::Arc};

use anyhow::Result;
use time::OffsetDateTime;

use crate::domain::{
    column_state::ColumnState,
    import::{
        dates::{self, Order},
        draft::{Draft, ExternalUser, Task},
        fields::columns::{Columns, Field, plain},
        people::external_user,
        sanitize, states,
        statuses::{self, CLOSED_UNDONE, Statuses},
        table::{Row, Table},
    },
};

/// The most columns without a field that become lines of a description.
const LINES: usize = 100;

/// The table of a tool.
pub(crate) struct Format {
    /// The tool's name.
    pub(crate) from: &'static str,
    /// What identifies a task is unique among all files with this prefix.
    pub(crate) prefix: &'static str,
    /// What makes it the table of this tool; of several names for the same thing, one is enough.
    pub(crate) needed: &'static [&'static [&'static str]],
    /// Whether what has a day on which it was done is done whatever its status says. Otherwise the day only tells what a
    /// status does not.
    pub(crate) is_done_by_day: bool,
    /// The columns of fields; those that a table lacks are left out.
    pub(crate) fields: &'static [(Field, &'static [&'static str])],
    /// Columns that say nothing about the work.
    pub(crate) ignored: &'static str,
}

/// Parses the table of a tool, or returns what is wrong in it, with the line.
pub(crate) fn parse(text: &str, format: &Format) -> Result<Draft> {
    let names = names_of(text, format.needed)?;
    let has = |name: &str| names.iter().find(|other| plain(other) == plain(name));
    let of_field = format.fields.iter().map(|(field, columns)| {
        let mut found: Vec<String> = columns
            .iter()
            .filter_map(|name| has(name).cloned())
            .collect();
        if !field.is_list() {
            found.truncate(1);
        }
        (*field, found)
    });
    let columns = Columns {
        of_field: of_field.collect(),
        names,
    };
    read(text, format, columns)
}

/// What is not known of any table in advance.
const ANY: Format = Format {
    from: "a table",
    prefix: "table",
    needed: &[],
    is_done_by_day: false,
    fields: &[],
    ignored: "",
};

/// Parses any table: its columns stand for what their names say, or for what was chosen.
///
/// # Errors
/// If a chosen column is missing.
pub(crate) fn parse_any(text: &str, chosen: &[(Field, String)]) -> Result<Draft> {
    let mut columns = Columns::propose(names_of(text, &[])?);
    columns.choose(chosen)?;
    let has_title = [Field::Title, Field::Id]
        .iter()
        .any(|field| !columns.of(*field).is_empty());
    let mut note = None;
    if !has_title && let Some(first) = columns.names.first().cloned() {
        note = Some(format!(
            "no column looks like a title, so “{first}” is taken."
        ));
        columns.choose(&[(Field::Title, first)])?;
    }
    let mut draft = read(text, &ANY, columns.clone())?;
    draft.notes.extend(note);
    draft.notes.push(columns.sentence());
    draft.columns = Some(columns);
    Ok(draft)
}

fn names_of(text: &str, needed: &[&[&str]]) -> Result<Vec<String>> {
    let table = Table::parse(text, needed)?;
    Ok(table.ordered_names())
}

fn read(text: &str, format: &Format, columns: Columns) -> Result<Draft> {
    let mut dates_in_file = Vec::new();
    Table::parse(text, format.needed)?.each(|row| {
        let of_dates = Field::DATES.iter().flat_map(|field| columns.of(*field));
        dates_in_file.extend(of_dates.map(|name| row.text(name).to_owned()));
        Ok(())
    })?;
    let used: Vec<String> = columns
        .of_field
        .values()
        .flatten()
        .map(|name| plain(name))
        .collect();
    let is_ignored = |name: &str| format.ignored.split('|').any(|ignored| ignored == name);
    let others = columns
        .names
        .iter()
        .filter(|name| !used.contains(&plain(name)) && !is_ignored(&plain(name)));
    let others: Vec<String> = others.cloned().collect();
    let note = (others.len() > LINES).then(|| {
        let count = others.len() - LINES;
        format!("{count} of the columns without a field here were left out.")
    });
    let mut file = File {
        format,
        order: dates::order(dates_in_file.iter().map(String::as_str)),
        others: others.into_iter().take(LINES).collect(),
        columns,
        draft: Draft {
            from: format.from,
            ..Draft::default()
        },
        statuses: Statuses::default(),
        seen: HashMap::new(),
    };
    Table::parse(text, format.needed)?.each(|row| {
        file.read(row);
        Ok(())
    })?;
    let mut draft = file.draft;
    draft.notes.extend(note);
    file.statuses.finish(&mut draft);
    Ok(draft)
}

struct File<'f> {
    format: &'f Format,
    columns: Columns,
    order: Order,
    /// Columns that become lines of the description.
    others: Vec<String>,
    draft: Draft,
    statuses: Statuses,
    /// How often each title without an id was seen.
    seen: HashMap<String, usize>,
}

impl File<'_> {
    fn read(&mut self, row: &Row) {
        let (title, whole_title) = match (self.text(row, Field::Title), self.text(row, Field::Id)) {
            ("", "") => {
                let first = self.columns.names.first().map_or("", |name| row.text(name));
                self.draft.skipped.add("have no title", first);
                return;
            }
            ("", id) => sanitize::title(unquoted(id)),
            (title, _) => sanitize::title(unquoted(title)),
        };
        let created_at = self.instant(row, Field::Created, &title);
        let started_at = self.instant(row, Field::Started, &title);
        let done_at = self.instant(row, Field::Done, &title);
        let archived_at = self.instant(row, Field::Archived, &title);
        // A column may have ticks instead of days.
        let is_ticked = done_at.is_some() || is_yes(self.text(row, Field::Done));
        let is_put_away = archived_at.is_some() || is_yes(self.text(row, Field::Archived));
        let status = self.text(row, Field::Status);
        let is_undone = statuses::is_closed_undone(status);
        let (list, state) = self.place(status, started_at.is_some(), is_ticked);
        let is_done = state == Some(ColumnState::Done);
        let mut labels: Vec<String> = self
            .all(row, Field::Labels)
            .flat_map(|cell| cell.split([',', ';', '|']))
            .map(sanitize::label)
            .collect();
        if is_undone {
            labels.push(sanitize::label(status));
            self.draft.changed.add(CLOSED_UNDONE, &title);
        }
        let due_text = self.text(row, Field::Due);
        let due = dates::due(due_text, self.order);
        let due = dates::or_notice(due, due_text, &title, &mut self.draft.changed);
        let estimate = self.text(row, Field::Estimate);
        let task = Task {
            key: self.key(self.text(row, Field::Id), &title),
            whole_title,
            description: sanitize::lines(unquoted(self.text(row, Field::Description))),
            list: Some(list),
            // Years of finished work would flood the board.
            archived: is_done || is_undone || is_put_away,
            archived_at: archived_at.or(done_at),
            created_at,
            created_by: external_user(self.text(row, Field::Creator)).map(Arc::new),
            column_since: done_at.or(started_at),
            due,
            estimate: sanitize::estimate(estimate, &title, &mut self.draft.changed),
            started_at,
            finished_at: done_at.filter(|_| is_done),
            members: self.owners(row),
            labels: sanitize::labels(labels, &title, &mut self.draft.changed),
            lines: self
                .others
                .iter()
                .flat_map(|name| {
                    row.all(name)
                        .filter_map(|value| sanitize::field(name, value))
                })
                .collect(),
            position: self.draft.tasks.len() as f64,
            is_complete: is_done,
            title,
            ..Task::default()
        };
        self.draft.tasks.push(task);
    }

    /// The list of a task, and its state.
    fn place(
        &mut self,
        status: &str,
        is_started: bool,
        is_done: bool,
    ) -> (usize, Option<ColumnState>) {
        if statuses::is_closed_undone(status) {
            return self.statuses.place_in(ColumnState::Todo);
        }
        let guess = states::guess(status);
        let is_open = guess != Some(ColumnState::Done);
        if is_done && is_open && (guess.is_none() || self.format.is_done_by_day) {
            return self.statuses.place_in(ColumnState::Done);
        }
        match status {
            "" if is_started => self.statuses.place_in(ColumnState::Doing),
            "" => self.statuses.place_in(ColumnState::Todo),
            status => self.statuses.place(status, guess),
        }
    }

    /// People of all columns for owners. Two columns may name the same person, by name and by e-mail address.
    fn owners(&self, row: &Row) -> Vec<Arc<ExternalUser>> {
        let mut owners: Vec<ExternalUser> = Vec::new();
        for column in self.columns.of(Field::Owners) {
            let cells = row.all(column).flat_map(|cell| cell.split([',', ';', '|']));
            let named: Vec<ExternalUser> = cells.filter_map(external_user).collect();
            let is_same = owners.len() == named.len() && !named.is_empty();
            if is_same && named.iter().all(|user| user.username.contains('@')) {
                for (owner, user) in owners.iter_mut().zip(named) {
                    owner.username = user.username;
                }
            } else {
                owners.extend(named);
            }
        }
        owners.into_iter().map(Arc::new).collect()
    }

    /// What identifies a task on a second run. Ids of any table are only unique with the title.
    fn key(&mut self, id: &str, title: &str) -> String {
        let prefix = self.format.prefix;
        let is_tool = !self.format.needed.is_empty();
        let key = match id {
            "" => format!("{prefix}:{title}"),
            id if is_tool => format!("{prefix}:{id}"),
            id => format!("{prefix}:{id} {title}"),
        };
        let key = sanitize::cut(&key, 490).0;
        if is_tool && !id.is_empty() {
            return key;
        }
        let seen = self.seen.entry(key.clone()).or_default();
        *seen += 1;
        match *seen {
            1 => key,
            nth => format!("{key} #{nth}"),
        }
    }

    fn text<'r>(&self, row: &'r Row, field: Field) -> &'r str {
        self.all(row, field).next().unwrap_or("")
    }

    fn all<'r>(&self, row: &'r Row, field: Field) -> impl Iterator<Item = &'r str> {
        self.columns.of(field).iter().flat_map(|name| row.all(name))
    }

    fn instant(&mut self, row: &Row, field: Field, title: &str) -> Option<OffsetDateTime> {
        let text = self.text(row, field);
        let text = if is_yes(text) || is_no(text) {
            ""
        } else {
            text
        };
        let at = dates::instant(text, self.order);
        dates::or_notice(at, text, title, &mut self.draft.changed)
    }
}

/// A text without the quotation mark that was put before it so that no spreadsheet takes it for a formula.
fn unquoted(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => text,
    }
}

fn is_yes(text: &str) -> bool {
    let text = text.to_lowercase();
    matches!(
        text.as_str(),
        "true" | "yes" | "y" | "x" | "1" | "✓" | "✔" | "done" | "ja" | "oui" | "sí" | "si"
    )
}

fn is_no(text: &str) -> bool {
    let text = text.to_lowercase();
    matches!(
        text.as_str(),
        "false" | "no" | "n" | "0" | "-" | "nein" | "non"
    )
}
