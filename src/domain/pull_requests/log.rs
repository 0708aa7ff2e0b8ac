//! The log of a connection: every delivery with what it did, and why not.

use std::collections::HashMap;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        clock::civil,
        error::{Problem, Result},
        humanize,
        policy::predicates::seen_by,
        pull_requests::deliveries::TaskResult,
    },
};

/// Deliveries of a page.
const SHOWN: i64 = 50;

/// The filters of the log: the name in the URL, and the words on the page.
pub(crate) const FILTERS: [(&str, &str); 8] = [
    ("", "All deliveries"),
    ("moved", "Moved"),
    ("linked", "Linked"),
    ("left-alone", "Left alone"),
    ("nothing", "Nothing found"),
    ("failed", "Failed"),
    ("refused", "Refused"),
    ("test", "Tests"),
];

/// A delivery of the log.
#[derive(Clone, Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    number: i64,
    received_at: OffsetDateTime,
    state: String,
    summary: String,
    outcome: String,
    shows_body: bool,
    /// Whether the reader may know what it is about.
    is_seen: bool,
    can_run: bool,
}

/// A delivery as the log shows it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: Uuid,
    pub(crate) number: i64,
    pub(crate) received_at: OffsetDateTime,
    pub(crate) state: String,
    pub(crate) summary: String,
    /// In words, where it did nothing to any task.
    pub(crate) outcome: String,
    pub(crate) has_body: bool,
    pub(crate) can_run: bool,
    pub(crate) tasks: Vec<EntryTask>,
}

/// What a delivery did to a task.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct EntryTask {
    delivery_id: Uuid,
    /// `None` if the reader may not see the task.
    pub(crate) key: Option<String>,
    pub(crate) result: TaskResult,
    detail: String,
    /// The person whose move counted for more; the detail is what they did.
    mover: Option<String>,
    moved_at: Option<OffsetDateTime>,
}

impl EntryTask {
    /// What was done, as the beginning of a sentence.
    pub(crate) fn word(&self) -> &'static str {
        match self.result {
            TaskResult::Moved => "Moved",
            TaskResult::Linked => "",
            TaskResult::LeftAlone => "Left alone:",
        }
    }

    /// The rest of the sentence. Times are in the reader's zone, with the day if it is not that of the delivery.
    pub(crate) fn detail(&self, received_at: OffsetDateTime, zone: &str) -> String {
        let Some(at) = self.moved_at else {
            return self.detail.clone();
        };
        let who = self.mover.as_deref().unwrap_or("a person");
        let ((day, hour, minute), (received, ..)) = (civil(at, zone), civil(received_at, zone));
        let on = match day == received {
            true => String::new(),
            false => format!(" on {}", humanize::day(day)),
        };
        format!("{who} {}{on} at {hour:02}:{minute:02}", self.detail)
    }
}

/// Condition: the reader `$2` may know what delivery `d` is about, the team of whose repository is `t`.
macro_rules! is_seen {
    () => {
        concat!(
            "(NOT d.has_team OR t.id IS NOT NULL AND ",
            seen_by!("$2"),
            ")"
        )
    };
}

/// Condition: the reader `$2` may see the body of delivery `d`. What is of no repository that was ever listed may be of
/// a private team all the same, for example if the repository was renamed: only readers of all teams of the connection
/// see it.
macro_rules! shows_body {
    () => {
        concat!(
            "(d.body IS NOT NULL AND ",
            is_seen!(),
            " AND (d.has_team OR NOT EXISTS (SELECT FROM forge_repository_teams r JOIN teams o ON o.id = r.team_id
                                             WHERE r.connection_id = d.connection_id AND NOT ",
            seen_by!(of "o", "$2"),
            ")))"
        )
    };
}

