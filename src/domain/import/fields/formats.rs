//! The tables of tools whose columns are plain fields.

use crate::domain::import::fields::{Format, columns::Field};

/// Asana's export of a project. Some lines of decoration stand before the names.
pub(crate) const ASANA: Format = Format {
    from: "Asana",
    prefix: "asana",
    needed: &[&["Task ID"], &["Name"], &["Section/Column"]],
    is_done_by_day: true,
    fields: &[
        (Field::Title, &["Name"]),
        (Field::Status, &["Section/Column"]),
        (Field::Description, &["Notes"]),
        (Field::Owners, &["Assignee", "Assignee Email"]),
        (Field::Labels, &["Tags"]),
        (Field::Due, &["Due Date"]),
        (Field::Estimate, &["Story Points", "Points", "Estimate"]),
        (Field::Created, &["Created At"]),
        (Field::Done, &["Completed At"]),
        (Field::Id, &["Task ID"]),
    ],
    ignored: "last modified|start date",
};

/// Plane's export of work items.
pub(crate) const PLANE: Format = Format {
    from: "Plane",
    prefix: "plane",
    needed: &[&["Name"], &["State"], &["Created At"]],
    is_done_by_day: false,
    fields: &[
        (Field::Title, &["Name"]),
        (Field::Status, &["State"]),
        (Field::Description, &["Description"]),
        (Field::Owners, &["Assignee", "Assignees"]),
        (Field::Creator, &["Created By"]),
        (Field::Labels, &["Labels"]),
        (Field::Due, &["Target Date"]),
        (Field::Estimate, &["Estimate"]),
        (Field::Created, &["Created At"]),
        (Field::Done, &["Completed At"]),
        (Field::Archived, &["Archived At"]),
        (Field::Id, &["ID"]),
    ],
    ignored: "updated at|cycle start date|cycle end date|module start date|module target date",
};

/// Kanboard's export of the tasks of a project.
pub(crate) const KANBOARD: Format = Format {
    from: "Kanboard",
    prefix: "kanboard",
    needed: &[&["Task Id"], &["Title"], &["Column"]],
    is_done_by_day: true,
    fields: &[
        (Field::Title, &["Title"]),
        (Field::Status, &["Column"]),
        (Field::Description, &["Description"]),
        (
            Field::Owners,
            &["Assignee Name", "Assignee", "Assignee Username"],
        ),
        (Field::Creator, &["Creator Name", "Creator"]),
        (Field::Labels, &["Tags", "Category"]),
        (Field::Due, &["Due date"]),
        (Field::Estimate, &["Complexity"]),
        (Field::Created, &["Creation date"]),
        (Field::Started, &["Start date"]),
        (Field::Done, &["Completion date"]),
        (Field::Id, &["Task Id"]),
    ],
    ignored: "status|position|color|modification date|time estimated|time spent|project",
};

/// A view of a GitHub project, as its page exports it.
pub(crate) const GITHUB_VIEW: Format = Format {
    from: "GitHub",
    prefix: "github",
    needed: &[&["Title"], &["URL"], &["Status"]],
    is_done_by_day: false,
    fields: &[
        (Field::Title, &["Title"]),
        (Field::Status, &["Status"]),
        (Field::Owners, &["Assignees"]),
        (Field::Labels, &["Labels"]),
        (Field::Due, &["Target date", "Due date", "End date"]),
        (Field::Estimate, &["Estimate", "Story Points", "Points"]),
        (Field::Id, &["URL"]),
    ],
    ignored: "",
};
