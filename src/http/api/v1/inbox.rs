//! The inbox of the token's owner as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        dates::parse_date,
        error::{Problem, Result},
        keys::split_key,
        notifications::{
            edit::{self, ThreadEdit},
            inbox::{self, Thread},
            reason::Reason,
            snooze::{self, Snooze},
            view::{View, Wanted},
        },
        policy::{team_access, viewer::Viewer},
    },
    http::{
        api::v1::page::{Page, Paging},
        extract::{form::JsonBody, path::ObjectId},
        live::inbox_stream,
    },
};

/// What one task, goal, project or request has to tell.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ThreadResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// The title of what it is about.
    #[schema(example = "Move the payment database to Postgres 17")]
    title: String,
    /// The key, if it is about a task.
    #[schema(example = "INF-42")]
    key: Option<String>,
    /// The path of its page.
    #[schema(example = "/tasks/INF-42")]
    url: String,
    /// Whether something in it is unread.
    #[schema(example = json!(true))]
    unread: bool,
    /// Whether it was marked as done.
    #[schema(example = json!(false))]
    done: bool,
    /// Until when it is snoozed; null if it is not.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-11-25T08:00:00Z")]
    snoozed_until: Option<OffsetDateTime>,
    /// When the newest of it happened.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    newest_at: OffsetDateTime,
    /// What happened, the newest first.
    news: Vec<NewsResponse>,
}

/// Something that happened.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct NewsResponse {
    /// Why it is in the inbox, such as `assigned`, `mentioned` or `following`.
    #[schema(example = "mentioned")]
    reason: &'static str,
    /// What happened.
    #[schema(example = "mentioned you")]
    text: String,
    /// The username of who did it; null without one.
    #[schema(example = "jonas")]
    actor: Option<String>,
}

impl From<Thread> for ThreadResponse {
    fn from(thread: Thread) -> Self {
        let news = thread.lines.into_iter().map(|line| NewsResponse {
            reason: line.reason.as_str(),
            text: line.text,
            actor: line.actor.map(|actor| actor.handle),
        });
        Self {
            news: news.collect(),
            id: thread.id,
            title: thread.title,
            key: split_key(&thread.key).map(|_| thread.key),
            url: thread.url,
            unread: thread.is_unread,
            done: thread.is_done,
            snoozed_until: thread.snoozed_until,
            newest_at: thread.newest_at,
        }
    }
}

/// The threads that are listed.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct InboxFilter {
    /// `unread` (which is the default), `all`, `snoozed` or `done`
    #[param(value_type = Option<String>, example = "unread")]
    show: String,
    /// Only threads with this reason, such as `assigned`, `mentioned` or `following`
    #[param(value_type = Option<String>, example = "mentioned")]
    reason: String,
    /// Only threads of this team, by its slug
    #[param(value_type = Option<String>, example = "infrastructure")]
    team: String,
}

