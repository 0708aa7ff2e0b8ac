//! What pull requests do to tasks, and what they leave alone.

use serde_json::json;
use time::Duration;

use super::{Connected, PullRequest, ago};
use crate::{closing::close_sprint, fixtures::NOW};

#[tokio::test]
async fn life_of_a_pull_request_moves_its_task() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let mut request = PullRequest::new("Cut the alerts over");
    request.branch = "inf-1-cut-over";
    assert_eq!(key, "INF-1");
    let deliver = async |request: &PullRequest, action: &str, state: &str, minutes: i64| {
        let body = request.github(action, state, ago(minutes));
        connected.deliver("pull_request", &body).await;
        connected.column(&key).await
    };
    assert_eq!(
        deliver(&request, "opened", "draft", 60).await,
        "in-progress"
    );
    assert_eq!(
        deliver(&request, "ready_for_review", "open", 50).await,
        "in-review"
    );
    request.reviewers = vec!["Jonas-G"];
    assert_eq!(
        deliver(&request, "review_requested", "open", 40).await,
        "in-review"
    );
    request.body = "Closes INF-1.".to_owned();
    assert_eq!(deliver(&request, "edited", "open", 30).await, "in-review");
    assert_eq!(deliver(&request, "closed", "merged", 20).await, "done");
    let page = elif.get("/tasks/INF-1").await.ok().text();
    for shown in [
        "GitHub, #418",
        "was linked",
        "moved it to In progress",
        "moved it to In review",
        "moved it to Done",
        "was merged",
        "https://github.com/acme/alerts/pull/418",
        "review by Jonas-G",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let board = elif.get("/teams/infrastructure").await.ok().text();
    assert!(
        board.contains("pull request #418 merged, 1 reviewer"),
        "{board}"
    );
    let log = connected.log().await;
    for shown in [
        "#418 opened as a draft, acme/alerts",
        "Todo → In progress",
        "In progress → In review",
        "In review → Done",
        "it is in In review already",
    ] {
        assert!(log.contains(shown), "{shown}: {log}");
    }
    let history = elif.get("/teams/infrastructure/history").await.ok().text();
    assert!(history.contains("GitHub, #418"), "{history}");
}

/// The board is not rendered anew as a whole, and still shows what changed.
#[tokio::test]
async fn cards_show_the_newest_pull_request_and_its_checks() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let board = elif.get("/teams/infrastructure").await.ok().text();
    assert!(!board.contains("pull-request is-"), "nothing is linked");
    let request = PullRequest::new("INF-1 first");
    connected
        .deliver("pull_request", &request.github("opened", "open", ago(60)))
        .await;
    let check = |name: &str, conclusion: &str, minutes: i64| {
        json!({
            "action": "completed", "repository": { "full_name": "acme/alerts" },
            "check_run": {
                "name": name, "head_sha": "5f3c1d9", "status": "completed", "conclusion": conclusion,
                "completed_at": ago(minutes).format(&time::format_description::well_known::Rfc3339).unwrap(),
            },
        })
    };
    let shown = async |words: &str| {
        let board = elif.get("/teams/infrastructure").await.ok().text();
        assert!(board.contains(words), "{words}: {board}");
    };
    shown("pull request #418 open<").await;
    connected
        .deliver("check_run", &check("build", "success", 50))
        .await;
    shown("pull request #418 open, checks passed<").await;
    connected
        .deliver("check_run", &check("test", "failure", 49))
        .await;
    shown("pull request #418 open, checks failed<").await;
    // an earlier result of the same check that comes late
    connected
        .deliver("check_run", &check("test", "success", 51))
        .await;
    shown("pull request #418 open, checks failed<").await;
    connected
        .deliver("check_run", &check("test", "success", 48))
        .await;
    shown("pull request #418 open, checks passed<").await;
    let mut other = PullRequest::new("INF-1 second");
    other.number = 419;
    connected
        .deliver("pull_request", &other.github("opened", "draft", ago(40)))
        .await;
    shown("pull request #419 draft<").await;
    let page = elif.get("/tasks/INF-1").await.ok().text();
    assert!(page.contains("INF-1 first") && page.contains("INF-1 second"));
    // no longer named
    other.title = "Something else".to_owned();
    connected
        .deliver("pull_request", &other.github("edited", "draft", ago(30)))
        .await;
    shown("pull request #418 open, checks passed<").await;
}

