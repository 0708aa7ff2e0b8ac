//! The reader's account page: profile, working hours, time off, sessions and tokens.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use time::{Date, OffsetDateTime};

use crate::{
    app::App,
    domain::{
        accounts::{
            absences,
            api_tokens::TokenRow,
            avatars,
            profile::{self, Profile},
            queries::{self, SignInMeans},
            working_hours::{Hours, format_minute, parse_time_of_day},
        },
        auth::sessions::SessionRow,
        error::{Problem, Result},
        humanize,
        person::Person,
        policy::{team_access, viewer::Viewer},
        team::Team,
    },
    http::{extract::form::Fields, layout::Layout, page},
};

#[derive(Template)]
#[template(path = "accounts/me.html")]
pub(crate) struct MePage {
    layout: Layout,
    profile: Profile,
    means: SignInMeans,
    has_mail: bool,
    me: Person,
    has_picture: bool,
    sessions: Vec<SessionRow>,
    tokens: Vec<TokenRow>,
    absences: Vec<(Date, Date)>,
    /// The teams that a token can be limited to.
    teams: Vec<Team>,
    /// A token that was just created; it is shown only once.
    pub(crate) created: String,
    now: OffsetDateTime,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
}

impl MePage {
    fn ago(&self, at: &OffsetDateTime) -> String {
        humanize::ago(self.now, *at)
    }

    fn moment(&self, at: &OffsetDateTime) -> String {
        humanize::moment(*at, &self.profile.hours.zone)
    }

    fn days(&self, (from, to): &(Date, Date)) -> String {
        if from == to {
            humanize::day(*from)
        } else {
            format!("{} to {}", humanize::day(*from), humanize::day(*to))
        }
    }

    fn is_hue(&self, hue: &i16) -> bool {
        self.profile.hue == *hue
    }

    fn until(&self, token: &TokenRow) -> String {
        token.expires_at.map_or_else(
            || "never expires".to_owned(),
            |at| format!("expires {}", humanize::day(at.date())),
        )
    }

    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// The entered value, or the current one.
    fn value(&self, field: &str) -> String {
        // Another refused form on the page does not concern these fields.
        if let Some(submitted) = self
            .submitted
            .get(field)
            .filter(|_| !self.errors.is_empty())
        {
            return submitted.to_owned();
        }
        match field {
            "name" => self.profile.name.clone(),
            "email" => self.means.email.clone(),
            "handle" => self.profile.handle.clone(),
            "time_zone" => self.profile.hours.zone.clone(),
            "works_from" => format_minute(self.profile.hours.from),
            "works_to" => format_minute(self.profile.hours.to),
            _ => String::new(),
        }
    }
}

/// `GET /me`
pub(crate) async fn me(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    page::page(&me_page(&app, &viewer, &headers, Fields::default(), BTreeMap::new()).await?)
}

pub(crate) async fn me_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<MePage> {
    let profile = profile::profile_of(&app.db, viewer.person.id).await?;
    Ok(MePage {
        layout: Layout::new(app, viewer, headers, "Your account", "").await?,
        sessions: crate::domain::auth::sessions::sessions(
            &app.db,
            viewer.person.id,
            viewer.proof.token_hash(),
        )
        .await?,
        tokens: crate::domain::accounts::api_tokens::tokens(&app.db, viewer.person.id).await?,
        absences: absences::away(&app.db, viewer.person.id).await?,
        teams: team_access::seen_teams(&app.db, viewer).await?,
        means: queries::sign_in_means(&app.db, viewer.person.id).await?,
        has_mail: app.has_mail().await?,
        created: String::new(),
        now: app.clock.now(),
        me: viewer.person.clone(),
        has_picture: avatars::avatar_of(&app.db, viewer.person.id)
            .await?
            .is_some(),
        profile,
        submitted,
        errors,
    })
}

/// `POST /me`
pub(crate) async fn edit_me(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let current = profile::profile_of(&app.db, viewer.person.id).await?;
    let outcome = match read_profile(&fields, current) {
        Ok(profile) => {
            let (actor, account) = (viewer.actor(), viewer.person.id);
            app.store
                .change(&actor, |change, _| {
                    Box::pin(profile::edit_profile(change, account, &profile))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) => Ok(Redirect::to("/me").into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = me_page(&app, &viewer, &headers, fields, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// Reads the profile form; username and colour keep their values if missing.
fn read_profile(fields: &Fields, current: Profile) -> Result<Profile> {
    let hour = |field: &'static str| {
        parse_time_of_day(fields.text(field))
            .ok_or_else(|| Problem::field(field, "Enter a time such as 09:00."))
    };
    let (from, to) = (hour("works_from")?, hour("works_to")?);
    let zone = fields.text("time_zone").trim().to_owned();
    let handle = match fields.get("handle") {
        Some(handle) => handle.trim().trim_start_matches('@').to_lowercase(),
        None => current.handle,
    };
    let hue = fields
        .parse("hue", "Choose a colour.")?
        .unwrap_or(current.hue);
    Ok(Profile {
        name: fields.text("name").trim().to_owned(),
        handle,
        hue,
        hours: Hours { zone, from, to },
    })
}
