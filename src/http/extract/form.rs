//! Extractors of forms and JSON bodies, with error messages for what cannot be parsed.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::Date;
use uuid::Uuid;

use crate::{
    domain::{
        dates::parse_date,
        error::{Problem, Result},
        text::turns_direction,
    },
    http::{
        extract::body::whole,
        middleware::form_recovery::{self, FormRetry},
    },
};

/// The fields of a form, in the order they came; a name may come several times.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// All fields, in the order they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A field's first value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// A field's first value, or empty if it is missing.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    /// Every value of a field that is not empty.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(field, value)| field == name && !value.trim().is_empty())
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// Parses a field, such as a number; `None` if it is missing or empty.
    pub(crate) fn parse<T: std::str::FromStr>(
        &self,
        name: &'static str,
        message: &str,
    ) -> Result<Option<T>> {
        match self.text(name).trim() {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| Problem::field(name, message)),
        }
    }

    /// A date as browsers send it; 31 February is refused.
    pub(crate) fn date(&self, name: &'static str) -> Result<Option<Date>> {
        match self.text(name).trim() {
            "" => Ok(None),
            text => parse_date(text)
                .map(Some)
                .ok_or_else(|| Problem::field(name, "Enter a date as YYYY-MM-DD.")),
        }
    }

    fn from_bytes(body: &[u8]) -> Result<Self> {
        let fields: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
        refuse_nul(
            fields
                .iter()
                .filter(|(name, value)| name.contains('\0') || value.contains('\0')),
        )?;
        refuse_bidi_control(&fields)?;
        Ok(Self(fields))
    }
}

/// Single-line fields, which are shown in the middle of other text.
const ONE_LINE: [&str; 5] = ["title", "name", "names", "called", "text"];

/// Refuses bidirectional control characters: they would reverse the rest of the line.
fn refuse_bidi_control(fields: &[(String, String)]) -> Result<()> {
    let turned = fields
        .iter()
        .filter(|(name, value)| ONE_LINE.contains(&name.as_str()) && turns_direction(value));
    let message = "This contains a bidirectional control character. Remove it.";
    let errors: BTreeMap<_, _> = turned
        .filter_map(|(name, _)| Some((form_recovery::shown(name)?, message.to_owned())))
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Problem::Invalid(errors))
    }
}

/// Refuses NUL characters, which Postgres cannot store.
fn refuse_nul<'f, T: 'f>(fields: impl Iterator<Item = &'f (String, T)>) -> Result<()> {
    let message = "The text contains a character that can't be stored.";
    let errors: BTreeMap<_, _> = fields
        .map(|(name, _)| {
            (
                form_recovery::shown(name).unwrap_or("text"),
                message.to_owned(),
            )
        })
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Problem::Invalid(errors))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        use axum::response::IntoResponse;
        let is_form = is_kind(request.headers(), "application/x-www-form-urlencoded");
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        let body = whole(request, state).await?;
        if !is_form && !body.is_empty() {
            return Err(axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
        }
        Self::from_bytes(&body).map_err(|problem| {
            let mut response = problem.into_response();
            if let Some(form) = FormRetry::parse_if_all_listed(&uri, &headers, &body) {
                response.extensions_mut().insert(form);
            }
            response
        })
    }
}

/// A JSON body.
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        use axum::response::IntoResponse;
        if !is_kind(request.headers(), "application/json") {
            return Err(axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
        }
        let body = whole(request, state).await?;
        read_json(if body.is_empty() { b"{}" } else { &body })
            .map(Self)
            .map_err(IntoResponse::into_response)
    }
}

/// Whether the content type is this one or missing.
fn is_kind(headers: &HeaderMap, wanted: &str) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let kind = kind
        .to_str()
        .unwrap_or("?")
        .split(';')
        .next()
        .unwrap_or("")
        .trim();
    kind.is_empty() || kind.eq_ignore_ascii_case(wanted)
}

/// Parses a JSON object. Syntax errors are reported by line and column, wrong values by field.
fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let no_json = |error: serde_json::Error| {
        Problem::BadRequest(
            format!(
                "Invalid JSON: line {}, column {}.",
                error.line(),
                error.column()
            )
            .into(),
        )
    };
    let Value::Object(fields) = serde_json::from_slice(body).map_err(no_json)? else {
        return Err(Problem::BadRequest(
            "Expected a JSON object: {\"title\": …}.".into(),
        ));
    };
    let nul: Vec<(String, Value)> = fields
        .clone()
        .into_iter()
        .filter(|(_, value)| has_nul(value))
        .collect();
    refuse_nul(nul.iter())?;
    serde_path_to_error::deserialize(Value::Object(fields))
        .map_err(|error| explain_json_error(&error))
}

fn explain_json_error(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let path = error.path().to_string();
    let field = path.split(['.', '[']).next().unwrap_or("");
    let message = error.inner().to_string();
    if let Some(unknown) = message
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split('`').next())
    {
        return Problem::BadRequest(
            format!("Unknown field {unknown}. Nothing was changed.").into(),
        );
    }
    let wanted = match message
        .rsplit_once("expected ")
        .map_or("", |(_, wanted)| wanted)
    {
        "i32" | "i64" => "Enter a whole number.",
        "a string" => "Enter a string.",
        "a sequence" => "Enter a list.",
        "a boolean" => "Enter true or false.",
        _ => "Invalid value.",
    };
    match JSON_FIELDS.into_iter().find(|known| *known == field) {
        Some(known) => Problem::field(known, wanted),
        None => Problem::BadRequest(format!("{field}: {wanted} Nothing was changed.").into()),
    }
}

/// The fields of JSON bodies by which errors are reported.
const JSON_FIELDS: [&str; 19] = [
    "title",
    "column",
    "description",
    "sprint",
    "goal",
    "project",
    "labels",
    "owners",
    "estimate",
    "due",
    "needed_by",
    "version",
    "after",
    "before",
    "kind",
    "on",
    "note",
    "body",
    "wip_limit",
];

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields.values().any(has_nul),
        _ => false,
    }
}

/// Parses an id in a URL; an invalid one is not found.
pub(crate) fn id(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| Problem::NotFound)
}
