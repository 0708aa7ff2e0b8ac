//! Moving and blocking, by drag or by form.

use askama::Template;
use axum::{
    extract::{Path, State as Given},
    http::HeaderMap,
    response::Response,
};
use time::OffsetDateTime;

use crate::domain::tasks::{
    Card, Wait, block,
    move_task::{self, Place},
    queries,
};
use crate::http::pages::tasks::{
    card::CardHtml,
    form::{Editing, TaskForm},
    task::Refusal,
};
use crate::{
    app::App,
    domain::{
        boards::{self, Column},
        column_state::State,
        error::{Conflict, Problem, Result},
        keys::split_key,
        person::Person,
        policy::{task_access::TaskAccess, team_access, viewer::Viewer},
        sprints::{self, Sprint},
        team::Team,
    },
    http::{
        extract::{
            form::{Fields, id},
            task::AtTask,
        },
        layout::Frame,
        page::{self, fragment},
    },
};

/// `PUT` and `POST /tasks/{key}/position`
pub async fn move_task(Editing(form): Editing) -> Result<Response> {
    let TaskForm {
        app,
        access,
        fields,
        ..
    } = &form;
    let place = Place {
        column: fields.text("column").to_owned(),
        state: fields
            .get("state")
            .filter(|state| !state.is_empty())
            .map(str::to_owned),
        after: fields
            .get("after")
            .filter(|key| !key.is_empty())
            .map(str::to_owned),
        before: fields
            .get("before")
            .filter(|key| !key.is_empty())
            .map(str::to_owned),
        version: fields.parse("version", "That is no version.")?,
    };
    // A drag names where it was dropped; the form has a list of what to put it below, whichever column that is in.
    let place = match (fields.get("place"), &place.after) {
        (Some(_), Some(_)) => below(app, access, place).await?,
        (Some("top"), None) => top_of(app, access, place).await?,
        _ => place,
    };
    let outcome = form
        .try_change(|change, _| {
            Box::pin(move_task::move_task(
                change,
                &access.team,
                access.id,
                &place,
            ))
        })
        .await;
    match outcome {
        Err(Problem::Conflict(conflict)) if fragment(&form.headers) == Some("card") => {
            stale(app, access, conflict).await
        }
        // The page to move on, for whoever has no script.
        Err(problem) if fragment(&form.headers).is_none() => {
            refused_change(&form, Refusal::of(problem, fields)?, false).await
        }
        outcome => {
            let column = outcome
                .as_ref()
                .map_or("", |changed| changed.value.name.as_str());
            let sentence = format!("Moved {} to {column}", access.key);
            form.answer(outcome, &sentence).await
        }
    }
}

async fn top_of(app: &App, access: &TaskAccess, place: Place) -> Result<Place> {
    let first: Option<i64> = sqlx::query_scalar(
        "SELECT k.number FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = $1 AND c.slug = $2 AND k.rank IS NOT NULL AND k.id <> $3 ORDER BY k.rank LIMIT 1",
    )
    .bind(access.team.id)
    .bind(&place.column)
    .bind(access.id)
    .fetch_optional(&app.db)
    .await?;
    Ok(Place {
        before: first.map(|number| format!("{}-{number}", access.team.key)),
        ..place
    })
}

async fn below(app: &App, access: &TaskAccess, place: Place) -> Result<Place> {
    let number = place
        .after
        .as_deref()
        .and_then(split_key)
        .map(|(_, number)| number);
    let column: Option<String> = sqlx::query_scalar(
        "SELECT c.slug FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = $1 AND k.number = $2 AND k.rank IS NOT NULL",
    )
    .bind(access.team.id)
    .bind(number)
    .fetch_optional(&app.db)
    .await?;
    Ok(Place {
        column: column.unwrap_or_else(|| place.column.clone()),
        ..place
    })
}

/// Somebody was quicker: who and when, with the card as it stands for the board to show.
async fn stale(app: &App, access: &TaskAccess, mut conflict: Box<Conflict>) -> Result<Response> {
    let card = queries::card(&app.db, &access.team, access.id).await?;
    conflict.current = serde_json::json!({
        "column": card.column, "archived": card.archived, "version": card.version,
        "card": CardHtml::with_column(&card, app.clock.now()).to_string(),
    });
    Err(Problem::Conflict(conflict))
}

#[derive(Template)]
#[template(path = "tasks/change.html")]
struct ChangePage {
    frame: Frame,
    form: ChangeForm,
}

/// Moving, blocking, owning and archiving one task, for whoever has no mouse, no script, or a small screen.
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
    refusal: Refusal,
    now: OffsetDateTime,
}

// It escapes its own texts.
impl askama::filters::HtmlSafe for ChangeForm {}

impl ChangeForm {
    fn error(&self, field: &str) -> &str {
        self.refusal.errors.get(field).map_or("", String::as_str)
    }

    fn typed(&self, field: &str) -> &str {
        self.refusal.typed.text(field)
    }

