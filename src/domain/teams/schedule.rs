//! A team's working days, standup days, days off and time zone.

use serde_json::{Value, json};
use time::Date;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        clock,
        error::{Problem, Result},
        events::{Change, Event, EventKind, audit_log},
        team::Team,
        workspace_seq::bump_workspace_seq,
    },
};

/// The working week as the settings form sends it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct WeekDraft {
    /// An IANA time zone; `None` uses the workspace's.
    pub(crate) zone: Option<String>,
    /// ISO weekdays: 1 is Monday.
    pub(crate) working_days: Vec<i16>,
    pub(crate) standup_days: Vec<i16>,
    /// A minute of the day.
    pub(crate) standup_at: i16,
}

impl WeekDraft {
    fn value(&self) -> Value {
        json!({ "time_zone": self.zone, "working_days": self.working_days, "standup_days": self.standup_days, "standup_at": self.standup_at })
    }
}

/// Returns a team's working week as the settings form shows it.
pub(crate) async fn week(db: &Pool, team: Uuid) -> Result<WeekDraft> {
    Ok(sqlx::query_as(
        "SELECT time_zone AS zone, working_days, standup_days, standup_at FROM teams WHERE id = $1",
    )
    .bind(team)
    .fetch_one(db)
    .await?)
}

/// Sets a team's working week. Pace, standups and flow reports use it from then on.
pub(crate) async fn set_week(change: &mut Change, team: &Team, week: &WeekDraft) -> Result<()> {
    if week.zone.as_ref().is_some_and(|zone| !clock::is_zone(zone)) {
        return Err(Problem::field(
            "time_zone",
            "Unknown time zone. Use a name such as Europe/Berlin.",
        ));
    }
    bump_workspace_seq(change.db()).await?;
    let before: WeekDraft = sqlx::query_as(
        "SELECT time_zone AS zone, working_days, standup_days, standup_at FROM teams WHERE id = $1 FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .fetch_one(change.db())
    .await?;
    sqlx::query("UPDATE teams SET time_zone = $2, working_days = $3, standup_days = $4, standup_at = $5 WHERE id = $1")
        .bind(team.id)
        .bind(&week.zone)
        .bind(&week.working_days)
        .bind(&week.standup_days)
        .bind(week.standup_at)
        .execute(change.db())
        .await?;
    record(
        change,
        team,
        EventKind::TeamScheduleChanged,
        before.value(),
        week.value(),
    )
    .await
}

/// Adds a day off. Adding the same day again only renames it.
pub(crate) async fn add_day_off(
    change: &mut Change,
    team: &Team,
    day: Date,
    name: &str,
) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    sqlx::query(
        "INSERT INTO days_off (team_id, day, name) VALUES ($1, $2, $3)
         ON CONFLICT (team_id, day) DO UPDATE SET name = excluded.name",
    )
    .bind(team.id)
    .bind(day)
    .bind(name.trim())
    .execute(change.db())
    .await?;
    let after = json!({ "day": day.to_string(), "name": name.trim() });
    record(change, team, EventKind::TeamDayOffChanged, json!({}), after).await
}

/// Removes a day off.
pub(crate) async fn remove_day_off(change: &mut Change, team: &Team, day: Date) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    let name: Option<String> =
        sqlx::query_scalar("DELETE FROM days_off WHERE team_id = $1 AND day = $2 RETURNING name")
            .bind(team.id)
            .bind(day)
            .fetch_optional(change.db())
            .await?;
    let name = name.ok_or(Problem::NotFound)?;
    record(
        change,
        team,
        EventKind::TeamDayOffChanged,
        json!({ "day": day.to_string(), "name": name }),
        json!({}),
    )
    .await
}

/// Changes of how a team works go to its history and to the audit log.
async fn record(
    change: &mut Change,
    team: &Team,
    kind: EventKind,
    before: Value,
    after: Value,
) -> Result<()> {
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before,
        after,
        version: None,
    });
    audit_log::note_for_team(change, team.id, kind.as_str(), "of {team}").await
}
