//! Adds, edits and reorders the columns of a board. Deleting one is in `tasks::delete_column`,
//! because its tasks move.

use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    column_state::ColumnState,
    error::{Problem, Result},
    events::{Change, Event, EventKind, audit_log},
    slug::{first_available, slug},
    team::Team,
    workspace_seq::bump_workspace_seq,
};

/// The maximum number of columns of a board.
const MAX: i64 = 20;

/// Adds a column at the right end of a board, and returns its slug.
pub(crate) async fn add_column(
    change: &mut Change,
    team: &Team,
    name: &str,
    state: ColumnState,
) -> Result<String> {
    // Locked first: concurrent additions would take the same position.
    bump_workspace_seq(change.db()).await?;
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM columns WHERE team_id = $1")
        .bind(team.id)
        .fetch_one(change.db())
        .await?;
    if count >= MAX {
        return Err(Problem::field(
            "column",
            "A board can have at most 20 columns.",
        ));
    }
    let taken: Vec<(String, String)> =
        sqlx::query_as("SELECT slug, fold(name) FROM columns WHERE team_id = $1")
            .bind(team.id)
            .fetch_all(change.db())
            .await?;
    if taken
        .iter()
        .any(|(_, existing_name)| *existing_name == name.to_lowercase())
    {
        return Err(name_is_taken());
    }
    let wanted = match slug(&name) {
        candidate if candidate.is_empty() => "column".to_owned(),
        candidate => candidate,
    };
    // A renamed column keeps its slug, so the next column with the former name gets a numbered one.
    let candidate = first_available(&wanted, "-", |candidate| {
        taken.iter().any(|(other, _)| other == candidate)
    });
    sqlx::query(
        "INSERT INTO columns (team_id, id, slug, name, state, position)
         SELECT $1, $2, $3, $4, $5, coalesce(max(position), 0) + 1 FROM columns WHERE team_id = $1",
    )
    .bind(team.id)
    .bind(Uuid::now_v7())
    .bind(&candidate)
    .bind(&name)
    .bind(state.as_str())
    .execute(change.db())
    .await?;
    record(
        change,
        team,
        EventKind::ColumnAdded,
        json!({}),
        json!({ "column": candidate, "name": name, "state": state }),
    )
    .await?;
    Ok(candidate)
}

/// Renames a column, or changes the state of an empty one.
///
/// # Errors
/// `Invalid` if another column has the name, or if the column has tasks and its state would change:
/// past reports would no longer add up.
pub(crate) async fn edit_column(
    change: &mut Change,
    team: &Team,
    column: &str,
    name: &str,
    state: ColumnState,
) -> Result<()> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let (id, old, current_state): (Uuid, String, ColumnState) = sqlx::query_as(
        "SELECT id, name, state FROM columns WHERE team_id = $1 AND slug = $2 FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .bind(column)
    .fetch_one(change.db())
    .await?;
    if (&old, current_state) == (&name, state) {
        return Ok(());
    }
    let has_tasks: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM tasks WHERE team_id = $1 AND column_id = $2)",
    )
    .bind(team.id)
    .bind(id)
    .fetch_one(change.db())
    .await?;
    if current_state != state && has_tasks {
        let message = format!(
            "{old} contains tasks, possibly archived ones, so its state cannot change. Add a column with the other state and move them there."
        );
        return Err(Problem::field("column", message));
    }
    // Columns are locked before the workspace, as when a task is blocked; the reverse order could
    // deadlock.
    bump_workspace_seq(change.db()).await?;
    if old != name {
        let is_taken: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM columns WHERE team_id = $1 AND id <> $2 AND fold(name) = fold($3))",
        )
        .bind(team.id)
        .bind(id)
        .bind(&name)
        .fetch_one(change.db())
        .await?;
        if is_taken {
            return Err(name_is_taken());
        }
    }
    sqlx::query("UPDATE columns SET name = $3, state = $4 WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(id)
        .bind(&name)
        .bind(state.as_str())
        .execute(change.db())
        .await?;
    let before = json!({ "column": column, "name": old, "state": current_state });
    record(
        change,
        team,
        EventKind::ColumnEdited,
        before,
        json!({ "column": column, "name": name, "state": state }),
    )
    .await
}

fn name_is_taken() -> Problem {
    Problem::field("name", "A column with this name already exists.")
}

/// Swaps a column with the one next to it.
pub(crate) async fn move_column(
    change: &mut Change,
    team: &Team,
    column: &str,
    to_the_right: bool,
) -> Result<()> {
    let columns: Vec<(Uuid, String, i32)> = sqlx::query_as(
        "SELECT id, slug, position FROM columns WHERE team_id = $1 ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .fetch_all(change.db())
    .await?;
    let (id, _, position) = columns
        .iter()
        .find(|(_, slug, _)| slug == column)
        .ok_or(Problem::NotFound)?;
    let neighbour = match to_the_right {
        true => columns
            .iter()
            .filter(|(_, _, other)| other > position)
            .min_by_key(|(_, _, other)| *other),
        false => columns
            .iter()
            .filter(|(_, _, other)| other < position)
            .max_by_key(|(_, _, other)| *other),
    };
    // It is at the end already.
    let Some((neighbour_id, neighbour_slug, neighbour_position)) = neighbour else {
        return Ok(());
    };
    bump_workspace_seq(change.db()).await?;
    sqlx::query(
        "UPDATE columns SET position = CASE WHEN id = $2 THEN $5 ELSE $4 END WHERE team_id = $1 AND id IN ($2, $3)",
    )
    .bind(team.id)
    .bind(id)
    .bind(neighbour_id)
    .bind(position)
    .bind(neighbour_position)
    .execute(change.db())
    .await?;
    let after = json!({ "column": column, "beside": neighbour_slug });
    record(
        change,
        team,
        EventKind::ColumnReordered,
        json!({ "position": position }),
        after,
    )
    .await
}

/// Records a change to a team's settings in its history and in the audit log.
pub(crate) async fn record(
    change: &mut Change,
    team: &Team,
    kind: EventKind,
    before: serde_json::Value,
    after: serde_json::Value,
) -> Result<()> {
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before,
        after,
        version: None,
    });
    // `{team}` is replaced by the team's name when the log is read.
    audit_log::note_for_team(change, team.id, kind.as_str(), "of {team}").await
}
