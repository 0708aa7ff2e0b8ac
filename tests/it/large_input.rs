//! Every write route with texts and lists that are far too long. The routes come from docs/ACCESS.md, and the fields from
//! the handlers and the API's description, so that new ones are covered.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use serde_json::{Value, json};

use crate::{
    access::{Fixture, ROUTER, Row, list_source_files, parse_table},
    fixtures::{Client, World, report},
};

/// No answer may take longer on an idle machine.
const LONGEST: Duration = Duration::from_secs(1);

/// How many times as long everything takes now, because other programs use the processors as well.
fn measure_slowdown() -> f64 {
    let read_cpu_time = || -> u64 {
        let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        times
            .split(' ')
            .next()
            .and_then(|time| time.parse().ok())
            .unwrap_or(0)
    };
    let (started, before) = (Instant::now(), read_cpu_time());
    let mut used = 0;
    while used < 30_000_000 && started.elapsed() < Duration::from_secs(5) {
        std::hint::black_box((0..100_000_u64).fold(0, u64::wrapping_add));
        used = read_cpu_time() - before;
    }
    (started.elapsed().as_nanos() as f64 / used.max(1) as f64).clamp(1.0, 20.0)
}

/// Sends a request, which must be answered in time and not with a server error.
async fn send_in_time(client: &Client, method: &Method, path: &str, kind: &str, body: &str) -> u16 {
    let mut tries = Vec::new();
    loop {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, kind)
            .header(header::CONTENT_LENGTH, body.len())
            .body(Body::from(body.to_owned()))
            .unwrap();
        let started = Instant::now();
        let response = client.send(request).await;
        let start: String = body.chars().take(40).collect();
        let described = format!("{method} {path} with {} bytes: {start}…", body.len());
        assert!(
            !response.status.is_server_error(),
            "{described} was answered with {}",
            response.status
        );
        let took = started.elapsed();
        if took <= LONGEST || took <= LONGEST.mul_f64(measure_slowdown()) {
            return response.status.as_u16();
        }
        tries.push(took);
        assert!(tries.len() < 4, "{described} took {tries:?}");
    }
}

/// Returns the names of the fields that the handler of a form reads, and those that the other handlers beside it read.
fn list_form_fields(row: &Row) -> (BTreeSet<String>, BTreeSet<String>) {
    let route = format!("\"{}\"", row.path);
    let method = row.method.as_str().to_lowercase();
    let handlers: Vec<&str> = ROUTER
        .match_indices(&route)
        .filter_map(|(at, _)| {
            let call = &ROUTER[at..];
            let end = call.find(".route(").unwrap_or(call.len());
            let call = call[..end].split(&format!("{method}(")).nth(1)?;
            let path = call.split([')', ',']).next()?;
            path.trim().rsplit("::").next()
        })
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/pages");
    let mut own = BTreeSet::new();
    let mut beside = BTreeSet::new();
    for file in list_source_files(&folder) {
        let source = fs::read_to_string(&file).unwrap();
        let is_handler = |name: &&str| source.contains(&format!("async fn {name}("));
        if !handlers.iter().any(is_handler) {
            continue;
        }
        own.extend(parse_field_names(&source));
        for other in list_source_files(file.parent().unwrap()) {
            beside.extend(parse_field_names(&fs::read_to_string(other).unwrap()));
        }
    }
    (own, beside)
}

fn parse_field_names(source: &str) -> BTreeSet<String> {
    ["text", "get", "all", "parse", "date"]
        .into_iter()
        .flat_map(|reader| {
            let call = format!(".{reader}(");
            source
                .split(&call)
                .skip(1)
                .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The fields of each JSON body, by route, with whether the field is a list.
fn list_json_fields(document: &Value) -> BTreeMap<String, Vec<(String, bool)>> {
    let mut fields = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let Some(name) = schema.as_str().and_then(|name| name.rsplit('/').next()) else {
                continue;
            };
            let properties = document["components"]["schemas"][name]["properties"]
                .as_object()
                .unwrap();
            let listed = properties
                .iter()
                .map(|(name, property)| (name.clone(), property.to_string().contains("\"array\"")));
            fields.insert(
                format!("{} {path}", method.to_uppercase()),
                listed.collect(),
            );
        }
    }
    fields
}

fn pick_client<'f>(fixture: &'f Fixture, row: &Row) -> &'f Client {
    // someone who is not signed in cannot sign out
    let role = ["anonymous", "lead", "admin"]
        .into_iter()
        .find(|role| row.allows(role));
    &fixture.clients[role.unwrap_or("lead")]
}

