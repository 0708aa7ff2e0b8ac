//! Connections to forges: their settings and log, the address of deliveries, and what people and teams set.

use axum::{
    Router,
    routing::{get, post},
};

use crate::{
    app::App,
    http::{hooks, pages},
};

/// The routes of these pages.
pub(super) fn routes() -> Router<App> {
    use pages::{accounts, tasks, teams};
    Router::new()
        .route("/hooks/forge/{id}", post(hooks::receive))
        .route(
            "/settings/connections",
            get(accounts::connections).post(accounts::add_connection),
        )
        .route(
            "/settings/connections/github-app",
            post(accounts::begin_github_app),
        )
        .route(
            "/settings/connections/github-app/created",
            get(accounts::github_app_created),
        )
        .route("/settings/connections/{id}", get(accounts::connection))
        .route(
            "/settings/connections/{id}/test",
            post(accounts::test_connection),
        )
        .route(
            "/settings/connections/{id}/name",
            post(accounts::rename_connection),
        )
        .route(
            "/settings/connections/{id}/restore",
            post(accounts::restore_connection),
        )
        .route(
            "/settings/connections/{id}/secret",
            post(accounts::renew_secret),
        )
        .route(
            "/settings/connections/{id}/repositories",
            post(accounts::add_repository),
        )
        .route(
            "/settings/connections/{id}/repositories/remove",
            post(accounts::remove_repository),
        )
        .route(
            "/settings/connections/{id}/disconnect",
            post(accounts::disconnect),
        )
        .route("/settings/deliveries/{id}", get(accounts::delivery))
        .route(
            "/settings/deliveries/{id}/run",
            post(accounts::run_delivery_again),
        )
        .route(
            "/me/forges",
            get(accounts::forge_logins).post(accounts::claim_login),
        )
        .route("/me/forges/remove", post(accounts::remove_login))
        .route(
            "/teams/{slug}/settings/pull-requests",
            get(teams::pull_request_rules).post(teams::set_pull_request_rules),
        )
        .route(
            "/teams/{slug}/settings/github-projects",
            get(teams::github_projects).post(teams::preview_github_project),
        )
        .route(
            "/teams/{slug}/settings/github-projects/{id}",
            get(teams::github_project).post(teams::confirm_github_project),
        )
        .route(
            "/teams/{slug}/settings/github-projects/{id}/token",
            post(teams::replace_github_token),
        )
        .route(
            "/teams/{slug}/settings/github-projects/{id}/compare",
            post(teams::compare_github_project),
        )
        .route(
            "/teams/{slug}/settings/github-projects/{id}/disconnect",
            post(teams::disconnect_github_project),
        )
        .route(
            "/tasks/{key}/pull-requests/{id}/unlink",
            post(tasks::unlink_pull_request),
        )
}
