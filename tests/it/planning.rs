//! Planning: assigning tasks to the next sprint, ranking the backlog, and capacity.

use serde_json::json;

use crate::{
    fixtures::{Client, World},
    goals::set_goal,
};

const PLANNING: &str = "/teams/infrastructure/planning";

async fn create_backlog_task(client: &Client, title: &str) -> String {
    let key = client.create_task("infrastructure", "todo", title).await;
    client
        .post(
            &format!("/tasks/{key}"),
            &[("sprint", "none"), ("estimate", "3")],
        )
        .await
        .ok();
    assert_eq!(client.load_task(&key).await["sprint"], json!(null));
    key
}

/// Returns the position of a text on the page.
fn find_position(page: &str, text: &str) -> usize {
    page.find(text)
        .unwrap_or_else(|| panic!("{text} is missing"))
}

#[tokio::test]
async fn several_tasks_are_planned_together_and_undone() {
    let world = World::new().await;
    let elif = &world.elif;
    let goal = set_goal(
        &world,
        elif,
        "43",
        &[("title", "Cut over"), ("target", "2")],
    )
    .await;
    let keys = [
        create_backlog_task(elif, "Runbook").await,
        create_backlog_task(elif, "Alert on lag").await,
        create_backlog_task(elif, "Old idea").await,
    ];
    let page = elif.get(PLANNING).await.ok().text();
    assert!(page.contains("Planning Sprint 43") && page.contains("<b>0</b>planned (0 points)"));
    let fields = [
        ("sprint", "43"),
        ("to", goal.as_str()),
        ("keys", &keys[0]),
        ("keys", &keys[1]),
    ];
    elif.post(PLANNING, &fields).await.ok();
    for key in &keys[..2] {
        let task = elif.load_task(key).await;
        assert_eq!((&task["sprint"], &task["goal"]), (&json!(43), &json!(1)));
    }
    assert_eq!(elif.load_task(&keys[2]).await["sprint"], json!(null));
    let page = elif.get(PLANNING).await.text();
    assert!(page.contains("<b>2</b>planned (6 points)"));
    assert!(
        find_position(&page, "Cut over") < find_position(&page, "<planning-lists>"),
        "the goals are above the lists"
    );
    // a dragged task moves alone unless it is checked, too
    let fields = [
        ("sprint", "43"),
        ("to", "backlog"),
        ("keys", &keys[0]),
        ("dragged", &keys[1]),
    ];
    let response = elif.post(PLANNING, &fields).await.ok();
    assert_eq!(elif.load_task(&keys[0]).await["sprint"], json!(43));
    let task = elif.load_task(&keys[1]).await;
    assert_eq!(
        (&task["sprint"], &task["goal"]),
        (&json!(null), &json!(null))
    );
    let change = response
        .header("location")
        .split("did=")
        .nth(1)
        .unwrap()
        .to_owned();
    elif.post(&format!("/changes/{change}/undo"), &[("back", PLANNING)])
        .await
        .ok();
    let task = elif.load_task(&keys[1]).await;
    assert_eq!(
        (&task["sprint"], &task["goal"]),
        (&json!(43), &json!(1)),
        "undo restores sprint and goal"
    );
}