#[tokio::test]
async fn later_move_by_a_person_wins() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    let key = elif
        .create_task("infrastructure", "in-review", "Cut over")
        .await;
    // At 10:00 Elif takes it back, and a merge of 9:59 comes late.
    elif.api(
        axum::http::Method::PUT,
        &format!("/tasks/{key}/position"),
        json!({ "column": "in-progress" }),
    )
    .await
    .ok();
    let request = PullRequest::new("Closes INF-1");
    let merged = request.github("closed", "merged", ago(1));
    connected.deliver("pull_request", &merged).await;
    assert_eq!(connected.column(&key).await, "in-progress");
    let log = connected.log().await;
    assert!(
        log.contains("Left alone: Elif Hartmann moved it to In progress at 10:00"),
        "{log}"
    );
    // What happens after it counts again.
    connected.world.app.clock.advance(Duration::hours(1));
    let mut other = PullRequest::new("Closes INF-1");
    other.number = 419;
    let merged = other.github("closed", "merged", NOW + Duration::minutes(30));
    connected.deliver("pull_request", &merged).await;
    assert_eq!(connected.column(&key).await, "done");
    // A person takes it back, and the same delivery again changes nothing.
    elif.api(
        axum::http::Method::PUT,
        &format!("/tasks/{key}/position"),
        json!({ "column": "todo" }),
    )
    .await
    .ok();
    connected.deliver("pull_request", &merged).await;
    assert_eq!(connected.column(&key).await, "todo");
}

#[tokio::test]
async fn delivery_repeated_five_times_has_one_effect() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let body = PullRequest::new("INF-1").github("closed", "closed", ago(5));
    for _ in 0..5 {
        connected
            .send("one-id", "pull_request", &body)
            .await
            .status(202);
    }
    assert_eq!(connected.process_waiting().await, 1);
    // Also with other ids: whoever has one signed body can send it again.
    for id in 0..5 {
        let id = format!("id-{id}");
        connected.send(&id, "pull_request", &body).await.status(202);
    }
    assert_eq!(connected.process_waiting().await, 5);
    let comments: Vec<(String, String)> = sqlx::query_as("SELECT author, body FROM comments")
        .fetch_all(&connected.world.db)
        .await
        .unwrap();
    let expected = "Pull request #418 was closed without being merged.";
    assert_eq!(comments, [("GitHub, #418".to_owned(), expected.to_owned())]);
    let events: i64 =
        sqlx::query_scalar("SELECT count(*) FROM events WHERE kind = 'pull-request.changed'")
            .fetch_one(&connected.world.db)
            .await
            .unwrap();
    assert_eq!(events, 1);
    assert_eq!(
        connected.column("INF-1").await,
        "todo",
        "a comment, no move"
    );
}

#[tokio::test]
async fn late_deliveries_change_nothing() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let request = PullRequest::new("Closes INF-1");
    for (action, state, minutes) in [
        ("closed", "merged", 10),
        ("ready_for_review", "open", 20),
        ("opened", "draft", 30),
        // within the second of the merge
        ("labeled", "open", 10),
    ] {
        let body = request.github(action, state, ago(minutes));
        connected.deliver("pull_request", &body).await;
        assert_eq!(connected.column("INF-1").await, "done", "{action}");
    }
    let board = elif.get("/teams/infrastructure").await.ok().text();
    assert!(board.contains("pull request #418 merged"));
    assert!(
        connected
            .log()
            .await
            .contains("a newer delivery about this pull request came before")
    );
}

