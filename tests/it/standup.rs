//! Standups: what needs attention, changes, actions, topics and the walk through the board.

use time::Duration;

use crate::{closing::close_sprint, fixtures::World, goals::set_goal};

const STANDUP: &str = "/teams/infrastructure/standup";

#[tokio::test]
async fn standup_shows_attention_changes_and_suggestions() {
    let world = World::new().await;
    let elif = &world.elif;
    world.join("Tomas Weber", "tomas", "infrastructure").await;
    let still = elif
        .create_task("infrastructure", "in-progress", "Stands still")
        .await;
    elif.post(&format!("/tasks/{still}/owners"), &[("owners", "elif")])
        .await
        .ok();
    elif.create_task("infrastructure", "in-progress", "Renew Acme's certificate")
        .await;
    let free = elif
        .create_task("infrastructure", "todo", "Free to take")
        .await;
    // on Wednesday, changes since Monday's standup are listed, but not tasks that have not changed
    world.app.clock.advance(Duration::days(1));
    let blocked = elif
        .create_task("infrastructure", "todo", "Waits for Legal")
        .await;
    elif.post(
        &format!("/tasks/{blocked}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    let done = elif.create_task("infrastructure", "todo", "Finished").await;
    elif.post(&format!("/tasks/{done}/owners"), &[("owners", "tomas")])
        .await
        .ok();
    elif.post(&format!("/tasks/{done}/position"), &[("column", "done")])
        .await
        .ok();
    let page = elif.get(STANDUP).await.ok().text();
    let row = page
        .split(&format!("href=\"/tasks/{done}\""))
        .nth(1)
        .unwrap()
        .split("</li>")
        .next()
        .unwrap();
    assert!(
        row.contains("title=\"Tomas Weber\"") && row.contains("Done"),
        "the row shows its owner: {row}"
    );
    for expected in [
        "Waiting on Legal",
        "No owner",
        "Newly blocked",
        "Added",
        "Wed 25 Nov",
        "since Mon 23 Nov",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(
        page.contains(&format!(
            "Suggested: <a class=\"key\" href=\"/tasks/{free}\""
        )),
        "Tomas gets the free task as suggestion"
    );
    assert!(
        page.find("Waits for Legal").unwrap() < page.find("Renew Acme&#39;s certificate").unwrap(),
        "blocked tasks come first"
    );
    assert!(
        !page.contains("No change for"),
        "the task was started after Monday's standup: {page}"
    );
    // by Friday the task in progress has not changed since before Wednesday's standup
    world.app.clock.advance(Duration::days(2));
    let page = elif.get(STANDUP).await.ok().text();
    assert!(page.contains("No change for 3"), "{page}");
    // asking for help does not count as a change
    elif.post(&format!("/tasks/{still}/ask-for-help"), &[])
        .await
        .ok();
    assert!(
        elif.get(STANDUP)
            .await
            .ok()
            .text()
            .contains("No change for 3")
    );
    assert!(
        elif.get(&format!("{STANDUP}?since=2026-11-24"))
            .await
            .ok()
            .text()
            .contains("since Tue 24 Nov")
    );
    // today is a Friday
    for wrong in ["2026-02-31", "tomorrow", "2027-01-01", "2026-11-28"] {
        elif.get(&format!("{STANDUP}?since={wrong}"))
            .await
            .status(422);
    }
}

#[tokio::test]
async fn actions_stay_until_done_and_only_the_team_changes_them() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    elif.post(
        "/teams/infrastructure/actions",
        &[("text", "Book the drill @elif"), ("back", STANDUP)],
    )
    .await
    .ok();
    let action: uuid::Uuid = sqlx::query_scalar("SELECT id FROM actions")
        .fetch_one(&world.db)
        .await
        .unwrap();
    world.app.clock.advance(Duration::days(9));
    assert!(
        elif.get(STANDUP)
            .await
            .ok()
            .text()
            .contains("Book the drill")
    );
    assert!(
        elif.get("/").await.ok().text().contains("Book the drill"),
        "Elif's home page lists the action"
    );
    assert!(
        jonas
            .get(STANDUP)
            .await
            .ok()
            .text()
            .contains("Book the drill"),
        "other teams can read the standup"
    );
    let at = format!("/teams/infrastructure/actions/{action}");
    jonas.post(&at, &[("as", "done")]).await.status(403);
    jonas
        .post("/teams/infrastructure/actions", &[("text", "x")])
        .await
        .status(403);
    elif.post(&at, &[("as", "forgotten")]).await.status(422);
    elif.post(&at, &[("as", "done")]).await.ok();
    world.app.clock.advance(Duration::days(3));
    assert!(
        !elif
            .get(STANDUP)
            .await
            .ok()
            .text()
            .contains("Book the drill")
    );
    elif.post(
        "/teams/infrastructure/actions",
        &[("text", "Write it down @elif"), ("back", STANDUP)],
    )
    .await
    .ok();
    let action: uuid::Uuid = sqlx::query_scalar("SELECT id FROM actions WHERE done_at IS NULL")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(&format!("/teams/infrastructure/actions/{action}/task"), &[])
        .await
        .ok();
    world.app.clock.advance(Duration::days(4));
    assert!(
        elif.get(STANDUP).await.ok().text().contains("id=\"action-"),
        "the task of the action is open"
    );
    elif.post("/tasks/INF-1/position", &[("column", "done")])
        .await
        .ok();
    assert!(
        elif.get(STANDUP)
            .await
            .ok()
            .text()
            .contains("checked> <span dir=\"auto\" class=\"completed\">Write it down")
    );
    world.app.clock.advance(Duration::days(4));
    assert!(
        !elif.get(STANDUP).await.ok().text().contains("id=\"action-"),
        "the action is done with its task"
    );
    world.stranger().get(STANDUP).await.status(303);
    elif.get("/teams/no-such/standup").await.status(404);
}

#[tokio::test]
async fn anyone_adds_topics_and_the_team_marks_them_done() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let task = elif.create_task("infrastructure", "todo", "Cut over").await;
    let at = "/teams/infrastructure/topics";
    let topic_text = format!("Opinions on {task}, please @elif");
    jonas
        .post(
            at,
            &[
                ("meeting", "standup"),
                ("text", &topic_text),
                ("back", STANDUP),
            ],
        )
        .await
        .ok();
    jonas
        .post(
            at,
            &[("meeting", "planning"), ("text", "Who leaves in December?")],
        )
        .await
        .ok();
    let page = elif.get(STANDUP).await.ok().text();
    for expected in [
        format!("Opinions on {task}, please</span>"),
        "Cut over".into(),
        "for Elif · added by Jonas".into(),
    ] {
        assert!(page.contains(&expected), "{expected}: {page}");
    }
    assert!(
        !page.contains("Who leaves in December?"),
        "topics for planning are not shown in the standup"
    );
    assert!(
        elif.get("/teams/infrastructure/planning")
            .await
            .ok()
            .text()
            .contains("Who leaves in December?")
    );
    let topic: uuid::Uuid = sqlx::query_scalar("SELECT id FROM topics WHERE meeting = 'standup'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let tick = format!("{at}/{topic}");
    jonas.post(&tick, &[("done", "on")]).await.status(403);
    world.app.clock.advance(Duration::days(5));
    assert!(
        elif.get(STANDUP).await.ok().text().contains("Opinions on"),
        "an open topic stays for the next standup"
    );
    elif.post(&tick, &[("done", "on")]).await.ok();
    assert!(
        elif.get(STANDUP)
            .await
            .ok()
            .text()
            .contains("checked> <span dir=\"auto\" class=\"completed\">Opinions on")
    );
    world.app.clock.advance(Duration::days(1));
    assert!(!elif.get(STANDUP).await.ok().text().contains("Opinions on"));
    for (meeting, text) in [("party", "Cake"), ("standup", " "), ("retro", "@elif")] {
        jonas
            .post(at, &[("meeting", meeting), ("text", text)])
            .await
            .status(422);
    }
    elif.post(
        "/teams/ingestion/topics",
        &[("meeting", "retro"), ("text", &format!("Thank {task}"))],
    )
    .await
    .ok();
    let retro = elif
        .get("/sprints/42/retro?team=infrastructure&team=ingestion")
        .await
        .ok()
        .text();
    assert!(
        retro.contains(&format!("Thank {task}")) && retro.contains("Ingestion"),
        "{retro}"
    );
    elif.post(
        "/teams/ingestion/topics",
        &[("meeting", "retro"), ("text", "INF-999 is no task")],
    )
    .await
    .ok();
    elif.post(
        &format!("/teams/ingestion/topics/{topic}"),
        &[("done", "on")],
    )
    .await
    .status(403);
    elif.post(&format!("{at}/{}", uuid::Uuid::now_v7()), &[("done", "on")])
        .await
        .status(404);
}

#[tokio::test]
async fn help_can_be_requested_once_until_it_was_discussed() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let task = elif
        .create_task("infrastructure", "in-progress", "Resume after a crash")
        .await;
    let ask = format!("/tasks/{task}/ask-for-help");
    assert!(
        elif.get(&format!("/tasks/{task}"))
            .await
            .ok()
            .text()
            .contains(&ask)
    );
    jonas.post(&ask, &[]).await.ok();
    elif.post(&ask, &[]).await.status(409);
    let page = elif.get(STANDUP).await.ok().text();
    assert_eq!(
        page.matches("<span dir=\"auto\">Help wanted</span>")
            .count(),
        1,
        "{page}"
    );
    assert!(
        elif.get(&format!("/tasks/{task}"))
            .await
            .ok()
            .text()
            .contains("added it to the agenda of the next standup")
    );
    let topic: uuid::Uuid = sqlx::query_scalar("SELECT id FROM topics")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(
        &format!("/teams/infrastructure/topics/{topic}"),
        &[("done", "on")],
    )
    .await
    .ok();
    elif.post(&ask, &[]).await.ok();
    world.stranger().post(&ask, &[]).await.status(401);
}

#[tokio::test]
async fn walk_goes_right_to_left_and_oldest_first() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "To begin").await;
    let newer = elif
        .create_task("infrastructure", "in-review", "Newer in review")
        .await;
    elif.create_task("infrastructure", "done", "Done with")
        .await;
    elif.post(&format!("/tasks/{newer}/position"), &[("column", "todo")])
        .await
        .ok();
    world.app.clock.advance(Duration::hours(1));
    let older = elif
        .create_task("infrastructure", "in-review", "Older in review")
        .await;
    world.app.clock.advance(Duration::hours(1));
    elif.post(
        &format!("/tasks/{newer}/position"),
        &[("column", "in-review")],
    )
    .await
    .ok();
    let (mut at, mut seen) = (format!("{STANDUP}/walk"), Vec::new());
    loop {
        let page = elif.get(&at).await.ok().text();
        let title = page
            .split("<h2 dir=\"auto\">")
            .nth(1)
            .unwrap()
            .split_once("\">")
            .unwrap()
            .1;
        seen.push(title.split('<').next().unwrap().to_owned());
        match page
            .split_once("<main")
            .unwrap()
            .1
            .split("class=\"button primary\" href=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
        {
            STANDUP => break,
            next => at = next.replace("&amp;", "&").replace("&#38;", "&"),
        }
    }
    assert_eq!(seen, ["Older in review", "Newer in review", "To begin"]);
    // a task finished during the walk is replaced by the next one
    elif.post(&format!("/tasks/{older}/position"), &[("column", "done")])
        .await
        .ok();
    let page = elif
        .get(&format!("{STANDUP}/walk?at={older}&index=0"))
        .await
        .ok()
        .text();
    assert!(
        page.contains("Newer in review") && page.contains("1 of 2"),
        "{page}"
    );
    assert!(
        elif.get("/teams/ingestion/standup/walk?index=7")
            .await
            .ok()
            .text()
            .contains("No open tasks on this board")
    );
    world
        .stranger()
        .get(&format!("{STANDUP}/walk"))
        .await
        .status(303);
}

