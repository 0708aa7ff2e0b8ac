//! Mail: confirmed addresses only, what is still unread when it is sent, and a digest on the mornings of standups.

use std::sync::Arc;

use fortnight::{
    app::{App, Settings},
    domain::mail::mailer::{Mailer, Patience},
    jobs::{mail::send_due, notifications::deliver_all},
};
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    sync::Mutex,
};

use crate::{
    fixtures::{Client, NOW, World},
    mail_server::MailServer,
    outbox_metrics::outbox_figures,
    people::{PASSWORD, create_account},
    second_factor::{cookie as cookie_of, set_up},
};

/// A workspace that can send mail.
struct Office {
    world: World,
    app: App,
    server: MailServer,
}

fn app_with(world: &World, port: u16) -> App {
    let url = format!("smtp://127.0.0.1:{port}");
    let mailer = Mailer::new(&url, None, "http://fortnight.test").unwrap();
    let settings = Settings {
        mailer: Some(mailer),
        ..Settings::default()
    };
    let clock = world.app.clock.clone();
    App::with(settings, "http://fortnight.test", world.db.clone(), clock)
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        let server = MailServer::start().await;
        Self {
            app: app_with(&world, server.port),
            world,
            server,
        }
    }

    /// A client of the program that sends mail.
    fn client(&self, client: &Client) -> Client {
        Client {
            router: fortnight::http::router::router(self.app.clone()),
            ..client.clone()
        }
    }

    async fn confirm(&self, client: &Client) {
        sqlx::query("UPDATE accounts SET email_confirmed_at = $2 WHERE id = $1")
            .bind(client.person.id)
            .bind(NOW)
            .execute(&self.world.db)
            .await
            .unwrap();
    }

    /// Time passes; notifications are delivered, and mail is sent.
    async fn after(&self, time: Duration) -> Vec<String> {
        deliver_all(&self.app, self.app.clock.now(), true)
            .await
            .unwrap();
        self.app.clock.advance(time);
        let now = self.app.clock.now();
        deliver_all(&self.app, now, true).await.unwrap();
        send_due(&self.app).await.unwrap();
        self.server.take()
    }

    async fn at(&self, moment: OffsetDateTime) -> Vec<String> {
        self.after(moment - self.app.clock.now()).await
    }

    async fn mention_jonas(&self, text: &str) -> String {
        let elif = &self.world.elif;
        let key = elif.create_task("infrastructure", "todo", "Cut over").await;
        elif.post(&format!("/tasks/{key}/comments"), &[("body", text)])
            .await
            .ok();
        key
    }
}

#[tokio::test]
async fn address_is_confirmed_before_mail_goes_there() {
    let office = Office::new().await;
    let jonas = office.client(&office.world.jonas);
    office.mention_jonas("Ready, @jonas?").await;
    assert!(office.after(Duration::minutes(5)).await.is_empty());
    let page = jonas.get("/me/notifications").await.ok().text();
    assert!(page.contains("Send a link to confirm it"), "{page}");
    jonas.post("/me/email/confirmation", &[]).await.status(303);
    let mails = office.after(Duration::ZERO).await;
    assert_eq!(mails.len(), 1);
    assert!(
        mails[0].contains("Subject: Confirm your e-mail address"),
        "{}",
        mails[0]
    );
    let link = mails[0]
        .split("http://fortnight.test/confirm/")
        .nth(1)
        .unwrap();
    let link = format!("/confirm/{}", link.split_whitespace().next().unwrap());
    let stranger = office.client(&office.world.stranger());
    // opening it is not enough: mail programs do that by themselves
    stranger.get(&link).await.ok();
    assert!(
        jonas
            .get("/me/notifications")
            .await
            .ok()
            .text()
            .contains("Send again")
    );
    stranger.post(&link, &[]).await.ok();
    assert!(
        jonas
            .get("/me/notifications")
            .await
            .ok()
            .text()
            .contains("which you have confirmed")
    );
    stranger.post(&link, &[]).await.status(404);
    stranger.get(&link).await.status(404);
}

