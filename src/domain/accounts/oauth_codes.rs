//! The codes by which a program fetches the token that a person has agreed to (RFC 6749 with PKCE, RFC 7636).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        accounts::api_tokens::{self, Draft},
        auth::secrets::{digest, new_secret},
        error::Result,
        events::audit_log::{self, AuditEntry},
        policy::viewer::Scope,
    },
};

/// How long a code is valid.
const VALID_FOR: Duration = Duration::seconds(60);

/// How long a code is remembered, so that one that is sent again revokes its token.
pub(crate) const REMEMBERED_FOR: Duration = Duration::HOUR;

/// How long the token is valid.
pub(crate) const TOKEN_DAYS: i64 = 90;

/// What a person has agreed to.
pub(crate) struct Grant<'g> {
    pub(crate) client: Uuid,
    pub(crate) account: Uuid,
    pub(crate) scope: Scope,
    pub(crate) redirect_uri: &'g str,
    pub(crate) challenge: &'g [u8],
}

/// What a program sends for its token.
pub(crate) struct Exchange<'e> {
    pub(crate) code: &'e str,
    pub(crate) client: &'e str,
    pub(crate) redirect_uri: &'e str,
    pub(crate) verifier: &'e str,
}

/// A token that was issued.
pub(crate) struct Issued {
    pub(crate) secret: String,
    pub(crate) scope: Scope,
    pub(crate) lasts: Duration,
}

/// Reads a challenge of the method S256: the SHA-256 of a secret, in base64.
pub(crate) fn read_challenge(challenge: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(challenge).ok()?;
    (bytes.len() == 32).then_some(bytes)
}

/// Creates a code for what a person has agreed to.
pub(crate) async fn create(db: &Pool, now: OffsetDateTime, grant: &Grant<'_>) -> Result<String> {
    let code = new_secret()?;
    sqlx::query(
        "INSERT INTO oauth_codes (code_hash, client_id, account_id, scope, redirect_uri, challenge, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(digest(&code))
    .bind(grant.client)
    .bind(grant.account)
    .bind(grant.scope.as_str())
    .bind(grant.redirect_uri)
    .bind(grant.challenge)
    .bind(now + VALID_FOR)
    .execute(db)
    .await?;
    Ok(code)
}

#[derive(sqlx::FromRow)]
struct CodeRow {
    client_id: Uuid,
    account_id: Uuid,
    scope: Scope,
    redirect_uri: String,
    challenge: Vec<u8>,
    expires_at: OffsetDateTime,
    issued_id: Option<Uuid>,
    name: String,
}

/// Exchanges a code for a token. `None` if the code is unknown, expired or used, or anything else is not what the code was
/// made for. A code that is sent twice is in wrong hands: its token is revoked.
pub(crate) async fn exchange(
    db: &Pool,
    now: OffsetDateTime,
    sent: &Exchange<'_>,
) -> Result<Option<Issued>> {
    let hash = digest(sent.code);
    let mut tx = db.begin().await?;
    let row: Option<CodeRow> = sqlx::query_as(
        "SELECT o.client_id, o.account_id, o.scope, o.redirect_uri, o.challenge, o.expires_at, o.issued_id, c.name
         FROM oauth_codes o JOIN oauth_clients c ON c.id = o.client_id JOIN accounts a ON a.id = o.account_id
         WHERE o.code_hash = $1 AND a.deactivated_at IS NULL FOR UPDATE OF o",
    )
    .bind(&hash)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if let Some(token) = row.issued_id {
        sqlx::query("UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
            .bind(token)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        return Ok(None);
    }
    let is_verifier = (43..=128).contains(&sent.verifier.len())
        && bool::from(
            digest(sent.verifier)
                .as_slice()
                .ct_eq(row.challenge.as_slice()),
        );
    let is_for_it = row.client_id.to_string() == sent.client
        && row.redirect_uri == sent.redirect_uri
        && row.expires_at > now;
    if !is_verifier || !is_for_it {
        // no second guess
        sqlx::query("DELETE FROM oauth_codes WHERE code_hash = $1")
            .bind(&hash)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        return Ok(None);
    }
    let lasts = Duration::days(TOKEN_DAYS);
    let draft = Draft {
        account: row.account_id,
        name: &row.name,
        agent: Some(&row.name),
        scope: row.scope,
        teams: None,
        expires_at: Some(now + lasts),
    };
    let secret = api_tokens::make(&mut *tx, now, &draft).await?;
    let token: Uuid = sqlx::query_scalar(
        "UPDATE tokens SET oauth_client_id = $2 WHERE token_hash = $1 RETURNING id",
    )
    .bind(digest(&secret))
    .bind(row.client_id)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query("UPDATE oauth_codes SET issued_id = $2 WHERE code_hash = $1")
        .bind(&hash)
        .bind(token)
        .execute(&mut *tx)
        .await?;
    let about = format!("{} ({})", row.name, row.scope.as_str());
    let entry = AuditEntry {
        actor: Some(row.account_id),
        kind: "token.created",
        about: &about,
        ..AuditEntry::default()
    };
    audit_log::write(&mut tx, now, entry).await?;
    tx.commit().await?;
    Ok(Some(Issued {
        secret,
        scope: row.scope,
        lasts,
    }))
}
