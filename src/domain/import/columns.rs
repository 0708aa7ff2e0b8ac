//! The columns that an import finds on the team's board, and those it will add.

use std::collections::HashSet;

use uuid::Uuid;

use crate::domain::{
    boards::Column,
    column_state::ColumnState,
    error::{Problem, Result},
    import::{
        draft::{Draft, List, Task},
        sanitize, states,
    },
    slug::{first_available, slug},
    text::composed,
};

/// The maximum length of a column's name.
pub(crate) const NAME: usize = 50;

/// The most lists of a file; a board with more columns could not be used.
const MOST_LISTS: usize = 200;

/// The columns as planned so far.
#[derive(Default)]
pub(crate) struct Board {
    /// From left to right.
    pub(crate) columns: Vec<Column>,
    pub(crate) new: Vec<Uuid>,
    /// Default columns that the file has none like.
    pub(crate) removed: Vec<Column>,
    /// Only the default columns, and never a task: the board takes over those of the file.
    pub(crate) is_untouched: bool,
}

/// What `--map` says about a list.
#[derive(Default)]
struct Target {
    column: Option<String>,
    state: Option<ColumnState>,
}

impl Target {
    /// Reads `In progress`, `doing` or `In progress:doing`.
    fn parse(text: &str) -> Self {
        let column = |text: &str| Some(sanitize::line(text, NAME).0);
        let state = |text: &str| ColumnState::try_from(text.trim().to_owned()).ok();
        match text.rsplit_once(':') {
            _ if state(text).is_some() => Self {
                column: None,
                state: state(text),
            },
            Some((name, last)) if state(last).is_some() && !name.trim().is_empty() => Self {
                column: column(name),
                state: state(last),
            },
            _ => Self {
                column: column(text),
                state: None,
            },
        }
    }
}

impl Board {
    /// Finds or plans the column of each list.
    pub(crate) fn place_lists(
        &mut self,
        draft: &Draft,
        new: &[&Task],
        mappings: &[(String, String)],
    ) -> Result<Vec<Option<Uuid>>> {
        check_mappings(draft, mappings)?;
        if draft.lists.len() > MOST_LISTS {
            let message = format!(
                "The file has {} lists or statuses, and at most {MOST_LISTS} can be imported. Perhaps another column tells the status.",
                draft.lists.len()
            );
            return Err(Problem::field("map", message));
        }
        let names = column_names(&draft.lists);
        let of_all: HashSet<usize> = draft.tasks.iter().filter_map(|task| task.list).collect();
        let of_new: HashSet<usize> = new.iter().filter_map(|task| task.list).collect();
        let is_wanted: Vec<bool> = (0..)
            .zip(&draft.lists)
            .map(|(index, list)| {
                // An empty list gets a column on the first import only, so that a deleted column
                // does not return with every run.
                let is_empty = !of_all.contains(&index);
                of_new.contains(&index)
                    || is_empty && !list.closed && !list.only_state && !new.is_empty()
            })
            .collect();
        let mut of_list = vec![None; draft.lists.len()];
        // Equal names come first: no other list may take such a column.
        for (index, list) in draft.lists.iter().enumerate() {
            let target = target_of(list, mappings);
            of_list[index] = match target {
                Some(Target { column, state }) => {
                    self.mapped(column.as_ref().unwrap_or(&names[index]), state)?
                }
                None if list.only_state => list.state.and_then(|state| self.first_of(state)),
                None => self.called(&names[index]),
            };
        }
        for (index, list) in draft.lists.iter().enumerate() {
            if of_list[index].is_some() || !is_wanted[index] || target_of(list, mappings).is_some()
            {
                continue;
            }
            let taken: HashSet<Uuid> = of_list.iter().copied().flatten().collect();
            of_list[index] = self.plain(list, &taken);
        }
        for (index, list) in draft.lists.iter().enumerate() {
            let target = target_of(list, mappings);
            let is_archived = list.closed && target.is_none();
            if of_list[index].is_some() || !is_wanted[index] || is_archived {
                continue;
            }
            let Target { column, state } = target.unwrap_or_default();
            let name = match &column {
                Some(column) => column.as_str(),
                None if list.only_state => list
                    .known_state()
                    .unwrap_or(ColumnState::Todo)
                    .default_name(),
                None => &names[index],
            };
            // Lists of equal names become one column.
            let state = state.or(match &column {
                Some(column) => states::guess(column).or(list.known_state()),
                None => list.known_state(),
            });
            let existing = self.called(name);
            of_list[index] =
                existing.or_else(|| Some(self.add(name, state.unwrap_or(ColumnState::Todo))));
        }
        let mut placed = draft.lists.iter().zip(&of_list);
        if self.is_untouched
            && placed.any(|(list, column)| !list.only_state && !list.closed && column.is_some())
        {
            self.take_over(&of_list);
        }
        for (index, list) in draft.lists.iter().enumerate() {
            if of_list[index].is_none() && is_wanted[index] {
                // An archived list has no column of its own.
                let state = list.known_state().unwrap_or(ColumnState::Todo);
                let first = self.columns.first().map(|column| column.id);
                of_list[index] = self.first_of(state).or(first);
            }
        }
        Ok(of_list)
    }

