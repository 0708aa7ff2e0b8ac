//! Calendar edge cases: distant time zones, new year, clock changes and days off.

use fortnight::{domain::sprints::cadence, jobs::housekeeping};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::{
    fixtures::{Client, NOW, World},
    goals::set_goal,
};

/// Creates a world at a time after `NOW` in which everyone leads their team.
async fn create_world_at(now: OffsetDateTime) -> World {
    let world = World::new().await;
    world.app.clock.advance(now - NOW);
    for change in [
        "UPDATE members SET role = 'lead'",
        "UPDATE sessions SET created_at = '2027-01-01', expires_at = '2028-01-01'",
    ] {
        sqlx::query(change).execute(&world.db).await.unwrap();
    }
    cadence::update_sprints(&mut world.db.acquire().await.unwrap(), now)
        .await
        .unwrap();
    world
}

async fn set_week(client: &Client, team: &str, zone: &str, days: &[&str]) {
    let mut week = vec![("time_zone", zone), ("standup_at", "10:00")];
    week.extend(["1", "3", "5"].map(|day| ("standup_days", day)));
    week.extend(days.iter().map(|day| ("working_days", *day)));
    client
        .post(&format!("/teams/{team}/schedule"), &week)
        .await
        .ok();
}

const MONDAY_TO_FRIDAY: [&str; 5] = ["1", "2", "3", "4", "5"];

#[tokio::test]
async fn teams_across_the_date_line_each_use_their_own_day() {
    // Tuesday morning in London is Wednesday on Kiritimati and Monday night on Niue
    let world = create_world_at(NOW).await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    set_week(
        elif,
        "infrastructure",
        "Pacific/Kiritimati",
        &MONDAY_TO_FRIDAY,
    )
    .await;
    set_week(jonas, "ingestion", "Pacific/Niue", &MONDAY_TO_FRIDAY).await;
    set_goal(&world, elif, "42", &[("title", "Ours"), ("target", "9")]).await;
    jonas
        .post(
            "/teams/ingestion/goals",
            &[("sprint", "42"), ("title", "Theirs"), ("target", "9")],
        )
        .await
        .ok();
    let page = elif.get("/teams/infrastructure/standup").await.ok().text();
    assert!(
        page.contains("Standup, Wed 25 Nov") && page.contains("since Mon 23 Nov · day 8"),
        "{page}"
    );
    let page = elif.get("/teams/ingestion/standup").await.ok().text();
    assert!(
        page.contains("Standup, Mon 23 Nov") && page.contains("since Fri 20 Nov · day 6"),
        "{page}"
    );
    for (team, day) in [("infrastructure", "day 8 of"), ("ingestion", "day 6 of")] {
        for page in ["", "/check-in"] {
            let page = elif.get(&format!("/teams/{team}{page}")).await.ok().text();
            assert!(page.contains(day), "{team}: {page}");
        }
    }
    let pitch = elif.get("/sprints/42").await.ok().text();
    assert!(
        pitch.contains("75 %") && pitch.contains("55 %"),
        "the middle of days 8 and 6: {pitch}"
    );
    // a day off does not count as a working day, and its standup is skipped
    jonas
        .post(
            "/teams/ingestion/days-off",
            &[("day", "2026-11-20"), ("name", "Company day")],
        )
        .await
        .ok();
    let page = elif.get("/teams/ingestion/standup").await.ok().text();
    assert!(page.contains("since Wed 18 Nov · day 5"), "{page}");
    assert!(
        elif.get("/teams/ingestion")
            .await
            .ok()
            .text()
            .contains("should be at 50 % by today")
    );
    // the joint standup covers each team's time since its own last standup
    let page = elif.get("/standup").await.ok().text();
    assert!(
        page.contains("Infrastructure: changes since Mon 23 Nov")
            && page.contains("Ingestion: changes since Wed 18 Nov"),
        "{page}"
    );
    elif.get("/teams/infrastructure/flow").await.ok();
    jonas.get("/teams/ingestion/flow").await.ok();
}

#[tokio::test]
async fn sprint_over_new_year_counts_the_teams_working_days() {
    let world = create_world_at(datetime!(2027-01-04 09:00 UTC)).await;
    let elif = &world.elif;
    let goal = set_goal(
        &world,
        elif,
        "45",
        &[("title", "Sleep through it"), ("target", "9")],
    )
    .await;
    let board = async || elif.get("/teams/infrastructure").await.ok().text();
    assert!(
        board().await.contains("should be at 55 % by today"),
        "Monday is day 6 of 10"
    );
    elif.post(
        "/teams/infrastructure/days-off",
        &[("day", "2027-01-01"), ("name", "New Year")],
    )
    .await
    .ok();
    assert!(
        board().await.contains("should be at 50 % by today"),
        "day 5 of 9"
    );
    set_week(
        elif,
        "infrastructure",
        "Asia/Jerusalem",
        &["7", "1", "2", "3", "4"],
    )
    .await;
    assert!(
        board().await.contains("should be at 55 % by today"),
        "Sunday is a working day, Friday is not"
    );
    let page = elif.get("/teams/infrastructure/standup").await.ok().text();
    assert!(
        page.contains("Standup, Mon 4 Jan") && page.contains("since Wed 30 Dec · day 6"),
        "{page}"
    );
    elif.create_task("infrastructure", "done", "Fireworks")
        .await;
    let flow = elif
        .get("/teams/infrastructure/flow?sprints=1")
        .await
        .ok()
        .text();
    assert!(flow.contains("28 Dec"), "{flow}");
    elif.get(&format!("/teams/infrastructure/goals/{goal}"))
        .await
        .ok();
}

