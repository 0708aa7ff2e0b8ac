//! The inbox: what concerns a person, one row per thread, and never what they did themselves.

use time::Duration;
use uuid::Uuid;

use crate::fixtures::{Client, NOW, World};

/// The rows of a page, without the markup.
fn rows(page: &str) -> Vec<String> {
    page.split("data-thread")
        .skip(1)
        .map(|row| {
            let row = row.split("<form").next().unwrap();
            let mut text = String::new();
            let mut in_tag = true;
            for letter in row.chars() {
                match letter {
                    '<' => in_tag = true,
                    '>' => {
                        in_tag = false;
                        text.push(' ');
                    }
                    _ if !in_tag => text.push(letter),
                    _ => {}
                }
            }
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect()
}

async fn shown(world: &World, client: &Client) -> Vec<String> {
    rows(&world.inbox(client).await)
}

async fn unread(world: &World, client: &Client) -> i32 {
    sqlx::query_scalar("SELECT unread FROM accounts WHERE id = $1")
        .bind(client.person.id)
        .fetch_one(&world.db)
        .await
        .unwrap()
}

/// The thread of the first row.
fn first_thread(page: &str) -> String {
    let rest = page.split("id=\"thread-").nth(1).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn each_reason_reaches_whom_it_concerns() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let mira = world.join("Mira Sol", "mira", "infrastructure").await;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;

    elif.post(
        &format!("/tasks/{key}/owners"),
        &[("owners", "mira"), ("owners", "elif")],
    )
    .await
    .ok();
    assert_eq!(
        shown(&world, &mira).await,
        ["Unread EH Cut over INF-1 Elif assigned you just now"]
    );
    assert!(shown(&world, elif).await.is_empty(), "one's own act");

    jonas
        .post(
            &format!("/tasks/{key}/comments"),
            &[("body", "Ready for @jonas and @mira, not `@elif`?")],
        )
        .await
        .ok();
    let hers = shown(&world, &mira).await;
    assert!(
        hers.len() == 1
            && hers[0].contains("Jonas mentioned you: “Ready for @jonas and @mira, not `@elif`?”")
            && hers[0].contains("1 more Elif assigned you"),
        "{hers:?}"
    );
    let theirs = shown(&world, elif).await;
    assert!(theirs[0].contains("Jonas commented: “Ready"), "{theirs:?}");

    elif.post(
        &format!("/tasks/{key}/position"),
        &[("column", "in-review")],
    )
    .await
    .ok();
    assert!(shown(&world, &mira).await[0].contains("Elif moved it to In review"));

    elif.post(
        &format!("/tasks/{key}/block"),
        &[
            ("kind", "person"),
            ("person", "jonas"),
            ("note", "The password"),
        ],
    )
    .await
    .ok();
    let his = shown(&world, jonas).await;
    assert!(
        his.len() == 1 && his[0].contains("Elif says that it is blocked on you: “The password”"),
        "{his:?}"
    );
    elif.post(&format!("/tasks/{key}/unblock"), &[]).await.ok();
    assert!(shown(&world, jonas).await.is_empty(), "no longer true");
    assert!(shown(&world, &mira).await[0].contains("Elif unblocked it"));

    elif.post(
        "/teams/infrastructure/actions",
        &[("text", "Ask Legal @mira")],
    )
    .await
    .ok();
    assert!(
        shown(&world, &mira).await[0].contains("Elif gave you an action: “Ask Legal"),
        "{:?}",
        shown(&world, &mira).await
    );
}

#[tokio::test]
async fn unblocked_task_tells_its_owners() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let needed = jonas.create_task("ingestion", "todo", "Dual write").await;
    let mine = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{mine}/owners/me"), &[])
        .await
        .ok();
    jonas
        .post(&format!("/tasks/{needed}/owners/me"), &[])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{mine}/block"),
        &[("kind", "task"), ("on", &needed)],
    )
    .await
    .ok();
    let his = shown(&world, jonas).await;
    assert!(
        his[0].contains("Cut over INF-1 Elif says that it is blocked on your task"),
        "{his:?}"
    );
    jonas
        .post(&format!("/tasks/{needed}/position"), &[("column", "done")])
        .await
        .ok();
    let hers = shown(&world, elif).await;
    assert!(
        hers[0].contains("Cut over INF-1 What it was waiting on is done"),
        "{hers:?}"
    );
}

