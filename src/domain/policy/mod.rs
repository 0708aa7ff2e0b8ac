//! Access rules: what each person can see and change. Everything that belongs to a team is loaded
//! through its viewer's access.

pub mod actor;
pub mod predicates;
pub mod required_role;
pub mod share_links;
pub mod stream_access;
pub mod task_access;
pub mod team_access;
pub mod viewer;
