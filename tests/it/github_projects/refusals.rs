//! What GitHub refuses, leaves out or loses does not undo what people have done here.

use axum::http::Method;
use serde_json::{Value, json};
use time::Duration;

use super::{Connected, TOKEN};

const MINUTES: Duration = Duration::minutes(3);

/// The fields of the form, as `Connected::confirm` sends them, with one other.
async fn choose(both: &Connected, page: &str, name: &str, value: &str) {
    let mut fields = vec![
        ("status", "F_status"),
        ("column-f75ad846", "todo"),
        ("column-47fc9ee4", "in-progress"),
        ("column-98236657", "done"),
        ("sprint", "F_sprint"),
        ("estimate", "F_estimate"),
        ("due", "F_due"),
    ];
    fields.retain(|(field, _)| *field != name);
    fields.push((name, value));
    both.elif.post(page, &fields).await.status(303);
}

#[tokio::test]
async fn refused_title_stays_here_and_does_not_stop_the_status() {
    let both = Connected::new().await;
    let issue = json!({ "kind": "ISSUE", "title": "Copy the schema", "values": { "F_status": "f75ad846" } });
    both.github.add(issue).await;
    let page = both.connect().await;
    both.sync_after(MINUTES).await;
    let key = both.key("Copy the schema").await;
    both.github
        .tell(json!({ "do": "refuse", "operations": ["UpdateIssue"] }))
        .await;
    let edit = json!({ "title": "Copy it here" });
    both.elif
        .api(Method::PATCH, &format!("/tasks/{key}"), edit)
        .await
        .ok();
    let place = [("column", "done")];
    both.elif
        .post(&format!("/tasks/{key}/position"), &place)
        .await
        .ok();
    for _ in 0..3 {
        both.sync_after(MINUTES).await;
    }
    let task = both.elif.load_task(&key).await;
    assert_eq!(task["title"], "Copy it here");
    let item = both.github.item("Copy the schema").await;
    assert_eq!(item["values"]["F_status"], "98236657");
    let text = both.page(&page).await;
    assert!(text.contains("Not written to GitHub"), "{text}");
    // Nothing is sent again and again.
    let writes = both.github.count("mutations").await;
    both.sync_after(Duration::hours(25)).await;
    assert_eq!(both.github.count("mutations").await, writes);
    assert!(both.page(&page).await.contains("1 differed before"));

    both.github.tell(json!({ "do": "refuse" })).await;
    both.elif
        .post(&format!("{page}/compare"), &[])
        .await
        .status(303);
    both.sync().await;
    both.github.item("Copy it here").await;
    assert!(!both.page(&page).await.contains("Not written to GitHub"));
}

#[tokio::test]
async fn many_refused_items_do_not_stop_the_others() {
    let both = Connected::new().await;
    for number in 0..45 {
        both.github
            .add(json!({ "kind": "ISSUE", "title": format!("There {number}") }))
            .await;
    }
    both.connect().await;
    both.sync_after(MINUTES).await;
    both.github
        .tell(json!({ "do": "refuse", "operations": ["UpdateIssue"] }))
        .await;
    for number in 0..45 {
        let key = both.key(&format!("There {number}")).await;
        let edit = json!({ "title": format!("Here {number}") });
        both.elif
            .api(Method::PATCH, &format!("/tasks/{key}"), edit)
            .await
            .ok();
    }
    both.elif
        .create_task("infrastructure", "todo", "New here")
        .await;
    for _ in 0..6 {
        both.sync_after(Duration::seconds(61)).await;
    }
    both.github.item("New here").await;
    let seq: (i64, i64) = sqlx::query_as(
        "SELECT g.seq, t.seq FROM github_projects g JOIN teams t ON t.id = g.team_id",
    )
    .fetch_one(&both.world.db)
    .await
    .unwrap();
    assert_eq!(seq.0, seq.1, "all was looked at");
}

#[tokio::test]
async fn owner_whom_github_leaves_out_stays_the_owner_here() {
    let both = Connected::new().await;
    both.github
        .add(json!({ "kind": "ISSUE", "title": "Copy the schema" }))
        .await;
    let page = both.connect().await;
    both.sync_after(MINUTES).await;
    let key = both.key("Copy the schema").await;
    both.github
        .tell(json!({ "do": "refuse", "people": ["elif"] }))
        .await;
    let edit = json!({ "owners": ["elif", "jonas"] });
    both.elif
        .api(Method::PATCH, &format!("/tasks/{key}"), edit)
        .await
        .ok();
    for _ in 0..3 {
        both.sync_after(MINUTES).await;
    }
    let item = both.github.item("Copy the schema").await;
    assert_eq!(item["assignees"], json!(["jonas"]));
    let owners = both.elif.load_task(&key).await["owners"].clone();
    assert_eq!(owners.as_array().unwrap().len(), 2, "{owners}");
    assert!(
        both.page(&page)
            .await
            .contains("GitHub did not accept all owners")
    );
}

