//! What others make of the OpenAPI description, against the real program: requests that Schemathesis generates, and a
//! client that openapi-python-client generates.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use crate::{
    fixtures::World,
    program::{Place, Server},
};

/// The program of a Python package, where bin/test installs it, or else from the path.
fn tool(package: &str, program: &str) -> PathBuf {
    let installed = format!("/usr/local/lib/fortnight-tests/{package}/bin/{program}");
    let installed = PathBuf::from(installed);
    if installed.exists() {
        installed
    } else {
        program.into()
    }
}

/// The demo, and a token of its administrator.
async fn demo() -> (Place, Server, String) {
    let place = Place::new();
    let server = place.serve_demo(&[]).await;
    let said = place
        .said(&[
            "token",
            "create",
            "ebba@fortnight.example",
            "--scope",
            "admin",
        ])
        .await;
    let token = said.split_whitespace().next_back().unwrap().to_owned();
    (place, server, token)
}

async fn run(mut command: Command, name: &str) -> Output {
    let output = timeout(
        Duration::from_secs(600),
        command.kill_on_drop(true).output(),
    );
    output
        .await
        .unwrap_or_else(|_| panic!("{name} ends in time"))
        .unwrap_or_else(|error| panic!("{name}, which bin/test installs: {error}"))
}

fn assert_success(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Where Schemathesis finds what there is: the query that reads an id, by what comes before it in the path.
const IDS: [(&str, &str); 10] = [
    ("/goals/", "goals"),
    ("/goal-comments/", "goal_comments"),
    ("/labels/", "labels"),
    ("/topics/", "topics"),
    ("/actions/", "actions"),
    ("/retro-notes/", "retro_notes"),
    ("/requests/", "requests"),
    ("/milestones/", "milestones"),
    ("/steps/", "steps"),
    ("/inbox/", "inbox_threads"),
];

/// A configuration with names and ids of the demo, so that requests reach what there is.
async fn write_configuration(place: &Place, file: &Path) {
    let mut text = String::from(
        "[parameters]\n\"path.slug\" = \"infrastructure\"\n\"path.key\" = \"INF-42\"\n\
         \"path.column\" = \"in-progress\"\n\"path.number\" = 42\n\"path.handle\" = \"jonas\"\n",
    );
    text.push_str(
        "[[operations]]\ninclude-path-regex = \"^/api/v1/projects\"\n\
         parameters = { \"path.slug\" = \"new-cluster\" }\n",
    );
    let mut sql = place.sql().await;
    for (part, table) in IDS {
        let query = format!("SELECT max(id::text) FROM {table}");
        let id: Option<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&mut sql)
            .await
            .unwrap();
        let Some(id) = id else { continue };
        let slug = if part == "/milestones/" {
            "new-cluster"
        } else {
            "infrastructure"
        };
        text.push_str(&format!(
            "[[operations]]\ninclude-path-regex = \"{part}\"\n\
             parameters = {{ \"path.id\" = \"{id}\", \"path.slug\" = \"{slug}\" }}\n"
        ));
    }
    fs::write(file, text).unwrap();
}

/// The description without idempotency keys: a generated one is used twice, and then most requests are refused.
async fn write_description(file: &Path) {
    let world = World::new().await;
    let document = world.stranger().get("/api/v1/openapi.json").await;
    let mut document = document.status(200).json();
    for item in document["paths"].as_object_mut().unwrap().values_mut() {
        for operation in item.as_object_mut().unwrap().values_mut() {
            operation["parameters"]
                .as_array_mut()
                .unwrap()
                .retain(|parameter| parameter["name"] != "Idempotency-Key");
        }
    }
    fs::write(file, document.to_string()).unwrap();
}

/// No request that the description allows, and none that it does not, ends in a failure of the server or in a response
/// that is not described.
#[tokio::test]
async fn generated_requests_get_what_the_description_says() {
    let (place, server, token) = demo().await;
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("schemathesis.toml");
    write_configuration(&place, &configuration).await;
    let description = folder.path().join("openapi.json");
    write_description(&description).await;
    let mut command = Command::new(tool("schemathesis", "schemathesis"));
    command
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(&configuration)
        .arg("run")
        .arg(&description)
        .args(["--url", &server.url])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        // the same requests each time, and as many as take half a minute
        .args(["--seed", "42", "--max-examples", "8"])
        .args(["--continue-on-failure", "--no-color"]);
    let output = run(command, "schemathesis").await;
    assert_success(&output);
    let said = String::from_utf8_lossy(&output.stdout);
    // the one that no token may
    let refused = "Authentication failed: 1 operation returned only 401/403 responses";
    assert!(said.contains(refused), "{said}");
    assert!(
        said.contains("POST /api/v1/teams/{slug}/share-links"),
        "{said}"
    );
}

/// A program in another language works with the API without anyone writing its client.
#[tokio::test]
async fn generated_client_works_with_tasks_and_goals() {
    let (_place, server, token) = demo().await;
    let folder = tempfile::tempdir().unwrap();
    let generator = tool("openapi-python-client", "openapi-python-client");
    // it formats what it generates with a program beside it
    let mut path = generator.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut generate = Command::new(generator);
    generate
        .env("PATH", path)
        .current_dir(folder.path())
        .args(["generate", "--meta", "none", "--overwrite", "--url"])
        .arg(format!("{}/api/v1/openapi.json", server.url))
        .args(["--output-path", "fortnight_client"]);
    let generated = run(generate, "openapi-python-client").await;
    assert_success(&generated);
    let said = String::from_utf8_lossy(&generated.stdout).into_owned();
    assert!(!said.contains("Warning"), "{said}");
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api-client/story.py");
    let mut command = Command::new(tool("openapi-python-client", "python3"));
    command
        .env("PYTHONPATH", folder.path())
        .arg(story)
        .args([&server.url, &token]);
    assert_success(&run(command, "the client").await);
}
