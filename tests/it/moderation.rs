//! What leads can delete of what others wrote, and how much one account can write.

use axum::http::Method;
use serde_json::json;

use crate::{
    access::Fixture,
    fixtures::{Client, World},
    goals::set_goal,
};

async fn newest(world: &World, table: &str) -> String {
    let query = format!("SELECT id::text FROM {table} ORDER BY id DESC LIMIT 1");
    sqlx::query_scalar(sqlx::AssertSqlSafe(query))
        .fetch_one(&world.db)
        .await
        .unwrap()
}

/// The newest audit log entry: kind, what it is about as the administrator sees it, and network.
async fn newest_audit_line(admin: &Client) -> String {
    let csv = admin.get("/settings/audit.csv").await.status(200).text();
    let mut lines = csv.lines().skip(1);
    let line = lines.find(|line| !line.contains("audit.exported"));
    line.unwrap().to_owned()
}

/// Cases 7, 56.
#[tokio::test]
async fn leads_delete_comments_of_others() {
    let fixture = Fixture::new(false).await;
    let (world, clients) = (&fixture.world, &fixture.clients);
    let key = clients["member"]
        .create_task("infrastructure", "todo", "Vault")
        .await;
    let comments = format!("/tasks/{key}/comments");
    for moderator in ["lead", "admin"] {
        let body = [("body", "The password is hunter2")];
        clients["other"].post(&comments, &body).await.ok();
        let delete = format!("{comments}/{}/delete", newest(world, "comments").await);
        for bystander in ["member", "viewer", "token"] {
            clients[bystander].post(&delete, &[]).await.status(403);
        }
        let page = clients[moderator]
            .get(&format!("/tasks/{key}"))
            .await
            .text();
        assert!(page.contains(&delete), "{page}");
        let page = clients["member"].get(&format!("/tasks/{key}")).await.text();
        assert!(!page.contains(&delete));
        clients[moderator].post(&delete, &[]).await.ok();
        let page = clients["member"].get(&format!("/tasks/{key}")).await.text();
        assert!(!page.contains("hunter2"));
        assert!(page.contains("deleted a comment by Jonas Gruber"), "{page}");
        let line = newest_audit_line(&clients["admin"]).await;
        let about = format!("comment.removed,a comment by @jonas on {key} of Infrastructure");
        assert!(line.contains(&about), "{line}");
    }
    let kept: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM events WHERE before::text LIKE '%hunter2%' OR after::text LIKE '%hunter2%'",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(kept, 0);
    // a team's own lead, and not another's
    sqlx::query("UPDATE members SET role = 'lead' WHERE account_id = $1")
        .bind(world.jonas.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    clients["member"]
        .post(&comments, &[("body", "Mine")])
        .await
        .ok();
    let delete = format!("{comments}/{}/delete", newest(world, "comments").await);
    clients["other"].post(&delete, &[]).await.status(403);
    clients["member"].post(&delete, &[]).await.ok();
}

#[tokio::test]
async fn leads_delete_goal_comments_and_retro_notes_of_others() {
    let fixture = Fixture::new(false).await;
    let (world, clients) = (&fixture.world, &fixture.clients);
    let goal = [("title", "Migrate"), ("target", "9")];
    let goal = set_goal(world, &clients["lead"], "42", &goal).await;
    let team = "/teams/infrastructure";
    let page = format!("{team}/goals/{goal}");
    for author in ["other", "member"] {
        for kind in ["comment", "concern"] {
            let fields = [("kind", kind), ("body", "The password is hunter2")];
            clients[author]
                .post(&format!("{page}/comments"), &fields)
                .await
                .ok();
            let comment = newest(world, "goal_comments").await;
            let delete = format!("{team}/goal-comments/{comment}/delete");
            let stranger = if author == "other" { "member" } else { "other" };
            clients[stranger].post(&delete, &[]).await.status(403);
            assert!(!clients[stranger].get(&page).await.text().contains(&delete));
            assert!(clients[author].get(&page).await.text().contains(&delete));
            let by = if kind == "comment" { author } else { "lead" };
            clients[by].post(&delete, &[]).await.ok();
            assert!(!clients["lead"].get(&page).await.text().contains("hunter2"));
        }
    }
    let line = newest_audit_line(&clients["admin"]).await;
    assert!(
        line.contains("goal.comment-removed,a comment by @tomas on a goal of Infrastructure"),
        "{line}"
    );

    let notes = format!("{team}/sprints/42/retro-notes");
    let fields = [("category", "well"), ("text", "The password is hunter2")];
    clients["member"].post(&notes, &fields).await.ok();
    let note = format!("{team}/retro-notes/{}", newest(world, "retro_notes").await);
    let other = world.join("Ebba Lind", "ebba", "infrastructure").await;
    other.post(&note, &[("remove", "1")]).await.status(403);
    let retro = format!("{team}/retro");
    let retro = clients["lead"].get(&retro).await;
    let retro = retro.header("location").to_owned();
    assert!(clients["lead"].get(&retro).await.text().contains(&note));
    clients["lead"].post(&note, &[("remove", "1")]).await.ok();
    assert!(
        !clients["member"]
            .get(&retro)
            .await
            .text()
            .contains("hunter2")
    );
    let line = newest_audit_line(&clients["admin"]).await;
    assert!(
        line.contains("retro-note.removed,a retro note by @tomas of Infrastructure"),
        "{line}"
    );
}

/// Case 56.
#[tokio::test]
async fn one_account_can_write_so_many_texts_and_no_more() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "Busy")
        .await;
    let topics = "/teams/infrastructure/topics";
    let mut written = 0;
    loop {
        let response = if written % 2 == 0 {
            world
                .jonas
                .post("/tasks/INF-1/comments", &[("body", "Spam")])
                .await
        } else {
            let comment = json!({ "body": "Spam" });
            world
                .jonas
                .api(Method::POST, "/tasks/INF-1/comments", comment)
                .await
        };
        if response.status == 429 {
            assert!(response.header("retry-after").parse::<u64>().unwrap() > 0);
            break;
        }
        response.ok();
        written += 1;
        assert!(written < 1000, "there is no limit");
    }
    assert!(written >= 300, "{written}");
    // other writes of the account, and other accounts
    world.jonas.create_task("ingestion", "todo", "Work").await;
    let fields = [("meeting", "standup"), ("text", "Hello")];
    world.elif.post(topics, &fields).await.ok();
}

