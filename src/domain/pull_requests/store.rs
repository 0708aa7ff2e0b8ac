//! Stores what deliveries say about pull requests, the newest of which counts.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    pull_requests::model::{CheckEvent, CheckState, PullRequestEvent, PullRequestState},
};

/// The most checks of a commit.
const MOST_CHECKS: i64 = 200;

/// A pull request, as a database row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Stored {
    pub(super) id: Uuid,
    pub(super) number: i64,
    pub(super) state: PullRequestState,
    pub(super) checks: Option<CheckState>,
    pub(super) reviewers: Vec<String>,
    pub(super) head_commit: String,
    pub(super) changed_at: OffsetDateTime,
}

/// A pull request after a delivery, and what the delivery changed.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    pub(super) id: Uuid,
    /// Whether what cards show was changed.
    pub(super) is_changed: bool,
    /// The state before; `None` if it is new.
    pub(super) was: Option<PullRequestState>,
    /// Those whose review was not wanted before.
    pub(super) newly_asked: Vec<String>,
    /// Whether a newer delivery came before this one, which changes nothing then.
    pub(super) is_stale: bool,
}

/// Finds a pull request, and locks it.
pub(super) async fn find(
    db: &mut PgConnection,
    connection: Uuid,
    repository: &str,
    number: i64,
) -> Result<Option<Stored>> {
    Ok(sqlx::query_as(
        "SELECT id, number, state, checks, reviewers, head_commit, changed_at FROM pull_requests
         WHERE connection_id = $1 AND lower(repository) = lower($2) AND number = $3 FOR UPDATE",
    )
    .bind(connection)
    .bind(repository)
    .bind(number)
    .fetch_optional(db)
    .await?)
}

/// The ids of a pull request, and of the open ones of a branch or with a commit. They are not locked, so that their tasks
/// can be locked first.
pub(super) async fn ids_of(
    db: &mut PgConnection,
    connection: Uuid,
    repository: &str,
    number: Option<i64>,
    (branch, commit): (&str, &str),
) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM pull_requests WHERE connection_id = $1 AND lower(repository) = lower($2)
             AND (number = $3 OR state IN ('draft', 'open') AND ($4 <> '' AND branch = $4 OR $5 <> '' AND head_commit = $5))
         ORDER BY id LIMIT 20",
    )
    .bind(connection)
    .bind(repository)
    .bind(number)
    .bind(branch)
    .bind(commit)
    .fetch_all(db)
    .await?)
}

/// Finds the open pull requests of a branch or with a commit, and locks them.
pub(super) async fn open_ones(
    db: &mut PgConnection,
    connection: Uuid,
    repository: &str,
    (branch, commit): (&str, &str),
) -> Result<Vec<Stored>> {
    Ok(sqlx::query_as(
        "SELECT id, number, state, checks, reviewers, head_commit, changed_at FROM pull_requests
         WHERE connection_id = $1 AND lower(repository) = lower($2) AND state IN ('draft', 'open')
             AND ($3 <> '' AND branch = $3 OR $4 <> '' AND head_commit = $4)
         ORDER BY id LIMIT 20 FOR UPDATE",
    )
    .bind(connection)
    .bind(repository)
    .bind(branch)
    .bind(commit)
    .fetch_all(db)
    .await?)
}