    /// Every reason, where they all stand together.
    fn reasons(&self) -> impl Iterator<Item = &str> {
        let quicker = self
            .refusal
            .conflict
            .iter()
            .map(|conflict| conflict.detail.as_str());
        quicker.chain(self.refusal.errors.values().map(String::as_str))
    }

    /// The column that was chosen, or else the one it is in.
    fn column(&self) -> &str {
        self.refusal
            .typed
            .get("column")
            .unwrap_or(&self.card.column)
    }

    fn is_mine(&self) -> bool {
        self.card.owners.iter().any(|owner| owner.handle == self.me)
    }

    fn waits(&self, wait: &Wait) -> String {
        wait.words(self.now)
    }

    fn open_sprints(&self) -> impl Iterator<Item = &Sprint> {
        self.sprints
            .iter()
            .filter(|sprint| sprint.state != "closed" || Some(sprint.number) == self.card.sprint)
    }

    fn in_sprint(&self, number: &i32) -> bool {
        match self.refusal.typed.get("sprint") {
            Some(chosen) => chosen == number.to_string(),
            None => self.card.sprint == Some(*number),
        }
    }
}

/// `GET /tasks/{key}/move`
pub async fn move_form(Given(app): Given<App>, at: AtTask, headers: HeaderMap) -> Result<Response> {
    let AtTask { viewer, access } = at.to_edit()?;
    change_form(&app, &viewer, &headers, &access, false, Refusal::default()).await
}

/// `GET /tasks/{key}/block`
pub async fn block_form(
    Given(app): Given<App>,
    at: AtTask,
    headers: HeaderMap,
) -> Result<Response> {
    let AtTask { viewer, access } = at.to_edit()?;
    change_form(&app, &viewer, &headers, &access, true, Refusal::default()).await
}

/// The form that was refused, with what was chosen and why not.
pub(crate) async fn refused_change(
    form: &TaskForm,
    refusal: Refusal,
    blocking: bool,
) -> Result<Response> {
    change_form(
        &form.app,
        &form.viewer,
        &form.headers,
        &form.access,
        blocking,
        refusal,
    )
    .await
}

async fn change_form(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    access: &TaskAccess,
    blocking: bool,
    refusal: Refusal,
) -> Result<Response> {
    let card = queries::card(&app.db, &access.team, access.id).await?;
    let neighbours: Vec<(i64, String, String)> = sqlx::query_as(
        "SELECT k.number, k.title, c.name FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = $1 AND k.rank IS NOT NULL AND k.id <> $2 AND c.state <> 'done' ORDER BY c.position, k.rank LIMIT 200",
    )
    .bind(access.team.id)
    .bind(access.id)
    .fetch_all(&app.db)
    .await?;
    let status = refusal.status();
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
        refusal,
    };
    if fragment(headers).is_some() {
        return if status.is_success() {
            page::page(&form)
        } else {
            page::refused(status, &form)
        };
    }
    let verb = if blocking { "Block" } else { "Move" };
    let page = ChangePage {
        frame: Frame::new(
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
        page::refused(status, &page)
    }
}

/// `PUT` and `POST /tasks/{key}/block`
pub async fn block(Editing(form): Editing) -> Result<Response> {
    let (access, fields) = (&form.access, &form.fields);
    let reason = block::Reason {
        kind: fields.text("kind").to_owned(),
        on: on_of(fields),
        note: fields.text("note").to_owned(),
    };
    let outcome = form
        .try_change(|change, _| {
            Box::pin(block::block_task(change, &access.team, access.id, &reason))
        })
        .await;
    match outcome {
        Err(problem) if fragment(&form.headers) != Some("task") => {
            refused_change(&form, Refusal::of(problem, fields)?, true).await
        }
        outcome => {
            form.answer(outcome, &format!("Blocked {}", access.key))
                .await
        }
    }
}

/// The field that belongs to the chosen kind: a task in words, a team, or a person.
fn on_of(fields: &Fields) -> String {
    match fields.text("kind") {
        "team" => fields.text("team"),
        "person" => fields.text("person"),
        "text" => "",
        _ => fields.text("on"),
    }
    .to_owned()
}

/// `POST /tasks/{key}/waits/{id}/end`: one reason less.
pub async fn end_wait(
    Path((_, wait)): Path<(String, String)>,
    Editing(form): Editing,
) -> Result<Response> {
    let access = &form.access;
    let wait = id(&wait)?;
    form.change(
        &format!("{} no longer waits on that", access.key),
        |change, _| Box::pin(block::end_wait(change, &access.team, access.id, wait)),
    )
    .await
}

/// `DELETE /tasks/{key}/block` and `POST /tasks/{key}/unblock`
pub async fn unblock(Editing(form): Editing) -> Result<Response> {
    let access = &form.access;
    form.change(&format!("Unblocked {}", access.key), |change, _| {
        Box::pin(block::unblock_task(change, &access.team, access.id))
    })
    .await
}
