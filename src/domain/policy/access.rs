//! Who may see and change what. Everything that belongs to a team is loaded through here, by its viewer;
//! what is missing and what is hidden are the same `NotFound`.

use std::collections::HashSet;

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        markdown::Links,
        policy::viewer::{self, Known, Role, Viewer, known_by_digest},
        teams::Team,
    },
    http::middleware::client_ip::Network,
};

/// The condition that an account, a parameter of the query, may look at the team `t`: it is open, or the account's own.
/// For queries over several teams; a page of one asks `team`. With `of`, the query calls the team otherwise. With a
/// second parameter, `Change::reach`, it is one of the teams that a token is for, too.
macro_rules! seen_by {
    (of $team:literal, $account:literal) => {
        concat!(
            "(NOT ",
            $team,
            ".private OR EXISTS (SELECT FROM members seen WHERE seen.team_id = ",
            $team,
            ".id AND seen.account_id = ",
            $account,
            "))"
        )
    };
    ($account:literal, $reach:literal) => {
        concat!(
            "(",
            $reach,
            "::uuid[] IS NULL OR t.id = ANY(",
            $reach,
            ")) AND ",
            seen_by!($account)
        )
    };
    ($account:literal) => {
        seen_by!(of "t", $account)
    };
}
pub(crate) use seen_by;

/// The condition that a team may be named to everybody, whichever team's page they look at: it is open.
macro_rules! named_to_all {
    ($team:literal) => {
        concat!("NOT ", $team, ".private")
    };
}
pub(crate) use named_to_all;

/// The condition that a team may be named to everybody who looks at another: it is open, or it is that one.
macro_rules! named_beside {
    ($team:literal, $beside:literal) => {
        concat!(
            "(NOT ",
            $team,
            ".private OR ",
            $team,
            ".id = ",
            $beside,
            ")"
        )
    };
}
pub(crate) use named_beside;

/// The team whose tasks' keys begin so, or did once: such a key is never another team's.
macro_rules! of_key {
    ($key:literal) => {
        concat!(
            "coalesce((SELECT id FROM teams WHERE key = ",
            $key,
            "), (SELECT team_id FROM former_keys WHERE key = ",
            $key,
            "))"
        )
    };
}
pub(crate) use of_key;

/// The condition that an account still may what it was let in for, asked once more as the last statement of its change,
/// with everything locked: who was taken off a team, leads it no more or was deactivated meanwhile changes nothing. Team,
/// account, and whom it takes, as `Takes` says, are parameters; nobody is the program itself.
macro_rules! still_may {
    ($team:literal, $account:literal, $takes:literal) => {
        concat!(
            "(",
            $account,
            "::uuid IS NULL OR EXISTS (SELECT FROM accounts a WHERE a.id = ",
            $account,
            " AND a.deactivated_at IS NULL AND (",
            $takes,
            " = 'anybody' OR a.role = 'admin' OR a.role <> 'viewer' AND EXISTS (SELECT FROM members m WHERE m.team_id = ",
            $team,
            " AND m.account_id = a.id AND (m.role = 'lead' OR ",
            $takes,
            " <> 'lead')))))"
        )
    };
}
pub(crate) use still_may;

/// Whom a change takes, the least first; an administrator may always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Takes {
    /// For what everybody may say who may look, what follows in other teams from a change in one, and people's own coming
    /// and going.
    #[default]
    Anybody,
    Member,
    Lead,
}

impl Takes {
    /// Whom an event of that kind takes.
    pub fn by(kind: &str) -> Self {
        match kind {
            "column.added" | "column.edited" | "column.removed" | "column.shifted" => Self::Lead,
            "team.day-off" | "team.renamed" | "team.shared" | "team.unshared"
            | "team.visibility" | "team.week" => Self::Lead,
            "goal.comment" | "goal.concern" | "request.made" | "request.withdrawn" => Self::Anybody,
            "topic.added" | "topic.corrected" | "topic.withdrawn" => Self::Anybody,
            _ => match kind.split_once('.') {
                Some(("comment" | "wait" | "member" | "share", _)) => Self::Anybody,
                Some(("label", _)) => Self::Lead,
                _ => Self::Member,
            },
        }
    }

    /// As `still_may` reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anybody => "anybody",
            Self::Member => "member",
            Self::Lead => "lead",
        }
    }
}

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

