//! Webhooks of teams and of the workspace.

use axum::{
    Router,
    routing::{get, post},
};

use crate::{app::App, http::pages::webhooks};

/// The routes of these pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/settings/webhooks",
            get(webhooks::webhooks).post(webhooks::add_webhook),
        )
        .route(
            "/settings/webhooks/{id}",
            get(webhooks::webhook).post(webhooks::edit_webhook),
        )
        .route(
            "/settings/webhooks/{id}/secret",
            post(webhooks::renew_webhook_secret),
        )
        .route("/settings/webhooks/{id}/test", post(webhooks::test_webhook))
        .route(
            "/settings/webhooks/{id}/pause",
            post(webhooks::pause_webhook),
        )
        .route(
            "/settings/webhooks/{id}/resume",
            post(webhooks::resume_webhook),
        )
        .route(
            "/settings/webhooks/{id}/delete",
            post(webhooks::delete_webhook),
        )
        .route(
            "/settings/webhook-messages/{id}",
            get(webhooks::webhook_message).post(webhooks::send_webhook_message_again),
        )
        .route(
            "/teams/{slug}/settings/webhooks",
            get(webhooks::webhooks).post(webhooks::add_webhook),
        )
        .route(
            "/teams/{slug}/settings/webhooks/{id}",
            get(webhooks::webhook).post(webhooks::edit_webhook),
        )
        .route(
            "/teams/{slug}/settings/webhooks/{id}/secret",
            post(webhooks::renew_webhook_secret),
        )
        .route(
            "/teams/{slug}/settings/webhooks/{id}/test",
            post(webhooks::test_webhook),
        )
        .route(
            "/teams/{slug}/settings/webhooks/{id}/pause",
            post(webhooks::pause_webhook),
        )
        .route(
            "/teams/{slug}/settings/webhooks/{id}/resume",
            post(webhooks::resume_webhook),
        )
        .route(
            "/teams/{slug}/settings/webhooks/{id}/delete",
            post(webhooks::delete_webhook),
        )
        .route(
            "/teams/{slug}/settings/webhook-messages/{id}",
            get(webhooks::webhook_message).post(webhooks::send_webhook_message_again),
        )
}
