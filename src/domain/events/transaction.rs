//! One change: one transaction, its events in it, each with the team's next number.

use crate::domain::policy::actor::Actor;
use std::{collections::BTreeMap, marker::PhantomData, ops::DerefMut, pin::Pin};

use serde_json::Value;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::domain::{
    clock::Clock,
    events::kind::{EventKind, are_undoable},
};
use crate::domain::{
    error::{Problem, Result},
    policy::{actor::IdempotencyKey, predicates::still_may},
};

/// What one event says.
#[derive(Debug)]
pub struct Event {
    pub team: Uuid,
    pub task: Option<Uuid>,
    pub kind: EventKind,
    pub before: Value,
    pub after: Value,
    /// The task's version after it.
    pub version: Option<i64>,
}

/// An event with when it happened and who did it.
struct PendingEvent {
    event: Event,
    at: OffsetDateTime,
    actor: Option<Uuid>,
}

/// A transaction that is being filled. Its events are written when it commits,
/// so that the row that numbers a team's events is locked for the shortest time, and last of all.
pub struct Change {
    tx: Transaction<'static, Postgres>,
    events: Vec<PendingEvent>,
    /// Every event of this change carries it; undo goes by it.
    pub id: Uuid,
    pub actor: Option<Uuid>,
    /// The teams that the actor's token is for; none said: all that they see.
    pub reach: Option<Vec<Uuid>>,
    pub at: OffsetDateTime,
}

/// What was changed, once it is kept.
pub struct Changed<T> {
    pub id: Uuid,
    /// Whether all that it did can be taken back.
    pub is_undoable: bool,
    pub value: T,
}

/// The future of a verb, as `EventStore::change` takes it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Says that what a verb borrows from its caller outlives the change: without it the compiler
/// would want it to live for ever. (An `AsyncFnMut` cannot be shown to be `Send` yet.)
pub struct Scope<'a, 'env: 'a>(PhantomData<&'a &'env ()>);

/// Where every change is made: one transaction with its events in it, and word of it to whoever listens.
pub struct EventStore {
    db: PgPool,
    clock: Clock,
    committed: mpsc::UnboundedSender<(Uuid, i64)>,
}

/// The team and the number of its newest event, for every commit of this program.
pub type Commits = mpsc::UnboundedReceiver<(Uuid, i64)>;

impl EventStore {
    /// A store over an open, migrated database, and what it commits.
    pub fn new(db: PgPool, clock: Clock) -> (Self, Commits) {
        let (committed, commits) = mpsc::unbounded_channel();
        let store = Self {
            db,
            clock,
            committed,
        };
        (store, commits)
    }

    /// Runs a verb in one transaction and commits it with its events, then tells every open board.
    /// When the database could not serialise it, all of it is tried again, three times at most, and more often when only
    /// somebody else was quicker.
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
                    tracing::debug!(tries, "trying a change again: {problem}")
                }
                Err(problem) if problem.is_transient() => return Err(Problem::Busy),
                outcome => return outcome,
            }
        }
    }

    async fn try_change<'env, T>(
        &self,
        actor: &Actor,
        verb: &mut (impl for<'a> FnMut(&'a mut Change, Scope<'a, 'env>) -> BoxFuture<'a, T> + Send),
    ) -> Result<Changed<T>> {
        let mut change = Change {
            tx: self.db.begin().await?,
            events: Vec::new(),
            id: Uuid::now_v7(),
            actor: actor.account,
            reach: actor.reach.clone(),
            at: self.clock.now(),
        };
        if let (Some(repeat), Some(account)) = (&actor.repeat, actor.account) {
            change.take_key(repeat, account).await?;
        }
        let value = verb(&mut change, Scope(PhantomData)).await?;
        let (id, is_undoable) = (
            change.id,
            are_undoable(change.events.iter().map(|noted| noted.event.kind)),
        );
        let teams = change.commit().await?;
        for team in teams {
            // A command that ends right after its change may not listen.
            let _ = self.committed.send(team);
        }
        Ok(Changed {
            id,
            is_undoable,
            value,
        })
    }
}

