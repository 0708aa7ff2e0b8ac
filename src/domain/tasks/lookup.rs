//! Finds tasks of a team: their ids, numbers and columns, without the rest of the card.

use time::Date;
use uuid::Uuid;

use crate::{db::pool::Pool, domain::error::Result};

/// Returns the ids of the tasks with these numbers; unknown numbers are left out.
pub(crate) async fn ids_of(db: &Pool, team: Uuid, numbers: &[i64]) -> Result<Vec<Uuid>> {
    Ok(
        sqlx::query_scalar("SELECT id FROM tasks WHERE team_id = $1 AND number = ANY($2)")
            .bind(team)
            .bind(numbers)
            .fetch_all(db)
            .await?,
    )
}

/// Returns the ids of a goal's tasks that are not archived.
pub(crate) async fn ids_of_goal(db: &Pool, team: Uuid, goal: Uuid) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM tasks WHERE team_id = $1 AND goal_id = $2 AND archived_at IS NULL",
    )
    .bind(team)
    .bind(goal)
    .fetch_all(db)
    .await?)
}

/// Returns the number of the first task in a column, apart from one task.
pub(crate) async fn first_in_column(
    db: &Pool,
    team: Uuid,
    column: &str,
    except: Uuid,
) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT k.number FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = $1 AND c.slug = $2 AND k.rank IS NOT NULL AND k.id <> $3 ORDER BY k.rank LIMIT 1",
    )
    .bind(team)
    .bind(column)
    .bind(except)
    .fetch_optional(db)
    .await?)
}

/// Returns the slug of the column of a task that is on the board.
pub(crate) async fn column_of(db: &Pool, team: Uuid, number: i64) -> Result<Option<String>> {
    Ok(sqlx::query_scalar(
        "SELECT c.slug FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = $1 AND k.number = $2 AND k.rank IS NOT NULL",
    )
    .bind(team)
    .bind(number)
    .fetch_optional(db)
    .await?)
}

/// Returns number, title and column of the unfinished tasks on the board apart from one task, in
/// board order, at most 200.
pub(crate) async fn unfinished_except(
    db: &Pool,
    team: Uuid,
    except: Uuid,
) -> Result<Vec<(i64, String, String)>> {
    Ok(sqlx::query_as(
        "SELECT k.number, k.title, c.name FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = $1 AND k.rank IS NOT NULL AND k.id <> $2 AND c.state <> 'done' ORDER BY c.position, k.rank LIMIT 200",
    )
    .bind(team)
    .bind(except)
    .fetch_all(db)
    .await?)
}

/// Returns number, title and due date of the unfinished tasks with a due date, the next one first,
/// at most 500.
pub(crate) async fn due_tasks(db: &Pool, team: Uuid) -> Result<Vec<(i64, String, Date)>> {
    Ok(sqlx::query_as(
        "SELECT k.number, k.title, k.due_on FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = $1 AND k.due_on IS NOT NULL AND k.archived_at IS NULL AND c.state <> 'done' ORDER BY k.due_on LIMIT 500",
    )
    .bind(team)
    .fetch_all(db)
    .await?)
}

/// Returns the task that a change created or changed, with its number: the response to a repeated
/// request.
pub(crate) async fn touched_by(db: &Pool, team: Uuid, change: Uuid) -> Result<Option<(Uuid, i64)>> {
    Ok(sqlx::query_as(
        "SELECT k.id, k.number FROM events e JOIN tasks k ON k.team_id = e.team_id AND k.id = e.task_id
         WHERE e.change_id = $1 AND e.team_id = $2 ORDER BY e.seq LIMIT 1",
    )
    .bind(change)
    .bind(team)
    .fetch_optional(db)
    .await?)
}
