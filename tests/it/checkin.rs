//! The check-in for other teams: progress, awaited tasks, requests, and share links for people without an account.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, header},
};
use fortnight::http::live::dispatcher;
use time::Duration as Span;
use tokio_stream::StreamExt;
use tower::ServiceExt;

use crate::{
    access::create_share_link,
    fixtures::{Client, World},
    goals::set_goal,
};

async fn make_lead(world: &World, client: &Client) {
    sqlx::query("UPDATE members SET role = 'lead' WHERE account_id = $1")
        .bind(client.person.id)
        .execute(&world.db)
        .await
        .unwrap();
}

#[tokio::test]
async fn check_in_shows_the_progress_to_another_team() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    set_goal(
        &world,
        elif,
        "42",
        &[("title", "Migrate 50 tables"), ("target", "50")],
    )
    .await;
    let done = elif
        .create_task("infrastructure", "todo", "Smallest tables")
        .await;
    elif.post(&format!("/tasks/{done}/position"), &[("column", "done")])
        .await
        .ok();
    let stuck = elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    let theirs = jonas.create_task("ingestion", "todo", "Dual write").await;
    elif.post(
        &format!("/tasks/{stuck}/block"),
        &[("kind", "task"), ("on", &theirs)],
    )
    .await
    .ok();
    elif.create_task("infrastructure", "in-review", "Read the diff")
        .await;
    elif.create_task("infrastructure", "todo", "Write the runbook")
        .await;

    let page = jonas
        .get("/teams/infrastructure/check-in")
        .await
        .status(200)
        .text();
    for expected in [
        "day 7 of Sprint 42",
        "Migrate 50 tables",
        "Sprint 42: 1 of 4 done",
        "Waiting on ING-1 “Dual write”",
        "Read the diff",
        "Write the runbook",
        "Burn-up of Sprint 42",
        // its legend
        "In the sprint</span>",
        "Ideal</span>",
        "First visit",
    ] {
        assert!(page.contains(expected), "{expected} is not in {page}");
    }
    let facts = jonas
        .get("/api/v1/teams/infrastructure/check-in")
        .await
        .status(200)
        .json();
    assert_eq!(
        facts["counts"],
        serde_json::json!({ "todo": 1, "doing": 0, "blocked": 1, "review": 1, "done": 1 })
    );
    assert_eq!(facts["goals"][0]["title"], "Migrate 50 tables");
    assert_eq!(
        (&facts["goals"][0]["due"], &facts["goals"][0]["behind"]),
        (&65.into(), &true.into())
    );
    let lately = page
        .split("Recently done")
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap();
    assert!(
        lately.contains("Smallest tables") && facts["done"][0]["title"] == "Smallest tables",
        "{lately}"
    );
    assert!(page.contains("should be at 65 % by today"), "{page}");
    assert!(
        jonas
            .get("/teams")
            .await
            .ok()
            .text()
            .contains("should be at 65 % by today")
    );
    assert_eq!(facts["blocked"][0]["blocked_by"][0]["on"], "ING-1");
}

#[tokio::test]
async fn each_reader_sees_changes_since_their_last_visit() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let first = jonas
        .get("/teams/infrastructure/check-in")
        .await
        .ok()
        .text();
    assert!(first.contains("First visit"), "{first}");
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
    // An hour later it is another visit: changes since the last one are listed, even when the page is loaded twice.
    world.app.clock.advance(Span::hours(1));
    for _ in 0..2 {
        let page = jonas
            .get("/teams/infrastructure/check-in")
            .await
            .ok()
            .text();
        assert!(
            page.contains("Since your last visit <span class=\"muted\">Tue 24 Nov 10:00"),
            "{page}"
        );
        assert!(page.contains("state-done\">Done</span>"), "{page}");
    }
    // An automatic reload does not count as a visit.
    world.app.clock.advance(Span::hours(2));
    let fresh = jonas
        .submit_by_script(
            axum::http::Method::GET,
            "/teams/infrastructure/check-in",
            "page",
            &[],
        )
        .await
        .ok()
        .text();
    assert!(fresh.contains("Tue 24 Nov 10:00"), "{fresh}");
    // The list is different for each reader.
    assert!(
        elif.get("/teams/infrastructure/check-in")
            .await
            .ok()
            .text()
            .contains("First visit")
    );
    let next = jonas
        .get("/teams/infrastructure/check-in")
        .await
        .ok()
        .text();
    assert!(next.contains("No changes"), "{next}");
}

#[tokio::test]
async fn awaited_tasks_are_listed_done_and_blocked_first() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let mira = world.join("Mira Sol", "mira", "ingestion").await;
    for (title, needed_by) in [
        ("For the team", "Ingestion"),
        ("For one", "Support, @mira"),
        ("For Legal only", "Legal"),
    ] {
        let key = elif.create_task("infrastructure", "todo", title).await;
        elif.post(&format!("/tasks/{key}"), &[("needed_by", needed_by)])
            .await
            .ok();
    }
    elif.post("/tasks/INF-2/position", &[("column", "done")])
        .await
        .ok();
    let stuck = elif
        .create_task("infrastructure", "todo", "Younger, and blocked")
        .await;
    elif.post(&format!("/tasks/{stuck}"), &[("needed_by", "@mira")])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{stuck}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    let page = mira.get("/teams/infrastructure/check-in").await.ok().text();
    let waited = page
        .split("You are waiting for")
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap();
    let at = |title: &str| waited.find(title).unwrap();
    assert!(
        at("For one") < at("Younger, and blocked")
            && at("Younger, and blocked") < at("For the team"),
        "{waited}"
    );
    assert!(!waited.contains("For Legal only"), "{waited}");
    let own = mira.get("/").await.ok().text();
    assert!(
        own.contains("You are waiting for") && own.contains("For one"),
        "{own}"
    );
    // Jonas is on the team that one of the tasks is for
    let page = jonas
        .get("/teams/infrastructure/check-in")
        .await
        .ok()
        .text();
    let waited = page
        .split("You are waiting for")
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap();
    assert!(
        waited.contains("For the team") && !waited.contains("For one"),
        "{waited}"
    );
    // once the field is cleared, the task is no longer awaited
    elif.post("/tasks/INF-1", &[("needed_by", "")]).await.ok();
    assert!(
        !jonas
            .get("/teams/infrastructure/check-in")
            .await
            .ok()
            .text()
            .contains("You are waiting for")
    );
}

#[tokio::test]
async fn losing_access_hides_news_awaited_tasks_and_requests() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{key}"), &[("needed_by", "Ingestion")])
        .await
        .ok();
    jonas
        .post(&format!("/tasks/{key}/follow"), &[("follow", "1")])
        .await
        .ok();
    jonas
        .post("/teams/infrastructure/requests", &[("title", "A replica")])
        .await
        .ok();
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
    let page = jonas.get("/").await.ok().text();
    assert!(
        page.contains("id=\"waiting-for\"") && page.contains("id=\"requests\""),
        "{page}"
    );
    let inbox = world.inbox(jonas).await;
    assert!(inbox.contains("Cut over"), "{inbox}");
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&world.db)
        .await
        .unwrap();
    let page = jonas.get("/").await.ok().text() + &world.inbox(jonas).await;
    for hidden in ["Cut over", "A replica", "INF-", "Infrastructure"] {
        assert!(!page.contains(hidden), "{hidden} is in {page}");
    }
}

