//! A form on a task that was refused: why, and what was typed.

use std::collections::BTreeMap;

use axum::http::StatusCode;

use crate::{
    domain::error::{Conflict, Problem, Result},
    http::extract::form::Fields,
};

/// What a refused form shows again.
#[derive(Default)]
pub(crate) struct Refusal {
    pub errors: BTreeMap<&'static str, String>,
    pub conflict: Option<Conflict>,
    pub typed: Fields,
}

impl Refusal {
    /// The reasons that a form can show; every other problem stays one.
    pub fn of(problem: Problem, typed: &Fields) -> Result<Self> {
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

    pub fn status(&self) -> StatusCode {
        match self.conflict {
            Some(_) => StatusCode::CONFLICT,
            None if self.errors.is_empty() => StatusCode::OK,
            None => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}
