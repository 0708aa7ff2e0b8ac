//! What happened to a task, in sentences.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;
use sqlx::PgPool;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::undoing;
use crate::{
    accounts::{Person, viewer::Viewer},
    activity::{Change, are_undoable},
    boards::{access::seen_by, words},
    markdown::{Html, Links},
    web::{error::Result, forms::read_date},
};

/// What an event says that is nobody's doing, as of what others are told of a private team's task: that, and not by whom.
pub fn by_itself(kind: &str, after: &Value) -> Option<(&'static str, &'static str)> {
    (kind == "wait.moved" && after["state"] == "done").then_some(("What it was waiting on", "is done"))
}

/// One line of a task's story: an event, or a comment.
pub struct Line {
    pub who: Option<Person>,
    /// Who wrote an imported comment, or did what an imported event tells.
    pub author: String,
    pub at: OffsetDateTime,
    pub told: Told,
}

/// What a line tells.
pub enum Told {
    Event(String),
    Comment { id: Uuid, body: String, html: Html, edited: bool },
}

impl Line {
    pub fn name(&self) -> &str {
        match &self.who {
            Some(person) => &person.name,
            None if self.author.is_empty() => "A former member",
            None => &self.author,
        }
    }

    /// The reader's day and time of it.
    pub fn when(&self, zone: &str) -> String {
        words::moment(self.at, zone)
    }

    pub fn iso(&self) -> String {
        instant(self.at)
    }
}

#[derive(sqlx::FromRow)]
struct EventRow {
    kind: String,
    before: Value,
    after: Value,
    at: OffsetDateTime,
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
    id: Option<Uuid>,
    handle: Option<String>,
    name: Option<String>,
    hue: Option<i16>,
}

fn person(id: Option<Uuid>, handle: Option<String>, name: Option<String>, hue: Option<i16>) -> Option<Person> {
    Some(Person { id: id?, handle: handle?, name: name?, hue: hue? })
}

/// The newest 300 events of a task with its comments between, oldest first.
pub async fn of_task(db: &PgPool, team: Uuid, task: Uuid, links: &Links) -> Result<Vec<Line>> {
    let names = Names::load(db, team).await?;
    let events: Vec<EventRow> = sqlx::query_as(
        "SELECT e.kind, e.before, e.after, e.at, a.id, a.handle, a.name, a.hue FROM events e LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.task_id = $2 ORDER BY e.seq DESC LIMIT 300",
    )
    .bind(team)
    .bind(task)
    .fetch_all(db)
    .await?;
    let comments: Vec<CommentRow> = sqlx::query_as(
        "SELECT c.id AS comment_id, c.author, c.body, c.created_at, c.edited_at, a.id, a.handle, a.name, a.hue
         FROM comments c LEFT JOIN accounts a ON a.id = c.author_id WHERE c.team_id = $1 AND c.task_id = $2 ORDER BY c.created_at, c.id",
    )
    .bind(team)
    .bind(task)
    .fetch_all(db)
    .await?;
    // What happened at the same instant stays in the order it happened in; what was said comes after.
    let mut lines: Vec<Line> = events
        .into_iter()
        .rev()
        .filter_map(|row| {
            let told = names.sentence(&row.kind, &row.before, &row.after)?;
            let who = person(row.id, row.handle, row.name, row.hue);
            if let (None, Some((what, is))) = (&who, by_itself(&row.kind, &row.after)) {
                return Some(Line { who, author: what.to_owned(), at: row.at, told: Told::Event(is.to_owned()) });
            }
            // An imported event says who did it where it came from.
            let author = row.after["by"].as_str().unwrap_or_default().to_owned();
            Some(Line { who, author, at: row.at, told: Told::Event(told) })
        })
        .collect();
    lines.extend(comments.into_iter().map(|row| {
        let html = crate::markdown::render(&row.body, links);
        Line {
            who: person(row.id, row.handle, row.name, row.hue),
            author: row.author,
            at: row.created_at,
            told: Told::Comment { id: row.comment_id, html, body: row.body, edited: row.edited_at.is_some() },
        }
    }));
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}

/// Names for what events refer to by id or slug.
pub struct Names {
    columns: HashMap<String, String>,
    sprints: HashMap<String, String>,
    /// Goals and projects.
    aims: HashMap<String, String>,
    people: HashMap<String, String>,
    hidden: HashSet<Uuid>,
}

/// Those of a team's waits that are on what belongs to another team that is private now, and those teams. Their events may
/// have named it while that team was open; where a wait was taken back, the event alone knows whose it was on.
pub async fn hidden_waits(db: &PgPool, team: Uuid) -> Result<HashSet<Uuid>> {
    let private: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM teams WHERE private AND id <> $1").bind(team).fetch_all(db).await?;
    if private.is_empty() {
        return Ok(HashSet::new());
    }
    let hidden: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM waits WHERE team_id = $1 AND (on_task_team = ANY($2) OR on_team_id = ANY($2))",
    )
    .bind(team)
    .bind(&private)
    .fetch_all(db)
    .await?;
    Ok(hidden.into_iter().chain(private).collect())
}

