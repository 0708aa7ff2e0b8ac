//! The webhooks of a team or of the workspace, and adding one.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        humanize,
        policy::viewer::Viewer,
        webhooks::{
            chosen::Chosen,
            groups::Group,
            owner::Owner,
            settings::{self, State as WebhookState, Webhook},
        },
    },
    http::{
        extract::form::Fields,
        layout::Layout,
        page,
        pages::webhooks::{
            form::draft,
            place::{self, Place},
            webhook::with_secret,
        },
    },
};

#[derive(Template)]
#[template(path = "webhooks/list.html")]
struct ListPage {
    layout: Layout,
    owner: Owner,
    base: String,
    webhooks: Vec<Webhook>,
    name: String,
    chosen: Chosen,
    errors: BTreeMap<&'static str, String>,
    now: OffsetDateTime,
}

impl ListPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// What a webhook gets, and whether it works.
    fn in_words(&self, webhook: &Webhook) -> String {
        let events = webhook.events.in_words();
        let since = humanize::ago(self.now, webhook.state_since);
        match webhook.state {
            WebhookState::Active if webhook.failures > 0 => {
                format!("{events} · the {} failed", webhook.failed_attempts())
            }
            WebhookState::Active => events,
            WebhookState::Paused => format!("{events} · paused {since}"),
            WebhookState::Off => format!("{events} · switched off {since}"),
        }
    }
}

/// `GET /teams/{slug}/settings/webhooks`, `GET /settings/webhooks`
pub(crate) async fn webhooks(
    State(app): State<App>,
    viewer: Viewer,
    Path(place): Path<Place>,
    headers: HeaderMap,
) -> Result<Response> {
    let owner = place.owner(&app, &viewer).await?;
    page::page(&list_page(&app, &viewer, &headers, owner).await?)
}

async fn list_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    owner: Owner,
) -> Result<ListPage> {
    Ok(ListPage {
        layout: place::layout(app, viewer, headers, &owner, "webhooks").await?,
        base: place::base(&owner),
        webhooks: settings::list(&app.db, &owner).await?,
        owner,
        name: String::new(),
        chosen: Chosen::all(),
        errors: BTreeMap::new(),
        now: app.clock.now(),
    })
}

/// `POST /teams/{slug}/settings/webhooks`, `POST /settings/webhooks`: shows the secret once.
pub(crate) async fn add_webhook(
    State(app): State<App>,
    viewer: Viewer,
    Path(place): Path<Place>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let owner = place.owner(&app, &viewer).await?;
    viewer.require_session_for_links()?;
    let outcome = match draft(&app, &fields).await {
        Ok(draft) => {
            let (owner, draft) = (&owner, &draft);
            app.store
                .change(&viewer.actor(), |change, _| {
                    Box::pin(settings::create(change, owner, draft))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(created) => {
            let (id, secret) = created.value;
            with_secret(&app, &viewer, &headers, owner, id, secret).await
        }
        Err(Problem::Invalid(errors)) => {
            let mut page = list_page(&app, &viewer, &headers, owner).await?;
            // The URL that was entered is not shown again: it may contain a secret.
            page.name = fields.text("name").to_owned();
            page.chosen = Chosen::of_form(&fields.all("events"));
            page.errors = errors;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}
