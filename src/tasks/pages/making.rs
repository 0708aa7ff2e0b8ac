//! New tasks.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State as Given},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;

use super::super::{
    creating::{self, NewTask},
    queries::{self},
};
use super::foot::said;
use super::{card::CardHtml, editing::sprint_named};
use crate::{
    accounts::viewer::Viewer,
    app::App,
    boards::{
        self, Column,
        access::{self},
    },
    frame::Frame,
    teams::Team,
    web::{
        error::{Problem, Result},
        forms::Fields,
        page::{self, back_to, fragment},
    },
};

#[derive(Template)]
#[template(path = "tasks/new.html")]
struct NewPage {
    frame: Frame,
    team: Team,
    columns: Vec<Column>,
    column: String,
    sprint: String,
    title: String,
    description: String,
    errors: BTreeMap<&'static str, String>,
}

impl NewPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// Why it was refused, where that is about no field that can be seen.
    fn other_errors(&self) -> Vec<&str> {
        let others = self.errors.iter().filter(|(field, _)| !["title", "column", "description"].contains(*field));
        others.map(|(_, why)| why.as_str()).collect()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewIn {
    column: String,
    sprint: String,
}

/// `GET /teams/{slug}/tasks/new`
pub async fn new_form(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(new): Query<NewIn>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.to_edit()?.team;
    let columns = boards::queries::columns(&app.db, team.id).await?;
    let frame = Frame::new(&app, &viewer, &headers, "New task", &team.slug).await?;
    page::page(&NewPage {
        frame,
        team,
        columns,
        column: new.column,
        sprint: new.sprint,
        title: String::new(),
        description: String::new(),
        errors: BTreeMap::new(),
    })
}

/// `POST /teams/{slug}/tasks`
pub async fn create(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.to_edit()?.team;
    let mut new = NewTask {
        title: fields.text("title").to_owned(),
        column: fields.get("column").filter(|column| !column.is_empty()).map(str::to_owned),
        description: fields.text("description").to_owned(),
        ..NewTask::default()
    };
    let outcome = match sprint_named(&app, &team, fields.text("sprint")).await {
        Ok(sprint) => {
            new.sprint = sprint.map(|sprint| sprint.id);
            let actor = viewer.actor();
            app.live.change(&actor, |change, _| Box::pin(creating::create_task(change, &team, &new))).await
        }
        Err(problem) => Err(problem),
    };
    let changed = match outcome {
        Ok(changed) => changed,
        Err(Problem::Invalid(errors)) if fragment(&headers).is_none() => {
            let columns = boards::queries::columns(&app.db, team.id).await?;
            let frame = Frame::new(&app, &viewer, &headers, "New task", &team.slug).await?;
            let page = NewPage {
                frame,
                team,
                columns,
                column: fields.text("column").to_owned(),
                sprint: fields.text("sprint").to_owned(),
                title: new.title,
                description: new.description,
                errors,
            };
            return page::refused(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
        Err(problem) => return Err(problem),
    };
    let (task, number) = changed.value;
    let key = format!("{}-{number}", team.key);
    if fragment(&headers).is_some() {
        let card = queries::card(&app.db, &team, task).await?;
        let html = Html(CardHtml::with_column(&card, app.clock.now()).to_string());
        return Ok(said((StatusCode::CREATED, html).into_response(), &changed, &format!("Made {key}")));
    }
    let board = format!(
        "/teams/{}?sprint={}#{key}",
        team.slug,
        if fields.text("sprint").is_empty() { "all" } else { fields.text("sprint") }
    );
    Ok(back_to(&board, changed.id))
}
