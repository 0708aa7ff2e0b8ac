//! The longest waits and cycle times of a sprint.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    clock,
    column_state::ColumnState,
    error::Result,
    policy::predicates::named_beside,
    retro::figures::{BlockerFigure, CycleFigure, TaskFigure},
    sprints::Sprint,
    team::Team,
    teams::roster::Week,
};

/// How many of the longest waits and cycle times are listed.
pub(crate) const LONGEST: usize = 5;

/// The longest periods in which the team's tasks were waiting during the sprint, not cut at its
/// ends.
pub(crate) async fn blockers(
    db: &mut PgConnection,
    team: &Team,
    sprint: &Sprint,
    week: &Week,
    now: OffsetDateTime,
) -> Result<Vec<BlockerFigure>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        number: i64,
        title: String,
        on: String,
        since: OffsetDateTime,
        ended_at: Option<OffsetDateTime>,
    }
    let from = clock::instant(sprint.starts_on, 0, &week.zone);
    let to = clock::instant(sprint.next_start(), 0, &week.zone).min(now);
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT k.number, k.title, w.since, w.ended_at,
                coalesce(ot.key || '-' || o.number, t.name, a.name, CASE WHEN w.on_task_id IS NOT NULL OR w.on_team_id IS NOT NULL THEN 'a private team' END, w.note) AS on
         FROM blockers w JOIN tasks k ON k.team_id = w.team_id AND k.id = w.task_id
         LEFT JOIN tasks o ON o.team_id = w.on_task_team AND o.id = w.on_task_id LEFT JOIN teams ot ON ot.id = o.team_id AND ",
        named_beside!("ot", "w.team_id"),
        "
         LEFT JOIN teams t ON t.id = w.on_team_id AND ",
        named_beside!("t", "w.team_id"),
        " LEFT JOIN accounts a ON a.id = w.on_account_id
         WHERE w.team_id = $1 AND w.since < $3 AND (w.ended_at IS NULL OR w.ended_at >= $2)
         ORDER BY coalesce(w.ended_at, $3) - w.since DESC, w.id LIMIT $4"
    ))
    .bind(team.id)
    .bind(from)
    .bind(to)
    .bind(LONGEST as i64)
    .fetch_all(db)
    .await?;
    let figure = |row: Row| BlockerFigure {
        key: format!("{}-{}", team.key, row.number),
        title: row.title,
        on: row.on,
        days: days_between(row.since, row.ended_at.unwrap_or(to).min(to), week),
        ended: row.ended_at.is_some_and(|ended| ended <= to),
    };
    Ok(rows.into_iter().map(figure).collect())
}

pub(crate) async fn cycles(
    db: &mut PgConnection,
    team: &Team,
    done: &[&TaskFigure],
    week: &Week,
    now: OffsetDateTime,
) -> Result<Vec<CycleFigure>> {
    let ids: Vec<Uuid> = done.iter().map(|task| task.id).collect();
    let moves: Vec<(Uuid, String, OffsetDateTime)> = sqlx::query_as(
        "SELECT task_id, after->>'state', at FROM events
         WHERE team_id = $1 AND task_id = ANY($2) AND kind IN ('task.created', 'task.moved') AND after->>'state' IS NOT NULL
         ORDER BY task_id, seq",
    )
    .bind(team.id)
    .bind(&ids)
    .fetch_all(db)
    .await?;
    let mut of_task: HashMap<Uuid, Vec<(ColumnState, OffsetDateTime)>> = HashMap::new();
    for (task, state, at) in moves {
        if let Ok(state) = ColumnState::try_from(state) {
            of_task.entry(task).or_default().push((state, at));
        }
    }
    let mut cycles: Vec<CycleFigure> = done
        .iter()
        .filter_map(|task| {
            let moves = of_task.get(&task.id)?;
            let (days, story) = cycle(moves, week, now)?;
            Some(CycleFigure {
                key: task.key.clone(),
                title: task.title.clone(),
                days,
                story,
            })
        })
        .collect();
    cycles.sort_by_key(|cycle| -cycle.days);
    cycles.truncate(LONGEST);
    Ok(cycles)
}

/// Working days from a task's first start to its last finish, and a phrase for where they went.
/// `None` if it never started or is not done.
pub(crate) fn cycle(
    moves: &[(ColumnState, OffsetDateTime)],
    week: &Week,
    now: OffsetDateTime,
) -> Option<(i64, String)> {
    let start = moves
        .iter()
        .position(|(state, _)| *state == ColumnState::Doing)?;
    let end = moves
        .iter()
        .rposition(|(state, _)| *state == ColumnState::Done)?;
    let (_, from) = moves.get(start)?;
    let (_, to) = moves.get(end).filter(|_| end > start)?;
    let mut spent = [0; 5];
    for (index, (state, since)) in moves.iter().enumerate().take(end).skip(start) {
        let until = moves.get(index + 1).map_or(now, |(_, at)| *at);
        if let Some(hours) = spent.get_mut(*state as usize) {
            *hours += (until - *since).whole_hours();
        }
    }
    let parts = ColumnState::ALL.into_iter().filter_map(|state| {
        let hours = *spent.get(state as usize)?;
        let name = state.default_name().to_lowercase();
        (hours >= 12).then(|| format!("{} d {name}", (hours + 12) / 24))
    });
    Some((
        days_between(*from, *to, week),
        parts.collect::<Vec<_>>().join(", "),
    ))
}

/// End − start + 1 in working days of the team.
pub(crate) fn days_between(from: OffsetDateTime, to: OffsetDateTime, week: &Week) -> i64 {
    let day = |at: OffsetDateTime| -> Date { clock::day_in(at, &week.zone) };
    (day(to) - day(from)).whole_days() + 1
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn cycle_time_runs_from_first_start_to_last_finish() {
        let week = Week::default();
        let now = datetime!(2026-11-24 10:00 UTC);
        let moves = [
            (ColumnState::Todo, datetime!(2026-11-10 10:00 UTC)),
            (ColumnState::Doing, datetime!(2026-11-12 10:00 UTC)),
            (ColumnState::Blocked, datetime!(2026-11-13 10:00 UTC)),
            (ColumnState::Review, datetime!(2026-11-17 12:00 UTC)),
            (ColumnState::Done, datetime!(2026-11-18 12:00 UTC)),
        ];
        let parts = cycle(&moves, &week, now);
        assert_eq!(
            parts,
            Some((7, "1 d in progress, 4 d blocked, 1 d in review".to_owned()))
        );
        assert_eq!(cycle(&moves[..4], &week, now), None, "it is not done");
        assert_eq!(
            cycle(&[(ColumnState::Done, now)], &week, now),
            None,
            "it was never started"
        );
        let same_day = [
            (ColumnState::Doing, datetime!(2026-11-24 08:00 UTC)),
            (ColumnState::Done, now),
        ];
        assert_eq!(cycle(&same_day, &week, now), Some((1, String::new())));
    }
}
