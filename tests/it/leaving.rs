//! When people leave: their links end, their teams get new leads, and their names disappear.

use serde_json::json;

use crate::{
    fixtures::{Client, NOW, World},
    people::{create_account, invite, read_link, registration_fields, strip_origin},
};

/// Creates two administrators who are signed in.
async fn create_two_administrators(world: &World) -> (Client, Client) {
    let (ada, ..) = create_account(world, "ada", "admin").await;
    let (gita, ..) = create_account(world, "gita", "admin").await;
    (ada, gita)
}

async fn create_reset_link(admin: &Client, handle: &str) -> String {
    strip_origin(&read_link(
        &admin
            .post(&format!("/settings/people/{handle}"), &[("do", "link")])
            .await
            .status(200)
            .text(),
    ))
}

/// Case 24. Invitations and reset links of a removed administrator must not work.
#[tokio::test]
async fn administrators_links_end_with_their_role_or_account() {
    let world = World::new().await;
    let (ada, mut gita) = create_two_administrators(&world).await;
    for ends in ["deactivate", "member"] {
        let (invitation, link) = (
            invite(&gita, &[("for", "many")]).await,
            create_reset_link(&gita, "ada").await,
        );
        world.stranger().get(&invitation).await.ok();
        world.stranger().get(&link).await.ok();
        ada.post("/settings/people/gita", &[("do", ends)])
            .await
            .status(303);
        world.stranger().get(&invitation).await.status(410);
        world
            .stranger()
            .post(
                &invitation,
                &registration_fields("m@example.org", "Mallory"),
            )
            .await
            .status(410);
        world.stranger().get(&link).await.status(404);
        world
            .stranger()
            .post(&link, &[("password", "a long enough one")])
            .await
            .status(404);
        ada.post("/settings/people/gita", &[("do", "reactivate")])
            .await
            .status(303);
        ada.post("/settings/people/gita", &[("do", "admin")])
            .await
            .status(303);
        let session =
            fortnight::domain::auth::sessions::start(&world.db, NOW, gita.person.id, "test")
                .await
                .unwrap();
        gita = Client {
            cookie: format!("session={session}"),
            ..gita
        };
        gita.get("/settings/people").await.ok();
    }
}

/// Case 26. An older link must not set another password.
#[tokio::test]
async fn password_reset_link_ends_when_the_password_changes() {
    let world = World::new().await;
    let (ada, gita) = create_two_administrators(&world).await;
    let link = create_reset_link(&gita, "ada").await;
    let fields = [
        ("old", crate::people::PASSWORD),
        ("password", "another long enough one"),
    ];
    ada.post("/me/password", &fields).await.status(303);
    world.stranger().get(&link).await.status(404);
}

/// Case 12. The audit log no longer names the team either.
#[tokio::test]
async fn invitation_ends_when_its_team_becomes_private() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    let invitation = invite(&ada, &[("team", "ingestion"), ("for", "many")]).await;
    world
        .jonas
        .post("/teams/ingestion/visibility", &[("private", "1")])
        .await
        .status(303);
    world.stranger().get(&invitation).await.status(410);
    world
        .stranger()
        .post(
            &invitation,
            &registration_fields("m@example.org", "Mallory"),
        )
        .await
        .status(410);
    // administrators outside the team do not see its name, not even in earlier entries
    for page in ["/settings/people", "/settings/audit", "/settings/audit.csv"] {
        let page = ada.get(page).await.status(200).text();
        assert!(!page.contains("Ingestion"), "{page}");
    }
    assert!(
        ada.get("/settings/audit")
            .await
            .ok()
            .text()
            .contains("to a private team, for 7 days")
    );
    world
        .jonas
        .post("/teams/ingestion/visibility", &[])
        .await
        .status(303);
    assert!(
        ada.get("/settings/audit")
            .await
            .ok()
            .text()
            .contains("to Ingestion, for 7 days"),
        "the name is shown once the team is open again"
    );
}

