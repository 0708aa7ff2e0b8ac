//! Closing a sprint: every unfinished task gets an outcome, and the figures are frozen.

use serde_json::json;
use time::Duration;

use crate::{
    fixtures::{Client, NOW, Response, World},
    goals::set_goal,
};

const CLOSE: &str = "/teams/infrastructure/sprints/42/close";
const RETRO: &str = "/sprints/42/retro?team=infrastructure";

/// Closes Infrastructure's Sprint 42 with an outcome for each unfinished task.
pub async fn close_sprint(client: &Client, left: &[(&str, &str)]) -> Response {
    let fields: Vec<(String, &str)> = left
        .iter()
        .map(|(key, outcome)| (format!("task:{key}"), *outcome))
        .collect();
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, outcome)| (name.as_str(), *outcome))
        .collect();
    client.post(CLOSE, &fields).await
}

async fn create_one_done_and_three_open_tasks(world: &World) -> [String; 4] {
    let elif = &world.elif;
    let goal = [
        ("title", "Cut over"),
        ("target", "2"),
        ("counted_by", "tasks"),
    ];
    set_goal(world, elif, "42", &goal).await;
    set_goal(world, elif, "43", &goal).await;
    let mut keys = Vec::new();
    for (column, title) in [
        ("done", "Backups"),
        ("in-progress", "Cut over"),
        ("todo", "Runbook"),
        ("todo", "Old idea"),
    ] {
        let key = elif.create_task("infrastructure", column, title).await;
        elif.post(&format!("/tasks/{key}"), &[("goal", "1")])
            .await
            .ok();
        keys.push(key);
    }
    keys.try_into().unwrap()
}

#[tokio::test]
async fn closing_moves_unfinished_tasks_and_freezes_the_figures() {
    let world = World::new().await;
    let elif = &world.elif;
    let [done, carried, back, dropped] = create_one_done_and_three_open_tasks(&world).await;
    let form = elif.get(CLOSE).await.ok().text();
    assert!(
        form.contains("Move to Sprint 43")
            && form.contains(&carried)
            && !form.contains(&format!("task:{done}"))
    );
    let left = [
        (carried.as_str(), "carry"),
        (back.as_str(), "backlog"),
        (dropped.as_str(), "drop"),
    ];
    let to = close_sprint(elif, &left).await.ok();
    assert_eq!(to.header("location"), RETRO);
    let task = elif.load_task(&carried).await;
    assert_eq!(
        (&task["sprint"], &task["goal"]),
        (&json!(43), &json!(1)),
        "carried to the goal with the same title"
    );
    let task = elif.load_task(&back).await;
    assert_eq!(
        (&task["sprint"], &task["goal"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(elif.load_task(&dropped).await["archived"], json!(true));
    let retro = elif.get(RETRO).await.ok().text();
    assert!(
        retro.contains("<b>4</b>added mid-sprint (1 finished)")
            && retro.contains("closed by Elif Hartmann")
            && retro.contains("1 / 2"),
        "{retro}"
    );
    // later edits do not change the report
    elif.post(
        &format!("/tasks/{done}"),
        &[("title", "Renamed"), ("sprint", "43")],
    )
    .await
    .ok();
    elif.post(&format!("/tasks/{done}/archive"), &[]).await.ok();
    let after = elif.get(RETRO).await.ok().text();
    assert!(after.contains("(1 finished)") && after.contains("1 / 2"));
    // nothing can be added to the closed sprint in any way
    elif.post(&format!("/tasks/{back}"), &[("sprint", "42")])
        .await
        .status(422);
    elif.post(
        "/teams/infrastructure/tasks",
        &[("title", "Late"), ("sprint", "42")],
    )
    .await
    .status(422);
    elif.post(
        "/teams/infrastructure/bulk",
        &[("keys", &back), ("sprint", "42")],
    )
    .await
    .status(422);
    elif.post(
        "/teams/infrastructure/goals",
        &[("sprint", "42"), ("title", "Late"), ("target", "1")],
    )
    .await
    .status(409);
    // new tasks go into the team's next sprint
    let key = elif.create_task("infrastructure", "todo", "New").await;
    assert_eq!(elif.load_task(&key).await["sprint"], json!(43));
    let other = world.jonas.create_task("ingestion", "todo", "Theirs").await;
    assert_eq!(
        world.jonas.load_task(&other).await["sprint"],
        json!(42),
        "the other team's sprint is still open"
    );
}

#[tokio::test]
async fn concurrent_closings_close_a_sprint_once() {
    let world = World::new().await;
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Left")
        .await;
    let field = format!("task:{key}");
    let fields = [(field.as_str(), "carry")];
    let (one, two) = tokio::join!(world.elif.post(CLOSE, &fields), tomas.post(CLOSE, &fields));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    let loser = if one.status == 409 { one } else { two };
    assert!(
        loser.text().contains("closed Sprint 42"),
        "the conflict names who closed it"
    );
    let times: i64 = sqlx::query_scalar("SELECT count(*) FROM unfinished_tasks")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(times, 1);
}

#[tokio::test]
async fn frozen_figures_agree_despite_concurrent_changes() {
    let world = World::new().await;
    let elif = &world.elif;
    set_goal(
        &world,
        elif,
        "42",
        &[
            ("title", "Drills"),
            ("target", "9"),
            ("counted_by", "tasks"),
        ],
    )
    .await;
    let mut keys = Vec::new();
    for n in 0..8 {
        let key = elif
            .create_task("infrastructure", "todo", &format!("Drill {n}"))
            .await;
        elif.post(&format!("/tasks/{key}"), &[("goal", "1")])
            .await
            .ok();
        keys.push(key);
    }
    let left: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "carry")).collect();
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let (started, has_started) = tokio::sync::oneshot::channel();
    let mut started = Some(started);
    let finish = async {
        for (nth, key) in keys.iter().enumerate() {
            if nth == 2 {
                started.take().unwrap().send(()).unwrap();
            }
            tomas
                .post(&format!("/tasks/{key}/position"), &[("column", "done")])
                .await;
        }
    };
    let close = async {
        has_started.await.unwrap();
        close_sprint(elif, &left).await.ok();
    };
    tokio::join!(finish, close);
    let (done, goal, burned): (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM jsonb_array_elements(figures->'tasks') k WHERE (k->>'done')::boolean),
                (SELECT (g.value->>'current')::bigint FROM jsonb_each(figures->'goals') g),
                (figures->'burn_up'->'days'->-1->>'done')::bigint FROM sprint_reports",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(
        (goal, burned),
        (done, done),
        "tasks, goals and burn-up were read at one moment"
    );
}

