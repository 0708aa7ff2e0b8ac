//! Several tasks at once: the list, the same change to all, and undo.

use askama::Template;
use axum::{
    extract::{Path, Query, State as Given},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use super::super::{
    Card,
    changing_several::{self, Same},
    queries::{self},
    story, undoing,
};
use super::{
    card::CardHtml,
    editing::{split_labels, sprint_named},
    task::Did,
};
use crate::{
    accounts::{Person, viewer::Viewer},
    app::App,
    boards::{
        self, Column,
        access::{self},
    },
    sprints::{self, Sprint},
    tasks::Label,
    teams::Team,
    web::{
        error::{Problem, Result},
        forms::{Fields, id, local_path},
        page::{self, Frame, back_to, fragment, said},
    },
};

#[derive(Template)]
#[template(path = "tasks/select.html")]
struct SelectPage {
    frame: Frame,
    team: Team,
    cards: Vec<Card>,
    columns: Vec<Column>,
    people: Vec<Person>,
    labels: Vec<Label>,
    sprints: Vec<Sprint>,
    /// Those of the sprint that the team works in.
    goals: Vec<(Uuid, String)>,
    archived: bool,
    q: String,
    unknown: Vec<String>,
    errors: String,
    did: Option<story::Undoable>,
}

impl SelectPage {
    fn address(&self) -> String {
        format!("/teams/{}/tasks", self.team.slug)
    }
}

/// `GET /teams/{slug}/tasks`: the filter's tasks as a list to select from; with `is:archived`, the archive.
pub async fn list(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(params): Query<boards::filters::FilterParams>,
    Query(did): Query<Did>,
    headers: HeaderMap,
) -> Result<Response> {
    let access = access::team(&app.db, &viewer, &slug).await?;
    page::page(&select_page(&app, &viewer, &headers, access.team, &params, String::new(), did.did).await?)
}

async fn select_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    params: &boards::filters::FilterParams,
    errors: String,
    did: Option<Uuid>,
) -> Result<SelectPage> {
    let filter = boards::filters::Filter::read(params).for_reader(&viewer.person.handle);
    let all_sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
    let (resolved, _) = sprints::queries::resolve(&all_sprints, filter.sprint)?;
    Ok(SelectPage {
        frame: Frame::new(app, viewer, headers, format!("Tasks of {}", team.name), &team.slug).await?,
        cards: queries::cards(&app.db, &team, &filter, resolved, app.clock.now(), None).await?,
        columns: boards::queries::columns(&app.db, team.id).await?,
        people: boards::queries::people(&app.db).await?,
        labels: boards::queries::labels(&app.db, team.id).await?,
        goals: match sprints::queries::current(&all_sprints) {
            Some(sprint) => sprints::goals::names(&app.db, team.id, sprint.id).await?,
            None => Vec::new(),
        },
        sprints: all_sprints,
        archived: filter.wants_archived(),
        q: params.q.clone(),
        unknown: filter.unknown,
        team,
        errors,
        did: story::undoable(&app.db, did, viewer.person.id).await?,
    })
}

/// `POST /teams/{slug}/bulk`: the same change to all selected tasks, or to none.
pub async fn change_several(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.to_edit()?.team;
    let keys = fields.all("keys");
    let same = read_same(&app, &team, &fields).await?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(changing_several::change_several(change, &team, &keys, &same)))
        .await;
    let changed = match outcome {
        Err(Problem::Invalid(errors)) if fragment(&headers).is_none() => {
            let errors = errors.into_values().collect::<Vec<_>>().join(" ");
            let page =
                select_page(&app, &viewer, &headers, team, &boards::filters::FilterParams::default(), errors, None)
                    .await?;
            return page::refused(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
        outcome => outcome?,
    };
    if fragment(&headers).is_none() {
        return Ok(back_to(&format!("/teams/{slug}/tasks"), changed.id));
    }
    let cards = queries::cards_of(&app.db, &team, &changed.value).await?;
    let now = app.clock.now();
    let html: String =
        cards.iter().filter(|card| !card.archived).map(|card| CardHtml::with_column(card, now).to_string()).collect();
    let count = changed.value.len();
    Ok(said(
        Html(html).into_response(),
        changed.id,
        &format!("Changed {count} {}", if count == 1 { "task" } else { "tasks" }),
    ))
}

async fn read_same(app: &App, team: &Team, fields: &Fields) -> Result<Same> {
    if fields.get("archive").is_some() {
        return Ok(Same::Archive);
    }
    if !fields.text("column").is_empty() {
        return Ok(Same::Column(fields.text("column").to_owned()));
    }
    if !fields.text("sprint").is_empty() {
        return Ok(Same::Sprint(sprint_named(app, team, fields.text("sprint")).await?.map(|sprint| sprint.id)));
    }
    match fields.text("goal") {
        "" => {}
        "none" => return Ok(Same::NoGoal),
        goal => {
            let goal = id(goal)?;
            let sprint = sprints::goals::sprint_of(&app.db, team.id, goal).await?.ok_or(Problem::NotFound)?;
            return Ok(Same::SetAside { sprint: Some(sprint), goal: Some(goal) });
        }
    }
    match fields.text("owner") {
        "" => {}
        "nobody" => return Ok(Same::Owner(None)),
        handle => return Ok(Same::Owner(Some(handle.trim_start_matches('@').to_owned()))),
    }
    match split_labels(fields.text("label")).pop() {
        Some(label) => Ok(Same::Label(label)),
        None => {
            Err(Problem::field("keys", "Choose what to change: a column, owner, sprint, goal or label, or archive."))
        }
    }
}

/// `POST /changes/{id}/undo`
pub async fn undo(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(change): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let undone = id(&change)?;
    let slug: Option<String> = sqlx::query_scalar(
        "SELECT t.slug FROM events e JOIN teams t ON t.id = e.team_id WHERE e.change_id = $1 AND e.actor_id = $2 AND e.kind NOT LIKE 'wait.%' LIMIT 1",
    )
    .bind(undone)
    .bind(viewer.person.id)
    .fetch_optional(&app.db)
    .await?;
    let team = access::team(&app.db, &viewer, &slug.ok_or(Problem::NotFound)?).await?.to_edit()?.team;
    let changed =
        app.live.change(&viewer.actor(), |change, _| Box::pin(undoing::undo_change(change, &team, undone))).await?;
    if fragment(&headers).is_none() {
        let board = format!("/teams/{}", team.slug);
        return Ok(Redirect::to(local_path(fields.get("back").unwrap_or(&board), &board)).into_response());
    }
    let cards = queries::cards_of(&app.db, &team, &changed.value).await?;
    let now = app.clock.now();
    let html: String =
        cards.iter().filter(|card| !card.archived).map(|card| CardHtml::with_column(card, now).to_string()).collect();
    Ok(said(Html(html).into_response(), changed.id, "Undone"))
}
