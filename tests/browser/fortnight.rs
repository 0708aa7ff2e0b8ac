//! A sprint from its goals to what was learned from it, in a browser.

use chromiumoxide::cdp::browser_protocol::input::DispatchTouchEventType;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_figure_is_typed_in_a_task_is_finished_and_its_goal_counts() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    let typed = [
        ("sprint", "42"),
        ("title", "Migrate 50 of the 100 tables"),
        ("target", "50"),
        ("counted_by", "typed"),
    ];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &typed)
            .await
            .status,
        303
    );
    let counted = [
        ("sprint", "42"),
        ("title", "Three drills"),
        ("target", "3"),
        ("counted_by", "tasks"),
    ];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &counted)
            .await
            .status,
        303
    );
    let key = elif
        .make("infrastructure", "todo", "Drill on Tuesday")
        .await;
    elif.post(&format!("/tasks/{key}"), &[("goal", "2")])
        .await
        .ok();

    let window = stage.window(elif).await;
    window.board("/teams/infrastructure").await;
    window.click(".goal .metric").await;
    window
        .until("document.querySelector('input[name=value]')")
        .await;
    window.click("input[name=value]").await;
    window.type_text("31").await;
    window.click("input[name=note]").await;
    window.type_text("over night").await;
    window.press("Enter").await;
    window.until("document.querySelector('main').textContent.includes('31 / 50') && document.querySelector('main').textContent.includes('over night')").await;

    window.board("/teams/infrastructure").await;
    window.until("document.querySelectorAll('.goal')[0].textContent.includes('31 / 50') && document.querySelectorAll('.goal')[1].textContent.includes('0 / 3')").await;
    let done = window.middle("[data-column=done] ol").await;
    window.drag("#INF-1", done).await;
    window
        .until("document.querySelectorAll('.goal')[1].textContent.includes('1 / 3')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sprint_is_closed_three_ways_its_figures_stay_and_an_action_becomes_a_task() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    let goal = [
        ("sprint", "42"),
        ("title", "Cut over"),
        ("target", "2"),
        ("counted_by", "tasks"),
    ];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &goal).await.status,
        303
    );
    for (column, title) in [
        ("done", "Backups"),
        ("in-progress", "Cut over"),
        ("todo", "Runbook"),
        ("todo", "Old idea"),
    ] {
        let key = elif.make("infrastructure", column, title).await;
        elif.post(&format!("/tasks/{key}"), &[("goal", "1")])
            .await
            .ok();
    }
    let window = stage.window(elif).await;
    window.goto("/teams/infrastructure/sprints/42/close").await;
    window
        .until("document.querySelector('select[name=\"task:INF-2\"]')")
        .await;
    for (key, outcome) in [("INF-2", "carry"), ("INF-3", "backlog"), ("INF-4", "drop")] {
        window
            .run(&format!(
                "document.querySelector('select[name=\"task:{key}\"]').value = '{outcome}'"
            ))
            .await;
    }
    window.picture("story-close").await;
    window.click("form .button.primary").await;
    window
        .until("location.pathname === '/sprints/42/retro' && document.readyState === 'complete'")
        .await;
    let figures = "document.querySelector('.stats').textContent + document.querySelector('.panel .rows').textContent";
    let before: String = window.value(figures).await;
    assert!(before.contains("1 / 2"), "{before}");
    assert_eq!(
        stage.world.column("infrastructure", "todo").await,
        ["INF-3"],
        "put back, and one is dropped"
    );

    // what is changed afterwards changes nothing of it
    window.goto("/tasks/INF-1").await;
    window.until("document.querySelector('main')").await;
    elif.post(
        "/tasks/INF-1",
        &[("title", "Renamed"), ("estimate", "8"), ("goal", "")],
    )
    .await
    .ok();
    window.goto("/sprints/42/retro?team=infrastructure").await;
    window.until("document.querySelector('.stats')").await;
    let after: String = window.value(figures).await;
    assert_eq!(before, after);

    let promise = "form[action$=\"/actions\"] input[name=text]";
    window
        .until(&format!("document.querySelector('{promise}')"))
        .await;
    window.click(promise).await;
    window
        .type_text("Ask Legal for a date @elif by Friday")
        .await;
    window.press("Enter").await;
    window
        .until("document.querySelector('form[action$=\"/task\"] button')")
        .await;
    window.click("form[action$=\"/task\"] button").await;
    window
        .until("document.querySelector('main').textContent.includes('INF-5')")
        .await;
    assert_eq!(elif.task("INF-5").await["title"], "Ask Legal for a date");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_write_into_one_retro_and_neither_loses_a_word() {
    let stage = Stage::new().await;
    let tomas = stage
        .world
        .join("Tomas Weber", "tomas", "infrastructure")
        .await;
    let one = stage.window(&stage.world.elif).await;
    let two = stage.window(&tomas).await;
    for window in [&one, &two] {
        window.goto("/sprints/42/retro?team=infrastructure").await;
        window
            .until("document.querySelector('form[action$=\"/notes\"] [name=text]')")
            .await;
        window.until("document.readyState === 'complete'").await;
    }
    let field = "form[action$=\"/notes\"] [name=text]";
    two.page.bring_to_front().await.unwrap();
    two.click(field).await;
    two.type_text("Half a thou").await;
    one.page.bring_to_front().await.unwrap();
    one.click(field).await;
    one.type_text("Pairing helped").await;
    one.press("Enter").await;
    one.until("document.querySelector('.note')?.textContent.includes('Pairing helped')")
        .await;
    two.until("document.querySelector('.note')?.textContent.includes('Pairing helped')")
        .await;
    let kept: String = two
        .value(&format!("document.querySelector('{field}').value"))
        .await;
    assert_eq!(kept, "Half a thou", "what is being written stays");
    two.page.bring_to_front().await.unwrap();
    two.type_text("ght").await;
    two.press("Enter").await;
    two.until("document.querySelector('main').textContent.includes('Half a thought')")
        .await;
    one.until("document.querySelector('main').textContent.includes('Half a thought')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sprint_is_planned_by_dragging_and_by_keys_alone() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    let goal = [("sprint", "43"), ("title", "Cut over"), ("target", "2")];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &goal).await.status,
        303
    );
    for title in ["Runbook", "Alert on lag", "Old idea"] {
        let key = elif.make("infrastructure", "todo", title).await;
        elif.post(&format!("/tasks/{key}"), &[("sprint", "none")])
            .await
            .ok();
    }
    let window = stage.window(elif).await;
    window.goto("/teams/infrastructure/planning").await;
    window
        .until("customElements.get('planning-lists') && document.querySelector('#backlog-INF-1')")
        .await;
    let to = window.middle(".group[class*=hue] ol").await;
    let (x, y) = window.middle("#backlog-INF-1 small").await;
    window.pick_up((x, y), to).await;
    window.drop_at(to).await;
    window
        .until("document.querySelector('.group[class*=hue] #backlog-INF-1')")
        .await;
    assert_eq!(elif.task("INF-1").await["goal"], 1);

    // with the keyboard: tick two, go to the goal's button, press it
    window
        .run("document.querySelector('#backlog-INF-2 input').focus()")
        .await;
    window.press("x").await;
    window.press("ArrowDown").await;
    window
        .until("document.activeElement.value === 'INF-3'")
        .await;
    window.press("x").await;
    window
        .run("document.querySelector('.group[class*=hue] button').focus()")
        .await;
    window.press("Enter").await;
    window
        .until("document.querySelectorAll('.group[class*=hue] .backlog-item').length === 3")
        .await;
    window.picture("story-planning").await;
    window.goto("/teams/infrastructure/planning").await;
    window
        .until("document.querySelectorAll('.group[class*=hue] .backlog-item').length === 3")
        .await;
    assert_eq!(elif.task("INF-3").await["sprint"], 43);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finger_that_rests_plans_and_one_that_moves_scrolls() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    let goal = [("sprint", "43"), ("title", "Cut over"), ("target", "2")];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &goal).await.status,
        303
    );
    for n in 1..=16 {
        let key = elif
            .make(
                "infrastructure",
                "todo",
                &format!("Task number {n} with a title of some length"),
            )
            .await;
        elif.post(&format!("/tasks/{key}"), &[("sprint", "none")])
            .await
            .ok();
    }
    let phone = stage.window(elif).await;
    phone.size(390, 844, true).await;
    phone.goto("/teams/infrastructure/planning").await;
    phone
        .until("customElements.get('planning-lists') && document.readyState === 'complete'")
        .await;
    phone
        .run("document.querySelector('#backlog-INF-3').scrollIntoView({ block: 'center' })")
        .await;

    // moving at once: the page scrolls under the finger, and nothing is picked up
    let top: f64 = phone.value("scrollY").await;
    let (x, y) = phone.middle("#backlog-INF-3").await;
    phone
        .touch(DispatchTouchEventType::TouchStart, (x, y))
        .await;
    for step in 1..=8 {
        phone
            .touch(
                DispatchTouchEventType::TouchMove,
                (x, y - 25.0 * f64::from(step)),
            )
            .await;
    }
    phone
        .until(&format!(
            "scrollY > {top} + 50 && !document.querySelector('.lifted')"
        ))
        .await;
    // it stops before it is lifted, so that the page does not roll on
    let frames = "new Promise(go => { let left = 12; const next = () => (left-- ? requestAnimationFrame(next) : go(true)); next(); })";
    assert!(phone.value::<bool>(frames).await);
    phone
        .touch(DispatchTouchEventType::TouchMove, (x, y - 200.0))
        .await;
    phone.lift_finger().await;
    assert!(elif.task("INF-3").await["sprint"].is_null());

    // resting first: the row is in the hand, and near the edge the page brings the sprint closer
    phone
        .run("document.querySelector('#backlog-INF-3').scrollIntoView({ block: 'center' })")
        .await;
    let (x, y) = phone.middle("#backlog-INF-3 small").await;
    phone
        .touch(DispatchTouchEventType::TouchStart, (x, y))
        .await;
    phone
        .until("document.querySelector('#backlog-INF-3.lifted')")
        .await;
    for step in 1..=8 {
        phone
            .touch(
                DispatchTouchEventType::TouchMove,
                (x, y + (836.0 - y) * f64::from(step) / 8.0),
            )
            .await;
    }
    phone.until("document.querySelector('.group[class*=hue]').getBoundingClientRect().bottom < innerHeight - 80").await;
    // away from the edge the page stands still again
    phone
        .touch(DispatchTouchEventType::TouchMove, (x, 422.0))
        .await;
    let still = "document.body.dataset.top === String(scrollY) || !(document.body.dataset.top = String(scrollY))";
    phone.until(still).await;
    let to = phone.middle(".group[class*=hue] ol").await;
    phone.touch(DispatchTouchEventType::TouchMove, to).await;
    phone
        .until("document.querySelector('.group[class*=hue].over')")
        .await;
    phone.picture("story-planning-finger").await;
    phone.lift_finger().await;
    phone
        .until("document.querySelector('.group[class*=hue] #backlog-INF-3')")
        .await;
    assert_eq!(elif.task("INF-3").await["goal"], 1);
}

