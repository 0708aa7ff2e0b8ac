//! `?fields=key,title`: responses with some fields only, of the object or of each entry of a list. One layer does it
//! for all routes, by the schemas of the OpenAPI description.

use std::{collections::HashMap, sync::LazyLock};

use axum::{
    body::{Body, to_bytes},
    extract::{MatchedPath, Request},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use crate::{domain::error::Problem, http::api::openapi};

/// What a route returns.
struct Shape {
    /// The field with the entries, if it is a list.
    list: Option<String>,
    /// The fields of the object or of each entry.
    fields: Vec<String>,
}

/// The shapes of all routes that return JSON, by path.
static SHAPES: LazyLock<HashMap<String, Shape>> = LazyLock::new(|| {
    let document = openapi::description();
    let Some(paths) = document["paths"].as_object() else {
        return HashMap::new();
    };
    let shape = |(path, item): (&String, &Value)| {
        let schema = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        Some((path.clone(), read_shape(document, schema)?))
    };
    paths.iter().filter_map(shape).collect()
});

fn read_shape(document: &Value, schema: &Value) -> Option<Shape> {
    let properties = properties(document, schema);
    let entries = properties
        .iter()
        .filter(|_| properties.contains_key("next_cursor"))
        .find(|(_, property)| property["type"] == "array");
    let (list, of) = match entries {
        Some((name, property)) => {
            let of = self::properties(document, &property["items"]);
            (Some(name.clone()), of)
        }
        None => (None, properties),
    };
    let fields: Vec<String> = of.into_iter().map(|(name, _)| name).collect();
    (!fields.is_empty()).then_some(Shape { list, fields })
}

/// The properties of a schema, those of the schemas that it refers to included.
fn properties(document: &Value, schema: &Value) -> Map<String, Value> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return properties(document, &document["components"]["schemas"][name]);
    }
    let mut found = schema["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        found.extend(properties(document, part));
    }
    found
}

/// Reduces the response to a read to the fields that its URL asks for.
pub(crate) async fn choose(mut request: Request, next: Next) -> Response {
    let Some(wanted) = wanted_fields(&request) else {
        return next.run(request).await;
    };
    let route = request.extensions().get::<MatchedPath>();
    let shape = route.and_then(|route| SHAPES.get(route.as_str()));
    let Some(shape) = shape else {
        return next.run(request).await;
    };
    let unknown = wanted.iter().find(|field| !shape.fields.contains(field));
    if let Some(unknown) = unknown {
        return unknown_field(unknown, &shape.fields).into_response();
    }
    // The body has to be read here; the layers around this one compress it.
    request.headers_mut().remove(header::ACCEPT_ENCODING);
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    match &shape.list {
        Some(list) => value[list]
            .as_array_mut()
            .into_iter()
            .flatten()
            .for_each(|entry| reduce(entry, &wanted)),
        None => reduce(&mut value, &wanted),
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(value.to_string()))
}

/// The fields in the URL of a read; `None` if it names none.
fn wanted_fields(request: &Request) -> Option<Vec<String>> {
    let query = request.uri().query().unwrap_or_default();
    if request.method() != Method::GET || !query.contains("fields") {
        return None;
    }
    let fields: Vec<String> = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "fields")
        .flat_map(|(_, value)| value.split(',').map(str::to_owned).collect::<Vec<_>>())
        .map(|field| field.trim().to_owned())
        .filter(|field| !field.is_empty())
        .collect();
    (!fields.is_empty()).then_some(fields)
}

fn unknown_field(unknown: &str, known: &[String]) -> Problem {
    let shown: String = unknown.chars().take(50).collect();
    Problem::BadRequest(
        format!(
            "There is no field {shown}. The fields are: {}.",
            known.join(", ")
        )
        .into(),
    )
}

fn reduce(value: &mut Value, wanted: &[String]) {
    if let Some(object) = value.as_object_mut() {
        object.retain(|name, _| wanted.contains(name));
    }
}
