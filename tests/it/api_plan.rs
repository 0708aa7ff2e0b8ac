//! Goals, sprints, projects and meetings by the JSON API.

use axum::http::Method;
use fortnight::domain::policy::viewer::Scope;
use serde_json::{Value, json};

use crate::{
    api::send_with_key,
    fixtures::{Client, World},
};

const TEAM: &str = "/teams/infrastructure";

/// Sends a request and expects a status.
pub async fn ask(by: &Client, method: Method, path: &str, body: Value, status: u16) -> Value {
    let response = by.api(method.clone(), path, body).await;
    assert_eq!(
        response.status,
        status,
        "{method} {path}: {}",
        response.text()
    );
    if response.body.is_empty() {
        Value::Null
    } else {
        response.json()
    }
}

pub async fn read(by: &Client, path: &str) -> Value {
    ask(by, Method::GET, path, json!({}), 200).await
}

#[tokio::test]
async fn program_plans_a_sprint_with_goals() {
    let world = World::new().await;
    let program = world.program_of(&world.elif, Scope::Write).await;
    let goals = format!("{TEAM}/goals");
    let new = json!({ "title": "Cut over", "target": 10, "unit": "tables", "owners": ["elif"] });
    let first = ask(&program, Method::POST, &goals, new, 201).await;
    assert_eq!(
        (&first["number"], &first["sprint"], &first["version"]),
        (&json!(1), &json!(42), &json!(1))
    );
    assert_eq!(first["owners"][0]["handle"], "elif");
    let yes_no = json!({ "title": "Runbook", "measure": "yes-no", "sprint": 42 });
    let second = ask(&program, Method::POST, &goals, yes_no, 201).await;
    let listed = read(&program, &goals).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(listed["next_cursor"], json!(null));

    // an edit keeps what it does not name, and an outdated version is refused
    let path = format!("{goals}/{}", first["id"].as_str().unwrap());
    let edit = json!({ "target": 20, "version": 1 });
    let edited = ask(&program, Method::PATCH, &path, edit.clone(), 200).await;
    assert_eq!(
        (&edited["title"], &edited["target"], &edited["owners"]),
        (&json!("Cut over"), &json!(20), &first["owners"])
    );
    let conflict = ask(&program, Method::PATCH, &path, edit, 409).await;
    assert!(
        conflict["detail"].as_str().unwrap().contains("Elif"),
        "{conflict}"
    );
    let progress = json!({ "value": 5, "note": "Half of a half" });
    let entered = ask(
        &program,
        Method::PUT,
        &format!("{path}/progress"),
        progress,
        200,
    )
    .await;
    assert_eq!(
        (&entered["current"], &entered["progress"]),
        (&json!(5), &json!(25))
    );
    let moved = ask(
        &program,
        Method::PUT,
        &format!("{path}/position"),
        json!({ "to": "down" }),
        200,
    )
    .await;
    assert_eq!(moved["number"], 2);
    ask(
        &program,
        Method::PUT,
        &format!("{path}/position"),
        json!({ "to": "left" }),
        422,
    )
    .await;

    // Jonas, of another team, has a concern, which the team answers before the goal can be deleted
    let jonas = world.program_of(&world.jonas, Scope::Write).await;
    let concern = json!({ "kind": "concern", "body": "We still write there." });
    let concern = ask(
        &jonas,
        Method::POST,
        &format!("{path}/comments"),
        concern,
        201,
    )
    .await;
    ask(&program, Method::DELETE, &path, json!({}), 409).await;
    let answer = format!(
        "{TEAM}/goal-comments/{}/answer",
        concern["id"].as_str().unwrap()
    );
    ask(&jonas, Method::PUT, &answer, json!({ "answer": "No" }), 403).await;
    ask(
        &program,
        Method::PUT,
        &answer,
        json!({ "answer": "Last" }),
        204,
    )
    .await;
    let comments = read(&program, &format!("{path}/comments")).await;
    assert_eq!(comments["items"][0]["answer"], "Last");
    ask(&program, Method::DELETE, &path, json!({}), 204).await;
    ask(&program, Method::GET, &path, json!({}), 404).await;
    ask(&jonas, Method::POST, &goals, json!({ "title": "x" }), 403).await;
    let left = read(&program, &goals).await;
    assert_eq!(left["items"][0]["id"], second["id"]);
}

