//! Requests to another team. The team accepts a request as a task, answers it, or declines it with
//! a reason, and the requester sees the result.

use std::collections::HashMap;

use serde_json::json;
use sqlx::{Postgres, QueryBuilder};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::{Change, Event, EventKind},
        person::Person,
        policy::predicates::{named_to_all, seen_by},
        tasks::create::{NewTask, create_task},
        team::Team,
        text::plain_lines,
    },
};

/// A request to be created.
pub(crate) struct Draft<'d> {
    pub(crate) title: &'d str,
    pub(crate) why: &'d str,
    pub(crate) by: Option<Date>,
}

/// The most open requests of one person to a team.
const MAX_OPEN: i64 = 50;

/// Sends a request to a team.
///
/// # Errors
/// `Invalid` for a request without a title.
pub(crate) async fn ask(change: &mut Change, team: &Team, draft: &Draft<'_>) -> Result<Uuid> {
    let (id, at, actor) = (Uuid::now_v7(), change.at, change.actor);
    let title = draft.title.split_whitespace().collect::<Vec<_>>().join(" ");
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM requests WHERE team_id = $1 AND asker_id = $2 AND outcome IS NULL",
    )
    .bind(team.id)
    .bind(actor)
    .fetch_one(change.db())
    .await?;
    if open >= MAX_OPEN {
        return Err(Problem::field(
            "title",
            "You can have at most 50 open requests to a team. Withdraw some first.",
        ));
    }
    // The name of a private team is not shown to others.
    sqlx::query(concat!(
        "INSERT INTO requests (team_id, id, title, why, by_on, asker_id, for_team_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, (SELECT m.team_id FROM members m JOIN teams t ON t.id = m.team_id AND ",
        named_to_all!("t"),
        "
                                          WHERE m.account_id = $6 AND m.team_id <> $1 ORDER BY m.since LIMIT 1), $7)"
    ))
    .bind(team.id)
    .bind(id)
    .bind(&title)
    .bind(plain_lines(draft.why.trim()))
    .bind(draft.by)
    .bind(actor)
    .bind(at)
    .execute(change.db())
    .await?;
    record(
        change,
        team,
        EventKind::RequestCreated,
        json!({ "request": id, "title": title }),
    );
    Ok(id)
}

/// The team's response to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// Accepted as a task that the requester needs.
    Taken,
    Answered,
    Declined,
    /// By the requester.
    Withdrawn,
}

impl Outcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Answered => "answered",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl TryFrom<String> for Outcome {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        [Self::Taken, Self::Answered, Self::Declined, Self::Withdrawn]
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| format!("unknown request state: {text}"))
    }
}

/// Settles a request and returns the number of the task that was created from it.
///
/// # Errors
/// `Conflict` when it was settled in the meantime, `Invalid` for an answer or decline without a
/// text.
pub(crate) async fn resolve(
    change: &mut Change,
    team: &Team,
    request: Uuid,
    outcome: Outcome,
    answer: &str,
) -> Result<Option<i64>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        title: String,
        why: String,
        by_on: Option<Date>,
        outcome: Option<Outcome>,
        asker: Option<String>,
        for_team: Option<String>,
    }
    // Tasks and their columns are locked before the team's other rows.
    let row: Row = sqlx::query_as(concat!(
        "SELECT r.title, r.why, r.by_on, r.outcome, a.handle AS asker, t.name AS for_team
         FROM requests r LEFT JOIN accounts a ON a.id = r.asker_id LEFT JOIN teams t ON t.id = r.for_team_id AND ",
        named_to_all!("t"),
        "
         WHERE r.team_id = $1 AND r.id = $2 FOR NO KEY UPDATE OF r"
    ))
    .bind(team.id)
    .bind(request)
    .fetch_one(change.db())
    .await?;
    if row.outcome.is_some() {
        return Err(Problem::conflict(
            "This request was already answered. Nothing was changed.",
        ));
    }
    let created = match outcome {
        Outcome::Taken => {
            let requesters = [row.asker.map(|handle| format!("@{handle}")), row.for_team];
            let new = NewTask {
                title: row.title,
                description: row.why,
                due: row.by_on,
                needed_by: requesters
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(", "),
                ..NewTask::default()
            };
            Some(create_task(change, team, &new).await?)
        }
        Outcome::Answered | Outcome::Declined => None,
        Outcome::Withdrawn => {
            return Err(Problem::field(
                "outcome",
                "Accept, answer or decline the request.",
            ));
        }
    };
    let (at, actor) = (change.at, change.actor);
    sqlx::query(
        "UPDATE requests SET outcome = $3, answer = $4, settled_by = $5, settled_at = $6, task_id = $7 WHERE team_id = $1 AND id = $2",
    )
    .bind(team.id)
    .bind(request)
    .bind(outcome.as_str())
    .bind(plain_lines(answer.trim()))
    .bind(actor)
    .bind(at)
    .bind(created.map(|(task, _)| task))
    .execute(change.db())
    .await?;
    record(
        change,
        team,
        EventKind::RequestAnswered,
        json!({ "request": request, "outcome": outcome.as_str() }),
    );
    Ok(created.map(|(_, number)| number))
}

