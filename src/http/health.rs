//! What a supervisor asks: is the program up, and can it work?

use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::db;

/// `GET /healthz`: the program is up. It asks nobody, so that a slow database restarts nothing.
pub async fn alive() -> &'static str {
    "ok"
}

/// `GET /readyz`: the database answers and has the tables this program needs.
pub async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if db::is_ready(&app.db).await {
        (StatusCode::OK, "ready")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer",
        )
    }
}
