//! A task's activity, in sentences.

use std::collections::BTreeSet;

use serde_json::Value;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        dates::instant,
        error::{Problem, Result},
        events::{Change, EventKind, are_undoable},
        humanize,
        markdown::{Html, Links, worker::render_texts},
        person::Person,
        policy::{predicates::seen_by, viewer::Viewer},
        tasks::{
            agents::{author_name, name_with_agent},
            event_names::{Names, handles_in},
            event_text::impersonal_text,
        },
    },
};

/// An entry of a task's activity: an event or a comment.
pub(crate) struct TimelineEntry {
    pub(crate) person: Option<Person>,
    /// The agent that acted for the person.
    pub(crate) agent: Option<String>,
    /// The author of an imported comment or event.
    pub(crate) author: String,
    pub(crate) at: OffsetDateTime,
    pub(crate) content: EntryContent,
}

/// The content of an entry.
pub(crate) enum EntryContent {
    Event {
        text: String,
        /// The description was edited, so that there is an earlier version.
        edits_description: bool,
    },
    Comment {
        id: Uuid,
        body: String,
        html: Html,
        edited: bool,
    },
}

impl TimelineEntry {
    /// The author's name, with the agent that acted for them.
    pub(crate) fn name(&self) -> String {
        match &self.person {
            Some(person) => name_with_agent(self.agent.as_deref(), &person.name),
            None if self.author.is_empty() => "A former member".to_owned(),
            None => self.author.clone(),
        }
    }

    /// Date and time in the reader's time zone.
    pub(crate) fn when(&self, zone: &str) -> String {
        humanize::moment(self.at, zone)
    }

    pub(crate) fn iso(&self) -> String {
        instant(self.at)
    }
}

#[derive(sqlx::FromRow)]
struct EventRow {
    kind: EventKind,
    before: Value,
    after: Value,
    at: OffsetDateTime,
    agent: Option<String>,
    id: Option<Uuid>,
    handle: Option<String>,
    name: Option<String>,
    hue: Option<i16>,
}

#[derive(sqlx::FromRow)]
struct CommentRow {
    comment_id: Uuid,
    author: String,
    body: String,
    created_at: OffsetDateTime,
    edited_at: Option<OffsetDateTime>,
    agent: Option<String>,
    id: Option<Uuid>,
    handle: Option<String>,
    name: Option<String>,
    hue: Option<i16>,
}

fn person(
    id: Option<Uuid>,
    handle: Option<String>,
    name: Option<String>,
    hue: Option<i16>,
) -> Option<Person> {
    Some(Person {
        id: id?,
        handle: handle?,
        name: name?,
        hue: hue?,
    })
}

/// A part of a task's activity.
pub(crate) struct Activity {
    /// Oldest first.
    pub(crate) entries: Vec<TimelineEntry>,
    /// Where the part before it ends, if there is one.
    pub(crate) earlier: Option<i64>,
}

/// Events and comments of a part.
const SHOWN: usize = 100;

