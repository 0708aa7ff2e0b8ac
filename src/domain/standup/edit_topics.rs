//! Edits and removes topics: their authors may, and members of the team whose agenda they are on.

use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    standup::{actions::take_person, topics},
    team::Team,
};

/// A locked topic that is about to change.
#[derive(sqlx::FromRow)]
struct TopicRow {
    text: String,
    task_team: Option<Uuid>,
    task_id: Option<Uuid>,
    created_by: Option<Uuid>,
}

/// Changes the text of a topic, and reads names and keys from it as for a new one.
///
/// # Errors
/// `Forbidden` for anyone but the author and, as `of_team` says, members of the team.
pub(crate) async fn edit_topic(
    change: &mut Change,
    team: &Team,
    topic: Uuid,
    line: &str,
    of_team: bool,
) -> Result<()> {
    let (topic_row, is_author) = lock_topic(change, team, topic, of_team).await?;
    let (text, addressee) = take_person(change, line).await?;
    // The task of a help request is not in the text, so another text does not remove it.
    let task = match (topics::key_in(&text), topics::key_in(&topic_row.text)) {
        (None, None) => topic_row.task_team.zip(topic_row.task_id),
        _ => topics::task_in(change, &text).await?,
    };
    sqlx::query(
        "UPDATE topics SET text = $3, task_team = $4, task_id = $5, asked_id = $6 WHERE team_id = $1 AND id = $2",
    )
    .bind(team.id)
    .bind(topic)
    .bind(&text)
    .bind(task.map(|(team, _)| team))
    .bind(task.map(|(_, task)| task))
    .bind(addressee)
    .execute(change.db())
    .await?;
    note(
        change,
        team,
        topic,
        if is_author {
            EventKind::TopicEditedByAuthor
        } else {
            EventKind::TopicEdited
        },
    );
    Ok(())
}

/// Removes a topic from the agenda.
///
/// # Errors
/// As for `edit_topic`.
pub(crate) async fn remove_topic(
    change: &mut Change,
    team: &Team,
    topic: Uuid,
    of_team: bool,
) -> Result<()> {
    let (_, is_author) = lock_topic(change, team, topic, of_team).await?;
    sqlx::query("DELETE FROM topics WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(topic)
        .execute(change.db())
        .await?;
    note(
        change,
        team,
        topic,
        if is_author {
            EventKind::TopicWithdrawn
        } else {
            EventKind::TopicRemoved
        },
    );
    Ok(())
}

/// Locks the topic and returns it, with whether the editor is its author.
async fn lock_topic(
    change: &mut Change,
    team: &Team,
    topic: Uuid,
    of_team: bool,
) -> Result<(TopicRow, bool)> {
    let topic_row: TopicRow = sqlx::query_as(
        "SELECT text, task_team, task_id, created_by FROM topics WHERE team_id = $1 AND id = $2 FOR UPDATE",
    )
    .bind(team.id)
    .bind(topic)
    .fetch_one(change.db())
    .await?;
    let is_author = topic_row.created_by.is_some() && topic_row.created_by == change.actor;
    if is_author || of_team {
        return Ok((topic_row, is_author));
    }
    let message = format!(
        "Only its author and members of {} can change a topic. Nothing was changed.",
        team.name
    );
    Err(Problem::Forbidden(message.into()))
}

/// Events of the author and of the team differ in the required role, which is checked again at the
/// commit.
fn note(change: &mut Change, team: &Team, topic: Uuid, kind: EventKind) {
    let after = json!({ "topic": topic });
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before: json!({}),
        after,
        version: None,
    });
}