#[tokio::test]
async fn new_task_needs_an_outcome_and_a_second_carry_a_reason() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif
        .create_task("infrastructure", "in-progress", "Carried")
        .await;
    let late = elif.create_task("infrastructure", "todo", "Came in").await;
    let (task, why) = (format!("task:{key}"), format!("why:{key}"));
    let response = elif.post(CLOSE, &[(&task, "carry")]).await.status(409);
    assert!(response.text().contains(&late) && response.text().contains("Nothing was closed"));
    let done = format!("task:{late}");
    elif.post(CLOSE, &[(&task, "carry"), (&done, "drop")])
        .await
        .ok();
    world.app.clock.advance(Duration::days(8));
    fortnight::domain::sprints::cadence::update_sprints(
        &mut world.db.acquire().await.unwrap(),
        NOW + Duration::days(8),
    )
    .await
    .unwrap();
    let next = "/teams/infrastructure/sprints/43/close";
    let form = elif.get(next).await.ok().text();
    assert!(
        form.contains("carried over once before") && form.contains("In progress for 8\u{a0}d"),
        "{form}"
    );
    let response = elif.post(next, &[(&task, "carry")]).await.status(422);
    assert!(
        response
            .text()
            .contains("Enter a reason for carrying over again")
    );
    let none: i64 = sqlx::query_scalar("SELECT count(*) FROM sprint_reports")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(none, 1, "the refused closing stored no report");
    elif.post(next, &[(&task, "carry"), (&why, "ING-58 came late")])
        .await
        .ok();
    let retro = elif
        .get("/sprints/43/retro?team=infrastructure")
        .await
        .text();
    assert!(retro.contains("ING-58 came late"));
    assert!(
        retro.contains("<b>1</b>carried over, 1 of them more than once")
            && retro.contains("<span>carried</span>")
    );
}

