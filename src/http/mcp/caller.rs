//! The person that a call is made for.

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        policy::{
            task_access::{self, TaskAccess},
            team_access::{self, TeamAccess},
            viewer::Viewer,
        },
    },
    http::extract::task::TaskContext,
};

/// The person that a call is made for, with the rights of the token that came with it.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) app: App,
    pub(super) viewer: Viewer,
}

impl Caller {
    /// The team with this slug, if the person can see it.
    pub(super) async fn team(&self, slug: &str) -> Result<TeamAccess> {
        let found = team_access::team(&self.app.db, &self.viewer, slug).await;
        found.map_err(|problem| match problem {
            Problem::NotFound => Problem::BadRequest(
                format!(
                    "There is no team with the slug {slug:?}, or you have no access to it. The tool `teams` lists the teams."
                )
                .into(),
            ),
            other => other,
        })
    }

    /// The task with this key, if the person can see it.
    pub(super) async fn task(&self, key: &str) -> Result<TaskAccess> {
        let found = task_access::task(&self.app.db, &self.viewer, key).await;
        found.map_err(|problem| match problem {
            Problem::NotFound => Problem::BadRequest(
                format!("There is no task {key:?}, or you have no access to it. The tool `search` finds tasks.").into(),
            ),
            other => other,
        })
    }

    /// The task with this key, if the person may edit it.
    pub(super) async fn task_to_edit(&self, key: &str) -> Result<TaskAccess> {
        let at = TaskContext {
            access: self.task(key).await?,
            viewer: self.viewer.clone(),
        };
        Ok(at.require_edit()?.access)
    }

    /// The task with this key, if the person may comment on it.
    pub(super) async fn task_to_comment(&self, key: &str) -> Result<TaskAccess> {
        let at = TaskContext {
            access: self.task(key).await?,
            viewer: self.viewer.clone(),
        };
        Ok(at.require_comment()?.access)
    }
}