/// Case R7. Goals, topics and comments have no key to find them by.
#[tokio::test]
async fn repeated_creation_answers_with_what_the_first_one_created() {
    let world = World::new().await;
    let program = world.program_of(&world.elif, Scope::Write).await;
    ask(
        &program,
        Method::POST,
        &format!("{TEAM}/tasks"),
        json!({ "title": "One" }),
        201,
    )
    .await;
    for (path, body) in [
        (
            format!("{TEAM}/goals"),
            json!({ "title": "Cut over", "target": 9 }),
        ),
        (
            "/projects".to_owned(),
            json!({ "team": "infrastructure", "name": "Move", "target": 9 }),
        ),
        (
            "/projects/move/milestones".to_owned(),
            json!({ "title": "Half" }),
        ),
        (
            "/tasks/INF-1/steps".to_owned(),
            json!({ "text": "Announce it" }),
        ),
        (format!("{TEAM}/topics"), json!({ "text": "Cut-over" })),
        (format!("{TEAM}/actions"), json!({ "text": "Runbook" })),
        (
            format!("{TEAM}/requests"),
            json!({ "title": "A read replica" }),
        ),
        (
            format!("{TEAM}/sprints/42/retro-notes"),
            json!({ "category": "well", "text": "No alarm" }),
        ),
    ] {
        let key = format!("key of {path}");
        let first = send_with_key(&program, &key, Method::POST, &path, &body)
            .await
            .status(201);
        let again = send_with_key(&program, &key, Method::POST, &path, &body)
            .await
            .status(201);
        assert_eq!(again.json(), first.json(), "{path}");
        let list = read(&program, &path).await;
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{path}");
    }
}

#[tokio::test]
async fn program_leads_a_project_to_its_end() {
    let world = World::new().await;
    let program = world.program_of(&world.elif, Scope::Write).await;
    let new = json!({ "team": "infrastructure", "name": "Postgres 17", "target": 12, "unit": "databases" });
    let project = ask(&program, Method::POST, "/projects", new, 201).await;
    assert_eq!(
        (&project["slug"], &project["figure"], &project["team"]),
        (
            &json!("postgres-17"),
            &json!("0 / 12"),
            &json!("infrastructure")
        )
    );
    let path = "/projects/postgres-17";
    let edit = json!({ "manual_value": 3, "about": "All of them." });
    let edited = ask(&program, Method::PATCH, path, edit, 200).await;
    assert_eq!(
        (&edited["current"], &edited["name"]),
        (&json!(3), &json!("Postgres 17"))
    );
    let milestones = format!("{path}/milestones");
    for title in ["Payments", "Orders"] {
        ask(
            &program,
            Method::POST,
            &milestones,
            json!({ "title": title, "due": "2026-12-18" }),
            201,
        )
        .await;
    }
    let listed = read(&program, &milestones).await;
    let second = format!(
        "{milestones}/{}",
        listed["items"][1]["id"].as_str().unwrap()
    );
    ask(
        &program,
        Method::PUT,
        &format!("{second}/position"),
        json!({ "to": "up" }),
        200,
    )
    .await;
    let edited = ask(
        &program,
        Method::PATCH,
        &second,
        json!({ "due": null }),
        200,
    )
    .await;
    assert_eq!(
        (&edited["title"], &edited["due"]),
        (&json!("Orders"), &json!(null))
    );
    let reached = ask(
        &program,
        Method::PUT,
        &format!("{second}/reached"),
        json!({}),
        200,
    )
    .await;
    assert!(reached["reached_at"].is_string(), "{reached}");
    ask(
        &program,
        Method::DELETE,
        &format!("{second}/reached"),
        json!({}),
        200,
    )
    .await;
    let listed = read(&program, &milestones).await;
    assert_eq!(listed["items"][0]["title"], "Orders");
    ask(&program, Method::DELETE, &second, json!({}), 204).await;

    let key = program.create_task("infrastructure", "todo", "Move").await;
    let member = format!("{path}/tasks/{key}");
    ask(&program, Method::PUT, &member, json!({}), 204).await;
    let tasks = read(&program, &format!("{path}/tasks")).await;
    assert_eq!(tasks["items"][0]["key"], json!(key));
    ask(&program, Method::DELETE, &member, json!({}), 204).await;
    let tasks = read(&program, &format!("{path}/tasks")).await;
    assert_eq!(tasks["items"], json!([]));

    let finished = format!("{path}/finished");
    let done = ask(&program, Method::PUT, &finished, json!({}), 200).await;
    assert!(done["finished_at"].is_string(), "{done}");
    let again = ask(&program, Method::DELETE, &finished, json!({}), 200).await;
    assert_eq!(again["finished_at"], json!(null));
    // Jonas sees it, and cannot change it
    let jonas = world.program_of(&world.jonas, Scope::Write).await;
    read(&jonas, path).await;
    ask(&jonas, Method::PATCH, path, json!({ "name": "Ours" }), 403).await;
    let nothing = json!({ "name": "" });
    let refused = ask(&program, Method::PATCH, path, nothing, 422).await;
    assert!(refused["errors"]["name"].is_string(), "{refused}");
}

