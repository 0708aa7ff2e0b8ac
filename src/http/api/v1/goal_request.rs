//! The bodies of the goal operations.

use serde::Deserialize;
use uuid::Uuid;

use crate::{
    domain::{
        error::{Problem, Result},
        goals::{Goal, edit::Draft, progress::CountedBy},
        measure::Measure,
    },
    http::api::v1::{
        patch::{present, value},
        task_request::SprintRef,
    },
};

/// A new goal.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GoalIn {
    /// The title.
    #[schema(required, example = "Move all payment tables to Postgres 17")]
    title: String,
    /// The sprint: its number, `"this"` (which is the default) or `"next"`.
    pub(crate) sprint: Option<SprintRef>,
    /// What is measured: `count` (which is the default), `share` (percent) or `yes-no`.
    #[schema(example = "count")]
    measure: Option<String>,
    /// The unit of a count.
    #[schema(example = "tables")]
    unit: String,
    /// The value to reach; not needed for `yes-no`.
    #[schema(example = 100)]
    target: Option<i64>,
    /// Where the current value comes from: `tasks` (which is the default), `estimates` or `manual`.
    #[schema(example = "tasks")]
    counted_by: Option<String>,
    /// Why the goal matters.
    #[schema(example = "Version 14 gets no fixes after November.")]
    why: String,
    /// What the team needs from others.
    #[schema(example = "Ingestion stops writing to the old tables")]
    needs: String,
    /// The owners' usernames.
    #[schema(example = json!(["elif"]))]
    owners: Vec<String>,
    /// The slug of the project that it contributes to.
    #[schema(example = "postgres-17")]
    project: Option<String>,
    /// The id of that project's milestone.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a58")]
    milestone: Option<Uuid>,
    /// The id of the key result that it contributes to.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a59")]
    key_result: Option<Uuid>,
}

impl GoalIn {
    pub(crate) fn draft(self) -> Result<Draft> {
        let measure = Measure::try_from(self.measure.unwrap_or_else(|| "count".to_owned()))?;
        let counted_by =
            CountedBy::try_from(self.counted_by.unwrap_or_else(|| "tasks".to_owned()))?;
        let missing = || Problem::field("target", "Enter a target: a whole number of 1 or more.");
        Ok(Draft {
            title: self.title,
            measure,
            unit: self.unit,
            target: match measure {
                Measure::YesNo => 1,
                Measure::Count | Measure::Share => self.target.ok_or_else(missing)?,
            },
            counted_by,
            why: self.why,
            needs: self.needs,
            owners: self.owners,
            project: self.project,
            milestone: self.milestone,
            key_result: self.key_result,
        })
    }
}

/// The fields of a goal to change, with the version that the client last saw. Fields that are left out stay as they are.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GoalPatch {
    /// The version that the client last saw; an outdated one gets 409.
    #[serde(deserialize_with = "value")]
    #[schema(example = 3)]
    pub(crate) version: Option<i64>,
    /// The title.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Move all payment tables to Postgres 17")]
    title: Option<String>,
    /// What is measured: `count`, `share` (percent) or `yes-no`.
    #[serde(deserialize_with = "value")]
    #[schema(example = "count")]
    measure: Option<String>,
    /// The unit of a count.
    #[serde(deserialize_with = "value")]
    #[schema(example = "tables")]
    unit: Option<String>,
    /// The value to reach.
    #[serde(deserialize_with = "value")]
    #[schema(example = 120)]
    target: Option<i64>,
    /// Where the current value comes from: `tasks`, `estimates` or `manual`.
    #[serde(deserialize_with = "value")]
    #[schema(example = "tasks")]
    counted_by: Option<String>,
    /// Why the goal matters.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Version 14 gets no fixes after November.")]
    why: Option<String>,
    /// What the team needs from others.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Ingestion stops writing to the old tables")]
    needs: Option<String>,
    /// The usernames of all owners.
    #[serde(deserialize_with = "value")]
    #[schema(example = json!(["elif", "jonas"]))]
    owners: Option<Vec<String>>,
    /// The slug of the project that it contributes to; `null` for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "postgres-17")]
    project: Option<Option<String>>,
    /// The id of that project's milestone; `null` for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>, example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a58")]
    milestone: Option<Option<Uuid>>,
    /// The id of the key result that it contributes to; `null` for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>, example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a59")]
    key_result: Option<Option<Uuid>>,
}

impl GoalPatch {
    pub(crate) fn draft(self, current: Goal) -> Result<Draft> {
        let owners = current.owners.into_iter().map(|owner| owner.handle);
        let project = current.project.map(|(slug, _)| slug);
        // A milestone belongs to its project.
        let milestone = match &self.project {
            Some(changed) if *changed != project => None,
            _ => current.milestone.filter(|_| project.is_some()),
        };
        Ok(Draft {
            title: self.title.unwrap_or(current.title),
            measure: match self.measure {
                Some(measure) => Measure::try_from(measure)?,
                None => current.measure,
            },
            unit: self.unit.unwrap_or(current.unit),
            target: self.target.unwrap_or(current.target),
            counted_by: match self.counted_by {
                Some(counted_by) => CountedBy::try_from(counted_by)?,
                None => current.counted_by,
            },
            why: self.why.unwrap_or(current.why),
            needs: self.needs.unwrap_or(current.needs),
            owners: self.owners.unwrap_or_else(|| owners.collect()),
            project: self.project.unwrap_or(project),
            milestone: self.milestone.unwrap_or(milestone),
            key_result: self.key_result.unwrap_or(current.key_result),
        })
    }
}

/// The current value of a goal.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProgressIn {
    /// The value: a number, a percentage, or 1 for yes and 0 for no.
    #[schema(required, value_type = i64, example = 50)]
    pub(crate) value: Option<i64>,
    /// What happened.
    #[schema(example = "The second half moves next week.")]
    pub(crate) note: String,
}
