//! Details of a card from other tables: owners, labels, counts and what it is waiting on.

use std::collections::HashMap;

use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        boards::labels::Label,
        error::Result,
        person::Person,
        policy::predicates::named_beside,
        tasks::{
            Blocker,
            pull_request::{CardPullRequest, is_told_of},
        },
    },
};

/// The details of a card that are not columns of its task.
#[derive(Default, sqlx::FromRow)]
pub(crate) struct CardDetails {
    #[sqlx(json)]
    pub(crate) owners: Vec<Person>,
    #[sqlx(json)]
    pub(crate) labels: Vec<Label>,
    pub(crate) steps: i64,
    pub(crate) steps_done: i64,
    pub(crate) comments: i64,
    pub(crate) attachments: i64,
    #[sqlx(json(nullable))]
    pub(crate) pull_request: Option<CardPullRequest>,
    #[sqlx(json)]
    pub(crate) blocked_by: Vec<Blocker>,
    /// Keys of the tasks that are waiting on this one, longest waiting first.
    pub(crate) blocking: Vec<String>,
}

/// Query: one open reason of a blocked task as JSON. Names of other private teams are left out; the
/// team and its tasks must be bound after it.
macro_rules! open_waits {
    () => {
        "json_build_object('id', w.id, 'kind', w.kind, 'note', w.note, 'since', w.since,
             'on', coalesce(wt.key || '-' || wk.number, wn.slug, wa.handle), 'name', coalesce(CASE WHEN wt.id IS NOT NULL THEN wk.title END, wn.name, wa.name),
             'team', wt.name, 'state', CASE WHEN wt.id IS NOT NULL OR wc.state = 'done' THEN wc.state END,
             'archived', wt.id IS NOT NULL AND wk.archived_at IS NOT NULL, 'done_at', CASE WHEN wc.state = 'done' THEN wk.column_since END)"
    };
    (from) => {
        concat!(
            " FROM blockers w
          LEFT JOIN LATERAL (SELECT * FROM tasks WHERE team_id = w.on_task_team AND id = w.on_task_id OFFSET 0) wk ON true LEFT JOIN teams wt ON wt.id = wk.team_id AND ",
            named_beside!("wt", "w.team_id"),
            "
          LEFT JOIN columns wc ON wc.team_id = wk.team_id AND wc.id = wk.column_id
          LEFT JOIN teams wn ON wn.id = w.on_team_id AND ",
            named_beside!("wn", "w.team_id"),
            " LEFT JOIN accounts wa ON wa.id = w.on_account_id
          WHERE w.ended_at IS NULL AND w.team_id = "
        )
    };
}

/// Query: the owners of a task `k`, in the order in which they were added.
macro_rules! owners {
    () => {
        "coalesce((SELECT json_agg(json_build_object('id', a.id, 'handle', a.handle, 'name', a.name, 'hue', a.hue) ORDER BY o.position, a.name)
             FROM task_owners o JOIN accounts a ON a.id = o.account_id WHERE o.team_id = k.team_id AND o.task_id = k.id), '[]') AS owners"
    };
}

