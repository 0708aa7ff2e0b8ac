//! Finds the tasks of a delivery, and locks them before anything is changed.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    error::Result, events::Change, pull_requests::task_keys::NamedTask, team::Team,
};

/// A task that a pull request names or named.
#[derive(Clone, Debug)]
pub(super) struct FoundTask {
    pub(super) team: Team,
    pub(super) id: Uuid,
    /// Whether a closing word is before its key in the texts.
    pub(super) closes: bool,
    /// Whether its key is in the texts: title, description or branch.
    pub(super) is_in_texts: bool,
    /// Whether a closing word is before its key in a commit; `None`: no commit names it.
    pub(super) commits_close: Option<bool>,
}

#[derive(sqlx::FromRow)]
struct TaskRow {
    #[sqlx(flatten)]
    team: TeamRow,
    task_id: Uuid,
    closes: bool,
    is_in_texts: bool,
    commits_close: Option<bool>,
}

#[derive(sqlx::FromRow)]
struct TeamRow {
    team_id: Uuid,
    slug: String,
    name: String,
    key: String,
    seq: i64,
}

impl From<TaskRow> for FoundTask {
    fn from(row: TaskRow) -> Self {
        Self {
            team: Team {
                id: row.team.team_id,
                slug: row.team.slug,
                name: row.team.name,
                key: row.team.key,
                seq: row.team.seq,
            },
            id: row.task_id,
            closes: row.closes,
            is_in_texts: row.is_in_texts,
            commits_close: row.commits_close,
        }
    }
}

/// Finds the tasks with these keys in texts and in commits, by current or former keys of the teams that the connection
/// lists. Locks them and those that these pull requests are linked to, before the caller locks anything else.
pub(super) async fn find_tasks(
    change: &mut Change,
    connection: Uuid,
    (texts, commits): (&[NamedTask], &[NamedTask]),
    linked_to: &[Uuid],
) -> Result<Vec<FoundTask>> {
    let named = || texts.iter().chain(commits);
    let rows: Vec<TaskRow> = sqlx::query_as(
        "SELECT t.id AS team_id, t.slug, t.name, t.key, t.seq, k.id AS task_id, bool_or(n.closes AND n.is_in_texts) AS closes,
             bool_or(n.is_in_texts) AS is_in_texts, bool_or(n.closes) FILTER (WHERE NOT n.is_in_texts) AS commits_close
         FROM unnest($2::text[], $3::bigint[], $4::boolean[], $5::boolean[]) AS n (key, number, closes, is_in_texts)
         JOIN teams t ON t.key = n.key OR t.id IN (SELECT team_id FROM former_keys WHERE key = n.key)
         JOIN tasks k ON k.team_id = t.id AND k.number = n.number
         WHERE t.id IN (SELECT team_id FROM forge_repositories WHERE connection_id = $1)
         GROUP BY t.id, k.id ORDER BY t.id, k.id",
    )
    .bind(connection)
    .bind(named().map(|task| task.team.as_str()).collect::<Vec<_>>())
    .bind(named().map(|task| task.number).collect::<Vec<_>>())
    .bind(named().map(|task| task.closes).collect::<Vec<_>>())
    .bind((0..texts.len() + commits.len()).map(|at| at < texts.len()).collect::<Vec<_>>())
    .fetch_all(change.db())
    .await?;
    let found: Vec<FoundTask> = rows.into_iter().map(FoundTask::from).collect();
    lock(change.db(), &found, linked_to).await?;
    Ok(found)
}

/// The tasks that a pull request is linked to.
pub(super) async fn linked_tasks(
    change: &mut Change,
    pull_request: Uuid,
) -> Result<Vec<FoundTask>> {
    let rows: Vec<TaskRow> = sqlx::query_as(
        "SELECT t.id AS team_id, t.slug, t.name, t.key, t.seq, l.task_id, l.closes, true AS is_in_texts, l.commits_close
         FROM pull_request_tasks l JOIN teams t ON t.id = l.team_id
         WHERE l.pull_request_id = $1 ORDER BY t.id, l.task_id",
    )
    .bind(pull_request)
    .fetch_all(change.db())
    .await?;
    Ok(rows.into_iter().map(FoundTask::from).collect())
}

/// Locks all columns of these tasks' teams, and then the tasks, each by id: everything locks them in this order, and
/// incrementing a task's version locks it.
async fn lock(db: &mut PgConnection, tasks: &[FoundTask], linked_to: &[Uuid]) -> Result<()> {
    let mut keys: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT team_id, task_id FROM pull_request_tasks WHERE pull_request_id = ANY($1)",
    )
    .bind(linked_to)
    .fetch_all(&mut *db)
    .await?;
    keys.extend(tasks.iter().map(|task| (task.team.id, task.id)));
    if keys.is_empty() {
        return Ok(());
    }
    let (teams, ids): (Vec<Uuid>, Vec<Uuid>) = keys.into_iter().unzip();
    sqlx::query("SELECT FROM columns WHERE team_id = ANY($1) ORDER BY id FOR NO KEY UPDATE")
        .bind(&teams)
        .execute(&mut *db)
        .await?;
    sqlx::query(
        "SELECT FROM tasks WHERE team_id = ANY($1) AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(&teams)
    .bind(&ids)
    .execute(db)
    .await?;
    Ok(())
}
