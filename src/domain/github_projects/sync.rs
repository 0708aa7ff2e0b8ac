//! Brings a project on GitHub and its tasks here to the same state.

use std::collections::{HashMap, HashSet};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        clock::Clock,
        error::{Problem, Result},
        events::EventStore,
        github_projects::{
            AUTHOR,
            api::{Api, ApiError},
            compare::{Comparison, compare},
            connected::ConnectedProject,
            here::refusal,
            items::{self, KnownItem},
            mapping::Mapping,
            push::Writer,
            remote,
            remote_items::{self, Found, Item},
            schedule::{self, Outcome},
        },
        outbound::OutgoingClient,
        outbox::Again,
        policy::actor::Actor,
        tasks::archive,
        team::Team,
        teams,
    },
};

/// Of items of which GitHub has refused something, as long as nothing changes.
const REFUSED_BEFORE: &str =
    "Not written to GitHub, which has refused it before. “Compare now” tries again.";

/// What is needed to compare projects.
#[derive(Clone, Copy)]
pub struct Parts<'p> {
    pub(crate) db: &'p Pool,
    pub(crate) store: &'p EventStore,
    pub(crate) outgoing: &'p OutgoingClient,
    pub(crate) clock: &'p Clock,
    /// The address of this server, without a slash at the end.
    pub(crate) public_url: &'p str,
}

/// What ends a run early.
pub(super) enum Stop {
    /// GitHub refused something, or cannot be reached.
    Api(ApiError),
    Problem(Problem),
    /// A person has changed or disconnected the project.
    Overtaken,
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Compares the project that is due first. Returns whether there was one.
pub async fn sync_next(parts: Parts<'_>) -> Result<bool> {
    let Some(mut project) = schedule::take(parts.db, parts.clock.now()).await? else {
        return Ok(false);
    };
    let outcome = sync(parts, &mut project).await;
    if let Err(problem) = &outcome {
        tracing::error!(project = %project.id, "a project of GitHub could not be compared: {problem:?}");
        schedule::give_back(parts.db, &project, parts.clock.now()).await?;
    }
    outcome.map(|()| true)
}

async fn sync(parts: Parts<'_>, project: &mut ConnectedProject) -> Result<()> {
    let Some(token) = project.token().cloned() else {
        return Ok(());
    };
    let now = parts.clock.now();
    let mut api = Api::new(parts.outgoing, &project.api_url, &token, now)
        .map_err(|error| anyhow::anyhow!(error.message))?;
    let outcome = run(parts, project, &mut api).await;
    let now = parts.clock.now();
    match outcome {
        Ok(outcome) => schedule::finish(parts.db, project, &api, &outcome, now).await,
        Err(Stop::Api(error)) => schedule::fail(parts.db, project, &api, &error, now).await,
        // A person has changed or disconnected it. What was done so far is stored.
        Err(Stop::Overtaken | Stop::Problem(Problem::Gone(_))) => Ok(()),
        Err(Stop::Problem(problem)) => Err(problem),
    }
}

async fn run(
    parts: Parts<'_>,
    project: &mut ConnectedProject,
    api: &mut Api<'_>,
) -> Result<Outcome, Stop> {
    let (db, now) = (parts.db, parts.clock.now());
    let team = teams::queries::team(db, project.team_id).await?;
    let changed = items::changed_here(db, project, team.seq).await?;
    let pending = items::pending(db, project, &changed).await?;
    let is_due = project.poll_at.is_some_and(|at| at <= now) && !schedule::is_used_up(project, now);
    let has_new = items::may_have_new(db, project, team.seq).await?;
    // Most of what happens on a board is nothing that GitHub has to be asked about.
    let asks = is_due || has_new || !pending.is_empty() || !project.hinted.is_empty();
    if asks {
        read_fields(db, project, api).await?;
    }
    let mut connection = db.acquire().await.map_err(Problem::from)?;
    let mapping = Mapping::load(&mut connection, project.id, project.connection_id).await?;
    drop(connection);
    let mut run = Run {
        parts,
        most_writes: schedule::writes_left(project, now),
        project,
        mapping: &mapping,
        outcome: Outcome {
            seq: team.seq,
            ..Outcome::default()
        },
        team,
        now,
        changed: changed.into_iter().collect(),
        has_new,
        equal: 0,
        different: 0,
    };
    run.all(api, pending).await?;
    Ok(run.outcome)
}

/// Reads the project's title, fields and options again. Those that are deleted are not kept in sync: that items have lost
/// their values is no change that anyone made to them.
async fn read_fields(
    db: &Pool,
    project: &mut ConnectedProject,
    api: &mut Api<'_>,
) -> Result<(), Stop> {
    let found = remote::project(api, &project.node_id).await?;
    let found = found.ok_or_else(|| ApiError {
        message: "GitHub does not show the project any more".to_owned(),
        again: Again::Never,
        is_too_large: false,
    })?;
    schedule::store_fields(db, project.id, &found).await?;
    project.fields = found.fields;
    let fields = &project.fields;
    let ids = &mut project.field_ids;
    for id in [
        &mut ids.status,
        &mut ids.sprint,
        &mut ids.estimate,
        &mut ids.due,
    ] {
        if !fields.iter().any(|field| Some(&field.id) == id.as_ref()) {
            *id = None;
        }
    }
    Ok(())
}

/// One run over a project.
pub(super) struct Run<'r> {
    pub(super) parts: Parts<'r>,
    pub(super) project: &'r mut ConnectedProject,
    pub(super) mapping: &'r Mapping,
    pub(super) team: Team,
    pub(super) now: OffsetDateTime,
    /// The tasks that were changed here.
    pub(super) changed: HashSet<Uuid>,
    /// Whether tasks may have come to the project.
    pub(super) has_new: bool,
    /// How much may be written.
    pub(super) most_writes: i32,
    pub(super) outcome: Outcome,
    equal: i32,
    pub(super) different: i32,
}

