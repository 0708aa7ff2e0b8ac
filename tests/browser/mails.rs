//! Each kind of mail as a mail program shows it: light and dark, wide and narrow.

use fortnight::{
    app::{App, Settings},
    domain::mail::mailer::Mailer,
    jobs::{mail::send_due, notifications::deliver_all},
};
use time::{Duration, macros::datetime};

use crate::{
    browser_fixture::{BrowserFixture, Window},
    fixtures::Client,
    mail_server::MailServer,
};

/// A word that fits into no line of a telephone.
const LONG: &str =
    "https://example.org/Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamte";

/// The HTML part of a mail.
fn html_of(mail: &str) -> &str {
    let start = mail.find("<!doctype html>").expect("a mail has HTML");
    let end = mail.rfind("</html>").expect("it has an end");
    &mail[start..end]
}

fn subject_of(mail: &str) -> &str {
    let (_, rest) = mail.split_once("Subject: ").unwrap();
    rest.lines().next().unwrap()
}

/// Shows a mail in both sizes and colour schemes; returns what is wrong with it.
async fn look_at(window: &Window, name: &str, mail: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (width, phone) in [(1440, false), (390, true)] {
        window.resize(width, 900, phone).await;
        for scheme in ["light", "dark"] {
            window.set_color_scheme(scheme).await;
            window.show_html(html_of(mail)).await;
            let shot = format!("mail-{name}-{width}-{scheme}");
            window.screenshot(&shot).await;
            let found = window.accessibility_violations().await;
            problems.extend(found.iter().map(|problem| format!("{shot}: {problem}")));
            let wide: bool = window
                .evaluate("document.documentElement.scrollWidth > innerWidth")
                .await;
            if wide {
                problems.push(format!("{shot} is wider than the window"));
            }
        }
    }
    problems
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mail_is_readable_in_light_and_dark() {
    let server = MailServer::start().await;
    let url = format!("smtp://127.0.0.1:{}", server.port);
    let settings = || Settings {
        mailer: Some(Mailer::new(&url, None, "http://fortnight.test").unwrap()),
        ..Settings::default()
    };
    let fixture = BrowserFixture::with(settings()).await;
    let world = &fixture.world;
    let (clock, db) = (world.app.clock.clone(), world.db.clone());
    let app = App::with(settings(), "http://fortnight.test", db, clock);
    let through = |client: &Client| Client {
        router: fortnight::http::router::router(app.clone()),
        ..client.clone()
    };
    let (elif, jonas) = (through(&world.elif), through(&world.jonas));
    let send = async |kind: &str| {
        deliver_all(&app, app.clock.now(), true).await.unwrap();
        app.clock.advance(Duration::minutes(2));
        send_due(&app).await.unwrap();
        let mails = server.take();
        assert_eq!(mails.len(), 1, "{kind}: {mails:?}");
        (kind.to_owned(), mails[0].clone())
    };
    let mut mails = Vec::new();
    jonas.post("/me/email/confirmation", &[]).await.status(303);
    mails.push(send("confirmation").await);
    sqlx::query(
        "UPDATE accounts SET email_confirmed_at = created_at, role = CASE handle WHEN 'elif' THEN 'admin' ELSE role END",
    )
    .execute(&world.db)
    .await
    .unwrap();
    elif.post("/settings/mail/test", &[]).await.ok();
    mails.push(("test".to_owned(), server.take().remove(0)));
    let key = elif
        .create_task("infrastructure", "todo", &format!("Cut over to {LONG}"))
        .await;
    let comment = format!("A second pair of eyes on {LONG}, @jonas?");
    elif.post(&format!("/tasks/{key}/comments"), &[("body", &comment)])
        .await
        .ok();
    mails.push(send("notification").await);
    for (kind, details) in [
        ("new-device", "Firefox on Linux"),
        ("second-factor-reset", "Elif Hartmann"),
        ("address-changed", ""),
        ("password-reset", ""),
    ] {
        sqlx::query(
            "INSERT INTO outbox (id, kind, account_id, details, address, created_at, send_at)
             VALUES (gen_random_uuid(), $1, $2, $3, CASE $1 WHEN 'address-changed' THEN 'former@example.org' END, $4, $4)",
        )
        .bind(kind)
        .bind(jonas.person.id)
        .bind(details)
        .bind(app.clock.now())
        .execute(&world.db)
        .await
        .unwrap();
        sqlx::query("UPDATE accounts SET password_hash = 'x' WHERE id = $1")
            .bind(jonas.person.id)
            .execute(&world.db)
            .await
            .unwrap();
        mails.push(send(kind).await);
    }
    let invite = [("invitee", "new@example.net"), ("days", "7")];
    elif.post("/settings/invitations", &invite).await.ok();
    mails.push(send("invitation").await);
    for title in ["Dual write", LONG] {
        let key = jonas.create_task("ingestion", "todo", title).await;
        let follow = [("follow", "1")];
        let path = format!("/tasks/{key}/follow");
        jonas.post(&path, &follow).await.ok();
        let path = format!("/tasks/{key}/comments");
        elif.post(&path, &[("body", "The retry is in place")])
            .await
            .ok();
    }
    deliver_all(&app, app.clock.now(), true).await.unwrap();
    // a Wednesday, soon after eight o’clock
    app.clock
        .advance(datetime!(2026-11-25 08:10 UTC) - app.clock.now());
    mails.push(send("digest").await);

    let window = fixture.open_anonymous_window().await;
    let mut problems = Vec::new();
    for (kind, mail) in &mails {
        assert!(!subject_of(mail).is_empty(), "{kind}");
        problems.extend(look_at(&window, kind, mail).await);
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
