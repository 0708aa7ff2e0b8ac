//! Messages to a team's chat channel: in the formats that Slack, Mattermost and Discord accept, before standups and when
//! something happens that the team chose, and never a secret shown.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration as StdDuration,
};

use axum::{
    Router,
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use fortnight::{
    app::{App, Settings},
    domain::outbound::Limits,
    jobs::{chat::send_due, notifications::deliver_all},
};
use serde_json::Value;
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use crate::{
    closing::close_sprint,
    fixtures::{Client, World},
    outbox_metrics::outbox_figures,
    people::create_account,
};

/// How the server answers the next request, instead of accepting it.
#[derive(Clone)]
enum Next {
    Status(u16),
    RetryAfter(&'static str),
    /// Not at all.
    Silence,
}

/// A server that accepts what the three products accept, and nothing else.
#[derive(Clone, Default)]
struct Chat {
    accepted: Arc<Mutex<Vec<String>>>,
    next: Arc<Mutex<VecDeque<Next>>>,
}

impl Chat {
    async fn start() -> (Self, String) {
        let chat = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(post(receive))
            .with_state(chat.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (chat, address)
    }

    fn answer(&self, next: impl IntoIterator<Item = Next>) {
        self.next.lock().unwrap().extend(next);
    }

    /// The texts that were accepted since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.accepted.lock().unwrap())
    }
}

async fn receive(
    State(chat): State<Chat>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let next = chat.next.lock().unwrap().pop_front();
    match next {
        Some(Next::Status(status)) => {
            return StatusCode::from_u16(status).unwrap().into_response();
        }
        Some(Next::RetryAfter(wait)) => {
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", wait)]).into_response();
        }
        Some(Next::Silence) => std::future::pending::<()>().await,
        None => {}
    }
    if headers["content-type"] != "application/json" {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let Ok(message) = serde_json::from_str::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "invalid_payload").into_response();
    };
    let path = uri.path();
    let field = if path.starts_with("/api/webhooks/") {
        "content"
    } else {
        "text"
    };
    let Some(text) = message[field].as_str().filter(|text| !text.is_empty()) else {
        return (StatusCode::BAD_REQUEST, "no_text").into_response();
    };
    if field == "content" {
        let is_valid = text.chars().count() <= 2000
            && message["allowed_mentions"]["parse"] == serde_json::json!([]);
        if !is_valid {
            return StatusCode::BAD_REQUEST.into_response();
        }
        chat.accepted.lock().unwrap().push(text.to_owned());
        return StatusCode::NO_CONTENT.into_response();
    }
    chat.accepted.lock().unwrap().push(text.to_owned());
    "ok".into_response()
}

const SLACK: &str = "/services/T0/B0/slack-secret";
const MATTERMOST: &str = "/hooks/mattermost-secret";
const DISCORD: &str = "/api/webhooks/1/discord-secret";

/// A workspace whose messages reach a chat on this machine.
struct Office {
    world: World,
    app: App,
    chat: Chat,
    address: String,
    /// Elif, who leads Infrastructure.
    elif: Client,
}

fn app_with(world: &World, limits: Limits) -> App {
    let settings = Settings {
        outgoing_allow: "127.0.0.0/8".parse().unwrap(),
        outgoing_limits: limits,
        ..Settings::default()
    };
    let clock = world.app.clock.clone();
    App::with(settings, "http://fortnight.test", world.db.clone(), clock)
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        sqlx::query("UPDATE members SET role = 'lead'")
            .execute(&world.db)
            .await
            .unwrap();
        let (chat, address) = Chat::start().await;
        let app = app_with(&world, Limits::default());
        let elif = Client {
            router: fortnight::http::router::router(app.clone()),
            ..world.elif.clone()
        };
        Self {
            world,
            app,
            chat,
            address,
            elif,
        }
    }

    async fn set_up(&self, product: &str, path: &str, wanted: &[&str]) {
        let url = format!("{}{path}", self.address);
        let mut fields = vec![("product", product), ("url", url.as_str())];
        fields.extend(wanted.iter().map(|name| (*name, "1")));
        self.elif
            .post("/teams/infrastructure/settings/chat", &fields)
            .await
            .status(303);
    }

    /// Time passes; events are delivered, and messages sent.
    async fn after(&self, time: Duration) -> Vec<String> {
        deliver_all(&self.app, self.app.clock.now(), true)
            .await
            .unwrap();
        self.app.clock.advance(time);
        deliver_all(&self.app, self.app.clock.now(), true)
            .await
            .unwrap();
        send_due(&self.app).await.unwrap();
        self.chat.take()
    }

    async fn at(&self, moment: OffsetDateTime) -> Vec<String> {
        self.after(moment - self.app.clock.now()).await
    }

    async fn page(&self) -> String {
        let page = self.elif.get("/teams/infrastructure/settings/chat").await;
        page.ok().text()
    }

    async fn block(&self, title: &str, kind: &str, on: &str) -> String {
        let elif = &self.world.elif;
        let key = elif.create_task("infrastructure", "todo", title).await;
        let field = match kind {
            "task" => "on",
            "text" => "note",
            other => other,
        };
        elif.post(
            &format!("/tasks/{key}/block"),
            &[("kind", kind), (field, on)],
        )
        .await
        .ok();
        key
    }

    /// Messages in the outbox: attempts, and whether they were given up.
    async fn outbox(&self) -> Vec<(i32, bool)> {
        sqlx::query_as("SELECT attempts, failed_at IS NOT NULL FROM outbox ORDER BY created_at")
            .fetch_all(&self.world.db)
            .await
            .unwrap()
    }
}

