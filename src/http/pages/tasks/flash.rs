//! The message (toast) at the bottom of the page after a change.

use axum::{http::HeaderValue, response::Response};

use crate::domain::events::Changed;

/// Adds the headers from which the script shows the message, with undo if that is possible.
pub(crate) fn with_flash<T>(
    mut response: Response,
    changed: &Changed<T>,
    sentence: &str,
) -> Response {
    let encoded: String = form_urlencoded::byte_serialize(sentence.as_bytes())
        .collect::<String>()
        .replace('+', "%20");
    let headers = response.headers_mut();
    if let (Ok(change), Ok(sentence)) = (
        HeaderValue::from_str(&changed.id.to_string()),
        HeaderValue::from_str(&encoded),
    ) {
        headers.insert("fortnight-change", change);
        headers.insert("fortnight-said", sentence);
        if changed.is_undoable {
            headers.insert("fortnight-undoable", HeaderValue::from_static("1"));
        }
    }
    response
}
