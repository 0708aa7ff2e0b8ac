//! The search over everything: what is found, in which order, and by whom.

use axum::http::Method;
use fortnight::domain::{policy::viewer::Scope, text::fold};
use serde_json::json;

use crate::{
    fixtures::{Client, Response, World},
    goals::set_goal,
};

async fn search(client: &Client, q: &str) -> Response {
    let query: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
    client.get(&format!("/search?q={query}")).await.ok()
}

/// The keys of the tasks that are found, the best first.
async fn found(client: &Client, q: &str) -> Vec<String> {
    keys(&search(client, q).await.text())
}

fn keys(page: &str) -> Vec<String> {
    page.split("<a class=\"key\" href=\"/tasks/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

async fn comment(client: &Client, key: &str, body: &str) {
    client
        .post(&format!("/tasks/{key}/comments"), &[("body", body)])
        .await
        .ok();
}

#[tokio::test]
async fn titles_descriptions_steps_and_comments_are_found() {
    let world = World::new().await;
    let elif = &world.elif;
    let in_comment = elif
        .create_task("infrastructure", "todo", "Resume after a crash")
        .await;
    comment(elif, &in_comment, "On **Postgres** 15 the slot is lost").await;
    let in_step = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(
        &format!("/tasks/{in_step}/steps"),
        &[("text", "Upgrade Postgres")],
    )
    .await
    .ok();
    let in_description = elif.create_task("infrastructure", "todo", "Dump").await;
    elif.post(
        &format!("/tasks/{in_description}"),
        &[("description", "postgres-dump.example.com")],
    )
    .await
    .ok();
    let in_title = elif
        .create_task("infrastructure", "todo", "Größere postgres-Datenbank")
        .await;

    assert_eq!(
        found(elif, "POSTGR").await,
        [&in_title, &in_description, &in_step, &in_comment].map(String::as_str)
    );
    let page = search(elif, "postgr").await.text();
    assert!(page.contains("<mark>postgres</mark>-Datenbank"), "{page}");
    assert!(page.contains("in a comment:"), "{page}");
    assert!(page.contains("On **<mark>Postgres</mark>** 15"), "{page}");
    // every word has to match one text; parts of host names are words
    assert_eq!(found(elif, "slot 15").await, [in_comment.as_str()]);
    assert_eq!(found(elif, "example dump").await, [in_description.as_str()]);
    assert_eq!(found(elif, "groess datenb").await, [] as [&str; 0]);
    assert_eq!(found(elif, "gross datenb").await, [in_title.as_str()]);
    // parts of words, then misspelt words, of titles
    assert_eq!(found(elif, "tenban").await, [in_title.as_str()]);
    assert_eq!(found(elif, "datenbnak").await, [in_title.as_str()]);
    // an edited text is found by its new words, a deleted comment by none
    elif.post(&format!("/tasks/{in_title}"), &[("title", "MySQL")])
        .await
        .ok();
    assert_eq!(found(elif, "mysql").await, [in_title.as_str()]);
    assert_eq!(found(elif, "datenbank").await, [] as [&str; 0]);
    sqlx::query("UPDATE comments SET deleted_at = now()")
        .execute(&world.db)
        .await
        .unwrap();
    assert_eq!(found(elif, "slot").await, [] as [&str; 0]);
}

#[tokio::test]
async fn best_results_come_first() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let archived = elif
        .create_task("infrastructure", "todo", "Replica archived")
        .await;
    elif.post(&format!("/tasks/{archived}/archive"), &[])
        .await
        .ok();
    let done = elif
        .create_task("infrastructure", "done", "Replica done")
        .await;
    let of_others = jonas
        .create_task("ingestion", "todo", "Replica of others")
        .await;
    let open = elif
        .create_task("infrastructure", "todo", "Replica open")
        .await;
    let mentioned = elif.create_task("infrastructure", "todo", "Other").await;
    comment(elif, &mentioned, "see the replica").await;

    let order = found(elif, "replica").await;
    assert_eq!(order[0], open);
    assert_eq!(order.last(), Some(&archived), "{order:?}");
    assert_eq!(order.len(), 5);
    let place = |key: &str| order.iter().position(|other| other == key);
    assert!(
        place(&of_others) > place(&open) && place(&done) < place(&archived),
        "{order:?}"
    );
    // Jonas sees his own team's first
    assert_eq!(found(jonas, "replica").await[0], of_others);
    // a key is found by itself, before tasks that mention it
    comment(elif, &open, &format!("after {done}")).await;
    for typed in [done.clone(), done.to_lowercase(), done.replace('-', " ")] {
        assert_eq!(found(elif, &typed).await[0], done, "{typed}");
    }
    // limits: a team, and only open tasks
    let page = elif
        .get("/search?q=replica&team=ingestion")
        .await
        .ok()
        .text();
    assert_eq!(keys(&page), [of_others.as_str()]);
    let page = elif.get("/search?q=replica&only=open").await.ok().text();
    assert!(
        !page.contains(&format!("\"/tasks/{done}\""))
            && page.contains(&format!("\"/tasks/{open}\""))
    );
    elif.get("/search?q=replica&team=nowhere").await.status(404);
}

#[tokio::test]
async fn search_shows_only_what_the_viewer_can_see() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif
        .create_task("infrastructure", "todo", "Secretproject one")
        .await;
    comment(elif, &key, "hiddenword here").await;
    elif.post(&format!("/tasks/{key}/steps"), &[("text", "stepword")])
        .await
        .ok();
    set_goal(
        &world,
        elif,
        "42",
        &[("title", "Goalword done"), ("measure", "yes-no")],
    )
    .await;
    let words = [
        "secretproject",
        "hiddenword",
        "stepword",
        "goalword",
        "ecretprojec",
        "secretprojcet",
        key.as_str(),
    ];
    for word in words {
        assert!(search(jonas, word).await.text().contains("<mark>") || word != "secretproject");
    }
    sqlx::query("UPDATE teams SET private = true WHERE slug = 'infrastructure'")
        .execute(&world.db)
        .await
        .unwrap();
    for word in words {
        let page = search(jonas, word).await.text();
        assert!(page.contains("Nothing matches"), "{word}: {page}");
        assert!(
            !search(elif, word).await.text().contains("Nothing matches"),
            "{word}"
        );
    }
    assert!(
        search(jonas, "infrastructure")
            .await
            .text()
            .contains("Nothing matches")
    );
    // a token that is limited to another team
    let program = world.program_of(elif, Scope::Read).await;
    assert!(
        !search(&program, "secretproject")
            .await
            .text()
            .contains("Nothing matches")
    );
    sqlx::query("UPDATE tokens SET teams = ARRAY(SELECT id FROM teams WHERE slug = 'ingestion')")
        .execute(&world.db)
        .await
        .unwrap();
    for word in words {
        assert!(
            search(&program, word)
                .await
                .text()
                .contains("Nothing matches"),
            "{word}"
        );
    }
    world
        .stranger()
        .get("/search?q=secretproject")
        .await
        .status(303);
}

