//! Reads teams.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, team::Team},
};

/// Returns every team by name.
pub(crate) async fn teams(db: &Pool) -> Result<Vec<Team>> {
    Ok(
        sqlx::query_as("SELECT id, slug, name, key, seq FROM teams ORDER BY name")
            .fetch_all(db)
            .await?,
    )
}

/// The period of a membership.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Stay {
    /// `None` if the account was deleted.
    pub(crate) name: Option<String>,
    pub(crate) since: OffsetDateTime,
    /// `None` for current members.
    pub(crate) until: Option<OffsetDateTime>,
}

/// Returns everyone who was on a team at some time between two instants, by name. Later changes of
/// membership do not change the result.
pub(crate) async fn on_team_between(
    db: &mut PgConnection,
    team: Uuid,
    from: OffsetDateTime,
    to: OffsetDateTime,
) -> Result<Vec<Stay>> {
    Ok(sqlx::query_as(
        "SELECT name, min(since) AS since, nullif(max(coalesce(until, 'infinity')), 'infinity') AS until
         FROM (SELECT a.id, a.name, m.since, a.deactivated_at AS until
               FROM members m JOIN accounts a ON a.id = m.account_id WHERE m.team_id = $1
               UNION ALL
               SELECT coalesce(a.id, p.id), a.name, p.since, p.until
               FROM past_members p LEFT JOIN accounts a ON a.id = p.account_id WHERE p.team_id = $1) stays
         WHERE since < $3 AND coalesce(until > $2, true) GROUP BY id, name ORDER BY name NULLS LAST, since",
    )
    .bind(team)
    .bind(from)
    .bind(to)
    .fetch_all(db)
    .await?)
}

/// Returns a team.
pub(crate) async fn team(db: &Pool, id: Uuid) -> Result<Team> {
    Ok(
        sqlx::query_as("SELECT id, slug, name, key, seq FROM teams WHERE id = $1")
            .bind(id)
            .fetch_one(db)
            .await?,
    )
}

/// Returns a team's days off with their names, newest first, at most 200.
pub(crate) async fn days_off(db: &Pool, team: Uuid) -> Result<Vec<(Date, String)>> {
    Ok(sqlx::query_as(
        "SELECT day, name FROM days_off WHERE team_id = $1 ORDER BY day DESC LIMIT 200",
    )
    .bind(team)
    .fetch_all(db)
    .await?)
}