/// Withdraws the actor's own request.
///
/// # Errors
/// `NotFound` for another person's request, `Conflict` once it is settled.
pub(crate) async fn withdraw(change: &mut Change, team: &Team, request: Uuid) -> Result<()> {
    let (at, actor) = (change.at, change.actor);
    let outcome: Option<Outcome> = sqlx::query_scalar(
        "SELECT outcome FROM requests WHERE team_id = $1 AND id = $2 AND asker_id = $3 FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .bind(request)
    .bind(actor)
    .fetch_one(change.db())
    .await?;
    if outcome.is_some() {
        return Err(Problem::conflict(
            "This request was already answered. See the answer on My work. Nothing was changed.",
        ));
    }
    sqlx::query(
        "UPDATE requests SET outcome = 'withdrawn', settled_by = $3, settled_at = $4 WHERE team_id = $1 AND id = $2",
    )
    .bind(team.id)
    .bind(request)
    .bind(actor)
    .bind(at)
    .execute(change.db())
    .await?;
    record(
        change,
        team,
        EventKind::RequestWithdrawn,
        json!({ "request": request }),
    );
    Ok(())
}

fn record(change: &mut Change, team: &Team, kind: EventKind, after: serde_json::Value) {
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before: json!({}),
        after,
        version: None,
    });
}

/// A request as its team and its author see it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Request {
    pub(crate) id: Uuid,
    /// Name and slug of the requested team.
    pub(crate) team: String,
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) why: String,
    pub(crate) by_on: Option<Date>,
    /// `None` once the account was deleted.
    pub(crate) asker: Option<String>,
    /// Whether the reader made it.
    pub(crate) is_readers: bool,
    pub(crate) for_team: Option<String>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) answer: String,
    pub(crate) settled_by: Option<String>,
    /// Key and column of the task that was created from it.
    pub(crate) task: Option<String>,
    pub(crate) stands: Option<String>,
}

fn requests(reader: Uuid) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("WITH reader AS (SELECT ");
    query.push_bind(reader).push(concat!(
        "::uuid AS id)
         SELECT r.id, t.name AS team, t.slug, r.title, r.why, r.by_on, a.name AS asker,
                r.asker_id IS NOT DISTINCT FROM (SELECT id FROM reader) AS is_readers, f.name AS for_team, r.created_at, r.outcome, r.answer,
                s.name AS settled_by, t.key || '-' || k.number AS task, c.name AS stands
         FROM requests r JOIN teams t ON t.id = r.team_id LEFT JOIN accounts a ON a.id = r.asker_id
         LEFT JOIN teams f ON f.id = r.for_team_id AND ",
        seen_by!(of "f", "(SELECT id FROM reader)"),
        " LEFT JOIN accounts s ON s.id = r.settled_by
         LEFT JOIN LATERAL (SELECT * FROM tasks WHERE team_id = r.team_id AND id = r.task_id OFFSET 0) k ON true LEFT JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE ",
    ));
    query
}

/// Returns the requests to a team: open ones, oldest first, and recently settled ones.
pub(crate) async fn requests_to(db: &Pool, team: Uuid, reader: Uuid) -> Result<Vec<Request>> {
    let mut query = requests(reader);
    query
        .push("r.team_id = ")
        .push_bind(team)
        .push(" ORDER BY r.outcome IS NOT NULL, CASE WHEN r.outcome IS NULL THEN r.created_at END, r.settled_at DESC LIMIT 100");
    Ok(query.build_query_as().fetch_all(db).await?)
}

/// The requests of a person, and those that await a reply of a team that the person leads.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestsOfPerson {
    pub(crate) made: Vec<Request>,
    pub(crate) to_answer: Vec<Request>,
}

/// Returns a person's requests to these teams, which they can see: open ones, and those settled
/// after an instant; and the open ones to teams that they lead.
pub(crate) async fn requests_of(
    db: &Pool,
    person: &Person,
    seen: &[Uuid],
    since: OffsetDateTime,
) -> Result<RequestsOfPerson> {
    let mut query = requests(person.id);
    query
        .push("r.team_id = ANY(")
        .push_bind(seen.to_vec())
        .push(") AND (r.asker_id = (SELECT id FROM reader) AND (r.settled_at IS NULL OR r.settled_at > ")
        .push_bind(since);
    query.push(
        ") OR r.outcome IS NULL AND r.team_id IN (SELECT m.team_id FROM members m
                                                  WHERE m.account_id = (SELECT id FROM reader) AND m.role = 'lead'))
         ORDER BY r.settled_at DESC NULLS LAST, r.created_at LIMIT 100",
    );
    let all: Vec<Request> = query.build_query_as().fetch_all(db).await?;
    let (made, to_answer) = all.into_iter().partition(|request| request.is_readers);
    Ok(RequestsOfPerson { made, to_answer })
}

/// Returns the number of open requests to each of these teams that has some.
pub(crate) async fn count_open(db: &Pool, teams: &[Uuid]) -> Result<HashMap<Uuid, i64>> {
    let counts: Vec<(Uuid, i64)> = sqlx::query_as(
        "SELECT team_id, count(*) FROM requests WHERE team_id = ANY($1) AND outcome IS NULL GROUP BY team_id",
    )
    .bind(teams)
    .fetch_all(db)
    .await?;
    Ok(counts.into_iter().collect())
}

/// Returns the number of open requests to a team.
pub(crate) async fn open(db: &Pool, team: Uuid) -> Result<i64> {
    Ok(
        sqlx::query_scalar("SELECT count(*) FROM requests WHERE team_id = $1 AND outcome IS NULL")
            .bind(team)
            .fetch_one(db)
            .await?,
    )
}
