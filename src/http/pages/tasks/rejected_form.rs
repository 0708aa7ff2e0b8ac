//! A rejected form on a task: the errors and the entered values.

use std::collections::BTreeMap;

use axum::http::StatusCode;

use crate::{
    domain::error::{Conflict, Problem, Result},
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
