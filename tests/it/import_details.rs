//! What an import keeps of a file beside titles, and what it says is missing.

use fortnight::domain::import;
use serde_json::{Value, json};

use crate::{
    fixtures::World,
    importing::{import_into, import_trello},
};

/// A Trello board with one list and these cards, and other fields.
fn board(cards: Value, rest: Value) -> Value {
    let mut board =
        json!({ "name": "Small", "lists": [{ "id": "l", "name": "Todo" }], "cards": cards });
    for (field, value) in rest.as_object().unwrap() {
        board[field] = value.clone();
    }
    board
}

fn card(rest: Value) -> Value {
    let mut card = json!({ "id": "c", "name": "A card", "idList": "l" });
    for (field, value) in rest.as_object().unwrap() {
        card[field] = value.clone();
    }
    card
}

async fn hue_of(world: &World, label: &str) -> i16 {
    sqlx::query_scalar("SELECT hue FROM labels WHERE name = $1")
        .bind(label)
        .fetch_one(&world.db)
        .await
        .unwrap()
}

/// Exports from before 2014 have labels without ids.
#[tokio::test]
async fn labels_without_ids_stay_different_labels() {
    let world = World::new().await;
    let cards = json!([
        { "id": "a", "name": "A", "idList": "l", "labels": [{ "color": "red", "name": "" }, { "color": "green", "name": "Ops" }] },
        { "id": "b", "name": "B", "idList": "l", "labels": [{ "color": "blue", "name": "" }] },
        { "id": "c", "name": "C", "idList": "l", "labels": [{ "color": "yellow", "name": "" }, { "color": "red", "name": "Ops" }] },
    ]);
    let names = json!({ "labelNames": { "yellow": "Spring", "red": "" } });
    import_trello(&world, &board(cards, names), &[]).await;
    for (task, labels) in [
        ("INF-1", json!(["Ops", "red"])),
        ("INF-2", json!(["blue"])),
        ("INF-3", json!(["Ops", "Spring"])),
    ] {
        assert_eq!(world.elif.load_task(task).await["labels"], labels, "{task}");
    }
}

#[tokio::test]
async fn labels_keep_their_colours() {
    let world = World::new().await;
    let colours = [
        "red",
        "green",
        "blue",
        "yellow",
        "orange",
        "purple",
        "sky_dark",
        "pink_light",
    ];
    let labels: Vec<_> = colours
        .iter()
        .map(|colour| json!({ "id": colour, "name": format!("is-{colour}"), "color": colour }))
        .collect();
    let cards = json!([card(json!({ "idLabels": colours }))]);
    import_trello(&world, &board(cards, json!({ "labels": labels })), &[]).await;
    let mut hues = Vec::new();
    for colour in colours {
        hues.push(hue_of(&world, &format!("is-{colour}")).await);
    }
    assert_eq!(hues, [0, 4, 8, 2, 1, 10, 7, 11]);
    let issues = json!([{ "number": 1, "title": "One", "url": "https://github.com/o/r/issues/1",
                          "labels": [{ "name": "bug", "color": "d73a4a" }, { "name": "docs", "color": "0075ca" }] }]);
    import_issues(&world, &issues).await;
    assert_eq!(
        (hue_of(&world, "bug").await, hue_of(&world, "docs").await),
        (0, 8)
    );
}

#[tokio::test]
async fn custom_fields_become_estimate_labels_and_lines() {
    let world = World::new().await;
    let fields = json!({ "customFields": [
        { "id": "p", "name": "Story points", "type": "number" }, { "id": "b", "name": "Budget", "type": "number" },
        { "id": "l", "name": "Priority", "type": "list", "options": [{ "id": "h", "value": { "text": "Very high" } }] },
        { "id": "t", "name": "Customer", "type": "text" }, { "id": "x", "name": "Paid", "type": "checkbox" }, { "id": "d", "name": "Shown on", "type": "date" },
    ] });
    let values = json!({ "desc": "Why", "customFieldItems": [
        { "idCustomField": "p", "value": { "number": "5" } }, { "idCustomField": "b", "value": { "number": "12.5" } },
        { "idCustomField": "l", "idValue": "h", "value": null }, { "idCustomField": "t", "value": { "text": "Nordlicht" } },
        { "idCustomField": "x", "value": { "checked": "true" } }, { "idCustomField": "d", "value": { "date": "2021-01-07T10:00:00.000Z" } },
    ] });
    import_trello(&world, &board(json!([card(values)]), fields), &[]).await;
    let task = world.elif.load_task("INF-1").await;
    assert_eq!(
        (&task["estimate"], &task["labels"]),
        (&json!(5), &json!(["Priority:Very-high"]))
    );
    assert_eq!(
        task["description"],
        "Why\n\nBudget: 12.5\n\nCustomer: Nordlicht\n\nPaid: yes\n\nShown on: 2021-01-07"
    );
}

