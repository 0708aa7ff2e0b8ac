//! Teams, their settings, and what is one's own, by the JSON API.

use axum::{
    body::Body,
    http::{Method, Request},
};
use fortnight::domain::policy::viewer::Scope;
use serde_json::json;

use crate::{
    api_plan::{ask, read},
    attachments,
    fixtures::{Client, World},
};

const TEAM: &str = "/teams/infrastructure";

/// A world in which Elif leads Infrastructure.
async fn with_lead() -> World {
    let world = World::new().await;
    sqlx::query("UPDATE members SET role = 'lead' WHERE account_id = $1")
        .bind(world.elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    world
}

#[tokio::test]
async fn lead_sets_a_team_up_by_program() {
    let world = with_lead().await;
    let program = world.program_of(&world.elif, Scope::Write).await;
    let edit = json!({
        "name": "Platform", "mission": "Databases", "private": true, "agents_may_close": true
    });
    let edited = ask(&program, Method::PATCH, TEAM, edit, 200).await;
    assert_eq!(
        (&edited["name"], &edited["mission"], &edited["private"]),
        (&json!("Platform"), &json!("Databases"), &json!(true))
    );
    assert_eq!(edited["key"], "INF");
    assert_eq!(edited["agents_may_close"], true);
    ask(&world.jonas, Method::GET, TEAM, json!({}), 404).await;
    ask(
        &program,
        Method::PATCH,
        TEAM,
        json!({ "private": false }),
        200,
    )
    .await;
    // a token cannot open the team to the world
    ask(
        &program,
        Method::PATCH,
        TEAM,
        json!({ "public": true }),
        403,
    )
    .await;
    ask(
        &world.elif,
        Method::PATCH,
        TEAM,
        json!({ "public": true }),
        200,
    )
    .await;

    let columns = format!("{TEAM}/columns");
    let new = json!({ "name": "On staging", "state": "review" });
    let column = ask(&program, Method::POST, &columns, new, 201).await;
    assert_eq!(column["slug"], "on-staging");
    let path = format!("{columns}/on-staging");
    let edit = json!({ "wip_limit": 3, "name": "Staging" });
    let edited = ask(&program, Method::PATCH, &path, edit, 200).await;
    assert_eq!(
        (&edited["wip_limit"], &edited["name"], &edited["state"]),
        (&json!(3), &json!("Staging"), &json!("review"))
    );
    let to = json!({ "to": "left" });
    ask(&program, Method::PUT, &format!("{path}/position"), to, 200).await;
    let listed = read(&program, &columns).await;
    let slugs: Vec<_> = listed["items"].as_array().unwrap().iter().collect();
    assert_eq!(slugs[slugs.len() - 2]["slug"], "on-staging");
    ask(&program, Method::DELETE, &path, json!({}), 422).await;
    let into = format!("{path}?into=in-review");
    ask(&program, Method::DELETE, &into, json!({}), 204).await;

    let week = json!({ "standup_at": "09:30", "standup_days": [3, 1, 3] });
    let week = ask(
        &program,
        Method::PATCH,
        &format!("{TEAM}/schedule"),
        week,
        200,
    )
    .await;
    assert_eq!(
        (&week["standup_at"], &week["standup_days"]),
        (&json!("09:30"), &json!([1, 3]))
    );
    let day = format!("{TEAM}/days-off/2026-12-24");
    ask(&program, Method::PUT, &day, json!({ "name": "Eve" }), 204).await;
    let days = read(&program, &format!("{TEAM}/days-off")).await;
    assert_eq!(
        days["items"],
        json!([{ "day": "2026-12-24", "name": "Eve" }])
    );
    ask(&program, Method::DELETE, &day, json!({}), 204).await;

    let jonas = format!("{TEAM}/members/jonas");
    ask(&program, Method::PUT, &jonas, json!({}), 204).await;
    let members = read(&program, &format!("{TEAM}/members")).await;
    assert_eq!(
        (
            &members["items"][0]["role"],
            &members["items"][1]["handle"],
            &members["items"][1]["role"]
        ),
        (&json!("lead"), &json!("jonas"), &json!("member"))
    );
    // a member sets limits, and not names
    let limit = json!({ "wip_limit": 5 });
    let todo = format!("{columns}/todo");
    ask(&world.jonas, Method::PATCH, &todo, limit, 200).await;
    ask(
        &world.jonas,
        Method::PATCH,
        &todo,
        json!({ "name": "x" }),
        403,
    )
    .await;
    ask(
        &world.jonas,
        Method::PATCH,
        TEAM,
        json!({ "name": "x" }),
        403,
    )
    .await;
    ask(&program, Method::DELETE, &jonas, json!({}), 204).await;

    let key = program.create_task("infrastructure", "todo", "One").await;
    let labels = json!({ "labels": ["postgres"] });
    ask(
        &program,
        Method::PATCH,
        &format!("/tasks/{key}"),
        labels,
        200,
    )
    .await;
    let labels = read(&program, &format!("{TEAM}/labels")).await;
    let label = format!(
        "{TEAM}/labels/{}",
        labels["items"][0]["id"].as_str().unwrap()
    );
    let edited = ask(
        &program,
        Method::PATCH,
        &label,
        json!({ "name": "pg" }),
        200,
    )
    .await;
    assert_eq!(
        (&edited["name"], &edited["tasks"]),
        (&json!("pg"), &json!(1))
    );
    ask(&program, Method::PATCH, &label, json!({ "hue": 12 }), 422).await;
    ask(&program, Method::DELETE, &label, json!({}), 204).await;
    assert_eq!(program.load_task(&key).await["labels"], json!([]));
}

#[tokio::test]
async fn share_link_is_made_by_a_session_and_not_by_a_token() {
    let world = with_lead().await;
    let program = world.program_of(&world.elif, Scope::Write).await;
    let links = format!("{TEAM}/share-links");
    let new = json!({ "name": "Auditors", "shows": "check-in", "days": 30 });
    ask(&program, Method::POST, &links, new.clone(), 403).await;
    let created = ask(&world.elif, Method::POST, &links, new, 201).await;
    let url = created["url"].as_str().unwrap();
    let path = url.strip_prefix("http://fortnight.test").unwrap();
    world.stranger().get(path).await.status(200);
    let listed = read(&program, &links).await;
    assert_eq!(listed["items"][0]["name"], "Auditors");
    assert!(!listed.to_string().contains("/share/"), "{listed}");
    let link = format!("{links}/{}", listed["items"][0]["id"].as_str().unwrap());
    ask(&program, Method::DELETE, &link, json!({}), 204).await;
    world.stranger().get(path).await.status(404);
}

#[tokio::test]
async fn request_becomes_a_task_of_the_team() {
    let world = World::new().await;
    let jonas = world.program_of(&world.jonas, Scope::Write).await;
    let elif = world.program_of(&world.elif, Scope::Write).await;
    let requests = format!("{TEAM}/requests");
    let new = json!({ "title": "A read replica", "due": "2026-12-11" });
    let asked = ask(&jonas, Method::POST, &requests, new, 201).await;
    assert_eq!(
        (&asked["state"], &asked["mine"], &asked["for_team"]),
        (&json!("open"), &json!(true), &json!("Ingestion"))
    );
    let answer = format!("{requests}/{}/answer", asked["id"].as_str().unwrap());
    let taken = json!({ "state": "taken" });
    ask(&jonas, Method::PUT, &answer, taken.clone(), 403).await;
    let answered = ask(&elif, Method::PUT, &answer, taken.clone(), 200).await;
    assert_eq!(answered["task"], "INF-1");
    ask(&elif, Method::PUT, &answer, taken, 409).await;
    let other = json!({ "title": "Another" });
    let other = ask(&jonas, Method::POST, &requests, other, 201).await;
    let other = format!("{requests}/{}", other["id"].as_str().unwrap());
    ask(&elif, Method::DELETE, &other, json!({}), 404).await;
    ask(&jonas, Method::DELETE, &other, json!({}), 204).await;
}

#[tokio::test]
async fn program_works_on_steps_and_comments_of_a_task() {
    let world = World::new().await;
    let program = world.program_of(&world.elif, Scope::Write).await;
    let key = program.create_task("infrastructure", "todo", "One").await;
    let task = format!("/tasks/{key}");
    let steps = format!("{task}/steps");
    let step = ask(
        &program,
        Method::POST,
        &steps,
        json!({ "text": "Tell" }),
        201,
    )
    .await;
    let path = format!("{steps}/{}", step["id"].as_str().unwrap());
    let done = ask(&program, Method::PATCH, &path, json!({ "done": true }), 200).await;
    assert_eq!(done["done"], true);
    assert_eq!(program.load_task(&key).await["checklist"][0], done);
    ask(&program, Method::PATCH, &path, json!({}), 422).await;
    ask(&program, Method::DELETE, &path, json!({}), 204).await;
    assert_eq!(read(&program, &steps).await["items"], json!([]));

    let comments = format!("{task}/comments");
    ask(
        &program,
        Method::POST,
        &comments,
        json!({ "body": "First" }),
        201,
    )
    .await;
    let listed = read(&program, &comments).await;
    let path = format!("{comments}/{}", listed["items"][0]["id"].as_str().unwrap());
    let edited = ask(
        &program,
        Method::PATCH,
        &path,
        json!({ "body": "1st" }),
        200,
    )
    .await;
    assert!(edited["edited_at"].is_string(), "{edited}");
    let jonas = world.program_of(&world.jonas, Scope::Write).await;
    ask(&jonas, Method::PATCH, &path, json!({ "body": "2nd" }), 403).await;
    ask(&jonas, Method::DELETE, &path, json!({}), 403).await;
    ask(&program, Method::DELETE, &path, json!({}), 204).await;
    assert_eq!(read(&program, &comments).await["items"], json!([]));

    ask(&program, Method::DELETE, &task, json!({}), 200).await;
    let archived = format!("{TEAM}/tasks?q=is:archived");
    assert_eq!(
        read(&program, &archived).await["items"][0]["key"],
        json!(key)
    );
    let restored = ask(
        &program,
        Method::POST,
        &format!("{task}/restore"),
        json!({}),
        200,
    )
    .await;
    assert_eq!(restored["archived"], false);
    let listed = read(&program, &format!("{TEAM}/tasks?owner=me")).await;
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn program_reads_the_inbox_of_its_owner() {
    let world = World::new().await;
    let program = world.program_of(&world.elif, Scope::Write).await;
    let reader = world.program_of(&world.elif, Scope::Read).await;
    let me = read(&reader, "/me").await;
    assert_eq!(
        (&me["handle"], &me["role"], &me["may_write"], &me["unread"]),
        (&json!("elif"), &json!("member"), &json!(false), &json!(0))
    );
    let key = world.jonas.create_task("ingestion", "todo", "Theirs").await;
    let follow = format!("/tasks/{key}/follow");
    ask(&reader, Method::PUT, &follow, json!({}), 403).await;
    ask(&program, Method::PUT, &follow, json!({}), 204).await;
    let followed = read(&program, "/follows").await;
    assert_eq!(followed["items"][0]["follow"], format!("/api/v1{follow}"));
    for body in ["First", "Second"] {
        let comment = json!({ "body": body });
        let comments = format!("/tasks/{key}/comments");
        ask(&world.jonas, Method::POST, &comments, comment, 201).await;
    }
    world.deliver().await;
    let inbox = read(&program, "/inbox").await;
    let thread = &inbox["items"][0];
    assert_eq!(
        (
            &thread["key"],
            &thread["unread"],
            &thread["news"][0]["reason"]
        ),
        (&json!(key), &json!(true), &json!("following"))
    );
    let path = format!("/inbox/{}", thread["id"].as_str().unwrap());
    let read_it = json!({ "to": "read" });
    ask(&reader, Method::PATCH, &path, read_it.clone(), 403).await;
    ask(&world.jonas, Method::PATCH, &path, read_it.clone(), 404).await;
    ask(&program, Method::PATCH, &path, read_it, 204).await;
    assert_eq!(read(&program, "/inbox").await["items"], json!([]));
    assert_eq!(read(&program, "/me").await["unread"], 0);
    let snooze = json!({ "to": "snooze", "until": "tomorrow" });
    ask(&program, Method::PATCH, &path, snooze, 204).await;
    let snoozed = read(&program, "/inbox?show=snoozed").await;
    assert!(
        snoozed["items"][0]["snoozed_until"].is_string(),
        "{snoozed}"
    );
    let never = json!({ "to": "snooze", "until": "never" });
    ask(&program, Method::PATCH, &path, never, 422).await;
    ask(&program, Method::POST, "/inbox/read", json!({}), 204).await;
    ask(&program, Method::DELETE, &follow, json!({}), 204).await;
    assert_eq!(read(&program, "/follows").await["items"], json!([]));
}

#[tokio::test]
async fn program_searches_and_saves_filters() {
    let world = World::new().await;
    let program = world.program_of(&world.elif, Scope::Write).await;
    let key = program
        .create_task("infrastructure", "todo", "Move the cluster")
        .await;
    for path in ["/search?q=cluster", &format!("/search?q={key}")] {
        let found = read(&program, path).await;
        assert_eq!(found["items"][0]["key"], json!(key), "{path}");
    }
    ask(
        &program,
        Method::GET,
        "/search?q=x&only=closed",
        json!({}),
        422,
    )
    .await;
    let filters = format!("{TEAM}/filters");
    let new = json!({ "name": "Mine", "q": "owner:me" });
    let mine = ask(&program, Method::POST, &filters, new, 201).await;
    assert_eq!(mine["mine"], true);
    let wrong = json!({ "name": "Tall", "q": "is:tall" });
    ask(&program, Method::POST, &filters, wrong, 422).await;
    let ours = json!({ "name": "Ours", "q": "is:blocked", "for_team": true });
    let jonas = world.program_of(&world.jonas, Scope::Write).await;
    ask(&jonas, Method::POST, &filters, ours.clone(), 403).await;
    ask(&program, Method::POST, &filters, ours, 201).await;
    assert_eq!(read(&jonas, &filters).await["items"][0]["name"], "Ours");
    let path = format!("{filters}/{}", mine["id"].as_str().unwrap());
    ask(&jonas, Method::DELETE, &path, json!({}), 404).await;
    ask(&program, Method::DELETE, &path, json!({}), 204).await;
}

#[tokio::test]
async fn program_attaches_files() {
    let world = World::new().await;
    let program = world.program_of(&world.elif, Scope::Write).await;
    let key = program.create_task("infrastructure", "todo", "One").await;
    let files = format!("/tasks/{key}/attachments");
    let picture = attachments::picture(3, 2);
    let names: [(&str, &[u8]); 2] = [("plan.png", &picture), ("notes.txt", b"Later")];
    let body = attachments::form(&names);
    let attach = async |by: &Client, path: &str| {
        let request = Request::post(format!("/api/v1{path}"))
            .header("content-type", "multipart/form-data; boundary=x")
            .body(Body::from(body.clone()));
        by.send(request.unwrap()).await
    };
    let attached = attach(&program, &files).await.status(201).json();
    assert_eq!(attached["files"][0]["is_picture"], true);
    let listed = read(&program, &files).await;
    assert_eq!(
        (&listed["items"][0]["name"], &listed["items"][1]["bytes"]),
        (&json!("plan.png"), &json!(5))
    );
    // a token reads the file itself
    let url = listed["items"][1]["url"].as_str().unwrap();
    assert_eq!(program.get(url).await.status(200).text(), "Later");
    let reader = world.program_of(&world.elif, Scope::Read).await;
    attach(&reader, &files).await.status(403);
    attach(&program, "/tasks/INF-99/attachments")
        .await
        .status(404);
    ask(&program, Method::POST, &files, json!({}), 400).await;
    let path = format!("{files}/{}", listed["items"][0]["id"].as_str().unwrap());
    ask(&world.jonas, Method::DELETE, &path, json!({}), 403).await;
    ask(&program, Method::DELETE, &path, json!({}), 204).await;
    let left = read(&program, &files).await;
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
}

/// A wrong type is explained under the name of its field, as everywhere.
#[tokio::test]
async fn wrong_type_is_explained_under_its_name() {
    let world = with_lead().await;
    for (method, path, body, field) in [
        (
            Method::POST,
            "/goals",
            json!({ "target": "many" }),
            "target",
        ),
        (Method::POST, "/topics", json!({ "text": 7 }), "text"),
        (
            Method::POST,
            "/filters",
            json!({ "for_team": 1 }),
            "for_team",
        ),
        (Method::PATCH, "", json!({ "private": "yes" }), "private"),
        (
            Method::PATCH,
            "/schedule",
            json!({ "working_days": 5 }),
            "working_days",
        ),
        (Method::POST, "/share-links", json!({ "days": 1.5 }), "days"),
    ] {
        let path = format!("{TEAM}{path}");
        let refused = ask(&world.elif, method, &path, body, 422).await;
        assert!(refused["errors"][field].is_string(), "{path}: {refused}");
    }
}