#[tokio::test]
async fn invalid_planning_is_refused_and_moves_nothing() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let now = set_goal(&world, elif, "42", &[("title", "Now"), ("target", "2")]).await;
    let theirs = [("sprint", "43"), ("title", "Theirs"), ("target", "2")];
    assert_eq!(
        jonas.post("/teams/ingestion/goals", &theirs).await.status,
        303
    );
    let theirs: uuid::Uuid = sqlx::query_scalar("SELECT id FROM goals WHERE title = 'Theirs'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let theirs = theirs.to_string();
    let key = create_backlog_task(elif, "Runbook").await;
    let foreign = jonas.create_task("ingestion", "todo", "Not yours").await;
    for (client, to, keys, status) in [
        (elif, now.as_str(), key.as_str(), 422),
        (elif, theirs.as_str(), &key, 422),
        (elif, "nonsense", &key, 404),
        (elif, "sprint", &foreign, 404),
        (elif, "sprint", "", 422),
        (jonas, "sprint", &key, 403),
    ] {
        client
            .post(PLANNING, &[("sprint", "43"), ("to", to), ("keys", keys)])
            .await
            .status(status);
    }
    // one task of another team makes the whole request fail
    let both = [
        ("sprint", "43"),
        ("to", "sprint"),
        ("keys", &key),
        ("keys", &foreign),
    ];
    elif.post(PLANNING, &both).await.status(404);
    elif.post(
        PLANNING,
        &[("sprint", "999"), ("to", "sprint"), ("keys", &key)],
    )
    .await
    .status(404);
    elif.post("/teams/infrastructure/sprints/42/close", &[])
        .await
        .ok();
    elif.post(
        PLANNING,
        &[("sprint", "42"), ("to", "sprint"), ("keys", &key)],
    )
    .await
    .status(422);
    assert_eq!(elif.load_task(&key).await["sprint"], json!(null));
    assert_eq!(jonas.load_task(&foreign).await["sprint"], json!(42));
    elif.get("/teams/infrastructure/planning?sprint=999")
        .await
        .status(404);
}

#[tokio::test]
async fn backlog_starts_with_tasks_that_unblock_others() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    create_backlog_task(elif, "The oldest").await;
    world.app.clock.advance(time::Duration::hours(1));
    let awaited = create_backlog_task(elif, "They wait for it").await;
    let theirs = jonas
        .create_task("ingestion", "in-progress", "Dual-write")
        .await;
    jonas
        .post(
            &format!("/tasks/{theirs}/block"),
            &[("on", awaited.as_str())],
        )
        .await
        .ok();
    let page = elif.get(PLANNING).await.ok().text();
    assert!(find_position(&page, "They wait for it") < find_position(&page, "The oldest"));
    assert!(page.contains(&format!("{theirs} waits")));
    // next come tasks that are needed by someone, whatever their age
    let young = create_backlog_task(elif, "Support asked for it").await;
    elif.post(&format!("/tasks/{young}"), &[("needed_by", "Support")])
        .await
        .ok();
    let page = elif.get(PLANNING).await.ok().text();
    assert!(
        find_position(&page, "They wait for it") < find_position(&page, "Support asked for it")
    );
    assert!(
        find_position(&page, "Support asked for it") < find_position(&page, "The oldest")
            && page.contains("for Support"),
        "{page}"
    );
    // then tasks of the project of a goal that is behind; backlog tasks have no goal of their own
    let project = [
        ("team", "infrastructure"),
        ("name", "Re-partition"),
        ("target", "100"),
        ("unit", "tables"),
    ];
    elif.post("/projects", &project).await.ok();
    let serving = [
        ("title", "Migrate"),
        ("target", "9"),
        ("project", "re-partition"),
    ];
    set_goal(&world, elif, "42", &serving).await;
    let serves = create_backlog_task(elif, "Of the project").await;
    assert!(
        find_position(&elif.get(PLANNING).await.ok().text(), "The oldest")
            < find_position(&elif.get(PLANNING).await.ok().text(), "Of the project")
    );
    elif.post(&format!("/tasks/{serves}"), &[("project", "re-partition")])
        .await
        .ok();
    let page = elif.get(PLANNING).await.ok().text();
    assert!(find_position(&page, "Support asked for it") < find_position(&page, "Of the project"));
    assert!(
        find_position(&page, "Of the project") < find_position(&page, "The oldest"),
        "{page}"
    );
    assert!(find_position(&page, "Other teams waiting on us") < page.rfind("Dual-write").unwrap());
    // a finished task is no longer listed as awaited
    elif.post(&format!("/tasks/{awaited}/position"), &[("column", "done")])
        .await
        .ok();
    assert!(
        !elif
            .get(PLANNING)
            .await
            .ok()
            .text()
            .contains("Other teams waiting on us")
    );
    let board = elif
        .get("/teams/infrastructure?sprint=all")
        .await
        .ok()
        .text();
    assert!(
        board.contains(&awaited) && !board.contains(&format!("{theirs} waits")),
        "its card does not show it either"
    );
    elif.post(&format!("/tasks/{awaited}/position"), &[("column", "todo")])
        .await
        .ok();
    assert!(
        elif.get(PLANNING)
            .await
            .ok()
            .text()
            .contains("Other teams waiting on us")
    );
    let read = jonas.get(PLANNING).await.ok().text();
    assert!(
        !read.contains("Move selected"),
        "another team cannot move tasks"
    );
    // the closed sprint is the basis of the median
    elif.create_task("infrastructure", "done", "Backups").await;
    elif.post("/teams/infrastructure/sprints/42/close", &[])
        .await
        .ok();
    assert!(
        elif.get(PLANNING)
            .await
            .text()
            .contains("<b>1</b>median tasks per sprint (recently 1)")
    );
}

