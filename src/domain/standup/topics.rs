//! Topics on the agenda of a meeting: anyone may add them; they are checked off, or carry over to
//! the next meeting.

use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::{Change, Event, EventKind},
        keys,
        person::Person,
        policy::predicates::{named_beside, of_key, seen_by},
        standup::actions::take_person,
        team::Team,
    },
};

/// The kind of meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub(crate) enum Meeting {
    Standup,
    Planning,
    Retro,
}

impl Meeting {
    pub(crate) const ALL: [Self; 3] = [Self::Standup, Self::Planning, Self::Retro];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Standup => "standup",
            Self::Planning => "planning",
            Self::Retro => "retro",
        }
    }

    /// Parses a value of `as_str`.
    pub(crate) fn parse(word: &str) -> Result<Self> {
        let meeting = Self::ALL
            .into_iter()
            .find(|meeting| meeting.as_str() == word);
        meeting.ok_or_else(|| {
            Problem::field("meeting", "Choose a meeting: standup, planning or retro.")
        })
    }
}

/// A topic on an agenda.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) id: Uuid,
    pub(crate) team_id: Uuid,
    pub(crate) meeting: Meeting,
    pub(crate) text: String,
    /// The person whose opinion is wanted.
    pub(crate) addressee: Option<Person>,
    /// First name of the author.
    pub(crate) by: Option<String>,
    pub(crate) author: Option<Uuid>,
    /// Key and title of the task it is about.
    pub(crate) task: Option<(String, String)>,
    pub(crate) done: bool,
}

impl Topic {
    /// The text to edit it with.
    pub(crate) fn line(&self) -> String {
        let mention = self
            .addressee
            .as_ref()
            .map_or(String::new(), |person| format!(" @{}", person.handle));
        format!("{}{mention}", self.text)
    }
}

/// The most open topics of a team's meeting.
const MAX_OPEN: i64 = 200;

/// How long a checked topic stays visible, so that it can be unchecked again.
const LINGERS: Duration = Duration::hours(4);

/// Adds a topic to the agenda of the team's next meeting of this kind: `Opinions on the cut-over,
/// INF-42 @ebba`. The first `@handle` is the person whose opinion is wanted, the first task key the
/// task it is about.
pub(crate) async fn add_topic(
    change: &mut Change,
    team: &Team,
    meeting: Meeting,
    text: &str,
) -> Result<Uuid> {
    let (text, addressee) = take_person(change, text).await?;
    let task = task_in(change, &text).await?;
    insert(change, team, meeting, &text, task, addressee).await
}

/// The first task key in a text.
pub(crate) fn key_in(text: &str) -> Option<(String, i64)> {
    text.split(|char: char| !char.is_ascii_alphanumeric() && char != '-')
        .find_map(keys::split_key)
}

/// The task that a text mentions, as team and id, if the author can see it.
pub(crate) async fn task_in(change: &mut Change, text: &str) -> Result<Option<(Uuid, Uuid)>> {
    let Some((prefix, number)) = key_in(text) else {
        return Ok(None);
    };
    Ok(sqlx::query_as(concat!(
        "SELECT k.team_id, k.id FROM tasks k JOIN teams t ON t.id = k.team_id WHERE t.id = ",
        of_key!("$1"),
        " AND k.number = $2 AND ",
        seen_by!("$3", "$4")
    ))
    .bind(prefix)
    .bind(number)
    .bind(change.actor)
    .bind(change.reach.clone())
    .fetch_optional(change.db())
    .await?)
}

/// Adds a help request for a task to the agenda of its team's next standup.
///
/// # Errors
/// `Conflict` when it is already on the agenda.
pub async fn ask_for_help(change: &mut Change, team: &Team, task: Uuid, key: &str) -> Result<Uuid> {
    // Concurrent requests wait for each other here.
    sqlx::query("SELECT 1 FROM tasks WHERE team_id = $1 AND id = $2 FOR NO KEY UPDATE")
        .bind(team.id)
        .bind(task)
        .fetch_one(change.db())
        .await?;
    let there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM topics WHERE team_id = $1 AND task_team = $1 AND task_id = $2 AND meeting = 'standup' AND done_at IS NULL)",
    )
    .bind(team.id)
    .bind(task)
    .fetch_one(change.db())
    .await?;
    if there {
        return Err(Problem::conflict(format!(
            "{key} is already on the agenda of the next standup."
        )));
    }
    insert(
        change,
        team,
        Meeting::Standup,
        "Help wanted",
        Some((team.id, task)),
        None,
    )
    .await
}

