//! The API's description, made from the code.

use axum::Json;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Fortnight",
        description = "A team board for people who work in sprints. Errors are RFC 9457 problem details."
    ),
    paths(
        crate::boards::api::list,
        crate::boards::api::board,
        crate::boards::api::events,
        crate::checkin::pages::facts,
        crate::sprints::api::list,
        crate::tasks::api::create,
        crate::tasks::api::get,
        crate::tasks::api::patch,
        crate::tasks::api::delete,
        crate::tasks::api::position,
        crate::tasks::api::block,
        crate::tasks::api::unblock,
        crate::tasks::api::owners,
        crate::tasks::api::comment,
    ),
    components(schemas(
        crate::tasks::api::TaskIn,
        crate::tasks::api::TaskPatch,
        crate::tasks::api::SprintRef,
        crate::tasks::api::OwnersIn,
        crate::tasks::api::CommentIn,
        crate::tasks::moving::Place,
        crate::tasks::blocking::Reason,
    ))
)]
struct Api;

/// `GET /api/v1/openapi.json`
pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Api::openapi())
}