#[tokio::test]
async fn absence_reduces_capacity_and_standup_suggestions() {
    let world = World::new().await;
    let elif = &world.elif;
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let page = elif.get(PLANNING).await.ok().text();
    assert!(
        page.contains("10 working days") && page.contains("<b>20</b>person-days available"),
        "{page}"
    );
    tomas
        .post(
            "/me/absences",
            &[("from", "2026-12-03"), ("to", "2026-12-07")],
        )
        .await
        .ok();
    tomas
        .post("/me/absences", &[("from", "2026-11-24")])
        .await
        .ok();
    assert!(
        tomas
            .get("/me")
            .await
            .ok()
            .text()
            .contains("Thu 3 Dec to Mon 7 Dec")
    );
    let page = elif.get(PLANNING).await.ok().text();
    assert!(
        page.contains("<b>17 of 20</b>person-days available"),
        "weekend days of the absence do not count: {page}"
    );
    assert!(
        page.contains("7 of 10 days") && page.contains("10 of 10 days"),
        "{page}"
    );
    // four days of the active sprint are left, and Tomas is away on one of them
    let page = elif
        .get("/teams/infrastructure/planning?sprint=42")
        .await
        .ok()
        .text();
    assert!(
        page.contains("4 working days left") && page.contains("3 of 4 days"),
        "{page}"
    );

    create_backlog_task(elif, "Free to be taken").await;
    elif.post("/tasks/INF-1", &[("sprint", "42")]).await.ok();
    let standup = elif.get("/teams/infrastructure/standup").await.ok().text();
    assert!(standup.contains("away through Tue 24 Nov"), "{standup}");
    assert_eq!(
        standup.matches("Suggested: <a").count(),
        1,
        "only the person who is present gets a suggestion"
    );

    for (from, to, why) in [
        (
            "2026-12-07",
            "2026-12-03",
            "The last day is before the first.",
        ),
        ("2026-12-03", "2028-12-03", "at most one year"),
        ("", "2026-12-03", "Enter the first day off."),
        ("2026-02-30", "", "Enter a date as YYYY-MM-DD."),
    ] {
        let response = tomas
            .post("/me/absences", &[("from", from), ("to", to)])
            .await
            .status(422);
        assert!(response.text().contains(why), "{why}: {}", response.text());
    }
    elif.post("/me/absences/2026-12-03/remove", &[])
        .await
        .status(404);
    tomas.post("/me/absences/2026-12-03/remove", &[]).await.ok();
    assert!(
        elif.get(PLANNING)
            .await
            .text()
            .contains("<b>20</b>person-days")
    );
}

/// Pressing Enter on a checkbox activates the form's first button.
#[tokio::test]
async fn enter_in_planning_changes_nothing() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let page = world
        .elif
        .get("/teams/infrastructure/planning?sprint=42")
        .await
        .ok()
        .text();
    let form = page.split("<planning-lists>").nth(1).unwrap();
    let first = form
        .split("<button")
        .nth(1)
        .unwrap()
        .split('>')
        .next()
        .unwrap();
    assert!(
        first.contains("formmethod=\"dialog\"") && !first.contains("name="),
        "the first button submits nothing: {first}"
    );
}
