//! News about followed items, read markers for each person, and recognizing who a task is needed by.

use axum::http::Method;
use serde_json::json;

use crate::{fixtures::World, goals::set_goal, people::create_account};

#[tokio::test]
async fn followed_items_show_news_until_it_is_read() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let other = elif
        .create_task("infrastructure", "todo", "Not followed")
        .await;
    let goal = set_goal(
        &world,
        elif,
        "42",
        &[
            ("title", "Fifty tables"),
            ("target", "50"),
            ("counted_by", "manual"),
        ],
    )
    .await;
    // each follower has their own read marker
    let mira = world.join("Mira Sol", "mira", "ingestion").await;
    mira.post(&format!("/tasks/{key}/follow"), &[("follow", "1")])
        .await
        .ok();
    jonas
        .post(&format!("/tasks/{key}/follow"), &[("follow", "1")])
        .await
        .ok();
    jonas
        .post(
            &format!("/teams/infrastructure/goals/{goal}/follow"),
            &[("follow", "1")],
        )
        .await
        .ok();
    assert!(
        jonas
            .get(&format!("/tasks/{key}"))
            .await
            .ok()
            .text()
            .contains("Following")
    );
    for task in [&key, &other] {
        elif.post(
            &format!("/tasks/{task}/position"),
            &[("column", "in-review")],
        )
        .await
        .ok();
    }
    elif.post(&format!("/tasks/{key}/comments"), &[("body", "Nearly")])
        .await
        .ok();
    let value = [("value", "31"), ("note", "over night")];
    elif.post(
        &format!("/teams/infrastructure/goals/{goal}/progress"),
        &value,
    )
    .await
    .ok();
    let news = world.inbox(jonas).await;
    for expected in [
        "Elif moved it to In review",
        "Elif commented on it",
        "Elif updated its progress: 31",
    ] {
        assert_eq!(news.matches(expected).count(), 1, "{expected} in {news}");
    }
    assert!(!news.contains("Not followed"), "{news}");
    // marked as read up to here; later events are news again
    jonas.mark_all_read(&news).await;
    assert!(!world.inbox(jonas).await.contains("data-thread"));
    assert!(world.inbox(&mira).await.contains("Elif commented on it"));
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
    assert!(world.inbox(jonas).await.contains("Elif moved it to Done"));
    // even when many unrelated events follow
    sqlx::query(
        "WITH t AS (UPDATE teams SET seq = seq + 1500 WHERE key = 'INF' RETURNING id, seq)
         INSERT INTO events (team_id, seq, change_id, at, kind) SELECT t.id, t.seq - 1500 + n, gen_random_uuid(), $1, 'column.limited' FROM t, generate_series(1, 1500) n",
    )
    .bind(crate::fixtures::NOW)
    .execute(&world.db)
    .await
    .unwrap();
    assert!(world.inbox(jonas).await.contains("Elif moved it to Done"));
    // events of items that are no longer followed are not news
    jonas.post(&format!("/tasks/{key}/follow"), &[]).await.ok();
    jonas
        .post(&format!("/teams/infrastructure/goals/{goal}/follow"), &[])
        .await
        .ok();
    assert!(!world.inbox(jonas).await.contains("data-thread"));
    elif.post(&format!("/tasks/{key}/follow"), &[("follow", "1")])
        .await
        .ok();
    jonas
        .post(&format!("/tasks/{key}/follow"), &[("follow", "1")])
        .await
        .ok();
    elif.post(&format!("/tasks/{key}/comments"), &[("body", "Done")])
        .await
        .ok();
    assert!(world.inbox(jonas).await.contains("data-thread"));
}