/// Returns the newest events and comments of a task, or those before `end`, in microseconds since 1970.
pub(crate) async fn of_task(
    db: &Pool,
    team: Uuid,
    task: Uuid,
    links: &Links,
    end: Option<i64>,
) -> Result<Activity> {
    let end = end
        .map(|micros| OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000))
        .transpose()
        .map_err(|_| Problem::NotFound)?;
    // By time, which imported events have of their own.
    let mut events: Vec<EventRow> = sqlx::query_as(
        "SELECT e.kind, e.before, e.after, e.at, e.agent, a.id, a.handle, a.name, a.hue FROM events e LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.task_id = $2 AND ($3::timestamptz IS NULL OR e.at < $3) ORDER BY e.at DESC, e.seq DESC LIMIT $4",
    )
    .bind(team)
    .bind(task)
    .bind(end)
    .bind(SHOWN as i64 + 1)
    .fetch_all(db)
    .await?;
    let mut comments: Vec<CommentRow> = sqlx::query_as(
        "SELECT c.id AS comment_id, c.author, c.body, c.created_at, c.edited_at, c.agent, a.id, a.handle, a.name, a.hue
         FROM comments c LEFT JOIN accounts a ON a.id = c.author_id
         WHERE c.team_id = $1 AND c.task_id = $2 AND c.deleted_at IS NULL AND ($3::timestamptz IS NULL OR c.created_at < $3)
         ORDER BY c.created_at DESC, c.id DESC LIMIT $4",
    )
    .bind(team)
    .bind(task)
    .bind(end)
    .bind(SHOWN as i64 + 1)
    .fetch_all(db)
    .await?;
    comments.reverse();
    let mut times: Vec<OffsetDateTime> = events.iter().map(|row| row.at).collect();
    times.extend(comments.iter().map(|row| row.created_at));
    times.sort_unstable_by(|a, b| b.cmp(a));
    let start = (times.len() > SHOWN).then(|| times[SHOWN - 1]);
    if let Some(start) = start {
        events.retain(|row| row.at >= start);
        comments.retain(|row| row.created_at >= start);
    }
    let handles = handles_in(events.iter().flat_map(|row| [&row.before, &row.after]));
    let names = Names::load(db, team, &handles).await?;
    // Entries of the same instant keep their order, with comments after events.
    let mut lines: Vec<TimelineEntry> = events
        .into_iter()
        .rev()
        .filter_map(|row| {
            let sentence = names.sentence(row.kind, &row.before, &row.after)?;
            let person = person(row.id, row.handle, row.name, row.hue);
            if let (None, Some((what, is))) = (&person, impersonal_text(row.kind, &row.after)) {
                return Some(TimelineEntry {
                    person,
                    agent: None,
                    author: what.to_owned(),
                    at: row.at,
                    content: EntryContent::Event {
                        text: is.to_owned(),
                        edits_description: false,
                    },
                });
            }
            // Imported events name their author in the event itself.
            let author = row.after["by"].as_str().unwrap_or_default().to_owned();
            Some(TimelineEntry {
                person,
                agent: row.agent,
                author,
                at: row.at,
                content: EntryContent::Event {
                    text: sentence,
                    edits_description: row.before.get("description").is_some(),
                },
            })
        })
        .collect();
    let bodies = comments.iter().map(|row| row.body.clone()).collect();
    let rendered = render_texts(bodies, links).await?;
    lines.extend(
        comments
            .into_iter()
            .zip(rendered)
            .map(|(row, html)| TimelineEntry {
                person: person(row.id, row.handle, row.name, row.hue),
                agent: row.agent,
                author: row.author,
                at: row.created_at,
                content: EntryContent::Comment {
                    id: row.comment_id,
                    html,
                    body: row.body,
                    edited: row.edited_at.is_some(),
                },
            }),
    );
    lines.sort_by_key(|line| line.at);
    Ok(Activity {
        entries: lines,
        earlier: start.and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1000).ok()),
    })
}

/// A former description of a task.
#[derive(sqlx::FromRow)]
pub(crate) struct EarlierDescription {
    /// When it was changed.
    pub(crate) until: OffsetDateTime,
    /// Who changed it; `None` if the account was deleted.
    pub(crate) editor: Option<String>,
    pub(crate) text: String,
}

/// Returns the last twenty former descriptions of a task, newest first.
pub(crate) async fn earlier_descriptions(
    db: &Pool,
    team: Uuid,
    task: Uuid,
) -> Result<Vec<EarlierDescription>> {
    Ok(sqlx::query_as(
        "SELECT e.at AS until, a.name AS editor, e.before->>'description' AS text
         FROM events e LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.task_id = $2 AND e.kind = 'task.edited' AND e.before ? 'description'
         ORDER BY e.seq DESC LIMIT 20",
    )
    .bind(team)
    .bind(task)
    .fetch_all(db)
    .await?)
}

/// A change that its author can undo, with a description.
pub(crate) struct Undoable {
    pub(crate) id: Uuid,
    pub(crate) description: String,
}

