//! Parses a Trello board's export (menu, Print, export and share, Export as JSON).

pub mod actions;
pub mod card;
pub mod checklists;
pub mod custom_fields;
pub mod export;
pub mod labels;

use std::sync::Arc;

use anyhow::{Result, bail};

use crate::domain::import::{
    document::{Document, drain_each},
    draft::{Draft, List},
    file, sanitize,
    trello::{
        card::Board,
        export::{Lists, People, external_user, place},
    },
};

/// Parses a board, or returns what is wrong in the file, with its place.
pub fn parse(text: String) -> Result<Draft> {
    if file::is_csv(&text) {
        bail!(
            "the file is a CSV, not a JSON export. In Trello, open the board's menu, “Print, export and share”, “Export as JSON”"
        );
    }
    let board = Document::parse(&text)?;
    check_board(&board)?;
    let mut draft = Draft {
        from: "Trello",
        board: sanitize::line(&board.text("name")?, 100).0,
        ..Draft::default()
    };
    let lists = read_lists(&board, &mut draft)?;
    let mut people = People::new();
    let done = actions::parse(&board, &lists, &mut people, &mut draft)?;
    board.each("members", |member| {
        let user = external_user(&member)?;
        people.insert(member.text("id")?.to_owned(), Arc::new(user));
        Ok(())
    })?;
    let mut parts = Board {
        labels: labels::parse(&board, &mut draft)?,
        fields: custom_fields::parse(&board)?,
        checklists: checklists::parse(&board, &people, &mut draft)?,
        lists,
        people,
        done,
    };
    let cards = board.place_in("cards", &text)?;
    drain_each(text, cards, |card| {
        let task = parts.task(&card, &mut draft)?;
        draft.tasks.push(task);
        Ok(())
    })?;
    draft.order_tasks();
    card::mark_complete(&mut draft);
    Ok(draft)
}

fn check_board(board: &Document) -> Result<()> {
    if board.is_list() {
        bail!(
            "the file is a list, but a Trello export is an object. To import GitHub issues, use “import github”"
        );
    }
    if !board.is_object() {
        bail!("the file is not a Trello board: it is not an object");
    }
    if board.has("_format") || board.has("swimlanes") {
        bail!("the file is a board of WeKan, not of Trello. Import it with the format “wekan”");
    }
    if board.has("idList") && !board.has("lists") {
        bail!("the file is a single Trello card, not a board: export the board from its menu");
    }
    for field in ["lists", "cards"] {
        if !board.has(field) {
            bail!("the file is not a Trello board export: it has no “{field}”");
        }
    }
    Ok(())
}

/// Adds the board's lists to the draft, from left to right.
fn read_lists(board: &Document, draft: &mut Draft) -> Result<Lists> {
    let mut by_position = Vec::new();
    board.each("lists", |list| {
        let name = match sanitize::line(list.text("name")?, 1000).0 {
            name if name.is_empty() => "Untitled".to_owned(),
            name => name,
        };
        let id = list.text("id")?.to_owned();
        let row = List {
            name,
            closed: list.flag("closed")?,
            ..List::default()
        };
        by_position.push((place(&list), id, row));
        Ok(())
    })?;
    by_position.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lists = Lists::new();
    for (_, id, list) in by_position {
        lists.entry(id).or_insert(draft.lists.len());
        draft.lists.push(list);
    }
    Ok(lists)
}

#[cfg(test)]
mod tests;