#[tokio::test]
async fn joint_standup_shows_several_teams() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let theirs = jonas
        .create_task("ingestion", "in-review", "Dual-write")
        .await;
    let ours = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(
        &format!("/tasks/{ours}/block"),
        &[("kind", "task"), ("on", &theirs)],
    )
    .await
    .ok();
    for address in [
        "/standup",
        "/standup?team=infrastructure&team=ingestion&since=2026-11-23",
    ] {
        let page = elif.get(address).await.ok().text();
        for expected in [
            "Infrastructure: needs attention",
            "Ingestion: needs attention",
            "No reviewer yet",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        assert!(
            page.contains("Ingestion: in review"),
            "the state of the blocker is shown: {page}"
        );
    }
    let page = elif.get("/standup?team=ingestion").await.ok().text();
    assert!(
        page.contains("Dual-write") && !page.contains("Infrastructure: who"),
        "{page}"
    );
    elif.get("/standup?team=no-such").await.status(404);
    elif.get("/standup?since=2027-01-01").await.status(422);
    world.stranger().get("/standup").await.status(303);
}

#[tokio::test]
async fn task_unusually_long_in_its_column_needs_attention() {
    let world = World::new().await;
    let elif = &world.elif;
    world.join("Tomas Weber", "tomas", "infrastructure").await;
    let mut usual = Vec::new();
    for nth in 0..6 {
        usual.push(
            elif.create_task("infrastructure", "in-review", &format!("Quick {nth}"))
                .await,
        );
    }
    let slow = elif
        .create_task("infrastructure", "in-review", "Slow one")
        .await;
    elif.post(
        &format!("/tasks/{slow}/owners"),
        &[("owners", "elif"), ("owners", "tomas")],
    )
    .await
    .ok();
    world.app.clock.advance(Duration::hours(5));
    for task in usual {
        elif.post(&format!("/tasks/{task}/position"), &[("column", "done")])
            .await
            .ok();
    }
    let warning = "In review longer than 85 % of tasks";
    assert!(
        !elif.get(STANDUP).await.ok().text().contains(warning),
        "it has taken no longer than the others"
    );
    world.app.clock.advance(Duration::hours(1));
    assert!(elif.get(STANDUP).await.ok().text().contains(warning));
}

