//! The topics of meetings as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        person::Person,
        standup::{
            edit_topics,
            topics::{self, Meeting, Topic},
        },
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            patch::value,
            written::{created, done},
        },
        extract::{
            form::JsonBody,
            path::{ObjectId, TeamContext},
            task::TaskContext,
        },
    },
};

/// A topic on the agenda of a meeting.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TopicResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// The meeting: `standup`, `planning` or `retro`.
    #[schema(example = "standup")]
    meeting: &'static str,
    /// The text.
    #[schema(example = "Opinions on the cut-over, INF-42")]
    text: String,
    /// The person whose opinion is wanted; null without one.
    #[schema(example = json!({ "handle": "jonas", "name": "Jonas Gruber" }))]
    asks: Option<Person>,
    /// The first name of the author; null once the account was deleted.
    #[schema(example = "Elif")]
    by: Option<String>,
    /// The key of the task that it is about; null without one.
    #[schema(example = "INF-42")]
    task: Option<String>,
    /// Whether it was talked about.
    #[schema(example = json!(false))]
    done: bool,
}

impl From<Topic> for TopicResponse {
    fn from(topic: Topic) -> Self {
        Self {
            id: topic.id,
            meeting: topic.meeting.as_str(),
            text: topic.text,
            asks: topic.addressee,
            by: topic.by,
            task: topic.task.map(|(key, _)| key),
            done: topic.done,
        }
    }
}

/// A new topic.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TopicIn {
    /// The meeting: `standup` (which is the default), `planning` or `retro`.
    #[schema(example = "standup")]
    meeting: Option<String>,
    /// The text. The first `@username` is the person whose opinion is wanted, the first key the task that it is about.
    #[schema(required, example = "Opinions on the cut-over, INF-42 @jonas")]
    text: String,
}

/// The fields of a topic to change. Fields that are left out stay as they are.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TopicPatch {
    /// The text, as for a new topic. Its author and the team may edit it.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Opinions on the cut-over, INF-42 @jonas")]
    text: Option<String>,
    /// Whether it was talked about. The team checks it off.
    #[serde(deserialize_with = "value")]
    #[schema(example = json!(true))]
    done: Option<bool>,
}

/// The meeting whose topics are listed.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct OfMeeting {
    /// The meeting: `standup`, `planning` or `retro`; by default all
    #[param(value_type = Option<String>, example = "standup")]
    meeting: String,
}

async fn load(app: &App, team: Uuid, meetings: &[Meeting]) -> Result<Vec<Topic>> {
    let mut all = Vec::new();
    for meeting in meetings {
        all.extend(topics::topics(&app.db, &[team], *meeting, app.clock.now()).await?);
    }
    Ok(all)
}

async fn one(app: &App, team: Uuid, topic: Uuid) -> Result<Json<TopicResponse>> {
    let mut topics = load(app, team, &Meeting::ALL).await?.into_iter();
    let found = topics.find(|found| found.id == topic);
    Ok(Json(found.ok_or(Problem::NotFound)?.into()))
}

/// Returns the topics for a team's next meetings, oldest first, and those just checked off.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/topics",
    operation_id = "list_topics",
    tag = "meetings",
    params(OfMeeting, Paging),
    responses((status = 200, description = "The topics, by meeting, oldest first", body = Page<TopicResponse>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    TeamContext { access, .. }: TeamContext,
    Query(of): Query<OfMeeting>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<TopicResponse>>> {
    let meetings = match of.meeting.as_str() {
        "" => Meeting::ALL.to_vec(),
        meeting => vec![Meeting::parse(meeting)?],
    };
    let topics = load(&app, access.team.id, &meetings).await?;
    let page = paging.cut(topics, |topic| topic.id.to_string())?;
    Ok(Json(page.map(TopicResponse::from)))
}

/// Adds a topic to a meeting; everyone whose account may write can.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/topics",
    operation_id = "create_topic",
    tag = "meetings",
    request_body = TopicIn,
    responses(
        (status = 201, description = "The topic", body = TopicResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    at: TeamContext,
    JsonBody(sent): JsonBody<TopicIn>,
) -> Result<(StatusCode, Json<TopicResponse>)> {
    let (viewer, access) = at.require_comment()?;
    let meeting = Meeting::parse(sent.meeting.as_deref().unwrap_or("standup"))?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(topics::add_topic(change, &access.team, meeting, &sent.text))
        })
        .await;
    let topic = created(&app.db, access.team.id, "topic", outcome).await?;
    Ok((StatusCode::CREATED, one(&app, access.team.id, topic).await?))
}

/// Edits a topic, or checks it off.
#[utoipa::path(
    patch,
    path = "/api/v1/teams/{slug}/topics/{id}",
    operation_id = "edit_topic",
    tag = "meetings",
    request_body = TopicPatch,
    responses(
        (status = 200, description = "The topic", body = TopicResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(topic): ObjectId,
    JsonBody(sent): JsonBody<TopicPatch>,
) -> Result<Json<TopicResponse>> {
    let (viewer, access) = at.require_comment()?;
    let access = if sent.done.is_some() {
        access.require_edit()?
    } else {
        access
    };
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(async {
                if let Some(text) = &sent.text {
                    let may_edit = access.may_edit;
                    edit_topics::edit_topic(change, &access.team, topic, text, may_edit).await?;
                }
                if let Some(is_done) = sent.done {
                    topics::set_topic_done(change, &access.team, topic, is_done).await?;
                }
                Ok(())
            })
        })
        .await;
    done(outcome)?;
    one(&app, access.team.id, topic).await
}

/// Deletes a topic; its author and its team may.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/topics/{id}",
    operation_id = "delete_topic",
    tag = "meetings",
    responses((status = 204, description = "The topic is deleted")),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(topic): ObjectId,
) -> Result<StatusCode> {
    let (viewer, access) = at.require_comment()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(edit_topics::remove_topic(
                change,
                &access.team,
                topic,
                access.may_edit,
            ))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for help with a task: it becomes a topic of the team's next standup.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{key}/ask-for-help",
    operation_id = "ask_for_help",
    tag = "tasks",
    responses(
        (status = 201, description = "The topic", body = TopicResponse),
        (status = 409, description = "The task is on the agenda already"),
    ),
)]
pub(crate) async fn ask_for_help(
    State(app): State<App>,
    at: TaskContext,
) -> Result<(StatusCode, Json<TopicResponse>)> {
    let TaskContext { viewer, access } = at.require_comment()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(topics::ask_for_help(
                change,
                &access.team,
                access.id,
                &access.key,
            ))
        })
        .await;
    let topic = created(&app.db, access.team.id, "topic", outcome).await?;
    Ok((StatusCode::CREATED, one(&app, access.team.id, topic).await?))
}
