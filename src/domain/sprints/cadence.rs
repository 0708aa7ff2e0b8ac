//! Sprint scheduling: starts and ends sprints on their dates, and always keeps the next two
//! planned.

use serde_json::json;
use sqlx::{PgConnection, PgExecutor};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    clock,
    error::Result,
    events::{Change, Event, EventKind},
    sprints::{Sprint, SprintState},
    teams::roster::{days, weekday},
    workspace_seq::bump_workspace_seq,
};

/// Number of planned sprints to keep.
const AHEAD: usize = 2;

/// Condition: no team has closed the sprint `s`; without tasks and goals it closes by itself.
macro_rules! not_closed_by_a_team {
    () => {
        "NOT EXISTS (SELECT FROM sprint_reports r WHERE r.sprint_id = s.id)"
    };
}

/// Creates missing sprints according to the workspace's cadence, and activates the one that
/// includes today. The previous one ends with its tasks unchanged, because each team closes it for
/// itself. Safe to call at any time, from any number of processes. Returns the number of the sprint
/// that was activated, if one was.
pub async fn update_sprints(db: &mut PgConnection, now: OffsetDateTime) -> Result<Option<i32>> {
    sqlx::query("SELECT FROM workspace FOR UPDATE")
        .execute(&mut *db)
        .await?;
    let cadence = cadence(&mut *db).await?;
    let today = clock::day_in(now, &cadence.zone);
    let mut sprints: Vec<Sprint> = sqlx::query_as(
        "SELECT id, number, name, starts_on, ends_on, state FROM sprints ORDER BY starts_on",
    )
    .fetch_all(&mut *db)
    .await?;
    if sprints.is_empty() {
        let start = (0..7)
            .filter_map(|back| today.checked_sub(Duration::days(back)))
            .find(|day| weekday(*day) == cadence.weekday)
            .unwrap_or(today);
        sprints.push(add_sprint(db, 1, start, cadence.weeks, &cadence.names).await?);
    }
    // Keeps two planned sprints after today's. 500 bounds the loop if the clock is years off.
    for _ in 0..500 {
        let ahead = sprints
            .iter()
            .filter(|sprint| sprint.starts_on > today)
            .count();
        let Some(last) = sprints.last().filter(|_| ahead < AHEAD) else {
            break;
        };
        let newest = sprints
            .iter()
            .map(|sprint| sprint.number)
            .max()
            .unwrap_or(last.number);
        let (number, start) = (newest + 1, cadence.first_day(last.next_start()));
        sprints.push(add_sprint(db, number, start, cadence.weeks, &cadence.names).await?);
    }
    // After a time with a wrong clock, sprints may have ended that are still to come. None that a team has closed is
    // touched.
    let undone = sqlx::query(concat!(
        "UPDATE sprints s SET state = 'planned' WHERE starts_on > $1 AND (state IN ('active', 'ended') OR state = 'closed' AND ",
        not_closed_by_a_team!(),
        ")"
    ))
    .bind(today)
    .execute(&mut *db)
    .await?
    .rows_affected();
    // A sprint ends on its last day, even if the next one starts later.
    let ended = sqlx::query(
        "UPDATE sprints SET state = 'ended' WHERE state IN ('active', 'planned') AND ends_on < $1",
    )
    .bind(today)
    .execute(&mut *db)
    .await?
    .rows_affected();
    let turned: Option<i32> = sqlx::query_scalar(concat!(
        "UPDATE sprints s SET state = 'active'
         WHERE $1 BETWEEN starts_on AND ends_on AND (state IN ('planned', 'ended') OR state = 'closed' AND ",
        not_closed_by_a_team!(),
        ") RETURNING number"
    ))
    .bind(today)
    .fetch_optional(&mut *db)
    .await?;
    if ended > 0 {
        close_finished_sprints(db).await?;
    }
    if ended > 0 || undone > 0 || turned.is_some() {
        bump_workspace_seq(db).await?;
    }
    Ok(turned)
}

/// The last day that is planned, if today is more than a sprint later. Two sprints are always planned ahead, so either
/// the program was stopped for months, or the clock is wrong, and what it would do is hard to undo.
pub async fn planned_until_if_long_ago(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
) -> Result<Option<Date>> {
    let planned: Option<(Date, String, i32)> = sqlx::query_as(
        "SELECT max(s.ends_on), w.time_zone, w.cadence_weeks FROM sprints s, workspace w
         GROUP BY w.time_zone, w.cadence_weeks",
    )
    .fetch_optional(db)
    .await?;
    Ok(planned.and_then(|(last, zone, weeks)| {
        let latest = last.saturating_add(Duration::weeks(i64::from(weeks)));
        (clock::day_in(now, &zone) > latest).then_some(last)
    }))
}

/// Like `update_sprints` within a change: records the start of a sprint for every team, so that open
/// boards switch to it.
pub async fn update_sprints_and_notify(change: &mut Change) -> Result<()> {
    let at = change.at;
    let Some(number) = update_sprints(change.db(), at).await? else {
        return Ok(());
    };
    let teams: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM teams")
        .fetch_all(change.db())
        .await?;
    for team in teams {
        let (before, after) = (json!({}), json!({ "sprint": number }));
        change.record(Event {
            team,
            task: None,
            kind: EventKind::SprintStarted,
            before,
            after,
            version: None,
        });
    }
    Ok(())
}

/// Closes ended sprints that every team with tasks or goals in them has closed. Done tasks count,
/// archived or not, because their numbers are frozen at the close.
pub(crate) async fn close_finished_sprints(db: &mut PgConnection) -> Result<()> {
    sqlx::query(
        "UPDATE sprints s SET state = 'closed' WHERE s.state = 'ended' AND NOT EXISTS (
            SELECT FROM teams t WHERE NOT EXISTS (SELECT FROM sprint_reports c WHERE c.team_id = t.id AND c.sprint_id = s.id)
              AND (EXISTS (SELECT FROM tasks k WHERE k.team_id = t.id AND k.sprint_id = s.id AND k.archived_at IS NULL OFFSET 0)
                   OR EXISTS (SELECT FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id AND c.state = 'done'
                              WHERE k.team_id = t.id AND k.sprint_id = s.id AND k.archived_at IS NOT NULL OFFSET 0)
                   OR EXISTS (SELECT FROM goals g WHERE g.team_id = t.id AND g.sprint_id = s.id)))",
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The cadence of the workspace's sprints.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Cadence {
    pub(crate) weeks: i32,
    /// The ISO weekday on which sprints start.
    pub(crate) weekday: i16,
    /// The pattern of a sprint's name, with `{n}` for its number.
    pub(crate) names: String,
    /// An IANA time zone; sprints start at its midnight.
    pub(crate) zone: String,
}

/// Returns the current cadence.
pub(crate) async fn cadence(db: impl PgExecutor<'_>) -> Result<Cadence> {
    Ok(sqlx::query_as(
        "SELECT cadence_weeks AS weeks, cadence_weekday AS weekday, sprint_names AS names, time_zone AS zone FROM workspace",
    )
    .fetch_one(db)
    .await?)
}

impl Cadence {
    /// The first possible start date on or after `day`.
    pub(crate) fn first_day(&self, day: Date) -> Date {
        days(day, day.saturating_add(Duration::days(6)))
            .find(|day| weekday(*day) == self.weekday)
            .unwrap_or(day)
    }
}

/// Adds one sprint that starts on a day, named by the workspace's pattern.
pub async fn add_sprint(
    db: &mut PgConnection,
    number: i32,
    starts_on: Date,
    weeks: i32,
    names: &str,
) -> Result<Sprint> {
    let ends_on = starts_on.saturating_add(Duration::weeks(i64::from(weeks)) - Duration::days(1));
    let sprint = Sprint {
        id: Uuid::now_v7(),
        number,
        name: names.replace("{n}", &number.to_string()),
        starts_on,
        ends_on,
        state: SprintState::Planned,
    };
    sqlx::query("INSERT INTO sprints (id, number, name, starts_on, ends_on, state) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(sprint.id)
        .bind(sprint.number)
        .bind(&sprint.name)
        .bind(sprint.starts_on)
        .bind(sprint.ends_on)
        .bind(sprint.state)
        .execute(db)
        .await?;
    Ok(sprint)
}
