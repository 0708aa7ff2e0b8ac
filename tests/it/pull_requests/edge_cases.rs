//! Forks, merged branches, repeated reviews and checks, hostile deliveries, and the order of locks.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{Connected, PullRequest, REPOSITORY, ago, people::prove};

/// A connection to GitHub, and a task of Infrastructure that is to be done.
async fn with_task() -> Connected {
    let connected = Connected::to("github").await;
    let elif = &connected.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    connected
}

async fn count(connected: &Connected, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(&connected.world.db)
        .await
        .unwrap()
}

async fn deliver(
    connected: &Connected,
    request: &PullRequest,
    action: &str,
    state: &str,
    minutes: i64,
) {
    let body = request.github(action, state, ago(minutes));
    connected.deliver("pull_request", &body).await;
}

fn push(branch: &str, commits: Value) -> Value {
    json!({
        "ref": format!("refs/heads/{branch}"), "commits": commits,
        "repository": { "full_name": REPOSITORY, "default_branch": "main" },
    })
}

const LINKS: &str = "SELECT count(*) FROM pull_request_tasks";
const KEYS: &str = "SELECT count(*) FROM forge_branch_keys";

/// A task of a team that waits for a private team's is told that this is done, and nothing of the pull request.
#[tokio::test]
async fn events_of_waiting_tasks_name_no_pull_request() {
    let connected = with_task().await;
    let world = &connected.world;
    let waiting = world.jonas.create_task("ingestion", "todo", "Waits").await;
    let fields = [("kind", "task"), ("on", "INF-1")];
    world
        .jonas
        .post(&format!("/tasks/{waiting}/block"), &fields)
        .await
        .ok();
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&world.db)
        .await
        .unwrap();
    prove(&connected, &world.elif, "gita").await;
    let request = PullRequest::new("Closes INF-1");
    deliver(&connected, &request, "closed", "merged", 5).await;
    assert_eq!(connected.column("INF-1").await, "done");
    let events: Vec<(String, Value)> = sqlx::query_as(
        "SELECT t.key, e.after FROM events e JOIN teams t ON t.id = e.team_id
         WHERE e.kind = 'blocker.moved' OR t.key = 'INF' AND e.kind IN ('task.moved', 'pull-request.changed') ORDER BY t.key, e.seq",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    let (of_others, own): (Vec<_>, Vec<_>) = events.into_iter().partition(|(key, _)| key == "ING");
    assert_eq!((of_others.len(), own.len()), (1, 2));
    for (_, after) in &own {
        assert_eq!(after["by"], "GitHub, #418");
        assert_eq!(after["sender"], "elif");
    }
    for (_, after) in &of_others {
        assert!(
            after["by"].is_null() && after["sender"].is_null(),
            "{after}"
        );
    }
}

/// The columns are locked before the task: a move on the board does the same.
#[tokio::test]
async fn deliveries_lock_columns_before_tasks() {
    let connected = with_task().await;
    let world = &connected.world;
    let request = PullRequest::new("INF-1");
    deliver(&connected, &request, "opened", "draft", 50).await;
    let check = json!({
        "action": "completed", "repository": { "full_name": REPOSITORY },
        "check_run": { "name": "build", "head_sha": "5f3c1d9", "conclusion": "success" },
    });
    let commits = push("patch-1", json!([{ "message": "INF-1" }]));
    let merged = request.github("closed", "closed", ago(40));
    for (event, body) in [
        ("check_run", &check),
        ("push", &commits),
        ("pull_request", &merged),
    ] {
        let mut board = world.db.begin().await.unwrap();
        sqlx::query("SELECT FROM columns WHERE slug = 'done' FOR UPDATE")
            .execute(&mut *board)
            .await
            .unwrap();
        let id = Uuid::new_v4().to_string();
        connected.send(&id, event, body).await.status(202);
        let (worked, ()) = tokio::join!(connected.process_waiting(), async {
            world.wait_for_lock_waiter().await;
            sqlx::query("SELECT FROM tasks FOR UPDATE NOWAIT")
                .execute(&mut *board)
                .await
                .unwrap();
            board.rollback().await.unwrap();
        });
        assert_eq!(worked, 1, "{event}");
    }
    assert_eq!(world.count_deadlocks().await, 0);
}

