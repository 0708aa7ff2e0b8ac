//! Uploading and deleting attachments of a task.

use axum::{
    Json,
    extract::{FromRequest, Multipart, Path, Request, State, multipart::Field},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        attachments::{Upload, file_name, too_large},
        error::{Problem, Result},
        events::Changed,
        tasks::{
            attachments::{self, NewFile},
            edit::edit_task,
            task_edit::Edit,
        },
    },
    http::{
        extract::{
            form::{Fields, id},
            task::TaskContext,
        },
        pages::tasks::form::{CommentForm, EditForm, TaskForm},
    },
};

/// The most files of one form.
const MAX_FILES: usize = 20;

/// What the head of a multipart body may add to the size of its files.
const OVERHEAD: u64 = 1_000_000;

/// `POST /tasks/{key}/attachments`: attaches the files of a multipart form. A script that accepts JSON, which puts them into
/// a comment, gets their addresses. The form on the task is for members, who get the task.
pub async fn add_attachments(
    State(app): State<App>,
    context: TaskContext,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let is_script = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.starts_with("application/json"));
    let outcome = async {
        let context = match is_script {
            true => context.require_comment()?,
            false => context.require_edit()?,
        };
        let TaskContext { viewer, access } = context;
        let form = TaskForm {
            app: app.clone(),
            viewer,
            access,
            headers,
            fields: Fields::default(),
        };
        let outcome = match receive(&app, request).await {
            Ok((files, key)) => {
                note_contents(&form, &key, &files);
                attach(&form, &files).await.map(|changed| (changed, files))
            }
            Err(problem) => Err(problem),
        };
        if is_script {
            return as_json(&form, outcome).await;
        }
        let sentence = match &outcome {
            Ok((_, files)) if files.len() > 1 => format!("Attached {} files", files.len()),
            Ok((_, files)) => {
                let name = files.first().map_or("", |file| file.name.as_str());
                format!("Attached “{name}”")
            }
            Err(_) => String::new(),
        };
        let outcome = outcome.map(|(changed, _)| changed);
        form.respond(outcome, &sentence).await
    };
    outcome.await.unwrap_or_else(IntoResponse::into_response)
}

/// Adds what was sent to the digest by which a repeated request is recognized, in the form that a form without files has.
fn note_contents(form: &TaskForm, key: &str, files: &[NewFile]) {
    let Some(repeats) = &form.viewer.idempotency_key else {
        return;
    };
    let mut body = format!("idempotency_key={key}");
    for file in files {
        body.push_str(&format!("&file={} {}", file.hash, file.name));
    }
    repeats.add_body(body.as_bytes());
}

/// Stores the files of a form. Returns them with the form's idempotency key, which may be empty.
async fn receive(app: &App, request: Request) -> Result<(Vec<NewFile>, String)> {
    // Not only because it is quicker: a browser shows an early answer only if it has sent everything.
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let most = app.files.max_bytes * MAX_FILES as u64 + OVERHEAD;
    if announced.is_some_and(|bytes| bytes > most) {
        return Err(too_large("This upload", &app.files));
    }
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| Problem::BadRequest("Send the files as multipart/form-data.".into()))?;
    let (mut files, mut key) = (Vec::new(), String::new());
    while let Some(mut field) = form.next_field().await.map_err(|_| cut())? {
        if field.name() == Some("idempotency_key") {
            let first = field.chunk().await.map_err(|_| cut())?;
            key = String::from_utf8_lossy(&first.unwrap_or_default()).into_owned();
            continue;
        }
        let name = match (field.name(), field.file_name()) {
            (Some("file"), Some(name)) if !name.is_empty() => file_name(name),
            _ => continue,
        };
        if files.len() >= MAX_FILES {
            return Err(Problem::field(
                "file",
                "Attach at most 20 files at once. Nothing was attached.",
            ));
        }
        files.push(receive_file(app, &name, field).await?);
    }
    if files.is_empty() {
        return Err(Problem::field("file", "Choose a file to attach."));
    }
    Ok((files, key))
}

async fn receive_file(app: &App, name: &str, mut field: Field<'_>) -> Result<NewFile> {
    let mut upload = Upload::begin(&app.files, name).await?;
    while let Some(piece) = field.chunk().await.map_err(|_| cut())? {
        upload.write(&piece).await?;
    }
    upload.complete(&app.db, app.clock.now()).await
}

fn cut() -> Problem {
    Problem::BadRequest("The upload was cut. Nothing was attached. Please try again.".into())
}

async fn attach(form: &TaskForm, files: &[NewFile]) -> Result<Changed<Vec<Uuid>>> {
    let access = &form.access;
    form.try_change(|change, _| {
        Box::pin(async move {
            let mut ids = Vec::new();
            for file in files {
                let added = attachments::add_attachment(change, &access.team, access.id, file);
                ids.push(added.await?);
            }
            Ok(ids)
        })
    })
    .await
}

/// The addresses of the attached files, also if an earlier request, whose answer was lost, has attached them.
async fn as_json(
    form: &TaskForm,
    outcome: Result<(Changed<Vec<Uuid>>, Vec<NewFile>)>,
) -> Result<Response> {
    let (key, access) = (&form.access.key, &form.access);
    let files: Vec<(Uuid, String, bool)> = match outcome {
        Ok((changed, files)) => changed
            .value
            .into_iter()
            .zip(files)
            .map(|(id, file)| (id, file.name, file.picture.is_some()))
            .collect(),
        Err(Problem::DoneBefore { change }) => {
            attachments::of_change(&form.app.db, access.team.id, access.id, change).await?
        }
        Err(problem) => return Err(problem),
    };
    let files: Vec<Value> = files
        .iter()
        .map(|(id, name, is_picture)| {
            let url = attachments::url(key, *id);
            let markdown = attachments::markdown(name, &url, *is_picture);
            json!({ "name": name, "url": url, "is_picture": is_picture, "markdown": markdown })
        })
        .collect();
    Ok((StatusCode::CREATED, Json(json!({ "files": files }))).into_response())
}

/// `POST /tasks/{key}/cover`: shows one of the task's pictures on its card; without `attachment`, none.
pub async fn set_cover(EditForm(form): EditForm) -> Result<Response> {
    let access = &form.access;
    let cover = match form.fields.text("attachment") {
        "" => None,
        attachment => Some(id(attachment)?),
    };
    let sentence = match cover {
        Some(_) => "Changed the cover",
        None => "Removed the cover",
    };
    let edit = Edit {
        cover: Some(cover),
        ..Edit::default()
    };
    form.change(sentence, |change, _| {
        Box::pin(edit_task(change, &access.team, access.id, &edit))
    })
    .await
}

/// `POST /tasks/{key}/attachments/{id}/delete`: the uploader may, and leads of the team.
pub async fn delete_attachment(
    Path((_, attachment)): Path<(String, String)>,
    CommentForm(form): CommentForm,
) -> Result<Response> {
    let (access, attachment) = (&form.access, id(&attachment)?);
    form.change("Deleted attachment", |change, _| {
        Box::pin(attachments::delete_attachment(
            change,
            &access.team,
            (access.id, &access.key),
            attachment,
            access.may_lead,
        ))
    })
    .await
}
