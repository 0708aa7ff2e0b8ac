//! Who may see and change what. Everything that belongs to a team is loaded through here, by its viewer;
//! what is missing and what is hidden are the same `NotFound`.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::{
    accounts::viewer::{Role, Viewer},
    teams::Team,
    web::error::{Problem, Result},
};

/// A team that the viewer may look at.
#[derive(Clone, Debug)]
pub struct TeamAccess {
    pub team: Team,
    pub may_edit: bool,
}

/// A task that the viewer may look at.
#[derive(Clone, Debug)]
pub struct TaskAccess {
    pub team: Team,
    pub may_edit: bool,
    pub id: Uuid,
    pub key: String,
}

#[derive(sqlx::FromRow)]
struct TeamRow {
    #[sqlx(flatten)]
    team: Team,
    is_member: bool,
}

/// The team at this address.
pub async fn team(db: impl PgExecutor<'_>, viewer: &Viewer, slug: &str) -> Result<TeamAccess> {
    // A NUL would reach the database as an error; no address has one.
    let row: TeamRow = sqlx::query_as(
        "SELECT t.id, t.slug, t.name, t.key, t.seq, m.account_id IS NOT NULL AS is_member
         FROM teams t LEFT JOIN members m ON m.team_id = t.id AND m.account_id = $2
         WHERE t.slug = $1",
    )
    .bind(plain(slug)?)
    .bind(viewer.person.id)
    .fetch_one(db)
    .await?;
    let may_edit = may_edit(viewer, row.is_member);
    Ok(TeamAccess { team: row.team, may_edit })
}

/// The task with this key.
pub async fn task(db: impl PgExecutor<'_>, viewer: &Viewer, key: &str) -> Result<TaskAccess> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        team: TeamRow,
        task_id: Uuid,
        number: i64,
    }
    let (prefix, number) = split_key(plain(key)?).ok_or(Problem::NotFound)?;
    let row: Row = sqlx::query_as(
        "SELECT t.id, t.slug, t.name, t.key, t.seq, m.account_id IS NOT NULL AS is_member, k.id AS task_id, k.number
         FROM teams t JOIN tasks k ON k.team_id = t.id
         LEFT JOIN members m ON m.team_id = t.id AND m.account_id = $3
         WHERE t.key = $1 AND k.number = $2",
    )
    .bind(prefix)
    .bind(number)
    .bind(viewer.person.id)
    .fetch_one(db)
    .await?;
    let may_edit = may_edit(viewer, row.team.is_member);
    let key = format!("{}-{}", row.team.team.key, row.number);
    Ok(TaskAccess { team: row.team.team, may_edit, id: row.task_id, key })
}

/// Members change the boards of their teams, and administrators all of them.
pub(super) fn may_edit(viewer: &Viewer, is_member: bool) -> bool {
    viewer.may_write() && (is_member || viewer.role == Role::Admin)
}

impl TeamAccess {
    /// The same, if the viewer may change the board.
    pub fn to_edit(self) -> Result<Self> {
        if self.may_edit { Ok(self) } else { Err(only_members(&self.team)) }
    }
}

impl TaskAccess {
    /// The same, if the viewer may change the task.
    pub fn to_edit(self) -> Result<Self> {
        if self.may_edit { Ok(self) } else { Err(only_members(&self.team)) }
    }
}

fn only_members(team: &Team) -> Problem {
    Problem::Forbidden(format!("Only members of {} may change its board. Nothing was changed.", team.name).into())
}

/// Team key and number of a task's key, `INF-42`; letters may be small.
pub fn split_key(key: &str) -> Option<(String, i64)> {
    let (prefix, number) = key.rsplit_once('-')?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    let letters = !prefix.is_empty() && prefix.len() <= 10 && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (digits && letters).then(|| Some((prefix.to_ascii_uppercase(), number.parse().ok()?)))?
}

/// An address that the database can look for.
pub(super) fn plain(address: &str) -> Result<&str> {
    if address.contains('\0') { Err(Problem::NotFound) } else { Ok(address) }
}

/// Whether the viewer may change what all teams share: the sprints' days and how they follow one another.
pub fn may_edit_workspace(viewer: &Viewer) -> bool {
    viewer.may_write() && viewer.role == Role::Admin
}

/// Refuses everybody who may not.
pub fn to_edit_workspace(viewer: &Viewer) -> Result<()> {
    if may_edit_workspace(viewer) {
        return Ok(());
    }
    Err(Problem::Forbidden("Only an administrator may change the sprints of all teams. Nothing was changed.".into()))
}
