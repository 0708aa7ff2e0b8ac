//! A team's settings: members, visibility, columns, share links and working days.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use time::{Date, OffsetDateTime};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        accounts::working_hours::{format_minute, parse_time_of_day},
        boards::{
            self, Column,
            labels::{self, Known},
        },
        column_state::ColumnState,
        dates::parse_date,
        error::{Problem, Result},
        events::EventStore,
        humanize,
        person::Person,
        policy::{team_access, viewer::Viewer},
        team::Team,
        teams::{
            membership::{self, Openness},
            queries,
            roster::{Member, Roster, load_roster},
            schedule::{self, WeekDraft},
            share_links::{self, Link},
        },
    },
    http::{extract::form::Fields, layout::Layout, page},
};

/// ISO weekdays by number, from 1.
pub(crate) const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

#[derive(Template)]
#[template(path = "teams/settings.html")]
pub(crate) struct SettingsPage {
    layout: Layout,
    team: Team,
    week: WeekDraft,
    days_off: Vec<(Date, String)>,
    /// Whether only members can see the team.
    private: bool,
    agents_may_close: bool,
    roster: Roster,
    /// Everyone who is not a member.
    others: Vec<Person>,
    columns: Vec<Column>,
    labels: Vec<Known>,
    links: Vec<Link>,
    /// A share link that was just created; it is shown only once.
    pub(crate) created: String,
    /// The team's public URL, and whether it is enabled.
    public: bool,
    public_address: String,
    now: OffsetDateTime,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
}

impl SettingsPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// The error of a field in the named form, for field names that several forms have.
    fn error_in(&self, form: &str, field: &str) -> &str {
        if self.submitted.text("form") == form {
            self.error(field)
        } else {
            ""
        }
    }

    /// Whether the refused form is the one with this field.
    fn is_refused(&self, field: &str) -> bool {
        !self.errors.is_empty() && self.submitted.get(field).is_some()
    }

    /// The error of an existing column's form.
    fn column_error(&self) -> &str {
        let renames =
            self.submitted.get("state").is_some() && self.submitted.text("form") != "column";
        let name = if renames { self.error("name") } else { "" };
        if name.is_empty() {
            self.error("column")
        } else {
            name
        }
    }

    /// The value entered in a refused row, or the current one.
    fn submitted_in<'a>(&'a self, row: &str, field: &str, current: &'a str) -> &'a str {
        if self.submitted.text("row") == row {
            self.submitted.text(field)
        } else {
            current
        }
    }

    /// The error of the day-off form.
    fn day_error(&self) -> &str {
        if self.is_refused("day") {
            self.error("name")
        } else {
            ""
        }
    }

    /// The entered value, or the current one.
    fn value(&self, field: &str) -> String {
        let form = if matches!(field, "time_zone" | "standup_at") {
            "standup_at"
        } else {
            "day"
        };
        if self.is_refused(form) {
            return self.submitted.text(field).to_owned();
        }
        match field {
            "time_zone" => self.week.zone.clone().unwrap_or_default(),
            "standup_at" => format_minute(self.week.standup_at),
            _ => String::new(),
        }
    }

    /// Every weekday, and whether it is checked in that field.
    fn days(&self, field: &str) -> Vec<(usize, &'static str, bool)> {
        let current = if field == "working_days" {
            &self.week.working_days
        } else {
            &self.week.standup_days
        };
        let submitted = self.submitted.all(field);
        let ticked = |number: usize| match self.is_refused("standup_at") {
            true => submitted.iter().any(|day| *day == number.to_string()),
            false => current
                .iter()
                .any(|day| usize::try_from(*day) == Ok(number)),
        };
        (1..)
            .zip(WEEKDAYS)
            .map(|(number, name)| (number, name, ticked(number)))
            .collect()
    }

    fn ends(&self, link: &Link) -> String {
        match link.expires_at {
            None => "never expires".to_owned(),
            Some(at) if at <= self.now => format!("expired {}", humanize::day(at.date())),
            Some(at) => format!("expires {}", humanize::day(at.date())),
        }
    }

    fn used(&self, link: &Link) -> String {
        link.last_used_at.map_or_else(
            || "never used".to_owned(),
            |at| format!("last used {}", humanize::ago(self.now, at)),
        )
    }

    fn since(&self, member: &Member) -> String {
        humanize::day(crate::domain::clock::day_in(
            member.since,
            &self.roster.week.zone,
        ))
    }

    fn day(&self, day: &Date) -> String {
        humanize::date(*day)
    }
}

