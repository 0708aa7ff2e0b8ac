//! The new events of a team, with what the rules need to know about them.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::{EventKind, not_imported},
    markdown::mentions::mentions,
    policy::predicates::seen_by,
};

/// An event as the rules see it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct NewEvent {
    pub(super) seq: i64,
    pub(super) change_id: Uuid,
    pub(super) kind: EventKind,
    pub(super) task_id: Option<Uuid>,
    pub(super) actor_id: Option<Uuid>,
    pub(super) before: Value,
    pub(super) after: Value,
    pub(super) at: OffsetDateTime,
    pub(super) undoes: Option<i64>,
    pub(super) is_undone: bool,
}

/// A task that events are about.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct TaskFacts {
    id: Uuid,
    pub(super) goal_id: Option<Uuid>,
    pub(super) project_team_id: Option<Uuid>,
    pub(super) project_id: Option<Uuid>,
    /// Its owners, as accounts.
    pub(super) owners: Vec<Uuid>,
}

/// A goal that events or their tasks refer to.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct GoalFacts {
    id: Uuid,
    pub(super) project_id: Option<Uuid>,
    pub(super) sprint: i32,
}

/// A person's follow of something that these events may be about.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Follow {
    pub(super) id: Uuid,
    pub(super) account_id: Uuid,
    pub(super) team_id: Uuid,
    pub(super) task_id: Option<Uuid>,
    pub(super) goal_id: Option<Uuid>,
    pub(super) project_id: Option<Uuid>,
    pub(super) since: OffsetDateTime,
}

/// The new events of a team and what they refer to.
pub(super) struct Batch {
    pub(super) team: Uuid,
    pub(super) events: Vec<NewEvent>,
    pub(super) tasks: HashMap<Uuid, TaskFacts>,
    pub(super) goals: HashMap<Uuid, GoalFacts>,
    pub(super) follows: Vec<Follow>,
    /// Accounts by handle.
    pub(super) people: HashMap<String, Uuid>,
    /// The texts of comments on tasks and goals, and of tasks that were created, by id.
    pub(super) comments: HashMap<Uuid, String>,
    /// The people a blocker waits on: one person, or the owners of the other task.
    pub(super) blockers: HashMap<Uuid, Vec<Uuid>>,
    /// Who asked, by request.
    pub(super) askers: HashMap<Uuid, Uuid>,
    pub(super) members: Vec<Uuid>,
    pub(super) leads: Vec<Uuid>,
}

/// Loads the events after a number, whole changes at a time: `most` of them and the rest of the last change. Of imports,
/// only the event of the import itself. Returns also the number up to which they are complete.
pub(super) async fn new_events(
    db: &mut PgConnection,
    team: Uuid,
    after: i64,
    most: i64,
) -> Result<(Vec<NewEvent>, i64)> {
    let reached: i64 = sqlx::query_scalar(
        "SELECT coalesce(
             (SELECT max(l.seq) FROM events l WHERE l.team_id = $1 AND l.change_id =
                 (SELECT change_id FROM events WHERE team_id = $1 AND seq > $2 ORDER BY seq OFFSET $3 LIMIT 1)),
             (SELECT seq FROM teams WHERE id = $1))",
    )
    .bind(team)
    .bind(after)
    .bind(most)
    .fetch_one(&mut *db)
    .await?;
    let events = sqlx::query_as(concat!(
        "SELECT seq, change_id, kind, task_id, actor_id, before, after, at, undoes, is_undone FROM events e
         WHERE team_id = $1 AND seq > $2 AND seq <= $3 AND ",
        not_imported!("e", "$1"),
        " ORDER BY seq"
    ))
    .bind(team)
    .bind(after)
    .bind(reached)
    .fetch_all(db)
    .await?;
    Ok((events, reached))
}

