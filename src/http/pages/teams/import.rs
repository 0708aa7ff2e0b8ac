//! One import of a file: its preview with the column of each list, how far it is, and what it did.

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
        column_state::ColumnState,
        error::{Problem, Result},
        humanize,
        import::{
            draft::ImportRequest,
            fields::columns::{Columns, Field},
            preview::{self, Preview},
            stored::{self, Choices, Import, State as ImportState},
            summary::ImportedList,
            undo,
        },
        policy::viewer::Viewer,
        sprints::{self, Sprint, SprintState},
        team::Team,
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        page,
        pages::teams::github_projects::led,
    },
    jobs::imports,
};

#[derive(Template)]
#[template(path = "teams/import.html")]
struct ImportPage {
    layout: Layout,
    team: Team,
    import: Import,
    /// What it would do, unless it is running or done, or cannot be done as chosen.
    preview: Option<Preview>,
    columns: Vec<Column>,
    /// Sprints that have not ended.
    sprints: Vec<Sprint>,
    errors: BTreeMap<&'static str, String>,
}

impl ImportPage {
    fn path(&self) -> String {
        let (slug, id) = (&self.team.slug, self.import.id);
        format!("/teams/{slug}/settings/imports/{id}")
    }

    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    fn is_waiting(&self) -> bool {
        self.import.state == ImportState::Uploaded
    }

    fn is_running(&self) -> bool {
        self.import.state == ImportState::Running
    }

    fn is_done(&self) -> bool {
        self.import.state == ImportState::Done
    }

    fn is_undone(&self) -> bool {
        self.import.state == ImportState::Undone
    }

    fn tasks(&self) -> String {
        humanize::counted(i64::from(self.import.tasks), "task")
    }

    fn count(&self, count: &usize, what: &str) -> String {
        humanize::counted(*count, what)
    }

    /// How far a running import is, from 0 to 100.
    fn percent(&self) -> i32 {
        let (written, tasks) = (i64::from(self.import.written), i64::from(self.import.tasks));
        i32::try_from(written * 100 / tasks.max(1)).unwrap_or(0)
    }

    fn progress(&self) -> String {
        match self.import.tasks {
            0 => "The file is being read.".to_owned(),
            tasks => format!("{} of {tasks} tasks are written.", self.import.written),
        }
    }

    /// What is to be known of a list's column: `a new column; state: todo, since its name tells none`
    fn about(&self, list: &ImportedList) -> String {
        let new = if list.new { "a new column; " } else { "" };
        let guess = if list.is_guess {
            ", since its name tells none"
        } else {
            ""
        };
        format!("{new}state: {}{guess}", self.state_name(&list.state))
    }

    /// What was chosen for a list; empty if nothing was.
    fn chosen(&self, list: &ImportedList) -> &str {
        let choices = &self.import.choices.lists;
        let chosen = choices.iter().find(|(name, _)| *name == list.list);
        chosen.map_or("", |(_, column)| column.as_str())
    }

    /// The choice of an existing column, as `--map` has it.
    fn choice(&self, column: &Column) -> String {
        format!("{}:{}", column.name, column.state)
    }

    fn fields(&self) -> [Field; 13] {
        Field::ALL
    }

    fn stands_for(&self, columns: &Columns, column: &String, field: &Field) -> bool {
        columns.of(*field).contains(column)
    }

    fn states(&self) -> [ColumnState; 5] {
        ColumnState::ALL
    }

    /// The first letter in lower case, for the middle of a sentence.
    fn state_name(&self, state: &ColumnState) -> String {
        state.default_name().to_lowercase()
    }
}

/// The team and its import, for those who may change the team's settings.
async fn import_of(app: &App, viewer: &Viewer, slug: &str, import: &str) -> Result<(Team, Import)> {
    let team = led(app, viewer, slug).await?;
    let import = stored::find(&app.db, team.id, id(import)?, app.clock.now()).await?;
    Ok((team, import))
}

/// `GET /teams/{slug}/settings/imports/{id}`
pub(crate) async fn import_of_team(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, import)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let (team, import) = import_of(&app, &viewer, &slug, &import).await?;
    page::page(&import_page(&app, &viewer, &headers, team, import, BTreeMap::new()).await?)
}

