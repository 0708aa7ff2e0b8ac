//! Planning data: a team's backlog in suggested order, what is planned, its velocity, and who is
//! waiting for it.

use std::collections::HashMap;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        person::Person,
        policy::predicates::{named_beside, named_to_all},
        sprints::Sprint,
    },
};

/// How much of the backlog a page shows.
pub(crate) const SHOWN: i64 = 200;

/// An unfinished task, as planning shows it.
#[derive(Clone, Debug)]
pub(crate) struct BacklogItem {
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) estimate: Option<i32>,
    pub(crate) goal: Option<Uuid>,
    pub(crate) set_aside: bool,
    pub(crate) created_at: OffsetDateTime,
    /// How often it was carried over.
    pub(crate) carried: i64,
    /// Keys of the tasks that are waiting on it.
    pub(crate) blocking: Vec<String>,
    /// Who needs it ("Needed by").
    pub(crate) needed_by: String,
    pub(crate) owners: Vec<Person>,
}

/// Returns a team's unfinished tasks in the backlog and in this sprint, and the size of the
/// backlog. The backlog is limited; first come tasks that others are waiting on, then tasks that
/// someone needs, then those of a goal at risk or its project, then the oldest.
pub(crate) async fn load_backlog(
    db: &Pool,
    team: Uuid,
    sprint: &Sprint,
    at_risk: &[Uuid],
) -> Result<(Vec<BacklogItem>, i64)> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: Uuid,
        key: String,
        title: String,
        estimate: Option<i32>,
        goal: Option<Uuid>,
        set_aside: bool,
        created_at: OffsetDateTime,
        carried: i64,
        blocking: Vec<String>,
        needed_by: String,
        backlog: i64,
    }
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "WITH open AS (
             SELECT k.id, k.team_id, k.number, k.title, k.estimate, k.goal_id, k.project_id, k.created_at, k.sprint_id IS NOT NULL AS set_aside, k.needed_by,
                    k.id IN (SELECT w.on_task_id FROM blockers w JOIN teams wt ON wt.id = w.team_id AND ",
        named_beside!("wt", "$1"),
        "
                             WHERE w.on_task_team = $1 AND w.ended_at IS NULL) AS waited_for
             FROM columns c JOIN tasks k ON k.team_id = c.team_id AND k.column_id = c.id
             WHERE c.team_id = $1 AND c.state <> 'done' AND k.rank IS NOT NULL AND (k.sprint_id IS NULL OR k.sprint_id = $2)),
         ordered AS (
             SELECT *, row_number() OVER (PARTITION BY set_aside ORDER BY NOT waited_for, needed_by = '', NOT (coalesce(goal_id = ANY($3), false) OR coalesce(project_id IN (SELECT project_id FROM goals WHERE team_id = $1 AND id = ANY($3)), false)), created_at, number) AS nth,
                    count(*) FILTER (WHERE NOT set_aside) OVER () AS backlog
             FROM open)
         SELECT o.id, t.key || '-' || o.number AS key, o.title, o.estimate, o.goal_id AS goal, o.set_aside, o.created_at, o.needed_by, o.backlog,
                ARRAY(SELECT wt.key || '-' || k.number FROM blockers w JOIN tasks k ON k.team_id = w.team_id AND k.id = w.task_id JOIN teams wt ON wt.id = w.team_id AND ",
        named_beside!("wt", "$1"),
        "
                      WHERE o.waited_for AND w.on_task_team = o.team_id AND w.on_task_id = o.id AND w.ended_at IS NULL ORDER BY w.since) AS blocking,
                (SELECT count(*) FROM unfinished_tasks l WHERE l.team_id = o.team_id AND l.task_id = o.id AND l.outcome = 'carried') AS carried
         FROM ordered o JOIN teams t ON t.id = o.team_id WHERE o.set_aside OR o.nth <= $4 ORDER BY o.set_aside, o.nth"
    ))
    .bind(team)
    .bind(sprint.id)
    .bind(at_risk)
    .bind(SHOWN)
    .fetch_all(db)
    .await?;
    #[derive(sqlx::FromRow)]
    struct OwnerRow {
        task_id: Uuid,
        #[sqlx(flatten)]
        person: Person,
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let owners: Vec<OwnerRow> = sqlx::query_as(
        "SELECT o.task_id, a.id, a.handle, a.name, a.hue FROM task_owners o JOIN accounts a ON a.id = o.account_id
         WHERE o.team_id = $1 AND o.task_id = ANY($2) ORDER BY o.position",
    )
    .bind(team)
    .bind(&ids)
    .fetch_all(db)
    .await?;
    let mut of_task: HashMap<Uuid, Vec<Person>> = HashMap::new();
    for row in owners {
        of_task.entry(row.task_id).or_default().push(row.person);
    }
    let backlog = rows.first().map_or(0, |row| row.backlog);
    let slip = |row: Row| BacklogItem {
        owners: of_task.remove(&row.id).unwrap_or_default(),
        key: row.key,
        title: row.title,
        estimate: row.estimate,
        goal: row.goal,
        set_aside: row.set_aside,
        created_at: row.created_at,
        carried: row.carried,
        blocking: row.blocking,
        needed_by: row.needed_by,
    };
    Ok((rows.into_iter().map(slip).collect(), backlog))
}

