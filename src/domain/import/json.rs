//! Reads JSON of other tools: a value of the wrong type is reported with its place in the file.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, value::RawValue};
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::domain::dates::parse_date;

/// A file's outermost object or list. The items of its lists are parsed one at a time, so that the
/// tree of a large file is never in memory as a whole.
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
        let Some(raw) = self.raw(field) else {
            return Ok(());
        };
        let place = inner(&self.place, field);
        match Self::parse(raw).map(|inside| inside.root) {
            Ok(Root::List(items)) => each_of(&items, &place, read),
            _ => Err(type_error(&serde_json::from_str(raw)?, &place, "a list")),
        }
    }

    /// Reads each object of this list, one after the other.
    pub(crate) fn each_item(&self, read: impl FnMut(Node) -> Result<()>) -> Result<()> {
        match &self.root {
            Root::List(items) => each_of(items, &self.place, read),
            _ => Err(anyhow!("{} is not a list", name_of(&self.place))),
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

fn each_of(
    items: &[&RawValue],
    place: &str,
    mut read: impl FnMut(Node) -> Result<()>,
) -> Result<()> {
    for (index, raw) in items.iter().enumerate() {
        let place = format!("{place}[{index}]");
        let value: Value =
            serde_json::from_str(raw.get()).with_context(|| format!("{place} cannot be read"))?;
        let node = Node {
            value: &value,
            place,
        };
        read(node.into_object()?)?;
    }
    Ok(())
}

fn inner(place: &str, field: &str) -> String {
    if place.is_empty() {
        field.to_owned()
    } else {
        format!("{place}.{field}")
    }
}

fn name_of(place: &str) -> &str {
    if place.is_empty() { "the file" } else { place }
}

fn type_error(value: &Value, place: &str, wanted: &str) -> anyhow::Error {
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    anyhow!("{} is {is}; expected {wanted}", name_of(place))
}

/// A value and its place: `cards[3].labels[0]`.
pub(crate) struct Node<'j> {
    value: &'j Value,
    place: String,
}

impl<'j> Node<'j> {
    pub(crate) fn has(&self, field: &str) -> bool {
        self.value.get(field).is_some_and(|value| !value.is_null())
    }

    pub(crate) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    pub(crate) fn is_object(&self) -> bool {
        self.value.is_object()
    }

    pub(crate) fn is_text(&self) -> bool {
        self.value.is_string()
    }

    /// A field; `None` when it is missing or null.
    pub(crate) fn get(&self, field: &str) -> Option<Self> {
        let value = self.value.get(field).filter(|value| !value.is_null())?;
        Some(Self {
            value,
            place: self.place_of(field),
        })
    }

    /// A field that is an object; `None` when it is missing or null.
    pub(crate) fn object(&self, field: &str) -> Result<Option<Self>> {
        self.get(field).map(Self::into_object).transpose()
    }

    /// The objects in a list field; empty when it is missing or null.
    pub(crate) fn objects(&self, field: &str) -> Result<Vec<Self>> {
        self.items(field)?
            .into_iter()
            .map(Self::into_object)
            .collect()
    }

    /// The items of a list field.
    pub(crate) fn items(&self, field: &str) -> Result<Vec<Self>> {
        self.get(field)
            .map_or(Ok(Vec::new()), |node| node.elements())
    }

    /// The items of a list field, also where an answer of GraphQL wraps them in `nodes`.
    pub(crate) fn nodes(&self, field: &str) -> Result<Vec<Self>> {
        match self.get(field) {
            Some(wrapper) if wrapper.is_object() => wrapper.items("nodes"),
            _ => self.items(field),
        }
    }

    /// The names of an object's fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'j str> {
        let fields = self.value.as_object();
        fields.into_iter().flatten().map(|(name, _)| name.as_str())
    }

    pub(crate) fn elements(&self) -> Result<Vec<Self>> {
        let values = self
            .value
            .as_array()
            .ok_or_else(|| self.type_error("a list"))?;
        let node = |(index, value)| Self {
            value,
            place: format!("{}[{index}]", self.place),
        };
        Ok(values.iter().enumerate().map(node).collect())
    }

    pub(crate) fn into_object(self) -> Result<Self> {
        if self.is_object() {
            Ok(self)
        } else {
            Err(self.type_error("an object"))
        }
    }

    pub(crate) fn as_text(&self) -> Result<&'j str> {
        self.value.as_str().ok_or_else(|| self.type_error("text"))
    }

    /// A text field; empty when it is missing or null.
    pub(crate) fn text(&self, field: &str) -> Result<&'j str> {
        self.get(field).map_or(Ok(""), |node| node.as_text())
    }

    /// The first of these text fields that is not empty.
    pub(crate) fn first_text(&self, fields: &[&str]) -> Result<&'j str> {
        for field in fields {
            let text = self.text(field)?;
            if !text.is_empty() {
                return Ok(text);
            }
        }
        Ok("")
    }

    pub(crate) fn flag(&self, field: &str) -> Result<bool> {
        self.get(field).map_or(Ok(false), |node| {
            node.value
                .as_bool()
                .ok_or_else(|| node.type_error("true or false"))
        })
    }

    pub(crate) fn number(&self, field: &str) -> Result<Option<i64>> {
        self.get(field)
            .map(|node| {
                node.value
                    .as_i64()
                    .ok_or_else(|| node.type_error("a whole number"))
            })
            .transpose()
    }

    /// A field's text, also of a number or a flag; empty when it is missing or null.
    pub(crate) fn loose_text(&self, field: &str) -> Result<String> {
        Ok(match self.value.get(field) {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(flag)) => flag.to_string(),
            _ => self.text(field)?.to_owned(),
        })
    }

    /// A number, or text that parses as one; anything else is ignored.
    pub(crate) fn loose_number(&self, field: &str) -> Option<f64> {
        let number = match self.value.get(field)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if text == "top" => Some(f64::MIN),
            Value::String(text) if text == "bottom" => Some(f64::MAX),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| number.is_finite())
    }

    /// A timestamp field; `None` when it is missing, null or empty.
    pub(crate) fn instant(&self, field: &str) -> Result<Option<OffsetDateTime>> {
        match self.text(field)? {
            "" => Ok(None),
            text => OffsetDateTime::parse(text, &Rfc3339)
                .map(Some)
                .map_err(|_| {
                    anyhow!(
                        "{} is not a date and time such as 2026-11-24T10:00:00Z",
                        self.place_of(field)
                    )
                }),
        }
    }

    /// The day at the start of a date field; `None` when it is missing, null or empty.
    pub(crate) fn day(&self, field: &str) -> Result<Option<Date>> {
        match self.text(field)? {
            "" => Ok(None),
            text => (text.get(..10).and_then(parse_date))
                .map(Some)
                .ok_or_else(|| {
                    anyhow!("{} is not a date such as 2026-11-24", self.place_of(field))
                }),
        }
    }

    /// An error message that starts with the place.
    pub(crate) fn refuse(&self, field: &str, reason: &str) -> anyhow::Error {
        anyhow!("{} {reason}", self.place_of(field))
    }

    fn place_of(&self, field: &str) -> String {
        inner(&self.place, field)
    }

    fn type_error(&self, wanted: &str) -> anyhow::Error {
        type_error(self.value, &self.place, wanted)
    }
}
