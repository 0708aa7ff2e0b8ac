//! Pull requests of GitHub, Forgejo, Gitea and GitLab: what they tell by webhook, the tasks that they name, and the moves
//! that follow from it.

mod activity;
pub mod branch_keys;
pub mod branch_name;
pub mod connections;
pub mod deliveries;
pub mod disconnect;
mod done;
pub mod forgejo;
mod found_tasks;
pub mod github;
pub mod github_app;
mod github_site;
pub mod gitlab;
mod last_move;
pub mod links;
pub mod log;
pub mod logins;
pub mod model;
pub mod payload;
pub mod rules;
pub mod run;
pub mod signature;
pub mod store;
pub mod task_keys;
pub mod task_step;
pub mod test_delivery;
pub mod unlink;
mod without_code;

pub(crate) use crate::domain::pull_requests::{github_site::GitHubSite, model::Forge};
