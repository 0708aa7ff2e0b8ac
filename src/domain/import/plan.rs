//! Plans an import without writing anything: which tasks are new, and which column each list
//! becomes.

use std::collections::{BTreeSet, HashSet};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    boards::Column,
    error::Result,
    events::Change,
    import::{
        board::Board,
        draft::{Draft, ImportRequest, Task},
        people::{Account, People},
        sanitize,
        summary::{ImportedList, Notices, Summary},
    },
    team::Team,
};

/// What will be created.
pub(crate) struct Plan<'d> {
    pub(crate) tasks: Vec<Planned<'d>>,
    /// The board's columns from left to right, including new ones.
    pub(crate) columns: Vec<Column>,
    pub(crate) new_columns: Vec<Uuid>,
    /// The column of each list; `None` for a list that is not needed.
    pub(crate) of_list: Vec<Option<Uuid>>,
    pub(crate) people: People,
    /// No imported time is later than this.
    pub(crate) now: OffsetDateTime,
    pub(crate) summary: Summary,
}

/// A task that will be created.
pub(crate) struct Planned<'d> {
    pub(crate) task: &'d Task,
    pub(crate) column: Uuid,
    pub(crate) description: String,
    pub(crate) owners: Vec<Account>,
}

/// Plans an import and locks the board's columns: until the transaction ends, no other import adds
/// to this board.
pub(crate) async fn plan<'d>(
    change: &mut Change,
    team: &Team,
    request: &ImportRequest<'d>,
) -> Result<Plan<'d>> {
    let now = change.at;
    let db = change.db();
    let draft = request.draft;
    let columns: Vec<Column> = sqlx::query_as(
        "SELECT id, slug, name, state, wip_limit FROM columns WHERE team_id = $1 ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .fetch_all(&mut *db)
    .await?;
    let order: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM columns WHERE team_id = $1 ORDER BY position")
            .bind(team.id)
            .fetch_all(&mut *db)
            .await?;
    let mut board = Board {
        columns,
        new: Vec::new(),
    };
    board
        .columns
        .sort_by_key(|column| order.iter().position(|id| *id == column.id));
    let keys: Vec<&str> = draft.tasks.iter().map(|task| task.key.as_str()).collect();
    let here: Vec<String> = sqlx::query_scalar(
        "SELECT imported_from FROM tasks WHERE team_id = $1 AND imported_from = ANY($2)",
    )
    .bind(team.id)
    .bind(keys)
    .fetch_all(&mut *db)
    .await?;
    let people = People::load(db).await?;
    let mut skipped = draft.skipped.clone();
    let new = new_tasks(draft, &here.into_iter().collect(), &mut skipped);
    let of_list = board.place_lists(draft, &new, request.mappings)?;
    let mut summary = Summary {
        dry_run: request.dry_run,
        from: draft.from,
        board: draft.board.clone(),
        team: team.name.clone(),
        skipped,
        notes: draft.notes.clone(),
        // Changes to fit our limits are only reported if there are new tasks.
        changed: if new.is_empty() {
            Notices::default()
        } else {
            draft.changed.clone()
        },
        ..Summary::default()
    };
    let tasks = planned(new, &of_list, &board.columns, &people, &mut summary);
    summary.lists = landings(draft, &tasks, &of_list, &board);
    Ok(Plan {
        tasks,
        columns: board.columns,
        new_columns: board.new,
        of_list,
        people,
        now,
        summary,
    })
}

fn new_tasks<'d>(draft: &'d Draft, here: &HashSet<String>, skipped: &mut Notices) -> Vec<&'d Task> {
    let mut seen = HashSet::new();
    let mut new = Vec::new();
    for task in &draft.tasks {
        if !seen.insert(&task.key) {
            skipped.add("appear twice in the file", &task.title);
        } else if here.contains(&task.key) {
            skipped.add("were imported before", &task.title);
        } else {
            new.push(task);
        }
    }
    new
}

