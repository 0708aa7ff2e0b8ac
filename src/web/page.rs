//! The frame around every page, and how pages answer.

use askama::Template;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use super::{
    assets::{ASSETS, Assets},
    error::{Problem, Result},
};
use crate::{
    accounts::{Person, viewer::Viewer},
    activity::Changed,
    app::App,
    boards::access,
    clock, sprints,
    teams::Team,
};

/// A team's pages, as the nav names them: its board is its own address.
pub const TEAM_PAGES: &[(&str, &str)] = &[
    ("", "Board"),
    ("standup", "Standup"),
    ("planning", "Planning"),
    ("retro", "Retro"),
    ("flow", "Flow"),
    ("check-in", "Check-in"),
    ("about", "About"),
];

/// What the layout shows around a page.
pub struct Frame {
    pub title: String,
    pub viewer: Option<Person>,
    /// `light`, `dark`, or nothing for the system's.
    pub theme: &'static str,
    pub teams: Vec<Team>,
    /// The slug of the team whose page this is.
    pub team: String,
    /// Which page of the team, or of the workspace, it is: the nav marks it.
    pub page: &'static str,
    /// A class a working day of the sprint that is going on.
    pub mark: Vec<&'static str>,
    /// Whether the settings of the workspace are the viewer's to change.
    pub is_admin: bool,
    pub assets: &'static Assets,
}

impl Frame {
    /// A frame for somebody who is signed in.
    pub async fn new(
        app: &App,
        viewer: &Viewer,
        headers: &HeaderMap,
        title: impl Into<String>,
        team: &str,
    ) -> Result<Self> {
        let sprints = sprints::queries::sprints(&app.db).await?;
        let today = clock::day_in(app.clock.now(), &viewer.time_zone);
        let mark = sprints::queries::active(&sprints).map_or_else(Vec::new, |sprint| sprint.mark(today));
        let teams = access::seen_teams(&app.db, viewer).await?;
        let theme = theme(headers);
        Ok(Self {
            title: title.into(),
            viewer: Some(viewer.person.clone()),
            theme,
            teams,
            team: team.to_owned(),
            page: "",
            mark,
            is_admin: access::may_edit_workspace(viewer),
            assets: &ASSETS,
        })
    }

    /// The same, as this page of its team.
    pub fn at(self, page: &'static str) -> Self {
        Self { page, ..self }
    }

    /// A frame that asks the database nothing: for signing in, and for errors.
    pub fn bare(_app: &App, title: String, theme: &'static str) -> Self {
        Self {
            title,
            viewer: None,
            theme,
            teams: Vec::new(),
            team: String::new(),
            page: "",
            mark: vec!["gone", "gone", "gone", "gone", "gone", "today", "", "", "", ""],
            is_admin: false,
            assets: &ASSETS,
        }
    }

    /// The nav's teams: this page's first three and its own, so that the bar has room.
    pub fn nav_teams(&self) -> Vec<&Team> {
        let mut shown: Vec<&Team> = self.teams.iter().take(4).collect();
        if let Some(own) = self.teams.iter().find(|team| team.slug == self.team)
            && !shown.contains(&own)
        {
            shown.pop();
            shown.push(own);
        }
        shown
    }
}

/// The theme that the reader chose.
pub fn theme(headers: &HeaderMap) -> &'static str {
    match crate::accounts::sessions::cookie(headers, "theme") {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "",
    }
}

/// A rendered page.
pub fn page(template: &impl Template) -> Result<Response> {
    Ok(Html(rendered(template)?).into_response())
}

/// A page that shows why something was refused, with what was typed.
pub fn refused(status: StatusCode, template: &impl Template) -> Result<Response> {
    let mut response = (status, Html(rendered(template)?)).into_response();
    response.headers_mut().insert(EXPLAINED, HeaderValue::from_static("1"));
    Ok(response)
}

/// Marks an error that says itself what is wrong.
pub const EXPLAINED: HeaderName = HeaderName::from_static("fortnight-explained");

/// HTML that a template of ours made, to stand in another one as it is. Every text in it was escaped there.
#[derive(Clone, Debug, Default)]
pub struct Rendered(String);

impl Rendered {
    pub fn of(template: &impl Template) -> Result<Self> {
        rendered(template).map(Self)
    }
}

impl std::fmt::Display for Rendered {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Rendered {}

/// A template as text.
pub fn rendered(template: &impl Template) -> Result<String> {
    template.render().map_err(|error| Problem::Inside(error.into()))
}

/// Which part of a page a script asks for, if one does.
pub fn fragment(headers: &HeaderMap) -> Option<&str> {
    headers.get("fortnight-fragment")?.to_str().ok()
}

/// Tells the script what was done, and how to undo it if that is possible.
pub fn said<T>(mut response: Response, changed: &Changed<T>, sentence: &str) -> Response {
    let encoded: String = form_urlencoded::byte_serialize(sentence.as_bytes()).collect::<String>().replace('+', "%20");
    let headers = response.headers_mut();
    if let (Ok(change), Ok(sentence)) =
        (HeaderValue::from_str(&changed.id.to_string()), HeaderValue::from_str(&encoded))
    {
        headers.insert("fortnight-change", change);
        headers.insert("fortnight-said", sentence);
        if changed.is_undoable {
            headers.insert("fortnight-undoable", HeaderValue::from_static("1"));
        }
    }
    response
}

/// Back to a page after a form, with the message that offers to undo it.
pub fn back_to(path: &str, change: Uuid) -> Response {
    let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "did");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("did", &change.to_string())
        .finish();
    let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
    Redirect::to(&format!("{path}?{query}{anchor}")).into_response()
}

/// To the sign-in page, and from there back to where the reader wanted to go.
pub fn sign_in_first(path: &str) -> Response {
    let next: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
    let mut response = Redirect::to(&format!("/login?next={next}")).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
