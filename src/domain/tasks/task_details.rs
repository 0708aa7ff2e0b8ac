//! Reads a task with all details.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        policy::predicates::named_beside,
        tasks::{Card, queries::card},
        team::Team,
    },
};

/// The details of a task's page that are not on its card.
pub(crate) struct TaskDetails {
    pub(crate) card: Card,
    pub(crate) description: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: OffsetDateTime,
    /// The slug of the project that the task itself belongs to, not through a goal.
    pub(crate) project: Option<String>,
}

#[derive(sqlx::FromRow)]
pub struct Step {
    pub(crate) id: Uuid,
    pub(crate) text: String,
    pub(crate) done: bool,
}

/// Returns a task with its description and steps.
pub(crate) async fn load_task(db: &Pool, team: &Team, task: Uuid) -> Result<TaskDetails> {
    let text = sqlx::query_as::<_, (String, Option<String>, OffsetDateTime, Option<String>)>(concat!(
        "SELECT k.description, a.name, k.created_at, p.slug FROM tasks k LEFT JOIN accounts a ON a.id = k.created_by
         LEFT JOIN projects p ON p.team_id = k.project_team_id AND p.id = k.project_id
              AND EXISTS (SELECT FROM teams t WHERE t.id = p.team_id AND ",
        named_beside!("t", "k.team_id"),
        ")
         WHERE k.team_id = $1 AND k.id = $2"
    ))
    .bind(team.id)
    .bind(task);
    let steps =
        sqlx::query_as("SELECT id, text, done FROM steps WHERE team_id = $1 AND task_id = $2 ORDER BY position, id")
            .bind(team.id)
            .bind(task);
    let (description, created_by, created_at, project) = text.fetch_one(db).await?;
    let (card, steps) = (card(db, team, task).await?, steps.fetch_all(db).await?);
    Ok(TaskDetails {
        card,
        description,
        steps,
        created_by,
        created_at,
        project,
    })
}