#[tokio::test]
async fn mention_that_stays_unread_is_mailed_after_two_minutes() {
    let office = Office::new().await;
    let jonas = &office.world.jonas;
    office.confirm(jonas).await;
    let key = office
        .mention_jonas("Ready, @jonas?\r\n<script>alert(1)</script>")
        .await;
    assert!(office.after(Duration::minutes(1)).await.is_empty());
    let mails = office.after(Duration::minutes(1)).await;
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    for expected in [
        "To: jonas@",
        &format!("Subject: Cut over ({key})"),
        "Elif mentioned you: “Ready, @jonas? <script>alert(1)</script>”",
        "“Ready, @jonas? &#60;script&#62;alert(1)&#60;/script&#62;”",
        &format!("http://fortnight.test/tasks/{key}"),
        "List-Unsubscribe: <http://fortnight.test/unsubscribe/",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "References: <thread-",
        "prefers-color-scheme: dark",
    ] {
        assert!(mail.contains(expected), "{expected} in {mail}");
    }
    assert!(!mail.contains("<img") && !mail.contains("src="), "{mail}");
    // once
    assert!(office.after(Duration::hours(1)).await.is_empty());

    // read meanwhile: no mail
    let other = office.mention_jonas("And this, @jonas?").await;
    assert!(office.after(Duration::minutes(1)).await.is_empty());
    jonas.get(&format!("/tasks/{other}")).await.ok();
    assert!(office.after(Duration::minutes(5)).await.is_empty());

    // a second mail about the same task belongs to the same thread
    office
        .world
        .elif
        .post(
            &format!("/tasks/{key}/comments"),
            &[("body", "Still, @jonas?")],
        )
        .await
        .ok();
    let again = office.after(Duration::minutes(2)).await;
    let thread = |mail: &str| {
        let rest = mail.split("References: ").nth(1).unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(thread(&again[0]), thread(mail));
    assert!(
        !again[0].contains("Ready, @jonas?"),
        "that was mailed before"
    );
}

#[tokio::test]
async fn nothing_is_mailed_about_what_one_may_no_longer_see() {
    let office = Office::new().await;
    let (elif, jonas) = (&office.world.elif, &office.world.jonas);
    office.confirm(jonas).await;
    office.mention_jonas("Ready, @jonas?").await;
    assert!(office.after(Duration::minutes(1)).await.is_empty());
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&office.world.db)
        .await
        .unwrap();
    elif.post("/teams/infrastructure/visibility", &[("private", "1")])
        .await
        .status(303);
    assert!(office.after(Duration::minutes(10)).await.is_empty());
    // nor to a deactivated account
    elif.post("/teams/infrastructure/visibility", &[])
        .await
        .status(303);
    office.mention_jonas("And now, @jonas?").await;
    assert!(office.after(Duration::minutes(1)).await.is_empty());
    sqlx::query("UPDATE accounts SET deactivated_at = $2 WHERE id = $1")
        .bind(jonas.person.id)
        .bind(NOW)
        .execute(&office.world.db)
        .await
        .unwrap();
    assert!(office.after(Duration::minutes(10)).await.is_empty());
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
        .fetch_one(&office.world.db)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn digest_comes_on_standup_mornings_with_what_is_unread() {
    let office = Office::new().await;
    let (elif, jonas) = (&office.world.elif, &office.world.jonas);
    office.confirm(jonas).await;
    let read = jonas.create_task("ingestion", "todo", "Read before").await;
    let key = jonas.create_task("ingestion", "todo", "Dual write").await;
    for task in [&read, &key] {
        jonas
            .post(&format!("/tasks/{task}/follow"), &[("follow", "1")])
            .await
            .ok();
        elif.post(
            &format!("/tasks/{task}/comments"),
            &[("body", "Nearly done")],
        )
        .await
        .ok();
    }
    sqlx::query("UPDATE accounts SET time_zone = 'Asia/Tokyo', digest_at = 510 WHERE id = $1")
        .bind(jonas.person.id)
        .execute(&office.world.db)
        .await
        .unwrap();
    // the tests begin on a Tuesday; the standups are on Monday, Wednesday and Friday
    assert!(
        office.at(datetime!(2026-11-24 23:20 UTC)).await.is_empty(),
        "8:20 in Tokyo"
    );
    jonas.get(&format!("/tasks/{read}")).await.ok();
    let mails = office.at(datetime!(2026-11-24 23:31 UTC)).await;
    assert_eq!(mails.len(), 1, "8:31 on Wednesday in Tokyo");
    let mail = &mails[0];
    assert!(
        mail.contains("Subject: 1 thing before your standup")
            && mail.contains("Dual write")
            && mail.contains("Elif commented on it")
            && !mail.contains("Read before"),
        "{mail}"
    );
    // once a day, not on Thursday, and nothing to say on Friday
    for later in [
        datetime!(2026-11-24 23:40 UTC),
        datetime!(2026-11-25 23:31 UTC),
        datetime!(2026-11-26 23:31 UTC),
    ] {
        assert!(office.at(later).await.is_empty(), "{later}");
    }
    // stopped with one click, as the mail program does it
    let link = mail
        .split("List-Unsubscribe: <http://fortnight.test")
        .nth(1)
        .unwrap();
    let link = link.split('>').next().unwrap();
    office
        .client(&office.world.stranger())
        .post(link, &[("List-Unsubscribe", "One-Click")])
        .await
        .ok();
    elif.post(&format!("/tasks/{key}/comments"), &[("body", "Done")])
        .await
        .ok();
    assert!(
        office.at(datetime!(2026-11-29 23:31 UTC)).await.is_empty(),
        "Monday"
    );
    assert!(
        office
            .world
            .inbox(jonas)
            .await
            .contains("Elif commented on it")
    );
}

/// The hour of the digest stays the same when the clocks change.
#[tokio::test]
async fn digest_follows_summer_time() {
    let office = Office::new().await;
    let (elif, jonas) = (&office.world.elif, &office.world.jonas);
    office.confirm(jonas).await;
    sqlx::query("UPDATE sessions SET created_at = '2027-03-01', expires_at = '2028-01-01'")
        .execute(&office.world.db)
        .await
        .unwrap();
    let key = jonas.create_task("ingestion", "todo", "Dual write").await;
    jonas
        .post(&format!("/tasks/{key}/follow"), &[("follow", "1")])
        .await
        .ok();
    for (zone, before, due) in [
        (
            "America/New_York",
            datetime!(2027-03-12 12:59 UTC),
            datetime!(2027-03-12 13:00 UTC),
        ),
        (
            "America/New_York",
            datetime!(2027-03-15 11:59 UTC),
            datetime!(2027-03-15 12:00 UTC),
        ),
        (
            "Europe/Berlin",
            datetime!(2027-03-26 06:59 UTC),
            datetime!(2027-03-26 07:00 UTC),
        ),
        (
            "Europe/Berlin",
            datetime!(2027-03-29 05:59 UTC),
            datetime!(2027-03-29 06:00 UTC),
        ),
        (
            "Asia/Kolkata",
            datetime!(2027-04-02 02:29 UTC),
            datetime!(2027-04-02 02:30 UTC),
        ),
        (
            "Pacific/Auckland",
            datetime!(2027-04-04 19:59 UTC),
            datetime!(2027-04-04 20:00 UTC),
        ),
    ] {
        sqlx::query("UPDATE accounts SET time_zone = $2 WHERE id = $1")
            .bind(jonas.person.id)
            .bind(zone)
            .execute(&office.world.db)
            .await
            .unwrap();
        office.at(before - Duration::hours(9)).await;
        elif.post(&format!("/tasks/{key}/comments"), &[("body", "News")])
            .await
            .ok();
        assert!(office.at(before).await.is_empty(), "{zone} {before}");
        assert_eq!(office.at(due).await.len(), 1, "{zone} {due}");
    }
}

/// Answers like a mail server, except where the test says otherwise.
async fn fake_server(answers: Arc<Mutex<Vec<&'static str>>>) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answers.lock().await.pop().unwrap_or("550 no");
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"220 fake\r\n").await.unwrap();
            while let Ok(Some(line)) = lines.next_line().await {
                let reply = match line.split(' ').next().unwrap() {
                    "EHLO" => "250 fake",
                    "MAIL" => "250 ok",
                    "RCPT" if answer != "drop" => answer,
                    "RCPT" => "250 ok",
                    "DATA" => "354 go on",
                    _ if answer == "drop" => break,
                    "QUIT" => "221 bye",
                    _ => continue,
                };
                if write
                    .write_all(format!("{reply}\r\n").as_bytes())
                    .await
                    .is_err()
                {
                    break;
                }
            }
        }
    });
    port
}

