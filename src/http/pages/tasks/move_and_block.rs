//! Moving and blocking tasks, by dragging or by form.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        clock::Clock,
        error::{Conflict, Problem, Result},
        keys::split_key,
        policy::task_access::TaskAccess,
        tasks::{block, lookup, move_task, placement::Place, queries},
    },
    http::{
        extract::{
            form::{Fields, id},
            task::TaskContext,
        },
        page::fragment,
        pages::tasks::{
            card::CardHtml,
            change_form::{change_form, refused_change},
            form::{EditForm, TaskForm},
            rejected_form::RejectedForm,
        },
    },
};

/// `PUT` and `POST /tasks/{key}/position`
pub async fn move_task(EditForm(form): EditForm) -> Result<Response> {
    let TaskForm {
        app,
        access,
        fields,
        ..
    } = &form;
    let place = Place {
        column: fields.text("column").to_owned(),
        state: fields
            .get("state")
            .filter(|state| !state.is_empty())
            .map(str::to_owned),
        after: fields
            .get("after")
            .filter(|key| !key.is_empty())
            .map(str::to_owned),
        before: fields
            .get("before")
            .filter(|key| !key.is_empty())
            .map(str::to_owned),
        version: fields.parse("version", "Invalid version.")?,
    };
    // A drag names its neighbour; the form has one list of tasks to place it below, of all columns.
    let place = match (fields.get("place"), &place.after) {
        (Some(_), Some(_)) => below(&app.db, access, place).await?,
        (Some("top"), None) => top_of(&app.db, access, place).await?,
        _ => place,
    };
    let outcome = form
        .try_change(|change, _| {
            Box::pin(move_task::move_task(
                change,
                &access.team,
                access.id,
                &place,
            ))
        })
        .await;
    match outcome {
        Err(Problem::Conflict(conflict)) if fragment(&form.headers) == Some("card") => {
            stale(&app.db, &app.clock, access, conflict).await
        }
        // Without JavaScript the form leads back to its page.
        Err(problem) if fragment(&form.headers).is_none() => {
            refused_change(&form, RejectedForm::of(problem, fields)?, false).await
        }
        outcome => {
            let column = outcome
                .as_ref()
                .map_or("", |changed| changed.value.name.as_str());
            let sentence = format!("Moved {} to {column}", access.key);
            form.respond(outcome, &sentence).await
        }
    }
}

async fn top_of(db: &Pool, access: &TaskAccess, place: Place) -> Result<Place> {
    let first = lookup::first_in_column(db, access.team.id, &place.column, access.id).await?;
    Ok(Place {
        before: first.map(|number| format!("{}-{number}", access.team.key)),
        ..place
    })
}

async fn below(db: &Pool, access: &TaskAccess, place: Place) -> Result<Place> {
    let number = place
        .after
        .as_deref()
        .and_then(split_key)
        .map(|(_, number)| number);
    let column = match number {
        Some(number) => lookup::column_of(db, access.team.id, number).await?,
        None => None,
    };
    Ok(Place {
        column: column.unwrap_or_else(|| place.column.clone()),
        ..place
    })
}

/// An edit conflict: who changed the task and when, with the current card for the board to show.
async fn stale(
    db: &Pool,
    clock: &Clock,
    access: &TaskAccess,
    mut conflict: Box<Conflict>,
) -> Result<Response> {
    let card = queries::card(db, &access.team, access.id).await?;
    conflict.current = serde_json::json!({
        "column": card.column, "archived": card.archived, "version": card.version,
        "card": CardHtml::with_column(&card, clock.now()).to_string(),
    });
    Err(Problem::Conflict(conflict))
}

// The template escapes its own text.

/// `GET /tasks/{key}/move`
pub async fn move_form(
    State(app): State<App>,
    at: TaskContext,
    headers: HeaderMap,
) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    change_form(
        &app,
        &viewer,
        &headers,
        &access,
        false,
        RejectedForm::default(),
    )
    .await
}

/// `GET /tasks/{key}/block`
pub async fn block_form(
    State(app): State<App>,
    at: TaskContext,
    headers: HeaderMap,
) -> Result<Response> {
    let TaskContext { viewer, access } = at.require_edit()?;
    change_form(
        &app,
        &viewer,
        &headers,
        &access,
        true,
        RejectedForm::default(),
    )
    .await
}

/// `PUT` and `POST /tasks/{key}/block`
pub async fn block(EditForm(form): EditForm) -> Result<Response> {
    let (access, fields) = (&form.access, &form.fields);
    let reason = block::Reason {
        kind: fields.text("kind").to_owned(),
        on: on_of(fields),
        note: fields.text("note").to_owned(),
    };
    let outcome = form
        .try_change(|change, _| {
            Box::pin(block::block_task(change, &access.team, access.id, &reason))
        })
        .await;
    match outcome {
        Err(problem) if fragment(&form.headers) != Some("task") => {
            refused_change(&form, RejectedForm::of(problem, fields)?, true).await
        }
        outcome => {
            form.respond(outcome, &format!("Blocked {}", access.key))
                .await
        }
    }
}

/// The field of the chosen kind: a task, a team, a person, or text.
fn on_of(fields: &Fields) -> String {
    match fields.text("kind") {
        "team" => fields.text("team"),
        "person" => fields.text("person"),
        "text" => "",
        _ => fields.text("on"),
    }
    .to_owned()
}

/// `POST /tasks/{key}/blockers/{id}/end`: removes one reason.
pub async fn end_wait(
    Path((_, blocker)): Path<(String, String)>,
    EditForm(form): EditForm,
) -> Result<Response> {
    let access = &form.access;
    let blocker = id(&blocker)?;
    form.change(
        &format!("Removed a reason that {} is blocked", access.key),
        |change, _| Box::pin(block::end_wait(change, &access.team, access.id, blocker)),
    )
    .await
}

/// `DELETE /tasks/{key}/block` and `POST /tasks/{key}/unblock`
pub async fn unblock(EditForm(form): EditForm) -> Result<Response> {
    let access = &form.access;
    form.change(&format!("Unblocked {}", access.key), |change, _| {
        Box::pin(block::unblock_task(change, &access.team, access.id))
    })
    .await
}