/// Who asks and the task whose key is in the address, both in one question to the database: moving a task is what
/// people do most.
pub struct AtTask {
    pub viewer: Viewer,
    pub access: TaskAccess,
}

#[derive(sqlx::FromRow)]
struct AtTaskRow {
    #[sqlx(flatten)]
    known: Known,
    team_id: Option<Uuid>,
    team_slug: Option<String>,
    team_name: Option<String>,
    team_key: Option<String>,
    seq: Option<i64>,
    is_member: bool,
    task_id: Option<Uuid>,
    number: Option<i64>,
}

impl FromRequestParts<App> for AtTask {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let path = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| Problem::NotFound)?;
        let brought = viewer::brought(&parts.headers, app.is_https()).ok_or(Problem::SignedOut)?;
        let now = app.clock.now();
        // A key that cannot be one finds no task; whoever has not signed in learns that first.
        let key = path
            .iter()
            .find(|(name, _)| *name == "key")
            .and_then(|(_, key)| split_key(key));
        let (prefix, number) = key.unwrap_or_default();
        let row: Option<AtTaskRow> = sqlx::query_as(concat!(
            "WITH known AS (",
            known_by_digest!(),
            ") SELECT known.*, t.id AS team_id, t.slug AS team_slug, t.name AS team_name, t.key AS team_key, t.seq,
                      m.account_id IS NOT NULL AS is_member, k.id AS task_id, k.number
             FROM known LEFT JOIN (teams t JOIN tasks k ON k.team_id = t.id AND k.number = $5) ON t.id = ",
            of_key!("$4"),
            " AND ",
            seen_by!("known.id"),
            " LEFT JOIN members m ON m.team_id = t.id AND m.account_id = known.id"
        ))
        .bind(&brought.token_hash)
        .bind(now)
        .bind(brought.cookie)
        .bind(prefix)
        .bind(number)
        .fetch_optional(&app.db)
        .await?;
        let row = row.ok_or_else(|| viewer::unknown(app, Network::of(app, parts)))?;
        let viewer = row
            .known
            .into_viewer(app, brought, now)
            .await?
            .asking(app, parts)?;
        let (Some(id), Some(slug), Some(name), Some(key), Some(seq)) = (
            row.team_id,
            row.team_slug,
            row.team_name,
            row.team_key,
            row.seq,
        ) else {
            return Err(Problem::NotFound);
        };
        let (Some(task), Some(number)) = (row.task_id, row.number) else {
            return Err(Problem::NotFound);
        };
        if !viewer.reaches(id) {
            return Err(Problem::NotFound);
        }
        let may_edit = may_edit(&viewer, row.is_member);
        let task_key = format!("{key}-{number}");
        let access = TaskAccess {
            team: Team {
                id,
                slug,
                name,
                key,
                seq,
            },
            may_edit,
            id: task,
            key: task_key,
        };
        Ok(Self { viewer, access })
    }
}

impl AtTask {
    /// The same, if the viewer may change the task.
    pub fn to_edit(self) -> Result<Self> {
        match self.access.may_edit {
            true => Ok(self),
            false if self.viewer.may_write() => Err(only_members(&self.access.team)),
            false => Err(only_reads()),
        }
    }

    /// The same, if the viewer may say something about it: whoever may write at all.
    pub fn to_comment(self) -> Result<Self> {
        if self.viewer.may_write() {
            Ok(self)
        } else {
            Err(only_reads())
        }
    }
}

/// Members change the boards of their teams, and administrators all of them.
fn may_edit(viewer: &Viewer, is_member: bool) -> bool {
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

fn only_reads() -> Problem {
    Problem::Forbidden("This account, or this token, may only read. Nothing was changed.".into())
}

fn only_members(team: &Team) -> Problem {
    Problem::Forbidden(
        format!(
            "Only members of {} may change its board. Nothing was changed.",
            team.name
        )
        .into(),
    )
}

/// Team key and number of a task's key, `INF-42`; letters may be small.
pub fn split_key(key: &str) -> Option<(String, i64)> {
    let (prefix, number) = key.rsplit_once('-')?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    let letters = !prefix.is_empty()
        && prefix.len() <= 10
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (digits && letters).then(|| Some((prefix.to_ascii_uppercase(), number.parse().ok()?)))?
}

/// An address that the database can look for.
pub(crate) fn plain(address: &str) -> Result<&str> {
    if address.contains('\0') {
        Err(Problem::NotFound)
    } else {
        Ok(address)
    }
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
