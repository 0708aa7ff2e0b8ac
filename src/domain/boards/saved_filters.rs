//! Saves filters under a name, for one person or for the team.

use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    boards::filters::{
        FilterParams,
        terms::{Condition, Filter},
    },
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    team::Team,
    workspace_seq::bump_workspace_seq,
};

/// The most filters that a person, or a team, saves.
const MAX: i64 = 100;

/// Saves a filter. A filter that was not understood is refused.
pub(crate) async fn save_filter(
    change: &mut Change,
    team: &Team,
    name: &str,
    params: &FilterParams,
    for_team: bool,
) -> Result<Uuid> {
    let filter = Filter::parse(params)?;
    if let Some(unknown) = filter.unknown.first() {
        return Err(Problem::field("query", unknown.clone()));
    }
    let saved: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM saved_filters WHERE team_id = $1 AND account_id IS NOT DISTINCT FROM $2",
    )
    .bind(team.id)
    .bind(if for_team { None } else { change.actor })
    .fetch_one(change.db())
    .await?;
    if saved >= MAX {
        return Err(Problem::field(
            "name",
            "There are 100 saved filters already. Delete one first.",
        ));
    }
    let (id, owner) = (Uuid::now_v7(), if for_team { None } else { change.actor });
    sqlx::query("INSERT INTO saved_filters (team_id, id, account_id, name, query) VALUES ($1, $2, $3, $4, $5)")
        .bind(team.id)
        .bind(id)
        .bind(owner)
        .bind(name.trim())
        .bind(filter.query_string(params.known_lanes()))
        .execute(change.db())
        .await?;
    if for_team {
        record(change, team, EventKind::FilterSaved, name.trim());
    }
    // Personal filters are on the page but change no board; this invalidates cached pages.
    bump_workspace_seq(change.db()).await?;
    Ok(id)
}

/// Writes a label's new name into the filters that ask for it.
pub(crate) async fn rename_label(
    change: &mut Change,
    team: &Team,
    old: &str,
    new: &str,
) -> Result<()> {
    let saved: Vec<(Uuid, String)> =
        sqlx::query_as("SELECT id, query FROM saved_filters WHERE team_id = $1 FOR NO KEY UPDATE")
            .bind(team.id)
            .fetch_all(change.db())
            .await?;
    for (id, query) in saved {
        let pairs = form_urlencoded::parse(query.trim_start_matches('?').as_bytes());
        let params = FilterParams::from(pairs.into_owned().collect::<Vec<_>>());
        let mut filter = Filter::parse(&params)?;
        let mut is_changed = false;
        for term in &mut filter.terms {
            if let Condition::Label(label) = &mut term.condition
                && label.to_lowercase() == old.to_lowercase()
            {
                *label = new.to_lowercase();
                is_changed = true;
            }
        }
        if is_changed {
            sqlx::query("UPDATE saved_filters SET query = $3 WHERE team_id = $1 AND id = $2")
                .bind(team.id)
                .bind(id)
                .bind(filter.query_string(params.known_lanes()))
                .execute(change.db())
                .await?;
        }
    }
    Ok(())
}

/// Deletes a saved filter, personal or of the team.
pub(crate) async fn delete_filter(
    change: &mut Change,
    team: &Team,
    filter: Uuid,
    may_edit: bool,
) -> Result<()> {
    let actor = change.actor;
    let (name, teams): (String, bool) = sqlx::query_as(
        "DELETE FROM saved_filters WHERE team_id = $1 AND id = $2 AND (account_id = $3 OR (account_id IS NULL AND $4))
         RETURNING name, account_id IS NULL",
    )
    .bind(team.id)
    .bind(filter)
    .bind(actor)
    .bind(may_edit)
    .fetch_one(change.db())
    .await?;
    if teams {
        record(change, team, EventKind::FilterDeleted, &name);
    }
    bump_workspace_seq(change.db()).await
}

fn record(change: &mut Change, team: &Team, kind: EventKind, name: &str) {
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before: json!({}),
        after: json!({ "name": name }),
        version: None,
    });
}
