//! Reads sprints.

use std::collections::HashMap;

use sqlx::PgExecutor;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    boards::filters::{sql::ResolvedSprint, terms::SprintChoice},
    clock,
    error::{Problem, Result},
    sprints::{Sprint, SprintState},
};

/// Returns every sprint, newest first.
pub async fn sprints(db: impl PgExecutor<'_>) -> Result<Vec<Sprint>> {
    Ok(sqlx::query_as(
        "SELECT id, number, name, starts_on, ends_on, state FROM sprints ORDER BY number DESC",
    )
    .fetch_all(db)
    .await?)
}

/// Returns every sprint with its state for a team: closed if the team has closed it, or if it has
/// ended without anything of the team in it, whatever other teams do.
pub async fn sprints_of(db: impl PgExecutor<'_>, team: Uuid) -> Result<Vec<Sprint>> {
    Ok(sprints_of_teams(db, &[team])
        .await?
        .remove(&team)
        .unwrap_or_default())
}

/// Returns every sprint with its state for each of these teams, by team.
pub(crate) async fn sprints_of_teams(
    db: impl PgExecutor<'_>,
    teams: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Sprint>>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        sprint: Sprint,
        /// The teams for which it is closed, although it is not for all.
        closed_for: Vec<Uuid>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        // One row per sprint, because years have hundreds of them. With OFFSET, what is in a sprint
        // is looked up and not read for all sprints at once.
        "SELECT s.id, s.number, s.name, s.starts_on, s.ends_on, s.state, CASE WHEN s.state = 'closed' THEN '{}' ELSE ARRAY(
                SELECT t.id FROM unnest($1::uuid[]) AS t (id)
                WHERE EXISTS (SELECT FROM sprint_reports c WHERE c.team_id = t.id AND c.sprint_id = s.id OFFSET 0) OR s.state = 'ended'
                      AND NOT EXISTS (SELECT FROM goals g WHERE g.team_id = t.id AND g.sprint_id = s.id OFFSET 0)
                      AND NOT EXISTS (SELECT FROM tasks k WHERE k.team_id = t.id AND k.sprint_id = s.id AND k.archived_at IS NULL OFFSET 0)
                      AND NOT EXISTS (SELECT FROM tasks k JOIN columns kc ON kc.team_id = k.team_id AND kc.id = k.column_id AND kc.state = 'done'
                                      WHERE k.team_id = t.id AND k.sprint_id = s.id AND k.archived_at IS NOT NULL OFFSET 0)) END AS closed_for
         FROM sprints s ORDER BY s.number DESC",
    )
    .bind(teams)
    .fetch_all(db)
    .await?;
    let of_team = |team: &Uuid| {
        let sprints = rows.iter().map(|row| Sprint {
            state: if row.closed_for.contains(team) {
                SprintState::Closed
            } else {
                row.sprint.state
            },
            ..row.sprint.clone()
        });
        (*team, sprints.collect())
    };
    Ok(teams.iter().map(of_team).collect())
}

/// Returns the sprint with this number, with its state for a team.
pub(crate) async fn sprint_of(db: impl PgExecutor<'_>, team: Uuid, number: i32) -> Result<Sprint> {
    sprints_of(db, team)
        .await?
        .into_iter()
        .find(|sprint| sprint.number == number)
        .ok_or(Problem::NotFound)
}

/// Returns every sprint, newest first, and today's date in the workspace's time zone.
pub(crate) async fn sprints_and_today(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
) -> Result<(Vec<Sprint>, Date)> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        sprint: Sprint,
        zone: String,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, number, name, starts_on, ends_on, state, (SELECT time_zone FROM workspace) AS zone
         FROM sprints ORDER BY number DESC",
    )
    .fetch_all(db)
    .await?;
    let zone = rows.first().map_or("UTC", |row| row.zone.as_str());
    let today = clock::day_in(now, zone);
    Ok((rows.into_iter().map(|row| row.sprint).collect(), today))
}

