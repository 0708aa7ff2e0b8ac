//! Who waits: on a task, and on a person through their tasks, their teams or by name. And that nobody waits in a circle.

use std::collections::{HashMap, VecDeque};

use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    policy::{
        predicates::{named_beside, seen_by},
        viewer::Viewer,
    },
};

/// A blocked task, and what of ours it waits on.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct WaitingTask {
    pub task_id: Uuid,
    /// Nothing where the reader may not know.
    pub key: String,
    pub title: String,
    pub team_id: Uuid,
    pub team: String,
    pub goal_id: Option<Uuid>,
    /// A task's key, a team's name, or a person's.
    pub on: String,
    pub on_task: Option<String>,
    pub note: String,
    pub since: OffsetDateTime,
}

/// What a row of `waits` tells a reader of the task that waits; `w` is the wait. What belongs to a private team that the
/// reader is not on, or that their token is not for, stays unnamed.
fn waiting(reader: &Viewer) -> QueryBuilder<Postgres> {
    // Names are looked up beside the joins: Postgres tries every order of eight tables, for longer than it then reads.
    let mut query = QueryBuilder::new("WITH reader AS (SELECT ");
    query.push_bind(reader.person.id).push(concat!(
        "::uuid AS id)
         SELECT k.id AS task_id, coalesce(kt.key || '-' || k.number, '') AS key,
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

/// The tasks that wait on this one, the longest first, as a reader may know of them.
pub async fn on_task(
    db: &PgPool,
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

/// What waits on somebody: on an unfinished task of theirs, or of their team's that nobody owns, on one of their teams, or
/// on them; the longest first.
/// Only of teams that the reader may look at.
pub async fn on_person(
    db: &PgPool,
    account: Uuid,
    seen: &[Uuid],
    reader: &Viewer,
) -> Result<Vec<WaitingTask>> {
    // Four small lists by index rather than one condition over every wait there is.
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
        // what nobody of the team owns is everybody's
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

/// Until the change is done nobody else begins to wait: two that are made at once could close a circle that neither of
/// them sees. Whoever needs it takes it before any row, since whoever has it goes on to lock those.
pub async fn lock_waits(db: &mut PgConnection) -> Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(WAITS)
        .execute(db)
        .await?;
    Ok(())
}

/// The number of that lock, which is no row's: one of the workspace's is taken by whoever makes a label.
const WAITS: i64 = 0x7761_6974;

/// Refuses a wait that would close a circle, with the path that it would have. Whoever asks has locked the waits.
///
/// # Errors
/// `Invalid` on the field `on`.
pub(crate) async fn refuse_circle(
    db: &mut PgConnection,
    task: (Uuid, Uuid),
    on: (Uuid, Uuid),
) -> Result<()> {
    // Each task once a way into it, not once a path: a lattice of waits has very many of those.
    let found: Vec<(Uuid, String, Option<Uuid>)> = sqlx::query_as(concat!(
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
    let path = way(&found, on.1, task.1);
    match path.as_slice() {
        [] => Ok(()),
        path => Err(Problem::field(
            "on",
            format!(
                "That would be a circle: {}. Nobody could begin. It was not saved.",
                path.join(" waits on ")
            ),
        )),
    }
}

/// The keys of a shortest way from a task to another, of tasks that were each found by way of one before; none if there
/// is no way.
fn way(found: &[(Uuid, String, Option<Uuid>)], from: Uuid, to: Uuid) -> Vec<&str> {
    let mut ways: HashMap<Uuid, Option<Uuid>> = HashMap::from([(from, None)]);
    let mut next = VecDeque::from([from]);
    while let Some(at) = next.pop_front().filter(|_| !ways.contains_key(&to)) {
        for (id, ..) in found.iter().filter(|(_, _, by)| *by == Some(at)) {
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
            found
                .iter()
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
    fn the_way_told_is_a_shortest_one() {
        let id = Uuid::from_u128;
        let row = |nth: u128, by: Option<u128>| (id(nth), format!("INF-{nth}"), by.map(id));
        // 1 waits on 2 and 3, both of them on 4, that on 5 and on 1 again
        let found = [
            row(4, Some(3)),
            row(1, Some(4)),
            row(4, Some(2)),
            row(5, Some(4)),
            row(2, Some(1)),
            row(3, Some(1)),
            row(1, None),
        ];
        assert_eq!(way(&found, id(1), id(5)).len(), 4);
        assert_eq!(way(&found, id(1), id(5))[0], "INF-1");
        assert_eq!(way(&found, id(1), id(1)), ["INF-1"]);
        assert!(way(&found, id(1), id(6)).is_empty());
    }
}