#[tokio::test]
async fn a_team_walks_its_board_with_the_keys_and_notes_what_comes_up() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    for (column, title) in [
        ("todo", "Begin this"),
        ("in-progress", "Go on"),
        ("in-review", "Look at it"),
    ] {
        elif.make("infrastructure", column, title).await;
    }
    let window = stage.window(elif).await;
    // the card, with the scripts of its page at work
    let at = async |title: &str| {
        let shown = format!("document.querySelector('.walk-card h2')?.textContent === '{title}'");
        window
            .until(&format!(
                "{shown} && document.querySelector('walk-timer button')"
            ))
            .await;
    };
    window.goto("/teams/infrastructure/standup").await;
    window
        .until("customElements.get('sortable-board') && document.readyState === 'complete'")
        .await;
    window.press("w").await;
    at("Look at it").await;
    window.click("walk-timer button").await;
    window
        .until("document.querySelector('walk-timer').textContent.includes('this card 0:0')")
        .await;
    window.press("w").await;
    at("Go on").await;
    window
        .until("document.querySelector('walk-timer').textContent.includes('this card')")
        .await;
    window.press("b").await;
    at("Look at it").await;
    // What is finished while it is talked about: the next one takes its place by itself.
    elif.post("/tasks/INF-3/position", &[("column", "done")])
        .await
        .ok();
    at("Go on").await;
    window
        .run("document.querySelector('form[action$=\"/actions\"] input[name=text]').focus()")
        .await;
    window.type_text("Pair on it @elif").await;
    window.press("Enter").await;
    window
        .until("document.querySelector('form[action$=\"/actions\"] input[name=text]').value === ''")
        .await;
    window.picture("story-walk").await;
    window.run("document.activeElement.blur()").await;
    window.press("w").await;
    at("Begin this").await;
    window.press("w").await;
    window.until("location.pathname.endsWith('/standup') && document.body.textContent.includes('Pair on it')").await;
}

