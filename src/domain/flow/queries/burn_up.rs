//! Reads the data of a sprint's burn-up.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    boards::filters::terms::Filter,
    clock,
    error::Result,
    flow::{
        measures::{self, BurnUp, ScopeChange},
        queries::task_refs::task_refs,
        range::{days_between, ends},
    },
    sprints::Sprint,
    team::Team,
    teams::roster::Week,
    work_time,
};

/// Returns a sprint's burn-up from its first day to now or to its end, for the tasks that match a
/// filter. Closing a sprint stores the result without a filter.
pub async fn burn_up(
    db: &mut PgConnection,
    team: &Team,
    sprint: &Sprint,
    filter: &Filter,
    week: &Week,
    now: OffsetDateTime,
) -> Result<BurnUp> {
    let zone = week.zone.as_str();
    let today = clock::day_in(now, zone);
    let (start, end) = (
        clock::instant(sprint.starts_on, 0, zone),
        clock::instant(sprint.next_start(), 0, zone),
    );
    let until = end.min(now + Duration::MICROSECOND);
    let mut scope_changes = scope_changes(db, team.id, sprint, (start, until)).await?;
    let past: Vec<Date> = days_between(today.saturating_sub(Duration::weeks(6)), today)
        .into_iter()
        .filter(|day| *day < today && week.works_on(*day))
        .collect();
    let mut done = match past.first() {
        Some(first) if now < end => {
            work_time::queries::finished(
                db,
                team.id,
                (
                    clock::instant(*first, 0, zone),
                    clock::instant(today, 0, zone),
                ),
            )
            .await?
        }
        _ => HashMap::new(),
    };
    if !filter.is_plain() {
        let both: HashSet<Uuid> = scope_changes
            .iter()
            .map(|scope_change| scope_change.task)
            .chain(done.keys().copied())
            .collect();
        let shown = task_refs(db, team, filter, now, &both.into_iter().collect::<Vec<_>>()).await?;
        scope_changes.retain(|scope_change| shown.contains_key(&scope_change.task));
        done.retain(|task, _| shown.contains_key(task));
    }
    let tasks: HashSet<Uuid> = scope_changes
        .iter()
        .map(|scope_change| scope_change.task)
        .collect();
    let tasks: Vec<Uuid> = tasks.into_iter().collect();
    let opening = work_time::queries::states_at(db, team.id, &tasks, start).await?;
    let transitions =
        work_time::queries::transitions_of(db, team.id, &tasks, (start, until)).await?;

    let come = days_between(sprint.starts_on, sprint.ends_on.min(today));
    let instants: Vec<OffsetDateTime> = std::iter::once(start)
        .chain(ends(&come, zone, until))
        .collect();
    let mut progress =
        measures::progress_at(&scope_changes, &opening, &transitions, &instants).into_iter();
    let start = progress.next().unwrap_or_default();
    let days: Vec<measures::ScopeAndDone> = progress.collect();
    let finished: Vec<Date> = done.values().map(|at| clock::day_in(*at, zone)).collect();
    let a_day = measures::per_working_day(&finished, &past);
    // A team that started last week is measured by that week only.
    let known = a_day
        .iter()
        .position(|count| *count > 0)
        .and_then(|first| a_day.get(first..))
        .unwrap_or_default();
    let remaining = sprint
        .working_days(week)
        .iter()
        .filter(|day| **day > today)
        .count();
    let last = days.last().copied().unwrap_or(start);
    Ok(BurnUp {
        sprint: sprint.number,
        name: sprint.name.clone(),
        starts_on: sprint.starts_on,
        ends_on: sprint.ends_on,
        forecast: measures::forecast(last, remaining, known),
        start,
        days,
        worked: days_between(sprint.starts_on, sprint.ends_on)
            .into_iter()
            .map(|day| sprint.day_number(week, day))
            .collect(),
    })
}

/// Tasks added to and removed from a sprint before an instant, in order. Carried-over tasks count
/// from the sprint's start, however late the previous sprint was closed.
async fn scope_changes(
    db: &mut PgConnection,
    team: Uuid,
    sprint: &Sprint,
    (start, until): (OffsetDateTime, OffsetDateTime),
) -> Result<Vec<ScopeChange>> {
    let rows: Vec<(Uuid, OffsetDateTime, bool)> = sqlx::query_as(
        "SELECT e.task_id, CASE WHEN c.change_id IS NOT NULL AND e.after->>'sprint' = $2 THEN least(e.at, $4) ELSE e.at END AS joined, coalesce(e.after->>'sprint' = $2, false)
         FROM events e LEFT JOIN sprint_reports c ON c.team_id = e.team_id AND c.change_id = e.change_id
         WHERE e.team_id = $1 AND (e.after->>'sprint' = $2 OR e.before->>'sprint' = $2) AND e.at < $3 AND e.task_id IS NOT NULL AND NOT e.is_undone
         ORDER BY joined, e.seq",
    )
    .bind(team)
    .bind(sprint.id.to_string())
    .bind(until)
    .bind(start - Duration::MICROSECOND)
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(task, at, joins)| ScopeChange { task, at, joins })
        .collect())
}
