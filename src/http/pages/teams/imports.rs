//! A team's settings → Import: what was imported, and uploading a file.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{FromRequest, Multipart, Path, Request, State, multipart::Field},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        attachments::file_name,
        error::{Problem, Result},
        humanize,
        import::{
            source::Source,
            stored::{self, Import, MAX_BYTES, PIECE, State as ImportState},
        },
        policy::viewer::Viewer,
        team::Team,
    },
    http::{layout::Layout, page, pages::teams::github_projects::led},
    jobs::imports,
};

/// What the head of a multipart body may add to the size of its file.
const OVERHEAD: u64 = 1_000_000;

#[derive(Template)]
#[template(path = "teams/imports.html")]
struct ImportsPage {
    layout: Layout,
    team: Team,
    imports: Vec<Import>,
    /// The format that was chosen in the refused form.
    chosen: Option<Source>,
    errors: BTreeMap<&'static str, String>,
    now: OffsetDateTime,
}

impl ImportsPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    fn is_chosen(&self, source: &Source) -> bool {
        self.chosen == Some(*source)
    }

    /// `3 h ago by Elif Hartmann, 12 tasks`
    fn about(&self, import: &Import) -> String {
        let ago = humanize::ago(self.now, import.created_at);
        let by = import.by.as_deref().unwrap_or("the command line");
        match import.state {
            ImportState::Uploaded | ImportState::Running => format!("{ago} by {by}"),
            ImportState::Done | ImportState::Undone => {
                let tasks = humanize::counted(i64::from(import.tasks), "task");
                format!("{ago} by {by}, {tasks}")
            }
        }
    }

    fn state(&self, import: &Import) -> &'static str {
        match import.state {
            ImportState::Uploaded if !import.problem.is_empty() => "failed",
            ImportState::Uploaded => "not confirmed yet",
            ImportState::Running => "running",
            ImportState::Done => "imported",
            ImportState::Undone => "undone",
        }
    }
}

/// `GET /teams/{slug}/settings/imports`
pub(crate) async fn imports_of_team(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    page::page(&imports_page(&app, &viewer, &headers, team, (None, BTreeMap::new())).await?)
}

async fn imports_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    (chosen, errors): (Option<Source>, BTreeMap<&'static str, String>),
) -> Result<ImportsPage> {
    let title = format!("{}: Import", team.name);
    let layout = Layout::new(app, viewer, headers, title, &team.slug).await?;
    let now = app.clock.now();
    Ok(ImportsPage {
        layout: layout.at("settings"),
        imports: stored::of_team(&app.db, team.id, now).await?,
        team,
        chosen,
        errors,
        now,
    })
}

/// `POST /teams/{slug}/settings/imports`: stores a file of a multipart form, and leads to its preview.
pub(crate) async fn upload_import(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    let mut chosen = None;
    match receive(&app, &viewer, &team, request, &mut chosen).await {
        Ok(id) => {
            let to = format!("/teams/{slug}/settings/imports/{id}");
            Ok(Redirect::to(&to).into_response())
        }
        Err(Problem::Invalid(errors)) => {
            let shown = (chosen, errors);
            let page = imports_page(&app, &viewer, &headers, team, shown).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// Stores the file of a form, and returns the new import.
async fn receive(
    app: &App,
    viewer: &Viewer,
    team: &Team,
    request: Request,
    chosen: &mut Option<Source>,
) -> Result<Uuid> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_too_large = announced.is_some_and(|bytes| bytes > MAX_BYTES + OVERHEAD);
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| Problem::BadRequest("Send the file as multipart/form-data.".into()))?;
    let mut added = None;
    while let Some(mut field) = form.next_field().await.map_err(|_| cut())? {
        match (field.name(), field.file_name()) {
            (Some("source"), None) => {
                let first = field.chunk().await.map_err(|_| cut())?;
                *chosen = Source::named(&String::from_utf8_lossy(&first.unwrap_or_default()));
            }
            (Some("file"), Some(name)) if !name.is_empty() && added.is_none() => {
                if is_too_large {
                    return Err(too_large());
                }
                let name = file_name(name);
                let source = chosen
                    .ok_or_else(|| Problem::field("source", "Choose what the file is from."))?;
                let (account, now) = (viewer.person.id, app.clock.now());
                let id = stored::add(&app.db, team.id, account, (source, &name), now).await?;
                let stored = store(app, team, id, field).await;
                if stored.is_err() {
                    stored::discard(&app.db, team.id, id, app.clock.now()).await?;
                }
                added = Some(id);
                stored?;
            }
            _ => {}
        }
    }
    let id = added.ok_or_else(|| Problem::field("file", "Choose a file."))?;
    let import = stored::find(&app.db, team.id, id, app.clock.now()).await?;
    if let Err(problem) = imports::read(app, team.id, &import).await {
        stored::discard(&app.db, team.id, id, app.clock.now()).await?;
        return Err(problem);
    }
    Ok(id)
}

/// Stores a file in pieces as it arrives, so that it is never in memory as a whole.
async fn store(app: &App, team: &Team, id: Uuid, mut field: Field<'_>) -> Result<()> {
    let (mut nth, mut length, mut piece) = (0, 0, Vec::with_capacity(PIECE));
    while let Some(bytes) = field.chunk().await.map_err(|_| cut())? {
        length += bytes.len() as u64;
        if length > MAX_BYTES {
            return Err(too_large());
        }
        let mut rest = bytes.as_ref();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PIECE - piece.len()));
            piece.extend_from_slice(now);
            rest = later;
            if piece.len() == PIECE {
                stored::add_piece(&app.db, team.id, id, nth, &piece).await?;
                piece.clear();
                nth += 1;
            }
        }
    }
    stored::add_piece(&app.db, team.id, id, nth, &piece).await?;
    stored::mark_uploaded(&app.db, team.id, id).await
}

fn too_large() -> Problem {
    Problem::field(
        "file",
        "The file is larger than 100 MB. Nothing was stored.",
    )
}

fn cut() -> Problem {
    Problem::BadRequest("The upload was cut. Nothing was stored. Please try again.".into())
}
