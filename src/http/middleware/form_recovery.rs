//! Shows a refused form again when it has no page of its own: the values that were entered, the
//! reasons, and a link back. Routes opt in, in the router; other forms are echoed only if all their fields are listed below.

use axum::{
    body::{Body, HttpBody},
    extract::{Request, State},
    http::{HeaderMap, Uri, header},
    middleware::Next,
    response::Response,
};

use crate::{
    app::App,
    http::{
        extract::{body::whole, viewer},
        local_path::local_path,
    },
};

/// The fields that are shown again, with their labels and whether they have several lines. Fields
/// named neither here nor in `CARRIED` are never echoed, so that a password or token is not.
const ECHOED: [(&str, &str, bool); 28] = [
    ("title", "Title", false),
    ("description", "Description", true),
    ("labels", "Labels", false),
    ("note", "Text", true),
    ("text", "Text", true),
    ("body", "Text", true),
    ("answer", "Reply", true),
    ("name", "Name", false),
    ("key", "Task key", false),
    ("days", "Expires after (days)", false),
    ("quarter", "Quarter", false),
    ("target", "Target", false),
    ("unit", "Unit", false),
    ("manual_value", "Current value", false),
    ("value", "Current value", false),
    ("why", "Reason", true),
    ("needs", "Needs from other teams", true),
    ("about", "Description", true),
    ("called", "Milestone", false),
    ("by", "Due", false),
    ("due_on", "Due", false),
    ("starts_on", "First day", false),
    ("ends_on", "Last day", false),
    ("mission", "Mission", true),
    ("chat", "Chat channel", false),
    ("roadmap", "Roadmap", true),
    ("names", "Name pattern", false),
    ("handle", "Username", false),
];

/// Fields that are sent again as hidden inputs.
const CARRIED: [&str; 32] = [
    "idempotency_key",
    "meeting",
    "category",
    "retro",
    "kind",
    "measure",
    "sprint",
    "q",
    "lanes",
    "for",
    "needed_by",
    "scope",
    "team",
    "outcome",
    "column",
    "version",
    "on",
    "person",
    "row",
    "form",
    "owners",
    "hue",
    "counted_by",
    "project",
    "milestone",
    "key_result",
    "goal",
    "number",
    "cadence_weeks",
    "weekday",
    "time_zone",
    "comment",
];

/// A form as it was sent, as an extension of the response that refuses it.
#[derive(Clone, Debug)]
pub(crate) struct FormRetry {
    /// The form's action.
    pub(crate) url: String,
    /// The page that had the form.
    pub(crate) back: String,
    pub(crate) shown: Vec<Field>,
    pub(crate) carried: Vec<(String, String)>,
}

/// A field with the value that was entered.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) is_long: bool,
    pub(crate) value: String,
}

/// The largest form of someone who is not signed in that is remembered.
const MAX_UNKNOWN: u64 = 16 * 1024;

/// Remembers a form's fields, and attaches them to the response if it is an error.
pub(crate) async fn offer_form_retry(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    // The sender of a large body has to be signed in before it is read.
    let is_small = body
        .size_hint()
        .upper()
        .is_some_and(|bytes| bytes <= MAX_UNKNOWN);
    if !is_small && !viewer::is_known(&app, &parts).await {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let body = match whole(Request::new(body)).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
    let request = Request::from_parts(parts, Body::from(body.clone()));
    let mut response = next.run(request).await;
    if (response.status().is_client_error() || response.status().is_server_error())
        && let Some(sent) = FormRetry::parse(&uri, &headers, &body)
    {
        response.extensions_mut().insert(sent);
    }
    response
}

/// The field's static name, if it is one that is shown.
pub(crate) fn shown(name: &str) -> Option<&'static str> {
    ECHOED
        .iter()
        .map(|(shown, ..)| *shown)
        .find(|shown| *shown == name)
}

