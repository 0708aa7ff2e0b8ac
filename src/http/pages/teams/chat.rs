//! A team's settings → Chat: the webhook of its channel, and what is sent there.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        chat::{
            compose, send,
            webhooks::{self, Product, Wanted, Webhook},
        },
        error::{Problem, Result},
        humanize,
        outbound::webhook_url::WebhookUrl,
        policy::{team_access, viewer::Viewer},
        team::Team,
    },
    http::{extract::form::Fields, layout::Layout, page},
};

#[derive(Template)]
#[template(path = "teams/chat.html")]
struct ChatPage {
    layout: Layout,
    team: Team,
    /// As it is saved.
    webhook: Option<Webhook>,
    /// As the form shows it.
    product: String,
    wanted: Wanted,
    time_zone: String,
    /// How a test went.
    outcome: Option<std::result::Result<String, String>>,
    errors: BTreeMap<&'static str, String>,
}

impl ChatPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// What can be chosen: field, whether it is, and label.
    fn choices(&self) -> [(&'static str, bool, &'static str); 4] {
        let Wanted {
            standups,
            blocked,
            goals,
            sprints,
        } = self.wanted;
        [
            ("standups", standups, "A summary before each standup"),
            ("blocked", blocked, "Tasks that are blocked on another team"),
            ("goals", goals, "Goals that are reached"),
            ("sprints", sprints, "Closed sprints, with their figures"),
        ]
    }

    fn problem_at(&self, webhook: &Webhook) -> String {
        webhook
            .problem_at
            .map_or_else(String::new, |at| humanize::moment(at, &self.time_zone))
    }
}

/// `GET /teams/{slug}/settings/chat`
pub(crate) async fn chat(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    page::page(&chat_page(&app, &viewer, &headers, team).await?)
}

async fn led(app: &App, viewer: &Viewer, slug: &str) -> Result<Team> {
    let access = team_access::team(&app.db, viewer, slug).await?;
    Ok(access.require_lead()?.team)
}

async fn chat_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
) -> Result<ChatPage> {
    let webhook = webhooks::webhook(&mut *app.db.acquire().await?, team.id).await?;
    let title = format!("{}: chat", team.name);
    let layout = Layout::new(app, viewer, headers, title, &team.slug).await?;
    Ok(ChatPage {
        layout: layout.at("settings"),
        product: webhook
            .as_ref()
            .map_or("slack", |webhook| webhook.product.as_str())
            .to_owned(),
        wanted: webhook
            .as_ref()
            .map_or_else(Wanted::default, |webhook| webhook.wanted),
        team,
        webhook,
        time_zone: viewer.time_zone.clone(),
        outcome: None,
        errors: BTreeMap::new(),
    })
}

/// `POST /teams/{slug}/settings/chat`: without a URL, the saved one stays.
pub(crate) async fn set_chat(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    viewer.require_session_for_links()?;
    let is_ticked = |name: &str| fields.get(name).is_some();
    let wanted = Wanted {
        standups: is_ticked("standups"),
        blocked: is_ticked("blocked"),
        goals: is_ticked("goals"),
        sprints: is_ticked("sprints"),
    };
    let outcome = match read(&app, &fields).await {
        Ok((product, url)) => app
            .store
            .change(&viewer.actor(), |change, _| {
                Box::pin(webhooks::set(change, &team, product, url.clone(), wanted))
            })
            .await
            .map(|_| ()),
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("/teams/{slug}/settings/chat")).into_response()),
        Err(Problem::Invalid(errors)) => {
            let mut page = chat_page(&app, &viewer, &headers, team).await?;
            // The URL that was entered is not shown again: it is a secret.
            (page.product, page.wanted) = (fields.text("product").to_owned(), wanted);
            page.errors = errors;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

async fn read(app: &App, fields: &Fields) -> Result<(Product, Option<WebhookUrl>)> {
    let product = Product::parse(fields.text("product"))?;
    let url = match fields.text("url").trim() {
        "" => None,
        text => {
            let checked = app.outgoing.check(text).await;
            let url = checked.map_err(|error| Problem::field("url", format!("{error}.")))?;
            Some(WebhookUrl::from(url))
        }
    };
    Ok((product, url))
}

/// `POST /teams/{slug}/settings/chat/test`: sends a message, and shows how that went.
pub(crate) async fn test_chat(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    viewer.require_session_for_links()?;
    let webhook = webhooks::webhook(&mut *app.db.acquire().await?, team.id).await?;
    let webhook = webhook.ok_or_else(|| {
        Problem::conflict("No webhook is set up for this team. Nothing was sent.")
    })?;
    let (now, message) = (app.clock.now(), compose::test(&app.public_url, &team));
    let sent = send::send(&app.outgoing, &webhook, &message, now).await;
    let (problem, is_refused) = match &sent {
        Ok(()) => ("", false),
        Err(error) => (error.message.as_str(), error.is_refused),
    };
    let mut db = app.db.acquire().await?;
    webhooks::note_outcome(&mut db, team.id, problem, is_refused, now).await?;
    drop(db);
    let mut page = chat_page(&app, &viewer, &headers, team).await?;
    page.outcome = Some(match sent {
        Ok(()) => Ok(format!(
            "{} has accepted a message.",
            webhook.product.label()
        )),
        Err(error) => Err(error.message),
    });
    page::page(&page)
}

/// `POST /teams/{slug}/settings/chat/remove`
pub(crate) async fn remove_chat(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(webhooks::remove(change, &team))
        })
        .await?;
    Ok(Redirect::to(&format!("/teams/{slug}/settings/chat")).into_response())
}
