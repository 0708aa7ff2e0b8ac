//! Mail: confirmed addresses only, what is still unread when it is sent, and a digest on the mornings of standups.

use std::{net::TcpListener, path::PathBuf, process::Stdio, sync::Arc};

use fortnight::{
    app::{App, Settings},
    domain::mail::mailer::Mailer,
    jobs::{mail::send_due, notifications::deliver_all},
};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::Mutex,
};

use crate::{
    fixtures::{Client, NOW, World},
    people::create_account,
    program::wait_until,
};

/// A real mail server that keeps what it receives in a folder.
struct MailServer {
    port: u16,
    folder: TempDir,
    _server: Child,
}

impl MailServer {
    async fn start() -> Self {
        // where bin/test puts it
        let installed = PathBuf::from("/usr/local/lib/fortnight-tests/aiosmtpd/bin/aiosmtpd");
        let program = if installed.exists() {
            installed
        } else {
            "aiosmtpd".into()
        };
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let server = Command::new(program)
            .args(["-n", "-l", &format!("127.0.0.1:{port}")])
            .args(["-c", "aiosmtpd.handlers.Mailbox"])
            .arg(folder.path().join("mail"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        wait_until("the mail server listens", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
        })
        .await;
        Self {
            port,
            folder,
            _server: server,
        }
    }

    /// The mails received since the last time, each as its text with decoded lines.
    fn take(&self) -> Vec<String> {
        let mut mails = Vec::new();
        for folder in ["new", "cur"] {
            let Ok(files) = std::fs::read_dir(self.folder.path().join("mail").join(folder)) else {
                continue;
            };
            let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
            paths.sort();
            for path in paths {
                mails.push(decoded(&std::fs::read_to_string(&path).unwrap()));
                std::fs::remove_file(path).unwrap();
            }
        }
        mails
    }
}

/// Undoes the line wrapping of headers and quoted-printable.
fn decoded(mail: &str) -> String {
    let joined = mail
        .replace("\r\n", "\n")
        .replace("=\n", "")
        .replace("\n ", " ");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'=' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

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