const TRICKY: &str = "<!channel> @everyone **x** [a](http://b) `c` & <@U1>";

#[tokio::test]
async fn each_product_gets_a_summary_it_accepts() {
    for (product, path, link, escaped) in [
        (
            "slack",
            SLACK,
            "<http://fortnight.test/tasks/INF-1|INF-1> ",
            "&lt;!channel&gt; @\u{200B}everyone **x** [a](http://b) 'c' &amp; &lt;@\u{200B}U1&gt;",
        ),
        (
            "mattermost",
            MATTERMOST,
            "[INF-1](http://fortnight.test/tasks/INF-1) ",
            "<\u{200B}\\!channel\\> @\u{200B}everyone \\*\\*x\\*\\* \\[a\\]\\(http://b\\) \\`c\\` & <\u{200B}@\u{200B}U1\\>",
        ),
        (
            "discord",
            DISCORD,
            "[INF-1](<http://fortnight.test/tasks/INF-1>) ",
            "\\<\\!channel\\> \\@\u{200B}everyone \\*\\*x\\*\\* \\[a\\]\\(http\\://b\\) \\`c\\` & \\<\\@\u{200B}U1\\>",
        ),
    ] {
        let office = Office::new().await;
        office.block(TRICKY, "text", "the vendor").await;
        office
            .world
            .elif
            .post(
                "/teams/infrastructure/topics",
                &[
                    ("meeting", "standup"),
                    ("text", "Opinions on @all the cut-over"),
                ],
            )
            .await
            .ok();
        for number in 0..40 {
            office
                .world
                .elif
                .create_task(
                    "infrastructure",
                    "in-progress",
                    &format!("{number} {TRICKY}"),
                )
                .await;
        }
        office.set_up(product, path, &["standups"]).await;
        // the standup is on Wednesday at 10:00 UTC
        assert!(office.at(datetime!(2026-11-25 9:29 UTC)).await.is_empty());
        let sent = office.at(datetime!(2026-11-25 9:30 UTC)).await;
        assert_eq!(sent.len(), 1, "{product}");
        let text = &sent[0];
        for expected in [
            "Infrastructure: standup",
            "Wed 25 Nov",
            "Blocked longest",
            "Needs someone",
            "Topics for today",
            "and 32 more",
        ] {
            assert!(
                text.contains(expected) || product == "discord",
                "{expected} in {text}"
            );
        }
        assert!(text.contains("Needs someone"), "{text}");
        if product != "discord" {
            assert!(text.contains(&format!("{link}{escaped}")), "{text}");
        }
        for mention in ["<!channel>", "@everyone", "@all", "<@U1>"] {
            assert!(!text.contains(mention), "{mention} in {text}");
        }
    }
}