/// Returns today's date in the workspace's time zone, for what several teams see.
pub(crate) async fn workspace_today(db: impl PgExecutor<'_>, now: OffsetDateTime) -> Result<Date> {
    let zone: String = sqlx::query_scalar("SELECT time_zone FROM workspace")
        .fetch_one(db)
        .await?;
    Ok(clock::day_in(now, &zone))
}

/// The active sprint, if there is one.
pub fn active(sprints: &[Sprint]) -> Option<&Sprint> {
    sprints
        .iter()
        .find(|sprint| sprint.state == SprintState::Active)
}

/// The next planned sprint.
pub(crate) fn next(sprints: &[Sprint]) -> Option<&Sprint> {
    sprints
        .iter()
        .filter(|sprint| sprint.state == SprintState::Planned)
        .min_by_key(|sprint| sprint.number)
}

/// The sprint that a team works in: the active one or, once the team has closed that, the next.
pub(crate) fn current(sprints: &[Sprint]) -> Option<&Sprint> {
    active(sprints).or_else(|| next(sprints))
}

/// The sprint of the check-in: the active one or, once the team has closed that, the same until the
/// next one starts.
pub(crate) fn of_check_in(sprints: &[Sprint]) -> Option<&Sprint> {
    active(sprints)
        .or_else(|| {
            sprints
                .iter()
                .filter(|sprint| sprint.state != SprintState::Planned)
                .max_by_key(|sprint| sprint.number)
        })
        .or_else(|| next(sprints))
}

/// The ended sprint that the team has not closed.
pub(crate) fn unclosed(sprints: &[Sprint]) -> Option<&Sprint> {
    sprints
        .iter()
        .filter(|sprint| sprint.state == SprintState::Ended)
        .min_by_key(|sprint| sprint.number)
}

/// The started sprint with this number, and the one that its unfinished tasks are carried over to: the active one, or
/// else the next planned one.
///
/// # Errors
/// `Conflict` if the sprint has not started, or if no sprint is planned after it.
pub(crate) fn to_close(sprints: &[Sprint], number: i32) -> Result<(&Sprint, &Sprint)> {
    let sprint = sprints.iter().find(|sprint| sprint.number == number);
    let sprint = sprint.ok_or(Problem::NotFound)?;
    if sprint.state == SprintState::Planned {
        return Err(Problem::conflict(format!(
            "{} has not started. Nothing was changed.",
            sprint.name
        )));
    }
    let next = sprints
        .iter()
        .filter(|other| {
            other.number > sprint.number
                && matches!(other.state, SprintState::Active | SprintState::Planned)
        })
        .min_by_key(|other| other.number);
    let next =
        next.ok_or_else(|| Problem::conflict("There is no planned sprint after this one."))?;
    Ok((sprint, next))
}

/// Resolves a sprint choice to tasks and a sprint. Without a current sprint, "this" means all
/// tasks.
pub(crate) fn resolve(
    sprints: &[Sprint],
    choice: SprintChoice,
) -> Result<(ResolvedSprint, Option<&Sprint>)> {
    let sprint = match choice {
        SprintChoice::All => return Ok((ResolvedSprint::Any, None)),
        SprintChoice::None => return Ok((ResolvedSprint::Without, None)),
        SprintChoice::This => match current(sprints) {
            Some(sprint) => sprint,
            None => return Ok((ResolvedSprint::Any, None)),
        },
        SprintChoice::Next => {
            let after = current(sprints).map_or(0, |current| current.number);
            let planned = sprints
                .iter()
                .filter(|sprint| sprint.state == SprintState::Planned && sprint.number > after);
            planned
                .min_by_key(|sprint| sprint.number)
                .ok_or_else(|| Problem::field("sprint", "No sprint is planned after this one."))?
        }
        SprintChoice::Number(number) => sprints
            .iter()
            .find(|sprint| sprint.number == number)
            .ok_or_else(|| Problem::field("sprint", format!("There is no sprint {number}.")))?,
    };
    Ok((ResolvedSprint::One(sprint.id), Some(sprint)))
}
