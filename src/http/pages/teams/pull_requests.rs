//! A team's settings → Pull requests: what they do to its tasks.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        boards::{self, Column},
        error::{Problem, Result},
        policy::{team_access, viewer::Viewer},
        pull_requests::rules::{self, Moment, Rule, RuleEdit},
        team::Team,
    },
    http::{extract::form::Fields, layout::Layout, page},
};

#[derive(Template)]
#[template(path = "teams/pull_requests.html")]
struct RulesPage {
    layout: Layout,
    team: Team,
    rules: Vec<Rule>,
    columns: Vec<Column>,
    errors: BTreeMap<&'static str, String>,
}

impl RulesPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// The name of the column that tasks go to if none is chosen.
    fn usual(&self, rule: &Rule) -> &str {
        let state = rule.moment.state();
        let usual = self
            .columns
            .iter()
            .find(|column| Some(column.state) == state);
        usual.map_or("none", |column| column.name.as_str())
    }

    fn is_chosen(&self, rule: &Rule, column: &Column) -> bool {
        let chosen = rule.column.as_ref().filter(|_| rule.is_chosen);
        chosen.is_some_and(|chosen| chosen.id == column.id)
    }
}

/// `GET /teams/{slug}/settings/pull-requests`
pub(crate) async fn pull_request_rules(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug).await?;
    let team = access.require_lead()?.team;
    page::page(&rules_page(&app, &viewer, &headers, team).await?)
}

async fn rules_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
) -> Result<RulesPage> {
    let title = format!("{}: pull requests", team.name);
    let layout = Layout::new(app, viewer, headers, title, &team.slug).await?;
    Ok(RulesPage {
        layout: layout.at("settings"),
        rules: rules::rules(&mut *app.db.acquire().await?, &team).await?,
        columns: boards::queries::columns(&app.db, team.id).await?,
        team,
        errors: BTreeMap::new(),
    })
}

/// `POST /teams/{slug}/settings/pull-requests`
pub(crate) async fn set_pull_request_rules(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug).await?;
    let team = access.require_lead()?.team;
    let edits: Vec<RuleEdit> = Moment::ALL
        .into_iter()
        .map(|moment| RuleEdit {
            moment,
            is_on: fields.get(moment.as_str()).is_some(),
            column: fields
                .text(&format!("{}-column", moment.as_str()))
                .to_owned(),
        })
        .collect();
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(rules::set(change, &team, &edits))
        })
        .await;
    match outcome {
        Ok(_) => {
            let to = format!("/teams/{slug}/settings/pull-requests");
            Ok(Redirect::to(&to).into_response())
        }
        Err(Problem::Invalid(errors)) => {
            let mut page = rules_page(&app, &viewer, &headers, team).await?;
            page.errors = errors;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}
