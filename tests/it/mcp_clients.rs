//! Programs of others that speak the protocol with the real program: the SDK's client, and the official conformance tests.

use std::path::Path;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::Response,
};
use rmcp::{
    ClientLifecycleMode, ClientServiceExt, RoleClient,
    model::{CallToolRequestParams, CallToolResult, ProtocolVersion},
    service::RunningService,
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command, time::timeout};

use crate::{
    lifecycle::{create_by_command_line, new_browser, sign_in},
    program::{Place, TIMEOUT, client_builder},
};

/// The SDK's client.
struct Agent(RunningService<RoleClient, ()>);

impl Agent {
    async fn connect(url: &str, token: &str, lifecycle: ClientLifecycleMode) -> Self {
        let config = StreamableHttpClientTransportConfig::with_uri(format!("{url}/mcp"));
        let client = client_builder().build().unwrap();
        let transport =
            StreamableHttpClientTransport::with_client(client, config.auth_header(token));
        let client = timeout(TIMEOUT, ().serve_with_lifecycle(transport, lifecycle)).await;
        Self(client.expect("the server answers in time").unwrap())
    }

    async fn result(&self, tool: &'static str, arguments: Value) -> CallToolResult {
        let arguments = arguments.as_object().unwrap().clone();
        let call = CallToolRequestParams::new(tool).with_arguments(arguments);
        self.0.call_tool(call).await.unwrap()
    }

    async fn call(&self, tool: &'static str, arguments: Value) -> Value {
        let result = self.result(tool, arguments).await;
        assert_eq!(result.is_error, Some(false), "{result:?}");
        result.structured_content.unwrap()
    }
}

#[tokio::test]
async fn agent_claims_a_task_works_on_it_and_hands_it_over() {
    let place = Place::new();
    create_by_command_line(&place, "ada", "infrastructure", "INF").await;
    let created = [
        "token",
        "create",
        "ada@example.org",
        "--scope",
        "write",
        "--agent",
        "Claude",
    ];
    let token = place.run_with_input("", &created).await;
    let token = token.split_whitespace().next_back().unwrap();
    let server = place.serve().await;
    let browser = new_browser();
    sign_in(&browser, &server, "ada").await;
    let versions = [
        (
            ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            },
            ProtocolVersion::V_2026_07_28,
        ),
        (
            ClientLifecycleMode::Initialize,
            ProtocolVersion::V_2025_11_25,
        ),
    ];
    for (lifecycle, version) in versions {
        let agent = Agent::connect(&server.url, token, lifecycle).await;
        let told = agent.0.peer_info().unwrap();
        assert_eq!(told.protocol_version, version, "{told:?}");
        let tools = agent.0.list_all_tools().await.unwrap();
        assert!(tools.iter().any(|tool| tool.name == "claim"), "{tools:?}");
        assert_eq!(agent.0.list_all_prompts().await.unwrap().len(), 2);
        let title = format!("Cut over by {}", version.as_str());
        agent
            .call(
                "create_task",
                json!({ "team": "infrastructure", "title": title }),
            )
            .await;
        let ready = agent
            .call("ready", json!({ "team": "infrastructure" }))
            .await;
        let key = ready["task"]["key"].clone();
        assert_eq!(ready["task"]["title"], title.as_str());
        let mut at = ready["task"]["version"].clone();
        for (tool, more) in [
            ("claim", json!({ "minutes": 30 })),
            ("move_task", json!({ "state": "doing" })),
            (
                "comment",
                json!({ "body": "The runbook is followed, every table is copied." }),
            ),
            ("move_task", json!({ "state": "review" })),
        ] {
            let mut arguments = more;
            arguments["key"] = key.clone();
            arguments["version"] = at;
            at = agent.call(tool, arguments).await["version"].clone();
        }
        let closing = json!({ "key": key, "version": at, "state": "done" });
        let refusal = agent.result("move_task", closing).await;
        assert_eq!(refusal.is_error, Some(true));
        let text = &refusal.content[0].as_text().unwrap().text;
        assert!(text.starts_with("Only a person can close a task"), "{text}");
        let url = format!("{}/tasks/{}", server.url, key.as_str().unwrap());
        let page = browser.get(url).send().await.unwrap().text().await.unwrap();
        assert!(
            page.contains("Claude for ada moved it to In review"),
            "{page}"
        );
        agent.0.cancel().await.unwrap();
    }
}

/// Passes requests on with a token, which the conformance tests do not send.
async fn with_token(State((url, token)): State<(String, String)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1_000_000).await.unwrap();
    let mut headers = parts.headers;
    headers.remove(header::CONTENT_LENGTH);
    let answer = client_builder()
        .build()
        .unwrap()
        .request(parts.method, format!("{url}{}", parts.uri))
        .headers(headers)
        .bearer_auth(token)
        .body(body)
        .send()
        .await
        .unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::TRANSFER_ENCODING);
    let mut response = Response::new(Body::from(answer.bytes().await.unwrap()));
    *response.status_mut() = StatusCode::from_u16(status.as_u16()).unwrap();
    *response.headers_mut() = headers;
    response
}

/// The scenarios of the conformance tests that are about any server. The others call tools, prompts and resources that only
/// the SDKs' example servers have (`test_simple_text`, `test://static-text`), or need what this server does not offer:
/// sessions with streams, logging, completions, sampling, elicitation and resources.
const SCENARIOS: [&str; 5] = [
    "server-initialize",
    "ping",
    "tools-list",
    "prompts-list",
    "dns-rebinding-protection",
];

#[tokio::test]
async fn official_conformance_tests_pass() {
    let place = Place::new();
    let token = create_by_command_line(&place, "ada", "infrastructure", "INF").await;
    let server = place.serve().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let proxy = Router::new()
        .fallback(with_token)
        .with_state((server.url.clone(), token));
    let proxy = tokio::spawn(async move { axum::serve(listener, proxy).await });
    // where bin/test puts them
    let programs = Path::new("/usr/local/lib/fortnight-tests/mcp-conformance/node_modules/.bin");
    let results = tempfile::tempdir().unwrap();
    for scenario in SCENARIOS {
        let run = Command::new(programs.join("node"))
            .arg(programs.join("conformance"))
            .args(["server", "--url", &url, "--scenario", scenario])
            .current_dir(results.path())
            .kill_on_drop(true)
            .output();
        let run = timeout(TIMEOUT, run)
            .await
            .expect("the tests end in time")
            .expect("this test needs the conformance tests that bin/test installs");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{scenario}: {said}");
        assert!(said.contains("Passed: "), "{scenario}: {said}");
    }
    proxy.abort();
}
