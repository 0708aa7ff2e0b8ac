//! Assigning and archiving tasks.

use axum::response::Response;

use crate::{
    domain::{
        error::Result,
        tasks::{archive, assign, edit, task_edit::Edit},
    },
    http::pages::tasks::{edit::seen, form::EditForm},
};

/// `POST /tasks/{key}/owners`
pub async fn set_owners(EditForm(form): EditForm) -> Result<Response> {
    let (access, sentence) = (
        &form.access,
        format!("Changed the owners of {}", form.access.key),
    );
    let edit = match seen(&form.fields) {
        Ok(seen) => Edit {
            owners: Some(form.fields.all("owners")),
            seen,
            ..Edit::default()
        },
        Err(problem) => return form.respond::<()>(Err(problem), &sentence).await,
    };
    form.change(&sentence, |change, _| {
        Box::pin(edit::edit_task(change, &access.team, access.id, &edit))
    })
    .await
}

/// `POST /tasks/{key}/owners/me`: assigns the viewer, or unassigns them.
pub async fn assign_me(EditForm(form): EditForm) -> Result<Response> {
    let (access, me) = (&form.access, &form.viewer.person.handle);
    let outcome = form
        .try_change(|change, _| Box::pin(assign::toggle_owner(change, &access.team, access.id, me)))
        .await;
    let sentence = if outcome.as_ref().is_ok_and(|changed| changed.value) {
        format!("Assigned {} to you", access.key)
    } else {
        format!("Unassigned you from {}", access.key)
    };
    form.respond(outcome, &sentence).await
}

/// `POST /tasks/{key}/archive`
pub async fn archive(EditForm(form): EditForm) -> Result<Response> {
    let access = &form.access;
    form.change(&format!("Archived {}", access.key), |change, _| {
        Box::pin(archive::archive_task(change, &access.team, access.id))
    })
    .await
}

/// `POST /tasks/{key}/restore`
pub async fn restore(EditForm(form): EditForm) -> Result<Response> {
    let access = &form.access;
    form.change(&format!("Restored {}", access.key), |change, _| {
        Box::pin(archive::restore_task(change, &access.team, access.id, None))
    })
    .await
}