#[tokio::test]
async fn what_became_untrue_before_it_was_read_is_withdrawn() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let mira = world.join("Mira Sol", "mira", "infrastructure").await;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let owners = async |names: &str| {
        elif.post(&format!("/tasks/{key}/owners"), &[("owners", names)])
            .await
            .ok();
    };
    owners("mira").await;
    assert_eq!(
        (
            shown(&world, &mira).await.len(),
            unread(&world, &mira).await
        ),
        (1, 1)
    );
    owners("").await;
    assert!(shown(&world, &mira).await.is_empty());
    assert_eq!(unread(&world, &mira).await, 0);

    // assigned and unassigned before anything was delivered
    owners("mira").await;
    owners("").await;
    assert!(shown(&world, &mira).await.is_empty());

    // a comment that was deleted, and a change that was undone
    let comment = jonas
        .post(&format!("/api/v1/tasks/{key}/comments"), &[])
        .await;
    assert_eq!(comment.status.as_u16(), 415);
    jonas
        .post(&format!("/tasks/{key}/comments"), &[("body", "Ask @mira")])
        .await
        .ok();
    assert_eq!(shown(&world, &mira).await.len(), 1);
    let id: Uuid = sqlx::query_scalar("SELECT id FROM comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    jonas
        .post(&format!("/tasks/{key}/comments/{id}/delete"), &[])
        .await
        .ok();
    assert!(shown(&world, &mira).await.is_empty());
}

#[tokio::test]
async fn bulk_edit_is_one_row() {
    let world = World::new().await;
    let elif = &world.elif;
    let mira = world.join("Mira Sol", "mira", "infrastructure").await;
    let mut fields = vec![("owner".to_owned(), "mira".to_owned())];
    for number in 1..=12 {
        let key = elif
            .create_task("infrastructure", "todo", &format!("Task {number}"))
            .await;
        fields.push(("keys".to_owned(), key));
    }
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    elif.post("/teams/infrastructure/bulk", &fields).await.ok();
    let owned: i64 = sqlx::query_scalar("SELECT count(*) FROM task_owners")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(owned, 12);
    assert_eq!(
        shown(&world, &mira).await,
        ["Unread EH Infrastructure team Elif assigned you 12 tasks just now"]
    );
}

#[tokio::test]
async fn opening_a_task_marks_its_thread_as_read() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = jonas.create_task("ingestion", "todo", "Dual write").await;
    elif.post(
        &format!("/tasks/{key}/comments"),
        &[("body", "@jonas, a second pair of eyes?")],
    )
    .await
    .ok();
    assert_eq!(shown(&world, jonas).await.len(), 1);
    let page = jonas.get("/").await.ok().text();
    assert!(page.contains("data-unread=\"1\">1</span>"), "{page}");
    // a page in the background that is loaded anew was not read
    let mut request = axum::http::Request::get(format!("/tasks/{key}"));
    request = request.header("fortnight-background", "1");
    jonas
        .send(request.body(axum::body::Body::empty()).unwrap())
        .await
        .ok();
    assert_eq!(unread(&world, jonas).await, 1);
    let page = jonas.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(page.contains("data-unread=\"0\"></span>"), "{page}");
    assert!(shown(&world, jonas).await.is_empty());
    let all = rows(&jonas.get("/inbox?show=all").await.ok().text());
    assert!(
        all.len() == 1 && all[0].starts_with("EH Dual write"),
        "{all:?}"
    );
}