/// Describes a change of this reader. `None` if there is no such change, it can no longer be
/// undone, or the reader can no longer see its team.
pub(crate) async fn undoable(
    db: &Pool,
    change: Option<Uuid>,
    reader: &Viewer,
    now: OffsetDateTime,
) -> Result<Option<Undoable>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        team_id: Uuid,
        task: String,
        kind: EventKind,
        before: Value,
        after: Value,
    }
    let Some(id) = change else { return Ok(None) };
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT e.team_id, concat(t.key, '-', k.number) AS task, e.kind, e.before, e.after
         FROM events e JOIN teams t ON t.id = e.team_id JOIN tasks k ON k.team_id = e.team_id AND k.id = e.task_id
         WHERE e.change_id = $1 AND e.actor_id = $2 AND e.at > $4 AND e.kind NOT LIKE 'blocker.%' AND ",
        seen_by!("$2", "$3"),
        " ORDER BY e.seq",
    ))
    .bind(id)
    .bind(reader.person.id)
    .bind(reader.reach().map(<[Uuid]>::to_vec))
    .bind(now - crate::domain::tasks::timeline::FOR)
    .fetch_all(db)
    .await?;
    let Some(first) = rows
        .first()
        .filter(|_| are_undoable(rows.iter().map(|row| row.kind)))
    else {
        return Ok(None);
    };
    let tasks: BTreeSet<&str> = rows.iter().map(|row| row.task.as_str()).collect();
    if tasks.len() > 1 {
        return Ok(Some(Undoable {
            id,
            description: format!("You changed {} tasks.", tasks.len()),
        }));
    }
    let handles = handles_in(rows.iter().flat_map(|row| [&row.before, &row.after]));
    let names = Names::load(db, first.team_id, &handles).await?;
    let parts: Vec<String> = rows
        .iter()
        .filter_map(|row| match row.kind {
            EventKind::CommentAdded => Some("commented".to_owned()),
            EventKind::CommentEdited => Some("edited a comment".to_owned()),
            kind => names.sentence(kind, &row.before, &row.after),
        })
        .collect();
    let parts = if parts.is_empty() {
        "changed it".to_owned()
    } else {
        parts.join(", ")
    };
    Ok(Some(Undoable {
        id,
        description: format!("{}: you {parts}.", first.task),
    }))
}

/// Who moved a task last and when, to start a sentence with.
pub(crate) async fn last_mover(change: &mut Change, team: Uuid, task: Uuid) -> Result<String> {
    let last: Option<(Option<String>, OffsetDateTime)> = sqlx::query_as(
        concat!("SELECT ", author_name!(), ", e.at FROM events e LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.task_id = $2 AND e.kind IN ('task.moved', 'task.archived', 'task.restored', 'task.created')
         ORDER BY e.seq DESC LIMIT 1"),
    )
    .bind(team)
    .bind(task)
    .fetch_optional(change.db())
    .await?;
    Ok(who_and_when(change.at, last))
}

/// Who changed one of these fields (any field if empty) after a version, if anyone did.
pub(crate) async fn editor_since(
    change: &mut Change,
    team: Uuid,
    task: Uuid,
    version: i64,
    fields: Option<&[String]>,
) -> Result<Option<String>> {
    let last: Option<(Option<String>, OffsetDateTime)> = sqlx::query_as(
        concat!("SELECT ", author_name!(), ", e.at FROM events e LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.task_id = $2 AND e.version > $3 AND ($4::text[] IS NULL OR e.after ?| $4)
         ORDER BY e.seq DESC LIMIT 1"),
    )
    .bind(team)
    .bind(task)
    .bind(version)
    .bind(fields)
    .fetch_optional(change.db())
    .await?;
    let now = change.at;
    Ok(last.map(|last| who_and_when(now, Some(last))))
}

fn who_and_when(now: OffsetDateTime, last: Option<(Option<String>, OffsetDateTime)>) -> String {
    match last {
        Some((name, at)) => format!(
            "{} ({})",
            name.as_deref().unwrap_or("A former member"),
            humanize::ago(now, at)
        ),
        None => "A former member".to_owned(),
    }
}

/// How long a change can be undone.
pub(crate) const FOR: Duration = Duration::hours(1);
