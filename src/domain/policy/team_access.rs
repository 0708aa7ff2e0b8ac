//! Teams that a viewer can see, with their permissions. A missing and a hidden team are the same
//! `NotFound`.

use std::collections::HashSet;

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    keys::plain,
    markdown::Links,
    policy::{
        predicates::seen_by,
        viewer::{Role, Viewer},
    },
    team::Team,
};

/// A team that the viewer can see.
#[derive(Clone, Debug)]
pub(crate) struct TeamAccess {
    pub(crate) team: Team,
    pub(crate) is_member: bool,
    pub(crate) may_edit: bool,
    /// Whether the viewer may comment: everyone with write access.
    pub(crate) may_comment: bool,
    /// Whether the viewer may change the team's settings: its leads, and administrators.
    pub(crate) may_lead: bool,
}

#[derive(sqlx::FromRow)]
struct TeamRow {
    #[sqlx(flatten)]
    team: Team,
    is_member: bool,
    is_lead: bool,
}

impl TeamRow {
    fn seen_by(self, viewer: &Viewer) -> Result<TeamAccess> {
        TeamAccess::of(viewer, self.team, self.is_member, self.is_lead)
    }
}

/// Loads the team with this slug.
pub(crate) async fn team(
    db: impl PgExecutor<'_>,
    viewer: &Viewer,
    slug: &str,
) -> Result<TeamAccess> {
    // A NUL would reach the database as an error; no slug contains one.
    let row: TeamRow = sqlx::query_as(
        "SELECT t.id, t.slug, t.name, t.key, t.seq, m.account_id IS NOT NULL AS is_member, coalesce(m.role = 'lead', false) AS is_lead
         FROM teams t LEFT JOIN members m ON m.team_id = t.id AND m.account_id = $2
         WHERE t.slug = $1 AND (NOT t.private OR m.account_id IS NOT NULL)",
    )
    .bind(plain(slug)?)
    .bind(viewer.person.id)
    .fetch_one(db)
    .await?;
    row.seen_by(viewer)
}

/// Loads a team as its chat channel may see it: like everyone who can see the team, without permission to change
/// anything. `None` if it is gone.
pub(crate) async fn of_channel(db: impl PgExecutor<'_>, team: Uuid) -> Result<Option<TeamAccess>> {
    let team: Option<Team> =
        sqlx::query_as("SELECT id, slug, name, key, seq FROM teams WHERE id = $1")
            .bind(team)
            .fetch_optional(db)
            .await?;
    Ok(team.map(|team| TeamAccess {
        team,
        is_member: false,
        may_edit: false,
        may_comment: false,
        may_lead: false,
    }))
}

/// Loads every team that the viewer can see, by name.
pub(crate) async fn teams(db: impl PgExecutor<'_>, viewer: &Viewer) -> Result<Vec<TeamAccess>> {
    let rows: Vec<TeamRow> = sqlx::query_as(concat!(
        "SELECT t.id, t.slug, t.name, t.key, t.seq, m.account_id IS NOT NULL AS is_member, coalesce(m.role = 'lead', false) AS is_lead
         FROM teams t LEFT JOIN members m ON m.team_id = t.id AND m.account_id = $1
         WHERE ",
        seen_by!("$1"),
        " ORDER BY t.name, t.id"
    ))
    .bind(viewer.person.id)
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| row.seen_by(viewer).ok())
        .collect())
}

/// Like `teams`, without the viewer's permissions.
pub(crate) async fn seen_teams(db: impl PgExecutor<'_>, viewer: &Viewer) -> Result<Vec<Team>> {
    Ok(teams(db, viewer)
        .await?
        .into_iter()
        .map(|access| access.team)
        .collect())
}

/// The team keys and handles that Markdown links to, for this reader.
pub(crate) async fn links(db: &crate::db::pool::Pool, viewer: &Viewer) -> Result<Links> {
    let handles: Vec<String> = sqlx::query_scalar("SELECT handle FROM accounts UNION SELECT handle FROM former_handles WHERE account_id IS NOT NULL")
        .fetch_all(db)
        .await?;
    let (ids, mut team_keys): (Vec<Uuid>, HashSet<String>) = seen_teams(db, viewer)
        .await?
        .into_iter()
        .map(|team| (team.id, team.key))
        .unzip();
    let former: Vec<String> =
        sqlx::query_scalar("SELECT key FROM former_keys WHERE team_id = ANY($1)")
            .bind(ids)
            .fetch_all(db)
            .await?;
    team_keys.extend(former);
    Ok(Links {
        team_keys,
        handles: handles.into_iter().collect(),
    })
}

