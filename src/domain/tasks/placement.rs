//! Finds a task's new place: locks the columns, then computes a rank between its new neighbours.

use serde::Deserialize;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    boards::Column,
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    keys::split_key,
    tasks::{LockedTask, locked, rank},
    team::Team,
};

/// The new place of a task. Either `column` or `state` is required; without a neighbour in that
/// column, the task goes to its end.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({ "column": "in-progress", "after": "INF-41", "before": "INF-43", "version": 7 }))]
pub struct Place {
    /// The slug of a column of the task's team; empty to choose the column by `state`.
    #[schema(example = "in-progress")]
    pub(crate) column: String,
    /// Used without `column`: the team's column with this state, which is one of `todo`, `doing`,
    /// `blocked`, `review` and `done`. If there are several, the neighbour's or the task's own.
    #[schema(example = "doing")]
    pub(crate) state: Option<String>,
    /// The key of the task that is to be directly above. Ignored if it has left the column.
    #[schema(example = "INF-41")]
    pub(crate) after: Option<String>,
    /// The key of the task that is to be directly below. Used if `after` is missing or ignored.
    #[schema(example = "INF-43")]
    pub(crate) before: Option<String>,
    /// The task's version that the client last saw. If the task was moved since, the request gets
    /// 409; without a version, the task is moved in any case.
    #[schema(example = 7)]
    pub(crate) version: Option<i64>,
}

/// Locks the task's current and new column, in the order of their ids, and then the task. If the
/// task changes columns in between, the transaction is retried.
pub(crate) async fn lock_places(
    db: &mut PgConnection,
    team: Uuid,
    task: Uuid,
    to: &str,
) -> Result<(LockedTask, Column, Column)> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        place: Column,
        #[sqlx(flatten)]
        task: LockedTask,
    }
    // One statement: the task is looked up only after its columns are counted, and therefore
    // locked. A row that had to wait for its lock is read in its newest version, but other rows are
    // read as of the statement's start, which is why the next statement reads the neighbours'
    // ranks.
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "WITH places AS MATERIALIZED (
             SELECT c.id, c.slug, c.name, c.state, c.wip_limit FROM columns c
             WHERE c.team_id = $1 AND (c.slug = $3 OR c.id = (SELECT column_id FROM tasks WHERE team_id = $1 AND id = $2))
             ORDER BY c.id FOR NO KEY UPDATE),
         task AS MATERIALIZED (
             SELECT ",
        locked!(),
        " FROM tasks WHERE team_id = $1 AND id = $2 AND (SELECT count(*) FROM places) > 0 FOR NO KEY UPDATE)
         SELECT places.*, task.* FROM places CROSS JOIN task",
    ))
    .bind(team)
    .bind(task)
    .bind(to)
    .fetch_all(db)
    .await?;
    let old = rows.first().ok_or(Problem::NotFound)?.task.clone();
    let place = |wanted: &dyn Fn(&Column) -> bool| {
        rows.iter()
            .map(|row| &row.place)
            .find(|place| wanted(place))
    };
    let to = place(&|column| column.slug == to);
    let to = to.ok_or_else(|| {
        Problem::field(
            "column",
            "This column is not on this board. Choose another one.",
        )
    })?;
    let from = place(&|column| column.id == old.column_id).ok_or(Problem::Retry)?;
    Ok((old, from.clone(), to.clone()))
}

