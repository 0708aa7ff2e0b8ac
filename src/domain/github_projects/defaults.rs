//! What is probably meant: the fields and columns that the form of a new project begins with. A person confirms them, and
//! from then on their ids count.

use crate::domain::{
    boards::Column,
    github_projects::{
        connect::Choices,
        remote::{FieldOption, ProjectField},
        remote_items::FieldIds,
    },
    import::states,
};

/// Chooses fields by their names and kinds.
pub(crate) fn fields(of: &[ProjectField]) -> FieldIds {
    let named = |kind: &str, names: &[&str]| {
        let is = |field: &&ProjectField| {
            field.data_type == kind && names.contains(&field.name.trim().to_lowercase().as_str())
        };
        of.iter().find(is).map(|field| field.id.clone())
    };
    let first = |kind: &str| {
        let field = of.iter().find(|field| field.data_type == kind);
        field.map(|field| field.id.clone())
    };
    FieldIds {
        status: named("SINGLE_SELECT", &["status"]).or_else(|| first("SINGLE_SELECT")),
        sprint: first("ITERATION"),
        estimate: named(
            "NUMBER",
            &["estimate", "story points", "points", "size", "effort"],
        ),
        due: named(
            "DATE",
            &["due", "due date", "target date", "deadline", "end date"],
        ),
    }
}

/// Chooses a column for each option of a status field: the one with its name, or else the first that means the same.
pub(crate) fn columns(status: &ProjectField, of: &[Column]) -> Vec<(String, String)> {
    let column = |option: &str| {
        let same =
            |column: &&Column| column.name.trim().to_lowercase() == option.trim().to_lowercase();
        let state = states::guess(option);
        let means = |column: &&Column| Some(column.state) == state;
        of.iter().find(same).or_else(|| of.iter().find(means))
    };
    let choice =
        |option: &FieldOption| Some((option.id.clone(), column(&option.name)?.slug.clone()));
    status.options.iter().filter_map(choice).collect()
}

/// All of it.
pub(crate) fn choices(fields_of: &[ProjectField], status: Option<&str>, of: &[Column]) -> Choices {
    let mut fields = fields(fields_of);
    let is_status = |field: &&ProjectField| {
        field.data_type == "SINGLE_SELECT" && Some(field.id.as_str()) == status
    };
    if let Some(wanted) = fields_of.iter().find(is_status) {
        fields.status = Some(wanted.id.clone());
    }
    let status = fields_of
        .iter()
        .find(|field| Some(&field.id) == fields.status.as_ref());
    Choices {
        columns: status.map_or_else(Vec::new, |status| columns(status, of)),
        fields,
        connection: None,
    }
}
