//! Stores what deliveries say about pull requests, the newest of which counts.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::Change,
    pull_requests::{
        model::{CheckEvent, CheckState, PullRequestEvent, PullRequestState, PushEvent},
        task_keys::{NamedTask, NamedTasks},
    },
    team::Team,
};

/// The most checks of a commit.
const MOST_CHECKS: i64 = 200;

/// How long keys of pushed commits are remembered for a pull request that is opened later.
pub(crate) const KEEP_BRANCH_KEYS: Duration = Duration::days(30);

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

/// Stores a delivery about a pull request, unless a newer one came before.
pub(super) async fn save(
    db: &mut PgConnection,
    connection: Uuid,
    team: Uuid,
    event: &PullRequestEvent,
    at: OffsetDateTime,
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
    .bind(&event.head_branch)
    .bind(&event.head_commit)
    .bind(event.state)
    .bind(&event.reviewers)
    .bind(at)
    .bind(has_new_commit)
    .fetch_one(db)
    .await?;
    let asked_before = before.as_ref().map_or(&[][..], |before| &before.reviewers);
    let newly_asked = event.reviewers.iter();
    Ok(Saved {
        id,
        is_changed: before.as_ref().is_none_or(|before| {
            before.state != event.state
                || before.reviewers.len() != event.reviewers.len()
                || has_new_commit && before.checks.is_some()
        }),
        newly_asked: newly_asked
            .filter(|login| !asked_before.contains(login))
            .cloned()
            .collect(),
        was: before.map(|before| before.state),
        is_stale: false,
    })
}

/// Stores the state of a check. Returns the pull requests whose checks together changed.
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
            "INSERT INTO pull_request_checks AS c (pull_request_id, name, state, at)
             SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM pull_request_checks WHERE pull_request_id = $1 AND name <> $2) < $5
             ON CONFLICT (pull_request_id, name) DO UPDATE SET state = $3, at = $4 WHERE c.at <= $4",
        )
        .bind(pull_request.id)
        .bind(&event.name)
        .bind(event.state)
        .bind(at)
        .bind(MOST_CHECKS)
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

