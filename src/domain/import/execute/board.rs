//! Writes what an import changes of the board itself: its columns and labels.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::{Change, Event, EventKind},
    import::{columns::Board, draft::Draft, execute::author::with_author, plan::Plan},
    team::Team,
    workspace_seq::bump_workspace_seq,
};

/// Removes and creates the planned columns, and puts all in order. Returns the names of the new
/// ones.
pub(crate) async fn write_columns<'b>(
    change: &mut Change,
    team: &Team,
    board: &'b Board,
) -> Result<Vec<&'b str>> {
    if board.new.is_empty() && board.removed.is_empty() {
        return Ok(Vec::new());
    }
    remove_columns(change, team, board).await?;
    let new: Vec<_> = board
        .columns
        .iter()
        .filter(|column| board.new.contains(&column.id))
        .collect();
    sqlx::query(
        "INSERT INTO columns (team_id, id, slug, name, state, position)
         SELECT $1, c.id, c.slug, c.name, c.state, (SELECT coalesce(max(position), 0) FROM columns WHERE team_id = $1) + c.nth
         FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS c (id, slug, name, state, nth)",
    )
    .bind(team.id)
    .bind(new.iter().map(|column| column.id).collect::<Vec<_>>())
    .bind(new.iter().map(|column| column.slug.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|column| column.state.as_str()).collect::<Vec<_>>())
    .execute(change.db())
    .await?;
    bump_workspace_seq(change.db()).await?;
    // The constraint is checked at the end of the statement, so positions may collide while it
    // runs.
    sqlx::query(
        "UPDATE columns SET position = c.nth FROM unnest($2::uuid[]) WITH ORDINALITY AS c (id, nth)
         WHERE columns.team_id = $1 AND columns.id = c.id",
    )
    .bind(team.id)
    .bind(
        board
            .columns
            .iter()
            .map(|column| column.id)
            .collect::<Vec<_>>(),
    )
    .execute(change.db())
    .await?;
    let columns: Vec<Value> = (1..)
        .zip(&board.columns)
        .filter(|(_, column)| board.new.contains(&column.id))
        .map(|(position, column)| {
            json!({ "column": column.slug, "name": column.name, "state": column.state, "position": position })
        })
        .collect();
    if !columns.is_empty() {
        let after = with_author(change, json!({ "columns": columns }));
        change.record(Event {
            team: team.id,
            task: None,
            kind: EventKind::ColumnAdded,
            before: json!({}),
            after,
            version: None,
        });
    }
    Ok(new.iter().map(|column| column.name.as_str()).collect())
}

async fn remove_columns(change: &mut Change, team: &Team, board: &Board) -> Result<()> {
    sqlx::query("DELETE FROM columns WHERE team_id = $1 AND id = ANY($2)")
        .bind(team.id)
        .bind(
            board
                .removed
                .iter()
                .map(|column| column.id)
                .collect::<Vec<_>>(),
        )
        .execute(change.db())
        .await?;
    for column in &board.removed {
        let after = with_author(change, json!({}));
        change.record(Event {
            team: team.id,
            task: None,
            kind: EventKind::ColumnRemoved,
            before: json!({ "column": column.slug, "name": column.name, "state": column.state }),
            after,
            version: None,
        });
    }
    Ok(())
}

/// Creates the labels that the team lacks, in the colours that they had, and returns their ids. Before the tasks are
/// numbered: two transactions that create the same label wait for each other, and must not hold the
/// team's row meanwhile.
pub(crate) async fn add_labels(
    db: &mut PgConnection,
    team: &Team,
    plan: &Plan<'_>,
    draft: &Draft,
) -> Result<Vec<Uuid>> {
    let of_tasks = plan.tasks.iter().flat_map(|planned| &planned.task.labels);
    let labels: BTreeMap<String, &String> =
        of_tasks.map(|name| (name.to_lowercase(), name)).collect();
    let hues = labels.values().map(|name| draft.hues.get(*name).copied());
    let created: Vec<Uuid> = sqlx::query_scalar(
        "INSERT INTO labels (team_id, id, name, hue)
         SELECT $1, l.id, l.name, coalesce(l.hue, ((SELECT count(*) FROM labels WHERE team_id = $1) + l.nth - 1) * 5 % 12)
         FROM unnest($2::uuid[], $3::text[], $4::smallint[]) WITH ORDINALITY AS l (id, name, hue, nth)
         ON CONFLICT (team_id, fold(name)) DO NOTHING RETURNING id",
    )
    .bind(team.id)
    .bind(labels.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
    .bind(labels.values().copied().collect::<Vec<_>>())
    .bind(hues.collect::<Vec<_>>())
    .fetch_all(&mut *db)
    .await?;
    if !created.is_empty() {
        bump_workspace_seq(db).await?;
    }
    Ok(created)
}
