//! Serves the feeds of a check-in, to members and to guests.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};

use crate::{
    app::App,
    domain::{boards::board_auth::BoardAuth, checkin::facts, error::Result, team::Team},
    http::{
        cache::{
            page_cache::{self, PageKey},
            revision::Revision,
        },
        middleware::client_ip::ClientIp,
        pages::checkin::{
            check_in::{key, newest_revision},
            feeds::{self, Feed, FeedContext},
        },
    },
};

/// `GET /teams/{slug}/check-in/{file}`
pub(crate) async fn feed(
    State(app): State<App>,
    from: ClientIp,
    Path((slug, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let feed = Feed::from_file_name(&file)?;
    let BoardAuth {
        access,
        workspace_seq,
        ..
    } = crate::http::extract::board::open(&app, from, &headers, &slug).await?;
    let page = format!("/teams/{slug}/check-in");
    feed_of(
        &app,
        &headers,
        access.team,
        workspace_seq,
        feed,
        &page,
        false,
    )
    .await
}

/// A team's check-in: progress of goals, tasks by state, blocked tasks, recent and next work.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/check-in",
    tag = "teams",
    params(("slug" = String, Path, description = "The team's slug", example = "infrastructure")),
    responses((status = 200, description = "The state of the team's sprint", body = facts::Facts)),
)]
pub(crate) async fn check_in_json(
    app: State<App>,
    from: ClientIp,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    feed(app, from, Path((slug, "check-in.json".to_owned())), headers).await
}

/// Responds with a feed, cached once for all members and once for all guests.
pub(crate) async fn feed_of(
    app: &App,
    headers: &HeaderMap,
    team: Team,
    workspace_seq: i64,
    feed: Feed,
    page: &str,
    guest: bool,
) -> Result<Response> {
    let now = app.clock.now();
    let revision = Revision::of(team.seq, workspace_seq, now);
    let key = PageKey {
        theme: "",
        ..key(headers, team.id, guest, format!("{feed:?} {page}"))
    };
    let make = async || {
        let mut team = team.clone();
        let revision = newest_revision(&app.db, &mut team, now).await?;
        let context = FeedContext {
            site: &app.public_url,
            page,
            guest,
        };
        Ok((
            revision,
            feeds::render_feed(&app.db, &team, feed, &context, now).await?,
        ))
    };
    page_cache::answer(
        &app.page_cache,
        headers,
        (key, revision),
        feed.content_type(),
        make,
    )
    .await
}
