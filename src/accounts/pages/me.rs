//! What the reader says about themselves: their name, and when they work.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::State as Given,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use super::super::{
    hours::{Hours, clock_words, read_clock},
    profile::{self, Profile},
    viewer::Viewer,
};
use crate::{
    app::App,
    web::{
        error::{Problem, Result},
        forms::Fields,
        page::{self, Frame},
    },
};

#[derive(Template)]
#[template(path = "accounts/me.html")]
struct MePage {
    frame: Frame,
    profile: Profile,
    typed: Fields,
    errors: BTreeMap<&'static str, String>,
}

impl MePage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// What was typed, or else what stands.
    fn value(&self, field: &str) -> String {
        if !self.errors.is_empty() {
            return self.typed.text(field).to_owned();
        }
        match field {
            "name" => self.profile.name.clone(),
            "time_zone" => self.profile.hours.zone.clone(),
            "works_from" => clock_words(self.profile.hours.from),
            _ => clock_words(self.profile.hours.to),
        }
    }
}

/// `GET /me`
pub async fn me(Given(app): Given<App>, viewer: Viewer, headers: HeaderMap) -> Result<Response> {
    page::page(&me_page(&app, &viewer, &headers, Fields::default(), BTreeMap::new()).await?)
}

async fn me_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    typed: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<MePage> {
    let profile = profile::profile_of(&app.db, viewer.person.id).await?;
    Ok(MePage { frame: Frame::new(app, viewer, headers, "You", "").await?, profile, typed, errors })
}

/// `POST /me`
pub async fn edit_me(Given(app): Given<App>, viewer: Viewer, headers: HeaderMap, fields: Fields) -> Result<Response> {
    if !viewer.may_write() {
        return Err(Problem::Forbidden("This account may only read. Nothing was changed.".into()));
    }
    let outcome = match read_profile(&fields) {
        Ok(profile) => {
            let (actor, account) = (viewer.actor(), viewer.person.id);
            app.live.change(&actor, |change, _| Box::pin(profile::edit_profile(change, account, &profile))).await
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) => Ok(Redirect::to("/me").into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = me_page(&app, &viewer, &headers, fields, errors).await?;
            page::refused(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

fn read_profile(fields: &Fields) -> Result<Profile> {
    let hour = |field: &'static str| {
        read_clock(fields.text(field)).ok_or_else(|| Problem::field(field, "Write the hour as 09:00."))
    };
    let (from, to) = (hour("works_from")?, hour("works_to")?);
    let zone = fields.text("time_zone").trim().to_owned();
    Ok(Profile { name: fields.text("name").trim().to_owned(), hours: Hours { zone, from, to } })
}
