//! People's pictures: the forms on one's account page, a style sheet that shows them wherever initials would be, and the
//! pictures themselves.
//!
//! With a style sheet, a card stays the same when a person changes their picture, and every page loads it once.

use std::{collections::BTreeMap, fmt::Write};

use axum::{
    body::Body,
    extract::{FromRequest, Multipart, Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        accounts::avatars,
        attachments::{Upload, file_name, for_picture},
        error::{Problem, Result},
        humanize, person,
        policy::viewer::Viewer,
    },
    http::{
        extract::form::{Fields, id},
        middleware::layers::Sandboxed,
        page,
        pages::accounts::profile::me_page,
    },
};

/// The address of a picture or of the style sheet changes with it.
const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// `POST /me/avatar`: sets the reader's picture.
pub(crate) async fn set_avatar(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    request: Request,
) -> Result<Response> {
    viewer.require_session()?;
    let outcome = match receive(&app, request).await {
        Ok(hash) => app
            .store
            .change(&viewer.actor(), |change, _| {
                Box::pin(avatars::set_avatar(change, viewer.person.id, Some(&hash)))
            })
            .await
            .map(|_| ()),
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(()) => Ok(Redirect::to("/me#picture").into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = me_page(&app, &viewer, &headers, Fields::default(), errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// Stores the picture of a form, and returns its hash.
async fn receive(app: &App, request: Request) -> Result<String> {
    let cut = || Problem::BadRequest("The upload was cut. Nothing was changed. Try again.".into());
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| Problem::BadRequest("Send the picture as multipart/form-data.".into()))?;
    while let Some(mut field) = form.next_field().await.map_err(|_| cut())? {
        let name = match (field.name(), field.file_name()) {
            (Some("picture"), Some(name)) if !name.is_empty() => file_name(name),
            _ => continue,
        };
        let mut upload = Upload::begin(&app.files, &name).await?;
        while let Some(piece) = field.chunk().await.map_err(|_| cut())? {
            let written = upload.write(&piece).await;
            written.map_err(|problem| for_picture(problem, too_large(&name, app)))?;
        }
        return upload.complete_avatar(&app.db, app.clock.now()).await;
    }
    let reason = BTreeMap::from([("picture", "Choose a picture.".to_owned())]);
    Err(Problem::Invalid(reason))
}

fn too_large(name: &str, app: &App) -> String {
    let most = humanize::bytes(app.files.max_bytes);
    format!(
        "“{name}” is larger than {most}, the most that a file may have. Your picture was not changed."
    )
}

/// `POST /me/avatar/remove`
pub(crate) async fn remove_avatar(State(app): State<App>, viewer: Viewer) -> Result<Response> {
    viewer.require_session()?;
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(avatars::set_avatar(change, viewer.person.id, None))
        })
        .await?;
    Ok(Redirect::to("/me#picture").into_response())
}

/// `GET /people/avatars/{version}`: the style sheet.
pub(crate) async fn avatar_styles(State(app): State<App>, _: Viewer) -> Result<Response> {
    // Printed and in forced colours, initials are shown.
    let mut css = "@media screen and (forced-colors: none) {\n".to_owned();
    for avatar in avatars::avatars(&app.db).await? {
        let (mark, id, hash) = (person::mark(avatar.account), avatar.account, avatar.hash);
        let _ = writeln!(
            css,
            ".avatar[data-person=\"{mark}\"] {{ background: center / cover url(\"/people/{id}/avatar/{hash}\"); color: transparent; }}"
        );
    }
    css.push_str("}\n");
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/css; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, FOR_EVER),
    ];
    Ok((headers, css).into_response())
}

/// `GET /people/{handle}/avatar/{hash}`: a picture, of the person with this id.
pub(crate) async fn avatar(
    State(app): State<App>,
    _: Viewer,
    Path((account, hash)): Path<(String, String)>,
) -> Result<Response> {
    let bytes = avatars::avatar_bytes(&app.db, id(&account)?, &hash).await?;
    let pieces = app.files.read(&hash, 0..bytes).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
        (header::CONTENT_LENGTH, HeaderValue::from(bytes)),
        (header::CACHE_CONTROL, FOR_EVER),
    ];
    let mut response = (headers, Body::from_stream(pieces)).into_response();
    response.extensions_mut().insert(Sandboxed);
    Ok(response)
}
