//! Phones, wide screens and paper.

use crate::browser_fixture::{BrowserFixture, Window};

/// True unless the page or a part of it that is on every phone scrolls sideways.
const FITS: &str = "[document.documentElement, ...document.querySelectorAll('.filters, .goals, .topbar')].every(part => part.scrollWidth <= part.clientWidth + 1)";

async fn add_goals(fixture: &BrowserFixture, count: i32) {
    sqlx::query(
        "INSERT INTO goals (team_id, id, sprint_id, position, title, measure, target, manual_value, hue, counted_by)
         SELECT t.id, gen_random_uuid(), s.id, n, 'Migrate part ' || n || ' of the hundred tables', 'count', 50, 31, n, 'manual'
         FROM teams t, sprints s, generate_series(1, $1) n WHERE t.key = 'INF' AND s.state = 'active'",
    )
    .bind(count)
    .execute(&fixture.world.db)
    .await
    .unwrap();
}

async fn create_task_with_text(fixture: &BrowserFixture) {
    let elif = &fixture.world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    for (path, field, text) in [
        ("/tasks/INF-1", "description", "Within a minute"),
        ("/tasks/INF-1", "estimate", "5"),
        ("/tasks/INF-1", "labels", "postgres"),
        ("/tasks/INF-1/steps", "text", "Rehearse"),
        ("/tasks/INF-1/comments", "body", "Ready"),
    ] {
        elif.post(path, &[(field, text)]).await.ok();
    }
}

