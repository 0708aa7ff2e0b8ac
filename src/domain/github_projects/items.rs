//! The stored items of a connected project: which task each has, and what both sides had when they were equal last.

use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        github_projects::{connected::ConnectedProject, values::Values},
    },
};

/// An item's task, and how far both are known to be equal.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct KnownItem {
    /// `None`: a draft was sent, and it is not known whether it arrived.
    pub(super) item_id: Option<String>,
    pub(super) task_id: Uuid,
    pub(super) changed: String,
    pub(super) is_gone: bool,
    /// Something was sent, and it is not known whether it arrived.
    pub(super) is_sent: bool,
    /// GitHub has refused something. It is sent again once something has changed.
    pub(super) is_refused: bool,
    /// Both sides are archived, which GitHub does not list.
    pub(super) is_archived: bool,
}

/// The columns of `KnownItem`.
macro_rules! known {
    () => {
        "item_id, task_id, changed, is_gone, sent IS NOT NULL AS is_sent, problem <> '' AS is_refused,
         coalesce((common->>'is_archived')::boolean, false) AS is_archived"
    };
}

/// All items of a project.
pub(super) async fn all(db: &Pool, project: &ConnectedProject) -> Result<Vec<KnownItem>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        known!(),
        " FROM github_project_items WHERE github_project_id = $1 ORDER BY task_id"
    ))
    .bind(project.id)
    .fetch_all(db)
    .await?)
}

/// The items of which something was sent that may not have arrived, those of these tasks, and those that GitHub says have
/// changed.
pub(super) async fn pending(
    db: &Pool,
    project: &ConnectedProject,
    tasks: &[Uuid],
) -> Result<Vec<KnownItem>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        known!(),
        " FROM github_project_items WHERE github_project_id = $1 AND (sent IS NOT NULL OR item_id IS NULL)
         UNION
         SELECT ",
        known!(),
        " FROM github_project_items WHERE github_project_id = $1 AND team_id = $2 AND task_id = ANY($3)
         UNION
         SELECT ",
        known!(),
        " FROM github_project_items WHERE github_project_id = $1 AND item_id = ANY($4)"
    ))
    .bind(project.id)
    .bind(project.team_id)
    .bind(tasks)
    .bind(&project.hinted)
    .fetch_all(db)
    .await?)
}

/// Whether something has happened here since the last look by which a task could have come to the project.
pub(super) async fn may_have_new(
    db: &Pool,
    project: &ConnectedProject,
    until: i64,
) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM events WHERE team_id = $1 AND seq > $2 AND seq <= $3
             AND kind IN ('task.created', 'task.imported', 'task.restored', 'task.edited', 'board.imported'))",
    )
    .bind(project.team_id)
    .bind(project.seq)
    .bind(until)
    .fetch_one(db)
    .await?)
}

/// The tasks with items that were changed here after one event and until another.
pub(super) async fn changed_here(
    db: &Pool,
    project: &ConnectedProject,
    until: i64,
) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT e.task_id FROM events e
         JOIN github_project_items i ON i.github_project_id = $1 AND i.team_id = e.team_id AND i.task_id = e.task_id AND NOT i.is_gone
         WHERE e.team_id = $2 AND e.seq > $3 AND e.seq <= $4 AND e.kind IN ('task.moved', 'task.edited', 'task.assigned',
             'task.labelled', 'task.archived', 'task.restored') AND (i.problem = '' OR e.seq > i.refused_seq)",
    )
    .bind(project.id)
    .bind(project.team_id)
    .bind(project.seq)
    .bind(until)
    .fetch_all(db)
    .await?)
}

/// Some tasks of the project that have no item yet, the oldest first.
pub(super) async fn without_item(
    db: &Pool,
    project: &ConnectedProject,
    most: i32,
) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar(
        "SELECT k.id FROM tasks k WHERE k.team_id = $1 AND k.archived_at IS NULL AND ($2::uuid IS NULL OR k.project_id = $2)
             AND NOT EXISTS (SELECT FROM github_project_items i
                             WHERE i.github_project_id = $3 AND i.team_id = k.team_id AND i.task_id = k.id
                                 AND (i.item_id IS NOT NULL OR i.problem <> ''))
         ORDER BY k.number LIMIT $4",
    )
    .bind(project.team_id)
    .bind(project.project_id)
    .bind(project.id)
    .bind(most)
    .fetch_all(db)
    .await?)
}

/// Locks an item's row, and returns what both sides had and what was sent since.
pub(super) async fn lock(
    db: &mut PgConnection,
    project: &ConnectedProject,
    task: Uuid,
) -> Result<(Option<Values>, Option<Values>)> {
    let (common, sent): (Option<Json<Values>>, Option<Json<Values>>) = sqlx::query_as(
        "SELECT common, sent FROM github_project_items
         WHERE github_project_id = $1 AND team_id = $2 AND task_id = $3 FOR NO KEY UPDATE",
    )
    .bind(project.id)
    .bind(project.team_id)
    .bind(task)
    .fetch_one(db)
    .await?;
    Ok((common.map(|values| values.0), sent.map(|values| values.0)))
}

/// What is stored of an item after a comparison.
pub(super) struct Compared<'c> {
    pub(super) item_id: &'c str,
    pub(super) url: &'c str,
    pub(super) changed: &'c str,
    pub(super) common: &'c Values,
    /// What is about to be sent.
    pub(super) sent: Option<&'c Values>,
    pub(super) problem: &'c str,
}