#[tokio::test]
async fn pages_of_texts_have_a_largest_size() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Long")
        .await;
    let fill = |table: &'static str| {
        let world = &world;
        async move {
            sqlx::query(table)
                .bind(world.elif.person.id)
                .execute(&world.db)
                .await
                .unwrap();
        }
    };
    fill(
        "INSERT INTO comments (team_id, id, task_id, author_id, body, created_at)
         SELECT team_id, gen_random_uuid(), id, $1, 'x', now() FROM tasks, generate_series(1, 1000)",
    )
    .await;
    fill(
        "INSERT INTO topics (team_id, id, meeting, text, created_by, created_at)
         SELECT id, gen_random_uuid(), 'standup', 'x', $1, now() FROM teams, generate_series(1, 200)",
    )
    .await;
    fill(
        "INSERT INTO actions (team_id, id, meeting, text, created_by, created_at)
         SELECT id, gen_random_uuid(), 'standup', 'x', $1, now() FROM teams, generate_series(1, 200)",
    )
    .await;
    sqlx::query(
        "INSERT INTO requests (team_id, id, title, asker_id, created_at)
         SELECT id, gen_random_uuid(), 'x', $1, now() FROM teams, generate_series(1, 50)",
    )
    .bind(world.jonas.person.id)
    .execute(&world.db)
    .await
    .unwrap();
    fill(
        "INSERT INTO saved_filters (team_id, id, account_id, name, query)
         SELECT id, gen_random_uuid(), $1, 'n' || n, '?sprint=all' FROM teams, generate_series(1, 100) n",
    )
    .await;
    let team = "/teams/infrastructure";
    for (path, fields) in [
        (format!("/tasks/{key}/comments"), vec![("body", "One more")]),
        (
            format!("{team}/topics"),
            vec![("meeting", "standup"), ("text", "One more")],
        ),
        (format!("{team}/actions"), vec![("text", "One more")]),
        (format!("{team}/requests"), vec![("title", "One more")]),
        (
            format!("{team}/filters"),
            vec![("name", "One more"), ("q", "is:done")],
        ),
    ] {
        let person = match path.ends_with("/requests") {
            // for a request one has to be of another team
            true => &world.jonas,
            false => &world.elif,
        };
        let refused = person.post(&path, &fields).await.status(422).text();
        assert!(
            refused.contains("One more"),
            "{path}: what was typed is kept"
        );
        assert!(
            refused.contains("at most") || refused.contains("already"),
            "{path}: {refused}"
        );
    }
}

#[tokio::test]
async fn long_activity_is_shown_in_parts() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Long")
        .await;
    sqlx::query(
        "INSERT INTO comments (team_id, id, task_id, author_id, body, created_at)
         SELECT team_id, gen_random_uuid(), id, $1, 'comment number ' || n || '.', created_at + n * interval '1 minute'
         FROM tasks, generate_series(1, 250) n",
    )
    .bind(world.elif.person.id)
    .execute(&world.db)
    .await
    .unwrap();
    let mut path = format!("/tasks/{key}");
    let mut seen = Vec::new();
    for part in 0.. {
        let page = world.elif.get(&path).await.status(200).text();
        let numbers: Vec<u32> = page
            .split("comment number ")
            .skip(1)
            .map(|rest| rest.split('.').next().unwrap().parse().unwrap())
            .collect();
        let mut numbers: Vec<u32> = numbers;
        numbers.dedup();
        assert!(numbers.len() <= 200 && numbers.is_sorted(), "{numbers:?}");
        seen.extend(numbers);
        assert_eq!(page.contains("Show newest activity"), part > 0);
        let Some((_, rest)) = page.split_once("?earlier=") else {
            break;
        };
        path = format!("/tasks/{key}?earlier={}", rest.split('"').next().unwrap());
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, (1..=250).collect::<Vec<u32>>());
    for wrong in ["abc", "9223372036854775807", "-9223372036854775808"] {
        let response = world
            .elif
            .get(&format!("/tasks/{key}?earlier={wrong}"))
            .await;
        assert!(
            response.status.is_client_error(),
            "{wrong}: {}",
            response.status
        );
    }
}
