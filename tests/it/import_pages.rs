//! Importing a file in the browser: upload, preview, the column of each list, the import, and undoing it as a whole.

use axum::{body::Body, http::Request};
use serde_json::json;

use crate::{
    fixtures::{Client, NOW, Response, World},
    import_tables::LINEAR,
    importing::{TRELLO, import_trello},
    program::wait_until,
};

const IMPORTS: &str = "/teams/infrastructure/settings/imports";

/// A workspace in which everybody leads their team.
async fn led() -> World {
    let world = World::new().await;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    world
}

/// Sends the form with a file.
async fn upload(client: &Client, source: &str, name: &str, contents: &[u8]) -> Response {
    let head = format!(
        "--x\r\nContent-Disposition: form-data; name=\"source\"\r\n\r\n{source}\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let body = [head.as_bytes(), contents, b"\r\n--x--\r\n"].concat();
    let request = Request::post(IMPORTS)
        .header("content-type", "multipart/form-data; boundary=x")
        .body(Body::from(body))
        .unwrap();
    client.send(request).await
}

/// Uploads a file and returns the path of its import.
async fn uploaded(client: &Client, source: &str, contents: &[u8]) -> String {
    let response = upload(client, source, "board.json", contents)
        .await
        .status(303);
    response.header("location").to_owned()
}

/// Confirms a preview and waits for the end of the import. Returns its page.
async fn import(client: &Client, path: &str, choices: &[(&str, &str)]) -> String {
    let fields = [choices, &[("do", "import")]].concat();
    client.post(path, &fields).await.status(303);
    ended(client, path).await
}

async fn ended(client: &Client, path: &str) -> String {
    let mut page = String::new();
    wait_until("the import to end", async || {
        page = client.get(path).await.ok().text();
        !page.contains("<import-progress>")
    })
    .await;
    page
}

async fn count(world: &World, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(&world.db)
        .await
        .unwrap()
}

async fn columns(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT c.name FROM columns c JOIN teams t ON t.id = c.team_id WHERE t.slug = 'infrastructure' ORDER BY position",
    )
    .fetch_all(&world.db)
    .await
    .unwrap()
}