async fn import_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    import: Import,
    mut errors: BTreeMap<&'static str, String>,
) -> Result<ImportPage> {
    let title = format!("{}: Import", team.name);
    let layout = Layout::new(app, viewer, headers, title, &team.slug).await?;
    let mut preview = None;
    if import.state == ImportState::Uploaded {
        match preview_of(app, &team, &import).await {
            Ok(planned) => preview = Some(planned),
            Err(Problem::Invalid(refused)) => {
                // The lists are shown with what their names say, for another choice.
                errors.extend(refused);
                let mut unmapped = import.clone();
                unmapped.choices = Default::default();
                preview = preview_of(app, &team, &unmapped).await.ok();
            }
            Err(problem) => return Err(problem),
        }
    }
    let columns = boards::queries::columns(&app.db, team.id).await?;
    let mut sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
    sprints.retain(|sprint| matches!(sprint.state, SprintState::Planned));
    Ok(ImportPage {
        layout: layout.at("settings"),
        team,
        import,
        preview,
        columns,
        sprints,
        errors,
    })
}

async fn preview_of(app: &App, team: &Team, import: &Import) -> Result<Preview> {
    let sprint = imports::sprint(&import.choices.sprint)?;
    let draft = imports::read(app, team.id, import).await?;
    let request = ImportRequest {
        draft: &draft,
        team: &team.slug,
        mappings: &import.choices.lists,
        sprint,
        dry_run: true,
    };
    preview::preview(&app.store, team, &request).await
}

/// `POST /teams/{slug}/settings/imports/{id}`: shows the preview with other choices, or begins the import.
pub(crate) async fn confirm_import(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, import)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let (team, mut chosen) = import_of(&app, &viewer, &slug, &import).await?;
    chosen.choices = sqlx::types::Json(choices(&fields));
    let here = Redirect::to(&format!("/teams/{slug}/settings/imports/{}", chosen.id));
    if chosen.state != ImportState::Uploaded {
        return Ok(here.into_response());
    }
    // Choices that are refused are not stored.
    if let Err(Problem::Invalid(errors)) = preview_of(&app, &team, &chosen).await {
        let page = import_page(&app, &viewer, &headers, team, chosen, errors).await?;
        return page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    stored::set_choices(&app.db, team.id, chosen.id, &chosen.choices).await?;
    if fields.text("do") == "import"
        && stored::begin(&app.db, team.id, chosen.id, app.clock.now()).await?
    {
        tokio::spawn(imports::run(app.clone(), viewer.actor(), team, chosen));
    }
    Ok(here.into_response())
}

/// What a form chose: `list-0` with `column-0`, and so on, the columns of fields, and the sprint. The form says which fields
/// it has with `has-field-…`, since a browser sends nothing for a list of which nothing is chosen.
fn choices(fields: &Fields) -> Choices {
    let lists = fields.iter().filter_map(|(name, list)| {
        let index = name.strip_prefix("list-")?;
        Some((list, fields.text(&format!("column-{index}"))))
    });
    let columns = Field::ALL.into_iter().flat_map(|field| {
        let name = format!("field-{}", field.as_str());
        let mut chosen = fields.all(&name);
        if chosen.is_empty() && fields.get(&format!("has-{name}")).is_some() {
            chosen.push(String::new());
        }
        chosen.into_iter().map(move |column| (field, column))
    });
    Choices {
        columns: columns.collect(),
        lists: lists
            .filter(|(_, column)| !column.is_empty())
            .map(|(list, column)| (list.to_owned(), column.to_owned()))
            .collect(),
        sprint: fields.text("sprint").to_owned(),
    }
}

/// `POST /teams/{slug}/settings/imports/{id}/undo`
pub(crate) async fn undo_import(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, import)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let (team, found) = import_of(&app, &viewer, &slug, &import).await?;
    let undone = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(undo::undo(change, &team, found.id))
        })
        .await;
    match undone {
        Ok(_) => {
            let to = format!("/teams/{slug}/settings/imports/{}", found.id);
            Ok(Redirect::to(&to).into_response())
        }
        Err(Problem::Conflict(conflict)) => {
            let errors = BTreeMap::from([("undo", conflict.detail)]);
            let page = import_page(&app, &viewer, &headers, team, found, errors).await?;
            page::with_errors(StatusCode::CONFLICT, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /teams/{slug}/settings/imports/{id}/discard`: deletes a file that was not imported.
pub(crate) async fn discard_import(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, import)): Path<(String, String)>,
) -> Result<Response> {
    let (team, found) = import_of(&app, &viewer, &slug, &import).await?;
    stored::discard(&app.db, team.id, found.id, app.clock.now()).await?;
    Ok(Redirect::to(&format!("/teams/{slug}/settings/imports")).into_response())
}
