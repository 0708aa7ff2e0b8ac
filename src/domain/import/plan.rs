//! Plans an import without writing anything: which tasks are new, and which column each list
//! becomes.

use std::collections::{BTreeSet, HashSet};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    boards::Column,
    column_state::ColumnState,
    error::Result,
    events::Change,
    import::{
        columns::{self, Board},
        draft::{Draft, ImportRequest, List, Task},
        people::{Account, People},
        sanitize,
        sprint_choice::{By, SprintsHere},
        summary::{ImportedList, Notices, Summary},
    },
    sprints,
    team::Team,
};

/// What will be created.
pub(crate) struct Plan<'d> {
    pub(crate) tasks: Vec<Planned<'d>>,
    /// The board, including new columns.
    pub(crate) board: Board,
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
    pub(crate) state: ColumnState,
    pub(crate) sprint: Option<Uuid>,
    pub(crate) owners: Vec<Account>,
    /// Lines of the description that depend on this board.
    lines: Vec<String>,
}

impl Planned<'_> {
    /// The description with what has no field here, and whether it had to be cut.
    pub(crate) fn description(&self) -> (String, bool) {
        let lines: Vec<String> = self.task.lines.iter().chain(&self.lines).cloned().collect();
        let whole_title = self.task.whole_title.as_deref();
        sanitize::description(whole_title, &self.task.description, &lines)
    }
}

/// Plans an import and locks the board's columns: until the transaction ends, no other import adds
/// to this board.
pub(crate) async fn plan<'d>(
    change: &mut Change,
    team: &Team,
    request: &ImportRequest<'d>,
) -> Result<Plan<'d>> {
    let now = change.at;
    let draft = request.draft;
    let mut board = load_board(change, team, request.dry_run).await?;
    let sprints = sprints::queries::sprints_of(change.db(), team.id).await?;
    let sprints = SprintsHere::choose(&sprints, request.sprint)?;
    let db = change.db();
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
    let tasks = planned(
        new,
        draft,
        &of_list,
        &board,
        &people,
        &sprints,
        &mut summary,
    );
    summary.lists = landings(draft, &tasks, &of_list, &board, request.mappings);
    summary.removed_columns = board
        .removed
        .iter()
        .map(|column| column.name.clone())
        .collect();
    note_joined_lists(draft, &tasks, &mut summary.changed);
    Ok(Plan {
        tasks,
        board,
        of_list,
        people,
        now,
        summary,
    })
}

