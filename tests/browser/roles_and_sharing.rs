//! People outside the team: invitations, members of other teams, share links, viewers and private teams.

use axum::http::Method;
use serde_json::json;

use crate::browser_fixture::BrowserFixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invited_person_joins_and_deactivation_ends_the_session() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    let admin = fixture.open_window(elif).await;
    admin.goto("/settings/people").await;
    admin.wait_for("document.querySelector('#team')").await;
    admin
        .run_script("document.querySelector('#team').value = 'infrastructure'")
        .await;
    admin.click("#invitations .button.primary").await;
    admin
        .wait_for("document.querySelector('#new-secret input')")
        .await;
    admin.screenshot("story-invitation").await;
    let path: String = admin
        .evaluate("new URL(document.querySelector('#new-secret input').value).pathname")
        .await;
    admin.click("#new-secret [data-copy]").await;
    admin
        .wait_for("[...document.querySelectorAll('.toast')].some(toast => toast.textContent.includes('copied'))")
        .await;
    admin.goto("/search").await;
    admin
        .run_script("document.querySelector('main [type=search]').focus()")
        .await;
    admin.paste().await;
    admin
        .wait_for(&format!(
            "document.querySelector('main [type=search]').value.endsWith('{path}')"
        ))
        .await;
    let newcomer = fixture.open_anonymous_window().await;
    newcomer.set_time_zone("Asia/Tokyo").await;
    newcomer.goto(&path).await;
    newcomer.wait_for("document.querySelector('main').textContent.includes('Elif invited you to join Infrastructure')").await;
    for (field, typed) in [
        ("name", "Mira Sol"),
        ("email", "mira@example.org"),
        ("password", "a long password"),
    ] {
        newcomer.click(&format!("#{field}")).await;
        newcomer.type_text(typed).await;
    }
    newcomer.press_key("Enter").await;
    newcomer
        .wait_for("document.querySelector('.me-menu')")
        .await;
    newcomer.open_board("/teams/infrastructure").await;
    newcomer
        .wait_for("document.querySelector('.people').textContent.includes('Mira Sol')")
        .await;
    newcomer
        .wait_for("document.querySelector('[data-editable]')")
        .await;
    let (handle, zone): (String, String) =
        sqlx::query_as("SELECT handle, time_zone FROM accounts WHERE name = 'Mira Sol'")
            .fetch_one(&fixture.world.db)
            .await
            .unwrap();
    assert_eq!(zone, "Asia/Tokyo", "the browser's time zone");
    // The invitation works once.
    newcomer.goto(&path).await;
    newcomer
        .wait_for("document.body.textContent.includes('has been used')")
        .await;
    // After deactivation, her open window says so within seconds.
    newcomer.open_board("/teams/infrastructure").await;
    elif.post(
        &format!("/settings/people/{handle}"),
        &[("do", "deactivate")],
    )
    .await
    .ok();
    newcomer
        .wait_for("document.querySelector('.offline')?.textContent.includes('signed out')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_team_follows_a_task_and_gets_its_request_done() {
    let fixture = BrowserFixture::new().await;
    let (elif, jonas) = (&fixture.world.elif, &fixture.world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let window = fixture.open_window(jonas).await;
    window.goto(&format!("/tasks/{key}")).await;
    window
        .wait_for("document.querySelector('form[action$=\"/follow\"] button')")
        .await;
    window.click("form[action$=\"/follow\"] button").await;
    window.wait_for("document.querySelector('form[action$=\"/follow\"] button').textContent === 'Following'").await;
    elif.post(
        &format!("/tasks/{key}/position"),
        &[("column", "in-review")],
    )
    .await
    .ok();
    fixture.world.deliver().await;
    window.goto("/inbox").await;
    window
        .wait_for(
            "document.querySelector('.inbox')?.textContent.includes('Elif moved it to In review') && document.querySelector('inbox-list').handleKey",
        )
        .await;
    window.screenshot("story-news").await;
    window.click(".inbox button[value=done]").await;
    window
        .wait_for("!document.querySelector('.inbox') && document.querySelector('main')")
        .await;

    window.goto("/teams/infrastructure/check-in").await;
    window
        .wait_for("document.querySelector('.page-header .button.primary')")
        .await;
    window.click(".page-header .button.primary").await;
    window
        // Chromium clears the focus when it scrolls to `#ask`, which may be after the form appears.
        .wait_for("document.readyState === 'complete' && document.querySelector('#ask #title')")
        .await;
    window.click("#title").await;
    window.type_text("A replica for reports").await;
    window.click("#why").await;
    window.type_text("They are slow").await;
    window.click("#ask .button.primary").await;
    window
        .wait_for("document.querySelector('#requests')?.textContent.includes('no reply yet')")
        .await;

    let theirs = fixture.open_window(elif).await;
    theirs.goto("/teams/infrastructure/planning").await;
    theirs
        .wait_for("document.querySelector('a[href$=\"/requests\"]')")
        .await;
    theirs
        .run_script("document.querySelector('a[href$=\"/requests\"]').click()")
        .await;
    theirs
        .wait_for("document.querySelector('button[value=taken]')")
        .await;
    theirs.screenshot("story-intake").await;
    theirs
        .run_script("document.querySelector('button[value=taken]').click()")
        .await;
    theirs
        .wait_for("location.pathname === '/tasks/INF-2'")
        .await;
    elif.post("/tasks/INF-2/position", &[("column", "done")])
        .await
        .ok();
    window.goto("/").await;
    window
        .wait_for("document.querySelector('#requests')?.textContent.includes('INF-2 is in Done')")
        .await;
    window
        .wait_for(
            "document.querySelector('#waiting-for')?.textContent.includes('A replica for reports')",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_check_in_is_live_until_its_link_is_revoked() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let lead = fixture.open_window(elif).await;
    lead.goto("/teams/infrastructure/settings").await;
    lead.wait_for("document.querySelector('#share-name')").await;
    lead.run_script("document.querySelector('#share-name').focus()")
        .await;
    lead.type_text("Auditors").await;
    lead.press_key("Enter").await;
    lead.wait_for("document.querySelector('#new-secret input')")
        .await;
    let path: String = lead
        .evaluate("new URL(document.querySelector('#new-secret input').value).pathname")
        .await;
    let guest = fixture.open_anonymous_window().await;
    guest.goto(&path).await;
    guest
        .wait_for("document.querySelector('main')?.textContent.includes('0 of 1 done')")
        .await;
    guest.screenshot("story-shared-check-in").await;
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
    guest
        .wait_for("document.querySelector('main').textContent.includes('1 of 1 done')")
        .await;
    let violations = guest.accessibility_violations().await;
    assert!(violations.is_empty(), "{violations:?}");

    lead.run_script("document.querySelector('#links .rows button').click()")
        .await;
    guest
        .wait_for(
            "document.querySelector('.ended')?.textContent.includes('This link has expired.')",
        )
        .await;
    let left: bool = guest
        .evaluate("document.body.textContent.includes('Cut over')")
        .await;
    assert!(!left, "the shared content is gone from the window");
    guest.goto(&path).await;
    guest
        .wait_for("document.body.textContent.includes('page does not exist')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewer_is_offered_nothing_to_change() {
    let fixture = BrowserFixture::new().await;
    let elif = &fixture.world.elif;
    let vera = fixture.world.join("Vera Lund", "vera", "ingestion").await;
    for query in [
        "UPDATE accounts SET role = 'viewer' WHERE handle = 'vera'",
        "DELETE FROM members WHERE account_id = (SELECT id FROM accounts WHERE handle = 'vera')",
    ] {
        sqlx::query(query).execute(&fixture.world.db).await.unwrap();
    }
    let key = elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    // others would be offered to unblock this one: its blocker is done
    let free = elif
        .create_task("infrastructure", "in-progress", "Free to go on")
        .await;
    let done = elif
        .create_task("infrastructure", "todo", "Done meanwhile")
        .await;
    elif.post(&format!("/tasks/{free}/owners"), &[("owners", "elif")])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{free}/block"),
        &[("kind", "task"), ("on", &done)],
    )
    .await
    .ok();
    elif.post(&format!("/tasks/{done}/position"), &[("column", "done")])
        .await
        .ok();
    elif.post(
        "/teams/infrastructure/actions",
        &[("text", "Ask Legal @elif")],
    )
    .await
    .ok();
    let goal = [
        ("sprint", "42"),
        ("title", "Fifty tables"),
        ("target", "50"),
    ];
    assert_eq!(
        elif.post("/teams/infrastructure/goals", &goal).await.status,
        303
    );
    let goal: uuid::Uuid = sqlx::query_scalar("SELECT id FROM goals")
        .fetch_one(&fixture.world.db)
        .await
        .unwrap();
    let window = fixture.open_window(&vera).await;
    // Signing out, preferences and following are allowed for everyone.
    let own = "^/logout$|^/me$|^/me/|/follow$";
    for path in [
        "/teams/infrastructure",
        &format!("/tasks/{key}"),
        &format!("/teams/infrastructure/goals/{goal}"),
        "/teams/infrastructure/standup",
        "/teams/infrastructure/planning",
        "/teams/infrastructure/check-in",
        "/teams/infrastructure/requests",
        "/teams/infrastructure/about",
        "/teams/infrastructure/flow",
        "/sprints/42",
        "/sprints/42/retro?team=infrastructure",
        "/sprints",
        "/projects",
        "/teams",
        "/standup",
        "/",
        "/people/elif",
    ] {
        window.goto(path).await;
        window
            .wait_for("document.readyState === 'complete' && document.querySelector('.me-menu')")
            .await;
        let forms: Vec<String> = window
            .evaluate(&format!(
                "[...document.querySelectorAll('form[method=post]')].filter(form => form.elements.length && [...form.elements].some(one => one.type !== 'hidden')).map(form => form.getAttribute('action') ?? '').filter(action => !new RegExp('{own}').test(action))"
            ))
            .await;
        assert!(forms.is_empty(), "{path} has forms {forms:?}");
        let editable: bool = window
            .evaluate("Boolean(document.querySelector('[data-editable], [data-quick-add]'))")
            .await;
        assert!(!editable, "{path}");
    }
    // Neither keyboard nor mouse changes anything. The list of shortcuts opens last, so all keys were handled.
    window.open_board("/teams/infrastructure").await;
    window
        .run_script("globalThis.asked = []; const real = fetch; globalThis.fetch = (url, how) => { asked.push(`${how?.method ?? 'GET'} ${url}`); return real(url, how); }")
        .await;
    let (from, to) = (
        window.center_of("#INF-1").await,
        window.center_of("[data-column=done]").await,
    );
    window.press_and_move(from, to).await;
    window.release_at(to).await;
    for key in [
        "Space",
        "ArrowRight",
        "Space",
        "c",
        "a",
        "e",
        "b",
        "m",
        "x",
        "?",
    ] {
        // an arrow key moves the focus to another card
        window
            .run_script("document.querySelector('#INF-1 h3 a').focus()")
            .await;
        window.press_key(key).await;
    }
    window
        .wait_for("document.querySelector('dialog.small[open] .keys')")
        .await;
    let asked: Vec<String> = window.evaluate("asked").await;
    assert!(asked.is_empty(), "{asked:?}");
    let shown: i64 = window
        .evaluate("document.querySelectorAll('dialog[open], .toast, #board textarea, #board .new, [aria-pressed=true][data-task], .selected').length")
        .await;
    assert_eq!(shown, 1, "only the list of shortcuts is open");
    window.wait_for_column("in-progress", &["INF-1"]).await;
    assert_eq!(elif.load_task(&key).await["version"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_team_stays_hidden_during_a_thousand_events() {
    let fixture = BrowserFixture::new().await;
    let (elif, jonas) = (&fixture.world.elif, &fixture.world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Zanzibar").await;
    jonas.create_task("ingestion", "todo", "Ours").await;
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE workspace SET seq = seq + 1")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    let window = fixture.open_window(jonas).await;
    window.open_board("/teams/ingestion").await;
    // Records everything on both streams.
    window
        .run_script("globalThis.heard = []; for (const url of ['/teams/ingestion/live', '/teams/infrastructure/live']) fetch(url).then(async answer => { heard.push(`${url} ${answer.status}`); if (answer.ok) for await (const bytes of answer.body.pipeThrough(new TextDecoderStream())) heard.push(bytes) })")
        .await;
    window
        .wait_for("heard.length > 1 && heard.some(one => one.includes('presence'))")
        .await;
    let before: i64 = sqlx::query_scalar("SELECT seq FROM teams WHERE key = 'INF'")
        .fetch_one(&fixture.world.db)
        .await
        .unwrap();
    let path = format!("/tasks/{key}");
    let path = path.as_str();
    let busy = (0..8).map(|person| async move {
        for n in 0..125 {
            let edit = json!({ "description": format!("Zanzibar {person} {n}") });
            elif.api(Method::PATCH, path, edit).await.ok();
        }
    });
    futures_util::future::join_all(busy).await;
    let after: i64 = sqlx::query_scalar("SELECT seq FROM teams WHERE key = 'INF'")
        .fetch_one(&fixture.world.db)
        .await
        .unwrap();
    assert_eq!(after - before, 1000);
    // An event of the own team arrives: the stream was open all the time.
    jonas.create_task("ingestion", "todo", "The last one").await;
    window.wait_for("heard.join('').includes('The last one') && document.body.textContent.includes('The last one')").await;
    let heard: String = window.evaluate("heard.join('\\n')").await;
    assert!(heard.contains("/teams/infrastructure/live 404"), "{heard}");
    for path in [
        "/teams/ingestion",
        "/teams/ingestion?sprint=all&q=zanzibar",
        "/teams",
        "/standup",
        "/sprints/42",
        "/",
        "/teams/ingestion/check-in/changes.atom",
        "/teams/ingestion/check-in/calendar.ics",
        "/api/v1/teams",
        "/teams/ingestion/tasks?q=zanzibar&sprint=all",
    ] {
        let body = jonas
            .get(path)
            .await
            .ok()
            .text()
            .replace("q=zanzibar", "")
            .replace("value=\"zanzibar\"", "");
        for word in ["Zanzibar", "INF-1", "nfrastructure"] {
            assert!(
                !body.contains(word) && !heard.contains("Zanzibar"),
                "{path} names {word}: {body}"
            );
        }
    }
    for path in [
        "/teams/infrastructure",
        "/teams/infrastructure/check-in/badge.svg",
        "/tasks/INF-1",
    ] {
        jonas.get(path).await.status(404);
    }
}
