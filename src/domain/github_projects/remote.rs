//! GitHub's side: projects with their fields, and items with their values.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::{
    github_projects::{
        api::{Api, ApiError},
        documents,
        nodes::{ItemNode, Nodes},
    },
    outbox::Again,
};

/// The most items of a project: GitHub's own limit.
pub(super) const MOST_ITEMS: usize = 50_000;

/// A field of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProjectField {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(rename = "dataType")]
    pub(crate) data_type: String,
    /// Of a field with one choice of several.
    #[serde(default)]
    pub(crate) options: Vec<FieldOption>,
}

/// An option of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldOption {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// A project.
#[derive(Clone, Debug)]
pub(crate) struct RemoteProject {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) url: String,
    pub(crate) may_edit: bool,
    pub(crate) fields: Vec<ProjectField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProjectNode {
    id: String,
    title: String,
    url: String,
    #[serde(default)]
    viewer_can_update: bool,
    fields: Nodes<Value>,
}

impl From<ProjectNode> for RemoteProject {
    fn from(node: ProjectNode) -> Self {
        // A kind of field that is newer than this program has no name here.
        let field = |value: Value| serde_json::from_value(value).ok();
        Self {
            id: node.id,
            title: node.title,
            url: node.url,
            may_edit: node.viewer_can_update,
            fields: node.fields.into_known().filter_map(field).collect(),
        }
    }
}

/// Finds a project of an organization or a user; `None` if the token's owner sees none.
pub(crate) async fn find_project(
    api: &mut Api<'_>,
    owner: &str,
    number: i32,
) -> Result<Option<RemoteProject>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        repository_owner: Option<Owner>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Owner {
        project_v2: Option<ProjectNode>,
    }
    let variables = json!({ "owner": owner, "number": number });
    let data: Data = api.ask(documents::PROJECT, variables).await?;
    let node = data.repository_owner.and_then(|owner| owner.project_v2);
    Ok(node.map(RemoteProject::from))
}

/// Reads a project's title and fields again; `None` if it does not exist any more.
pub(crate) async fn project(
    api: &mut Api<'_>,
    id: &str,
) -> Result<Option<RemoteProject>, ApiError> {
    #[derive(Deserialize)]
    struct Data {
        node: Option<ProjectNode>,
    }
    let data: Data = api.ask(documents::FIELDS, json!({ "project": id })).await?;
    Ok(data.node.map(RemoteProject::from))
}

/// An item in the list of all.
#[derive(Clone, Debug)]
pub(crate) struct ListedItem {
    pub(crate) id: String,
    /// Empty if it is hidden.
    pub(crate) title: String,
    /// Of an issue or pull request.
    pub(crate) url: String,
    pub(crate) is_hidden: bool,
    /// Changes with every change of the item or what it stands for.
    pub(crate) changed: String,
}

/// Lists items that are not archived, until there are this many.
pub(crate) async fn list(
    api: &mut Api<'_>,
    project: &str,
    most: usize,
) -> Result<Vec<ListedItem>, ApiError> {
    #[derive(Deserialize)]
    struct Data {
        node: Option<Items>,
    }
    #[derive(Deserialize)]
    struct Items {
        items: Page,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        page_info: PageInfo,
        nodes: Vec<Option<ItemNode>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct PageInfo {
        has_next_page: bool,
        end_cursor: Option<String>,
    }
    let (mut listed, mut pages) = (Vec::new(), 0);
    let mut after: Option<String> = None;
    loop {
        let variables = json!({ "project": project, "after": after });
        let data: Data = api.ask(documents::LIST, variables).await?;
        let Some(Items { items }) = data.node else {
            return Err(ApiError {
                message: "GitHub does not show the project any more".to_owned(),
                again: Again::Never,
                is_too_large: false,
            });
        };
        listed.extend(items.nodes.into_iter().flatten().map(ListedItem::from));
        pages += 1;
        let is_end = !items.page_info.has_next_page || items.page_info.end_cursor == after;
        if is_end || listed.len() >= most || pages > most / 100 {
            return Ok(listed);
        }
        after = items.page_info.end_cursor;
    }
}

impl From<ItemNode> for ListedItem {
    fn from(node: ItemNode) -> Self {
        let content = node.content.filter(|_| node.r#type != "REDACTED");
        let is_hidden = content.is_none();
        let content = content.unwrap_or_default();
        Self {
            id: node.id,
            changed: format!("{} {}", node.updated_at, content.updated_at),
            title: content.title,
            url: content.url,
            is_hidden,
        }
    }
}
