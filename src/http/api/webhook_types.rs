//! The messages of outgoing webhooks in the OpenAPI description, from the list of what may be told of each event.

use serde_json::{Value, json};
use utoipa::openapi::{
    Content, ObjectBuilder, Ref, RefOr, Required, ResponseBuilder,
    path::{
        HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths,
    },
    request_body::RequestBodyBuilder,
    schema::{AllOfBuilder, ArrayBuilder, OneOfBuilder, Schema, SchemaFormat, SchemaType, Type},
};

use crate::domain::webhooks::{
    events::{self, CHANGED, Contents, Field, KINDS, Shape},
    payload::TEST,
};

/// The schema of a team in messages.
const TEAM: &str = "WebhookTeam";

/// The schema of a task in messages.
const TASK: &str = "WebhookTask";

/// The schema of what every event has.
const EVENT: &str = "WebhookEvent";

/// The headers of every message: name, meaning and example.
const HEADERS: [(&str, &str, &str); 3] = [
    (
        "webhook-id",
        "The id of the message: the same one if it is sent again",
        "msg_0193733e8f2a7cc1b2a46d3c1f0e9a57",
    ),
    (
        "webhook-timestamp",
        "When it was sent, in seconds since 1970",
        "1763978400",
    ),
    (
        "webhook-signature",
        "v1 and the HMAC-SHA256 of id, timestamp and body, joined by full stops; several, separated by spaces, while a \
         secret is being replaced",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
];

/// Every type of message, by its name.
pub(super) fn webhooks() -> Paths {
    let mut paths = Paths::new();
    for kind in KINDS {
        let Some(contents) = events::of(*kind) else {
            continue;
        };
        let data = event_data(kind.as_str(), &contents);
        let item = message(kind.as_str(), contents.about, data);
        paths.paths.insert(kind.as_str().to_owned(), item);
    }
    let data = object("What the test is of")
        .property("team", or_null(reference(TEAM)))
        .property(
            "actor",
            text("The username of the person who sent it", "elif"),
        )
        .required("actor");
    let item = message(TEST, "A test that a person sent.", data.build());
    paths.paths.insert(TEST.to_owned(), item);
    paths
}

/// The schemas that messages share.
pub(super) fn schemas() -> [(&'static str, Schema); 3] {
    let team = object("A team")
        .property("slug", text("Its part of addresses", "infrastructure"))
        .property("name", text("Its name", "Infrastructure"))
        .property("key", text("What its task keys begin with", "INF"));
    let task = object("A task, as it was when the message was made")
        .property("key", text("Its key", "INF-42"))
        .property("title", text("Its title", "Cut over"))
        .property(
            "url",
            text("Its page", "https://board.example.org/tasks/INF-42"),
        );
    [
        (TEAM, Schema::Object(team.build())),
        (TASK, Schema::Object(task.build())),
        (EVENT, event()),
    ]
}

/// The headers, as parameters that messages share.
pub(super) fn headers() -> impl Iterator<Item = (&'static str, Parameter)> {
    HEADERS.into_iter().map(|(name, about, example)| {
        let header = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(about))
            .schema(Some(string()))
            .example(Some(json!(example)));
        (name, header.build())
    })
}

fn message(kind: &str, about: &str, data: impl Into<Schema>) -> PathItem {
    let body = object("The message")
        .property(
            "type",
            text("What happened", kind).enum_values(Some([kind])),
        )
        .property("timestamp", moment("When it happened"))
        .property("data", data.into())
        .required("type")
        .required("timestamp")
        .required("data");
    let body = RequestBodyBuilder::new()
        .content(
            "application/json",
            Content::new(Some(Schema::Object(body.build()))),
        )
        .required(Some(Required::True))
        .build();
    let accepted = ResponseBuilder::new()
        .description("The message is accepted. Any other status than 200 to 299 is a failure, and it is sent again later; 410 switches the webhook off.")
        .build();
    let operation = OperationBuilder::new()
        .summary(Some(about))
        .tag("webhooks")
        .operation_id(Some(format!("webhook_{}", kind.replace(['.', '-'], "_"))))
        .request_body(Some(body))
        // signed instead
        .securities(Some([]))
        .response("2XX", accepted);
    let operation = HEADERS.iter().fold(operation, |operation, (name, ..)| {
        operation.parameter_ref(Ref::new(format!("#/components/parameters/{name}")))
    });
    PathItem::new(HttpMethod::Post, operation.build())
}

fn event_data(kind: &str, contents: &Contents) -> Schema {
    let mut own = object("What this type has")
        .property("before", side("The values before", contents.before))
        .property("after", side("The values after", contents.after))
        .required("before")
        .required("after");
    if kind == "task.edited" {
        let names = ArrayBuilder::new()
            .items(string().enum_values(Some(CHANGED)))
            .description(Some(
                "The names of all fields that changed, of which some have no values here",
            ));
        own = own.property("changed", names).required("changed");
    }
    let all = AllOfBuilder::new().item(reference(EVENT)).item(own);
    Schema::AllOf(all.build())
}

/// What every event has.
fn event() -> Schema {
    let undo = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Boolean))
        .description(Some("Whether it undoes another event"))
        .examples([false]);
    let actor = "The author's username; null if Fortnight made the change";
    let mut event = object("What every event has")
        .property("team", reference(TEAM))
        .property("seq", number("The number of the event in its team"))
        .property("change", id("The same for all events of one change"))
        .property("actor", nullable(Type::String, actor, "elif"))
        .property("undo", undo)
        .property("task", or_null(reference(TASK)));
    for name in ["team", "seq", "change", "actor", "undo", "task"] {
        event = event.required(name);
    }
    Schema::Object(event.build())
}

