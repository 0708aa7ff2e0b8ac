//! Changes of access and settings are recorded in the audit log for administrators and in the team's history.

use time::Duration;

use crate::{
    access::create_share_link,
    fixtures::{Client, NOW, World},
    people::{PASSWORD, create_account, invite},
};

/// The fields of a form.
type Fields<'f> = &'f [(&'f str, &'f str)];

pub async fn make_everyone_lead(world: &World) {
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
}

/// Exports the audit log, oldest line first: `Elif Hartmann @elif|share-link.created|check-in of …`
async fn export_audit_log(admin: &Client) -> Vec<String> {
    let text = admin.get("/settings/audit.csv").await.status(200).text();
    let line = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        format!(
            "{}|{}|{}",
            cells[1],
            cells[2],
            cells[3..cells.len() - 1].join(",")
        )
    };
    let mut lines: Vec<String> = text.lines().skip(1).map(line).collect();
    lines.reverse();
    lines
}

/// Asserts that the audit log contains these lines in this order.
fn assert_lines_in_order(lines: &[String], expected: &[&str]) {
    let mut rest = lines.iter();
    for line in expected {
        assert!(
            rest.any(|candidate| candidate.replace('"', "") == *line),
            "{line} is missing or out of order: {lines:#?}"
        );
    }
}

#[tokio::test]
async fn audit_log_records_who_granted_or_revoked_access() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let (elif, team) = (&world.elif, "/teams/infrastructure");
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    make_everyone_lead(&world).await;
    // share links and the public page
    let fields = [
        ("name", "The auditors"),
        ("shows", "check-in"),
        ("password", "open sesame please"),
    ];
    let page = elif
        .post(&format!("{team}/share-links"), &fields)
        .await
        .status(200)
        .text();
    let secret = page
        .split("/share/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    world
        .stranger()
        .post(&format!("/share/{secret}"), &[("password", "guessed")])
        .await
        .status(422);
    let link: uuid::Uuid = sqlx::query_scalar("SELECT id FROM share_links")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(&format!("{team}/share-links/{link}/revoke"), &[])
        .await
        .ok();
    elif.post(&format!("{team}/public"), &[("public", "1")])
        .await
        .ok();
    elif.post(&format!("{team}/public"), &[]).await.ok();
    // a program's token
    elif.post("/me/tokens", &[("name", "A robot"), ("scope", "read")])
        .await
        .status(200);
    let token: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tokens")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(&format!("/me/tokens/{token}/revoke"), &[])
        .await
        .ok();
    // an invitation
    invite(&ada, &[]).await;
    let invitation: uuid::Uuid = sqlx::query_scalar("SELECT id FROM invitations")
        .fetch_one(&world.db)
        .await
        .unwrap();
    ada.post(&format!("/settings/invitations/{invitation}/revoke"), &[])
        .await
        .ok();
    // a link ends with its creator's account
    create_share_link(&tomas, "board").await;
    for action in ["deactivate", "reactivate", "deactivate", "delete"] {
        ada.post("/settings/people/tomas", &[("do", action)])
            .await
            .ok();
    }
    // an account's own sessions and password
    let (old, new) = (PASSWORD, "another long enough one");
    let elsewhere =
        fortnight::domain::auth::sessions::start(&world.db, NOW, ada.person.id, "A telephone")
            .await
            .unwrap();
    assert!(ada.get("/me").await.ok().text().contains("A telephone"));
    ada.post("/me/sessions", &[("others", "1")]).await.ok();
    Client {
        cookie: format!("session={elsewhere}"),
        ..ada.clone()
    }
    .get("/")
    .await
    .status(303);
    ada.post("/me/password", &[("old", old), ("password", new)])
        .await
        .ok();
    let cookie = fortnight::domain::auth::sessions::start(&world.db, NOW, ada.person.id, "test")
        .await
        .unwrap();
    let ada = Client {
        cookie: format!("session={cookie}"),
        ..ada
    };
    // workspace settings and an export
    let cadence = [
        ("cadence_weeks", "3"),
        ("weekday", "1"),
        ("names", "Sprint {n}"),
        ("time_zone", "UTC"),
        ("number", "43"),
        ("starts_on", "2026-11-30"),
    ];
    ada.post("/sprints", &cadence).await.status(303);
    ada.post(
        "/settings",
        &[("name", "Ours"), ("open", "1"), ("domains", "example.org")],
    )
    .await
    .status(303);
    elif.get(&format!("{team}/flow/throughput.csv"))
        .await
        .status(200);
    // links and invitations end when a team becomes private
    create_share_link(elif, "check-in").await;
    elif.post(&format!("{team}/public"), &[("public", "1")])
        .await
        .ok();
    invite(&ada, &[("team", "infrastructure")]).await;
    ada.post(
        &format!("{team}/members"),
        &[("handle", "ada"), ("role", "member")],
    )
    .await
    .ok();
    elif.post(&format!("{team}/visibility"), &[("private", "1")])
        .await
        .ok();

    assert_lines_in_order(
        &export_audit_log(&ada).await,
        &[
            "Elif Hartmann @elif|share-link.created|check-in of Infrastructure for The auditors",
            "|share-link.refused|a wrong password for a link of Infrastructure",
            "Elif Hartmann @elif|share-link.revoked|check-in of Infrastructure for The auditors",
            "Elif Hartmann @elif|share-link.created|check-in of Infrastructure for everybody",
            "Elif Hartmann @elif|share-link.revoked|check-in of Infrastructure for everybody",
            "Elif Hartmann @elif|token.created|A robot (read)",
            "Elif Hartmann @elif|token.revoked|A robot",
            "Ada Lindqvist @ada|invitation.created|to the workspace, for 7 days",
            "Ada Lindqvist @ada|invitation.revoked|",
            "|share-link.created|board of Infrastructure for The auditors",
            "Ada Lindqvist @ada|share-link.ended|board of Infrastructure for The auditors",
            "Ada Lindqvist @ada|account.deactivated|a former member",
            "Ada Lindqvist @ada|account.reactivated|a former member",
            "Ada Lindqvist @ada|account.deactivated|a former member",
            "Ada Lindqvist @ada|account.deleted|",
            "Ada Lindqvist @ada|sessions.ended|1 ended",
            "Ada Lindqvist @ada|password.changed|",
            "Ada Lindqvist @ada|settings.cadence-changed|every 3 weeks from 2026-11-30, as sprint 43",
            "Ada Lindqvist @ada|settings.changed|Ours, registration open for example.org",
            "Elif Hartmann @elif|flow.exported|throughput.csv of Infrastructure",
            "Elif Hartmann @elif|share-link.ended|check-in of Infrastructure for The auditors",
            "Elif Hartmann @elif|invitation.revoked|all to Infrastructure",
            "Elif Hartmann @elif|share-link.revoked|check-in of Infrastructure for everybody",
            "Elif Hartmann @elif|team.visibility-changed|Infrastructure is now private",
        ],
    );
}