#[tokio::test]
async fn tasks_stay_where_rules_and_people_want_them() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    let in_column = async |column: &str| elif.create_task("infrastructure", column, "Task").await;
    let done = in_column("done").await;
    let blocked = in_column("blocked").await;
    let review = in_column("in-review").await;
    let archived = in_column("todo").await;
    elif.post(&format!("/tasks/{archived}/archive"), &[])
        .await
        .ok();
    let mut request = PullRequest::new(format!("{done} {blocked} {review} {archived}"));
    request.title += " ZZZ-1 UTF-8 and ING-1";
    connected
        .world
        .jonas
        .create_task("ingestion", "todo", "Of a team that is not listed")
        .await;
    let body = request.github("opened", "draft", ago(5));
    connected.deliver("pull_request", &body).await;
    for (key, column) in [
        (&done, "done"),
        (&blocked, "blocked"),
        (&review, "in-review"),
    ] {
        assert_eq!(connected.column(key).await, column);
    }
    let log = connected.log().await;
    for why in [
        "Left alone: it is in Done",
        "Left alone: it is blocked",
        "Left alone: it is in In review, which is further on",
        "Left alone: it is archived",
    ] {
        assert!(log.contains(why), "{why}: {log}");
    }
    let linked: i64 = sqlx::query_scalar("SELECT count(*) FROM pull_request_tasks")
        .fetch_one(&connected.world.db)
        .await
        .unwrap();
    assert_eq!(linked, 4, "all of them are linked, and ING-1 is not");
    // into another branch, and without a closing word
    for (number, title, base, why) in [
        (
            500,
            format!("Closes {review}"),
            "release",
            "it was merged into release, not the default branch",
        ),
        (
            501,
            format!("About {review}"),
            "main",
            "no closing word such as “closes” is before its key",
        ),
    ] {
        let mut request = PullRequest::new(title);
        (request.number, request.base) = (number, base);
        let body = request.github("closed", "merged", ago(4));
        connected.deliver("pull_request", &body).await;
        assert_eq!(connected.column(&review).await, "in-review");
        assert!(connected.log().await.contains(why), "{why}");
    }
}

#[tokio::test]
async fn task_of_a_closed_sprint_stays_in_it() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    let elif = &world.elif;
    let key = elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    elif.api(
        axum::http::Method::PATCH,
        &format!("/tasks/{key}"),
        json!({ "sprint": 42 }),
    )
    .await
    .ok();
    world.app.clock.advance(Duration::days(7));
    close_sprint(elif, &[(&key, "carry")]).await.ok();
    let closed: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM sprint_reports)")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert!(closed);
    // Whatever became of it when the sprint was closed, it is of that sprint.
    sqlx::query("UPDATE tasks SET sprint_id = (SELECT sprint_id FROM sprint_reports)")
        .execute(&world.db)
        .await
        .unwrap();
    let before = connected.column(&key).await;
    let at = NOW + Duration::days(8);
    world.app.clock.advance(Duration::days(2));
    let body = PullRequest::new("Closes INF-1").github("closed", "merged", at);
    connected.deliver("pull_request", &body).await;
    assert_eq!(connected.column(&key).await, before);
    let log = connected.log().await;
    assert!(log.contains("Left alone: closed in Sprint 42"), "{log}");
}

#[tokio::test]
async fn reopened_takes_back_only_its_own_move() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    for title in ["Moved by it", "Moved by a person"] {
        elif.create_task("infrastructure", "in-review", title).await;
    }
    let request = PullRequest::new("Closes INF-1, INF-2");
    let merged = request.github("closed", "merged", ago(30));
    // INF-2 is done before.
    elif.api(
        axum::http::Method::PUT,
        "/tasks/INF-2/position",
        json!({ "column": "done" }),
    )
    .await
    .ok();
    connected.deliver("pull_request", &merged).await;
    assert_eq!(connected.column("INF-1").await, "done");
    // No forge reopens what is merged, but one that was closed by a closing rule looks the same to the task.
    sqlx::query("UPDATE pull_requests SET state = 'closed'")
        .execute(&connected.world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE events SET at = at - interval '1 hour'")
        .execute(&connected.world.db)
        .await
        .unwrap();
    let reopened = request.github("reopened", "open", ago(20));
    connected.deliver("pull_request", &reopened).await;
    assert_eq!(connected.column("INF-1").await, "in-review", "its own move");
    assert_eq!(connected.column("INF-2").await, "done");
}

