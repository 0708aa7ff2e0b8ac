//! The viewer and the task that the URL names, loaded by one query: moving a task is the most frequent write.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        keys::split_key,
        policy::{
            task_access::{TaskAccess, load_viewer_and_task},
            team_access::{only_members, only_reads},
            viewer::Viewer,
        },
    },
    http::{extract::viewer, middleware::client_ip::ClientIp},
};

/// The viewer and the task whose key is in the URL.
pub struct TaskContext {
    pub(crate) viewer: Viewer,
    pub(crate) access: TaskAccess,
}

impl FromRequestParts<App> for TaskContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let path = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| Problem::NotFound)?;
        let credentials =
            viewer::credentials(&parts.headers, app.is_https()).ok_or(Problem::SignedOut)?;
        let now = app.clock.now();
        // An invalid key finds no task; "signed out" takes precedence over "not found".
        let key = path
            .iter()
            .find(|(name, _)| *name == "key")
            .and_then(|(_, key)| split_key(key));
        let (prefix, number) = key.unwrap_or_default();
        let (viewer, access) = load_viewer_and_task(&app.db, credentials, now, (&prefix, number))
            .await?
            .ok_or_else(|| {
                viewer::reject_unknown(app, ClientIp::of(&app.trusted_proxies, parts))
            })?;
        let viewer = viewer.for_request(app, parts)?;
        let access = access.ok_or(Problem::NotFound)?;
        Ok(Self { viewer, access })
    }
}

impl TaskContext {
    /// Returns the context if the viewer may edit the task.
    pub(crate) fn require_edit(self) -> Result<Self> {
        match self.access.may_edit {
            true => Ok(self),
            false if self.viewer.may_write() => Err(only_members(&self.access.team)),
            false => Err(only_reads()),
        }
    }

    /// Returns the context if the viewer may comment: anyone whose account may write.
    pub(crate) fn require_comment(self) -> Result<Self> {
        if self.viewer.may_write() {
            Ok(self)
        } else {
            Err(only_reads())
        }
    }
}