#[tokio::test]
async fn team_history_describes_each_change() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let (elif, team) = (&world.elif, "/teams/infrastructure");
    make_everyone_lead(&world).await;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{key}"), &[("labels", "postgres docs")])
        .await
        .ok();
    let label: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM labels ORDER BY name DESC")
        .fetch_all(&world.db)
        .await
        .unwrap();
    let [postgres, docs] = [0, 1].map(|nth| format!("{team}/labels/{}", label[nth]));
    let week = [
        ("working_days", "1"),
        ("working_days", "2"),
        ("standup_days", "2"),
        ("standup_at", "09:30"),
    ];
    let steps: Vec<(String, Fields, &str)> = vec![
        (
            postgres.clone(),
            &[("name", "postgres"), ("hue", "3")],
            "changed the colour of the label postgres",
        ),
        (
            postgres,
            &[("name", "database"), ("hue", "3")],
            "changed the label postgres to database",
        ),
        (docs, &[("remove", "1")], "deleted the label docs"),
        (
            format!("{team}/members"),
            &[("handle", "jonas"), ("role", "member")],
            "added @jonas to the team",
        ),
        (
            format!("{team}/members"),
            &[("handle", "jonas"), ("role", "lead")],
            "made @jonas a lead",
        ),
        (
            format!("{team}/members"),
            &[("handle", "jonas"), ("role", "none")],
            "removed @jonas from the team",
        ),
        (
            format!("{team}/columns/todo/limit"),
            &[("wip_limit", "3")],
            "set the limit of the column Todo to 3",
        ),
        (
            format!("{team}/columns/todo/limit"),
            &[("wip_limit", "")],
            "removed the limit of the column Todo",
        ),
        (
            format!("{team}/schedule"),
            &week,
            "changed the working days and standups",
        ),
        (
            format!("{team}/days-off"),
            &[("day", "2026-12-24"), ("name", "Eve")],
            "added a day off: 2026-12-24 Eve",
        ),
        (
            format!("{team}/days-off/2026-12-24/remove"),
            &[],
            "removed the day off on 2026-12-24",
        ),
        (
            format!("{team}/about"),
            &[("mission", "Keep it up")],
            "edited the team&#39;s about page",
        ),
        (
            format!("{team}/name"),
            &[("form", "name"), ("name", "Platform"), ("key", "PLT")],
            "renamed the team to Platform (PLT)",
        ),
        (
            format!("{team}/share-links"),
            &[("name", "The board"), ("shows", "board")],
            "shared the board with The board",
        ),
        (
            format!("{team}/public"),
            &[("public", "1")],
            "shared the check-in with everybody",
        ),
        (
            format!("{team}/public"),
            &[],
            "revoked the check-in link for everybody",
        ),
        (
            format!("{team}/visibility"),
            &[("private", "1")],
            "made the team private",
        ),
        (
            format!("{team}/visibility"),
            &[],
            "opened the team to everyone in the workspace",
        ),
    ];
    for (path, fields, expected) in steps {
        elif.post(&path, fields).await.ok();
        let history = elif.get(&format!("{team}/history")).await.ok().text();
        assert!(
            history.contains(&format!("<b>Elif Hartmann</b> {expected}")),
            "{expected}: {history}"
        );
    }
    let history = elif.get(&format!("{team}/history")).await.ok().text();
    assert!(
        history.contains("also revoked the board link for The board"),
        "{history}"
    );
    // a person who accepts an invitation joins on their own
    let path = invite(&ada, &[("team", "infrastructure")]).await;
    world
        .stranger()
        .post(
            &path,
            &crate::people::registration_fields("nina@example.org", "Nina Berg"),
        )
        .await
        .status(303);
    let path = invite(&ada, &[("team", "infrastructure")]).await;
    world.jonas.post(&path, &[]).await.status(303);
    // changes of the workspace are in every team's history
    ada.post("/settings", &[("name", "Ours")]).await.ok();
    ada.post("/settings", &[("name", "Ours"), ("open", "1")])
        .await
        .ok();
    ada.post("/settings", &[("name", "Ours"), ("open", "1")])
        .await
        .ok();
    let history = elif.get(&format!("{team}/history")).await.ok().text();
    for expected in [
        "<b>Nina Berg</b> joined the team",
        "<b>Jonas Gruber</b> joined the team",
        "<b>Ada Lindqvist</b> renamed the workspace to Ours",
        "<b>Ada Lindqvist</b> changed who can register",
    ] {
        assert_eq!(
            history.matches(expected).count(),
            1,
            "{expected}: {history}"
        );
    }
    assert!(
        world
            .jonas
            .get("/teams/ingestion/history")
            .await
            .ok()
            .text()
            .contains("renamed the workspace to Ours")
    );
}

