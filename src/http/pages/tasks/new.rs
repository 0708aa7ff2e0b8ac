//! Creating tasks, from the board or the form.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        boards::{
            self, Column,
            filters::terms::{Condition, Filter},
        },
        error::{Problem, Result},
        events::{Change, Changed},
        policy::{team_access, viewer::Viewer},
        sprints::{self, Sprint, SprintState},
        tasks::{
            create::{self, NewTask},
            lookup, queries,
        },
        team::Team,
        text::list_entries,
    },
    http::{
        extract::form::Fields,
        layout::Layout,
        page::{self, back_to, fragment},
        pages::tasks::{
            card::CardHtml,
            edit::{goal_named, sprint_named},
            flash::with_flash,
        },
    },
};

#[derive(Template)]
#[template(path = "tasks/new.html")]
struct NewPage {
    layout: Layout,
    team: Team,
    columns: Vec<Column>,
    /// The columns that new tasks can be added to.
    sprints: Vec<Sprint>,
    values: FormValues,
    errors: BTreeMap<&'static str, String>,
}

/// The form's values: from the query string, or as they were entered.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct FormValues {
    column: String,
    sprint: String,
    title: String,
    description: String,
}

impl NewPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// Whether this sprint is selected: by its number, or as the current one.
    fn is_chosen(&self, sprint: &Sprint) -> bool {
        match self.values.sprint.as_str() {
            "this" => sprints::queries::current(&self.sprints)
                .is_some_and(|current| current.id == sprint.id),
            number => sprint.number.to_string() == number,
        }
    }

    /// The errors that belong to no visible field.
    fn other_errors(&self) -> Vec<&str> {
        let others = self
            .errors
            .iter()
            .filter(|(field, _)| !["title", "column", "sprint", "description"].contains(*field));
        others.map(|(_, error)| error.as_str()).collect()
    }
}

/// `GET /teams/{slug}/tasks/new?column=todo&sprint=42`
pub async fn new_form(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(values): Query<FormValues>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    page::page(&new_page(&app, &viewer, &headers, team, values, BTreeMap::new()).await?)
}

async fn new_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    values: FormValues,
    errors: BTreeMap<&'static str, String>,
) -> Result<NewPage> {
    let mut sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
    sprints.retain(|sprint| sprint.state != SprintState::Closed);
    Ok(NewPage {
        layout: Layout::new(app, viewer, headers, "New task", &team.slug).await?,
        columns: boards::queries::columns(&app.db, team.id).await?,
        sprints,
        team,
        values,
        errors,
    })
}

/// Applies the board's filter to a new task: it gets the filter's owner, goal and labels, or it
/// would vanish from the board. Unknown names are ignored.
async fn fit(app: &App, team: &Team, new: &mut NewTask, filter: &Filter) -> Result<()> {
    let conditions = || {
        filter
            .terms
            .iter()
            .filter(|term| !term.not)
            .map(|term| &term.condition)
    };
    let owners: Vec<&String> = conditions()
        .filter_map(|condition| {
            if let Condition::Owner(handle) = condition {
                Some(handle)
            } else {
                None
            }
        })
        .collect();
    // several values mean any of them
    if let [owner] = owners.as_slice() {
        let people = boards::queries::members(&app.db, team.id).await?;
        new.owners.extend(
            people
                .into_iter()
                .map(|person| person.handle)
                .filter(|handle| handle == *owner),
        );
    }
    let labels: Vec<&String> = conditions()
        .filter_map(|condition| {
            if let Condition::Label(label) = condition {
                Some(label)
            } else {
                None
            }
        })
        .collect();
    if !labels.is_empty() {
        let there = boards::queries::labels(&app.db, team.id).await?;
        new.labels.extend(
            there
                .into_iter()
                .map(|label| label.name)
                .filter(|name| labels.contains(&&name.to_lowercase())),
        );
    }
    for condition in conditions() {
        if let Condition::Goal(Some(number)) = condition {
            new.goal = goal_named(&app.db, team, &number.to_string(), new.sprint, None)
                .await
                .unwrap_or_default();
        }
    }
    Ok(())
}

/// The most tasks that one pasted list creates.
const MAX_LINES: usize = 100;

