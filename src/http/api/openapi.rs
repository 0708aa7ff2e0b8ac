//! The OpenAPI description, generated from the code.

use axum::Json;
use serde_json::json;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, ObjectBuilder, Ref, RefOr, ResponseBuilder,
        path::{Operation, ParameterBuilder, ParameterIn},
        schema::{AdditionalProperties, Schema, SchemaType, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::http::api::webhook_types;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Fortnight",
        description = "A team board for people who work in sprints. Errors are RFC 9457 problem details. An account may make a burst of 120,000 writes, and then 100 a second; above that the API responds with 429 and Retry-After."
    ),
    modifiers(&Shared),
    paths(
        crate::http::api::v1::boards::list,
        crate::http::api::v1::boards::board,
        crate::http::api::v1::boards::column_tasks,
        crate::http::api::v1::events::events,
        crate::http::pages::checkin::check_in_json,
        crate::http::api::v1::sprints::list,
        crate::http::api::v1::standup::standup,
        crate::http::api::v1::tasks::create,
        crate::http::api::v1::tasks::get,
        crate::http::api::v1::tasks::patch,
        crate::http::api::v1::tasks::delete,
        crate::http::api::v1::tasks::position,
        crate::http::api::v1::tasks::block,
        crate::http::api::v1::tasks::unblock,
        crate::http::api::v1::tasks::owners,
        crate::http::api::v1::tasks::comment,
    ),
    components(schemas(
        crate::http::api::v1::task_request::TaskIn,
        crate::http::api::v1::task_request::TaskPatch,
        crate::http::api::v1::task_request::SprintRef,
        crate::http::api::v1::task_request::OwnersIn,
        crate::http::api::v1::task_request::CommentIn,
        crate::domain::tasks::placement::Place,
        crate::domain::tasks::block::Reason,
    ))
)]
struct Api;

/// Adds what all operations share: the bearer token, the problem response, and the idempotency key
/// of writes.
struct Shared;

impl Modify for Shared {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        if let Some(parts) = &mut api.components {
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
            parts.add_security_scheme("token", SecurityScheme::Http(bearer));
            parts
                .schemas
                .insert("Problem".to_owned(), RefOr::T(problem()));
            for (name, schema) in webhook_types::schemas() {
                parts.schemas.insert(name.to_owned(), RefOr::T(schema));
            }
            for (name, header) in webhook_types::headers() {
                parts.parameters.insert(name.to_owned(), RefOr::T(header));
            }
        }
        api.webhooks = Some(webhook_types::webhooks());
        api.security = Some(vec![SecurityRequirement::new("token", [""; 0])]);
        for item in api.paths.paths.values_mut() {
            let writes = [
                &mut item.post,
                &mut item.put,
                &mut item.patch,
                &mut item.delete,
            ];
            for operation in writes.into_iter().flatten() {
                operation.parameters.get_or_insert_default().push(RefOr::T(
                    ParameterBuilder::new()
                        .name("Idempotency-Key")
                        .parameter_in(ParameterIn::Header)
                        .description(Some("A key that the client chooses, 1 to 200 characters. A write repeated with the same key and body is executed once, and gets the same response."))
                        .schema(Some(
                            ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).max_length(Some(200)),
                        ))
                        .example(Some(json!("0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")))
                        .build(),
                ));
            }
            let all = [
                &mut item.get,
                &mut item.post,
                &mut item.put,
                &mut item.patch,
                &mut item.delete,
            ];
            all.into_iter().flatten().for_each(answered);
        }
    }
}

/// Sets the content types of the responses.
fn answered(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else {
            continue;
        };
        let (kind, schema) = if status.starts_with('2') {
            (
                "application/json",
                RefOr::T(Schema::Object(ObjectBuilder::new().build())),
            )
        } else {
            (
                "application/problem+json",
                RefOr::Ref(Ref::from_schema_name("Problem")),
            )
        };
        if status != "304" && response.content.is_empty() {
            response
                .content
                .insert(kind.to_owned(), RefOr::T(Content::new(Some(schema))));
        }
    }
    let problem = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    let error_response = ResponseBuilder::new()
        .description("The request was refused: 401 without a valid token, 403 without permission, 404 if the resource does not exist or is hidden, 429 above the rate limit")
        .content("application/problem+json", problem)
        .build();
    operation
        .responses
        .responses
        .insert("default".to_owned(), error_response.into());
}

/// The schema of problem details, RFC 9457.
fn problem() -> Schema {
    let string = |about: &str, example: &str| {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .description(Some(about))
            .examples([example])
    };
    let status = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Integer))
        .description(Some("The HTTP status"))
        .examples([422]);
    let errors = ObjectBuilder::new()
        .description(Some(
            "The reason for each refused field, by the field's name",
        ))
        .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(Schema::Object(
            ObjectBuilder::new()
                .schema_type(SchemaType::new(Type::String))
                .build(),
        )))))
        .examples([json!({ "title": "A title has 1 to 500 characters." })]);
    let object = |about: &str, example: serde_json::Value| {
        ObjectBuilder::new()
            .description(Some(about))
            .examples([example])
    };
    let detail = "A title has 1 to 500 characters.";
    Schema::Object(
        ObjectBuilder::new()
            .description(Some("Why a request was refused, as problem details of RFC 9457."))
            .property("type", string("Always `about:blank`: the status says what kind of problem it is", "about:blank"))
            .property("title", string("The problem in a few words", "Not saved"))
            .property("status", status)
            .property("detail", string("What happened, and what to do", detail))
            .property("errors", errors)
            .property(
                "current",
                object(
                    "The current version, after an edit conflict",
                    json!({ "key": "INF-42", "version": 8, "title": "Move the payment database to Postgres 17" }),
                ),
            )
            .property(
                "sent",
                object(
                    "The version that was sent, in the same format",
                    json!({ "version": 7, "title": "Move the payments to Postgres 17" }),
                ),
            )
            .property(
                "request_id",
                string("The request's id in the server log", "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57"),
            )
            .examples([json!({
                "type": "about:blank",
                "title": "Not saved",
                "status": 422,
                "detail": detail,
                "errors": { "title": detail },
            })])
            .build(),
    )
}

/// `GET /api/v1/openapi.json`
pub(crate) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Api::openapi())
}