#[tokio::test]
async fn leads_see_requests_on_my_work_and_in_the_standup() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let sent = jonas
        .post(
            "/teams/infrastructure/requests",
            &[("title", "A read replica"), ("by", "2026-12-04")],
        )
        .await
        .status(303);
    assert_eq!(sent.header("location"), "/?sent=infrastructure#requests");
    let page = jonas.get("/?sent=infrastructure").await.ok().text();
    assert!(page.contains("Sent to Infrastructure."), "{page}");
    assert!(
        !jonas
            .get("/?sent=nowhere")
            .await
            .ok()
            .text()
            .contains("Sent to")
    );

    let standup = "/teams/infrastructure/standup";
    assert!(
        elif.get(standup)
            .await
            .ok()
            .text()
            .contains("1 request from other teams to answer")
    );
    assert!(
        elif.get("/standup")
            .await
            .ok()
            .text()
            .contains("1 request from other teams to answer")
    );
    // members see it in the standup, leads on their page too
    assert!(
        !elif
            .get("/")
            .await
            .ok()
            .text()
            .contains("Requests to your teams")
    );
    make_lead(&world, elif).await;
    let page = elif.get("/").await.ok().text();
    assert!(
        page.contains("Requests to your teams") && page.contains("A read replica"),
        "{page}"
    );
    assert!(page.contains("Jonas Gruber · needed by"), "{page}");
    assert!(
        !page.contains("id=\"requests\""),
        "it is not their own: {page}"
    );
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM requests")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(
        &format!("/teams/infrastructure/requests/{id}"),
        &[("outcome", "taken")],
    )
    .await
    .ok();
    assert!(
        !elif
            .get("/")
            .await
            .ok()
            .text()
            .contains("Requests to your teams")
    );
    assert!(!elif.get(standup).await.ok().text().contains("to answer"));
}

#[tokio::test]
async fn request_outcome_is_shown_to_its_author() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    for title in ["A replica for reports", "A bigger disk", "A pony"] {
        let fields = [
            ("title", title),
            ("why", "We wait\r\nfor it"),
            ("by", "2026-12-04"),
        ];
        assert_eq!(
            jonas
                .post("/teams/infrastructure/requests", &fields)
                .await
                .status,
            303
        );
    }
    let refused = jonas
        .post(
            "/teams/infrastructure/requests",
            &[("title", " "), ("why", "Because")],
        )
        .await
        .status(422)
        .text();
    assert!(
        refused.contains("Enter what you need, in 1 to 500 characters")
            && refused.contains("Because"),
        "{refused}"
    );
    let intake = elif.get("/teams/infrastructure/requests").await.ok().text();
    assert!(
        intake.contains("A pony") && intake.contains("Jonas Gruber, Ingestion"),
        "{intake}"
    );
    assert!(
        intake.contains("We wait") && intake.contains("needed by Fri 4 Dec"),
        "reason and date are shown: {intake}"
    );
    let never = [("title", "A day that is none"), ("by", "2026-02-30")];
    jonas
        .post("/teams/infrastructure/requests", &never)
        .await
        .status(422);
    assert!(
        elif.get("/teams/infrastructure/planning")
            .await
            .ok()
            .text()
            .contains(">3</a></b>open requests, 0 concerns")
    );
    let id = |title: &str| {
        let before = intake.split(title).next().unwrap();
        before.rsplit("id=\"request-").next().unwrap()[..36].to_owned()
    };
    let settle = |title: &str, fields: &[(&'static str, &'static str)]| {
        let (path, fields) = (
            format!("/teams/infrastructure/requests/{}", id(title)),
            fields.to_vec(),
        );
        let mut fields: Vec<(String, String)> = fields
            .into_iter()
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .collect();
        fields.push(("request".to_owned(), id(title)));
        async move {
            let fields: Vec<(&str, &str)> = fields
                .iter()
                .map(|(a, b)| (a.as_str(), b.as_str()))
                .collect();
            elif.post(&path, &fields).await
        }
    };
    let taken = settle("A replica for reports", &[("outcome", "taken")]).await;
    assert_eq!(taken.header("location"), "/tasks/INF-1");
    let task = elif.load_task("INF-1").await;
    assert_eq!(
        (&task["title"], &task["due"], &task["needed_by"]),
        (
            &"A replica for reports".into(),
            &"2026-12-04".into(),
            &"@jonas, Ingestion".into()
        )
    );
    assert!(
        task["description"].as_str().unwrap().contains("We wait"),
        "{task}"
    );
    let why = settle("A pony", &[("outcome", "declined"), ("answer", "")])
        .await
        .status(422)
        .text();
    assert!(
        why.contains("Enter a reason. The person who made the request will see it."),
        "{why}"
    );
    settle(
        "A pony",
        &[("outcome", "declined"), ("answer", "No stable here")],
    )
    .await
    .ok();
    settle(
        "A bigger disk",
        &[("outcome", "answered"), ("answer", "It grows by itself")],
    )
    .await
    .ok();
    settle("A pony", &[("outcome", "taken")]).await.status(409);
    let own = jonas.get("/").await.ok().text();
    let requests = own
        .split("id=\"requests\"")
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap();
    for expected in [
        "accepted by Elif Hartmann: INF-1 is in Todo",
        "No stable here",
        "declined by Elif",
        "It grows by itself",
    ] {
        assert!(
            requests.contains(expected),
            "{expected} is not in {requests}"
        );
    }
    // the accepted task is for the author of the request
    assert!(own.contains("You are waiting for"), "{own}");
    // a team that became private in the meantime is not named in another team's task
    assert_eq!(
        jonas
            .post(
                "/teams/infrastructure/requests",
                &[("title", "A second replica")]
            )
            .await
            .status,
        303
    );
    sqlx::query("UPDATE teams SET private = true WHERE slug = 'ingestion'")
        .execute(&world.db)
        .await
        .unwrap();
    let request: uuid::Uuid = sqlx::query_scalar("SELECT id FROM requests WHERE outcome IS NULL")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let path = format!("/teams/infrastructure/requests/{request}");
    assert_eq!(
        elif.post(&path, &[("outcome", "taken")])
            .await
            .header("location"),
        "/tasks/INF-2"
    );
    assert_eq!(elif.load_task("INF-2").await["needed_by"], "@jonas");
    // a member of another team cannot answer requests
    jonas
        .post(
            &format!("/teams/infrastructure/requests/{}", id("A pony")),
            &[("outcome", "taken")],
        )
        .await
        .status(403);
    jonas
        .post(
            &format!("/teams/ingestion/requests/{}", id("A pony")),
            &[("outcome", "taken")],
        )
        .await
        .status(404);
}

#[tokio::test]
async fn concerns_are_listed_until_they_are_answered() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let goal = set_goal(
        &world,
        elif,
        "42",
        &[("title", "Fifty tables"), ("target", "50")],
    )
    .await;
    let path = format!("/teams/infrastructure/goals/{goal}/comments");
    jonas
        .post(
            &path,
            &[("kind", "concern"), ("body", "We will be blocked by this")],
        )
        .await
        .ok();
    let intake = elif.get("/teams/infrastructure/requests").await.ok().text();
    assert!(
        intake.contains("We will be blocked by this") && intake.contains("Fifty tables"),
        "{intake}"
    );
    let concern: uuid::Uuid = sqlx::query_scalar("SELECT id FROM goal_comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let answer_path = format!("/teams/infrastructure/goal-comments/{concern}/answer");
    elif.post(&answer_path, &[("answer", "We start after your release")])
        .await
        .ok();
    let intake = elif.get("/teams/infrastructure/requests").await.ok().text();
    assert!(!intake.contains("We will be blocked by this"), "{intake}");
}

