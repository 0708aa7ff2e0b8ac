//! What the columns of a table stand for.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// What a column can stand for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    Title,
    Status,
    Description,
    Owners,
    Creator,
    Labels,
    Due,
    Estimate,
    Created,
    Started,
    Done,
    Archived,
    Id,
}

impl Field {
    pub(crate) const ALL: [Self; 13] = [
        Self::Title,
        Self::Status,
        Self::Description,
        Self::Owners,
        Self::Creator,
        Self::Labels,
        Self::Due,
        Self::Estimate,
        Self::Created,
        Self::Started,
        Self::Done,
        Self::Archived,
        Self::Id,
    ];

    pub(super) const DATES: [Self; 5] = [
        Self::Due,
        Self::Created,
        Self::Started,
        Self::Done,
        Self::Archived,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Status => "status",
            Self::Description => "description",
            Self::Owners => "owners",
            Self::Creator => "creator",
            Self::Labels => "labels",
            Self::Due => "due",
            Self::Estimate => "estimate",
            Self::Created => "created",
            Self::Started => "started",
            Self::Done => "done",
            Self::Archived => "archived",
            Self::Id => "id",
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Title => "Title",
            Self::Status => "Status or list",
            Self::Description => "Description",
            Self::Owners => "Owners",
            Self::Creator => "Created by",
            Self::Labels => "Labels",
            Self::Due => "Due date",
            Self::Estimate => "Estimate",
            Self::Created => "Created on",
            Self::Started => "Work started on",
            Self::Done => "Done on",
            Self::Archived => "Archived on",
            Self::Id => "ID",
        }
    }

    /// Names of columns that mean this field in most tables, the likeliest first.
    const fn usual_names(self) -> &'static str {
        match self {
            Self::Title => {
                "title|name|summary|task|task name|card|card name|card title|item|subject|issue|work item|story|titel|nom|titre|título|nome"
            }
            Self::Status => {
                "status|column|list|list name|section/column|state|stage|bucket|section|phase|progress|kanban status|lane|zustand|statut|estado|stato"
            }
            Self::Description => {
                "description|notes|note|body|details|content|text|beschreibung|descripción|descrizione"
            }
            Self::Owners => {
                "owner|owners|assignee|assignees|assigned to|assigned|assignee email|responsible|members|member|person|people|zuständig|responsable"
            }
            Self::Creator => "creator|created by|author|reporter|requester|opened by|ersteller",
            Self::Labels => {
                "labels|label|tags|tag|category|categories|type|issue type|area|component|components|etiketten"
            }
            Self::Due => {
                "due|due date|due on|deadline|target date|end date|due at|fällig|fällig am|fälligkeitsdatum|échéance|vencimiento|scadenza"
            }
            Self::Estimate => {
                "estimate|story points|points|story point estimate|size|complexity|effort|estimate hours|estimated hours|schätzung"
            }
            Self::Created => {
                "created|created at|created on|creation date|created date|date created|opened|date added|added|erstellt|erstellt am"
            }
            Self::Started => {
                "started|started at|start|start date|started on|activated date|activated|in progress date|work started|begin|begonnen"
            }
            Self::Done => {
                "done|done at|completed|completed at|completed on|completion date|completed date|closed|closed at|closed date|closed on|finished|finished at|finish date|finish|resolved|resolved at|resolution date|done date|end|erledigt|erledigt am"
            }
            Self::Archived => "archived|archived at|archived on",
            Self::Id => {
                "id|task id|issue id|key|issue key|card id|number|no|no.|nr|nr.|ref|reference|work item id|#|uuid"
            }
        }
    }

    /// Whether several columns may stand for it.
    pub(crate) const fn is_list(self) -> bool {
        matches!(self, Self::Owners | Self::Labels)
    }
}

/// The columns of a table, and those that stand for each field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// All columns, in the order of the file.
    pub(crate) names: Vec<String>,
    pub(crate) of_field: BTreeMap<Field, Vec<String>>,
}

impl Columns {
    /// Proposes columns by their names. Each stands for one field.
    pub(super) fn propose(names: Vec<String>) -> Self {
        let mut of_field: BTreeMap<Field, Vec<String>> = BTreeMap::new();
        let mut taken: Vec<&str> = Vec::new();
        for field in Field::ALL {
            for usual in field.usual_names().split('|') {
                let found = names.iter().find(|name| plain(name) == usual);
                let Some(name) = found.filter(|name| !taken.contains(&name.as_str())) else {
                    continue;
                };
                taken.push(name);
                of_field.entry(field).or_default().push(name.clone());
                if !field.is_list() {
                    break;
                }
            }
        }
        Self { names, of_field }
    }

    pub(crate) fn of(&self, field: Field) -> &[String] {
        self.of_field.get(&field).map_or(&[], Vec::as_slice)
    }

    /// What stands for what: `read as title: Headline; status: Phase.`
    pub(super) fn sentence(&self) -> String {
        let fields = self.of_field.iter().filter(|(_, names)| !names.is_empty());
        let read: Vec<String> = fields
            .map(|(field, names)| format!("{}: {}", field.as_str(), names.join(", ")))
            .collect();
        format!("columns were read as {}.", read.join("; "))
    }

    /// Takes other columns for some fields; an empty name is none.
    ///
    /// # Errors
    /// If the table has no such column.
    pub(super) fn choose(&mut self, chosen: &[(Field, String)]) -> Result<()> {
        let mut fresh: BTreeMap<Field, Vec<String>> = BTreeMap::new();
        for (field, column) in chosen {
            let columns = fresh.entry(*field).or_default();
            if column.trim().is_empty() {
                continue;
            }
            let found = self.names.iter().find(|name| plain(name) == plain(column));
            let Some(found) = found else {
                anyhow::bail!(
                    "the file has no column “{column}”; its columns are: {}",
                    self.names.join(", ")
                );
            };
            columns.push(found.clone());
        }
        for columns in self.of_field.values_mut() {
            // A column that was chosen for another field no longer stands for this one.
            columns.retain(|column| !fresh.values().flatten().any(|chosen| chosen == column));
        }
        self.of_field.extend(fresh);
        Ok(())
    }
}

/// Names are compared without case, spaces around them, and underscores.
pub(super) fn plain(name: &str) -> String {
    name.trim().replace('_', " ").to_lowercase()
}
