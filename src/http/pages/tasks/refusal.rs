//! A refused form on a task: the errors and the entered values.

use std::collections::BTreeMap;

use axum::http::StatusCode;

use crate::{
    domain::error::{Conflict, Problem, Result},
    http::extract::form::Fields,
};

/// The data of a refused form.
#[derive(Default)]
pub(crate) struct Refusal {
    pub(crate) errors: BTreeMap<&'static str, String>,
    pub(crate) conflict: Option<Conflict>,
    pub(crate) typed: Fields,
}

impl Refusal {
    /// Turns validation errors into a refusal; other problems are returned as errors.
    pub(crate) fn of(problem: Problem, typed: &Fields) -> Result<Self> {
        let typed = typed.clone();
        match problem {
            Problem::Invalid(errors) => Ok(Self {
                errors,
                conflict: None,
                typed,
            }),
            Problem::Conflict(conflict) => Ok(Self {
                errors: BTreeMap::new(),
                conflict: Some(*conflict),
                typed,
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