/// How often all of it is tried again. What moved meanwhile did so because another change was made: with many people on
/// one board that happens several times in a row, and each time somebody has got on. Deadlocks are another matter.
fn most_tries(problem: &Problem) -> u32 {
    if matches!(problem, Problem::Again) {
        20
    } else {
        3
    }
}

impl Change {
    /// The transaction's connection.
    pub fn db(&mut self) -> &mut PgConnection {
        self.tx.deref_mut()
    }

    /// Adds an event; it is numbered and written when the change commits.
    pub fn record(&mut self, event: Event) {
        self.events.push(PendingEvent {
            event,
            at: self.at,
            actor: self.actor,
        });
    }

    /// The events that it has so far, none of them written yet.
    pub fn pending(&mut self) -> impl Iterator<Item = &mut Event> {
        self.events.iter_mut().map(|noted| &mut noted.event)
    }

    /// Adds an event that happened elsewhere, before this change: it keeps its own instant, and who did it then.
    pub fn record_past(&mut self, event: Event, at: OffsetDateTime, actor: Option<Uuid>) {
        self.events.push(PendingEvent { event, at, actor });
    }

    /// A second request with the same key waits here for the first, and then learns what that did.
    async fn take_key(&mut self, repeat: &IdempotencyKey, account: Uuid) -> Result<()> {
        let taken = sqlx::query(
            "INSERT INTO idempotency_keys (account_id, key, fingerprint, change_id, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(account)
        .bind(&repeat.key)
        .bind(&repeat.fingerprint)
        .bind(self.id)
        .bind(self.at)
        .execute(self.db())
        .await?;
        if taken.rows_affected() == 1 {
            return Ok(());
        }
        let (fingerprint, change): (Vec<u8>, Uuid) =
            sqlx::query_as("SELECT fingerprint, change_id FROM idempotency_keys WHERE account_id = $1 AND key = $2")
                .bind(account)
                .bind(&repeat.key)
                .fetch_one(self.db())
                .await?;
        if fingerprint != repeat.fingerprint {
            return Err(Problem::field(
                "Idempotency-Key",
                "This key was used for another request.",
            ));
        }
        Err(Problem::DoneBefore { change })
    }

    async fn commit(mut self) -> Result<Vec<(Uuid, i64)>> {
        let mut by_team: BTreeMap<Uuid, Vec<PendingEvent>> = BTreeMap::new();
        for noted in std::mem::take(&mut self.events) {
            by_team.entry(noted.event.team).or_default().push(noted);
        }
        let mut teams = Vec::with_capacity(by_team.len());
        // In the order of their ids: two changes over the same teams never wait for each other.
        for (team, events) in by_team {
            teams.push((team, self.write(team, &events).await?));
        }
        self.tx.commit().await?;
        Ok(teams)
    }

    async fn write(&mut self, team: Uuid, events: &[PendingEvent]) -> Result<i64> {
        let id = self.id;
        let count = events.len() as i64;
        // One statement: whether the actor still may, the number, and the events, in one round trip.
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
                      INSERT INTO events (team_id, seq, change_id, actor_id, at, task_id, kind, before, after, version)
                      SELECT $1, numbered.seq - $2 + event.nth, $3, event.actor, event.at, event.task, event.kind, event.before, event.after, event.version
                      FROM numbered, unnest($4::uuid[], $5::timestamptz[], $6::uuid[], $7::text[], $8::jsonb[], $9::jsonb[], $10::bigint[])
                           WITH ORDINALITY AS event (actor, at, task, kind, before, after, version, nth))
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
        .fetch_optional(self.db())
        .await?;
        seq.ok_or_else(|| {
            Problem::Forbidden("You may not change this any more. Nothing was changed.".into())
        })
    }
}