impl Batch {
    /// Loads what the events refer to.
    pub(super) async fn load(
        db: &mut PgConnection,
        team: Uuid,
        events: Vec<NewEvent>,
    ) -> Result<Self> {
        let task_ids: Vec<Uuid> = events.iter().filter_map(|event| event.task_id).collect();
        let tasks: Vec<TaskFacts> = sqlx::query_as(
            "SELECT k.id, k.goal_id, k.project_team_id, k.project_id,
                    ARRAY(SELECT account_id FROM task_owners o WHERE o.team_id = k.team_id AND o.task_id = k.id) AS owners
             FROM tasks k WHERE k.team_id = $1 AND k.id = ANY($2)",
        )
        .bind(team)
        .bind(&task_ids)
        .fetch_all(&mut *db)
        .await?;
        let mut goal_ids = named(&events, &["goal"]);
        goal_ids.extend(tasks.iter().filter_map(|task| task.goal_id));
        let goals: Vec<GoalFacts> = sqlx::query_as(
            "SELECT g.id, g.project_id, s.number AS sprint FROM goals g JOIN sprints s ON s.id = g.sprint_id WHERE g.team_id = $1 AND g.id = ANY($2)",
        )
        .bind(team)
        .bind(&goal_ids)
        .fetch_all(&mut *db)
        .await?;
        let mut project_ids = named(&events, &["project"]);
        project_ids.extend(tasks.iter().filter_map(|task| task.project_id));
        project_ids.extend(goals.iter().filter_map(|goal| goal.project_id));
        let follows = sqlx::query_as(concat!(
            "SELECT f.id, f.account_id, f.team_id, f.task_id, f.goal_id, f.project_id, f.since FROM follows f JOIN teams t ON t.id = f.team_id
             WHERE (f.team_id = $1 AND (f.task_id = ANY($2) OR f.goal_id = ANY($3) OR num_nonnulls(f.task_id, f.goal_id, f.project_id) = 0)
                    OR f.project_id = ANY($4)
                    OR f.team_id = $1 AND f.goal_id IS NOT NULL AND $5)
               AND ",
            // a project of another team
            seen_by!("f.account_id")
        ))
        .bind(team)
        .bind(&task_ids)
        .bind(&goal_ids)
        .bind(&project_ids)
        // a sprint that is closed concerns the followers of its goals
        .bind(events.iter().any(|event| matches!(event.kind, EventKind::SprintClosed | EventKind::SprintReopened)))
        .fetch_all(&mut *db)
        .await?;
        let comments = comments(db, team, &events).await?;
        let people = people(db, &events, &comments).await?;
        let roles: Vec<(Uuid, bool)> =
            sqlx::query_as("SELECT account_id, role = 'lead' FROM members WHERE team_id = $1")
                .bind(team)
                .fetch_all(&mut *db)
                .await?;
        let mut batch = Self {
            blockers: blockers(db, team, &events).await?,
            askers: askers(db, team, &events).await?,
            team,
            tasks: tasks.into_iter().map(|task| (task.id, task)).collect(),
            goals: goals.into_iter().map(|goal| (goal.id, goal)).collect(),
            follows,
            people,
            comments,
            members: roles.iter().map(|(account, _)| *account).collect(),
            leads: roles
                .into_iter()
                .filter_map(|(account, is_lead)| is_lead.then_some(account))
                .collect(),
            events,
        };
        batch.load_followed_goals(db).await?;
        Ok(batch)
    }

    /// Loads the goals that are followed, for the sprint that they belong to.
    async fn load_followed_goals(&mut self, db: &mut PgConnection) -> Result<()> {
        let missing: Vec<Uuid> = self
            .follows
            .iter()
            .filter_map(|follow| follow.goal_id)
            .filter(|goal| !self.goals.contains_key(goal))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let goals: Vec<GoalFacts> = sqlx::query_as(
            "SELECT g.id, g.project_id, s.number AS sprint FROM goals g JOIN sprints s ON s.id = g.sprint_id WHERE g.team_id = $1 AND g.id = ANY($2)",
        )
        .bind(self.team)
        .bind(&missing)
        .fetch_all(db)
        .await?;
        self.goals
            .extend(goals.into_iter().map(|goal| (goal.id, goal)));
        Ok(())
    }
}

