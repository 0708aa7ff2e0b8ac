//! Edits, skips and reschedules sprints, and changes their cadence.

use serde_json::{Value, json};
use time::{Date, Duration};
use uuid::Uuid;

use crate::domain::{
    clock,
    error::{Problem, Result},
    events::{Change, Event, EventKind, audit_log},
    sprints::{Sprint, SprintState, cadence::Cadence},
    workspace_seq::bump_workspace_seq,
};

/// Changes a sprint's name or dates. A started sprint keeps its first day, an ended one both dates.
pub(crate) async fn edit_sprint(
    change: &mut Change,
    number: i32,
    name: &str,
    starts_on: Date,
    ends_on: Date,
) -> Result<()> {
    let old = lock(change, number).await?;
    let over = matches!(old.state, SprintState::Ended | SprintState::Closed);
    if over && (old.starts_on, old.ends_on) != (starts_on, ends_on) {
        return Err(Problem::conflict(format!(
            "{} has ended, so its dates can no longer be changed. Nothing was changed.",
            old.name
        )));
    }
    if old.state == SprintState::Active && old.starts_on != starts_on {
        return Err(Problem::field(
            "starts_on",
            "The sprint has started. You can only change its end date.",
        ));
    }
    if ends_on < starts_on {
        return Err(Problem::field(
            "ends_on",
            "A sprint cannot end before it starts.",
        ));
    }
    if ends_on - starts_on > Duration::weeks(12) {
        return Err(Problem::field(
            "ends_on",
            "A sprint can have at most twelve weeks.",
        ));
    }
    let today = today(change).await?;
    if old.state == SprintState::Active && ends_on < today {
        return Err(Problem::field(
            "ends_on",
            "End date must be today or later.",
        ));
    }
    if old.state == SprintState::Planned && starts_on <= today {
        return Err(Problem::field(
            "starts_on",
            "A planned sprint must start tomorrow or later.",
        ));
    }
    let passed: Option<String> = sqlx::query_scalar(
        "SELECT name FROM sprints WHERE (number > $1 AND starts_on <= $2) OR (number < $1 AND starts_on >= $2) ORDER BY number LIMIT 1",
    )
    .bind(number)
    .bind(starts_on)
    .fetch_optional(change.db())
    .await?;
    if let Some(other) = passed {
        let message = format!(
            "Sprints follow their numbers, so this one cannot pass {other}. Move {other} first."
        );
        return Err(Problem::field("starts_on", message));
    }
    sqlx::query("UPDATE sprints SET name = $2, starts_on = $3, ends_on = $4 WHERE id = $1")
        .bind(old.id)
        .bind(name.trim())
        .bind(starts_on)
        .bind(ends_on)
        .execute(change.db())
        .await?;
    let after = json!({ "sprint": number, "name": name.trim(), "starts_on": starts_on.to_string(), "ends_on": ends_on.to_string() });
    notify_every_team(change, EventKind::SprintRescheduled, value_of(&old), after).await
}

/// Skips a sprint's period: it and all planned sprints after it move by its length. `seen` is the
/// start date that the client saw, so that a repeated request skips only once.
pub(crate) async fn skip_sprint(
    change: &mut Change,
    number: i32,
    seen: Option<Date>,
) -> Result<()> {
    let old = lock(change, number).await?;
    if seen.is_some_and(|seen| seen != old.starts_on) {
        return Err(Problem::conflict(format!(
            "{} was already moved. Nothing was changed.",
            old.name
        )));
    }
    if old.state != SprintState::Planned {
        return Err(Problem::conflict(format!(
            "{} has already started. Nothing was changed.",
            old.name
        )));
    }
    let by = (old.next_start() - old.starts_on).whole_days() as i32;
    sqlx::query("SET CONSTRAINTS sprint_overlap DEFERRED")
        .execute(change.db())
        .await?;
    sqlx::query("UPDATE sprints SET starts_on = starts_on + $2, ends_on = ends_on + $2 WHERE starts_on >= $1")
        .bind(old.starts_on)
        .bind(by)
        .execute(change.db())
        .await?;
    let after = json!({ "sprint": number, "starts_on": old.starts_on.saturating_add(Duration::days(i64::from(by))).to_string() });
    notify_every_team(change, EventKind::SprintSkipped, value_of(&old), after).await
}

