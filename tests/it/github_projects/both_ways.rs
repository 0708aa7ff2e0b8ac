//! Items and tasks become equal, and stay so whichever side changes.

use axum::http::Method;
use serde_json::{Value, json};
use time::Duration;

use super::{Connected, PAGE};

const MINUTES: Duration = Duration::minutes(3);

#[tokio::test]
async fn preview_tells_what_would_happen_and_writes_nothing() {
    let both = Connected::new().await;
    both.github.add(json!({ "title": "Copy the schema" })).await;
    let hidden = both.github.add(json!({ "title": "A secret" })).await;
    both.github
        .change(&hidden, json!({ "type": "REDACTED" }))
        .await;
    both.elif
        .create_task("infrastructure", "todo", "Buy disks")
        .await;
    let events = both.count_events().await;
    let page = both.preview("").await;
    let text = both.page(&page).await;
    assert!(text.contains("1 task, from items on GitHub"), "{text}");
    assert!(text.contains("1 draft, from all tasks of the team"));
    assert!(text.contains("1 item that this token does not show"));
    assert!(text.contains("Copy the schema") && text.contains("INF-1 Buy disks"));
    assert!(!text.contains("A secret"));
    // Not even later, as long as nobody confirms it.
    both.sync_after(Duration::hours(25)).await;
    assert_eq!(both.github.count("mutations").await, 0);
    assert_eq!(both.titles().await, ["Buy disks"]);
    assert_eq!(both.count_events().await, events);
}

#[tokio::test]
async fn items_become_tasks_and_tasks_become_items() {
    let both = Connected::new().await;
    both.github
        .add(json!({
            "kind": "ISSUE", "title": "Copy the schema", "body": "All of it.", "assignees": ["elif", "someone-else"],
            "withLabels": ["postgres"],
            "values": { "F_status": "47fc9ee4", "F_sprint": "it-42", "F_estimate": 3, "F_due": "2026-11-27", "F_notes": "x" },
        }))
        .await;
    both.github
        .add(json!({ "title": "Ask for disks", "values": { "F_status": "f75ad846" } }))
        .await;
    let key = both
        .elif
        .create_task("infrastructure", "in-progress", "Buy disks")
        .await;
    both.elif
        .api(
            Method::PATCH,
            &format!("/tasks/{key}"),
            json!({ "estimate": 5, "owners": ["elif"] }),
        )
        .await
        .ok();
    let page = both.connect().await;

    let task = both.task("Copy the schema").await;
    assert_eq!(task["column"], "in-progress");
    assert_eq!(task["sprint"], 42);
    assert_eq!(task["estimate"], 3);
    assert_eq!(task["due"], "2026-11-27");
    assert_eq!(task["owners"][0]["handle"], "elif");
    assert_eq!(task["owners"].as_array().unwrap().len(), 1);
    assert_eq!(task["labels"], json!(["postgres"]));
    let text = both
        .page(&format!("/tasks/{}", task["key"].as_str().unwrap()))
        .await;
    assert!(text.contains("All of it.") && text.contains("/acme/alerts/issues/"));
    assert_eq!(both.task("Ask for disks").await["column"], "todo");

    let item = both.github.item("Buy disks").await;
    assert_eq!(item["type"], "DRAFT_ISSUE");
    assert_eq!(
        item["values"],
        json!({ "F_status": "47fc9ee4", "F_estimate": 5 })
    );
    assert_eq!(item["assignees"], json!(["elif"]));
    assert!(item["body"].as_str().unwrap().contains(&key));
    let text = both.page(&page).await;
    assert!(
        text.contains("3 items compared, 3 differed before"),
        "{text}"
    );
    // The tasks of the first comparison are no news, as those of an import are not.
    let inbox = both.world.inbox(&both.world.elif).await;
    assert!(!inbox.contains("Copy the schema"), "{inbox}");
}

