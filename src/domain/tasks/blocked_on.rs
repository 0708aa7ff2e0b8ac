//! Finds what a task is blocked on: another task, a team or a person.

use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::Change,
    keys::split_key,
    policy::predicates::{of_key, seen_by},
    tasks::BlockerKind,
};

/// The task, team or person; none of them for a text.
pub(crate) struct On {
    pub(crate) kind: BlockerKind,
    pub(crate) task: Option<(Uuid, Uuid)>,
    pub(crate) team: Option<Uuid>,
    pub(crate) person: Option<Uuid>,
    /// The handle that events use for the person.
    pub(crate) handle: Option<String>,
}

/// Finds what `on` names, of the kind that a `Reason` can have.
pub(crate) async fn find(change: &mut Change, kind: &str, on: &str) -> Result<On> {
    let (actor, reach) = (change.actor, change.reach.clone());
    let on = on.trim();
    let none = On {
        kind: BlockerKind::Text,
        task: None,
        team: None,
        person: None,
        handle: None,
    };
    match kind {
        _ if on.is_empty() => Ok(none),
        // In the field for a task, `@…` can only be a person.
        "" | "task" if on.starts_with('@') => person(change, on).await,
        "" if split_key(on).is_none() => Ok(none),
        "text" => Ok(none),
        "" | "task" => find_task(change, on).await,
        "team" => {
            let team: Option<Uuid> = sqlx::query_scalar(concat!(
                "SELECT id FROM teams t WHERE (slug = $1 OR fold(name) = fold($1)) AND ",
                seen_by!("$2", "$3")
            ))
            .bind(on)
            .bind(actor)
            .bind(reach)
            .fetch_optional(change.db())
            .await?;
            let team =
                team.ok_or_else(|| Problem::field("on", format!("There is no team called {on}.")))?;
            Ok(On {
                kind: BlockerKind::Team,
                team: Some(team),
                ..none
            })
        }
        "person" => person(change, on).await,
        _ => Err(Problem::field(
            "kind",
            "Choose what it is waiting on: a task, a team, a person or something else.",
        )),
    }
}

async fn person(change: &mut Change, on: &str) -> Result<On> {
    let (person, handle) = find_person(change, on).await?;
    Ok(On {
        kind: BlockerKind::Person,
        task: None,
        team: None,
        person: Some(person),
        handle: Some(handle),
    })
}

/// Finds a person by handle, or by name if only one person has that name.
async fn find_person(change: &mut Change, on: &str) -> Result<(Uuid, String)> {
    let handle = on.trim_start_matches('@').to_lowercase();
    let people: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT id, handle FROM accounts WHERE deactivated_at IS NULL AND (handle = $1 OR fold(name) = fold($2))
         ORDER BY handle = $1 DESC, handle LIMIT 6",
    )
    .bind(&handle)
    .bind(on)
    .fetch_all(change.db())
    .await?;
    match people.as_slice() {
        [(person, its), ..] if *its == handle => Ok((*person, handle)),
        [(person, its)] => Ok((*person, its.clone())),
        [] => Err(Problem::field(
            "on",
            format!("No one is called {on}. Enter @ and their username."),
        )),
        several => {
            let handles: Vec<String> = several
                .iter()
                .map(|(_, handle)| format!("@{handle}"))
                .collect();
            Err(Problem::field(
                "on",
                format!(
                    "Several people are called {on}. Enter a username: {}.",
                    handles.join(", ")
                ),
            ))
        }
    }
}

/// Finds a task by key, or by words of its title if only one task matches.
async fn find_task(change: &mut Change, on: &str) -> Result<On> {
    let (actor, reach) = (change.actor, change.reach.clone());
    let tasks: Vec<(Uuid, Uuid, String)> = match split_key(on) {
        Some((key, number)) => {
            sqlx::query_as(concat!(
                "SELECT k.team_id, k.id, k.title FROM tasks k JOIN teams t ON t.id = k.team_id WHERE t.id = ",
                of_key!("$1"),
                " AND k.number = $2 AND ",
                seen_by!("$3", "$4")
            ))
                .bind(key)
                .bind(number)
                .bind(actor)
                .bind(reach)
                .fetch_all(change.db())
                .await?
        }
        None => {
            sqlx::query_as(concat!(
                "SELECT k.team_id, k.id, t.key || '-' || k.number || ' ' || k.title FROM tasks k JOIN teams t ON t.id = k.team_id
                 WHERE k.archived_at IS NULL AND k.title ILIKE $1 AND ",
                seen_by!("$2", "$3"),
                " ORDER BY k.created_at DESC LIMIT 6",
            ))
            .bind(format!("%{}%", crate::domain::text::literal(on)))
            .bind(actor)
            .bind(reach)
            .fetch_all(change.db())
            .await?
        }
    };
    match tasks.as_slice() {
        [(team, task, _)] => Ok(On {
            kind: BlockerKind::Task,
            task: Some((*team, *task)),
            team: None,
            person: None,
            handle: None,
        }),
        [] => Err(Problem::field("on", format!("There is no task {on}."))),
        several => {
            let names: Vec<&str> = several.iter().map(|(_, _, name)| name.as_str()).collect();
            Err(Problem::field(
                "on",
                format!(
                    "Several tasks match: {}. Enter the key of one.",
                    names.join("; ")
                ),
            ))
        }
    }
}
