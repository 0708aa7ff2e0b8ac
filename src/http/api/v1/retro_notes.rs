//! The notes of retros as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        person::Person,
        retro::notes::{self, Note},
        sprints::queries,
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            written::{created, done},
        },
        extract::{
            form::JsonBody,
            path::{ObjectId, SprintNumber, TeamContext},
        },
    },
};

/// A note of a retro.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct NoteResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// `thanks`, `well`, `not` (what did not go well) or `idea`.
    #[schema(example = "well")]
    category: &'static str,
    /// The text.
    #[schema(example = "Two switch-overs without an alarm")]
    text: String,
    /// The author; null once the account was deleted.
    #[schema(example = json!({ "handle": "elif", "name": "Elif Hartmann" }))]
    author: Option<Person>,
}

impl From<Note> for NoteResponse {
    fn from(note: Note) -> Self {
        Self {
            id: note.id,
            category: note.category.as_str(),
            text: note.text,
            author: note.author,
        }
    }
}

/// A new note.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NoteIn {
    /// `thanks`, `well`, `not` (what did not go well) or `idea`.
    #[schema(required, example = "well")]
    category: String,
    /// The text, not empty.
    #[schema(required, example = "Two switch-overs without an alarm")]
    text: String,
}

/// The text of a note.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NotePatch {
    /// The text, not empty.
    #[schema(required, example = "Two switch-overs without an alarm")]
    text: String,
}

/// Returns the notes of a team's retro, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/sprints/{number}/retro-notes",
    operation_id = "list_retro_notes",
    tag = "meetings",
    params(Paging),
    responses((status = 200, description = "The notes, oldest first", body = Page<NoteResponse>)),
)]
pub(crate) async fn list(
    State(db): State<Pool>,
    TeamContext { access, .. }: TeamContext,
    SprintNumber(number): SprintNumber,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<NoteResponse>>> {
    let sprint = queries::sprint_of(&db, access.team.id, number).await?;
    let notes = notes::notes(&db, &[access.team.id], sprint.id).await?;
    let page = paging.cut(notes, |note| note.id.to_string())?;
    Ok(Json(page.map(NoteResponse::from)))
}

/// Adds a note to a team's retro.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/sprints/{number}/retro-notes",
    operation_id = "create_retro_note",
    tag = "meetings",
    request_body = NoteIn,
    responses(
        (status = 201, description = "The note", body = NoteResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    at: TeamContext,
    SprintNumber(number): SprintNumber,
    JsonBody(sent): JsonBody<NoteIn>,
) -> Result<(StatusCode, Json<NoteResponse>)> {
    let (viewer, team) = at.require_edit()?;
    let sprint = queries::sprint_of(&app.db, team.id, number).await?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(notes::add_note(
                change,
                &team,
                sprint.id,
                &sent.category,
                &sent.text,
            ))
        })
        .await;
    let id = created(&app.db, team.id, "note", outcome).await?;
    let mut notes = notes::notes(&app.db, &[team.id], sprint.id)
        .await?
        .into_iter();
    let note = notes.find(|note| note.id == id).ok_or(Problem::NotFound)?;
    Ok((StatusCode::CREATED, Json(note.into())))
}

/// Edits one's own note.
#[utoipa::path(
    patch,
    path = "/api/v1/teams/{slug}/retro-notes/{id}",
    operation_id = "edit_retro_note",
    tag = "meetings",
    request_body = NotePatch,
    responses(
        (status = 204, description = "The note has this text"),
        (status = 422, description = "The text is empty or too long"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(note): ObjectId,
    JsonBody(sent): JsonBody<NotePatch>,
) -> Result<StatusCode> {
    let (viewer, team) = at.require_edit()?;
    if sent.text.trim().is_empty() {
        return Err(Problem::field(
            "text",
            "Enter a text, or delete the note with DELETE.",
        ));
    }
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(notes::edit_note(change, &team, note, &sent.text))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a note: one's own, or as a lead of the team anyone's.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/retro-notes/{id}",
    operation_id = "delete_retro_note",
    tag = "meetings",
    responses((status = 204, description = "The note is deleted")),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(note): ObjectId,
) -> Result<StatusCode> {
    let may_lead = at.access.may_lead;
    let (viewer, team) = at.require_edit()?;
    // An empty text deletes one's own note; it finds no one else's.
    let own = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(notes::edit_note(change, &team, note, ""))
        })
        .await;
    match own {
        Err(Problem::NotFound) if may_lead => {
            let outcome = app
                .store
                .change(&viewer.actor(), |change, _| {
                    Box::pin(notes::remove_note(change, &team, note))
                })
                .await;
            done(outcome)?;
        }
        own => done(own)?,
    }
    Ok(StatusCode::NO_CONTENT)
}