#[tokio::test]
async fn ended_sprint_stays_open_and_the_board_says_so() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Left").await;
    world.app.clock.advance(Duration::days(8));
    let mut db = world.db.acquire().await.unwrap();
    fortnight::domain::sprints::cadence::update_sprints(&mut db, NOW + Duration::days(8))
        .await
        .unwrap();
    assert_eq!(
        elif.load_task(&key).await["sprint"],
        json!(42),
        "no task moves by itself"
    );
    let board = elif.get("/teams/infrastructure").await.ok().text();
    assert!(board.contains("has ended but is not closed yet") && board.contains(CLOSE));
    let my_work = elif.get("/").await.ok().text();
    assert!(my_work.contains("has ended but is not closed yet") && my_work.contains(CLOSE));
    let ended = elif
        .get("/teams/infrastructure?sprint=42")
        .await
        .ok()
        .text();
    assert!(
        ended.contains("ended ·") && !ended.contains("day 10 of 10"),
        "{ended}"
    );
    let sprints = elif
        .api(axum::http::Method::GET, "/sprints", json!({}))
        .await
        .json();
    assert_eq!(
        (
            &sprints["sprints"][2]["state"],
            &sprints["sprints"][3]["state"]
        ),
        (&json!("active"), &json!("ended"))
    );
    // the other team has no tasks in it, so it is closed for everyone once this team has closed it
    close_sprint(elif, &[(&key, "carry")]).await.ok();
    let sprints = elif
        .api(axum::http::Method::GET, "/sprints", json!({}))
        .await
        .json();
    assert_eq!(sprints["sprints"][3]["state"], json!("closed"));
    assert_eq!(elif.load_task(&key).await["sprint"], json!(43));
    assert!(
        !elif
            .get("/teams/infrastructure")
            .await
            .text()
            .contains("not closed yet")
    );
}

/// From the reminder to closing, the retro and planning the next sprint, by links alone.
#[tokio::test]
async fn turn_of_the_sprint_is_one_path() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Left").await;
    assert!(
        !elif
            .get(RETRO)
            .await
            .ok()
            .text()
            .contains("Turn of the sprint")
    );
    world.app.clock.advance(Duration::days(8));
    let mut db = world.db.acquire().await.unwrap();
    fortnight::domain::sprints::cadence::update_sprints(&mut db, NOW + Duration::days(8))
        .await
        .unwrap();
    for page in [
        "/",
        "/teams/infrastructure",
        "/teams/infrastructure/standup",
        "/teams/infrastructure/planning",
    ] {
        let text = elif.get(page).await.ok().text();
        assert!(
            text.contains("has ended but is not closed yet") && text.contains(CLOSE),
            "{page}: {text}"
        );
    }
    let plan = "/teams/infrastructure/planning?sprint=43";
    let steps = |page: &str| {
        let nav = page
            .split("aria-label=\"Turn of the sprint\"")
            .nth(1)
            .unwrap_or("");
        nav.split("</nav>").next().unwrap().replace("&#38;", "&")
    };
    let close = steps(&elif.get(CLOSE).await.ok().text());
    assert!(
        close.contains(&format!("href=\"{CLOSE}\" aria-current=\"step\"")),
        "{close}"
    );
    assert!(close.contains(RETRO) && close.contains(plan), "{close}");
    let closed = close_sprint(elif, &[(&key, "carry")]).await.status(303);
    assert_eq!(closed.header("location"), RETRO);
    let retro = steps(&elif.get(RETRO).await.ok().text());
    assert!(
        retro.contains("Sprint 42 closed") && retro.contains(&format!("href=\"{plan}\"")),
        "{retro}"
    );
    let planning = steps(&elif.get(plan).await.ok().text());
    assert!(
        planning.contains(&format!("href=\"{plan}\" aria-current=\"step\"")),
        "{planning}"
    );
    // readers have nothing to do there, and later it is out of the way
    assert_eq!(steps(&jonas.get(RETRO).await.ok().text()), "");
    assert_eq!(steps(&jonas.get(plan).await.ok().text()), "");
    world.app.clock.advance(Duration::days(5));
    assert_eq!(steps(&elif.get(plan).await.ok().text()), "");
    assert_eq!(steps(&elif.get(RETRO).await.ok().text()), "");
}

