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
    pub(crate) submitted: Fields,
}

impl Refusal {
    /// Turns validation errors into a refusal; other problems are returned as errors.
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
