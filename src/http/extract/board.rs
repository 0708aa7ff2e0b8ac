//! The viewer and the team of a board request, loaded by one batched query.

use axum::http::HeaderMap;

use crate::{
    app::App,
    domain::{
        boards::board_auth::{BoardAuth, BoardRequest},
        error::{Problem, Result},
        keys,
        policy::{team_access::TeamAccess, viewer::Credentials},
    },
    http::{
        extract::viewer,
        middleware::{client_ip::ClientIp, request_log},
    },
};

/// Authorizes a request for a team's board.
pub(crate) async fn open(
    app: &App,
    from: ClientIp,
    headers: &HeaderMap,
    slug: &str,
) -> Result<BoardAuth> {
    let Credentials { token_hash, cookie } =
        viewer::credentials(headers, app.is_https()).ok_or(Problem::SignedOut)?;
    let now = app.clock.now();
    let request = BoardRequest {
        token_hash: token_hash.clone(),
        cookie,
        slug: keys::plain(slug)?.to_owned(),
    };
    let row = app
        .auth_batcher
        .ask(request)
        .await?
        .ok_or_else(|| viewer::reject_unknown(app, from))?;
    let viewer = row
        .known
        .into_viewer(&app.db, Credentials { token_hash, cookie }, now)
        .await?;
    request_log::note_account(viewer.person.id);
    viewer.require_second_factor()?;
    let team = row
        .team
        .into_team()
        .filter(|_| !row.is_hidden)
        .ok_or(Problem::NotFound)?;
    let access = TeamAccess::of(&viewer, team, row.is_member, row.is_lead)?;
    Ok(BoardAuth {
        viewer,
        access,
        workspace_seq: row.workspace_seq,
    })
}
