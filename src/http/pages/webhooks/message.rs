//! A message of a webhook: what was sent and answered, and sending it again.

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
        policy::viewer::Viewer,
        webhooks::{
            messages::{self, Message, MessageState, public_id},
            owner::Owner,
        },
    },
    http::{
        layout::Layout,
        page,
        pages::webhooks::{
            place::{self, Place},
            webhook::back,
        },
    },
};

#[derive(Template)]
#[template(path = "webhooks/message.html")]
struct MessagePage {
    layout: Layout,
    owner: Owner,
    base: String,
    message: Message,
    text: String,
    time_zone: String,
}

impl MessagePage {
    fn kind(&self) -> &str {
        self.message.listed.kind.as_deref().unwrap_or_default()
    }

    fn public_id(&self) -> String {
        public_id(self.message.listed.id)
    }

    fn path(&self) -> String {
        place::message_path(&self.owner, self.message.listed.id)
    }

    fn made(&self) -> String {
        humanize::moment(self.message.listed.created_at, &self.time_zone)
    }

    /// When it was last tried, and how often.
    fn tried(&self) -> String {
        match self.message.tried_at {
            Some(at) => format!(
                "{}, {}",
                humanize::moment(at, &self.time_zone),
                humanize::counted(i64::from(self.message.listed.attempts), "attempt")
            ),
            None => "not yet".to_owned(),
        }
    }

    fn state(&self) -> &'static str {
        match self.message.listed.state {
            MessageState::Waiting => "waiting",
            MessageState::Delivered => "accepted",
            MessageState::Failed => "given up",
        }
    }

    fn can_be_sent_again(&self) -> bool {
        self.message.listed.state != MessageState::Waiting || self.message.tried_at.is_some()
    }
}

/// `GET /teams/{slug}/settings/webhook-messages/{id}`, `GET /settings/webhook-messages/{id}`
pub(crate) async fn webhook_message(
    State(app): State<App>,
    viewer: Viewer,
    Path(place): Path<Place>,
    headers: HeaderMap,
) -> Result<Response> {
    let owner = place.owner(&app, &viewer).await?;
    let message = messages::message(&app.db, &owner, place.id()?, viewer.person.id).await?;
    page::page(&MessagePage {
        layout: place::layout(&app, &viewer, &headers, &owner, "message").await?,
        base: place::base(&owner),
        owner,
        text: message.text(),
        message,
        time_zone: viewer.time_zone,
    })
}

/// `POST /teams/{slug}/settings/webhook-messages/{id}`, `POST /settings/webhook-messages/{id}`: has it sent again.
pub(crate) async fn send_webhook_message_again(
    State(app): State<App>,
    viewer: Viewer,
    Path(place): Path<Place>,
) -> Result<Response> {
    let owner = place.owner(&app, &viewer).await?;
    let (id, of) = (place.id()?, &owner);
    let webhook = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(messages::send_again(change, of, id))
        })
        .await?
        .value;
    app.webhooks_due.notify_waiters();
    Ok(back(&owner, webhook, "#messages"))
}