/// The columns of `CardDetails` for a query of a few tasks `k` in columns `c`, as one subquery per
/// task.
macro_rules! details {
    () => {
        concat!(
            crate::domain::tasks::card_details::owners!(),
            ",
             coalesce((SELECT json_agg(json_build_object('name', l.name, 'hue', l.hue) ORDER BY l.name)
                 FROM task_labels tl JOIN labels l ON l.team_id = tl.team_id AND l.id = tl.label_id
                 WHERE tl.team_id = k.team_id AND tl.task_id = k.id), '[]') AS labels,
             (SELECT count(*) FROM steps p WHERE p.team_id = k.team_id AND p.task_id = k.id) AS steps,
             (SELECT count(*) FROM steps p WHERE p.team_id = k.team_id AND p.task_id = k.id AND p.done) AS steps_done,
             (SELECT count(*) FROM comments m WHERE m.team_id = k.team_id AND m.task_id = k.id AND m.deleted_at IS NULL) AS comments,
             (SELECT count(*) FROM attachments f WHERE f.team_id = k.team_id AND f.task_id = k.id AND f.deleted_at IS NULL) AS attachments,
             (SELECT json_build_object('mark', CASE n.forge WHEN 'gitlab' THEN '!' ELSE '#' END || p.number, 'state', p.state, 'checks', p.checks,
                  'reviewers', CASE WHEN ", crate::domain::tasks::pull_request::is_told_of!(), " THEN cardinality(p.reviewers) ELSE 0 END)
              FROM pull_request_tasks r JOIN pull_requests p ON p.id = r.pull_request_id JOIN forge_connections n ON n.id = p.connection_id
              WHERE r.team_id = k.team_id AND r.task_id = k.id ORDER BY p.id DESC LIMIT 1) AS pull_request,
             CASE WHEN c.state = 'blocked' THEN coalesce((SELECT json_agg(",
            crate::domain::tasks::card_details::open_waits!(),
            " ORDER BY w.since, w.id)",
            crate::domain::tasks::card_details::open_waits!(from),
            "k.team_id AND w.task_id = k.id), '[]') ELSE '[]' END AS blocked_by,
             ARRAY(SELECT bt.key || '-' || b.number FROM blockers bw JOIN tasks b ON b.team_id = bw.team_id AND b.id = bw.task_id
                   JOIN teams bt ON bt.id = b.team_id AND ",
            named_beside!("bt", "k.team_id"),
            "
                   WHERE bw.on_task_team = k.team_id AND bw.on_task_id = k.id AND bw.ended_at IS NULL AND b.archived_at IS NULL
                   ORDER BY bw.since, bw.id) AS blocking"
        )
    };
}
pub(crate) use details;
pub(crate) use open_waits;
pub(crate) use owners;

/// Loads the details of many cards, given by team and id, with one query per team and one for all
/// that is blocked, never one per card.
pub(crate) async fn load_card_details(
    db: &Pool,
    tasks: &[(Uuid, Uuid)],
    blocked: &[(Uuid, Uuid)],
) -> Result<HashMap<Uuid, CardDetails>> {
    let mut of_team: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for (team, task) in tasks {
        of_team.entry(*team).or_default().push(*task);
    }
    let mut load_card_details = HashMap::with_capacity(tasks.len());
    for (team, tasks) in of_team {
        load_card_details.extend(load_details(db, team, &tasks).await?);
    }
    if blocked.is_empty() {
        return Ok(load_card_details);
    }
    let (teams, tasks): (Vec<Uuid>, Vec<Uuid>) = blocked.iter().copied().unzip();
    let blockers: Vec<(Uuid, Json<Blocker>)> = sqlx::query_as(concat!(
        "SELECT w.task_id, ",
        open_waits!(),
        open_waits!(from),
        "ANY($1) AND (w.team_id, w.task_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[])) ORDER BY w.since, w.id"
    ))
    .bind(teams)
    .bind(tasks)
    .fetch_all(db)
    .await?;
    for (task, Json(blocker)) in blockers {
        load_card_details
            .entry(task)
            .or_default()
            .blocked_by
            .push(blocker);
    }
    Ok(load_card_details)
}

/// Loads owners, labels and counts of these tasks in one round trip.
async fn load_details(db: &Pool, team: Uuid, tasks: &[Uuid]) -> Result<HashMap<Uuid, CardDetails>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        task_id: Uuid,
        what: String,
        id: Option<Uuid>,
        handle: Option<String>,
        name: Option<String>,
        hue: Option<i16>,
        count: i64,
        done: i64,
    }
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT o.task_id, 'owner' AS what, a.id, a.handle, a.name, a.hue, o.position::bigint AS count, 0::bigint AS done
         FROM task_owners o JOIN accounts a ON a.id = o.account_id WHERE o.team_id = $1 AND o.task_id = ANY($2)
         UNION ALL
         SELECT tl.task_id, 'label', NULL, NULL, l.name, l.hue, 0, 0
         FROM task_labels tl JOIN labels l ON l.team_id = tl.team_id AND l.id = tl.label_id
         WHERE tl.team_id = $1 AND tl.task_id = ANY($2)
         UNION ALL
         SELECT task_id, 'steps', NULL, NULL, NULL, NULL, count(*), count(*) FILTER (WHERE done)
         FROM steps WHERE team_id = $1 AND task_id = ANY($2) GROUP BY task_id
         UNION ALL
         SELECT task_id, 'comments', NULL, NULL, NULL, NULL, count(*), 0
         FROM comments WHERE team_id = $1 AND task_id = ANY($2) AND deleted_at IS NULL GROUP BY task_id
         UNION ALL
         SELECT task_id, 'attachments', NULL, NULL, NULL, NULL, count(*), 0
         FROM attachments WHERE team_id = $1 AND task_id = ANY($2) AND deleted_at IS NULL GROUP BY task_id
         UNION ALL
         SELECT * FROM (
             SELECT DISTINCT ON (r.task_id) r.task_id, 'pull', NULL::uuid, p.state, CASE n.forge WHEN 'gitlab' THEN '!' ELSE '#' END || p.number
                    || coalesce(' ' || p.checks, ''), NULL::smallint, 0::bigint,
                    CASE WHEN ", is_told_of!(), " THEN cardinality(p.reviewers) ELSE 0 END::bigint
             FROM pull_request_tasks r JOIN pull_requests p ON p.id = r.pull_request_id JOIN forge_connections n ON n.id = p.connection_id
             WHERE r.team_id = $1 AND r.task_id = ANY($2) ORDER BY r.task_id, p.id DESC) newest
         UNION ALL
         SELECT w.on_task_id, 'waiter', NULL, NULL, t.key || '-' || b.number, NULL, extract(epoch FROM w.since)::bigint, 0
         FROM blockers w JOIN tasks b ON b.team_id = w.team_id AND b.id = w.task_id
         JOIN teams t ON t.id = b.team_id AND ",
        named_beside!("t", "$1"),
        "
         WHERE w.on_task_team = $1 AND w.on_task_id = ANY($2) AND w.ended_at IS NULL AND b.archived_at IS NULL
         ORDER BY count, name"
    ))
    .bind(team)
    .bind(tasks)
    .fetch_all(db)
    .await?;
    let mut load_details: HashMap<Uuid, CardDetails> = HashMap::with_capacity(tasks.len());
    for row in rows {
        let details = load_details.entry(row.task_id).or_default();
        match (row.what.as_str(), row.id, row.handle, row.name, row.hue) {
            ("owner", Some(id), Some(handle), Some(name), Some(hue)) => {
                details.owners.push(Person {
                    id,
                    handle,
                    name,
                    hue,
                })
            }
            ("label", _, _, Some(name), Some(hue)) => details.labels.push(Label { name, hue }),
            ("steps", ..) => (details.steps, details.steps_done) = (row.count, row.done),
            ("pull", _, Some(state), Some(name), _) => {
                details.pull_request = CardPullRequest::read(&state, &name, row.done);
            }
            ("waiter", _, _, Some(key), _) => details.blocking.push(key),
            ("comments", ..) => details.comments = row.count,
            ("attachments", ..) => details.attachments = row.count,
            _ => {}
        }
    }
    Ok(load_details)
}
