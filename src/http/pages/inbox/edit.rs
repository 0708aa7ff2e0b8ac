//! What the reader does with a thread.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use time::{Date, Duration, OffsetDateTime, Weekday};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        accounts::profile,
        clock,
        error::{Problem, Result},
        notifications::{
            edit::{self, Opened, ThreadEdit},
            inbox,
        },
        policy::{team_access, viewer::Viewer},
        teams::roster,
    },
    http::{
        extract::form::{Fields, id},
        live::inbox_stream,
        local_path::local_path,
    },
};

/// The farthest day that a thread can be snoozed until.
const LONGEST_SNOOZE: Duration = Duration::days(366);

/// `POST /inbox/{id}`: marks a thread as `read`, `unread` or `done`, moves it back (`restore`), or snoozes it until
/// `tomorrow`, `monday`, the next `standup`, or a day in `day`.
pub(crate) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    Path(thread): Path<String>,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let thread = id(&thread)?;
    let edit = match fields.text("to") {
        "read" => ThreadEdit::Read,
        "unread" => ThreadEdit::Unread,
        "done" => ThreadEdit::Done,
        "restore" => ThreadEdit::Restore,
        "tomorrow" | "monday" | "standup" | "day" => {
            ThreadEdit::Snooze(snooze_until(&app, &viewer, thread, &fields).await?)
        }
        _ => return Err(Problem::field("to", "Choose what to do with it.")),
    };
    edit::edit_thread(&app.db, viewer.person.id, thread, edit, app.clock.now()).await?;
    changed(&app, &viewer).await;
    Ok(Redirect::to(local_path(fields.text("back"), "/inbox")).into_response())
}

async fn snooze_until(
    app: &App,
    viewer: &Viewer,
    thread: Uuid,
    fields: &Fields,
) -> Result<OffsetDateTime> {
    let now = app.clock.now();
    let today = clock::day_in(now, &viewer.time_zone);
    let hours = profile::profile_of(&app.db, viewer.person.id).await?.hours;
    let morning = |day: Date| clock::instant(day, hours.from, &viewer.time_zone);
    Ok(match fields.text("to") {
        "tomorrow" => morning(today.saturating_add(Duration::DAY)),
        "monday" => morning(today.next_occurrence(Weekday::Monday)),
        "standup" => {
            let team = inbox::team_of(&app.db, viewer.person.id, thread).await?;
            roster::load_roster(&app.db, team)
                .await?
                .week
                .standup_after(now)
        }
        _ => {
            let day = fields
                .date("day")?
                .ok_or_else(|| Problem::field("day", "Choose a day."))?;
            if day <= today || day > today.saturating_add(LONGEST_SNOOZE) {
                return Err(Problem::field("day", "Choose a day within the next year."));
            }
            morning(day)
        }
    })
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