#[tokio::test]
async fn team_chooses_columns_and_switches_rules_off() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    let elif = &world.elif;
    let path = "/teams/infrastructure/settings/pull-requests";
    let page = elif.get(path).await.ok().text();
    assert_eq!(page.matches(" checked>").count(), 4, "all are on: {page}");
    // a draft moves nothing, ready moves to done, and closing writes nothing
    let fields = [("review", "1"), ("review-column", "done"), ("merged", "1")];
    elif.post(path, &fields).await.status(303);
    let page = elif.get(path).await.ok().text();
    assert_eq!(page.matches(" checked>").count(), 2);
    elif.post(path, &[("review", "1"), ("review-column", "nowhere")])
        .await
        .status(422);
    world.jonas.get(path).await.status(403);
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let request = PullRequest::new("INF-1");
    connected
        .deliver("pull_request", &request.github("opened", "draft", ago(9)))
        .await;
    assert_eq!(connected.column("INF-1").await, "todo");
    assert!(
        connected
            .log()
            .await
            .contains("Infrastructure has switched this rule off")
    );
    connected
        .deliver(
            "pull_request",
            &request.github("ready_for_review", "open", ago(8)),
        )
        .await;
    assert_eq!(connected.column("INF-1").await, "done");
    connected
        .deliver("pull_request", &request.github("closed", "closed", ago(7)))
        .await;
    let comments: i64 = sqlx::query_scalar("SELECT count(*) FROM comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(comments, 0);
    let history = elif.get("/teams/infrastructure/history").await.ok().text();
    assert!(history.contains("changed what pull requests do to tasks"));
    // A chosen column that is deleted is the usual one again.
    sqlx::query("UPDATE pull_request_rules SET column_id = (SELECT id FROM columns WHERE slug = 'blocked' AND team_id = pull_request_rules.team_id)")
        .execute(&world.db)
        .await
        .unwrap();
    elif.post(
        "/teams/infrastructure/columns/blocked/remove",
        &[("into", "todo")],
    )
    .await
    .ok();
    let page = elif.get(path).await.ok().text();
    assert!(!page.contains("selected"), "{page}");
}

#[tokio::test]
async fn commits_name_tasks_for_a_later_pull_request() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let push = |message: &str| {
        json!({
            "ref": "refs/heads/patch-1", "repository": { "full_name": "Acme/Alerts" },
            "commits": [{ "message": message }],
        })
    };
    connected.deliver("push", &push("Closes INF-1")).await;
    connected.deliver("push", &push("No key")).await;
    let log = connected.log().await;
    assert!(
        log.contains("Noted for the pull request of this branch"),
        "{log}"
    );
    assert!(log.contains("No task key in branch or commits"), "{log}");
    let request = PullRequest::new("No key here");
    connected
        .deliver("pull_request", &request.github("opened", "open", ago(9)))
        .await;
    assert_eq!(connected.column("INF-1").await, "in-review");
    connected
        .deliver("pull_request", &request.github("closed", "merged", ago(8)))
        .await;
    assert_eq!(connected.column("INF-1").await, "done");
    // and one that is open already
    elif.create_task("infrastructure", "todo", "Another").await;
    let mut request = PullRequest::new("No key here");
    request.number = 419;
    connected
        .deliver("pull_request", &request.github("opened", "open", ago(7)))
        .await;
    connected.deliver("push", &push("Begin INF-2")).await;
    assert_eq!(connected.column("INF-2").await, "in-review");
}

#[tokio::test]
async fn undo_and_moves_of_people_stay_theirs() {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let request = PullRequest::new("INF-1");
    connected
        .deliver("pull_request", &request.github("opened", "draft", ago(9)))
        .await;
    assert_eq!(connected.column("INF-1").await, "in-progress");
    // A person moves it back, which later deliveries about what happened before respect.
    elif.api(
        axum::http::Method::PUT,
        "/tasks/INF-1/position",
        json!({ "column": "todo" }),
    )
    .await
    .ok();
    connected
        .deliver(
            "pull_request",
            &request.github("ready_for_review", "open", ago(1)),
        )
        .await;
    assert_eq!(connected.column("INF-1").await, "todo");
}

/// Two teams' tasks in one pull request, while both boards are in use.
#[tokio::test]
async fn tasks_of_several_teams_move_together() {
    let connected = Connected::to("github").await;
    connected.list("acme/ingest", "ingestion").await;
    let world = &connected.world;
    world
        .elif
        .create_task("infrastructure", "todo", "Ours")
        .await;
    world.jonas.create_task("ingestion", "todo", "Theirs").await;
    let request = PullRequest::new("Closes INF-1 and ING-1");
    connected
        .deliver("pull_request", &request.github("closed", "merged", ago(1)))
        .await;
    assert_eq!(connected.column("INF-1").await, "done");
    assert_eq!(connected.column("ING-1").await, "done");
    assert_eq!(world.count_deadlocks().await, 0);
}
