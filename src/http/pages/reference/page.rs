//! The pages of the API reference, open to everyone.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        policy::viewer::Viewer,
    },
    http::{
        layout::Layout,
        page::page,
        pages::{
            help::layout,
            reference::operation::{Field, RESOURCES, Resource},
        },
    },
};

#[derive(Template)]
#[template(path = "help/api.html")]
struct ContentsPage {
    layout: Layout,
    resources: &'static [Resource],
    base: String,
}

#[derive(Template)]
#[template(path = "help/api_resource.html")]
struct ResourcePage {
    layout: Layout,
    title: String,
    resources: &'static [Resource],
    resource: &'static Resource,
    base: String,
}

/// A table of parameters or fields.
#[derive(Template)]
#[template(path = "help/_api_fields.html")]
struct FieldTable<'f> {
    fields: &'f [Field],
}

// The template escapes its own text.
impl askama::filters::HtmlSafe for FieldTable<'_> {}

impl ResourcePage {
    fn table<'f>(&self, fields: &'f [Field]) -> FieldTable<'f> {
        FieldTable { fields }
    }
}

/// `GET /help/api`
pub(crate) async fn contents(
    State(app): State<App>,
    viewer: Option<Viewer>,
    headers: HeaderMap,
) -> Result<Response> {
    page(&ContentsPage {
        layout: layout(&app, viewer.as_ref(), &headers, "API").await?,
        resources: &RESOURCES,
        base: app.public_url.to_string(),
    })
}

/// `GET /help/api/{page}`
pub(crate) async fn resource(
    State(app): State<App>,
    viewer: Option<Viewer>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let resource = RESOURCES
        .iter()
        .find(|resource| resource.name == name)
        .ok_or(Problem::NotFound)?;
    let title = format!("API: {}", resource.title);
    page(&ResourcePage {
        layout: layout(&app, viewer.as_ref(), &headers, &title).await?,
        title,
        resources: &RESOURCES,
        resource,
        base: app.public_url.to_string(),
    })
}
