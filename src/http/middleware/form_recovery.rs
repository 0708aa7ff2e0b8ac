//! A form that was refused and has no page of its own is given back: what was typed, why it was refused, and the way
//! back. A route asks for it by standing in the router among those that do; others echo nothing.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, Uri, header},
    middleware::Next,
    response::Response,
};

use crate::http::local_path::local_path;

/// The fields that are shown to be put right, with their labels and whether they take several lines. What is named
/// neither here nor in `CARRIED` is never echoed: a password or a token that somebody sends here stays unseen.
const SHOWN: [(&str, &str, bool); 28] = [
    ("title", "Title", false),
    ("description", "Description", true),
    ("labels", "Labels", false),
    ("note", "What you wrote", true),
    ("text", "What you wrote", true),
    ("body", "What you wrote", true),
    ("answer", "Your answer", true),
    ("name", "Name", false),
    ("key", "Key of its tasks", false),
    ("days", "For how many days", false),
    ("quarter", "Quarter", false),
    ("target", "To reach", false),
    ("unit", "Of what", false),
    ("typed", "How far it is", false),
    ("value", "How far it is now", false),
    ("why", "Why", true),
    ("needs", "What it needs, and from whom", true),
    ("about", "What it is about", true),
    ("called", "Milestone", false),
    ("by", "By when", false),
    ("due_on", "By when", false),
    ("starts_on", "First day", false),
    ("ends_on", "Last day", false),
    ("mission", "Mission", true),
    ("chat", "Chat channel", false),
    ("roadmap", "Roadmap", true),
    ("names", "What sprints are called", false),
    ("handle", "Handle", false),
];

/// What a form says beside what was typed: it goes back as it came, unseen.
const CARRIED: [&str; 31] = [
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

/// A form as it was sent: an extension of the response that refuses it.
#[derive(Clone, Debug)]
pub struct FormRetry {
    /// Where it is sent to.
    pub address: String,
    /// The page that it stood on.
    pub back: String,
    pub shown: Vec<Field>,
    pub carried: Vec<(String, String)>,
}

/// A field with what was typed into it.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub is_long: bool,
    pub value: String,
}

/// Keeps what a form sent until it is clear whether it was taken.
pub async fn give_back(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = match crate::http::extract::body::whole(Request::new(body), &()).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let sent = FormRetry::read(&parts.uri, &parts.headers, &body);
    let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if let Some(sent) =
        sent.filter(|_| response.status().is_client_error() || response.status().is_server_error())
    {
        response.extensions_mut().insert(sent);
    }
    response
}

/// A field's own name, if it is one of those that are shown.
pub fn shown(name: &str) -> Option<&'static str> {
    SHOWN
        .iter()
        .map(|(shown, ..)| *shown)
        .find(|shown| *shown == name)
}

impl FormRetry {
    /// A form that no route asks for, and that can be given back with all that it says: nothing is lost of it.
    pub fn whole(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let goes_back =
            |name: &str| shown(name).is_some() || CARRIED.contains(&name) || name == "back";
        let all = form_urlencoded::parse(body).all(|(name, _)| goes_back(&name));
        all.then(|| Self::read(uri, headers, body)).flatten()
    }

    /// Nothing is given back of a form in which nothing was typed.
    fn read(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let sent: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
        let value = |wanted: &str| {
            sent.iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.as_str())
        };
        // A NUL is no character of a page.
        let shown = SHOWN.into_iter().filter_map(|(name, label, is_long)| {
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
        let came_from = came_from(headers).unwrap_or_else(|| "/".to_owned());
        Some(Self {
            address: uri.path().to_owned(),
            back: local_path(value("back").unwrap_or(&came_from), &came_from).to_owned(),
            shown,
            carried: carried
                .map(|(name, value)| (name.clone(), value.replace('\0', "")))
                .collect(),
        })
    }
}

/// The page of ours that a request was sent from.
fn came_from(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let page: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
    let path = page
        .path_and_query()
        .filter(|_| page.authority().is_some_and(|ours| ours.as_str() == host))?;
    Some(local_path(path.as_str(), "/").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(referer: &'static str, body: &str) -> Option<FormRetry> {
        let headers = [(header::HOST, "board.test"), (header::REFERER, referer)];
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name, value.parse().unwrap()))
            .collect();
        FormRetry::read(
            &Uri::from_static("/teams/infra/topics?x=y"),
            &headers,
            body.as_bytes(),
        )
    }

    #[test]
    fn only_what_is_named_is_given_back() {
        let form = read(
            "",
            "text=a%00b&password=s3cret&token=s3cret&category=well&text=twice",
        )
        .unwrap();
        assert_eq!(
            (
                form.address.as_str(),
                form.shown.len(),
                form.shown[0].value.as_str()
            ),
            ("/teams/infra/topics", 1, "ab")
        );
        assert_eq!(form.carried, [("category".to_owned(), "well".to_owned())]);
        assert!(!format!("{form:?}").contains("s3cret"));
        assert!(read("", "password=s3cret").is_none());
    }

    #[test]
    fn what_would_lose_something_is_not_given_back_unasked() {
        let whole = |body: &str| {
            FormRetry::whole(
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
    fn the_way_back_is_a_page_of_ours() {
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
            assert_eq!(read(referer, body).unwrap().back, back, "{referer} {body}");
        }
    }
}
