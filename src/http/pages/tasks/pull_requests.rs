//! The pull requests of a task, and the name of a branch for one.

use axum::{extract::Path, response::Response};

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        policy::task_access::TaskAccess,
        pull_requests::{
            branch_name::branch_name,
            links::{self, LinkedPullRequest},
            unlink::unlink,
        },
        tasks::Card,
    },
    http::{extract::form::id, pages::tasks::form::EditForm},
};

/// What the task's page shows of pull requests.
pub(crate) struct PullRequests {
    pub(super) list: Vec<LinkedPullRequest>,
    /// The name of a branch that is linked to the task.
    pub(super) branch: String,
}

impl PullRequests {
    pub(super) async fn load(db: &Pool, access: &TaskAccess, card: &Card) -> Result<Self> {
        Ok(Self {
            list: links::of_task(db, access.team.id, access.id).await?,
            branch: branch_name(&card.key, &card.title),
        })
    }
}

/// `POST /tasks/{key}/pull-requests/{id}/unlink`
pub(crate) async fn unlink_pull_request(
    Path((_, pull_request)): Path<(String, String)>,
    EditForm(form): EditForm,
) -> Result<Response> {
    let (access, pull_request) = (&form.access, id(&pull_request)?);
    form.change("Unlinked pull request", |change, _| {
        Box::pin(unlink(change, &access.team, access.id, pull_request))
    })
    .await
}
