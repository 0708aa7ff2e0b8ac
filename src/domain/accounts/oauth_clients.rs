//! Programs that ask people for a token: they register themselves with a name and the addresses that people are sent back
//! to (RFC 7591).

use time::{Duration, OffsetDateTime};
use url::{Host, Url};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        accounts::api_tokens::agent_name,
        error::{Problem, Result},
    },
};

/// The most programs that are registered and have no token. Those are deleted after a day, or when newer ones need the
/// room, so that no one can use it up for others.
const MOST_UNUSED: i64 = 1000;

/// How long a program may take until it has its first token.
pub(crate) const UNUSED_FOR: Duration = Duration::DAY;

/// The most addresses of one program, and their length.
const MOST_REDIRECTS: usize = 10;
const REDIRECT_LENGTH: usize = 500;

/// A registered program.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct OAuthClient {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) redirect_uris: Vec<String>,
}

impl OAuthClient {
    /// Whether people may be sent back to this address: one of those that it has registered. On this machine the port may
    /// be another one, since programs listen on whichever is free (RFC 8252).
    pub(crate) fn may_redirect_to(&self, address: &str) -> bool {
        self.redirect_uris
            .iter()
            .any(|known| known == address || is_equal_without_port(known, address))
    }
}

/// Whether an address is of the person's own machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        // A content security policy cannot name one of IPv6, so that a browser would not go there.
        Some(Host::Ipv6(_)) | None => false,
    }
}

/// Whether the host is one that a content security policy can name: `;` would end a directive, and `*` names any host.
fn has_plain_host(url: &Url) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
    url.host_str()
        .is_some_and(|host| !host.is_empty() && host.chars().all(is_plain))
}

fn is_equal_without_port(known: &str, sent: &str) -> bool {
    let (Ok(mut known), Ok(mut other)) = (Url::parse(known), Url::parse(sent)) else {
        return false;
    };
    // written in a form that browsers understand otherwise
    if other.as_str() != sent || known.scheme() != "http" || !is_loopback(&known) {
        return false;
    }
    known.set_port(None).is_ok() && other.set_port(None).is_ok() && known == other
}

/// Whether people may be sent back to this address at all: by HTTPS, or to a program on their own machine.
fn is_acceptable(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let is_safe = match url.scheme() {
        "https" => has_plain_host(&url),
        "http" => is_loopback(&url),
        _ => false,
    };
    is_safe
        && address.len() <= REDIRECT_LENGTH
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

/// Registers a program.
///
/// # Errors
/// `Invalid` for its name or an address.
pub(crate) async fn register(
    db: &Pool,
    now: OffsetDateTime,
    name: &str,
    redirect_uris: Vec<String>,
) -> Result<OAuthClient> {
    let name = agent_name(name).ok_or_else(|| {
        Problem::field("client_name", "Send a name of 1 to 50 visible characters.")
    })?;
    let acceptable = redirect_uris.iter().all(|address| is_acceptable(address));
    if !(1..=MOST_REDIRECTS).contains(&redirect_uris.len()) || !acceptable {
        return Err(Problem::field(
            "redirect_uris",
            "Send 1 to 10 addresses, each with https, or with http on this machine (localhost, 127.0.0.1), without a \
             fragment or credentials.",
        ));
    }
    let client = OAuthClient {
        id: Uuid::new_v4(),
        name: name.to_owned(),
        redirect_uris,
    };
    sqlx::query(
        "WITH room AS (
             DELETE FROM oauth_clients WHERE id IN (
                 SELECT id FROM oauth_clients c WHERE NOT EXISTS (SELECT FROM tokens t WHERE t.oauth_client_id = c.id)
                 ORDER BY created_at DESC OFFSET $5))
         INSERT INTO oauth_clients (id, name, redirect_uris, created_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(client.id)
    .bind(&client.name)
    .bind(&client.redirect_uris)
    .bind(now)
    .bind(MOST_UNUSED - 1)
    .execute(db)
    .await?;
    Ok(client)
}

/// Returns a registered program; `None` if there is none with this id.
pub(crate) async fn find(db: &Pool, id: &str) -> Result<Option<OAuthClient>> {
    let Ok(id) = id.parse::<Uuid>() else {
        return Ok(None);
    };
    Ok(
        sqlx::query_as("SELECT id, name, redirect_uris FROM oauth_clients WHERE id = $1")
            .bind(id)
            .fetch_optional(db)
            .await?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_equal_except_for_the_port_on_this_machine() {
        let client = OAuthClient {
            id: Uuid::nil(),
            name: "x".to_owned(),
            redirect_uris: ["https://app.example/back", "http://127.0.0.1/back?x=1"]
                .map(str::to_owned)
                .into(),
        };
        for right in [
            "https://app.example/back",
            "http://127.0.0.1/back?x=1",
            "http://127.0.0.1:41234/back?x=1",
        ] {
            assert!(client.may_redirect_to(right), "{right}");
        }
        for wrong in [
            "https://app.example/back/",
            "https://app.example/back?y",
            "https://app.example:444/back",
            "http://app.example/back",
            "https://app.example.evil/back",
            "http://127.0.0.1:41234/other?x=1",
            "http://127.0.0.1:41234@evil.example/back?x=1",
            "http://127.0.0.2:41234/back?x=1",
            "http://localhost:41234/back?x=1",
            "http:\\\\127.0.0.1\\back?x=1",
            "",
        ] {
            assert!(!client.may_redirect_to(wrong), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_encrypted_or_of_this_machine() {
        for right in [
            "https://vscode.dev/redirect",
            "http://localhost:3000/callback",
            "http://127.0.0.1:3000/callback",
        ] {
            assert!(is_acceptable(right), "{right}");
        }
        for wrong in [
            "http://app.example/back",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://[::1]/callback",
            "https://x;sandbox/",
            "https://*/",
            "https://app.example/back#x",
            "https://ada@app.example/back",
            "back",
        ] {
            assert!(!is_acceptable(wrong), "{wrong}");
        }
    }
}
