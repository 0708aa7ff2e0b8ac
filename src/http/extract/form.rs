//! Extractors of forms and JSON bodies, with error messages for what cannot be parsed.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use time::Date;
use uuid::Uuid;

use crate::{
    domain::{
        dates::parse_date,
        error::{Problem, Result},
        text::{MAX_ENTRIES, composed, grouped, is_within, max_length, turns_direction},
    },
    http::{
        extract::body::whole,
        middleware::form_recovery::{self, FormRetry},
    },
};

/// The fields of a form, in the order they came; a name may come several times.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    all: Vec<(String, String)>,
    /// Positions in `all`, by name: a form can have thousands of fields.
    by_name: Vec<usize>,
}

/// The most fields of a form: two for each of a sprint's unfinished tasks.
const MAX_FIELDS: usize = 50_000;

impl Fields {
    /// All fields, in the order they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A field's first value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let place = self.by_name.partition_point(|at| *self.all[*at].0 < *name);
        let (first, value) = &self.all[*self.by_name.get(place)?];
        (first == name).then_some(value)
    }

    /// A field's first value, or empty if it is missing.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    /// Every value of a field that is not empty.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.all
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
        // Before they are read: an empty field takes a hundred times the bytes that it was sent in.
        if body.iter().filter(|byte| **byte == b'&').count() >= MAX_FIELDS {
            return Err(Problem::field("text", "This form has too many fields."));
        }
        let all: Vec<(String, String)> = form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), composed(&value).into_owned()))
            .collect();
        let mut by_name: Vec<usize> = (0..all.len()).collect();
        by_name.sort_by(|a, b| all[*a].0.cmp(&all[*b].0));
        let fields = Self { all, by_name };
        fields.check()?;
        Ok(fields)
    }

    /// Refuses texts and lists that are too long, and characters that cannot be stored or turn the text around them.
    fn check(&self) -> Result<()> {
        let mut errors = BTreeMap::new();
        for (name, value) in self.iter() {
            if let Some(message) = check_text(name, value).or(check_text("name", name)) {
                let shown = form_recovery::shown(name).unwrap_or("text");
                errors.entry(shown).or_insert(message);
            }
        }
        let mut names = self
            .by_name
            .chunk_by(|a, b| self.all[*a].0 == self.all[*b].0);
        if names.any(|same| same.len() > MAX_ENTRIES) {
            errors.insert("text", too_many_entries());
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::Invalid(errors))
        }
    }
}

/// What is wrong with a value of this name, if anything.
fn check_text(name: &str, value: &str) -> Option<String> {
    let most = max_length(name);
    if !is_within(value, most) {
        return Some(format!(
            "This can have at most {} characters.",
            grouped(most)
        ));
    }
    if value.contains('\0') {
        return Some("The text contains a character that can't be stored.".to_owned());
    }
    (ONE_LINE.contains(&name) && turns_direction(value))
        .then(|| "This contains a bidirectional control character. Remove it.".to_owned())
}

fn too_many_entries() -> String {
    format!("A list can have at most {} entries.", grouped(MAX_ENTRIES))
}

/// Single-line fields, which are shown in the middle of other text: a bidirectional control character would reverse
/// the rest of the line.
const ONE_LINE: [&str; 15] = [
    "title",
    "name",
    "names",
    "called",
    "text",
    "label",
    "labels",
    "needed_by",
    "note",
    "on",
    "unit",
    "team",
    "does",
    "chat",
    "handle",
];

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        use axum::response::IntoResponse;
        let is_form = is_kind(request.headers(), "application/x-www-form-urlencoded");
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        let body = whole(request).await?;
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

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        use axum::response::IntoResponse;
        if !is_kind(request.headers(), "application/json") {
            return Err(axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
        }
        let body = whole(request).await?;
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
    let Value::Object(mut fields) = serde_json::from_slice(body).map_err(no_json)? else {
        return Err(Problem::BadRequest(
            "Expected a JSON object: {\"title\": …}.".into(),
        ));
    };
    check_fields(&mut fields)?;
    serde_path_to_error::deserialize(Value::Object(fields))
        .map_err(|error| explain_json_error(&error))
}

/// Checks the lengths and characters of all texts and the lengths of all lists, and composes letters.
///
/// # Errors
/// `Invalid`, for the first field that is refused.
pub(crate) fn check_fields(fields: &mut Map<String, Value>) -> Result<()> {
    for (name, value) in &*fields {
        if let Some(message) = check_value(name, value) {
            let known = JSON_FIELDS.into_iter().find(|known| known == name);
            return Err(Problem::field(known.unwrap_or("text"), message));
        }
    }
    fields.values_mut().for_each(compose);
    Ok(())
}

/// Composes the letters of all texts, after their lengths were checked.
fn compose(value: &mut Value) {
    match value {
        Value::String(text) => *text = composed(text).into_owned(),
        Value::Array(values) => values.iter_mut().for_each(compose),
        Value::Object(fields) => fields.values_mut().for_each(compose),
        _ => {}
    }
}

/// What is wrong with a value of this field, if anything.
fn check_value(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => check_text(name, text),
        Value::Array(values) if values.len() > MAX_ENTRIES => Some(too_many_entries()),
        Value::Array(values) => values.iter().find_map(|value| check_value(name, value)),
        Value::Object(fields) => fields
            .iter()
            .find_map(|(inner, value)| check_text("name", inner).or(check_value(name, value))),
        _ => None,
    }
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
const JSON_FIELDS: [&str; 65] = [
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
    "answer",
    "category",
    "counted_by",
    "days",
    "done",
    "for_team",
    "goals",
    "hue",
    "key",
    "key_result",
    "lanes",
    "manual_value",
    "measure",
    "meeting",
    "met",
    "milestone",
    "mission",
    "chat",
    "roadmap",
    "name",
    "needs",
    "outcome",
    "password",
    "private",
    "public",
    "q",
    "retro",
    "role",
    "shows",
    "standup_at",
    "standup_days",
    "starts_on",
    "ends_on",
    "state",
    "target",
    "tasks",
    "team",
    "text",
    "time_zone",
    "to",
    "unit",
    "until",
    "value",
    "why",
    "working_days",
    "about",
];

/// Parses an id in a URL; an invalid one is not found.
pub(crate) fn id(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| Problem::NotFound)
}
