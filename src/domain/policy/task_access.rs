//! A task that the viewer can see, with their permissions.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        keys::split_key,
        policy::{
            predicates::{of_key, seen_by},
            team_access::may_edit,
            viewer::{AuthRow, Credentials, Viewer, known_by_digest},
        },
        team::{JoinedTeam, Team},
    },
};

/// A task that the viewer can see.
#[derive(Clone, Debug)]
pub(crate) struct TaskAccess {
    pub(crate) team: Team,
    pub(crate) may_edit: bool,
    /// Whether the viewer may delete what others wrote: leads, and administrators.
    pub(crate) may_lead: bool,
    pub(crate) id: Uuid,
    pub(crate) key: String,
}

#[derive(sqlx::FromRow)]
struct ViewerAndTaskRow {
    #[sqlx(flatten)]
    known: AuthRow,
    #[sqlx(flatten)]
    team: JoinedTeam,
    is_member: bool,
    is_lead: bool,
    task_id: Option<Uuid>,
    number: Option<i64>,
}

/// Loads the viewer that credentials belong to and the task of a key (`("INF", 42)`) by one query.
/// `None` for unknown credentials; no task if it does not exist or the viewer cannot see it.
pub(crate) async fn load_viewer_and_task(
    db: &Pool,
    credentials: Credentials,
    now: OffsetDateTime,
    (prefix, number): (&str, i64),
) -> Result<Option<(Viewer, Option<TaskAccess>)>> {
    let row: Option<ViewerAndTaskRow> = sqlx::query_as(concat!(
        "WITH known AS (",
        known_by_digest!(),
        ") SELECT known.*, t.id AS team_id, t.slug AS team_slug, t.name AS team_name, t.key AS team_key, t.seq,
                  m.account_id IS NOT NULL AS is_member, coalesce(m.role = 'lead', false) AS is_lead, k.id AS task_id, k.number
         FROM known LEFT JOIN (teams t JOIN tasks k ON k.team_id = t.id AND k.number = $5) ON t.id = ",
        of_key!("$4"),
        " AND ",
        seen_by!("known.id"),
        " LEFT JOIN members m ON m.team_id = t.id AND m.account_id = known.id"
    ))
    .bind(&credentials.token_hash)
    .bind(now)
    .bind(credentials.cookie)
    .bind(prefix)
    .bind(number)
    .fetch_optional(db)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let viewer = row.known.into_viewer(db, credentials, now).await?;
    let (Some(team), Some(id), Some(number)) = (row.team.into_team(), row.task_id, row.number)
    else {
        return Ok(Some((viewer, None)));
    };
    if !viewer.reaches(team.id) {
        return Ok(Some((viewer, None)));
    }
    let access = TaskAccess {
        may_edit: may_edit(&viewer, row.is_member),
        may_lead: may_edit(&viewer, row.is_lead),
        id,
        key: format!("{}-{number}", team.key),
        team,
    };
    Ok(Some((viewer, Some(access))))
}

/// Loads the task with this key (`INF-42`).
///
/// # Errors
/// `NotFound` if it does not exist or the viewer cannot see it.
pub(crate) async fn task(db: &Pool, viewer: &Viewer, key: &str) -> Result<TaskAccess> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        team: Team,
        is_member: bool,
        is_lead: bool,
        task_id: Uuid,
        number: i64,
    }
    let (prefix, number) = split_key(key.trim()).ok_or(Problem::NotFound)?;
    let row: Row = sqlx::query_as(concat!(
        "SELECT t.id, t.slug, t.name, t.key, t.seq, m.account_id IS NOT NULL AS is_member,
                coalesce(m.role = 'lead', false) AS is_lead, k.id AS task_id, k.number
         FROM teams t JOIN tasks k ON k.team_id = t.id AND k.number = $4
         LEFT JOIN members m ON m.team_id = t.id AND m.account_id = $1
         WHERE t.id = ",
        of_key!("$3"),
        " AND ",
        seen_by!("$1", "$2")
    ))
    .bind(viewer.person.id)
    .bind(viewer.reach())
    .bind(prefix)
    .bind(number)
    .fetch_one(db)
    .await?;
    Ok(TaskAccess {
        may_edit: may_edit(viewer, row.is_member),
        may_lead: may_edit(viewer, row.is_lead),
        id: row.task_id,
        key: format!("{}-{}", row.team.key, row.number),
        team: row.team,
    })
}
