//! What was imported happened elsewhere: it is no news, not this sprint's work, and keeps its dates.

use fortnight::domain::import::{
    self,
    draft::{ImportRequest, ImportSprint},
    summary::Summary,
};
use serde_json::{Value, json};
use time::{
    PrimitiveDateTime, format_description::well_known::Rfc3339, macros::format_description,
};

use crate::{fixtures::World, importing::import_into};

const LISTS: [&str; 5] = ["To Do", "Doing", "Waiting", "Testing", "Done"];

/// A board with one card a list, each of which arrived there yesterday.
fn recent_board() -> String {
    let action = |card: usize, kind: &str, data: Value| json!({ "type": kind, "date": format!("2026-11-23T1{card}:00:00Z"), "data": data, "memberCreator": { "id": "m", "fullName": "Xenia" } });
    let name = |card: usize| format!("From {}", LISTS[card]);
    let mut actions = Vec::new();
    for card in 0..LISTS.len() {
        let of = json!({ "id": card.to_string(), "name": name(card) });
        let moved = json!({ "card": of, "listBefore": { "id": "0" }, "listAfter": { "id": card.to_string() }, "old": { "idList": "0" } });
        actions.push(action(card, "updateCard", moved));
        let made = json!({ "card": of, "list": { "id": "0" } });
        let mut made = action(card, "createCard", made);
        made["date"] = json!("2026-09-01T08:00:00Z");
        actions.push(made);
    }
    json!({
        "name": "Recent",
        "lists": LISTS.iter().enumerate().map(|(index, name)| json!({ "id": index.to_string(), "name": name, "pos": index })).collect::<Vec<_>>(),
        "cards": (0..LISTS.len()).map(|card| json!({ "id": card.to_string(), "name": name(card), "idList": card.to_string() })).collect::<Vec<_>>(),
        "actions": actions,
    })
    .to_string()
}

async fn import_to_sprint(world: &World, sprint: ImportSprint) -> Result<Summary, String> {
    let draft = import::trello::parse(recent_board()).unwrap();
    let request = ImportRequest {
        draft: &draft,
        team: "infrastructure",
        mappings: &[],
        sprint,
        dry_run: false,
    };
    import::import(&world.app.store, &request, &|_| {})
        .await
        .map_err(|problem| format!("{problem:?}"))
}

