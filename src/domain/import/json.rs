//! Reads JSON of other tools: a value of the wrong type is reported with its place in the file.

use anyhow::{Result, anyhow};
use serde_json::Value;
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::domain::dates::parse_date;

pub(crate) fn inner(place: &str, field: &str) -> String {
    if place.is_empty() {
        field.to_owned()
    } else {
        format!("{place}.{field}")
    }
}

pub(crate) fn name_of(place: &str) -> &str {
    if place.is_empty() { "the file" } else { place }
}

pub(crate) fn type_error(value: &Value, place: &str, wanted: &str) -> anyhow::Error {
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
    pub(crate) value: &'j Value,
    pub(crate) place: String,
}

impl<'j> Node<'j> {
    pub(crate) fn of(value: &'j Value, place: &str) -> Self {
        let place = place.to_owned();
        Self { value, place }
    }

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
