//! The dialog that moves, blocks, assigns and archives one task without dragging.

use askama::Template;
use axum::{http::HeaderMap, response::Response};
use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        boards::{self, Column},
        column_state::ColumnState,
        error::Result,
        person::Person,
        policy::{task_access::TaskAccess, team_access, viewer::Viewer},
        sprints::{self, Sprint, SprintState},
        tasks::{Blocker, Card, lookup, queries},
        team::Team,
    },
    http::{
        layout::Layout,
        page::{self, fragment},
        pages::tasks::{form::TaskForm, rejected_form::RejectedForm},
    },
};

#[derive(Template)]
#[template(path = "tasks/change.html")]
struct ChangePage {
    layout: Layout,
    form: ChangeForm,
}

/// The dialog, for keyboards, small screens and browsers without JavaScript.
#[derive(Template)]
#[template(path = "tasks/_change.html")]
struct ChangeForm {
    /// The team's slug.
    team: String,
    card: Card,
    columns: Vec<Column>,
    sprints: Vec<Sprint>,
    neighbours: Vec<(String, String)>,
    teams: Vec<Team>,
    people: Vec<Person>,
    blocking: bool,
    me: String,
    rejected_form: RejectedForm,
    now: OffsetDateTime,
}

impl askama::filters::HtmlSafe for ChangeForm {}

impl ChangeForm {
    fn error(&self, field: &str) -> &str {
        self.rejected_form
            .errors
            .get(field)
            .map_or("", String::as_str)
    }

    fn submitted(&self, field: &str) -> &str {
        self.rejected_form.submitted.text(field)
    }

    /// All reasons that the task is blocked.
    fn reasons(&self) -> impl Iterator<Item = &str> {
        let quicker = self
            .rejected_form
            .conflict
            .iter()
            .map(|conflict| conflict.detail.as_str());
        quicker.chain(self.rejected_form.errors.values().map(String::as_str))
    }

    /// The chosen column, or the task's own.
    fn column(&self) -> &str {
        self.rejected_form
            .submitted
            .get("column")
            .unwrap_or(&self.card.column)
    }

    fn is_mine(&self) -> bool {
        self.card.owners.iter().any(|owner| owner.handle == self.me)
    }

    fn blocked_reason(&self, blocker: &Blocker) -> String {
        blocker.text(self.now)
    }

    fn open_sprints(&self) -> impl Iterator<Item = &Sprint> {
        self.sprints.iter().filter(|sprint| {
            sprint.state != SprintState::Closed || Some(sprint.number) == self.card.sprint
        })
    }

    fn in_sprint(&self, number: &i32) -> bool {
        match self.rejected_form.submitted.get("sprint") {
            Some(chosen) => chosen == number.to_string(),
            None => self.card.sprint == Some(*number),
        }
    }
}

/// The refused form, with the choices and the errors.
pub(crate) async fn refused_change(
    form: &TaskForm,
    rejected_form: RejectedForm,
    blocking: bool,
) -> Result<Response> {
    change_form(
        &form.app,
        &form.viewer,
        &form.headers,
        &form.access,
        blocking,
        rejected_form,
    )
    .await
}

pub(crate) async fn change_form(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    access: &TaskAccess,
    blocking: bool,
    rejected_form: RejectedForm,
) -> Result<Response> {
    let card = queries::card(&app.db, &access.team, access.id).await?;
    let neighbours = lookup::unfinished_except(&app.db, access.team.id, access.id).await?;
    let status = rejected_form.status();
    let form = ChangeForm {
        team: access.team.slug.clone(),
        neighbours: neighbours
            .into_iter()
            .map(|(number, title, column)| {
                (
                    format!("{}-{number}", access.team.key),
                    format!("{column}: {title}"),
                )
            })
            .collect(),
        columns: boards::queries::columns(&app.db, access.team.id).await?,
        sprints: sprints::queries::sprints_of(&app.db, access.team.id).await?,
        teams: team_access::seen_teams(&app.db, viewer).await?,
        people: boards::queries::people(&app.db).await?,
        me: viewer.person.handle.clone(),
        now: app.clock.now(),
        card,
        blocking,
        rejected_form,
    };
    if fragment(headers).is_some() {
        return if status.is_success() {
            page::page(&form)
        } else {
            page::with_errors(status, &form)
        };
    }
    let verb = if blocking { "Block" } else { "Move" };
    let page = ChangePage {
        layout: Layout::new(
            app,
            viewer,
            headers,
            format!("{verb} {}", access.key),
            &access.team.slug,
        )
        .await?,
        form,
    };
    if status.is_success() {
        page::page(&page)
    } else {
        page::with_errors(status, &page)
    }
}