#[tokio::test]
async fn program_closes_and_reopens_a_sprint() {
    let world = World::new().await;
    let program = world.program_of(&world.elif, Scope::Write).await;
    let key = program.create_task("infrastructure", "todo", "Left").await;
    let goal = json!({ "title": "Cut over", "target": 1 });
    let goal = ask(&program, Method::POST, &format!("{TEAM}/goals"), goal, 201).await;
    let close = format!("{TEAM}/sprints/42/close");
    ask(&program, Method::POST, &close, json!({}), 409).await;
    let sooner = format!("{TEAM}/sprints/43/close");
    ask(&program, Method::POST, &sooner, json!({}), 409).await;
    let decisions = json!({
        "tasks": { &key: { "outcome": "carry" } },
        "goals": { goal["id"].as_str().unwrap(): { "met": false, "why": "One table is left" } },
    });
    let closed = ask(&program, Method::POST, &close, decisions, 200).await;
    assert_eq!(closed["state"], "closed");
    assert_eq!(program.load_task(&key).await["sprint"], 43);
    let reopened = format!("{TEAM}/sprints/42/reopen");
    let reopened = ask(&program, Method::POST, &reopened, json!({}), 200).await;
    assert_eq!(reopened["state"], "active");

    // sprints are the workspace's: only administrators change them
    let edit = json!({ "name": "Winter" });
    ask(&program, Method::PATCH, "/sprints/44", edit.clone(), 403).await;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    let admin = world.program_of(&world.elif, Scope::Admin).await;
    let edited = ask(&admin, Method::PATCH, "/sprints/44", edit, 200).await;
    assert_eq!(edited["name"], "Winter");
    let before = read(&admin, "/sprints/43").await;
    let skipped = ask(&admin, Method::POST, "/sprints/43/skip", json!({}), 200).await;
    assert_ne!(before["starts_on"], skipped["starts_on"]);
    ask(&admin, Method::GET, "/sprints/999", json!({}), 404).await;
}

#[tokio::test]
async fn program_keeps_the_agenda_of_meetings() {
    let world = World::new().await;
    let program = world.program_of(&world.elif, Scope::Write).await;
    let key = program
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let topics = format!("{TEAM}/topics");
    let text = json!({ "text": format!("Opinions on {key} @jonas") });
    let topic = ask(&program, Method::POST, &topics, text, 201).await;
    assert_eq!(
        (&topic["meeting"], &topic["task"], &topic["asks"]["handle"]),
        (&json!("standup"), &json!(key), &json!("jonas"))
    );
    let path = format!("{topics}/{}", topic["id"].as_str().unwrap());
    let edit = json!({ "text": "Opinions", "done": true });
    let edited = ask(&program, Method::PATCH, &path, edit, 200).await;
    assert_eq!(
        (&edited["text"], &edited["done"]),
        (&json!("Opinions"), &json!(true))
    );
    ask(&program, Method::DELETE, &path, json!({}), 204).await;
    let help = format!("/tasks/{key}/ask-for-help");
    ask(&program, Method::POST, &help, json!({}), 201).await;
    ask(&program, Method::POST, &help, json!({}), 409).await;
    let listed = read(&program, &format!("{topics}?meeting=standup")).await;
    assert_eq!(listed["items"][0]["task"], json!(key));
    ask(
        &program,
        Method::GET,
        &format!("{topics}?meeting=lunch"),
        json!({}),
        422,
    )
    .await;

    let actions = format!("{TEAM}/actions");
    let text = json!({ "text": "Write the runbook @elif", "retro": 42 });
    let action = ask(&program, Method::POST, &actions, text, 201).await;
    assert_eq!(
        (&action["owner"]["handle"], &action["state"]),
        (&json!("elif"), &json!("open"))
    );
    let path = format!("{actions}/{}", action["id"].as_str().unwrap());
    let dropped = json!({ "state": "dropped" });
    let dropped = ask(&program, Method::PATCH, &path, dropped, 200).await;
    assert_eq!(dropped["state"], "dropped");
    ask(
        &program,
        Method::PATCH,
        &path,
        json!({ "state": "open" }),
        200,
    )
    .await;
    let task = ask(
        &program,
        Method::POST,
        &format!("{path}/task"),
        json!({}),
        201,
    )
    .await;
    assert_eq!(task["title"], "Write the runbook");
    let listed = read(&program, &format!("{actions}?retro=42")).await;
    assert_eq!(listed["items"][0]["task"], task["key"]);

    let notes = format!("{TEAM}/sprints/42/retro-notes");
    let note = json!({ "category": "idea", "text": "Fewer meetings" });
    let note = ask(&program, Method::POST, &notes, note, 201).await;
    let path = format!("{TEAM}/retro-notes/{}", note["id"].as_str().unwrap());
    ask(
        &program,
        Method::PATCH,
        &path,
        json!({ "text": "None" }),
        204,
    )
    .await;
    ask(&program, Method::PATCH, &path, json!({ "text": " " }), 422).await;
    assert_eq!(read(&program, &notes).await["items"][0]["text"], "None");
    // another member's note is not theirs to edit or delete
    let mira = world.join("Mira Okafor", "mira", "infrastructure").await;
    ask(&mira, Method::PATCH, &path, json!({ "text": "All" }), 404).await;
    ask(&mira, Method::DELETE, &path, json!({}), 404).await;
    ask(&program, Method::DELETE, &path, json!({}), 204).await;
}