#[tokio::test]
async fn mail_is_tried_again_and_given_up_where_administrators_see_it() {
    let office = Office::new().await;
    let jonas = &office.world.jonas;
    office.confirm(jonas).await;
    let (ada, ..) = create_account(&office.world, "ada", "admin").await;
    let ada = office.client(&ada);
    // the last is taken first
    let answers = Arc::new(Mutex::new(vec!["550 no such person", "451 later", "drop"]));
    let broken = app_with(&office.world, fake_server(answers).await);
    office.mention_jonas("Ready, @jonas?").await;
    deliver_all(&broken, broken.clock.now(), true)
        .await
        .unwrap();
    let mut attempts = Vec::new();
    for minutes in [2, 0, 1, 4, 1] {
        broken.clock.advance(Duration::minutes(minutes));
        send_due(&broken).await.unwrap();
        let state: (i32, String, bool) =
            sqlx::query_as("SELECT attempts, error, failed_at IS NOT NULL FROM outbox")
                .fetch_one(&office.world.db)
                .await
                .unwrap();
        attempts.push((state.0, state.2));
    }
    assert_eq!(
        attempts,
        [(1, false), (1, false), (2, false), (2, false), (3, true)],
        "dropped; again after a minute; refused for good after five more"
    );
    let page = ada.get("/settings/mail").await.ok().text();
    assert!(
        page.contains("Notification to Jonas Gruber") && page.contains("no such person"),
        "{page}"
    );
    office.client(jonas).get("/settings/mail").await.status(403);
    // once the server works again, it is sent
    ada.post("/settings/mail/retry", &[]).await.status(303);
    let mails = office.after(Duration::ZERO).await;
    assert_eq!(mails.len(), 1);
    let page = ada.get("/settings/mail").await.ok().text();
    assert!(!page.contains("Not sent"), "{page}");
    let page = ada.post("/settings/mail/test", &[]).await.ok().text();
    assert!(
        page.contains("The server has accepted a mail to ada@"),
        "{page}"
    );
    assert_eq!(office.server.take().len(), 1);
}

