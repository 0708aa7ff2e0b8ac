//! A task as a card, over the board, and as a page of its own; and the forms that change it.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State as Given},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Card, Wait, archiving, blocking,
    changing_several::{self, Same},
    commenting,
    creating::{self, NewTask},
    editing::{self, Edit, Seen},
    moving::{self, Place},
    owning,
    queries::{self, Whole},
    stepping,
    story::{self, Told},
    undoing,
};
use crate::{
    accounts::{Person, viewer::Viewer},
    activity::Changed,
    app::App,
    boards::{
        self, Column, State,
        access::{self, TaskAccess},
        words,
    },
    clock, markdown,
    sprints::{self, Sprint, queries::GoalFace},
    tasks::Label,
    teams::{self, Team},
    web::{
        error::{Conflict, Problem, Result},
        forms::{Fields, id, local_path},
        page::{self, Frame, back_to, fragment, said},
    },
};

/// A task on a board. It shows the same to everyone.
#[derive(Template)]
#[template(path = "tasks/_card.html")]
pub struct CardHtml<'c> {
    card: &'c Card,
    now: OffsetDateTime,
    /// Says in which column it belongs, for a card that comes alone.
    tells_column: bool,
}

impl<'c> CardHtml<'c> {
    pub fn new(card: &'c Card, now: OffsetDateTime) -> Self {
        Self { card, now, tells_column: false }
    }

    pub fn with_column(card: &'c Card, now: OffsetDateTime) -> Self {
        Self { card, now, tells_column: true }
    }

    fn age(&self) -> String {
        words::age(self.now, self.card.column_since)
    }

    /// Longer in its column than a working week.
    fn is_old(&self) -> bool {
        matches!(self.card.state, State::Doing | State::Blocked | State::Review)
            && (self.now - self.card.column_since).whole_days() >= 5
    }

    fn is_overdue(&self) -> bool {
        self.card.state != State::Done && self.card.due.is_some_and(|due| due < self.now.date())
    }

    fn rank(&self) -> &str {
        self.card.rank.as_deref().unwrap_or("")
    }

    fn lacks_reason(&self) -> bool {
        self.card.state == State::Blocked && self.card.waits_on.is_empty()
    }

    fn waits(&self, wait: &Wait) -> String {
        wait.words(self.now)
    }
}

impl Wait {
    /// On whom and for how long, in a sentence: `Waits on ING-58 “Dual-write person updates” · Ingestion · 3 d`.
    pub fn words(&self, now: OffsetDateTime) -> String {
        let age = words::age(now, self.since);
        let note = if self.note.is_empty() { String::new() } else { format!(": {}", self.note) };
        let (on, name) = (self.on.as_deref().unwrap_or(""), self.name.as_deref().unwrap_or(""));
        match (self.kind.as_str(), self.state) {
            ("task", Some(State::Done)) => format!("Was waiting on {on} “{name}”, which is done{note} · {age}"),
            ("task", _) => format!("Waits on {on} “{name}”{note} · {} · {age}", self.team.as_deref().unwrap_or("")),
            ("text", _) => format!("Waits on {} · {age}", self.note),
            _ => format!("Waits on {name}{note} · {age}"),
        }
    }
}

#[derive(Template)]
#[template(path = "tasks/task.html")]
struct TaskPage {
    frame: Frame,
    article: Article,
}

/// The task itself: the same over the board and on its own page.
#[derive(Template)]
#[template(path = "tasks/_task.html")]
struct Article {
    viewer: Viewer,
    team: Team,
    may_edit: bool,
    task: Whole,
    description: markdown::Html,
    story: Vec<story::Line>,
    columns: Vec<Column>,
    sprints: Vec<Sprint>,
    goals: Vec<GoalFace>,
    people: Vec<Person>,
    labels: Vec<Label>,
    now: OffsetDateTime,
    /// What was refused: the reason beside each field, and what was typed.
    errors: BTreeMap<&'static str, String>,
    conflict: Option<Conflict>,
    typed: Fields,
    did: Option<Uuid>,
}