#[tokio::test]
async fn projects_and_teams_can_be_followed() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let fields = [
        ("team", "infrastructure"),
        ("name", "New cluster"),
        ("target", "9"),
        ("unit", "tables"),
    ];
    elif.post("/projects", &fields).await.ok();
    let key = elif
        .create_task("infrastructure", "todo", "Part of it")
        .await;
    elif.post(&format!("/tasks/{key}"), &[("project", "new-cluster")])
        .await
        .ok();
    jonas
        .post("/projects/new-cluster/follow", &[("follow", "1")])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{key}/position"),
        &[("column", "in-progress")],
    )
    .await
    .ok();
    assert!(
        world
            .inbox(jonas)
            .await
            .contains("Elif moved it to In progress")
    );
    // changes of the project itself
    elif.post(
        "/projects/new-cluster/milestones",
        &[("title", "The first ten")],
    )
    .await
    .ok();
    let first: uuid::Uuid = sqlx::query_scalar("SELECT id FROM milestones")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(
        &format!("/projects/new-cluster/milestones/{first}/reach"),
        &[],
    )
    .await
    .ok();
    elif.post("/projects/new-cluster/finish", &[]).await.ok();
    let page = world.inbox(jonas).await;
    for expected in [
        "Elif reached a milestone: The first ten",
        "Elif marked it as finished",
        "href=\"/projects/new-cluster\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    elif.post("/projects/new-cluster/finish", &[("again", "1")])
        .await
        .ok();
    jonas
        .post("/teams/infrastructure/follow", &[("follow", "1")])
        .await
        .ok();
    let done = elif
        .create_task("infrastructure", "todo", "Of the team")
        .await;
    elif.post(&format!("/tasks/{done}/position"), &[("column", "done")])
        .await
        .ok();
    let page = world.inbox(jonas).await;
    assert!(page.contains("Of the team"), "{page}");
    // tasks of a team created after the follow are included
    let mut tx = world.db.begin().await.unwrap();
    let young = fortnight::domain::teams::create::add_team(
        &mut tx,
        crate::fixtures::NOW,
        "young",
        "Young",
        "YNG",
    )
    .await
    .unwrap();
    fortnight::domain::teams::create::add_member(
        &mut tx,
        crate::fixtures::NOW,
        young,
        elif.person.id,
        false,
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let late = elif
        .create_task("young", "todo", "Of the youngest team")
        .await;
    elif.post(&format!("/tasks/{late}"), &[("project", "new-cluster")])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{late}/position"),
        &[("column", "in-progress")],
    )
    .await
    .ok();
    let page = world.inbox(jonas).await;
    assert!(page.contains("Of the youngest team"), "{page}");
    jonas.mark_all_read(&page).await;
    assert!(!world.inbox(jonas).await.contains("Of the youngest team"));
    // once the project's team is private, its tasks are not news for others
    sqlx::query("UPDATE teams SET private = true, seq = seq + 1 WHERE key = 'INF'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.post(
        &format!("/tasks/{late}/position"),
        &[("column", "in-review")],
    )
    .await
    .ok();
    assert!(!world.inbox(jonas).await.contains("Of the youngest team"));
}

#[tokio::test]
async fn only_what_was_shown_is_marked_as_read() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    jonas
        .post(&format!("/tasks/{key}/follow"), &[("follow", "1")])
        .await
        .ok();
    let say = async |text: &str| {
        elif.post(&format!("/tasks/{key}/comments"), &[("body", text)])
            .await
            .ok()
    };
    say("first").await;
    let page = world.inbox(jonas).await;
    say("second").await;
    jonas.mark_all_read(&page).await;
    assert!(!world.inbox(jonas).await.contains("first"));
    assert!(world.inbox(jonas).await.contains("Elif commented"));
}

#[tokio::test]
async fn tasks_added_to_or_removed_from_followed_items_are_news() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let goal = set_goal(
        &world,
        elif,
        "42",
        &[("title", "Fifty tables"), ("target", "50")],
    )
    .await;
    elif.post(
        "/projects",
        &[
            ("team", "infrastructure"),
            ("name", "New cluster"),
            ("target", "9"),
            ("unit", "tables"),
        ],
    )
    .await
    .ok();
    world.deliver().await;
    jonas
        .post(
            &format!("/teams/infrastructure/goals/{goal}/follow"),
            &[("follow", "1")],
        )
        .await
        .ok();
    jonas
        .post("/projects/new-cluster/follow", &[("follow", "1")])
        .await
        .ok();
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let edit =
        async |fields: &[(&str, &str)]| elif.post(&format!("/tasks/{key}"), fields).await.ok();
    let page = async || world.inbox(jonas).await;
    edit(&[("title", "Cut over on Monday")]).await;
    assert!(
        !page().await.contains("data-thread"),
        "the task belongs to neither"
    );
    edit(&[("goal", "1")]).await;
    edit(&[("project", "new-cluster")]).await;
    elif.post(&format!("/tasks/{key}/archive"), &[]).await.ok();
    elif.post(&format!("/tasks/{key}/restore"), &[]).await.ok();
    for expected in [
        "linked it to goal “Fifty tables”",
        "added it to project “New cluster”",
        "Elif archived it",
        "restored it from the archive",
    ] {
        assert_eq!(
            page().await.matches(expected).count(),
            1,
            "{expected}: {}",
            page().await
        );
    }
    edit(&[("title", "Cut over on Tuesday")]).await;
    assert!(
        !page().await.contains("renamed it"),
        "only followers of the task itself see a new title"
    );
    edit(&[("goal", "")]).await;
    edit(&[("project", "")]).await;
    for expected in [
        "Elif unlinked it from its goal",
        "Elif removed it from its project",
    ] {
        assert_eq!(
            page().await.matches(expected).count(),
            1,
            "{expected}: {}",
            page().await
        );
    }
    // tasks created for the goal
    let created = elif
        .api(
            Method::POST,
            "/teams/infrastructure/tasks",
            json!({ "title": "Second table", "goal": 1 }),
        )
        .await
        .ok();
    assert!(
        page().await.contains("Elif created it in Todo"),
        "{}",
        created.text()
    );
}

