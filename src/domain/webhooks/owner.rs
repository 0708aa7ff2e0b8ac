//! What a webhook belongs to: a team or the workspace.

use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, audit_log},
    policy::predicates::still_may,
    team::Team,
};

/// What a webhook belongs to, which decides who may change it and whose events it gets.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    Workspace,
    Team(Team),
}

impl Owner {
    pub(crate) fn team(&self) -> Option<&Team> {
        match self {
            Self::Workspace => None,
            Self::Team(team) => Some(team),
        }
    }

    pub(super) fn team_id(&self) -> Option<Uuid> {
        self.team().map(|team| team.id)
    }

    /// Checks in the transaction that the actor still has the role, and lets one change at a time go on.
    pub(super) async fn lock(&self, change: &mut Change) -> Result<()> {
        let actor = change.actor;
        let may: Option<bool> = match self {
            Self::Team(team) => sqlx::query_scalar(concat!(
                "SELECT ",
                still_may!("t.id", "$2", "'lead'"),
                " FROM teams t WHERE t.id = $1 FOR NO KEY UPDATE OF t"
            ))
            .bind(team.id)
            .bind(actor)
            .fetch_optional(change.db())
            .await?,
            Self::Workspace => {
                sqlx::query_scalar(
                    "SELECT EXISTS (SELECT FROM accounts WHERE id = $1 AND role = 'admin' AND deactivated_at IS NULL)
                     FROM workspace FOR NO KEY UPDATE",
                )
                .bind(actor)
                .fetch_optional(change.db())
                .await?
            }
        };
        match may {
            Some(true) => Ok(()),
            Some(false) => Err(Problem::Forbidden(
                "You no longer have permission to change this. Nothing was changed.".into(),
            )),
            None => Err(Problem::NotFound),
        }
    }

    /// Writes an audit log entry.
    pub(super) async fn note(&self, change: &mut Change, kind: &str, name: &str) -> Result<()> {
        match self.team_id() {
            // The name is for those who see the team.
            Some(team) => audit_log::note_for_team(change, team, kind, "of {team}").await,
            None => audit_log::note(change, kind, name).await,
        }
    }
}