/// Cases 15, 18, 22. The link opens one page, and the page shows no e-mail addresses or task links.
#[tokio::test]
async fn guest_sees_the_shared_page_and_nothing_else() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    make_lead(&world, elif).await;
    let stuck = elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    let theirs = jonas
        .create_task("ingestion", "todo", "A plan of theirs")
        .await;
    // e-mail addresses are removed from every text
    for statement in [
        "UPDATE columns SET name = 'Blocked by ' || 'sre@example.org' WHERE slug = 'blocked'",
        "UPDATE sprints SET name = 'Sprint 42 for ceo@example.org' WHERE number = 42",
        "UPDATE teams SET name = 'Infrastructure of cto@example.org' WHERE key = 'INF'",
        "UPDATE workspace SET seq = seq + 1",
    ] {
        sqlx::query(statement).execute(&world.db).await.unwrap();
    }
    let goal = [
        ("title", "As sales@example.org wants"),
        ("target", "2"),
        ("why", "See <why@example.org>"),
    ];
    set_goal(&world, elif, "42", &goal).await;
    let written = elif
        .create_task("infrastructure", "todo", "Answer legal@example.org, @jonas")
        .await;
    elif.post(
        &format!("/tasks/{written}"),
        &[("goal", "1"), ("due", "2026-11-27")],
    )
    .await
    .ok();
    let note = [("kind", "text"), ("note", "(counsel@example.org)")];
    elif.post(&format!("/tasks/{written}/block"), &note)
        .await
        .ok();
    elif.post(&format!("/tasks/{stuck}/owners"), &[("owners", "elif")])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{stuck}/block"),
        &[("kind", "task"), ("on", &theirs)],
    )
    .await
    .ok();
    elif.post(
        &format!("/tasks/{stuck}"),
        &[("needed_by", "Growth, growth@example.org")],
    )
    .await
    .ok();
    let mine = jonas
        .create_task("ingestion", "in-progress", "Another plan")
        .await;
    jonas
        .post(
            &format!("/tasks/{mine}/block"),
            &[("kind", "task"), ("on", &stuck)],
        )
        .await
        .ok();
    let guest = world.stranger();
    for shows in ["check-in", "board"] {
        let secret = create_share_link(elif, shows).await;
        let page = guest.get(&format!("/share/{secret}")).await.status(200);
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("x-robots-tag"), "noindex, nofollow");
        let text = page.text();
        assert!(
            text.contains("Cut over") && text.contains("Waiting on a task of Ingestion"),
            "{text}"
        );
        assert!(
            text.contains("Answer (an address) @jonas") && text.contains("As (an address) wants"),
            "{text}"
        );
        for hidden in [
            "example.org",
            "A plan of theirs",
            "Another plan",
            "ING-",
            "/tasks/",
            "<button",
            "data-editable",
        ] {
            assert!(
                !text.contains(hidden),
                "{shows} link shows {hidden}: {text}"
            );
        }
        // the list of links shows their names but not their secrets
        let listed = elif.get("/teams/infrastructure/settings").await.ok().text();
        assert!(
            listed.contains("The auditors") && !listed.contains(&secret),
            "{listed}"
        );
        let hashes: Vec<Vec<u8>> = sqlx::query_scalar("SELECT token_hash FROM share_links")
            .fetch_all(&world.db)
            .await
            .unwrap();
        assert!(
            hashes
                .iter()
                .all(|hash| hash.len() == 32 && hash != secret.as_bytes())
        );
    }
    // a link for the board opens the board and the badge
    let board = create_share_link(elif, "board").await;
    for (file, status) in [
        ("check-in.json", 404),
        ("changes.atom", 404),
        ("calendar.ics", 404),
        ("embed", 404),
        ("badge.svg", 200),
    ] {
        guest
            .get(&format!("/share/{board}/{file}"))
            .await
            .status(status);
    }
    let secret = create_share_link(elif, "check-in").await;
    for (file, kind) in [
        ("check-in.json", "application/json"),
        ("changes.atom", "application/atom+xml; charset=utf-8"),
        ("calendar.ics", "text/calendar; charset=utf-8"),
        ("badge.svg", "image/svg+xml"),
    ] {
        let feed = guest
            .get(&format!("/share/{secret}/{file}"))
            .await
            .status(200);
        assert_eq!(feed.header("content-type"), kind);
        for hidden in ["A plan of theirs", "ING-", "example.org"] {
            assert!(
                !feed.text().contains(hidden),
                "{file} shows {hidden}: {}",
                feed.text()
            );
        }
        assert_eq!(
            feed.header("cross-origin-resource-policy"),
            "cross-origin",
            "{file} can be embedded in other sites"
        );
    }
    let embedded = guest
        .get(&format!("/share/{secret}/embed"))
        .await
        .status(200);
    assert!(
        embedded
            .header("content-security-policy")
            .contains("frame-ancestors *")
    );
    assert_eq!(embedded.header("x-frame-options"), "");
    assert!(
        !embedded.text().contains("data-live"),
        "{}",
        embedded.text()
    );
    assert!(
        !embedded.text().contains("example.org"),
        "{}",
        embedded.text()
    );
    // the secret opens no other page and not the API
    for path in [
        "/teams/infrastructure",
        "/teams/ingestion/check-in",
        &format!("/tasks/{stuck}"),
    ] {
        let bearer = Client {
            bearer: Some(secret.clone()),
            ..world.stranger()
        };
        bearer.get(path).await.status(401);
        bearer
            .api(axum::http::Method::GET, "/teams", serde_json::json!({}))
            .await
            .status(401);
    }
    guest
        .get(&format!("/share/{secret}/nonsense"))
        .await
        .status(404);
    guest.get("/share/nonsense").await.status(404);
    guest.get("/share/%00").await.status(404);
}

