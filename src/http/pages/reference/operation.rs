//! The operations of the OpenAPI description, as the pages show them.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::http::api::openapi;

/// The operations about one kind of thing.
pub(crate) struct Resource {
    /// The last segment of its page's URL.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) operations: Vec<Operation>,
}

/// One method of one path.
pub(crate) struct Operation {
    /// Its name in clients that are generated, and the anchor on the page.
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) parameters: Vec<Field>,
    /// The fields of the body.
    pub(crate) body: Vec<Field>,
    /// The rest of a command that sends it, after the server's address.
    pub(crate) command: String,
    pub(crate) responses: Vec<Response>,
    /// An example of what it returns.
    pub(crate) example: String,
    /// The fields of what it returns.
    pub(crate) returned: Vec<Field>,
}

/// A parameter, or a field of a body.
pub(crate) struct Field {
    pub(crate) name: String,
    /// Its type, and for a parameter where it is sent.
    pub(crate) kind: String,
    pub(crate) is_required: bool,
    pub(crate) about: String,
}

/// A status that an operation returns.
pub(crate) struct Response {
    pub(crate) status: String,
    pub(crate) about: String,
}

/// All operations by what they are about.
pub(crate) static RESOURCES: LazyLock<Vec<Resource>> = LazyLock::new(|| {
    let document = openapi::description();
    let mut resources: Vec<Resource> = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, value) in item.as_object().into_iter().flatten() {
            let tag = text(&value["tags"][0]);
            let operation = Operation::read(document, method, path, value);
            match resources.iter_mut().find(|resource| resource.name == tag) {
                Some(resource) => resource.operations.push(operation),
                None => resources.push(Resource {
                    title: title(&tag).to_owned(),
                    name: tag,
                    operations: vec![operation],
                }),
            }
        }
    }
    resources.sort_by(|a, b| a.title.cmp(&b.title));
    resources
});

fn title(tag: &str) -> &str {
    match tag {
        "goals" => "Goals",
        "me" => "Inbox and follows",
        "meetings" => "Meetings",
        "projects" => "Projects",
        "requests" => "Requests",
        "search" => "Search",
        "sprints" => "Sprints",
        "tasks" => "Tasks",
        "teams" => "Teams",
        other => other,
    }
}

impl Operation {
    fn read(document: &Value, method: &str, path: &str, value: &Value) -> Self {
        let content = &value["requestBody"]["content"];
        let form = &content["multipart/form-data"]["schema"];
        let is_form = !form.is_null();
        let body = if is_form {
            form
        } else {
            &content["application/json"]["schema"]
        };
        let parameters = value["parameters"].as_array();
        let parameters: Vec<&Value> = parameters.into_iter().flatten().collect();
        let responses = value["responses"].as_object();
        let responses: Vec<(&String, &Value)> = responses.into_iter().flatten().collect();
        let schema = responses
            .iter()
            .find(|(status, _)| status.starts_with('2'))
            .map(|(_, response)| &response["content"]["application/json"]["schema"]);
        let returned = schema.filter(|schema| !schema.is_null());
        let response = |(status, response): (&String, &Value)| Response {
            status: status.clone(),
            about: text(&response["description"]),
        };
        Self {
            id: text(&value["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&value["summary"]),
            description: text(&value["description"]),
            command: command(document, method, path, &parameters, body, is_form),
            parameters: parameters
                .iter()
                .map(|one| parameter(document, one))
                .collect(),
            body: fields(document, body),
            responses: responses
                .iter()
                .filter(|(status, _)| *status != "default")
                .map(|(status, value)| response((status, value)))
                .collect(),
            example: returned.map_or(String::new(), |schema| pretty(&example(document, schema))),
            returned: returned.map_or(Vec::new(), |schema| fields(document, schema)),
        }
    }
}

fn parameter(document: &Value, value: &Value) -> Field {
    let kind = kind(document, &value["schema"]);
    Field {
        name: text(&value["name"]),
        kind: format!("{kind}, {}", text(&value["in"])),
        is_required: value["required"] == true,
        about: text(&value["description"]),
    }
}

/// The schema that this one refers to, or itself.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"]
        .as_str()
        .and_then(|name| name.rsplit('/').next())
    {
        Some(name) => &document["components"]["schemas"][name],
        None => schema,
    }
}

/// The properties of an object, of those that it consists of too.
fn properties(document: &Value, schema: &Value) -> (Map<String, Value>, Vec<String>) {
    let schema = resolved(document, schema);
    let mut found = schema["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let required = schema["required"].as_array();
    let mut required: Vec<String> = required.into_iter().flatten().map(text).collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        let (more, also) = properties(document, part);
        found.extend(more);
        required.extend(also);
    }
    (found, required)
}

fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let (properties, required) = properties(document, schema);
    let field = |(name, property): (&String, &Value)| Field {
        is_required: required.contains(name),
        kind: kind(document, property),
        about: text(&property["description"]),
        name: name.clone(),
    };
    properties.iter().map(field).collect()
}

