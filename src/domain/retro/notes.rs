//! Retro notes: thanks, what went well, what didn't, and ideas.

use serde_json::json;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::{Change, Event, EventKind, audit_log},
        person::Person,
        team::Team,
    },
};

/// The category of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum NoteCategory {
    Thanks,
    Well,
    Not,
    Idea,
}

impl NoteCategory {
    pub(crate) const ALL: [Self; 4] = [Self::Thanks, Self::Well, Self::Not, Self::Idea];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Thanks => "thanks",
            Self::Well => "well",
            Self::Not => "not",
            Self::Idea => "idea",
        }
    }

    /// The heading on the page.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Thanks => "Thanks",
            Self::Well => "Went well",
            Self::Not => "Didn't go well",
            Self::Idea => "Ideas",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|category| category.as_str() == text)
            .ok_or_else(|| {
                Problem::field(
                    "category",
                    "Choose a category: thanks, went well, didn't go well, or idea.",
                )
            })
    }
}

/// A retro note.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) id: Uuid,
    pub(crate) team_id: Uuid,
    pub(crate) category: NoteCategory,
    pub(crate) text: String,
    pub(crate) author: Option<Person>,
}

/// The most notes of a retro.
const MAX: i64 = 500;

/// Adds a note to a team's retro of a sprint.
pub(crate) async fn add_note(
    change: &mut Change,
    team: &Team,
    sprint: Uuid,
    category: &str,
    text: &str,
) -> Result<Uuid> {
    let category = NoteCategory::parse(category)?;
    let notes: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM retro_notes WHERE team_id = $1 AND sprint_id = $2",
    )
    .bind(team.id)
    .bind(sprint)
    .fetch_one(change.db())
    .await?;
    if notes >= MAX {
        return Err(Problem::field(
            "text",
            "A retro can have at most 500 notes.",
        ));
    }
    let (id, actor, at) = (Uuid::now_v7(), change.actor, change.at);
    sqlx::query("INSERT INTO retro_notes (team_id, id, sprint_id, category, text, author_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(team.id)
        .bind(id)
        .bind(sprint)
        .bind(category.as_str())
        .bind(crate::domain::text::plain_lines(text.trim()))
        .bind(actor)
        .bind(at)
        .execute(change.db())
        .await?;
    note(change, team, EventKind::RetroNoteAdded, id);
    Ok(id)
}

/// Deletes anyone's note, which is noted in the audit log.
pub(crate) async fn remove_note(change: &mut Change, team: &Team, id: Uuid) -> Result<()> {
    let author: Option<String> = sqlx::query_scalar(
        "WITH gone AS (DELETE FROM retro_notes WHERE team_id = $1 AND id = $2 RETURNING author_id)
         SELECT a.handle FROM gone LEFT JOIN accounts a ON a.id = gone.author_id",
    )
    .bind(team.id)
    .bind(id)
    .fetch_one(change.db())
    .await?;
    let author = author.map_or("a former member".to_owned(), |handle| format!("@{handle}"));
    let about = format!("a retro note by {author} of {{team}}");
    let kind = EventKind::RetroNoteRemoved;
    audit_log::note_for_team(change, team.id, kind.as_str(), &about).await?;
    note(change, team, kind, id);
    Ok(())
}

/// Edits a note, or deletes it if the text is empty. Only its author may.
///
/// # Errors
/// `NotFound` for another author's note.
pub(crate) async fn edit_note(
    change: &mut Change,
    team: &Team,
    id: Uuid,
    text: &str,
) -> Result<()> {
    let (actor, at) = (change.actor, change.at);
    let done = if text.trim().is_empty() {
        sqlx::query("DELETE FROM retro_notes WHERE team_id = $1 AND id = $2 AND author_id = $3")
            .bind(team.id)
            .bind(id)
            .bind(actor)
            .execute(change.db())
            .await?
    } else {
        sqlx::query("UPDATE retro_notes SET text = $4, edited_at = $5 WHERE team_id = $1 AND id = $2 AND author_id = $3")
            .bind(team.id)
            .bind(id)
            .bind(actor)
            .bind(crate::domain::text::plain_lines(text.trim()))
            .bind(at)
            .execute(change.db())
            .await?
    };
    if done.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    note(change, team, EventKind::RetroNoteEdited, id);
    Ok(())
}

/// Returns these teams' retro notes of a sprint, in order.
pub(crate) async fn notes(db: &Pool, teams: &[Uuid], sprint: Uuid) -> Result<Vec<Note>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: Uuid,
        team_id: Uuid,
        category: NoteCategory,
        text: String,
        author_id: Option<Uuid>,
        handle: Option<String>,
        name: Option<String>,
        hue: Option<i16>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT n.id, n.team_id, n.category, n.text, a.id AS author_id, a.handle, a.name, a.hue
         FROM retro_notes n LEFT JOIN accounts a ON a.id = n.author_id
         WHERE n.team_id = ANY($1) AND n.sprint_id = $2 ORDER BY n.created_at, n.id",
    )
    .bind(teams)
    .bind(sprint)
    .fetch_all(db)
    .await?;
    let read = |row: Row| Note {
        author: match (row.author_id, row.handle, row.name, row.hue) {
            (Some(id), Some(handle), Some(name), Some(hue)) => Some(Person {
                id,
                handle,
                name,
                hue,
            }),
            _ => None,
        },
        id: row.id,
        team_id: row.team_id,
        category: row.category,
        text: row.text,
    };
    Ok(rows.into_iter().map(read).collect())
}

fn note(change: &mut Change, team: &Team, kind: EventKind, id: Uuid) {
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before: json!({}),
        after: json!({ "note": id }),
        version: None,
    });
}
