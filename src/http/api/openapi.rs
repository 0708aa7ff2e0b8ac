//! The OpenAPI description, generated from the code.

use std::sync::LazyLock;

use axum::Json;
use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, ObjectBuilder, Ref, RefOr, Required, ResponseBuilder,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        schema::{AdditionalProperties, KnownFormat, Schema, SchemaFormat, SchemaType, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::http::api::webhook_types;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Fortnight",
        description = "A team board for people who work in sprints. Errors are RFC 9457 problem details. An account may make a burst of 120,000 writes, and then 100 a second; above that the API responds with 429 and Retry-After. The headers RateLimit-Policy and RateLimit say what is left after each write."
    ),
    modifiers(&Shared),
    paths(
        crate::http::api::v1::me::get,
        crate::http::api::v1::follows::list,
        crate::http::api::v1::inbox::list,
        crate::http::api::v1::inbox::mark_all,
        crate::http::api::v1::inbox::edit,
        crate::http::api::v1::search::search,
        crate::http::api::v1::teams::list,
        crate::http::api::v1::teams::create,
        crate::http::api::v1::teams::get,
        crate::http::api::v1::teams::edit,
        crate::http::api::v1::boards::board,
        crate::http::api::v1::task_lists::list,
        crate::http::api::v1::tasks::create,
        crate::http::api::v1::events::events,
        crate::http::pages::checkin::check_in_json,
        crate::http::api::v1::follows::follow_team,
        crate::http::api::v1::follows::unfollow_team,
        crate::http::api::v1::members::list,
        crate::http::api::v1::members::set,
        crate::http::api::v1::members::remove,
        crate::http::api::v1::schedule::get,
        crate::http::api::v1::schedule::edit,
        crate::http::api::v1::schedule::days_off,
        crate::http::api::v1::schedule::add_day_off,
        crate::http::api::v1::schedule::remove_day_off,
        crate::http::api::v1::columns::list,
        crate::http::api::v1::columns::create,
        crate::http::api::v1::columns::edit,
        crate::http::api::v1::columns::remove,
        crate::http::api::v1::columns::reorder,
        crate::http::api::v1::task_lists::column_tasks,
        crate::http::api::v1::labels::list,
        crate::http::api::v1::labels::edit,
        crate::http::api::v1::labels::remove,
        crate::http::api::v1::filters::list,
        crate::http::api::v1::filters::create,
        crate::http::api::v1::filters::remove,
        crate::http::api::v1::share_links::list,
        crate::http::api::v1::share_links::create,
        crate::http::api::v1::share_links::revoke,
        crate::http::api::v1::goals::list,
        crate::http::api::v1::goals::create,
        crate::http::api::v1::goals::get,
        crate::http::api::v1::goals::edit,
        crate::http::api::v1::goals::remove,
        crate::http::api::v1::goals::set_progress,
        crate::http::api::v1::goals::reorder,
        crate::http::api::v1::follows::follow_goal,
        crate::http::api::v1::follows::unfollow_goal,
        crate::http::api::v1::goal_comments::list,
        crate::http::api::v1::goal_comments::add,
        crate::http::api::v1::goal_comments::remove,
        crate::http::api::v1::goal_comments::answer,
        crate::http::api::v1::sprints::of_team,
        crate::http::api::v1::sprint_close::close,
        crate::http::api::v1::sprint_close::reopen,
        crate::http::api::v1::retro_notes::list,
        crate::http::api::v1::retro_notes::create,
        crate::http::api::v1::retro_notes::edit,
        crate::http::api::v1::retro_notes::remove,
        crate::http::api::v1::topics::list,
        crate::http::api::v1::topics::create,
        crate::http::api::v1::topics::edit,
        crate::http::api::v1::topics::remove,
        crate::http::api::v1::actions::list,
        crate::http::api::v1::actions::create,
        crate::http::api::v1::actions::edit,
        crate::http::api::v1::actions::make_task,
        crate::http::api::v1::requests::list,
        crate::http::api::v1::requests::create,
        crate::http::api::v1::requests::withdraw,
        crate::http::api::v1::requests::answer,
        crate::http::api::v1::sprints::list,
        crate::http::api::v1::standup::standup,
        crate::http::api::v1::sprints::continue_sprints,
        crate::http::api::v1::sprints::get,
        crate::http::api::v1::sprints::edit,
        crate::http::api::v1::sprints::skip,
        crate::http::api::v1::projects::list,
        crate::http::api::v1::projects::create,
        crate::http::api::v1::projects::get,
        crate::http::api::v1::projects::edit,
        crate::http::api::v1::projects::finish,
        crate::http::api::v1::projects::resume,
        crate::http::api::v1::follows::follow_project,
        crate::http::api::v1::follows::unfollow_project,
        crate::http::api::v1::project_tasks::list,
        crate::http::api::v1::project_tasks::add,
        crate::http::api::v1::project_tasks::remove,
        crate::http::api::v1::milestones::list,
        crate::http::api::v1::milestones::create,
        crate::http::api::v1::milestones::edit,
        crate::http::api::v1::milestones::remove,
        crate::http::api::v1::milestones::reorder,
        crate::http::api::v1::milestones::reach,
        crate::http::api::v1::milestones::reopen,
        crate::http::api::v1::tasks::get,
        crate::http::api::v1::tasks::patch,
        crate::http::api::v1::tasks::delete,
        crate::http::api::v1::tasks::restore,
        crate::http::api::v1::tasks::position,
        crate::http::api::v1::tasks::block,
        crate::http::api::v1::tasks::unblock,
        crate::http::api::v1::tasks::owners,
        crate::http::api::v1::follows::follow_task,
        crate::http::api::v1::follows::unfollow_task,
        crate::http::api::v1::topics::ask_for_help,
        crate::http::api::v1::steps::list,
        crate::http::api::v1::steps::add,
        crate::http::api::v1::steps::edit,
        crate::http::api::v1::steps::remove,
        crate::http::api::v1::attachments::list,
        crate::http::api::v1::attachments::add,
        crate::http::api::v1::attachments::remove,
        crate::http::api::v1::comments::list,
        crate::http::api::v1::comments::add,
        crate::http::api::v1::comments::edit,
        crate::http::api::v1::comments::remove,
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
        for (path, item) in &mut api.paths.paths {
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
                        .description(Some("A key that the client chooses, 1 to 200 visible ASCII characters. A write repeated with the same key and body is executed once, and gets the same response."))
                        .schema(Some(
                            ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).min_length(Some(1)).max_length(Some(200)),
                        ))
                        .example(Some(json!("0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")))
                        .build(),
                ));
            }
            if let Some(operation) = &mut item.get {
                operation
                    .parameters
                    .get_or_insert_default()
                    .push(RefOr::T(fields_parameter()));
            }
            let all = [
                &mut item.get,
                &mut item.post,
                &mut item.put,
                &mut item.patch,
                &mut item.delete,
            ];
            for operation in all.into_iter().flatten() {
                name_path_parameters(path, operation);
                answered(operation);
            }
        }
    }
}

