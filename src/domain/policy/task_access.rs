//! A task that the viewer can see, with their permissions.

use uuid::Uuid;

use crate::domain::team::Team;

/// A task that the viewer can see.
#[derive(Clone, Debug)]
pub struct TaskAccess {
    pub team: Team,
    pub may_edit: bool,
    pub id: Uuid,
    pub key: String,
}
