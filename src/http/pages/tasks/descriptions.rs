//! Earlier versions of a task's description.

use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Response};

use crate::{
    app::App,
    domain::{
        error::Result,
        humanize,
        markdown::{self, Html},
        policy::team_access,
        tasks::{Card, queries, timeline},
    },
    http::{extract::task::TaskContext, layout::Layout, page},
};

/// A version with its text, rendered and as it was written.
struct Version {
    /// `Tue 24 Nov 10:00`
    until: String,
    editor: String,
    text: String,
    html: Html,
}

#[derive(Template)]
#[template(path = "tasks/descriptions.html")]
struct DescriptionsPage {
    layout: Layout,
    card: Card,
    versions: Vec<Version>,
    may_edit: bool,
}

/// `GET /tasks/{key}/descriptions`
pub async fn descriptions(
    State(app): State<App>,
    TaskContext { viewer, access }: TaskContext,
    headers: HeaderMap,
) -> Result<Response> {
    let links = team_access::links(&app.db, &viewer).await?;
    let versions = timeline::earlier_descriptions(&app.db, access.team.id, access.id).await?;
    let version = |version: timeline::EarlierDescription| Version {
        until: humanize::moment(version.until, &viewer.time_zone),
        editor: version
            .editor
            .unwrap_or_else(|| "a former member".to_owned()),
        html: markdown::render(&version.text, &links),
        text: version.text,
    };
    let title = format!("{}: earlier descriptions", access.key);
    page::page(&DescriptionsPage {
        card: queries::card(&app.db, &access.team, access.id).await?,
        versions: versions.into_iter().map(version).collect(),
        may_edit: access.may_edit,
        layout: Layout::new(&app, &viewer, &headers, title, &access.team.slug).await?,
    })
}