#[tokio::test]
async fn summary_comes_once_on_standup_mornings() {
    let office = Office::new().await;
    office.set_up("slack", SLACK, &["standups"]).await;
    sqlx::query("UPDATE teams SET time_zone = 'Asia/Tokyo' WHERE slug = 'infrastructure'")
        .execute(&office.world.db)
        .await
        .unwrap();
    // Tuesday has no standup
    assert!(office.at(datetime!(2026-11-24 10:30 UTC)).await.is_empty());
    // two programs at once, on Wednesday at 9:30 in Tokyo
    office
        .app
        .clock
        .advance(datetime!(2026-11-25 0:30 UTC) - office.app.clock.now());
    let other = app_with(&office.world, Limits::default());
    let (one, two) = tokio::join!(send_due(&office.app), send_due(&other));
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    let sent = office.chat.take();
    assert!(
        sent.len() == 1 && sent[0].contains("Nothing needs attention"),
        "{sent:?}"
    );
    // not again that day, nor on Thursday
    assert!(office.at(datetime!(2026-11-25 3:00 UTC)).await.is_empty());
    assert!(office.at(datetime!(2026-11-26 0:30 UTC)).await.is_empty());
    // Friday is a day off
    office
        .world
        .elif
        .post(
            "/teams/infrastructure/days-off",
            &[("day", "2026-11-27"), ("name", "Bridge day")],
        )
        .await
        .ok();
    assert!(office.at(datetime!(2026-11-27 0:30 UTC)).await.is_empty());
    // at the weekend there is no work, whatever the standup days are
    sqlx::query("UPDATE teams SET standup_days = '{1,6}' WHERE slug = 'infrastructure'")
        .execute(&office.world.db)
        .await
        .unwrap();
    assert!(office.at(datetime!(2026-11-28 0:30 UTC)).await.is_empty());
    // the program was not running on Monday morning
    assert!(office.at(datetime!(2026-11-30 4:31 UTC)).await.is_empty());
    // sprints are paused, and nothing needs attention
    sqlx::query("DELETE FROM sprints")
        .execute(&office.world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE workspace SET cadence_weeks = NULL")
        .execute(&office.world.db)
        .await
        .ok();
    assert!(office.at(datetime!(2026-12-07 0:30 UTC)).await.is_empty());
    // turned off
    office.set_up("slack", SLACK, &[]).await;
    office.block("Cut over", "text", "the vendor").await;
    assert!(office.at(datetime!(2026-12-14 0:30 UTC)).await.is_empty());
    office.set_up("slack", SLACK, &["standups"]).await;
    let sent = office.at(datetime!(2026-12-21 0:30 UTC)).await;
    assert!(sent.len() == 1 && sent[0].contains("Cut over"), "{sent:?}");
}

#[tokio::test]
async fn news_are_told_together_if_they_are_still_true() {
    let office = Office::new().await;
    office
        .set_up("mattermost", MATTERMOST, &["blocked", "goals", "sprints"])
        .await;
    let dual = office
        .world
        .jonas
        .create_task("ingestion", "todo", "Dual write")
        .await;
    office.block("Cut over", "task", &dual).await;
    office.block("Order disks", "text", "the vendor").await;
    office.block("Review", "person", "jonas").await;
    assert!(office.after(Duration::minutes(1)).await.is_empty());
    let second = office.block("Migrate", "team", "ingestion").await;
    let undone = office.block("Undone", "team", "ingestion").await;
    office
        .world
        .elif
        .post(&format!("/tasks/{undone}/unblock"), &[])
        .await
        .ok();
    let sent = office.after(Duration::minutes(1)).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(
        sent[0].starts_with("**Infrastructure: blocked on another team**")
            && sent[0].contains("Cut over: Waiting on ING-1 “Dual write”")
            && sent[0].contains(&format!("/tasks/{second}) Migrate: Waiting on Ingestion"))
            && !sent[0].contains("vendor")
            && !sent[0].contains("Review")
            && !sent[0].contains("Undone"),
        "{sent:?}"
    );
    assert!(office.after(Duration::hours(1)).await.is_empty());

    // a team that is private by the time of sending is not named
    office.block("Secret plan", "team", "ingestion").await;
    let jonas = &office.world.jonas;
    jonas
        .post("/teams/ingestion/visibility", &[("private", "1")])
        .await
        .status(303);
    let sent = office.after(Duration::minutes(2)).await;
    assert!(
        sent.len() == 1
            && sent[0].contains("Secret plan: Waiting on a private team")
            && !sent[0].contains("Ingestion"),
        "{sent:?}"
    );
}

#[tokio::test]
async fn reached_goal_and_closed_sprint_are_told_once() {
    let office = Office::new().await;
    let elif = &office.world.elif;
    let add_goal = async |title: &str| {
        let fields = [
            ("title", title),
            ("sprint", "42"),
            ("measure", "count"),
            ("target", "1"),
            ("counted_by", "tasks"),
        ];
        elif.post("/teams/infrastructure/goals", &fields).await.ok();
    };
    let finish = async |goal: &str, title: &str| {
        let key = elif.create_task("infrastructure", "todo", title).await;
        sqlx::query(
            "UPDATE tasks SET goal_id = (SELECT id FROM goals WHERE title = $1) WHERE title = $2",
        )
        .bind(goal)
        .bind(title)
        .execute(&office.world.db)
        .await
        .unwrap();
        elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
            .await
            .ok();
        key
    };
    add_goal("Reached before").await;
    add_goal("Cut over the database").await;
    finish("Reached before", "First").await;
    office.set_up("slack", SLACK, &["goals", "sprints"]).await;
    assert!(office.after(Duration::minutes(5)).await.is_empty());
    let key = finish("Cut over the database", "Second").await;
    let sent = office.after(Duration::minutes(2)).await;
    assert!(
        sent.len() == 1
            && sent[0].starts_with("*Infrastructure: goal reached*")
            && sent[0].contains("|Cut over the database>: ")
            && !sent[0].contains("Reached before"),
        "{sent:?}"
    );
    elif.post(&format!("/tasks/{key}/position"), &[("column", "todo")])
        .await
        .ok();
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
    assert!(office.after(Duration::minutes(5)).await.is_empty());

    let open = elif.create_task("infrastructure", "todo", "Open").await;
    close_sprint(elif, &[(&open, "carry")]).await.ok();
    let sent = office.after(Duration::minutes(2)).await;
    assert!(
        sent.len() == 1
            && sent[0].contains("sprint closed")
            && sent[0].contains("2 of 3 tasks done, 1 carried over, 2 of 2 goals met")
            && sent[0].contains("/sprints/42/retro?team=infrastructure|Sprint 42>"),
        "{sent:?}"
    );
}

#[tokio::test]
async fn message_waits_as_long_as_the_chat_asks_and_is_given_up_if_refused() {
    let office = Office::new().await;
    office.set_up("slack", SLACK, &["blocked"]).await;
    let (ada, ..) = create_account(&office.world, "ada", "admin").await;
    office.block("Cut over", "team", "ingestion").await;
    office
        .chat
        .answer([Next::RetryAfter("90"), Next::Status(500), Next::Status(404)]);
    assert!(office.after(Duration::minutes(2)).await.is_empty());
    assert!(office.after(Duration::seconds(89)).await.is_empty());
    assert_eq!(office.outbox().await, [(1, false)], "not before 90 seconds");
    assert!(office.after(Duration::seconds(1)).await.is_empty());
    assert_eq!(office.outbox().await, [(2, false)], "500");
    assert!(office.after(Duration::minutes(5)).await.is_empty());
    assert_eq!(office.outbox().await, [(3, true)], "404");
    let page = office.page().await;
    assert!(
        page.contains("The webhook is refused: 127.0.0.1 answered 404 Not Found"),
        "{page}"
    );
    // nothing more is prepared
    office.block("Another", "team", "ingestion").await;
    assert!(office.after(Duration::minutes(5)).await.is_empty());
    assert_eq!(office.outbox().await.len(), 1);
    let page = ada.get("/settings/mail").await.ok().text();
    assert!(
        page.contains("Blocked to the chat of Infrastructure") && page.contains("404"),
        "{page}"
    );
    // it works again
    let page = office
        .elif
        .post("/teams/infrastructure/settings/chat/test", &[])
        .await
        .ok()
        .text();
    assert!(page.contains("Slack has accepted a message."), "{page}");
    assert!(!page.contains("refused"), "{page}");
    assert!(office.chat.take()[0].contains("Fortnight can write here about"));
    ada.post("/settings/mail/retry", &[]).await.status(303);
    let sent = office.after(Duration::ZERO).await;
    assert!(sent.len() == 1 && sent[0].contains("Cut over"), "{sent:?}");
    assert!(
        !ada.get("/settings/mail")
            .await
            .ok()
            .text()
            .contains("Not sent")
    );
}

#[tokio::test]
async fn private_team_is_not_named_among_what_was_given_up() {
    let office = Office::new().await;
    office.set_up("slack", SLACK, &["blocked"]).await;
    let (ada, ..) = create_account(&office.world, "ada", "admin").await;
    office.block("Cut over", "team", "ingestion").await;
    office.chat.answer([Next::Status(410)]);
    office.after(Duration::minutes(2)).await;
    office
        .elif
        .post("/teams/infrastructure/visibility", &[("private", "1")])
        .await
        .status(303);
    let page = ada.get("/settings/mail").await.ok().text();
    assert!(
        page.contains("the chat of a private team") && !page.contains("the chat of Infrastructure"),
        "{page}"
    );
}

/// Adds a message that was given up.
async fn give_up(
    world: &World,
    kind: &str,
    team: &str,
    subjects: &[Uuid],
    at: OffsetDateTime,
) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO outbox (id, channel, kind, team_id, subjects, created_at, send_at, error, failed_at, attempts)
         SELECT $1, 'chat', $2, t.id, $3, $4, $4, 'refused', $4, 8 FROM teams t WHERE t.slug = $5",
    )
    .bind(id)
    .bind(kind)
    .bind(subjects)
    .bind(at)
    .bind(team)
    .execute(&world.db)
    .await
    .unwrap();
    id
}