impl Article {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// What was typed into a field, or else what stands.
    fn value(&self, field: &str, stands: impl AsRef<str>) -> String {
        let typed = if self.errors.is_empty() && self.conflict.is_none() { None } else { self.typed.get(field) };
        typed.unwrap_or(stands.as_ref()).to_owned()
    }

    fn typed(&self, field: &str) -> &str {
        if self.errors.is_empty() && self.conflict.is_none() { "" } else { self.typed.text(field) }
    }

    fn labels_text(&self) -> String {
        self.task.card.labels.iter().map(|label| label.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn estimate_text(&self) -> String {
        self.task.card.estimate.map_or(String::new(), |estimate| estimate.to_string())
    }

    fn due_text(&self) -> String {
        self.task.card.due.map_or(String::new(), |due| due.to_string())
    }

    fn due_words(&self) -> String {
        self.task.card.due.map_or(String::new(), words::day)
    }

    fn owns(&self, handle: &str) -> bool {
        self.task.card.owners.iter().any(|owner| owner.handle == handle)
    }

    fn is_mine(&self, line: &story::Line) -> bool {
        line.who.as_ref().is_some_and(|who| who.id == self.viewer.person.id) && self.viewer.may_write()
    }

    fn waits(&self, wait: &Wait) -> String {
        wait.words(self.now)
    }

    fn column_name(&self) -> &str {
        self.columns
            .iter()
            .find(|column| column.slug == self.task.card.column)
            .map_or("", |column| column.name.as_str())
    }

    fn board(&self) -> String {
        let sprint = self.task.card.sprint.map_or("all".to_owned(), |sprint| sprint.to_string());
        format!("/teams/{}?sprint={sprint}", self.team.slug)
    }

    fn born(&self) -> String {
        words::ago(self.now, self.task.created_at)
    }

    fn open_sprints(&self) -> impl Iterator<Item = &Sprint> {
        self.sprints.iter().filter(|sprint| sprint.state != "closed" || Some(sprint.number) == self.task.card.sprint)
    }

    fn in_sprint(&self, number: &i32) -> bool {
        self.task.card.sprint == Some(*number)
    }

    fn has_goal(&self, position: &i32) -> bool {
        self.task.card.goal == Some(*position)
    }

    fn sent_json(&self, conflict: &Conflict) -> String {
        let texts = conflict.sent.as_object().into_iter().flatten();
        texts
            .map(|(field, value)| {
                format!("{field}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn stands(&self, conflict: &Conflict) -> String {
        let sent = conflict.sent.as_object().into_iter().flatten();
        sent.filter_map(|(field, _)| Some(format!("{field}: {}", conflict.current.get(field)?.as_str()?)))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// What a refused form shows again.
#[derive(Default)]
struct Refusal {
    errors: BTreeMap<&'static str, String>,
    conflict: Option<Conflict>,
    typed: Fields,
}

async fn article(
    app: &App,
    viewer: &Viewer,
    access: &TaskAccess,
    refusal: Refusal,
    did: Option<Uuid>,
) -> Result<Article> {
    let task = queries::whole(&app.db, &access.team, access.id).await?;
    let links = teams::queries::links(&app.db).await?;
    let all_sprints = sprints::queries::sprints(&app.db).await?;
    let now = app.clock.now();
    let of_task = all_sprints
        .iter()
        .find(|sprint| Some(sprint.number) == task.card.sprint)
        .or_else(|| sprints::queries::active(&all_sprints));
    let goals = match of_task {
        Some(sprint) => {
            sprints::queries::goals(&app.db, &access.team, sprint, clock::day_in(now, &viewer.time_zone)).await?
        }
        None => Vec::new(),
    };
    Ok(Article {
        description: markdown::render(&task.description, &links),
        story: story::of_task(&app.db, access.team.id, access.id, &links).await?,
        columns: boards::queries::columns(&app.db, access.team.id).await?,
        people: boards::queries::people(&app.db).await?,
        labels: boards::queries::labels(&app.db, access.team.id).await?,
        sprints: all_sprints,
        goals,
        viewer: viewer.clone(),
        team: access.team.clone(),
        may_edit: access.may_edit,
        task,
        now,
        errors: refusal.errors,
        conflict: refusal.conflict,
        typed: refusal.typed,
        did,
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Did {
    did: Option<Uuid>,
}

/// `GET /tasks/{key}`
pub async fn task(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    Query(did): Query<Did>,
    headers: HeaderMap,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?;
    let article = article(&app, &viewer, &access, Refusal::default(), did.did).await?;
    shown(&app, &viewer, &headers, article, StatusCode::OK).await
}

async fn shown(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    article: Article,
    status: StatusCode,
) -> Result<Response> {
    if fragment(headers).is_some() {
        return if status.is_success() { page::page(&article) } else { page::refused(status, &article) };
    }
    let title = format!("{} {}", article.task.card.key, article.task.card.title);
    let page = TaskPage { frame: Frame::new(app, viewer, headers, title, &article.team.slug).await?, article };
    if status.is_success() { page::page(&page) } else { page::refused(status, &page) }
}

/// The answer to a form on a task: the task anew, with what was refused and why.
async fn answer(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    access: &TaskAccess,
    outcome: Result<Changed<()>>,
    sentence: &str,
    typed: Fields,
) -> Result<Response> {
    let mut refusal = Refusal { typed, ..Refusal::default() };
    let status = match outcome {
        Ok(changed) => return changed_task(app, viewer, headers, access, changed.id, sentence, &refusal.typed).await,
        Err(Problem::Invalid(errors)) => {
            refusal.errors = errors;
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(Problem::Conflict(conflict)) => {
            refusal.conflict = Some(*conflict);
            StatusCode::CONFLICT
        }
        Err(problem) => return Err(problem),
    };
    if fragment(headers) == Some("card") {
        return Err(match refusal.conflict {
            Some(conflict) => Problem::Conflict(Box::new(conflict)),
            None => Problem::Invalid(refusal.errors),
        });
    }
    let article = article(app, viewer, access, refusal, None).await?;
    shown(app, viewer, headers, article, status).await
}

async fn changed_task(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    access: &TaskAccess,
    change: Uuid,
    sentence: &str,
    typed: &Fields,
) -> Result<Response> {
    Ok(match fragment(headers) {
        Some("card") => {
            let card = queries::card(&app.db, &access.team, access.id).await?;
            said(Html(CardHtml::with_column(&card, app.clock.now()).to_string()).into_response(), change, sentence)
        }
        Some("form") => {
            let card = queries::card(&app.db, &access.team, access.id).await?;
            let mut response =
                said(Html(CardHtml::with_column(&card, app.clock.now()).to_string()).into_response(), change, sentence);
            response.headers_mut().insert("fortnight-done", header::HeaderValue::from_static("1"));
            response
        }
        Some(_) => said(page::page(&article(app, viewer, access, Refusal::default(), None).await?)?, change, sentence),
        None => {
            let own = format!("/tasks/{}", access.key);
            back_to(local_path(typed.get("back").unwrap_or(&own), &own), change)
        }
    })
}

/// `POST /tasks/{key}`: changes the fields that were sent.
pub async fn edit(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let outcome = match read_edit(&app, &access, &fields).await {
        Ok(edit) => {
            app.live
                .change(&viewer.actor(), |change, _| {
                    Box::pin(editing::edit_task(change, &access.team, access.id, &edit))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    answer(&app, &viewer, &headers, &access, outcome, &format!("Saved {}", access.key), fields).await
}

async fn read_edit(app: &App, access: &TaskAccess, fields: &Fields) -> Result<Edit> {
    let version: Option<i64> = fields.parse("version", "That is no version.")?;
    let sprint = match fields.get("sprint") {
        Some(text) => Some(sprint_named(app, text).await?),
        None => None,
    };
    let goal = match fields.get("goal") {
        Some(text) => {
            Some(goal_named(app, &access.team, text, sprint.flatten().map(|sprint| sprint.id), Some(access.id)).await?)
        }
        None => None,
    };
    Ok(Edit {
        title: fields.get("title").map(str::to_owned),
        description: fields.get("description").map(str::to_owned),
        sprint: sprint.map(|sprint| sprint.map(|sprint| sprint.id)),
        goal,
        estimate: fields
            .get("estimate")
            .is_some()
            .then(|| fields.parse("estimate", "An estimate is a whole number from 0 to 1000."))
            .transpose()?,
        due: fields.get("due").is_some().then(|| fields.date("due")).transpose()?,
        waited_for_by: fields.get("for").map(str::to_owned),
        owners: None,
        labels: fields.get("labels").map(split_labels),
        seen: version.map(|version| Seen { version, strict: false }),
    })
}

/// Label names as they are typed: between blanks or commas.
pub(super) fn split_labels(text: &str) -> Vec<String> {
    text.split(|letter: char| letter == ',' || letter.is_whitespace())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A sprint by its number, `this`, `next`, or nothing for none.
#[derive(Clone, Copy)]
pub(super) struct SprintId {
    pub id: Uuid,
}

pub(super) async fn sprint_named(app: &App, text: &str) -> Result<Option<SprintId>> {
    let text = text.trim();
    if text.is_empty() || text == "none" {
        return Ok(None);
    }
    let choice = text.parse().map_err(|why: String| Problem::field("sprint", why))?;
    let sprints = sprints::queries::sprints(&app.db).await?;
    let (_, sprint) = sprints::queries::resolve(&sprints, choice)?;
    Ok(sprint.map(|sprint| SprintId { id: sprint.id }))
}

/// A goal of the team by its number in a sprint: the named one, the task's own, or the active one.
pub(super) async fn goal_named(
    app: &App,
    team: &Team,
    text: &str,
    sprint: Option<Uuid>,
    task: Option<Uuid>,
) -> Result<Option<Uuid>> {
    let text = text.trim();
    if text.is_empty() || text == "none" {
        return Ok(None);
    }
    let position: i32 = text.parse().map_err(|_| Problem::field("goal", "A goal is given by its number."))?;
    let goal: Option<Uuid> = sqlx::query_scalar(
        "SELECT id FROM goals WHERE team_id = $1 AND position = $2 AND sprint_id = coalesce($3,
             (SELECT sprint_id FROM tasks WHERE team_id = $1 AND id = $4), (SELECT id FROM sprints WHERE state = 'active'))",
    )
    .bind(team.id)
    .bind(position)
    .bind(sprint)
    .bind(task)
    .fetch_optional(&app.db)
    .await?;
    goal.map(Some).ok_or_else(|| Problem::field("goal", "That goal is not one of this team's in that sprint."))
}

/// `PUT` and `POST /tasks/{key}/position`
pub async fn move_task(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let place = Place {
        column: fields.text("column").to_owned(),
        after: fields.get("after").filter(|key| !key.is_empty()).map(str::to_owned),
        before: fields.get("before").filter(|key| !key.is_empty()).map(str::to_owned),
        version: fields.parse("version", "That is no version.")?,
    };
    let place = if fields.get("place") == Some("top") { top_of(&app, &access, place).await? } else { place };
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(moving::move_task(change, &access.team, access.id, &place)))
        .await;
    let column = outcome.as_ref().map_or_else(|_| String::new(), |changed| changed.value.name.clone());
    let outcome = outcome.map(|changed| Changed { id: changed.id, value: () });
    if let (Some("card"), Err(Problem::Conflict(_))) = (fragment(&headers), &outcome) {
        return stale(&app, &access, outcome.err()).await;
    }
    answer(&app, &viewer, &headers, &access, outcome, &format!("Moved {} to {column}", access.key), fields).await
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
    Ok(Place { before: first.map(|number| format!("{}-{number}", access.team.key)), ..place })
}

/// Somebody was quicker: who and when, with the card as it stands for the board to show.
async fn stale(app: &App, access: &TaskAccess, problem: Option<Problem>) -> Result<Response> {
    let Some(Problem::Conflict(mut conflict)) = problem else { return Err(Problem::NotFound) };
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
    card: Card,
    columns: Vec<Column>,
    sprints: Vec<Sprint>,
    neighbours: Vec<(String, String)>,
    teams: Vec<Team>,
    people: Vec<Person>,
    blocking: bool,
    me: String,
    errors: BTreeMap<&'static str, String>,
    typed: Fields,
    now: OffsetDateTime,
}

impl ChangeForm {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    fn is_mine(&self) -> bool {
        self.card.owners.iter().any(|owner| owner.handle == self.me)
    }

    fn waits(&self, wait: &Wait) -> String {
        wait.words(self.now)
    }

    fn open_sprints(&self) -> impl Iterator<Item = &Sprint> {
        self.sprints.iter().filter(|sprint| sprint.state != "closed" || Some(sprint.number) == self.card.sprint)
    }

    fn in_sprint(&self, number: &i32) -> bool {
        self.card.sprint == Some(*number)
    }
}

/// `GET /tasks/{key}/move`
pub async fn move_form(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    change_form(&app, &viewer, &headers, &access, false, BTreeMap::new(), Fields::default()).await
}

/// `GET /tasks/{key}/block`
pub async fn block_form(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    change_form(&app, &viewer, &headers, &access, true, BTreeMap::new(), Fields::default()).await
}

async fn change_form(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    access: &TaskAccess,
    blocking: bool,
    errors: BTreeMap<&'static str, String>,
    typed: Fields,
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
    let failed = !errors.is_empty();
    let form = ChangeForm {
        neighbours: neighbours
            .into_iter()
            .map(|(number, title, column)| (format!("{}-{number}", access.team.key), format!("{column}: {title}")))
            .collect(),
        columns: boards::queries::columns(&app.db, access.team.id).await?,
        sprints: sprints::queries::sprints(&app.db).await?,
        teams: teams::queries::teams(&app.db).await?,
        people: boards::queries::people(&app.db).await?,
        me: viewer.person.handle.clone(),
        now: app.clock.now(),
        card,
        blocking,
        errors,
        typed,
    };
    if fragment(headers).is_some() {
        return if failed { page::refused(StatusCode::UNPROCESSABLE_ENTITY, &form) } else { page::page(&form) };
    }
    let verb = if blocking { "Block" } else { "Move" };
    let page = ChangePage {
        frame: Frame::new(app, viewer, headers, format!("{verb} {}", access.key), &access.team.slug).await?,
        form,
    };
    if failed { page::refused(StatusCode::UNPROCESSABLE_ENTITY, &page) } else { page::page(&page) }
}

/// `PUT` and `POST /tasks/{key}/block`
pub async fn block(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let reason = blocking::Reason {
        kind: fields.text("kind").to_owned(),
        on: on_of(&fields),
        note: fields.text("note").to_owned(),
    };
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(blocking::block_task(change, &access.team, access.id, &reason)))
        .await;
    match outcome {
        Err(Problem::Invalid(errors)) if fragment(&headers) != Some("task") => {
            change_form(&app, &viewer, &headers, &access, true, errors, fields).await
        }
        outcome => answer(&app, &viewer, &headers, &access, outcome, &format!("Blocked {}", access.key), fields).await,
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

/// `DELETE /tasks/{key}/block` and `POST /tasks/{key}/unblock`
pub async fn unblock(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(blocking::unblock_task(change, &access.team, access.id)))
        .await;
    answer(&app, &viewer, &headers, &access, outcome, &format!("Unblocked {}", access.key), fields).await
}

/// `POST /tasks/{key}/owners`
pub async fn set_owners(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let owners = fields.all("owners");
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(owning::set_owners(change, &access.team, access.id, &owners)))
        .await;
    answer(&app, &viewer, &headers, &access, outcome, &format!("Set the owners of {}", access.key), fields).await
}

/// `POST /tasks/{key}/owners/me`: mine, or no longer mine.
pub async fn own(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let me = viewer.person.handle.clone();
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(owning::toggle_owner(change, &access.team, access.id, &me)))
        .await;
    let mine = queries::card(&app.db, &access.team, access.id).await?.owners.iter().any(|owner| owner.handle == me);
    let sentence = if mine { format!("{} is yours", access.key) } else { format!("{} is no longer yours", access.key) };
    answer(&app, &viewer, &headers, &access, outcome, &sentence, fields).await
}

/// `POST /tasks/{key}/archive`
pub async fn archive(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(archiving::archive_task(change, &access.team, access.id)))
        .await;
    answer(&app, &viewer, &headers, &access, outcome, &format!("Archived {}", access.key), fields).await
}

/// `POST /tasks/{key}/restore`
pub async fn restore(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(archiving::restore_task(change, &access.team, access.id, None)))
        .await;
    answer(&app, &viewer, &headers, &access, outcome, &format!("Brought {} back", access.key), fields).await
}

/// `POST /tasks/{key}/steps`
pub async fn add_step(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| {
            Box::pin(stepping::add_step(change, &access.team, access.id, fields.text("text")))
        })
        .await;
    answer(&app, &viewer, &headers, &access, done(outcome), "Added a step", fields).await
}

/// `POST /tasks/{key}/steps/{id}`: ticked off with `done`, not so without.
pub async fn tick_step(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((key, step)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let (step, ticked) = (id(&step)?, fields.get("done").is_some());
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| {
            Box::pin(stepping::tick_step(change, &access.team, access.id, step, ticked))
        })
        .await;
    answer(&app, &viewer, &headers, &access, outcome, "Saved the step", fields).await
}

/// `POST /tasks/{key}/steps/{id}/remove`
pub async fn remove_step(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((key, step)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let step = id(&step)?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(stepping::remove_step(change, &access.team, access.id, step)))
        .await;
    answer(&app, &viewer, &headers, &access, outcome, "Took the step away", fields).await
}

/// `POST /tasks/{key}/comments`: everyone who is signed in and may write may say something.
pub async fn add_comment(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = may_comment(&app, &viewer, &key).await?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| {
            Box::pin(commenting::add_comment(change, &access.team, access.id, fields.text("body")))
        })
        .await;
    answer(&app, &viewer, &headers, &access, done(outcome), "Said", fields).await
}

/// `POST /tasks/{key}/comments/{id}`
pub async fn edit_comment(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((key, comment)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = may_comment(&app, &viewer, &key).await?;
    let comment = id(&comment)?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| {
            Box::pin(commenting::edit_comment(change, &access.team, access.id, comment, fields.text("body")))
        })
        .await;
    answer(&app, &viewer, &headers, &access, outcome, "Saved the comment", fields).await
}

/// `POST /tasks/{key}/comments/{id}/delete`
pub async fn delete_comment(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((key, comment)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = may_comment(&app, &viewer, &key).await?;
    let comment = id(&comment)?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| {
            Box::pin(commenting::delete_comment(change, &access.team, access.id, comment))
        })
        .await;
    answer(&app, &viewer, &headers, &access, outcome, "Deleted the comment", fields).await
}

pub(super) async fn may_comment(app: &App, viewer: &Viewer, key: &str) -> Result<TaskAccess> {
    let access = access::task(&app.db, viewer, key).await?;
    if viewer.may_write() {
        Ok(access)
    } else {
        Err(Problem::Forbidden("This account may only read. Nothing was changed.".into()))
    }
}

fn done<T>(outcome: Result<Changed<T>>) -> Result<Changed<()>> {
    outcome.map(|changed| Changed { id: changed.id, value: () })
}

#[derive(Template)]
#[template(path = "tasks/new.html")]
struct NewPage {
    frame: Frame,
    team: Team,
    columns: Vec<Column>,
    column: String,
    sprint: String,
    title: String,
    error: String,
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
        error: String::new(),
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
    let new = NewTask {
        title: fields.text("title").to_owned(),
        column: fields.get("column").filter(|column| !column.is_empty()).map(str::to_owned),
        sprint: sprint_named(&app, fields.text("sprint")).await?.map(|sprint| sprint.id),
        description: fields.text("description").to_owned(),
        ..NewTask::default()
    };
    let outcome =
        app.live.change(&viewer.actor(), |change, _| Box::pin(creating::create_task(change, &team, &new))).await;
    let changed = match outcome {
        Ok(changed) => changed,
        Err(Problem::Invalid(errors)) if fragment(&headers).is_none() => {
            let columns = boards::queries::columns(&app.db, team.id).await?;
            let frame = Frame::new(&app, &viewer, &headers, "New task", &team.slug).await?;
            let error = errors.into_values().collect::<Vec<_>>().join(" ");
            let page = NewPage {
                frame,
                team,
                columns,
                column: fields.text("column").to_owned(),
                sprint: fields.text("sprint").to_owned(),
                title: new.title,
                error,
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
        return Ok(said((StatusCode::CREATED, html).into_response(), changed.id, &format!("Made {key}")));
    }
    let board = format!(
        "/teams/{}?sprint={}#{key}",
        team.slug,
        if fields.text("sprint").is_empty() { "all" } else { fields.text("sprint") }
    );
    Ok(back_to(&board, changed.id))
}

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
    archived: bool,
    q: String,
    unknown: Vec<String>,
    errors: String,
    did: Option<Uuid>,
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
    let all_sprints = sprints::queries::sprints(&app.db).await?;
    let (resolved, _) = sprints::queries::resolve(&all_sprints, filter.sprint)?;
    Ok(SelectPage {
        frame: Frame::new(app, viewer, headers, format!("Tasks of {}", team.name), &team.slug).await?,
        cards: queries::cards(&app.db, &team, &filter, resolved, app.clock.now(), None).await?,
        columns: boards::queries::columns(&app.db, team.id).await?,
        people: boards::queries::people(&app.db).await?,
        labels: boards::queries::labels(&app.db, team.id).await?,
        sprints: all_sprints,
        archived: filter.wants_archived(),
        q: params.q.clone(),
        unknown: filter.unknown,
        team,
        errors,
        did,
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
    let same = read_same(&app, &fields).await?;
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

async fn read_same(app: &App, fields: &Fields) -> Result<Same> {
    if fields.get("archive").is_some() {
        return Ok(Same::Archive);
    }
    if !fields.text("column").is_empty() {
        return Ok(Same::Column(fields.text("column").to_owned()));
    }
    if !fields.text("sprint").is_empty() {
        return Ok(Same::Sprint(sprint_named(app, fields.text("sprint")).await?.map(|sprint| sprint.id)));
    }
    match fields.text("owner") {
        "" => {}
        "nobody" => return Ok(Same::Owner(None)),
        handle => return Ok(Same::Owner(Some(handle.trim_start_matches('@').to_owned()))),
    }
    match split_labels(fields.text("label")).pop() {
        Some(label) => Ok(Same::Label(label)),
        None => Err(Problem::field("keys", "Choose what to change: a column, owner, sprint or label, or archive.")),
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

/// `POST /preview`: Markdown as it will look.
pub async fn preview(Given(app): Given<App>, _viewer: Viewer, fields: Fields) -> Result<Response> {
    let links = teams::queries::links(&app.db).await?;
    Ok(Html(markdown::render(&fields.text("text").chars().take(100_000).collect::<String>(), &links).to_string())
        .into_response())
}
