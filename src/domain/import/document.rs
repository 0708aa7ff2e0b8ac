//! Reads a file of JSON item by item, so that its tree is never in memory as a whole.

use std::{collections::HashMap, ops::Range};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, value::RawValue};

use crate::domain::import::json::{Node, inner, name_of, type_error};

/// A file's outermost object or list. The items of its lists are parsed one at a time.
pub(crate) struct Document<'f> {
    root: Root<'f>,
    /// The place of this part in the file; empty for the file itself.
    place: String,
}

enum Root<'f> {
    Object(HashMap<String, &'f RawValue>),
    List(Vec<&'f RawValue>),
    Other,
}

impl<'f> Document<'f> {
    /// Reads the outermost object or list of a file.
    pub(crate) fn parse(text: &'f str) -> Result<Self> {
        let parsed = match text.trim_ascii_start().as_bytes().first() {
            Some(b'{') => serde_json::from_str(text).map(Root::Object),
            Some(b'[') => serde_json::from_str(text).map(Root::List),
            _ => serde_json::from_str(text).map(|_: Value| Root::Other),
        };
        let root = parsed
            // The parser of a whole value explains more: it also counts levels.
            .map_err(|error| serde_json::from_str::<Value>(text).err().unwrap_or(error))
            .context("the file cannot be read as JSON")?;
        let place = String::new();
        Ok(Self { root, place })
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.root, Root::List(_))
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self.root, Root::Object(_))
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.raw(field).is_some()
    }

    /// A field that is an object or a list; `None` if it is anything else.
    pub(crate) fn inside(&self, field: &str) -> Option<Self> {
        let inside = Self::parse(self.raw(field)?).ok()?;
        (!matches!(inside.root, Root::Other)).then(|| Self {
            place: inner(&self.place, field),
            ..inside
        })
    }

    /// A small field as a whole; null when it is missing.
    pub(crate) fn value(&self, field: &str) -> Result<Value> {
        let place = || format!("{} cannot be read", inner(&self.place, field));
        self.raw(field).map_or(Ok(Value::Null), |raw| {
            serde_json::from_str(raw).with_context(place)
        })
    }

    /// A text field; empty when it is missing or null.
    pub(crate) fn text(&self, field: &str) -> Result<String> {
        let value = self.value(field)?;
        let node = Node {
            value: &value,
            place: inner(&self.place, field),
        };
        if value.is_null() {
            Ok(String::new())
        } else {
            node.as_text().map(str::to_owned)
        }
    }

    /// Reads each object in a list field, one after the other.
    pub(crate) fn each(&self, field: &str, read: impl FnMut(Node) -> Result<()>) -> Result<()> {
        each_of(&self.items(field)?, &inner(&self.place, field), read)
    }

    /// Reads each object of this list, one after the other.
    pub(crate) fn each_item(&self, read: impl FnMut(Node) -> Result<()>) -> Result<()> {
        match &self.root {
            Root::List(items) => each_of(items, &self.place, read),
            _ => Err(anyhow!("{} is not a list", name_of(&self.place))),
        }
    }

    /// Where the items of a list field stand in the file's text.
    pub(crate) fn place_in(&self, field: &str, text: &str) -> Result<ListInText> {
        let place = inner(&self.place, field);
        Ok(ListInText::of(&self.items(field)?, place, text))
    }

    /// Where the items of this list stand in the file's text.
    pub(crate) fn items_in(&self, text: &str) -> ListInText {
        match &self.root {
            Root::List(items) => ListInText::of(items, self.place.clone(), text),
            _ => ListInText::default(),
        }
    }

    fn items(&self, field: &str) -> Result<Vec<&'f RawValue>> {
        let Some(raw) = self.raw(field) else {
            return Ok(Vec::new());
        };
        match Self::parse(raw).map(|inside| inside.root) {
            Ok(Root::List(items)) => Ok(items),
            _ => {
                let place = inner(&self.place, field);
                Err(type_error(&serde_json::from_str(raw)?, &place, "a list"))
            }
        }
    }

    /// The number of items, if this is a list.
    pub(crate) fn len(&self) -> usize {
        match &self.root {
            Root::List(items) => items.len(),
            _ => 0,
        }
    }

    /// The text of a field; `None` when it is missing or null.
    fn raw(&self, field: &str) -> Option<&'f str> {
        match &self.root {
            Root::Object(fields) => fields.get(field).map(|raw| raw.get()),
            _ => None,
        }
        .filter(|raw| *raw != "null")
    }
}

/// Reads each object of a list, one after the other, and lets go of the text that has been read, so
/// that file and draft are never both in memory as a whole.
pub(crate) fn drain_each(
    mut text: String,
    list: ListInText,
    mut read: impl FnMut(Node) -> Result<()>,
) -> Result<()> {
    const AT_ONCE: usize = 4 * 1024 * 1024;
    let let_go = |text: &mut String, before: usize| {
        text.drain(..before);
        text.shrink_to_fit();
    };
    if let Some(last) = list.items.last() {
        text.truncate(last.end);
    }
    let mut gone = 0;
    for (index, item) in list.items.iter().enumerate() {
        if item.start - gone > AT_ONCE {
            let_go(&mut text, item.start - gone);
            gone = item.start;
        }
        let place = format!("{}[{index}]", list.place);
        let raw = text.get(item.start - gone..item.end - gone).unwrap_or("");
        read_item(raw, place, &mut read)?;
    }
    Ok(())
}

impl ListInText {
    fn of(items: &[&RawValue], place: String, text: &str) -> Self {
        let start = text.as_ptr() as usize;
        let range = |raw: &&RawValue| {
            let from = raw.get().as_ptr() as usize - start;
            from..from + raw.get().len()
        };
        let items = items.iter().map(range).collect();
        Self { place, items }
    }
}

/// Where the items of a list stand in a file.
#[derive(Default)]
pub(crate) struct ListInText {
    place: String,
    items: Vec<Range<usize>>,
}

fn read_item(raw: &str, place: String, read: &mut impl FnMut(Node) -> Result<()>) -> Result<()> {
    let value: Value =
        serde_json::from_str(raw).with_context(|| format!("{place} cannot be read"))?;
    let node = Node {
        value: &value,
        place,
    };
    read(node.into_object()?)
}

fn each_of(
    items: &[&RawValue],
    place: &str,
    mut read: impl FnMut(Node) -> Result<()>,
) -> Result<()> {
    for (index, raw) in items.iter().enumerate() {
        read_item(raw.get(), format!("{place}[{index}]"), &mut read)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_while_their_text_is_let_go() {
        let item = |index: usize| {
            format!(
                "{{\"n\": {index}, \"text\": \"{}\"}}",
                "ä€𝄞".repeat(200_000)
            )
        };
        let items: Vec<String> = (0..5).map(item).collect();
        let text = format!("{{\"cards\": [{}], \"rest\": 1}}", items.join(" ,\n"));
        let list = Document::parse(&text)
            .unwrap()
            .place_in("cards", &text)
            .unwrap();
        let mut read = Vec::new();
        drain_each(text, list, |card| {
            read.push((card.number("n")?, card.text("text")?.chars().count()));
            Ok(())
        })
        .unwrap();
        let expected: Vec<_> = (0..5).map(|index| (Some(index), 600_000)).collect();
        assert_eq!(read, expected);
    }
}
