//! Converts checklists to steps.

use std::collections::HashMap;

use anyhow::Result;

use crate::domain::import::{
    draft::Step, json::Node, sanitize, summary::Notices, trello::export::place,
};

/// A card's checklists with their items, in order.
pub(crate) type Checklists = Vec<Checklist>;

pub(crate) struct Checklist {
    place: f64,
    name: String,
    items: Vec<(f64, String, bool)>,
}

/// A board's checklists that have items, by card id. Exports have them beside the cards or inside
/// them.
pub(crate) fn parse<'j>(board: &Node<'j>) -> Result<HashMap<&'j str, Checklists>> {
    let mut by_card: HashMap<&str, Checklists> = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    let mut add = |card: &'j str, list: &Node<'j>| -> Result<()> {
        let id = list.text("id")?;
        if !id.is_empty() && !seen.insert(id) {
            return Ok(());
        }
        let mut items = Vec::new();
        for item in list.objects("checkItems")? {
            items.push((
                place(&item),
                item.text("name")?.to_owned(),
                item.text("state")? == "complete",
            ));
        }
        items.sort_by(|a, b| a.0.total_cmp(&b.0));
        if !items.is_empty() {
            let checklist = Checklist {
                place: place(list),
                name: list.text("name")?.to_owned(),
                items,
            };
            by_card.entry(card).or_default().push(checklist);
        }
        Ok(())
    };
    for list in board.objects("checklists")? {
        add(list.text("idCard")?, &list)?;
    }
    for card in board.objects("cards")? {
        for list in card.objects("checklists")? {
            add(card.first_text(&["id", "shortLink"])?, &list)?;
        }
    }
    for lists in by_card.values_mut() {
        lists.sort_by(|a, b| a.place.total_cmp(&b.place));
    }
    Ok(by_card)
}

/// The steps of a card. If it has several checklists, each step names its own.
pub(crate) fn steps(lists: Checklists, title: &str, changed: &mut Notices) -> Vec<Step> {
    let several = lists.len() > 1;
    let mut steps = Vec::new();
    for list in &lists {
        for (_, text, done) in &list.items {
            match sanitize::step(several.then_some(list.name.as_str()), text) {
                None => changed.add("checklist items without text were left out", title),
                Some(_) if steps.len() == sanitize::STEPS => {
                    changed.add(
                        "a task can have at most 200 steps, so the remaining checklist items were left out",
                        title,
                    );
                    return steps;
                }
                Some((text, was_cut)) => {
                    if was_cut {
                        changed.add("checklist items over 500 characters were shortened", title);
                    }
                    steps.push(Step { text, done: *done });
                }
            }
        }
    }
    steps
}