#[tokio::test]
async fn each_reason_has_its_delivery() {
    let office = Office::new().await;
    let jonas = &office.world.jonas;
    office.confirm(jonas).await;
    let own = office.client(jonas);
    let set = async |fields: &[(&str, &str)]| own.post("/me/notifications", fields).await;
    set(&[("digest_at", "25:00")]).await.status(422);
    set(&[("digest_at", "07:15"), ("mentioned", "never")])
        .await
        .status(303);
    let page = own.get("/me/notifications").await.ok().text();
    assert!(page.contains("value=\"07:15\""), "{page}");
    office.mention_jonas("Ready, @jonas?").await;
    assert!(office.after(Duration::hours(30)).await.is_empty());
    set(&[("digest_at", "07:15"), ("mentioned", "digest")])
        .await
        .status(303);
    let mails = office.at(datetime!(2026-11-27 07:20 UTC)).await;
    assert_eq!(mails.len(), 1);
    assert!(
        mails[0].contains("Needs you") && mails[0].contains("Elif mentioned you"),
        "{}",
        mails[0]
    );
}

/// What is added while a mail is being sent is not lost: it waits for a mail of its own.
#[tokio::test]
async fn mention_during_sending_is_mailed_too() {
    let office = Office::new().await;
    let (elif, jonas) = (&office.world.elif, &office.world.jonas);
    office.confirm(jonas).await;
    let key = office.mention_jonas("First, @jonas?").await;
    deliver_all(&office.app, office.app.clock.now(), true)
        .await
        .unwrap();
    // the server asks for the next mention before it accepts the mail
    let (asked, mut asks) = tokio::sync::mpsc::channel(1);
    let (answer, answers) = tokio::sync::mpsc::channel(1);
    let slow = app_with(&office.world, slow_server(asked, answers).await);
    office.app.clock.advance(Duration::minutes(2));
    let sending = tokio::spawn({
        let slow = slow.clone();
        async move { send_due(&slow).await.unwrap() }
    });
    asks.recv().await.unwrap();
    elif.post(
        &format!("/tasks/{key}/comments"),
        &[("body", "Second, @jonas?")],
    )
    .await
    .ok();
    deliver_all(&office.app, office.app.clock.now(), true)
        .await
        .unwrap();
    answer.send(()).await.unwrap();
    assert_eq!(sending.await.unwrap(), 1);
    let mails = office.after(Duration::minutes(2)).await;
    assert!(
        mails.len() == 1 && mails[0].contains("Second, @jonas?") && !mails[0].contains("First"),
        "{mails:?}"
    );
}

