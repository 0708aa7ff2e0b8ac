//! Items of GitHub's projects, with their values and what is needed to change them.

use std::collections::{HashMap, HashSet, VecDeque};

use serde::Deserialize;
use serde_json::{Value, json};
use time::{Date, Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::domain::{
    boards::labels::is_label,
    github_projects::{
        api::{Api, ApiError},
        documents,
        nodes::{ItemNode, Named, Nodes},
        values::{Field, Values, sort_labels},
    },
    import::sanitize,
};

/// The items that are asked for at a time: their texts may be long, and an answer may have a megabyte.
const WITHOUT_BODY: usize = 50;
const WITH_BODY: usize = 10;

/// What an item stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Draft,
    Issue,
    PullRequest,
}

/// An item with all that is kept in sync, and what is needed to change it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) content_id: String,
    pub(crate) repository_id: Option<String>,
    /// Empty for a draft.
    pub(crate) url: String,
    pub(crate) body: String,
    pub(crate) changed: String,
    pub(crate) values: Values,
    /// The first and the last day of its iteration.
    pub(crate) iteration: Option<(Date, Date)>,
    /// Logins, in lower case, and ids of all assignees.
    people: HashMap<String, String>,
    /// Names and ids of all labels.
    labels: Vec<(String, String)>,
    /// When each field was changed last.
    changed_at: HashMap<Field, OffsetDateTime>,
}

/// The ids of the fields that are kept in sync.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub(crate) struct FieldIds {
    #[sqlx(rename = "status_field")]
    pub(crate) status: Option<String>,
    #[sqlx(rename = "sprint_field")]
    pub(crate) sprint: Option<String>,
    #[sqlx(rename = "estimate_field")]
    pub(crate) estimate: Option<String>,
    #[sqlx(rename = "due_field")]
    pub(crate) due: Option<String>,
}

/// An item that was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Item(Box<Item>),
    /// It cannot be seen with this token.
    Hidden,
    /// It is deleted.
    Deleted,
}

/// Asks for items, with their texts if they are needed. Assignees are those with these logins.
pub(crate) async fn items(
    api: &mut Api<'_>,
    ids: &[String],
    with_body: bool,
    fields: &FieldIds,
    logins: &HashSet<String>,
) -> Result<Vec<(String, Found)>, ApiError> {
    #[derive(Deserialize)]
    struct Data {
        nodes: Vec<Option<Value>>,
    }
    let at_once = if with_body { WITH_BODY } else { WITHOUT_BODY };
    let mut parts: VecDeque<&[String]> = ids.chunks(at_once).collect();
    let mut found = Vec::with_capacity(ids.len());
    while let Some(ids) = parts.pop_front() {
        let variables = json!({ "ids": ids, "withBody": with_body });
        let asked = api.ask_for_nodes(documents::ITEMS, variables).await;
        let (data, missing): (Data, Vec<u64>) = match asked {
            Err(error) if error.is_too_large => {
                match ids.split_at(ids.len() / 2) {
                    // What is too long by itself is left alone.
                    ([], one) => found.extend(one.iter().map(|id| (id.clone(), Found::Hidden))),
                    (half, other) => {
                        parts.push_front(other);
                        parts.push_front(half);
                    }
                }
                continue;
            }
            asked => asked?,
        };
        for ((index, id), node) in (0..).zip(ids).zip(data.nodes) {
            let read = |node| {
                let node: ItemNode = serde_json::from_value(node).ok()?;
                item_of(node, fields, logins)
            };
            let item = match node {
                None if missing.contains(&index) => Found::Deleted,
                None => Found::Hidden,
                // What is of no shape that we know is left alone as well.
                Some(node) => read(node).map_or(Found::Hidden, |item| Found::Item(Box::new(item))),
            };
            found.push((id.clone(), item));
        }
    }
    Ok(found)
}