/// The fields of one side of an event. Each may be missing.
fn side(about: &str, fields: &[Field]) -> Schema {
    let side = fields.iter().fold(object(about), |side, (name, shape)| {
        side.property(*name, field(name, *shape))
    });
    Schema::Object(side.build())
}

fn field(name: &str, shape: Shape) -> RefOr<Schema> {
    let about = name.replace('_', " ");
    match shape {
        Shape::Text => nullable(Type::String, &about, "text").into(),
        Shape::Id => nullable(
            Type::String,
            &format!("The id of the {about}"),
            "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57",
        )
        .into(),
        Shape::Day => nullable(Type::String, &about, "2026-11-24").into(),
        Shape::Number => nullable(Type::Number, &about, 3).into(),
        Shape::Sprint => nullable(Type::Integer, "The number of the sprint", 42).into(),
        Shape::Texts => ArrayBuilder::new()
            .items(string())
            .description(Some(format!("{about}, at most 100")))
            .into(),
        Shape::Waits => object("What the task waits on")
            .property("kind", text("person, team, task or text", "person"))
            .property(
                "person",
                nullable(Type::String, "A username, if it is a person", "jonas"),
            )
            .property("note", text("A note", "They switch over on Thursday"))
            .into(),
    }
}

fn object(about: &str) -> ObjectBuilder {
    ObjectBuilder::new().description(Some(about))
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String))
}

fn text(about: &str, example: &str) -> ObjectBuilder {
    string().description(Some(about)).examples([example])
}

fn id(about: &str) -> ObjectBuilder {
    text(about, "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")
        .format(Some(SchemaFormat::Custom("uuid".to_owned())))
}

fn moment(about: &str) -> ObjectBuilder {
    text(about, "2026-11-24T10:00:00Z").format(Some(SchemaFormat::Custom("date-time".to_owned())))
}

fn number(about: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Integer))
        .description(Some(about))
        .examples([1308])
}

fn nullable(of: Type, about: &str, example: impl Into<Value>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([of, Type::Null]))
        .description(Some(about))
        .examples([example])
}

fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

fn or_null(schema: RefOr<Schema>) -> Schema {
    let null = ObjectBuilder::new().schema_type(SchemaType::new(Type::Null));
    Schema::OneOf(OneOfBuilder::new().item(schema).item(null).build())
}