#[tokio::test]
async fn merged_default_branch_and_its_pushes_name_nothing() {
    let connected = with_task().await;
    let commits = json!([
        { "message": "Closes INF-1", "distinct": false },
        { "message": "Merge main", "distinct": true },
    ]);
    connected.deliver("push", &push("patch-1", commits)).await;
    let commits = json!([{ "message": "Closes INF-1", "distinct": true }]);
    connected.deliver("push", &push("main", commits)).await;
    let log = connected.log().await;
    assert!(
        log.contains("Of the default branch nothing is noted"),
        "{log}"
    );
    assert_eq!(count(&connected, KEYS).await, 0);
    let request = PullRequest::new("No key here");
    deliver(&connected, &request, "closed", "merged", 5).await;
    assert_eq!(connected.column("INF-1").await, "todo");
    assert_eq!(count(&connected, LINKS).await, 0);
}

/// Forgejo and GitLab do not say which commits are new.
#[tokio::test]
async fn commits_of_other_forges_only_link() {
    let connected = with_task().await;
    // GitHub's deliveries resemble those of Forgejo, whose signatures may be the same.
    sqlx::query("UPDATE forge_connections SET forge = 'forgejo'")
        .execute(&connected.world.db)
        .await
        .unwrap();
    let deliver = async |id: &str, event: &str, body: Value| {
        let body = body.to_string().into_bytes();
        let signature = super::sign(&connected.secret, &body);
        let headers = [
            ("x-forgejo-delivery", id),
            ("x-forgejo-event", event),
            ("x-forgejo-signature", signature.as_str()),
        ];
        connected.post(&headers, body).await.status(202);
        connected.process_waiting().await;
    };
    let commits = push("patch-1", json!([{ "message": "Closes INF-1" }]));
    deliver("1", "push", commits).await;
    let mut request = PullRequest::new("No key here");
    let opened = request.github("opened", "open", ago(9));
    deliver("2", "pull_request", opened).await;
    assert_eq!(count(&connected, LINKS).await, 1);
    // Named in the title, it moves, and still is not closed by a commit.
    request.title = "About INF-1".to_owned();
    let merged = request.github("closed", "merged", ago(8));
    deliver("3", "pull_request", merged).await;
    assert_eq!(connected.column("INF-1").await, "todo");
    let log = connected.log().await;
    for why in ["only commits name it, and Forgejo", "no closing word"] {
        assert!(log.contains(why), "{why}: {log}");
    }
}

#[tokio::test]
async fn branch_of_a_fork_is_not_that_of_the_repository() {
    let connected = with_task().await;
    let commits = push("patch-1", json!([{ "message": "Closes INF-1" }]));
    connected.deliver("push", &commits).await;
    let fork = |request: &PullRequest, action: &str, state: &str, author: &str, minutes: i64| {
        let mut body = request.github(action, state, ago(minutes));
        body["pull_request"]["head"]["repo"] = json!({ "full_name": "mallory/alerts" });
        body["pull_request"]["author_association"] = author.into();
        body
    };
    let request = PullRequest::new("No key here");
    let body = fork(&request, "opened", "open", "NONE", 20);
    connected.deliver("pull_request", &body).await;
    let stored = "SELECT count(*) FROM pull_requests";
    assert_eq!(count(&connected, stored).await, 0, "no task, and of a fork");
    // of a person without rights, it only links, and a later push to the branch of that name is not its own
    let mut request = PullRequest::new("Closes INF-1");
    request.number = 419;
    for (action, state, minutes) in [
        ("opened", "open", 19),
        ("closed", "closed", 18),
        ("reopened", "open", 17),
        ("closed", "merged", 16),
    ] {
        let body = fork(&request, action, state, "FIRST_TIME_CONTRIBUTOR", minutes);
        connected.deliver("pull_request", &body).await;
    }
    assert_eq!(count(&connected, LINKS).await, 1);
    assert_eq!(connected.column("INF-1").await, "todo");
    assert_eq!(count(&connected, "SELECT count(*) FROM comments").await, 0);
    let log = connected.log().await;
    assert!(
        log.contains("its author has no rights in the repository"),
        "{log}"
    );
    let branches = "SELECT count(*) FROM pull_requests WHERE branch <> ''";
    assert_eq!(count(&connected, branches).await, 0);
    assert_eq!(count(&connected, KEYS).await, 1, "the other branch's");
    // of a member it moves, also from a fork
    request.number = 420;
    let body = fork(&request, "opened", "open", "MEMBER", 15);
    connected.deliver("pull_request", &body).await;
    assert_eq!(connected.column("INF-1").await, "in-review");
}

#[tokio::test]
async fn closing_again_and_again_comments_once() {
    let connected = with_task().await;
    let request = PullRequest::new("INF-1");
    for minutes in [50, 40, 30] {
        deliver(&connected, &request, "reopened", "open", minutes).await;
        deliver(&connected, &request, "closed", "closed", minutes - 5).await;
    }
    assert_eq!(count(&connected, "SELECT count(*) FROM comments").await, 1);
}

