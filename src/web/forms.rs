//! Reading what was sent: forms, JSON bodies, dates. What cannot be read is refused in words.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::header,
};
use serde::{Serializer, de::DeserializeOwned};
use serde_json::Value;
use time::{Date, format_description::BorrowedFormatItem, macros::format_description};
use uuid::Uuid;

use super::{
    error::{Problem, Result},
    giving_back::{self, GivenBack},
};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The fields of a form, in the order they came; a name may come several times.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// All of them, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A field's first value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The same, and empty if it is missing.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    /// Every value that is not empty.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(found, value)| found == name && !value.trim().is_empty())
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// A number, a date or the like; nothing if the field is missing or empty.
    pub fn parse<T: std::str::FromStr>(&self, name: &'static str, why: &str) -> Result<Option<T>> {
        match self.text(name).trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Problem::field(name, why)),
        }
    }

    /// A date as browsers send it; 31 February is refused.
    pub fn date(&self, name: &'static str) -> Result<Option<Date>> {
        match self.text(name).trim() {
            "" => Ok(None),
            text => read_date(text)
                .map(Some)
                .ok_or_else(|| Problem::field(name, "That is no date. Write it as 2026-11-30.")),
        }
    }

    fn read(body: &[u8]) -> Result<Self> {
        let fields: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
        refuse_nul(fields.iter().filter(|(name, value)| name.contains('\0') || value.contains('\0')))?;
        Ok(Self(fields))
    }
}

/// Postgres keeps no NUL: these fields have one.
fn refuse_nul<'f, T: 'f>(fields: impl Iterator<Item = &'f (String, T)>) -> Result<()> {
    let why = "The text has a character that cannot be kept.";
    let errors: BTreeMap<_, _> =
        fields.map(|(name, _)| (giving_back::shown(name).unwrap_or("text"), why.to_owned())).collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::Invalid(errors)) }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        use axum::response::IntoResponse;
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let is_form = kind.is_empty() || kind.starts_with("application/x-www-form-urlencoded");
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        let body = whole(request, state).await?;
        if !is_form && !body.is_empty() {
            return Err(axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
        }
        Self::read(&body).map_err(|refused| {
            let mut response = refused.into_response();
            if let Some(form) = GivenBack::whole(&uri, &headers, &body) {
                response.extensions_mut().insert(form);
            }
            response
        })
    }
}

/// All of a body. Whoever sends it too slowly is told so.
pub async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, axum::response::Response> {
    use axum::response::IntoResponse;
    Bytes::from_request(request, state).await.map_err(|refused| {
        if is_late(&refused) {
            axum::http::StatusCode::REQUEST_TIMEOUT.into_response()
        } else {
            refused.into_response()
        }
    })
}

fn is_late(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::TimedOut)
}

/// A JSON body.
pub struct Sent<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        use axum::response::IntoResponse;
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        if !kind.is_empty() && !kind.starts_with("application/json") {
            return Err(axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
        }
        let body = whole(request, state).await?;
        let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
        let not_read = |error: serde_json::Error| {
            Problem::BadRequest(format!("The body could not be read: {error}.").into()).into_response()
        };
        // Text may spell one and mean it: `\\u0000` is six characters.
        if body.windows(6).any(|bytes| bytes == b"\\u0000")
            && let Ok(Value::Object(fields)) = serde_json::from_slice(body)
        {
            let fields: Vec<(String, Value)> = fields.into_iter().collect();
            refuse_nul(fields.iter().filter(|(_, value)| has_nul(value))).map_err(IntoResponse::into_response)?;
        }
        serde_json::from_slice(body).map(Self).map_err(not_read)
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields.values().any(has_nul),
        _ => false,
    }
}

/// Reads a date as browsers and the API write it.
pub fn read_date(text: &str) -> Option<Date> {
    Date::parse(text, DATE).ok()
}

/// Writes a date so.
pub fn iso<S: Serializer>(date: &Date, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(date)
}

/// An id in an address; whatever is none is not found.
pub fn id(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| Problem::NotFound)
}

/// A path on this server, for going back to: anything else becomes the other.
pub fn local_path<'p>(path: &'p str, otherwise: &'p str) -> &'p str {
    let plain = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(|char: char| char == '\\' || char.is_control());
    if plain { path } else { otherwise }
}
