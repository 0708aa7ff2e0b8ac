//! Reads labels, many of which have a colour and no name.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use crate::domain::import::{json::Node, sanitize, summary::Notices};

/// The names of a board's labels by id.
pub(crate) struct Labels<'j>(HashMap<&'j str, String>);

/// Gives every label a name; unnamed ones are called after their colour: blue, blue-2.
pub(crate) fn parse<'j>(board: &Node<'j>) -> Result<Labels<'j>> {
    let mut unique_labels: Vec<(&str, String, String)> = Vec::new();
    let mut ids = HashSet::new();
    let mut of_cards = Vec::new();
    for card in board.objects("cards")? {
        of_cards.extend(card.objects("labels")?);
    }
    for label in board.objects("labels")?.iter().chain(&of_cards) {
        let id = label.text("id")?;
        if ids.insert(id) {
            unique_labels.push((
                id,
                sanitize::label(label.text("name")?),
                sanitize::label(label.text("color")?),
            ));
        }
    }
    let mut taken: HashSet<String> = unique_labels
        .iter()
        .map(|(_, name, _)| name.to_lowercase())
        .collect();
    let names = unique_labels.into_iter().map(|(id, name, colour)| {
        let name = if name.is_empty() {
            first_available(&colour, &mut taken)
        } else {
            name
        };
        (id, name)
    });
    Ok(Labels(names.collect()))
}

fn first_available(colour: &str, taken: &mut HashSet<String>) -> String {
    let colour = if colour.is_empty() { "label" } else { colour };
    let mut name = colour.to_owned();
    let mut index = 2;
    while !taken.insert(name.to_lowercase()) {
        let number = format!("-{index}");
        name = sanitize::cut(colour, 50 - number.len()).0 + &number;
        index += 1;
    }
    name
}

impl Labels<'_> {
    /// The names of a card's labels, which the export contains by id, as objects, or not at all.
    pub(crate) fn of(
        &self,
        card: &Node,
        title: &str,
        changed: &mut Notices,
    ) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        let whole = card.objects("labels")?;
        let by_id = card.items("idLabels")?;
        let ids = whole
            .iter()
            .map(|label| label.text("id"))
            .chain(by_id.iter().map(Node::as_text));
        for id in ids {
            if let Some(name) = self.0.get(id?).filter(|name| !names.contains(name)) {
                names.push(name.clone());
            }
        }
        if names.len() > sanitize::LABELS {
            changed.add(
                "a task can have at most 30 labels, so the remaining ones were left out",
                title,
            );
            names.truncate(sanitize::LABELS);
        }
        Ok(names)
    }
}
