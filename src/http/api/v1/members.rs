//! The members of a team as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        policy::viewer::Viewer,
        team::Team,
        teams::{
            membership::{self, TeamRole},
            roster::{Member, load_roster},
        },
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            written::done,
        },
        extract::{
            form::JsonBody,
            path::{Handle, TeamContext},
        },
    },
};

/// A member of a team.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MemberResponse {
    /// The username, without `@`.
    #[schema(example = "elif")]
    handle: String,
    /// The full name.
    #[schema(example = "Elif Hartmann")]
    name: String,
    /// `lead` or `member`.
    #[schema(example = "lead")]
    role: &'static str,
    /// What the person does.
    #[schema(example = "Database engineer")]
    title: String,
    /// Since when the person is on the team.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-03-02T08:00:00Z")]
    since: OffsetDateTime,
}

impl From<Member> for MemberResponse {
    fn from(member: Member) -> Self {
        let role = if member.lead {
            TeamRole::Lead
        } else {
            TeamRole::Member
        };
        Self {
            handle: member.person.handle,
            name: member.person.name,
            role: role.as_str(),
            title: member.title,
            since: member.since,
        }
    }
}

/// A member's role.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RoleIn {
    /// `member` (which is the default) or `lead`.
    #[schema(example = "member")]
    role: Option<String>,
}

/// Returns the members of a team, by name.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/members",
    operation_id = "list_members",
    tag = "teams",
    params(Paging),
    responses((status = 200, description = "The members, by name", body = Page<MemberResponse>)),
)]
pub(crate) async fn list(
    State(db): State<Pool>,
    TeamContext { access, .. }: TeamContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<MemberResponse>>> {
    let roster = load_roster(&db, access.team.id).await?;
    let page = paging.cut(roster.members, |member| member.person.handle.clone())?;
    Ok(Json(page.map(MemberResponse::from)))
}

/// Adds a person to a team, or changes their role. Only leads may.
#[utoipa::path(
    put,
    path = "/api/v1/teams/{slug}/members/{handle}",
    operation_id = "set_member",
    tag = "teams",
    request_body = RoleIn,
    responses(
        (status = 204, description = "The person has this role"),
        (status = 422, description = "There is no such username, or the team would have no lead"),
    ),
)]
pub(crate) async fn set(
    State(app): State<App>,
    at: TeamContext,
    Handle(handle): Handle,
    JsonBody(sent): JsonBody<RoleIn>,
) -> Result<StatusCode> {
    let (viewer, team) = at.require_lead()?;
    let role = match sent.role.as_deref() {
        None | Some("member") => TeamRole::Member,
        Some("lead") => TeamRole::Lead,
        Some(_) => return Err(Problem::field("role", "Choose lead or member.")),
    };
    change(&app, &viewer, &team, &handle, Some(role)).await
}

/// Removes a person from a team. Only leads may.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/members/{handle}",
    operation_id = "remove_member",
    tag = "teams",
    responses(
        (status = 204, description = "The person is not a member"),
        (status = 422, description = "The person is no member, or the team would have no lead"),
    ),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TeamContext,
    Handle(handle): Handle,
) -> Result<StatusCode> {
    let (viewer, team) = at.require_lead()?;
    change(&app, &viewer, &team, &handle, None).await
}

async fn change(
    app: &App,
    viewer: &Viewer,
    team: &Team,
    handle: &str,
    role: Option<TeamRole>,
) -> Result<StatusCode> {
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(membership::set_member(change, team, handle, role))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
