//! Setting up an empty workspace, by the one-time link that the server printed.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use sqlx::{PgConnection, PgExecutor};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        accounts::create::{NewAccount, add_account},
        auth::{passwords, secrets, sessions},
        clock,
        error::{Problem, Result},
        events::audit_log::{self, Line},
        slug::{free, slug},
        sprints::cadence,
        team::Team,
        teams::{
            create::{add_member, add_team},
            roster::weekday,
        },
    },
    http::{
        extract::form::Fields,
        layout::Layout,
        middleware::client_ip::ClientIp,
        page::{self, theme},
    },
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Key {
    key: String,
}

#[derive(Template)]
#[template(path = "teams/setup.html")]
struct SetupPage {
    layout: Layout,
    key: String,
    today: Date,
    /// Teams that were created on the command line before the setup.
    there: Vec<Team>,
    typed: Fields,
    errors: BTreeMap<&'static str, String>,
}

impl SetupPage {
    /// The teams to create: the entered ones, existing ones, or two examples.
    fn teams(&self) -> Vec<String> {
        let mut names = if self.typed.get("team").is_some() {
            self.typed.all("team")
        } else if self.there.is_empty() {
            vec!["Infrastructure".to_owned(), "Ingestion".to_owned()]
        } else {
            self.there.iter().map(|team| team.name.clone()).collect()
        };
        names.resize(names.len().max(2), String::new());
        names
    }

    fn value(&self, field: &str, first: impl AsRef<str>) -> String {
        self.typed.get(field).unwrap_or(first.as_ref()).to_owned()
    }

    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// This week's Monday.
    fn monday(&self) -> String {
        self.today
            .saturating_sub(Duration::days(i64::from(
                self.today.weekday().number_days_from_monday(),
            )))
            .to_string()
    }

    fn has_weeks(&self, weeks: &str) -> bool {
        self.value("cadence_weeks", "2") == weeks
    }
}

/// `GET /setup?key=…`
pub async fn form(
    State(app): State<App>,
    Query(key): Query<Key>,
    headers: HeaderMap,
) -> Result<Response> {
    check_link(&app, &app.db, &key.key).await?;
    page::page(&setup_page(&app, &headers, key.key, Fields::default(), BTreeMap::new()).await?)
}