#[tokio::test]
async fn team_followers_learn_of_blocked_and_resumed_tasks() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    jonas
        .post("/teams/infrastructure/follow", &[("follow", "1")])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{key}/position"),
        &[("column", "in-review")],
    )
    .await
    .ok();
    assert!(
        !world.inbox(jonas).await.contains("data-thread"),
        "moves between other columns are not news of the team"
    );
    elif.post(
        &format!("/tasks/{key}/block"),
        &[("kind", "text"), ("note", "Legal")],
    )
    .await
    .ok();
    assert!(
        world
            .inbox(jonas)
            .await
            .contains("Elif moved it to Blocked")
    );
    elif.post(
        &format!("/tasks/{key}/position"),
        &[("column", "in-progress")],
    )
    .await
    .ok();
    assert!(
        world
            .inbox(jonas)
            .await
            .contains("Elif moved it to In progress")
    );
    // deleted goals and closed sprints
    let goal = set_goal(
        &world,
        elif,
        "42",
        &[("title", "Fifty tables"), ("target", "50")],
    )
    .await;
    elif.post(&format!("/teams/infrastructure/goals/{goal}/remove"), &[])
        .await
        .ok();
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
    elif.post("/teams/infrastructure/sprints/42/close", &[])
        .await
        .ok();
    let page = world.inbox(jonas).await;
    for expected in ["Elif deleted goal “Fifty tables”", "Elif closed sprint 42"] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}