/// Cases 11, 17. Only a lead of the team can revoke it.
#[tokio::test]
async fn share_link_ends_on_revocation_expiry_or_privacy() {
    let world = World::new().await;
    let elif = &world.elif;
    make_lead(&world, elif).await;
    let guest = world.stranger();
    let secret = create_share_link(elif, "check-in").await;
    let address = format!("/share/{secret}");
    guest.get(&address).await.status(200);
    let page = elif.get("/teams/infrastructure/settings").await.ok().text();
    assert!(page.contains("last used just now"), "{page}");
    let revoke = page
        .split("/share-links/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    // a lead of another team cannot see it
    make_lead(&world, &world.jonas).await;
    world
        .jonas
        .post(&format!("/teams/ingestion/share-links/{revoke}"), &[])
        .await
        .status(404);
    elif.post(&format!("/teams/infrastructure/share-links/{revoke}"), &[])
        .await
        .ok();
    for file in ["", "/live", "/embed", "/badge.svg", "/check-in.json"] {
        guest.get(&format!("{address}{file}")).await.status(404);
    }
    let short = [("name", "For a day"), ("shows", "board"), ("days", "1")];
    let page = elif
        .post("/teams/infrastructure/share-links", &short)
        .await
        .status(200)
        .text();
    let secret = page
        .split("/share/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    guest.get(&format!("/share/{secret}")).await.status(200);
    world.app.clock.advance(Span::days(1) + Span::seconds(1));
    guest.get(&format!("/share/{secret}")).await.status(404);
    for (days, name) in [("0", "x"), ("367", "x"), ("7", " ")] {
        let fields = [("name", name), ("shows", "board"), ("days", days)];
        elif.post("/teams/infrastructure/share-links", &fields)
            .await
            .status(422);
    }
    let secret = create_share_link(elif, "board").await;
    elif.post("/teams/infrastructure/visibility", &[("private", "1")])
        .await
        .ok();
    guest.get(&format!("/share/{secret}")).await.status(404);
}

#[tokio::test]
async fn share_link_shows_nothing_before_its_password() {
    let world = World::new().await;
    let elif = &world.elif;
    make_lead(&world, elif).await;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let fields = [
        ("name", "The board"),
        ("shows", "check-in"),
        ("password", "open sesame please"),
    ];
    let page = elif
        .post("/teams/infrastructure/share-links", &fields)
        .await
        .status(200)
        .text();
    let address = format!(
        "/share/{}",
        page.split("/share/")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
    );
    let guest = world.stranger();
    let prompt = guest.get(&address).await.status(200).text();
    assert!(
        prompt.contains("Password required")
            && !prompt.contains("Cut over")
            && !prompt.contains("Infrastructure"),
        "{prompt}"
    );
    for file in ["live", "embed", "badge.svg"] {
        guest.get(&format!("{address}/{file}")).await.status(403);
    }
    guest
        .post(&address, &[("password", "wrong")])
        .await
        .status(422);
    let opened = guest
        .post(&address, &[("password", "open sesame please")])
        .await;
    assert_eq!(opened.status, 303);
    let cookie = opened
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let inside = Client {
        cookie,
        ..world.stranger()
    };
    assert!(
        inside
            .get(&address)
            .await
            .status(200)
            .text()
            .contains("Cut over")
    );
    inside
        .get(&format!("{address}/badge.svg"))
        .await
        .status(200);
    let forged = Client {
        cookie: inside.cookie.split('=').next().unwrap().to_owned() + "=1",
        ..world.stranger()
    };
    assert!(
        forged
            .get(&address)
            .await
            .status(200)
            .text()
            .contains("Password required")
    );
}

#[tokio::test]
async fn public_page_is_open_until_it_is_revoked() {
    let world = World::new().await;
    let elif = &world.elif;
    make_lead(&world, elif).await;
    let guest = world.stranger();
    guest.get("/public/infrastructure").await.status(404);
    elif.post("/teams/infrastructure/public", &[("public", "1")])
        .await
        .ok();
    elif.post("/teams/infrastructure/public", &[("public", "1")])
        .await
        .ok();
    let created: i64 =
        sqlx::query_scalar("SELECT count(*) FROM events WHERE kind = 'share-link.created'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(created, 1, "publishing twice creates one link");
    assert!(
        guest
            .get("/public/infrastructure")
            .await
            .status(200)
            .text()
            .contains("Infrastructure, day 7")
    );
    assert!(
        guest
            .get("/public/infrastructure/badge.svg")
            .await
            .status(200)
            .text()
            .contains("Sprint 42: 0 of 0 done")
    );
    guest.get("/public/ingestion").await.status(404);
    elif.post("/teams/infrastructure/public", &[]).await.ok();
    guest.get("/public/infrastructure").await.status(404);
    elif.post("/teams/infrastructure/visibility", &[("private", "1")])
        .await
        .ok();
    elif.post("/teams/infrastructure/public", &[("public", "1")])
        .await
        .status(422);
}

/// Case 17. The stream carries no content.
#[tokio::test]
async fn guest_stream_signals_changes_and_ends_with_its_link() {
    let world = World::new().await;
    let elif = &world.elif;
    make_lead(&world, elif).await;
    let secret = create_share_link(elif, "check-in").await;
    let dispatcher = tokio::spawn(dispatcher::run(world.app.clone()));
    let response = world
        .router
        .clone()
        .oneshot(
            Request::get(format!("/share/{secret}/live"))
                .body(Body::empty())
                .unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/event-stream"
    );
    let mut frames = response.into_body().into_data_stream();
    let mut received = String::new();
    elif.create_task("infrastructure", "todo", "A title that is not the guest's")
        .await;
    world
        .jonas
        .create_task("ingestion", "todo", "Nor this")
        .await;
    let wait = Duration::from_secs(10);
    while !received.contains("event: reset") {
        received += &String::from_utf8_lossy(
            &tokio::time::timeout(wait, frames.next())
                .await
                .unwrap()
                .unwrap()
                .unwrap(),
        );
    }
    let id = fetch_share_link_id(&world).await;
    let since = std::time::Instant::now();
    elif.post(
        &format!("/teams/infrastructure/share-links/{id}/revoke"),
        &[],
    )
    .await
    .ok();
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(wait, frames.next()).await {
        received += &String::from_utf8_lossy(&frame);
    }
    assert!(received.contains("This link has expired."), "{received}");
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "{:?}",
        since.elapsed()
    );
    assert!(
        !received.contains("not the guest's")
            && !received.contains("Nor this")
            && !received.contains("presence"),
        "{received}"
    );
    dispatcher.abort();
}

async fn fetch_share_link_id(world: &World) -> uuid::Uuid {
    sqlx::query_scalar("SELECT id FROM share_links ORDER BY id DESC LIMIT 1")
        .fetch_one(&world.db)
        .await
        .unwrap()
}

/// Cases 41, 49. Markup, control characters and line breaks are escaped or removed.
#[tokio::test]
async fn feeds_are_well_formed_for_any_title() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif
        .create_task("infrastructure", "todo", "<b>&\"' ]]> ;,\\ =1+1")
        .await;
    let odd = elif
        .create_task(
            "infrastructure",
            "todo",
            "Neither \u{7}bells \u{ffff}nor \u{fffe}ends",
        )
        .await;
    elif.post(&format!("/tasks/{odd}"), &[("due", "2026-11-30")])
        .await
        .ok();
    sqlx::query("UPDATE sprints SET name = E'Sprint\\x07 42' WHERE number = 42")
        .execute(&world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE workspace SET seq = seq + 1")
        .execute(&world.db)
        .await
        .unwrap();
    for file in ["changes.atom", "calendar.ics", "badge.svg"] {
        let text = elif
            .get(&format!("/teams/infrastructure/check-in/{file}"))
            .await
            .ok()
            .text();
        let odd = |letter: char| {
            letter.is_control() && !"\r\n".contains(letter) || "\u{fffe}\u{ffff}".contains(letter)
        };
        assert!(!text.contains(odd), "{file}: {text:?}");
        assert!(
            file == "badge.svg" || text.contains("Neither bells nor ends"),
            "{file}: {text}"
        );
    }
    elif.post(&format!("/tasks/{key}"), &[("due", "2026-11-30")])
        .await
        .ok();
    let atom = elif
        .get("/teams/infrastructure/check-in/changes.atom")
        .await
        .ok()
        .text();
    assert!(
        atom.contains("&#60;b&#62;&#38;") && !atom.contains("<b>"),
        "{atom}"
    );
    let calendar = elif
        .get("/teams/infrastructure/check-in/calendar.ics")
        .await
        .ok()
        .text();
    let unfolded = calendar.replace("\r\n ", "");
    assert!(
        unfolded.contains("DTSTART;VALUE=DATE:20261116")
            && unfolded.contains("DTEND;VALUE=DATE:20261130"),
        "{calendar}"
    );
    assert!(
        unfolded.contains("SUMMARY:INF-1 <b>&\"' ]]> \\;\\,\\\\ =1+1"),
        "{calendar}"
    );
    assert!(calendar.lines().all(|line| line.len() <= 75), "{calendar}");
    let badge = elif
        .get("/teams/infrastructure/check-in/badge.svg")
        .await
        .ok()
        .text();
    assert!(badge.contains("Sprint 42: 0 of 2 done"), "{badge}");
    elif.get("/teams/infrastructure/check-in/passwd")
        .await
        .status(404);
}

#[tokio::test]
async fn unchanged_check_in_is_not_rendered_again() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    for path in [
        "/teams/infrastructure/check-in",
        "/teams/infrastructure/check-in/badge.svg",
    ] {
        let first = jonas.get(path).await.status(200);
        let request = Request::get(path).header(header::IF_NONE_MATCH, first.header("etag"));
        assert_eq!(
            jonas
                .send(request.body(Body::empty()).unwrap())
                .await
                .status,
            304,
            "{path}"
        );
    }
    let before = jonas
        .get("/teams/infrastructure/check-in/badge.svg")
        .await
        .status(200)
        .header("etag")
        .to_owned();
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
    let after = jonas
        .get("/teams/infrastructure/check-in/badge.svg")
        .await
        .status(200);
    assert_ne!(after.header("etag"), before);
    assert!(after.text().contains("1 of 1 done"));
    // the cached page is not served to a reader without access
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&world.db)
        .await
        .unwrap();
    jonas
        .get("/teams/infrastructure/check-in")
        .await
        .status(404);
    jonas
        .get("/teams/infrastructure/check-in/badge.svg")
        .await
        .status(404);
}

