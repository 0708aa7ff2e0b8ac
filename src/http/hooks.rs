//! The address that forges send deliveries to. Anyone who knows it can send something, so only what is signed is stored.

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        pull_requests::{
            connections, deliveries,
            model::Forge,
            signature::{SignatureHeaders, verify},
            test_delivery::is_test,
        },
    },
    http::{extract::body::whole, middleware::client_ip::ClientIp},
};

/// `POST /hooks/forge/{id}`: stores a delivery, and answers at once. It is processed later.
pub(super) async fn receive(
    State(app): State<App>,
    from: ClientIp,
    Path(id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    // Of an address that nobody has, not even the body is read.
    let (id, signers) = match signers(&app, from, &id).await {
        Ok(known) => known,
        Err(problem) => return problem.into_response(),
    };
    match whole(request).await {
        Ok(body) => {
            let stored = store(&app, from, id, &signers, &headers, &body);
            stored.await.into_response()
        }
        Err(response) => response,
    }
}

/// Who signs deliveries: the kind of forge, and the secrets that it may use.
type Signers = (Forge, Vec<String>);

async fn signers(app: &App, from: ClientIp, id: &str) -> Result<(Uuid, Signers)> {
    let id: Uuid = id.parse().map_err(|_| Problem::NotFound)?;
    match connections::secrets_of(&app.db, id, app.clock.now()).await? {
        Some(signers) => Ok((id, signers)),
        None => {
            app.request_limits.count_wrong_secret(from)?;
            Err(Problem::NotFound)
        }
    }
}

async fn store(
    app: &App,
    from: ClientIp,
    id: Uuid,
    (forge, secrets): &Signers,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<StatusCode> {
    let now = app.clock.now();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    if let Err(refusal) = verify(*forge, &signatures(headers), body, &secrets, now) {
        app.request_limits.count_wrong_secret(from)?;
        deliveries::refuse(&app.db, id, refusal.reason(), now).await?;
        let said = format!("{}. Nothing was changed.", refusal.reason());
        return Err(Problem::Forbidden(said.into()));
    }
    let (delivery, event) = named(*forge, headers, body);
    let delivery = (delivery.as_str(), event);
    if is_test(delivery.0, body) {
        deliveries::receive_test(&app.db, id, delivery, body, now).await?;
        return Ok(StatusCode::ACCEPTED);
    }
    deliveries::receive(&app.db, (id, *forge), delivery, body, now).await?;
    app.delivered.notify_one();
    Ok(StatusCode::ACCEPTED)
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value).filter(|value| !value.is_empty())
}

fn signatures(headers: &HeaderMap) -> SignatureHeaders<'_> {
    let text = |name: &str| header(headers, name);
    SignatureHeaders {
        hub: text("x-hub-signature-256"),
        forgejo: text("x-forgejo-signature").or(text("x-gitea-signature")),
        gitlab_token: text("x-gitlab-token"),
        standard: text("webhook-id")
            .and_then(|id| Some((id, text("webhook-timestamp")?, text("webhook-signature")?))),
    }
}

/// The forge's id of a delivery, and the name of its event.
fn named<'h>(forge: Forge, headers: &'h HeaderMap, body: &[u8]) -> (String, &'h str) {
    let first = |names: &[&str]| names.iter().find_map(|name| header(headers, name));
    let (ids, events): (&[&str], &[&str]) = match forge {
        Forge::GitHub => (&["x-github-delivery"], &["x-github-event"]),
        Forge::Forgejo => (
            &["x-forgejo-delivery", "x-gitea-delivery"],
            &["x-forgejo-event", "x-gitea-event"],
        ),
        // The event's UUID is the same for all that follows from one event, so it comes last.
        Forge::GitLab => (
            &["idempotency-key", "webhook-id", "x-gitlab-event-uuid"],
            &["x-gitlab-event"],
        ),
    };
    let id = first(ids).filter(|id| id.len() <= 200);
    let id = id.map_or_else(
        // Without an id, the same body is the same delivery.
        || format!("{:x}", Sha256::digest(body)),
        str::to_owned,
    );
    (id, first(events).unwrap_or_default())
}
