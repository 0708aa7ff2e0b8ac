//! Importing tables of Jira and Linear: real ones, and small ones of our own with what real ones have.

use fortnight::domain::import::{
    self,
    draft::{Draft, ImportRequest, ImportSprint},
    summary::Summary,
};
use serde_json::{Value, json};
use time::{Date, Duration};

use crate::{fixtures::World, importing::write_temp_file, program::Place};

pub const JIRA: &str = include_str!("../data/jira-comments-2025.csv");
const JIRA_SPRINTS: &str = include_str!("../data/jira-sprints-2022.csv");
pub const LINEAR: &str = include_str!("../data/linear-2025.csv");

/// Imports a draft to the team Infrastructure.
pub async fn import_draft(world: &World, draft: &Draft) -> Summary {
    let request = ImportRequest {
        draft,
        team: "infrastructure",
        mappings: &[],
        sprint: ImportSprint::This,
        dry_run: false,
    };
    import::import(&world.app.store, &request, &|_| {})
        .await
        .unwrap()
}

async fn import_jira(world: &World, table: &str) -> Summary {
    import_draft(world, &import::jira::parse(table.to_owned()).unwrap()).await
}

/// How many tasks went to each column, with its state, and how many of them to the archive.
fn landings(summary: &Summary) -> Vec<String> {
    let text = summary.to_string();
    text.lines()
        .filter(|line| line.contains(" → "))
        .map(str::to_owned)
        .collect()
}

pub async fn task_called(world: &World, title: &str) -> Value {
    let number: i64 = sqlx::query_scalar("SELECT number FROM tasks WHERE title = $1")
        .bind(title)
        .fetch_one(&world.db)
        .await
        .unwrap_or_else(|error| panic!("{title}: {error}"));
    world.elif.load_task(&format!("INF-{number}")).await
}

#[tokio::test]
async fn real_jira_tables_are_imported_whole() {
    let world = World::new().await;
    let summary = import_jira(&world, JIRA).await;
    assert_eq!(summary.created, 22, "{summary}");
    let text = summary.to_string();
    assert!(text.contains("17 comments"), "{text}");
    let states: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT c.state, (k.archived_at IS NOT NULL)::text, count(*) FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         GROUP BY 1, 2 ORDER BY 1",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    let expected = [
        ("doing", "false", 3),
        ("done", "true", 10),
        ("todo", "false", 9),
    ];
    let expected: Vec<_> = expected
        .map(|(state, archived, count)| (state.to_owned(), archived.to_owned(), count))
        .into();
    assert_eq!(states, expected, "{text}");
    // a second time, nothing is new
    let again = import_jira(&world, JIRA).await;
    assert_eq!(again.created, 0);
    assert!(again.to_string().contains("22"), "{again}");

    // a status whose category says more than its name
    let world = World::new().await;
    let summary = import_jira(&world, JIRA_SPRINTS).await;
    assert_eq!(summary.created, 26);
    let landings = landings(&summary).join("\n");
    assert!(
        landings.contains("Backlog → new column Backlog: 10 tasks; state: doing"),
        "{landings}"
    );
}

