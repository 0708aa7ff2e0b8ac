//! The viewer and the task that the URL names, loaded by one query: moving a task is the most frequent write.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        keys::split_key,
        policy::{
            predicates::{of_key, seen_by},
            task_access::TaskAccess,
            team_access::{may_edit, only_members, only_reads},
            viewer::{AuthRow, Viewer, known_by_digest},
        },
        team::Team,
    },
    http::{extract::viewer, middleware::client_ip::ClientIp},
};

/// The viewer and the task whose key is in the URL.
pub struct TaskContext {
    pub viewer: Viewer,
    pub access: TaskAccess,
}

#[derive(sqlx::FromRow)]
struct TaskContextRow {
    #[sqlx(flatten)]
    known: AuthRow,
    team_id: Option<Uuid>,
    team_slug: Option<String>,
    team_name: Option<String>,
    team_key: Option<String>,
    seq: Option<i64>,
    is_member: bool,
    task_id: Option<Uuid>,
    number: Option<i64>,
}

impl FromRequestParts<App> for TaskContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let path = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| Problem::NotFound)?;
        let credentials =
            viewer::credentials(&parts.headers, app.is_https()).ok_or(Problem::SignedOut)?;
        let now = app.clock.now();
        // An invalid key finds no task; "signed out" takes precedence over "not found".
        let key = path
            .iter()
            .find(|(name, _)| *name == "key")
            .and_then(|(_, key)| split_key(key));
        let (prefix, number) = key.unwrap_or_default();
        let row: Option<TaskContextRow> = sqlx::query_as(concat!(
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
        .bind(&credentials.token_hash)
        .bind(now)
        .bind(credentials.cookie)
        .bind(prefix)
        .bind(number)
        .fetch_optional(&app.db)
        .await?;
        let row = row.ok_or_else(|| {
            viewer::reject_unknown(app, ClientIp::of(&app.trusted_proxies, parts))
        })?;
        let viewer = row
            .known
            .into_viewer(&app.db, credentials, now)
            .await?
            .for_request(app, parts)?;
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

impl TaskContext {
    /// Returns the context if the viewer may edit the task.
    pub fn require_edit(self) -> Result<Self> {
        match self.access.may_edit {
            true => Ok(self),
            false if self.viewer.may_write() => Err(only_members(&self.access.team)),
            false => Err(only_reads()),
        }
    }

    /// Returns the context if the viewer may comment: anyone whose account may write.
    pub fn to_comment(self) -> Result<Self> {
        if self.viewer.may_write() {
            Ok(self)
        } else {
            Err(only_reads())
        }
    }
}