#[tokio::test]
async fn checklists_keep_names_dates_and_members() {
    let world = World::new().await;
    let lists = json!({
        "members": [{ "id": "m", "fullName": "Mira Holm", "username": "mira" }],
        "checklists": [{ "id": "k", "idCard": "c", "name": "Before launch", "checkItems": [
            { "name": "Rehearse", "pos": 1, "due": "2025-01-12T10:00:00.000Z", "idMember": "m" }, { "name": "Go", "pos": 2 } ] }],
    });
    let summary = import_trello(
        &world,
        &board(
            json!([card(json!({ "start": "2025-01-02T09:00:00Z" }))]),
            lists,
        ),
        &[],
    )
    .await;
    let steps: Vec<String> = sqlx::query_scalar("SELECT text FROM steps ORDER BY position")
        .fetch_all(&world.db)
        .await
        .unwrap();
    assert_eq!(steps, ["Rehearse (due 2025-01-12, Mira Holm)", "Go"]);
    assert_eq!(
        world.elif.load_task("INF-1").await["description"],
        "Start: 2025-01-02\n\nChecklist: Before launch"
    );
    assert_eq!(summary.steps, 2);
}

#[tokio::test]
async fn summary_counts_and_names_what_is_lost() {
    let world = World::new().await;
    let uploaded = "https://trello.com/1/cards/5f/attachments/6a/download/plan.pdf";
    let cards = json!([
        card(json!({ "cover": { "color": "green" }, "idMembersVoted": ["x"], "stickers": [{}], "locationName": "Kiel" })),
        { "id": "d", "name": "Papers", "idList": "l", "due": "2025-01-10T12:00:00.000Z", "dueComplete": true, "attachments": [
            { "name": "gone", "url": "" }, { "name": "file", "url": "attachments/foo bar.png" }, { "name": "space", "url": "https://example.org/a b.pdf" },
            { "name": "mail", "url": "mailto:x@example.org" }, { "name": "upload", "url": uploaded, "isUpload": true } ] },
        { "id": "e", "name": "Old one", "idList": "o", "closed": false },
    ]);
    let mut file = board(cards, json!({}));
    file["lists"] = json!([{ "id": "l", "name": "Todo" }, { "id": "o", "name": "Archive of Berlin", "closed": true }]);
    let summary = import_trello(&world, &file, &[]).await.to_string();
    for expected in [
        "Note (1): covers were left out: “A card”.",
        "Note (1): votes were left out: “A card”.",
        "Note (1): stickers were left out: “A card”.",
        "Note (1): locations were left out: “A card”.",
        "Note (1): attachments without an address were left out: “Papers”.",
        "Note (2): attachments with an address that is not a web page are kept as text: “Papers”, “Papers”.",
        "Note (1): files stay at Trello; descriptions link to them, and Trello asks to sign in: “Papers”.",
        "Note (1): these are marked as complete in Trello, but not in a done list; they have the label “complete”: “Papers”.",
        "Note (1): archived lists have no column of their own",
        "“Archive of Berlin”.",
    ] {
        assert!(summary.contains(expected), "{expected}: {summary}");
    }
    let papers = world.elif.load_task("INF-2").await;
    assert_eq!(papers["labels"], json!(["complete"]));
    let description = papers["description"].as_str().unwrap();
    for expected in [
        "Attachment gone (no address)",
        "Attachment file: `attachments/foo bar.png`",
        "Attachment space: <https://example.org/a%20b.pdf>",
        "Attachment mail: `mailto:x@example.org`",
        uploaded,
    ] {
        assert!(description.contains(expected), "{expected}: {description}");
    }
    let old = world.elif.load_task("INF-3").await;
    assert_eq!(old["description"], "List: Archive of Berlin");
    assert_eq!(old["archived"], true);
}