/// The titles to create: one, or each line of a list if `lines` asks for it.
fn titles(fields: &Fields) -> Result<Vec<String>> {
    let title = fields.text("title");
    if fields.get("lines").is_none() {
        return Ok(vec![title.to_owned()]);
    }
    let entries = list_entries(title);
    match entries.len() {
        0 => Ok(vec![title.to_owned()]),
        1..=MAX_LINES => Ok(entries.into_iter().map(str::to_owned).collect()),
        count => Err(Problem::field(
            "title",
            format!("A list can have at most {MAX_LINES} tasks. This one has {count}."),
        )),
    }
}

/// `POST /teams/{slug}/tasks`: one task, or one for each line with `lines`.
pub async fn create(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let mut new = NewTask {
        title: fields.text("title").to_owned(),
        column: fields
            .get("column")
            .filter(|column| !column.is_empty())
            .map(str::to_owned),
        description: fields.text("description").to_owned(),
        ..NewTask::default()
    };
    // Without a sprint field the current sprint is used; an empty one means none.
    let outcome = match sprint_named(&app.db, &team, fields.get("sprint").unwrap_or("this")).await {
        Ok(sprint) => {
            new.sprint = sprint.map(|sprint| sprint.id);
            let filter = Filter::read_query(fields.text("q"))?.for_reader(&viewer.person.handle);
            fit(&app, &team, &mut new, &filter).await?;
            match titles(&fields) {
                Ok(titles) => {
                    let actor = viewer.actor();
                    app.store
                        .change(&actor, |change, _| {
                            Box::pin(create_tasks(change, &team, &new, &titles))
                        })
                        .await
                }
                Err(problem) => Err(problem),
            }
        }
        Err(problem) => Err(problem),
    };
    let changed = match outcome {
        Ok(changed) => changed,
        // The first response was lost, and the script repeats the request.
        Err(Problem::DoneBefore { change }) => {
            let created = lookup::touched_by(&app.db, team.id, change).await?;
            Changed {
                id: change,
                is_undoable: true,
                value: vec![created.ok_or(Problem::DoneBefore { change })?],
            }
        }
        Err(Problem::Invalid(errors)) if fragment(&headers).is_none() => {
            let values = FormValues {
                column: fields.text("column").to_owned(),
                sprint: fields.text("sprint").to_owned(),
                title: new.title,
                description: new.description,
            };
            let page = new_page(&app, &viewer, &headers, team, values, errors).await?;
            return page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
        Err(problem) => return Err(problem),
    };
    let key = |number: i64| format!("{}-{number}", team.key);
    let (Some(first), Some(last)) = (changed.value.first(), changed.value.last()) else {
        return Err(Problem::NotFound);
    };
    if fragment(&headers).is_some() {
        let mut html = String::new();
        let ids: Vec<Uuid> = changed.value.iter().map(|(task, _)| *task).collect();
        for card in queries::cards_of(&app.db, &team, &ids).await? {
            html.push_str(&CardHtml::with_column(&card, app.clock.now()).to_string());
        }
        let message = match changed.value.len() {
            1 => format!("Created {}", key(first.1)),
            count => format!("Created {count} tasks, {} to {}", key(first.1), key(last.1)),
        };
        return Ok(with_flash(
            (StatusCode::CREATED, Html(html)).into_response(),
            &changed,
            &message,
        ));
    }
    let board = format!(
        "/teams/{}?sprint={}#{}",
        team.slug,
        if fields.text("sprint").is_empty() {
            "all"
        } else {
            fields.text("sprint")
        },
        key(first.1)
    );
    Ok(back_to(&board, changed.id))
}

/// Creates tasks that differ in their titles only. Returns their ids and numbers.
async fn create_tasks(
    change: &mut Change,
    team: &Team,
    like: &NewTask,
    titles: &[String],
) -> Result<Vec<(Uuid, i64)>> {
    let mut created = Vec::with_capacity(titles.len());
    for title in titles {
        let new = NewTask {
            title: title.clone(),
            ..like.clone()
        };
        created.push(create::create_task(change, team, &new).await?);
    }
    Ok(created)
}
