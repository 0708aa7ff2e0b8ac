//! The message (toast) at the bottom of the page after a change.

use axum::{http::HeaderValue, response::Response};
use uuid::Uuid;

use crate::domain::{events::Changed, tasks::timeline::Undoable};

/// Adds the headers from which the script shows the message, with undo if that is possible.
pub(crate) fn with_flash<T>(response: Response, changed: &Changed<T>, sentence: &str) -> Response {
    with_message(response, changed.id, sentence, changed.is_undoable)
}

/// The same on a page that a script was redirected to, for the change that it made.
pub(crate) fn with_undoable(response: Response, undoable: Option<&Undoable>) -> Response {
    match undoable {
        Some(undoable) => with_message(response, undoable.id, &undoable.description, true),
        None => response,
    }
}

fn with_message(
    mut response: Response,
    change: Uuid,
    sentence: &str,
    is_undoable: bool,
) -> Response {
    let encoded: String = form_urlencoded::byte_serialize(sentence.as_bytes())
        .collect::<String>()
        .replace('+', "%20");
    let headers = response.headers_mut();
    if let (Ok(change), Ok(sentence)) = (
        HeaderValue::from_str(&change.to_string()),
        HeaderValue::from_str(&encoded),
    ) {
        headers.insert("fortnight-change", change);
        headers.insert("fortnight-said", sentence);
        if is_undoable {
            headers.insert("fortnight-undoable", HeaderValue::from_static("1"));
        }
    }
    response
}
