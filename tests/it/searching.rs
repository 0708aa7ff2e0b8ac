//! How texts are compared, searched and named: case, accents, width, composed letters, words with a colon, mentions, and
//! names that were changed.

use axum::http::Method;
use serde_json::json;

use crate::{
    fixtures::World,
    people::{create_account, invite, registration_fields},
};

fn profile(handle: &str) -> [(&str, &str); 6] {
    [
        ("name", "Elif Hartmann"),
        ("handle", handle),
        ("hue", "7"),
        ("time_zone", "UTC"),
        ("works_from", "08:30"),
        ("works_to", "16:30"),
    ]
}

#[tokio::test]
async fn words_are_found_whatever_their_case_accents_and_width() {
    let world = World::new().await;
    let elif = &world.elif;
    for (title, queries) in [
        (
            "Größe der Cafe\u{301}s",
            &["grosse", "CAFÉ", "cafe", "größe"][..],
        ),
        ("İstanbul ve ışık", &["istanbul", "isik"]),
        ("ＡＢＣ １２３", &["abc", "123"]),
        ("Zusammen\u{ad}arbeit", &["zusammenarbeit"]),
        ("Ёлка", &["елка"]),
        (
            "localhost:8080 std::vec error:E0308",
            &["localhost:8080", "std::vec", "error:E0308"],
        ),
        ("s3://bucket 100 %_x", &["s3://bucket", "%_x"]),
    ] {
        let key = elif.create_task("infrastructure", "todo", title).await;
        for query in queries {
            let q: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
            let page = elif
                .get(&format!("/teams/infrastructure?sprint=all&q={q}"))
                .await
                .ok()
                .text();
            assert_eq!(page.matches(" data-task=").count(), 1, "{query} in {title}");
            assert!(page.contains(&format!("id=\"{key}\"")), "{query}: {page}");
        }
    }
}

#[tokio::test]
async fn steps_and_comments_are_searched() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.create_task("infrastructure", "todo", "Other").await;
    elif.post(
        &format!("/tasks/{key}/steps"),
        &[("text", "Warn the auditors")],
    )
    .await
    .ok();
    elif.post(
        &format!("/tasks/{key}/comments"),
        &[("body", "Rollback rehearsed")],
    )
    .await
    .ok();
    for query in ["auditors", "ROLLBACK"] {
        let page = elif
            .get(&format!("/teams/infrastructure?q={query}"))
            .await
            .ok()
            .text();
        assert_eq!(page.matches(" data-task=").count(), 1, "{query}: {page}");
    }
}

#[tokio::test]
async fn input_is_stored_with_composed_letters() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif
        .create_task("infrastructure", "todo", "Cafe\u{301}")
        .await;
    assert_eq!(elif.load_task(&key).await["title"], "Café");
    elif.api(
        Method::PATCH,
        &format!("/tasks/{key}"),
        json!({ "description": "Cafe\u{301}", "labels": ["cafe\u{301}"], "version": 1 }),
    )
    .await
    .ok();
    let task = elif.load_task(&key).await;
    assert_eq!(task["description"], "Café");
    assert_eq!(task["labels"], json!(["café"]));
    // the same label in other letters
    let other = elif.create_task("infrastructure", "todo", "Other").await;
    elif.post(&format!("/tasks/{other}"), &[("labels", "CAFE")])
        .await
        .ok();
    let labels: i64 = sqlx::query_scalar("SELECT count(*) FROM labels")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(labels, 1);
    let page = elif
        .get("/teams/infrastructure?label=cafe")
        .await
        .ok()
        .text();
    assert_eq!(page.matches(" data-task=").count(), 2, "{page}");
}

#[tokio::test]
async fn renamed_people_and_labels_are_found_by_saved_filters_and_old_mentions() {
    let world = World::new().await;
    let elif = &world.elif;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(
        &format!("/tasks/{key}"),
        &[("labels", "pg"), ("description", "Ask @elif")],
    )
    .await
    .ok();
    elif.post(&format!("/tasks/{key}/owners/me"), &[])
        .await
        .ok();
    elif.post(
        "/teams/infrastructure/filters",
        &[("name", "Mine"), ("q", "owner:elif label:pg")],
    )
    .await
    .ok();
    let label: uuid::Uuid = sqlx::query_scalar("SELECT id FROM labels")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(
        &format!("/teams/infrastructure/labels/{label}"),
        &[("name", "postgres"), ("hue", "3")],
    )
    .await
    .ok();
    elif.post("/me", &profile("eh")).await.ok();
    let query: String = sqlx::query_scalar("SELECT query FROM saved_filters")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert!(query.contains("label%3Apostgres"), "{query}");
    let page = elif
        .get(&format!("/teams/infrastructure{query}"))
        .await
        .ok()
        .text();
    assert_eq!(page.matches(" data-task=").count(), 1, "{page}");
    let task = elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(task.contains("href=\"/people/elif\""), "{task}");
    elif.get("/people/elif").await.ok();
}

#[tokio::test]
async fn reserved_words_are_no_usernames() {
    let world = World::new().await;
    for word in ["me", "nobody", "none"] {
        let page = world
            .elif
            .post("/me", &profile(word))
            .await
            .status(422)
            .text();
        assert!(page.contains("Choose another username"), "{page}");
    }
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let path = invite(&ada, &[("team", "infrastructure")]).await;
    world
        .stranger()
        .post(&path, &registration_fields("me@example.org", "Me"))
        .await
        .status(303);
    let handle: String = sqlx::query_scalar("SELECT handle FROM accounts WHERE name = 'Me'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(handle, "me-2");
}

#[tokio::test]
async fn no_text_is_refused_because_of_a_mention() {
    let world = World::new().await;
    let elif = &world.elif;
    for (text, shown) in [
        ("Who asks @elif?", "Who asks"),
        (
            "Ask @legal? They know (@nobody-here)",
            "Ask @legal? They know (@nobody-here)",
        ),
        ("Plan for (@elif), soon", "Plan for soon"),
    ] {
        elif.post(
            "/teams/infrastructure/topics",
            &[("text", text), ("meeting", "standup")],
        )
        .await
        .ok();
        elif.post("/teams/infrastructure/actions", &[("text", text)])
            .await
            .ok();
        for table in ["topics", "actions"] {
            let stored: Vec<String> =
                sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT text FROM {table}")))
                    .fetch_all(&world.db)
                    .await
                    .unwrap();
            assert!(
                stored.iter().any(|text| text == shown),
                "{table}: {stored:?}"
            );
        }
    }
}