/// Accepts one mail, but asks before it does.
async fn slow_server(
    asked: tokio::sync::mpsc::Sender<()>,
    mut answers: tokio::sync::mpsc::Receiver<()>,
) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 slow\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            let reply = match line.split(' ').next().unwrap() {
                "EHLO" | "MAIL" | "RCPT" => "250 ok",
                "DATA" => "354 go on",
                "." => {
                    asked.send(()).await.unwrap();
                    answers.recv().await.unwrap();
                    "250 ok"
                }
                "QUIT" => "221 bye",
                _ => continue,
            };
            if write
                .write_all(format!("{reply}\r\n").as_bytes())
                .await
                .is_err()
            {
                return;
            }
        }
    });
    port
}

/// The path of a link in a mail.
fn link_in(mail: &str, start: &str) -> String {
    let at = mail.find(&format!("http://fortnight.test{start}"));
    let link = &mail[at.unwrap_or_else(|| panic!("no {start} in {mail}"))..];
    let link = link.split(['"', '\n', ' ']).next().unwrap();
    link.strip_prefix("http://fortnight.test")
        .unwrap()
        .to_owned()
}

fn is_to(mail: &str, address: &str) -> bool {
    mail.contains(&format!("\nTo: {address}\n"))
}

impl Office {
    /// Signs in with a password, in a browser that sends this cookie. Returns the browser's device cookie.
    async fn sign_in(&self, email: &str, cookie: &str) -> String {
        let browser = Client {
            cookie: cookie.to_owned(),
            ..self.client(&self.world.stranger())
        };
        let fields = [("email", email), ("password", PASSWORD)];
        let signed_in = browser.post("/login", &fields).await.status(303);
        cookie_of(&signed_in, "device").unwrap()
    }
}

#[tokio::test]
async fn sign_in_with_a_new_browser_is_mailed() {
    let office = Office::new().await;
    let (ada, email, _) = create_account(&office.world, "ada", "member").await;
    office.confirm(&ada).await;
    assert!(office.after(Duration::ZERO).await.is_empty(), "the first");
    let device = office.sign_in(&email, "").await;
    let mails = office.after(Duration::ZERO).await;
    let [mail] = mails.as_slice() else {
        panic!("{mails:?}");
    };
    assert!(is_to(mail, &email), "{mail}");
    assert!(
        mail.contains("Subject: New sign-in to your account")
            && mail.contains("Unknown browser, on Tue 24 Nov 10:00")
            && mail.contains("http://fortnight.test/me#sessions"),
        "{mail}"
    );
    // the browser is known from now on, to this account
    office.sign_in(&email, &device).await;
    assert!(office.after(Duration::ZERO).await.is_empty());
    // two at a time are two mails
    office.sign_in(&email, "device=another").await;
    office.sign_in(&email, "").await;
    assert_eq!(office.after(Duration::ZERO).await.len(), 2);
    // both are sent again that a server refuses
    office.sign_in(&email, "").await;
    office.sign_in(&email, "").await;
    let refusing = app_with(&office.world, fake_server(Arc::default()).await);
    send_due(&refusing).await.unwrap();
    let (admin, ..) = create_account(&office.world, "root", "admin").await;
    let admin = office.client(&admin);
    let page = admin.get("/settings/mail").await.ok().text();
    let notice = "New device to Ada Lindqvist";
    assert_eq!(page.matches(notice).count(), 2, "{page}");
    admin.post("/settings/mail/retry", &[]).await.status(303);
    assert_eq!(office.after(Duration::ZERO).await.len(), 2);
    // an address that was not confirmed gets nothing
    let (_, unconfirmed, _) = create_account(&office.world, "berta", "member").await;
    office.sign_in(&unconfirmed, "").await;
    assert!(office.after(Duration::ZERO).await.is_empty());
    // a browser that was not used for more than a year is new again
    office.app.clock.advance(Duration::days(401));
    let now = office.app.clock.now();
    fortnight::domain::retention::purge_expired(&office.world.db, now)
        .await
        .unwrap();
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM known_devices")
        .fetch_one(&office.world.db)
        .await
        .unwrap();
    assert_eq!(known, 0);
}

