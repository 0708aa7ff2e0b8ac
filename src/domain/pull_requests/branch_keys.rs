//! Remembers the tasks that commits of a branch name, for its pull request.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    error::Result,
    keys::split_key,
    pull_requests::{model::PushEvent, task_keys::NamedTask},
};

/// How long keys of pushed commits are remembered for a pull request that is opened later.
pub(crate) const KEEP_BRANCH_KEYS: Duration = Duration::days(30);

/// Remembers the tasks that pushed commits name, for the pull request of their branch.
pub(super) async fn remember(
    db: &mut PgConnection,
    connection: Uuid,
    push: &PushEvent,
    named: &[NamedTask],
    at: OffsetDateTime,
) -> Result<()> {
    for task in named {
        sqlx::query(
            "INSERT INTO forge_branch_keys AS b (connection_id, repository, branch, key, closes, pushed_at)
             SELECT $1, lower($2), $3, $4, $5, $6
             WHERE (SELECT count(*) FROM forge_branch_keys WHERE connection_id = $1 AND repository = lower($2) AND branch = $3) < 50
             ON CONFLICT (connection_id, repository, branch, key) DO UPDATE SET closes = b.closes OR $5, pushed_at = $6",
        )
        .bind(connection)
        .bind(&push.repository)
        .bind(&push.branch)
        .bind(task.key())
        .bind(task.closes)
        .bind(at)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// The tasks that commits of a branch have named.
pub(super) async fn remembered(
    db: &mut PgConnection,
    connection: Uuid,
    (repository, branch): (&str, &str),
) -> Result<Vec<NamedTask>> {
    let rows: Vec<(String, bool)> = sqlx::query_as(
        "SELECT key, closes FROM forge_branch_keys WHERE connection_id = $1 AND repository = lower($2) AND branch = $3 ORDER BY pushed_at, key",
    )
    .bind(connection)
    .bind(repository)
    .bind(branch)
    .fetch_all(db)
    .await?;
    let named = rows.into_iter().filter_map(|(key, closes)| {
        let (team, number) = split_key(&key)?;
        Some(NamedTask {
            team,
            number,
            closes,
        })
    });
    Ok(named.collect())
}

/// Forgets them: the branch was merged or deleted, and its name may be used again for something else.
pub(super) async fn forget(
    db: &mut PgConnection,
    connection: Uuid,
    (repository, branch): (&str, &str),
) -> Result<()> {
    sqlx::query(
        "DELETE FROM forge_branch_keys WHERE connection_id = $1 AND repository = lower($2) AND branch = $3",
    )
    .bind(connection)
    .bind(repository)
    .bind(branch)
    .execute(db)
    .await?;
    Ok(())
}
