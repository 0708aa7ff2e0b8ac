//! New teams and new members.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    accounts::create::touch_workspace,
    column_state::ColumnState,
    error::{Problem, Result},
    slug,
};

/// Makes a team with the five columns that a new board has.
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
    refuse_anothers_key(db, id, key.trim()).await?;
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
    touch_workspace(db).await?;
    Ok(id)
}

/// A key that was a team's is no other's: what was written leads to its tasks. Asked once the key is taken, so that
/// whoever gives it up at the same moment was waited for.
pub(crate) async fn refuse_anothers_key(
    db: &mut PgConnection,
    team: Uuid,
    key: &str,
) -> Result<()> {
    let is_anothers: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM former_keys WHERE key = $1 AND team_id <> $2)",
    )
    .bind(key)
    .bind(team)
    .fetch_one(db)
    .await?;
    if is_anothers {
        return Err(Problem::field(
            "key",
            "Another team had that key, and its tasks are still found by it.",
        ));
    }
    Ok(())
}

/// Puts a person on a team; somebody who is on it stays.
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
    touch_workspace(db).await
}

/// The account with that e-mail address, and its handle.
pub async fn account_by_email(db: &mut PgConnection, email: &str) -> Result<(Uuid, String)> {
    sqlx::query_as("SELECT id, handle FROM accounts WHERE lower(email) = lower($1)")
        .bind(email.trim())
        .fetch_optional(db)
        .await?
        .ok_or_else(|| {
            Problem::field(
                "email",
                format!("Nobody here has the e-mail address {email}."),
            )
        })
}
