//! The pull requests of a task, and the name of a branch for one.

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        policy::task_access::TaskAccess,
        pull_requests::{
            branch_name::branch_name,
            links::{self, LinkedPullRequest},
        },
        tasks::Card,
    },
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
