//! The longest waits and cycle times of a sprint.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
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
    work_time::{self, Transition},
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
         FROM (SELECT * FROM blockers WHERE tstzrange(since, ended_at, '[]') && tstzrange(least($2, $3), greatest($2, $3), '[]') OFFSET 0) w
         JOIN tasks k ON k.team_id = w.team_id AND k.id = w.task_id
         LEFT JOIN LATERAL (SELECT * FROM tasks WHERE team_id = w.on_task_team AND id = w.on_task_id OFFSET 0) o ON true LEFT JOIN teams ot ON ot.id = o.team_id AND ",
        named_beside!("ot", "w.team_id"),
        "
         LEFT JOIN teams t ON t.id = w.on_team_id AND ",
        named_beside!("t", "w.team_id"),
        " LEFT JOIN accounts a ON a.id = w.on_account_id
         WHERE w.team_id = $1 AND w.since < $3 AND (w.ended_at IS NULL OR w.ended_at >= $2 AND NOT is_momentary(w.since, w.ended_at))
         ORDER BY coalesce(w.ended_at, $3) - w.since DESC, w.id LIMIT $4"
    ))
    .bind(team.id)
    .bind(from)
    .bind(to)
    .bind(LONGEST as i64)
    .fetch_all(db)
    .await?;
    let day = |at: OffsetDateTime| clock::day_in(at, &week.zone);
    let figure = |row: Row| BlockerFigure {
        key: format!("{}-{}", team.key, row.number),
        title: row.title,
        on: row.on,
        days: work_time::days(day(row.since), day(row.ended_at.unwrap_or(to).min(to))).unwrap_or(1),
        ended: row.ended_at.is_some_and(|ended| ended <= to),
    };
    Ok(rows.into_iter().map(figure).collect())
}

/// The longest cycle times of these done tasks, in the team's days.
pub(crate) async fn cycles(
    db: &mut PgConnection,
    team: &Team,
    done: &[&TaskFigure],
    week: &Week,
    now: OffsetDateTime,
) -> Result<Vec<CycleFigure>> {
    let ids: Vec<Uuid> = done.iter().map(|task| task.id).collect();
    let transitions = work_time::queries::transitions_of(
        db,
        team.id,
        &ids,
        (OffsetDateTime::UNIX_EPOCH, now + Duration::MICROSECOND),
    )
    .await?;
    let started = work_time::first_started(&transitions);
    let finished: HashMap<Uuid, OffsetDateTime> =
        work_time::finished(&transitions).into_iter().collect();
    let mut of_task: HashMap<Uuid, Vec<Transition>> = HashMap::new();
    for transition in transitions {
        of_task.entry(transition.task).or_default().push(transition);
    }
    let day = |at: OffsetDateTime| clock::day_in(at, &week.zone);
    let mut cycles: Vec<CycleFigure> = done
        .iter()
        .filter_map(|task| {
            let span = (*started.get(&task.id)?, *finished.get(&task.id)?);
            Some(CycleFigure {
                key: task.key.clone(),
                title: task.title.clone(),
                days: work_time::days(day(span.0), day(span.1))?,
                story: describe_time_in_states(of_task.get(&task.id)?, span),
            })
        })
        .collect();
    cycles.sort_by_key(|cycle| -cycle.days);
    cycles.truncate(LONGEST);
    Ok(cycles)
}

/// `1 d in progress, 4 d blocked`: where the time between two instants went, in whole days; states of
/// less than half a day are left out.
fn describe_time_in_states(
    transitions: &[Transition],
    span: (OffsetDateTime, OffsetDateTime),
) -> String {
    let spent = work_time::time_in_states(transitions, span);
    let parts = ColumnState::ALL.into_iter().filter_map(|state| {
        let hours = spent.get(state as usize)?.whole_hours();
        let name = state.default_name().to_lowercase();
        (hours >= 12).then(|| format!("{} d {name}", (hours + 12) / 24))
    });
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::work_time::Kind;

    #[test]
    fn time_between_start_and_finish_is_told_by_state() {
        let moved = |to, at| Transition {
            task: Uuid::nil(),
            at,
            kind: Kind::Moved,
            to: Some(to),
            archived: false,
        };
        let (start, end) = (
            datetime!(2026-11-12 10:00 UTC),
            datetime!(2026-11-18 12:00 UTC),
        );
        let transitions = [
            moved(ColumnState::Todo, datetime!(2026-11-10 10:00 UTC)),
            moved(ColumnState::Doing, start),
            moved(ColumnState::Blocked, datetime!(2026-11-13 10:00 UTC)),
            moved(ColumnState::Review, datetime!(2026-11-17 12:00 UTC)),
            moved(ColumnState::Done, end),
        ];
        assert_eq!(
            describe_time_in_states(&transitions, (start, end)),
            "1 d in progress, 4 d blocked, 1 d in review"
        );
        assert_eq!(
            describe_time_in_states(&transitions[..2], (start, start)),
            ""
        );
    }
}
