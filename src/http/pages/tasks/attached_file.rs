//! Serves attached files: whole, in parts, and as small pictures.

use std::ops::Range;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        tasks::attachments::{Attachment, attachment},
    },
    http::{
        extract::{form::id, task::TaskContext},
        middleware::layers::Sandboxed,
    },
};

/// The characters of RFC 8187 that are not encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `GET /tasks/{key}/attachments/{id}`
pub async fn attached_file(
    State(app): State<App>,
    TaskContext { access, .. }: TaskContext,
    Path((_, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let file = attachment(&app.db, access.team.id, access.id, id(&file)?).await?;
    let (hash, bytes) = (file.hash.clone(), file.bytes.unsigned_abs());
    serve(&app, &headers, &file, &hash, bytes, &file.media_type).await
}

/// `GET /tasks/{key}/attachments/{id}/thumbnail`: the small version of a picture.
pub async fn thumbnail(
    State(app): State<App>,
    TaskContext { access, .. }: TaskContext,
    Path((_, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let file = attachment(&app.db, access.team.id, access.id, id(&file)?).await?;
    serve_thumbnail(&app, &headers, &file).await
}

/// Serves the small version of a picture to a person with access to its task.
pub(crate) async fn serve_thumbnail(
    app: &App,
    headers: &HeaderMap,
    file: &Attachment,
) -> Result<Response> {
    let (Some(hash), Some(small)) = (&file.thumbnail, &file.thumbnail_bytes) else {
        return Err(Problem::NotFound);
    };
    serve(app, headers, file, hash, small.unsigned_abs(), "image/jpeg").await
}

async fn serve(
    app: &App,
    headers: &HeaderMap,
    file: &Attachment,
    hash: &str,
    bytes: u64,
    media_type: &str,
) -> Result<Response> {
    let etag = format!("\"{hash}\"");
    let is_known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok())
        .is_some_and(|known| known.split(',').any(|known| known.trim() == etag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        contents(app, headers, hash, bytes, &etag).await?
    };
    let value = |text: String| {
        HeaderValue::from_str(&text).map_err(|error| Problem::InternalError(error.into()))
    };
    let to = response.headers_mut();
    if !is_known && !to.contains_key(header::CONTENT_TYPE) {
        to.insert(header::CONTENT_TYPE, value(media_type.to_owned())?);
    }
    to.insert(header::ETAG, value(etag)?);
    to.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Access is asked again for every use.
    to.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    to.insert(header::CONTENT_DISPOSITION, value(disposition(file))?);
    response.extensions_mut().insert(Sandboxed);
    Ok(response)
}

/// The whole file, or the part that the request asks for.
async fn contents(
    app: &App,
    headers: &HeaderMap,
    hash: &str,
    bytes: u64,
    etag: &str,
) -> Result<Response> {
    // a part of another version is of no use
    let is_same = headers
        .get(header::IF_RANGE)
        .is_none_or(|version| version.as_bytes() == etag.as_bytes());
    let asked = headers.get(header::RANGE).filter(|_| is_same);
    let part = match asked.and_then(|range| range_of(range.to_str().ok()?, bytes)) {
        Some(None) => {
            let all = format!("bytes */{bytes}");
            let headers = [(header::CONTENT_RANGE, all)];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
        }
        Some(Some(part)) => Some(part),
        None => None,
    };
    let range = part.clone().unwrap_or(0..bytes);
    let length = range.end - range.start;
    let pieces = app.files.read(hash, range).await?;
    let headers = [(header::CONTENT_LENGTH, length.to_string())];
    let body = Body::from_stream(pieces);
    Ok(match part {
        None => (headers, body).into_response(),
        Some(Range { start, end }) => {
            let range = format!("bytes {start}-{}/{bytes}", end - 1);
            let range = [(header::CONTENT_RANGE, range)];
            (StatusCode::PARTIAL_CONTENT, headers, range, body).into_response()
        }
    })
}

/// The part of a file that a `Range` header asks for. `None` if the header is to be ignored, because it is invalid or asks
/// for several parts; `Some(None)` if there is no such part.
fn range_of(header: &str, bytes: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = header.strip_prefix("bytes=")?.trim().split_once('-')?;
    let number = |text: &str| -> Option<u64> {
        let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let range = match (first, last) {
        ("", last) => bytes.saturating_sub(number(last)?)..bytes,
        (first, "") => number(first)?..bytes,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..bytes.min(last.saturating_add(1))
        }
    };
    Some((range.start < range.end).then_some(range))
}

/// Pictures are shown, and everything else is downloaded. The name is encoded by RFC 6266 and 8187.
fn disposition(file: &Attachment) -> String {
    let kind = if file.is_picture() {
        "inline"
    } else {
        "attachment"
    };
    let plain: String = file
        .name
        .chars()
        .map(|letter| match letter {
            '"' | '\\' | '%' | '/' => '_',
            ' '..='~' => letter,
            _ => '_',
        })
        .collect();
    let encoded = utf8_percent_encode(&file.name, ENCODED);
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_file_are_found() {
        for (header, part) in [
            ("bytes=0-9", Some(Some(0..10))),
            ("bytes=90-", Some(Some(90..100))),
            ("bytes=-10", Some(Some(90..100))),
            ("bytes=-1000", Some(Some(0..100))),
            ("bytes=50-1000", Some(Some(50..100))),
            ("bytes=100-", Some(None)),
            ("bytes=-0", Some(None)),
            ("bytes=99999999999999999999-", Some(None)),
            ("bytes=9-0", None),
            ("bytes=0-1,5-6", None),
            ("bytes=-", None),
            ("bytes=a-b", None),
            ("lines=0-9", None),
        ] {
            assert_eq!(range_of(header, 100), part, "{header}");
        }
    }
}
