//! Share links as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        auth::passwords,
        error::{Problem, Result},
        policy::share_links::SharedPage,
        teams::share_links::{self, Draft, Link},
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            written::done,
        },
        extract::{
            form::JsonBody,
            path::{ObjectId, TeamContext},
        },
    },
};

/// A link that shows a team's board or check-in to everyone who has it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ShareLinkResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// Who it is for.
    #[schema(example = "Auditors")]
    name: String,
    /// `board` or `check-in`.
    #[schema(example = "check-in")]
    shows: &'static str,
    /// Whether visitors enter a password.
    #[schema(example = json!(false))]
    protected: bool,
    /// The first name of who created it; null once the account was deleted.
    #[schema(example = "Elif")]
    by: Option<String>,
    /// When it ends; null if it is valid until it is revoked.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-12-24T09:12:30Z")]
    expires_at: Option<OffsetDateTime>,
    /// When it was last used; null if never.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    last_used_at: Option<OffsetDateTime>,
}

impl From<Link> for ShareLinkResponse {
    fn from(link: Link) -> Self {
        Self {
            id: link.id,
            name: link.name,
            shows: link.shows.as_str(),
            protected: link.has_password,
            by: link.by,
            expires_at: link.expires_at,
            last_used_at: link.last_used_at,
        }
    }
}

/// A new share link.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ShareLinkIn {
    /// Who it is for.
    #[schema(required, example = "Auditors")]
    name: String,
    /// `board` or `check-in`.
    #[schema(required, example = "check-in")]
    shows: String,
    /// How many days it is valid, 1 to 366; by default until it is revoked.
    #[schema(example = 30)]
    days: Option<i64>,
    /// A password that visitors enter; by default none.
    #[schema(example = "friendly-guests")]
    password: Option<String>,
}

/// The address of a new share link.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ShareLinkCreated {
    /// The address. It cannot be shown again.
    #[schema(example = "https://fortnight.example.org/share/Zk3…")]
    url: String,
}

/// Returns a team's share links, the newest first, without their addresses. Only leads may.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/share-links",
    operation_id = "list_share_links",
    tag = "teams",
    params(Paging),
    responses((status = 200, description = "The links, the newest first", body = Page<ShareLinkResponse>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    at: TeamContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ShareLinkResponse>>> {
    // Reading them is for those who may change them, as on the page.
    let (_, team) = at.require_lead()?;
    let links = share_links::links(&app.db, team.id, app.clock.now()).await?;
    let page = paging.cut(links, |link| link.id.to_string())?;
    Ok(Json(page.map(ShareLinkResponse::from)))
}

/// Creates a share link. Only leads may, and no API token: use a session.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/share-links",
    operation_id = "create_share_link",
    tag = "teams",
    request_body = ShareLinkIn,
    responses(
        (status = 201, description = "The address of the link", body = ShareLinkCreated),
        (status = 403, description = "The viewer is no lead, or sent an API token"),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    at: TeamContext,
    JsonBody(sent): JsonBody<ShareLinkIn>,
) -> Result<(StatusCode, Json<ShareLinkCreated>)> {
    let (viewer, team) = at.require_lead()?;
    viewer.require_session_for_links()?;
    let draft = Draft {
        name: &sent.name,
        shows: SharedPage::try_from(sent.shows)
            .map_err(|_| Problem::field("shows", "Choose board or check-in."))?,
        days: sent.days,
        password_hash: match sent.password {
            Some(password) if !password.is_empty() => Some(passwords::hash(password).await?),
            _ => None,
        },
    };
    let created = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(share_links::share(change, &team, &draft))
        })
        .await?;
    let url = format!("{}/share/{}", app.public_url, created.value);
    Ok((StatusCode::CREATED, Json(ShareLinkCreated { url })))
}

/// Revokes a share link. Only leads may.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/share-links/{id}",
    operation_id = "revoke_share_link",
    tag = "teams",
    responses((status = 204, description = "The link finds nothing any more")),
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(link): ObjectId,
) -> Result<StatusCode> {
    let (viewer, team) = at.require_lead()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(share_links::revoke(change, &team, link))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