#[tokio::test]
async fn goals_projects_people_teams_and_pages_are_found() {
    let world = World::new().await;
    let elif = &world.elif;
    set_goal(
        &world,
        elif,
        "42",
        &[("title", "Migrate 50 tables"), ("target", "50")],
    )
    .await;
    elif.post(
        "/projects",
        &[
            ("team", "infrastructure"),
            ("name", "Off Heroku"),
            ("measure", "yes-no"),
        ],
    )
    .await
    .ok();
    elif.post(
        "/projects/off-heroku/milestones",
        &[("title", "First table moved")],
    )
    .await
    .ok();
    for (q, wanted) in [
        ("migrate tab", "/teams/infrastructure/goals/"),
        ("heroku", "/projects/off-heroku\""),
        ("moved", "/projects/off-heroku#milestones"),
        ("hartmann", "/people/elif"),
        ("@jonas", "/people/jonas"),
        ("ingest", "/teams/ingestion\""),
    ] {
        let page = search(elif, q).await.text();
        assert!(
            page.contains(&format!("<a class=\"title\" dir=\"auto\" href=\"{wanted}")),
            "{q}: {page}"
        );
    }

    // the palette has pages and commands too, and labels of the team whose page is open
    let key = elif.create_task("infrastructure", "todo", "Postgres").await;
    elif.post(&format!("/tasks/{key}"), &[("labels", "postgres")])
        .await
        .ok();
    let palette = |q: &str| format!("/search?q={q}&team=infrastructure");
    let page = palette_of(elif, &palette("postg")).await;
    assert!(page.contains(&format!("href=\"/tasks/{key}\"")), "{page}");
    assert!(
        page.contains("href=\"/teams/infrastructure?sprint=all&#38;q=label%3Apostgres\""),
        "{page}"
    );
    assert!(
        page.contains("New task “postg”") && page.contains("&#38;title=postg\""),
        "{page}"
    );
    assert!(
        palette_of(elif, &palette("retro"))
            .await
            .contains("href=\"/teams/infrastructure/retro\"")
    );
    let page = palette_of(elif, &palette("")).await;
    assert!(
        page.contains("Infrastructure: Planning") && page.contains("My work"),
        "{page}"
    );
    assert!(!page.contains("Audit log"), "for administrators");
    // no new task for those who cannot add one
    assert!(
        !palette_of(&world.jonas, &palette("x"))
            .await
            .contains("New task")
    );
}

async fn palette_of(client: &Client, path: &str) -> String {
    let request = axum::http::Request::get(path).header("fortnight-fragment", "palette");
    let response = client
        .send(request.body(axum::body::Body::empty()).unwrap())
        .await
        .ok();
    assert!(!response.text().contains("<html"));
    response.text()
}