#[tokio::test]
async fn needed_by_recognizes_former_names() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let mira = world.join("Mira Sol", "mira", "infrastructure").await;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{key}"), &[("needed_by", "@mira, ING")])
        .await
        .ok();
    let named = elif
        .create_task("infrastructure", "todo", "For a team by its name")
        .await;
    elif.post(&format!("/tasks/{named}"), &[("needed_by", "Ingestion")])
        .await
        .ok();
    let hours = [
        ("time_zone", "UTC"),
        ("works_from", "09:00"),
        ("works_to", "17:00"),
    ];
    mira.post(
        "/me",
        &[
            [("name", "Mira Sol"), ("handle", "mira-s")].as_slice(),
            &hours,
        ]
        .concat(),
    )
    .await
    .status(303);
    ada.post(
        "/teams/ingestion/name",
        &[("form", "name"), ("name", "Streams"), ("key", "STR")],
    )
    .await
    .status(303);
    elif.post(
        &format!("/tasks/{named}"),
        &[("needed_by", "Ingestion, Legal")],
    )
    .await
    .ok();
    assert!(
        jonas
            .get("/")
            .await
            .ok()
            .text()
            .contains("For a team by its name")
    );
    // a former name that another team uses now refers to that team
    sqlx::query("UPDATE teams SET slug = 'streams' WHERE key = 'STR'")
        .execute(&world.db)
        .await
        .unwrap();
    ada.post("/teams", &[("name", "Other"), ("key", "OTH")])
        .await
        .status(303);
    ada.post(
        "/teams/other/name",
        &[("form", "name"), ("name", "Ingestion"), ("key", "OTH")],
    )
    .await
    .status(303);
    elif.post(
        &format!("/tasks/{named}"),
        &[("needed_by", "Ingestion, Sales")],
    )
    .await
    .ok();
    assert!(
        !jonas
            .get("/")
            .await
            .ok()
            .text()
            .contains("For a team by its name")
    );
    // adding an entry keeps the former names that are already there
    elif.post(
        &format!("/tasks/{key}"),
        &[("needed_by", "@mira, ING, Legal")],
    )
    .await
    .ok();
    for client in [&mira, jonas] {
        let page = client.get("/").await.ok().text();
        assert!(
            page.contains("id=\"waiting-for\"") && page.contains("Cut over"),
            "{page}"
        );
    }
    elif.post(&format!("/tasks/{key}"), &[("needed_by", "ING, Legal")])
        .await
        .ok();
    assert!(
        !mira
            .get("/")
            .await
            .ok()
            .text()
            .contains("id=\"waiting-for\""),
        "Mira is no longer in the field"
    );
    // a team that became private is not shown by any of its keys
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    jonas
        .post("/teams/streams/visibility", &[("private", "1")])
        .await
        .status(303);
    let words = elif.load_task(&key).await["needed_by"].clone();
    assert_eq!(words, "a private team, Legal");
    assert_eq!(
        elif.load_task(&named).await["needed_by"],
        "Ingestion, Sales",
        "the name refers to another team"
    );
    // members cannot name it either, because others read the field, too
    let ours = world.join("Nia Both", "nia", "infrastructure").await;
    sqlx::query("INSERT INTO members (team_id, account_id, role, since) SELECT id, $1, 'member', $2 FROM teams WHERE key = 'STR'")
        .bind(ours.person.id)
        .bind(crate::fixtures::NOW)
        .execute(&world.db)
        .await
        .unwrap();
    ours.post(&format!("/tasks/{key}"), &[("needed_by", "ING")])
        .await
        .ok();
    assert_eq!(elif.load_task(&key).await["needed_by"], "a private team");
    assert!(
        jonas
            .get("/")
            .await
            .ok()
            .text()
            .contains("id=\"waiting-for\"")
    );
}

#[tokio::test]
async fn goal_followers_learn_of_progress_and_closing() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    elif.post(
        "/projects",
        &[
            ("team", "infrastructure"),
            ("name", "New cluster"),
            ("target", "9"),
            ("unit", "tables"),
        ],
    )
    .await
    .ok();
    let yes = [
        ("title", "It is ready"),
        ("measure", "yes-no"),
        ("counted_by", "manual"),
    ];
    let share = [
        ("title", "Of the customers"),
        ("measure", "share"),
        ("target", "10"),
        ("counted_by", "manual"),
    ];
    let (yes, share) = (
        set_goal(&world, elif, "42", &yes).await,
        set_goal(&world, elif, "42", &share).await,
    );
    let served = [
        ("title", "For the cluster"),
        ("target", "5"),
        ("project", "new-cluster"),
    ];
    let served = set_goal(&world, elif, "42", &served).await;
    for goal in [&yes, &share] {
        jonas
            .post(
                &format!("/teams/infrastructure/goals/{goal}/follow"),
                &[("follow", "1")],
            )
            .await
            .ok();
    }
    jonas
        .post("/projects/new-cluster/follow", &[("follow", "1")])
        .await
        .ok();
    for (goal, value) in [(&yes, "1"), (&share, "4")] {
        elif.post(
            &format!("/teams/infrastructure/goals/{goal}/progress"),
            &[("value", value)],
        )
        .await
        .ok();
    }
    // removed from the project and added again
    for (project, version) in [("", "1"), ("new-cluster", "2")] {
        let edit = [
            ("title", "For the cluster"),
            ("target", "5"),
            ("project", project),
            ("version", version),
        ];
        elif.post(&format!("/teams/infrastructure/goals/{served}"), &edit)
            .await
            .status(303);
    }
    elif.post(&format!("/teams/infrastructure/goals/{served}/remove"), &[])
        .await
        .ok();
    elif.post("/teams/infrastructure/sprints/42/close", &[])
        .await
        .ok();
    let page = world.inbox(jonas).await;
    for expected in [
        "Elif updated its progress: done",
        "Elif updated its progress: 4 %",
        "Elif removed it from its project",
        "Elif added it to project “New cluster”",
        "Elif deleted goal “For the cluster”",
        "Elif closed sprint 42",
    ] {
        assert_eq!(page.matches(expected).count(), 1, "{expected}: {page}");
    }
    let history = jonas.get("/teams/infrastructure/history").await.ok().text();
    assert!(
        history.contains("updated a goal&#39;s progress: done")
            && history.contains("updated a goal&#39;s progress: 4 %"),
        "{history}"
    );
}