#[tokio::test]
async fn changes_travel_both_ways_and_do_not_come_back() {
    let both = Connected::new().await;
    let issue = both
        .github
        .add(json!({
            "kind": "ISSUE", "title": "Copy the schema", "assignees": ["someone-else"], "withLabels": ["bug"],
            "values": { "F_status": "f75ad846", "F_sprint": "it-42", "F_estimate": 2.5 },
        }))
        .await;
    both.connect().await;
    both.sync_after(MINUTES).await;
    let key = both.key("Copy the schema").await;

    // there
    both.github
        .change(
            &issue,
            json!({ "title": "Copy the whole schema", "assignees": ["someone-else", "jonas"],
                    "values": { "F_status": "47fc9ee4", "F_due": "2026-12-01", "F_sprint": null } }),
        )
        .await;
    both.sync_after(MINUTES).await;
    let task = both.elif.load_task(&key).await;
    assert_eq!(task["title"], "Copy the whole schema");
    assert_eq!(task["column"], "in-progress");
    assert_eq!(task["due"], "2026-12-01");
    assert_eq!(task["sprint"], Value::Null);
    assert_eq!(task["owners"][0]["handle"], "jonas");
    let text = both.page(&format!("/tasks/{key}")).await;
    assert!(text.contains("GitHub"), "the author of these changes");

    // here
    let sent = json!({ "title": "Copy everything", "estimate": 8, "due": null, "owners": ["elif"], "labels": ["bug", "new-label"] });
    let path = format!("/tasks/{key}");
    both.elif.api(Method::PATCH, &path, sent).await.ok();
    let place = [("column", "done")];
    both.elif
        .post(&format!("/tasks/{key}/position"), &place)
        .await
        .ok();
    both.sync_after(Duration::seconds(3)).await;
    let item = both.github.item("Copy everything").await;
    assert_eq!(
        item["values"],
        json!({ "F_status": "98236657", "F_estimate": 8 })
    );
    assert_eq!(
        item["assignees"],
        json!(["elif", "someone-else"]),
        "whom we do not know stays"
    );
    assert_eq!(item["labels"], json!(["bug", "new-label"]));

    // Nothing of it is taken for a change when it comes back.
    let (mutations, events) = (
        both.github.count("mutations").await,
        both.count_events().await,
    );
    for _ in 0..3 {
        both.sync_after(MINUTES).await;
    }
    both.sync_after(Duration::hours(25)).await;
    assert_eq!(both.github.count("mutations").await, mutations);
    assert_eq!(both.count_events().await, events);
    assert_eq!(both.github.count("iterationWrites").await, 0);
}

#[tokio::test]
async fn what_the_form_leaves_out_is_left_alone() {
    let both = Connected::new().await;
    let item = both
        .github
        .add(json!({ "title": "Copy the schema", "values": { "F_status": "f75ad846", "F_estimate": 2.4 } }))
        .await;
    both.connect().await;
    let key = both.key("Copy the schema").await;
    // GitHub has no such status: there, the item keeps its own.
    let place = [("column", "blocked")];
    both.elif
        .post(&format!("/tasks/{key}/position"), &place)
        .await
        .ok();
    both.sync_after(MINUTES).await;
    let there = both.github.item("Copy the schema").await;
    assert_eq!(
        there["values"],
        json!({ "F_status": "f75ad846", "F_estimate": 2.4 }),
        "and no fraction is lost"
    );
    // An estimate that cannot be one here
    both.github
        .change(&item, json!({ "values": { "F_estimate": -5 } }))
        .await;
    both.sync_after(MINUTES).await;
    assert_eq!(both.elif.load_task(&key).await["estimate"], 2);
    assert_eq!(
        both.github.item("Copy the schema").await["values"]["F_estimate"],
        -5
    );
    // Hidden from the token: nothing happens to the task.
    both.github
        .change(&item, json!({ "type": "REDACTED" }))
        .await;
    both.sync_after(MINUTES).await;
    assert_eq!(both.elif.load_task(&key).await["archived"], false);
}