#[tokio::test]
async fn columns_are_added_renamed_moved_and_deleted() {
    let world = World::new().await;
    let elif = &world.elif;
    make_lead(&world, elif).await;
    let at = "/teams/infrastructure/columns";
    elif.post(at, &[("name", "Ready to release"), ("state", "review")])
        .await
        .ok();
    elif.post(at, &[("name", "Ready to release"), ("state", "review")])
        .await
        .status(422);
    elif.post(at, &[("name", " "), ("state", "review")])
        .await
        .status(422);
    elif.post(at, &[("name", "x"), ("state", "sleeping")])
        .await
        .status(422);
    let column = format!("{at}/ready-to-release");
    elif.post(&column, &[("to", "left")]).await.ok();
    elif.post(&column, &[("name", "To release"), ("state", "done")])
        .await
        .ok();
    let order: Vec<String> = sqlx::query_scalar(
        "SELECT c.name FROM columns c JOIN teams t ON t.id = c.team_id WHERE t.key = 'INF' ORDER BY c.position",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert_eq!(
        order,
        [
            "Todo",
            "In progress",
            "Blocked",
            "In review",
            "To release",
            "Done"
        ]
    );
    let (first, second) = (
        elif.create_task("infrastructure", "ready-to-release", "One")
            .await,
        elif.create_task("infrastructure", "ready-to-release", "Two")
            .await,
    );
    let archived = elif
        .create_task("infrastructure", "ready-to-release", "Three")
        .await;
    elif.post(&format!("/tasks/{archived}/archive"), &[])
        .await
        .ok();
    // a renamed column keeps its slug, and its former name can be used again
    elif.post(at, &[("name", "Ready to release"), ("state", "review")])
        .await
        .ok();
    let twin = format!("{at}/ready-to-release-2");
    // no other column may have its new name, in any case
    let taken = elif
        .post(&twin, &[("name", "todo"), ("state", "review")])
        .await
        .status(422)
        .text();
    assert!(
        taken.contains("A column with this name already exists."),
        "{taken}"
    );
    elif.post(&twin, &[("name", "Almost"), ("state", "review")])
        .await
        .ok();
    elif.post(&format!("{twin}/remove"), &[("into", "done")])
        .await
        .ok();
    // changing the state of a used column would contradict its history
    elif.post(&column, &[("name", "To release"), ("state", "review")])
        .await
        .status(422);
    let asks = elif.get(&format!("{column}/remove")).await.ok().text();
    assert!(asks.contains("It has 2 tasks and 1 archived"), "{asks}");
    elif.post(&format!("{column}/remove"), &[("into", "")])
        .await
        .status(422);
    elif.post(&format!("{column}/remove"), &[("into", "ready-to-release")])
        .await
        .status(422);
    // archived tasks may not change between done and not done
    let refused = elif
        .post(&format!("{column}/remove"), &[("into", "in-progress")])
        .await
        .status(422)
        .text();
    assert!(
        refused.contains("This column has archived done tasks"),
        "{refused}"
    );
    elif.post(at, &[("name", "Out"), ("state", "done")])
        .await
        .ok();
    let events = "SELECT count(*) FROM events WHERE kind = 'task.column-deleted'";
    elif.post(&format!("{column}/remove"), &[("into", "out")])
        .await
        .ok();
    let rehoused: i64 = sqlx::query_scalar(events)
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(rehoused, 1, "the history records the new column");
    crate::concurrency::check_board(&world).await;
    assert_eq!(
        world.column_keys("infrastructure", "out").await,
        [first.clone(), second]
    );
    assert_eq!(elif.load_task(&archived).await["column"], "out");
    assert!(
        elif.get(&format!("/tasks/{first}"))
            .await
            .ok()
            .text()
            .contains("moved it to Out")
    );
    elif.get(&format!("{column}/remove")).await.status(404);
    // only a lead of the team can delete a column
    world
        .jonas
        .post(&format!("{at}/todo/remove"), &[("into", "done")])
        .await
        .status(403);
    let history = elif.get("/teams/infrastructure/history").await.ok().text();
    for expected in [
        "added the column Ready to release",
        "changed the column Ready to release to To release",
        "changed the order",
        "deleted the column To release",
    ] {
        assert!(history.contains(expected), "{expected} is not in {history}");
    }
}

/// A change that waits for a column lock holds no lock that the owner of the column lock may need next.
#[tokio::test]
async fn columns_and_tasks_are_always_locked_in_one_order() {
    let world = World::new().await;
    let elif = &world.elif;
    make_lead(&world, elif).await;
    let (first, second) = (
        elif.create_task("infrastructure", "todo", "One").await,
        elif.create_task("infrastructure", "todo", "Two").await,
    );
    // the newer task is above the older one
    elif.post(
        &format!("/tasks/{second}/position"),
        &[("column", "todo"), ("before", &first)],
    )
    .await
    .ok();
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        [second, first]
    );
    let at = "/teams/infrastructure/columns/todo";
    let in_todo = "SELECT FROM columns WHERE slug = 'todo' FOR NO KEY UPDATE";
    let task = |number: i64| format!("SELECT FROM tasks WHERE number = {number} FOR NO KEY UPDATE");
    for (path, fields, held, wanted) in [
        (
            at.to_owned(),
            [("name", "To do"), ("state", "todo")],
            in_todo.to_owned(),
            "UPDATE workspace SET seq = seq + 1".to_owned(),
        ),
        (
            at.to_owned(),
            [("to", "right"), ("x", "")],
            in_todo.to_owned(),
            "UPDATE workspace SET seq = seq + 1".to_owned(),
        ),
        (
            format!("{at}/remove"),
            [("into", "done"), ("x", "")],
            task(1),
            task(2),
        ),
    ] {
        let mut tx = world.db.begin().await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(held))
            .execute(&mut *tx)
            .await
            .unwrap();
        let client = elif.clone();
        let pending = tokio::spawn(async move { client.post(&path, &fields).await });
        world.wait_for_lock_waiter().await;
        sqlx::query("SET LOCAL lock_timeout = '500ms'")
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query(sqlx::AssertSqlSafe(wanted.clone()))
            .execute(&mut *tx)
            .await
            .unwrap_or_else(|_| panic!("{wanted}"));
        tx.commit().await.unwrap();
        pending.await.unwrap().ok();
    }
}

#[tokio::test]
async fn lead_demoted_during_a_change_changes_nothing() {
    let world = World::new().await;
    let elif = &world.elif;
    make_lead(&world, elif).await;
    for (path, fields) in [
        (
            "/teams/infrastructure/columns/todo",
            [("name", "To do"), ("state", "todo")],
        ),
        (
            "/teams/infrastructure/columns",
            [("name", "Testing"), ("state", "doing")],
        ),
    ] {
        sqlx::query("UPDATE members SET role = 'lead'")
            .execute(&world.db)
            .await
            .unwrap();
        let mut tx = world.db.begin().await.unwrap();
        sqlx::query("SELECT FROM workspace FOR UPDATE")
            .execute(&mut *tx)
            .await
            .unwrap();
        let client = elif.clone();
        let pending = tokio::spawn(async move { client.post(path, &fields).await });
        world.wait_for_lock_waiter().await;
        sqlx::query("UPDATE members SET role = 'member'")
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let refused = pending.await.unwrap().status(403).text();
        assert!(
            refused.contains("You no longer have permission to change this. Nothing was changed."),
            "{refused}"
        );
    }
    let names: Vec<String> = sqlx::query_scalar("SELECT DISTINCT name FROM columns ORDER BY name")
        .fetch_all(&world.db)
        .await
        .unwrap();
    assert_eq!(
        names,
        ["Blocked", "Done", "In progress", "In review", "Todo"]
    );
    // changes that members are allowed to make still work
    elif.create_task("infrastructure", "todo", "Cut over").await;
}

