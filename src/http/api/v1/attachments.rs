//! Files attached to tasks as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::ACCEPT},
    response::Response,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::Result,
        tasks::attachments::{self, Attachment},
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            written::done,
        },
        extract::{path::ObjectId, task::TaskContext},
        pages::tasks::add_attachments,
    },
};

/// A file that is attached to a task.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AttachmentResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// The name.
    #[schema(example = "plan.png")]
    name: String,
    /// The content type.
    #[schema(example = "image/png")]
    media_type: String,
    /// The size.
    #[schema(example = 48_210)]
    bytes: i64,
    /// The path from which a token reads the file.
    #[schema(example = "/tasks/INF-42/attachments/0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    url: String,
    /// The full name of who uploaded it; null once the account was deleted.
    #[schema(example = "Elif Hartmann")]
    uploader: Option<String>,
}

/// The files that were attached.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AttachedFiles {
    /// The files, in the order they were sent.
    files: Vec<AttachedFile>,
}

/// A file that was attached.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AttachedFile {
    /// The name.
    #[schema(example = "plan.png")]
    name: String,
    /// The path from which a token reads the file.
    #[schema(example = "/tasks/INF-42/attachments/0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    url: String,
    /// Whether it is a picture that pages show.
    #[schema(example = json!(true))]
    is_picture: bool,
    /// What shows it, or leads to it, in a comment or description.
    #[schema(
        example = "![plan.png](/tasks/INF-42/attachments/0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57)"
    )]
    markdown: String,
}

/// The files to attach.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes a multipart body")]
pub(crate) struct FilesIn {
    /// A file with its name. Several have the same field name; at most 20.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Returns the files that are attached to a task, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{key}/attachments",
    operation_id = "list_attachments",
    tag = "tasks",
    params(Paging),
    responses((status = 200, description = "The files, oldest first", body = Page<AttachmentResponse>)),
)]
pub(crate) async fn list(
    State(db): State<Pool>,
    TaskContext { access, .. }: TaskContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<AttachmentResponse>>> {
    let files = attachments::attachments(&db, access.team.id, access.id).await?;
    let page = paging.cut(files, |file| file.id.to_string())?;
    Ok(Json(page.map(|file: Attachment| AttachmentResponse {
        url: attachments::url(&access.key, file.id),
        id: file.id,
        name: file.name,
        media_type: file.media_type,
        bytes: file.bytes,
        uploader: file.uploader,
    })))
}

/// Attaches files to a task, sent as a multipart form; everyone whose account may write can.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{key}/attachments",
    operation_id = "add_attachments",
    tag = "tasks",
    request_body(content = FilesIn, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The attached files", body = AttachedFiles),
        (status = 400, description = "The body is no multipart form, or was cut"),
        (status = 413, description = "The files are too large"),
        (status = 422, description = "There is no file, or one is refused"),
    ),
)]
pub(crate) async fn add(
    app: State<App>,
    at: TaskContext,
    mut headers: HeaderMap,
    request: Request,
) -> Response {
    // The page's handler answers a script, whatever this client says that it accepts.
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    add_attachments(app, at, headers, request).await
}

/// Deletes an attached file: one's own, or as a lead of the team anyone's.
#[utoipa::path(
    delete,
    path = "/api/v1/tasks/{key}/attachments/{id}",
    operation_id = "delete_attachment",
    tag = "tasks",
    responses((status = 204, description = "The file is deleted")),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TaskContext,
    ObjectId(attachment): ObjectId,
) -> Result<StatusCode> {
    let TaskContext { viewer, access } = at.require_comment()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(attachments::delete_attachment(
                change,
                &access.team,
                (access.id, &access.key),
                attachment,
                access.may_lead,
            ))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
