//! Names for the ids, slugs and handles in a team's events.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use serde_json::Value;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, policy::predicates::named_to_all, tasks::hidden_names::hidden_waits},
};

/// The longest handle, in bytes.
const LONGEST_HANDLE: usize = 39;

/// Names for the ids and slugs in a team's events.
pub(crate) struct Names {
    pub(super) columns: HashMap<String, String>,
    /// Goals, and the team's own projects.
    pub(super) aims: HashMap<String, String>,
    pub(super) hidden: HashSet<Uuid>,
    pub(super) shared: Arc<Shared>,
}

/// Names that are the same for all teams.
pub(super) struct Shared {
    pub(super) sprints: HashMap<String, String>,
    /// The people in the events, by handle.
    pub(super) people: HashMap<String, String>,
    /// Projects of open teams.
    pub(super) projects: HashMap<String, String>,
}

impl Shared {
    async fn load(db: &Pool, handles: &[String]) -> Result<Self> {
        let sprints: Vec<(Uuid, String)> = sqlx::query_as("SELECT id, name FROM sprints")
            .fetch_all(db)
            .await?;
        let people: Vec<(String, String)> = sqlx::query_as(
            "SELECT handle, name FROM accounts WHERE handle = ANY($1)
             UNION ALL SELECT f.handle, a.name FROM former_handles f JOIN accounts a ON a.id = f.account_id WHERE f.handle = ANY($1)",
        )
        .bind(handles)
        .fetch_all(db)
        .await?;
        let projects: Vec<(Uuid, String)> = sqlx::query_as(concat!(
            "SELECT p.id, p.name FROM projects p JOIN teams t ON t.id = p.team_id WHERE ",
            named_to_all!("t")
        ))
        .fetch_all(db)
        .await?;
        let by_id = |named: Vec<(Uuid, String)>| {
            named
                .into_iter()
                .map(|(id, name)| (id.to_string(), name))
                .collect()
        };
        Ok(Self {
            sprints: by_id(sprints),
            people: people.into_iter().collect(),
            projects: by_id(projects),
        })
    }
}

impl Names {
    /// Loads the names that events of a team need, of people with these handles.
    pub(crate) async fn load(db: &Pool, team: Uuid, handles: &[String]) -> Result<Self> {
        let shared = Arc::new(Shared::load(db, handles).await?);
        Self::beside(db, team, shared).await
    }

    /// Like `load` for several teams; shared names are loaded once.
    pub(crate) async fn of_teams(
        db: &Pool,
        teams: impl IntoIterator<Item = Uuid>,
        handles: &[String],
    ) -> Result<HashMap<Uuid, Self>> {
        let mut names = HashMap::new();
        let mut teams = teams.into_iter().peekable();
        if teams.peek().is_some() {
            let shared = Arc::new(Shared::load(db, handles).await?);
            for team in teams {
                names.insert(team, Self::beside(db, team, Arc::clone(&shared)).await?);
            }
        }
        Ok(names)
    }

    async fn beside(db: &Pool, team: Uuid, shared: Arc<Shared>) -> Result<Self> {
        let named: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT 'former column', before->>'column', before->>'name' FROM events WHERE team_id = $1 AND kind = 'column.removed'
             UNION ALL SELECT 'column', slug, name FROM columns WHERE team_id = $1
             UNION ALL SELECT 'aim', id::text, title FROM goals WHERE team_id = $1
             UNION ALL SELECT 'aim', id::text, name FROM projects WHERE team_id = $1",
        )
        .bind(team)
        .fetch_all(db)
        .await?;
        let names = |wanted: &'static str| {
            let named = named.iter().filter(move |(what, ..)| what == wanted);
            named.map(|(_, id, name)| (id.clone(), name.clone()))
        };
        Ok(Self {
            // A column that is there now has the name, if both had the same slug.
            columns: names("former column").chain(names("column")).collect(),
            aims: names("aim").collect(),
            hidden: hidden_waits(db, team).await?,
            shared,
        })
    }
}

/// The texts in the values of events that may be handles.
pub(crate) fn handles_in<'v>(values: impl IntoIterator<Item = &'v Value>) -> Vec<String> {
    let mut handles = BTreeSet::new();
    for value in values {
        add_handles(value, &mut handles);
    }
    handles.into_iter().map(str::to_owned).collect()
}

/// Adds the texts in a value that may be handles.
fn add_handles<'v>(value: &'v Value, handles: &mut BTreeSet<&'v str>) {
    match value {
        Value::String(text) if text.len() <= LONGEST_HANDLE => {
            handles.insert(text);
        }
        Value::Array(values) => values.iter().for_each(|value| add_handles(value, handles)),
        Value::Object(fields) => fields
            .values()
            .for_each(|value| add_handles(value, handles)),
        _ => {}
    }
}