#[tokio::test]
async fn refused_settings_form_leaves_the_others_unchanged() {
    let world = World::new().await;
    let elif = &world.elif;
    make_lead(&world, elif).await;
    let before = elif.get("/teams/infrastructure/settings").await.ok().text();
    let week = |page: &str| {
        page.split("Working days and standups")
            .nth(1)
            .unwrap()
            .split("Days off")
            .next()
            .unwrap()
            .to_owned()
    };
    let days_off = |page: &str| page.split("Days off").nth(1).unwrap().to_owned();
    let share = [
        ("form", "share"),
        ("name", "Auditors"),
        ("shows", "board"),
        ("days", "0"),
    ];
    let page = elif
        .post("/teams/infrastructure/share-links", &share)
        .await
        .status(422)
        .text();
    assert!(
        page.contains("1 to 366 days") && week(&page) == week(&before),
        "{page}"
    );
    assert!(!days_off(&page).contains("Auditors"), "{page}");
    let long = format!("Up next {}", "x".repeat(50));
    let rename = [("row", "todo"), ("name", long.as_str()), ("state", "doing")];
    let page = elif
        .post("/teams/infrastructure/columns/todo", &rename)
        .await
        .status(422)
        .text();
    let columns = page
        .split("id=\"columns\"")
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap();
    let typed = format!(r#"value="{long}"><select name="state" aria-label="State of Todo">"#);
    let state = columns
        .split(&typed)
        .nth(1)
        .expect("the form keeps the typed name")
        .split("</select>")
        .next()
        .unwrap();
    assert!(
        state.contains(r#"<option value="doing" selected>"#),
        "{state}"
    );
    assert!(
        columns.contains("1 to 50 characters") && !days_off(&page).contains("field-error"),
        "{page}"
    );
    let day = [("day", "2026-12-24"), ("name", &"x".repeat(101))];
    let page = elif
        .post("/teams/infrastructure/days-off", &day)
        .await
        .status(422)
        .text();
    assert!(
        days_off(&page).contains("at most 100") && days_off(&page).contains("2026-12-24"),
        "{page}"
    );
}

#[tokio::test]
async fn labels_are_renamed_and_deleted_on_every_task() {
    let world = World::new().await;
    let elif = &world.elif;
    make_lead(&world, elif).await;
    let key = elif.create_task("infrastructure", "todo", "One").await;
    elif.post(&format!("/tasks/{key}"), &[("labels", "postgres docs")])
        .await
        .ok();
    let id = |name: &'static str| {
        let db = world.db.clone();
        async move {
            let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM labels WHERE name = $1")
                .bind(name)
                .fetch_one(&db)
                .await
                .unwrap();
            format!("/teams/infrastructure/labels/{id}")
        }
    };
    let postgres = id("postgres").await;
    elif.post(&postgres, &[("name", "database"), ("hue", "3")])
        .await
        .ok();
    elif.post(&postgres, &[("name", "DOCS"), ("hue", "3")])
        .await
        .status(422);
    let row = postgres.rsplit('/').next().unwrap();
    let words = [("row", row), ("name", "two words"), ("hue", "5")];
    let page = elif.post(&postgres, &words).await.status(422).text();
    assert!(
        page.contains(r#"value="two words""#) && page.contains(r#"<option value="5" selected>"#),
        "{page}"
    );
    elif.post(&postgres, &[("name", "database"), ("hue", "12")])
        .await
        .status(422);
    elif.post(&id("docs").await, &[("remove", "1")]).await.ok();
    assert_eq!(
        elif.load_task(&key).await["labels"],
        serde_json::json!(["database"])
    );
    // another team's label is not found
    make_lead(&world, &world.jonas).await;
    world
        .jonas
        .post(
            &postgres.replace("infrastructure", "ingestion"),
            &[("remove", "1")],
        )
        .await
        .status(404);
    assert_eq!(
        elif.load_task(&key).await["labels"],
        serde_json::json!(["database"])
    );
}

#[tokio::test]
async fn team_list_shows_longest_blocked_task_and_last_change() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "Free").await;
    let legal = [("kind", "text"), ("note", "Legal")];
    for title in ["Cut over", "Blocked an hour later"] {
        let key = elif
            .create_task("infrastructure", "in-progress", title)
            .await;
        elif.post(&format!("/tasks/{key}/block"), &legal).await.ok();
        world.app.clock.advance(time::Duration::hours(1));
    }
    elif.create_task("infrastructure", "in-review", "Changed just now")
        .await;
    let page = world.jonas.get("/teams").await.ok().text();
    for counted in ["Todo 1", "Blocked 2", "In review 1"] {
        assert!(page.contains(counted), "{counted}: {page}");
    }
    assert!(
        page.contains("Blocked longest: <a href=\"/tasks/INF-2\">INF-2</a>")
            && page.contains("last change just now"),
        "{page}"
    );
}

/// Case F3. Members can still open theirs.
#[tokio::test]
async fn guests_of_one_network_cannot_use_all_streams() {
    let world = World::new().await;
    sqlx::query("UPDATE teams SET public = true")
        .execute(&world.db)
        .await
        .unwrap();
    let open = async || {
        let request = axum::http::Request::get("/public/infrastructure/live")
            .body(axum::body::Body::empty())
            .unwrap();
        tower::ServiceExt::oneshot(world.router.clone(), request)
            .await
            .unwrap()
    };
    let mut streams = Vec::new();
    for _ in 0..200 {
        streams.push(open().await);
    }
    assert!(streams.iter().all(|stream| stream.status() == 200));
    let refused = open().await;
    assert_eq!(
        (
            refused.status().as_u16(),
            refused.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "60")
    );
    world.elif.get("/teams/infrastructure").await.ok();
    drop(streams);
    while open().await.status() != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn my_work_lists_awaited_tasks_of_all_teams_done_first() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let later = elif.create_task("infrastructure", "todo", "Not yet").await;
    elif.post(&format!("/tasks/{later}"), &[("needed_by", "@jonas")])
        .await
        .ok();
    let mine = jonas.create_task("ingestion", "in-progress", "Mine").await;
    jonas
        .post(&format!("/tasks/{mine}/owners"), &[("owners", "jonas")])
        .await
        .ok();
    let needed = elif
        .create_task("infrastructure", "todo", "Mine waits on this")
        .await;
    jonas
        .post(
            &format!("/tasks/{mine}/block"),
            &[("kind", "task"), ("on", &needed)],
        )
        .await
        .ok();
    let stuck = elif
        .create_task("infrastructure", "todo", "The youngest, and blocked")
        .await;
    elif.post(&format!("/tasks/{stuck}"), &[("needed_by", "@jonas")])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{stuck}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    let done = jonas
        .create_task("ingestion", "done", "Done for Jonas")
        .await;
    jonas
        .post(&format!("/tasks/{done}"), &[("needed_by", "@jonas")])
        .await
        .ok();
    let page = jonas.get("/").await.ok().text();
    let awaited = page
        .split("id=\"waiting-for\"")
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap();
    let place = |title: &str| {
        awaited
            .find(title)
            .unwrap_or_else(|| panic!("{title}: {awaited}"))
    };
    assert!(
        place("Done for Jonas") < place("The youngest, and blocked"),
        "the order does not depend on the team"
    );
    assert!(place("The youngest, and blocked") < place("Not yet"));
    place("Mine waits on this");
}

#[tokio::test]
async fn viewer_cannot_save_filters() {
    let world = World::new().await;
    sqlx::query("UPDATE accounts SET role = 'viewer' WHERE handle = 'jonas'")
        .execute(&world.db)
        .await
        .unwrap();
    assert!(
        !world
            .jonas
            .get("/teams/infrastructure")
            .await
            .ok()
            .text()
            .contains("Save for me")
    );
    assert!(
        world
            .elif
            .get("/teams/infrastructure")
            .await
            .ok()
            .text()
            .contains("Save for me")
    );
}

