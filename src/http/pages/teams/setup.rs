//! Setting up an empty workspace, by the one-time link that the server printed.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use time::{Date, Duration, OffsetDateTime};

use crate::{
    app::App,
    domain::{
        accounts::{
            create::NewAccount,
            sign_in::{SignIn, sign_in},
        },
        auth::passwords,
        clock,
        error::{Problem, Result},
        setup::{self, Setup},
        team::Team,
    },
    http::{
        extract::form::Fields,
        layout::Layout,
        page::{self, theme},
        pages::accounts::SigningBrowser,
    },
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Key {
    pub(crate) key: String,
}

#[derive(Template)]
#[template(path = "teams/setup.html")]
struct SetupPage {
    layout: Layout,
    key: String,
    today: Date,
    /// Teams that were created on the command line before the setup.
    existing: Vec<Team>,
    submitted: Fields,
    /// The hash of a password that was accepted while other fields were refused, so that it need not be typed again.
    password_hash: String,
    errors: BTreeMap<&'static str, String>,
}

impl SetupPage {
    /// The teams to create: the entered ones, existing ones, or two examples.
    fn teams(&self) -> Vec<String> {
        let mut names = if self.submitted.get("team").is_some() {
            self.submitted.all("team")
        } else if self.existing.is_empty() {
            vec!["Infrastructure".to_owned(), "Ingestion".to_owned()]
        } else {
            self.existing.iter().map(|team| team.name.clone()).collect()
        };
        names.resize(names.len().max(2), String::new());
        names
    }

    fn value(&self, field: &str, first: impl AsRef<str>) -> String {
        self.submitted
            .get(field)
            .unwrap_or(first.as_ref())
            .to_owned()
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
pub(crate) async fn form(
    State(app): State<App>,
    Query(key): Query<Key>,
    headers: HeaderMap,
) -> Result<Response> {
    setup::check_link(&app.db, app.clock.now(), &key.key).await?;
    page::page(&setup_page(&app, &headers, key.key, Fields::default(), BTreeMap::new()).await?)
}

async fn setup_page(
    app: &App,
    headers: &HeaderMap,
    key: String,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<SetupPage> {
    let layout = Layout::bare(app, "Set up".to_owned(), theme(headers));
    let today = clock::day_in(app.clock.now(), "UTC");
    Ok(SetupPage {
        layout,
        key,
        today,
        existing: setup::existing_teams(&app.db).await?,
        submitted,
        password_hash: String::new(),
        errors,
    })
}

/// `POST /setup`
pub(crate) async fn set_up(
    State(app): State<App>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    setup::check_link(&app.db, app.clock.now(), fields.text("key")).await?;
    let password_hash = match (fields.text("password"), fields.text("password_hash")) {
        ("", earlier) if passwords::is_current_hash(earlier) => Ok(earlier.to_owned()),
        (password, _) => passwords::hash(password.to_owned()).await,
    };
    let accepted_hash = password_hash.as_ref().ok().cloned();
    let new = read_setup(&fields, password_hash, app.clock.now());
    let mut tx = app.db.begin().await?;
    let outcome = match new {
        Ok(new) => setup::set_up(&mut tx, app.clock.now(), new).await,
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok((account, team)) => {
            let browser = SigningBrowser::of(&app, &headers).await?;
            let next = format!("/teams/{team}");
            let request = SignIn {
                account,
                password_hash: None,
                by: "with the setup link",
                is_by_provider: false,
                identity: None,
                has_entered_code: false,
                browser: browser.browser(),
                next: &next,
            };
            let signed_in = sign_in(&mut tx, app.clock.now(), &request).await?;
            tx.commit().await?;
            browser.redirect(&app, &next, &signed_in)
        }
        Err(Problem::Invalid(errors)) => {
            tx.rollback().await?;
            let key = fields.text("key").to_owned();
            let page = SetupPage {
                password_hash: accepted_hash.unwrap_or_default(),
                ..setup_page(&app, &headers, key, fields, errors).await?
            };
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// Reads the form. All fields that are refused are named at once.
fn read_setup(
    fields: &Fields,
    password_hash: Result<String>,
    now: OffsetDateTime,
) -> Result<Setup> {
    let mut errors = BTreeMap::new();
    let zone = Some(fields.text("time_zone").trim())
        .filter(|zone| !zone.is_empty())
        .unwrap_or("UTC");
    let (name, email) = (fields.text("name"), fields.text("email"));
    let password_hash = accept(password_hash, &mut errors)?;
    accept(setup::check_person(name, email), &mut errors)?;
    let weeks = accept(
        fields.parse("cadence_weeks", "Enter a length of 1 to 8 weeks."),
        &mut errors,
    )?;
    let number = accept(
        fields.parse("number", "Enter a sprint number of 1 or more."),
        &mut errors,
    )?;
    let start = accept(fields.date("starts_on"), &mut errors)?;
    if start == Some(None) {
        errors.insert(
            "starts_on",
            "Enter the start date of the current sprint.".to_owned(),
        );
    }
    let (weeks, number) = (weeks.flatten().unwrap_or(2), number.flatten().unwrap_or(1));
    let start = start.flatten().unwrap_or(Date::MIN);
    if !errors.contains_key("starts_on") {
        accept(
            setup::check_sprint(now, zone, start, weeks, number),
            &mut errors,
        )?;
    }
    let teams = fields.all("team");
    if teams.iter().all(|team| team.trim().is_empty()) {
        errors.insert("team", "Enter at least one team.".to_owned());
    }
    if !errors.is_empty() {
        return Err(Problem::Invalid(errors));
    }
    Ok(Setup {
        link: fields.text("key").to_owned(),
        admin: NewAccount {
            email: email.to_owned(),
            name: name.to_owned(),
            password_hash: Some(password_hash.unwrap_or_default()),
            admin: true,
            time_zone: zone.to_owned(),
        },
        teams,
        sprint_weeks: weeks,
        sprint_start: start,
        sprint_number: number,
    })
}

/// The value, or `None` for a refused one, whose reason is added to the errors.
fn accept<T>(result: Result<T>, errors: &mut BTreeMap<&'static str, String>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Problem::Invalid(refused)) => {
            errors.extend(refused);
            Ok(None)
        }
        Err(other) => Err(other),
    }
}