impl FormRetry {
    /// The retry of a form whose route did not opt in, if every field can be echoed so that nothing
    /// is lost.
    pub(crate) fn parse_if_all_listed(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let is_listed =
            |name: &str| shown(name).is_some() || CARRIED.contains(&name) || name == "back";
        let all = form_urlencoded::parse(body).all(|(name, _)| is_listed(&name));
        all.then(|| Self::parse(uri, headers, body)).flatten()
    }

    /// Reads a form's fields; `None` if none of them can be shown.
    fn parse(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let sent: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
        let value = |wanted: &str| {
            sent.iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.as_str())
        };
        // NUL is not allowed in HTML.
        let shown = ECHOED.into_iter().filter_map(|(name, label, is_long)| {
            Some(Field {
                name,
                label,
                is_long,
                value: value(name)?.replace('\0', ""),
            })
        });
        let shown: Vec<Field> = shown.collect();
        let carried = sent
            .iter()
            .filter(|(name, _)| CARRIED.contains(&name.as_str()));
        if shown.is_empty() {
            return None;
        }
        let referring_page = referring_page(headers).unwrap_or_else(|| "/".to_owned());
        Some(Self {
            url: uri.path().to_owned(),
            back: local_path(value("back").unwrap_or(&referring_page), &referring_page).to_owned(),
            shown,
            carried: carried
                .map(|(name, value)| (name.clone(), value.replace('\0', "")))
                .collect(),
        })
    }
}

/// The path of the `Referer`, if it is on this host.
pub(crate) fn referring_page(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let page: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
    let path = page.path_and_query().filter(|_| {
        page.authority()
            .is_some_and(|authority| authority.as_str() == host)
    })?;
    Some(local_path(path.as_str(), "/").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(referer: &'static str, body: &str) -> Option<FormRetry> {
        let headers = [(header::HOST, "board.test"), (header::REFERER, referer)];
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name, value.parse().unwrap()))
            .collect();
        FormRetry::parse(
            &Uri::from_static("/teams/infra/topics?x=y"),
            &headers,
            body.as_bytes(),
        )
    }

    #[test]
    fn only_listed_fields_are_echoed() {
        let form = parse(
            "",
            "text=a%00b&password=s3cret&token=s3cret&category=well&text=twice",
        )
        .unwrap();
        assert_eq!(
            (
                form.url.as_str(),
                form.shown.len(),
                form.shown[0].value.as_str()
            ),
            ("/teams/infra/topics", 1, "ab")
        );
        assert_eq!(form.carried, [("category".to_owned(), "well".to_owned())]);
        assert!(!format!("{form:?}").contains("s3cret"));
        assert!(parse("", "password=s3cret").is_none());
    }

    #[test]
    fn forms_with_secret_fields_are_not_echoed() {
        let whole = |body: &str| {
            FormRetry::parse_if_all_listed(
                &Uri::from_static("/tasks/INF-1"),
                &HeaderMap::new(),
                body.as_bytes(),
            )
        };
        let form = whole("title=a%00b&version=3&column=to%00do").unwrap();
        assert_eq!(form.shown[0].value, "ab");
        assert_eq!(
            form.carried,
            [
                ("version".to_owned(), "3".to_owned()),
                ("column".to_owned(), "todo".to_owned())
            ]
        );
        assert!(whole("name=a%00b&password=s3cret").is_none());
    }

    #[test]
    fn back_link_stays_on_this_host() {
        for (referer, body, back) in [
            (
                "http://board.test/teams/infra/about?x=1",
                "text=a",
                "/teams/infra/about?x=1",
            ),
            ("http://evil.test/teams", "text=a", "/"),
            ("http://board.test//evil.test", "text=a", "/"),
            ("http://board.test/here", "text=a&back=/there", "/there"),
            ("http://board.test/here", "text=a&back=//evil.test", "/here"),
            ("nonsense", "text=a&back=https://evil.test", "/"),
        ] {
            assert_eq!(parse(referer, body).unwrap().back, back, "{referer} {body}");
        }
    }
}