/// Describes the parameters of a path that the operation does not describe itself.
fn name_path_parameters(path: &str, operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    let parts: Vec<&str> = path.split('/').collect();
    for (at, part) in parts.iter().enumerate() {
        let Some(name) = part
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        else {
            continue;
        };
        let is_described = parameters.iter().any(|parameter| match parameter {
            RefOr::T(parameter) => parameter.name == name,
            RefOr::Ref(_) => false,
        });
        if is_described {
            continue;
        }
        let of = parts.get(at - 1).copied().unwrap_or_default();
        let (about, example) = match (name, of) {
            ("slug", "projects") => ("The project's slug", json!("postgres-17")),
            ("slug", _) => ("The team's slug", json!("infrastructure")),
            ("key", _) => ("The task's key", json!("INF-42")),
            ("number", _) => ("The sprint's number", json!(42)),
            ("handle", _) => ("The username, without `@`", json!("elif")),
            ("column", _) => ("The column's slug", json!("in-progress")),
            ("day", _) => ("The day, as YYYY-MM-DD", json!("2026-12-24")),
            _ => ("The id", json!("0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")),
        };
        let schema = match name {
            "number" => ObjectBuilder::new()
                .schema_type(SchemaType::new(Type::Integer))
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32))),
            "id" => ObjectBuilder::new()
                .schema_type(SchemaType::new(Type::String))
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))),
            _ => ObjectBuilder::new().schema_type(SchemaType::new(Type::String)),
        };
        let place = at.min(parameters.len());
        let place = parameters
            .iter()
            .take(place)
            .take_while(|parameter| {
                matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Path)
            })
            .count();
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some(about))
            .schema(Some(schema))
            .example(Some(example))
            .build();
        parameters.insert(place, RefOr::T(parameter));
    }
}

/// The parameter that chooses the fields of a response.
fn fields_parameter() -> Parameter {
    ParameterBuilder::new()
        .name("fields")
        .parameter_in(ParameterIn::Query)
        .description(Some("The fields to return, separated by commas: of the object, or of each entry of a list. By default all."))
        .schema(Some(
            ObjectBuilder::new().schema_type(SchemaType::new(Type::String)),
        ))
        .build()
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
        if !matches!(status.as_str(), "204" | "304") && response.content.is_empty() {
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

static DESCRIPTION: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(Api::openapi()).unwrap_or_default());

/// The whole description, as JSON.
pub(crate) fn description() -> &'static Value {
    &DESCRIPTION
}

/// `GET /api/v1/openapi.json`
pub(crate) async fn document() -> Json<&'static Value> {
    Json(description())
}
