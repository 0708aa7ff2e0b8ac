//! Putting a topic in other words, and taking it away: for who put it there, and for the team whose agenda it is on.

use crate::domain::events::EventKind;
use serde_json::json;
use uuid::Uuid;

use crate::domain::standup::{actions::account, quick_add, topics};
use crate::domain::{
    error::{Problem, Result},
    events::{Change, Event},
    team::Team,
};

/// A topic that is about to be changed.
#[derive(sqlx::FromRow)]
struct Stands {
    text: String,
    task_team: Option<Uuid>,
    task_id: Option<Uuid>,
    created_by: Option<Uuid>,
}

/// Says a topic in other words, read as when it was added.
///
/// # Errors
/// `Forbidden` for whoever neither put it there nor, as `of_team` says, may change what is the team's.
pub async fn correct_topic(
    change: &mut Change,
    team: &Team,
    topic: Uuid,
    line: &str,
    of_team: bool,
) -> Result<()> {
    let (stands, is_author) = stands(change, team, topic, of_team).await?;
    let (text, who) = quick_add::name_taken_out(line);
    let asked = match &who {
        Some(handle) => Some(account(change, handle).await?),
        None => None,
    };
    // A task that help was asked for is in no word of the topic: no other words take it away.
    let task = match (topics::key_in(&text), topics::key_in(&stands.text)) {
        (None, None) => stands.task_team.zip(stands.task_id),
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
    .bind(asked)
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

/// Takes a topic off the agenda.
///
/// # Errors
/// As for other words.
pub async fn remove_topic(
    change: &mut Change,
    team: &Team,
    topic: Uuid,
    of_team: bool,
) -> Result<()> {
    let (_, is_author) = stands(change, team, topic, of_team).await?;
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

/// The topic under its lock, and whether whoever asks put it there.
async fn stands(
    change: &mut Change,
    team: &Team,
    topic: Uuid,
    of_team: bool,
) -> Result<(Stands, bool)> {
    let stands: Stands = sqlx::query_as(
        "SELECT text, task_team, task_id, created_by FROM topics WHERE team_id = $1 AND id = $2 FOR UPDATE",
    )
    .bind(team.id)
    .bind(topic)
    .fetch_one(change.db())
    .await?;
    let is_author = stands.created_by.is_some() && stands.created_by == change.actor;
    if is_author || of_team {
        return Ok((stands, is_author));
    }
    let why = format!(
        "Only who put it there and members of {} may change a topic. Nothing was changed.",
        team.name
    );
    Err(Problem::Forbidden(why.into()))
}

/// Its author's events are their own, its team's take a member: what each may do is asked again when it is committed.
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