#[tokio::test]
async fn former_address_is_told_of_a_change() {
    let office = Office::new().await;
    let (ada, email, _) = create_account(&office.world, "ada", "member").await;
    let ada = office.client(&ada);
    office.confirm(&ada).await;
    let change = async |email: &str, password: &str| {
        let fields = [("email", email), ("email_password", password)];
        ada.post("/me/email", &fields).await
    };
    for (email, password, message) in [
        ("new@example.org", "not the password", "Wrong password."),
        ("no address", PASSWORD, "Enter a valid e-mail address."),
        (
            "JONAS@example.org",
            PASSWORD,
            "An account with this e-mail address already exists.",
        ),
    ] {
        let refused = change(email, password).await.status(422).text();
        assert!(refused.contains(message), "{refused}");
    }
    assert!(office.after(Duration::ZERO).await.is_empty());
    change("new@example.org", PASSWORD).await.status(303);
    let mails = office.after(Duration::ZERO).await;
    assert_eq!(mails.len(), 2);
    let told = mails.iter().find(|mail| is_to(mail, &email)).unwrap();
    assert!(
        told.contains("Subject: Your e-mail address was changed")
            && !told.contains("new@example.org"),
        "{told}"
    );
    let asked = mails.iter().find(|mail| is_to(mail, "new@example.org"));
    let confirm = link_in(asked.unwrap(), "/confirm/");
    let confirmed = async || {
        let confirmed: bool =
            sqlx::query_scalar("SELECT email_confirmed_at IS NOT NULL FROM accounts WHERE id = $1")
                .bind(ada.person.id)
                .fetch_one(&office.world.db)
                .await
                .unwrap();
        confirmed
    };
    assert!(!confirmed().await);
    ada.post(&confirm, &[]).await.status(200);
    assert!(confirmed().await);
    office.sign_in("new@example.org", "").await;
    let stranger = office.client(&office.world.stranger());
    let former = [("email", email.as_str()), ("password", PASSWORD)];
    stranger.post("/login", &former).await.status(401);
}

/// Cases 26, 30. The answer is the same for every address, and the link goes to confirmed ones only.
#[tokio::test]
async fn forgotten_password_is_reset_by_mail() {
    let office = Office::new().await;
    let (ada, email, _) = create_account(&office.world, "ada", "member").await;
    let (gone, gone_email, _) = create_account(&office.world, "gone", "member").await;
    office.confirm(&ada).await;
    office.confirm(&gone).await;
    office.confirm(&office.world.jonas).await; // has no password
    sqlx::query("UPDATE accounts SET deactivated_at = now() WHERE id = $1")
        .bind(gone.person.id)
        .execute(&office.world.db)
        .await
        .unwrap();
    create_account(&office.world, "berta", "member").await;
    let stranger = office.client(&office.world.stranger());
    let login = stranger.get("/login").await.ok().text();
    assert!(login.contains("href=\"/login/forgot\""), "{login}");
    stranger.get("/login/forgot").await.status(200);
    let ask = async |email: &str| stranger.post("/login/forgot", &[("email", email)]).await;
    let answer = ask(&email).await.status(200).text();
    for other in [
        "nobody@example.org",
        "berta@example.org",
        "jonas@example.org",
        &gone_email,
    ] {
        assert_eq!(ask(other).await.status(200).text(), answer, "{other}");
    }
    ask(&email.to_uppercase()).await.status(200);
    let mails = office.after(Duration::ZERO).await;
    let [mail] = mails.as_slice() else {
        panic!("{mails:?}");
    };
    assert!(is_to(mail, &email), "{mail}");
    let first = link_in(mail, "/reset/");
    let secret = first.trim_start_matches("/reset/");
    let stored: Vec<u8> = sqlx::query_scalar("SELECT token_hash FROM password_resets")
        .fetch_one(&office.world.db)
        .await
        .unwrap();
    assert!(stored.len() == 32 && stored != secret.as_bytes());
    // a newer link ends the older one
    ask(&email).await.status(200);
    let second = link_in(&office.after(Duration::ZERO).await[0], "/reset/");
    stranger.get(&first).await.status(404);
    let fields = [("password", "a new long password")];
    let done = stranger.post(&second, &fields).await.status(303);
    assert!(cookie_of(&done, "session").is_some());
    stranger.post(&second, &fields).await.status(404);
    assert_eq!(office.after(Duration::ZERO).await.len(), 1, "a new browser");
    // three in a row, whether there is an account or not
    ask(&email).await.status(429);
    for expected in [200, 200, 429] {
        ask("nobody@example.org").await.status(expected);
    }
    // an hour later the link has expired
    office.app.clock.advance(Duration::hours(1));
    sqlx::query(
        "INSERT INTO outbox (id, kind, account_id, created_at, send_at) VALUES (gen_random_uuid(), 'password-reset', $1, $2, $2)",
    )
    .bind(ada.person.id)
    .bind(NOW)
    .execute(&office.world.db)
    .await
    .unwrap();
    assert!(office.after(Duration::MINUTE).await.is_empty());
    // without mail there is no such page
    let plain = office.world.stranger();
    plain.get("/login/forgot").await.status(404);
    plain.post("/login/forgot", &[]).await.status(404);
}