#[tokio::test]
async fn threads_are_snoozed_done_and_unread_again() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = jonas.create_task("ingestion", "todo", "Dual write").await;
    elif.post(
        &format!("/tasks/{key}/comments"),
        &[("body", "Hello @jonas")],
    )
    .await
    .ok();
    let thread = first_thread(&world.inbox(jonas).await);
    let url = format!("/inbox/{thread}");
    let to = async |to: &str| jonas.post(&url, &[("to", to)]).await.status(303);
    let view =
        async |view: &str| rows(&jonas.get(&format!("/inbox?show={view}")).await.ok().text()).len();

    to("done").await;
    assert_eq!(
        (view("unread").await, view("all").await, view("done").await),
        (0, 0, 1)
    );
    to("unread").await;
    assert_eq!((view("unread").await, view("done").await), (1, 0));
    to("read").await;
    assert_eq!((view("unread").await, view("all").await), (0, 1));
    to("unread").await;
    // the standup of Monday is over at the time of the tests; the next one is on Wednesday
    to("standup").await;
    assert_eq!((view("unread").await, view("snoozed").await), (0, 1));
    assert_eq!(unread(&world, jonas).await, 0);
    let until: time::OffsetDateTime = sqlx::query_scalar("SELECT snoozed_until FROM inbox_threads")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert!(until > NOW && until < NOW + Duration::days(4), "{until}");
    world.app.clock.advance(until - NOW);
    assert_eq!(
        shown(&world, jonas).await.len(),
        1,
        "back in time for the standup"
    );
    assert_eq!(unread(&world, jonas).await, 1);

    jonas
        .post(&url, &[("to", "day"), ("day", "2020-01-01")])
        .await
        .status(422);
    elif.post(&url, &[("to", "done")]).await.status(404);
    elif.get(&url).await.status(404);
    // something new brings it back
    to("done").await;
    elif.post(
        &format!("/tasks/{key}/comments"),
        &[("body", "Hello again @jonas")],
    )
    .await
    .ok();
    assert!(shown(&world, jonas).await[0].contains("Hello again"));
    let response = jonas.get(&url).await.status(303);
    assert_eq!(response.headers["location"], format!("/tasks/{key}"));
    assert_eq!(unread(&world, jonas).await, 0);
}

#[tokio::test]
async fn private_teams_stay_out_of_the_inbox_of_others() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let mention = async || {
        elif.post(
            &format!("/tasks/{key}/comments"),
            &[("body", "Hello @jonas")],
        )
        .await
        .ok();
    };
    mention().await;
    assert_eq!(shown(&world, jonas).await.len(), 1);
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.post("/teams/infrastructure/visibility", &[("private", "1")])
        .await
        .status(303);
    assert!(shown(&world, jonas).await.is_empty());
    assert_eq!(unread(&world, jonas).await, 0);
    mention().await;
    assert!(shown(&world, jonas).await.is_empty());
    assert_eq!(unread(&world, jonas).await, 0);
}

#[tokio::test]
async fn due_dates_are_told_once() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Renew").await;
    elif.post(&format!("/tasks/{key}/owners/me"), &[])
        .await
        .ok();
    let tomorrow = (NOW + Duration::DAY).date().to_string();
    elif.post(&format!("/tasks/{key}"), &[("due", &tomorrow)])
        .await
        .ok();
    let rows = shown(&world, elif).await;
    assert!(rows[0].contains("Renew INF-1 Due "), "{rows:?}");
    elif.get(&format!("/tasks/{key}")).await.ok();
    assert!(shown(&world, elif).await.is_empty(), "once");
    world.app.clock.advance(Duration::days(2));
    let rows = shown(&world, elif).await;
    assert!(rows[0].contains("Overdue since "), "{rows:?}");
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
    assert!(shown(&world, elif).await.is_empty(), "done meanwhile");
}

#[tokio::test]
async fn requests_and_sprints_reach_the_teams() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    sqlx::query("UPDATE members SET role = 'lead' WHERE account_id = $1")
        .bind(elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    jonas
        .post(
            "/teams/infrastructure/requests",
            &[("title", "A read replica"), ("why", "Exports")],
        )
        .await
        .status(303);
    let hers = shown(&world, elif).await;
    assert!(
        hers[0].contains("A read replica request Jonas asks Infrastructure"),
        "{hers:?}"
    );
    let id: Uuid = sqlx::query_scalar("SELECT id FROM requests")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(
        &format!("/teams/infrastructure/requests/{id}"),
        &[("outcome", "declined"), ("answer", "Not this sprint")],
    )
    .await
    .status(303);
    assert!(shown(&world, elif).await.is_empty(), "it is answered");
    let his = shown(&world, jonas).await;
    assert!(
        his[0].contains("Elif declined your request: “Not this sprint”"),
        "{his:?}"
    );
    let filtered = jonas.get("/inbox?reason=assigned").await.ok().text();
    assert!(filtered.contains("Nothing matches this filter."));
    let filtered = jonas.get("/inbox?reason=request-answered&team=infrastructure");
    assert_eq!(rows(&filtered.await.ok().text()).len(), 1);
    jonas.get("/inbox?team=nowhere").await.status(404);

    let mira = world.join("Mira Sol", "mira", "infrastructure").await;
    elif.post("/teams/infrastructure/sprints/42/close", &[])
        .await
        .status(303);
    let hers = shown(&world, &mira).await;
    assert!(
        hers.iter().any(|row| row.contains("Elif closed sprint 42")),
        "{hers:?}"
    );
}