#[tokio::test]
async fn later_of_two_changes_wins_and_the_task_tells_what_was_lost() {
    let both = Connected::new().await;
    let item = both
        .github
        .add(json!({ "title": "Copy the schema", "values": { "F_status": "f75ad846", "F_estimate": 1 } }))
        .await;
    both.connect().await;
    both.sync_after(MINUTES).await;
    let key = both.key("Copy the schema").await;
    let place = |column: &'static str| [("column", column)];
    let path = format!("/tasks/{key}/position");

    // first here, later there
    both.elif.post(&path, &place("done")).await.ok();
    both.pass(Duration::seconds(30)).await;
    both.github
        .change(&item, json!({ "values": { "F_status": "47fc9ee4" } }))
        .await;
    both.sync_after(MINUTES).await;
    assert_eq!(both.elif.load_task(&key).await["column"], "in-progress");

    // first there, later here; other fields are not affected
    both.github
        .change(
            &item,
            json!({ "values": { "F_status": "98236657", "F_estimate": 5 } }),
        )
        .await;
    both.pass(Duration::seconds(30)).await;
    both.elif.post(&path, &place("todo")).await.ok();
    both.sync_after(MINUTES).await;
    let there = both.github.item("Copy the schema").await;
    assert_eq!(
        there["values"],
        json!({ "F_status": "f75ad846", "F_estimate": 5 })
    );
    assert_eq!(both.elif.load_task(&key).await["estimate"], 5);

    let text = both.page(&format!("/tasks/{key}")).await;
    assert!(
        text.contains("kept its later status “In Progress”, over “Done” here"),
        "{text}"
    );
    assert!(
        text.contains("took the later status “Todo” from here, over its “Done”"),
        "{text}"
    );
}

#[tokio::test]
async fn deletion_archives_and_archiving_travels() {
    let both = Connected::new().await;
    let deleted = both.github.add(json!({ "title": "Deleted there" })).await;
    let archived = both.github.add(json!({ "title": "Archived there" })).await;
    both.github.add(json!({ "title": "Archived here" })).await;
    both.connect().await;
    both.sync_after(MINUTES).await;

    both.github
        .tell(json!({ "do": "delete", "id": deleted }))
        .await;
    both.github
        .change(&archived, json!({ "isArchived": true }))
        .await;
    let key = both.key("Archived here").await;
    both.elif
        .post(&format!("/tasks/{key}/archive"), &[])
        .await
        .ok();
    both.sync_after(MINUTES).await;
    assert_eq!(both.task("Deleted there").await["archived"], true);
    assert_eq!(both.task("Archived there").await["archived"], true);
    assert_eq!(both.github.item("Archived here").await["isArchived"], true);

    // and back
    both.github
        .change(&archived, json!({ "isArchived": false }))
        .await;
    both.elif
        .post(&format!("/tasks/{key}/restore"), &[])
        .await
        .ok();
    // What is deleted stays so, whatever becomes of the task.
    let gone = both.key("Deleted there").await;
    both.elif
        .post(&format!("/tasks/{gone}/restore"), &[])
        .await
        .ok();
    both.sync_after(MINUTES).await;
    assert_eq!(both.task("Archived there").await["archived"], false);
    assert_eq!(both.github.item("Archived here").await["isArchived"], false);
    assert_eq!(both.github.items().await.len(), 2);
}

#[tokio::test]
async fn disconnecting_leaves_both_sides_and_connecting_again_finds_them() {
    let both = Connected::new().await;
    both.github.add(json!({ "title": "From there" })).await;
    both.elif
        .create_task("infrastructure", "todo", "From here")
        .await;
    let page = both.connect().await;
    both.sync_after(MINUTES).await;
    both.elif
        .post(&format!("{page}/disconnect"), &[])
        .await
        .status(303);
    let mutations = both.github.count("mutations").await;
    both.elif
        .create_task("infrastructure", "todo", "Only here")
        .await;
    both.sync_after(Duration::hours(25)).await;
    assert_eq!(both.github.count("mutations").await, mutations);
    let stored: Option<String> = sqlx::query_scalar("SELECT token FROM github_projects")
        .fetch_one(&both.world.db)
        .await
        .unwrap();
    assert_eq!(stored, None, "the token is forgotten");

    let page = both.preview("").await;
    let text = both.page(&page).await;
    assert!(text.contains("2 tasks made from items before"), "{text}");
    both.confirm(&page).await;
    both.sync().await;
    both.sync_after(MINUTES).await;
    assert_eq!(
        both.titles().await,
        ["From here", "From there", "Only here"]
    );
    assert_eq!(both.github.items().await.len(), 3);
}

