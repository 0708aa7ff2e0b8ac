//! Owning and archiving.

use axum::response::Response;

use crate::domain::error::Result;
use crate::{
    domain::tasks::{archive, assign, edit, task_edit::Edit},
    http::pages::tasks::{edit::seen, form::EditForm},
};

/// `POST /tasks/{key}/owners`
pub async fn set_owners(EditForm(form): EditForm) -> Result<Response> {
    let (access, sentence) = (
        &form.access,
        format!("Set the owners of {}", form.access.key),
    );
    let edit = match seen(&form.fields) {
        Ok(seen) => Edit {
            owners: Some(form.fields.all("owners")),
            seen,
            ..Edit::default()
        },
        Err(problem) => return form.answer::<()>(Err(problem), &sentence).await,
    };
    form.change(&sentence, |change, _| {
        Box::pin(edit::edit_task(change, &access.team, access.id, &edit))
    })
    .await
}

/// `POST /tasks/{key}/owners/me`: mine, or no longer mine.
pub async fn own(EditForm(form): EditForm) -> Result<Response> {
    let (access, me) = (&form.access, &form.viewer.person.handle);
    let outcome = form
        .try_change(|change, _| Box::pin(assign::toggle_owner(change, &access.team, access.id, me)))
        .await;
    let now = if outcome.as_ref().is_ok_and(|changed| changed.value) {
        "is yours"
    } else {
        "is no longer yours"
    };
    form.answer(outcome, &format!("{} {now}", access.key)).await
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
    form.change(&format!("Brought {} back", access.key), |change, _| {
        Box::pin(archive::restore_task(change, &access.team, access.id, None))
    })
    .await
}
