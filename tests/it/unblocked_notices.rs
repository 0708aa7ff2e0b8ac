//! Figures over several sprints: medians, carried tasks, long waits and forecasts.

use time::Duration;

use crate::{fixtures::World, goals::set_goal};

/// Creates a finished task with an estimate in the current sprint.
async fn finish_task(world: &World, title: &str, estimate: &str) {
    let key = world
        .elif
        .create_task("infrastructure", "todo", title)
        .await;
    world
        .elif
        .post(&format!("/tasks/{key}"), &[("estimate", estimate)])
        .await
        .ok();
    world
        .elif
        .post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
}

/// Advances the clock by two weeks, so that the next sprint starts.
async fn start_next_sprint(world: &World) {
    for _ in 0..2 {
        world.app.clock.advance(Duration::days(7));
        // a session expires after two weeks without use
        world.elif.get("/").await.ok();
    }
    let mut connection = world.db.acquire().await.unwrap();
    fortnight::domain::sprints::cadence::update_sprints(&mut connection, world.app.clock.now())
        .await
        .unwrap();
}

#[tokio::test]
async fn planning_shows_medians_carried_tasks_and_open_work() {
    let world = World::new().await;
    let elif = &world.elif;
    world.join("Tomas Weber", "tomas", "infrastructure").await;
    let carried = elif
        .create_task("infrastructure", "todo", "Carried on and on")
        .await;
    let field = format!("task:{carried}");
    for (sprint, estimates) in [(42, &["5"][..]), (43, &["1", "2", "3"]), (44, &["8", "8"])] {
        for (n, estimate) in estimates.iter().enumerate() {
            finish_task(&world, &format!("{sprint}/{n}"), estimate).await;
        }
        let reason = format!("why:{carried}");
        let close = format!("/teams/infrastructure/sprints/{sprint}/close");
        let form = elif.get(&close).await.ok().text();
        let list = form
            .split(&format!("name=\"{field}\""))
            .nth(1)
            .unwrap()
            .split("</select>")
            .next()
            .unwrap();
        // carried twice and never started: archiving is suggested
        let proposed = if sprint == 44 { "drop" } else { "backlog" };
        assert!(
            list.contains(&format!("value=\"{proposed}\" selected")),
            "{sprint}: {list}"
        );
        elif.post(&close, &[(&field, "carry"), (&reason, "No time for it")])
            .await
            .ok();
        start_next_sprint(&world).await;
    }
    elif.post(&format!("/tasks/{carried}/owners"), &[("owners", "tomas")])
        .await
        .ok();
    let planned = elif.create_task("infrastructure", "todo", "Next").await;
    elif.post(&format!("/tasks/{planned}"), &[("sprint", "46")])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{planned}/owners"),
        &[("owners", "elif"), ("owners", "tomas")],
    )
    .await
    .ok();
    let page = elif.get("/teams/infrastructure/planning").await.ok().text();
    for expected in [
        "Planning Sprint 46",
        "<b>2</b>median tasks per sprint (recently 2, 3, 1)",
        "<b>6</b>median points per sprint (recently 16, 6, 5)",
        "1 open now, 1 planned",
        "0 open now, 1 planned",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    elif.post(&format!("/tasks/{carried}"), &[("sprint", "46")])
        .await
        .ok();
    let page = elif.get("/teams/infrastructure/planning").await.ok().text();
    assert!(
        page.contains("<b>1</b>carried over, 1 of them more than once")
            && page.contains("carried over 3 times")
    );
}

