//! The flow page of a team: cycle times, throughput, blocked time and burn-up.

use axum::http::Method;
use fortnight::domain::{
    boards::filters::terms::Filter,
    flow::{measures::BurnUp, queries},
    sprints,
    team::Team,
};
use serde_json::json;
use time::Duration;

use crate::fixtures::{Client, World};

async fn move_to(client: &Client, key: &str, column: &str) {
    client
        .submit_by_script(
            Method::PUT,
            &format!("/tasks/{key}/position"),
            "card",
            &[("column", column)],
        )
        .await
        .ok();
}

/// Creates three days of work: INF-1 takes three days, INF-2 one, INF-3 is never in progress, INF-4 is blocked and
/// INF-5 is in progress.
async fn create_three_days_of_work(world: &World) {
    let elif = &world.elif;
    for (title, label) in [
        ("Cut over", "postgres"),
        ("Pin", "docs"),
        ("Typo", "docs"),
        ("Dual writes", "docs"),
        ("=1+1", "docs"),
    ] {
        let body = json!({ "title": title, "labels": [label], "sprint": 42 });
        elif.api(Method::POST, "/teams/infrastructure/tasks", body)
            .await
            .status(201);
    }
    move_to(elif, "INF-1", "in-progress").await;
    move_to(elif, "INF-4", "in-progress").await;
    move_to(elif, "INF-5", "in-progress").await;
    world.app.clock.advance(Duration::days(1));
    elif.api(
        Method::PUT,
        "/tasks/INF-4/block",
        json!({ "kind": "team", "on": "ingestion", "note": "Their topic" }),
    )
    .await
    .ok();
    move_to(elif, "INF-2", "in-progress").await;
    world.app.clock.advance(Duration::hours(1));
    move_to(elif, "INF-2", "done").await;
    move_to(elif, "INF-3", "done").await;
    world.app.clock.advance(Duration::days(1));
    move_to(elif, "INF-1", "done").await;
    elif.submit_by_script(Method::POST, "/tasks/INF-2/archive", "card", &[])
        .await
        .ok();
}

