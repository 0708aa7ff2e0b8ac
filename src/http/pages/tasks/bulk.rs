//! The task list with bulk edits, and undo.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{Html, IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        boards::{self, Column, filters::FilterParams, labels::Label},
        error::{Problem, Result},
        events::log,
        humanize::counted,
        person::Person,
        policy::{team_access, viewer::Viewer},
        sprints::{self, Sprint},
        tasks::{
            Card,
            bulk_edit::{self, BulkEdit},
            queries, timeline, undo,
        },
        team::Team,
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        local_path::local_path,
        page::{self, back_to, fragment},
        pages::tasks::{
            card::CardHtml,
            edit::{split_labels, sprint_named},
            flash::with_flash,
            url_query::UndoQuery,
        },
    },
};

#[derive(Template)]
#[template(path = "tasks/select.html")]
struct SelectPage {
    layout: Layout,
    team: Team,
    cards: Vec<Card>,
    /// The number of further tasks in the archive.
    more: i64,
    columns: Vec<Column>,
    people: Vec<Person>,
    labels: Vec<Label>,
    sprints: Vec<Sprint>,
    /// The goals of the team's current sprint.
    goals: Vec<(Uuid, String)>,
    archived: bool,
    params: FilterParams,
    unknown: Vec<String>,
    /// The selection and choices of a refused form.
    chosen: Fields,
    errors: String,
    undoable: Option<timeline::Undoable>,
}

impl SelectPage {
    fn heading(&self) -> String {
        if self.archived {
            format!("{} archive", self.team.name)
        } else {
            format!("{} tasks", self.team.name)
        }
    }

    /// `25 tasks`, or `500 of 700 tasks` of an archive.
    fn count(&self) -> String {
        let shown = self.cards.len();
        if self.more > 0 {
            format!("{shown} of {} tasks", shown as i64 + self.more)
        } else {
            counted(shown, "task")
        }
    }

    /// The URL of the list with its filter.
    fn url(&self) -> String {
        let FilterParams {
            sprint,
            owner,
            label,
            goal,
            q,
            ..
        } = &self.params;
        let filter_params = [
            ("sprint", sprint),
            ("owner", owner),
            ("label", label),
            ("goal", goal),
            ("q", q),
        ];
        let filter_params = filter_params
            .into_iter()
            .filter(|(_, value)| !value.is_empty());
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(filter_params)
            .finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/teams/{}/tasks{mark}{query}", self.team.slug)
    }

    fn is_chosen(&self, field: &str, value: impl ToString) -> bool {
        let value = value.to_string();
        self.chosen
            .iter()
            .any(|(name, chosen)| name == field && chosen == value)
    }
}

/// `GET /teams/{slug}/tasks`: the filtered tasks as a list to select from; with `is:archived`, the
/// archive.
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    Query(undo): Query<UndoQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug).await?;
    let mut page = select_page(&app, &viewer, &headers, access.team, params).await?;
    page.undoable = timeline::undoable(&app.db, undo.done_change, &viewer, app.clock.now()).await?;
    page::page(&page)
}

async fn select_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    params: FilterParams,
) -> Result<SelectPage> {
    let filter = crate::domain::boards::filters::terms::Filter::parse(&params)?
        .for_reader(&viewer.person.handle);
    let all_sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
    let (resolved, _) = sprints::queries::resolve(&all_sprints, filter.sprint)?;
    let now = app.clock.now();
    let cards = queries::cards(&app.db, &team, &filter, resolved, now, None).await?;
    Ok(SelectPage {
        layout: Layout::new(
            app,
            viewer,
            headers,
            format!("{} tasks", team.name),
            &team.slug,
        )
        .await?,
        more: queries::archived_beyond(&app.db, &team, &filter, resolved, now, &cards).await?,
        cards,
        columns: boards::queries::columns(&app.db, team.id).await?,
        people: boards::queries::people(&app.db).await?,
        labels: boards::queries::labels(&app.db, team.id).await?,
        goals: match sprints::queries::current(&all_sprints) {
            Some(sprint) => crate::domain::goals::names(&app.db, team.id, sprint.id).await?,
            None => Vec::new(),
        },
        sprints: all_sprints,
        archived: filter.wants_archived(),
        params,
        unknown: filter.unknown,
        team,
        chosen: Fields::default(),
        errors: String::new(),
        undoable: None,
    })
}

