//! Every URL.

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::web::health;

/// All of Fortnight's addresses.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(app)
}