/// Sets the cadence. Planned sprints get new dates and names: the first one starts on `starts_on`
/// with `number`.
pub(crate) async fn set_cadence(
    change: &mut Change,
    cadence: &Cadence,
    number: i32,
    starts_on: Date,
) -> Result<()> {
    if !(1..=8).contains(&cadence.weeks) {
        return Err(Problem::field(
            "cadence_weeks",
            "Enter a length of 1 to 8 weeks.",
        ));
    }
    if !clock::is_zone(&cadence.zone) {
        return Err(Problem::field(
            "time_zone",
            "Unknown time zone. Use a name such as Europe/Berlin.",
        ));
    }
    if cadence.first_day(starts_on) != starts_on {
        return Err(Problem::field(
            "starts_on",
            "Choose a day on the weekday that sprints start on.",
        ));
    }
    sqlx::query("UPDATE workspace SET cadence_weeks = $1, cadence_weekday = $2, sprint_names = $3, time_zone = $4")
        .bind(cadence.weeks)
        .bind(cadence.weekday)
        .bind(cadence.names.trim())
        .bind(&cadence.zone)
        .execute(change.db())
        .await?;
    let sprints: Vec<Sprint> =
        sqlx::query_as("SELECT id, number, name, starts_on, ends_on, state FROM sprints ORDER BY starts_on FOR UPDATE")
            .fetch_all(change.db())
            .await?;
    let started = sprints
        .iter()
        .filter(|sprint| sprint.state != SprintState::Planned);
    if started.clone().any(|sprint| sprint.number >= number) || !(1..=90_000).contains(&number) {
        return Err(Problem::field(
            "number",
            "A sprint that has started has this number or a later one. Choose a higher number.",
        ));
    }
    if started.clone().any(|sprint| sprint.ends_on >= starts_on)
        || starts_on <= today(change).await?
    {
        return Err(Problem::field(
            "starts_on",
            "The next sprint must start after today and after the current sprint has ended.",
        ));
    }
    sqlx::query("SET CONSTRAINTS sprint_overlap, sprint_number DEFERRED")
        .execute(change.db())
        .await?;
    let length = Duration::weeks(i64::from(cadence.weeks));
    let planned = sprints
        .iter()
        .filter(|sprint| sprint.state == SprintState::Planned);
    for (later, sprint) in (0..).zip(planned) {
        let start = starts_on.saturating_add(length * later);
        sqlx::query(
            "UPDATE sprints SET number = $2, name = $3, starts_on = $4, ends_on = $5 WHERE id = $1",
        )
        .bind(sprint.id)
        .bind(number + later)
        .bind(
            cadence
                .names
                .trim()
                .replace("{n}", &(number + later).to_string()),
        )
        .bind(start)
        .bind(start.saturating_add(length - Duration::days(1)))
        .execute(change.db())
        .await?;
    }
    let after = json!({ "weeks": cadence.weeks, "weekday": cadence.weekday, "starts_on": starts_on.to_string(), "number": number });
    let about = format!(
        "every {} weeks from {starts_on}, as sprint {number}",
        cadence.weeks
    );
    audit_log::note(change, "settings.cadence-changed", &about).await?;
    notify_every_team(change, EventKind::SprintCadenceChanged, json!({}), after).await
}

async fn lock(change: &mut Change, number: i32) -> Result<Sprint> {
    Ok(sqlx::query_as("SELECT id, number, name, starts_on, ends_on, state FROM sprints WHERE number = $1 FOR UPDATE")
        .bind(number)
        .fetch_one(change.db())
        .await?)
}

async fn today(change: &mut Change) -> Result<Date> {
    let now = change.at;
    crate::domain::sprints::queries::workspace_today(change.db(), now).await
}

/// Sprints belong to the workspace: the change is recorded in every team's history, and every board
/// is updated.
async fn notify_every_team(
    change: &mut Change,
    kind: EventKind,
    before: Value,
    after: Value,
) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    let teams: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM teams ORDER BY id")
        .fetch_all(change.db())
        .await?;
    for team in teams {
        change.record(Event {
            team,
            task: None,
            kind,
            before: before.clone(),
            after: after.clone(),
            version: None,
        });
    }
    Ok(())
}

fn value_of(sprint: &Sprint) -> Value {
    json!({ "sprint": sprint.number, "name": sprint.name, "starts_on": sprint.starts_on.to_string(), "ends_on": sprint.ends_on.to_string() })
}
