//! Downloading the tasks of a team as a table.

use axum::{
    body::Body,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream::{self, StreamExt};

use crate::{
    app::App,
    domain::{
        error::Result,
        events::audit_log::{self, AuditEntry},
        policy::{team_access, viewer::Viewer},
        tasks::table::{NAMES, rows_after},
    },
    http::csv::{csv, further_rows},
};

/// `GET /teams/{slug}/tasks.csv`: all tasks of the team, streamed, so that years of them do not fill the memory.
pub(crate) async fn tasks_csv(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug).await?.team;
    let line = AuditEntry {
        actor: Some(viewer.person.id),
        kind: "tasks.exported",
        about: "tasks.csv of {team}",
        team: Some(team.id),
    };
    audit_log::write(&mut *app.db.acquire().await?, app.clock.now(), line).await?;
    let named = format!("attachment; filename=\"{}-tasks.csv\"", team.slug);
    let head = csv([NAMES.to_vec()]);
    let parts = stream::try_unfold((app, team, 0), |(app, team, after)| async move {
        let rows = rows_after(&app.db, team.id, after)
            .await
            .map_err(std::io::Error::other)?;
        let Some(last) = rows.last().map(|row| row.number()) else {
            return Ok::<_, std::io::Error>(None);
        };
        let cells: Vec<[String; 18]> = rows.into_iter().map(|row| row.cells(&team)).collect();
        let text = further_rows(
            cells
                .iter()
                .map(|row| row.iter().map(String::as_str).collect()),
        );
        Ok(Some((text, (app, team, last))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, named),
    ];
    let body = Body::from_stream(stream::once(async { Ok(head) }).chain(parts));
    Ok((headers, body).into_response())
}
