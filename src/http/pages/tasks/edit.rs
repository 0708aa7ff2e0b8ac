//! Editing a task's title, description and other fields.

use axum::response::Response;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        goals::choices,
        policy::{task_access::TaskAccess, team_access, viewer::Viewer},
        sprints,
        tasks::{
            edit,
            task_edit::{Edit, Seen},
        },
        team::Team,
    },
    http::{extract::form::Fields, pages::tasks::form::EditForm},
};

/// `POST /tasks/{key}`: edits the fields that were sent.
pub async fn edit(EditForm(form): EditForm) -> Result<Response> {
    let access = &form.access;
    let sentence = format!("Saved {}", access.key);
    match read_edit(&form.app, &form.viewer, access, &form.fields).await {
        Ok(edit) => {
            form.change(&sentence, |change, _| {
                Box::pin(edit::edit_task(change, &access.team, access.id, &edit))
            })
            .await
        }
        Err(problem) => form.respond::<()>(Err(problem), &sentence).await,
    }
}

async fn read_edit(
    app: &App,
    viewer: &Viewer,
    access: &TaskAccess,
    fields: &Fields,
) -> Result<Edit> {
    let sprint = match fields.get("sprint") {
        Some(text) => Some(sprint_named(&app.db, &access.team, text).await?),
        None => None,
    };
    let goal = match fields.get("goal") {
        Some(text) => Some(
            goal_named(
                &app.db,
                &access.team,
                text,
                sprint.flatten().map(|sprint| sprint.id),
                Some(access.id),
            )
            .await?,
        ),
        None => None,
    };
    let project = match fields.get("project") {
        Some(slug) => Some(project_named(&app.db, viewer, slug).await?),
        None => None,
    };
    Ok(Edit {
        cover: None,
        is_undo: false,
        title: fields.get("title").map(str::to_owned),
        description: fields.get("description").map(str::to_owned),
        sprint: sprint.map(|sprint| sprint.map(|sprint| sprint.id)),
        goal,
        project,
        estimate: fields
            .get("estimate")
            .is_some()
            .then(|| fields.parse("estimate", "An estimate is a whole number from 0 to 1000."))
            .transpose()?,
        due: fields
            .get("due")
            .is_some()
            .then(|| fields.date("due"))
            .transpose()?,
        needed_by: fields.get("needed_by").map(str::to_owned),
        owners: None,
        labels: fields.get("labels").map(split_labels),
        seen: seen(fields)?,
    })
}

/// The version of the task when the form was opened, if it was sent.
pub(crate) fn seen(fields: &Fields) -> Result<Option<Seen>> {
    let version: Option<i64> = fields.parse("version", "Invalid version.")?;
    Ok(version.map(|version| Seen {
        version,
        strict: false,
    }))
}

/// Splits label names at spaces and commas.
pub(crate) fn split_labels(text: &str) -> Vec<String> {
    text.split(|letter: char| letter == ',' || letter.is_whitespace())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Finds a sprint by its number, `this` or `next`; empty is none.
#[derive(Clone, Copy)]
pub(crate) struct SprintId {
    pub(crate) id: Uuid,
}

pub(crate) async fn sprint_named(db: &Pool, team: &Team, text: &str) -> Result<Option<SprintId>> {
    let text = text.trim();
    if text.is_empty() || text == "none" {
        return Ok(None);
    }
    let choice = text
        .parse()
        .map_err(|message: String| Problem::field("sprint", message))?;
    let sprints = sprints::queries::sprints_of(db, team.id).await?;
    let (_, sprint) = sprints::queries::resolve(&sprints, choice)?;
    Ok(sprint.map(|sprint| SprintId { id: sprint.id }))
}

/// Finds a project that the viewer can see by its slug; empty is none.
pub(crate) async fn project_named(db: &Pool, viewer: &Viewer, slug: &str) -> Result<Option<Uuid>> {
    if slug.trim().is_empty() {
        return Ok(None);
    }
    match team_access::project(db, viewer, slug.trim()).await {
        Ok((_, project)) => Ok(Some(project)),
        Err(Problem::NotFound) => Err(Problem::field("project", "This project does not exist.")),
        Err(problem) => Err(problem),
    }
}

/// Finds a goal of the team by its number, in the named sprint, the task's own, or the team's
/// current one.
pub(crate) async fn goal_named(
    db: &Pool,
    team: &Team,
    text: &str,
    sprint: Option<Uuid>,
    task: Option<Uuid>,
) -> Result<Option<Uuid>> {
    let text = text.trim();
    if text.is_empty() || text == "none" {
        return Ok(None);
    }
    let position: i32 = text
        .parse()
        .map_err(|_| Problem::field("goal", "Enter the goal's number."))?;
    let sprints = sprints::queries::sprints_of(db, team.id).await?;
    let current = sprints::queries::current(&sprints).map(|sprint| sprint.id);
    let goal = choices::goal_of_number(db, team.id, position, sprint, task, current).await?;
    goal.map(Some)
        .ok_or_else(|| Problem::field("goal", "This team has no such goal in this sprint."))
}
