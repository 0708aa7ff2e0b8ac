//! What happened after an event of a team, a line a task: where it came to since, whatever lay between.

use serde::Serialize;
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{activity::became, boards::State, teams::Team, web::error::Result};

/// Nobody reads more than this many lines.
pub const SHOWN: i64 = 50;

/// What became of a task.
#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    pub key: String,
    pub title: String,
    /// In the words of `became`.
    pub what: &'static str,
    pub state: State,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The event that it is as of.
    #[serde(skip)]
    pub seq: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    title: String,
    first: String,
    was: Option<String>,
    #[sqlx(try_from = "String")]
    state: State,
    archived: bool,
    at: OffsetDateTime,
    seq: i64,
}

/// Whose state changed after that event; what is done comes first, then what is blocked, then the newest.
pub async fn since(db: &PgPool, team: &Team, seq: i64) -> Result<Vec<Changed>> {
    read(db, team, seq, "ORDER BY c.state = 'done' DESC, c.state = 'blocked' DESC, max(e.seq) DESC").await
}

/// The newest of all.
pub async fn newest(db: &PgPool, team: &Team) -> Result<Vec<Changed>> {
    // As far back as makes a feed worth reading; a team with many events has enough of them there.
    read(db, team, team.seq - 2000, "ORDER BY max(e.seq) DESC").await
}

async fn read(db: &PgPool, team: &Team, seq: i64, order: &'static str) -> Result<Vec<Changed>> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(
        "SELECT k.number, k.title, (array_agg(e.shift ORDER BY e.seq))[1] AS first, (array_agg(e.before->>'state' ORDER BY e.seq))[1] AS was, c.state,
                k.archived_at IS NOT NULL AS archived, max(e.at) AS at, max(e.seq) AS seq
         FROM events e JOIN tasks k ON k.team_id = e.team_id AND k.id = e.task_id
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id WHERE e.team_id = ",
    );
    query
        .push_bind(team.id)
        .push(" AND e.seq > ")
        .push_bind(seq)
        .push(" AND e.shift IS NOT NULL GROUP BY k.id, k.number, k.title, c.state, k.archived_at ");
    query.push(order).push(" LIMIT ").push_bind(SHOWN);
    let rows: Vec<Row> = query.build_query_as().fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| row.told(team)).collect())
}

impl Row {
    fn told(self, team: &Team) -> Changed {
        let what = became(&self.first, self.was.as_deref(), self.state, self.archived);
        let key = format!("{}-{}", team.key, self.number);
        Changed { key, title: self.title, what, state: self.state, at: self.at, seq: self.seq }
    }
}

/// When something last happened in these teams.
pub async fn last(db: &PgPool, teams: &[Uuid]) -> Result<Vec<(Uuid, OffsetDateTime)>> {
    Ok(sqlx::query_as(
        "SELECT t.id, e.at FROM teams t CROSS JOIN LATERAL (SELECT at FROM events WHERE team_id = t.id ORDER BY seq DESC LIMIT 1) e
         WHERE t.id = ANY($1)",
    )
    .bind(teams)
    .fetch_all(db)
    .await?)
}