#[tokio::test]
async fn only_the_tasks_of_a_project_are_connected_if_that_is_chosen() {
    let both = Connected::new().await;
    let project = [
        ("team", "infrastructure"),
        ("name", "Tables"),
        ("measure", "yes-no"),
        ("target", "1"),
    ];
    both.elif.post("/projects", &project).await.status(303);
    both.github.add(json!({ "title": "From there" })).await;
    both.elif
        .create_task("infrastructure", "todo", "Of no project")
        .await;
    let page = both.preview("tables").await;
    assert!(
        both.page(&page)
            .await
            .contains("0 drafts, from the tasks of Tables")
    );
    both.confirm(&page).await;
    both.sync().await;
    let slug: String = sqlx::query_scalar(
        "SELECT p.slug FROM tasks k JOIN projects p ON p.id = k.project_id WHERE k.title = 'From there'",
    )
    .fetch_one(&both.world.db)
    .await
    .unwrap();
    assert_eq!(slug, "tables");
    assert_eq!(both.github.items().await.len(), 1);
    // The list tells which.
    assert!(both.page(PAGE).await.contains("the tasks of Tables"));
}

/// Between reading an item and writing it, somebody changes the same field on GitHub.
#[tokio::test]
async fn people_and_labels_that_others_change_meanwhile_stay() {
    let both = Connected::new().await;
    let issue = json!({
        "kind": "ISSUE", "title": "Copy the schema", "assignees": ["elif"], "withLabels": ["bug", "docs"],
    });
    let id = both.github.add(issue).await;
    both.connect().await;
    both.sync_after(MINUTES).await;
    let key = both.key("Copy the schema").await;
    let edit = json!({ "owners": ["elif", "jonas"], "labels": ["bug", "docs", "new-label"] });
    both.elif
        .api(Method::PATCH, &format!("/tasks/{key}"), edit)
        .await
        .ok();
    let meanwhile =
        json!({ "assignees": ["elif", "someone-else"], "withLabels": ["docs", "postgres"] });
    both.github
        .tell(
            json!({ "do": "meanwhile", "operation": "UpdateIssue", "id": id, "change": meanwhile }),
        )
        .await;
    for _ in 0..3 {
        both.sync_after(MINUTES).await;
    }
    let item = both.github.item("Copy the schema").await;
    assert_eq!(
        item["assignees"],
        json!(["elif", "jonas", "someone-else"]),
        "{item}"
    );
    assert_eq!(item["labels"], json!(["docs", "new-label", "postgres"]));
    let task = both.elif.load_task(&key).await;
    assert_eq!(task["labels"], json!(["docs", "new-label", "postgres"]));
    let owners = task["owners"].as_array().unwrap().iter();
    let handles: Vec<_> = owners.map(|owner| &owner["handle"]).collect();
    assert_eq!(handles, ["elif", "jonas"]);
}

/// GitHub distinguishes labels that are one here.
#[tokio::test]
async fn labels_that_are_one_here_are_removed_together() {
    let both = Connected::new().await;
    let issue = json!({
        "kind": "ISSUE", "title": "Copy the schema", "withLabels": ["needs review", "needs-review", "bug"],
    });
    both.github.add(issue).await;
    both.connect().await;
    both.sync_after(MINUTES).await;
    let key = both.key("Copy the schema").await;
    let edit = json!({ "labels": ["bug"] });
    both.elif
        .api(Method::PATCH, &format!("/tasks/{key}"), edit)
        .await
        .ok();
    for _ in 0..2 {
        both.sync_after(MINUTES).await;
    }
    let item = both.github.item("Copy the schema").await;
    assert_eq!(item["labels"], json!(["bug"]), "{item}");
    assert_eq!(both.elif.load_task(&key).await["labels"], json!(["bug"]));
}
