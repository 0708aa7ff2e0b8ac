//! Reads labels, many of which have a colour and no name.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use serde_json::Value;

use crate::domain::import::{colours, document::Document, draft::Draft, json::Node, sanitize};

/// The names of a board's labels by key.
pub(crate) struct Labels {
    names: HashMap<String, String>,
    taken: HashSet<String>,
    /// What boards from before 2014 call each colour.
    of_colours: Value,
}

/// Reads the board's labels. Unnamed ones are called after their colour: blue, blue-2.
pub(crate) fn parse(board: &Document, draft: &mut Draft) -> Result<Labels> {
    let mut labels = Labels {
        names: HashMap::new(),
        taken: HashSet::new(),
        of_colours: board.value("labelNames")?,
    };
    // Names that people gave come first, so that no unnamed label takes one.
    board.each("labels", |label| {
        if !label.text("name")?.is_empty() {
            labels.add(&label, draft)?;
        }
        Ok(())
    })?;
    board.each("labels", |label| {
        labels.add(&label, draft)?;
        Ok(())
    })?;
    Ok(labels)
}

/// Identifies a label. Exports from before 2014 have no ids: there, a label is its colour and name.
fn key(label: &Node) -> Result<String> {
    Ok(match label.text("id")? {
        "" => format!("{}:{}", label.text("color")?, label.text("name")?),
        id => id.to_owned(),
    })
}

impl Labels {
    /// The name of a label, which is added if it is new; its hue goes to the draft.
    fn add(&mut self, label: &Node, draft: &mut Draft) -> Result<String> {
        let key = key(label)?;
        if let Some(name) = self.names.get(&key) {
            return Ok(name.clone());
        }
        let colour = label.text("color")?;
        let name = match (label.text("name")?, label.text("id")?) {
            ("", "") => self
                .of_colours
                .get(colour)
                .and_then(Value::as_str)
                .unwrap_or(""),
            (name, _) => name,
        };
        let name = match sanitize::label(name) {
            unnamed if unnamed.is_empty() => self.first_available(&sanitize::label(colour)),
            name => name,
        };
        self.taken.insert(name.to_lowercase());
        if let Some(hue) = colours::of_name(colour) {
            draft.hues.entry(name.clone()).or_insert(hue);
        }
        self.names.insert(key, name.clone());
        Ok(name)
    }

    fn first_available(&self, colour: &str) -> String {
        let colour = if colour.is_empty() { "label" } else { colour };
        let mut name = colour.to_owned();
        let mut index = 2;
        while self.taken.contains(&name.to_lowercase()) {
            let number = format!("-{index}");
            name = sanitize::cut(colour, 50 - number.len()).0 + &number;
            index += 1;
        }
        name
    }

    /// The names of a card's labels, which the export contains by id, as objects, or not at all.
    pub(crate) fn of(&mut self, card: &Node, draft: &mut Draft) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for label in card.objects("labels")? {
            names.push(self.add(&label, draft)?);
        }
        for id in card.items("idLabels")? {
            names.extend(self.names.get(id.as_text()?).cloned());
        }
        Ok(names)
    }
}
