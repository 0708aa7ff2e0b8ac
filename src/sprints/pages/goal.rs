//! A goal's page: how far it is, what is said to it, and the forms that change it.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State as Given},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    super::{
        Sprint,
        goals::{self, CountedBy, Goal},
        queries,
        remarks::{self, Remark},
        setting_goals::{self, Draft},
    },
    pace::pace_chart,
};
use crate::{
    accounts::{Person, viewer::Viewer},
    app::App,
    boards::{self, access, words},
    checkin::following::{self, What},
    projects::Measure,
    tasks::{self, Card},
    teams::{Team, crew::crew},
    web::{
        error::{Problem, Result},
        forms::{Fields, id},
        page::{self, Frame, Rendered},
    },
};

#[derive(Template)]
#[template(path = "sprints/goal.html")]
struct GoalPage {
    frame: Frame,
    team: Team,
    may_edit: bool,
    /// What was asked of a goal is answered also when its sprint is closed.
    may_answer: bool,
    may_speak: bool,
    sprint: Sprint,
    goal: Goal,
    form: GoalForm,
    entries: Vec<Entry>,
    /// The same as a chart, where there is something to draw.
    pace: Option<Rendered>,
    cards: Vec<Card>,
    remarks: Vec<Remark>,
    /// Whether the reader follows it.
    follows: bool,
    now: OffsetDateTime,
}

impl GoalPage {
    fn ago(&self, at: &OffsetDateTime) -> String {
        words::ago(self.now, *at)
    }

    fn follow_at(&self) -> String {
        format!("{}/follow", self.here())
    }

    fn here(&self) -> String {
        format!("/teams/{}/goals/{}", self.team.slug, self.goal.id)
    }

    fn came_from(&self) -> (String, &'static str) {
        way_back(&self.team, &self.sprint)
    }
}

/// Where goals of a sprint are set: in planning until it has begun, on the board from then on.
fn way_back(team: &Team, sprint: &Sprint) -> (String, &'static str) {
    if sprint.state == "planned" {
        (format!("/teams/{}/planning?sprint={}", team.slug, sprint.number), "Back to planning")
    } else {
        (format!("/teams/{}?sprint={}", team.slug, sprint.number), "Back to the board")
    }
}

#[derive(Template)]
#[template(path = "sprints/new_goal.html")]
struct NewGoalPage {
    frame: Frame,
    team: Team,
    sprint: Sprint,
    form: GoalForm,
}

impl NewGoalPage {
    fn came_from(&self) -> (String, &'static str) {
        way_back(&self.team, &self.sprint)
    }
}

/// The fields of a goal, as they stand or as they were typed.
#[derive(Template)]
#[template(path = "sprints/_goal_form.html")]
struct GoalForm {
    action: String,
    /// The number of the sprint that a new one is for.
    sprint: String,
    version: i64,
    stands: Option<Goal>,
    people: Vec<Person>,
    projects: Vec<Choice>,
    milestones: Vec<Choice>,
    key_results: Vec<Choice>,
    typed: Fields,
    errors: BTreeMap<&'static str, String>,
}

// It escapes its own texts.
impl askama::filters::HtmlSafe for GoalForm {}