fn item_of(node: ItemNode, fields: &FieldIds, logins: &HashSet<String>) -> Option<Item> {
    let content = node.content.filter(|_| node.r#type != "REDACTED")?;
    let kind = match content.kind.as_str() {
        "DraftIssue" => Kind::Draft,
        "Issue" => Kind::Issue,
        "PullRequest" => Kind::PullRequest,
        _ => return None,
    };
    let of_item = OffsetDateTime::parse(&node.updated_at, &Rfc3339).ok();
    let of_content = OffsetDateTime::parse(&content.updated_at, &Rfc3339).ok();
    let mut changed_at = HashMap::new();
    let mut note = |field: Field, at: Option<OffsetDateTime>| {
        if let Some(at) = at {
            changed_at.insert(field, at);
        }
    };
    for field in [Field::Title, Field::Assignees, Field::Labels] {
        note(field, of_content);
    }
    // A field without a value has no time of its own.
    for field in [Field::Status, Field::Sprint, Field::Estimate, Field::Due] {
        note(field, of_item);
    }
    note(Field::Archived, of_item);
    let (assignees, people) = assignees(content.assignees, logins);
    let (names, labels) = labels_of(content.labels.unwrap_or_default());
    let mut values = Values {
        title: sanitize::title(&content.title).0,
        assignees,
        labels: names,
        is_archived: node.is_archived,
        ..Values::default()
    };
    let mut iteration = None;
    for value in node.field_values.into_known() {
        let id = value.field.as_ref().map(|field| field.id.as_str());
        let is = |wanted: &Option<String>| id.is_some() && wanted.as_deref() == id;
        let at = OffsetDateTime::parse(&value.updated_at, &Rfc3339).ok();
        if is(&fields.status) {
            values.status = value.option_id;
            note(Field::Status, at);
        } else if is(&fields.sprint) {
            iteration = days(value.start_date.as_deref(), value.duration);
            values.sprint = value.iteration_id;
            note(Field::Sprint, at);
        } else if is(&fields.estimate) {
            values.estimate = value.number;
            note(Field::Estimate, at);
        } else if is(&fields.due) {
            values.due = value.date;
            note(Field::Due, at);
        }
    }
    Some(Item {
        id: node.id,
        kind,
        content_id: content.id,
        repository_id: content.repository.map(|repository| repository.id),
        url: content.url,
        body: content.body,
        changed: format!("{} {}", node.updated_at, content.updated_at),
        values,
        iteration,
        people,
        labels,
        changed_at,
    })
}

/// The logins of assignees whom both sides know, and the ids of all.
pub(super) fn assignees(
    of: Nodes<Named>,
    logins: &HashSet<String>,
) -> (Vec<String>, HashMap<String, String>) {
    let people: HashMap<String, String> = of
        .into_known()
        .map(|person| (person.name.to_lowercase(), person.id))
        .collect();
    let known = people.keys().filter(|login| logins.contains(*login));
    let mut known: Vec<String> = known.cloned().collect();
    known.sort();
    (known, people)
}

/// Labels as they are called here, and the names and ids of all.
pub(super) fn labels_of(of: Nodes<Named>) -> (Vec<String>, Vec<(String, String)>) {
    let labels: Vec<(String, String)> = of
        .into_known()
        .map(|label| (label.name, label.id))
        .collect();
    let mut names: Vec<String> = labels.iter().filter_map(|(name, _)| label(name)).collect();
    sort_labels(&mut names);
    (names, labels)
}

fn days(start: Option<&str>, duration: Option<i64>) -> Option<(Date, Date)> {
    let start = read_date(start?)?;
    let days = duration?.clamp(1, 366);
    Some((start, start.checked_add(Duration::days(days - 1))?))
}

/// A day as GitHub writes it.
pub(crate) fn read_date(text: &str) -> Option<Date> {
    Date::parse(
        text,
        time::macros::format_description!("[year]-[month]-[day]"),
    )
    .ok()
}

/// A label as it is called here, where names have no spaces; `None` if there can be none like it.
pub(crate) fn label(name: &str) -> Option<String> {
    let name = name.split_whitespace().collect::<Vec<_>>().join("-");
    is_label(&name).then_some(name)
}

impl Item {
    /// When GitHub's side of a field was changed last.
    pub(crate) fn changed_at(&self, field: Field) -> Option<OffsetDateTime> {
        self.changed_at.get(&field).copied()
    }

    /// The id of an assignee.
    pub(super) fn person(&self, login: &str) -> Option<&str> {
        self.people.get(login).map(String::as_str)
    }

    /// The ids of its assignees without these.
    pub(super) fn people_without(&self, logins: &[String]) -> Vec<String> {
        let others = self
            .people
            .iter()
            .filter(|(login, _)| !logins.contains(login));
        others.map(|(_, id)| id.clone()).collect()
    }

    /// The ids of all labels that have one of these names here.
    pub(super) fn labels_called(&self, names: &[String]) -> Vec<String> {
        let is_one = |of: &str| {
            label(of).is_some_and(|of| {
                let of = of.to_lowercase();
                names.iter().any(|name| name.to_lowercase() == of)
            })
        };
        let found = self.labels.iter().filter(|(name, _)| is_one(name));
        found.map(|(_, id)| id.clone()).collect()
    }

    /// The id of a label that it has, by the name that the label has here.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        let is = |of: &str| label(of).is_some_and(|of| of.to_lowercase() == name.to_lowercase());
        let found = self.labels.iter().find(|(of, _)| is(of));
        found.map(|(_, id)| id.as_str())
    }
}

#[cfg(test)]
#[path = "remote_tests.rs"]
mod tests;
