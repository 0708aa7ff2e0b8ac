//! Health checks for supervisors and load balancers.

use axum::{extract::State, http::StatusCode};
use sqlx::PgPool;

use crate::db;

/// `GET /healthz`: the process is up. It does not query the database, so that a slow database does
/// not make a supervisor restart the server.
pub(crate) async fn alive() -> &'static str {
    "ok"
}

/// `GET /readyz`: the database answers and has the tables this program needs.
pub(crate) async fn ready(State(db): State<PgPool>) -> (StatusCode, &'static str) {
    if db::is_ready(&db).await {
        (StatusCode::OK, "ready")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database is not available",
        )
    }
}
