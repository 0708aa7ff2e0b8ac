//! Responses to forms on a task: the current task or card, or the form again with its errors.

use axum::{
    http::header,
    response::{Html, IntoResponse, Response},
};

use crate::{
    domain::{
        error::Result,
        events::{BoxFuture, Change, Changed, Scope},
        tasks::queries,
    },
    http::{
        local_path::local_path,
        page::{self, back_to, fragment},
        pages::tasks::{
            card::CardHtml,
            change_form::refused_change,
            flash::with_flash,
            form::TaskForm,
            rejected_form::RejectedForm,
            task::{shown, task_view},
        },
    },
};

impl TaskForm {
    /// Runs a change and responds with the current task and a message, or with the form, the
    /// entered values and the errors.
    pub(crate) async fn change<'env, T>(
        &'env self,
        sentence: &str,
        verb: impl for<'a> FnMut(&'a mut Change, Scope<'a, 'env>) -> BoxFuture<'a, T> + Send,
    ) -> Result<Response> {
        let outcome = self.try_change(verb).await;
        self.respond(outcome, sentence).await
    }

    /// Builds the response to an executed or refused change.
    pub(crate) async fn respond<T>(
        &self,
        outcome: Result<Changed<T>>,
        sentence: &str,
    ) -> Result<Response> {
        respond(self, outcome, sentence).await
    }
}

/// Renders the task again, with the errors of a refused form.
pub(crate) async fn respond<T>(
    form: &TaskForm,
    outcome: Result<Changed<T>>,
    sentence: &str,
) -> Result<Response> {
    let TaskForm {
        app,
        viewer,
        access,
        headers,
        fields,
    } = form;
    let rejected_form = match outcome {
        Ok(changed) => return changed_task(form, &changed, sentence).await,
        Err(problem) if fragment(headers) == Some("card") => return Err(problem),
        Err(problem) => RejectedForm::of(problem, fields)?,
    };
    if fragment(headers) == Some("form") {
        return refused_change(form, rejected_form, false).await;
    }
    let status = rejected_form.status();
    let task_view = task_view(
        &app.db,
        &app.clock,
        viewer,
        access,
        rejected_form,
        None,
        None,
    )
    .await?;
    shown(app, viewer, headers, task_view, status).await
}

async fn changed_task<T>(
    form: &TaskForm,
    changed: &Changed<T>,
    sentence: &str,
) -> Result<Response> {
    let TaskForm {
        app,
        viewer,
        access,
        headers,
        fields,
    } = form;
    Ok(match fragment(headers) {
        Some(part @ ("card" | "form")) => {
            let card = queries::card(&app.db, &access.team, access.id).await?;
            // An archived task has no card on the board.
            let html = if card.archived {
                String::new()
            } else {
                CardHtml::with_column(&card, app.clock.now()).to_string()
            };
            let mut response = with_flash(Html(html).into_response(), changed, sentence);
            if part == "form" {
                response
                    .headers_mut()
                    .insert("fortnight-done", header::HeaderValue::from_static("1"));
            }
            response
        }
        Some(_) => with_flash(
            page::page(
                &task_view(
                    &app.db,
                    &app.clock,
                    viewer,
                    access,
                    RejectedForm::default(),
                    None,
                    None,
                )
                .await?,
            )?,
            changed,
            sentence,
        ),
        None => {
            let assign_me = format!("/tasks/{}", access.key);
            back_to(
                local_path(fields.get("back").unwrap_or(&assign_me), &assign_me),
                changed.id,
            )
        }
    })
}
