//! Everyone else: who joins, who looks in from another team, who has a link, and who may change nothing.

use axum::http::Method;
use serde_json::json;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_invited_joins_and_stands_on_the_board() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&stage.world.db)
        .await
        .unwrap();
    let admin = stage.window(elif).await;
    admin.goto("/settings/people").await;
    admin.until("document.querySelector('#team')").await;
    admin
        .run("document.querySelector('#team').value = 'infrastructure'")
        .await;
    admin.click("#invitations .button.primary").await;
    admin
        .until("document.querySelector('input.copy-field')")
        .await;
    admin.picture("story-invitation").await;
    let path: String = admin
        .value("new URL(document.querySelector('input.copy-field').value).pathname")
        .await;
    let newcomer = stage.blank().await;
    newcomer.goto(&path).await;
    newcomer.until("document.querySelector('main').textContent.includes('Elif invites you to Infrastructure')").await;
    for (field, typed) in [
        ("name", "Mira Sol"),
        ("email", "mira@example.org"),
        ("password", "a long password"),
    ] {
        newcomer.click(&format!("#{field}")).await;
        newcomer.type_text(typed).await;
    }
    newcomer.press("Enter").await;
    newcomer.until("document.querySelector('.me-menu')").await;
    newcomer.board("/teams/infrastructure").await;
    newcomer
        .until("document.querySelector('.people').textContent.includes('Mira Sol')")
        .await;
    newcomer
        .until("document.querySelector('[data-editable]')")
        .await;
    // One link for one person.
    newcomer.goto(&path).await;
    newcomer
        .until("document.body.textContent.includes('nothing at this address')")
        .await;
    // Deactivated, her open window is told within seconds.
    newcomer.board("/teams/infrastructure").await;
    let gone = elif
        .post("/settings/people/mira-sol", &[("do", "deactivate")])
        .await;
    let gone = if gone.status == 404 {
        elif.post("/settings/people/mira", &[("do", "deactivate")])
            .await
    } else {
        gone
    };
    gone.ok();
    newcomer
        .until("document.querySelector('.offline')?.textContent.includes('signed out')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_teams_member_follows_a_task_asks_for_something_and_gets_it() {
    let stage = Stage::new().await;
    let (elif, jonas) = (&stage.world.elif, &stage.world.jonas);
    let key = elif.make("infrastructure", "todo", "Cut over").await;
    let window = stage.window(jonas).await;
    window.goto(&format!("/tasks/{key}")).await;
    window
        .until("document.querySelector('form[action$=\"/follow\"] button')")
        .await;
    window.click("form[action$=\"/follow\"] button").await;
    window.until("document.querySelector('form[action$=\"/follow\"] button').textContent === 'Following'").await;
    elif.post(
        &format!("/tasks/{key}/position"),
        &[("column", "in-review")],
    )
    .await
    .ok();
    window.goto("/").await;
    window
        .until(
            "document.querySelector('#news')?.textContent.includes('Elif moved it to In review')",
        )
        .await;
    window.picture("story-news").await;
    window.click("#news button").await;
    window
        .until("!document.querySelector('#news') && document.querySelector('main')")
        .await;

    window.goto("/teams/infrastructure/check-in").await;
    window
        .until("document.querySelector('.page-header .button.primary')")
        .await;
    window.click(".page-header .button.primary").await;
    window.until("document.querySelector('#ask #title')").await;
    window.click("#title").await;
    window.type_text("A replica for reports").await;
    window.click("#why").await;
    window.type_text("They are slow").await;
    window.click("#ask .button.primary").await;
    window
        .until("document.querySelector('#asked')?.textContent.includes('not answered yet')")
        .await;

    let theirs = stage.window(elif).await;
    theirs.goto("/teams/infrastructure/planning").await;
    theirs
        .until("document.querySelector('a[href$=\"/intake\"]')")
        .await;
    theirs
        .run("document.querySelector('a[href$=\"/intake\"]').click()")
        .await;
    theirs
        .until("document.querySelector('button[value=taken]')")
        .await;
    theirs.picture("story-intake").await;
    theirs
        .run("document.querySelector('button[value=taken]').click()")
        .await;
    theirs.until("location.pathname === '/tasks/INF-2'").await;
    elif.post("/tasks/INF-2/position", &[("column", "done")])
        .await
        .ok();
    window.goto("/").await;
    window
        .until("document.querySelector('#asked')?.textContent.includes('INF-2 is in Done')")
        .await;
    window
        .until("document.querySelector('#awaited')?.textContent.includes('A replica for reports')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_check_in_is_live_and_dies_in_an_open_window_when_it_is_revoked() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&stage.world.db)
        .await
        .unwrap();
    let key = elif.make("infrastructure", "todo", "Cut over").await;
    let lead = stage.window(elif).await;
    lead.goto("/teams/infrastructure/settings").await;
    lead.until("document.querySelector('#share-name')").await;
    lead.run("document.querySelector('#share-name').focus()")
        .await;
    lead.type_text("Auditors").await;
    lead.press("Enter").await;
    lead.until("document.querySelector('#links input.copy-field')")
        .await;
    let path: String = lead
        .value("new URL(document.querySelector('#links input.copy-field').value).pathname")
        .await;
    let guest = stage.blank().await;
    guest.goto(&path).await;
    guest
        .until("document.querySelector('main')?.textContent.includes('0 of 1 done')")
        .await;
    guest.picture("story-shared-check-in").await;
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
    guest
        .until("document.querySelector('main').textContent.includes('1 of 1 done')")
        .await;
    let found = guest.violations().await;
    assert!(found.is_empty(), "{found:?}");

    lead.run("document.querySelector('#links .rows button').click()")
        .await;
    guest
        .until("document.querySelector('.ended')?.textContent.includes('This link has ended.')")
        .await;
    let left: bool = guest
        .value("document.body.textContent.includes('Cut over')")
        .await;
    assert!(!left, "what the link showed is gone from the window");
    guest.goto(&path).await;
    guest
        .until("document.body.textContent.includes('nothing at this address')")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_finds_nothing_to_change() {
    let stage = Stage::new().await;
    let elif = &stage.world.elif;
    let vera = stage.world.join("Vera Lund", "vera", "ingestion").await;
    for query in [
        "UPDATE accounts SET role = 'viewer' WHERE handle = 'vera'",
        "DELETE FROM members WHERE account_id = (SELECT id FROM accounts WHERE handle = 'vera')",
    ] {
        sqlx::query(query).execute(&stage.world.db).await.unwrap();
    }
    let key = elif.make("infrastructure", "in-progress", "Cut over").await;
    // what somebody else may do with it: it waits on what is done
    let free = elif
        .make("infrastructure", "in-progress", "Free to go on")
        .await;
    let done = elif.make("infrastructure", "todo", "Done meanwhile").await;
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
        .fetch_one(&stage.world.db)
        .await
        .unwrap();
    let window = stage.window(&vera).await;
    // Signing out, how pages look and what one follows are nobody else's business.
    let own = "^/logout$|^/me$|^/me/|/follow$";
    for path in [
        "/teams/infrastructure",
        &format!("/tasks/{key}"),
        &format!("/teams/infrastructure/goals/{goal}"),
        "/teams/infrastructure/standup",
        "/teams/infrastructure/planning",
        "/teams/infrastructure/check-in",
        "/teams/infrastructure/intake",
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
            .until("document.readyState === 'complete' && document.querySelector('.me-menu')")
            .await;
        let forms: Vec<String> = window
            .value(&format!(
                "[...document.querySelectorAll('form[method=post]')].filter(form => form.elements.length && [...form.elements].some(one => one.type !== 'hidden')).map(form => form.getAttribute('action') ?? '').filter(action => !new RegExp('{own}').test(action))"
            ))
            .await;
        assert!(forms.is_empty(), "{path} offers {forms:?}");
        let editable: bool = window
            .value("Boolean(document.querySelector('[data-editable], [data-new]'))")
            .await;
        assert!(!editable, "{path}");
    }
    // Nor do the keyboard and the mouse: the list of keys, last of all, shows that each of them was heard.
    window.board("/teams/infrastructure").await;
    window
        .run("globalThis.asked = []; const real = fetch; globalThis.fetch = (url, how) => { asked.push(`${how?.method ?? 'GET'} ${url}`); return real(url, how); }")
        .await;
    let (from, to) = (
        window.middle("#INF-1").await,
        window.middle("[data-column=done]").await,
    );
    window.pull(from, to).await;
    window.drop_at(to).await;
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
        // an arrow goes on to another card, which is nobody's harm
        window
            .run("document.querySelector('#INF-1 h3 a').focus()")
            .await;
        window.press(key).await;
    }
    window
        .until("document.querySelector('dialog.small[open] .keys')")
        .await;
    let asked: Vec<String> = window.value("asked").await;
    assert!(asked.is_empty(), "{asked:?}");
    let shown: i64 = window
        .value("document.querySelectorAll('dialog[open], .toast, #board textarea, #board .new, [aria-pressed=true][data-task], .selected').length")
        .await;
    assert_eq!(shown, 1, "the list of keys is all that there is");
    window.until_column("in-progress", &["INF-1"]).await;
    assert_eq!(elif.task(&key).await["version"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_team_stays_unseen_while_a_thousand_of_its_events_happen() {
    let stage = Stage::new().await;
    let (elif, jonas) = (&stage.world.elif, &stage.world.jonas);
    let key = elif.make("infrastructure", "todo", "Zanzibar").await;
    jonas.make("ingestion", "todo", "Ours").await;
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&stage.world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE workspace SET seq = seq + 1")
        .execute(&stage.world.db)
        .await
        .unwrap();
    let window = stage.window(jonas).await;
    window.board("/teams/ingestion").await;
    // What the page hears, whoever it is from.
    window
        .run("globalThis.heard = []; for (const url of ['/teams/ingestion/live', '/teams/infrastructure/live']) fetch(url).then(async answer => { heard.push(`${url} ${answer.status}`); if (answer.ok) for await (const bytes of answer.body.pipeThrough(new TextDecoderStream())) heard.push(bytes) })")
        .await;
    window
        .until("heard.length > 1 && heard.some(one => one.includes('presence'))")
        .await;
    let before: i64 = sqlx::query_scalar("SELECT seq FROM teams WHERE key = 'INF'")
        .fetch_one(&stage.world.db)
        .await
        .unwrap();
    let busy = (0..8).map(|_| async {
        for _ in 0..125 {
            let comment = json!({ "body": "Zanzibar again" });
            elif.api(Method::POST, &format!("/tasks/{key}/comments"), comment)
                .await
                .ok();
        }
    });
    futures_util::future::join_all(busy).await;
    let after: i64 = sqlx::query_scalar("SELECT seq FROM teams WHERE key = 'INF'")
        .fetch_one(&stage.world.db)
        .await
        .unwrap();
    assert_eq!(after - before, 1000);
    // One of our own comes through: the line was up all the time.
    jonas.make("ingestion", "todo", "The last one").await;
    window.until("heard.join('').includes('The last one') && document.body.textContent.includes('The last one')").await;
    let heard: String = window.value("heard.join('\\n')").await;
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
        jonas.get(path).await.refused(404);
    }
}