    /// The column that `--map` names, if it exists.
    fn mapped(&self, name: &str, state: Option<ColumnState>) -> Result<Option<Uuid>> {
        let Some(column) = self.columns.iter().find(|column| same(&column.name, name)) else {
            return Ok(None);
        };
        if let Some(state) = state.filter(|state| *state != column.state) {
            let message = format!(
                "The board has a column “{}” with the state {}, so it cannot have the state {state}. Map the list to another column, such as “{} 2:{state}”.",
                column.name, column.state, column.name
            );
            return Err(Problem::field("map", message));
        }
        Ok(Some(column.id))
    }

    fn called(&self, name: &str) -> Option<Uuid> {
        self.columns
            .iter()
            .find(|column| same(&column.name, name))
            .map(|column| column.id)
    }

    /// For a list with a plain name such as “To Do” or “Doing”, the column that has another plain
    /// name of the same state, unless another list has it.
    fn plain(&self, list: &List, taken: &HashSet<Uuid>) -> Option<Uuid> {
        let state = states::plain(&list.name)?;
        self.columns
            .iter()
            .find(|column| {
                column.state == state
                    && states::plain(&column.name) == Some(state)
                    && !taken.contains(&column.id)
            })
            .map(|column| column.id)
    }

    fn first_of(&self, state: ColumnState) -> Option<Uuid> {
        self.columns
            .iter()
            .find(|column| column.state == state)
            .map(|column| column.id)
    }

    /// Plans a column at the right end, but before the done columns.
    fn add(&mut self, name: &str, state: ColumnState) -> Uuid {
        let name = match sanitize::line(name, NAME).0 {
            name if name.is_empty() => "Untitled".to_owned(),
            name => name,
        };
        // A name without letters and digits yields an empty slug.
        let wanted = Some(slug(&name))
            .filter(|slug| !slug.is_empty())
            .unwrap_or_else(|| "column".to_owned());
        let candidate = first_available(&wanted, "-", |candidate| {
            self.columns.iter().any(|column| column.slug == candidate)
        });
        let done_at_the_end = self
            .columns
            .iter()
            .rev()
            .take_while(|column| column.state == ColumnState::Done)
            .count();
        let at = if state == ColumnState::Done {
            self.columns.len()
        } else {
            self.columns.len() - done_at_the_end
        };
        let id = Uuid::now_v7();
        self.columns.insert(
            at,
            Column {
                id,
                slug: candidate,
                name,
                state,
                wip_limit: None,
            },
        );
        self.new.push(id);
        id
    }

    /// Gives an untouched board the order of the lists, and removes the default columns that no
    /// list has. Those for work in progress and done work stay if they are the only ones: without
    /// them, no task could be started or finished.
    fn take_over(&mut self, of_list: &[Option<Uuid>]) {
        let place = |column: &Column| {
            of_list
                .iter()
                .position(|id| *id == Some(column.id))
                .unwrap_or(of_list.len())
        };
        let is_used = |column: &Column| place(column) < of_list.len();
        self.columns.sort_by_key(place);
        let missing = [ColumnState::Doing, ColumnState::Done].map(|state| {
            let mut used = self.columns.iter().filter(|column| is_used(column));
            Some(state).filter(|state| !used.any(|column| column.state == *state))
        });
        self.removed = self
            .columns
            .extract_if(.., |column| {
                !is_used(column) && !missing.contains(&Some(column.state))
            })
            .collect();
    }
}

fn check_mappings(draft: &Draft, mappings: &[(String, String)]) -> Result<()> {
    for (name, _) in mappings {
        if !draft.lists.iter().any(|list| same(&list.name, name)) {
            let names: Vec<&str> = draft.lists.iter().map(|list| list.name.as_str()).collect();
            let message = format!(
                "The file has no list “{name}”. Its lists are: {}.",
                names.join(", ")
            );
            return Err(Problem::field("map", message));
        }
    }
    Ok(())
}

fn target_of(list: &List, mappings: &[(String, String)]) -> Option<Target> {
    mappings
        .iter()
        .find(|(name, _)| same(name, &list.name))
        .map(|(_, target)| Target::parse(target))
}

/// The names of the columns that lists become. Different lists keep different names, even if they
/// differ only beyond the length that a column's name may have.
pub(crate) fn column_names(lists: &[List]) -> Vec<String> {
    let mut taken: Vec<(String, String)> = Vec::new();
    let mut name_of = |list: &List| {
        let whole = folded(&list.name);
        if let Some((_, name)) = taken.iter().find(|(other, _)| *other == whole) {
            return name.clone();
        }
        let is_taken = |name: &str| taken.iter().any(|(_, other)| same(other, name));
        let mut name = shortened(&list.name);
        let mut index = 2;
        while is_taken(&name) {
            let number = format!("… {index}");
            name = sanitize::cut(&list.name, NAME - number.chars().count()).0 + &number;
            index += 1;
        }
        taken.push((whole, name.clone()));
        name
    };
    lists.iter().map(&mut name_of).collect()
}

/// A name that is short enough for a column. Long names are cut in the middle, because their ends
/// tell them apart.
fn shortened(name: &str) -> String {
    const END: usize = 20;
    let count = name.chars().count();
    if count <= NAME {
        return name.to_owned();
    }
    let end: String = name.chars().skip(count - END).collect();
    let start = sanitize::cut(name, NAME - END - 1).0;
    format!("{start}…{}", end.trim_start())
}

/// Whether two names differ in case and spaces at most.
pub(crate) fn same(a: &str, b: &str) -> bool {
    folded(a) == folded(b)
}

/// A name in lower case, with single spaces and composed letters.
pub(crate) fn folded(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    composed(&words.join(" ").to_lowercase()).into_owned()
}

#[cfg(test)]
mod tests;
