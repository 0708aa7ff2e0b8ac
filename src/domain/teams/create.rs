//! Creates teams and adds members.

use serde_json::json;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    column_state::ColumnState,
    error::{Problem, Result},
    events::{Change, Event, EventKind, audit_log},
    policy::predicates::seen_by,
    slug,
    workspace_seq::bump_workspace_seq,
};

/// Creates a team, with its author as lead, and returns its slug.
///
/// # Errors
/// `Invalid` for a name without letters and digits, and for a name or key that is taken.
pub(crate) async fn create_team(change: &mut Change, name: &str, key: &str) -> Result<String> {
    let slug = slug::slug(name);
    if slug.is_empty() {
        return Err(Problem::field(
            "name",
            "The name must contain letters or digits.",
        ));
    }
    let (at, actor) = (change.at, change.actor);
    let slug = free_slug(change, &slug).await?;
    refuse_hidden_key(change, key).await?;
    let team = add_team(change.db(), at, &slug, name, key).await?;
    if let Some(actor) = actor {
        add_member(change.db(), at, team, actor, true).await?;
    }
    change.record(Event {
        team,
        task: None,
        kind: EventKind::TeamCreated,
        before: json!({}),
        after: json!({ "name": name, "key": key }),
        version: None,
    });
    audit_log::note_for_team(change, team, "team.created", "{team}").await?;
    Ok(slug)
}

/// A free slug for a team. If a hidden team has the same name, the answer does not reveal it.
async fn free_slug(change: &mut Change, wanted: &str) -> Result<String> {
    let (actor, reach) = (change.actor, change.reach.clone());
    let rows: Vec<(String, bool)> = sqlx::query_as(concat!(
        "SELECT t.slug, ",
        seen_by!("$2", "$3"),
        " FROM teams t WHERE t.slug ^@ $1"
    ))
    .bind(wanted)
    .bind(actor)
    .bind(reach)
    .fetch_all(change.db())
    .await?;
    if rows.iter().any(|(slug, seen)| slug == wanted && *seen) {
        return Err(Problem::field(
            "name",
            "A team with this address already exists.",
        ));
    }
    Ok(slug::first_available(wanted, "-", |slug| {
        rows.iter().any(|(other, _)| other == slug)
    }))
}

/// Creates a team with the five default columns of a board.
pub async fn add_team(
    db: &mut PgConnection,
    now: OffsetDateTime,
    slug: &str,
    name: &str,
    key: &str,
) -> Result<Uuid> {
    let id = Uuid::now_v7();
    sqlx::query("INSERT INTO teams (id, slug, name, key, created_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(slug.trim())
        .bind(name.trim())
        .bind(key.trim())
        .bind(now)
        .execute(&mut *db)
        .await?;
    refuse_reserved_key(db, id, key.trim()).await?;
    for (position, state) in (1..).zip(ColumnState::ALL) {
        let name = state.default_name();
        sqlx::query("INSERT INTO columns (team_id, id, slug, name, state, position) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(id)
            .bind(Uuid::now_v7())
            .bind(slug::slug(name))
            .bind(name)
            .bind(state.as_str())
            .bind(position)
            .execute(&mut *db)
            .await?;
    }
    bump_workspace_seq(db).await?;
    Ok(id)
}

/// Refuses a key that another team had, because old links still lead to its tasks. Checked after
/// the key was taken, to wait for a concurrent change of it.
pub(crate) async fn refuse_reserved_key(
    db: &mut PgConnection,
    team: Uuid,
    key: &str,
) -> Result<()> {
    let belongs_to_another: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM former_keys WHERE key = $1 AND team_id <> $2)",
    )
    .bind(key)
    .bind(team)
    .fetch_one(db)
    .await?;
    if belongs_to_another {
        return Err(reserved_key());
    }
    Ok(())
}

fn reserved_key() -> Problem {
    Problem::field("key", "This key is reserved: old links use it.")
}

/// Refuses the key of a team that the author cannot see like one that a team had before, so that it does not tell that
/// there is such a team.
pub(crate) async fn refuse_hidden_key(change: &mut Change, key: &str) -> Result<()> {
    let (actor, reach) = (change.actor, change.reach.clone());
    let is_hidden: bool = sqlx::query_scalar(concat!(
        "SELECT EXISTS (SELECT FROM teams t WHERE t.key = $1 AND NOT (",
        seen_by!("$2", "$3"),
        "))"
    ))
    .bind(key.trim())
    .bind(actor)
    .bind(reach)
    .fetch_one(change.db())
    .await?;
    if is_hidden {
        return Err(reserved_key());
    }
    Ok(())
}

/// Adds a person to a team; does nothing for a member.
pub async fn add_member(
    db: &mut PgConnection,
    now: OffsetDateTime,
    team: Uuid,
    account: Uuid,
    lead: bool,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO members (team_id, account_id, role, since) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(team)
    .bind(account)
    .bind(if lead { "lead" } else { "member" })
    .bind(now)
    .execute(&mut *db)
    .await?;
    bump_workspace_seq(db).await
}

/// The account with this e-mail address, and its handle.
pub(crate) async fn account_by_email(db: &mut PgConnection, email: &str) -> Result<(Uuid, String)> {
    sqlx::query_as("SELECT id, handle FROM accounts WHERE lower(email) = lower($1)")
        .bind(email.trim())
        .fetch_optional(db)
        .await?
        .ok_or_else(|| {
            Problem::field(
                "email",
                format!("No account has the e-mail address {email}."),
            )
        })
}
