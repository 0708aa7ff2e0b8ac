//! A step of a checklist, as its own resource and in its task.

use serde::Serialize;
use uuid::Uuid;

use crate::domain::tasks::task_details::Step;

/// A step of a checklist.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StepResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// The text.
    #[schema(example = "Announce the read-only window")]
    text: String,
    /// Whether the step is done.
    #[schema(example = json!(true))]
    done: bool,
}

impl From<Step> for StepResponse {
    fn from(step: Step) -> Self {
        Self {
            id: step.id,
            text: step.text,
            done: step.done,
        }
    }
}