#[tokio::test]
async fn flow_page_shows_cycle_times_and_time_blocked() {
    let world = World::new().await;
    let empty = world
        .elif
        .get("/teams/infrastructure/flow")
        .await
        .ok()
        .text();
    assert!(empty.contains("No finished tasks yet."), "{empty}");
    create_three_days_of_work(&world).await;

    let page = world
        .elif
        .get("/teams/infrastructure/flow")
        .await
        .ok()
        .text();
    assert!(page.contains("<b>2 days</b>median cycle time"), "{page}");
    assert!(page.contains("<b>3</b>tasks done so far"));
    assert!(page.contains("<b>2 days</b>blocked in all, 100 % of it waiting on Ingestion"));
    assert!(page.contains("Not counted: 1 never in progress."));
    assert!(
        page.contains("INF-1: 3 days, done on 26 Nov"),
        "each dot has a label"
    );
    assert!(
        page.contains("3 of 5 tasks are done"),
        "the archived task still counts as done"
    );
    assert!(page.contains(r#"aria-labelledby="cycle-time-title cycle-time-description""#));
    assert!(page.contains("Their topic</span><span class=\"muted\">2 days · Ingestion"));
    assert!(!page.contains("style="));
    // both charts show the team's percentiles, and each panel has its numbers as a table and a file
    for (chart, next) in [
        ("cycle-time-panel", "ageing-panel"),
        ("ageing-panel", "throughput-panel"),
    ] {
        let panel = page.split(&format!("id=\"{chart}\"")).nth(1).unwrap();
        let panel = panel.split(&format!("id=\"{next}\"")).next().unwrap();
        let drawn = panel
            .split("<svg")
            .nth(1)
            .unwrap()
            .split("</svg>")
            .next()
            .unwrap();
        for level in ["50 %: 2", "85 %: 2.7", "95 %: 2.9"] {
            assert!(drawn.contains(level), "{chart}: {level}: {drawn}");
        }
    }
    let foot = page
        .split("id=\"cycle-time-panel\"")
        .nth(1)
        .unwrap()
        .split("<tfoot>")
        .nth(1)
        .unwrap();
    let foot = foot.split("</tfoot>").next().unwrap();
    assert!(foot.contains("85 %") && foot.contains("2.7"), "{foot}");
    assert_eq!(page.matches("<table>").count(), 6);
    assert!(page.contains(
        "INF-2</a></td><td dir=\"auto\">Pin</td><td>2026-11-25</td><td>2026-11-25</td><td>1</td>"
    ));
    for name in [
        "burn-up",
        "cumulative-flow",
        "cycle-time",
        "ageing",
        "throughput",
        "blocked",
    ] {
        assert!(
            page.contains(&format!("/flow/{name}.csv?\" download>CSV")),
            "{name}"
        );
    }
    let areas = page
        .split("id=\"cumulative-flow-panel\"")
        .nth(1)
        .unwrap()
        .split("</svg>")
        .next()
        .unwrap();
    for state in ["todo", "doing", "blocked", "review", "done"] {
        assert!(
            areas.contains(&format!("state-{state}")),
            "{state} has its own colour: {areas}"
        );
    }
    let how = page
        .split("How these numbers are calculated")
        .nth(1)
        .unwrap();
    for expected in [
        "in UTC",
        "end − start + 1",
        "Burn-up:",
        "Cumulative flow:",
        "Cycle time:",
        "Ageing:",
        "Throughput:",
        "Blocked:",
    ] {
        assert!(how.contains(expected), "{expected}");
    }
    assert!(
        world
            .elif
            .get("/teams/infrastructure")
            .await
            .ok()
            .text()
            .contains(r#"href="/teams/infrastructure/flow">Flow"#)
    );
}

/// Case 42. A title cannot run as a formula in a spreadsheet.
#[tokio::test]
async fn csv_export_escapes_formulas() {
    let world = World::new().await;
    create_three_days_of_work(&world).await;
    let csv = async |name: &str| {
        let response = world
            .elif
            .get(&format!("/teams/infrastructure/flow/{name}.csv"))
            .await
            .ok();
        assert_eq!(response.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(
            response.header("content-disposition"),
            format!("attachment; filename=\"infrastructure-{name}.csv\"")
        );
        response.text()
    };
    assert_eq!(
        csv("cycle-time").await,
        "\u{feff}Task,Title,In progress,Done,Days\r\nINF-1,Cut over,2026-11-24,2026-11-26,3\r\nINF-2,Pin,2026-11-25,2026-11-25,1\r\n"
    );
    assert_eq!(
        csv("ageing").await,
        "\u{feff}Task,Title,State,In progress,Days\r\nINF-4,Dual writes,Blocked,2026-11-24,3\r\nINF-5,'=1+1,In progress,2026-11-24,3\r\n"
    );
    assert_eq!(
        csv("throughput").await,
        "\u{feff}Sprint,From,To,Tasks done\r\nSprint 42,2026-11-16,2026-11-29,3\r\n"
    );
    assert_eq!(
        csv("blocked").await,
        "\u{feff}Cause,Waiting on,Tasks,Days\r\nTheir topic,Ingestion,1,2\r\n"
    );
    let flow = csv("cumulative-flow").await;
    assert!(
        flow.starts_with(
            "\u{feff}Day,Todo,In progress,Blocked,In review,Done\r\n2026-11-16,0,0,0,0,0\r\n"
        ),
        "{flow}"
    );
    assert!(
        flow.ends_with("2026-11-24,2,3,0,0,0\r\n2026-11-25,0,2,1,0,2\r\n2026-11-26,0,1,1,0,3\r\n"),
        "{flow}"
    );
    let burn_up = csv("burn-up").await;
    assert!(
        burn_up.starts_with(
            "\u{feff}Day,In the sprint,Done,Ideal,Forecast from,Forecast to\r\n2026-11-16,0,0,0.5,,\r\n"
        ),
        "{burn_up}"
    );
    assert!(
        burn_up.contains("2026-11-25,5,2,4,,\r\n2026-11-26,5,3,4.5,,\r\n"),
        "{burn_up}"
    );
    assert!(
        burn_up.contains("\r\n2026-11-29,,,5,"),
        "future days show the ideal line: {burn_up}"
    );
    world
        .elif
        .get("/teams/infrastructure/flow/secrets.csv")
        .await
        .status(404);
    world
        .elif
        .get("/teams/infrastructure/flow/ageing")
        .await
        .status(404);
}

#[tokio::test]
async fn filter_applies_to_every_figure() {
    let world = World::new().await;
    create_three_days_of_work(&world).await;
    let docs = world
        .elif
        .get("/teams/infrastructure/flow?q=label:docs")
        .await
        .ok()
        .text();
    assert!(
        docs.contains("2 of 4 tasks are done") && !docs.contains("INF-1"),
        "{docs}"
    );
    assert!(
        docs.contains(r#"href="?sprints=1&#38;q=label%3Adocs""#),
        "links to other ranges keep the filter: {docs}"
    );
    let save = [
        ("name", "Only docs"),
        ("sprint", "this"),
        ("q", "label:docs"),
        ("for", "me"),
    ];
    world
        .elif
        .post("/teams/infrastructure/filters", &save)
        .await
        .ok();
    let saved = world
        .elif
        .get("/teams/infrastructure/flow?sprints=1")
        .await
        .ok()
        .text();
    assert!(
        saved.contains(r#"<a href="?sprints=1&#38;q=label%3Adocs">Only docs</a>"#),
        "{saved}"
    );
    let none = world
        .elif
        .get("/teams/infrastructure/flow?q=label:nothing")
        .await
        .ok()
        .text();
    assert!(none.contains("Remove part of the filter to see more."));
    let unknown = world
        .elif
        .get("/teams/infrastructure/flow?q=is:tall")
        .await
        .ok()
        .text();
    assert!(unknown.contains("Unknown filter “is:tall”") && unknown.contains(r#"value="is:tall""#));
    let file = world
        .elif
        .get("/teams/infrastructure/flow/cycle-time.csv?q=is:tall")
        .await
        .status(422)
        .text();
    assert!(
        file.contains("Unknown filter “is:tall”"),
        "no file is sent, because it would contain all tasks: {file}"
    );
    assert!(
        docs.contains("/flow/blocked.csv?q=label%3Adocs\""),
        "the file has the same filter: {docs}"
    );
}

#[tokio::test]
async fn invalid_range_is_refused_with_a_reason() {
    let world = World::new().await;
    create_three_days_of_work(&world).await;
    for (query, why) in [
        ("from=7", "There is no sprint 7."),
        ("from=42&to=43", "Sprint 43 has not started yet."),
        ("from=new", "Enter a sprint by its number, such as 42."),
        ("sprints=0", "Enter a number of sprints from 1 to 13."),
        ("sprints=all", "Enter a number of sprints from 1 to 13."),
    ] {
        let page = world
            .elif
            .get(&format!("/teams/infrastructure/flow?{query}"))
            .await
            .status(422)
            .text();
        assert!(
            page.contains(why) && page.contains("<select name=\"from\" aria-invalid"),
            "{query}: {page}"
        );
        world
            .elif
            .get(&format!("/teams/infrastructure/flow/ageing.csv?{query}"))
            .await
            .status(422);
    }
    let page = world
        .elif
        .get("/teams/infrastructure/flow?from=42&to=42")
        .await
        .ok()
        .text();
    assert!(
        page.contains(r#"<option value="42" selected>"#)
            && page.contains("16 Nov – today · 1 sprint")
    );
}

#[tokio::test]
async fn flow_is_open_to_other_teams_but_not_to_strangers() {
    let world = World::new().await;
    create_three_days_of_work(&world).await;
    world
        .jonas
        .get("/teams/infrastructure/flow")
        .await
        .status(200);
    world
        .jonas
        .get("/teams/infrastructure/flow/cycle-time.csv")
        .await
        .status(200);
    world.jonas.get("/teams/nowhere/flow").await.status(404);
    let away = world
        .stranger()
        .get("/teams/infrastructure/flow")
        .await
        .status(303);
    assert!(away.header("location").starts_with("/login?next="));
    world
        .stranger()
        .get("/teams/infrastructure/flow/cycle-time.csv")
        .await
        .status(303);
}

#[tokio::test]
async fn figures_of_a_past_sprint_never_change() {
    let world = World::new().await;
    create_three_days_of_work(&world).await;
    let csv = async |path: &str| {
        world
            .elif
            .get(&format!("/teams/infrastructure/flow/{path}"))
            .await
            .ok()
            .text()
    };
    world.app.clock.advance(Duration::days(4));
    sprints::cadence::update_sprints(
        &mut world.db.acquire().await.unwrap(),
        world.app.clock.now(),
    )
    .await
    .unwrap();
    let names = [
        "burn-up",
        "cumulative-flow",
        "cycle-time",
        "throughput",
        "blocked",
    ];
    let mut before = Vec::new();
    for name in names {
        before.push(csv(&format!("{name}.csv?from=42&to=42")).await);
    }
    // in the next sprint tasks are carried over, finished, archived and restored
    world
        .elif
        .api(Method::PATCH, "/tasks/INF-4", json!({ "sprint": 43 }))
        .await
        .ok();
    move_to(&world.elif, "INF-4", "done").await;
    move_to(&world.elif, "INF-5", "in-review").await;
    world
        .elif
        .submit_by_script(Method::POST, "/tasks/INF-1/archive", "card", &[])
        .await
        .ok();
    world
        .elif
        .submit_by_script(Method::POST, "/tasks/INF-2/restore", "card", &[])
        .await
        .ok();
    for (name, before) in names.iter().zip(before) {
        assert_eq!(
            csv(&format!("{name}.csv?from=42&to=42")).await,
            before,
            "{name}"
        );
    }
    let next = csv("cumulative-flow.csv?sprints=1").await;
    assert!(
        next.ends_with(",0,0,0,1,1\r\n"),
        "only tasks finished in the sprint count as done in it: {next}"
    );
}

#[tokio::test]
async fn imports_with_incomplete_history_are_left_out() {
    let world = World::new().await;
    create_three_days_of_work(&world).await;
    // like an import with an incomplete history: there is no creation event
    sqlx::query(
        "UPDATE events SET kind = 'task.imported', transition = 'imported todo' WHERE kind = 'task.created'
         AND task_id = (SELECT id FROM tasks WHERE number = 1 AND team_id = (SELECT id FROM teams WHERE key = 'INF'))",
    )
    .execute(&world.db)
    .await
    .unwrap();
    let page = world
        .elif
        .get("/teams/infrastructure/flow")
        .await
        .ok()
        .text();
    assert!(
        page.contains("Not counted: 1 never in progress, 1 imported with an incomplete history."),
        "{page}"
    );
    assert!(
        page.contains("<b>3</b>tasks done so far"),
        "it still counts as finished"
    );
}

#[tokio::test]
async fn burn_up_survives_serialization() {
    let world = World::new().await;
    create_three_days_of_work(&world).await;
    let team: Team = sqlx::query_as("SELECT id, slug, name, key, seq FROM teams WHERE key = 'INF'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let all = sprints::queries::sprints(&world.db).await.unwrap();
    let mut db = world.db.acquire().await.unwrap();
    let active = sprints::queries::active(&all).unwrap();
    let burn_up = queries::burn_up(
        &mut db,
        &team,
        active,
        &Filter::default(),
        &fortnight::domain::teams::roster::Week::default(),
        world.app.clock.now(),
    )
    .await
    .unwrap();
    assert_eq!(
        (burn_up.now().scope, burn_up.now().done, burn_up.days.len()),
        (5, 3, 11)
    );
    let restored: BurnUp = serde_json::from_value(serde_json::to_value(&burn_up).unwrap()).unwrap();
    assert_eq!(restored, burn_up);
    let mut with_forecast = restored.clone();
    with_forecast.forecast = Some(fortnight::domain::flow::measures::Forecast {
        low: 3,
        likely: 4,
        high: 5,
    });
    let drawn = fortnight::http::pages::flow::charts::burn_up_chart(&with_forecast)
        .unwrap()
        .to_string();
    for class in [
        "line ideal",
        "line forecast",
        "area forecast",
        "line state-todo",
        "line state-done",
    ] {
        assert!(
            drawn.contains(&format!("class=\"{class}\"")),
            "{class}: {drawn}"
        );
    }
    assert!(drawn.contains("Burn-up of Sprint 42"));
}

#[tokio::test]
async fn flow_page_has_content_on_the_first_day() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    let page = world
        .elif
        .get("/teams/infrastructure/flow?sprints=1")
        .await
        .ok()
        .text();
    assert!(!page.contains("No finished tasks yet."), "{page}");
    assert!(
        page.contains(&key) && page.contains("Cumulative flow"),
        "the task's age and the cumulative flow are shown: {page}"
    );
}