/// Case 12. Only members may invite to a private team.
#[tokio::test]
async fn invitation_to_a_private_team_ends_when_its_author_leaves() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    let members = "/teams/ingestion/members";
    world
        .jonas
        .post(members, &[("handle", "ada"), ("role", "member")])
        .await
        .status(303);
    world
        .jonas
        .post("/teams/ingestion/visibility", &[("private", "1")])
        .await
        .status(303);
    let invitation = invite(&ada, &[("team", "ingestion"), ("for", "many")]).await;
    assert!(
        world
            .stranger()
            .get(&invitation)
            .await
            .ok()
            .text()
            .contains("Ingestion")
    );
    world
        .jonas
        .post(members, &[("handle", "ada"), ("role", "none")])
        .await
        .status(303);
    world.stranger().get(&invitation).await.status(410);
    world
        .stranger()
        .post(
            &invitation,
            &registration_fields("m@example.org", "Mallory"),
        )
        .await
        .status(410);
}

#[tokio::test]
async fn private_team_always_has_a_lead() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let elif = &world.elif;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    elif.post("/teams/infrastructure/visibility", &[("private", "1")])
        .await
        .status(303);
    for role in ["member", "none"] {
        let why = elif
            .post(
                "/teams/infrastructure/members",
                &[("handle", "elif"), ("role", role)],
            )
            .await
            .status(422);
        assert!(why.text().contains("A private team needs a lead"), "{role}");
    }
    // after deactivation of the only lead, the longest-standing member becomes lead
    ada.post("/settings/people/elif", &[("do", "deactivate")])
        .await
        .status(303);
    let settings = tomas
        .get("/teams/infrastructure/settings")
        .await
        .ok()
        .text();
    assert!(
        settings.contains("Tomas Weber") && settings.contains("lead, since"),
        "{settings}"
    );
    let viewer = ada
        .post("/settings/people/tomas", &[("do", "viewer")])
        .await
        .status(422)
        .text();
    assert!(viewer.contains("A private team needs a lead"), "{viewer}");
}

#[tokio::test]
async fn deleted_person_is_not_confused_with_a_later_namesake() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let path = invite(&ada, &[("team", "infrastructure")]).await;
    let joined = world
        .stranger()
        .post(
            &path,
            &registration_fields("tomas@example.org", "Tomas Weber"),
        )
        .await
        .status(303);
    let cookie = joined
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let tomas = Client {
        cookie,
        ..world.stranger()
    };
    let key = tomas
        .create_task("infrastructure", "todo", "Of Tomas")
        .await;
    tomas
        .post(
            &format!("/tasks/{key}/owners"),
            &[("owners", "tomas"), ("owners", "elif")],
        )
        .await
        .ok();
    let goal = [
        ("sprint", "42"),
        ("title", "Fifty"),
        ("target", "50"),
        ("owners", "tomas"),
    ];
    tomas.post("/teams/infrastructure/goals", &goal).await.ok();
    tomas.post("/logout", &[]).await.status(303);
    world
        .stranger()
        .post(
            "/login",
            &[("email", "Tomas@example.org"), ("password", "wrong")],
        )
        .await
        .status(401);
    let audit = ada.get("/settings/audit").await.ok().text();
    assert!(
        audit.contains("tomas@example.org") && audit.contains("sign-in.ended"),
        "{audit}"
    );

    ada.post("/settings/people/tomas", &[("do", "deactivate")])
        .await
        .status(303);
    ada.post("/settings/people/tomas", &[("do", "delete")])
        .await
        .status(303);
    let named: Vec<String> = sqlx::query_scalar(
        "SELECT x::text FROM audit_log x WHERE x::text ILIKE '%tomas%' UNION ALL SELECT e::text FROM events e WHERE e.before::text || e.after::text LIKE '%\"tomas\"%'",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert_eq!(named, [] as [&str; 0]);
    let story = world.elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(story.contains("a former member"), "{story}");
    let path = invite(&ada, &[("team", "infrastructure")]).await;
    world
        .stranger()
        .post(
            &path,
            &registration_fields("other@example.org", "Tomas Other"),
        )
        .await
        .status(303);
    let story = world.elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(
        story.contains("assigned a former member, Elif Hartmann"),
        "{story}"
    );
    assert_eq!(
        world.elif.load_task(&key).await["owners"][0]["handle"],
        json!("elif")
    );
}