/// Stores a delivery about a pull request, unless a newer one came before. `may_ask_again`: whether a reviewer whom it
/// names is asked once more although its time is that of the delivery before.
pub(super) async fn save(
    db: &mut PgConnection,
    (connection, team): (Uuid, Uuid),
    event: &PullRequestEvent,
    at: OffsetDateTime,
    may_ask_again: bool,
) -> Result<Saved> {
    let before = find(db, connection, &event.repository, event.number).await?;
    if let Some(before) = &before {
        // Times have seconds only: what is merged does not become open again within one.
        let is_undone = before.state == PullRequestState::Merged && event.state != before.state;
        if at < before.changed_at || is_undone {
            return Ok(Saved {
                id: before.id,
                is_changed: false,
                was: Some(before.state),
                newly_asked: Vec::new(),
                is_stale: true,
            });
        }
    }
    let has_new_commit = before
        .as_ref()
        .is_some_and(|before| before.head_commit != event.head_commit);
    if let Some(before) = before.as_ref().filter(|_| has_new_commit) {
        sqlx::query("DELETE FROM pull_request_checks WHERE pull_request_id = $1")
            .bind(before.id)
            .execute(&mut *db)
            .await?;
    }
    let id: Uuid = sqlx::query_scalar(
        "INSERT INTO pull_requests AS p (id, connection_id, team_id, repository, number, title, url, branch, head_commit, state, reviewers, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (connection_id, lower(repository), number) DO UPDATE SET team_id = $3, repository = $4, title = $6, url = $7, branch = $8,
             head_commit = $9, state = $10, reviewers = $11, changed_at = $12, checks = CASE WHEN $13 THEN NULL ELSE p.checks END
         RETURNING id",
    )
    .bind(Uuid::now_v7())
    .bind(connection)
    .bind(team)
    .bind(&event.repository)
    .bind(event.number)
    .bind(&event.title)
    .bind(&event.url)
    // Pushes to a branch of this repository with the same name are none of a fork's.
    .bind(if event.is_fork { "" } else { &event.head_branch })
    .bind(&event.head_commit)
    .bind(event.state)
    .bind(&event.reviewers)
    .bind(at)
    .bind(has_new_commit)
    .fetch_one(db)
    .await?;
    let asked_before = before.as_ref().map_or(&[][..], |before| &before.reviewers);
    // A reviewer may be asked once more, but the same delivery asks only once.
    let is_later = before
        .as_ref()
        .is_none_or(|before| at > before.changed_at || may_ask_again);
    let is_asked = |login: &String| is_later && event.asked.as_ref() == Some(login);
    let newly_asked: Vec<String> = event
        .reviewers
        .iter()
        .filter(|login| !asked_before.contains(login) || is_asked(login))
        .cloned()
        .collect();
    let is_released = asked_before
        .iter()
        .any(|login| !event.reviewers.contains(login));
    Ok(Saved {
        id,
        is_changed: before.as_ref().is_none_or(|before| {
            before.state != event.state
                || !newly_asked.is_empty()
                || is_released
                || has_new_commit && before.checks.is_some()
        }),
        newly_asked,
        was: before.map(|before| before.state),
        is_stale: false,
    })
}

/// Stores the state of a check: that of its newest run, which does not run again once it has ended. Returns the pull requests whose checks together changed.
pub(super) async fn save_check(
    db: &mut PgConnection,
    connection: Uuid,
    event: &CheckEvent,
    at: OffsetDateTime,
) -> Result<(bool, Vec<Stored>)> {
    let found = open_ones(db, connection, &event.repository, ("", &event.commit)).await?;
    let is_found = !found.is_empty();
    let mut changed = Vec::new();
    for mut pull_request in found {
        sqlx::query(
            "INSERT INTO pull_request_checks AS c (pull_request_id, name, state, at, run)
             SELECT $1, $2, $3, $4, $6 WHERE (SELECT count(*) FROM pull_request_checks WHERE pull_request_id = $1 AND name <> $2) < $5
             ON CONFLICT (pull_request_id, name) DO UPDATE SET state = $3, at = $4, run = $6
             WHERE c.run < $6 OR c.run = $6 AND CASE
                 WHEN (c.state = 'running') = ($3 = 'running') THEN c.at <= $4
                 WHEN c.state = 'running' THEN $6 > 0 OR c.at <= $4
                 ELSE $6 = 0 AND c.at < $4 END",
        )
        .bind(pull_request.id)
        .bind(&event.name)
        .bind(event.state)
        .bind(at)
        .bind(MOST_CHECKS)
        .bind(event.run)
        .execute(&mut *db)
        .await?;
        let checks: Option<CheckState> = sqlx::query_scalar(
            "UPDATE pull_requests SET checks = (
                 SELECT CASE WHEN bool_or(state = 'failed') THEN 'failed' WHEN bool_or(state = 'running') THEN 'running' WHEN count(*) > 0 THEN 'passed' END
                 FROM pull_request_checks WHERE pull_request_id = $1) WHERE id = $1 RETURNING checks",
        )
        .bind(pull_request.id)
        .fetch_one(&mut *db)
        .await?;
        if checks != pull_request.checks {
            pull_request.checks = checks;
            changed.push(pull_request);
        }
    }
    Ok((is_found, changed))
}
