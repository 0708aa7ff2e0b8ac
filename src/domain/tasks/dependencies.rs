//! Tasks that are waiting: on a task, a team, or a person. Also prevents circular dependencies.

use std::collections::{HashMap, VecDeque};

use sqlx::{PgConnection, Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        policy::{
            predicates::{named_beside, seen_by},
            viewer::Viewer,
        },
    },
};

/// A blocked task and what it is waiting on.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct WaitingTask {
    /// Empty if the reader may not know it.
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) team_id: Uuid,
    pub(crate) team: String,
    pub(crate) goal_id: Option<Uuid>,
    /// A task's key, or the name of a team or a person.
    pub(crate) on: String,
    pub(crate) on_task: Option<String>,
    pub(crate) note: String,
    pub(crate) since: OffsetDateTime,
}

/// Query: the blocked tasks as their reader may see them; `w` is the row of `blockers`. Names of
/// private teams are left out unless the reader is a member and their token covers the team.
fn waiting(reader: &Viewer) -> QueryBuilder<Postgres> {
    // Names come from subqueries instead of joins: Postgres tries every order of eight tables,
    // which takes longer than reading them.
    let mut query = QueryBuilder::new("WITH reader AS (SELECT ");
    query.push_bind(reader.person.id).push(concat!(
        "::uuid AS id)
         SELECT coalesce(kt.key || '-' || k.number, '') AS key,
                CASE WHEN kt.id IS NULL THEN 'a task of a private team' ELSE k.title END AS title,
                k.team_id, coalesce(kt.name, 'A private team') AS team, k.goal_id, o.key AS on_task,
                coalesce(o.key, (SELECT t.name FROM teams t WHERE t.id = w.on_team_id), (SELECT a.name FROM accounts a WHERE a.id = w.on_account_id), '') AS on,
                CASE WHEN kt.id IS NULL THEN '' ELSE w.note END AS note, w.since
         FROM blockers w JOIN tasks k ON k.team_id = w.team_id AND k.id = w.task_id
         LEFT JOIN LATERAL (SELECT ot.key || '-' || o.number AS key FROM tasks o JOIN teams ot ON ot.id = o.team_id
                            WHERE o.team_id = w.on_task_team AND o.id = w.on_task_id OFFSET 0) o ON true
         LEFT JOIN LATERAL (SELECT t.id, t.key, t.name FROM teams t WHERE t.id = w.team_id
                            AND ",
        seen_by!("(SELECT id FROM reader)")
    ));
    if let Some(reach) = reader.reach() {
        query
            .push(" AND t.id = ANY(")
            .push_bind(reach.to_vec())
            .push(")");
    }
    query.push(" OFFSET 0) kt ON true WHERE w.ended_at IS NULL AND k.archived_at IS NULL AND ");
    query
}

/// Returns the tasks that are waiting on this one, longest waiting first, as the reader may see
/// them.
pub(crate) async fn on_task(
    db: &Pool,
    reader: &Viewer,
    team: Uuid,
    task: Uuid,
) -> Result<Vec<WaitingTask>> {
    let mut query = waiting(reader);
    query
        .push("w.on_task_team = ")
        .push_bind(team)
        .push(" AND w.on_task_id = ")
        .push_bind(task);
    query.push(" ORDER BY w.since, k.id");
    Ok(query.build_query_as().fetch_all(db).await?)
}

/// Returns the tasks that are waiting on a person, longest waiting first: on their unfinished
/// tasks, on unassigned tasks of their teams, on their teams, or on them. Only from teams that the
/// reader can see.
pub(crate) async fn on_person(
    db: &Pool,
    account: Uuid,
    seen: &[Uuid],
    reader: &Viewer,
) -> Result<Vec<WaitingTask>> {
    // Four short lists by index, instead of one condition over all rows of `blockers`.
    let mut query = waiting(reader);
    query
        .push(
            "(w.team_id, w.id) IN (
                SELECT v.team_id, v.id FROM blockers v JOIN task_owners m ON m.team_id = v.on_task_team AND m.task_id = v.on_task_id
                JOIN tasks n ON n.team_id = m.team_id AND n.id = m.task_id JOIN columns c ON c.team_id = n.team_id AND c.id = n.column_id
                WHERE v.ended_at IS NULL AND n.archived_at IS NULL AND c.state <> 'done' AND m.account_id = ",
        )
        .push_bind(account)
        .push(" AND n.team_id = ANY(")
        .push_bind(seen.to_vec())
        .push(") UNION SELECT v.team_id, v.id FROM blockers v WHERE v.ended_at IS NULL AND v.on_account_id = ")
        .push_bind(account)
        .push(
            " UNION SELECT v.team_id, v.id FROM blockers v JOIN members m ON m.team_id = v.on_team_id
              WHERE v.ended_at IS NULL AND v.on_team_id <> v.team_id AND m.account_id = ",
        )
        .push_bind(account)
        .push(" AND m.team_id = ANY(")
        .push_bind(seen.to_vec())
        // Unassigned tasks of a team count for every member.
        .push(
            ") UNION SELECT v.team_id, v.id FROM members m JOIN blockers v ON v.on_task_team = m.team_id AND v.team_id <> m.team_id AND v.ended_at IS NULL
              JOIN tasks n ON n.team_id = v.on_task_team AND n.id = v.on_task_id AND n.archived_at IS NULL
              JOIN columns c ON c.team_id = n.team_id AND c.id = n.column_id AND c.state <> 'done'
              WHERE NOT EXISTS (SELECT FROM task_owners o WHERE o.team_id = n.team_id AND o.task_id = n.id) AND m.account_id = ",
        )
        .push_bind(account)
        .push(" AND m.team_id = ANY(")
        .push_bind(seen.to_vec())
        .push(")) ORDER BY w.since, k.id LIMIT 200");
    Ok(query.build_query_as().fetch_all(db).await?)
}

/// Locks out other new dependencies until the end of the transaction; two concurrent ones could
/// close a cycle that neither sees. Take it before any row lock, because its holder goes on to lock
/// rows.
pub(crate) async fn lock_blockers(db: &mut PgConnection) -> Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(WAITS)
        .execute(db)
        .await?;
    Ok(())
}