#[tokio::test]
async fn deleted_person_is_removed_from_blockers_and_reports() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let elif = &world.elif;
    let goal = [
        ("sprint", "42"),
        ("title", "Fifty"),
        ("target", "50"),
        ("owners", "tomas"),
    ];
    elif.post("/teams/infrastructure/goals", &goal).await.ok();
    let mut keys = Vec::new();
    for on in ["tomas", "@Tomas", "Tomas Weber"] {
        let key = elif.create_task("infrastructure", "todo", "Waits").await;
        elif.post(
            &format!("/tasks/{key}/block"),
            &[("kind", "person"), ("person", on)],
        )
        .await
        .ok();
        keys.push(key);
    }
    elif.post(
        &format!("/tasks/{}", keys[0]),
        &[("needed_by", "Legal, @tomas, tomas weber")],
    )
    .await
    .ok();
    world.app.clock.advance(time::Duration::hours(1));
    elif.post(&format!("/tasks/{}/unblock", keys[0]), &[])
        .await
        .ok();
    elif.post(
        "/teams/infrastructure/actions",
        &[("text", "Ask Legal @tomas")],
    )
    .await
    .ok();
    world
        .program_of(&tomas, fortnight::domain::policy::viewer::Scope::Read)
        .await;
    world.app.clock.advance(time::Duration::hours(1));
    let left: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "carry")).collect();
    crate::closing::close_sprint(elif, &left).await.ok();
    let retro = "/sprints/42/retro?team=infrastructure";
    let frozen: String = sqlx::query_scalar("SELECT figures::text FROM sprint_reports")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(
        frozen.matches("Tomas Weber").count(),
        4,
        "as owner of a goal and in three blockers: {frozen}"
    );
    // the person also changes name and username
    let profile = [("name", "T. Weber-Lind"), ("handle", "twl")];
    let hours = [
        ("time_zone", "UTC"),
        ("works_from", "09:00"),
        ("works_to", "17:00"),
    ];
    tomas
        .post("/me", &[profile.as_slice(), hours.as_slice()].concat())
        .await
        .status(303);
    elif.post(&format!("/tasks/{}", keys[1]), &[("needed_by", "@twl")])
        .await
        .ok();
    elif.post(
        &format!("/tasks/{}/owners", keys[1]),
        &[("owners", "twl"), ("owners", "elif")],
    )
    .await
    .ok();

    ada.post("/settings/people/twl", &[("do", "deactivate")])
        .await
        .status(303);
    ada.post("/settings/people/twl", &[("do", "delete")])
        .await
        .status(303);
    let named: Vec<String> = sqlx::query_scalar(
        "SELECT said FROM (
            SELECT x::text FROM audit_log x UNION ALL SELECT concat_ws(' ', e.kind, e.before, e.after) FROM events e
            UNION ALL SELECT c.figures::text FROM sprint_reports c UNION ALL SELECT k.needed_by FROM tasks k UNION ALL SELECT w.note FROM blockers w
         ) AS said (said) WHERE said ILIKE '%tomas%' OR said ILIKE '%weber%' OR said ILIKE '%twl%'",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert_eq!(named, [] as [&str; 0]);
    let waited_for: String = sqlx::query_scalar("SELECT needed_by FROM tasks WHERE number = 1")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(waited_for, "Legal, a former member, a former member");
    let retro = elif.get(retro).await.ok().text();
    assert!(
        retro.contains("a former member") && !retro.contains("Weber"),
        "{retro}"
    );
    for key in &keys {
        let page = elif.get(&format!("/tasks/{key}")).await.ok().text();
        assert!(
            page.contains("marked it as waiting on a former member"),
            "{page}"
        );
    }
    // neither username can be used again
    for handle in ["tomas", "twl"] {
        let profile = [("name", "Elif Hartmann"), ("handle", handle)];
        elif.post("/me", &[profile.as_slice(), hours.as_slice()].concat())
            .await
            .status(422);
    }
}

