//! `POST /mcp`: the protocol's Streamable HTTP transport, without sessions: every request is answered on its own, by
//! whichever program receives it.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use tracing::Span;

use crate::{
    app::App,
    domain::{error::Problem, policy::viewer::AuthMethod},
    http::{
        extract::{body::whole, viewer::AgentViewer},
        mcp::{caller::Caller, server::Server},
        middleware::origin::is_foreign_origin,
        page::EXPLAINED,
    },
};

/// The agent of a token that names none.
const UNNAMED: &str = "An agent";

/// `POST /mcp`
pub(crate) async fn post(
    State(app): State<App>,
    AgentViewer(mut viewer): AgentViewer,
    request: Request,
) -> Result<Response, Response> {
    if is_foreign_origin(&app, request.headers()) {
        let refusal = "This request came from another site. Nothing was changed.";
        return Err(Problem::Forbidden(refusal.into()).into_response());
    }
    // One request can be sent with the same key for several calls, which are told apart by the versions that they name.
    viewer.idempotency_key = None;
    if let AuthMethod::Token { agent, .. } = &mut viewer.proof {
        agent.get_or_insert_with(|| UNNAMED.to_owned());
    }
    let server = Server {
        caller: Caller { app, viewer },
        span: Span::current(),
    };
    // The middleware has checked the name of the host, and limits the body.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts();
    let service = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    let (parts, body) = request.into_parts();
    let body = whole(Request::from_parts(parts.clone(), body)).await?;
    let request = Request::from_parts(parts, Body::from(body));
    let mut response = service.handle(request).await.map(Body::new);
    // its errors are messages of the protocol, or texts
    if response.status().is_client_error() {
        let headers = response.headers_mut();
        headers.insert(EXPLAINED, HeaderValue::from_static("1"));
        headers
            .entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    Ok(response)
}
