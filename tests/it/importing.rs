//! Importing boards from Trello and issues from GitHub.

use fortnight::db::pool::Pool;
use fortnight::domain::import::{
    self,
    draft::{ImportRequest, ImportSprint},
    summary::Summary,
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::{fixtures::World, program::Place};

pub const TRELLO: &str = include_str!("../data/trello-sprint-board-2025.json");
pub const MOVED: &str = include_str!("../data/trello-project100-2021.json");
pub const GITHUB: &str = include_str!("../data/github-issues-mimofan.json");

#[tokio::test]
async fn trello_cards_and_checklists_appear_on_the_board() {
    let world = World::new().await;
    let summary = import_trello(&world, &parse_json(TRELLO), &[]).await;
    assert_eq!((summary.created, summary.steps), (11, 24));
    assert_eq!(
        summary.keys,
        Some(("INF-1".to_owned(), "INF-11".to_owned()))
    );
    assert!(
        summary
            .to_string()
            .contains("Personal → new column Personal: 3 tasks"),
        "{summary}"
    );

    let page = world
        .elif
        .get("/teams/infrastructure?sprint=all")
        .await
        .ok()
        .text();
    for title in [
        "Lee",
        "Ling",
        "Whiff drill",
        "Zafina lab drills",
        "Advanced reaction drill",
    ] {
        assert!(page.contains(title), "{title} is not on the board");
    }
    assert_eq!(page.matches("data-task=\"INF-").count(), 11);
    let order: Vec<usize> = ["personal", "lab", "drill", "in-progress", "done"]
        .iter()
        .map(|column| {
            page.find(&format!("data-column=\"{column}\""))
                .unwrap_or_else(|| panic!("no column {column}"))
        })
        .collect();
    assert!(
        order.is_sorted(),
        "the board takes over the lists in their order"
    );
    assert_eq!(
        world.column_keys("infrastructure", "personal").await,
        ["INF-1", "INF-2", "INF-3"]
    );
    assert_eq!(
        count_rows(&world.db, "SELECT count(*) FROM steps").await,
        24
    );

    let story = world.elif.get("/tasks/INF-1").await.ok().text();
    assert!(
        story.contains("Mistakes/Habits/Issues: "),
        "a step is prefixed with the name of its checklist"
    );
    assert!(
        story.contains("Member 1") && story.contains("created it in Personal"),
        "{story}"
    );
    assert!(story.contains("imported it from Trello"));
}

#[tokio::test]
async fn second_import_adds_only_new_cards() {
    let world = World::new().await;
    import_trello(&world, &parse_json(TRELLO), &[]).await;
    let before = count_everything(&world.db).await;
    let again = import_trello(&world, &parse_json(TRELLO), &[]).await;
    assert_eq!(
        (again.created, again.skipped.count("were imported before")),
        (0, 11)
    );
    assert_eq!(count_everything(&world.db).await, before);

    // new cards of a later export are added below the others
    let mut later = parse_json(TRELLO);
    let mut card = later["cards"][0].clone();
    card["id"] = json!("ffffffffffffffffffffffff");
    card["name"] = json!("A new one");
    card["pos"] = json!("bottom");
    later["cards"].as_array_mut().unwrap().push(card);
    let summary = import_trello(&world, &later, &[]).await;
    assert_eq!(
        (
            summary.created,
            summary.skipped.count("were imported before")
        ),
        (1, 11)
    );
    assert_eq!(
        world.column_keys("infrastructure", "personal").await,
        ["INF-1", "INF-2", "INF-3", "INF-12"]
    );
}

#[tokio::test]
async fn dry_run_reports_the_import_and_writes_nothing() {
    let world = World::new().await;
    let before = count_everything(&world.db).await;
    let draft = import::trello::parse(TRELLO.to_owned()).unwrap();
    let request = ImportRequest {
        draft: &draft,
        team: "infrastructure",
        mappings: &[],
        sprint: ImportSprint::This,
        dry_run: true,
    };
    let dry = import::import(&world.app.store, &request, &|_| {})
        .await
        .unwrap();
    assert_eq!(count_everything(&world.db).await, before);
    assert!(
        dry.to_string().starts_with("Would import 11 tasks")
            && dry
                .to_string()
                .ends_with("This was a dry run: nothing was written.")
    );
    let wet = import_trello(&world, &parse_json(TRELLO), &[]).await;
    assert_eq!(
        dry.to_string()
            .replace("Would import", "Imported")
            .replace("\nThis was a dry run: nothing was written.", ""),
        wet.to_string(),
        "a dry run is the real one, rolled back"
    );
    assert_eq!(dry.keys, Some(("INF-1".to_owned(), "INF-11".to_owned())));
}

#[tokio::test]
async fn lists_go_to_columns_by_name_or_mapping() {
    let world = World::new().await;
    let board = json!({
        "lists": [
            { "id": "1", "name": "TODO" }, { "id": "2", "name": "Doing" }, { "id": "3", "name": "In-Review" },
            { "id": "4", "name": "待办" }, { "id": "5", "name": "Nothing in it" }, { "id": "6", "name": "Old", "closed": true },
        ],
        "cards": (1..=6).map(|list| json!({ "id": format!("c{list}"), "name": format!("Card {list}"), "idList": list.to_string() }))
            .filter(|card| card["idList"] != "5").collect::<Vec<_>>(),
    });
    let summary = import_trello(&world, &board, &[("doing", "In progress")]).await;
    let landings: Vec<_> = summary
        .lists
        .iter()
        .map(|landing| (landing.list.as_str(), landing.column.as_str(), landing.new))
        .collect();
    assert_eq!(
        landings,
        [
            ("TODO", "Todo", false),
            ("Doing", "In progress", false),
            ("In-Review", "In review", false),
            ("待办", "待办", true),
            ("Nothing in it", "Nothing in it", true),
            ("Old", "Todo", false),
        ]
    );
    assert_eq!(
        world.column_keys("infrastructure", "in-progress").await,
        ["INF-2"]
    );
    assert_eq!(
        world.column_keys("infrastructure", "dai-ban").await,
        ["INF-4"]
    );
    assert_eq!(
        world.elif.load_task("INF-5").await["archived"],
        true,
        "an open card of a closed list is archived"
    );
    let events: Vec<Value> = sqlx::query_scalar(
        "SELECT after FROM events WHERE kind = 'column.added' AND task_id IS NULL",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["columns"][0]["column"], "dai-ban");
    let history = world
        .elif
        .get("/teams/infrastructure/history")
        .await
        .ok()
        .text();
    let expected = "<b>The command line</b> imported 5 tasks from Trello, INF-1 to INF-5, \
                    and added the columns 待办, Nothing in it";
    assert!(history.contains(expected), "{expected} is not in {history}");
    assert!(!history.contains("A former member"), "{history}");

    let draft = import::trello::parse(board.to_string()).unwrap();
    let mappings = [("Dooing".to_owned(), "Done".to_owned())];
    let request = ImportRequest {
        draft: &draft,
        team: "infrastructure",
        mappings: &mappings,
        sprint: ImportSprint::This,
        dry_run: false,
    };
    let refused = format!(
        "{:?}",
        import::import(&world.app.store, &request, &|_| {})
            .await
            .unwrap_err()
    );
    assert!(
        refused.contains("no list “Dooing”") && refused.contains("TODO, Doing"),
        "{refused}"
    );
}

#[tokio::test]
async fn github_issues_keep_their_text_and_closed_are_archived() {
    let world = World::new().await;
    let draft = import::github::parse(GITHUB.to_owned()).unwrap();
    let request = ImportRequest {
        draft: &draft,
        team: "ingestion",
        mappings: &[],
        sprint: ImportSprint::This,
        dry_run: false,
    };
    let summary = import::import(&world.app.store, &request, &|_| {})
        .await
        .unwrap();
    assert_eq!(summary.created, 44);
    assert!(
        summary
            .to_string()
            .contains("Closed → Done: 13 tasks, 13 of them archived"),
        "{summary}"
    );
    assert_eq!(world.column_keys("ingestion", "todo").await.len(), 31);
    assert_eq!(world.column_keys("ingestion", "done").await.len(), 0);
    let first = world.jonas.load_task("ING-1").await;
    assert_eq!(first["title"], "feat: 支持定时/夜间任务队列 (/night /time)");
    assert!(
        first["description"]
            .as_str()
            .unwrap()
            .contains("支持定时执行任务队列")
    );
    assert!(
        first["description"]
            .as_str()
            .unwrap()
            .ends_with("Imported from: <https://github.com/XiaomingX/mimofan/issues/11>")
    );
    assert_eq!(
        (first["archived"].clone(), first["column"].clone()),
        (json!(true), json!("done"))
    );
    assert_eq!(first["sprint"], Value::Null);
    let open = world.jonas.load_task("ING-6").await;
    assert_eq!(
        (open["sprint"].clone(), open["labels"].clone()),
        (Value::Null, json!(["documentation"])),
        "open issues are in the backlog"
    );
    let page = world
        .jonas
        .get("/teams/ingestion?sprint=all")
        .await
        .ok()
        .text();
    assert_eq!(page.matches("data-task=\"ING-").count(), 31);
    let again = import::import(&world.app.store, &request, &|_| {})
        .await
        .unwrap();
    assert_eq!(
        (again.created, again.skipped.count("were imported before")),
        (0, 44)
    );
}

#[tokio::test]
async fn import_goes_into_each_teams_current_sprint() {
    let world = World::new().await;
    let unfinished = world
        .elif
        .create_task("infrastructure", "todo", "Left over")
        .await;
    let verdict = [(format!("task:{unfinished}"), "carry")];
    let verdict: Vec<(&str, &str)> = verdict
        .iter()
        .map(|(task, to)| (task.as_str(), *to))
        .collect();
    world
        .elif
        .post("/teams/infrastructure/sprints/42/close", &verdict)
        .await
        .ok();
    // Ingestion has not closed the sprint
    let draft = import::trello::parse(TRELLO.to_owned()).unwrap();
    let mappings = [("Personal".to_owned(), "In progress".to_owned())];
    for (team, client, key, sprint) in [
        ("infrastructure", &world.elif, "INF-2", 43),
        ("ingestion", &world.jonas, "ING-1", 42),
    ] {
        let request = ImportRequest {
            draft: &draft,
            team,
            mappings: &mappings,
            sprint: ImportSprint::This,
            dry_run: false,
        };
        import::import(&world.app.store, &request, &|_| {})
            .await
            .unwrap();
        assert_eq!(client.load_task(key).await["sprint"], sprint, "{team}");
        let page = client.get(&format!("/teams/{team}")).await.ok().text();
        assert!(
            page.contains(&format!(r#"data-task="{key}""#)),
            "{team}: {page}"
        );
    }
}

#[tokio::test]
async fn import_matches_people_and_their_comments() {
    let world = World::new().await;
    let board = json!({
        "name": "Old", "lists": [{ "id": "l", "name": "Todo" }],
        "members": [
            { "id": "e", "fullName": "elif hartmann", "username": "eh1988" }, { "id": "j", "fullName": "J. G.", "username": "Jonas" },
            { "id": "x", "fullName": "Xenia", "username": "xenia" },
        ],
        "cards": [{ "id": "a", "name": "A", "desc": "Why?\r\nBecause\u{0}.", "idList": "l", "idMembers": ["e", "j", "x"], "due": "2026-12-01T23:30:00.000Z" }],
        "actions": [
            { "type": "commentCard", "date": "2025-01-02T00:00:00Z", "memberCreator": { "id": "x", "fullName": "Xenia", "username": "xenia" }, "data": { "text": "Later", "card": { "id": "a" } } },
            { "type": "commentCard", "date": "2025-01-01T00:00:00Z", "memberCreator": { "id": "e", "fullName": "elif hartmann", "username": "eh1988" }, "data": { "text": "First", "card": { "id": "a" } } },
        ],
    });
    let summary = import_trello(&world, &board, &[]).await;
    assert_eq!(summary.unknown_members, ["Xenia"]);
    let task = world.elif.load_task("INF-1").await;
    assert_eq!(task["description"], "Why?\nBecause.\n\nMembers: Xenia");
    assert_eq!(task["due"], "2026-12-01");
    let owners: Vec<&str> = task["owners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|owner| owner["handle"].as_str().unwrap())
        .collect();
    assert_eq!(owners, ["elif", "jonas"]);
    let comments: Vec<(Option<String>, String, String)> = sqlx::query_as(
        "SELECT a.handle, c.author, c.body FROM comments c LEFT JOIN accounts a ON a.id = c.author_id ORDER BY c.created_at",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    let first = (Some("elif".to_owned()), String::new(), "First".to_owned());
    assert_eq!(
        comments,
        [first, (None, "Xenia".to_owned(), "Later".to_owned())]
    );
}

#[tokio::test]
async fn imported_history_keeps_its_dates_and_replays() {
    let world = World::new().await;
    import_trello(&world, &parse_json(MOVED), &[]).await;
    let events: Vec<(i64, String, Option<String>, bool)> = sqlx::query_as(
        "SELECT e.seq, e.kind, e.after->>'column', e.at < '2021-01-01' FROM events e JOIN tasks k ON k.id = e.task_id
         WHERE k.title = 'Visualize code' ORDER BY e.seq",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    let history: Vec<_> = events
        .iter()
        .map(|(_, kind, column, old)| (kind.as_str(), column.as_deref(), *old))
        .collect();
    assert_eq!(
        history,
        [
            ("task.created", Some("done"), true),
            ("task.moved", Some("in-progress"), true),
            ("task.imported", Some("in-progress"), false),
        ]
    );
    let differ = count_rows(
        &world.db,
        "SELECT count(*) FROM tasks k JOIN columns c ON c.id = k.column_id
         LEFT JOIN events e ON e.task_id = k.id AND e.kind = 'task.imported'
         WHERE e.after->>'title' IS DISTINCT FROM k.title OR e.after->>'column' IS DISTINCT FROM c.slug
            OR e.after->>'state' IS DISTINCT FROM c.state OR e.after->>'rank' IS DISTINCT FROM k.rank
            OR (e.after->>'archived')::bool IS DISTINCT FROM (k.archived_at IS NOT NULL) OR e.version <> k.version",
    )
    .await;
    assert_eq!(differ, 0);
    let gaps = count_rows(&world.db, "SELECT t.seq - count(e.seq) FROM teams t LEFT JOIN events e ON e.team_id = t.id WHERE t.slug = 'infrastructure' GROUP BY t.seq").await;
    assert_eq!(gaps, 0, "events are numbered without gaps");
}

#[tokio::test]
async fn import_command_reports_what_it_did() {
    let (place, world) = (Place::new(), World::new().await);
    let url = database_url(&world.db);
    let file = write_temp_file(TRELLO);
    let import = [
        "import",
        "trello",
        file.path().to_str().unwrap(),
        "--team",
        "infrastructure",
        "--map",
        "Lab=In progress",
        "--database-url",
        &url,
    ];
    let dry = place.run(&[&import[..], &["--dry-run"]].concat()).await;
    assert!(
        dry.status.success() && count_rows(&world.db, "SELECT count(*) FROM tasks").await == 0,
        "{dry:?}"
    );
    assert!(
        String::from_utf8(dry.stdout)
            .unwrap()
            .contains("Lab → In progress: 3 tasks")
    );
    let first = place.run(&import).await;
    assert!(first.status.success(), "{first:?}");
    let output = String::from_utf8(first.stdout).unwrap();
    assert!(
        output.starts_with("Imported 11 tasks to Infrastructure from Trello “Tekken Notes”, with 24 steps and 0 comments: INF-1 to INF-11."),
        "{output}"
    );
    assert!(output.contains("Lab → In progress: 3 tasks"), "{output}");
    let again = place.run(&import).await;
    let output = String::from_utf8(again.stdout).unwrap();
    assert!(
        output.contains("Imported 0 tasks")
            && output.contains("Skipped 11 that were imported before: “Lee”"),
        "{output}"
    );
    let page = world
        .elif
        .get("/teams/infrastructure?sprint=all")
        .await
        .ok()
        .text();
    assert_eq!(page.matches("data-task=\"INF-").count(), 11);

    let issues = write_temp_file(GITHUB);
    let import = [
        "import",
        "github",
        issues.path().to_str().unwrap(),
        "--team",
        "ingestion",
        "--database-url",
        &url,
    ];
    let done = place.run(&import).await;
    assert!(
        done.status.success()
            && String::from_utf8(done.stdout)
                .unwrap()
                .contains("to Ingestion from GitHub")
    );
    assert!(
        count_rows(
            &world.db,
            "SELECT count(*) FROM tasks k JOIN teams t ON t.id = k.team_id WHERE t.key = 'ING'"
        )
        .await
            > 5
    );
}

#[tokio::test]
async fn long_import_reports_progress_without_a_terminal() {
    let (place, world) = (Place::new(), World::new().await);
    let card =
        |n: usize| json!({ "id": n.to_string(), "name": format!("Card {n}"), "idList": "l" });
    let cards: Vec<_> = (0..1_200).map(card).collect();
    let file = write_temp_file(
        &json!({ "lists": [{ "id": "l", "name": "Todo" }], "cards": cards }).to_string(),
    );
    let url = database_url(&world.db);
    let import = [
        "import",
        "trello",
        file.path().to_str().unwrap(),
        "--team",
        "infrastructure",
        "--database-url",
        &url,
    ];
    let done = place.run(&import).await;
    assert!(done.status.success(), "{done:?}");
    let output = String::from_utf8(done.stderr).unwrap();
    assert!(
        output.contains("1000 of 1200 tasks") && !output.contains("200 of 1200"),
        "{output}"
    );
}

#[tokio::test]
async fn checked_checklist_items_are_imported_as_done() {
    let world = World::new().await;
    let item =
        |name: &str, state: &str| json!({ "id": name, "name": name, "state": state, "pos": 1 });
    let board = json!({
        "lists": [{ "id": "l", "name": "Todo" }],
        "cards": [{ "id": "c", "name": "Cut over", "idList": "l" }],
        "checklists": [{ "id": "k", "idCard": "c", "name": "Steps", "checkItems": [item("Rehearse", "complete"), item("Go", "incomplete")] }],
    });
    import_trello(&world, &board, &[]).await;
    let steps: Vec<(String, bool)> =
        sqlx::query_as("SELECT text, done FROM steps ORDER BY done DESC")
            .fetch_all(&world.db)
            .await
            .unwrap();
    assert_eq!(steps.len(), 2);
    assert!(
        steps[0].0.contains("Rehearse") && steps[0].1 && steps[1].0.contains("Go") && !steps[1].1,
        "{steps:?}"
    );
}

/// Case 47. Deeply nested and truncated files are among them.
#[tokio::test]
async fn invalid_export_is_refused_and_imports_nothing() {
    let (place, world) = (Place::new(), World::new().await);
    let url = database_url(&world.db);
    let bomb = "[".repeat(100_000);
    let mut late = parse_json(TRELLO);
    late["cards"][10]["name"] = json!(12);
    let late = late.to_string();
    for (from, text, team, why) in [
        (
            "trello",
            "{\"lists\": [],\n \"cards\": [}",
            "infrastructure",
            "at line 2 column 12",
        ),
        (
            "trello",
            &TRELLO[..5000],
            "infrastructure",
            "EOF while parsing",
        ),
        (
            "trello",
            bomb.as_str(),
            "infrastructure",
            "recursion limit exceeded",
        ),
        ("trello", "", "infrastructure", "is empty"),
        (
            "trello",
            r#"{"id": "a", "name": "A", "idList": "l"}"#,
            "infrastructure",
            "a single Trello card, not a board",
        ),
        (
            "trello",
            late.as_str(),
            "infrastructure",
            "cards[10].name is a number; expected text",
        ),
        ("github", TRELLO, "infrastructure", "import trello"),
        (
            "trello",
            TRELLO,
            "infra",
            "There is no team “infra”. Teams: infrastructure, ingestion.",
        ),
    ] {
        let file = write_temp_file(text);
        let refused = place
            .run(&[
                "import",
                from,
                file.path().to_str().unwrap(),
                "--team",
                team,
                "--database-url",
                &url,
            ])
            .await;
        let message = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{message}");
        assert!(
            message.contains(why) && message.contains("nothing was imported"),
            "{why}: {message}"
        );
    }
    let missing = place
        .run(&[
            "import",
            "trello",
            "/nowhere.json",
            "--team",
            "infrastructure",
            "--database-url",
            &url,
        ])
        .await;
    assert!(
        String::from_utf8(missing.stderr)
            .unwrap()
            .contains("cannot open /nowhere.json: No such file")
    );
    let left = count_rows(
        &world.db,
        "SELECT (SELECT count(*) FROM tasks) + (SELECT count(*) FROM events) + (SELECT sum(last_number) FROM teams)::bigint",
    )
    .await;
    assert_eq!(left, 0);
}

/// PowerShell writes UTF-16; other tools and formats are told apart.
#[tokio::test]
async fn files_of_other_encodings_and_tools_are_recognized() {
    let (place, world) = (Place::new(), World::new().await);
    let url = database_url(&world.db);
    let import = async |from: &str, file: &NamedTempFile, rest: &[&str]| {
        let path = file.path().to_str().unwrap();
        let args = [
            "import",
            from,
            path,
            "--team",
            "infrastructure",
            "--database-url",
            &url,
        ];
        place.run(&[&args[..], rest].concat()).await
    };
    let issue = r#"[{"number":1,"title":"Größe","url":"https://github.com/o/r/issues/1"}]"#;
    let file = write_temp_file("");
    let utf16: Vec<u8> = issue.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(file.path(), [b"\xff\xfe", utf16.as_slice()].concat()).unwrap();
    let done = import("github", &file, &["--sprint", "none"]).await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(world.elif.load_task("INF-1").await["title"], "Größe");
    let wekan = r#"{"_format":"wekan-board-1.0.0","_id":"b","title":"B","lists":[],"cards":[]}"#;
    for (from, text, why) in [
        (
            "trello",
            "Card Name,List Name\nA,B\n",
            "is a CSV, not a JSON export",
        ),
        ("github", "Title;State\nA;B\n", "is a CSV, not JSON"),
        ("trello", wekan, "a board of WeKan, not of Trello"),
        ("trello", "<!DOCTYPE html><html>", "is a web page"),
    ] {
        let refused = import(from, &write_temp_file(text), &[]).await;
        let message = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{message}");
        assert!(
            message.contains(why) && message.contains("nothing was imported"),
            "{message}"
        );
    }
    for (args, why) in [
        (
            ["--sprint", "next"],
            "expected none, this, or a sprint's number",
        ),
        (["--sprint", "7"], "There is no sprint 7"),
        (["--map", "Todo="], "expected a column or a state"),
    ] {
        let refused = import("github", &file, &args).await;
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(
            !refused.status.success() && message.contains(why),
            "{message}"
        );
    }
}

/// Case 46. Ids in the file cannot refer to existing tasks either.
#[tokio::test]
async fn malicious_export_reads_no_files_and_grants_no_roles() {
    let world = World::new().await;
    let theirs = world.jonas.create_task("ingestion", "todo", "Theirs").await;
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tasks")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let people = "SELECT string_agg(a::text, '|' ORDER BY a.id) FROM accounts a";
    let before: String = sqlx::query_scalar(people)
        .fetch_one(&world.db)
        .await
        .unwrap();
    let paths = [
        "file:///etc/passwd",
        "../../../../etc/passwd",
        "/etc/passwd",
        "http://169.254.169.254/latest/meta-data",
    ];
    let board = json!({
        "name": "../../etc/passwd", "lists": [{ "id": "l", "name": "../../etc" }],
        "members": [{ "id": "j", "fullName": "Jonas Gruber", "username": "jonas", "role": "admin", "memberType": "admin" }],
        "memberships": [{ "idMember": "j", "memberType": "admin" }],
        "cards": paths.iter().enumerate().map(|(n, path)| json!({
            "id": if n == 0 { id.to_string() } else { n.to_string() }, "name": path, "idList": "l", "idMembers": ["j"],
            "desc": format!("[read]({path}) ![see]({path}) {path}"), "team_id": "x", "author_id": world.jonas.person.id,
            "attachments": [{ "name": path, "url": path, "fileName": path }], "cover": { "idAttachment": path },
        })).collect::<Vec<_>>(),
    });
    let summary = import_trello(&world, &board, &[]).await;
    assert_eq!(summary.created, 4);
    let after: String = sqlx::query_scalar(people)
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(after, before);
    assert_eq!(world.jonas.load_task(&theirs).await["title"], "Theirs");
    for n in 1..=4 {
        let page = world.elif.get(&format!("/tasks/INF-{n}")).await.ok().text();
        assert!(
            !page.contains("root:") && !page.contains("href=\"file:") && !page.contains("<img"),
            "{page}"
        );
        assert!(
            !page.contains("href=\"..") && !page.contains("src=\"http"),
            "{page}"
        );
    }
    world
        .elif
        .api(
            axum::http::Method::PATCH,
            &format!("/tasks/{theirs}"),
            json!({ "title": "x" }),
        )
        .await
        .status(403);
}

/// Cases 47, F2. The size is checked before the file is read.
#[tokio::test]
async fn large_export_is_imported_and_a_huge_file_is_refused() {
    let world = World::new().await;
    let text = "Lorem ipsum dolor sit amet. ".repeat(3_000);
    let card = |n: usize| json!({ "id": n.to_string(), "name": format!("Card {n}"), "idList": "l", "desc": text });
    let cards: Vec<_> = (0..65).map(card).collect();
    let board = json!({ "lists": [{ "id": "l", "name": "Todo" }], "cards": cards }).to_string();
    assert!(board.len() > 5 * 1024 * 1024);
    let file = write_temp_file(&board);
    let bytes = import::file::read(file.path()).unwrap();
    let summary = import_into(
        &world,
        "infrastructure",
        &String::from_utf8(bytes).unwrap(),
        &[],
    )
    .await;
    assert_eq!(summary.created, 65);
    // a sparse file of 64 GiB
    let huge = NamedTempFile::new().unwrap();
    huge.as_file().set_len(64 << 30).unwrap();
    let refused = import::file::read(huge.path()).unwrap_err().to_string();
    assert!(
        refused.contains("larger than 100 MB; nothing was imported"),
        "{refused}"
    );
}

pub async fn import_trello(world: &World, file: &Value, mappings: &[(&str, &str)]) -> Summary {
    import_into(world, "infrastructure", &file.to_string(), mappings).await
}

/// Imports a Trello board into a team.
pub async fn import_into(
    world: &World,
    team: &str,
    file: &str,
    mappings: &[(&str, &str)],
) -> Summary {
    let draft = import::trello::parse(file.to_owned()).unwrap();
    let mappings: Vec<_> = mappings
        .iter()
        .map(|(list, column)| ((*list).to_owned(), (*column).to_owned()))
        .collect();
    let request = ImportRequest {
        draft: &draft,
        team,
        mappings: &mappings,
        sprint: ImportSprint::This,
        dry_run: false,
    };
    import::import(&world.app.store, &request, &|_| {})
        .await
        .unwrap()
}

pub fn parse_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub fn write_temp_file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// Returns the URL of the test's database for the program.
pub fn database_url(db: &Pool) -> String {
    let own = db.connect_options();
    let socket = own.get_socket().unwrap().display().to_string();
    format!(
        "postgres://fortnight@localhost/{}?host={socket}",
        own.get_database().unwrap()
    )
}

async fn count_rows(db: &Pool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(db).await.unwrap()
}

/// Counts the rows of everything that an import writes.
pub async fn count_everything(db: &Pool) -> Vec<i64> {
    let mut counts = Vec::new();
    for sql in [
        "SELECT count(*) FROM tasks",
        "SELECT count(*) FROM columns",
        "SELECT count(*) FROM steps",
        "SELECT count(*) FROM comments",
        "SELECT count(*) FROM labels",
        "SELECT count(*) FROM events",
        "SELECT sum(seq)::bigint FROM teams",
        "SELECT sum(last_number)::bigint FROM teams",
        "SELECT seq FROM workspace",
    ] {
        counts.push(count_rows(db, sql).await);
    }
    counts
}