#[tokio::test]
async fn any_text_can_be_searched_for() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif
        .create_task(
            "infrastructure",
            "todo",
            "データベース移行 a'b\\c %_ C++ Ёлка สวัสดี",
        )
        .await;
    for q in [
        "移行",
        "ベース",
        "b\\c",
        "'",
        "%_",
        "c++",
        "елка",
        "สวัส",
        "\\",
        "!(",
        "a & b | c",
        "<-> :* 'x':A",
        "\u{202e}",
        "&#0;",
        "-",
        "a:b",
    ] {
        search(elif, q).await;
    }
    for q in ["移行", "b\\c", "c++", "елка", "สวัส", "a'b"] {
        assert_eq!(found(elif, q).await, [key.as_str()], "{q}");
    }
    let words = "word ".repeat(40);
    search(elif, words.trim()).await;
    let long = format!("/search?q={}", "a".repeat(201));
    elif.get(&long).await.status(422);
    elif.get("/search?q=a%00b").await;
    assert!(
        elif.get("/search?q=word&from=-5")
            .await
            .ok()
            .text()
            .contains("Nothing matches")
    );
    elif.get("/search?q=word&from=99999999999").await.ok();
}

#[tokio::test]
async fn more_results_are_on_further_pages() {
    let world = World::new().await;
    let elif = &world.elif;
    for number in 0..65 {
        elif.create_task("infrastructure", "todo", &format!("Table {number}"))
            .await;
    }
    let mut path = "/search?q=table".to_owned();
    let mut seen = std::collections::BTreeSet::new();
    for page in 0..3 {
        let text = elif.get(&path).await.ok().text();
        let keys = keys(&text);
        assert_eq!(keys.len(), [30, 30, 5][page], "{text}");
        seen.extend(keys);
        assert_eq!(text.contains(">Next<"), page < 2);
        path = format!("/search?q=table&from={}", (page + 1) * 30);
    }
    assert_eq!(seen.len(), 65);
}

/// Words are found by index and highlighted by the program: both have to compare them alike.
#[tokio::test]
async fn program_and_database_fold_texts_alike() {
    let world = World::new().await;
    for text in [
        "Größe",
        "İstanbul ışık",
        "ＡＢＣ",
        "Zusammen\u{ad}arbeit",
        "Ёлка",
        "Łódź Đorđe Øre",
        "ΣΊΣΥΦΟΣ",
        "e\u{301}",
        "ﬁn",
        "plain",
    ] {
        let in_database: String = sqlx::query_scalar("SELECT fold($1)")
            .bind(text)
            .fetch_one(&world.db)
            .await
            .unwrap();
        assert_eq!(fold(text), in_database, "{text}");
    }
}

#[tokio::test]
async fn moving_a_task_does_not_write_to_the_search_index() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let writes = "SELECT xmin::text FROM task_texts";
    let before: String = sqlx::query_scalar(writes)
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.api(
        Method::PUT,
        &format!("/tasks/{key}/position"),
        json!({"column": "done"}),
    )
    .await
    .ok();
    let after: String = sqlx::query_scalar(writes)
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn words_of_filters_mentions_and_keys_are_suggested() {
    let world = World::new().await;
    let elif = &world.elif;
    world.join("Zoë Ämter", "zoe", "infrastructure").await;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{key}"), &[("labels", "postgres")])
        .await
        .ok();
    set_goal(
        &world,
        elif,
        "42",
        &[("title", "Migrate 50 tables"), ("target", "50")],
    )
    .await;
    let suggested = async |place: &str, q: &str| -> Vec<String> {
        let q: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
        let path = format!("/teams/infrastructure/suggestions?for={place}&q={q}");
        let page = elif.get(&path).await.ok().text();
        let parts = page.split("data-insert=\"").skip(1);
        parts
            .map(|part| part.split('"').next().unwrap().to_owned())
            .collect()
    };
    for (typed, wanted) in [
        ("ow", &["owner:"][..]),
        (
            "owner:",
            &["owner:me", "owner:none", "owner:elif", "owner:zoe"],
        ),
        ("-owner:amt", &["-owner:zoe"]),
        ("label:gres", &["label:postgres"]),
        ("goal:mig", &["goal:1"]),
        ("goal:n", &["goal:none"]),
        ("is:o", &["is:overdue"]),
        ("plain", &[]),
        ("owner:%", &[]),
    ] {
        assert_eq!(suggested("filter", typed).await, wanted, "{typed}");
    }
    assert!(suggested("filter", "").await.len() > 10);
    for (typed, wanted) in [
        // members first, then everyone
        ("@", &["@elif", "@zoe", "@jonas"][..]),
        ("@jo", &["@jonas"]),
        ("@gruber", &["@jonas"]),
        ("inf-", &[key.as_str()]),
        ("INF-2", &[]),
        ("ING-", &[]),
    ] {
        assert_eq!(suggested("text", typed).await, wanted, "{typed}");
    }
    elif.get("/teams/nowhere/suggestions?q=a").await.status(404);
}
