//! A delivery of a forge: its body, and running it again.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};

use crate::{
    app::App,
    domain::{
        error::Result,
        humanize,
        policy::{team_access, viewer::Viewer},
        pull_requests::{
            deliveries,
            log::{self, Body},
        },
    },
    http::{extract::form::id, layout::Layout, page, pages::accounts::connection::back},
};

#[derive(Template)]
#[template(path = "accounts/delivery.html")]
struct DeliveryPage {
    layout: Layout,
    body: Body,
    text: String,
    time_zone: String,
}

impl DeliveryPage {
    fn received(&self) -> String {
        humanize::moment(self.body.received_at, &self.time_zone)
    }
}

/// `GET /settings/deliveries/{id}`
pub(crate) async fn delivery(
    State(app): State<App>,
    viewer: Viewer,
    Path(delivery): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let body = log::body(&app.db, id(&delivery)?, viewer.person.id).await?;
    page::page(&DeliveryPage {
        layout: Layout::new(&app, &viewer, &headers, "Delivery", "")
            .await?
            .at("settings-connections"),
        text: body.text(),
        body,
        time_zone: viewer.time_zone,
    })
}

/// `POST /settings/deliveries/{id}/run`: has it processed again, by the same rules.
pub(crate) async fn run_delivery_again(
    State(app): State<App>,
    viewer: Viewer,
    Path(delivery): Path<String>,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let delivery = id(&delivery)?;
    // Running it needs the right to know what it is about.
    log::require_seen(&app.db, delivery, viewer.person.id).await?;
    let connection = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(deliveries::run_again(change, delivery))
        })
        .await?
        .value;
    app.delivered.notify_one();
    Ok(back(connection, "deliveries"))
}
