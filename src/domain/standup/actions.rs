//! Actions agreed in a standup or retro. They stay on the list until they are done.

use serde_json::{Value, json};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::{Change, Event, EventKind},
        humanize,
        person::Person,
        standup::quick_add::{self, QuickAdd},
        tasks::create::{self, NewTask},
        team::Team,
    },
};

/// An action.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) id: Uuid,
    pub(crate) team_id: Uuid,
    pub(crate) text: String,
    pub(crate) owner: Option<Person>,
    pub(crate) due_on: Option<Date>,
    /// The number of the sprint whose retro it comes from; `None` from a standup.
    pub(crate) retro: Option<i32>,
    /// Completed, or its task is done.
    pub(crate) done: bool,
    pub(crate) dropped: bool,
    /// The key of the task that was created from it.
    pub(crate) task: Option<String>,
    /// Whether that task was archived, so that it will never complete the action.
    pub(crate) shelved: bool,
    pub(crate) created_at: OffsetDateTime,
}

impl Action {
    pub(crate) fn is_open(&self) -> bool {
        !self.done && !self.dropped
    }

    /// `by 27 Nov, added 5 d ago`; the age is left out for settled actions.
    pub(crate) fn when(&self, now: OffsetDateTime) -> String {
        let due = self.due_on.map(|day| format!("by {}", humanize::day(day)));
        let old = (!self.done && !self.dropped)
            .then(|| format!("added {} ago", humanize::age(now, self.created_at)));
        due.into_iter().chain(old).collect::<Vec<_>>().join(", ")
    }
}

/// Adds an action from one line: `Ask Legal for a date @ebba by Friday`. With a sprint it belongs
/// to that sprint's retro.
pub(crate) async fn add_action(
    change: &mut Change,
    team: &Team,
    line: &str,
    today: Date,
    retro_of: Option<Uuid>,
) -> Result<Uuid> {
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM actions WHERE team_id = $1 AND done_at IS NULL AND dropped_at IS NULL",
    )
    .bind(team.id)
    .fetch_one(change.db())
    .await?;
    if open >= MAX_OPEN {
        return Err(Problem::field(
            "text",
            "A team can have at most 200 open actions. Finish or dismiss some first.",
        ));
    }
    let parsed = QuickAdd::parse(line, today);
    let owner = match &parsed.handle {
        Some(handle) => account(change, handle).await?,
        None => None,
    };
    let line = match owner {
        Some(_) => parsed,
        None => QuickAdd::without_handle(line, today),
    };
    let (id, actor, at) = (Uuid::now_v7(), change.actor, change.at);
    sqlx::query(
        "INSERT INTO actions (team_id, id, text, owner_id, due_on, meeting, sprint_id, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(team.id)
    .bind(id)
    .bind(&line.text)
    .bind(owner)
    .bind(line.by)
    .bind(if retro_of.is_some() { "retro" } else { "standup" })
    .bind(retro_of)
    .bind(actor)
    .bind(at)
    .execute(change.db())
    .await?;
    note(
        change,
        team,
        EventKind::ActionAdded,
        json!({ "action": id, "text": line.text, "owner": line.handle }),
    );
    Ok(id)
}

/// The most open actions of a team.
const MAX_OPEN: i64 = 200;

/// What happens to an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActionOutcome {
    Open,
    Done,
    Dropped,
}

/// Completes, dismisses or reopens an action.
pub(crate) async fn settle_action(
    change: &mut Change,
    team: &Team,
    action: Uuid,
    becomes: ActionOutcome,
) -> Result<()> {
    let at = change.at;
    let done = sqlx::query(
        "UPDATE actions SET done_at = $3, dropped_at = $4 WHERE team_id = $1 AND id = $2",
    )
    .bind(team.id)
    .bind(action)
    .bind((becomes == ActionOutcome::Done).then_some(at))
    .bind((becomes == ActionOutcome::Dropped).then_some(at))
    .execute(change.db())
    .await?;
    if done.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    let kind = match becomes {
        ActionOutcome::Open => EventKind::ActionReopened,
        ActionOutcome::Done => EventKind::ActionDone,
        ActionOutcome::Dropped => EventKind::ActionDismissed,
    };
    note(change, team, kind, json!({ "action": action }));
    Ok(())
}