/// Remembers the tasks that pushed commits name, for the pull request of their branch.
pub(super) async fn remember_keys(
    db: &mut PgConnection,
    connection: Uuid,
    push: &PushEvent,
    named: &[NamedTask],
    at: OffsetDateTime,
) -> Result<()> {
    for task in named {
        sqlx::query(
            "INSERT INTO forge_branch_keys AS b (connection_id, repository, branch, key, closes, pushed_at)
             SELECT $1, lower($2), $3, $4, $5, $6
             WHERE (SELECT count(*) FROM forge_branch_keys WHERE connection_id = $1 AND repository = lower($2) AND branch = $3) < 50
             ON CONFLICT (connection_id, repository, branch, key) DO UPDATE SET closes = b.closes OR $5, pushed_at = $6",
        )
        .bind(connection)
        .bind(&push.repository)
        .bind(&push.branch)
        .bind(task.key())
        .bind(task.closes)
        .bind(at)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Adds the tasks that commits of a branch have named.
pub(super) async fn add_remembered(
    db: &mut PgConnection,
    connection: Uuid,
    (repository, branch): (&str, &str),
    named: &mut NamedTasks,
) -> Result<()> {
    let rows: Vec<(String, bool)> = sqlx::query_as(
        "SELECT key, closes FROM forge_branch_keys WHERE connection_id = $1 AND repository = lower($2) AND branch = $3 ORDER BY pushed_at, key",
    )
    .bind(connection)
    .bind(repository)
    .bind(branch)
    .fetch_all(db)
    .await?;
    named.add(rows.into_iter().filter_map(|(key, closes)| {
        let (team, number) = crate::domain::keys::split_key(&key)?;
        Some(NamedTask {
            team,
            number,
            closes,
        })
    }));
    Ok(())
}

/// A task that a pull request names or named.
#[derive(Clone, Debug)]
pub(super) struct FoundTask {
    pub(super) team: Team,
    pub(super) id: Uuid,
    pub(super) closes: bool,
}

#[derive(sqlx::FromRow)]
struct TaskRow {
    #[sqlx(flatten)]
    team: TeamRow,
    task_id: Uuid,
    closes: bool,
}

#[derive(sqlx::FromRow)]
struct TeamRow {
    team_id: Uuid,
    slug: String,
    name: String,
    key: String,
    seq: i64,
}

impl From<TaskRow> for FoundTask {
    fn from(row: TaskRow) -> Self {
        Self {
            team: Team {
                id: row.team.team_id,
                slug: row.team.slug,
                name: row.team.name,
                key: row.team.key,
                seq: row.team.seq,
            },
            id: row.task_id,
            closes: row.closes,
        }
    }
}

/// Finds the tasks with these keys, by current or former keys of the teams that the connection lists. If they may be moved,
/// it locks what that needs: all columns of their teams, and then the tasks.
pub(super) async fn find_tasks(
    change: &mut Change,
    connection: Uuid,
    named: &[NamedTask],
    may_move: bool,
) -> Result<Vec<FoundTask>> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<TaskRow> = sqlx::query_as(
        "SELECT DISTINCT ON (t.id, k.id) t.id AS team_id, t.slug, t.name, t.key, t.seq, k.id AS task_id, bool_or(n.closes) OVER (PARTITION BY t.id, k.id) AS closes
         FROM unnest($2::text[], $3::bigint[], $4::boolean[]) AS n (key, number, closes)
         JOIN teams t ON t.key = n.key OR t.id IN (SELECT team_id FROM former_keys WHERE key = n.key)
         JOIN tasks k ON k.team_id = t.id AND k.number = n.number
         WHERE t.id IN (SELECT team_id FROM forge_repositories WHERE connection_id = $1)
         ORDER BY t.id, k.id",
    )
    .bind(connection)
    .bind(named.iter().map(|task| task.team.as_str()).collect::<Vec<_>>())
    .bind(named.iter().map(|task| task.number).collect::<Vec<_>>())
    .bind(named.iter().map(|task| task.closes).collect::<Vec<_>>())
    .fetch_all(change.db())
    .await?;
    let found: Vec<FoundTask> = rows.into_iter().map(FoundTask::from).collect();
    if may_move {
        lock(change.db(), &found).await?;
    }
    Ok(found)
}

/// The tasks that a pull request is linked to.
pub(super) async fn linked_tasks(
    change: &mut Change,
    pull_request: Uuid,
) -> Result<Vec<FoundTask>> {
    let rows: Vec<TaskRow> = sqlx::query_as(
        "SELECT t.id AS team_id, t.slug, t.name, t.key, t.seq, l.task_id, l.closes FROM pull_request_tasks l JOIN teams t ON t.id = l.team_id
         WHERE l.pull_request_id = $1 ORDER BY t.id, l.task_id",
    )
    .bind(pull_request)
    .fetch_all(change.db())
    .await?;
    Ok(rows.into_iter().map(FoundTask::from).collect())
}

/// Locks all columns of these tasks' teams, and the tasks, in the order in which everything locks them.
async fn lock(db: &mut PgConnection, tasks: &[FoundTask]) -> Result<()> {
    let teams: Vec<Uuid> = tasks.iter().map(|task| task.team.id).collect();
    let ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
    sqlx::query("SELECT FROM columns WHERE team_id = ANY($1) ORDER BY id FOR NO KEY UPDATE")
        .bind(&teams)
        .execute(&mut *db)
        .await?;
    sqlx::query(
        "SELECT FROM tasks WHERE team_id = ANY($1) AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(&teams)
    .bind(&ids)
    .execute(db)
    .await?;
    Ok(())
}