/// Returns tasks and points finished in each of the last three sprints that the team closed, newest
/// first.
pub async fn finished(db: &Pool, team: Uuid) -> Result<Vec<(i64, i64)>> {
    Ok(sqlx::query_as(
        "SELECT count(*) FILTER (WHERE (k->>'done')::boolean), coalesce(sum((k->>'estimate')::bigint) FILTER (WHERE (k->>'done')::boolean), 0)::bigint
         FROM (SELECT s.number, f.figures FROM sprint_reports f JOIN sprints s ON s.id = f.sprint_id WHERE f.team_id = $1 ORDER BY s.number DESC LIMIT 3) f
         LEFT JOIN LATERAL jsonb_array_elements(f.figures->'tasks') k ON true GROUP BY f.number ORDER BY f.number DESC",
    )
    .bind(team)
    .fetch_all(db)
    .await?)
}

/// The median; of an even number the lower of the two middle values, so that a plan is rather too
/// small.
pub(crate) fn median(figures: &[i64]) -> i64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable();
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(0)
}

/// A member's load: name, unfinished tasks of the active sprint, and tasks planned for the next.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Load {
    #[sqlx(flatten)]
    pub(crate) person: Person,
    pub(crate) left: i64,
    pub(crate) planned: i64,
}

/// Returns a team's members with their load.
pub(crate) async fn loads(
    db: &Pool,
    team: Uuid,
    going: Option<Uuid>,
    planned: Uuid,
) -> Result<Vec<Load>> {
    Ok(sqlx::query_as(
        // Starts from the open tasks of the two sprints; from the members, all tasks that they ever owned would be read.
        "WITH open AS MATERIALIZED (
             SELECT k.id, k.sprint_id FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
             WHERE k.team_id = $1 AND k.archived_at IS NULL AND k.sprint_id IN ($2, $3) AND c.state <> 'done'),
         owned AS MATERIALIZED (
             SELECT o.account_id, k.sprint_id FROM open k
             CROSS JOIN LATERAL (SELECT account_id FROM task_owners WHERE team_id = $1 AND task_id = k.id OFFSET 0) o)
         SELECT a.id, a.handle, a.name, a.hue, count(*) FILTER (WHERE o.sprint_id = $2) AS left, count(*) FILTER (WHERE o.sprint_id = $3) AS planned
         FROM members m JOIN accounts a ON a.id = m.account_id LEFT JOIN owned o ON o.account_id = a.id
         WHERE m.team_id = $1 AND a.deactivated_at IS NULL GROUP BY a.id ORDER BY a.name",
    )
    .bind(team)
    .bind(going)
    .bind(planned)
    .fetch_all(db)
    .await?)
}

/// A task of another team that is waiting on one of this team's tasks, or on the team.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Theirs {
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) team: String,
    /// This team's task; `None` if it is waiting on the team.
    pub(crate) ours: Option<String>,
    pub(crate) since: OffsetDateTime,
}

/// Returns tasks of other teams that are waiting on this one, longest waiting first.
pub(crate) async fn tasks_waiting_on_team(db: &Pool, team: Uuid) -> Result<Vec<Theirs>> {
    Ok(sqlx::query_as(concat!(
        "SELECT coalesce(t.key || '-' || k.number, '') AS key, CASE WHEN t.id IS NULL THEN 'a task of a private team' ELSE k.title END AS title,
                coalesce(t.name, 'A private team') AS team, ot.key || '-' || o.number AS ours, w.since
         FROM blockers w JOIN tasks k ON k.team_id = w.team_id AND k.id = w.task_id LEFT JOIN teams t ON t.id = w.team_id AND ",
        named_to_all!("t"),
        "
         LEFT JOIN LATERAL (SELECT * FROM tasks WHERE team_id = w.on_task_team AND id = w.on_task_id OFFSET 0) o ON true LEFT JOIN teams ot ON ot.id = o.team_id
         LEFT JOIN columns oc ON oc.team_id = o.team_id AND oc.id = o.column_id
         WHERE w.ended_at IS NULL AND k.rank IS NOT NULL AND w.team_id <> $1
           AND (w.on_team_id = $1 OR w.on_task_team = $1 AND o.archived_at IS NULL AND oc.state <> 'done')
         ORDER BY w.since, w.id LIMIT 100"
    ))
    .bind(team)
    .fetch_all(db)
    .await?)
}

#[cfg(test)]
mod tests {
    use crate::domain::planning::median;

    #[test]
    fn the_median_of_a_few_sprints() {
        assert_eq!(median(&[17, 12, 13]), 13);
        assert_eq!(median(&[17, 12]), 12);
        assert_eq!(median(&[5]), 5);
        assert_eq!(median(&[]), 0);
    }
}