async fn insert(
    change: &mut Change,
    team: &Team,
    meeting: Meeting,
    text: &str,
    task: Option<(Uuid, Uuid)>,
    addressee: Option<Uuid>,
) -> Result<Uuid> {
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM topics WHERE team_id = $1 AND meeting = $2 AND done_at IS NULL",
    )
    .bind(team.id)
    .bind(meeting)
    .fetch_one(change.db())
    .await?;
    if open >= MAX_OPEN {
        return Err(Problem::field(
            "text",
            "A meeting can have at most 200 open topics. Check off or remove some first.",
        ));
    }
    let (id, actor, at) = (Uuid::now_v7(), change.actor, change.at);
    sqlx::query(
        "INSERT INTO topics (team_id, id, meeting, text, task_team, task_id, asked_id, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(team.id)
    .bind(id)
    .bind(meeting)
    .bind(text)
    .bind(task.map(|(team, _)| team))
    .bind(task.map(|(_, task)| task))
    .bind(addressee)
    .bind(actor)
    .bind(at)
    .execute(change.db())
    .await?;
    // A task's own team sees the topic in the task's activity; a topic on another team's agenda is
    // an event of that team only.
    let own = task
        .filter(|(its, _)| *its == team.id)
        .map(|(_, task)| task);
    let after = json!({
        "topic": id,
        "meeting": meeting.as_str(),
        "text": text,
        "asked": addressee,
    });
    change.record(Event {
        team: team.id,
        task: own,
        kind: EventKind::TopicAdded,
        before: json!({}),
        after,
        version: None,
    });
    Ok(id)
}

/// Checks or unchecks a topic.
pub(crate) async fn set_topic_done(
    change: &mut Change,
    team: &Team,
    topic: Uuid,
    done: bool,
) -> Result<()> {
    let at = done.then_some(change.at);
    let ticked = sqlx::query("UPDATE topics SET done_at = $3 WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(topic)
        .bind(at)
        .execute(change.db())
        .await?;
    if ticked.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    let (kind, after) = (
        if done {
            EventKind::TopicDone
        } else {
            EventKind::TopicReopened
        },
        json!({ "topic": topic }),
    );
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before: json!({}),
        after,
        version: None,
    });
    Ok(())
}

const TOPIC: &str = concat!(
    "SELECT x.id, x.team_id, x.meeting, x.text, x.done_at IS NOT NULL AS done, x.created_by, b.name AS by,
            t.key || '-' || k.number AS key, k.title, a.id AS asked_id, a.handle, a.name, a.hue
     FROM topics x LEFT JOIN accounts b ON b.id = x.created_by LEFT JOIN accounts a ON a.id = x.asked_id
     LEFT JOIN LATERAL (SELECT * FROM tasks WHERE team_id = x.task_team AND id = x.task_id OFFSET 0) k ON true LEFT JOIN teams t ON t.id = k.team_id AND ",
    named_beside!("t", "x.team_id"),
    "
     WHERE x.team_id = ANY("
);

/// Returns these teams' topics for their next meeting of this kind, oldest first, with those just
/// checked.
pub(crate) async fn topics(
    db: &Pool,
    teams: &[Uuid],
    meeting: Meeting,
    now: OffsetDateTime,
) -> Result<Vec<Topic>> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(TOPIC);
    query
        .push_bind(teams.to_vec())
        .push(") AND x.meeting = ")
        .push_bind(meeting);
    query
        .push(" AND (x.done_at IS NULL OR x.done_at > ")
        .push_bind(now - LINGERS);
    query.push(") ORDER BY x.created_at, x.id");
    Ok(group_rows(query.build_query_as().fetch_all(db).await?))
}

/// Returns the topics on these teams' agendas that ask a person, oldest first.
pub(crate) async fn topics_for(db: &Pool, account: Uuid, teams: &[Uuid]) -> Result<Vec<Topic>> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(TOPIC);
    query
        .push_bind(teams.to_vec())
        .push(") AND x.asked_id = ")
        .push_bind(account);
    query.push(" AND x.done_at IS NULL ORDER BY x.created_at, x.id");
    Ok(group_rows(query.build_query_as().fetch_all(db).await?))
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    team_id: Uuid,
    meeting: Meeting,
    text: String,
    done: bool,
    created_by: Option<Uuid>,
    by: Option<String>,
    key: Option<String>,
    title: Option<String>,
    asked_id: Option<Uuid>,
    handle: Option<String>,
    name: Option<String>,
    hue: Option<i16>,
}

fn group_rows(rows: Vec<Row>) -> Vec<Topic> {
    let topic = |row: Row| Topic {
        addressee: match (row.asked_id, row.handle, row.name, row.hue) {
            (Some(id), Some(handle), Some(name), Some(hue)) => Some(Person {
                id,
                handle,
                name,
                hue,
            }),
            _ => None,
        },
        by: row.by.map(|name| {
            name.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        }),
        author: row.created_by,
        task: row.key.zip(row.title),
        id: row.id,
        team_id: row.team_id,
        meeting: row.meeting,
        text: row.text,
        done: row.done,
    };
    rows.into_iter().map(topic).collect()
}