#[tokio::test]
async fn unreviewed_tasks_are_in_my_work() {
    let world = World::new().await;
    let elif = &world.elif;
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let task = elif
        .create_task("infrastructure", "in-review", "Resume after a crash")
        .await;
    let owners = format!("/tasks/{task}/owners");
    elif.post(&owners, &[("owners", "elif")]).await.ok();
    assert!(
        tomas
            .get("/")
            .await
            .ok()
            .text()
            .contains("Resume after a crash")
    );
    assert!(
        elif.get("/people/tomas")
            .await
            .ok()
            .text()
            .contains("Resume after a crash")
    );
    assert!(
        !world
            .jonas
            .get("/")
            .await
            .ok()
            .text()
            .contains("Resume after a crash"),
        "it belongs to another team"
    );
    elif.post(&owners, &[("owners", "elif"), ("owners", "jonas")])
        .await
        .ok();
    assert!(
        !tomas
            .get("/")
            .await
            .ok()
            .text()
            .contains("Resume after a crash"),
        "it has a reviewer"
    );
}

#[tokio::test]
async fn tasks_added_to_the_sprint_are_listed_as_changes() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let theirs = jonas.create_task("ingestion", "todo", "Dual writes").await;
    let ours = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(
        &format!("/tasks/{ours}/block"),
        &[("kind", "task"), ("on", &theirs)],
    )
    .await
    .ok();
    let late = elif
        .create_task("infrastructure", "todo", "From the backlog")
        .await;
    elif.post(&format!("/tasks/{late}"), &[("sprint", "none")])
        .await
        .ok();
    world.app.clock.advance(Duration::days(2));
    elif.post(&format!("/tasks/{late}"), &[("sprint", "42")])
        .await
        .ok();
    let since = |page: &str| {
        page.split("<h2>Changes since")
            .nth(1)
            .unwrap()
            .split("By person")
            .next()
            .unwrap()
            .to_owned()
    };
    let changes = since(
        &elif
            .get(&format!("{STANDUP}?since=2026-11-25"))
            .await
            .ok()
            .text(),
    );
    assert!(
        changes.contains("From the backlog") && changes.contains("1 added"),
        "{changes}"
    );
    assert!(!changes.contains("Cut over"), "{changes}");
    // on Friday morning, before Friday's standup
    world.app.clock.advance(Duration::hours(23));
    let page = elif
        .get(&format!("{STANDUP}?since=2026-11-27"))
        .await
        .ok()
        .text();
    assert!(page.contains("since Wed 25 Nov"), "{page}");
}