async fn load_board(change: &mut Change, team: &Team, dry_run: bool) -> Result<Board> {
    // What is rolled back need not wait for an import.
    let columns: Vec<Column> = sqlx::query_as(if dry_run {
        "SELECT id, slug, name, state, wip_limit FROM columns WHERE team_id = $1 ORDER BY id"
    } else {
        "SELECT id, slug, name, state, wip_limit FROM columns WHERE team_id = $1 ORDER BY id FOR NO KEY UPDATE"
    })
    .bind(team.id)
    .fetch_all(change.db())
    .await?;
    let order: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM columns WHERE team_id = $1 ORDER BY position")
            .bind(team.id)
            .fetch_all(change.db())
            .await?;
    let had_tasks: bool =
        sqlx::query_scalar("SELECT min(number) IS NOT NULL FROM tasks WHERE team_id = $1")
            .bind(team.id)
            .fetch_one(change.db())
            .await?;
    let mut board = Board {
        columns,
        ..Board::default()
    };
    board
        .columns
        .sort_by_key(|column| order.iter().position(|id| *id == column.id));
    let is_default = |(column, state): (&Column, ColumnState)| {
        column.name == state.default_name() && column.state == state && column.wip_limit.is_none()
    };
    board.is_untouched = !had_tasks
        && board.columns.len() == ColumnState::ALL.len()
        && board.columns.iter().zip(ColumnState::ALL).all(is_default);
    Ok(board)
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
    draft: &Draft,
    of_list: &[Option<Uuid>],
    board: &Board,
    people: &People,
    sprints: &SprintsHere<'_>,
    summary: &mut Summary,
) -> Vec<Planned<'d>> {
    let mut unknown = BTreeSet::new();
    let mut tasks = Vec::with_capacity(new.len());
    for task in new {
        let listed = task
            .list
            .and_then(|list| of_list.get(list).copied().flatten());
        let by_id = |id| board.columns.iter().find(|column| column.id == id);
        let Some(column) = listed.and_then(by_id).or(board.columns.first()) else {
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
        let mut lines = Vec::new();
        // The column does not tell an archived list's name.
        if let Some(list) = task.list.and_then(|list| draft.lists.get(list))
            && list.closed
            && !columns::same(&list.name, &column.name)
        {
            lines.extend(sanitize::field("List", &list.name));
        }
        if !strangers.is_empty() {
            lines.push(format!("Members: {}", strangers.join(", ")));
        }
        unknown.extend(strangers);
        if task.whole_title.is_some() {
            summary.changed.add(
                "titles over 500 characters were shortened; the full title is in the description",
                &task.title,
            );
        }
        let sprint = sprints.sprint_of(task, column.state);
        match sprint {
            Some((sprint, By::Days)) => summary.count_by_days(&sprint.name),
            Some((sprint, By::Choice)) => {
                let counted = &mut summary.sprint;
                counted.get_or_insert_with(|| (sprint.name.clone(), 0)).1 += 1;
            }
            None if !task.archived && column.state != ColumnState::Done => summary.backlog += 1,
            None => {}
        }
        summary.created += 1;
        summary.steps += task.steps.len();
        summary.comments += task.comments.len();
        tasks.push(Planned {
            task,
            column: column.id,
            state: column.state,
            sprint: sprint.map(|(sprint, _)| sprint.id),
            owners,
            lines,
        });
    }
    summary.unknown_members = unknown.into_iter().map(str::to_owned).collect();
    tasks
}

fn landings(
    draft: &Draft,
    tasks: &[Planned],
    of_list: &[Option<Uuid>],
    board: &Board,
    mappings: &[(String, String)],
) -> Vec<ImportedList> {
    let mut counts = vec![(0, 0); draft.lists.len()];
    for planned in tasks {
        if let Some((all, archived)) = planned.task.list.and_then(|list| counts.get_mut(list)) {
            *all += 1;
            *archived += usize::from(planned.task.archived);
        }
    }
    let rows = draft.lists.iter().zip(of_list).zip(counts);
    let landing =
        |((list, column), (tasks, archived)): ((&List, &Option<Uuid>), (usize, usize))| {
            let column = board
                .columns
                .iter()
                .find(|candidate| Some(candidate.id) == *column)?;
            let is_mapped = mappings
                .iter()
                .any(|(name, _)| columns::same(name, &list.name));
            let new = board.new.contains(&column.id);
            let landing = ImportedList {
                list: list.name.clone(),
                column: column.name.clone(),
                state: column.state,
                is_guess: new && !is_mapped && list.known_state().is_none(),
                new,
                tasks,
                archived,
            };
            (landing.new || landing.tasks > 0).then_some(landing)
        };
    rows.filter_map(landing).collect()
}

/// Names the lists that have no column of their own, and those whose name was cut.
fn note_joined_lists(draft: &Draft, tasks: &[Planned], changed: &mut Notices) {
    let mut seen = HashSet::new();
    for (index, list) in draft.lists.iter().enumerate() {
        if list.only_state || !tasks.iter().any(|planned| planned.task.list == Some(index)) {
            continue;
        }
        if list.closed {
            changed.add(
                "archived lists have no column of their own: their cards are in the archive, in a column of the same state",
                &list.name,
            );
        } else if !seen.insert(columns::folded(&list.name)) {
            changed.add("lists of the same name became one column", &list.name);
        }
        if list.name.chars().count() > columns::NAME && !list.closed {
            changed.add("list names over 50 characters were shortened", &list.name);
        }
    }
}
