//! Lists of the JSON API: their parts, and the fields of their entries.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    access::parse_table,
    api_plan::{ask, read},
    attachments,
    fixtures::World,
};

const TEAM: &str = "/teams/infrastructure";

/// A world with three of everything that is listed, where Elif may read all of it.
async fn with_three_of_everything() -> World {
    let world = World::new().await;
    sqlx::query("UPDATE members SET role = 'lead' WHERE account_id = $1")
        .bind(world.elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    let elif = &world.elif;
    for (name, handle) in [("Mira Okafor", "mira"), ("Tomas Weber", "tomas")] {
        world.join(name, handle, "infrastructure").await;
    }
    for n in 1..=3 {
        let key = elif.create_task("infrastructure", "todo", "Cluster").await;
        let labels = json!({ "labels": [format!("label-{n}")] });
        ask(elif, Method::PATCH, &format!("/tasks/{key}"), labels, 200).await;
        ask(
            elif,
            Method::PUT,
            &format!("/tasks/{key}/follow"),
            json!({}),
            204,
        )
        .await;
        let name = format!("Project {n}");
        let project = json!({ "team": "infrastructure", "name": name, "target": 9 });
        ask(elif, Method::POST, "/projects", project, 201).await;
        let member = format!("/projects/project-1/tasks/{key}");
        ask(elif, Method::PUT, &member, json!({}), 204).await;
        for (path, body) in [
            (
                format!("{TEAM}/goals"),
                json!({ "title": name, "target": 9 }),
            ),
            (
                "/projects/project-1/milestones".to_owned(),
                json!({ "title": name }),
            ),
            ("/tasks/INF-1/steps".to_owned(), json!({ "text": name })),
            ("/tasks/INF-1/comments".to_owned(), json!({ "body": name })),
            (format!("{TEAM}/topics"), json!({ "text": name })),
            (format!("{TEAM}/actions"), json!({ "text": name })),
            (format!("{TEAM}/requests"), json!({ "title": name })),
            (
                format!("{TEAM}/sprints/42/retro-notes"),
                json!({ "category": "well", "text": name }),
            ),
            (format!("{TEAM}/filters"), json!({ "name": name })),
            (
                format!("{TEAM}/share-links"),
                json!({ "name": name, "shows": "board" }),
            ),
        ] {
            ask(elif, Method::POST, &path, body, 201).await;
        }
        let file: [(&str, &[u8]); 1] = [("notes.txt", b"Later")];
        attachments::attach(elif, "INF-1", &file).await.status(201);
        let day = format!("{TEAM}/days-off/2026-12-2{n}");
        ask(elif, Method::PUT, &day, json!({ "name": "x" }), 204).await;
        let comments = format!("/tasks/{key}/comments");
        let mention = json!({ "body": "@elif, look" });
        ask(&world.jonas, Method::POST, &comments, mention, 201).await;
    }
    let goals = read(elif, &format!("{TEAM}/goals")).await;
    let goal = goals["items"][0]["id"].as_str().unwrap();
    for _ in 1..=3 {
        let path = format!("{TEAM}/goals/{goal}/comments");
        ask(elif, Method::POST, &path, json!({ "body": "x" }), 201).await;
    }
    world.deliver().await;
    world
}

/// The name of the list in a response, if it is one.
fn list_name(response: &Value) -> Option<&'static str> {
    response.get("next_cursor")?;
    ["items", "teams", "sprints", "tasks", "events"]
        .into_iter()
        .find(|name| response[name].is_array())
}

/// The lists of the API, by their routes.
async fn list_paths(world: &World) -> Vec<String> {
    let goals = read(&world.elif, &format!("{TEAM}/goals")).await;
    let goal = goals["items"][0]["id"].as_str().unwrap();
    parse_table()
        .iter()
        .filter(|row| row.method == Method::GET)
        .filter_map(|row| row.path.strip_prefix("/api/v1"))
        .map(|path| {
            path.replace("/projects/{slug}", "/projects/project-1")
                .replace("{slug}", "infrastructure")
                .replace("{key}", "INF-1")
                .replace("{id}", goal)
                .replace("{number}", "42")
                .replace("{column}", "todo")
                .replace("/search", "/search?q=cluster")
        })
        .collect()
}