#[tokio::test]
async fn refused_invitation_and_share_link_keep_their_input() {
    let world = World::new().await;
    let (ada, ..) = crate::people::create_account(&world, "ada", "admin").await;
    let fields = [
        ("team", "ingestion"),
        ("role", "viewer"),
        ("for", "many"),
        ("days", "500"),
    ];
    let page = ada
        .post("/settings/invitations", &fields)
        .await
        .status(422)
        .text();
    for expected in [
        "value=\"ingestion\" selected",
        "value=\"viewer\" selected",
        "value=\"many\" selected",
        "value=\"500\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    let fields = [
        ("form", "share"),
        ("name", "The auditors"),
        ("shows", "board"),
        ("days", "9999"),
    ];
    let page = ada
        .post("/teams/infrastructure/share-links", &fields)
        .await
        .status(422)
        .text();
    for expected in [
        "value=\"board\" selected",
        "value=\"9999\"",
        "value=\"The auditors\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}

#[tokio::test]
async fn author_withdraws_a_request_and_unfollows_a_task() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    jonas
        .post(
            "/teams/infrastructure/requests",
            &[("title", "A read replica"), ("why", "Reports")],
        )
        .await
        .ok();
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM requests")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let withdraw = format!("/teams/infrastructure/requests/{id}/withdraw");
    elif.post(&withdraw, &[]).await.status(404);
    assert!(jonas.get("/").await.ok().text().contains(&withdraw));
    jonas.post(&withdraw, &[]).await.ok();
    assert!(jonas.get("/").await.ok().text().contains("withdrawn"));
    let intake = elif.get("/teams/infrastructure/requests").await.ok().text();
    assert!(intake.contains("No open requests"), "{intake}");
    elif.post(
        &format!("/teams/infrastructure/requests/{id}"),
        &[("outcome", "taken")],
    )
    .await
    .status(409);
    jonas.post(&withdraw, &[]).await.status(409);

    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    jonas
        .post(&format!("/tasks/{key}/follow"), &[("follow", "1")])
        .await
        .ok();
    let own = jonas.get("/").await.ok().text();
    assert!(
        own.contains(&format!("action=\"/tasks/{key}/follow\"")),
        "{own}"
    );
    let back = jonas
        .post(&format!("/tasks/{key}/follow"), &[("back", "/#follow")])
        .await
        .ok();
    assert_eq!(back.header("location"), "/#follow");
    assert!(!jonas.get("/").await.ok().text().contains("Following"));
}

#[tokio::test]
async fn administrator_adds_a_team_and_becomes_its_lead() {
    let world = World::new().await;
    let (ada, ..) = crate::people::create_account(&world, "ada", "admin").await;
    assert!(ada.get("/teams").await.ok().text().contains("Add a team"));
    assert!(
        !world
            .elif
            .get("/teams")
            .await
            .ok()
            .text()
            .contains("Add a team")
    );
    let created = ada
        .post("/teams", &[("name", "Platform Security"), ("key", "sec")])
        .await
        .ok();
    assert_eq!(
        created.header("location"),
        "/teams/platform-security/settings"
    );
    let page = ada
        .get("/teams/platform-security/settings")
        .await
        .ok()
        .text();
    assert!(
        page.contains("Ada Lindqvist") && page.contains("lead, since"),
        "{page}"
    );
    assert_eq!(
        ada.create_task("platform-security", "todo", "First").await,
        "SEC-1"
    );
    let again = ada
        .post("/teams", &[("name", "Platform Security"), ("key", "SE2")])
        .await
        .status(422)
        .text();
    assert!(
        again.contains("A team with this address already exists")
            && again.contains("value=\"SE2\""),
        "{again}"
    );
    let key = ada
        .post("/teams", &[("name", "Another"), ("key", "SEC")])
        .await
        .status(422)
        .text();
    assert!(
        key.contains("A team with this key already exists") && key.contains("value=\"Another\""),
        "{key}"
    );
    ada.post("/teams", &[("name", "???"), ("key", "QQQ")])
        .await
        .status(422);
    assert!(
        ada.get("/teams/platform-security/history")
            .await
            .ok()
            .text()
            .contains("added the team Platform Security")
    );
}

#[tokio::test]
async fn private_team_sees_a_new_awaited_task_at_once() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    sqlx::query("UPDATE teams SET private = true WHERE key = 'ING'")
        .execute(&world.db)
        .await
        .unwrap();
    let awaited = elif
        .create_task("infrastructure", "todo", "Opens the door")
        .await;
    let check_in = "/teams/infrastructure/check-in";
    assert!(
        !jonas
            .get(check_in)
            .await
            .ok()
            .text()
            .contains("You are waiting for")
    );
    let theirs = jonas
        .create_task("ingestion", "todo", "Waits at the door")
        .await;
    jonas
        .post(
            &format!("/tasks/{theirs}/block"),
            &[("kind", "task"), ("on", &awaited)],
        )
        .await
        .ok();
    assert!(
        jonas
            .get(check_in)
            .await
            .ok()
            .text()
            .contains("You are waiting for")
    );
}

#[tokio::test]
async fn bidirectional_control_characters_are_refused() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    for (client, path, field) in [
        (jonas, "/teams/infrastructure/requests", "title"),
        (elif, "/teams/infrastructure/actions", "text"),
        (elif, "/teams/infrastructure/topics", "text"),
        (elif, "/teams/infrastructure/goals", "title"),
        (elif, "/me", "name"),
        (elif, "/projects", "name"),
    ] {
        let turned = [
            (field, "pay \u{202e}gnp"),
            ("meeting", "standup"),
            ("team", "infrastructure"),
        ];
        let refused = client.post(path, &turned).await.status(422).text();
        assert!(
            refused.contains("contains a bidirectional control character"),
            "{path}: {refused}"
        );
    }
}

/// Case 22. An error page must not leak the secret either.
#[tokio::test]
async fn share_link_errors_send_no_referrer_and_no_index() {
    let world = World::new().await;
    make_lead(&world, &world.elif).await;
    let secret = create_share_link(&world.elif, "check-in").await;
    for path in [
        format!("/share/{secret}/nonsense"),
        "/share/never-was".to_owned(),
        "/public/infrastructure".to_owned(),
    ] {
        let refused = world.stranger().get(&path).await.status(404);
        assert_eq!(refused.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(
            refused.header("x-robots-tag"),
            "noindex, nofollow",
            "{path}"
        );
    }
}

#[tokio::test]
async fn check_in_lists_are_sorted_and_count_all_tasks() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    // two tasks in each state, created an hour apart
    for (column, older, newer) in [
        ("in-review", "Review older", "Review newer"),
        ("blocked", "Blocked older", "Blocked newer"),
        ("done", "Done older", "Done newer"),
        ("todo", "Todo above", "Todo below"),
    ] {
        for title in [older, newer] {
            let key = elif
                .create_task(
                    "infrastructure",
                    if column == "blocked" { "todo" } else { column },
                    title,
                )
                .await;
            if column == "blocked" {
                elif.post(
                    &format!("/tasks/{key}/block"),
                    &[("kind", "text"), ("note", "Legal")],
                )
                .await
                .ok();
            }
            world.app.clock.advance(Span::hours(1));
        }
    }
    let facts = jonas
        .get("/api/v1/teams/infrastructure/check-in")
        .await
        .ok()
        .json();
    let titles = |list: &str| -> Vec<String> {
        facts[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|card| card["title"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        titles("in_review"),
        ["Review older", "Review newer"],
        "longest first"
    );
    assert_eq!(
        titles("blocked"),
        ["Blocked older", "Blocked newer"],
        "longest first"
    );
    assert_eq!(titles("done"), ["Done newer", "Done older"], "newest first");
    assert_eq!(
        titles("next_up"),
        ["Todo above", "Todo below"],
        "in board order"
    );
    // long lists are cut but counted in full; blocked tasks are all shown
    for n in 0..14 {
        elif.create_task("infrastructure", "todo", &format!("More {n}"))
            .await;
        let key = elif
            .create_task("infrastructure", "todo", &format!("Stuck {n}"))
            .await;
        elif.post(
            &format!("/tasks/{key}/block"),
            &[("kind", "text"), ("note", "Legal")],
        )
        .await
        .ok();
    }
    let facts = jonas
        .get("/api/v1/teams/infrastructure/check-in")
        .await
        .ok()
        .json();
    let shown = |list: &str| facts[list].as_array().unwrap().len();
    assert_eq!(
        (&facts["counts"]["todo"], shown("next_up")),
        (&16.into(), 12)
    );
    assert_eq!(
        (&facts["counts"]["blocked"], shown("blocked")),
        (&16.into(), 16)
    );
}

#[tokio::test]
async fn awaited_task_says_that_it_was_postponed() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let keys = [
        elif.create_task("infrastructure", "todo", "Still in it")
            .await,
        elif.create_task("infrastructure", "todo", "Carried").await,
    ];
    let out = elif
        .create_task("infrastructure", "todo", "Taken out")
        .await;
    for (key, sprint) in [(&keys[0], "42"), (&keys[1], "43"), (&out, "")] {
        elif.post(
            &format!("/tasks/{key}"),
            &[("needed_by", "@jonas"), ("sprint", sprint)],
        )
        .await
        .ok();
    }
    let page = jonas
        .get("/teams/infrastructure/check-in")
        .await
        .ok()
        .text();
    let waited = page
        .split("You are waiting for")
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap();
    let of = |title: &str| {
        waited
            .split(title)
            .nth(1)
            .unwrap()
            .split("</li>")
            .next()
            .unwrap()
    };
    assert!(!of("Still in it").contains("sprint"), "{waited}");
    assert!(
        of("Carried").contains("in sprint 43") && of("Taken out").contains("in no sprint"),
        "{waited}"
    );
}

#[tokio::test]
async fn page_view_after_half_an_hour_counts_as_a_new_visit() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let path = "/teams/infrastructure/check-in";
    let since = async || {
        let page = jonas.get(path).await.ok().text();
        page.split("Since your last visit")
            .nth(1)
            .unwrap()
            .split("</section>")
            .next()
            .unwrap()
            .to_owned()
    };
    assert!(since().await.contains("First visit"));
    let key = elif
        .create_task("infrastructure", "todo", "Made meanwhile")
        .await;
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
    world.app.clock.advance(Span::hours(2));
    // neither HEAD requests nor programs count as visits
    let head = Request::head(path).body(Body::empty()).unwrap();
    jonas.send(head).await.status(200);
    world
        .program_of(jonas, fortnight::domain::policy::viewer::Scope::Read)
        .await
        .get(path)
        .await
        .status(200);
    world.app.clock.advance(Span::hours(2));
    let changes = since().await;
    assert!(
        changes.contains("Made meanwhile") && changes.contains("Tue 24 Nov 10:00"),
        "{changes}"
    );
    // just under half an hour later it is the same visit, just after it another one
    world
        .app
        .clock
        .advance(Span::minutes(30) - Span::seconds(1));
    assert!(since().await.contains("Made meanwhile"));
    world.app.clock.advance(Span::minutes(30));
    assert!(!since().await.contains("Made meanwhile"));
}