#[tokio::test]
async fn administrators_send_links_by_mail() {
    let office = Office::new().await;
    let (admin, ..) = create_account(&office.world, "root", "admin").await;
    let admin = office.client(&admin);
    let (ada, email, _) = create_account(&office.world, "ada", "member").await;
    let reset = [("do", "mail-link")];
    let refused = admin.post("/settings/people/ada", &reset).await;
    let refused = refused.status(422).text();
    assert!(refused.contains("has not confirmed their address"));
    office.confirm(&ada).await;
    let sent = admin.post("/settings/people/ada", &reset).await;
    let sent = sent.status(200).text();
    assert!(
        sent.contains("will be sent to @ada") && !sent.contains("/reset/"),
        "{sent}"
    );
    let mails = office.after(Duration::ZERO).await;
    assert!(mails.len() == 1 && is_to(&mails[0], &email), "{mails:?}");
    let link = link_in(&mails[0], "/reset/");
    admin.get(&link).await.status(200);
    // an invitation
    let invite = async |email: &str| {
        let fields = [
            ("team", "infrastructure"),
            ("days", "7"),
            ("for", "many"),
            ("invitee", email),
        ];
        admin.post("/settings/invitations", &fields).await
    };
    let refused = invite("no address").await.status(422).text();
    assert!(refused.contains("Enter a valid e-mail address."));
    let page = invite("nadia@example.net").await.status(200).text();
    assert!(
        page.contains("An invitation will be sent to nadia@example.net.")
            && page.contains("nadia@example.net, by e-mail")
            && !page.contains("/join/"),
        "{page}"
    );
    invite("otto@example.net").await.status(200);
    let mails = office.after(Duration::ZERO).await;
    assert_eq!(mails.len(), 2);
    let mail = mails.iter().find(|mail| is_to(mail, "nadia@example.net"));
    let mail = mail.unwrap();
    assert!(
        mail.contains("Subject: Root invited you to Infrastructure at Fortnight")
            && mail.contains("works until Tue 1 Dec"),
        "{mail}"
    );
    let link = link_in(mail, "/join/");
    let stranger = office.client(&office.world.stranger());
    let fields = [
        ("email", "nadia@example.net"),
        ("name", "Nadia Öz"),
        ("password", "a long enough one"),
    ];
    stranger.post(&link, &fields).await.status(303);
    // it is for one person
    let fields = [
        ("email", "other@example.net"),
        ("name", "Other"),
        ("password", "a long enough one"),
    ];
    stranger.post(&link, &fields).await.status(410);
    // a revoked one is not sent
    invite("late@example.net").await.status(200);
    sqlx::query("UPDATE invitations SET revoked_at = now() WHERE email = 'late@example.net'")
        .execute(&office.world.db)
        .await
        .unwrap();
    assert!(office.after(Duration::ZERO).await.is_empty());
    // without mail nothing is sent
    let plain = Client {
        router: office.world.router.clone(),
        ..admin.clone()
    };
    let page = plain.get("/settings/people").await.ok().text();
    assert!(!page.contains("name=\"invitee\"") && !page.contains("link by e-mail"));
    plain.post("/settings/people/ada", &reset).await.status(409);
}

#[tokio::test]
async fn person_is_mailed_whose_second_factor_is_reset() {
    let office = Office::new().await;
    let (admin, ..) = create_account(&office.world, "root", "admin").await;
    let (ada, email, _) = create_account(&office.world, "ada", "member").await;
    office.confirm(&ada).await;
    set_up(&office.world, &ada, &email).await;
    let reset = [("do", "reset-second-factor")];
    let admin = office.client(&admin);
    admin.post("/settings/people/ada", &reset).await.status(303);
    let mails = office.after(Duration::ZERO).await;
    assert!(
        mails.len() == 1
            && is_to(&mails[0], &email)
            && mails[0].contains("Root Lindqvist has removed the second factor of your account"),
        "{mails:?}"
    );
}

