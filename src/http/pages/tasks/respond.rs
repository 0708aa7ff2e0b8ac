//! The response to a form on a task: the task or its card as it is now, or the form again with what was refused.

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
            flash::said,
            form::TaskForm,
            refusal::Refusal,
            task::{article, shown},
        },
    },
};

impl TaskForm {
    /// Does the verb, and answers with the task as it stands then and with a sentence that says what was done;
    /// or with the form, what was typed, and why not.
    pub(crate) async fn change<'env, T>(
        &'env self,
        sentence: &str,
        verb: impl for<'a> FnMut(&'a mut Change, Scope<'a, 'env>) -> BoxFuture<'a, T> + Send,
    ) -> Result<Response> {
        let outcome = self.try_change(verb).await;
        self.answer(outcome, sentence).await
    }

    /// Answers a change that was made or refused.
    pub(crate) async fn answer<T>(
        &self,
        outcome: Result<Changed<T>>,
        sentence: &str,
    ) -> Result<Response> {
        answer(self, outcome, sentence).await
    }
}

/// The answer to a form on a task: the task anew, with what was refused and why.
pub(crate) async fn answer<T>(
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
    let refusal = match outcome {
        Ok(changed) => return changed_task(form, &changed, sentence).await,
        Err(problem) if fragment(headers) == Some("card") => return Err(problem),
        Err(problem) => Refusal::of(problem, fields)?,
    };
    if fragment(headers) == Some("form") {
        return refused_change(form, refusal, false).await;
    }
    let status = refusal.status();
    let article = article(app, viewer, access, refusal, None).await?;
    shown(app, viewer, headers, article, status).await
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
            // What is archived has left the board: there is no card to put there.
            let html = if card.archived {
                String::new()
            } else {
                CardHtml::with_column(&card, app.clock.now()).to_string()
            };
            let mut response = said(Html(html).into_response(), changed, sentence);
            if part == "form" {
                response
                    .headers_mut()
                    .insert("fortnight-done", header::HeaderValue::from_static("1"));
            }
            response
        }
        Some(_) => said(
            page::page(&article(app, viewer, access, Refusal::default(), None).await?)?,
            changed,
            sentence,
        ),
        None => {
            let own = format!("/tasks/{}", access.key);
            back_to(
                local_path(fields.get("back").unwrap_or(&own), &own),
                changed.id,
            )
        }
    })
}