/// `POST /teams/{slug}/bulk`: the same change to all selected tasks, or to none.
pub async fn edit_tasks(
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
    let keys = fields.all("keys");
    let outcome = match read_same(&app, &team, &fields).await {
        Ok(same) => {
            let actor = viewer.actor();
            app.store
                .change(&actor, |change, _| {
                    Box::pin(bulk_edit::edit_tasks(change, &team, &keys, &same))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    if fragment(&headers).is_none() {
        let list = format!("/teams/{slug}/tasks");
        let back = Some(local_path(fields.text("back"), &list))
            .filter(|back| back.starts_with(&list))
            .unwrap_or(&list);
        let (status, errors) = match outcome {
            Ok(changed) => return Ok(back_to(back, changed.id)),
            Err(problem) => problem.in_words()?,
        };
        // Shows the same list again, with the selection and the choices.
        let params = back
            .parse()
            .ok()
            .and_then(|back| Query::try_from_uri(&back).ok());
        let params = params.map_or_else(FilterParams::default, |Query(params)| params);
        let page = select_page(&app, &viewer, &headers, team, params).await?;
        return page::with_errors(
            status,
            &SelectPage {
                chosen: fields,
                errors,
                ..page
            },
        );
    }
    let changed = outcome?;
    let cards = queries::cards_of(&app.db, &team, &changed.value).await?;
    let now = app.clock.now();
    let html: String = cards
        .iter()
        .filter(|card| !card.archived)
        .map(|card| CardHtml::with_column(card, now).to_string())
        .collect();
    let count = changed.value.len();
    Ok(with_flash(
        Html(html).into_response(),
        &changed,
        &format!(
            "Changed {count} {}",
            if count == 1 { "task" } else { "tasks" }
        ),
    ))
}

/// Reads the chosen changes.
async fn read_same(app: &App, team: &Team, fields: &Fields) -> Result<Vec<BulkEdit>> {
    let mut all = Vec::new();
    if !fields.text("column").is_empty() {
        all.push(BulkEdit::Column(fields.text("column").to_owned()));
    }
    all.extend(read_place(app, team, fields).await?);
    match fields.text("owner") {
        "" => {}
        "none" => all.push(BulkEdit::Owner(None)),
        handle => all.push(BulkEdit::Owner(Some(
            handle.trim_start_matches('@').to_owned(),
        ))),
    }
    all.extend(
        split_labels(fields.text("label"))
            .pop()
            .map(BulkEdit::Label),
    );
    let archives = fields.get("archive").is_some();
    match (archives, all.is_empty()) {
        (true, true) => Ok(vec![BulkEdit::Archive]),
        (true, false) => Err(Problem::field(
            "keys",
            "Tasks can't be edited and archived at once. Nothing was changed. Do one after the other.",
        )),
        (false, true) => Err(Problem::field(
            "keys",
            "Choose a column, owner, sprint, goal or label to change, or archive.",
        )),
        (false, false) => Ok(all),
    }
}

/// The chosen sprint and goal as one change, since a goal belongs to a sprint.
async fn read_place(app: &App, team: &Team, fields: &Fields) -> Result<Option<BulkEdit>> {
    let sprint = match fields.text("sprint") {
        "" => None,
        text => Some(
            sprint_named(&app.db, team, text)
                .await?
                .map(|sprint| sprint.id),
        ),
    };
    match (sprint, fields.text("goal")) {
        (None, "") => Ok(None),
        (Some(sprint), "") => Ok(Some(BulkEdit::Sprint(sprint))),
        (None, "none") => Ok(Some(BulkEdit::NoGoal)),
        (Some(sprint), "none") => Ok(Some(BulkEdit::SetAside { sprint, goal: None })),
        (chosen, goal) => {
            let goal = id(goal)?;
            let its = crate::domain::goals::sprint_of(&app.db, team.id, goal)
                .await?
                .ok_or(Problem::NotFound)?;
            if chosen.is_some_and(|sprint| sprint != Some(its)) {
                return Err(Problem::field(
                    "goal",
                    "This goal does not belong to this sprint. Nothing was changed. Choose one of them.",
                ));
            }
            Ok(Some(BulkEdit::SetAside {
                sprint: Some(its),
                goal: Some(goal),
            }))
        }
    }
}

/// `POST /changes/{id}/undo`
pub async fn undo(
    State(app): State<App>,
    viewer: Viewer,
    Path(change): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let undone = id(&change)?;
    let slug = log::team_of_change(&app.db, undone, viewer.person.id).await?;
    let team = team_access::team(&app.db, &viewer, &slug.ok_or(Problem::NotFound)?)
        .await?
        .require_comment()?
        .team;
    let was = timeline::undoable(&app.db, Some(undone), &viewer, app.clock.now()).await?;
    let changed = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(undo::undo_change(change, &team, undone))
        })
        .await?;
    if fragment(&headers).is_none() {
        let board = format!("/teams/{}", team.slug);
        return Ok(
            Redirect::to(local_path(fields.get("back").unwrap_or(&board), &board)).into_response(),
        );
    }
    let cards = queries::cards_of(&app.db, &team, &changed.value).await?;
    let now = app.clock.now();
    let html: String = cards
        .iter()
        .filter(|card| !card.archived)
        .map(|card| CardHtml::with_column(card, now).to_string())
        .collect();
    let sentence = was.map_or_else(
        || "Undone".to_owned(),
        |was| format!("Undone. {}", was.description),
    );
    Ok(with_flash(Html(html).into_response(), &changed, &sentence))
}