/// Accepts connections and says nothing on the first, or, with `greets`, only its greeting and an endless answer.
async fn stalling_server(greets: bool) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stalled, _) = listener.accept().await.unwrap();
        let stalling = async {
            while greets && stalled.write_all(b"220-wait\r\n").await.is_ok() {
                tokio::task::yield_now().await;
            }
            std::future::pending::<()>().await;
        };
        let answering = async {
            while let Ok((stream, _)) = listener.accept().await {
                let (read, mut write) = stream.into_split();
                let mut lines = BufReader::new(read).lines();
                write.write_all(b"220 fake\r\n").await.unwrap();
                while let Ok(Some(line)) = lines.next_line().await {
                    let reply = match line.split(' ').next().unwrap() {
                        "EHLO" | "MAIL" | "RCPT" | "." => "250 ok",
                        "DATA" => "354 go on",
                        "QUIT" => "221 bye",
                        _ => continue,
                    };
                    let reply = format!("{reply}\r\n");
                    if write.write_all(reply.as_bytes()).await.is_err() {
                        break;
                    }
                }
            }
        };
        tokio::join!(stalling, answering);
    });
    port
}

#[tokio::test]
async fn server_that_stalls_does_not_hold_up_other_mail() {
    for greets in [false, true] {
        let office = Office::new().await;
        for handle in ["ada", "berta"] {
            let (person, email, _) = create_account(&office.world, handle, "member").await;
            office.confirm(&person).await;
            office.sign_in(&email, "").await;
            office.app.clock.advance(Duration::seconds(1));
        }
        let url = format!("smtp://127.0.0.1:{}", stalling_server(greets).await);
        let patience = Patience {
            step: std::time::Duration::from_millis(100),
            conversation: std::time::Duration::from_millis(300),
        };
        let settings = Settings {
            mailer: Some(
                Mailer::with_patience(&url, None, "http://fortnight.test", patience).unwrap(),
            ),
            ..Settings::default()
        };
        let (clock, db) = (office.app.clock.clone(), office.world.db.clone());
        let app = App::with(settings, "http://fortnight.test", db, clock);
        let sending = tokio::time::timeout(std::time::Duration::from_secs(20), send_due(&app));
        let sent = sending.await.expect("it gives up").unwrap();
        assert_eq!(sent, 1, "the second one, greets: {greets}");
        let left: Vec<(i32, bool)> = sqlx::query_as("SELECT attempts, error <> '' FROM outbox")
            .fetch_all(&office.world.db)
            .await
            .unwrap();
        assert_eq!(left, [(1, true)], "the one that the server did not answer");
        // a minute later it is tried again
        app.clock.advance(Duration::MINUTE);
        assert_eq!(send_due(&app).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn prometheus_reads_mail_that_waits_was_sent_or_was_given_up() {
    let office = Office::new().await;
    let jonas = office.client(&office.world.jonas);
    let (ada, ..) = create_account(&office.world, "ada", "admin").await;
    let ada = office.client(&ada);
    let figures = async || outbox_figures(&office.app, "mail").await;
    assert_eq!(figures().await, [0, 0, 0].into());
    jonas.post("/me/email/confirmation", &[]).await.status(303);
    office.app.clock.advance(Duration::seconds(90));
    assert_eq!(figures().await, [1, 0, 90].into());
    send_due(&office.app).await.unwrap();
    assert_eq!(figures().await, [0, 0, 0].into());
    // no server answers there
    let broken = app_with(&office.world, 1);
    jonas.post("/me/email/confirmation", &[]).await.status(303);
    send_due(&broken).await.unwrap();
    office.app.clock.advance(Duration::seconds(30));
    assert_eq!(figures().await, [1, 0, 30].into(), "it is tried again");
    for _ in 0..7 {
        office.app.clock.advance(Duration::DAY);
        send_due(&broken).await.unwrap();
    }
    assert_eq!(figures().await, [0, 1, 0].into());
    ada.post("/settings/mail/retry", &[]).await.status(303);
    let days = 7 * 86_400 + 30;
    assert_eq!(figures().await, [1, 0, days].into());
    send_due(&office.app).await.unwrap();
    assert_eq!(figures().await, [0, 0, 0].into());
    let chat = outbox_figures(&office.app, "chat").await;
    assert_eq!(chat, [0, 0, 0].into());
}
