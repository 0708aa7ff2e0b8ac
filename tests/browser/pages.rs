//! Screenshots of every page, and automated accessibility checks.

use axum::http::Method;
use serde_json::json;

use crate::{
    browser_fixture::{BrowserFixture, TestBrowser, Window},
    program::Place,
};

/// Opens a page wide and narrow, light and dark, takes a screenshot of each, and returns what is wrong with it.
pub async fn check_page(window: &Window, name: &str, path: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (width, height, phone) in [(1440, 900, false), (390, 844, true)] {
        for scheme in ["light", "dark"] {
            window.resize(width, height, phone).await;
            window.set_color_scheme(scheme).await;
            window.goto(path).await;
            window.wait_for("document.readyState === 'complete'").await;
            let overflows: bool = window
                .evaluate("document.documentElement.scrollWidth > innerWidth")
                .await;
            if overflows {
                problems.push(format!("{name} {width} {scheme}: scrolls sideways"));
            }
            window.screenshot(&format!("{name}-{width}-{scheme}")).await;
            // The whole page at once: the bar at the bottom would cover what can be scrolled into view.
            let full_height: i64 = window
                .evaluate("document.documentElement.scrollHeight")
                .await;
            window.resize(width, full_height.max(height), phone).await;
            problems.extend(
                window
                    .accessibility_violations()
                    .await
                    .into_iter()
                    .map(|one| format!("{name} {width} {scheme}: {one}")),
            );
        }
    }
    problems
}

/// Returns chart labels with a contrast below 4.5 : 1. axe does not check text in SVG.
async fn find_low_contrast_chart_text(window: &Window) -> Vec<String> {
    let mut labels = Vec::new();
    for ground in ["light", "dark", "print"] {
        if ground == "print" {
            window.emulate_print().await;
        } else {
            window.set_color_scheme(ground).await;
        }
        let pale: Vec<String> = window
            .evaluate(
                "(() => { const draw = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
                const bright = colour => { draw.clearRect(0, 0, 1, 1); draw.fillStyle = colour; draw.fillRect(0, 0, 1, 1); const [r, g, b, a] = draw.getImageData(0, 0, 1, 1).data; if (a < 250) return null;
                    const line = one => { one /= 255; return one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4; }; return 0.2126 * line(r) + 0.7152 * line(g) + 0.0722 * line(b); };
                const under = element => { for (let at = element; at; at = at.parentElement) { const shade = bright(getComputedStyle(at).backgroundColor); if (shade !== null) return shade; } return 1; };
                return [...document.querySelectorAll('main svg text')].filter(text => { const [high, low] = [bright(getComputedStyle(text).fill) ?? 0, under(text)].sort((a, b) => b - a); return (high + 0.05) / (low + 0.05) < 4.5; }).map(text => text.textContent); })()",
            )
            .await;
        labels.extend(
            pale.into_iter()
                .map(|text| format!("flow {ground}: “{text}” has low contrast")),
        );
    }
    window.set_color_scheme("light").await;
    labels
}

