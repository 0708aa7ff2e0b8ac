//! Teams and their settings as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        chat::webhooks,
        error::{Problem, Result},
        policy::{
            team_access::{self, require_workspace_admin},
            viewer::Viewer,
        },
        tasks::{agents, stakeholders},
        team::Team,
        teams::{
            create,
            membership::{self, Openness},
            profile::{self, About},
            share_links,
        },
    },
    http::{
        api::v1::{page::Paging, patch::value, written::done},
        extract::{form::JsonBody, path::TeamContext},
    },
};

/// The teams that the token's owner can see.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TeamList {
    /// The teams, ordered by name.
    teams: Vec<TeamSummary>,
    /// Send it as `cursor` for the next part; null in the last one.
    #[schema(example = "NTB8aW5nZXN0aW9u")]
    next_cursor: Option<String>,
}

/// A team in the list of teams.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TeamSummary {
    /// The slug, as in URLs.
    #[schema(example = "infrastructure")]
    slug: String,
    /// The name.
    #[schema(example = "Infrastructure")]
    name: String,
    /// The prefix of its tasks' keys.
    #[schema(example = "INF")]
    key: String,
    /// The number of its newest event.
    #[schema(example = 1308)]
    seq: i64,
}

/// Returns the teams that the token's owner can see.
#[utoipa::path(
    get,
    path = "/api/v1/teams",
    operation_id = "list_teams",
    tag = "teams",
    params(Paging),
    responses((status = 200, description = "The visible teams, ordered by name", body = TeamList)),
)]
pub(crate) async fn list(
    State(db): State<Pool>,
    viewer: Viewer,
    Query(paging): Query<Paging>,
) -> Result<Json<TeamList>> {
    let teams = team_access::seen_teams(&db, &viewer).await?;
    let page = paging.cut(teams, |team| team.slug.clone())?;
    let page = page.map(|team| TeamSummary {
        slug: team.slug,
        name: team.name,
        key: team.key,
        seq: team.seq,
    });
    Ok(Json(TeamList {
        teams: page.items,
        next_cursor: page.next_cursor,
    }))
}

/// A team with its profile and settings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TeamResponse {
    /// The slug, as in URLs.
    #[schema(example = "infrastructure")]
    slug: String,
    /// The name.
    #[schema(example = "Infrastructure")]
    name: String,
    /// The prefix of its tasks' keys.
    #[schema(example = "INF")]
    key: String,
    /// The number of its newest event.
    #[schema(example = 1308)]
    seq: i64,
    /// What the team is there for.
    #[schema(example = "Databases that nobody has to think about")]
    mission: String,
    /// The name or URL of its chat channel.
    #[schema(example = "#infrastructure")]
    chat: String,
    /// Its roadmap in Markdown.
    #[schema(example = "Postgres 17 everywhere by the end of the year.")]
    roadmap: String,
    /// Whether only members can see it.
    #[schema(example = json!(false))]
    private: bool,
    /// Whether everyone can read its check-in at its public URL.
    #[schema(example = json!(false))]
    public: bool,
    /// Whether agents may move its tasks to Done.
    #[schema(example = json!(false))]
    agents_may_close: bool,
    /// Whether the token's owner is a member.
    #[schema(example = json!(true))]
    member: bool,
}

async fn one(db: &Pool, viewer: &Viewer, slug: &str) -> Result<Json<TeamResponse>> {
    let access = team_access::team(db, viewer, slug).await?;
    let about = profile::profile(db, access.team.id).await?;
    let Openness {
        private,
        public,
        agents_may_close,
    } = membership::openness(db, access.team.id).await?;
    let Team {
        slug,
        name,
        key,
        seq,
        ..
    } = access.team;
    Ok(Json(TeamResponse {
        slug,
        name,
        key,
        seq,
        mission: about.mission,
        chat: about.chat,
        roadmap: about.roadmap,
        private,
        public,
        agents_may_close,
        member: access.is_member,
    }))
}

/// Returns a team with its profile and settings.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}",
    operation_id = "get_team",
    tag = "teams",
    responses((status = 200, description = "The team", body = TeamResponse)),
)]
pub(crate) async fn get(
    State(db): State<Pool>,
    TeamContext { viewer, access }: TeamContext,
) -> Result<Json<TeamResponse>> {
    one(&db, &viewer, &access.team.slug).await
}

/// A new team.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TeamIn {
    /// The name.
    #[schema(required, example = "Infrastructure")]
    name: String,
    /// The prefix of its tasks' keys: letters and digits.
    #[schema(required, example = "INF")]
    key: String,
}

