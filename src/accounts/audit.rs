//! What administrators can look up: who came in or failed to, and who changed what may be done. Beside the teams'
//! events, which tell what was worked on.

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{activity::Change, web::error::Result};

/// Nobody reads more than this at once; the CSV has it all.
const SHOWN: i64 = 200;

/// Writes down, with a change, what its actor did: `role.changed`, and to whom.
pub async fn note(change: &mut Change, kind: &str, about: &str) -> Result<()> {
    let (at, actor) = (change.at, change.actor);
    write(change.db(), at, actor, kind, about, "").await
}

/// Writes down what somebody did, or tried, from a network.
pub async fn write(
    db: &mut PgConnection,
    at: OffsetDateTime,
    actor: Option<Uuid>,
    kind: &str,
    about: &str,
    network: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit (id, at, actor_id, kind, about, network) VALUES ($1, $2, $3, $4, left($5, 500), left($6, 100))",
    )
    .bind(Uuid::now_v7())
    .bind(at)
    .bind(actor)
    .bind(kind)
    .bind(about)
    .bind(network)
    .execute(db)
    .await?;
    Ok(())
}

/// A line of it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Entry {
    pub at: OffsetDateTime,
    pub who: Option<String>,
    pub kind: String,
    pub about: String,
    pub network: String,
}

/// The newest entries that have these words in them; all that there are, or as many as a page shows.
pub async fn entries(db: &PgPool, words: &str, all: bool) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as(
        "SELECT x.at, a.name || ' @' || a.handle AS who, x.kind, x.about, x.network
         FROM audit x LEFT JOIN accounts a ON a.id = x.actor_id
         WHERE $1 = '' OR (x.kind || ' ' || x.about || ' ' || x.network || ' ' || coalesce(a.name || ' @' || a.handle, '')) ILIKE $2
         ORDER BY x.at DESC, x.id DESC LIMIT $3",
    )
    .bind(words.trim())
    .bind(format!("%{}%", crate::boards::filters::literal(words.trim())))
    .bind(if all { i64::MAX } else { SHOWN })
    .fetch_all(db)
    .await?)
}
