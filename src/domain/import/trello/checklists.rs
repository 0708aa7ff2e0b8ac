//! Converts checklists to steps.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use crate::domain::import::{
    document::Document,
    draft::{Draft, Step, Task},
    json::Node,
    sanitize,
    trello::export::{People, place},
};

/// The names that Trello gives to a checklist, which tell nothing.
const DEFAULT_NAMES: &[&str] = &[
    "checklist",
    "checkliste",
    "lista de verificación",
    "lista de control",
    "lista",
    "check-list",
    "liste de contrôle",
    "controlelijst",
    "checklista",
    "чек-лист",
    "чеклист",
    "チェックリスト",
    "清单",
    "檢查清單",
    "체크리스트",
];

/// A card's checklists with their items, in order.
pub(crate) type Checklists = Vec<Checklist>;

pub(crate) struct Checklist {
    place: f64,
    name: String,
    items: Vec<Item>,
}

struct Item {
    place: f64,
    text: String,
    is_done: bool,
    /// Due date and member, which a step has no fields for.
    rest: String,
}

/// The checklists of a board by card id.
#[derive(Default)]
pub(crate) struct ByCard {
    lists: HashMap<String, Checklists>,
    seen: HashSet<String>,
}

/// Reads the checklists that are listed beside the cards.
pub(crate) fn parse(board: &Document, people: &People, draft: &mut Draft) -> Result<ByCard> {
    let mut found = ByCard::default();
    board.each("checklists", |list| {
        found.add(list.text("idCard")?, &list, people, draft)
    })?;
    Ok(found)
}

impl ByCard {
    /// Takes the checklists of a card, of which some exports have them inside the card.
    pub(crate) fn take(
        &mut self,
        card: &Node,
        id: &str,
        people: &People,
        draft: &mut Draft,
    ) -> Result<Checklists> {
        for list in card.objects("checklists")? {
            self.add(id, &list, people, draft)?;
        }
        let mut lists = self.lists.remove(id).unwrap_or_default();
        lists.sort_by(|a, b| a.place.total_cmp(&b.place));
        Ok(lists)
    }

    fn add(&mut self, card: &str, list: &Node, people: &People, draft: &mut Draft) -> Result<()> {
        let id = list.text("id")?;
        if !id.is_empty() && !self.seen.insert(id.to_owned()) {
            return Ok(());
        }
        let name = sanitize::line(list.text("name")?, 100).0;
        let mut items = Vec::new();
        for item in list.objects("checkItems")? {
            items.push(Item {
                place: place(&item),
                text: item.text("name")?.to_owned(),
                is_done: item.text("state")? == "complete",
                rest: due_and_member(&item, people)?,
            });
        }
        if items.is_empty() {
            draft
                .changed
                .add("checklists without items were left out", &name);
            return Ok(());
        }
        items.sort_by(|a, b| a.place.total_cmp(&b.place));
        let place = place(list);
        let checklist = Checklist { place, name, items };
        self.lists
            .entry(card.to_owned())
            .or_default()
            .push(checklist);
        Ok(())
    }
}

/// ` (due 2026-11-24, Mira Holm)`, or nothing.
fn due_and_member(item: &Node, people: &People) -> Result<String> {
    let due = item
        .day("due")?
        .map(|day| format!("due {day}"))
        .unwrap_or_default();
    let member = people
        .get(item.text("idMember")?)
        .map_or("", |member| member.called());
    let parts: Vec<&str> = [due.as_str(), member]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    Ok(if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    })
}

/// Adds a card's steps to its task. If it has several checklists, each step names its own; the name
/// of a single one goes to the description.
pub(crate) fn add_steps(lists: &Checklists, task: &mut Task, draft: &mut Draft) {
    let several = lists.len() > 1;
    if let [list] = lists.as_slice()
        && !DEFAULT_NAMES.contains(&list.name.to_lowercase().as_str())
    {
        task.lines.extend(sanitize::field("Checklist", &list.name));
    }
    let changed = &mut draft.changed;
    for list in lists {
        for item in &list.items {
            let name = several.then_some(list.name.as_str());
            match sanitize::step(name, &item.text, &item.rest) {
                None => changed.add("checklist items without text were left out", &task.title),
                Some(_) if task.steps.len() == sanitize::STEPS => {
                    changed.add(
                        "a task can have at most 200 steps, so the remaining checklist items were left out",
                        &task.title,
                    );
                    return;
                }
                Some((text, was_cut)) => {
                    if was_cut {
                        changed.add(
                            "checklist items over 500 characters were shortened",
                            &task.title,
                        );
                    }
                    task.steps.push(Step {
                        text,
                        done: item.is_done,
                    });
                }
            }
        }
    }
}