#[tokio::test]
async fn sprint_can_be_reopened_until_the_next_one_changes() {
    let world = World::new().await;
    let elif = &world.elif;
    let [_, carried, back, dropped] = create_one_done_and_three_open_tasks(&world).await;
    let left = [
        (carried.as_str(), "carry"),
        (back.as_str(), "backlog"),
        (dropped.as_str(), "drop"),
    ];
    close_sprint(elif, &left).await.ok();
    let reopen = "/teams/infrastructure/sprints/42/reopen";
    assert!(elif.get(RETRO).await.text().contains("Reopen sprint"));
    assert!(
        !world
            .jonas
            .get(RETRO)
            .await
            .text()
            .contains("Reopen sprint"),
        "only the team itself can reopen it"
    );
    world.jonas.post(reopen, &[]).await.status(403);
    elif.post(reopen, &[]).await.ok();
    for key in [&carried, &back, &dropped] {
        let task = elif.load_task(key).await;
        assert_eq!(
            (&task["sprint"], &task["goal"], &task["archived"]),
            (&json!(42), &json!(1), &json!(false)),
            "{key}"
        );
    }
    elif.post(reopen, &[]).await.status(404);
    close_sprint(elif, &left).await.ok();
    elif.post(
        &format!("/tasks/{carried}"),
        &[("title", "Cut over at last")],
    )
    .await
    .ok();
    assert!(
        !elif.get(RETRO).await.text().contains("Reopen sprint"),
        "the button is hidden once reopening would be refused"
    );
    let response = elif.post(reopen, &[]).await.status(409);
    assert!(response.text().contains("has already changed"));
    assert_eq!(elif.load_task(&carried).await["sprint"], json!(43));
}

#[tokio::test]
async fn teams_share_a_retro_and_actions_become_tasks() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    elif.create_task("infrastructure", "done", "Backups").await;
    elif.post(CLOSE, &[]).await.ok();
    let notes = "/teams/infrastructure/sprints/42/retro-notes";
    for (category, text) in [
        ("well", "Pairing"),
        ("not", "We heard of it on day 8"),
        ("idea", "Ask on Monday"),
        ("thanks", "Gita!"),
    ] {
        elif.post(notes, &[("category", category), ("text", text)])
            .await
            .ok();
    }
    elif.post(notes, &[("category", "gossip"), ("text", "x")])
        .await
        .status(422);
    elif.post(notes, &[("category", "well"), ("text", " ")])
        .await
        .status(422);
    jonas
        .post(notes, &[("category", "well"), ("text", "x")])
        .await
        .status(403);
    jonas
        .post(
            "/teams/ingestion/sprints/42/retro-notes",
            &[("category", "idea"), ("text", "Share the date")],
        )
        .await
        .ok();
    let both = elif
        .get("/sprints/42/retro?team=infrastructure&team=ingestion")
        .await
        .ok()
        .text();
    for (category, text) in [
        ("Went well", "Pairing"),
        ("Didn&#39;t go well", "We heard of it on day 8"),
        ("Ideas", "Ask on Monday"),
        ("Ideas", "Share the date"),
        ("Thanks", "Gita!"),
    ] {
        let column = both
            .split(&format!("<h2>{category}</h2>"))
            .nth(1)
            .unwrap_or_else(|| panic!("{category}: {both}"));
        assert!(
            column.split("</section>").next().unwrap().contains(text),
            "{category}: {text}"
        );
    }
    let promise = [
        ("retro", "42"),
        ("text", "Agree on a date for ING-58 @elif by Friday"),
    ];
    elif.post("/teams/infrastructure/actions", &promise)
        .await
        .ok();
    let action: uuid::Uuid = sqlx::query_scalar("SELECT id FROM actions")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let make = format!("/teams/infrastructure/actions/{action}/task");
    jonas.post(&make, &[]).await.status(403);
    elif.post(&make, &[]).await.ok();
    elif.post(&make, &[]).await.status(409);
    let retro = elif.get(RETRO).await.ok().text();
    assert!(
        retro.contains("Agree on a date for ING-58")
            && retro.contains("INF-2")
            && retro.contains("by Fri 27 Nov")
    );
    let task = elif.load_task("INF-2").await;
    assert_eq!(
        (&task["title"], &task["due"]),
        (&json!("Agree on a date for ING-58"), &json!("2026-11-27"))
    );
    assert_eq!(task["owners"][0]["handle"], json!("elif"));
    let next = elif
        .get("/sprints/43/retro?team=infrastructure")
        .await
        .ok()
        .text();
    assert!(
        next.contains("Of 1 action from Sprint 42: 1 still open."),
        "outcome of the actions"
    );
    assert!(
        next.contains("href=\"/sprints/42/retro?team=infrastructure\">Sprint 42</a>"),
        "with a link to the previous retro"
    );
    for (text, becomes) in [("Ask Legal", "done"), ("Buy a cake", "dropped")] {
        elif.post(
            "/teams/infrastructure/actions",
            &[("retro", "42"), ("text", text)],
        )
        .await
        .ok();
        let action: uuid::Uuid = sqlx::query_scalar("SELECT id FROM actions WHERE text = $1")
            .bind(text)
            .fetch_one(&world.db)
            .await
            .unwrap();
        elif.post(
            &format!("/teams/infrastructure/actions/{action}"),
            &[("as", becomes)],
        )
        .await
        .ok();
    }
    let next = elif
        .get("/sprints/43/retro?team=infrastructure")
        .await
        .ok()
        .text();
    assert!(
        next.contains("Of 3 actions from Sprint 42: 1 done, 1 dismissed, 1 still open."),
        "{next}"
    );
    jonas
        .get("/sprints/42/retro?team=no-such")
        .await
        .status(404);
    jonas.get("/sprints/999/retro").await.status(404);
}