#[tokio::test]
async fn issues_keep_milestone_type_and_reason() {
    let world = World::new().await;
    let issue = |number: i64, rest: Value| {
        let mut issue = json!({ "number": number, "title": format!("Issue {number}"), "url": format!("https://github.com/o/r/issues/{number}"),
                                "createdAt": "2026-01-01T00:00:00Z" });
        for (field, value) in rest.as_object().unwrap() {
            issue[field] = value.clone();
        }
        issue
    };
    let closed = |reason: &str| json!({ "state": "CLOSED", "stateReason": reason, "closedAt": "2026-02-01T00:00:00Z" });
    let issues = json!([
        issue(1, closed("NOT_PLANNED")),
        issue(2, closed("DUPLICATE")),
        issue(3, closed("COMPLETED")),
        issue(
            4,
            json!({ "milestone": { "title": "Sprint 12", "dueOn": "2026-02-01T00:00:00Z" }, "type": { "name": "Feature" },
                         "body": "<!-- Please fill in -->See <img width=\"9\" alt=\"a chart\" src=\"https://x.test/c.png\"> and `<!-- code -->`" })
        ),
        issue(
            5,
            json!({ "labels": { "nodes": [{ "name": "bug" }] }, "assignees": { "nodes": [{ "login": "jonas" }] },
                         "comments": { "totalCount": 4, "nodes": [{ "author": { "login": "x" }, "body": "Yes" }] } })
        ),
    ]);
    let summary = import_issues(&world, &issues).await;
    let load = async |key: &str| world.jonas.load_task(key).await;
    for (key, column, labels) in [
        ("ING-1", "todo", json!(["not-planned"])),
        ("ING-2", "todo", json!(["duplicate"])),
        ("ING-3", "done", json!([])),
    ] {
        let task = load(key).await;
        assert_eq!(
            (&task["column"], &task["labels"]),
            (&json!(column), &labels),
            "{key}"
        );
        assert_eq!(task["archived"], true);
    }
    let feature = load("ING-4").await;
    assert_eq!(feature["labels"], json!(["Feature"]));
    assert_eq!(
        feature["description"],
        "See [a chart](<https://x.test/c.png>) and `<!-- code -->`\n\nMilestone: Sprint 12\n\nImported from: <https://github.com/o/r/issues/4>"
    );
    let graphql = load("ING-5").await;
    assert_eq!(graphql["labels"], json!(["bug"]));
    assert_eq!(graphql["owners"][0]["handle"], "jonas");
    for expected in [
        "closed as not planned or as duplicates",
        "fewer comments than GitHub counts for these: “Issue 5”.",
    ] {
        assert!(summary.contains(expected), "{expected}: {summary}");
    }
}

/// Imports issues into the team Ingestion and returns the summary.
async fn import_issues(world: &World, issues: &Value) -> String {
    let draft = import::github::parse(issues.to_string()).unwrap();
    let request = import::ImportRequest {
        draft: &draft,
        team: "ingestion",
        mappings: &[],
        sprint: import::draft::ImportSprint::This,
        dry_run: false,
    };
    let summary = import::import(&world.app.store, &request, &|_| {}).await;
    summary.unwrap().to_string()
}