impl Run<'_> {
    async fn all(&mut self, api: &mut Api<'_>, pending: Vec<KnownItem>) -> Result<(), Stop> {
        let work = self.look(api, pending).await?;
        self.compare_all(api, &work.known).await?;
        let mut created = self.take_new(api, &work).await?;
        created.extend(self.send_new(api).await?);
        let created: Vec<(String, Uuid, bool)> = created
            .into_iter()
            .map(|(item, task)| (item, task, true))
            .collect();
        self.compare_all(api, &created).await?;
        if self.is_comparison() && self.outcome.listed.is_some() {
            self.outcome.compared = Some((self.equal, self.different));
        }
        Ok(())
    }

    pub(super) fn is_due(&self, at: Option<OffsetDateTime>) -> bool {
        at.is_some_and(|at| at <= self.now)
    }

    /// Whether all items are compared.
    pub(super) fn is_comparison(&self) -> bool {
        self.is_due(self.project.compare_at)
    }

    /// Goes on only if nobody has changed or disconnected the project.
    pub(super) async fn renew_lease(&mut self) -> Result<(), Stop> {
        let now = self.parts.clock.now();
        match schedule::renew(self.parts.db, self.project, now).await? {
            true => Ok(()),
            false => Err(Stop::Overtaken),
        }
    }

    /// Compares items with their tasks, and writes to GitHub what it lacks.
    async fn compare_all(
        &mut self,
        api: &mut Api<'_>,
        known: &[(String, Uuid, bool)],
    ) -> Result<(), Stop> {
        let tasks: HashMap<&str, (Uuid, bool)> = known
            .iter()
            .map(|(id, task, is_sent)| (id.as_str(), (*task, *is_sent)))
            .collect();
        // In parts, so that what was read is written before it is old.
        for part in known.chunks(50) {
            self.renew_lease().await?;
            let wanted: Vec<String> = part.iter().map(|(id, ..)| id.clone()).collect();
            let (ids, logins) = (&self.project.field_ids, self.mapping.logins());
            for (id, found) in remote_items::items(api, &wanted, false, ids, logins).await? {
                let Some((task, is_sent)) = tasks.get(id.as_str()).copied() else {
                    continue;
                };
                match found {
                    Found::Item(item) => self.compare_one(api, &item, task, is_sent).await?,
                    Found::Hidden => {}
                    Found::Deleted if self.outcome.listed.is_some() => self.archive(task).await?,
                    // Perhaps the token does not show the project any more. A list tells.
                    Found::Deleted => self.outcome.poll_at = Some(self.now),
                }
            }
        }
        Ok(())
    }

    async fn compare_one(
        &mut self,
        api: &mut Api<'_>,
        item: &Item,
        task: Uuid,
        is_sent: bool,
    ) -> Result<(), Stop> {
        let (team, project, mapping) = (&self.team, &*self.project, self.mapping);
        let compared = self
            .parts
            .store
            .change(&Actor::system(), |change, _| {
                Box::pin(compare(change, team, project, mapping, (item, task)))
            })
            .await;
        let Comparison {
            was_equal,
            to_send,
            values,
            mut common,
        } = match compared {
            Ok(compared) => compared.value,
            // The task was deleted meanwhile.
            Err(Problem::NotFound) => return Ok(()),
            Err(problem) => {
                let why = format!("Not taken over from GitHub: {}", refusal(problem)?);
                let noted = (item.changed.as_str(), why.as_str(), self.team.seq);
                self.different += 1;
                return Ok(items::note_problem(self.parts.db, project, task, noted).await?);
            }
        };
        match was_equal {
            true => self.equal += 1,
            false => self.different += 1,
        }
        if to_send.is_empty() {
            return Ok(());
        }
        if !is_sent {
            let noted = (item.changed.as_str(), REFUSED_BEFORE, self.team.seq);
            return Ok(items::note_problem(self.parts.db, project, task, noted).await?);
        }
        if api.writes >= self.most_writes {
            self.outcome.is_unfinished = true;
            return Ok(());
        }
        let mut writer = Writer::new(api, &project.node_id, &project.field_ids, mapping.logins());
        let mut written = writer.write(item, &values, &to_send).await?;
        written.values.column = values.column;
        for field in &written.fields {
            common.take(*field, &written.values);
            common.fresh.retain(|fresh| fresh != field);
            if !written.values.has_same(*field, &values) {
                let name = field.name();
                written.problem = format!("GitHub did not accept all {name} of the task.");
            }
        }
        let now = (&common, written.problem.as_str(), self.team.seq);
        items::arrived(self.parts.db, project, task, now).await?;
        Ok(())
    }

    /// Archives the task of an item that was deleted.
    async fn archive(&self, task: Uuid) -> Result<(), Stop> {
        let (team, project) = (&self.team, &*self.project);
        self.parts
            .store
            .change(&Actor::system(), |change, _| {
                Box::pin(async move {
                    schedule::require_lease(change.db(), project).await?;
                    let recorded = change.recorded();
                    archive::archive_task(change, team, task).await?;
                    for event in change.pending().skip(recorded) {
                        if event.task == Some(task) && event.after.is_object() {
                            event.after["by"] = serde_json::json!(AUTHOR);
                        }
                    }
                    items::leave(change.db(), project, task).await
                })
            })
            .await?;
        Ok(())
    }
}