#[tokio::test]
async fn action_shows_the_meeting_it_comes_from() {
    let world = World::new().await;
    let elif = &world.elif;
    let at = "/teams/infrastructure/actions";
    elif.post(at, &[("text", "Book the drill @elif")])
        .await
        .ok();
    assert!(elif.get("/").await.ok().text().contains(" from a standup"));
    elif.post(at, &[("text", "Write it down @elif"), ("retro", "42")])
        .await
        .ok();
    let page = elif.get("/").await.ok().text();
    assert!(
        page.contains(" from a standup") && page.contains(" from the retro of Sprint 42"),
        "{page}"
    );
    assert!(
        !page.contains("looked back"),
        "the sources are not merged into one: {page}"
    );
}

#[tokio::test]
async fn topic_is_edited_or_removed_by_its_author_or_team() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let mira = world.join("Mira Okafor", "mira", "ingestion").await;
    let task = elif.create_task("infrastructure", "todo", "Cut over").await;
    let at = "/teams/infrastructure/topics";
    let (original, back) = (format!("Opinons on {task} @elif"), ("back", STANDUP));
    jonas
        .post(at, &[("meeting", "standup"), ("text", &original), back])
        .await
        .ok();
    let topic: uuid::Uuid = sqlx::query_scalar("SELECT id FROM topics")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let (text, remove) = (format!("{at}/{topic}/text"), format!("{at}/{topic}/remove"));
    // a person who is neither the author nor on the team can only read it
    let page = mira.get(STANDUP).await.status(200).text();
    assert!(
        page.contains("Opinons on") && !page.contains(&text) && !page.contains(&remove),
        "{page}"
    );
    mira.post(&text, &[("text", "Mine now")]).await.status(403);
    mira.post(&remove, &[]).await.status(403);
    // the author edits it; the field contains the original text
    let page = jonas.get(STANDUP).await.status(200).text();
    assert!(
        page.contains(&format!("value=\"{original}\"")) && page.contains(&remove),
        "{page}"
    );
    let too_long = "Opinions on what is ".repeat(30) + "too long";
    let wrong = jonas
        .post(&text, &[("text", &too_long), back])
        .await
        .status(422)
        .text();
    assert!(
        wrong.contains("too long</textarea>") && wrong.contains(&format!("action=\"{text}\"")),
        "{wrong}"
    );
    let to = jonas
        .post(
            &text,
            &[("text", &format!("Opinions on {task} @mira")), back],
        )
        .await
        .status(303);
    assert_eq!(to.header("location"), STANDUP);
    let page = elif.get(STANDUP).await.status(200).text();
    assert!(
        page.contains("Opinions on")
            && page.contains("for Mira · added by Jonas")
            && page.contains("Cut over"),
        "{page}"
    );
    // a member of the team removes it
    elif.post(&remove, &[back]).await.status(303);
    assert!(
        !elif
            .get(STANDUP)
            .await
            .status(200)
            .text()
            .contains("Opinions on")
    );
    jonas.post(&text, &[("text", "Again")]).await.status(404);
    // a help request keeps its task, whatever its text is changed to
    elif.post(&format!("/tasks/{task}/ask-for-help"), &[])
        .await
        .ok();
    let topic: uuid::Uuid = sqlx::query_scalar("SELECT id FROM topics")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(&format!("{at}/{topic}/text"), &[("text", "Who knows DNS?")])
        .await
        .status(303);
    let page = elif.get(STANDUP).await.status(200).text();
    assert!(
        page.contains("Who knows DNS?") && page.contains("Cut over</span>"),
        "{page}"
    );
    elif.post(&format!("{at}/{topic}/remove"), &[])
        .await
        .status(303);
    elif.post(&format!("/tasks/{task}/ask-for-help"), &[])
        .await
        .ok();
}

