//! Extractors of the forms on one task.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::HeaderMap,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    domain::{
        error::Result,
        events::{BoxFuture, Change, Changed, Scope},
        policy::{task_access::TaskAccess, viewer::Viewer},
    },
    http::extract::{form::Fields, task::TaskContext},
};

/// The viewer, the task and the fields of a form.
pub(crate) struct TaskForm {
    pub(crate) app: App,
    pub(crate) viewer: Viewer,
    pub(crate) access: TaskAccess,
    pub(crate) headers: HeaderMap,
    pub(crate) fields: Fields,
}

/// A form whose viewer may edit the task.
pub struct EditForm(pub(crate) TaskForm);

/// A form whose viewer may comment on the task: every account that may write.
pub struct CommentForm(pub(crate) TaskForm);

impl FromRequest<App> for EditForm {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        TaskForm::read(request, app, TaskContext::require_edit)
            .await
            .map(Self)
    }
}

impl FromRequest<App> for CommentForm {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        TaskForm::read(request, app, TaskContext::require_comment)
            .await
            .map(Self)
    }
}

impl TaskForm {
    async fn read(
        request: Request,
        app: &App,
        may: fn(TaskContext) -> Result<TaskContext>,
    ) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let at = TaskContext::from_request_parts(&mut parts, app)
            .await
            .and_then(may);
        let TaskContext { viewer, access } = at.map_err(IntoResponse::into_response)?;
        let headers = parts.headers.clone();
        let fields = Fields::from_request(Request::from_parts(parts, body), app).await?;
        Ok(Self {
            app: app.clone(),
            viewer,
            access,
            headers,
            fields,
        })
    }

    /// Runs the change without building the response.
    pub(crate) async fn try_change<'env, T>(
        &'env self,
        verb: impl for<'a> FnMut(&'a mut Change, Scope<'a, 'env>) -> BoxFuture<'a, T> + Send,
    ) -> Result<Changed<T>> {
        self.app.store.change(&self.viewer.actor(), verb).await
    }
}