#[tokio::test]
async fn imported_tasks_are_not_news_for_team_followers() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    jonas
        .post("/teams/infrastructure/follow", &[("follow", "1")])
        .await
        .ok();
    let key = elif
        .create_task("infrastructure", "done", "Done here")
        .await;
    let mira = world.join("Mira Sol", "mira", "ingestion").await;
    mira.post(&format!("/tasks/{key}/follow"), &[("follow", "1")])
        .await
        .ok();
    sqlx::query(
        "WITH t AS (UPDATE teams SET seq = seq + 1 WHERE key = 'INF' RETURNING id, seq)
         INSERT INTO events (team_id, seq, change_id, task_id, at, kind, after)
         SELECT t.id, t.seq, gen_random_uuid(), k.id, $1, 'task.imported', '{\"state\": \"done\", \"from\": \"Trello\", \"by\": \"An import\"}' FROM t JOIN tasks k ON k.team_id = t.id",
    )
    .bind(crate::fixtures::NOW)
    .execute(&world.db)
    .await
    .unwrap();
    let page = world.inbox(jonas).await;
    assert!(
        page.contains("Done here") && !page.contains("Trello"),
        "{page}"
    );
    // followers of the task itself see the import
    assert!(
        world
            .inbox(&mira)
            .await
            .contains("An import imported it from Trello")
    );
}

#[tokio::test]
async fn profile_offers_only_actions_the_viewer_can_take() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let mine = elif
        .create_task("infrastructure", "in-progress", "Mine")
        .await;
    let needed = jonas.create_task("ingestion", "todo", "Needed").await;
    elif.post(&format!("/tasks/{mine}/owners/me"), &[])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{mine}/block"),
        &[("kind", "task"), ("on", &needed)],
    )
    .await
    .ok();
    jonas
        .post(&format!("/tasks/{needed}/position"), &[("column", "done")])
        .await
        .ok();
    elif.post(
        "/teams/infrastructure/actions",
        &[("text", "Ask Legal @elif")],
    )
    .await
    .ok();
    let unblock = format!("action=\"/tasks/{mine}/unblock\"");
    let own = elif.get("/").await.ok().text();
    assert!(
        own.contains(&unblock) && own.contains("/teams/infrastructure/actions/"),
        "{own}"
    );
    let theirs = jonas.get("/people/elif").await.ok().text();
    assert!(
        theirs.contains("Ready to continue") && theirs.contains("Ask Legal"),
        "{theirs}"
    );
    assert!(
        !theirs.contains(&unblock) && !theirs.contains("/teams/infrastructure/actions/"),
        "{theirs}"
    );
    // not even on their own page once they have left the team
    sqlx::query("DELETE FROM members WHERE account_id = $1")
        .bind(elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    let own = elif.get("/").await.ok().text();
    assert!(
        own.contains("Ready to continue")
            && !own.contains(&unblock)
            && !own.contains("/teams/infrastructure/actions/"),
        "{own}"
    );
    let nothing = elif.get("/people/jonas").await.ok().text();
    assert!(
        nothing.contains("Jonas has no open tasks")
            && !nothing.contains("No tasks assigned to you"),
        "{nothing}"
    );
}

#[tokio::test]
async fn private_team_is_hidden_under_its_former_names_too() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(
        &format!("/tasks/{key}"),
        &[("needed_by", "Ingestion, Legal")],
    )
    .await
    .ok();
    ada.post(
        "/teams/ingestion/name",
        &[("form", "name"), ("name", "Streams"), ("key", "ING")],
    )
    .await
    .status(303);
    sqlx::query("UPDATE teams SET slug = 'streams' WHERE key = 'ING'")
        .execute(&world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    jonas
        .post("/teams/streams/visibility", &[("private", "1")])
        .await
        .status(303);
    assert_eq!(
        elif.load_task(&key).await["needed_by"],
        "a private team, Legal"
    );
    let events = elif
        .get("/api/v1/teams/infrastructure/events")
        .await
        .ok()
        .text();
    assert!(
        events.contains("a private team, Legal") && !events.contains("Ingestion"),
        "{events}"
    );
}