#[tokio::test]
async fn retro_shows_blocked_and_slow_tasks_and_missed_goals() {
    let world = World::new().await;
    let elif = &world.elif;
    let goal = set_goal(
        &world,
        elif,
        "42",
        &[("title", "Cut over"), ("target", "4")],
    )
    .await;
    world.app.clock.advance(Duration::days(-7)); // Tuesday of the sprint's first week
    let slow = elif
        .create_task("infrastructure", "in-progress", "Move the archive")
        .await;
    let quick = elif
        .create_task("infrastructure", "in-progress", "Pin the operator")
        .await;
    world.app.clock.advance(Duration::hours(1));
    elif.post(&format!("/tasks/{quick}/position"), &[("column", "done")])
        .await
        .ok();
    let stuck = elif
        .create_task("infrastructure", "todo", "Sign the contract")
        .await;
    elif.post(
        &format!("/tasks/{stuck}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    world.app.clock.advance(Duration::days(1));
    elif.post(
        &format!("/tasks/{slow}/block"),
        &[("kind", "person"), ("person", "jonas")],
    )
    .await
    .ok();
    world.app.clock.advance(Duration::days(2));
    elif.post(&format!("/tasks/{slow}/unblock"), &[]).await.ok();
    world.app.clock.advance(Duration::days(3));
    elif.post(&format!("/tasks/{slow}/position"), &[("column", "done")])
        .await
        .ok();
    let (met, why) = (format!("goal:{goal}"), format!("why:{goal}"));
    let close = "/teams/infrastructure/sprints/42/close";
    let form = elif.get(close).await.ok().text();
    assert!(form.contains(&format!("name=\"{why}\"")), "{form}");
    let fields = [
        (format!("task:{stuck}"), "carry"),
        (met, "missed"),
        (why, "Legal took three weeks"),
    ];
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    elif.post(close, &fields).await.ok();
    let page = elif
        .get("/sprints/42/retro?team=infrastructure")
        .await
        .ok()
        .text();
    assert!(
        page.contains("not met</span>") && page.contains("Legal took three weeks"),
        "{page}"
    );
    let part = |from: &str, to: &str| {
        page.split(from)
            .nth(1)
            .unwrap()
            .split(to)
            .next()
            .unwrap()
            .to_owned()
    };
    let waited = part("Blocked longest", "</ul>");
    let longest = waited.find("Sign the contract").unwrap();
    let shorter = waited.find("Move the archive").unwrap();
    assert!(
        longest < shorter && waited.contains("on Legal") && waited.contains("ongoing"),
        "{waited}"
    );
    assert!(
        waited.contains("on Jonas Gruber") && waited.contains("<span>3 d</span>"),
        "{waited}"
    );
    let took = part("Longest cycle times", "</ul>");
    assert!(
        took.find("Move the archive").unwrap() < took.find("Pin the operator").unwrap(),
        "{took}"
    );
    assert!(
        took.contains("<span>7 d</span>") && took.contains("blocked"),
        "the events of the task are shown: {took}"
    );
}

#[tokio::test]
async fn project_forecast_uses_past_sprints() {
    let world = World::new().await;
    let elif = &world.elif;
    let project = [
        ("team", "infrastructure"),
        ("name", "Re-partition"),
        ("target", "100"),
        ("unit", "tables"),
    ];
    elif.post("/projects", &project).await.ok();
    for (sprint, gain) in [("42", "10"), ("43", "30"), ("44", "20")] {
        let fields = [
            ("title", "Migrate"),
            ("target", "30"),
            ("counted_by", "manual"),
            ("project", "re-partition"),
        ];
        let goal = set_goal(&world, elif, sprint, &fields).await;
        elif.post(
            &format!("/teams/infrastructure/goals/{goal}/progress"),
            &[("value", gain)],
        )
        .await
        .ok();
        let page = elif.get("/projects/re-partition").await.ok().text();
        if sprint == "44" {
            // 40 of 100 are left, at 25 or 15 per sprint; the active sprint counts as progress but not for the pace
            assert!(page.contains("2 to 4 more sprints"), "{page}");
        } else {
            assert!(page.contains("No forecast"), "{sprint}: {page}");
        }
        if sprint != "44" {
            elif.post(
                &format!("/teams/infrastructure/sprints/{sprint}/close"),
                &[],
            )
            .await
            .ok();
        }
        start_next_sprint(&world).await;
    }
}

#[tokio::test]
async fn open_action_shows_its_age() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.post(
        "/teams/infrastructure/actions",
        &[("text", "Book the drill @elif by Friday")],
    )
    .await
    .ok();
    world.app.clock.advance(Duration::days(3));
    let page = elif.get("/teams/infrastructure/standup").await.ok().text();
    assert!(page.contains("by Fri 27 Nov, added 3\u{a0}d ago"), "{page}");
}

#[tokio::test]
async fn sprint_without_progress_counts_in_the_forecast() {
    let world = World::new().await;
    let elif = &world.elif;
    let project = [
        ("team", "infrastructure"),
        ("name", "Re-partition"),
        ("target", "100"),
        ("unit", "tables"),
    ];
    elif.post("/projects", &project).await.ok();
    for sprint in ["42", "43", "44"] {
        if sprint != "43" {
            let fields = [
                ("title", "Migrate"),
                ("target", "30"),
                ("counted_by", "manual"),
                ("project", "re-partition"),
            ];
            let goal = set_goal(&world, elif, sprint, &fields).await;
            elif.post(
                &format!("/teams/infrastructure/goals/{goal}/progress"),
                &[("value", "20")],
            )
            .await
            .ok();
        }
        elif.create_task("infrastructure", "done", "Something")
            .await;
        elif.post(
            &format!("/teams/infrastructure/sprints/{sprint}/close"),
            &[],
        )
        .await
        .ok();
        start_next_sprint(&world).await;
    }
    // 60 of 100 are left, at 20 or at 10 per sprint, the average of 20 and 0
    let page = elif.get("/projects/re-partition").await.ok().text();
    assert!(page.contains("3 to 6 more sprints"), "{page}");
}

#[tokio::test]
async fn tasks_moved_out_of_done_do_not_count_in_the_forecast() {
    let world = World::new().await;
    let elif = &world.elif;
    world.app.clock.advance(Duration::days(-7));
    let mut keys = Vec::new();
    for n in 0..12 {
        keys.push(
            elif.create_task("infrastructure", "done", &format!("Drill {n}"))
                .await,
        );
    }
    elif.create_task("infrastructure", "todo", "Left").await;
    world.app.clock.advance(Duration::days(8));
    let flow = async || {
        elif.get("/teams/infrastructure/flow?sprints=1")
            .await
            .ok()
            .text()
    };
    assert!(flow().await.contains("tasks done by the end"));
    for key in keys {
        elif.post(&format!("/tasks/{key}/position"), &[("column", "todo")])
            .await
            .ok();
    }
    assert!(
        !flow().await.contains("tasks done by the end"),
        "no task is finished"
    );
}
