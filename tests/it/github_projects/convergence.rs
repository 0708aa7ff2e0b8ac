//! After hundreds of changes on both sides, with every tenth request failing, both sides are equal.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};
use time::Duration;

use super::Connected;

const OPTIONS: [(&str, &str); 3] = [
    ("f75ad846", "todo"),
    ("47fc9ee4", "in-progress"),
    ("98236657", "done"),
];
const PEOPLE: [&str; 2] = ["elif", "jonas"];

/// A linear congruential generator, so that a run can be repeated.
struct Random(u64);

impl Random {
    fn range(&mut self, range: std::ops::Range<usize>) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        range.start + (self.0 >> 33) as usize % range.len()
    }
}

#[tokio::test]
async fn both_sides_converge_after_500_changes_with_failures() {
    let seed = 42;
    let mut random = Random(seed);
    let both = Connected::new().await;
    for number in 0..20 {
        let kind = if number % 3 == 0 {
            "ISSUE"
        } else {
            "DRAFT_ISSUE"
        };
        both.github
            .add(json!({ "kind": kind, "title": format!("There {number}") }))
            .await;
        both.elif
            .create_task("infrastructure", "todo", &format!("Here {number}"))
            .await;
    }
    both.github
        .tell(json!({
            "do": "misbehave", "share": 0.1, "seed": seed,
            "kinds": ["500", "drop", "errors", "secondary", "conflict", "lost"],
        }))
        .await;
    let page = loop {
        // The preview may meet a failure too; a person tries again.
        let address = format!("{}/orgs/acme/projects/7", both.github.address);
        let fields = [
            ("address", address.as_str()),
            ("token", super::TOKEN),
            ("project", ""),
        ];
        let answer = both.elif.post(super::PAGE, &fields).await;
        if answer.status == 303 {
            break answer.header("location").to_owned();
        }
    };
    both.confirm(&page).await;

    for step in 0..500 {
        match random.range(0..2) {
            0 => change_there(&both, &mut random, step).await,
            _ => change_here(&both, &mut random, step).await,
        }
        if step % 7 == 0 {
            both.sync_after(seconds(random.range(1..90))).await;
        } else {
            both.pass(seconds(random.range(1..20))).await;
        }
    }
    let mut rounds = 0;
    while rounds < 300 && difference(&both).await.is_some() {
        for _ in 0..10 {
            both.sync_after(Duration::seconds(61)).await;
        }
        rounds += 10;
    }
    if let Some(difference) = difference(&both).await {
        let problem: String = sqlx::query_scalar("SELECT problem FROM github_projects")
            .fetch_one(&both.world.db)
            .await
            .unwrap();
        panic!("seed {seed}, after {rounds} rounds: {difference}. {problem}");
    }
    // And they stay so, with nothing left to say.
    both.github
        .tell(json!({ "do": "misbehave", "share": 0, "kinds": [] }))
        .await;
    for _ in 0..20 {
        both.sync_after(Duration::minutes(3)).await;
    }
    let (mutations, events) = (
        both.github.count("mutations").await,
        both.count_events().await,
    );
    both.sync_after(Duration::hours(25)).await;
    assert_eq!(
        both.github.count("mutations").await,
        mutations,
        "seed {seed}"
    );
    assert_eq!(both.count_events().await, events, "seed {seed}");
    assert_eq!(both.github.count("iterationWrites").await, 0);
    let text = both.page(&page).await;
    assert!(text.contains("none differed"), "seed {seed}: {text}");
}

fn seconds(count: usize) -> Duration {
    Duration::seconds(count as i64)
}

async fn change_there(both: &Connected, random: &mut Random, step: usize) {
    let items = both.github.items().await;
    let item = &items[random.range(0..items.len())];
    let id = item["id"].as_str().unwrap();
    let (option, _) = OPTIONS[random.range(0..3)];
    let change = match random.range(0..9) {
        0 => json!({ "title": format!("There at {step}") }),
        1 | 2 => json!({ "values": { "F_status": option } }),
        3 => json!({ "values": { "F_estimate": random.range(0..20) } }),
        4 => json!({ "values": { "F_due": null, "F_estimate": null } }),
        5 => json!({ "values": { "F_due": format!("2026-12-{:02}", random.range(1..29)) } }),
        6 => json!({ "assignees": [PEOPLE[random.range(0..2)]] }),
        7 => json!({ "isArchived": item["isArchived"] == false }),
        _ => {
            both.github
                .add(json!({ "title": format!("New there at {step}") }))
                .await;
            return;
        }
    };
    both.github.change(id, change).await;
}

