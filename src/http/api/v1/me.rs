//! Who the token belongs to, as JSON.

use axum::Json;
use serde::Serialize;

use crate::domain::{
    error::Result,
    policy::viewer::{AuthMethod, Viewer},
};

/// The owner of the token, and what the token may do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MeResponse {
    /// The username, without `@`.
    #[schema(example = "elif")]
    handle: String,
    /// The full name.
    #[schema(example = "Elif Hartmann")]
    name: String,
    /// The role in the workspace that this request has: `admin`, `member` or `viewer`.
    #[schema(example = "member")]
    role: &'static str,
    /// The IANA time zone of dates and times.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// How many threads of the inbox are unread.
    #[schema(example = 3)]
    unread: i32,
    /// `token`, or `session` of a browser.
    #[schema(example = "token")]
    signed_in_by: &'static str,
    /// Whether this request may change anything.
    #[schema(example = json!(true))]
    may_write: bool,
    /// Whether the token is limited to some teams.
    #[schema(example = json!(false))]
    limited_to_teams: bool,
}

/// Returns who the token belongs to.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    operation_id = "get_me",
    tag = "me",
    responses((status = 200, description = "The token's owner", body = MeResponse)),
)]
pub(crate) async fn get(viewer: Viewer) -> Result<Json<MeResponse>> {
    Ok(Json(MeResponse {
        role: viewer.role.as_str(),
        unread: viewer.unread,
        signed_in_by: match viewer.proof {
            AuthMethod::Session { .. } => "session",
            AuthMethod::Token { .. } => "token",
        },
        may_write: viewer.may_write(),
        limited_to_teams: viewer.reach().is_some(),
        handle: viewer.person.handle,
        name: viewer.person.name,
        time_zone: viewer.time_zone,
    }))
}
