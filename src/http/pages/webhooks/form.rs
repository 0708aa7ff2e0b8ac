//! The form of a webhook.

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        outbound::webhook_url::WebhookUrl,
        webhooks::{chosen::Chosen, settings::Draft},
    },
    http::extract::form::Fields,
};

/// Reads the form of a webhook, and checks where its URL leads. Without a URL, the stored one stays.
pub(super) async fn draft(app: &App, fields: &Fields) -> Result<Draft> {
    let url = match fields.text("url").trim() {
        "" => None,
        text => {
            let checked = app.outgoing.check(text).await;
            let url = checked.map_err(|error| Problem::field("url", format!("{error}.")))?;
            Some(WebhookUrl::from(url))
        }
    };
    Ok(Draft {
        name: fields.text("name").to_owned(),
        url,
        events: Chosen::of_form(&fields.all("events")),
    })
}