/// Creates a team. Only administrators may.
#[utoipa::path(
    post,
    path = "/api/v1/teams",
    operation_id = "create_team",
    tag = "teams",
    request_body = TeamIn,
    responses(
        (status = 201, description = "The created team", body = TeamResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    viewer: Viewer,
    JsonBody(sent): JsonBody<TeamIn>,
) -> Result<(StatusCode, Json<TeamResponse>)> {
    require_workspace_admin(&viewer)?;
    let (name, key) = (sent.name.trim(), sent.key.trim().to_uppercase());
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(create::create_team(change, name, &key))
        })
        .await?;
    Ok((
        StatusCode::CREATED,
        one(&app.db, &viewer, &outcome.value).await?,
    ))
}

/// The fields of a team to change. Fields that are left out stay as they are. Only leads change name, key, who can see the
/// team, and what agents may do.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TeamPatch {
    /// The name.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Infrastructure")]
    name: Option<String>,
    /// The prefix of its tasks' keys. Former keys still lead to the tasks.
    #[serde(deserialize_with = "value")]
    #[schema(example = "INF")]
    key: Option<String>,
    /// What the team is there for.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Databases that nobody has to think about")]
    mission: Option<String>,
    /// The name or URL of its chat channel.
    #[serde(deserialize_with = "value")]
    #[schema(example = "#infrastructure")]
    chat: Option<String>,
    /// Its roadmap in Markdown.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Postgres 17 everywhere by the end of the year.")]
    roadmap: Option<String>,
    /// Whether only members can see it.
    #[serde(rename = "private", deserialize_with = "value")]
    #[schema(example = json!(false))]
    is_private: Option<bool>,
    /// Whether everyone can read its check-in at its public URL. API tokens cannot set it to true.
    #[serde(deserialize_with = "value")]
    #[schema(example = json!(false))]
    public: Option<bool>,
    /// Whether agents may move its tasks to Done. Agents cannot change it.
    #[serde(deserialize_with = "value")]
    #[schema(example = json!(false))]
    agents_may_close: Option<bool>,
}

impl TeamPatch {
    fn is_for_leads(&self) -> bool {
        self.name.is_some()
            || self.key.is_some()
            || self.is_private.is_some()
            || self.public.is_some()
            || self.agents_may_close.is_some()
    }
}

/// Edits a team's profile and settings.
#[utoipa::path(
    patch,
    path = "/api/v1/teams/{slug}",
    operation_id = "edit_team",
    tag = "teams",
    request_body = TeamPatch,
    responses(
        (status = 200, description = "The team", body = TeamResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: TeamContext,
    JsonBody(sent): JsonBody<TeamPatch>,
) -> Result<Json<TeamResponse>> {
    let is_member = at.access.is_member;
    let (viewer, team) = if sent.is_for_leads() {
        at.require_lead()?
    } else {
        at.require_edit()?
    };
    if sent.is_private == Some(true) && !is_member {
        return Err(Problem::Forbidden(
            "Only members can make a team private, since you would lose access. Nothing was changed."
                .into(),
        ));
    }
    if sent.public == Some(true) {
        viewer.require_session_for_links()?;
    }
    let current = profile::profile(&app.db, team.id).await?;
    let lines = |text: Option<String>, current: String| {
        text.map_or(current, |text| {
            crate::domain::text::plain_lines(text.trim())
        })
    };
    let chat = sent.chat.as_deref().map(str::trim).map(str::to_owned);
    let about = About {
        mission: lines(sent.mission, current.mission),
        chat: chat.unwrap_or(current.chat),
        roadmap: lines(sent.roadmap, current.roadmap),
    };
    let renamed = sent.name.is_some() || sent.key.is_some();
    let name = sent.name.unwrap_or_else(|| team.name.clone());
    let key = sent.key.unwrap_or_else(|| team.key.clone());
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            // What locks the workspace comes before the profile, which locks the team.
            Box::pin(async {
                if renamed {
                    membership::rename(change, &team, &name, &key).await?;
                }
                if let Some(private) = sent.is_private {
                    if private {
                        stakeholders::remove_hidden_name(change, &team).await?;
                    }
                    membership::set_visibility(change, &team, private).await?;
                    webhooks::follow_visibility(change, &team, private).await?;
                }
                if let Some(public) = sent.public {
                    share_links::set_public(change, &team, public).await?;
                }
                if let Some(may_close) = sent.agents_may_close {
                    agents::set_agents_may_close(change, &team, may_close).await?;
                }
                profile::update_profile(change, &team, &about).await
            })
        })
        .await;
    done(outcome)?;
    one(&app.db, &viewer, &team.slug).await
}
