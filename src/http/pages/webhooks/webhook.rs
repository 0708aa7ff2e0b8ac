//! A webhook: its secret, events and messages.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        dates::instant,
        error::{Problem, Result},
        humanize,
        policy::viewer::Viewer,
        webhooks::{
            attempts,
            chosen::Chosen,
            groups::Group,
            messages::{self, Listed, MessageState},
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
        },
    },
    jobs,
};

#[derive(Template)]
#[template(path = "webhooks/webhook.html")]
struct WebhookPage {
    layout: Layout,
    owner: Owner,
    base: String,
    webhook: Webhook,
    messages: Vec<Listed>,
    has_older: bool,
    /// A secret that was just made; it is shown only once.
    secret: String,
    /// As the form shows them.
    name: String,
    chosen: Chosen,
    errors: BTreeMap<&'static str, String>,
    time_zone: String,
    now: OffsetDateTime,
}

impl WebhookPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    fn moment(&self, at: &OffsetDateTime) -> String {
        humanize::moment(*at, &self.time_zone)
    }

    fn iso(&self, at: &OffsetDateTime) -> String {
        instant(*at)
    }

    fn path(&self) -> String {
        format!("{}/{}", self.base, self.webhook.id)
    }

    fn message_path(&self, message: &Listed) -> String {
        place::message_path(&self.owner, message.id)
    }

    /// Until when the old secret signs as well, if there is one.
    fn old_secret_until(&self) -> Option<OffsetDateTime> {
        let until = self.webhook.old_secret_until;
        until.filter(|until| *until > self.now)
    }

    /// How many attempts failed since the last one that was accepted.
    fn failed_attempts(&self) -> String {
        self.webhook.failed_attempts()
    }

    /// Until when nothing is sent, because the receiver has too much to do.
    fn held_until(&self) -> Option<OffsetDateTime> {
        self.webhook.held_until.filter(|until| *until > self.now)
    }

    fn is_active(&self) -> bool {
        self.webhook.state == WebhookState::Active
    }

    /// How a message went.
    fn outcome(&self, message: &Listed) -> String {
        let attempts = humanize::counted(i64::from(message.attempts), "attempt");
        match message.state {
            MessageState::Delivered => match message.status {
                Some(status) if message.attempts == 1 => format!("Accepted with {status}"),
                Some(status) => format!("Accepted with {status} after {attempts}"),
                None => "Accepted".to_owned(),
            },
            MessageState::Failed if message.status.is_none() => message.error.clone(),
            MessageState::Failed => format!("{}. Given up after {attempts}", message.error),
            MessageState::Waiting if message.error.is_empty() => "Waits to be sent".to_owned(),
            MessageState::Waiting => format!(
                "{}. Next attempt {}",
                message.error,
                humanize::moment(
                    self.held_until()
                        .map_or(message.send_at, |until| until.max(message.send_at)),
                    &self.time_zone
                )
            ),
        }
    }

    fn has_failed(&self, message: &Listed) -> bool {
        !message.error.is_empty()
    }

    fn older(&self) -> Option<String> {
        let last = self.messages.last().filter(|_| self.has_older)?;
        Some(format!("{}?before={}#messages", self.path(), last.id))
    }
}

/// Which part of the messages is shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MessagesQuery {
    before: String,
}

/// `GET /teams/{slug}/settings/webhooks/{id}`, `GET /settings/webhooks/{id}`
pub(crate) async fn webhook(
    State(app): State<App>,
    viewer: Viewer,
    Path(place): Path<Place>,
    Query(part): Query<MessagesQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let owner = place.owner(&app, &viewer).await?;
    page::page(&webhook_page(&app, &viewer, &headers, owner, place.id()?, part).await?)
}

async fn webhook_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    owner: Owner,
    id: Uuid,
    part: MessagesQuery,
) -> Result<WebhookPage> {
    let webhook = settings::webhook(&app.db, &owner, id).await?;
    let (reader, before) = (viewer.person.id, part.before.parse().ok());
    let (messages, has_older) = messages::list(&app.db, id, reader, before).await?;
    Ok(WebhookPage {
        layout: place::layout(app, viewer, headers, &owner, &webhook.name).await?,
        base: place::base(&owner),
        owner,
        messages,
        has_older,
        secret: String::new(),
        name: webhook.name.clone(),
        chosen: webhook.events.clone(),
        webhook,
        errors: BTreeMap::new(),
        time_zone: viewer.time_zone.clone(),
        now: app.clock.now(),
    })
}