#[tokio::test]
async fn only_work_in_progress_enters_the_sprint() {
    for (choice, sprint) in [
        (ImportSprint::This, json!(42)),
        (ImportSprint::None, Value::Null),
        (ImportSprint::Number(43), json!(43)),
    ] {
        let world = World::new().await;
        let summary = import_to_sprint(&world, choice).await.unwrap().to_string();
        for (key, is_started) in [
            ("INF-1", false),
            ("INF-2", true),
            ("INF-3", true),
            ("INF-4", true),
            ("INF-5", false),
        ] {
            let expected = if is_started { &sprint } else { &Value::Null };
            let task = world.elif.load_task(key).await;
            assert_eq!(&task["sprint"], expected, "{key} {choice:?}");
        }
        if choice == ImportSprint::This {
            assert!(
                summary.contains("Sprint 42: 3 tasks in progress, blocked or in review."),
                "{summary}"
            );
            assert!(summary.contains("In no sprint: 1 open task."), "{summary}");
        }
    }
    let world = World::new().await;
    sqlx::query(
        "INSERT INTO sprints (id, number, name, starts_on, ends_on, state)
         VALUES (gen_random_uuid(), 41, 'Sprint 41', '2026-11-02', '2026-11-15', 'ended')",
    )
    .execute(&world.db)
    .await
    .unwrap();
    for (number, why) in [(7, "There is no sprint 7."), (41, "is over")] {
        let refused = import_to_sprint(&world, ImportSprint::Number(number)).await;
        let refused = refused.unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}

#[tokio::test]
async fn import_is_one_line_of_activity_and_no_news() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    jonas
        .post("/teams/infrastructure/follow", &[("follow", "1")])
        .await
        .ok();
    jonas.get("/teams/infrastructure/check-in").await.ok();
    import_into(&world, "infrastructure", &recent_board(), &[]).await;
    let read = async |path: &str| elif.get(path).await.ok().text();

    let history = read("/teams/infrastructure/history").await;
    assert_eq!(
        history.matches("imported 5 tasks from Trello “Recent”, INF-1 to INF-5, and added the columns Waiting, Testing").count(),
        1,
        "{history}"
    );
    for unwanted in [
        "created it",
        "moved it",
        "imported it",
        "deleted the column",
    ] {
        assert!(!history.contains(unwanted), "{unwanted}: {history}");
    }
    let standup = read("/teams/infrastructure/standup").await;
    for unwanted in ["From Done", "From To Do", "1 done", "added"] {
        assert!(!standup.contains(unwanted), "{unwanted}: {standup}");
    }
    assert!(standup.contains("From Doing"), "work in progress is there");
    for path in ["/", "/teams/infrastructure/check-in"] {
        let page = jonas.get(path).await.ok().text();
        assert!(!page.contains("From Done"), "{path}: {page}");
    }
    let close = read("/teams/infrastructure/sprints/42/close").await;
    for (title, is_asked) in [
        ("From To Do", false),
        ("From Doing", true),
        ("From Waiting", true),
        ("From Done", false),
    ] {
        assert_eq!(close.contains(title), is_asked, "{title}: {close}");
    }
    // a task's own page tells where it comes from
    let task = read("/tasks/INF-5").await;
    assert!(
        task.contains("imported it from Trello") && task.contains("Xenia"),
        "{task}"
    );
}

