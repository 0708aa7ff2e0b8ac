//! Checklist steps, comments, and asking for help.

use axum::{
    extract::{Path, State},
    response::{Html, IntoResponse, Response},
};

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        markdown::worker::{MAX_TEXT, render_text},
        policy::{team_access, viewer::Viewer},
        standup::topics,
        tasks::{checklist, comments},
        text::list_entries,
    },
    http::{
        extract::form::{Fields, id},
        pages::tasks::form::{CommentForm, EditForm},
    },
};

/// `POST /tasks/{key}/steps`: one step, or one for each line.
pub async fn add_step(EditForm(form): EditForm) -> Result<Response> {
    let (access, text) = (&form.access, form.fields.text("text"));
    let message = match list_entries(text).len() {
        0 | 1 => "Added step".to_owned(),
        count => format!("Added {count} steps"),
    };
    form.change(&message, |change, _| {
        Box::pin(checklist::add_steps(change, &access.team, access.id, text))
    })
    .await
}

/// `POST /tasks/{key}/steps/{id}`: completes the step with `done`, reopens it without.
pub async fn tick_step(
    Path((_, step)): Path<(String, String)>,
    EditForm(form): EditForm,
) -> Result<Response> {
    let (access, step, ticked) = (&form.access, id(&step)?, form.fields.get("done").is_some());
    form.change("Saved step", |change, _| {
        Box::pin(checklist::set_step_done(
            change,
            &access.team,
            access.id,
            step,
            ticked,
        ))
    })
    .await
}

/// `POST /tasks/{key}/steps/{id}/remove`
pub async fn remove_step(
    Path((_, step)): Path<(String, String)>,
    EditForm(form): EditForm,
) -> Result<Response> {
    let (access, step) = (&form.access, id(&step)?);
    form.change("Removed step", |change, _| {
        Box::pin(checklist::remove_step(
            change,
            &access.team,
            access.id,
            step,
        ))
    })
    .await
}

/// `POST /tasks/{key}/ask-for-help`: adds a topic to the next standup.
pub async fn ask_for_help(CommentForm(form): CommentForm) -> Result<Response> {
    let access = &form.access;
    form.change(
        "Asked for help. The task is a topic of the next standup.",
        |change, _| {
            Box::pin(topics::ask_for_help(
                change,
                &access.team,
                access.id,
                &access.key,
            ))
        },
    )
    .await
}

/// `POST /tasks/{key}/comments`: adds a comment; every account that may write can.
pub async fn add_comment(CommentForm(form): CommentForm) -> Result<Response> {
    let (access, body) = (&form.access, form.fields.text("body"));
    form.change("Added comment", |change, _| {
        Box::pin(comments::add_comment(change, &access.team, access.id, body))
    })
    .await
}

/// `POST /tasks/{key}/comments/{id}`
pub async fn edit_comment(
    Path((_, comment)): Path<(String, String)>,
    CommentForm(form): CommentForm,
) -> Result<Response> {
    let (access, comment, body) = (&form.access, id(&comment)?, form.fields.text("body"));
    form.change("Saved comment", |change, _| {
        Box::pin(comments::edit_comment(
            change,
            &access.team,
            access.id,
            comment,
            body,
        ))
    })
    .await
}

/// `POST /tasks/{key}/comments/{id}/delete`: the author may, and leads of the team.
pub async fn delete_comment(
    Path((_, comment)): Path<(String, String)>,
    CommentForm(form): CommentForm,
) -> Result<Response> {
    let (access, comment) = (&form.access, id(&comment)?);
    form.change("Deleted comment", |change, _| {
        Box::pin(comments::delete_comment(
            change,
            &access.team,
            (access.id, &access.key),
            comment,
            access.may_lead,
        ))
    })
    .await
}

/// `POST /preview`: renders Markdown for the preview.
pub async fn preview(State(db): State<Pool>, viewer: Viewer, fields: Fields) -> Result<Response> {
    let text = fields.text("markdown");
    if text.chars().count() > MAX_TEXT {
        return Err(Problem::field(
            "markdown",
            "A text can have at most 100,000 characters.",
        ));
    }
    let links = team_access::links(&db, &viewer).await?;
    Ok(Html(render_text(text, &links).await?.to_string()).into_response())
}