/// The page with a secret that was just made.
pub(super) async fn with_secret(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    owner: Owner,
    id: Uuid,
    secret: String,
) -> Result<Response> {
    let part = MessagesQuery::default();
    let mut page = webhook_page(app, viewer, headers, owner, id, part).await?;
    page.secret = secret;
    page::page(&page)
}

/// `POST /teams/{slug}/settings/webhooks/{id}`, `POST /settings/webhooks/{id}`: without a URL, the stored one stays.
pub(crate) async fn edit_webhook(
    State(app): State<App>,
    viewer: Viewer,
    Path(place): Path<Place>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let owner = place.owner(&app, &viewer).await?;
    viewer.require_session_for_links()?;
    let id = place.id()?;
    let outcome = match draft(&app, &fields).await {
        Ok(draft) => {
            let (owner, draft) = (&owner, &draft);
            app.store
                .change(&viewer.actor(), |change, _| {
                    Box::pin(settings::edit(change, owner, id, draft))
                })
                .await
                .map(|_| ())
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(()) => Ok(back(&owner, id, "")),
        Err(Problem::Invalid(errors)) => {
            let part = MessagesQuery::default();
            let mut page = webhook_page(&app, &viewer, &headers, owner, id, part).await?;
            page.name = fields.text("name").to_owned();
            page.chosen = Chosen::of_form(&fields.all("events"));
            page.errors = errors;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /teams/{slug}/settings/webhooks/{id}/secret`, `POST /settings/webhooks/{id}/secret`: makes another secret, and
/// shows it once.
pub(crate) async fn renew_webhook_secret(
    State(app): State<App>,
    viewer: Viewer,
    Path(place): Path<Place>,
    headers: HeaderMap,
    // Read for its key, so that a form that is sent twice makes one secret.
    _: Fields,
) -> Result<Response> {
    let owner = place.owner(&app, &viewer).await?;
    viewer.require_session_for_links()?;
    let (id, of) = (place.id()?, &owner);
    let renewed = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(settings::renew_secret(change, of, id))
        })
        .await?;
    with_secret(&app, &viewer, &headers, owner, id, renewed.value).await
}

/// `POST /teams/{slug}/settings/webhooks/{id}/test`, `POST /settings/webhooks/{id}/test`: sends a message now, which the
/// list shows with its answer.
pub(crate) async fn test_webhook(
    State(app): State<App>,
    viewer: Viewer,
    Path(place): Path<Place>,
    // Read for its key, so that a form that is sent twice sends one message.
    _: Fields,
) -> Result<Response> {
    let owner = place.owner(&app, &viewer).await?;
    viewer.require_session_for_links()?;
    let (id, of, by) = (place.id()?, &owner, viewer.person.handle.as_str());
    let added = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(messages::add_test(change, of, id, by))
        })
        .await?;
    let due = attempts::added(&app.db, added.value).await?;
    jobs::webhooks::send_message(&app, &due).await?;
    Ok(back(&owner, id, "#messages"))
}

/// `POST /teams/{slug}/settings/webhooks/{id}/pause`, `POST /settings/webhooks/{id}/pause`
pub(crate) async fn pause_webhook(
    State(app): State<App>,
    viewer: Viewer,
    Path(place): Path<Place>,
) -> Result<Response> {
    let owner = place.owner(&app, &viewer).await?;
    let (id, of) = (place.id()?, &owner);
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(settings::pause(change, of, id))
        })
        .await?;
    Ok(back(&owner, id, ""))
}

/// `POST /teams/{slug}/settings/webhooks/{id}/resume`, `POST /settings/webhooks/{id}/resume`
pub(crate) async fn resume_webhook(
    State(app): State<App>,
    viewer: Viewer,
    Path(place): Path<Place>,
) -> Result<Response> {
    let owner = place.owner(&app, &viewer).await?;
    viewer.require_session_for_links()?;
    let (id, of) = (place.id()?, &owner);
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(settings::resume(change, of, id))
        })
        .await?;
    Ok(back(&owner, id, ""))
}

/// `POST /teams/{slug}/settings/webhooks/{id}/delete`, `POST /settings/webhooks/{id}/delete`
pub(crate) async fn delete_webhook(
    State(app): State<App>,
    viewer: Viewer,
    Path(place): Path<Place>,
) -> Result<Response> {
    let owner = place.owner(&app, &viewer).await?;
    let (id, of) = (place.id()?, &owner);
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(settings::delete(change, of, id))
        })
        .await?;
    Ok(Redirect::to(&place::base(&owner)).into_response())
}

/// Back to the page of a webhook, or a section of it.
pub(super) fn back(owner: &Owner, id: Uuid, section: &str) -> Response {
    Redirect::to(&format!("{}/{id}{section}", place::base(owner))).into_response()
}