#[tokio::test]
async fn inbox_of_many_pages_is_shown_page_by_page() {
    let world = World::new().await;
    let jonas = &world.jonas;
    sqlx::query(
        "WITH k AS (INSERT INTO inbox_threads (account_id, id, team_id, change_id, newest_at)
                    SELECT $1, gen_random_uuid(), t.id, gen_random_uuid(), $2::timestamptz - n * interval '1 minute'
                    FROM teams t, generate_series(1, 120) n WHERE t.key = 'INF' RETURNING *)
         INSERT INTO inbox_items (account_id, thread_id, reason, seq, at) SELECT account_id, id, 'following', 0, newest_at FROM k",
    )
    .bind(jonas.person.id)
    .bind(NOW)
    .execute(&world.db)
    .await
    .unwrap();
    let (mut url, mut pages) = (Some("/inbox".to_owned()), Vec::new());
    while let Some(next) = url {
        let page = jonas.get(&next).await.ok().text();
        pages.push(rows(&page).len());
        url = page
            .split("class=\"button\" href=\"/inbox?")
            .nth(1)
            .map(|rest| {
                format!(
                    "/inbox?{}",
                    rest.split('"')
                        .next()
                        .unwrap()
                        .replace("&#38;", "&")
                        .replace("&amp;", "&")
                )
            });
    }
    assert_eq!(pages, [50, 50, 20]);
    for nonsense in [
        "x",
        "1.x",
        "99999999999999999999999.x",
        "-1.00000000-0000-0000-0000-000000000000",
    ] {
        jonas.get(&format!("/inbox?after={nonsense}")).await.ok();
    }
}

#[tokio::test]
async fn person_mentioned_in_a_new_task_is_told() {
    let world = World::new().await;
    let task =
        serde_json::json!({ "title": "Cut over", "column": "todo", "description": "With @jonas" });
    world
        .elif
        .api(
            axum::http::Method::POST,
            "/teams/infrastructure/tasks",
            task,
        )
        .await
        .ok();
    let his = shown(&world, &world.jonas).await;
    assert!(
        his.len() == 1 && his[0].contains("Elif mentioned you in the description"),
        "{his:?}"
    );
}

/// An import fills the batch of events, of which only one is looked at; what follows it is delivered all the same.
#[tokio::test]
async fn what_happens_right_after_an_import_is_told() {
    let world = World::new().await;
    let elif = &world.elif;
    let mira = world.join("Mira Sol", "mira", "infrastructure").await;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    sqlx::query(
        "WITH t AS (UPDATE teams SET seq = seq + 1501 WHERE key = 'INF' RETURNING id, seq), c AS (SELECT gen_random_uuid() AS id)
         INSERT INTO events (team_id, seq, change_id, at, kind)
         SELECT t.id, t.seq - 1501 + n, c.id, $1, CASE n WHEN 1 THEN 'board.imported' ELSE 'column.added' END FROM t, c, generate_series(1, 1501) n",
    )
    .bind(NOW)
    .execute(&world.db)
    .await
    .unwrap();
    elif.post(&format!("/tasks/{key}/owners"), &[("owners", "mira")])
        .await
        .ok();
    let hers = shown(&world, &mira).await;
    assert!(
        hers.len() == 1 && hers[0].contains("Elif assigned you"),
        "{hers:?}"
    );
    assert_eq!(shown(&world, &mira).await.len(), 1, "once");
}