/// Opens a page on a phone, with or without scripts.
async fn open_phone(fixture: &BrowserFixture, path: &str, with_scripts: bool) -> Window {
    let phone = fixture.open_window(&fixture.world.elif).await;
    phone.resize(390, 844, true).await;
    if !with_scripts {
        phone.disable_scripts().await;
    }
    phone.goto(path).await;
    phone.wait_for_page("document.body").await;
    phone
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phone_shows_properties_right_under_the_title() {
    let fixture = BrowserFixture::new().await;
    create_task_with_text(&fixture).await;
    for with_scripts in [true, false] {
        let phone = open_phone(&fixture, "/tasks/INF-1", with_scripts).await;
        let tops: Vec<f64> = phone
            .evaluate("['h1', 'dl .state', '[name=sprint]', '[name=estimate]', '.task-view > div .prose', '.steps', '.timeline'].map(part => document.querySelector(part).getBoundingClientRect().top)")
            .await;
        assert!(tops.is_sorted(), "{tops:?}");
        assert!(phone.evaluate::<bool>(FITS).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phone_folds_filters_and_names_six_goals() {
    let fixture = BrowserFixture::new().await;
    add_goals(&fixture, 6).await;
    for with_scripts in [true, false] {
        let phone = open_phone(&fixture, "/teams/infrastructure", with_scripts).await;
        for (width, height) in [(390, 844), (320, 640), (844, 390)] {
            phone.resize(width, height, true).await;
            assert!(phone.evaluate::<bool>(FITS).await, "{width}");
            let names: i64 = phone
                .evaluate("[...document.querySelectorAll('.goal .title')].filter(title => title.checkVisibility({ opacityProperty: true }) && title.clientWidth > 50).length")
                .await;
            assert_eq!(names, 6, "{width}");
        }
        phone.resize(390, 844, true).await;
        let sheet = "document.querySelector('.filter-sheet .segmented').checkVisibility()";
        assert!(!phone.evaluate::<bool>(sheet).await);
        phone.click("[popovertarget]").await;
        phone.wait_for_page(sheet).await;
        phone.click(".filter-sheet .segmented a:last-child").await;
        phone.wait_for_url("sprint=all").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phone_in_landscape_has_room_for_cards() {
    let fixture = BrowserFixture::new().await;
    add_goals(&fixture, 3).await;
    create_task_with_text(&fixture).await;
    let phone = open_phone(&fixture, "/teams/infrastructure", true).await;
    phone.resize(844, 390, true).await;
    let [top, bottom]: [f64; 2] = phone
        .evaluate("(() => { const { top, bottom } = document.querySelector('#INF-1').getBoundingClientRect(); return [top, bottom]; })()")
        .await;
    assert!(top < 300.0 && bottom < 390.0, "{top} {bottom}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_bar_fits_with_many_teams_and_a_long_name() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    let long = "Platform Security, Identity and Access Management Department";
    assert_eq!(long.len(), 60);
    elif.post("/teams", &[("name", long), ("key", "PSI")])
        .await
        .ok();
    for letter in 'A'..'N' {
        let (name, key) = (format!("Team {letter}"), format!("TM{letter}"));
        elif.post("/teams", &[("name", &name), ("key", &key)])
            .await
            .ok();
    }
    let window = fixture.open_window(elif).await;
    window.goto("/teams").await;
    let path: String = window
        .evaluate("new URL(document.querySelector('.team-menu a[href^=\"/teams/platform\"]').href).pathname")
        .await;
    let overlaps = "(() => {
        const boxes = [...document.querySelectorAll('.topbar :is(a, summary, button)')].filter(one => one.checkVisibility() && !one.closest('.popup')).map(one => one.getBoundingClientRect());
        return boxes.some((one, index) => one.left < 0 || one.right > innerWidth || boxes.slice(index + 1).some(other => one.left < other.right - 1 && other.left < one.right - 1));
    })()";
    // a window of 1440 px at 200 % is 720 px wide
    for width in [320, 390, 512, 720, 768, 1024, 1248, 1280, 1440, 2560] {
        window.resize(width, 800, false).await;
        // the joint standup has more teams than a browser has connections, and leads on to the next page
        for path in [&path, "/standup", "/"] {
            window.goto(path).await;
            window.wait_for("document.readyState === 'complete'").await;
            let wide: Vec<String> = window
                .evaluate("[...document.querySelectorAll('body *')].filter(one => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1).map(one => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`).slice(0, 12)")
                .await;
            assert!(
                window.evaluate::<bool>(FITS).await,
                "{width} {path} {wide:?}"
            );
            assert!(!window.evaluate::<bool>(overlaps).await, "{width} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wide_board_keeps_its_columns_readable() {
    let fixture = BrowserFixture::new().await;
    create_task_with_text(&fixture).await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    let width = "document.querySelector('.column').getBoundingClientRect().width";
    let fades = "getComputedStyle(document.querySelector('.board')).maskImage !== 'none'";
    window.resize(2560, 1440, false).await;
    let shown: f64 = window.evaluate(width).await;
    assert!((360.0..=400.0).contains(&shown), "{shown}");
    assert!(!window.evaluate::<bool>(fades).await);
    window.resize(1024, 768, false).await;
    window.wait_for(fades).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_have_one_of_two_widths() {
    let fixture = BrowserFixture::new().await;
    create_task_with_text(&fixture).await;
    let window = fixture.open_window(&fixture.world.elif).await;
    window.resize(2560, 1440, false).await;
    for path in [
        "/",
        "/teams",
        "/tasks/INF-1",
        "/teams/infrastructure/standup",
        "/teams/infrastructure/standup/walk",
        "/teams/infrastructure/planning",
        "/teams/infrastructure/retro",
        "/teams/infrastructure/flow",
        "/teams/infrastructure/check-in",
        "/teams/infrastructure/about",
        "/teams/infrastructure/tasks",
        "/projects",
        "/sprints",
        "/me",
    ] {
        window.goto(path).await;
        window
            .wait_for("document.querySelector('.page-layout')")
            .await;
        let width: f64 = window
            .evaluate("document.querySelector('.page-layout').getBoundingClientRect().width")
            .await;
        assert!([992.0, 1248.0].contains(&width), "{path}: {width}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn printed_task_shows_what_it_says() {
    let fixture = BrowserFixture::new().await;
    create_task_with_text(&fixture).await;
    let window = fixture.open_window(&fixture.world.elif).await;
    let missing = "(() => {
        const view = document.querySelector('.task-view');
        const parts = { title: 'h1', state: 'dl .state', sprint: '[name=sprint]', label: 'dl .chip', estimate: '[name=estimate]', description: '.prose', step: '.steps li label', comment: '.timeline .said' };
        const missing = Object.keys(parts).filter(part => !view.querySelector(parts[part])?.checkVisibility({ visibilityProperty: true }));
        if (getComputedStyle(view.querySelector('h1'), '::after').visibility !== 'visible') missing.push('text of the title');
        return missing.concat([...view.querySelectorAll('button, [name=due], .quick-add')].filter(one => one.checkVisibility()).map(one => one.outerHTML));
    })()";
    window.goto("/tasks/INF-1").await;
    window.wait_for("document.readyState === 'complete'").await;
    window.emulate_print().await;
    assert_eq!(
        window.evaluate::<Vec<String>>(missing).await,
        [""; 0],
        "on its page"
    );
    let window = fixture.open_window(&fixture.world.elif).await;
    window.open_board("/teams/infrastructure").await;
    window.click("#INF-1 h3 a").await;
    window
        .wait_for("document.querySelector('dialog.modal[open] .task-view')")
        .await;
    window.emulate_print().await;
    assert_eq!(
        window.evaluate::<Vec<String>>(missing).await,
        [""; 0],
        "over the board"
    );
    let board = "document.querySelector('.board').checkVisibility()";
    assert!(!window.evaluate::<bool>(board).await);
}
