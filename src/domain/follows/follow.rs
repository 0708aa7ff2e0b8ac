//! Following: a task, goal, project or team whose changes a person wants to see. It is private, so
//! no event records it.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, notifications},
};

/// What can be followed, within its team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FollowTarget {
    Team,
    Task(Uuid),
    Goal(Uuid),
    Project(Uuid),
}

impl FollowTarget {
    /// Task, goal and project, as the columns of the table.
    fn ids(self) -> [Option<Uuid>; 3] {
        match self {
            Self::Team => [None; 3],
            Self::Task(id) => [Some(id), None, None],
            Self::Goal(id) => [None, Some(id), None],
            Self::Project(id) => [None, None, Some(id)],
        }
    }
}

/// Follows something of a team, or stops following it.
pub(crate) async fn follow(
    db: &mut PgConnection,
    (account, team): (Uuid, Uuid),
    what: FollowTarget,
    follows: bool,
    now: OffsetDateTime,
) -> Result<()> {
    let [task, goal, project] = what.ids();
    if follows {
        sqlx::query(
            "INSERT INTO follows (id, account_id, team_id, task_id, goal_id, project_id, since) VALUES ($6, $1, $2, $3, $4, $5, $7)
             ON CONFLICT DO NOTHING",
        )
        .bind(account)
        .bind(team)
        .bind(task)
        .bind(goal)
        .bind(project)
        .bind(Uuid::now_v7())
        .bind(now)
        .execute(db)
        .await?;
        return Ok(());
    }
    let ended: Vec<Uuid> = sqlx::query_scalar(
        "DELETE FROM follows WHERE account_id = $1 AND team_id = $2 AND task_id IS NOT DISTINCT FROM $3
             AND goal_id IS NOT DISTINCT FROM $4 AND project_id IS NOT DISTINCT FROM $5 RETURNING id",
    )
    .bind(account)
    .bind(team)
    .bind(task)
    .bind(goal)
    .bind(project)
    .fetch_all(&mut *db)
    .await?;
    notifications::edit::forget_follows(db, account, &ended).await
}

/// Whether a person follows it.
pub(crate) async fn follows(
    db: &Pool,
    account: Uuid,
    team: Uuid,
    what: FollowTarget,
) -> Result<bool> {
    let [task, goal, project] = what.ids();
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM follows WHERE account_id = $1 AND team_id = $2 AND task_id IS NOT DISTINCT FROM $3
             AND goal_id IS NOT DISTINCT FROM $4 AND project_id IS NOT DISTINCT FROM $5)",
    )
    .bind(account)
    .bind(team)
    .bind(task)
    .bind(goal)
    .bind(project)
    .fetch_one(db)
    .await?)
}

/// Something that a person follows, for a list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Followed {
    pub(crate) name: String,
    pub(crate) url: String,
    /// The URL that stops following it.
    pub(crate) follow: String,
}

/// Returns what a person follows in teams that they can see, by name.
pub(crate) async fn followed(db: &Pool, account: Uuid, seen: &[Uuid]) -> Result<Vec<Followed>> {
    Ok(sqlx::query_as(
        "SELECT coalesce(t.key || '-' || k.number || ' ' || k.title, g.title, p.name, t.name) AS name,
                CASE WHEN k.id IS NOT NULL THEN '/tasks/' || t.key || '-' || k.number WHEN g.id IS NOT NULL THEN '/teams/' || t.slug || '/goals/' || g.id
                     WHEN p.id IS NOT NULL THEN '/projects/' || p.slug ELSE '/teams/' || t.slug || '/check-in' END AS url,
                CASE WHEN k.id IS NOT NULL THEN '/tasks/' || t.key || '-' || k.number WHEN g.id IS NOT NULL THEN '/teams/' || t.slug || '/goals/' || g.id
                     WHEN p.id IS NOT NULL THEN '/projects/' || p.slug ELSE '/teams/' || t.slug END || '/follow' AS follow
         FROM follows f JOIN teams t ON t.id = f.team_id LEFT JOIN LATERAL (SELECT * FROM tasks WHERE team_id = f.team_id AND id = f.task_id OFFSET 0) k ON true
         LEFT JOIN goals g ON g.team_id = f.team_id AND g.id = f.goal_id LEFT JOIN projects p ON p.team_id = f.team_id AND p.id = f.project_id
         WHERE f.account_id = $1 AND f.team_id = ANY($2) ORDER BY 1",
    )
    .bind(account)
    .bind(seen)
    .fetch_all(db)
    .await?)
}