#[tokio::test]
async fn one_of_several_that_were_given_up_is_sent_again() {
    let office = Office::new().await;
    office.set_up("slack", SLACK, &["blocked"]).await;
    let world = &office.world;
    let (ada, ..) = create_account(world, "ada", "admin").await;
    let now = office.app.clock.now();
    let subjects: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
    let give_up = async |nth: usize| {
        let at = now + Duration::minutes(nth as i64);
        give_up(world, "blocked", "infrastructure", &subjects[nth..=nth], at).await
    };
    let outbox = async || -> Vec<(Uuid, bool, i64)> {
        sqlx::query_as(
            "SELECT id, failed_at IS NULL, cardinality(subjects)::bigint FROM outbox ORDER BY id",
        )
        .fetch_all(&world.db)
        .await
        .unwrap()
    };
    let (first, second) = (give_up(0).await, give_up(1).await);
    let one = first.to_string();
    ada.post("/settings/mail/retry", &[("mail", &one)])
        .await
        .status(303);
    assert_eq!(outbox().await, [(first, true, 1), (second, false, 1)]);
    // its like is waiting now, and takes over what it is about
    let third = give_up(2).await;
    let one = second.to_string();
    ada.post("/settings/mail/retry", &[("mail", &one)])
        .await
        .status(303);
    assert_eq!(outbox().await, [(first, true, 2), (third, false, 1)]);
    ada.post("/settings/mail/retry", &[]).await.status(303);
    assert_eq!(outbox().await, [(first, true, 3)]);
}