/// What an event says instead of what a task waits on, if that is hidden; `waits` is the event's own.
pub fn instead(waits: &Value, hidden: &HashSet<Uuid>) -> Option<&'static str> {
    let words = if waits["kind"] == "team" { "a private team" } else { "a task of a private team" };
    let is_hidden =
        |field: &str| waits[field].as_str().and_then(|id| id.parse().ok()).is_some_and(|id: Uuid| hidden.contains(&id));
    (is_hidden("id") || is_hidden("team")).then_some(words)
}

impl Names {
    pub async fn load(db: &PgPool, team: Uuid) -> Result<Self> {
        let columns: Vec<(String, String)> =
            sqlx::query_as("SELECT slug, name FROM columns WHERE team_id = $1").bind(team).fetch_all(db).await?;
        let sprints: Vec<(Uuid, String)> = sqlx::query_as("SELECT id, name FROM sprints").fetch_all(db).await?;
        let aims: Vec<(Uuid, String)> = sqlx::query_as(
            "SELECT id, title FROM goals WHERE team_id = $1 UNION ALL
                 SELECT p.id, p.name FROM projects p JOIN teams t ON t.id = p.team_id WHERE t.id = $1 OR NOT t.private",
        )
        .bind(team)
        .fetch_all(db)
        .await?;
        let people: Vec<(String, String)> = sqlx::query_as(
            "SELECT handle, name FROM accounts UNION ALL SELECT f.handle, a.name FROM former_handles f JOIN accounts a ON a.id = f.account_id",
        )
        .fetch_all(db)
        .await?;
        Ok(Self {
            columns: columns.into_iter().collect(),
            sprints: sprints.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
            aims: aims.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
            people: people.into_iter().collect(),
            hidden: hidden_waits(db, team).await?,
        })
    }

    /// What an event says, to stand after a name: "moved it to Done". Nothing for what needs no line.
    pub fn sentence(&self, kind: &str, before: &Value, after: &Value) -> Option<String> {
        let column = |value: &Value| named(&self.columns, &value["column"], "another column").to_owned();
        Some(match kind {
            "task.created" => format!("made it in {}", column(after)),
            "task.moved" if before["column"] == after["column"] => return None,
            "task.moved" => format!("moved it to {}", column(after)),
            "task.archived" => "archived it".to_owned(),
            "task.restored" => "brought it back from the archive".to_owned(),
            "task.blocked" if after["waits"].is_null() => "blocked it again".to_owned(),
            "task.blocked" => {
                let (on, note) =
                    (after["waits"]["on"].as_str().unwrap_or(""), after["waits"]["note"].as_str().unwrap_or(""));
                let on = if after["waits"]["kind"] == "person" {
                    self.people.get(on).map_or(on, String::as_str)
                } else {
                    instead(&after["waits"], &self.hidden).unwrap_or(on)
                };
                format!(
                    "said that it waits on {}",
                    [on, note].iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>().join(": ")
                )
            }
            "task.unblocked" => "unblocked it".to_owned(),
            "task.owned" => match list(&self.people, &after["owners"]) {
                owners if owners.is_empty() => "took every owner away".to_owned(),
                owners => format!("set the owners to {owners}"),
            },
            "task.labelled" => match list(&HashMap::new(), &after["labels"]) {
                labels if labels.is_empty() => "took every label away".to_owned(),
                labels => format!("set the labels to {labels}"),
            },
            "task.edited" => self.edited(after)?,
            "task.imported" => format!("brought it here from {}", after["from"].as_str().unwrap_or("elsewhere")),
            "wait.moved" if after["archived"] == true => "put what it waits on into the archive".to_owned(),
            "wait.moved" if after["state"] == "done" => "finished what it was waiting on".to_owned(),
            "step.added" => format!("added the step “{}”", after["step"].as_str().unwrap_or("")),
            "step.done" => format!("did the step “{}”", after["step"].as_str().unwrap_or("")),
            "step.undone" => format!("took the tick off “{}”", after["step"].as_str().unwrap_or("")),
            "step.removed" => format!("took the step “{}” away", before["step"].as_str().unwrap_or("")),
            "comment.deleted" => "deleted a comment".to_owned(),
            "topic.added" => {
                format!("put it on the agenda of the next {}", after["meeting"].as_str().unwrap_or("meeting"))
            }
            _ => return None,
        })
    }

