//! A change: one transaction that writes its events, each with the team's next sequence number.

use std::{collections::BTreeMap, marker::PhantomData, ops::DerefMut, pin::Pin, time::Duration};

use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        clock::Clock,
        error::{Outage, Problem, Result},
        events::{
            committed::{Progress, note},
            kind::{EventKind, are_undoable},
            lost_commit::CommitError,
            repeats::{or_done_before, write_key},
        },
        policy::{
            actor::{Actor, IdempotencyKey, UnusedKey},
            predicates::still_may,
        },
    },
};

/// An event to be recorded.
#[derive(Debug)]
pub struct Event {
    pub(crate) team: Uuid,
    pub(crate) task: Option<Uuid>,
    pub(crate) kind: EventKind,
    pub(crate) before: Value,
    pub(crate) after: Value,
    /// The task's version after the event.
    pub(crate) version: Option<i64>,
}

/// An event with its time and author, not written yet.
struct PendingEvent {
    event: Event,
    at: OffsetDateTime,
    actor: Option<Uuid>,
    undoes: Option<i64>,
    /// If it is known; otherwise the database finds it.
    transition: Option<String>,
}

/// An open transaction that collects events. They are written just before the commit, so that the
/// row that numbers a team's events is locked last and for the shortest time.
pub struct Change {
    tx: Transaction<'static, Postgres>,
    events: Vec<PendingEvent>,
    /// The newest event written so far of each team.
    written: BTreeMap<Uuid, i64>,
    /// Every event of this change carries this id; undo uses it.
    pub(crate) id: Uuid,
    pub(crate) actor: Option<Uuid>,
    /// The teams that the actor's token is limited to; `None` means all visible teams.
    pub(crate) reach: Option<Vec<Uuid>>,
    /// The name of the agent that acts for the actor, if it is one.
    pub(crate) agent: Option<String>,
    pub(crate) at: OffsetDateTime,
    /// While an event is being undone, its sequence number; the events recorded meanwhile refer to it.
    pub(crate) undoing: Option<i64>,
    /// The request's idempotency key, until it was written.
    key: Option<UnusedKey>,
}

/// The result of a committed change.
pub struct Changed<T> {
    pub(crate) id: Uuid,
    /// Whether all of the change can be undone.
    pub(crate) is_undoable: bool,
    pub(crate) value: T,
}

/// The future of an operation that `EventStore::change` runs.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Ties the operation's borrows to the caller's lifetime; without it the compiler would require
/// them to be `'static`. (An `AsyncFnMut` cannot be shown to be `Send` yet.)
pub struct Scope<'a, 'env: 'a>(PhantomData<&'a &'env ()>);

/// Runs every change in one transaction with its events, and notifies listeners after the commit.
#[derive(Clone)]
pub struct EventStore {
    db: Pool,
    clock: Clock,
    committed: mpsc::UnboundedSender<(Uuid, i64)>,
}

/// Team and newest sequence number, for every commit of this process.
pub type Commits = mpsc::UnboundedReceiver<(Uuid, i64)>;

impl EventStore {
    /// Creates a store over an open, migrated database, and the channel of its commits.
    pub(crate) fn new(db: Pool, clock: Clock) -> (Self, Commits) {
        let (committed, commits) = mpsc::unbounded_channel();
        let store = Self {
            db,
            clock,
            committed,
        };
        (store, commits)
    }

