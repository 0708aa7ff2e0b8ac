//! A task that the viewer may see, and what they may do with it.

use uuid::Uuid;

use crate::domain::team::Team;

/// A task that the viewer may look at.
#[derive(Clone, Debug)]
pub struct TaskAccess {
    pub team: Team,
    pub may_edit: bool,
    pub id: Uuid,
    pub key: String,
}
