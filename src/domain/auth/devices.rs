//! Browsers that an account has signed in with, and what they are called.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::error::Result;

/// How long an unused browser is remembered; its cookie lives as long.
pub(crate) const REMEMBERED_FOR: Duration = Duration::days(400);

/// Notes a sign-in with a browser, by the digest of its cookie. Returns whether the account had signed in before, but
/// never with this browser.
pub(crate) async fn note(
    db: &mut PgConnection,
    account: Uuid,
    device: &[u8],
    now: OffsetDateTime,
) -> Result<bool> {
    let has_others: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM known_devices WHERE account_id = $1)")
            .bind(account)
            .fetch_one(&mut *db)
            .await?;
    let is_new: bool = sqlx::query_scalar(
        "INSERT INTO known_devices (account_id, token_hash, last_seen_at) VALUES ($1, $2, $3)
         ON CONFLICT (account_id, token_hash) DO UPDATE SET last_seen_at = excluded.last_seen_at
         RETURNING xmax = 0",
    )
    .bind(account)
    .bind(device)
    .bind(now)
    .fetch_one(db)
    .await?;
    Ok(is_new && has_others)
}

/// A browser in words, from its `User-Agent`: "Firefox on Linux".
pub(crate) fn name(user_agent: &str) -> String {
    let has = |word: &&(&str, &str)| user_agent.contains(word.0);
    // Most browsers also name those that they are compatible with, so the order counts.
    let browser = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Vivaldi/", "Vivaldi"),
        ("FxiOS/", "Firefox"),
        ("Firefox/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("HeadlessChrome/", "Chrome"),
        ("Chromium/", "Chromium"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    let system = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Macintosh", "Mac"),
        ("Linux", "Linux"),
        ("FreeBSD", "FreeBSD"),
    ];
    let browser = browser.iter().find(has).map(|(_, name)| *name);
    let system = system.iter().find(has).map(|(_, name)| *name);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(only), None) => only.to_owned(),
        (None, Some(system)) => format!("Unknown browser on {system}"),
        (None, None) => "Unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_in_plain_words() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
                "Safari on Mac",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/143.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            ("curl/8.5.0", "curl"),
            ("", "Unknown browser"),
            ("<script>Linux</script>", "Unknown browser on Linux"),
        ] {
            assert_eq!(name(user_agent), expected);
        }
    }
}
