//! A rejected form on a task: the errors and the entered values.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::Value;

use crate::{
    domain::{
        boards::Column,
        error::{Conflict, Problem, Result},
    },
    http::extract::form::Fields,
};

/// Why a form was rejected, and what was entered. The default is a form that was not rejected.
#[derive(Default)]
pub(crate) struct RejectedForm {
    pub(crate) errors: BTreeMap<&'static str, String>,
    pub(crate) conflict: Option<Conflict>,
    pub(crate) submitted: Fields,
}

impl RejectedForm {
    /// Takes validation errors and edit conflicts; other problems are returned as errors.
    pub(crate) fn of(problem: Problem, submitted: &Fields) -> Result<Self> {
        let submitted = submitted.clone();
        match problem {
            Problem::Invalid(errors) => Ok(Self {
                errors,
                conflict: None,
                submitted,
            }),
            Problem::Conflict(conflict) => Ok(Self {
                errors: BTreeMap::new(),
                conflict: Some(*conflict),
                submitted,
            }),
            other => Err(other),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self.conflict {
            Some(_) => StatusCode::CONFLICT,
            None if self.errors.is_empty() => StatusCode::OK,
            None => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

/// The sent fields with their values in one version of the task, a line for each.
pub(crate) fn describe_side(conflict: &Conflict, side: &Value, columns: &[Column]) -> String {
    let sent = conflict
        .sent
        .as_object()
        .into_iter()
        .flatten()
        .map(|(field, _)| field)
        .filter(|field| *field != "version");
    sent.map(|field| format!("{field}: {}", describe_value(field, &side[field], columns)))
        .collect::<Vec<_>>()
        .join("\n")
}

fn describe_value(field: &str, value: &Value, columns: &[Column]) -> String {
    match value {
        Value::String(slug) if field == "column" => columns
            .iter()
            .find(|column| column.slug == *slug)
            .map_or(String::new(), |column| column.name.clone()),
        Value::String(text) => text.clone(),
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}