/// Stores how an item compares with its task, which is its task from now on.
pub(super) async fn store(
    db: &mut PgConnection,
    project: &ConnectedProject,
    task: Uuid,
    compared: &Compared<'_>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO github_project_items (github_project_id, team_id, task_id, item_id, url, changed, common, sent, problem)
         VALUES ($1, $2, $3, $4, left($5, 1000), left($6, 100), $7, $8, left($9, 500))
         ON CONFLICT (github_project_id, team_id, task_id) DO UPDATE
         SET item_id = $4, url = left($5, 1000), changed = left($6, 100), common = $7, sent = $8, problem = left($9, 500), is_gone = false",
    )
    .bind(project.id)
    .bind(project.team_id)
    .bind(task)
    .bind(compared.item_id)
    .bind(compared.url)
    .bind(compared.changed)
    .bind(Json(compared.common))
    .bind(compared.sent.map(Json))
    .bind(compared.problem)
    .execute(db)
    .await?;
    Ok(())
}

/// Notes what both sides have after something was sent, and why not all of it has arrived.
pub(super) async fn arrived(
    db: &Pool,
    project: &ConnectedProject,
    task: Uuid,
    (common, problem, seq): (&Values, &str, i64),
) -> Result<()> {
    sqlx::query(
        "UPDATE github_project_items SET common = $4, sent = NULL, problem = left($5, 500), refused_seq = $6 WHERE github_project_id = $1 AND team_id = $2 AND task_id = $3",
    )
    .bind(project.id)
    .bind(project.team_id)
    .bind(task)
    .bind(Json(common))
    .bind(problem)
    .bind(seq)
    .execute(db)
    .await?;
    Ok(())
}

/// Notes why an item cannot be kept in sync. It is tried again when one side changes.
pub(super) async fn note_problem(
    db: &Pool,
    project: &ConnectedProject,
    task: Uuid,
    (changed, problem, seq): (&str, &str, i64),
) -> Result<()> {
    sqlx::query(
        "UPDATE github_project_items SET problem = left($4, 500), changed = left($5, 100), sent = NULL, refused_seq = $6
         WHERE github_project_id = $1 AND team_id = $2 AND task_id = $3",
    )
    .bind(project.id)
    .bind(project.team_id)
    .bind(task)
    .bind(problem)
    .bind(changed)
    .bind(seq)
    .execute(db)
    .await?;
    Ok(())
}

/// Stores that a draft is about to be sent for a task.
pub(super) async fn announce_draft(
    db: &Pool,
    project: &ConnectedProject,
    task: Uuid,
    values: &Values,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO github_project_items (github_project_id, team_id, task_id, sent) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(project.id)
    .bind(project.team_id)
    .bind(task)
    .bind(Json(values))
    .execute(db)
    .await?;
    Ok(())
}

/// Stores the item of a draft that was sent. What both sides have is found out by the next comparison.
pub(super) async fn draft_arrived(
    db: &mut PgConnection,
    project: &ConnectedProject,
    task: Uuid,
    item: &str,
) -> Result<()> {
    sqlx::query(
        "UPDATE github_project_items SET item_id = $4 WHERE github_project_id = $1 AND team_id = $2 AND task_id = $3 AND item_id IS NULL",
    )
    .bind(project.id)
    .bind(project.team_id)
    .bind(task)
    .bind(item)
    .execute(&mut *db)
    .await?;
    remember_source(db, project, task, &super::preview::source(item, "")).await
}

/// Has a task remember its item, so that it is found again if the project is disconnected and connected again.
pub(super) async fn remember_source(
    db: &mut PgConnection,
    project: &ConnectedProject,
    task: Uuid,
    source: &str,
) -> Result<()> {
    sqlx::query(
        "UPDATE tasks SET imported_from = $3 WHERE team_id = $1 AND id = $2 AND imported_from IS NULL
             AND NOT EXISTS (SELECT FROM tasks WHERE team_id = $1 AND imported_from = $3)",
    )
    .bind(project.team_id)
    .bind(task)
    .bind(source)
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that an item is no longer in the project. Its task is left alone from now on.
pub(super) async fn leave(
    db: &mut PgConnection,
    project: &ConnectedProject,
    task: Uuid,
) -> Result<()> {
    sqlx::query(
        "UPDATE github_project_items SET is_gone = true, sent = NULL, problem = '' WHERE github_project_id = $1 AND team_id = $2 AND task_id = $3",
    )
    .bind(project.id)
    .bind(project.team_id)
    .bind(task)
    .execute(db)
    .await?;
    Ok(())
}

/// Stores an item as that of a task that was made from it before. The next comparison is the first one of both.
pub(super) async fn adopt(
    db: &mut PgConnection,
    project: &ConnectedProject,
    task: Uuid,
    item: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO github_project_items (github_project_id, team_id, task_id, item_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (github_project_id, team_id, task_id) DO UPDATE SET item_id = $4",
    )
    .bind(project.id)
    .bind(project.team_id)
    .bind(task)
    .bind(item)
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets the drafts of tasks that were archived before it was known whether they had arrived.
pub(super) async fn forget_archived(db: &Pool, project: &ConnectedProject) -> Result<()> {
    sqlx::query(
        "DELETE FROM github_project_items i USING tasks k
         WHERE i.github_project_id = $1 AND i.item_id IS NULL AND k.team_id = i.team_id AND k.id = i.task_id AND k.archived_at IS NOT NULL",
    )
    .bind(project.id)
    .execute(db)
    .await?;
    Ok(())
}
