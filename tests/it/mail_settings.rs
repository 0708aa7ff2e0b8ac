//! Settings → Mail: the server that an administrator enters, and its password.

use crate::{
    fixtures::{Client, Response, World},
    mail_server::MailServer,
    outbox_metrics::read_metrics,
    program::Place,
};
use fortnight::{
    app::{App, Settings},
    db,
    domain::mail::mailer::Mailer,
    http::router::router,
    jobs::mail::send_due,
};

const PASSWORD: &str = "h0rse b@ttery";

/// A workspace without flags for a mail server, and its administrator.
struct Office {
    world: World,
    app: App,
    admin: Client,
    server: MailServer,
}

/// A program of its own on the world's database, which may reach this machine.
async fn start_program(world: &World, mailer: Option<Mailer>) -> App {
    let options = (*world.db.connect_options()).clone();
    let settings = Settings {
        mailer,
        outgoing_allow: "127.0.0.1".parse().unwrap(),
        ..Settings::default()
    };
    let (pool, clock) = (
        db::pool::open(options).await.unwrap(),
        world.app.clock.clone(),
    );
    App::with(settings, "http://fortnight.test", pool, clock)
}

fn through(app: &App, client: &Client) -> Client {
    Client {
        router: router(app.clone()),
        ..client.clone()
    }
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
            .execute(&world.db)
            .await
            .unwrap();
        let app = start_program(&world, None).await;
        Self {
            admin: through(&app, &world.elif),
            app,
            world,
            server: MailServer::with_password(PASSWORD).await,
        }
    }

    /// Enters the server.
    async fn enter(&self, password: &str) -> Response {
        let port = self.server.port.to_string();
        self.save(&[("port", &port), ("password", password)]).await
    }

    /// Sends the form with these fields, and the others as they should be.
    async fn save(&self, fields: &[(&str, &str)]) -> Response {
        let mut form = vec![
            ("host", "localhost"),
            ("encryption", "none"),
            ("username", "fortnight"),
            ("sender", "Board <board@example.org>"),
        ];
        form.retain(|(name, _)| fields.iter().all(|(other, _)| other != name));
        form.extend(fields);
        self.admin.post("/settings/mail", &form).await
    }

    async fn test(&self) -> String {
        let tested = self.admin.post("/settings/mail/test", &[]).await;
        tested.ok().text()
    }

    async fn test_is_refused(&self) {
        let refused = self.admin.post("/settings/mail/test", &[]).await;
        let text = refused.status(409).text();
        assert!(text.contains("Mail is not set up."), "{text}");
    }

    async fn waiting(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM outbox WHERE failed_at IS NULL")
            .fetch_one(&self.world.db)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn server_on_the_page_is_used_at_once_by_every_program() {
    let office = Office::new().await;
    let other = start_program(&office.world, None).await;
    let jonas = through(&other, &office.world.jonas);
    let page = office.admin.get("/settings/mail").await.ok().text();
    assert!(page.contains("Mail is not set up."), "{page}");
    jonas.post("/me/email/confirmation", &[]).await.status(409);
    office.test_is_refused().await;

    office.enter(PASSWORD).await.status(303);
    let server = format!("localhost:{}", office.server.port);
    let page = office.admin.get("/settings/mail").await.ok().text();
    let sent = format!("Mail is sent through {server} as Board &#60;board@example.org&#62;.");
    assert!(page.contains(&sent), "{page}");
    let tested = office.test().await;
    assert!(
        tested.contains("The server has accepted a mail to elif@example.org."),
        "{tested}"
    );
    let mails = office.server.take();
    assert!(
        mails.len() == 1 && mails[0].contains("From: Board <board@example.org>"),
        "{mails:?}"
    );
    let outgoing = office.admin.get("/settings/outgoing").await.ok().text();
    assert!(
        outgoing.contains(&server) && outgoing.contains("Settings → Mail"),
        "{outgoing}"
    );
    // the other program has not been started again
    jonas.post("/me/email/confirmation", &[]).await.status(303);
    assert_eq!(send_due(&other).await.unwrap(), 1);
    assert_eq!(office.server.take().len(), 1);
    jonas.post("/me/email/confirmation", &[]).await;

    let removed = office.admin.post("/settings/mail/remove", &[]).await;
    removed.status(303);
    office.admin.post("/settings/mail/remove", &[]).await;
    assert_eq!(send_due(&other).await.unwrap(), 0);
    assert_eq!(office.waiting().await, 1, "it waits for another server");
    let page = office.admin.get("/settings/mail").await.ok().text();
    assert!(
        page.contains("1 waiting until a server is set up."),
        "{page}"
    );
    let stored: (Option<String>, String) =
        sqlx::query_as("SELECT password, username FROM mail_settings")
            .fetch_one(&office.world.db)
            .await
            .unwrap();
    assert_eq!(stored, (None, String::new()));
    let audited: Vec<(String, String)> = sqlx::query_as(
        "SELECT kind, about FROM audit_log WHERE kind LIKE 'mail.%' ORDER BY at, id",
    )
    .fetch_all(&office.world.db)
    .await
    .unwrap();
    assert_eq!(
        audited,
        [
            (
                "mail.server-changed".to_owned(),
                format!("{server}, not encrypted")
            ),
            ("mail.server-removed".to_owned(), "no server".to_owned()),
        ]
    );
}

#[tokio::test]
async fn wrong_password_is_told_in_words_and_mail_waits_for_the_right_one() {
    let office = Office::new().await;
    office.enter("another").await.status(303);
    let tested = office.test().await;
    assert!(
        tested.contains(
            "The mail was not sent: the server refuses the user name or the password: permanent error (535): 5.7.8"
        ),
        "{tested}"
    );
    assert!(!tested.contains("another"), "{tested}");
    let jonas = through(&office.app, &office.world.jonas);
    jonas.post("/me/email/confirmation", &[]).await.status(303);
    assert_eq!(send_due(&office.app).await.unwrap(), 0);
    assert_eq!(office.waiting().await, 1);
    office.enter(PASSWORD).await.status(303);
    office.app.clock.advance(time::Duration::MINUTE);
    assert_eq!(send_due(&office.app).await.unwrap(), 1);
    // what the server does not offer
    let port = office.server.port.to_string();
    office
        .save(&[("port", &port), ("encryption", "starttls")])
        .await
        .status(303);
    let tested = office.test().await;
    assert!(
        tested.contains("STARTTLS is not supported on this server"),
        "{tested}"
    );
}

/// Case 45.
#[tokio::test]
async fn mail_password_is_nowhere_to_be_read_and_stays_with_its_server() {
    let office = Office::new().await;
    office.enter(PASSWORD).await.status(303);
    // an empty field keeps it
    office.enter("").await.status(303);
    assert!(office.test().await.contains("has accepted"));
    let mut texts = vec![read_metrics(&office.app).await];
    for page in ["mail", "outgoing", "system", "audit"] {
        let page = format!("/settings/{page}");
        texts.push(office.admin.get(&page).await.ok().text());
    }
    // a refused form does not repeat it
    let refused = office
        .save(&[("port", "70000"), ("password", PASSWORD)])
        .await
        .status(422)
        .text();
    assert!(
        refused.contains("Enter a port from 1 to 65535.") && refused.contains("value=\"70000\""),
        "{refused}"
    );
    texts.push(refused);
    let audited: Vec<String> = sqlx::query_scalar("SELECT a::text FROM audit_log a")
        .fetch_all(&office.world.db)
        .await
        .unwrap();
    texts.extend(audited);
    for text in texts {
        assert!(!text.contains("h0rse"), "{text}");
    }
    // another server does not get it
    for (field, value) in [("port", "2525"), ("host", "127.0.0.1")] {
        let port = office.server.port.to_string();
        let mut fields = vec![("port", port.as_str())];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let text = office.save(&fields).await.status(422).text();
        assert!(
            text.contains("The stored password is for another server."),
            "{text}"
        );
    }
}

/// Case 43.
#[tokio::test]
async fn entered_mail_server_is_public_and_encrypted() {
    let office = Office::new().await;
    for host in [
        "127.1",
        "0x7f.1",
        "169.254.169.254",
        "10.0.0.1",
        "[::1]",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
    ] {
        let mut fields = vec![("host", host), ("encryption", "tls"), ("password", "x")];
        fields.push(("port", "25"));
        // 127.0.0.1 is allowed in the one program, not in the other
        let client = Client {
            router: office.world.router.clone(),
            ..office.admin.clone()
        };
        let text = client
            .post("/settings/mail", &fields)
            .await
            .status(422)
            .text();
        assert!(
            text.contains("which is not a public address"),
            "{host}: {text}"
        );
    }
    for (fields, expected) in [
        (
            [("host", "93.184.215.14"), ("encryption", "none")],
            "mail to 93.184.215.14 must be encrypted: only a server on this machine may do without.",
        ),
        (
            [("host", "mail.example.org:25"), ("encryption", "tls")],
            "Enter the name of the server",
        ),
        ([("host", ""), ("encryption", "tls")], "Enter the name"),
        (
            [("host", "127.0.0.1"), ("encryption", "opportunistic")],
            "Choose how mail is encrypted.",
        ),
        (
            [("host", "127.0.0.1"), ("sender", "nobody")],
            "Enter an address, such as",
        ),
        (
            [("host", "127.0.0.1"), ("username", "")],
            "Enter the user name that this password is for.",
        ),
    ] {
        let [one, two] = fields;
        let refused = office.save(&[one, two, ("password", "x")]).await;
        let text = refused.status(422).text();
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let text = office.save(&[]).await.status(422).text();
    assert!(text.contains("Enter the password."), "{text}");
    // what was stored when the network was allowed is refused when it is used
    office.enter(PASSWORD).await.status(303);
    let plain = Client {
        router: office.world.router.clone(),
        ..office.admin.clone()
    };
    let tested = plain.post("/settings/mail/test", &[]).await.ok().text();
    assert!(tested.contains("which is not a public address"), "{tested}");
    assert!(office.server.take().is_empty());
}

#[tokio::test]
async fn mail_server_of_flags_wins_over_the_page() {
    let office = Office::new().await;
    office.enter("of the page").await.status(303);
    let open = MailServer::start().await;
    let url = format!("smtp://127.0.0.1:{}", open.port);
    let mailer = Mailer::new(&url, None, "http://fortnight.test").unwrap();
    let app = start_program(&office.world, Some(mailer)).await;
    let admin = through(&app, &office.admin);
    let page = admin.get("/settings/mail").await.ok().text();
    let server = format!("127.0.0.1:{}", open.port);
    assert!(
        page.contains("Set by <code>--smtp-url</code>")
            && page.contains(&server)
            && !page.contains("name=\"host\""),
        "{page}"
    );
    for path in ["/settings/mail", "/settings/mail/remove"] {
        let text = admin.post(path, &[]).await.status(409).text();
        assert!(text.contains("--smtp-url"), "{text}");
    }
    admin.post("/settings/mail/test", &[]).await.ok();
    assert_eq!(open.take().len(), 1);
}

#[tokio::test]
async fn doctor_signs_in_at_the_mail_server() {
    let server = MailServer::with_password(PASSWORD).await;
    let place = Place::new();
    let running = place.serve().await;
    let mut sql = place.sql().await;
    sqlx::query(
        "UPDATE mail_settings SET host = '127.0.0.1', port = $1, encryption = 'none', username = 'fortnight', password = $2",
    )
    .bind(i32::from(server.port))
    .bind(PASSWORD)
    .execute(&mut sql)
    .await
    .unwrap();
    let doctor = async |args: &[&str]| {
        let output = place.run(&[args, &["doctor"]].concat()).await;
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!said.contains("h0rse"), "{said}");
        said
    };
    let address = format!("127.0.0.1:{}", server.port);
    let allowed = ["--outgoing-allow", "127.0.0.1"];
    let said = doctor(&allowed).await;
    assert!(
        said.contains(&format!("ok       Mail: {address} answers")),
        "{said}"
    );
    let said = doctor(&[]).await;
    assert!(
        said.contains("problem  Mail: ") && said.contains("which is not a public address"),
        "{said}"
    );
    sqlx::query("UPDATE mail_settings SET password = 'h0rse, a wrong one'")
        .execute(&mut sql)
        .await
        .unwrap();
    let said = doctor(&allowed).await;
    assert!(
        said.contains("the server refuses the user name or the password: permanent error (535)"),
        "{said}"
    );
    // the server of flags
    let open = MailServer::start().await;
    let url = format!("smtp://127.0.0.1:{}", open.port);
    let said = doctor(&["--smtp-url", &url]).await;
    let good = format!("ok       Mail: 127.0.0.1:{} answers", open.port);
    assert!(said.contains(&good), "{said}");
    assert!(!running.read_log().contains("h0rse"));

    // a backup keeps the row
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup").display().to_string();
    place.said(&["backup", &backup]).await;
    let elsewhere = Place::new();
    elsewhere.said(&["restore", &backup]).await;
    let _second = elsewhere.serve().await;
    let row = "SELECT m::text FROM mail_settings m";
    let before: String = sqlx::query_scalar(row).fetch_one(&mut sql).await.unwrap();
    let mut sql = elsewhere.sql().await;
    let after: String = sqlx::query_scalar(row).fetch_one(&mut sql).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn certificate_of_the_mail_server_must_be_for_its_name() {
    let authority = format!(
        "{}/tests/mail-server/authority.pem",
        env!("CARGO_MANIFEST_DIR")
    );
    let place = Place::new().with_variables(&[
        ("SSL_CERT_FILE", &authority),
        ("FORTNIGHT_OUTGOING_ALLOW", "127.0.0.1"),
    ]);
    let _running = place.serve().await;
    let mut sql = place.sql().await;
    for encryption in ["tls", "starttls"] {
        let server = MailServer::with(PASSWORD, encryption).await;
        for (host, expected) in [
            (
                "localhost",
                format!("ok       Mail: localhost:{} answers", server.port),
            ),
            ("127.0.0.1", "certificate not valid for name".to_owned()),
        ] {
            sqlx::query(
                "UPDATE mail_settings SET host = $1, port = $2, encryption = $3, username = 'fortnight', password = $4",
            )
            .bind(host)
            .bind(i32::from(server.port))
            .bind(encryption)
            .bind(PASSWORD)
            .execute(&mut sql)
            .await
            .unwrap();
            let output = place.run(&["doctor"]).await;
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(said.contains(&expected), "{encryption}, {host}: {said}");
        }
    }
}
