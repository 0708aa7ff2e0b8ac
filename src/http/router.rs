//! Every URL, then every layer, in order.

use std::time::Duration;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post, put},
};
use tower::ServiceBuilder;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

use crate::{
    app::App,
    domain::error::Problem,
    http::{
        api::openapi,
        assets, health,
        live::{of_teams, stream},
        middleware::{form_recovery, layers, request_log},
        pages::{
            boards::forms as board_forms,
            teams::{restore, setup},
        },
    },
};

/// A request that takes longer is answered with 503.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// All routes and middleware as one service.
pub fn router(app: App) -> Router {
    let compressed = pages()
        .merge(forms_with_retry(&app))
        .nest("/api/v1", api())
        .layer(CompressionLayer::new().no_br().no_deflate());
    layered(app, compressed.merge(uncompressed()), REQUEST_TIMEOUT)
}

fn pages() -> Router<App> {
    use crate::http::pages::accounts;
    use crate::http::pages::boards::cards::{cards as board_cards, counts, further_cards};
    use crate::http::pages::flow::page as flow;
    use crate::http::pages::{checkin, help, projects, search, sprints, standup, tasks, teams};
    Router::new()
        .route("/", get(teams::my_work))
        .route("/help", get(help::contents))
        .route("/help/{page}", get(help::guide))
        .route("/search", get(search::search))
        .route("/teams", get(teams::list_teams))
        .route("/people/{handle}", get(teams::person))
        .route("/setup", get(setup::form).post(setup::set_up))
        .route("/setup/restore", get(restore::form).post(restore::restore))
        .route(
            "/setup/restore/upload",
            post(restore::upload).layer(DefaultBodyLimit::disable()),
        )
        .route("/login", get(accounts::login_form).post(accounts::login))
        .route("/logout", post(accounts::logout))
        .route("/enter/{key}", get(accounts::enter))
        .route("/join/{key}", get(accounts::join_form).post(accounts::join))
        .route(
            "/register",
            get(accounts::register_form).post(accounts::register),
        )
        .route(
            "/reset/{key}",
            get(accounts::reset_form).post(accounts::reset),
        )
        .route(
            "/settings",
            get(accounts::workspace).post(accounts::set_workspace),
        )
        .route("/settings/people", get(accounts::people))
        .route("/settings/people/{handle}", post(accounts::change_person))
        .route("/settings/invitations", post(accounts::invite))
        .route(
            "/settings/invitations/{id}/revoke",
            post(accounts::revoke_invitation),
        )
        .route("/settings/system", get(accounts::system))
        .route("/settings/audit", get(accounts::audit_log))
        .route("/settings/audit.csv", get(accounts::audit_csv))
        .route("/me/theme", post(accounts::set_theme))
        .route("/teams/{slug}/cards", get(board_cards))
        .route("/teams/{slug}/cards/more", get(further_cards))
        .route("/teams/{slug}/cards/counts", get(counts))
        .route(
            "/teams/{slug}/filters/{id}/delete",
            post(board_forms::delete_filter),
        )
        .route(
            "/teams/{slug}/columns/{column}/limit",
            get(board_forms::limit_form).post(board_forms::set_limit),
        )
        .route("/teams/{slug}/suggestions", get(search::suggest))
        .route("/teams/{slug}/bulk", post(tasks::edit_tasks))
        .route("/teams/{slug}/flow", get(flow::flow))
        .route("/teams/{slug}/flow/{file}", get(flow::chart_csv))
        .route("/teams/{slug}/tasks", get(tasks::list).post(tasks::create))
        .route("/teams/{slug}/tasks/new", get(tasks::new_form))
        .route("/tasks/{key}", get(tasks::task).post(tasks::edit))
        .route(
            "/tasks/{key}/position",
            put(tasks::move_task).post(tasks::move_task),
        )
        .route("/tasks/{key}/move", get(tasks::move_form))
        .route("/tasks/{key}/descriptions", get(tasks::descriptions))
        .route(
            "/tasks/{key}/block",
            get(tasks::block_form)
                .put(tasks::block)
                .post(tasks::block)
                .delete(tasks::unblock),
        )
        .route("/tasks/{key}/unblock", post(tasks::unblock))
        .route("/tasks/{key}/blockers/{id}/end", post(tasks::end_wait))
        .route("/tasks/{key}/owners", post(tasks::set_owners))
        .route("/tasks/{key}/owners/me", post(tasks::assign_me))
        .route("/tasks/{key}/archive", post(tasks::archive))
        .route("/tasks/{key}/restore", post(tasks::restore))
        .route("/tasks/{key}/ask-for-help", post(tasks::ask_for_help))
        .route("/tasks/{key}/steps", post(tasks::add_step))
        .route("/tasks/{key}/steps/{id}", post(tasks::tick_step))
        .route("/tasks/{key}/steps/{id}/remove", post(tasks::remove_step))
        .route("/tasks/{key}/comments", post(tasks::add_comment))
        .route("/tasks/{key}/comments/{id}", post(tasks::edit_comment))
        .route(
            "/tasks/{key}/comments/{id}/delete",
            post(tasks::delete_comment),
        )
        .route("/teams/{slug}/goals", post(sprints::add_goal))
        .route("/teams/{slug}/goals/new", get(sprints::new_goal_form))
        .route(
            "/teams/{slug}/goals/{id}",
            get(sprints::goal).post(sprints::edit_goal),
        )
        .route(
            "/teams/{slug}/goals/{id}/progress",
            post(sprints::enter_progress),
        )
        .route(
            "/teams/{slug}/goals/{id}/order",
            post(sprints::reorder_goal),
        )
        .route(
            "/teams/{slug}/goals/{id}/remove",
            post(sprints::remove_goal),
        )
        .route(
            "/teams/{slug}/sprints/{number}/close",
            get(sprints::close_form).post(sprints::close),
        )
        .route(
            "/teams/{slug}/sprints/{number}/reopen",
            post(sprints::reopen),
        )
        .route(
            "/teams/{slug}/planning",
            get(sprints::planning).post(sprints::plan_tasks),
        )
        .route("/teams/{slug}/retro", get(sprints::latest_retro))
        .route("/standup", get(standup::joint_standup))
        .route("/teams/{slug}/standup", get(standup::standup))
        .route("/teams/{slug}/standup/walk", get(standup::walk))
        .route("/teams/{slug}/topics/{id}", post(standup::tick_topic))
        .route(
            "/teams/{slug}/topics/{id}/remove",
            post(standup::remove_topic),
        )
        .route("/teams/{slug}/actions/{id}", post(standup::resolve_action))
        .route(
            "/teams/{slug}/actions/{id}/task",
            post(standup::convert_to_task),
        )
        .route("/sprints/{number}/retro", get(sprints::retro))
        .route("/sprints", get(sprints::sprints).post(sprints::set_cadence))
        .route(
            "/sprints/{number}",
            get(sprints::pitch).post(sprints::edit_sprint),
        )
        .route("/sprints/continue", post(sprints::continue_sprints))
        .route("/sprints/{number}/skip", post(sprints::skip_sprint))
        .route(
            "/teams/{slug}/about",
            get(teams::about).post(teams::edit_about),
        )
        .route(
            "/teams/{slug}/objectives/{id}/remove",
            post(projects::remove_objective),
        )
        .route(
            "/teams/{slug}/key-results/{id}/remove",
            post(projects::remove_key_result),
        )
        .route("/teams/{slug}/settings", get(teams::settings))
        .route("/teams/{slug}/members", post(teams::set_member))
        .route("/teams/{slug}/columns", post(teams::add_column))
        .route("/teams/{slug}/columns/{column}", post(teams::edit_column))
        .route(
            "/teams/{slug}/columns/{column}/remove",
            get(teams::remove_column_form).post(teams::remove_column),
        )
        .route("/teams/{slug}/labels/{id}", post(teams::edit_label))
        .route("/teams/{slug}/share-links", post(teams::create_share_link))
        .route(
            "/teams/{slug}/share-links/{id}/revoke",
            post(teams::revoke_share_link),
        )
        .route("/teams/{slug}/public", post(teams::set_public))
        .route("/teams/{slug}/history", get(teams::history))
        .route("/teams/{slug}/visibility", post(teams::set_visibility))
        .route("/teams/{slug}/name", post(teams::rename))
        .route("/teams/{slug}/schedule", post(teams::set_week))
        .route("/teams/{slug}/days-off", post(teams::add_day_off))
        .route(
            "/teams/{slug}/days-off/{day}/remove",
            post(teams::remove_day_off),
        )
        .route(
            "/projects",
            get(projects::projects).post(projects::add_project),
        )
        .route(
            "/projects/{slug}",
            get(projects::project).post(projects::edit_project),
        )
        .route("/projects/{slug}/cards", get(projects::board_cards))
        .route("/projects/{slug}/finish", post(projects::finish_project))
        .route("/projects/{slug}/milestones", post(projects::add_milestone))
        .route(
            "/projects/{slug}/milestones/{id}",
            post(projects::edit_milestone),
        )
        .route(
            "/projects/{slug}/milestones/{id}/order",
            post(projects::reorder_milestone),
        )
        .route(
            "/projects/{slug}/milestones/{id}/reach",
            post(projects::reach_milestone),
        )
        .route(
            "/projects/{slug}/milestones/{id}/remove",
            post(projects::delete_milestone),
        )
        .route("/teams/{slug}/requests", get(checkin::list_requests))
        .route("/teams/{slug}/requests", post(checkin::create_request))
        .route(
            "/teams/{slug}/requests/{id}/withdraw",
            post(checkin::withdraw_request),
        )
        .route("/teams/{slug}/follow", post(checkin::follow_team))
        .route("/tasks/{key}/follow", post(checkin::follow_task))
        .route(
            "/teams/{slug}/goals/{id}/follow",
            post(checkin::follow_goal),
        )
        .route("/projects/{slug}/follow", post(checkin::follow_project))
        .route("/updates/read", post(checkin::mark_as_read))
        .route("/me", get(accounts::me).post(accounts::edit_me))
        .route("/me/absences", post(accounts::add_away))
        .route("/me/absences/{day}/remove", post(accounts::remove_away))
        .route("/me/password", post(accounts::set_password))
        .route("/me/sessions", post(accounts::end_sessions))
        .route("/me/tokens/{id}/revoke", post(accounts::revoke_token))
        .route("/changes/{id}/undo", post(tasks::undo))
        .route("/preview", post(tasks::preview))
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
    use crate::http::pages::{boards, checkin, projects};
    Router::new()
        .route("/teams/{slug}", get(boards::board::board))
        .route("/live", get(of_teams::live))
        .route("/teams/{slug}/live", get(stream::live))
        .route("/projects/{slug}/board", get(projects::board))
        .route("/teams/{slug}/check-in", get(checkin::check_in))
        .route("/teams/{slug}/check-in/{file}", get(checkin::feed))
        .route("/share/{key}", get(checkin::shared).post(checkin::unlock))
        .route("/share/{key}/live", get(stream::live_for_guest))
        .route("/share/{key}/embed", get(checkin::shared_embed))
        .route("/share/{key}/{file}", get(checkin::shared_feed))
        .route("/public/{slug}", get(checkin::public))
        .route("/public/{slug}/live", get(stream::live_for_public))
        .route("/public/{slug}/embed", get(checkin::public_embed))
        .route("/public/{slug}/{file}", get(checkin::public_feed))
}

fn api() -> Router<App> {
    use crate::http::api::v1::{boards, events, sprints, tasks};
    Router::new()
        .route("/teams", get(boards::list))
        .route("/teams/{slug}/board", get(boards::board))
        .route(
            "/teams/{slug}/columns/{column}/tasks",
            get(boards::column_tasks),
        )
        .route("/teams/{slug}/events", get(events::events))
        .route(
            "/teams/{slug}/check-in",
            get(crate::http::pages::checkin::check_in_json),
        )
        .route("/teams/{slug}/tasks", post(tasks::create))
        .route("/sprints", get(sprints::list))
        .route(
            "/tasks/{key}",
            get(tasks::get).patch(tasks::patch).delete(tasks::delete),
        )
        .route("/tasks/{key}/position", put(tasks::position))
        .route(
            "/tasks/{key}/block",
            put(tasks::block).delete(tasks::unblock),
        )
        .route("/tasks/{key}/owners", put(tasks::owners))
        .route("/tasks/{key}/comments", post(tasks::comment))
        .route("/openapi.json", get(openapi::document))
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
