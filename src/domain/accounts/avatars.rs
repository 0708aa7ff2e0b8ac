//! People's pictures: small squares in the store of attached files.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::Change,
        workspace_seq::bump_workspace_seq,
    },
};

/// Sets or removes a person's picture, a file that is in the store. Every page shows it from then on.
pub(crate) async fn set_avatar(
    change: &mut Change,
    account: Uuid,
    hash: Option<&str>,
) -> Result<()> {
    bump_workspace_seq(change.db()).await?;
    let set =
        sqlx::query("UPDATE accounts SET avatar = $2 WHERE id = $1 AND avatar IS DISTINCT FROM $2")
            .bind(account)
            .bind(hash)
            .execute(change.db())
            .await?;
    // The same form may be sent twice.
    if set.rows_affected() > 0 {
        note_change(change.db()).await?;
    }
    Ok(())
}

/// Counts a change of any picture: the address of the style sheet contains this number.
pub(crate) async fn note_change(db: &mut PgConnection) -> Result<()> {
    sqlx::query("UPDATE workspace SET avatars = avatars + 1")
        .execute(db)
        .await?;
    Ok(())
}

/// A person's picture.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Avatar {
    pub(crate) account: Uuid,
    pub(crate) hash: String,
}

/// Everyone's pictures.
pub(crate) async fn avatars(db: &Pool) -> Result<Vec<Avatar>> {
    Ok(sqlx::query_as(
        "SELECT id AS account, avatar AS hash FROM accounts WHERE avatar IS NOT NULL ORDER BY id",
    )
    .fetch_all(db)
    .await?)
}

/// The length of a person's picture, if it is the one with this hash.
pub(crate) async fn avatar_bytes(db: &Pool, account: Uuid, hash: &str) -> Result<u64> {
    let bytes: Option<i64> = sqlx::query_scalar(
        "SELECT s.bytes FROM accounts a JOIN stored_files s ON s.hash = a.avatar WHERE a.id = $1 AND a.avatar = $2",
    )
    .bind(account)
    .bind(hash)
    .fetch_optional(db)
    .await?;
    bytes.map(i64::unsigned_abs).ok_or(Problem::NotFound)
}

/// The hash of a person's own picture, if they have one.
pub(crate) async fn avatar_of(db: &Pool, account: Uuid) -> Result<Option<String>> {
    Ok(
        sqlx::query_scalar("SELECT avatar FROM accounts WHERE id = $1")
            .bind(account)
            .fetch_one(db)
            .await?,
    )
}