/// Returns the newest deliveries of a connection before a number, and whether there are more.
pub(crate) async fn entries(
    db: &Pool,
    connection: Uuid,
    reader: Uuid,
    (filter, before): (&str, Option<i64>),
) -> Result<(Vec<Entry>, bool)> {
    let mut rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT d.id, d.number, d.received_at, d.state, d.summary, d.outcome, ", shows_body!(), " AS shows_body, ", is_seen!(), " AS is_seen,
                (d.body IS NOT NULL AND d.state IN ('done', 'failed') AND d.runs < 20 AND c.disconnected_at IS NULL) AS can_run
         FROM forge_deliveries d JOIN forge_connections c ON c.id = d.connection_id LEFT JOIN teams t ON t.id = d.team_id
         WHERE d.connection_id = $1 AND ($3::bigint IS NULL OR d.number < $3)
             AND ($4 = '' OR d.state = 'done' AND d.result = $4 OR d.state = $4)
         ORDER BY d.number DESC LIMIT $5"
    ))
    .bind(connection)
    .bind(reader)
    .bind(before)
    .bind(filter)
    .bind(SHOWN + 1)
    .fetch_all(db)
    .await?;
    let has_more = rows.len() as i64 > SHOWN;
    rows.truncate(SHOWN as usize);
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let tasks: Vec<EntryTask> = sqlx::query_as(concat!(
        "SELECT x.delivery_id, x.result, CASE WHEN ", seen_by!("$2"), " THEN t.key || '-' || k.number END AS key,
                CASE WHEN ", seen_by!("$2"), " THEN x.detail ELSE '' END AS detail,
                CASE WHEN ", seen_by!("$2"), " THEN a.name END AS mover,
                CASE WHEN ", seen_by!("$2"), " THEN x.moved_at END AS moved_at
         FROM forge_delivery_tasks x LEFT JOIN accounts a ON a.id = x.moved_by JOIN teams t ON t.id = x.team_id JOIN tasks k ON k.team_id = x.team_id AND k.id = x.task_id
         WHERE x.delivery_id = ANY($1) ORDER BY x.run DESC, t.key, k.number"
    ))
    .bind(&ids)
    .bind(reader)
    .fetch_all(db)
    .await?;
    let mut of_delivery: HashMap<Uuid, Vec<EntryTask>> = HashMap::new();
    for task in tasks {
        of_delivery.entry(task.delivery_id).or_default().push(task);
    }
    let entry = |row: Row| {
        let hidden = !row.is_seen;
        let tasks = of_delivery.remove(&row.id).unwrap_or_default();
        Entry {
            id: row.id,
            number: row.number,
            received_at: row.received_at,
            summary: match (hidden, row.state.as_str()) {
                (true, _) => "a repository of a private team".to_owned(),
                (false, "waiting") if row.summary.is_empty() => "waiting".to_owned(),
                (false, _) if row.summary.is_empty() => "unknown".to_owned(),
                (false, _) => row.summary,
            },
            outcome: match hidden {
                true => String::new(),
                false if row.state == "waiting" && row.outcome.is_empty() => {
                    "Waits to be processed".to_owned()
                }
                false => row.outcome,
            },
            state: row.state,
            has_body: row.shows_body,
            can_run: row.can_run && !hidden,
            tasks,
        }
    };
    Ok((rows.into_iter().map(entry).collect(), has_more))
}

/// A delivery's body, as it was sent.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Body {
    pub(crate) connection_id: Uuid,
    pub(crate) connection: String,
    pub(crate) summary: String,
    pub(crate) event: String,
    pub(crate) delivery: String,
    pub(crate) received_at: OffsetDateTime,
    body: Vec<u8>,
    secrets: Vec<String>,
}

impl Body {
    /// The text, without the secret, which old versions of Gitea repeat in it.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_else(|_| text.into_owned()),
            Err(_) => text.into_owned(),
        };
        self.secrets
            .iter()
            .fold(text, |text, secret| text.replace(secret, "<redacted>"))
    }
}

/// Returns a delivery's body, for a reader of its repository's team.
///
/// # Errors
/// `NotFound` if there is none any more, or the reader may not see it.
pub(crate) async fn body(db: &Pool, delivery: Uuid, reader: Uuid) -> Result<Body> {
    let body: Option<Body> = sqlx::query_as(concat!(
        "SELECT d.connection_id, c.name AS connection, d.summary, d.event, coalesce(d.delivery, '') AS delivery, d.received_at, d.body,
                c.secret || ARRAY(SELECT o.secret FROM forge_old_secrets o WHERE o.connection_id = c.id) AS secrets
         FROM forge_deliveries d JOIN forge_connections c ON c.id = d.connection_id LEFT JOIN teams t ON t.id = d.team_id
         WHERE d.id = $1 AND ",
        shows_body!()
    ))
    .bind(delivery)
    .bind(reader)
    .fetch_optional(db)
    .await?;
    body.ok_or(Problem::NotFound)
}

/// Checks that the reader may know what a delivery is about.
///
/// # Errors
/// `NotFound` if they may not, or there is none.
pub(crate) async fn require_seen(db: &Pool, delivery: Uuid, reader: Uuid) -> Result<()> {
    let seen: Option<bool> = sqlx::query_scalar(concat!(
        "SELECT ",
        is_seen!(),
        " FROM forge_deliveries d LEFT JOIN teams t ON t.id = d.team_id WHERE d.id = $1"
    ))
    .bind(delivery)
    .bind(reader)
    .fetch_optional(db)
    .await?;
    match seen {
        Some(true) => Ok(()),
        _ => Err(Problem::NotFound),
    }
}
