//! The shapes of GitHub's answers.

use serde::Deserialize;

/// A list, in which what cannot be seen is null.
#[derive(Deserialize)]
pub(super) struct Nodes<T> {
    pub(super) nodes: Vec<Option<T>>,
}

impl<T> Default for Nodes<T> {
    fn default() -> Self {
        Self { nodes: Vec::new() }
    }
}

impl<T> Nodes<T> {
    pub(super) fn into_known(self) -> impl Iterator<Item = T> {
        self.nodes.into_iter().flatten()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemNode {
    pub(super) id: String,
    pub(super) r#type: String,
    #[serde(default)]
    pub(super) is_archived: bool,
    pub(super) updated_at: String,
    pub(super) content: Option<Content>,
    #[serde(default)]
    pub(super) field_values: Nodes<FieldValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Content {
    #[serde(rename = "__typename")]
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) title: String,
    pub(super) updated_at: String,
    pub(super) url: String,
    pub(super) body: String,
    pub(super) repository: Option<Node>,
    pub(super) assignees: Nodes<Named>,
    pub(super) labels: Option<Nodes<Named>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Node {
    pub(super) id: String,
}

/// A person or a label.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
    #[serde(alias = "login")]
    pub(super) name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct FieldValue {
    pub(super) updated_at: String,
    pub(super) field: Option<Node>,
    pub(super) option_id: Option<String>,
    pub(super) iteration_id: Option<String>,
    pub(super) start_date: Option<String>,
    pub(super) duration: Option<i64>,
    pub(super) number: Option<f64>,
    pub(super) date: Option<String>,
}
