//! Reads the data of flow reports, beside the transitions, which `work_time` reads.

pub mod burn_up;
pub mod task_refs;

pub use crate::domain::flow::queries::burn_up::burn_up;

use sqlx::{PgConnection, QueryBuilder};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    boards::filters::{sql::Moment, terms::Filter},
    clock,
    error::Result,
    flow::{
        measures::{self, BlockedPeriod, Waited},
        queries::task_refs::TaskRef,
    },
    policy::predicates::named_beside,
    team::Team,
};

/// Returns a team's work in progress: started, blocked or in review, by number.
pub(crate) async fn work_in_progress(
    db: &mut PgConnection,
    team: &Team,
    filter: &Filter,
    now: OffsetDateTime,
) -> Result<Vec<TaskRef>> {
    let mut query = QueryBuilder::new(
        // A separate condition, so that the filter is applied only to work in progress; as one
        // query, text would be searched in every task.
        "SELECT k.id, k.number, k.title, c.state FROM columns c
         CROSS JOIN LATERAL (SELECT * FROM tasks WHERE team_id = c.team_id AND column_id = c.id AND rank IS NOT NULL OFFSET 0) k
         WHERE c.state IN ('doing', 'blocked', 'review') AND c.team_id = ",
    );
    query.push_bind(team.id);
    filter.push_terms(
        &mut query,
        team,
        Moment::of(&mut *db, team, filter, now).await?,
    );
    query.push(" ORDER BY k.number");
    Ok(query.build_query_as().fetch_all(db).await?)
}

/// Returns what tasks were waiting on between two instants, cut at both, in days.
pub(crate) async fn blockers(
    db: &mut PgConnection,
    team: Uuid,
    (since, until): (OffsetDateTime, OffsetDateTime),
    zone: &str,
) -> Result<Vec<BlockedPeriod>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        task_id: Uuid,
        note: String,
        since: OffsetDateTime,
        ended_at: Option<OffsetDateTime>,
        task: Option<String>,
        party: Option<String>,
    }
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT w.task_id, w.note, w.since, w.ended_at, ot.key || '-' || o.number || ' ' || o.title AS task,
                coalesce(ot.name, t.name, a.name, CASE WHEN w.on_task_id IS NOT NULL OR w.on_team_id IS NOT NULL THEN 'a private team' END) AS party
         FROM blockers w LEFT JOIN LATERAL (SELECT * FROM tasks WHERE team_id = w.on_task_team AND id = w.on_task_id OFFSET 0) o ON true LEFT JOIN teams ot ON ot.id = o.team_id AND ",
        named_beside!("ot", "w.team_id"),
        "
         LEFT JOIN teams t ON t.id = w.on_team_id AND ",
        named_beside!("t", "w.team_id"),
        " LEFT JOIN accounts a ON a.id = w.on_account_id
         WHERE w.team_id = $1 AND tstzrange(w.since, w.ended_at, '[]') && tstzrange($2, $3) AND is_momentary(w.since, w.ended_at) IS NOT TRUE ORDER BY w.since, w.id"
    ))
    .bind(team)
    .bind(since)
    .bind(until)
    .fetch_all(db)
    .await?;
    let spell = |row: Row| {
        let (from, to) = span_of_days(
            (row.since, row.ended_at.unwrap_or(until)),
            (since, until),
            zone,
        );
        let party = row.party.unwrap_or_else(|| measures::OUTSIDE.to_owned());
        let note = Some(row.note).filter(|note| !note.is_empty());
        BlockedPeriod {
            task: row.task_id,
            from,
            to,
            on: Waited {
                what: row.task.or(note).unwrap_or_else(|| party.clone()),
                party,
            },
        }
    };
    Ok(rows.into_iter().map(spell).collect())
}

/// The days of a range that a period touches.
pub(crate) fn span_of_days(
    (from, to): (OffsetDateTime, OffsetDateTime),
    (since, until): (OffsetDateTime, OffsetDateTime),
    zone: &str,
) -> (Date, Date) {
    let last = to.min(until - Duration::MICROSECOND);
    (
        clock::day_in(from.max(since), zone),
        clock::day_in(last, zone),
    )
}