/// Has the database refuse what is done to rows of Infrastructure.
async fn refuse(world: &World, operation: &str, table: &str) {
    let team: Uuid = sqlx::query_scalar("SELECT id FROM teams WHERE slug = 'infrastructure'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let row = if operation == "DELETE" { "OLD" } else { "NEW" };
    let sql = format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF {row}.team_id = '{team}' THEN RAISE EXCEPTION 'refused'; END IF; RETURN {row}; END $$;
         CREATE TRIGGER refuse BEFORE {operation} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&world.db)
        .await
        .unwrap();
}

/// Gives Ingestion a webhook like that of Infrastructure.
async fn copy_webhook(world: &World) {
    sqlx::query(
        "INSERT INTO chat_webhooks (team_id, product, url, standups, blocked, goals, sprints)
         SELECT t.id, w.product, w.url, w.standups, w.blocked, w.goals, w.sprints FROM chat_webhooks w, teams t
         WHERE t.slug = 'ingestion'",
    )
    .execute(&world.db)
    .await
    .unwrap();
}

#[tokio::test]
async fn error_of_one_team_does_not_stop_the_summaries_of_others() {
    let office = Office::new().await;
    office.set_up("slack", SLACK, &["standups"]).await;
    copy_webhook(&office.world).await;
    refuse(&office.world, "UPDATE", "chat_webhooks").await;
    office
        .app
        .clock
        .advance(datetime!(2026-11-25 9:30 UTC) - office.app.clock.now());
    send_due(&office.app).await.unwrap_err();
    let sent = office.chat.take();
    assert!(sent.len() == 1 && sent[0].contains("Ingestion"), "{sent:?}");
    // nor is theirs sent twice
    office.app.clock.advance(Duration::minutes(3));
    send_due(&office.app).await.unwrap_err();
    assert!(office.chat.take().is_empty());
}