fn planned<'d>(
    new: Vec<&'d Task>,
    of_list: &[Option<Uuid>],
    columns: &[Column],
    people: &People,
    summary: &mut Summary,
) -> Vec<Planned<'d>> {
    let mut unknown = BTreeSet::new();
    let mut tasks = Vec::with_capacity(new.len());
    for task in new {
        let listed = task
            .list
            .and_then(|list| of_list.get(list).copied().flatten());
        let Some(column) = listed.or(columns.first().map(|column| column.id)) else {
            continue;
        };
        let (mut owners, mut strangers) = (Vec::<Account>::new(), Vec::new());
        for member in &task.members {
            match people.find(member).filter(|account| account.active) {
                Some(account) if owners.iter().any(|owner| owner.id == account.id) => {}
                Some(account) => owners.push(account.clone()),
                None => strangers.push(member.called()),
            }
        }
        let mut after = task.links.clone();
        if !strangers.is_empty() {
            after.push(format!("Members: {}", strangers.join(", ")));
        }
        unknown.extend(strangers);
        let (description, was_cut) =
            sanitize::description(task.whole_title.as_deref(), &task.description, &after);
        if was_cut {
            summary.changed.add(
                "descriptions over 100,000 characters were shortened",
                &task.title,
            );
        }
        if task.whole_title.is_some() {
            summary.changed.add(
                "titles over 500 characters were shortened; the full title is in the description",
                &task.title,
            );
        }
        summary.created += 1;
        summary.steps += task.steps.len();
        summary.comments += task.comments.len();
        tasks.push(Planned {
            task,
            column,
            description,
            owners,
        });
    }
    summary.unknown_members = unknown.into_iter().map(str::to_owned).collect();
    tasks
}

pub(crate) fn landings(
    draft: &Draft,
    tasks: &[Planned],
    of_list: &[Option<Uuid>],
    board: &Board,
) -> Vec<ImportedList> {
    let rows = draft
        .lists
        .iter()
        .zip(of_list)
        .enumerate()
        .filter_map(|(index, (list, column))| {
            let column = board
                .columns
                .iter()
                .find(|candidate| Some(candidate.id) == *column)?;
            let here = || {
                tasks
                    .iter()
                    .filter(|planned| planned.task.list == Some(index))
            };
            let landing = ImportedList {
                list: list.name.clone(),
                column: column.name.clone(),
                new: board.new.contains(&column.id),
                tasks: here().count(),
                archived: here().filter(|planned| planned.task.archived).count(),
            };
            (landing.new || landing.tasks > 0).then_some(landing)
        });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{column_state::ColumnState, import::board::guessed};

    #[test]
    fn state_is_guessed_from_the_list_name() {
        for (name, state) in [
            ("Done 🎉", ColumnState::Done),
            ("Completed in May", ColumnState::Done),
            ("Code review", ColumnState::Review),
            ("QA", ColumnState::Review),
            ("Waiting for Berlin", ColumnState::Blocked),
            ("In-Progress", ColumnState::Doing),
            ("Incomplete", ColumnState::Todo),
            ("待办", ColumnState::Todo),
        ] {
            assert_eq!(guessed(name), state, "{name}");
        }
    }

    #[test]
    fn new_columns_go_before_done_with_unique_slugs() {
        let mut board = Board {
            columns: Vec::new(),
            new: Vec::new(),
        };
        for (name, state) in [
            ("Done", ColumnState::Done),
            ("待办", ColumnState::Todo),
            ("进行", ColumnState::Todo),
            ("…", ColumnState::Todo),
            ("?", ColumnState::Todo),
            ("Lab", ColumnState::Todo),
            ("Completed", ColumnState::Done),
        ] {
            board.add(name, state);
        }
        let seen: Vec<_> = board
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column.slug.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("待办", "dai-ban"),
                ("进行", "jin-xing"),
                ("…", "column"),
                ("?", "column-2"),
                ("Lab", "lab"),
                ("Done", "done"),
                ("Completed", "completed")
            ]
        );
    }
}