/// GitHub's `gh` lists 30 issues unless asked for more.
#[tokio::test]
async fn truncated_lists_are_reported() {
    let issues = |count: i64| -> Vec<Value> {
        (1..=count)
            .map(|number| json!({ "number": number, "title": "One", "url": format!("https://github.com/o/r/issues/{number}") }))
            .collect()
    };
    let items = |count: i64| -> Vec<Value> {
        (1..=count)
            .map(|number| json!({ "id": format!("PVTI_{number}"), "title": "One", "status": "Doing", "content": { "type": "DraftIssue", "body": "" } }))
            .collect()
    };
    for (file, note) in [
        (json!(issues(30)), Some("exactly 30 issues, where gh")),
        (
            json!({ "value": issues(30), "Count": 30 }),
            Some("exactly 30 issues, where gh"),
        ),
        (json!(issues(29)), None),
        (
            json!({ "items": items(30), "totalCount": 80 }),
            Some("lists 80 issues but contains only 30"),
        ),
        (json!({ "items": items(30), "totalCount": 30 }), None),
        (
            json!({ "data": { "repository": { "issues": { "totalCount": 2, "nodes": issues(1) } } } }),
            Some("lists 2 issues but contains only 1"),
        ),
        (
            json!({ "data": { "search": { "pageInfo": { "hasNextPage": true }, "edges": [{ "node": issues(1)[0] }] } } }),
            Some("only the first 1 issues"),
        ),
    ] {
        let draft = import::github::parse(file.to_string()).unwrap();
        let notes = draft.notes().join(" ");
        assert!(
            note.map_or(notes.is_empty(), |note| notes.contains(note)),
            "{note:?}: {notes}"
        );
    }
    // Trello exports the newest thousand actions
    let action = |kind: &str| json!({ "type": kind, "date": "2025-01-01T00:00:00Z", "data": {} });
    for (count, first, is_cut) in [
        (1000, "updateCard", true),
        (1000, "createBoard", false),
        (999, "updateCard", false),
        (60_000, "updateCard", false),
    ] {
        let mut actions = vec![action("updateCard"); count - 1];
        actions.push(action(first));
        let file = board(json!([]), json!({ "actions": actions })).to_string();
        let draft = import::trello::parse(file).unwrap();
        let says = draft
            .notes()
            .iter()
            .any(|note| note.contains("the most that Trello exports"));
        assert_eq!(says, is_cut, "{count} {first}");
    }
}

#[tokio::test]
async fn project_items_become_tasks_by_status() {
    let world = World::new().await;
    let items = json!({ "totalCount": 3, "items": [
        { "id": "PVTI_1", "title": "Ship it", "status": "Done", "labels": ["ops"], "assignees": ["jonas"], "priority": "critical", "storyPoints": 3,
          "content": { "type": "Issue", "number": 7, "url": "https://github.com/o/r/issues/7", "body": "Why" } },
        { "id": "PVTI_2", "title": "Think", "status": "In Progress", "iteration": { "title": "Iteration 4" }, "content": { "type": "DraftIssue", "body": "" } },
        { "id": "PVTI_3", "title": "A change", "content": { "type": "PullRequest", "url": "https://github.com/o/r/pull/8" } },
    ] });
    let summary = import_issues(&world, &items).await;
    assert!(
        summary.contains("Skipped 1 that are pull requests"),
        "{summary}"
    );
    let done = world.jonas.load_task("ING-1").await;
    assert_eq!(
        (&done["column"], &done["estimate"]),
        (&json!("done"), &json!(3))
    );
    assert_eq!(done["labels"], json!(["ops", "priority:critical"]));
    let going = world.jonas.load_task("ING-2").await;
    assert_eq!(
        (&going["column"], &going["sprint"]),
        (&json!("in-progress"), &json!(42))
    );
    assert_eq!(going["description"], "iteration: Iteration 4");
}

#[tokio::test]
async fn long_list_names_become_different_columns() {
    let world = World::new().await;
    let long = "Milestone 5: Ad hoc queries on the new archive, part";
    let names = [
        format!("{long} one: reading"),
        format!("{long} two: writing"),
        "C".to_owned(),
        "C++".to_owned(),
        "Готово 2024".to_owned(),
        "Отдел 2024".to_owned(),
    ];
    let file = json!({
        "lists": names.iter().enumerate().map(|(index, name)| json!({ "id": index.to_string(), "name": name, "pos": index })).collect::<Vec<_>>(),
        "cards": (0..names.len()).map(|index| json!({ "id": index.to_string(), "name": "x", "idList": index.to_string() })).collect::<Vec<_>>(),
    });
    let summary = import_into(&world, "infrastructure", &file.to_string(), &[]).await;
    let columns: std::collections::BTreeSet<_> =
        summary.lists.iter().map(|row| &row.column).collect();
    assert_eq!(columns.len(), names.len(), "{summary}");
    assert!(
        summary
            .to_string()
            .contains("Note (2): list names over 50 characters were shortened"),
        "{summary}"
    );
    assert!(
        summary
            .to_string()
            .contains("Готово 2024 → new column Готово 2024: 1 task; state: done"),
        "{summary}"
    );
    let again = import_into(&world, "infrastructure", &file.to_string(), &[]).await;
    assert_eq!((again.created, again.lists.len()), (0, 0), "{again}");
}