#[tokio::test]
async fn error_while_sending_does_not_cut_what_others_send() {
    let office = Office::new().await;
    office.set_up("slack", SLACK, &["standups"]).await;
    copy_webhook(&office.world).await;
    refuse(&office.world, "DELETE", "outbox").await;
    office
        .app
        .clock
        .advance(datetime!(2026-11-25 9:30 UTC) - office.app.clock.now());
    send_due(&office.app).await.unwrap_err();
    let left: Vec<String> =
        sqlx::query_scalar("SELECT t.slug FROM outbox o JOIN teams t ON t.id = o.team_id")
            .fetch_all(&office.world.db)
            .await
            .unwrap();
    assert_eq!(
        left,
        ["infrastructure"],
        "what was sent for the other team is noted"
    );
}

#[tokio::test]
async fn error_of_one_team_does_not_stop_the_news_of_others() {
    let office = Office::new().await;
    let world = &office.world;
    for (person, team) in [(&world.elif, "infrastructure"), (&world.jonas, "ingestion")] {
        person.create_task(team, "todo", "Cut over").await;
    }
    refuse(world, "UPDATE", "notification_cursors").await;
    deliver_all(&office.app, office.app.clock.now(), true)
        .await
        .unwrap_err();
    let told: Vec<String> = sqlx::query_scalar(
        "SELECT t.slug FROM teams t JOIN notification_cursors c ON c.team_id = t.id AND c.seq = t.seq ORDER BY t.slug",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert!(told.contains(&"ingestion".to_owned()), "{told:?}");
    assert!(!told.contains(&"infrastructure".to_owned()), "{told:?}");
}

/// As share links end: others may read the channel.
#[tokio::test]
async fn private_team_sends_nothing_until_a_lead_saves_its_webhook_again() {
    let office = Office::new().await;
    office.set_up("slack", SLACK, &["blocked"]).await;
    office.block("Cut over", "team", "ingestion").await;
    deliver_all(&office.app, office.app.clock.now(), true)
        .await
        .unwrap();
    let make = async |private: &str| {
        let fields: &[(&str, &str)] = if private.is_empty() {
            &[]
        } else {
            &[("private", private)]
        };
        let path = "/teams/infrastructure/visibility";
        office.elif.post(path, fields).await.status(303);
    };
    make("1").await;
    assert!(office.after(Duration::minutes(2)).await.is_empty());
    office.block("Another", "team", "ingestion").await;
    assert!(office.after(Duration::minutes(5)).await.is_empty());
    let problem = "The team has become private. Save the webhook again to send to it.";
    let page = office.page().await;
    assert!(
        page.contains(problem) && !page.contains("is refused"),
        "{page}"
    );
    // a test decides nothing
    let path = "/teams/infrastructure/settings/chat";
    office.elif.post(&format!("{path}/test"), &[]).await.ok();
    office.chat.take();
    assert!(office.page().await.contains(problem));
    // the same URL again
    let fields = [("product", "slack"), ("url", ""), ("blocked", "1")];
    office.elif.post(path, &fields).await.status(303);
    assert!(!office.page().await.contains(problem));
    office.block("Third", "team", "ingestion").await;
    let sent = office.after(Duration::minutes(2)).await;
    assert!(sent.len() == 1 && sent[0].contains("Third"), "{sent:?}");
    // and when it is open again
    make("1").await;
    make("").await;
    make("1").await;
    assert!(office.page().await.contains(problem));
    make("").await;
    assert!(!office.page().await.contains(problem));
}

#[tokio::test]
async fn late_summary_is_given_up_and_a_slow_chat_is_tried_again() {
    let office = Office::new().await;
    office.set_up("discord", DISCORD, &["standups"]).await;
    let limits = Limits {
        time: StdDuration::from_millis(50),
        ..Limits::default()
    };
    let impatient = app_with(&office.world, limits);
    office.chat.answer([Next::Silence]);
    office
        .app
        .clock
        .advance(datetime!(2026-11-25 9:30 UTC) - office.app.clock.now());
    assert_eq!(send_due(&impatient).await.unwrap(), 0);
    assert_eq!(office.outbox().await, [(1, false)]);
    office.chat.answer([
        Next::Status(503),
        Next::Status(502),
        Next::Status(500),
        Next::Status(500),
    ]);
    for minutes in [1, 5, 30, 120] {
        assert!(office.after(Duration::minutes(minutes)).await.is_empty());
    }
    assert_eq!(
        office.outbox().await,
        [(5, true)],
        "the next attempt would be in the afternoon"
    );
}

#[tokio::test]
async fn secret_is_shown_nowhere() {
    let office = Office::new().await;
    office
        .set_up("slack", SLACK, &["standups", "blocked"])
        .await;
    let page = office.page().await;
    assert!(
        page.contains("<b>127.0.0.1</b>") && page.contains("<code>cret</code>"),
        "{page}"
    );
    // saved without a URL, it stays
    office
        .elif
        .post(
            "/teams/infrastructure/settings/chat",
            &[("product", "slack"), ("blocked", "1")],
        )
        .await
        .status(303);
    office.block("Cut over", "team", "ingestion").await;
    office.chat.answer([Next::Status(400)]);
    office.after(Duration::minutes(2)).await;
    let (ada, ..) = create_account(&office.world, "ada", "admin").await;
    let ada = Client {
        router: office.elif.router.clone(),
        ..ada
    };
    let mut texts = vec![page, office.page().await];
    for path in [
        "/settings/mail",
        "/settings/outgoing",
        "/settings/system",
        "/settings/audit",
        "/settings/audit.csv",
        "/teams/infrastructure/history",
        "/teams/infrastructure/settings",
        "/api/v1/teams/infrastructure/events",
    ] {
        let text = ada.get(path).await.ok().text();
        if path == "/settings/outgoing" {
            assert!(text.contains("Slack at 127.0.0.1"), "{text}");
        }
        texts.push(text);
    }
    let refused = office
        .elif
        .post(
            "/teams/infrastructure/settings/chat",
            &[
                ("product", "slack"),
                ("url", "ftp://example.org/slack-secret"),
            ],
        )
        .await
        .status(422)
        .text();
    texts.push(refused);
    for text in texts {
        assert!(
            !text.contains("slack-secret") && !text.contains("/services/T0"),
            "{text}"
        );
    }
    let rest: Vec<String> = sqlx::query_scalar(
        "SELECT before::text || after::text FROM events UNION ALL SELECT kind || about FROM audit_log
         UNION ALL SELECT error FROM outbox UNION ALL SELECT problem FROM chat_webhooks",
    )
    .fetch_all(&office.world.db)
    .await
    .unwrap();
    assert!(
        rest.iter().all(|text| !text.contains("slack-secret")),
        "{rest:?}"
    );
    assert!(
        rest.iter().any(|text| text.contains("team.chat-changed")),
        "{rest:?}"
    );
}

#[tokio::test]
async fn webhook_leads_to_the_internet_encrypted() {
    let office = Office::new().await;
    let save = async |client: &Client, url: &str| {
        let fields = [("product", "slack"), ("url", url), ("standups", "1")];
        client
            .post("/teams/infrastructure/settings/chat", &fields)
            .await
    };
    // this program allows no private networks
    for url in [
        "https://127.0.0.1/services/x",
        "https://10.0.0.1/services/x",
    ] {
        let page = save(&office.world.elif, url).await.status(422).text();
        assert!(page.contains("which is not a public address"), "{page}");
    }
    let page = save(&office.elif, "http://93.184.215.14/hooks/x")
        .await
        .status(422)
        .text();
    assert!(page.contains("must start with https://"), "{page}");
    save(&office.elif, "not a url").await.status(422);
    save(&office.elif, "").await.status(422);
    save(&office.elif, "https://93.184.215.14/hooks/x")
        .await
        .status(303);
    office
        .elif
        .post("/teams/infrastructure/settings/chat/remove", &[])
        .await
        .status(303);
    assert!(!office.page().await.contains("Send a test"));
    office
        .elif
        .post("/teams/infrastructure/settings/chat/test", &[])
        .await
        .status(409);
    // what was stored when the network was allowed is refused when it is used
    office.set_up("slack", SLACK, &["standups"]).await;
    let page = office
        .world
        .elif
        .post("/teams/infrastructure/settings/chat/test", &[])
        .await
        .ok()
        .text();
    assert!(page.contains("which is not a public address"), "{page}");
    assert!(office.chat.take().is_empty());
}

#[tokio::test]
async fn prometheus_reads_messages_that_wait_were_sent_or_were_given_up() {
    let office = Office::new().await;
    office.set_up("slack", SLACK, &["blocked"]).await;
    let figures = async || outbox_figures(&office.app, "chat").await;
    assert_eq!(figures().await, [0, 0, 0].into());
    office.block("Cut over", "team", "ingestion").await;
    office.chat.answer([Next::Status(500)]);
    assert!(office.after(Duration::minutes(5)).await.is_empty());
    office.app.clock.advance(Duration::seconds(30));
    let waiting = figures().await;
    assert_eq!((waiting.waiting, waiting.given_up), (1.0, 0.0));
    assert!(waiting.oldest_seconds >= 30.0, "{waiting:?}");
    assert_eq!(office.after(Duration::minutes(1)).await.len(), 1);
    assert_eq!(figures().await, [0, 0, 0].into());
    office.block("Dual write", "team", "ingestion").await;
    office.chat.answer([Next::Status(404)]);
    assert!(office.after(Duration::minutes(5)).await.is_empty());
    assert_eq!(figures().await, [0, 1, 0].into());
    let mail = outbox_figures(&office.app, "mail").await;
    assert_eq!(mail, [0, 0, 0].into());
}