/// Case 53.
#[tokio::test]
async fn too_long_texts_and_lists_are_refused_in_time() {
    let fixture = Fixture::new(false).await;
    let document = fixture.world.elif.get("/api/v1/openapi.json").await.json();
    let json_fields = list_json_fields(&document);
    let form = "application/x-www-form-urlencoded";
    let (mut routes, mut requests) = (0, 0);
    for row in parse_table().iter().filter(|row| row.method != Method::GET) {
        routes += 1;
        let client = pick_client(&fixture, row);
        let path = fixture.resolve_path(row, client).await;
        let method = &row.method;
        if let Some(fields) = row.path.strip_prefix("/api/").map(|_| {
            let route = format!("{} {}", row.method, row.path);
            json_fields.get(&route).cloned().unwrap_or_default()
        }) {
            for (name, is_list) in fields {
                let long = json!("x".repeat(1_000_000));
                let list: Vec<String> = (0..10_000).map(|entry| format!("e{entry}")).collect();
                let whole = "y".repeat(9_900);
                let values = [long.clone(), json!([long]), json!(list), json!(whole)];
                for value in values {
                    let body = json!({ "title": "x", &name: value }).to_string();
                    let status =
                        send_in_time(client, method, &path, "application/json", &body).await;
                    let is_long = body.len() > 20_000;
                    assert!(
                        !is_long || status >= 400,
                        "{method} {path} {name} {is_list}"
                    );
                    requests += 1;
                }
            }
            continue;
        }
        let (own, beside) = list_form_fields(row);
        // 415, unless the handler reads no fields
        let reads_fields = send_in_time(client, method, &path, "text/plain", "x").await == 415;
        for name in &own {
            let long = format!("{name}={}", "x".repeat(1_000_000));
            let status = send_in_time(client, method, &path, form, &long).await;
            assert!(
                status >= 400 || !reads_fields,
                "{method} {path} {name}: {status}"
            );
            let list: Vec<String> = (0..10_000)
                .map(|entry| format!("{name}=e{entry}"))
                .collect();
            let status = send_in_time(client, method, &path, form, &list.join("&")).await;
            assert!(
                status >= 400 || !reads_fields,
                "{method} {path} {name}: {status}"
            );
            requests += 2;
        }
        // What is let through has to be checked by each operation.
        let long_values: Vec<String> = own
            .union(&beside)
            .map(|name| format!("{name}={}", "y".repeat(9_900)))
            .collect();
        let short_lists: Vec<String> = own
            .iter()
            .flat_map(|name| (0..1000).map(move |entry| format!("{name}=e{entry}")))
            .collect();
        for body in [long_values.join("&"), short_lists.join("&")] {
            send_in_time(client, method, &path, form, &body).await;
            requests += 1;
        }
        for name in &own {
            let body = format!("title=x&text=x&body=x&{name}={}", "z".repeat(9_900));
            send_in_time(client, method, &path, form, &body).await;
            requests += 1;
        }
    }
    for role in ["lead", "admin"] {
        fixture.clients[role].get("/").await.status(200);
    }
    report(&format!("{requests} requests to {routes} routes"));
    assert!(routes > 90 && requests > 1000, "{routes} {requests}");
}

/// Case 52.
#[tokio::test]
async fn long_filters_are_refused_everywhere() {
    let world = World::new().await;
    let words = (0..3000)
        .map(|word| format!("w{word}+"))
        .collect::<String>();
    let team = "/teams/infrastructure";
    for path in [
        team.to_owned(),
        format!("{team}/tasks"),
        format!("{team}/cards"),
        format!("{team}/flow"),
        format!("{team}/flow/cycle-time.csv"),
        format!("/api/v1{team}/board"),
    ] {
        for query in [
            format!("q={words}"),
            "label=a&".repeat(60),
            format!("owner={}", "x".repeat(2001)),
        ] {
            let response = world.elif.get(&format!("{path}?{query}")).await.status(422);
            assert!(response.text().contains("50 terms"), "{path}");
            assert!(!response.text().contains("Not saved"), "nothing was sent");
        }
        let longest = (0..50).map(|word| format!("w{word}+")).collect::<String>();
        world.elif.get(&format!("{path}?q={longest}")).await.ok();
    }
    for q in [
        words.replace('+', " "),
        "x".repeat(900_000),
        "x ".repeat(400_000),
    ] {
        let body = format!("name=n&q={}", q.replace(' ', "+"));
        let form = "application/x-www-form-urlencoded";
        let path = format!("{team}/filters");
        assert_eq!(
            send_in_time(&world.elif, &Method::POST, &path, form, &body).await,
            422
        );
    }
}

