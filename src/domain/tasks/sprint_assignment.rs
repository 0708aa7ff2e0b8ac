//! Adds tasks to a sprint. A sprint that the team has closed takes no more tasks.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    team::Team,
};

/// Refuses a sprint that the team has closed, because its numbers are frozen.
pub(crate) async fn refuse_closed(
    db: &mut PgConnection,
    team: &Team,
    sprint: Option<Uuid>,
) -> Result<()> {
    let Some(sprint) = sprint else { return Ok(()) };
    match closed(db, team.id, sprint).await? {
        Some(name) => Err(Problem::field(
            "sprint",
            format!("{} has closed {name}. Choose another sprint.", team.name),
        )),
        None => Ok(()),
    }
}

/// The sprint's name if the team has closed it, or if it is closed for the workspace because the
/// team had nothing in it. Locks the sprint against being closed until the end of the transaction.
pub(crate) async fn closed(
    db: &mut PgConnection,
    team: Uuid,
    sprint: Uuid,
) -> Result<Option<String>> {
    // Locks first, in a separate statement, to wait for a concurrent close and then see it.
    sqlx::query("SELECT FROM sprints WHERE id = $1 FOR KEY SHARE")
        .bind(sprint)
        .execute(&mut *db)
        .await?;
    let closed: Option<String> = sqlx::query_scalar(
        "SELECT name FROM sprints
         WHERE id = $2 AND (state = 'closed' OR EXISTS (SELECT FROM sprint_reports WHERE team_id = $1 AND sprint_id = $2))",
    )
    .bind(team)
    .bind(sprint)
    .fetch_optional(db)
    .await?;
    Ok(closed)
}