#[tokio::test]
async fn done_cards_keep_their_own_dates() {
    let world = World::new().await;
    // dragged to Doing and back within a minute, and started in earnest two months later
    let moved = |at: &str, from: &str, to: &str| json!({ "type": "updateCard", "date": at, "data": { "card": { "id": "c" }, "listBefore": { "id": from }, "listAfter": { "id": to } } });
    let board = json!({
        "lists": [{ "id": "t", "name": "To Do" }, { "id": "g", "name": "Doing" }, { "id": "d", "name": "Done" }],
        "cards": [{ "id": "c", "name": "Slipped", "idList": "g" }, { "id": "a", "name": "Moved", "idList": "d" }, { "id": "b", "name": "Dated", "idList": "d", "start": "2025-03-03T09:00:00Z",
                    "due": "2025-03-10T09:00:00Z", "dueComplete": true, "dateCompleted": "2025-03-07T09:00:00Z" }],
        "actions": [
            moved("2025-03-01T09:00:00Z", "t", "g"), moved("2025-01-05T09:01:00Z", "g", "t"), moved("2025-01-05T09:00:00Z", "t", "g"),
            { "type": "createCard", "date": "2025-01-01T09:00:00Z", "data": { "card": { "id": "c" }, "list": { "id": "t" } } },
            { "type": "updateCard", "date": "2025-02-05T09:00:00Z", "data": { "card": { "id": "a" }, "listBefore": { "id": "x", "name": "Doing" }, "listAfter": { "id": "d" } } },
            { "type": "createCard", "date": "2025-02-01T09:00:00Z", "data": { "card": { "id": "a" }, "list": { "id": "x", "name": "Doing" } } },
        ],
    });
    import_into(&world, "infrastructure", &board.to_string(), &[]).await;
    let transitions: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT k.title, e.transition, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM events e JOIN tasks k ON k.id = e.task_id
         WHERE e.transition IS NOT NULL AND e.kind <> 'task.imported' ORDER BY k.title, e.at",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    let seen: Vec<String> = transitions
        .iter()
        .map(|(title, what, day)| format!("{title} {what} {day}"))
        .collect();
    assert_eq!(
        seen,
        [
            "Dated created todo 2025-03-03",
            "Dated moved doing 2025-03-03",
            "Dated moved done 2025-03-07",
            "Moved created doing 2025-02-01",
            "Moved moved done 2025-02-05",
            "Slipped created todo 2025-01-01",
            "Slipped moved doing 2025-03-01",
        ]
    );
    let since: Vec<String> = sqlx::query_scalar(
        "SELECT to_char(column_since AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM tasks ORDER BY title",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert_eq!(since, ["2025-03-07", "2025-02-05", "2025-03-01"]);
}

/// The percentiles of this data are published; half of the cards have moves, the others only dates.
#[tokio::test]
async fn imported_history_is_on_the_flow_page() {
    let world = World::new().await;
    let instant = |text: &str| {
        let american = format_description!(
            "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute]:[second] [period]"
        );
        let at = PrimitiveDateTime::parse(text, american).ok()?;
        at.assume_utc().format(&Rfc3339).ok()
    };
    let (mut cards, mut actions) = (Vec::new(), Vec::new());
    let rows = include_str!("../data/flow-work-items.csv").lines().skip(1);
    for (index, row) in rows.enumerate() {
        let fields: Vec<&str> = row.trim().split(';').collect();
        let (Some(done), Some(start)) = (instant(fields[0]), instant(fields[1])) else {
            continue;
        };
        let id = index.to_string();
        let mut card = json!({ "id": id, "name": format!("Story {id}"), "idList": "done" });
        if index % 2 == 0 {
            card["start"] = json!(start);
            card["dueComplete"] = json!(true);
            card["dateCompleted"] = json!(done);
        } else {
            let of = json!({ "id": id });
            actions.push(json!({ "type": "createCard", "date": start, "data": { "card": of, "list": { "id": "todo" } } }));
            for (at, from, to) in [(start, "todo", "doing"), (done, "doing", "done")] {
                let data =
                    json!({ "card": of, "listBefore": { "id": from }, "listAfter": { "id": to } });
                actions.push(json!({ "type": "updateCard", "date": at, "data": data }));
            }
        }
        cards.push(card);
    }
    assert_eq!(cards.len(), 261);
    actions.reverse();
    let board = json!({
        "lists": [{ "id": "todo", "name": "To Do" }, { "id": "doing", "name": "Doing" }, { "id": "done", "name": "Done" }],
        "cards": cards, "actions": actions,
    });
    import_into(&world, "infrastructure", &board.to_string(), &[]).await;
    let read = async |query: &str| {
        world
            .elif
            .get(&format!("/teams/infrastructure/flow{query}"))
            .await
    };
    let page = read("?from=2023-01-01&to=2024-05-31").await.ok().text();
    for expected in [
        "<b>5 days</b>median cycle time",
        "<b>9 days</b>85th-percentile cycle time",
        "95 %: 13",
        "261 finished tasks",
        "median tasks done per month",
        "17 months",
        "name=\"from\" value=\"2023-01-01\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(!page.contains("Burn-up of"), "there was no sprint");
    assert!(!page.contains("Not counted"), "{page}");
    let csv = world
        .elif
        .get("/teams/infrastructure/flow/throughput.csv?from=2023-01-01&to=2024-05-31")
        .await
        .ok()
        .text();
    assert!(
        csv.trim_start_matches('\u{feff}')
            .starts_with("Month,From,To,Tasks done\r\nJan 2023,2023-01-01,2023-01-31,"),
        "{csv}"
    );
    // weeks, with a sprint among them
    let page = read("?from=2026-11-01&to=42").await.ok().text();
    assert!(
        page.contains("4 weeks") || page.contains("No finished tasks"),
        "{page}"
    );
    for (query, why) in [
        ("?from=2023-05-01&to=2023-01-01", "comes after 2023-01-01"),
        ("?from=2020-01-01&to=2023-01-01", "at most two years"),
        ("?from=2023-13-45&to=2023-01-01", "Enter a day such as"),
    ] {
        let refused = read(query).await.status(422).text();
        assert!(refused.contains(why), "{why}: {refused}");
    }
}