#[tokio::test]
async fn audit_log_is_paged_filtered_by_day_and_exported_whole() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    sqlx::query(
        "INSERT INTO audit_log (id, at, kind, about) SELECT gen_random_uuid(), timestamptz '2026-10-01 12:00Z' + make_interval(hours => n), 'test.line', 'line ' || n
         FROM generate_series(1, 450) n",
    )
    .execute(&world.db)
    .await
    .unwrap();
    let first = ada.get("/settings/audit?q=test.line").await.ok().text();
    assert!(first.contains("line 450<") && !first.contains("line 250<"));
    let older = first
        .split("href=\"/settings/audit?")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .replace("&#38;", "&");
    let second = ada
        .get(&format!("/settings/audit?{older}"))
        .await
        .ok()
        .text();
    assert!(
        second.contains("line 250<") && !second.contains("line 450<"),
        "{older}"
    );
    let day = ada
        .get("/settings/audit?q=test.line&from=2026-10-02&to=2026-10-02")
        .await
        .ok()
        .text();
    assert_eq!(
        day.matches("test.line</td>").count(),
        24,
        "one day has 24 entries"
    );
    ada.get("/settings/audit?from=yesterday").await.status(422);
    let csv = ada
        .get("/settings/audit.csv?q=test.line")
        .await
        .status(200)
        .text();
    assert_eq!(
        csv.matches(",line ").count(),
        450,
        "the export is not paged"
    );
}

/// Case 29. A huge address must not fill memory.
#[tokio::test]
async fn oversized_email_address_is_truncated_in_the_audit_log() {
    let world = World::new().await;
    let long = "x".repeat(9_000);
    for _ in 0..3 {
        world
            .stranger()
            .post("/login", &[("email", &long), ("password", "y")])
            .await
            .status(401);
    }
    let longest: i32 = sqlx::query_scalar("SELECT max(length(about)) FROM audit_log")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(longest, 320, "the audit log keeps only the beginning");
}

/// Case 29. An attacker cannot flood the audit log.
#[tokio::test]
async fn rate_limited_sign_ins_are_logged_once() {
    let world = World::new().await;
    for _ in 0..14 {
        world
            .stranger()
            .post(
                "/login",
                &[("email", "elif@example.org"), ("password", "guess")],
            )
            .await;
    }
    let lines: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE kind = 'sign-in.rate-limited'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(lines, 1);
}

/// Case 17. A link ends when its author leaves a private team or is deactivated.
#[tokio::test]
async fn share_link_ends_with_its_authors_access() {
    let world = World::new().await;
    let (ada, _) = create_two_administrators(&world).await;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    let share = async |client: &Client, team: &str| {
        let fields = [("name", "mine"), ("shows", "board")];
        strip_origin(&read_link(
            &client
                .post(&format!("/teams/{team}/share-links"), &fields)
                .await
                .status(200)
                .text(),
        ))
    };
    let other = world.join("Other Lead", "other", "infrastructure").await;
    let (open, secret) = (
        share(&world.jonas, "ingestion").await,
        share(&world.elif, "infrastructure").await,
    );
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&world.db)
        .await
        .unwrap();
    world.stranger().get(&secret).await.status(200);
    other
        .post(
            "/teams/infrastructure/members",
            &[("handle", "elif"), ("role", "none")],
        )
        .await
        .status(303);
    world.stranger().get(&secret).await.status(404);
    world.stranger().get(&open).await.status(200);
    ada.post("/settings/people/jonas", &[("do", "deactivate")])
        .await
        .status(303);
    world.stranger().get(&open).await.status(404);
}

#[tokio::test]
async fn leads_changes_are_in_the_audit_log() {
    let world = World::new().await;
    let (ada, _) = create_two_administrators(&world).await;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    let elif = &world.elif;
    let labelled = elif.create_task("infrastructure", "todo", "one").await;
    elif.post(&format!("/tasks/{labelled}"), &[("labels", "docs")])
        .await
        .ok();
    let label: uuid::Uuid = sqlx::query_scalar("SELECT id FROM labels")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let team = "/teams/infrastructure";
    for (path, fields) in [
        (
            format!("{team}/columns"),
            &[("name", "Ready"), ("state", "todo")][..],
        ),
        (
            format!("{team}/columns/ready"),
            &[("name", "Ready to go"), ("state", "todo")],
        ),
        (format!("{team}/columns/ready"), &[("to", "left")]),
        (format!("{team}/columns/ready/remove"), &[("into", "todo")]),
        (
            format!("{team}/labels/{label}"),
            &[("name", "papers"), ("hue", "3")],
        ),
        (format!("{team}/labels/{label}"), &[("remove", "1")]),
    ] {
        elif.post(&path, fields).await.status(303);
    }
    let audit = ada.get("/settings/audit").await.ok().text();
    for kind in [
        "column.added",
        "column.edited",
        "column.reordered",
        "column.removed",
        "label.edited",
        "label.removed",
    ] {
        assert!(audit.contains(kind), "{kind}: {audit}");
    }
}