/// The teams that a query names (`?team=infrastructure&team=ingestion`), or all teams if it names
/// none.
pub(crate) fn named(teams: &[TeamAccess], query: &[(String, String)]) -> Result<Vec<TeamAccess>> {
    let mut slugs = query
        .iter()
        .filter(|(name, _)| name == "team")
        .map(|(_, slug)| slug.as_str())
        .peekable();
    if slugs.peek().is_none() {
        return Ok(teams.to_vec());
    }
    let mut chosen: Vec<TeamAccess> = Vec::new();
    for slug in slugs {
        let access = teams
            .iter()
            .find(|access| access.team.slug == slug)
            .ok_or(Problem::NotFound)?;
        if chosen.iter().all(|other| other.team.id != access.team.id) {
            chosen.push(access.clone());
        }
    }
    Ok(chosen)
}

/// The project with this slug, with the viewer's access to the team that leads it.
pub(crate) async fn project(
    db: &crate::db::pool::Pool,
    viewer: &Viewer,
    slug: &str,
) -> Result<(TeamAccess, Uuid)> {
    let row: (Uuid, String) = sqlx::query_as(
        "SELECT p.id, t.slug FROM projects p JOIN teams t ON t.id = p.team_id WHERE p.slug = $1",
    )
    .bind(plain(slug)?)
    .fetch_one(db)
    .await?;
    Ok((team(db, viewer, &row.1).await?, row.0))
}

/// Whether the viewer may change a team's board: members, and administrators everywhere.
pub(crate) fn may_edit(viewer: &Viewer, is_member: bool) -> bool {
    viewer.may_write() && (is_member || viewer.role == Role::Admin)
}

impl TeamAccess {
    /// The viewer's permissions in a team that they can see.
    ///
    /// # Errors
    /// `NotFound` where the request's token is not for this team.
    pub(crate) fn of(viewer: &Viewer, team: Team, is_member: bool, is_lead: bool) -> Result<Self> {
        if !viewer.reaches(team.id) {
            return Err(Problem::NotFound);
        }
        Ok(Self {
            team,
            is_member,
            may_edit: may_edit(viewer, is_member),
            may_comment: viewer.may_write(),
            may_lead: may_edit(viewer, is_lead),
        })
    }

    /// Refuses viewers without permission to change the board.
    pub(crate) fn require_edit(self) -> Result<Self> {
        match self.may_edit {
            true => Ok(self),
            false if self.may_comment => Err(only_members(&self.team)),
            false => Err(only_reads()),
        }
    }

    /// Refuses viewers without permission to comment.
    pub(crate) fn require_comment(self) -> Result<Self> {
        if self.may_comment {
            Ok(self)
        } else {
            Err(only_reads())
        }
    }

    /// Refuses viewers without permission to change the team's settings.
    pub(crate) fn require_lead(self) -> Result<Self> {
        if self.may_lead {
            return Ok(self);
        }
        let name = &self.team.name;
        Err(Problem::Forbidden(
            format!("Only leads of {name} can change its settings. Nothing was changed.").into(),
        ))
    }
}

pub(crate) fn only_reads() -> Problem {
    Problem::Forbidden("This account or token is read-only. Nothing was changed.".into())
}

pub(crate) fn only_members(team: &Team) -> Problem {
    Problem::Forbidden(
        format!(
            "Only members of {} can change its board. Nothing was changed.",
            team.name
        )
        .into(),
    )
}

/// Whether the viewer may change what all teams share: sprint schedule, people and workspace
/// settings. Only administrators may, and not with a token that is limited to teams.
pub(crate) fn may_edit_workspace(viewer: &Viewer) -> bool {
    viewer.may_write() && viewer.role == Role::Admin && viewer.reach().is_none()
}

/// Refuses viewers without permission to change the workspace.
pub(crate) fn require_workspace_admin(viewer: &Viewer) -> Result<()> {
    if may_edit_workspace(viewer) {
        return Ok(());
    }
    Err(Problem::Forbidden(
        "Only administrators can do this. Nothing was changed.".into(),
    ))
}
