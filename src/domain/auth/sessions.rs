//! Sessions: an opaque cookie, its digest in a table, gone at once when ended.

use crate::domain::auth::secrets;
use sqlx::{PgExecutor, PgPool};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::error::{Problem, Result};

/// Unused for so long, a session ends.
const IDLE: Duration = Duration::days(14);
/// However much it is used, it ends after so long.
const LONGEST: Duration = Duration::days(90);
/// How often its last use is written down: not on every request.
pub const SEEN_EVERY: Duration = Duration::minutes(10);

/// Starts a session; the answer is the cookie's value.
///
/// # Errors
/// `SignedOut` for who may not come in any more.
pub async fn start(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
    account: Uuid,
    user_agent: &str,
) -> Result<String> {
    start_by(db, now, account, None, user_agent)
        .await?
        .ok_or(Problem::SignedOut)
}

/// Starts a session for who knew the password of that hash; none where it was changed, or the account deactivated, while
/// they waited. The lock makes whoever changes it just now be waited for, so that they end this session, or find it none.
pub async fn start_by(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
    account: Uuid,
    hash: Option<&str>,
    user_agent: &str,
) -> Result<Option<String>> {
    let secret = secrets::new_secret()?;
    let started = sqlx::query(
        "INSERT INTO sessions (token_hash, account_id, created_at, last_seen_at, expires_at, user_agent)
         SELECT $1, id, $3, $3, $4, left($5, 300) FROM accounts
         WHERE id = $2 AND deactivated_at IS NULL AND ($6::text IS NULL OR password_hash = $6) FOR SHARE",
    )
    .bind(secrets::digest(&secret))
    .bind(account)
    .bind(now)
    .bind(now + IDLE)
    .bind(user_agent)
    .bind(hash)
    .execute(db)
    .await?;
    Ok((started.rows_affected() == 1).then_some(secret))
}

/// Moves a session's end on, within its longest life.
pub async fn seen(db: &PgPool, now: OffsetDateTime, token_hash: &[u8]) -> Result<()> {
    sqlx::query("UPDATE sessions SET last_seen_at = $2, expires_at = least($3, created_at + make_interval(secs => $4)) WHERE token_hash = $1")
        .bind(token_hash)
        .bind(now)
        .bind(now + IDLE)
        .bind(LONGEST.as_seconds_f64())
        .execute(db)
        .await?;
    Ok(())
}

/// Ends a session.
pub async fn end(db: impl PgExecutor<'_>, token_hash: &[u8]) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
        .bind(token_hash)
        .execute(db)
        .await?;
    Ok(())
}

/// The cookie's name: browsers hold `__Host-` ones to https and to this host alone; loopback http cannot have it.
pub fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-session" } else { "session" }
}

/// A `Set-Cookie` that keeps the session, or with an empty value forgets it.
pub fn set_cookie(https: bool, value: &str) -> String {
    let seconds = if value.is_empty() {
        0
    } else {
        LONGEST.whole_seconds()
    };
    let secure = if https { "; Secure" } else { "" };
    format!(
        "{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}",
        cookie_name(https)
    )
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};
    use proptest::prelude::*;

    use super::*;
    use crate::http::{cookies::cookie, extract::viewer::brought};

    proptest! {
        #[test]
        fn whatever_stands_around_it_the_cookie_is_found_and_nothing_else_is(
            before in "[ -~&&[^=]]{0,20}", after in "[ -~]{0,20}", value in "[A-Za-z0-9_-]{0,43}", https in any::<bool>()
        ) {
            let name = cookie_name(https);
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(&format!("{before}; x{name}=no; {name}={value}; {after}")).unwrap());
            prop_assert_eq!(cookie(&headers, name), Some(value.as_str()));
            prop_assert_eq!(brought(&headers, https).is_some(), !value.is_empty());
            // where people come by https, a cookie of the plain name is none, and the other way round
            prop_assert!(brought(&headers, !https).is_none());
        }

        #[test]
        fn no_bytes_of_a_header_make_it_panic(cookies in prop::collection::vec(any::<u8>(), 0..80), bearer in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&cookies) {
                headers.append(header::COOKIE, value);
            }
            for https in [true, false] {
                let _ = brought(&headers, https);
            }
            if let Ok(value) = HeaderValue::from_bytes(&bearer) {
                headers.insert(header::AUTHORIZATION, value);
                // who brings a token is nobody's cookie
                prop_assert!(brought(&headers, false).is_none_or(|brought| !brought.cookie));
            }
            let mut bytes = b"Bearer ".to_vec();
            bytes.extend_from_slice(&bearer);
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.insert(header::AUTHORIZATION, value);
                let _ = brought(&headers, true);
            }
        }
    }
}