#[tokio::test]
async fn other_or_deleted_field_takes_no_values_from_tasks() {
    let both = Connected::new().await;
    both.github
        .add(json!({ "title": "Copy the schema", "values": { "F_status": "f75ad846", "F_estimate": 3 } }))
        .await;
    let page = both.connect().await;
    both.sync_after(MINUTES).await;

    // nobody keeps due dates any more, and then they do again
    let key = both.key("Copy the schema").await;
    choose(&both, &page, "due", "").await;
    both.sync().await;
    let edit = json!({ "due": "2026-12-24" });
    both.elif
        .api(Method::PATCH, &format!("/tasks/{key}"), edit)
        .await
        .ok();
    both.sync_after(MINUTES).await;
    choose(&both, &page, "due", "F_due").await;
    both.sync().await;
    assert_eq!(both.elif.load_task(&key).await["due"], "2026-12-24");
    let item = both.github.item("Copy the schema").await;
    assert_eq!(item["values"]["F_due"], "2026-12-24");

    // A field that is deleted there loses all its values there, and none here.
    both.github
        .tell(json!({ "do": "refuse", "fields": ["F_estimate"] }))
        .await;
    let item = item["id"].as_str().unwrap().to_owned();
    both.github
        .change(&item, json!({ "title": "Copy it" }))
        .await;
    both.sync_after(MINUTES).await;
    let task = both.elif.load_task(&key).await;
    assert_eq!(
        (&task["title"], &task["estimate"]),
        (&json!("Copy it"), &json!(3))
    );

    both.github.tell(json!({ "do": "refuse" })).await;
    both.sync_after(MINUTES).await;
    // Another column for an option moves the tasks that have it.
    choose(&both, &page, "column-f75ad846", "in-review").await;
    both.sync().await;
    assert_eq!(both.elif.load_task(&key).await["column"], "in-review");
}

#[tokio::test]
async fn token_that_does_not_show_the_project_any_more_archives_nothing() {
    let both = Connected::new().await;
    both.github.add(json!({ "title": "Copy the schema" })).await;
    both.connect().await;
    both.sync_after(MINUTES).await;
    let key = both.key("Copy the schema").await;
    both.github
        .tell(json!({ "do": "refuse", "operations": ["List", "Items", "Fields"] }))
        .await;
    let edit = json!({ "title": "Copy it" });
    both.elif
        .api(Method::PATCH, &format!("/tasks/{key}"), edit)
        .await
        .ok();
    for _ in 0..3 {
        both.sync_after(Duration::hours(2)).await;
    }
    assert_eq!(both.elif.load_task(&key).await["archived"], false);
}

#[tokio::test]
async fn archived_pairs_cost_nothing_and_archived_tasks_are_left_alone_when_connecting_again() {
    let both = Connected::new().await;
    let item = both.github.add(json!({ "title": "Long done" })).await;
    let page = both.connect().await;
    both.sync_after(MINUTES).await;
    both.github
        .change(&item, json!({ "isArchived": true }))
        .await;
    both.sync_after(MINUTES).await;
    assert_eq!(both.task("Long done").await["archived"], true);
    let asked = |state: &Value| state["counts"]["byOperation"]["Items"].as_i64();
    let before = asked(&both.github.state().await);
    for _ in 0..5 {
        both.sync_after(MINUTES).await;
    }
    assert_eq!(asked(&both.github.state().await), before);

    both.elif
        .post(&format!("{page}/disconnect"), &[])
        .await
        .status(303);
    both.github
        .change(&item, json!({ "isArchived": false }))
        .await;
    let page = both.preview("").await;
    let text = both.page(&page).await;
    assert!(text.contains("1 item whose task is archived"), "{text}");
    both.confirm(&page).await;
    both.sync().await;
    both.sync_after(MINUTES).await;
    assert_eq!(both.task("Long done").await["archived"], true);
    assert_eq!(both.titles().await, ["Long done"]);
}

#[tokio::test]
async fn project_that_is_disconnected_during_a_comparison_is_left_alone_from_then_on() {
    let both = Connected::new().await;
    for number in 0..30 {
        both.github
            .add(json!({ "title": format!("There {number}") }))
            .await;
    }
    let page = both.preview("").await;
    both.confirm(&page).await;
    // between taking the project and the first write
    sqlx::query(
        "CREATE FUNCTION take_away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF NEW.leased_until IS DISTINCT FROM OLD.leased_until AND NEW.leased_until IS NOT NULL THEN
                 UPDATE github_projects SET leased_until = NEW.leased_until + interval '1 second' WHERE id = NEW.id;
             END IF;
             RETURN NULL; END $$",
    )
    .execute(&both.world.db)
    .await
    .unwrap();
    sqlx::query(
        "CREATE TRIGGER take_away AFTER UPDATE OF leased_until ON github_projects FOR EACH ROW
         WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION take_away()",
    )
    .execute(&both.world.db)
    .await
    .unwrap();
    both.sync().await;
    assert!(both.titles().await.is_empty());
    let state: (String, bool) =
        sqlx::query_as("SELECT state, leased_until IS NULL FROM github_projects")
            .fetch_one(&both.world.db)
            .await
            .unwrap();
    assert_eq!(
        state,
        ("on".to_owned(), false),
        "the other program's lease stays"
    );
    assert!(!both.page(&page).await.contains(TOKEN));
}
