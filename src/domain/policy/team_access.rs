//! Teams that a viewer may see, and what they may do there. A team that is missing and one that is hidden are the same
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

/// A team that the viewer may look at.
#[derive(Clone, Debug)]
pub struct TeamAccess {
    pub team: Team,
    pub is_member: bool,
    pub may_edit: bool,
    /// Whether the viewer may say something there: whoever may write at all.
    pub may_speak: bool,
    /// Whether the viewer may change how the team works: its leads, and administrators.
    pub may_lead: bool,
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

/// The team at this address.
pub async fn team(db: impl PgExecutor<'_>, viewer: &Viewer, slug: &str) -> Result<TeamAccess> {
    // A NUL would reach the database as an error; no address has one.
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

/// Every team that the viewer may look at, by name.
pub async fn teams(db: impl PgExecutor<'_>, viewer: &Viewer) -> Result<Vec<TeamAccess>> {
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

/// The same without what the viewer may do there.
pub async fn seen_teams(db: impl PgExecutor<'_>, viewer: &Viewer) -> Result<Vec<Team>> {
    Ok(teams(db, viewer)
        .await?
        .into_iter()
        .map(|access| access.team)
        .collect())
}

/// What Markdown may link to, for this reader.
pub async fn links(db: &sqlx::PgPool, viewer: &Viewer) -> Result<Links> {
    let handles: Vec<String> = sqlx::query_scalar("SELECT handle FROM accounts")
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

/// Those of these teams that an address names (`?team=infrastructure&team=ingestion`), or all if it names none.
pub fn named(teams: &[TeamAccess], query: &[(String, String)]) -> Result<Vec<TeamAccess>> {
    let mut slugs = query
        .iter()
        .filter(|(name, _)| name == "team")
        .map(|(_, slug)| slug.as_str())
        .peekable();
    if slugs.peek().is_none() {
        return Ok(teams.to_vec());
    }
    let mut found: Vec<TeamAccess> = Vec::new();
    for slug in slugs {
        let access = teams
            .iter()
            .find(|access| access.team.slug == slug)
            .ok_or(Problem::NotFound)?;
        if found.iter().all(|other| other.team.id != access.team.id) {
            found.push(access.clone());
        }
    }
    Ok(found)
}

/// The project at this address, as its team's people see it: that team leads it.
pub async fn project(db: &sqlx::PgPool, viewer: &Viewer, slug: &str) -> Result<(TeamAccess, Uuid)> {
    let found: (Uuid, String) = sqlx::query_as(
        "SELECT p.id, t.slug FROM projects p JOIN teams t ON t.id = p.team_id WHERE p.slug = $1",
    )
    .bind(plain(slug)?)
    .fetch_one(db)
    .await?;
    Ok((team(db, viewer, &found.1).await?, found.0))
}

/// Members change the boards of their teams, and administrators all of them.
pub(crate) fn may_edit(viewer: &Viewer, is_member: bool) -> bool {
    viewer.may_write() && (is_member || viewer.role == Role::Admin)
}

impl TeamAccess {
    /// What a viewer may do with a team that they may look at, and are on, or lead, or not.
    ///
    /// # Errors
    /// `NotFound` where what the request brought does not reach the team.
    pub(crate) fn of(viewer: &Viewer, team: Team, is_member: bool, is_lead: bool) -> Result<Self> {
        if !viewer.reaches(team.id) {
            return Err(Problem::NotFound);
        }
        Ok(Self {
            team,
            is_member,
            may_edit: may_edit(viewer, is_member),
            may_speak: viewer.may_write(),
            may_lead: may_edit(viewer, is_lead),
        })
    }

    /// The same, if the viewer may change the board.
    pub fn to_edit(self) -> Result<Self> {
        match self.may_edit {
            true => Ok(self),
            false if self.may_speak => Err(only_members(&self.team)),
            false => Err(only_reads()),
        }
    }

    /// The same, if the viewer may say something there.
    pub fn to_speak(self) -> Result<Self> {
        if self.may_speak {
            Ok(self)
        } else {
            Err(only_reads())
        }
    }

    /// The same, if the viewer may change how the team works.
    pub fn to_lead(self) -> Result<Self> {
        if self.may_lead {
            return Ok(self);
        }
        let name = &self.team.name;
        Err(Problem::Forbidden(
            format!("Only leads of {name} may change its settings. Nothing was changed.").into(),
        ))
    }
}

pub(crate) fn only_reads() -> Problem {
    Problem::Forbidden("This account, or this token, may only read. Nothing was changed.".into())
}

pub(crate) fn only_members(team: &Team) -> Problem {
    Problem::Forbidden(
        format!(
            "Only members of {} may change its board. Nothing was changed.",
            team.name
        )
        .into(),
    )
}

/// Whether the viewer may change what all teams share: the sprints' days and how they follow one another, people, and
/// what the workspace is called. No token that is for some teams does.
pub fn may_edit_workspace(viewer: &Viewer) -> bool {
    viewer.may_write() && viewer.role == Role::Admin && viewer.reach().is_none()
}

/// Refuses everybody who may not.
pub fn to_edit_workspace(viewer: &Viewer) -> Result<()> {
    if may_edit_workspace(viewer) {
        return Ok(());
    }
    Err(Problem::Forbidden(
        "Only an administrator may change the sprints of all teams. Nothing was changed.".into(),
    ))
}