/// What was typed, and why it was refused.
type Refused = (Fields, BTreeMap<&'static str, String>);

/// Something that a goal may serve.
#[derive(sqlx::FromRow)]
struct Choice {
    value: String,
    name: String,
}

/// A figure that was typed in.
#[derive(sqlx::FromRow)]
struct Entry {
    value: i64,
    note: String,
    by: Option<String>,
    at: OffsetDateTime,
    /// Whether the goal was measured then as it is now.
    alike: bool,
}

impl GoalForm {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// What was typed, or else what stands.
    fn value(&self, field: &str) -> String {
        if !self.errors.is_empty() {
            return self.typed.text(field).to_owned();
        }
        let Some(goal) = &self.stands else { return String::new() };
        match field {
            "title" => goal.title.clone(),
            "unit" => goal.unit.clone(),
            "target" => goal.target.to_string(),
            "why" => goal.why.clone(),
            "needs" => goal.needs.clone(),
            "measure" => goal.measure.to_string(),
            "counted_by" => goal.counted_by.to_string(),
            "project" => goal.project.as_ref().map_or(String::new(), |(slug, _)| slug.clone()),
            "milestone" => goal.milestone.map_or(String::new(), |id| id.to_string()),
            "key_result" => goal.key_result.map_or(String::new(), |id| id.to_string()),
            _ => String::new(),
        }
    }

    fn is(&self, field: &str, value: impl AsRef<str>) -> bool {
        self.value(field) == value.as_ref()
    }

    fn owns(&self, handle: &str) -> bool {
        if !self.errors.is_empty() {
            return self.typed.all("owners").iter().any(|owner| owner == handle);
        }
        self.stands.as_ref().is_some_and(|goal| goal.owners.iter().any(|owner| owner.handle == handle))
    }

    async fn new(
        app: &App,
        viewer: &Viewer,
        team: &Team,
        sprint: String,
        stands: Option<Goal>,
        refused: Refused,
    ) -> Result<Self> {
        let action = match &stands {
            Some(goal) => format!("/teams/{}/goals/{}", team.slug, goal.id),
            None => format!("/teams/{}/goals", team.slug),
        };
        // What it serves stays to be chosen once that is finished, or else saving would take it away.
        let (own_project, own_milestone) = stands
            .as_ref()
            .map_or((None, None), |goal| (goal.project.as_ref().map(|(slug, _)| slug.as_str()), goal.milestone));
        // Another team's private project is none of this one's.
        let projects = sqlx::query_as(
            "SELECT p.slug AS value, p.name FROM projects p JOIN teams t ON t.id = p.team_id
             WHERE (p.finished_at IS NULL OR p.slug = $3) AND (NOT t.private OR t.id = $1) AND ($2::uuid[] IS NULL OR t.id = ANY($2))
             ORDER BY p.name",
        )
        .bind(team.id)
        .bind(viewer.reach())
        .bind(own_project)
        .fetch_all(&app.db)
        .await?;
        let milestones = sqlx::query_as(
            "SELECT m.id::text AS value, p.name || ': ' || m.title AS name FROM milestones m
             JOIN projects p ON p.team_id = m.team_id AND p.id = m.project_id JOIN teams t ON t.id = p.team_id
             WHERE (p.finished_at IS NULL OR m.id = $3) AND (NOT t.private OR t.id = $1) AND ($2::uuid[] IS NULL OR t.id = ANY($2))
             ORDER BY p.name, m.position",
        )
        .bind(team.id)
        .bind(viewer.reach())
        .bind(own_milestone)
        .fetch_all(&app.db)
        .await?;
        let key_results = sqlx::query_as(
            "SELECT k.id::text AS value, o.quarter || ' ' || k.title AS name FROM key_results k
             JOIN objectives o ON o.team_id = k.team_id AND o.id = k.objective_id
             WHERE k.team_id = $1 ORDER BY o.quarter DESC, o.position, k.position",
        )
        .bind(team.id)
        .fetch_all(&app.db)
        .await?;
        let version = stands.as_ref().map_or(0, |goal| goal.version);
        let mut people = boards::queries::members(&app.db, team.id).await?;
        // Whoever has gone to another team meanwhile owns it still.
        let owners = stands.iter().flat_map(|goal| &goal.owners);
        let gone: Vec<Person> =
            owners.filter(|owner| people.iter().all(|person| person.id != owner.id)).cloned().collect();
        people.extend(gone);
        let (typed, errors) = refused;
        Ok(Self { action, sprint, version, stands, people, projects, milestones, key_results, typed, errors })
    }
}

/// `GET /teams/{slug}/goals/{id}`
pub async fn goal(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let page = goal_page(&app, &viewer, &headers, &slug, &goal, Default::default()).await?;
    page::page(&page)
}

async fn goal_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    slug: &str,
    goal: &str,
    refused: Refused,
) -> Result<GoalPage> {
    let access = access::team(&app.db, viewer, slug).await?;
    let now = app.clock.now();
    let (goal, sprint) = goals::goal(&app.db, &access.team, id(goal)?, now).await?;
    let entries: Vec<Entry> = sqlx::query_as(
        "SELECT e.value, e.note, a.name AS by, e.at, e.measure = $3 AS alike FROM goal_entries e LEFT JOIN accounts a ON a.id = e.by_id
         WHERE e.team_id = $1 AND e.goal_id = $2 ORDER BY e.at DESC, e.id DESC",
    )
    .bind(access.team.id)
    .bind(goal.id)
    .bind(goal.measure.as_str())
    .fetch_all(&app.db)
    .await?;
    let alike = entries.iter().rev().filter(|entry| entry.alike);
    let said: Vec<(OffsetDateTime, i64)> = alike.map(|entry| (entry.at, entry.value)).collect();
    let pace = match said.as_slice() {
        [] => None,
        _ if goal.measure == Measure::YesNo => None,
        said => Some(pace_chart(&goal, &sprint, &crew(&app.db, access.team.id).await?.week, said)?),
    };
    let of_goal: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM tasks WHERE team_id = $1 AND goal_id = $2 AND archived_at IS NULL")
            .bind(access.team.id)
            .bind(goal.id)
            .fetch_all(&app.db)
            .await?;
    let mut cards = tasks::queries::cards_of(&app.db, &access.team, &of_goal).await?;
    cards.sort_by_key(|card| (card.state, card.column_since));
    Ok(GoalPage {
        frame: Frame::new(app, viewer, headers, goal.title.clone(), slug).await?,
        form: GoalForm::new(app, viewer, &access.team, String::new(), Some(goal.clone()), refused).await?,
        remarks: remarks::remarks(&app.db, &[goal.id]).await?,
        may_edit: access.may_edit && goal.frozen.is_none(),
        may_answer: access.may_edit,
        may_speak: viewer.may_write(),
        follows: following::follows(&app.db, viewer.person.id, access.team.id, What::Goal(goal.id)).await?,
        team: access.team,
        sprint,
        goal,
        entries,
        pace,
        cards,
        now,
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct InSprint {
    sprint: String,
}

/// `GET /teams/{slug}/goals/new?sprint=43`
pub async fn new_goal_form(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(wanted): Query<InSprint>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.to_edit()?.team;
    let page = new_goal_page(&app, &viewer, &headers, team, &wanted.sprint, Default::default()).await?;
    page::page(&page)
}

async fn new_goal_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    sprint: &str,
    refused: Refused,
) -> Result<NewGoalPage> {
    let sprint = sprint_to_plan(app, &team, sprint).await?;
    Ok(NewGoalPage {
        frame: Frame::new(app, viewer, headers, "New goal", &team.slug).await?,
        form: GoalForm::new(app, viewer, &team, sprint.number.to_string(), None, refused).await?,
        sprint,
        team,
    })
}

/// The sprint that was named, or else the one that is planned next.
async fn sprint_to_plan(app: &App, team: &Team, number: &str) -> Result<Sprint> {
    let sprints = queries::sprints_of(&app.db, team.id).await?;
    let named = match number.trim() {
        "" => queries::next(&sprints).or_else(|| queries::current(&sprints)),
        number => sprints.iter().find(|sprint| sprint.number.to_string() == number),
    };
    named.cloned().ok_or_else(|| Problem::field("sprint", format!("There is no sprint {number}.")))
}

/// `POST /teams/{slug}/goals`
pub async fn add_goal(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.to_edit()?.team;
    let sprint = sprint_to_plan(&app, &team, fields.text("sprint")).await?;
    let outcome = match read_draft(&fields) {
        Ok(draft) => {
            let actor = viewer.actor();
            app.live
                .change(&actor, |change, _| Box::pin(setting_goals::add_goal(change, &team, sprint.id, &draft)))
                .await
        }
        Err(problem) => Err(problem),
    };
    let (status, errors) = match outcome {
        Ok(_) => return Ok(Redirect::to(&way_back(&team, &sprint).0).into_response()),
        Err(Problem::Invalid(errors)) => (StatusCode::UNPROCESSABLE_ENTITY, errors),
        Err(Problem::Conflict(conflict)) => (StatusCode::CONFLICT, BTreeMap::from([("title", conflict.detail)])),
        Err(problem) => return Err(problem),
    };
    let number = sprint.number.to_string();
    page::refused(status, &new_goal_page(&app, &viewer, &headers, team, &number, (fields, errors)).await?)
}

/// `POST /teams/{slug}/goals/{id}`
pub async fn edit_goal(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.to_edit()?.team;
    let goal_id = id(&goal)?;
    let draft = read_draft(&fields).and_then(|draft| Ok((draft, fields.parse("version", "That is no version.")?)));
    let outcome = match draft {
        Ok((draft, seen)) => {
            let actor = viewer.actor();
            app.live
                .change(&actor, |change, _| Box::pin(setting_goals::edit_goal(change, &team, goal_id, &draft, seen)))
                .await
        }
        Err(problem) => Err(problem),
    };
    let (status, errors) = match outcome {
        Ok(_) => return Ok(Redirect::to(&format!("/teams/{slug}/goals/{goal}")).into_response()),
        Err(Problem::Invalid(errors)) => (StatusCode::UNPROCESSABLE_ENTITY, errors),
        Err(Problem::Conflict(conflict)) => (StatusCode::CONFLICT, BTreeMap::from([("title", conflict.detail)])),
        Err(problem) => return Err(problem),
    };
    page::refused(status, &goal_page(&app, &viewer, &headers, &slug, &goal, (fields, errors)).await?)
}

/// `POST /teams/{slug}/goals/{id}/progress`: how far it is, typed in.
pub async fn type_in(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.to_edit()?.team;
    let goal_id = id(&goal)?;
    let missing = || Problem::field("value", "Say how far it is, as a whole number.");
    let value = fields.parse("value", "This is a whole number.").and_then(|value| value.ok_or_else(missing));
    let outcome = match value {
        Ok(value) => {
            let actor = viewer.actor();
            let note = fields.text("note");
            app.live
                .change(&actor, |change, _| Box::pin(setting_goals::type_in(change, &team, goal_id, value, note)))
                .await
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) => Ok(Redirect::to(&format!("/teams/{slug}/goals/{goal}")).into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = goal_page(&app, &viewer, &headers, &slug, &goal, (fields, errors)).await?;
            page::refused(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /teams/{slug}/goals/{id}/remove`
pub async fn remove_goal(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.to_edit()?.team;
    let goal = id(&goal)?;
    let (_, sprint) = goals::goal(&app.db, &team, goal, app.clock.now()).await?;
    let actor = viewer.actor();
    app.live.change(&actor, |change, _| Box::pin(setting_goals::remove_goal(change, &team, goal))).await?;
    Ok(Redirect::to(&way_back(&team, &sprint).0).into_response())
}

/// `POST /teams/{slug}/goals/{id}/order`: one place up or down.
pub async fn reorder_goal(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.to_edit()?.team;
    let (goal, up) = (id(&goal)?, fields.text("to") == "up");
    let actor = viewer.actor();
    app.live.change(&actor, |change, _| Box::pin(setting_goals::reorder_goal(change, &team, goal, up))).await?;
    Ok(Redirect::to(&format!("/teams/{slug}/goals/{goal}")).into_response())
}

/// `POST /teams/{slug}/goals/{id}/remarks`: everybody signed in may say something to a goal.
pub async fn remark(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let access = access::team(&app.db, &viewer, &slug).await?;
    if !viewer.may_write() {
        return Err(Problem::Forbidden("This account may only read. Nothing was saved.".into()));
    }
    let (goal, concern) = (id(&goal)?, fields.text("kind") == "concern");
    let actor = viewer.actor();
    app.live
        .change(&actor, |change, _| Box::pin(remarks::remark(change, &access.team, goal, fields.text("body"), concern)))
        .await?;
    Ok(back(&fields, &format!("/teams/{slug}/goals/{goal}")))
}

/// `POST /teams/{slug}/remarks/{id}/answer`: the goal's team answers a concern.
pub async fn answer_concern(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((slug, remark)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.to_edit()?.team;
    let remark = id(&remark)?;
    let actor = viewer.actor();
    app.live
        .change(&actor, |change, _| Box::pin(remarks::answer_concern(change, &team, remark, fields.text("answer"))))
        .await?;
    Ok(back(&fields, &format!("/teams/{slug}")))
}

/// Back to the page that the form stood on.
fn back(fields: &Fields, otherwise: &str) -> Response {
    Redirect::to(crate::web::forms::local_path(fields.text("back"), otherwise)).into_response()
}

fn read_draft(fields: &Fields) -> Result<Draft> {
    let measure = Measure::try_from(fields.get("measure").unwrap_or("count").to_owned())?;
    let counted_by = CountedBy::try_from(fields.get("counted_by").unwrap_or("tasks").to_owned())?;
    let missing = || Problem::field("target", "Say what is to be reached, as a whole number from 1.");
    let target = match measure {
        Measure::YesNo => 1,
        _ => fields.parse("target", "A target is a whole number from 1.")?.ok_or_else(missing)?,
    };
    Ok(Draft {
        title: fields.text("title").to_owned(),
        measure,
        unit: fields.text("unit").to_owned(),
        target,
        counted_by,
        why: fields.text("why").to_owned(),
        needs: fields.text("needs").to_owned(),
        owners: fields.all("owners"),
        project: fields.get("project").filter(|slug| !slug.is_empty()).map(str::to_owned),
        milestone: fields.parse("milestone", "There is no such milestone.")?,
        key_result: fields.parse("key_result", "There is no such key result.")?,
    })
}