#[tokio::test]
async fn topic_is_shown_to_the_person_it_mentions() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let at = "/teams/infrastructure/topics";
    elif.post(
        at,
        &[
            ("meeting", "planning"),
            ("text", "Is two weeks enough? @jonas"),
        ],
    )
    .await
    .ok();
    let topic: uuid::Uuid = sqlx::query_scalar("SELECT id FROM topics")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let page = jonas.get("/").await.status(200).text();
    for expected in [
        "Your opinion is wanted",
        "Is two weeks enough?",
        "in the next planning of Infrastructure, added by Elif",
        &format!("href=\"/teams/infrastructure/planning#topic-{topic}\""),
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(
        !elif
            .get("/")
            .await
            .status(200)
            .text()
            .contains("Is two weeks enough?"),
        "only Jonas is mentioned"
    );
    assert!(
        !elif
            .get("/people/jonas")
            .await
            .status(200)
            .text()
            .contains("Is two weeks enough?")
    );
    // topics of a private team are hidden
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&world.db)
        .await
        .unwrap();
    assert!(
        !jonas
            .get("/")
            .await
            .status(200)
            .text()
            .contains("Is two weeks enough?")
    );
    sqlx::query("UPDATE teams SET private = false WHERE key = 'INF'")
        .execute(&world.db)
        .await
        .unwrap();
    assert!(
        jonas
            .get("/")
            .await
            .status(200)
            .text()
            .contains("Is two weeks enough?")
    );
    // until the topic is marked as done
    elif.post(&format!("{at}/{topic}"), &[("done", "on")])
        .await
        .ok();
    assert!(
        !jonas
            .get("/")
            .await
            .status(200)
            .text()
            .contains("Is two weeks enough?")
    );
}