#[tokio::test]
async fn what_is_read_out_prints_and_none_of_its_forms() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    let goal = [
        ("sprint", "42"),
        ("title", "Migrate 50 of the 100 tables"),
        ("target", "50"),
        ("owners", "elif"),
    ];
    elif.post("/teams/infrastructure/goals", &goal).await.ok();
    for (column, title) in [
        ("todo", "Begin this"),
        ("in-progress", "Go on"),
        ("blocked", "Cut over"),
    ] {
        elif.make("infrastructure", column, title).await;
    }
    elif.post("/tasks/INF-2/ask-for-help", &[]).await.ok();
    elif.post(
        "/teams/infrastructure/actions",
        &[("text", "Ask Legal for a date @elif by Friday")],
    )
    .await
    .ok();
    elif.post(
        "/teams/infrastructure/sprints/42/notes",
        &[("tray", "well"), ("text", "Pairing helped")],
    )
    .await
    .ok();
    let window = stage.window(elif).await;
    window.paper().await;
    for (path, name, said) in [
        (
            "/teams/infrastructure/standup",
            "standup",
            ["Cut over", "Ask Legal for a date", "one owner"],
        ),
        (
            "/sprints/42/retro?team=infrastructure",
            "retro",
            ["Pairing helped", "0 / 50", "Blocked longest"],
        ),
        (
            "/teams/infrastructure/check-in",
            "check-in",
            ["0 / 50", "Cut over", "as of Tue 24 Nov"],
        ),
        (
            "/teams/infrastructure/flow",
            "flow",
            ["Burn-up", "Cumulative flow", "Ageing"],
        ),
        (
            "/sprints/42",
            "pitch",
            [
                "Migrate 50 of the 100 tables",
                "one owner",
                "Infrastructure",
            ],
        ),
    ] {
        window.goto(path).await;
        window.until("document.readyState === 'complete'").await;
        let told: String = window
            .value("document.querySelector('main').innerText")
            .await;
        for text in said {
            assert!(told.contains(text), "{text} is not on paper: {told}");
        }
        let shown = "[...document.querySelectorAll('input:not([type=checkbox]), textarea, .button, .topbar')].filter(one => one.checkVisibility()).map(one => one.outerHTML)";
        let forms: Vec<String> = window.value(shown).await;
        assert!(forms.is_empty(), "{}", forms.join("\n"));
        let wide: bool = window
            .value("document.documentElement.scrollWidth > innerWidth")
            .await;
        assert!(!wide, "it fits the sheet");
        window.picture(&format!("print-{name}")).await;
    }
}

