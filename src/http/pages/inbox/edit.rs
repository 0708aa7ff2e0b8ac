//! What the reader does with a thread.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        checkin::requests::{self, Outcome},
        error::{Problem, Result},
        notifications::{
            edit::{self, Opened, ThreadEdit},
            inbox,
            snooze::{self, Snooze},
        },
        policy::{team_access, viewer::Viewer},
    },
    http::{
        extract::form::{Fields, id},
        live::inbox_stream,
        local_path::local_path,
    },
};

/// `POST /inbox/{id}`: marks a thread as `read`, `unread` or `done`, moves it back (`restore`), or snoozes it until
/// `tomorrow`, `monday`, the next `standup`, or a day in `day`. `accept` accepts the request that it is about.
pub(crate) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    Path(thread): Path<String>,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let thread = id(&thread)?;
    let (account, now) = (viewer.person.id, app.clock.now());
    if fields.text("to") == "accept" {
        accept_request(&app, &viewer, thread).await?;
    }
    let snooze = match fields.text("to") {
        "tomorrow" => Some(Snooze::Tomorrow),
        "monday" => Some(Snooze::Monday),
        "standup" => Some(Snooze::Standup),
        "day" => {
            let day = fields.date("day")?;
            let day = day.ok_or_else(|| Problem::field("day", "Choose a day."))?;
            Some(Snooze::Day(day))
        }
        _ => None,
    };
    let edit = match (fields.text("to"), snooze) {
        (_, Some(snooze)) => {
            let until = snooze::ends_at(&app.db, account, thread, snooze, now).await?;
            ThreadEdit::Snooze(until)
        }
        ("read", _) => ThreadEdit::Read,
        ("unread", _) => ThreadEdit::Unread,
        ("done" | "accept", _) => ThreadEdit::Done,
        ("restore", _) => ThreadEdit::Restore,
        _ => return Err(Problem::field("to", "Choose what to do with it.")),
    };
    edit::edit_thread(&app.db, account, thread, edit, now).await?;
    changed(&app, &viewer).await;
    Ok(Redirect::to(local_path(fields.text("back"), "/inbox")).into_response())
}

/// Accepts the request that a thread is about as a task, as the page of the team's requests does.
async fn accept_request(app: &App, viewer: &Viewer, thread: Uuid) -> Result<()> {
    let (slug, request) = inbox::request_of(&app.db, viewer.person.id, thread).await?;
    let access = team_access::team(&app.db, viewer, &slug)
        .await?
        .require_edit()?;
    let (actor, team) = (viewer.actor(), &access.team);
    app.store
        .change(&actor, |change, _| {
            Box::pin(requests::resolve(change, team, request, Outcome::Taken, ""))
        })
        .await?;
    Ok(())
}

/// `POST /inbox/read`: marks everything as read, up to the reason `up_to`.
pub(crate) async fn mark_all(
    State(app): State<App>,
    viewer: Viewer,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let up_to = fields.text("up_to").parse::<i64>();
    let up_to = up_to.map_err(|_| Problem::NotFound)?;
    edit::mark_all_read(&app.db, viewer.person.id, up_to).await?;
    changed(&app, &viewer).await;
    Ok(Redirect::to(local_path(fields.text("back"), "/inbox")).into_response())
}

/// `GET /inbox/{id}`: leads to what a thread is about, and marks it as read.
pub(crate) async fn open(
    State(app): State<App>,
    viewer: Viewer,
    Path(thread): Path<String>,
) -> Result<Response> {
    let teams = team_access::seen_teams(&app.db, &viewer).await?;
    let url = inbox::url_of(&app.db, viewer.person.id, &teams, id(&thread)?)
        .await?
        .ok_or(Problem::NotFound)?;
    if viewer.may_change_own() {
        let read = ThreadEdit::Read;
        let now = app.clock.now();
        edit::edit_thread(&app.db, viewer.person.id, id(&thread)?, read, now).await?;
        changed(&app, &viewer).await;
    }
    Ok(Redirect::to(&url).into_response())
}

/// Marks the notifications about what the reader opens as read, unless a page in the background loads it anew. Returns the
/// viewer with the number that is unread now.
pub(crate) async fn note_opened(
    app: &App,
    viewer: Viewer,
    headers: &HeaderMap,
    team: Uuid,
    opened: Opened,
) -> Result<Viewer> {
    let in_background = headers.contains_key("fortnight-background");
    if viewer.unread == 0 || in_background || !viewer.may_change_own() {
        return Ok(viewer);
    }
    if !edit::mark_opened(&app.db, viewer.person.id, team, opened).await? {
        return Ok(viewer);
    }
    changed(app, &viewer).await;
    Ok(Viewer {
        unread: viewer.unread - 1,
        ..viewer
    })
}

/// Tells the reader's open pages.
async fn changed(app: &App, viewer: &Viewer) {
    inbox_stream::announce(app, &[viewer.person.id].into()).await;
}