async fn setup_page(
    app: &App,
    headers: &HeaderMap,
    key: String,
    typed: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<SetupPage> {
    let layout = Layout::bare(app, "Set up".to_owned(), theme(headers));
    let today = clock::day_in(app.clock.now(), "UTC");
    Ok(SetupPage {
        layout,
        key,
        today,
        there: teams_there(&app.db).await?,
        typed,
        errors,
    })
}

async fn teams_there(db: impl PgExecutor<'_>) -> Result<Vec<Team>> {
    Ok(
        sqlx::query_as("SELECT id, slug, name, key, seq FROM teams ORDER BY created_at, id")
            .fetch_all(db)
            .await?,
    )
}

/// `POST /setup`
pub async fn set_up(
    State(app): State<App>,
    from: ClientIp,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    check_link(&app, &app.db, fields.text("key")).await?;
    let hashed = passwords::hash(fields.text("password").to_owned()).await;
    let mut tx = app.db.begin().await?;
    let written = match hashed {
        Ok(password_hash) => write(&app, &mut tx, &fields, password_hash).await,
        Err(problem) => Err(problem),
    };
    match written {
        Ok((account, team)) => {
            let (now, network) = (app.clock.now(), from.to_string());
            let agent = headers
                .get(header::USER_AGENT)
                .and_then(|agent| agent.to_str().ok())
                .unwrap_or("");
            let session = sessions::start(&mut *tx, now, account, agent).await?;
            let line = Line {
                actor: Some(account),
                about: "by the link for setting up",
                network: &network,
                ..Line::default()
            };
            audit_log::write(
                &mut tx,
                now,
                Line {
                    kind: "sign-in.succeeded",
                    ..line
                },
            )
            .await?;
            tx.commit().await?;
            let mut response = Redirect::to(&format!("/teams/{team}")).into_response();
            let cookie = crate::http::cookies::set_cookie(app.is_https(), &session);
            response.headers_mut().insert(
                header::SET_COOKIE,
                HeaderValue::from_str(&cookie).map_err(anyhow::Error::from)?,
            );
            Ok(response)
        }
        Err(Problem::Invalid(errors)) => {
            tx.rollback().await?;
            let key = fields.text("key").to_owned();
            let page = setup_page(&app, &headers, key, fields, errors).await?;
            page::refused(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// The setup link is valid until it is used, and only while the workspace is empty.
async fn check_link(app: &App, db: impl PgExecutor<'_>, key: &str) -> Result<()> {
    let holds: bool = sqlx::query_scalar(
        "SELECT NOT EXISTS (SELECT FROM accounts)
            AND EXISTS (SELECT FROM entry_links WHERE token_hash = $1 AND purpose = 'setup' AND expires_at > $2)",
    )
    .bind(secrets::digest(key))
    .bind(app.clock.now())
    .fetch_one(db)
    .await?;
    if holds {
        Ok(())
    } else {
        Err(Problem::NotFound)
    }
}

async fn write(
    app: &App,
    db: &mut PgConnection,
    fields: &Fields,
    password_hash: String,
) -> Result<(Uuid, String)> {
    let now = app.clock.now();
    let zone = Some(fields.text("time_zone").trim())
        .filter(|zone| !zone.is_empty())
        .unwrap_or("UTC");
    if !clock::is_zone(zone) {
        return Err(Problem::field(
            "time_zone",
            "Unknown time zone. Use a name such as Europe/Berlin.",
        ));
    }
    let weeks: i32 = fields
        .parse("cadence_weeks", "Enter a length of 1 to 8 weeks.")?
        .unwrap_or(2);
    let start = fields.date("starts_on")?.ok_or_else(|| {
        Problem::field("starts_on", "Enter the start date of the current sprint.")
    })?;
    let today = clock::day_in(now, zone);
    if start > today || start <= today.saturating_sub(Duration::weeks(i64::from(weeks))) {
        return Err(Problem::field(
            "starts_on",
            "The current sprint must have started and not yet ended. Check start date and length.",
        ));
    }
    let number: i32 = fields
        .parse("number", "Enter a sprint number of 1 or more.")?
        .unwrap_or(1);
    if !(1..=90_000).contains(&number) {
        return Err(Problem::field(
            "number",
            "Enter a sprint number of 1 or more.",
        ));
    }
    // A second use of the link waits here, and then finds it used.
    sqlx::query("UPDATE workspace SET cadence_weeks = $1, cadence_weekday = $2, time_zone = $3, set_up_at = $4")
        .bind(weeks)
        .bind(weekday(start))
        .bind(zone)
        .bind(now)
        .execute(&mut *db)
        .await?;
    check_link(app, &mut *db, fields.text("key")).await?;
    let me = NewAccount {
        email: fields.text("email").to_owned(),
        name: fields.text("name").to_owned(),
        password_hash,
        admin: true,
        time_zone: zone.to_owned(),
    };
    let about = format!("{} as administrator", me.email.trim());
    let person = add_account(db, now, me).await?;
    let line = Line {
        actor: Some(person.id),
        kind: "account.created",
        about: &about,
        ..Line::default()
    };
    audit_log::write(db, now, line).await?;
    let first = found_teams(db, now, &fields.all("team"), person.id).await?;
    begin_sprints(db, number, start, weeks).await?;
    cadence::update_sprints(db, now).await?;
    sqlx::query("DELETE FROM entry_links WHERE purpose = 'setup'")
        .execute(db)
        .await?;
    Ok((person.id, first))
}

/// Creates the teams of these names, or joins existing ones. Returns the first one's slug.
async fn found_teams(
    db: &mut PgConnection,
    now: OffsetDateTime,
    names: &[String],
    founder: Uuid,
) -> Result<String> {
    let there = teams_there(&mut *db).await?;
    let mut keys: Vec<String> = there.iter().map(|team| team.key.clone()).collect();
    let mut first = None;
    for name in names.iter().map(|name| name.trim()) {
        let address = slug(name);
        let is_it =
            |team: &&Team| team.slug == address || team.name.to_lowercase() == name.to_lowercase();
        if let Some(team) = there.iter().find(is_it) {
            add_member(db, now, team.id, founder, true).await?;
            audit_team(
                db,
                now,
                (team.id, founder),
                "team.role-changed",
                "leads {team} from now on",
            )
            .await?;
            first.get_or_insert_with(|| team.slug.clone());
            continue;
        }
        if address.is_empty() {
            return Err(Problem::field(
                "team",
                "The name must contain letters or digits.",
            ));
        }
        let key = key_of(&address, &keys);
        let team =
            add_team(db, now, &address, name, &key)
                .await
                .map_err(|problem| match problem {
                    Problem::Invalid(errors) => {
                        Problem::field("team", errors.into_values().collect::<Vec<_>>().join(" "))
                    }
                    other => other,
                })?;
        add_member(db, now, team, founder, true).await?;
        audit_team(db, now, (team, founder), "team.created", "{team}").await?;
        keys.push(key);
        first.get_or_insert(address);
    }
    first.ok_or_else(|| Problem::field("team", "Enter at least one team."))
}

async fn audit_team(
    db: &mut PgConnection,
    now: OffsetDateTime,
    (team, actor): (Uuid, Uuid),
    kind: &str,
    about: &str,
) -> Result<()> {
    audit_log::write(
        db,
        now,
        Line {
            actor: Some(actor),
            kind,
            about,
            team: Some(team),
            ..Line::default()
        },
    )
    .await
}

/// Creates the current sprint. A team created earlier came with sprints that may have tasks: those
/// that are not over are rescheduled, the first one as the current sprint.
async fn begin_sprints(db: &mut PgConnection, number: i32, start: Date, weeks: i32) -> Result<()> {
    let there: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM sprints WHERE state IN ('active', 'planned') ORDER BY starts_on",
    )
    .fetch_all(&mut *db)
    .await?;
    if there.is_empty() {
        cadence::add_sprint(db, number, start, weeks, "Sprint {n}").await?;
        return Ok(());
    }
    sqlx::query(
        "UPDATE sprints SET number = $2 + nth - 1, name = replace(w.sprint_names, '{n}', ($2 + nth - 1)::text),
                starts_on = $3 + 7 * $4 * (nth - 1), ends_on = $3 + 7 * $4 * nth - 1
         FROM workspace w, (SELECT id, nth::integer FROM unnest($1::uuid[]) WITH ORDINALITY AS there (id, nth)) AS there
         WHERE sprints.id = there.id",
    )
    .bind(there)
    .bind(number)
    .bind(start)
    .bind(weeks)
    .execute(db)
    .await?;
    Ok(())
}

/// Derives a task key from the name: INF, ING; with a digit if it is taken.
fn key_of(address: &str, taken: &[String]) -> String {
    let letters: String = address
        .chars()
        .filter(char::is_ascii_alphabetic)
        .take(3)
        .collect::<String>()
        .to_uppercase();
    let letters = if letters.len() < 2 {
        format!("T{letters}K")
    } else {
        letters
    };
    free(&letters, "", |key| taken.iter().any(|other| other == key))
}
