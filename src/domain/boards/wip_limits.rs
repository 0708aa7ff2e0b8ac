//! WIP limits of columns. A limit is shown when it is exceeded; it refuses nothing.

use serde_json::json;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    team::Team,
    workspace_seq::bump_workspace_seq,
};

/// Sets or removes a column's limit.
pub(crate) async fn set_limit(
    change: &mut Change,
    team: &Team,
    column: &str,
    limit: Option<i32>,
) -> Result<()> {
    let before: Option<(String, Option<i32>)> = sqlx::query_as(
        "UPDATE columns SET wip_limit = $3 FROM (SELECT id, wip_limit FROM columns WHERE team_id = $1 AND slug = $2 FOR NO KEY UPDATE) was
         WHERE columns.team_id = $1 AND columns.id = was.id RETURNING columns.name, was.wip_limit",
    )
    .bind(team.id)
    .bind(column)
    .bind(limit)
    .fetch_optional(change.db())
    .await?;
    let (name, before) = before.ok_or(Problem::NotFound)?;
    // The same form may be sent twice.
    if before == limit {
        return Ok(());
    }
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::ColumnLimited,
        before: json!({ "column": column, "wip_limit": before }),
        after: json!({ "column": column, "name": name, "wip_limit": limit }),
        version: None,
    });
    bump_workspace_seq(change.db()).await
}