#[tokio::test]
async fn meetings_include_tasks_of_an_unclosed_sprint() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif
        .create_task("infrastructure", "todo", "Waits for Legal")
        .await;
    elif.post(
        &format!("/tasks/{key}/block"),
        &[("kind", "person"), ("person", "jonas"), ("note", "Legal")],
    )
    .await
    .ok();
    set_goal(&world, elif, "42", &[("title", "Missed"), ("target", "9")]).await;
    elif.post(&format!("/tasks/{key}"), &[("goal", "1")])
        .await
        .ok();
    world.app.clock.advance(Duration::days(8));
    fortnight::domain::sprints::cadence::update_sprints(
        &mut world.db.acquire().await.unwrap(),
        NOW + Duration::days(8),
    )
    .await
    .unwrap();
    for (client, path) in [(elif, "/teams/infrastructure/standup"), (&world.jonas, "/")] {
        let page = client.get(path).await.ok().text();
        assert!(
            page.contains("goal at risk"),
            "its goal was missed and is still open: {path}: {page}"
        );
    }
    let review = elif.create_task("infrastructure", "in-review", "New").await;
    for page in ["standup", "standup/walk", "planning"] {
        let page = elif
            .get(&format!("/teams/infrastructure/{page}"))
            .await
            .ok()
            .text();
        assert!(
            page.contains("has ended but is not closed yet") && page.contains(CLOSE),
            "{page}"
        );
    }
    let standup = elif.get("/teams/infrastructure/standup").await.ok().text();
    assert!(
        standup.contains("Waits for Legal") && standup.contains("Legal"),
        "{standup}"
    );
    let walk = elif
        .get("/teams/infrastructure/standup/walk")
        .await
        .ok()
        .text();
    assert!(
        walk.contains("1 of 2") && walk.contains(&review),
        "the walk covers both sprints, from right to left"
    );
    assert!(
        walk.contains(&format!("walk?at={key}")),
        "the unfinished task comes next: {walk}"
    );
}

#[tokio::test]
async fn retro_lists_all_outcomes_when_nothing_was_carried() {
    let world = World::new().await;
    let elif = &world.elif;
    let goal = set_goal(
        &world,
        elif,
        "42",
        &[("title", "Cut over"), ("target", "2")],
    )
    .await;
    let key = elif.create_task("infrastructure", "todo", "Runbook").await;
    let (task, why, met) = (
        format!("task:{key}"),
        format!("why:{key}"),
        format!("goal:{goal}"),
    );
    elif.post(
        CLOSE,
        &[
            (&task, "backlog"),
            (&why, "Not needed any more"),
            (&met, "met"),
        ],
    )
    .await
    .ok();
    let retro = elif.get(RETRO).await.ok().text();
    assert!(
        retro.contains("Not needed any more") && retro.contains("<span>backlog</span>"),
        "{retro}"
    );
    assert!(retro.contains("<b>1 of 1</b>goal met"), "{retro}");
}