#[tokio::test]
async fn everything_that_a_jira_table_tells_arrives() {
    let world = World::new().await;
    let table = "\u{feff}Summary;Issue key;Issue id;Issue Type;Status;Status Category;Resolution;Assignee;Assignee Id;Reporter;Reporter Id;Created;Resolved;Due date;Description;Labels;Labels;Sprint;Sprint;Custom field (Story Points);Custom field (Rank);Comment;Comment;Inward issue link (Blocks);Attachment;Parent key;Parent summary;Custom field (Colour)\r\n\
        Second;OPS-2;102;Task;In Review;In Progress;;Elif Hartmann;a:1;Jonas Weber;a:2;27/Dec/25 10:48 AM;;05/Jan/26 12:00 AM;\"h2. Why\n* one\n[~accountid:a:2] knows\";slow query;db;Sprint 1;Sprint 2;2,5;0|i2:;28/Dec/25 9:00 AM;29/Dec/25 1:30 PM;OPS-9;27/Dec/25 10:48 AM;;;red\r\n\
        First;OPS-1;101;Bug;Wartet auf Kunde;To Do;;;;Jonas Weber;a:2;26/Dec/25 10:48 AM;;;;;;;;2000;0|i1:;;;;;;;;\r\n\
        Finished;OPS-3;103;Story;Fertig;Done;Done;;;Jonas Weber;a:2;01/Dec/25 10:48 AM;20/Dec/25 4:00 PM;;;;;;;;;;;;;;;\r\n\
        Dropped;OPS-4;104;Task;Fertig;Done;Won't Do;;;Jonas Weber;a:2;01/Dec/25 10:48 AM;21/Dec/25 4:00 PM;;;;;;;;;;;;;;;\r\n\
        Nameless;;105;Task;Fertig;Done;;;;;;yesterday;;;;;;;;;;;;;;;;\r\n";
    let table = table
        .replace(
            "28/Dec/25 9:00 AM;",
            "\"28/Dec/25 9:00 AM;a:2;Looks *good*; I think\";",
        )
        .replace("29/Dec/25 1:30 PM;", "\"29/Dec/25 1:30 PM;jonas;Done?\";")
        .replace(
            "OPS-9;27/Dec/25 10:48 AM;",
            "OPS-9;\"27/Dec/25 10:48 AM;a:2;plan.pdf;https://jira.example.org/1/plan.pdf\";",
        );
    let summary = import_jira(&world, &table).await;
    let text = summary.to_string();
    assert_eq!(summary.created, 4, "{text}");
    let second = task_called(&world, "Second").await;
    assert_eq!(second["state"], "review", "{text}");
    assert_eq!(second["owners"][0]["handle"], "elif");
    assert_eq!(second["due"], "2026-01-05");
    assert_eq!(second["estimate"], 3);
    assert_eq!(second["labels"], json!(["db", "query", "slow"]));
    let description = second["description"].as_str().unwrap();
    for line in [
        "## Why",
        "- one",
        "Jonas Weber knows",
        "Sprint: Sprint 1, Sprint 2",
        "Is blocked by: OPS-9",
        "plan.pdf",
        "Imported from Jira: OPS-2",
    ] {
        assert!(description.contains(line), "{line} in {description}");
    }
    let path = format!("/tasks/{}", second["key"].as_str().unwrap());
    let page = world.elif.get(&path).await.ok().text();
    assert!(page.contains("<strong>good</strong>; I think"), "{page}");
    let authors: Vec<Option<String>> = sqlx::query_scalar(
        "SELECT a.handle FROM comments m LEFT JOIN accounts a ON a.id = m.author_id ORDER BY m.created_at",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert_eq!(
        authors.last().unwrap().as_deref(),
        Some("jonas"),
        "{authors:?}"
    );
    let first = task_called(&world, "First").await;
    assert_eq!(first["state"], "blocked", "{text}");
    assert_eq!(first["labels"], json!(["Bug"]));
    assert_eq!(first["estimate"], Value::Null);
    let finished = task_called(&world, "Finished").await;
    assert_eq!(
        (&finished["state"], &finished["archived"]),
        (&json!("done"), &json!(true))
    );
    let dropped = task_called(&world, "Dropped").await;
    assert_eq!(dropped["state"], "todo", "{text}");
    assert_eq!(dropped["archived"], true);
    for told in [
        "have no key",
        "estimates were rounded to whole points",
        "estimates that are no number from 0 to 1,000 were left out",
        "closed without being done",
        "Custom field (Colour) (1)",
        "read as UTC",
    ] {
        assert!(text.contains(told), "{told} in {text}");
    }
}

/// What is planned there for the current and the next sprint is planned here too, by the days.
#[tokio::test]
async fn open_work_goes_to_the_sprint_of_the_same_days() {
    let world = World::new().await;
    let sprints: Vec<(i32, Date, Date)> = sqlx::query_as(
        "SELECT number, starts_on, ends_on FROM sprints WHERE state IN ('active', 'planned') ORDER BY number",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    let ((now, first, last), (next, start, end)) = (sprints[0], sprints[1]);
    let day = Duration::days(1);
    let before = (first - 14 * day, first - day);
    // Linear's cycles end when the next one begins
    let row = |title: &str, status: &str, (from, to): (Date, Date)| {
        format!("{title},{status},2026-11-02T08:00:00Z,Cycle,{from}T00:00:00Z,{to}T00:00:00Z\n")
    };
    let table = ["Title,Status,Created,Cycle Name,Cycle Start,Cycle End\n".to_owned()]
        .into_iter()
        .chain([
            row("Planned now", "Todo", (first, last + day)),
            row("Planned next", "Todo", (start + day, end)),
            row("Left over", "Todo", before),
            row("Still going", "In Progress", before),
            row("Finished", "Done", (first, last)),
        ])
        .collect::<String>();
    let draft = import::linear::parse(table).unwrap();
    let text = import_draft(&world, &draft).await.to_string();
    for (title, sprint) in [
        ("Planned now", json!(now)),
        ("Planned next", json!(next)),
        ("Left over", json!(null)),
        ("Still going", json!(now)),
        ("Finished", json!(null)),
    ] {
        assert_eq!(
            task_called(&world, title).await["sprint"],
            sprint,
            "{title}"
        );
    }
    for told in [
        "1 open task whose sprint in the file is of the same days",
        "1 task in progress, blocked or in review",
        "In no sprint: 1 open task",
    ] {
        assert!(text.contains(told), "{told} in {text}");
    }
}

#[tokio::test]
async fn linear_tables_are_imported_whole() {
    let world = World::new().await;
    let draft = import::linear::parse(LINEAR.to_owned()).unwrap();
    let summary = import_draft(&world, &draft).await;
    assert_eq!(summary.created, 1);
    let task = task_called(&world, "Make smooth").await;
    assert_eq!(task["labels"], json!(["Fast"]));
    assert_eq!(task["due"], "2025-04-24");
    // It has a date of completion, and is in progress again.
    assert_eq!(
        (&task["state"], &task["archived"]),
        (&json!("doing"), &json!(false))
    );
    let table = "ID,Team,Title,Description,Status,Estimate,Priority,Creator,Assignee,Labels,Cycle Name,Cycle Start,Cycle End,Created,Started,Completed,Canceled,Due Date,Parent issue,Colour\n\
        PLA-10,Platform,Move the importer,\"Body, with a comma\nand a line\",Done,3,High,elif@example.org,elif@example.org,\"Improvement, Bug\",Sprint 41,2026-11-09T00:00:00Z,2026-11-22T00:00:00Z,2026-11-02T08:53:33Z,2026-11-10T09:00:00Z,2026-11-20T16:06:19Z,,2026-11-30,,\n\
        PLA-11,Platform,A part of it,,In Review,,No priority,elif@example.org,elif@example.org,,,,,2026-11-03T08:53:33Z,,,,,PLA-10,blue\n\
        PLA-12,Platform,Not any more,,Canceled,,Low,ben@example.org,,,,,,2026-11-03T08:53:33Z,,,2026-11-04T08:53:33Z,,,\n";
    let draft = import::linear::parse(table.to_owned()).unwrap();
    let text = import_draft(&world, &draft).await.to_string();
    let moved = task_called(&world, "Move the importer").await;
    assert_eq!(
        (&moved["state"], &moved["archived"]),
        (&json!("done"), &json!(true)),
        "{text}"
    );
    assert_eq!(moved["estimate"], 3);
    let description = moved["description"].as_str().unwrap();
    assert!(
        description.contains("Cycle: Sprint 41, 2026-11-09 to 2026-11-22"),
        "{description}"
    );
    let part = task_called(&world, "A part of it").await;
    assert_eq!(part["state"], "review");
    assert_eq!(part["owners"][0]["handle"], "elif", "by the e-mail address");
    let dropped = task_called(&world, "Not any more").await;
    assert_eq!(dropped["state"], "todo", "{text}");
    assert_eq!(dropped["archived"], true);
    assert!(text.contains("Colour (1)"), "{text}");
    let columns: Vec<String> = sqlx::query_scalar("SELECT lower(name) FROM columns")
        .fetch_all(&world.db)
        .await
        .unwrap();
    assert!(!columns.contains(&"canceled".to_owned()), "{columns:?}");
    // times of work are kept: it took from the 10th to the 20th
    let moves: Vec<String> = sqlx::query_scalar(
        "SELECT to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM events e JOIN tasks k ON k.team_id = e.team_id AND k.id = e.task_id
         WHERE k.title = 'Move the importer' AND e.kind = 'task.moved' ORDER BY e.at",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert!(
        moves.first().is_some_and(|at| at == "2026-11-10")
            && moves.last().is_some_and(|at| at == "2026-11-20"),
        "{moves:?}"
    );
}

#[tokio::test]
async fn tables_are_imported_on_the_command_line_also_as_excel_writes_them() {
    let place = Place::new();
    crate::lifecycle::create_by_command_line(&place, "ada", "infrastructure", "INF").await;
    let file = tempfile::NamedTempFile::new().unwrap();
    // Windows-1252
    std::fs::write(
        file.path(),
        b"Summary;Issue key;Status\nGr\xf6\xdfe messen;OPS-1;Fertig\n",
    )
    .unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let said = place
        .said(&[
            "import",
            "jira",
            &path,
            "--team",
            "infrastructure",
            "--dry-run",
        ])
        .await;
    assert!(said.contains("Would import 1 task"), "{said}");
    let said = place
        .said(&["import", "jira", &path, "--team", "infrastructure"])
        .await;
    assert!(said.contains("Imported 1 task"), "{said}");
    let linear = write_temp_file("Title,State\nA,Todo\n");
    let path = linear.path().to_str().unwrap().to_owned();
    let refused = place
        .refused(&["import", "linear", &path, "--team", "infrastructure"])
        .await;
    assert!(refused.contains("no column “Status”"), "{refused}");
}