#[tokio::test]
async fn board_is_uploaded_previewed_mapped_imported_and_undone() {
    let world = led().await;
    let before = columns(&world).await;
    let settings = world.elif.get("/teams/infrastructure/settings").await.ok();
    assert!(settings.text().contains(&format!("href=\"{IMPORTS}\"")));

    let path = uploaded(&world.elif, "trello", TRELLO.as_bytes()).await;
    let page = world.elif.get(&path).await.ok().text();
    for shown in [
        "Would import 11 tasks",
        "24 steps",
        "Whiff drill",
        "Personal",
        "Import 11 tasks",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert_eq!(count(&world, "SELECT count(*) FROM tasks").await, 0);

    // Another look at it, with a column for one of the lists.
    let lab = page
        .split("name=\"list-")
        .find_map(|rest| rest.split_once("\" value=\"Lab\"").map(|(index, _)| index))
        .unwrap();
    let (list, column) = (format!("list-{lab}"), format!("column-{lab}"));
    let choices = [(list.as_str(), "Lab"), (column.as_str(), "review")];
    world.elif.post(&path, &choices).await.status(303);
    let page = world.elif.get(&path).await.ok().text();
    assert!(page.contains("value=\"review\" selected"), "{page}");
    assert_eq!(count(&world, "SELECT count(*) FROM tasks").await, 0);

    let page = import(&world.elif, &path, &choices).await;
    assert!(page.contains("Imported 11 tasks"), "{page}");
    assert!(
        page.contains("Lab → new column Lab: 3 tasks; state: review"),
        "{page}"
    );
    assert_eq!(count(&world, "SELECT count(*) FROM tasks").await, 11);
    let state: String = sqlx::query_scalar("SELECT state FROM columns WHERE name = 'Lab'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(state, "review");
    let with_import = columns(&world).await;
    // The file is no longer kept, and the history names the person.
    assert_eq!(count(&world, "SELECT count(*) FROM import_pieces").await, 0);
    let history = world
        .elif
        .get("/teams/infrastructure/history")
        .await
        .ok()
        .text();
    assert!(
        history.contains("imported 11 tasks from Trello"),
        "{history}"
    );
    assert!(!history.contains("The command line"), "{history}");
    // It cannot be confirmed twice.
    world
        .elif
        .post(&path, &[("do", "import")])
        .await
        .status(303);
    // It would be running by now.
    assert_eq!(
        count(&world, "SELECT count(*) FROM imports WHERE state = 'done'").await,
        1
    );
    assert_eq!(count(&world, "SELECT count(*) FROM tasks").await, 11);

    world
        .elif
        .post(&format!("{path}/undo"), &[])
        .await
        .status(303);
    let page = world.elif.get(&path).await.ok().text();
    assert!(page.contains("Undone"), "{page}");
    assert_eq!(count(&world, "SELECT count(*) FROM tasks").await, 0);
    assert_eq!(count(&world, "SELECT count(*) FROM labels").await, 0);
    assert_eq!(columns(&world).await, before);
    let history = world
        .elif
        .get("/teams/infrastructure/history")
        .await
        .ok()
        .text();
    assert!(history.contains("undid an import"), "{history}");
    // What was undone is no news, and does not count as imported before.
    // The board takes over the file's columns, as the first time.
    let again = uploaded(&world.elif, "trello", TRELLO.as_bytes()).await;
    let page = import(&world.elif, &again, &[]).await;
    assert!(page.contains("Imported 11 tasks"), "{page}");
    assert_eq!(columns(&world).await, with_import);
}

#[tokio::test]
async fn import_is_undone_only_while_its_tasks_are_unchanged() {
    let world = led().await;
    // Also that of the command line.
    import_trello(&world, &serde_json::from_str(TRELLO).unwrap(), &[]).await;
    let page = world.elif.get(IMPORTS).await.ok().text();
    assert!(page.contains("by the command line, 11 tasks"), "{page}");
    let path = page
        .split(&format!("href=\"{IMPORTS}/"))
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .map(|id| format!("{IMPORTS}/{id}"))
        .unwrap();
    let commented = world
        .elif
        .post("/tasks/INF-3/comments", &[("body", "Is this still true?")])
        .await;
    assert!(commented.status.as_u16() < 400);
    let refused = world
        .elif
        .post(&format!("{path}/undo"), &[])
        .await
        .status(409)
        .text();
    assert!(
        refused.contains("INF-3 was changed since the import"),
        "{refused}"
    );
    assert_eq!(count(&world, "SELECT count(*) FROM tasks").await, 11);

    // A task that waits on an imported one counts as well.
    let world = led().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    import_trello(&world, &serde_json::from_str(TRELLO).unwrap(), &[]).await;
    let reason = [("kind", "task"), ("on", "INF-2")];
    let blocked = world
        .elif
        .post(&format!("/tasks/{key}/block"), &reason)
        .await;
    assert!(blocked.status.as_u16() < 400, "{}", blocked.text());
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM imports")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let refused = world
        .elif
        .post(&format!("{IMPORTS}/{id}/undo"), &[])
        .await
        .status(409)
        .text();
    assert!(refused.contains("INF-2"), "{refused}");
}

#[tokio::test]
async fn wrong_files_are_refused_with_the_choice_kept() {
    let world = led().await;
    for (source, contents, sentence) in [
        ("trello", "Summary,Status\nA,B\n", "The file is a CSV"),
        ("jira", "{\"cards\": []}", "is JSON, not a table"),
        ("linear", "<!doctype html><p>Sign in", "is a web page"),
        ("trello", "", "is empty"),
        ("notion", "{}", "Choose what the file is from."),
    ] {
        let refused = upload(&world.elif, source, "x.csv", contents.as_bytes())
            .await
            .status(422)
            .text();
        assert!(refused.contains(sentence), "{sentence} in {refused}");
        if source != "notion" {
            assert!(
                refused.contains(&format!("value=\"{source}\" selected")),
                "{refused}"
            );
        }
    }
    assert_eq!(count(&world, "SELECT count(*) FROM imports").await, 0);
    // A list cannot become a column that has another state.
    let path = uploaded(&world.elif, "trello", TRELLO.as_bytes()).await;
    let wrong = [
        ("list-0", "Personal"),
        ("column-0", "Done:review"),
        ("do", "import"),
    ];
    let refused = world.elif.post(&path, &wrong).await.status(422).text();
    assert!(
        refused.contains("cannot have the state review"),
        "{refused}"
    );
    let wrong = [("sprint", "7"), ("do", "import")];
    let refused = world.elif.post(&path, &wrong).await.status(422).text();
    assert!(refused.contains("There is no sprint 7."), "{refused}");
    assert_eq!(count(&world, "SELECT count(*) FROM tasks").await, 0);
    // A file can be deleted instead.
    world
        .elif
        .post(&format!("{path}/discard"), &[])
        .await
        .status(303);
    world.elif.get(&path).await.status(404);
    assert_eq!(count(&world, "SELECT count(*) FROM import_pieces").await, 0);
}

#[tokio::test]
async fn file_of_several_pieces_is_read_whole() {
    let world = led().await;
    let text = "ä lorem ipsum dolor sit amet, ".repeat(3_000);
    let card = |n: usize| json!({ "id": n.to_string(), "name": format!("Card {n}"), "idList": "l", "desc": text });
    let cards: Vec<_> = (0..40).map(card).collect();
    let board = json!({ "lists": [{ "id": "l", "name": "Todo" }], "cards": cards }).to_string();
    let path = uploaded(&world.elif, "trello", board.as_bytes()).await;
    assert!(count(&world, "SELECT count(*) FROM import_pieces").await > 2);
    let page = import(&world.elif, &path, &[]).await;
    assert!(page.contains("Imported 40 tasks"), "{page}");
    let whole = count(
        &world,
        "SELECT count(*) FROM tasks WHERE description LIKE '%amet,'",
    )
    .await;
    assert_eq!(whole, 40);
}

#[tokio::test]
async fn import_that_was_stopped_can_be_started_again() {
    let world = led().await;
    let path = uploaded(&world.elif, "linear", LINEAR.as_bytes()).await;
    // The program that ran it was killed two minutes ago.
    sqlx::query("UPDATE imports SET state = 'running', beat_at = $1, tasks = 5, written = 2")
        .bind(NOW - time::Duration::minutes(2))
        .execute(&world.db)
        .await
        .unwrap();
    let page = world.elif.get(&path).await.ok().text();
    assert!(
        page.contains("Fortnight was stopped during the import."),
        "{page}"
    );
    let page = import(&world.elif, &path, &[]).await;
    assert!(page.contains("Imported 1 task "), "{page}");
    // A file of which only a part has arrived is no import yet.
    sqlx::query("INSERT INTO imports (team_id, id, source, file_name, state, created_at) SELECT team_id, gen_random_uuid(), 'csv', 'half.csv', 'uploading', $1 FROM imports")
        .bind(NOW)
        .execute(&world.db)
        .await
        .unwrap();
    let list = world.elif.get(IMPORTS).await.ok().text();
    assert!(!list.contains("half.csv"), "{list}");
    let half: uuid::Uuid = sqlx::query_scalar("SELECT id FROM imports WHERE state = 'uploading'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    world
        .elif
        .post(&format!("{IMPORTS}/{half}"), &[("do", "import")])
        .await
        .status(404);
    sqlx::query("DELETE FROM imports WHERE state = 'uploading'")
        .execute(&world.db)
        .await
        .unwrap();
    // One that is running shows how far it is, and does not begin again.
    sqlx::query("UPDATE imports SET state = 'running', ended_at = NULL, change_id = NULL, beat_at = $1, tasks = 5, written = 2")
        .bind(NOW)
        .execute(&world.db)
        .await
        .unwrap();
    let page = world.elif.get(&path).await.ok().text();
    assert!(page.contains("2 of 5 tasks are written."), "{page}");
    world
        .elif
        .post(&path, &[("do", "import")])
        .await
        .status(303);
    // It would have begun with none.
    let written = count(&world, "SELECT written::bigint FROM imports").await;
    assert_eq!(written, 2);
    let tasks = count(&world, "SELECT count(*) FROM tasks").await;
    assert_eq!(tasks, 1);
}

#[tokio::test]
async fn import_belongs_to_its_team() {
    let world = led().await;
    let path = uploaded(&world.elif, "trello", TRELLO.as_bytes()).await;
    world.jonas.get(IMPORTS).await.status(403);
    world.jonas.get(&path).await.status(403);
    upload(&world.jonas, "trello", "x.json", TRELLO.as_bytes())
        .await
        .status(403);
    let elsewhere = path.replace("infrastructure", "ingestion");
    for end in ["", "/undo", "/discard"] {
        world
            .jonas
            .post(&format!("{elsewhere}{end}"), &[("do", "import")])
            .await
            .status(404);
    }
    assert_eq!(count(&world, "SELECT count(*) FROM tasks").await, 0);
    assert_eq!(count(&world, "SELECT count(*) FROM imports").await, 1);
}

#[tokio::test]
async fn tasks_leave_as_a_table_and_come_back() {
    let world = led().await;
    // More than is read at once.
    world.fill_column("done", 700).await;
    let path = uploaded(&world.elif, "trello", TRELLO.as_bytes()).await;
    import(&world.elif, &path, &[]).await;
    let formula = world
        .elif
        .create_task("infrastructure", "in-progress", "=1+1 is \"two\", they say")
        .await;
    let owned = world
        .elif
        .post(&format!("/tasks/{formula}/owners/me"), &[])
        .await;
    assert!(owned.status.as_u16() < 400, "{}", owned.text());
    let fields = [("labels", "maths"), ("estimate", "3")];
    let edited = world.elif.post(&format!("/tasks/{formula}"), &fields).await;
    assert!(edited.status.as_u16() < 400, "{}", edited.text());
    let table = world.elif.get("/teams/infrastructure/tasks.csv").await.ok();
    assert_eq!(
        table.header("content-disposition"),
        "attachment; filename=\"infrastructure-tasks.csv\""
    );
    let text = table.text();
    assert_eq!(text.matches('\u{feff}').count(), 1);
    assert!(
        text.contains(&format!(
            "{formula},\"'=1+1 is \"\"two\"\", they say\",In progress,doing,elif,maths,"
        )),
        "{text}"
    );
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let rows = reader
        .records()
        .map(|row| assert_eq!(row.unwrap().len(), 18))
        .count() as i64;
    assert_eq!(rows, count(&world, "SELECT count(*) FROM tasks").await);
    let log: i64 = count(
        &world,
        "SELECT count(*) FROM audit_log WHERE kind = 'tasks.exported'",
    )
    .await;
    assert_eq!(log, 1);
    // Who sees the team may have it; a private team is not there for others.
    world
        .jonas
        .get("/teams/infrastructure/tasks.csv")
        .await
        .ok();
    sqlx::query("UPDATE teams SET private = true WHERE slug = 'infrastructure'")
        .execute(&world.db)
        .await
        .unwrap();
    world
        .jonas
        .get("/teams/infrastructure/tasks.csv")
        .await
        .status(404);

    // Another workspace takes it in.
    let other = led().await;
    let path = upload(&other.elif, "csv", "tasks.csv", text.as_bytes())
        .await
        .status(303)
        .header("location")
        .to_owned();
    let page = import(&other.elif, &path, &[]).await;
    assert!(page.contains(&format!("Imported {rows} tasks")), "{page}");
    let places = |world: &World| {
        let db = world.db.clone();
        async move {
            let found: Vec<(String, String, String, Option<i32>)> = sqlx::query_as(
                "SELECT k.title, c.name, c.state, k.estimate FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id ORDER BY 1, 2",
            )
            .fetch_all(&db)
            .await
            .unwrap();
            found
        }
    };
    assert_eq!(places(&other).await, places(&world).await);
    let owner: String = sqlx::query_scalar(
        "SELECT a.handle FROM task_owners o JOIN accounts a ON a.id = o.account_id",
    )
    .fetch_one(&other.db)
    .await
    .unwrap();
    assert_eq!(owner, "elif");
}
