//! A team's labels: renaming, colouring and deleting them.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        boards::columns::record,
        error::{Problem, Result},
        events::{Change, EventKind},
        team::Team,
        text::{is_within, turns_direction},
        workspace_seq::bump_workspace_seq,
    },
};

/// The rule for a label's name.
pub(crate) const LABEL_FORM: &str =
    "A label must have 1 to 50 characters, without spaces, commas or quotes.";

/// Whether a label can have this name: no character that would end it in a filter or turn the text around it.
pub(crate) fn is_label(name: &str) -> bool {
    let breaks = |letter: char| letter.is_whitespace() || matches!(letter, ',' | '"');
    !name.is_empty() && is_within(name, 50) && !name.contains(breaks) && !turns_direction(name)
}

/// A label in a team's settings.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Known {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) hue: i16,
    /// Number of tasks with the label, archived ones included.
    pub(crate) tasks: i64,
}

/// Returns a team's labels by name.
pub(crate) async fn known(db: &Pool, team: Uuid) -> Result<Vec<Known>> {
    Ok(sqlx::query_as(
        "SELECT l.id, l.name, l.hue, (SELECT count(*) FROM task_labels tl WHERE tl.team_id = l.team_id AND tl.label_id = l.id) AS tasks
         FROM labels l WHERE l.team_id = $1 ORDER BY fold(l.name)",
    )
    .bind(team)
    .fetch_all(db)
    .await?)
}

/// Renames a label, on every task that has it, or changes its colour.
pub(crate) async fn edit_label(
    change: &mut Change,
    team: &Team,
    label: Uuid,
    name: &str,
    hue: i16,
) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    let name = name.trim();
    if !is_label(name) {
        return Err(Problem::field("label", LABEL_FORM));
    }
    let (old_name, old_hue): (String, i16) = sqlx::query_as(
        "SELECT name, hue FROM labels WHERE team_id = $1 AND id = $2 FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .bind(label)
    .fetch_one(change.db())
    .await?;
    if (old_name.as_str(), old_hue) == (name, hue) {
        return Ok(());
    }
    sqlx::query("UPDATE labels SET name = $3, hue = $4 WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(label)
        .bind(name)
        .bind(hue)
        .execute(change.db())
        .await?;
    crate::domain::boards::saved_filters::rename_label(change, team, &old_name, name).await?;
    record(
        change,
        team,
        EventKind::LabelEdited,
        json!({ "name": old_name, "hue": old_hue }),
        json!({ "name": name, "hue": hue }),
    )
    .await
}

/// Removes a label from every task and deletes it.
pub(crate) async fn remove_label(change: &mut Change, team: &Team, label: Uuid) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    let name: Option<String> =
        sqlx::query_scalar("DELETE FROM labels WHERE team_id = $1 AND id = $2 RETURNING name")
            .bind(team.id)
            .bind(label)
            .fetch_optional(change.db())
            .await?;
    let name = name.ok_or(Problem::NotFound)?;
    record(
        change,
        team,
        EventKind::LabelRemoved,
        json!({ "name": name }),
        json!({}),
    )
    .await
}

/// A label as cards show it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, sqlx::FromRow)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) hue: i16,
}

impl Serialize for Label {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.name)
    }
}