#[tokio::test]
async fn comments_do_not_prevent_reopening_a_sprint() {
    let world = World::new().await;
    let elif = &world.elif;
    let [_, carried, back, dropped] = create_one_done_and_three_open_tasks(&world).await;
    let left = [
        (carried.as_str(), "carry"),
        (back.as_str(), "backlog"),
        (dropped.as_str(), "drop"),
    ];
    close_sprint(elif, &left).await.ok();
    let goal: uuid::Uuid = sqlx::query_scalar(
        "SELECT g.id FROM goals g JOIN sprints s ON s.id = g.sprint_id WHERE s.number = 43",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    let remarks = format!("/teams/infrastructure/goals/{goal}/comments");
    world
        .jonas
        .post(&remarks, &[("kind", "comment"), ("body", "Well done")])
        .await
        .ok();
    world
        .jonas
        .post(
            &format!("/tasks/{carried}/comments"),
            &[("body", "What is left of it?")],
        )
        .await
        .ok();
    assert!(elif.get(RETRO).await.text().contains("Reopen sprint"));
    elif.post("/teams/infrastructure/sprints/42/reopen", &[])
        .await
        .ok();
    assert_eq!(elif.load_task(&carried).await["sprint"], json!(42));
}

#[tokio::test]
async fn late_carry_counts_as_planned_in_the_next_sprint() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    world.app.clock.advance(Duration::days(10));
    fortnight::domain::sprints::cadence::update_sprints(
        &mut world.db.acquire().await.unwrap(),
        NOW + Duration::days(10),
    )
    .await
    .unwrap();
    close_sprint(elif, &[(&key, "carry")]).await.ok();
    elif.create_task("infrastructure", "todo", "Came later")
        .await;
    let retro = elif
        .get("/sprints/43/retro?team=infrastructure")
        .await
        .ok()
        .text();
    assert!(
        retro.contains("<b>0 of 1</b>planned tasks finished"),
        "{retro}"
    );
    assert!(retro.contains("<b>1</b>added mid-sprint"), "{retro}");
    let days = elif
        .get("/teams/infrastructure/flow/burn-up.csv?from=43&to=43")
        .await
        .ok()
        .text();
    let first = days.lines().nth(1).unwrap();
    assert!(
        first.contains(",1,0"),
        "one task on Monday, the other was added on Friday: {days}"
    );
}

#[tokio::test]
async fn sprint_closed_early_has_no_forecast_and_a_frozen_burn_up() {
    let world = World::new().await;
    let elif = &world.elif;
    // one finished task on each of twelve days, enough for a forecast
    for n in 0..12 {
        let key = elif
            .create_task("infrastructure", "todo", &format!("Drill {n}"))
            .await;
        world.app.clock.advance(Duration::minutes(10));
        elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
            .await
            .ok();
        sqlx::query("UPDATE events SET at = at - make_interval(days => $1) WHERE kind = 'task.moved' AND task_id = (SELECT id FROM tasks WHERE title = $2)")
            .bind(n)
            .bind(format!("Drill {n}"))
            .execute(&world.db)
            .await
            .unwrap();
    }
    let left = elif.create_task("infrastructure", "todo", "Left").await;
    let flow = "/teams/infrastructure/flow?from=42&to=42";
    assert!(
        elif.get(flow)
            .await
            .ok()
            .text()
            .contains("tasks done by the end"),
        "the active sprint has a forecast"
    );
    close_sprint(elif, &[(&left, "carry")]).await.ok();
    assert!(
        !elif
            .get(flow)
            .await
            .ok()
            .text()
            .contains("tasks done by the end"),
        "the closed sprint has none"
    );
    let burn_up = "/teams/infrastructure/flow/burn-up.csv?from=42&to=42";
    let closed = elif.get(burn_up).await.ok().text();
    let done: String =
        sqlx::query_scalar("SELECT 'INF-' || number FROM tasks WHERE title = 'Drill 3'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    elif.post(&format!("/tasks/{done}"), &[("sprint", "43")])
        .await
        .ok();
    assert_eq!(
        elif.get(burn_up).await.ok().text(),
        closed,
        "the burn-up is frozen"
    );
}

#[tokio::test]
async fn task_moved_out_of_done_joins_the_current_sprint() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "done", "Backups").await;
    elif.post(CLOSE, &[]).await.ok();
    assert_eq!(elif.load_task(&key).await["sprint"], json!(42));
    let moved = elif
        .post(
            &format!("/tasks/{key}/position"),
            &[("column", "in-progress")],
        )
        .await
        .ok();
    assert_eq!(
        elif.load_task(&key).await["sprint"],
        json!(43),
        "no board shows the closed sprint"
    );
    assert!(
        elif.get("/teams/infrastructure")
            .await
            .text()
            .contains("Backups")
    );
    let change = moved
        .header("location")
        .split("did=")
        .nth(1)
        .unwrap()
        .to_owned();
    elif.post(&format!("/changes/{change}/undo"), &[])
        .await
        .ok();
    let task = elif.load_task(&key).await;
    assert_eq!(
        (&task["sprint"], &task["state"]),
        (&json!(42), &json!("done")),
        "undo restores sprint and state"
    );
}

