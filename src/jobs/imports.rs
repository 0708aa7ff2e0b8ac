//! Runs an import whose preview was confirmed, and notes how far it is.

use std::time::Duration;

use tokio::{sync::watch, task::JoinSet};
use tracing::{Instrument, info_span};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        import::{
            draft::{Draft, ImportRequest, ImportSprint},
            execute, file,
            stored::{self, Import},
        },
        policy::actor::Actor,
        team::Team,
    },
};

/// The time between two notes of how far an import is.
const BEAT: Duration = Duration::from_millis(500);

/// Reads the uploaded file of an import.
///
/// # Errors
/// `Invalid` with the field `file` if it is not of its format, or damaged.
pub(crate) async fn read(app: &App, team: Uuid, import: &Import) -> Result<Draft> {
    let source = import.source().ok_or(Problem::NotFound)?;
    let turn = app.imports_read.clone().acquire_owned().await;
    let bytes = stored::read_file(&app.db, team, import.id).await?;
    let name = import.file_name.clone();
    let columns = import.choices.columns.clone();
    let draft = tokio::task::spawn_blocking(move || {
        // Held until the file is parsed, also if the request for it has ended.
        let _turn = turn;
        source.parse(bytes, &name, &columns)
    })
    .await;
    draft
        .map_err(|error| Problem::InternalError(error.into()))?
        .map_err(|error| Problem::field("file", file::sentence(&error)))
}

/// The sprint that was chosen for work in progress.
///
/// # Errors
/// `Invalid` with the field `sprint` for anything but a number.
pub(crate) fn sprint(choice: &str) -> Result<ImportSprint> {
    match choice {
        "" => Ok(ImportSprint::This),
        "none" => Ok(ImportSprint::None),
        number => number
            .parse()
            .map(ImportSprint::Number)
            .map_err(|_| Problem::field("sprint", "Choose one of the sprints.")),
    }
}

/// Runs an import that has begun, until it is done or has failed.
pub(crate) async fn run(app: App, actor: Actor, team: Team, import: Import) {
    let span = info_span!("job", otel.name = "import", otel.kind = "internal");
    let (report, progress) = watch::channel((0, 0));
    // It ends with this function, however that ends.
    let mut beats = JoinSet::new();
    beats.spawn(note_progress(app.clone(), team.id, import.id, progress));
    let outcome = imported(&app, &actor, &team, &import, &report)
        .instrument(span)
        .await;
    drop(beats);
    let Err(problem) = outcome else { return };
    let sentence = match problem {
        Problem::Invalid(errors) => errors.into_values().collect::<Vec<_>>().join(" "),
        Problem::InternalError(error) => {
            tracing::error!("an import failed: {error:#}");
            "An error occurred, which is in the server's log. Nothing was imported.".to_owned()
        }
        other => other.to_string(),
    };
    if let Err(problem) = stored::mark_failed(&app.db, team.id, import.id, &sentence).await {
        tracing::warn!("failed to note that an import failed: {problem}");
    }
}

async fn imported(
    app: &App,
    actor: &Actor,
    team: &Team,
    import: &Import,
    report: &watch::Sender<(usize, usize)>,
) -> Result<()> {
    let _turn = app.imports_run.acquire().await;
    let draft = read(app, team.id, import).await?;
    let tasks = draft.tasks.len();
    let request = ImportRequest {
        draft: &draft,
        team: &team.slug,
        mappings: &import.choices.lists,
        sprint: sprint(&import.choices.sprint)?,
        dry_run: false,
    };
    let progress = |written| {
        report.send_replace((written, tasks));
    };
    progress(0);
    execute::import_for(&app.store, actor, &request, Some(import.id), &progress).await?;
    Ok(())
}

/// Also a sign that the program still runs.
async fn note_progress(
    app: App,
    team: Uuid,
    import: Uuid,
    progress: watch::Receiver<(usize, usize)>,
) {
    loop {
        tokio::time::sleep(BEAT).await;
        let counts = *progress.borrow();
        if let Err(problem) =
            stored::record_progress(&app.db, team, import, counts, app.clock.now()).await
        {
            tracing::warn!("failed to note how far an import is: {problem}");
        }
    }
}