/// `fortnight demo`, page by page: each one has content worth showing and no violations.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_demo_page_has_content_and_no_violations() {
    let place = Place::new();
    let mut server = place.serve_demo(&[]).await;
    let link = server.read_setup_link().await;
    let browser = TestBrowser::launch(&format!("http://{}", server.address())).await;
    let window = browser.open_anonymous_window().await;
    window
        .goto(link.split_once(server.address()).unwrap().1)
        .await;
    window.wait_for_url("/").await;
    window.goto("/teams/infrastructure").await;
    let current: i64 = window
        .evaluate("Number(document.querySelector('[aria-label=Sprint]').textContent.match(/Sprint (\\d+)/)[1])")
        .await;
    let last = current - 1;
    // the project with the most goals, and the goal with the most entered values
    let (project, goal): (String, String) = {
        let mut db = place.sql().await;
        let project = "SELECT '/projects/' || p.slug FROM projects p JOIN goals g ON g.project_id = p.id GROUP BY p.slug ORDER BY count(*) DESC LIMIT 1";
        let goal = "SELECT '/teams/' || t.slug || '/goals/' || e.goal_id FROM goal_entries e JOIN teams t ON t.id = e.team_id GROUP BY t.slug, e.goal_id ORDER BY count(*) DESC, 1 LIMIT 1";
        (
            sqlx::query_scalar(project)
                .fetch_one(&mut db)
                .await
                .unwrap(),
            sqlx::query_scalar(goal).fetch_one(&mut db).await.unwrap(),
        )
    };
    let mut problems = Vec::new();
    for (name, path, worth) in [
        (
            "board",
            "/teams/infrastructure".to_owned(),
            "document.querySelectorAll('.goal').length === 3",
        ),
        (
            "board-of-ingestion",
            "/teams/ingestion".to_owned(),
            "document.querySelectorAll('#board [data-task]').length > 10",
        ),
        (
            "my-work",
            "/".to_owned(),
            "document.querySelectorAll('main [href^=\"/tasks/\"]').length > 5",
        ),
        (
            "planning",
            "/teams/infrastructure/planning".to_owned(),
            "document.querySelectorAll('[name=keys]').length > 5",
        ),
        (
            "pitch",
            format!("/sprints/{current}"),
            "document.querySelectorAll('main article, main .goal').length > 4",
        ),
        (
            "standup",
            "/teams/infrastructure/standup".to_owned(),
            "document.querySelectorAll('.rows li').length > 10",
        ),
        (
            "standup-all",
            "/standup".to_owned(),
            "document.querySelectorAll('.rows li').length > 20",
        ),
        (
            "walk",
            "/teams/infrastructure/standup/walk".to_owned(),
            "document.querySelector('main [href^=\"/tasks/\"]')",
        ),
        (
            "close",
            format!("/teams/infrastructure/sprints/{current}/close"),
            "document.querySelectorAll('select').length > 10",
        ),
        (
            "retro",
            format!("/sprints/{last}/retro?team=infrastructure&team=ingestion"),
            "document.querySelectorAll('.note, .rows li').length > 10",
        ),
        (
            "flow",
            "/teams/infrastructure/flow".to_owned(),
            "document.querySelectorAll('main svg').length > 4",
        ),
        (
            "check-in",
            "/teams/ingestion/check-in".to_owned(),
            "document.querySelectorAll('.rows li, .goal').length > 5",
        ),
        (
            "intake",
            "/teams/infrastructure/requests".to_owned(),
            "document.querySelectorAll('.rows li, article').length > 1",
        ),
        (
            "projects",
            "/projects".to_owned(),
            "document.querySelector('main [href^=\"/projects/\"]')",
        ),
        (
            "teams",
            "/teams".to_owned(),
            "document.querySelectorAll('main [href^=\"/teams/\"]').length > 1",
        ),
        (
            "about",
            "/teams/infrastructure/about".to_owned(),
            "document.querySelectorAll('main [href^=\"/people/\"]').length > 3",
        ),
        (
            "history",
            "/teams/infrastructure/history".to_owned(),
            "document.querySelectorAll('li, tr').length > 20",
        ),
        (
            "sprints",
            "/sprints".to_owned(),
            "document.querySelectorAll('main tbody tr, main .rows li').length > 4",
        ),
        (
            "project",
            project.clone(),
            "document.querySelectorAll('main tbody tr').length > 2 && document.querySelector('.stats').textContent.includes('more sprint')",
        ),
        (
            "project-board",
            format!("{project}/board"),
            "document.querySelectorAll('#board [data-task]').length > 10",
        ),
        (
            "goal",
            goal.clone(),
            "document.querySelectorAll('main svg circle').length > 1",
        ),
    ] {
        problems.extend(check_page(&window, &format!("demo-{name}"), &path).await);
        if name == "flow" {
            problems.extend(find_low_contrast_chart_text(&window).await);
        }
        if !window.evaluate::<bool>(&format!("Boolean({worth})")).await {
            problems.push(format!("{name}: not {worth}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_has_wcag_violations_in_any_theme_or_size() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    for (column, title) in [
        ("todo", "Alert when replication lag passes 30 s"),
        (
            "in-progress",
            "Migrate events_dead_letter and 9 more tables",
        ),
        ("blocked", "Cut postgres over"),
        ("done", "Pin the operator"),
    ] {
        let key = elif.create_task("infrastructure", column, title).await;
        let body = json!({ "labels": ["postgres"], "owners": ["elif"], "description": "See **INF-1** and `code`.\n\n- [x] done", "due": "2026-11-20", "needed_by": "Growth" });
        elif.api(Method::PATCH, &format!("/tasks/{key}"), body)
            .await
            .ok();
        elif.post(&format!("/tasks/{key}/steps"), &[("text", "Rehearse")])
            .await
            .ok();
        elif.post(
            &format!("/tasks/{key}/comments"),
            &[("body", "Ready, @jonas")],
        )
        .await
        .ok();
    }
    sqlx::query(
        "INSERT INTO goals (team_id, id, sprint_id, position, title, measure, target, manual_value, hue, counted_by)
         SELECT t.id, gen_random_uuid(), s.id, 1, 'Migrate 50 of the 100 tables', 'count', 50, 31, 8, 'manual' FROM teams t, sprints s WHERE t.key = 'INF' AND s.state = 'active'",
    )
    .execute(&fixture.world.db)
    .await
    .unwrap();
    for (category, text) in [("thanks", "Gita!"), ("well", "Pairing"), ("not", "Day 8")] {
        elif.post(
            "/teams/infrastructure/sprints/42/retro-notes",
            &[("category", category), ("text", text)],
        )
        .await
        .ok();
    }
    elif.post(
        "/teams/infrastructure/actions",
        &[("retro", "42"), ("text", "Ask Legal @elif by Friday")],
    )
    .await
    .ok();
    elif.post("/tasks/INF-3/ask-for-help", &[]).await.ok();
    let goal: uuid::Uuid = sqlx::query_scalar("SELECT id FROM goals")
        .fetch_one(&fixture.world.db)
        .await
        .unwrap();
    let goal = format!("/teams/infrastructure/goals/{goal}");
    elif.post(
        &format!("{goal}/comments"),
        &[("kind", "concern"), ("body", "We will be blocked by this")],
    )
    .await
    .ok();
    elif.post(
        &format!("{goal}/progress"),
        &[("value", "31"), ("note", "over night")],
    )
    .await
    .ok();
    let project = [
        ("team", "infrastructure"),
        ("name", "Re-partition"),
        ("target", "100"),
        ("unit", "tables"),
    ];
    elif.post("/projects", &project).await.ok();
    elif.post(
        "/projects/re-partition/milestones",
        &[("title", "The first ten")],
    )
    .await
    .ok();
    sqlx::query("UPDATE goals SET project_team_id = p.team_id, project_id = p.id FROM projects p")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE tasks SET goal_id = g.id FROM goals g WHERE g.team_id = tasks.team_id")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    elif.post(
        "/teams/infrastructure/objectives",
        &[
            ("quarter", "2026-Q4"),
            ("title", "Sleep"),
            ("why", "August"),
        ],
    )
    .await
    .ok();
    let objective: uuid::Uuid = sqlx::query_scalar("SELECT id FROM objectives")
        .fetch_one(&fixture.world.db)
        .await
        .unwrap();
    let results = format!("/teams/infrastructure/objectives/{objective}/key-results");
    elif.post(&results, &[("title", "Tables moved"), ("target", "100")])
        .await
        .ok();
    elif.post(
        "/teams/infrastructure/days-off",
        &[("day", "2026-12-24"), ("name", "Christmas")],
    )
    .await
    .ok();
    elif.post(
        "/me/absences",
        &[("from", "2026-11-24"), ("to", "2026-11-27")],
    )
    .await
    .ok();
    // What other people see: requests, a follower, links of every kind, and an administrator's pages.
    let jonas = &fixture.world.jonas;
    let request = [
        ("title", "A replica for reports"),
        ("why", "They are slow"),
        ("by", "2026-12-04"),
    ];
    jonas
        .post("/teams/infrastructure/requests", &request)
        .await
        .ok();
    elif.post(
        "/teams/ingestion/requests",
        &[("title", "Tell us a day before")],
    )
    .await
    .ok();
    let theirs = jonas.create_task("ingestion", "todo", "Dual write").await;
    jonas
        .post(
            &format!("/tasks/{theirs}"),
            &[("needed_by", "Infrastructure")],
        )
        .await
        .ok();
    elif.post(&format!("/tasks/{theirs}/follow"), &[("follow", "1")])
        .await
        .ok();
    jonas
        .post(
            &format!("/tasks/{theirs}/position"),
            &[("column", "in-review")],
        )
        .await
        .ok();
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    let between = |text: String, before: &str| {
        text.split(before)
            .nth(1)
            .map(|rest| format!("{before}{}", rest.split(['"', '<']).next().unwrap()))
            .unwrap()
    };
    let links = "/teams/infrastructure/share-links";
    let check_in = between(
        elif.post(links, &[("name", "Auditors"), ("shows", "check-in")])
            .await
            .ok()
            .text(),
        "/share/",
    );
    let board = between(
        elif.post(links, &[("name", "Auditors"), ("shows", "board")])
            .await
            .ok()
            .text(),
        "/share/",
    );
    let locked = [
        ("name", "Auditors"),
        ("shows", "board"),
        ("password", "open sesame please"),
    ];
    let locked = between(elif.post(links, &locked).await.ok().text(), "/share/");
    let embed = format!("{check_in}/embed");
    let join = between(
        elif.post("/settings/invitations", &[("team", "infrastructure")])
            .await
            .ok()
            .text(),
        "/join/",
    );
    let reset = between(
        elif.post("/settings/people/jonas", &[("do", "link")])
            .await
            .ok()
            .text(),
        "/reset/",
    );
    elif.post(
        "/me/tokens",
        &[("name", "Deploy script"), ("scope", "read")],
    )
    .await
    .ok();
    elif.post("/teams/infrastructure/public", &[("public", "1")])
        .await
        .ok();
    elif.post(
        "/settings",
        &[
            ("name", "Fortnight"),
            ("open", "on"),
            ("domains", "example.org"),
        ],
    )
    .await
    .ok();
    let vera = fixture
        .world
        .join("Vera Sandoval", "vera", "ingestion")
        .await;
    sqlx::query("UPDATE accounts SET role = 'viewer' WHERE handle = 'vera'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    let vera = fixture.open_window(&vera).await;
    let window = fixture.open_window(elif).await;
    let anonymous = fixture.open_anonymous_window().await;
    let mut problems = Vec::new();
    for (name, path) in [
        ("board", "/teams/infrastructure"),
        ("lanes", "/teams/infrastructure?lanes=owner"),
        ("no-match", "/teams/infrastructure?q=nothing-is-so"),
        ("task", "/tasks/INF-3"),
        ("move", "/tasks/INF-1/move"),
        ("block", "/tasks/INF-1/block"),
        ("new", "/teams/infrastructure/tasks/new?sprint=this"),
        ("list", "/teams/infrastructure/tasks?sprint=all"),
        ("my-work", "/"),
        ("teams", "/teams"),
        ("limit", "/teams/infrastructure/columns/todo/limit"),
        ("flow", "/teams/infrastructure/flow"),
        ("flow-refused", "/teams/infrastructure/flow?from=7"),
        ("person", "/people/elif"),
        (
            "archive",
            "/teams/infrastructure/tasks?sprint=all&q=is:archived",
        ),
        ("goal", &goal),
        ("new-goal", "/teams/infrastructure/goals/new?sprint=43"),
        ("close", "/teams/infrastructure/sprints/42/close"),
        (
            "retro",
            "/sprints/42/retro?team=infrastructure&team=ingestion",
        ),
        ("sprints", "/sprints"),
        ("pitch", "/sprints/42"),
        ("planning", "/teams/infrastructure/planning?sprint=42"),
        ("planning-next", "/teams/infrastructure/planning"),
        ("projects", "/projects"),
        ("project", "/projects/re-partition"),
        ("project-board", "/projects/re-partition/board"),
        ("about", "/teams/infrastructure/about"),
        ("settings", "/teams/infrastructure/settings"),
        ("me", "/me"),
        ("standup", "/teams/infrastructure/standup"),
        ("standup-all", "/standup"),
        ("walk", "/teams/infrastructure/standup/walk"),
        ("check-in", "/teams/infrastructure/check-in"),
        ("check-in-of-others", "/teams/ingestion/check-in"),
        ("intake", "/teams/infrastructure/requests"),
        ("intake-of-others", "/teams/ingestion/requests"),
        ("history", "/teams/infrastructure/history"),
        ("remove-column", "/teams/infrastructure/columns/todo/remove"),
        ("workspace", "/settings"),
        ("people", "/settings/people"),
        ("system", "/settings/system"),
        ("sign-in", "/settings/sign-in"),
        ("outgoing", "/settings/outgoing"),
        ("audit", "/settings/audit"),
        ("not-found", "/tasks/INF-99"),
        ("anonymous-login", "/login"),
        ("anonymous-join", &join),
        ("anonymous-reset", &reset),
        ("anonymous-shared-check-in", &check_in),
        ("anonymous-shared-board", &board),
        ("anonymous-locked", &locked),
        ("anonymous-embed", &embed),
        ("anonymous-public", "/public/infrastructure"),
        ("anonymous-register", "/register"),
        ("viewer-board", "/teams/infrastructure"),
        ("viewer-check-in", "/teams/infrastructure/check-in"),
        ("viewer-forbidden", "/settings"),
    ] {
        let window = match name.split_once('-') {
            Some(("anonymous", _)) => &anonymous,
            Some(("viewer", _)) => &vera,
            _ => &window,
        };
        problems.extend(check_page(window, name, path).await);
    }
    for path in [
        "/teams/infrastructure",
        "/teams/infrastructure/standup",
        "/teams/infrastructure/planning",
        "/",
    ] {
        window.resize(2560, 1440, false).await;
        window.goto(path).await;
        window.wait_for("document.readyState === 'complete'").await;
        if window
            .evaluate::<bool>("document.documentElement.scrollWidth > innerWidth")
            .await
        {
            problems.push(format!("{path} 2560: scrolls sideways"));
        }
        problems.extend(
            window
                .accessibility_violations()
                .await
                .into_iter()
                .map(|one| format!("{path} 2560: {one}")),
        );
    }
    window.screenshot("my-work-2560-dark").await;
    window.resize(1440, 900, false).await;
    window.set_color_scheme("light").await;
    window.open_board("/teams/infrastructure").await;
    window.click("#INF-3 h3 a").await;
    // wait for transitions: contrast cannot be measured during a fade
    window
        .wait_for("document.querySelector('dialog.modal[open]')")
        .await;
    window.wait_for_animations().await;
    problems.extend(
        window
            .accessibility_violations()
            .await
            .into_iter()
            .map(|one| format!("opened task: {one}")),
    );
    window.screenshot("opened-1440-light").await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