#[tokio::test]
async fn nothing_is_carried_into_a_sprint_that_was_just_closed() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "Left")
        .await;
    let team: fortnight::domain::team::Team =
        sqlx::query_as("SELECT id, slug, name, key, seq FROM teams WHERE key = 'INF'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    let sprints = fortnight::domain::sprints::queries::sprints_of(&world.db, team.id)
        .await
        .unwrap();
    let of = |number| {
        sprints
            .iter()
            .find(|sprint| sprint.number == number)
            .unwrap()
    };
    sqlx::query("INSERT INTO sprint_reports (team_id, sprint_id, closed_at, change_id, figures) VALUES ($1, $2, $3, gen_random_uuid(), '{}')")
        .bind(team.id)
        .bind(of(43).id)
        .bind(NOW)
        .execute(&world.db)
        .await
        .unwrap();
    let roster = fortnight::domain::teams::roster::load_roster(&world.db, team.id)
        .await
        .unwrap();
    let (from, to, actor) = (
        of(42),
        of(43),
        fortnight::domain::policy::actor::Actor::system(),
    );
    let outcome = world
        .app
        .store
        .change(&actor, |change, _| {
            Box::pin(async {
                fortnight::domain::retro::close::lock_for_close(change, &team, &roster, from, to)
                    .await
                    .map(|_| ())
            })
        })
        .await;
    let problem = outcome.err().unwrap().to_string();
    assert!(problem.contains("Sprint 43 is closed too"), "{problem}");
}

#[tokio::test]
async fn sprint_start_is_in_every_teams_history_once() {
    let world = World::new().await;
    world.app.clock.advance(Duration::days(8));
    let turn = async || {
        let system = fortnight::domain::policy::actor::Actor::system();
        world
            .app
            .store
            .change(&system, |change, _| {
                Box::pin(fortnight::domain::sprints::cadence::update_sprints_and_notify(change))
            })
            .await
    };
    turn().await.unwrap();
    turn().await.unwrap();
    for team in ["infrastructure", "ingestion"] {
        let page = world
            .elif
            .get(&format!("/teams/{team}/history"))
            .await
            .ok()
            .text();
        assert_eq!(page.matches("Sprint 43 started").count(), 1, "{page}");
        assert!(
            !page.contains("A former member"),
            "the event has no actor: {page}"
        );
    }
}

#[tokio::test]
async fn goal_number_refers_to_the_current_sprint() {
    let world = World::new().await;
    let elif = &world.elif;
    let [_, carried, back, dropped] = create_one_done_and_three_open_tasks(&world).await;
    let verdict = [carried, back.clone(), dropped].map(|key| (format!("task:{key}"), "backlog"));
    let fields: Vec<(&str, &str)> = verdict
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    elif.post(CLOSE, &fields).await.ok();
    // for a backlog task the goals are those of the team's current sprint, which is the next one after closing
    elif.post(&format!("/tasks/{back}"), &[("goal", "1")])
        .await
        .ok();
    let goal: i32 = sqlx::query_scalar(
        "SELECT s.number FROM tasks k JOIN goals g ON g.id = k.goal_id JOIN sprints s ON s.id = g.sprint_id WHERE 'INF-' || k.number = $1",
    )
    .bind(&back)
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(goal, 43);
}