/// Returns the threads of the inbox, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/inbox",
    operation_id = "list_inbox",
    tag = "me",
    params(InboxFilter, Paging),
    responses((status = 200, description = "The threads, the newest first", body = Page<ThreadResponse>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(filter): Query<InboxFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ThreadResponse>>> {
    let limit = paging.limit()?;
    let teams = team_access::seen_teams(&app.db, &viewer).await?;
    let team = match filter.team.as_str() {
        "" => None,
        slug => {
            let team = teams.iter().find(|team| team.slug == slug);
            Some(
                team.ok_or_else(|| Problem::field("team", "There is no such team."))?
                    .id,
            )
        }
    };
    let view = match filter.show.as_str() {
        "" => View::default(),
        show => View::parse(show)
            .ok_or_else(|| Problem::field("show", "Choose unread, all, snoozed or done."))?,
    };
    let reason = match filter.reason.as_str() {
        "" => None,
        reason => Some(
            Reason::parse(reason)
                .ok_or_else(|| Problem::field("reason", "There is no such reason."))?,
        ),
    };
    let wanted = Wanted {
        view,
        reason,
        team,
        after: paging.position(read_position)?,
        most: limit as i64,
    };
    let inbox = inbox::load(&app.db, viewer.person.id, &teams, &wanted).await?;
    let last = inbox.threads.last().filter(|_| inbox.has_more);
    let next_cursor = last.map(|last| {
        let at = last.newest_at.unix_timestamp_nanos() / 1000;
        super::page::encoded(&format!("{at}.{}", last.id))
    });
    Ok(Json(Page {
        items: inbox
            .threads
            .into_iter()
            .map(ThreadResponse::from)
            .collect(),
        next_cursor,
    }))
}

/// Time in microseconds since 1970, and id.
fn read_position(text: &str) -> Option<(OffsetDateTime, Uuid)> {
    let (at, id) = text.split_once('.')?;
    let nanos = at.parse::<i128>().ok()?.checked_mul(1000)?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    // what Postgres can store
    (1970..=9999)
        .contains(&at.year())
        .then_some((at, id.parse().ok()?))
}

/// What to do with a thread.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ThreadPatch {
    /// `read`, `unread`, `done`, `restore` (back in the inbox), or `snooze`.
    #[schema(required, example = "read")]
    to: String,
    /// Until when to snooze it: `tomorrow`, `monday`, `standup`, or a day as YYYY-MM-DD.
    #[schema(example = "tomorrow")]
    until: Option<String>,
}

impl ThreadPatch {
    fn snooze(&self) -> Result<Snooze> {
        let wrong = || Problem::field("until", "Choose tomorrow, monday, standup or a day.");
        Ok(match self.until.as_deref().ok_or_else(wrong)? {
            "tomorrow" => Snooze::Tomorrow,
            "monday" => Snooze::Monday,
            "standup" => Snooze::Standup,
            day => Snooze::Day(parse_date(day).ok_or_else(wrong)?),
        })
    }
}

/// Marks a thread of the inbox as read, unread or done, or snoozes it.
#[utoipa::path(
    patch,
    path = "/api/v1/inbox/{id}",
    operation_id = "edit_thread",
    tag = "me",
    request_body = ThreadPatch,
    responses(
        (status = 204, description = "The thread is changed"),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    viewer: Viewer,
    ObjectId(thread): ObjectId,
    JsonBody(sent): JsonBody<ThreadPatch>,
) -> Result<StatusCode> {
    viewer.require_own_write()?;
    let account = viewer.person.id;
    let team = inbox::team_of(&app.db, account, thread).await?;
    // A token for some teams changes threads of those only.
    if !viewer.reaches(team) {
        return Err(Problem::NotFound);
    }
    let now = app.clock.now();
    let edit = match sent.to.as_str() {
        "read" => ThreadEdit::Read,
        "unread" => ThreadEdit::Unread,
        "done" => ThreadEdit::Done,
        "restore" => ThreadEdit::Restore,
        "snooze" => {
            let until = snooze::ends_at(&app.db, account, thread, sent.snooze()?, now).await?;
            ThreadEdit::Snooze(until)
        }
        _ => {
            return Err(Problem::field(
                "to",
                "Choose read, unread, done, restore or snooze.",
            ));
        }
    };
    edit::edit_thread(&app.db, account, thread, edit, now).await?;
    inbox_stream::announce(&app, &[account].into()).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Marks everything in the inbox as read. API tokens that are limited to teams cannot.
#[utoipa::path(
    post,
    path = "/api/v1/inbox/read",
    operation_id = "mark_inbox_read",
    tag = "me",
    responses((status = 204, description = "Everything is read")),
)]
pub(crate) async fn mark_all(State(app): State<App>, viewer: Viewer) -> Result<StatusCode> {
    viewer.require_own_write()?;
    if viewer.reach().is_some() {
        return Err(Problem::Forbidden(
            "This token is limited to some teams. Nothing was changed.".into(),
        ));
    }
    edit::mark_all_read(&app.db, viewer.person.id, i64::MAX).await?;
    inbox_stream::announce(&app, &[viewer.person.id].into()).await;
    Ok(StatusCode::NO_CONTENT)
}
