//! Who may see and change what. Everything that belongs to a team is loaded through here, by its viewer;
//! what is missing and what is hidden are the same `NotFound`.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::{
    accounts::viewer::{self, Role, Viewer},
    app::App,
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

fn may_edit(viewer: &Viewer, is_member: bool) -> bool {
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

fn plain(address: &str) -> Result<&str> {
    if address.contains('\0') { Err(Problem::NotFound) } else { Ok(address) }
}

/// Who asks for a team's board, and all that its page must know before it can say "unchanged": in one query.
pub struct Door {
    pub viewer: Viewer,
    pub access: TeamAccess,
    pub workspace_seq: i64,
}

/// Lets a request in to a team's board, or says why not.
pub async fn door(app: &App, headers: &HeaderMap, slug: &str) -> Result<Door> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        known: viewer::Known,
        workspace_seq: i64,
        team_id: Option<Uuid>,
        team_slug: Option<String>,
        team_name: Option<String>,
        team_key: Option<String>,
        seq: Option<i64>,
        is_member: bool,
    }
    const REST: &str = "SELECT known.*, w.seq AS workspace_seq, t.id AS team_id, t.slug AS team_slug, t.name AS team_name, t.key AS team_key, t.seq,
                m.account_id IS NOT NULL AS is_member
         FROM known CROSS JOIN workspace w LEFT JOIN teams t ON t.slug = $3
         LEFT JOIN members m ON m.team_id = t.id AND m.account_id = known.id";
    static BY_SESSION: LazyLock<String> =
        LazyLock::new(|| format!("WITH known AS ({}) {REST}", viewer::KNOWN_BY_SESSION));
    static BY_TOKEN: LazyLock<String> = LazyLock::new(|| format!("WITH known AS ({}) {REST}", viewer::KNOWN_BY_TOKEN));

    let brought = viewer::brought(headers, app.is_https()).ok_or(Problem::SignedOut)?;
    let now = app.clock.now();
    // Both texts are made of constants of ours.
    let sql: &'static str = if brought.cookie { &BY_SESSION } else { &BY_TOKEN };
    let row: Option<Row> =
        sqlx::query_as(sql).bind(&brought.token_hash).bind(now).bind(plain(slug)?).fetch_optional(&app.db).await?;
    let row = row.ok_or(Problem::SignedOut)?;
    let viewer = row.known.into_viewer(app, brought, now).await?;
    let (Some(id), Some(slug), Some(name), Some(key), Some(seq)) =
        (row.team_id, row.team_slug, row.team_name, row.team_key, row.seq)
    else {
        return Err(Problem::NotFound);
    };
    let may_edit = may_edit(&viewer, row.is_member);
    Ok(Door {
        viewer,
        access: TeamAccess { team: Team { id, slug, name, key, seq }, may_edit },
        workspace_seq: row.workspace_seq,
    })
}
