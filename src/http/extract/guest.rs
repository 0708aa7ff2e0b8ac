//! Access of guests: by a share link or to a public page.

use axum::http::HeaderMap;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        clock::Clock,
        error::{Problem, Result},
        policy::share_links::{self, Guest, ShareLinkEntry},
    },
    http::cookies::cookie,
};

/// The guest of a share link, or the link itself when it asks for a password that this browser has not given yet.
///
/// # Errors
/// `NotFound` for a link that never existed, has expired or was revoked: they look the same.
pub(crate) async fn entrance(
    db: &Pool,
    clock: &Clock,
    headers: &HeaderMap,
    secret: &str,
) -> Result<ShareLinkEntry> {
    share_links::open_share_link(db, clock.now(), secret, |locked| {
        cookie(headers, &share_links::cookie_name(locked.id)) == Some(&locked.proof())
    })
    .await
}

/// The guest of a share link, for responses that cannot ask for a password: feeds, badges, streams.
pub(crate) async fn guest(app: &App, headers: &HeaderMap, secret: &str) -> Result<Guest> {
    match entrance(&app.db, &app.clock, headers, secret).await? {
        ShareLinkEntry::Open(guest) => Ok(guest),
        ShareLinkEntry::Condition(_) => Err(Problem::Forbidden(
            "This link needs a password. Open it in a browser first.".into(),
        )),
    }
}

/// The guest of a team's public page.
pub(crate) async fn public(app: &App, slug: &str) -> Result<Guest> {
    share_links::public(&app.db, slug).await
}