/// Case 50.
#[tokio::test]
async fn nested_markdown_is_shown_in_time() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Nested")
        .await;
    let form = "application/x-www-form-urlencoded";
    for unit in [
        "%3E",
        "-+",
        "1.+",
        "%3E+-+",
        "%5B",
        "*",
        "!%5B",
        "a%7Cb%0A-%7C-%0A",
    ] {
        let marks = unit.replace("%3E", ">").replace('+', " ");
        let count = 19_000 / marks.replace("%5B", "[").replace("%7C", "|").len();
        let body = unit.repeat(count);
        for (path, name) in [
            ("/preview".to_owned(), "markdown"),
            (format!("/tasks/{key}/comments"), "body"),
            (format!("/tasks/{key}"), "description"),
        ] {
            let body = format!("{name}={body}x");
            let status = send_in_time(&world.elif, &Method::POST, &path, form, &body).await;
            assert!(status < 400, "{path} {unit}: {status}");
        }
        send_in_time(
            &world.elif,
            &Method::GET,
            &format!("/tasks/{key}"),
            form,
            "",
        )
        .await;
        world
            .elif
            .post(&format!("/tasks/{key}"), &[("description", "")])
            .await;
        sqlx::query("DELETE FROM comments")
            .execute(&world.db)
            .await
            .unwrap();
    }
    let long = "a".repeat(100_001);
    let refused = world.elif.post("/preview", &[("markdown", &long)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// Case 51. These routes are open to strangers, so they accept no more than a few fields.
#[tokio::test]
async fn routes_open_to_everyone_accept_small_bodies_only() {
    let fixture = Fixture::new(false).await;
    let stranger = &fixture.clients["anonymous"];
    let form = "application/x-www-form-urlencoded";
    let body = format!("text={}", "x".repeat(20_000));
    for row in parse_table().iter().filter(|row| row.method != Method::GET) {
        let path = fixture.resolve_path(row, &fixture.clients["admin"]).await;
        let status = send_in_time(stranger, &row.method, &path, form, &body).await;
        let expected = if row.path == "/setup/restore/upload" {
            // nothing is read without the setup link
            StatusCode::BAD_REQUEST
        } else if row.path.starts_with("/hooks/forge/") {
            // nothing is read at an address that no connection has
            StatusCode::NOT_FOUND
        } else if row.allows("anonymous")
            || row.path == "/register"
            || row.path.starts_with("/login/")
        {
            StatusCode::PAYLOAD_TOO_LARGE
        } else {
            StatusCode::UNAUTHORIZED
        };
        assert_eq!(status, expected, "{} {path}", row.method);
    }
}

#[tokio::test]
async fn labels_are_counted_before_they_are_created() {
    let world = World::new().await;
    let labels: Vec<String> = (0..900).map(|label| format!("l{label}")).collect();
    let task = json!({ "title": "Labelled", "labels": labels });
    let path = "/teams/infrastructure/tasks";
    let refused = world.elif.api(Method::POST, path, task).await.status(422);
    assert_eq!(
        refused.json()["errors"]["labels"],
        "A task can have at most 30 labels."
    );
    let spaced = json!({ "title": "Labelled", "labels": ["a b"] });
    let refused = world.elif.api(Method::POST, path, spaced).await.status(422);
    assert!(refused.json()["errors"]["labels"].is_string());
    let created: i64 = sqlx::query_scalar("SELECT count(*) FROM labels")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(created, 0);
    let typed = json!({ "title": "Labelled", "labels": ["#1", "docs"] });
    let task = world.elif.api(Method::POST, path, typed).await.status(201);
    assert_eq!(task.json()["labels"], json!(["#1", "docs"]));
}
