//! Changes of a team's tasks after an event, one line per task, with steps in between left out.

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        column_state::ColumnState,
        error::Result,
        events::{not_imported, transitions},
        team::Team,
    },
};

/// Maximum number of lines.
pub(crate) const SHOWN: i64 = 50;

/// A task that changed.
#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    pub(crate) key: String,
    pub(crate) title: String,
    /// The phrase from `describe_transition`.
    pub(crate) what: &'static str,
    pub(crate) state: ColumnState,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
    /// The event that the line is as of.
    #[serde(skip)]
    pub(crate) seq: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    title: String,
    first: String,
    state_before: Option<String>,
    state: ColumnState,
    archived: bool,
    at: OffsetDateTime,
    seq: i64,
}

/// Returns the tasks whose state changed after an event; done tasks first, then blocked, then
/// newest.
pub(crate) async fn since(db: &Pool, team: &Team, seq: i64) -> Result<Vec<Changed>> {
    read(
        db,
        team,
        seq,
        "c.state = 'done' DESC, c.state = 'blocked' DESC, e.seq DESC",
    )
    .await
}

/// Returns the newest changes.
pub(crate) async fn newest(db: &Pool, team: &Team) -> Result<Vec<Changed>> {
    // Limited to the latest events; a busy team has enough changes among them for a feed.
    read(db, team, team.seq - 2000, "e.seq DESC").await
}

async fn read(db: &Pool, team: &Team, seq: i64, order: &'static str) -> Result<Vec<Changed>> {
    // A reader who returns after a year has tens of thousands of changes. The affected tasks are
    // therefore read from the index `event_transition` alone, and the first change is looked up only for
    // those shown. Timestamps of two changes may be slightly out of the order of their sequence
    // numbers.
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new("WITH asked AS (SELECT ");
    query.push_bind(team.id).push("::uuid AS team_id, ").push_bind(seq).push(
        "::bigint AS seq)
         SELECT n.number, n.title, f.transition AS first, f.before->>'state' AS state_before, n.state, n.archived, n.at, n.seq FROM (
            SELECT k.team_id, k.number, k.title, c.state, k.archived_at IS NOT NULL AS archived, e.first, e.at, e.seq,
                   row_number() OVER (ORDER BY ",
    );
    query.push(order).push(concat!(
        ") AS nth
            FROM (SELECT e.team_id, e.task_id, min(e.seq) AS first, max(e.seq) AS seq, max(e.at) AS at FROM events e
                  WHERE e.team_id = (SELECT team_id FROM asked) AND e.transition IS NOT NULL AND e.seq > (SELECT seq FROM asked)
                        AND e.at >= coalesce((SELECT at - interval '1 hour' FROM events JOIN asked USING (team_id, seq)), '-infinity') AND e.at <= 'infinity'
                        AND ",
        not_imported!("e", "(SELECT team_id FROM asked)"),
        "
                  GROUP BY e.team_id, e.task_id) e
            JOIN tasks k ON k.team_id = e.team_id AND k.id = e.task_id
            JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
            ORDER BY nth LIMIT ",
    ));
    query
        .push_bind(SHOWN)
        .push(") n JOIN events f ON f.team_id = n.team_id AND f.seq = n.first ORDER BY n.nth");
    let rows: Vec<Row> = query.build_query_as().fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| row.into_changed(team)).collect())
}

impl Row {
    fn into_changed(self, team: &Team) -> Changed {
        let what = transitions::describe_transition(
            &self.first,
            self.state_before.as_deref(),
            self.state,
            self.archived,
        );
        let key = format!("{}-{}", team.key, self.number);
        Changed {
            key,
            title: self.title,
            what,
            state: self.state,
            at: self.at,
            seq: self.seq,
        }
    }
}

/// Returns the time of these teams' last event that was not automatic or for the whole workspace.
pub(crate) async fn last(db: &Pool, teams: &[Uuid]) -> Result<Vec<(Uuid, OffsetDateTime)>> {
    Ok(sqlx::query_as(
        "SELECT t.id, e.at FROM teams t CROSS JOIN LATERAL (SELECT at FROM events WHERE team_id = t.id AND kind NOT LIKE 'workspace.%'
             AND kind <> ALL(ARRAY['sprint.started', 'sprint.cadence-changed', 'sprint.rescheduled', 'sprint.skipped']) ORDER BY seq DESC LIMIT 1) e
         WHERE t.id = ANY($1)",
    )
    .bind(teams)
    .fetch_all(db)
    .await?)
}