/// A rank next to the given neighbour in a locked column, and whether the column's ranks should be
/// rebalanced. Neighbours are those of the whole column, whatever filter the client has set.
pub(crate) async fn rank_at(
    db: &mut PgConnection,
    team: &Team,
    column: &Column,
    moving: Option<Uuid>,
    place: &Place,
) -> Result<(String, bool)> {
    // The moved card leaves its place, so it cannot be its own neighbour.
    let moving = moving.unwrap_or_default();
    let (after, before) = (
        number_of(team, "after", place.after.as_deref())?,
        number_of(team, "before", place.before.as_deref())?,
    );
    let mut gap = match after {
        Some(number) => gap_below(db, team, column, number, moving).await?,
        None => None,
    };
    if let (None, Some(number)) = (&gap, before) {
        gap = gap_above(db, team, column, number, moving).await?;
    }
    let (low, high) = match gap {
        Some(gap) => gap,
        // Without a neighbour, or with one that has left the column, the task goes to the end.
        None => {
            let last =
                sqlx::query_scalar("SELECT max(rank) FROM tasks WHERE column_id = $1 AND id <> $2")
                    .bind(column.id)
                    .bind(moving)
                    .fetch_one(db)
                    .await?;
            (last, None)
        }
    };
    let rank = rank::between(low.as_deref(), high.as_deref());
    let spread = rank.len() > rank::LONGEST;
    Ok((rank, spread))
}

/// The ranks between which a place is free.
type Gap = (Option<String>, Option<String>);

/// The gap below a task, if it is still in the column.
async fn gap_below(
    db: &mut PgConnection,
    team: &Team,
    column: &Column,
    above: i64,
    moving: Uuid,
) -> Result<Option<Gap>> {
    Ok(sqlx::query_as(
        "SELECT above.rank, (SELECT min(rank) FROM tasks WHERE column_id = $3 AND rank > above.rank AND id <> $4)
         FROM tasks above WHERE team_id = $1 AND number = $2 AND column_id = $3 AND rank IS NOT NULL",
    )
    .bind(team.id)
    .bind(above)
    .bind(column.id)
    .bind(moving)
    .fetch_optional(db)
    .await?)
}

/// The gap above a task, if it is still in the column.
async fn gap_above(
    db: &mut PgConnection,
    team: &Team,
    column: &Column,
    below: i64,
    moving: Uuid,
) -> Result<Option<Gap>> {
    Ok(sqlx::query_as(
        "SELECT (SELECT max(rank) FROM tasks WHERE column_id = $3 AND rank < below.rank AND id <> $4), below.rank
         FROM tasks below WHERE team_id = $1 AND number = $2 AND column_id = $3 AND rank IS NOT NULL",
    )
    .bind(team.id)
    .bind(below)
    .bind(column.id)
    .bind(moving)
    .fetch_optional(db)
    .await?)
}

/// The number in a neighbour's key.
fn number_of(team: &Team, field: &'static str, key: Option<&str>) -> Result<Option<i64>> {
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        return Ok(None);
    };
    let ours = split_key(key).filter(|(prefix, _)| *prefix == team.key);
    let (_, number) =
        ours.ok_or_else(|| Problem::field(field, format!("{key} is not a task of this team.")))?;
    Ok(Some(number))
}

/// Rebalances a locked column: gives its tasks short ranks in the same order. Events carry the new
/// ranks, so that history can still be replayed.
pub(crate) async fn rebalance_ranks(change: &mut Change, team: &Team, column: Uuid) -> Result<()> {
    let tasks: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM tasks WHERE column_id = $1 AND rank IS NOT NULL ORDER BY rank",
    )
    .bind(column)
    .fetch_all(change.db())
    .await?;
    let ranks = rank::spread(tasks.len());
    // The constraint is checked at the end of the statement, so ranks may collide while it runs.
    sqlx::query("UPDATE tasks SET rank = new.rank FROM unnest($2::uuid[], $3::text[]) AS new (id, rank) WHERE team_id = $1 AND tasks.id = new.id")
        .bind(team.id)
        .bind(&tasks)
        .bind(&ranks)
        .execute(change.db())
        .await?;
    let after: serde_json::Map<_, _> = tasks
        .iter()
        .zip(ranks)
        .map(|(task, rank)| (task.to_string(), json!(rank)))
        .collect();
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::ColumnRebalanced,
        before: json!({}),
        after: json!({ "ranks": after }),
        version: None,
    });
    Ok(())
}