/// The ids that events name in these fields, before or after.
fn named(events: &[NewEvent], fields: &[&str]) -> Vec<Uuid> {
    let mut ids: HashSet<Uuid> = HashSet::new();
    for event in events {
        for field in fields {
            ids.extend(uuid(&event.before[*field]));
            ids.extend(uuid(&event.after[*field]));
        }
    }
    ids.into_iter().collect()
}

/// The id in a field of an event.
pub(super) fn uuid(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}

/// The texts in a field of an event.
pub(super) fn words(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

async fn comments(
    db: &mut PgConnection,
    team: Uuid,
    events: &[NewEvent],
) -> Result<HashMap<Uuid, String>> {
    let ids = named(events, &["comment", "remark"]);
    let created: Vec<Uuid> = events
        .iter()
        .filter(|event| event.kind == EventKind::TaskCreated)
        .filter_map(|event| event.task_id)
        .collect();
    if ids.is_empty() && created.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT id, body FROM comments WHERE team_id = $1 AND id = ANY($2) AND deleted_at IS NULL
         UNION ALL SELECT id, body FROM goal_comments WHERE team_id = $1 AND id = ANY($2)
         UNION ALL SELECT id, description FROM tasks WHERE team_id = $1 AND id = ANY($3) AND description LIKE '%@%'",
    )
    .bind(team)
    .bind(&ids)
    .bind(&created)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The accounts of all handles in these events and comments.
async fn people(
    db: &mut PgConnection,
    events: &[NewEvent],
    comments: &HashMap<Uuid, String>,
) -> Result<HashMap<String, Uuid>> {
    let mut handles: HashSet<String> = HashSet::new();
    for event in events {
        for side in [&event.before, &event.after] {
            handles.extend(words(&side["owners"]).map(str::to_owned));
            handles.extend(words(&side["reviewers"]).map(str::to_owned));
            handles.extend(side["sender"].as_str().map(str::to_owned));
            handles.extend(side["owner"].as_str().map(str::to_owned));
            handles.extend(side["asked"].as_str().map(str::to_owned));
        }
        for field in ["description", "text"] {
            if let Some(text) = event.after[field].as_str() {
                handles.extend(mentions(text));
            }
        }
    }
    handles.extend(comments.values().flat_map(|text| mentions(text)));
    if handles.is_empty() {
        return Ok(HashMap::new());
    }
    let handles: Vec<String> = handles.into_iter().collect();
    let rows: Vec<(String, Uuid)> = sqlx::query_as(
        "SELECT handle, id FROM accounts WHERE handle = ANY($1)
         UNION ALL SELECT handle, account_id FROM former_handles WHERE handle = ANY($1) AND account_id IS NOT NULL",
    )
    .bind(&handles)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().collect())
}

async fn blockers(
    db: &mut PgConnection,
    team: Uuid,
    events: &[NewEvent],
) -> Result<HashMap<Uuid, Vec<Uuid>>> {
    let ids: Vec<Uuid> = events
        .iter()
        .filter_map(|event| uuid(&event.after["blockers"]["id"]))
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, Vec<Uuid>)> = sqlx::query_as(
        "SELECT b.id, CASE WHEN b.on_account_id IS NOT NULL THEN ARRAY[b.on_account_id]
                ELSE ARRAY(SELECT account_id FROM task_owners o WHERE o.team_id = b.on_task_team AND o.task_id = b.on_task_id) END
         FROM blockers b WHERE b.team_id = $1 AND b.id = ANY($2) AND b.ended_at IS NULL",
    )
    .bind(team)
    .bind(&ids)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().collect())
}

async fn askers(
    db: &mut PgConnection,
    team: Uuid,
    events: &[NewEvent],
) -> Result<HashMap<Uuid, Uuid>> {
    let ids = named(events, &["request"]);
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT id, asker_id FROM requests WHERE team_id = $1 AND id = ANY($2) AND asker_id IS NOT NULL",
    )
    .bind(team)
    .bind(&ids)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().collect())
}