#[tokio::test]
async fn carried_tasks_are_not_listed_as_added() {
    let world = World::new().await;
    let elif = &world.elif;
    let blocked = elif
        .create_task("infrastructure", "todo", "Waits for Legal")
        .await;
    elif.post(
        &format!("/tasks/{blocked}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    let doing = elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    let late = elif
        .create_task("infrastructure", "todo", "From the backlog")
        .await;
    elif.post(
        &format!("/tasks/{late}/block"),
        &[("kind", "text"), ("note", "Finance")],
    )
    .await
    .ok();
    elif.post(&format!("/tasks/{late}"), &[("sprint", "none")])
        .await
        .ok();
    world.app.clock.advance(Duration::days(3));
    close_sprint(elif, &[(&blocked, "carry"), (&doing, "carry")])
        .await
        .ok();
    elif.post(&format!("/tasks/{late}"), &[("sprint", "43")])
        .await
        .ok();
    let page = elif.get(STANDUP).await.ok().text();
    let changes = page
        .split("<h2>Changes since")
        .nth(1)
        .unwrap()
        .split("By person")
        .next()
        .unwrap();
    assert!(
        !changes.contains("Waits for Legal") && !changes.contains("Cut over"),
        "{changes}"
    );
    assert!(
        changes.contains("1 added") && !changes.contains("newly blocked"),
        "it was blocked before, but added to the sprint now: {changes}"
    );
}

#[tokio::test]
async fn attention_list_starts_with_blocked_tasks_of_late_goals() {
    let world = World::new().await;
    let elif = &world.elif;
    let make = async |column: &str, title: &str| {
        let key = elif.create_task("infrastructure", column, title).await;
        world.app.clock.advance(Duration::hours(1));
        key
    };
    make("in-review", "Without a reviewer").await;
    let longest = make("todo", "Blocked longest").await;
    let behind = make("todo", "Serves the goal").await;
    set_goal(
        &world,
        elif,
        "42",
        &[("title", "Behind"), ("target", "9"), ("owners", "elif")],
    )
    .await;
    for key in [&longest, &behind] {
        elif.post(
            &format!("/tasks/{key}/block"),
            &[("kind", "text"), ("note", "Legal")],
        )
        .await
        .ok();
        world.app.clock.advance(Duration::hours(1));
    }
    elif.post(&format!("/tasks/{behind}"), &[("goal", "1")])
        .await
        .ok();
    // blocked later, but placed above the task that is blocked longest
    let later = make("todo", "Blocked later").await;
    elif.post(
        &format!("/tasks/{later}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    elif.post(
        &format!("/tasks/{later}/position"),
        &[("column", "blocked"), ("before", &longest)],
    )
    .await
    .ok();
    assert_eq!(
        world.column_keys("infrastructure", "blocked").await[0],
        later
    );
    make("in-progress", "Without an owner").await;
    let page = elif.get(STANDUP).await.ok().text();
    let needs = page
        .split("attention</h2>")
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap();
    let at = |title: &str| {
        needs
            .find(title)
            .unwrap_or_else(|| panic!("{title}: {needs}"))
    };
    let order = [
        "Serves the goal",
        "Blocked longest",
        "Blocked later",
        "Without a reviewer",
        "Without an owner",
    ]
    .map(at);
    assert!(order.is_sorted(), "{order:?}: {needs}");
}

#[tokio::test]
async fn each_idle_person_gets_a_different_suggestion() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    for (name, handle) in [
        ("Ada Ruiz", "ada"),
        ("Bo Lind", "bo"),
        ("Cleo Marsh", "cleo"),
        ("Dev Rao", "dev"),
    ] {
        world.join(name, handle, "infrastructure").await;
    }
    let oldest = elif.create_task("infrastructure", "todo", "Oldest").await;
    world.app.clock.advance(Duration::hours(1));
    let review = elif
        .create_task("infrastructure", "in-review", "To be reviewed")
        .await;
    elif.post(&format!("/tasks/{review}/owners"), &[("owners", "elif")])
        .await
        .ok();
    let awaited = elif
        .create_task("infrastructure", "todo", "Others wait on it")
        .await;
    let theirs = jonas.create_task("ingestion", "todo", "Theirs").await;
    jonas
        .post(
            &format!("/tasks/{theirs}/block"),
            &[("kind", "task"), ("on", &awaited)],
        )
        .await
        .ok();
    let by_name = elif
        .create_task("infrastructure", "todo", "Waiting on Dev")
        .await;
    elif.post(
        &format!("/tasks/{by_name}/block"),
        &[("kind", "person"), ("person", "dev")],
    )
    .await
    .ok();
    let goal = elif
        .create_task("infrastructure", "todo", "Serves the goal")
        .await;
    set_goal(&world, elif, "42", &[("title", "Behind"), ("target", "9")]).await;
    elif.post(&format!("/tasks/{goal}"), &[("goal", "1")])
        .await
        .ok();
    let page = elif.get(STANDUP).await.ok().text();
    for (person, key) in [
        ("Ada", &awaited),
        ("Bo", &review),
        ("Cleo", &goal),
        ("Dev", &by_name),
        ("Elif", &oldest),
    ] {
        let row = page
            .split(&format!("<b>{person}</b>"))
            .nth(1)
            .unwrap()
            .split("</li>")
            .next()
            .unwrap();
        assert!(
            row.contains(&format!(
                "Suggested: <a class=\"key\" href=\"/tasks/{key}\""
            )),
            "{person}: {row}"
        );
    }
}

#[tokio::test]
async fn time_in_column_is_measured_per_column_not_per_state() {
    let world = World::new().await;
    let elif = &world.elif;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.post(
        "/teams/infrastructure/columns",
        &[("name", "Testing"), ("state", "doing")],
    )
    .await
    .ok();
    let mut keys = Vec::new();
    for n in 0..6 {
        keys.push(
            elif.create_task("infrastructure", "in-progress", &format!("Task {n}"))
                .await,
        );
    }
    world.app.clock.advance(Duration::hours(1));
    for key in &keys[1..] {
        elif.post(&format!("/tasks/{key}/position"), &[("column", "testing")])
            .await
            .ok();
    }
    let old = "In progress longer than 85 % of tasks";
    world.app.clock.advance(Duration::hours(1));
    assert!(elif.get(STANDUP).await.ok().text().contains(old));
    sqlx::query("DELETE FROM events WHERE after->>'column' = 'testing'")
        .execute(&world.db)
        .await
        .unwrap();
    assert!(
        !elif.get(STANDUP).await.ok().text().contains(old),
        "fewer than five values are no basis for comparison"
    );
}

#[tokio::test]
async fn completing_an_action_returns_to_the_selected_day() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.post(
        "/teams/infrastructure/actions",
        &[("text", "Ask Legal @elif")],
    )
    .await
    .ok();
    let page = elif
        .get(&format!("{STANDUP}?since=2026-11-20"))
        .await
        .ok()
        .text();
    assert!(
        page.contains(&format!(
            "name=\"back\" value=\"{STANDUP}?since=2026-11-20\""
        )),
        "{page}"
    );
}

#[tokio::test]
async fn goal_behind_pace_needs_attention_until_it_catches_up() {
    let world = World::new().await;
    let elif = &world.elif;
    world.join("Tomas Weber", "tomas", "infrastructure").await;
    let two = [
        ("title", "Migrate nine tables"),
        ("target", "9"),
        ("owners", "elif"),
        ("owners", "tomas"),
    ];
    let goal = set_goal(&world, elif, "42", &two).await;
    let needs = async || {
        let page = elif.get(STANDUP).await.ok().text();
        page.split("attention</h2>")
            .nth(1)
            .unwrap()
            .split("</section>")
            .next()
            .unwrap()
            .to_owned()
    };
    let behind = needs().await;
    assert!(
        behind.contains("Migrate nine tables") && behind.contains("0 / 9, behind"),
        "{behind}"
    );
    elif.post(
        &format!("/teams/infrastructure/goals/{goal}/progress"),
        &[("value", "9")],
    )
    .await
    .ok();
    assert!(!needs().await.contains("Migrate nine tables"));
}

#[tokio::test]
async fn list_by_person_shows_each_persons_tasks() {
    let world = World::new().await;
    let elif = &world.elif;
    let mut keys = Vec::new();
    for column in ["in-progress", "blocked", "in-review", "done"] {
        let key = elif.create_task("infrastructure", column, column).await;
        elif.post(&format!("/tasks/{key}/owners"), &[("owners", "elif")])
            .await
            .ok();
        keys.push(key);
    }
    let page = elif.get(STANDUP).await.ok().text();
    let row = page
        .split("<b>Elif</b>")
        .nth(1)
        .unwrap()
        .split("</li>")
        .next()
        .unwrap();
    let link = |key: &str| format!("<a class=\"key\" href=\"/tasks/{key}\">{key}</a>");
    for (word, key) in [
        ("in progress</span> ", &keys[0]),
        ("· blocked</span> ", &keys[1]),
        ("· in review</span> ", &keys[2]),
    ] {
        assert!(
            row.contains(&format!("{word}{}", link(key))),
            "{word}: {row}"
        );
    }
    assert!(
        !row.contains(&keys[3]) && !row.contains("Nothing in progress"),
        "{row}"
    );
}

#[tokio::test]
async fn moved_and_unblocked_tasks_are_counted() {
    let world = World::new().await;
    let elif = &world.elif;
    let moved = elif
        .create_task("infrastructure", "in-progress", "Goes to review")
        .await;
    let free = elif
        .create_task("infrastructure", "todo", "Is free again")
        .await;
    elif.post(
        &format!("/tasks/{free}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    elif.create_task("infrastructure", "in-progress", "Stays where it is")
        .await;
    world.app.clock.advance(Duration::days(2));
    elif.post(
        &format!("/tasks/{moved}/position"),
        &[("column", "in-review")],
    )
    .await
    .ok();
    elif.post(
        &format!("/tasks/{free}/position"),
        &[("column", "in-progress")],
    )
    .await
    .ok();
    let page = elif.get(STANDUP).await.ok().text();
    assert!(
        page.contains("<span class=\"muted\">1 moved to in review, 1 unblocked</span>"),
        "{page}"
    );
}

#[tokio::test]
async fn changes_beyond_the_limit_are_counted() {
    let world = World::new().await;
    let elif = &world.elif;
    sqlx::query(
        "WITH made AS (
            INSERT INTO tasks (team_id, id, number, column_id, rank, title, sprint_id, column_since, created_at)
            SELECT t.id, gen_random_uuid(), n, c.id, 'b' || lpad(n::text, 4, '0') || 'b', 'Task ' || n, s.id, $1, $1
            FROM teams t JOIN columns c ON c.team_id = t.id AND c.slug = 'todo' CROSS JOIN sprints s CROSS JOIN generate_series(1, 203) AS n
            WHERE t.key = 'INF' AND s.number = 42 RETURNING team_id, id, number)
         INSERT INTO events (team_id, seq, change_id, task_id, kind, at, before, after)
         SELECT team_id, number, gen_random_uuid(), id, 'task.created', $1, '{}', '{\"state\": \"todo\"}' FROM made",
    )
    .bind(world.app.clock.now())
    .execute(&world.db)
    .await
    .unwrap();
    let page = elif.get(STANDUP).await.ok().text();
    assert!(page.contains("200 added, and 3 more tasks"), "{page}");
}

#[tokio::test]
async fn viewing_a_standup_writes_nothing() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    elif.post(
        &format!("/tasks/{key}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    elif.get("/").await.ok();
    let dump = async || -> String {
        sqlx::query_scalar(
            "SELECT concat_ws(' ', (SELECT count(*) FROM events), (SELECT count(*) FROM topics), (SELECT count(*) FROM actions),
                    (SELECT string_agg(k::text, '|' ORDER BY k.id) FROM tasks k), (SELECT string_agg(t::text, '|' ORDER BY t.id) FROM teams t),
                    (SELECT count(*) FROM audit_log))",
        )
        .fetch_one(&world.db)
        .await
        .unwrap()
    };
    let before = dump().await;
    for page in [
        STANDUP,
        &format!("{STANDUP}?since=2026-11-20"),
        &format!("{STANDUP}/walk"),
        "/standup",
    ] {
        elif.get(page).await.ok();
    }
    assert_eq!(dump().await, before);
}

#[tokio::test]
async fn standup_after_a_long_break_covers_the_whole_break() {
    let world = World::new().await;
    let elif = &world.elif;
    sqlx::query("INSERT INTO days_off (team_id, day, name) SELECT t.id, d, 'Summer' FROM teams t, generate_series('2026-09-01'::date, '2026-11-23', '1 day') AS d WHERE t.key = 'INF'")
        .execute(&world.db)
        .await
        .unwrap();
    let page = elif.get(STANDUP).await.ok().text();
    assert!(page.contains("Changes since Mon 31 Aug"), "{page}");
}

#[tokio::test]
async fn action_with_an_archived_task_can_be_dismissed() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.post(
        "/teams/infrastructure/actions",
        &[("text", "Write it down @elif")],
    )
    .await
    .ok();
    let action: uuid::Uuid = sqlx::query_scalar("SELECT id FROM actions")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(&format!("/teams/infrastructure/actions/{action}/task"), &[])
        .await
        .ok();
    let drop = "value=\"dropped\">Dismiss";
    assert!(
        !elif.get(STANDUP).await.ok().text().contains(drop),
        "the task of the action is open"
    );
    elif.post("/tasks/INF-1/archive", &[]).await.ok();
    assert!(
        elif.get(STANDUP).await.ok().text().contains(drop),
        "an action with an archived task would stay open forever"
    );
    elif.post(
        &format!("/teams/infrastructure/actions/{action}"),
        &[("as", "dropped")],
    )
    .await
    .ok();
    assert!(!elif.get(STANDUP).await.ok().text().contains("id=\"action-"));
}