#[tokio::test]
async fn every_list_is_walked_entry_by_entry() {
    let world = with_three_of_everything().await;
    let mut walked = 0;
    for path in list_paths(&world).await {
        let whole = read(&world.elif, &path).await;
        let Some(name) = list_name(&whole) else {
            continue;
        };
        let expected = whole[name].as_array().unwrap();
        assert!(expected.len() >= 2, "{path} has too few: {whole}");
        assert_eq!(whole["next_cursor"], json!(null), "{path}");
        let sign = if path.contains('?') { '&' } else { '?' };
        let (mut entries, mut next) = (Vec::new(), String::new());
        loop {
            let part = format!("{path}{sign}limit=1&cursor={next}");
            let part = read(&world.elif, &part).await;
            entries.extend(part[name].as_array().unwrap().iter().cloned());
            assert!(entries.len() <= expected.len(), "{path} does not end");
            match part["next_cursor"].as_str() {
                Some(cursor) => next = cursor.to_owned(),
                None => break,
            }
        }
        assert_eq!(&entries, expected, "{path}");
        for wrong in [
            "limit=0",
            "limit=501",
            "limit=x",
            "cursor=%21",
            "cursor=AAAA",
        ] {
            let refused = world
                .elif
                .api(Method::GET, &format!("{path}{sign}{wrong}"), json!({}))
                .await;
            assert!(
                refused.status == 422 || path.contains("/columns/todo") && wrong == "cursor=AAAA",
                "{path} {wrong}: {}",
                refused.status
            );
        }
        walked += 1;
    }
    assert!(walked >= 20, "{walked}");
}

/// What is deleted between two requests makes no gap.
#[tokio::test]
async fn list_goes_on_after_an_entry_was_deleted() {
    let world = with_three_of_everything().await;
    let path = format!("{TEAM}/goals");
    let all = read(&world.elif, &path).await;
    let first = read(&world.elif, &format!("{path}?limit=1")).await;
    let gone = first["items"][0]["id"].as_str().unwrap();
    let third = all["items"][2]["id"].as_str().unwrap();
    ask(
        &world.elif,
        Method::DELETE,
        &format!("{path}/{third}"),
        json!({}),
        204,
    )
    .await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = read(&world.elif, &format!("{path}?cursor={cursor}")).await;
    assert_eq!(rest["items"][0]["id"], all["items"][1]["id"]);
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_ne!(rest["items"][0]["id"], json!(gone));
}

#[tokio::test]
async fn every_read_returns_the_chosen_fields_only() {
    let world = with_three_of_everything().await;
    let mut reduced = 0;
    for path in list_paths(&world).await {
        let whole = world.elif.api(Method::GET, &path, json!({})).await;
        if path == "/openapi.json" || whole.status != 200 {
            continue;
        }
        let whole = whole.json();
        let list = list_name(&whole);
        let entry = list.map_or(&whole, |name| &whole[name][0]);
        let field = entry.as_object().unwrap().keys().next_back().unwrap();
        let sign = if path.contains('?') { '&' } else { '?' };
        let chosen = read(&world.elif, &format!("{path}{sign}fields={field}")).await;
        let entry = list.map_or(&chosen, |name| &chosen[name][0]);
        let fields: Vec<_> = entry.as_object().unwrap().keys().collect();
        assert_eq!(fields, [field], "{path}");
        let wrong = format!("{path}{sign}fields={field},secret");
        let refused = ask(&world.elif, Method::GET, &wrong, json!({}), 400).await;
        let detail = refused["detail"].as_str().unwrap();
        assert!(
            detail.contains("no field secret") && detail.contains(field.as_str()),
            "{refused}"
        );
        reduced += 1;
    }
    assert!(reduced >= 25, "{reduced}");
    let task = read(&world.elif, "/tasks/INF-1?fields=key,%20title").await;
    assert_eq!(task, json!({ "key": "INF-1", "title": "Cluster" }));
}

#[tokio::test]
async fn response_says_what_is_left_of_the_rate_limit() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "One").await;
    let comments = format!("/tasks/{key}/comments");
    let say = async || {
        let body = json!({ "body": "x" });
        elif.api(Method::POST, &comments, body).await
    };
    let first = say().await.status(201);
    assert!(
        first
            .header("ratelimit-policy")
            .contains(r#""writes";q=120000"#),
        "{:?}",
        first.headers
    );
    let left = |header: &str, name: &str| -> u64 {
        let of = header
            .split(", ")
            .find(|limit| limit.contains(name))
            .unwrap();
        let left = of.split(";r=").nth(1).unwrap().split(';').next().unwrap();
        left.parse().unwrap()
    };
    assert_eq!(left(first.header("ratelimit"), "texts"), 299);
    let second = say().await.status(201);
    assert!(left(second.header("ratelimit"), "writes") < 120_000);
    // reads are not counted
    let read = elif
        .api(Method::GET, &comments, json!({}))
        .await
        .status(200);
    assert_eq!(read.header("ratelimit"), "");
    assert!(read.header("ratelimit-policy").contains("texts"));
    let refused = loop {
        let response = say().await;
        if response.status == 429 {
            break response;
        }
    };
    assert_eq!(left(refused.header("ratelimit"), "texts"), 0);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
}