#[tokio::test]
async fn snooze_ends_with_a_mention_and_leaves_the_thread_unread() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = jonas.create_task("ingestion", "todo", "Dual write").await;
    jonas
        .post(&format!("/tasks/{key}/follow"), &[("follow", "1")])
        .await
        .ok();
    let say = async |text: &str| {
        elif.post(&format!("/tasks/{key}/comments"), &[("body", text)])
            .await
            .ok();
    };
    say("Nearly").await;
    let url = format!("/inbox/{}", first_thread(&world.inbox(jonas).await));
    let to = async |to: &str| jonas.post(&url, &[("to", to)]).await.status(303);
    to("tomorrow").await;
    say("Still nearly").await;
    assert!(shown(&world, jonas).await.is_empty(), "only followed");
    say("Done, @jonas").await;
    assert_eq!(
        (
            shown(&world, jonas).await.len(),
            unread(&world, jonas).await
        ),
        (1, 1)
    );
    // a thread that was read comes back unread
    to("read").await;
    to("tomorrow").await;
    assert_eq!(unread(&world, jonas).await, 0);
    world.app.clock.advance(Duration::days(2));
    assert_eq!(
        (
            shown(&world, jonas).await.len(),
            unread(&world, jonas).await
        ),
        (1, 1)
    );
}

/// Elif leads Infrastructure and finds a request in her inbox: the page's path of that row, and the request's id.
async fn request_in_inbox(world: &World, title: &str) -> (String, Uuid) {
    sqlx::query("UPDATE members SET role = 'lead' WHERE account_id = $1")
        .bind(world.elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    world
        .jonas
        .post("/teams/infrastructure/requests", &[("title", title)])
        .await
        .status(303);
    world.deliver().await;
    let (thread, request): (Uuid, Uuid) = sqlx::query_as(
        "SELECT i.id, i.request_id FROM inbox_threads i JOIN requests r ON r.id = i.request_id
         WHERE i.account_id = $1 AND r.title = $2",
    )
    .bind(world.elif.person.id)
    .bind(title)
    .fetch_one(&world.db)
    .await
    .unwrap();
    (format!("/inbox/{thread}"), request)
}

#[tokio::test]
async fn request_is_accepted_in_the_inbox() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let (thread, request) = request_in_inbox(&world, "A read replica").await;
    let page = elif.get("/inbox").await.ok().text();
    let decline = format!("href=\"/teams/infrastructure/requests#answer-{request}\"");
    assert!(
        page.contains("value=\"accept\"") && page.contains(&decline),
        "{page}"
    );
    // only one's own row
    jonas.post(&thread, &[("to", "accept")]).await.status(404);
    let back = "/inbox?show=all&team=infrastructure";
    let fields = [("to", "accept"), ("back", back)];
    let accepted = elif.post(&thread, &fields).await.status(303);
    assert_eq!(accepted.header("location"), back);
    // at once, before the news of it is delivered
    let page = elif.get("/inbox?show=all").await.ok().text();
    assert!(rows(&page).is_empty(), "{page}");
    let accepted: (String, String) = sqlx::query_as(
        "SELECT r.outcome, k.title FROM requests r JOIN tasks k ON k.id = r.task_id",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(accepted, ("taken".to_owned(), "A read replica".to_owned()));
    assert!(shown(&world, elif).await.is_empty());
    let his = shown(&world, jonas).await;
    assert!(his[0].contains("accepted"), "{his:?}");
    // twice
    elif.post(&thread, &fields).await.status(409);
    let tasks: i64 = sqlx::query_scalar("SELECT count(*) FROM tasks")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(tasks, 1);
}

#[tokio::test]
async fn only_who_may_answer_accepts_in_the_inbox() {
    let world = World::new().await;
    let elif = &world.elif;
    let (thread, _) = request_in_inbox(&world, "A read replica").await;
    for (query, undo) in [
        (
            "UPDATE accounts SET role = 'viewer' WHERE handle = 'elif'",
            "UPDATE accounts SET role = 'member' WHERE handle = 'elif'",
        ),
        (
            "DELETE FROM members m USING accounts a WHERE a.id = m.account_id AND a.handle = 'elif'",
            "SELECT 1",
        ),
    ] {
        sqlx::query(query).execute(&world.db).await.unwrap();
        let page = elif.get("/inbox").await.ok().text();
        assert!(
            page.contains("A read replica")
                && !page.contains("value=\"accept\"")
                && !page.contains("#answer-"),
            "{page}"
        );
        elif.post(&thread, &[("to", "accept")]).await.status(403);
        sqlx::query(undo).execute(&world.db).await.unwrap();
    }
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM requests WHERE outcome IS NULL")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(open, 1);
    // a row about something else
    sqlx::query("UPDATE inbox_threads SET request_id = NULL, change_id = gen_random_uuid()")
        .execute(&world.db)
        .await
        .unwrap();
    elif.post(&thread, &[("to", "accept")]).await.status(404);
}
