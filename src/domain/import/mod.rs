//! Imports boards of other tools: a file is parsed to a draft, and the draft is imported to a team,
//! all or nothing.

pub mod archive;
pub mod cards;
pub mod colours;
pub mod columns;
pub mod cutting;
pub mod dates;
pub mod document;
pub mod draft;
pub mod execute;
pub mod fields;
pub mod file;
pub mod github;
pub mod jira;
pub mod jira_xml;
pub mod json;
pub mod kanboard;

pub mod linear;
pub mod people;
pub mod plan;
pub mod planka;
pub mod preview;
pub mod sanitize;
pub mod source;
pub mod sprint_choice;
pub mod state_words;
pub mod states;
pub mod statuses;
pub mod stored;
pub mod summary;
pub mod table;
pub mod taiga;
pub mod trello;
pub mod undo;
pub mod vikunja;
pub mod wekan;
pub mod wiki;

pub use crate::domain::import::summary::{Notices, Summary};
pub use crate::domain::import::{draft::ImportRequest, execute::import};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// JSON of any shape, often with the names that the parsers look for.
    pub(crate) fn any_json() -> impl Strategy<Value = Value> {
        let names = prop::sample::select(vec![
            "id",
            "name",
            "lists",
            "cards",
            "checklists",
            "checkItems",
            "actions",
            "data",
            "card",
            "list",
            "listBefore",
            "listAfter",
            "memberCreator",
            "type",
            "date",
            "due",
            "pos",
            "labels",
            "color",
            "idList",
            "idLabels",
            "closed",
            "old",
            "issues",
            "items",
            "nodes",
            "number",
            "title",
            "body",
            "state",
            "comments",
            "milestone",
            "due_on",
            "url",
            "author",
            "customFields",
            "customFieldItems",
            "value",
            "attachments",
            "cover",
            "content",
            "status",
            "data",
        ]);
        let texts = prop_oneof![
            any::<String>(),
            prop::sample::select(vec![
                "updateCard",
                "commentCard",
                "createCard",
                "2025-13-45",
                "ä€𝄞\0",
                "2025-01-01T00:00:00Z",
                "open"
            ])
            .prop_map(str::to_owned),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(|flag| json!(flag)),
            any::<i64>().prop_map(|number| json!(number)),
            any::<f64>().prop_map(|number| json!(number)),
            texts.prop_map(|text| json!(text)),
        ];
        leaf.prop_recursive(5, 64, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::vec((names.clone(), inner), 0..8).prop_map(|fields| fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()),
            ]
        })
    }
}
