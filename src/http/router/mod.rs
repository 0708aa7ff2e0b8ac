//! Every URL, then every layer, in order.

mod accounts;
mod api;
mod forges;
mod oauth;
mod teams;
mod webhooks;

use std::time::Duration;

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tower::ServiceBuilder;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

use crate::{
    app::App,
    domain::error::Problem,
    http::{
        assets, health,
        live::{inbox_stream, of_teams, stream},
        mcp,
        middleware::{form_recovery, layers, request_log},
        pages::boards::forms as board_forms,
    },
};

/// A request that takes longer is answered with 503.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// All routes and middleware as one service.
pub fn router(app: App) -> Router {
    let compressed = accounts::routes()
        .merge(teams::routes())
        .merge(forges::routes())
        .merge(webhooks::routes())
        .merge(oauth::routes())
        .merge(forms_with_retry(&app))
        .route("/mcp", post(mcp::endpoint::post))
        .nest("/api/v1", api::routes())
        .layer(CompressionLayer::new().no_br().no_deflate());
    layered(app, compressed.merge(uncompressed()), REQUEST_TIMEOUT)
}

/// Forms that share a page with others: a refused one is shown on its own, with the values that
/// were entered.
fn forms_with_retry(app: &App) -> Router<App> {
    use crate::http::pages::{accounts, checkin, projects, sprints, standup, teams};
    Router::new()
        .route("/teams", post(teams::create_team))
        .route("/me/tokens", post(accounts::create_token))
        .route("/teams/{slug}/requests/{id}", post(checkin::answer_request))
        .route("/teams/{slug}/filters", post(board_forms::save_filter))
        .route(
            "/teams/{slug}/goals/{id}/comments",
            post(sprints::add_goal_comment),
        )
        .route(
            "/teams/{slug}/goal-comments/{id}/delete",
            post(sprints::delete_goal_comment),
        )
        .route(
            "/teams/{slug}/goal-comments/{id}/answer",
            post(sprints::answer_concern),
        )
        .route(
            "/teams/{slug}/sprints/{number}/retro-notes",
            post(sprints::add_note),
        )
        .route("/teams/{slug}/retro-notes/{id}", post(sprints::edit_note))
        .route("/teams/{slug}/topics", post(standup::add_topic))
        .route("/teams/{slug}/topics/{id}/text", post(standup::edit_topic))
        .route("/teams/{slug}/actions", post(standup::add_action))
        .route("/teams/{slug}/objectives", post(projects::add_objective))
        .route(
            "/teams/{slug}/objectives/{id}",
            post(projects::edit_objective),
        )
        .route(
            "/teams/{slug}/objectives/{id}/key-results",
            post(projects::add_key_result),
        )
        .route(
            "/teams/{slug}/key-results/{id}",
            post(projects::edit_key_result),
        )
        .route(
            "/teams/{slug}/key-results/{id}/progress",
            post(projects::enter_key_result),
        )
        .route_layer(from_fn_with_state(
            app.clone(),
            form_recovery::offer_form_retry,
        ))
}

/// Routes whose responses are compressed already, or streamed.
fn uncompressed() -> Router<App> {
    use crate::http::pages::{boards, checkin, projects, tasks};
    Router::new()
        .route("/teams/{slug}", get(boards::board::board))
        .route("/live", get(of_teams::live))
        .route("/inbox/live", get(inbox_stream::live))
        .route("/teams/{slug}/live", get(stream::live))
        .route("/tasks/{key}/attachments/{id}", get(tasks::attached_file))
        .route(
            "/tasks/{key}/attachments/{id}/thumbnail",
            get(tasks::thumbnail),
        )
        .route("/projects/{slug}/board", get(projects::board))
        .route("/teams/{slug}/check-in", get(checkin::check_in))
        .route("/teams/{slug}/check-in/{file}", get(checkin::feed))
        .route("/share/{key}", get(checkin::shared).post(checkin::unlock))
        .route("/share/{key}/live", get(stream::live_for_guest))
        .route("/share/{key}/embed", get(checkin::shared_embed))
        .route("/share/{key}/{file}", get(checkin::shared_feed))
        .route("/share/{key}/covers/{id}", get(checkin::shared_cover))
        .route("/public/{slug}", get(checkin::public))
        .route("/public/{slug}/live", get(stream::live_for_public))
        .route("/public/{slug}/embed", get(checkin::public_embed))
        .route("/public/{slug}/{file}", get(checkin::public_feed))
}

/// Adds the middleware to a set of routes, the outermost first, with a timeout per request.
pub fn layered(app: App, routes: Router<App>, longest: Duration) -> Router {
    let routes = routes
        .route("/static/{version}/{*path}", get(assets::serve))
        .route("/healthz", get(health::alive))
        .route("/healthz/stream", get(health::stream))
        .route("/readyz", get(health::ready))
        .route_layer(from_fn(request_log::note_route))
        .fallback(async || Problem::NotFound)
        .with_state(app.clone());
    // Around the whole router: `Router::layer` would wrap each route, and routes are copied for every
    // request, including all middleware.
    let service = ServiceBuilder::new()
        .layer(from_fn_with_state(app, layers::wrap_request))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(longest, layers::limit_time))
        .service(routes);
    Router::new().fallback_service(service)
}