#[tokio::test]
async fn saved_settings_are_shown_and_applied() {
    let world = World::new().await;
    let (elif, team) = (&world.elif, "/teams/infrastructure");
    make_everyone_lead(&world).await;
    let settings = async || elif.get(&format!("{team}/settings")).await.ok().text();
    // standup days
    let week = [
        ("working_days", "1"),
        ("working_days", "2"),
        ("working_days", "4"),
        ("standup_days", "2"),
        ("standup_days", "4"),
        ("standup_at", "09:30"),
    ];
    elif.post(&format!("{team}/schedule"), &week).await.ok();
    let page = settings().await;
    for (day, ticked) in [(1, false), (2, true), (3, false), (4, true), (5, false)] {
        let box_ = format!(r#"name="standup_days" value="{day}""#);
        let rest = page.split(&box_).nth(1).unwrap().split('>').next().unwrap();
        assert_eq!(rest.contains("checked"), ticked, "day {day}: {rest}");
    }
    assert!(page.contains(r#"value="09:30""#), "{page}");
    // the standup covers the time since the previous one
    let standup = elif.get(&format!("{team}/standup")).await.ok().text();
    assert!(standup.contains("ince Thu 19 Nov"), "{standup}");
    // colours of a label and of a person
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    elif.post(&format!("/tasks/{key}"), &[("labels", "postgres")])
        .await
        .ok();
    elif.post(&format!("/tasks/{key}/owners/me"), &[])
        .await
        .ok();
    let label: uuid::Uuid = sqlx::query_scalar("SELECT id FROM labels")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(
        &format!("{team}/labels/{label}"),
        &[("name", "postgres"), ("hue", "11")],
    )
    .await
    .ok();
    let hours = [
        ("time_zone", "UTC"),
        ("works_from", "09:00"),
        ("works_to", "17:00"),
    ];
    let profile = [("name", "Elif Hartmann"), ("handle", "elif"), ("hue", "9")];
    elif.post("/me", &[profile.as_slice(), hours.as_slice()].concat())
        .await
        .status(303);
    let board = elif.get(team).await.ok().text();
    let card = board
        .split("data-task=\"INF-1\"")
        .nth(1)
        .unwrap()
        .split("</article>")
        .next()
        .unwrap();
    assert!(card.contains("hue-11") && card.contains("hue-9"), "{card}");
}

#[tokio::test]
async fn links_work_until_the_second_they_expire() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    make_everyone_lead(&world).await;
    let guest = world.stranger();
    let page = ada
        .post("/settings/people/elif", &[("do", "link")])
        .await
        .status(200)
        .text();
    let reset = crate::people::strip_origin(&crate::people::read_link(&page));
    let invitation = invite(&ada, &[("days", "2")]).await;
    let short = [("name", "For a day"), ("shows", "board"), ("days", "1")];
    let page = world
        .elif
        .post("/teams/infrastructure/share-links", &short)
        .await
        .status(200)
        .text();
    let shared = format!(
        "/share/{}",
        page.split("/share/")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
    );
    let mut passed = Duration::ZERO;
    for (path, holds) in [
        (&reset, Duration::minutes(60)),
        (&shared, Duration::days(1)),
        (&invitation, Duration::days(2)),
    ] {
        world
            .app
            .clock
            .advance(holds - Duration::seconds(1) - passed);
        guest.get(path).await.status(200);
        world.app.clock.advance(Duration::seconds(1));
        passed = holds;
        // an invitation says that it has expired
        let gone = if *path == invitation { 410 } else { 404 };
        guest.get(path).await.status(gone);
    }
}

/// The list shows all settings of a share link, but not its secret.
#[tokio::test]
async fn share_link_is_listed_with_expiry_password_and_creator() {
    let world = World::new().await;
    let (elif, team) = (&world.elif, "/teams/infrastructure");
    make_everyone_lead(&world).await;
    for fields in [
        [
            ("name", "For ever"),
            ("shows", "board"),
            ("days", ""),
            ("password", ""),
        ],
        [
            ("name", "For three days"),
            ("shows", "check-in"),
            ("days", "3"),
            ("password", "open sesame please"),
        ],
    ] {
        elif.post(&format!("{team}/share-links"), &fields)
            .await
            .status(200);
    }
    let page = elif.get(&format!("{team}/settings")).await.ok().text();
    let of = |name: &str| {
        page.split(name)
            .nth(1)
            .unwrap()
            .split("</li>")
            .next()
            .unwrap()
            .to_owned()
    };
    let (ever, three) = (of("For ever"), of("For three days"));
    assert!(
        ever.contains("created by Elif, never expires") && !ever.contains("password"),
        "{ever}"
    );
    assert!(
        three.contains("created by Elif, expires Fri 27 Nov")
            && three.contains("password-protected"),
        "{three}"
    );
    assert!(three.contains("never used"), "{three}");
    assert!(!page.contains("open sesame"), "{page}");
}

#[tokio::test]
async fn history_names_a_column_that_was_removed() {
    let world = World::new().await;
    let elif = &world.elif;
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    let team = "/teams/infrastructure";
    let column = [("name", "Waiting Room"), ("state", "review")];
    elif.post(&format!("{team}/columns"), &column).await.ok();
    let key = elif
        .create_task("infrastructure", "waiting-room", "Moved")
        .await;
    elif.post(&format!("/tasks/{key}/position"), &[("column", "todo")])
        .await
        .ok();
    elif.post(
        &format!("{team}/columns/waiting-room/remove"),
        &[("into", "todo"), ("name", "Waiting Room")],
    )
    .await
    .ok();
    let columns: i64 =
        sqlx::query_scalar("SELECT count(*) FROM columns WHERE slug = 'waiting-room'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(columns, 0);
    let page = elif.get(&format!("/tasks/{key}")).await.text();
    assert!(page.contains("created it in Waiting Room"), "{page}");
    assert!(!page.contains("waiting-room"), "{page}");
}