    fn edited(&self, after: &Value) -> Option<String> {
        let parts: Vec<String> = after
            .as_object()?
            .iter()
            .map(|(field, value)| match field.as_str() {
                "title" => format!("renamed it “{}”", value.as_str().unwrap_or("")),
                "description" => "changed the description".to_owned(),
                "sprint" if value.is_null() => "took it out of the sprint".to_owned(),
                "sprint" => format!("set it aside for {}", named(&self.sprints, value, "a sprint")),
                "goal" if value.is_null() => "took it from its goal".to_owned(),
                "goal" => format!("put it to the goal “{}”", named(&self.aims, value, "of old")),
                "project" if value.is_null() => "took it out of its project".to_owned(),
                "project" => format!("put it to the project “{}”", named(&self.aims, value, "of old")),
                "estimate" if value.is_null() => "took the estimate away".to_owned(),
                "estimate" => format!("estimated it at {value}"),
                "due" if value.is_null() => "took the due date away".to_owned(),
                "due" => format!("set it due on {}", day(value.as_str().unwrap_or(""))),
                "for" => format!(
                    "said that {} waits for it",
                    value.as_str().filter(|text| !text.is_empty()).unwrap_or("nobody")
                ),
                other => format!("changed its {other}"),
            })
            .collect();
        Some(parts.join(", "))
    }
}

/// `2026-11-26` as `Thu 26 Nov`.
fn day(iso: &str) -> String {
    read_date(iso).map_or_else(|| iso.to_owned(), words::day)
}

/// A change that its maker may take back, and what it did.
pub struct Undoable {
    pub id: Uuid,
    pub said: String,
}

/// What a change of this reader's did, in a sentence; nothing if there is no such change, it cannot be taken back any
/// more, or it is of a team that they may no longer look at.
pub async fn undoable(
    db: &PgPool,
    change: Option<Uuid>,
    reader: &Viewer,
    now: OffsetDateTime,
) -> Result<Option<Undoable>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        team_id: Uuid,
        task: String,
        kind: String,
        before: Value,
        after: Value,
    }
    let Some(id) = change else { return Ok(None) };
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT e.team_id, concat(t.key, '-', k.number) AS task, e.kind, e.before, e.after
         FROM events e JOIN teams t ON t.id = e.team_id JOIN tasks k ON k.team_id = e.team_id AND k.id = e.task_id
         WHERE e.change_id = $1 AND e.actor_id = $2 AND e.at > $4 AND e.kind NOT LIKE 'wait.%' AND ",
        seen_by!("$2", "$3"),
        " ORDER BY e.seq",
    ))
    .bind(id)
    .bind(reader.person.id)
    .bind(reader.reach().map(<[Uuid]>::to_vec))
    .bind(now - undoing::FOR)
    .fetch_all(db)
    .await?;
    let Some(first) = rows.first().filter(|_| are_undoable(rows.iter().map(|row| row.kind.as_str()))) else {
        return Ok(None);
    };
    let tasks: BTreeSet<&str> = rows.iter().map(|row| row.task.as_str()).collect();
    if tasks.len() > 1 {
        return Ok(Some(Undoable { id, said: format!("You changed {} tasks.", tasks.len()) }));
    }
    let names = Names::load(db, first.team_id).await?;
    let parts: Vec<String> = rows.iter().filter_map(|row| names.sentence(&row.kind, &row.before, &row.after)).collect();
    let parts = if parts.is_empty() { "changed it".to_owned() } else { parts.join(", ") };
    Ok(Some(Undoable { id, said: format!("{}: you {parts}.", first.task) }))
}

fn named<'n>(names: &'n HashMap<String, String>, value: &'n Value, otherwise: &'n str) -> &'n str {
    let key = value.as_str().unwrap_or("");
    names.get(key).map_or(if key.is_empty() || key.len() == 36 { otherwise } else { key }, String::as_str)
}

fn list(names: &HashMap<String, String>, values: &Value) -> String {
    let values = values.as_array().into_iter().flatten();
    values.map(|value| named(names, value, "somebody")).collect::<Vec<_>>().join(", ")
}

/// Who moved a task last and when, to begin a sentence with.
pub(super) async fn last_mover(change: &mut Change, team: Uuid, task: Uuid) -> Result<String> {
    let last: Option<(Option<String>, OffsetDateTime)> = sqlx::query_as(
        "SELECT a.name, e.at FROM events e LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.task_id = $2 AND e.kind IN ('task.moved', 'task.archived', 'task.restored', 'task.created')
         ORDER BY e.seq DESC LIMIT 1",
    )
    .bind(team)
    .bind(task)
    .fetch_optional(change.db())
    .await?;
    Ok(who_and_when(change.at, last))
}

/// Who changed one of these fields (or anything, without fields) after a version, if anybody did.
pub(super) async fn editor_since(
    change: &mut Change,
    team: Uuid,
    task: Uuid,
    version: i64,
    fields: Option<&[String]>,
) -> Result<Option<String>> {
    let last: Option<(Option<String>, OffsetDateTime)> = sqlx::query_as(
        "SELECT a.name, e.at FROM events e LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.task_id = $2 AND e.version > $3 AND ($4::text[] IS NULL OR e.after ?| $4)
         ORDER BY e.seq DESC LIMIT 1",
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
        Some((name, at)) => format!("{} ({})", name.as_deref().unwrap_or("Somebody"), words::ago(now, at)),
        None => "Somebody".to_owned(),
    }
}

/// An instant as events and pages write it.
pub fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// Reads an instant that `instant` wrote.
pub(super) fn read_instant(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}