/// The id of that advisory lock. It is not a row lock of the workspace, because creating a label
/// takes that one.
const WAITS: i64 = 0x7761_6974;

/// Refuses a dependency that would close a cycle, and names the path. The caller holds
/// `lock_blockers`.
///
/// # Errors
/// `Invalid` on the field `on`.
pub(crate) async fn refuse_cycle(
    db: &mut PgConnection,
    task: (Uuid, Uuid),
    on: (Uuid, Uuid),
) -> Result<()> {
    // Each task is visited once per incoming edge, not once per path: a lattice of dependencies has
    // very many paths.
    let rows: Vec<(Uuid, String, Option<Uuid>)> = sqlx::query_as(concat!(
        "WITH RECURSIVE reached AS (
            SELECT $3::uuid AS team_id, $4::uuid AS id, NULL::uuid AS by
            UNION
            SELECT w.on_task_team, w.on_task_id, w.task_id FROM reached r
            JOIN blockers w ON w.team_id = r.team_id AND w.task_id = r.id AND w.ended_at IS NULL AND w.on_task_id IS NOT NULL
            WHERE (r.team_id, r.id) <> ($1, $2))
         SELECT r.id, CASE WHEN ",
        named_beside!("t", "$1"),
        " THEN t.key || '-' || k.number ELSE 'a task of a private team' END, r.by
         FROM reached r JOIN tasks k ON k.team_id = r.team_id AND k.id = r.id JOIN teams t ON t.id = k.team_id"
    ))
    .bind(task.0)
    .bind(task.1)
    .bind(on.0)
    .bind(on.1)
    .fetch_all(db)
    .await?;
    let path = shortest_path(&rows, on.1, task.1);
    match path.as_slice() {
        [] => Ok(()),
        path => Err(Problem::field(
            "on",
            format!(
                "This would create a circular dependency: {}. It was not saved.",
                path.join(" waits on ")
            ),
        )),
    }
}

/// The keys of a shortest path between two tasks, from rows that each name their predecessor; empty
/// if there is no path.
fn shortest_path(rows: &[(Uuid, String, Option<Uuid>)], from: Uuid, to: Uuid) -> Vec<&str> {
    let mut ways: HashMap<Uuid, Option<Uuid>> = HashMap::from([(from, None)]);
    let mut next = VecDeque::from([from]);
    while let Some(at) = next.pop_front().filter(|_| !ways.contains_key(&to)) {
        for (id, ..) in rows.iter().filter(|(_, _, by)| *by == Some(at)) {
            if !ways.contains_key(id) {
                ways.insert(*id, Some(at));
                next.push_back(*id);
            }
        }
    }
    let mut keys = Vec::new();
    let mut at = ways.contains_key(&to).then_some(to);
    while let Some(task) = at {
        keys.extend(
            rows.iter()
                .find(|(id, ..)| *id == task)
                .map(|(_, key, _)| key.as_str()),
        );
        at = ways.get(&task).copied().flatten();
    }
    keys.reverse();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circular_dependency_names_a_shortest_path() {
        let id = Uuid::from_u128;
        let row = |index: u128, by: Option<u128>| (id(index), format!("INF-{index}"), by.map(id));
        // 1 is waiting on 2 and 3, both of them on 4, which is waiting on 5 and again on 1.
        let rows = [
            row(4, Some(3)),
            row(1, Some(4)),
            row(4, Some(2)),
            row(5, Some(4)),
            row(2, Some(1)),
            row(3, Some(1)),
            row(1, None),
        ];
        assert_eq!(shortest_path(&rows, id(1), id(5)).len(), 4);
        assert_eq!(shortest_path(&rows, id(1), id(5))[0], "INF-1");
        assert_eq!(shortest_path(&rows, id(1), id(1)), ["INF-1"]);
        assert!(shortest_path(&rows, id(1), id(6)).is_empty());
    }
}