    /// Runs an operation in one transaction, commits it with its events, and notifies open boards.
    /// Transient failures are retried: serialization failures and deadlocks three times at most,
    /// `Problem::Retry` more often. A request with an idempotency key that was used before changes nothing.
    pub async fn change<'env, T>(
        &self,
        actor: &Actor,
        mut verb: impl for<'a> FnMut(&'a mut Change, Scope<'a, 'env>) -> BoxFuture<'a, T> + Send,
    ) -> Result<Changed<T>> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_change(actor, &mut verb).await {
                Err(problem) if problem.is_transient() && tries <= most_tries(&problem) => {
                    tracing::debug!(tries, "retrying a change: {problem}")
                }
                Err(problem) if problem.is_transient() => return Err(Problem::Busy),
                Err(problem) => return Err(or_done_before(&self.db, actor, problem).await),
                Ok(changed) => {
                    if let Some(key) = &actor.idempotency_key {
                        key.note_use();
                    }
                    return Ok(changed);
                }
            }
        }
    }

    /// Runs an operation as `change` does, events included, and rolls it back.
    pub(crate) async fn dry_run<'env, T>(
        &self,
        actor: &Actor,
        mut verb: impl for<'a> FnMut(&'a mut Change, Scope<'a, 'env>) -> BoxFuture<'a, T> + Send,
    ) -> Result<T> {
        let mut change = self.begin(actor).await?;
        let value = verb(&mut change, Scope(PhantomData)).await?;
        change.write_events().await?;
        change.tx.rollback().await?;
        Ok(value)
    }

    async fn begin(&self, actor: &Actor) -> Result<Change> {
        Ok(Change {
            tx: self.db.begin().await?,
            events: Vec::new(),
            written: BTreeMap::new(),
            id: Uuid::now_v7(),
            actor: actor.account,
            reach: actor.reach.clone(),
            agent: actor.agent.clone(),
            at: self.clock.now(),
            undoing: None,
            key: actor
                .idempotency_key
                .as_ref()
                .and_then(IdempotencyKey::unused),
        })
    }

    async fn try_change<'env, T>(
        &self,
        actor: &Actor,
        verb: &mut (impl for<'a> FnMut(&'a mut Change, Scope<'a, 'env>) -> BoxFuture<'a, T> + Send),
    ) -> Result<Changed<T>> {
        let mut change = self.begin(actor).await?;
        let value = verb(&mut change, Scope(PhantomData)).await?;
        let (id, is_undoable) = (
            change.id,
            are_undoable(change.events.iter().map(|noted| noted.event.kind)),
        );
        note(Progress::Committing);
        let outcome = match change.commit().await {
            Ok(teams) => Ok(teams),
            Err(lost) => lost.find_out(&self.db, id).await,
        };
        note(match outcome {
            Ok(_) => Progress::Committed,
            Err(_) => Progress::Nothing,
        });
        let teams = outcome?;
        for team in teams {
            // A command that exits right after its change has no listener.
            let _ = self.committed.send(team);
        }
        Ok(Changed {
            id,
            is_undoable,
            value,
        })
    }
}

/// How long a commit may take. For a synchronous standby that is away, Postgres waits without end: its timeouts are not
/// for commits.
const COMMITTED_WITHIN: Duration = Duration::from_secs(10);

/// How often a failed transaction is tried. `Retry` means that another change was committed first,
/// which happens several times in a row on a busy board, and each time some change has succeeded.
/// Deadlocks should not repeat.
fn most_tries(problem: &Problem) -> u32 {
    if matches!(problem, Problem::Retry) {
        20
    } else {
        3
    }
}

impl Change {
    /// The transaction's connection.
    pub(crate) fn db(&mut self) -> &mut PgConnection {
        self.tx.deref_mut()
    }

    /// Adds an event; it is numbered and written at the commit.
    pub(crate) fn record(&mut self, event: Event) {
        self.events.push(PendingEvent {
            event,
            at: self.at,
            actor: self.actor,
            undoes: self.undoing,
            transition: None,
        });
    }

    /// How many events were recorded so far.
    pub(crate) fn recorded(&self) -> usize {
        self.events.len()
    }

    /// Forgets the events that were recorded since there were this many: what they are about was rolled back.
    pub(crate) fn forget_events_since(&mut self, recorded: usize) {
        self.events.truncate(recorded);
    }

    /// The events recorded so far, not written yet.
    pub(crate) fn pending(&mut self) -> impl Iterator<Item = &mut Event> {
        self.events.iter_mut().map(|noted| &mut noted.event)
    }

    /// Adds an event with another time and author than this change.
    pub(crate) fn record_anonymous(
        &mut self,
        event: Event,
        at: OffsetDateTime,
        actor: Option<Uuid>,
    ) {
        self.record_imported(event, at, actor, None);
    }

    /// Adds an imported event, with its original time and author, and its transition if that is
    /// known, as `set_transition` in the migration writes it.
    pub(crate) fn record_imported(
        &mut self,
        event: Event,
        at: OffsetDateTime,
        actor: Option<Uuid>,
        transition: Option<String>,
    ) {
        self.events.push(PendingEvent {
            event,
            at,
            actor,
            undoes: None,
            transition,
        });
    }