/// Creates a task from an action, with the same owner and due date, and returns the task's number.
///
/// # Errors
/// `Conflict` when it already has a task.
pub(crate) async fn make_task(
    change: &mut Change,
    team: &Team,
    action: Uuid,
    sprint: Option<Uuid>,
) -> Result<i64> {
    #[derive(sqlx::FromRow)]
    struct Row {
        text: String,
        owner: Option<String>,
        due_on: Option<Date>,
        task_id: Option<Uuid>,
        retro: Option<String>,
    }
    // Columns are locked before anything else that creating a task locks.
    crate::domain::tasks::bulk_edit::lock_every_column(change.db(), team.id).await?;
    let row: Row = sqlx::query_as(
        "SELECT x.text, a.handle AS owner, x.due_on, x.task_id, s.name AS retro
         FROM actions x LEFT JOIN accounts a ON a.id = x.owner_id AND a.deactivated_at IS NULL LEFT JOIN sprints s ON s.id = x.sprint_id
         WHERE x.team_id = $1 AND x.id = $2 FOR NO KEY UPDATE OF x",
    )
    .bind(team.id)
    .bind(action)
    .fetch_one(change.db())
    .await?;
    if row.task_id.is_some() {
        return Err(Problem::conflict(
            "This action was already turned into a task. Nothing was changed.",
        ));
    }
    let new = NewTask {
        title: row.text,
        description: row.retro.map_or(String::new(), |sprint| {
            format!("From the retro of {sprint}.")
        }),
        sprint,
        owners: row.owner.into_iter().collect(),
        due: row.due_on,
        ..NewTask::default()
    };
    let (task, number) = create::create_task(change, team, &new).await?;
    sqlx::query("UPDATE actions SET task_id = $3 WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(action)
        .bind(task)
        .execute(change.db())
        .await?;
    note(
        change,
        team,
        EventKind::ActionConverted,
        json!({ "action": action, "task": task }),
    );
    Ok(number)
}

const ACTION: &str = "SELECT x.id, x.team_id, x.text, x.due_on, x.created_at, x.dropped_at IS NOT NULL AS dropped,
            x.done_at IS NOT NULL OR c.state = 'done' AS done, s.number AS retro, t.key || '-' || k.number AS task, k.archived_at IS NOT NULL AS shelved,
            a.id AS owner_id, a.handle, a.name, a.hue
     FROM actions x JOIN teams t ON t.id = x.team_id LEFT JOIN sprints s ON s.id = x.sprint_id LEFT JOIN accounts a ON a.id = x.owner_id
     LEFT JOIN LATERAL (SELECT * FROM tasks WHERE team_id = x.team_id AND id = x.task_id OFFSET 0) k ON true LEFT JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
     WHERE ";

/// Returns these teams' open actions, oldest first, and those settled after `since`.
pub(crate) async fn actions(
    db: &Pool,
    teams: &[Uuid],
    since: OffsetDateTime,
) -> Result<Vec<Action>> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(ACTION);
    query
        .push("x.team_id = ANY(")
        .push_bind(teams.to_vec())
        // An action with a task is settled with the task, and leaves the list after the next
        // standup.
        .push(") AND x.dropped_at IS NULL AND coalesce(x.done_at, CASE WHEN c.state = 'done' THEN k.column_since END, 'infinity') >= ")
        .push_bind(since)
        .push(" ORDER BY x.created_at, x.id");
    Ok(read(query.build_query_as().fetch_all(db).await?))
}

/// Returns one action of a team.
pub(crate) async fn action(db: &Pool, team: Uuid, id: Uuid) -> Result<Action> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(ACTION);
    query
        .push("x.team_id = ")
        .push_bind(team)
        .push(" AND x.id = ")
        .push_bind(id);
    let mut actions = read(query.build_query_as().fetch_all(db).await?).into_iter();
    actions.next().ok_or(Problem::NotFound)
}

/// Returns these teams' actions from a sprint's retro.
pub(crate) async fn of_retro(db: &Pool, teams: &[Uuid], sprint: Uuid) -> Result<Vec<Action>> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(ACTION);
    query
        .push("x.team_id = ANY(")
        .push_bind(teams.to_vec())
        .push(") AND x.sprint_id = ")
        .push_bind(sprint);
    query.push(" ORDER BY x.created_at, x.id");
    Ok(read(query.build_query_as().fetch_all(db).await?))
}

/// Returns a person's open actions in these teams, oldest first.
pub(crate) async fn of_owner(db: &Pool, account: Uuid, teams: &[Uuid]) -> Result<Vec<Action>> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(ACTION);
    query
        .push("x.owner_id = ")
        .push_bind(account)
        .push(" AND x.team_id = ANY(")
        .push_bind(teams.to_vec())
        .push(")");
    query.push(" AND x.done_at IS NULL AND x.dropped_at IS NULL AND c.state IS DISTINCT FROM 'done' ORDER BY x.created_at, x.id");
    Ok(read(query.build_query_as().fetch_all(db).await?))
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    team_id: Uuid,
    text: String,
    due_on: Option<Date>,
    dropped: bool,
    done: Option<bool>,
    retro: Option<i32>,
    task: Option<String>,
    shelved: bool,
    owner_id: Option<Uuid>,
    handle: Option<String>,
    name: Option<String>,
    hue: Option<i16>,
    created_at: OffsetDateTime,
}

fn read(rows: Vec<Row>) -> Vec<Action> {
    let action = |row: Row| Action {
        owner: match (row.owner_id, row.handle, row.name, row.hue) {
            (Some(id), Some(handle), Some(name), Some(hue)) => Some(Person {
                id,
                handle,
                name,
                hue,
            }),
            _ => None,
        },
        id: row.id,
        team_id: row.team_id,
        text: row.text,
        due_on: row.due_on,
        retro: row.retro,
        done: row.done.unwrap_or(false),
        dropped: row.dropped,
        task: row.task,
        shelved: row.shelved,
        created_at: row.created_at,
    };
    rows.into_iter().map(action).collect()
}

/// The account with this handle, if there is one: a text is never refused because of a name in it.
pub(crate) async fn account(change: &mut Change, handle: &str) -> Result<Option<Uuid>> {
    Ok(
        sqlx::query_scalar("SELECT id FROM accounts WHERE handle = $1 AND deactivated_at IS NULL")
            .bind(handle)
            .fetch_optional(change.db())
            .await?,
    )
}

/// Takes the first `@handle` out of a line and looks it up. A handle that is no account's stays in the text.
pub(crate) async fn take_person(change: &mut Change, line: &str) -> Result<(String, Option<Uuid>)> {
    let (text, handle) = quick_add::extract_handle(line);
    let person = match &handle {
        Some(handle) => account(change, handle).await?,
        None => None,
    };
    let text = match person {
        Some(_) => text,
        None => line.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    Ok((text, person))
}

fn note(change: &mut Change, team: &Team, kind: EventKind, after: Value) {
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before: json!({}),
        after,
        version: None,
    });
}
