//! The Outgoing page: every address that this installation sends requests to, for administrators.

use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Response};

use crate::{
    app::App,
    db::backup::place::Place,
    domain::{
        chat::webhooks,
        error::Result,
        github_projects::connected,
        policy::{team_access, viewer::Viewer},
        pull_requests::{connections, github_app},
        webhooks::settings,
    },
    http::{layout::Layout, page},
};

#[derive(Template)]
#[template(path = "accounts/outgoing.html")]
struct OutgoingPage {
    layout: Layout,
    destinations: Vec<Destination>,
    /// Networks that are allowed although they are not public.
    allowed: Vec<String>,
}

/// An address that requests are sent to.
struct Destination {
    /// What is sent there.
    purpose: &'static str,
    address: String,
    /// Where it is set up, and when something is sent.
    set_by: &'static str,
}

/// `GET /settings/outgoing`
pub(crate) async fn outgoing(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let layout = Layout::new(&app, &viewer, &headers, "Outgoing", "")
        .await?
        .at("settings-outgoing");
    page::page(&OutgoingPage {
        layout,
        destinations: destinations(&app).await?,
        allowed: app.outgoing.allowed().list(),
    })
}

/// All of them: whatever sends requests has a line here.
async fn destinations(app: &App) -> Result<Vec<Destination>> {
    let chats = webhooks::hosts(&app.db).await?.into_iter();
    let chats = chats.map(|(product, host)| Destination {
        purpose: "Chat",
        address: format!("{product} at {host}"),
        set_by: "leads in a team's settings, before standups and when something happens that they chose",
    });
    let projects = connected::hosts(&app.db).await?.into_iter();
    let projects = projects.map(|(host, count)| Destination {
        purpose: "GitHub Projects",
        address: match count {
            1 => format!("1 project at {host}"),
            count => format!("{count} projects at {host}"),
        },
        set_by: "leads in a team's settings, every few minutes and when a task changes",
    });
    let hosts = settings::hosts(&app.db).await?.into_iter();
    let events = hosts.map(|host| Destination {
        purpose: "Webhooks",
        address: host,
        set_by: "leads in a team's settings, and administrators under Settings → Webhooks, when something happens",
    });
    let sites = github_app::sites(&app.db, app.clock.now())
        .await?
        .into_iter();
    let apps = sites.map(|site| Destination {
        purpose: "GitHub Apps",
        address: site.api_host().to_owned(),
        set_by: "administrators under Settings → Connections, once for each App that they create",
    });
    let others = [
        connections_test(app).await?,
        backups(app),
        attachments(app),
        mail(app).await?,
        traces(app),
        provider(app).await?,
    ];
    let others = others.into_iter().flatten();
    let of_teams = chats.chain(projects).chain(events);
    Ok(others.chain(of_teams).chain(apps).collect())
}

/// The public address, if there is a connection to a forge whose address can be tried.
async fn connections_test(app: &App) -> Result<Option<Destination>> {
    let is_used = connections::any(&app.db).await?;
    Ok(is_used.then(|| Destination {
        purpose: "Connections",
        address: app.public_url.clone(),
        set_by: "administrators under Settings → Connections, when they send a test",
    }))
}

fn backups(app: &App) -> Option<Destination> {
    let address = bucket(&app.backups.schedule()?.place)?;
    Some(Destination {
        purpose: "Backups",
        address,
        set_by: "--backup-to, whenever a backup is made",
    })
}

fn attachments(app: &App) -> Option<Destination> {
    Some(Destination {
        purpose: "Attached files",
        address: bucket(app.files.place())?,
        set_by: "--attachments, whenever a file is attached or opened",
    })
}

async fn mail(app: &App) -> Result<Option<Destination>> {
    let set_by = match app.named_mailer {
        Some(_) => "--smtp-url, to people who have confirmed their address",
        None => "Settings → Mail, to people who have confirmed their address",
    };
    let mailer = app.mailer().await?;
    Ok(mailer.map(|mailer| Destination {
        purpose: "Mail",
        address: mailer.server().to_owned(),
        set_by,
    }))
}

/// A bucket and its store, if the place is one.
fn bucket(place: &Place) -> Option<String> {
    let Place::Bucket(bucket) = place else {
        return None;
    };
    let store = std::env::var("AWS_ENDPOINT_URL").ok();
    let store = store.filter(|url| !url.is_empty());
    Some(match store {
        Some(store) => format!("{bucket} at {store}"),
        None => bucket.to_string(),
    })
}

fn traces(app: &App) -> Option<Destination> {
    Some(Destination {
        purpose: "Traces",
        address: app.traces_to.clone()?,
        set_by: "--otlp-endpoint, while the program runs",
    })
}

async fn provider(app: &App) -> Result<Option<Destination>> {
    let ways = app.ways_to_sign_in().await?;
    let set_by = match app.named_provider {
        Some(_) => "--oidc-issuer, whenever someone signs in through it",
        None => "Settings → Sign-in, whenever someone signs in through it",
    };
    Ok(ways.single_sign_on.map(|single_sign_on| Destination {
        purpose: "Sign-in",
        address: single_sign_on.policy.provider.issuer,
        set_by,
    }))
}
