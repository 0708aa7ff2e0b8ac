//! The workspace's name and registration.

use serde_json::json;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::{Change, Event, EventKind, audit_log},
    },
};

/// Returns the workspace's name.
pub(crate) async fn name(db: &Pool) -> Result<String> {
    Ok(sqlx::query_scalar("SELECT name FROM workspace")
        .fetch_one(db)
        .await?)
}

/// Returns the workspace's counter, which every change of people, teams and sprints increments.
pub(crate) async fn newest(db: &Pool) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT seq FROM workspace")
        .fetch_one(db)
        .await?)
}

/// Sets the workspace's name and its registration: whether it is open, and the domains of e-mail
/// addresses that may register, empty for all.
pub(crate) async fn edit_workspace(
    change: &mut Change,
    name: &str,
    open: bool,
    domains: &[String],
) -> Result<()> {
    let (old_name, old_open, old_domains): (String, bool, Vec<String>) = sqlx::query_as(
        "SELECT name, registration_open, registration_domains FROM workspace FOR UPDATE",
    )
    .fetch_one(change.db())
    .await?;
    let is_renamed = old_name != name;
    let is_registration_changed = (old_open, old_domains.as_slice()) != (open, domains);
    if !is_renamed && !is_registration_changed {
        return Ok(());
    }
    sqlx::query("UPDATE workspace SET name = $1, registration_open = $2, registration_domains = $3, seq = seq + 1")
        .bind(name)
        .bind(open)
        .bind(domains)
        .execute(change.db())
        .await?;
    let about = match (open, domains) {
        (false, _) => format!("{name}, registration closed"),
        (true, []) => format!("{name}, registration open"),
        (true, domains) => format!("{name}, registration open for {}", domains.join(", ")),
    };
    audit_log::note(change, "settings.changed", &about).await?;
    // The workspace belongs to every team, so the event is in the history of each.
    let (mut before, mut after) = (json!({}), json!({}));
    if is_renamed {
        (before["name"], after["name"]) = (json!(old_name), json!(name));
    }
    if is_registration_changed {
        // Only administrators may read the domains, so they are not in the event.
        (before["registration_open"], after["registration_open"]) = (json!(old_open), json!(open));
    }
    let teams: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM teams")
        .fetch_all(change.db())
        .await?;
    for team in teams {
        let (before, after) = (before.clone(), after.clone());
        change.record(Event {
            team,
            task: None,
            kind: EventKind::WorkspaceEdited,
            before,
            after,
            version: None,
        });
    }
    Ok(())
}

/// Reads a list of domains such as `example.org, @example.net`.
///
/// # Errors
/// `Invalid` for a text that is not a domain, and for more than 50 domains.
pub(crate) fn read_domains(text: &str) -> Result<Vec<String>> {
    let domains: Vec<String> = text
        .split(|char: char| char == ',' || char.is_whitespace())
        .map(|domain| domain.trim().trim_start_matches('@').to_lowercase())
        .filter(|domain| !domain.is_empty())
        .collect();
    let is_domain =
        |domain: &String| domain.contains('.') && domain.len() <= 253 && !domain.contains('@');
    if domains.len() > 50 || !domains.iter().all(is_domain) {
        return Err(Problem::field(
            "domains",
            "Enter at most 50 domains such as example.org, separated by commas.",
        ));
    }
    Ok(domains)
}