#[tokio::test]
async fn a_projects_board_is_dragged_over_two_teams_and_other_windows_see_it() {
    let stage = Stage::new().await;
    let (elif, jonas) = (&stage.world.elif, &stage.world.jonas);
    let project = [
        ("team", "infrastructure"),
        ("name", "Re-partition"),
        ("target", "100"),
        ("unit", "tables"),
    ];
    elif.post("/projects", &project).await.ok();
    for (who, team, title) in [
        (elif, "infrastructure", "Copy sessions"),
        (jonas, "ingestion", "Dual-write"),
        (elif, "infrastructure", "Copy orders"),
    ] {
        let key = who.make(team, "todo", title).await;
        who.post(&format!("/tasks/{key}"), &[("project", "re-partition")])
            .await
            .ok();
    }
    let one = stage.window(elif).await;
    let two = stage.window(elif).await;
    one.goto("/projects/re-partition/board").await;
    one.until("customElements.get('sortable-board') && document.readyState === 'complete'")
        .await;
    two.board("/teams/infrastructure").await;
    one.page.bring_to_front().await.unwrap();
    let to = one.middle("[data-column=review] ol").await;
    one.drag("#INF-1", to).await;
    one.until_column("review", &["INF-1"]).await;
    one.until("document.querySelector('#toasts').textContent.includes('Moved INF-1 to In review')")
        .await;
    two.until_column("in-review", &["INF-1"]).await;
    // A task of another team: it goes back, and says why.
    let to = one.middle("[data-column=doing] ol").await;
    one.drag("#ING-1", to).await;
    one.until(
        "document.querySelector('#toasts').textContent.includes('Only members of Ingestion')",
    )
    .await;
    one.until("document.querySelector('[data-column=todo] #ING-1')")
        .await;
    // What that team does itself shows here, in the column of the state.
    jonas
        .post("/tasks/ING-1/position", &[("column", "in-progress")])
        .await
        .ok();
    one.until_column("doing", &["ING-1"]).await;
    one.picture("story-project-board").await;
    elif.post("/tasks/INF-1", &[("project", "")]).await.ok();
    one.until_column("review", &[]).await;
}