#[tokio::test]
async fn request_from_a_private_team_names_only_its_author() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    jonas
        .post(
            "/teams/infrastructure/requests",
            &[("title", "While it was open")],
        )
        .await
        .ok();
    sqlx::query("UPDATE teams SET private = true, seq = seq + 1 WHERE key = 'ING'")
        .execute(&world.db)
        .await
        .unwrap();
    jonas
        .post(
            "/teams/infrastructure/requests",
            &[("title", "Once it was private")],
        )
        .await
        .ok();
    let of: Vec<Option<uuid::Uuid>> =
        sqlx::query_scalar("SELECT for_team_id FROM requests ORDER BY created_at, id")
            .fetch_all(&world.db)
            .await
            .unwrap();
    assert!(of[0].is_some() && of[1].is_none(), "{of:?}");
    let intake = elif.get("/teams/infrastructure/requests").await.ok().text();
    assert!(
        intake.contains("While it was open") && intake.contains("Jonas Gruber"),
        "{intake}"
    );
    assert!(!intake.contains("Ingestion"), "{intake}");
    // members of the private team still see its name
    assert!(
        jonas
            .get("/teams/infrastructure/requests")
            .await
            .ok()
            .text()
            .contains("Jonas Gruber, Ingestion")
    );
}

#[tokio::test]
async fn calendar_lists_open_due_tasks_and_links_to_visible_pages() {
    let world = World::new().await;
    let elif = &world.elif;
    make_lead(&world, elif).await;
    for (column, title) in [
        ("todo", "Still due"),
        ("done", "Done before it was due"),
        ("todo", "Put away"),
    ] {
        let key = elif.create_task("infrastructure", column, title).await;
        elif.post(&format!("/tasks/{key}"), &[("due", "2026-11-30")])
            .await
            .ok();
    }
    elif.post("/tasks/INF-3/archive", &[]).await.ok();
    let secret = create_share_link(elif, "check-in").await;
    let own = elif
        .get("/teams/infrastructure/check-in/calendar.ics")
        .await
        .ok()
        .text()
        .replace("\r\n ", "");
    let guests = world
        .stranger()
        .get(&format!("/share/{secret}/calendar.ics"))
        .await
        .ok()
        .text()
        .replace("\r\n ", "");
    for calendar in [&own, &guests] {
        assert!(
            calendar.contains("INF-1 Still due")
                && !calendar.contains("INF-2")
                && !calendar.contains("INF-3"),
            "{calendar}"
        );
    }
    assert!(
        own.contains("URL:http://fortnight.test/tasks/INF-1"),
        "{own}"
    );
    assert!(
        !guests.contains("/tasks/")
            && guests.contains(&format!("URL:http://fortnight.test/share/{secret}")),
        "{guests}"
    );
}

#[tokio::test]
async fn page_cached_for_a_read_token_is_not_served_to_its_owner() {
    let world = World::new().await;
    let jonas = &world.jonas;
    let program = world
        .program_of(jonas, fortnight::domain::policy::viewer::Scope::Read)
        .await;
    for (client, asks) in [
        (&program, false),
        (jonas, true),
        (&program, false),
        (jonas, true),
    ] {
        let page = client
            .get("/teams/infrastructure/check-in")
            .await
            .ok()
            .text();
        assert_eq!(page.contains("Make a request"), asks, "{page}");
    }
}

#[tokio::test]
async fn no_share_link_is_created_while_a_team_becomes_private() {
    let world = World::new().await;
    let (ada, ..) = crate::people::create_account(&world, "ada", "admin").await;
    let mut tx = world.db.begin().await.unwrap();
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&mut *tx)
        .await
        .unwrap();
    let client = ada.clone();
    let fields = [("name", "The auditors"), ("shows", "board")];
    let pending = tokio::spawn(async move {
        client
            .post("/teams/infrastructure/share-links", &fields)
            .await
    });
    world.wait_for_lock_waiter().await;
    tx.commit().await.unwrap();
    pending.await.unwrap().status(404);
    let links: i64 = sqlx::query_scalar("SELECT count(*) FROM share_links")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(links, 0);
}

#[tokio::test]
async fn workspace_change_is_not_a_teams_last_change() {
    let world = World::new().await;
    let (ada, ..) = crate::people::create_account(&world, "ada", "admin").await;
    world
        .elif
        .create_task("infrastructure", "todo", "One")
        .await;
    world.app.clock.advance(Span::hours(3));
    ada.post(
        "/settings",
        &[("name", "Ours"), ("open", "1"), ("domains", "example.org")],
    )
    .await
    .ok();
    assert!(
        ada.get("/teams")
            .await
            .ok()
            .text()
            .contains("last change 3 h ago")
    );
    // the event does not include the domains that can register
    let events = world
        .elif
        .get("/api/v1/teams/infrastructure/events")
        .await
        .ok()
        .text();
    assert!(
        events.contains("workspace.edited") && !events.contains("example.org"),
        "{events}"
    );
}

/// The ids of calendar events stay the same when names and keys change, and no other installation has them.
#[tokio::test]
async fn calendar_ids_are_stable_and_unique() {
    let world = World::new().await;
    let elif = &world.elif;
    make_lead(&world, elif).await;
    let key = elif.create_task("infrastructure", "todo", "Due").await;
    elif.post(&format!("/tasks/{key}"), &[("due", "2026-11-30")])
        .await
        .ok();
    let load_ids = async |team: &str| {
        let path = format!("/teams/{team}/check-in/calendar.ics");
        let calendar = elif.get(&path).await.ok().text().replace("\r\n ", "");
        let ids: Vec<String> = calendar
            .lines()
            .filter_map(|line| line.strip_prefix("UID:"))
            .map(str::to_owned)
            .collect();
        (calendar, ids)
    };
    let (calendar, before) = load_ids("infrastructure").await;
    assert!(
        calendar.contains("SUMMARY:Infrastructure: Sprint 42"),
        "{calendar}"
    );
    assert!(before.len() >= 2, "{before:?}");
    let renamed = [("name", "Platform"), ("key", "PLA")];
    elif.post("/teams/infrastructure/name", &renamed).await.ok();
    sqlx::query("UPDATE sprints SET number = number + 100")
        .execute(&world.db)
        .await
        .unwrap();
    let (calendar, after) = load_ids("infrastructure").await;
    assert!(
        calendar.contains("SUMMARY:Platform: Sprint 42"),
        "{calendar}"
    );
    assert_eq!(before, after);
    let (_, other) = load_ids("ingestion").await;
    assert!(!other.is_empty() && other.iter().all(|id| !before.contains(id)));
    let elsewhere = World::new().await;
    let path = "/teams/infrastructure/check-in/calendar.ics";
    let other = elsewhere
        .elif
        .get(path)
        .await
        .ok()
        .text()
        .replace("\r\n ", "");
    assert!(before.iter().all(|id| !other.contains(id)));
}

#[tokio::test]
async fn atom_feed_links_to_itself() {
    let world = World::new().await;
    make_lead(&world, &world.elif).await;
    let secret = create_share_link(&world.elif, "check-in").await;
    for feed in [
        "/teams/infrastructure/check-in/changes.atom".to_owned(),
        format!("/share/{secret}/changes.atom"),
    ] {
        let atom = world.elif.get(&feed).await.ok().text();
        let link = format!(
            "<link rel=\"self\" type=\"application/atom+xml\" href=\"http://fortnight.test{feed}\"/>"
        );
        assert!(atom.contains(&link), "{atom}");
    }
}