    /// Commits. Returns the newest event of each team that it changed.
    async fn commit(mut self) -> Result<BTreeMap<Uuid, i64>, CommitError> {
        let written = match self.write_events().await {
            Ok(()) => self.write_unused_key().await,
            refused => refused,
        };
        if let Err(problem) = written {
            return Err(CommitError {
                problem,
                may_be_made: None,
            });
        }
        let written = self.written;
        match tokio::time::timeout(COMMITTED_WITHIN, self.tx.commit()).await {
            Ok(Ok(())) => Ok(written),
            Ok(Err(error)) => Err(CommitError {
                may_be_made: Outage::of(&error).map(|_| written),
                problem: error.into(),
            }),
            Err(_) => Err(CommitError {
                may_be_made: Some(written),
                problem: Problem::Unavailable(Outage::Unreachable),
            }),
        }
    }

    /// Writes the events recorded so far. A change does so at its end; one with more events than
    /// should be in memory at once does so from time to time.
    pub(crate) async fn write_events(&mut self) -> Result<()> {
        let mut by_team: BTreeMap<Uuid, Vec<PendingEvent>> = BTreeMap::new();
        for noted in std::mem::take(&mut self.events) {
            by_team.entry(noted.event.team).or_default().push(noted);
        }
        // In the order of team ids, so that two changes of the same teams never deadlock.
        for (team, events) in by_team {
            let seq = self.write(team, &events).await?;
            self.written.insert(team, seq);
        }
        Ok(())
    }

    /// Writes the key of a change without events.
    async fn write_unused_key(&mut self) -> Result<()> {
        match (self.key.take(), self.actor) {
            (Some(key), Some(account)) => {
                let (id, at) = (self.id, self.at);
                write_key(self.db(), account, key, id, at).await
            }
            _ => Ok(()),
        }
    }

    async fn write(&mut self, team: Uuid, events: &[PendingEvent]) -> Result<i64> {
        let (id, at) = (self.id, self.at);
        let key = self.key.take().filter(|_| self.actor.is_some());
        let count = events.len() as i64;
        // One statement for permission check, sequence number, events and key: a single round trip. A second request
        // with the same key waits here for the first, and then fails.
        let takes = events
            .iter()
            .map(|noted| noted.event.kind.required_role())
            .max()
            .unwrap_or_default();
        let seq: Option<i64> = sqlx::query_scalar(concat!(
            "WITH numbered AS (UPDATE teams SET seq = seq + $2 WHERE id = $1 AND ",
            still_may!("$1", "$11", "$12"),
            " RETURNING seq),
                  written AS (
                      INSERT INTO events (team_id, seq, change_id, actor_id, at, task_id, kind, before, after, version, undoes, transition, agent)
                      SELECT $1, numbered.seq - $2 + event.nth, $3, event.actor, event.at, event.task, event.kind, event.before, event.after, event.version,
                             event.undoes, event.transition, CASE WHEN event.actor = $11 THEN $18 END
                      FROM numbered, unnest($4::uuid[], $5::timestamptz[], $6::uuid[], $7::text[], $8::jsonb[], $9::jsonb[], $10::bigint[], $13::bigint[],
                                            $14::text[])
                           WITH ORDINALITY AS event (actor, at, task, kind, before, after, version, undoes, transition, nth)),
                  keyed AS (
                      INSERT INTO idempotency_keys (account_id, key, fingerprint, change_id, created_at)
                      SELECT $11, $15, $16, $3, $17 FROM numbered WHERE $15 IS NOT NULL)
             SELECT seq FROM numbered"
        ))
        .bind(team)
        .bind(count)
        .bind(id)
        .bind(events.iter().map(|noted| noted.actor).collect::<Vec<_>>())
        .bind(events.iter().map(|noted| noted.at).collect::<Vec<_>>())
        .bind(events.iter().map(|noted| noted.event.task).collect::<Vec<_>>())
        .bind(events.iter().map(|noted| noted.event.kind.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|noted| &noted.event.before).collect::<Vec<_>>())
        .bind(events.iter().map(|noted| &noted.event.after).collect::<Vec<_>>())
        .bind(events.iter().map(|noted| noted.event.version).collect::<Vec<_>>())
        .bind(self.actor)
        .bind(takes.as_str())
        .bind(events.iter().map(|noted| noted.undoes).collect::<Vec<_>>())
        .bind(events.iter().map(|noted| noted.transition.as_deref()).collect::<Vec<_>>())
        .bind(key.as_ref().map(|key| &key.key))
        .bind(key.as_ref().map(|key| &key.fingerprint))
        .bind(at)
        .bind(self.agent.clone())
        .fetch_optional(self.db())
        .await?;
        seq.ok_or_else(|| {
            Problem::Forbidden(
                "You no longer have permission to change this. Nothing was changed.".into(),
            )
        })
    }
}