#[tokio::test]
async fn standup_keeps_its_local_time_when_clocks_change() {
    // clocks change between Friday and Monday: 10:00 in Berlin is 09:00 UTC, then 08:00 UTC
    let world = create_world_at(datetime!(2027-03-26 08:30 UTC)).await;
    let elif = &world.elif;
    set_week(elif, "infrastructure", "Europe/Berlin", &MONDAY_TO_FRIDAY).await;
    let make = async |until: OffsetDateTime, title: &str| {
        world.app.clock.advance(until - world.app.clock.now());
        cadence::update_sprints(&mut world.db.acquire().await.unwrap(), until)
            .await
            .unwrap();
        elif.create_task("infrastructure", "todo", title).await;
    };
    make(datetime!(2027-03-26 08:30 UTC), "Before Friday's").await;
    make(datetime!(2027-03-26 09:30 UTC), "After Friday's").await;
    make(datetime!(2027-03-29 07:30 UTC), "Before Monday's").await;
    let page = elif.get("/teams/infrastructure/standup").await.ok().text();
    let since = |page: &str| {
        page.split("by person")
            .next()
            .unwrap()
            .split("By person")
            .next()
            .unwrap()
            .to_owned()
    };
    let changes = since(&page);
    assert!(
        changes.contains("After Friday&#39;s") && changes.contains("Before Monday&#39;s"),
        "{changes}"
    );
    assert!(!changes.contains("Before Friday&#39;s"), "{changes}");
    make(datetime!(2027-03-29 08:30 UTC), "After Monday's").await;
    make(datetime!(2027-03-31 07:30 UTC), "Before Wednesday's").await;
    let changes = since(&elif.get("/teams/infrastructure/standup").await.ok().text());
    assert!(
        changes.contains("After Monday&#39;s") && changes.contains("Before Wednesday&#39;s"),
        "{changes}"
    );
    assert!(
        !changes.contains("Before Monday&#39;s"),
        "the standup was at 08:00 UTC"
    );
}

#[tokio::test]
async fn sprint_starting_on_sunday_is_shown_from_sunday() {
    let world = World::new().await;
    let elif = &world.elif;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    for change in [
        "DELETE FROM sprints WHERE number = 44",
        "UPDATE sprints SET starts_on = '2026-12-06', ends_on = '2026-12-19' WHERE number = 43",
    ] {
        sqlx::query(change).execute(&world.db).await.unwrap();
    }
    let page = elif.get("/sprints").await.ok().text();
    assert!(page.contains("6 – 17 Dec"), "Sunday to Thursday: {page}");
}

#[tokio::test]
async fn wrong_clock_does_not_end_todays_sprint_for_ever() {
    let world = World::new().await;
    let states = async |now: OffsetDateTime| {
        cadence::update_sprints(&mut world.db.acquire().await.unwrap(), now)
            .await
            .unwrap();
        let states: Vec<String> = sqlx::query_scalar(
            "SELECT number || ' ' || state FROM sprints WHERE number >= 42 ORDER BY number",
        )
        .fetch_all(&world.db)
        .await
        .unwrap();
        states.join(", ")
    };
    assert_eq!(states(NOW).await, "42 active, 43 planned, 44 planned");
    let meanwhile = states(NOW + Duration::days(15)).await;
    assert_eq!(meanwhile, "42 closed, 43 active, 44 planned, 45 planned");
    let repaired = states(NOW).await;
    assert_eq!(repaired, "42 active, 43 planned, 44 planned, 45 planned");
    let board = world.elif.get("/teams/infrastructure").await.ok().text();
    assert!(board.contains("Sprint 42"), "{board}");
    // with tasks it only ends, and starts again as well
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    states(NOW + Duration::days(15)).await;
    assert!(states(NOW).await.starts_with("42 active, 43 planned"));
}

/// H7. A clock that is three years ahead makes no sprints until someone says that it is right.
#[tokio::test]
async fn clock_far_ahead_starts_no_sprints_by_itself() {
    let world = World::new().await;
    housekeeping::start(&world.app).await.unwrap();
    let sprints = async || -> Vec<String> {
        sqlx::query_scalar(
            "SELECT number || ' ' || state FROM sprints WHERE number >= 42 ORDER BY number",
        )
        .fetch_all(&world.db)
        .await
        .unwrap()
    };
    let before = sprints().await;
    assert_eq!(before, ["42 active", "43 planned", "44 planned"]);
    assert!(!page(&world).await.contains("which is long ago"));
    world.app.clock.advance(Duration::weeks(156));
    sqlx::query("UPDATE sessions SET created_at = '2029-11-01', expires_at = '2030-11-01'")
        .execute(&world.db)
        .await
        .unwrap();
    housekeeping::start(&world.app).await.unwrap();
    assert_eq!(sprints().await, before);
    assert!(
        page(&world)
            .await
            .contains("Sprints are planned until Sun 27 Dec 2026 only")
    );
    world.jonas.post("/sprints/continue", &[]).await.status(403);
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    let system = world.elif.get("/settings/system").await.ok().text();
    assert!(
        system.contains("<strong>“Start sprints” failed just now: It is 2029-11-20, but sprints"),
        "{system}"
    );
    world.elif.post("/sprints/continue", &[]).await.status(303);
    let after = sprints().await;
    assert!(
        after.len() > 70 && after.contains(&"120 active".to_owned()),
        "{after:?}"
    );
    assert!(!page(&world).await.contains("which is long ago"));
}

async fn page(world: &World) -> String {
    world.elif.get("/sprints").await.ok().text()
}