async fn change_here(both: &Connected, random: &mut Random, step: usize) {
    let keys: Vec<String> = sqlx::query_scalar(
        "SELECT 'INF-' || number FROM tasks WHERE archived_at IS NULL ORDER BY number",
    )
    .fetch_all(&both.world.db)
    .await
    .unwrap();
    let key = &keys[random.range(0..keys.len())];
    let (_, column) = OPTIONS[random.range(0..3)];
    let edit = match random.range(0..9) {
        0 => json!({ "title": format!("Here at {step}") }),
        1 | 2 => {
            let path = format!("/tasks/{key}/position");
            both.elif.post(&path, &[("column", column)]).await.ok();
            return;
        }
        3 => json!({ "estimate": random.range(0..20) }),
        4 => json!({ "due": null, "estimate": null }),
        5 => json!({ "due": format!("2026-12-{:02}", random.range(1..29)) }),
        6 => json!({ "owners": [PEOPLE[random.range(0..2)]] }),
        7 => {
            both.elif
                .post(&format!("/tasks/{key}/archive"), &[])
                .await
                .ok();
            return;
        }
        _ => {
            let title = format!("New here at {step}");
            both.elif
                .create_task("infrastructure", column, &title)
                .await;
            return;
        }
    };
    let path = format!("/tasks/{key}");
    both.elif.api(Method::PATCH, &path, edit).await.ok();
}

/// Whether it is archived, and what else there is of those that are not.
type Fields = (bool, Option<(String, Value, Value, Value, Vec<String>)>);

/// The first difference between both sides, if there is one.
async fn difference(both: &Connected) -> Option<String> {
    let mut there: BTreeMap<String, Fields> = BTreeMap::new();
    for item in both.github.items().await {
        let values = &item["values"];
        let option = values["F_status"].as_str();
        let column = OPTIONS.iter().find(|(id, _)| Some(*id) == option);
        let is_archived = item["isArchived"] == true;
        let values = (
            item["title"].as_str().unwrap().to_owned(),
            column.map_or(Value::Null, |(_, column)| json!(column)),
            values["F_estimate"].clone(),
            values["F_due"].clone(),
            words(&item["assignees"]),
        );
        let fields = (is_archived, (!is_archived).then_some(values));
        there.insert(item["id"].as_str().unwrap().to_owned(), fields);
    }
    let rows: Vec<(Option<String>, String)> = sqlx::query_as(
        "SELECT i.item_id, 'INF-' || k.number FROM tasks k LEFT JOIN github_project_items i ON i.team_id = k.team_id AND i.task_id = k.id",
    )
    .fetch_all(&both.world.db)
    .await
    .unwrap();
    for (item, key) in rows {
        let task = both.elif.load_task(&key).await;
        let Some(theirs) = item.and_then(|item| there.remove(&item)) else {
            if task["archived"] == true {
                continue;
            }
            return Some(format!("{key} has no item"));
        };
        let owners = task["owners"].as_array().unwrap();
        let mut owners: Vec<String> = owners
            .iter()
            .map(|owner| owner["handle"].as_str().unwrap().to_owned())
            .collect();
        owners.sort();
        let mut column = task["column"].clone();
        // An item without a status is in the first column here, until one side changes.
        let has_status = theirs.1.as_ref().is_none_or(|values| !values.1.is_null());
        if !has_status && column == "todo" {
            column = Value::Null;
        }
        let values = (
            task["title"].as_str().unwrap().to_owned(),
            column,
            task["estimate"].clone(),
            task["due"].clone(),
            owners,
        );
        let is_archived = task["archived"] == true;
        let ours = (is_archived, (!is_archived).then_some(values));
        if ours != theirs {
            return Some(format!("{key}: {ours:?} here, {theirs:?} there"));
        }
    }
    // What was archived before it was seen is left alone.
    let others: Vec<&Fields> = there.values().filter(|(archived, _)| !archived).collect();
    (!others.is_empty()).then(|| format!("without a task: {others:?}"))
}

fn words(values: &Value) -> Vec<String> {
    let values = values.as_array().unwrap();
    values
        .iter()
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}