/// What commits name stays linked after their keys are forgotten, and is not inherited by the next pull request.
#[tokio::test]
async fn links_by_commits_outlive_their_keys() {
    let connected = with_task().await;
    let db = &connected.world.db;
    let commits = push("patch-1", json!([{ "message": "Closes INF-1" }]));
    connected.deliver("push", &commits).await;
    let mut request = PullRequest::new("No key here");
    deliver(&connected, &request, "opened", "draft", 50).await;
    // a month later
    sqlx::query("DELETE FROM forge_branch_keys")
        .execute(db)
        .await
        .unwrap();
    deliver(&connected, &request, "labeled", "draft", 40).await;
    assert_eq!(count(&connected, LINKS).await, 1);
    connected.deliver("push", &commits).await;
    deliver(&connected, &request, "closed", "merged", 30).await;
    assert_eq!(connected.column("INF-1").await, "done");
    assert_eq!(count(&connected, KEYS).await, 0, "merged");
    request.number = 419;
    deliver(&connected, &request, "opened", "open", 20).await;
    assert_eq!(count(&connected, LINKS).await, 1);
    // nor from a branch that was deleted
    let deleted = json!({
        "ref": "refs/heads/patch-2", "deleted": true, "commits": [], "repository": { "full_name": REPOSITORY },
    });
    let commits = push("patch-2", json!([{ "message": "INF-1" }]));
    connected.deliver("push", &commits).await;
    assert_eq!(count(&connected, KEYS).await, 1);
    connected.deliver("push", &deleted).await;
    assert_eq!(count(&connected, KEYS).await, 0);
}

fn check_run(suite: i64, run: i64, word: &str, times: &[(&str, OffsetDateTime)]) -> Value {
    let field = if word == "queued" {
        "status"
    } else {
        "conclusion"
    };
    let mut check = json!({
        "id": run, "name": "build", "head_sha": "5f3c1d9", "check_suite": { "id": suite }, field: word,
    });
    for (name, at) in times {
        check[*name] = at.format(&Rfc3339).unwrap().into();
    }
    json!({ "action": "x", "repository": { "full_name": REPOSITORY }, "check_run": check })
}

#[tokio::test]
async fn checks_of_several_workflows_and_runs_count() {
    let connected = with_task().await;
    let request = PullRequest::new("INF-1");
    deliver(&connected, &request, "opened", "open", 50).await;
    let checks = async |body: Value| -> Option<String> {
        connected.deliver("check_run", &body).await;
        sqlx::query_scalar("SELECT checks FROM pull_requests")
            .fetch_one(&connected.world.db)
            .await
            .unwrap()
    };
    let is = |word: &str| Some(word.to_owned());
    let ended = |minutes| [("completed_at", ago(minutes))];
    // Created without a time, it would be later than its end.
    assert_eq!(checks(check_run(1, 10, "queued", &[])).await, is("running"));
    assert_eq!(
        checks(check_run(1, 10, "failure", &ended(40))).await,
        is("failed")
    );
    assert_eq!(
        checks(check_run(1, 10, "queued", &[])).await,
        is("failed"),
        "it has ended"
    );
    // the job of the same name of another workflow
    assert_eq!(
        checks(check_run(2, 11, "success", &ended(30))).await,
        is("failed")
    );
    // run again, and the end of the first run comes late
    assert_eq!(
        checks(check_run(1, 12, "queued", &[("started_at", ago(45))])).await,
        is("running")
    );
    assert_eq!(
        checks(check_run(1, 10, "failure", &ended(20))).await,
        is("running")
    );
    assert_eq!(
        checks(check_run(1, 12, "success", &ended(25))).await,
        is("passed")
    );
}

#[tokio::test]
async fn reviewer_who_is_replaced_or_asked_again_is_told() {
    let connected = with_task().await;
    let world = &connected.world;
    let jonas = &world.jonas;
    prove(&connected, jonas, "Jonas-G").await;
    let mut request = PullRequest::new("INF-1");
    request.reviewers = vec!["someone"];
    deliver(&connected, &request, "opened", "open", 50).await;
    let items = async || {
        world.deliver().await;
        count(
            &connected,
            "SELECT count(*) FROM events WHERE after->'reviewers' ? 'jonas'",
        )
        .await
    };
    assert_eq!(items().await, 0);
    // one for another: as many as before
    request.reviewers = vec!["Jonas-G"];
    deliver(&connected, &request, "review_requested", "open", 45).await;
    assert_eq!(items().await, 1);
    let inbox = world.inbox(jonas).await;
    assert!(inbox.contains("GitHub, #418 wants your review"), "{inbox}");
    assert!(jonas.get("/").await.ok().text().contains("INF-1"));
    // He has reviewed it.
    let mut review = request.github("submitted", "open", ago(40));
    review["review"] = json!({ "user": { "login": "Jonas-G" }, "state": "commented" });
    connected.deliver("pull_request_review", &review).await;
    assert!(!jonas.get("/").await.ok().text().contains("INF-1"));
    // asked again, also where the review did not come, and by the same delivery only once
    for minutes in [35, 30] {
        let mut again = request.github("review_requested", "open", ago(minutes));
        again["requested_reviewer"] = json!({ "login": "Jonas-G" });
        let before = items().await;
        connected.deliver("pull_request", &again).await;
        connected.deliver("pull_request", &again).await;
        assert_eq!(items().await, before + 1);
    }
}

