//! The audit log for administrators: sign-ins, failed attempts, and changes of permissions. Work on
//! tasks is in the teams' events instead.

use std::net::IpAddr;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, events::Change, policy::predicates::seen_by},
};

/// Entries per page; the CSV export reads pages of the same size.
pub(crate) const SHOWN: i64 = 200;

/// An audit log entry to be written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AuditEntry<'l> {
    pub(crate) actor: Option<Uuid>,
    /// `role.changed`
    pub(crate) kind: &'l str,
    /// The person or thing affected; `{team}` is replaced by the team's name.
    pub(crate) about: &'l str,
    pub(crate) team: Option<Uuid>,
}

tokio::task_local! {
    /// The address that the current request came from. Every entry has it, whatever wrote the entry.
    static CLIENT: Option<IpAddr>;
}

/// Runs a request whose audit log entries have this address.
pub(crate) async fn from_client<T>(client: Option<IpAddr>, request: impl Future<Output = T>) -> T {
    CLIENT.scope(client, request).await
}

/// The address that the current request came from; empty for commands, which have none.
pub(crate) fn client() -> String {
    let client = CLIENT.try_with(|client| client.map(|address| address.to_string()));
    client.ok().flatten().unwrap_or_default()
}

/// Writes an audit log entry for the actor of a change, in its transaction.
pub(crate) async fn note(change: &mut Change, kind: &str, about: &str) -> Result<()> {
    let (at, actor) = (change.at, change.actor);
    write(
        change.db(),
        at,
        AuditEntry {
            actor,
            kind,
            about,
            ..AuditEntry::default()
        },
    )
    .await
}

/// Like `note`, about a team. The team is stored as `{team}`, because a later reader may not be
/// allowed to know its name.
pub(crate) async fn note_for_team(
    change: &mut Change,
    team: Uuid,
    kind: &str,
    about: &str,
) -> Result<()> {
    let (at, actor) = (change.at, change.actor);
    write(
        change.db(),
        at,
        AuditEntry {
            actor,
            kind,
            about,
            team: Some(team),
        },
    )
    .await
}

/// Writes an audit log entry for an action or an attempt.
pub(crate) async fn write(
    db: &mut PgConnection,
    at: OffsetDateTime,
    line: AuditEntry<'_>,
) -> Result<()> {
    let client = client();
    sqlx::query(
        "INSERT INTO audit_log (id, at, actor_id, kind, about, team_id, network) VALUES ($1, $2, $3, $4, left($5, 500), $6, left($7, 100))",
    )
    .bind(Uuid::now_v7())
    .bind(at)
    .bind(line.actor)
    .bind(line.kind)
    .bind(line.about)
    .bind(line.team)
    .bind(client)
    .execute(db)
    .await?;
    Ok(())
}

/// An audit log entry.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct AuditRow {
    pub(crate) id: Uuid,
    pub(crate) at: OffsetDateTime,
    pub(crate) actor: Option<String>,
    pub(crate) kind: String,
    pub(crate) about: String,
    pub(crate) network: String,
}

/// Filter for audit log entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditFilter {
    /// Text that an entry must contain.
    pub(crate) text: String,
    /// Start (included) and end (excluded) of the period.
    pub(crate) from: Option<OffsetDateTime>,
    pub(crate) to: Option<OffsetDateTime>,
    /// Only entries older than this one, for paging.
    pub(crate) before: Option<Uuid>,
}

/// Returns the newest matching entries that the reader may see, at most one page.
pub(crate) async fn entries(
    db: &Pool,
    reader: Uuid,
    wanted: &AuditFilter,
) -> Result<Vec<AuditRow>> {
    Ok(sqlx::query_as(concat!(
        "SELECT * FROM (
            SELECT x.id, x.at, a.name || ' @' || a.handle AS actor, x.kind, x.network,
                   CASE WHEN NOT ",
        seen_by!("$1"),
        // the name of a share link reveals which other party the team works with
        " THEN replace(CASE WHEN x.kind LIKE 'share-link.%' THEN 'of {team}' ELSE x.about END, '{team}', 'a private team')
                        ELSE replace(x.about, '{team}', coalesce(t.name, 'a team')) END AS about
            FROM audit_log x LEFT JOIN accounts a ON a.id = x.actor_id LEFT JOIN teams t ON t.id = x.team_id) x
         WHERE ($2 = '' OR concat_ws(' ', x.kind, x.about, x.network, x.actor) ILIKE $3)
           AND ($4::timestamptz IS NULL OR x.at >= $4) AND ($5::timestamptz IS NULL OR x.at < $5)
           AND ($6::uuid IS NULL OR (x.at, x.id) < (SELECT b.at, b.id FROM audit_log b WHERE b.id = $6))
         ORDER BY x.at DESC, x.id DESC LIMIT $7"
    ))
    .bind(reader)
    .bind(wanted.text.trim())
    .bind(format!("%{}%", crate::domain::text::literal(wanted.text.trim())))
    .bind(wanted.from)
    .bind(wanted.to)
    .bind(wanted.before)
    .bind(SHOWN)
    .fetch_all(db)
    .await?)
}