/// A schema's type in words.
fn kind(document: &Value, schema: &Value) -> String {
    let schema = resolved(document, schema);
    let alternatives = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    if let Some(alternatives) = alternatives {
        let mut kinds: Vec<String> = alternatives.iter().map(|one| kind(document, one)).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        Value::String(kind) if kind == "array" => {
            format!("list of {}", self::kind(document, &schema["items"]))
        }
        Value::String(kind) => kind.clone(),
        _ => "object".to_owned(),
    }
}

/// An example of a value.
fn example(document: &Value, schema: &Value) -> Value {
    for own in [&schema["example"], &schema["examples"][0]] {
        if !own.is_null() {
            return own.clone();
        }
    }
    let schema = resolved(document, schema);
    for own in [&schema["example"], &schema["examples"][0]] {
        if !own.is_null() {
            return own.clone();
        }
    }
    let alternatives = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    if let Some(first) = alternatives.and_then(|all| all.iter().find(|one| one["type"] != "null")) {
        return example(document, first);
    }
    let (properties, _) = properties(document, schema);
    if !properties.is_empty() {
        let examples = properties
            .iter()
            .map(|(name, property)| (name.clone(), example(document, property)));
        return Value::Object(examples.collect());
    }
    match schema["type"].as_str() {
        Some("array") => Value::Array(vec![example(document, &schema["items"])]),
        Some("integer") => Value::from(1),
        Some("boolean") => Value::from(true),
        Some("string") => Value::from(""),
        _ => Value::Object(Map::new()),
    }
}

/// The path with examples, and what else `curl` needs.
fn command(
    document: &Value,
    method: &str,
    path: &str,
    parameters: &[&Value],
    body: &Value,
    is_form: bool,
) -> String {
    let mut url = path.to_owned();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in parameters {
        let name = text(&parameter["name"]);
        let value = match example(document, parameter) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        match parameter["in"].as_str() {
            Some("path") => url = url.replace(&format!("{{{name}}}"), &value),
            Some("query") if parameter["required"] == true => {
                query.append_pair(&name, &value);
            }
            _ => {}
        }
    }
    let query = query.finish();
    if !query.is_empty() {
        url = format!("{url}?{query}");
    }
    let mut command = format!("{url}' \\\n  -H \"Authorization: Bearer $TOKEN\"");
    if method != "get" {
        command.push_str(&format!(" -X {}", method.to_uppercase()));
    }
    if is_form {
        command.push_str(" \\\n  -F file=@plan.png");
    } else if !body.is_null() {
        let body = pretty(&example(document, body)).replace('\'', "'\\''");
        command.push_str(&format!(
            " \\\n  -H 'Content-Type: application/json' -d '{body}'"
        ));
    }
    command
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
