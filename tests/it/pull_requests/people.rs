//! People prove their username at a forge, and hear of review requests.

use serde_json::{Value, json};

use super::{Connected, PullRequest, ago};
use crate::fixtures::Client;

pub fn comment(author: &str, sender: &str, action: &str, body: &str) -> Value {
    json!({
        "action": action, "issue": { "number": 418, "pull_request": {} },
        "comment": { "body": body, "user": { "login": author } }, "sender": { "login": sender },
        "repository": { "full_name": "acme/alerts" },
    })
}

/// Asks for a code, and returns it.
pub async fn ask_for_code(connected: &Connected, client: &Client, login: &str) -> String {
    let id = connected.page.rsplit('/').next().unwrap();
    let page = client
        .post("/me/forges", &[("connection", id), ("login", login)])
        .await;
    let page = page.status(200).text();
    let code = page.split("<code>").nth(1).unwrap();
    code.split('<').next().unwrap().to_owned()
}

pub async fn prove(connected: &Connected, client: &Client, login: &str) {
    let code = ask_for_code(connected, client, login).await;
    let body = comment(login, login, "created", &format!("{code}\n"));
    connected.deliver("issue_comment", &body).await;
}

#[tokio::test]
async fn login_is_proved_by_a_comment_of_its_owner() {
    let connected = Connected::to("github").await;
    let jonas = &connected.world.jonas;
    let is_proved = async || {
        jonas
            .get("/me/forges")
            .await
            .ok()
            .text()
            .contains("<b>jonas-g</b>")
    };
    let code = ask_for_code(&connected, jonas, "@Jonas-G").await;
    assert!(
        !jonas.get("/me/forges").await.ok().text().contains(&code),
        "shown once"
    );
    for (author, sender, action) in [
        // someone else has seen it, edited the comment, or wrote it for another
        ("mallory", "mallory", "created"),
        ("Jonas-G", "mallory", "edited"),
        ("Jonas-G", "mallory", "created"),
    ] {
        connected
            .deliver("issue_comment", &comment(author, sender, action, &code))
            .await;
        assert!(!is_proved().await, "{author} {sender} {action}");
    }
    connected
        .deliver(
            "issue_comment",
            &comment("Jonas-G", "Jonas-G", "created", "fortnight-wrong"),
        )
        .await;
    assert!(!is_proved().await);
    connected
        .deliver(
            "issue_comment",
            &comment("Jonas-G", "Jonas-G", "created", &code),
        )
        .await;
    assert!(is_proved().await);
    // A code works once and for an hour, and a login belongs to one person.
    let elif = &connected.world.elif;
    let id = connected.page.rsplit('/').next().unwrap();
    let fields = [("connection", id), ("login", "Jonas-G")];
    elif.post("/me/forges", &fields).await.status(422);
    jonas
        .post("/me/forges/remove", &[("connection", id)])
        .await
        .status(303);
    prove(&connected, elif, "Jonas-G").await;
    assert!(!is_proved().await);
    elif.post("/me/forges/remove", &[("connection", id)])
        .await
        .status(303);
    let code = ask_for_code(&connected, jonas, "jonas-g").await;
    connected.world.app.clock.advance(time::Duration::hours(2));
    connected
        .deliver(
            "issue_comment",
            &comment("jonas-g", "jonas-g", "created", &code),
        )
        .await;
    assert!(!is_proved().await);
    assert!(
        !elif
            .get("/me/forges")
            .await
            .ok()
            .text()
            .contains("<b>jonas-g</b>")
    );
    elif.post("/me/forges", &[("connection", id), ("login", "two words")])
        .await
        .status(422);
    let audit = connected.admin.get("/settings/audit").await.ok().text();
    assert!(audit.contains("forge-login.proved") && audit.contains("forge-login.removed"));
}

#[tokio::test]
async fn review_requests_reach_inbox_and_my_work() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    let (elif, jonas) = (&world.elif, &world.jonas);
    elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post("/tasks/INF-1/owners", &[("owners", "elif")])
        .await
        .ok();
    prove(&connected, jonas, "Jonas-G").await;
    prove(&connected, elif, "gita").await;
    world.inbox(jonas).await;
    let mut request = PullRequest::new("INF-1");
    connected
        .deliver("pull_request", &request.github("opened", "open", ago(9)))
        .await;
    let work = jonas.get("/").await.ok().text();
    assert!(!work.contains("INF-1"), "{work}");
    request.reviewers = vec!["Jonas-G", "someone-else"];
    connected
        .deliver(
            "pull_request",
            &request.github("review_requested", "open", ago(8)),
        )
        .await;
    let inbox = world.inbox(jonas).await;
    assert!(inbox.contains("GitHub, #418 wants your review"), "{inbox}");
    let work = jonas.get("/").await.ok().text();
    assert!(work.contains("INF-1"), "{work}");
    // Elif owns the task and did it herself at the forge: no news for her.
    let inbox = world.inbox(elif).await;
    assert!(!inbox.contains("INF-1"), "{inbox}");
    // once asked, once told
    let before: i64 = sqlx::query_scalar("SELECT count(*) FROM inbox_items")
        .fetch_one(&world.db)
        .await
        .unwrap();
    connected
        .deliver("pull_request", &request.github("labeled", "open", ago(7)))
        .await;
    world.deliver().await;
    let after: i64 = sqlx::query_scalar("SELECT count(*) FROM inbox_items")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(before, after);
    connected
        .deliver("pull_request", &request.github("closed", "merged", ago(6)))
        .await;
    let work = jonas.get("/").await.ok().text();
    assert!(!work.contains("INF-1"), "nothing to review any more");
}

/// "In review without anyone on it": at the standup, and on My work.
#[tokio::test]
async fn task_with_forge_reviewers_is_not_without_a_reviewer() {
    let connected = Connected::to("github").await;
    let world = &connected.world;
    let elif = &world.elif;
    let colleague = world.join("Tomas Weber", "tomas", "infrastructure").await;
    for title in ["With reviewers", "Without"] {
        elif.create_task("infrastructure", "in-review", title).await;
    }
    let mut request = PullRequest::new("INF-1");
    request.reviewers = vec!["someone"];
    connected
        .deliver(
            "pull_request",
            &request.github("review_requested", "open", ago(8)),
        )
        .await;
    let standup = elif.get("/teams/infrastructure/standup").await.ok().text();
    assert_eq!(standup.matches("No reviewer yet").count(), 1, "{standup}");
    let work = colleague.get("/").await.ok().text();
    assert!(work.contains("INF-2") && !work.contains("INF-1"), "{work}");
}