/// `GET /teams/{slug}/settings`
pub(crate) async fn settings(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    page::page(
        &settings_page(
            &app,
            &viewer,
            &headers,
            team,
            Fields::default(),
            BTreeMap::new(),
        )
        .await?,
    )
}

pub(crate) async fn settings_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<SettingsPage> {
    let week = schedule::week(&app.db, team.id).await?;
    let days_off = queries::days_off(&app.db, team.id).await?;
    let Openness {
        private,
        public,
        agents_may_close,
    } = membership::openness(&app.db, team.id).await?;
    let now = app.clock.now();
    let roster = load_roster(&app.db, team.id).await?;
    let mut others = boards::queries::people(&app.db).await?;
    others.retain(|person| {
        roster
            .members
            .iter()
            .all(|member| member.person.id != person.id)
    });
    let layout = Layout::new(
        app,
        viewer,
        headers,
        format!("{}: settings", team.name),
        &team.slug,
    )
    .await?;
    Ok(SettingsPage {
        layout: layout.at("settings"),
        columns: boards::queries::columns(&app.db, team.id).await?,
        labels: labels::known(&app.db, team.id).await?,
        links: share_links::links(&app.db, team.id, now).await?,
        public_address: format!("{}/public/{}", app.public_url, team.slug),
        created: String::new(),
        team,
        week,
        days_off,
        agents_may_close,
        private,
        public,
        roster,
        others,
        submitted,
        errors,
        now,
    })
}

/// `POST /teams/{slug}/schedule`
pub(crate) async fn set_week(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    let outcome = match read_week(&fields) {
        Ok(week) => {
            let actor = viewer.actor();
            app.store
                .change(&actor, |change, _| {
                    Box::pin(schedule::set_week(change, &team, &week))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    respond(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}

/// `POST /teams/{slug}/days-off`
pub(crate) async fn add_day_off(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    let outcome = match fields
        .date("day")
        .and_then(|day| day.ok_or_else(|| Problem::field("day", "Enter a day.")))
    {
        Ok(day) => {
            let (actor, name) = (viewer.actor(), fields.text("name"));
            app.store
                .change(&actor, |change, _| {
                    Box::pin(schedule::add_day_off(change, &team, day, name))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    respond(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}

/// `POST /teams/{slug}/days-off/{day}/remove`
pub(crate) async fn remove_day_off(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, day)): Path<(String, String)>,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    let day = parse_date(&day).ok_or(Problem::NotFound)?;
    let actor = viewer.actor();
    store
        .change(&actor, |change, _| {
            Box::pin(schedule::remove_day_off(change, &team, day))
        })
        .await?;
    Ok(Redirect::to(&format!("/teams/{slug}/settings")).into_response())
}

pub(crate) async fn respond(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    fields: Fields,
    outcome: Result<()>,
) -> Result<Response> {
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("/teams/{}/settings", team.slug)).into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = settings_page(app, viewer, headers, team, fields, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

fn read_week(fields: &Fields) -> Result<WeekDraft> {
    let days = |field: &'static str| -> Result<Vec<i16>> {
        let mut days = Vec::new();
        for day in fields.all(field) {
            days.push(
                day.parse()
                    .map_err(|_| Problem::field(field, "Choose weekdays from Monday to Sunday."))?,
            );
        }
        days.sort_unstable();
        days.dedup();
        Ok(days)
    };
    let zone = fields.text("time_zone").trim();
    let wrong = || Problem::field("standup_at", "Enter a time such as 10:00.");
    Ok(WeekDraft {
        zone: (!zone.is_empty()).then(|| zone.to_owned()),
        working_days: days("working_days")?,
        standup_days: days("standup_days")?,
        standup_at: parse_time_of_day(fields.text("standup_at"))
            .filter(|minute| *minute < 1440)
            .ok_or_else(wrong)?,
    })
}