#[tokio::test]
async fn newest_refusals_are_kept() {
    let connected = Connected::to("github").await;
    sqlx::query(
        "INSERT INTO forge_deliveries (id, connection_id, received_at, state, outcome)
         SELECT gen_random_uuid(), id, created_at, 'refused', 'Old' FROM forge_connections, generate_series(1, 100)",
    )
    .execute(&connected.world.db)
    .await
    .unwrap();
    connected
        .post(&[("x-hub-signature-256", "sha256=1")], b"{}".to_vec())
        .await
        .status(403);
    let old = "SELECT count(*) FROM forge_deliveries WHERE outcome = 'Old'";
    assert_eq!(count(&connected, old).await, 99);
    let all = "SELECT count(*) FROM forge_deliveries";
    assert_eq!(count(&connected, all).await, 100);
}

#[tokio::test]
async fn run_again_waits_for_what_is_worked_off() {
    let connected = with_task().await;
    let db = &connected.world.db;
    let request = PullRequest::new("INF-1");
    deliver(&connected, &request, "opened", "open", 9).await;
    connected.send("2", "ping", &json!({})).await.status(202);
    // Another program works the later one off.
    sqlx::query(
        "UPDATE forge_deliveries SET is_leased = true, try_at = try_at + interval '1 minute' WHERE delivery = '2'",
    )
    .execute(db)
    .await
    .unwrap();
    let first: Uuid = sqlx::query_scalar("SELECT id FROM forge_deliveries ORDER BY number LIMIT 1")
        .fetch_one(db)
        .await
        .unwrap();
    let again = format!("/settings/deliveries/{first}/run");
    connected.admin.post(&again, &[]).await.status(303);
    assert_eq!(connected.process_waiting().await, 0);
    // That program has stopped.
    connected.world.app.clock.advance(Duration::minutes(2));
    assert_eq!(connected.process_waiting().await, 2);
}

/// One that stops the program is not tried for ever, and those after it are processed.
#[tokio::test]
async fn delivery_that_stops_the_program_is_given_up() {
    let connected = Connected::to("github").await;
    connected.send("1", "ping", &json!({})).await.status(202);
    connected.send("2", "ping", &json!({})).await.status(202);
    sqlx::query("UPDATE forge_deliveries SET is_leased = true, attempts = 6 WHERE delivery = '1'")
        .execute(&connected.world.db)
        .await
        .unwrap();
    assert_eq!(connected.process_waiting().await, 1);
    let log = connected.log().await;
    assert!(
        log.contains("this server stopped each time it was tried"),
        "{log}"
    );
}

/// Two pull requests of one branch: the first is done with the task already, and the second moves it.
#[tokio::test]
async fn log_has_the_most_that_was_done_to_a_task() {
    let connected = with_task().await;
    let db = &connected.world.db;
    let mut request = PullRequest::new("No key here");
    for number in [500, 501] {
        request.number = number;
        deliver(&connected, &request, "opened", "open", 20).await;
    }
    // The one with the smaller id is processed first, and leaves the task alone, as it is linked already.
    sqlx::query(
        "INSERT INTO pull_request_tasks (team_id, task_id, pull_request_id, closes)
         SELECT k.team_id, k.id, (SELECT id FROM pull_requests ORDER BY id LIMIT 1), false FROM tasks k",
    )
    .execute(db)
    .await
    .unwrap();
    let commits = push("patch-1", json!([{ "message": "INF-1" }]));
    connected.deliver("push", &commits).await;
    assert_eq!(connected.column("INF-1").await, "in-review");
    let results: Vec<String> = sqlx::query_scalar("SELECT result FROM forge_delivery_tasks")
        .fetch_all(db)
        .await
        .unwrap();
    assert_eq!(results, ["moved"]);
}