#[tokio::test]
async fn closing_suggests_carrying_started_and_owned_tasks() {
    let world = World::new().await;
    let elif = &world.elif;
    set_goal(
        &world,
        elif,
        "42",
        &[("title", "Cut over"), ("target", "2")],
    )
    .await;
    let started = elif
        .create_task("infrastructure", "in-progress", "Started")
        .await;
    let serves = elif
        .create_task("infrastructure", "todo", "Serves a goal")
        .await;
    elif.post(&format!("/tasks/{serves}"), &[("goal", "1")])
        .await
        .ok();
    let owned = elif
        .create_task("infrastructure", "todo", "Has an owner")
        .await;
    elif.post(&format!("/tasks/{owned}/owners"), &[("owners", "elif")])
        .await
        .ok();
    let unowned = elif
        .create_task("infrastructure", "todo", "Has no owner")
        .await;
    world.app.clock.advance(Duration::days(3));
    let form = elif.get(CLOSE).await.ok().text();
    let proposed = |key: &str, outcome: &str| {
        let list = form
            .split(&format!("name=\"task:{key}\""))
            .nth(1)
            .unwrap()
            .split("</select>")
            .next()
            .unwrap();
        assert!(
            list.contains(&format!("value=\"{outcome}\" selected")),
            "{key}: {list}"
        );
    };
    for (key, outcome) in [
        (&started, "carry"),
        (&serves, "carry"),
        (&owned, "carry"),
        (&unowned, "backlog"),
    ] {
        proposed(key, outcome);
    }
    assert!(
        form.contains("In progress for 3\u{a0}d"),
        "the form shows how long it is in progress: {form}"
    );
}

#[tokio::test]
async fn reason_that_is_too_long_closes_nothing() {
    let world = World::new().await;
    let elif = &world.elif;
    let goal = set_goal(
        &world,
        elif,
        "42",
        &[("title", "Cut over"), ("target", "2")],
    )
    .await;
    let (goal, why, long) = (
        format!("goal:{goal}"),
        format!("why:{goal}"),
        "x".repeat(501),
    );
    let refused = elif
        .post(CLOSE, &[(&goal, "missed"), (&why, &long)])
        .await
        .status(422)
        .text();
    assert!(
        refused.contains("at most 500 characters") && refused.contains(&long),
        "the form keeps the input"
    );
    elif.post(CLOSE, &[(&goal, "missed"), (&why, &long[1..])])
        .await
        .ok();
    assert!(elif.get(RETRO).await.text().contains(&long[1..]));
}

/// Pressing Enter in a reason field activates the form's first button.
#[tokio::test]
async fn enter_on_the_closing_page_closes_nothing() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "Left")
        .await;
    let page = world.elif.get(CLOSE).await.ok().text();
    let form = page.split(&format!("action=\"{CLOSE}\"")).nth(1).unwrap();
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

#[tokio::test]
async fn check_in_keeps_a_closed_sprints_result_until_the_next_one_starts() {
    let world = World::new().await;
    let elif = &world.elif;
    let left = elif.create_task("infrastructure", "todo", "Left").await;
    elif.create_task("infrastructure", "done", "Cut over").await;
    close_sprint(elif, &[(&left, "carry")]).await.ok();
    let check_in = async || elif.get("/teams/infrastructure/check-in").await.ok().text();
    let page = check_in().await;
    assert!(page.contains("Infrastructure, Sprint 42 closed"), "{page}");
    assert!(page.contains("Sprint 42: 1 of 2 done"), "{page}");
    assert!(page.contains("Cut over"), "{page}");
    world.app.clock.advance(Duration::days(8));
    fortnight::domain::sprints::cadence::update_sprints(
        &mut world.db.acquire().await.unwrap(),
        NOW + Duration::days(8),
    )
    .await
    .unwrap();
    let page = check_in().await;
    assert!(page.contains("Sprint 43: 0 of 1 done"), "{page}");
}
