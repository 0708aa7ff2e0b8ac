//! Writes to GitHub: fields of items, their issues and pull requests, and new drafts.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::{
    github_projects::{
        api::{Api, ApiError},
        difference::Difference,
        documents,
        nodes::Content,
        remote_items::{FieldIds, Item, Kind, assignees, labels_of},
        values::{Field, Values},
    },
    outbox::Again,
};

/// Writes to one project on GitHub, and remembers the ids of people that it has asked for.
pub(super) struct Writer<'w, 'c> {
    pub(super) api: &'w mut Api<'c>,
    pub(super) project: &'w str,
    pub(super) fields: &'w FieldIds,
    /// The logins of people here.
    pub(super) logins: &'w HashSet<String>,
    people: HashMap<String, Option<String>>,
}

impl<'w, 'c> Writer<'w, 'c> {
    pub(super) fn new(
        api: &'w mut Api<'c>,
        project: &'w str,
        fields: &'w FieldIds,
        logins: &'w HashSet<String>,
    ) -> Self {
        Self {
            api,
            project,
            fields,
            logins,
            people: HashMap::new(),
        }
    }

    /// Writes these fields of an item. An archived item accepts nothing else, so that it is restored first. What GitHub
    /// refuses does not keep the rest from being written.
    ///
    /// # Errors
    /// If it is to be tried again.
    pub(super) async fn write(
        &mut self,
        item: &Item,
        values: &Values,
        fields: &[Field],
    ) -> Result<Written, ApiError> {
        let mut written = Written {
            values: values.clone(),
            ..Written::default()
        };
        let archives = fields.contains(&Field::Archived);
        if archives && !values.is_archived {
            let done = self.archive(item, documents::UNARCHIVE).await;
            written.note(&[Field::Archived], done)?;
        }
        let content: Vec<Field> = fields
            .iter()
            .filter(|field| matches!(field, Field::Title | Field::Assignees | Field::Labels))
            .copied()
            .collect();
        if !content.is_empty() {
            let done = self
                .write_content(item, &mut written.values, &content)
                .await;
            written.note(&content, done)?;
        }
        for field in fields {
            // Iterations are not among them: they are never written.
            if matches!(field, Field::Status | Field::Estimate | Field::Due) {
                let done = self.write_field(item, values, *field).await;
                written.note(&[*field], done)?;
            }
        }
        if archives && values.is_archived {
            let done = self.archive(item, documents::ARCHIVE).await;
            written.note(&[Field::Archived], done)?;
        }
        Ok(written)
    }

    async fn archive(&mut self, item: &Item, document: &str) -> Result<(), ApiError> {
        let variables = json!({ "project": self.project, "item": item.id });
        let _: Value = self.api.ask(document, variables).await?;
        Ok(())
    }

    /// What belongs to the draft, issue or pull request, in one request. GitHub leaves out people and labels that it does
    /// not accept without saying so, and they are left out of `values` then. What somebody else has changed there
    /// meanwhile is not noted, so that the next comparison finds it.
    async fn write_content(
        &mut self,
        item: &Item,
        values: &mut Values,
        fields: &[Field],
    ) -> Result<(), ApiError> {
        let is_wanted = |field: Field| fields.contains(&field);
        let (mut people, mut labels) = (Difference::default(), Difference::default());
        if is_wanted(Field::Assignees) {
            people = Difference::between(&item.values.assignees, &values.assignees);
            for login in &people.added {
                people.added_ids.extend(self.person(item, login).await?);
            }
            let ids = people.removed.iter().filter_map(|login| item.person(login));
            people.removed_ids = ids.map(str::to_owned).collect();
        }
        if is_wanted(Field::Labels) {
            labels = Difference::between(&item.values.labels, &values.labels);
            for name in &labels.added {
                labels.added_ids.extend(self.label(item, name).await?);
            }
            labels.removed_ids = item.labels_called(&labels.removed);
        }
        let title = is_wanted(Field::Title).then_some(values.title.as_str());
        let content = match item.kind {
            Kind::Draft => self.update_draft(item, title, &people).await?,
            Kind::Issue => {
                let changes = (title, &people, &labels);
                self.update(documents::UPDATE_ISSUE, item, changes).await?
            }
            Kind::PullRequest => {
                let changes = (title, &people, &labels);
                self.update(documents::UPDATE_PULL_REQUEST, item, changes)
                    .await?
            }
        };
        let (mut logins, mut names) = (Vec::new(), Vec::new());
        if let Some(content) = content {
            logins = assignees(content.assignees, self.logins).0;
            names = labels_of(content.labels.unwrap_or_default()).0;
        }
        people.remove_not_accepted(&mut values.assignees, &logins);
        labels.remove_not_accepted(&mut values.labels, &names);
        Ok(())
    }

    async fn update_draft(
        &mut self,
        item: &Item,
        title: Option<&str>,
        people: &Difference,
    ) -> Result<Option<Content>, ApiError> {
        #[derive(Deserialize)]
        struct Data {
            #[serde(rename = "updateProjectV2DraftIssue")]
            updated: Updated,
        }
        let mut variables = json!({ "id": item.content_id });
        if let Some(title) = title {
            variables["title"] = json!(title);
        }
        if !people.is_empty() {
            let mut ids = item.people_without(&people.removed);
            ids.extend(people.added_ids.iter().cloned());
            variables["assignees"] = json!(ids);
        }
        let data: Data = self.api.ask(documents::UPDATE_DRAFT, variables).await?;
        Ok(Some(data.updated.content))
    }

    /// Returns what the issue or pull request has then; `None` if there was nothing to change.
    async fn update(
        &mut self,
        document: &str,
        item: &Item,
        (title, people, labels): (Option<&str>, &Difference, &Difference),
    ) -> Result<Option<Content>, ApiError> {
        #[derive(Deserialize)]
        struct Data {
            title: Option<Updated>,
            assign: Option<Updated>,
            unassign: Option<Updated>,
            label: Option<Updated>,
            unlabel: Option<Updated>,
        }
        let changes = [people, labels];
        if title.is_none() && changes.iter().all(|change| change.has_no_ids()) {
            return Ok(None);
        }
        let variables = json!({
            "id": item.content_id,
            "title": title,
            "retitles": title.is_some(),
            "assigned": people.added_ids,
            "assigns": !people.added_ids.is_empty(),
            "unassigned": people.removed_ids,
            "unassigns": !people.removed_ids.is_empty(),
            "labelled": labels.added_ids,
            "labels": !labels.added_ids.is_empty(),
            "unlabelled": labels.removed_ids,
            "unlabels": !labels.removed_ids.is_empty(),
        });
        let data: Data = self.api.ask(document, variables).await?;
        let parts = [
            data.unlabel,
            data.label,
            data.unassign,
            data.assign,
            data.title,
        ];
        let last = parts.into_iter().flatten().next();
        Ok(last.map(|updated| updated.content))
    }

    async fn write_field(
        &mut self,
        item: &Item,
        values: &Values,
        field: Field,
    ) -> Result<(), ApiError> {
        let (id, value) = match field {
            Field::Status => (
                &self.fields.status,
                values
                    .status
                    .as_ref()
                    .map(|id| json!({ "singleSelectOptionId": id })),
            ),
            Field::Estimate => (
                &self.fields.estimate,
                values.estimate.map(|points| json!({ "number": points })),
            ),
            Field::Due => (
                &self.fields.due,
                values.due.as_ref().map(|day| json!({ "date": day })),
            ),
            Field::Title | Field::Sprint | Field::Assignees | Field::Labels | Field::Archived => {
                return Ok(());
            }
        };
        let Some(id) = id else { return Ok(()) };
        let mut variables = json!({ "project": self.project, "item": item.id, "field": id });
        let document = match value {
            Some(value) => {
                variables["value"] = value;
                documents::SET_FIELD
            }
            None => documents::CLEAR_FIELD,
        };
        let _: Value = self.api.ask(document, variables).await?;
        Ok(())
    }

    /// Adds a draft, and returns the id of its item.
    pub(super) async fn add_draft(&mut self, title: &str, body: &str) -> Result<String, ApiError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            #[serde(rename = "addProjectV2DraftIssue")]
            added: Added,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Added {
            project_item: Id,
        }
        let variables = json!({ "project": self.project, "title": title, "body": body });
        let data: Data = self.api.ask(documents::ADD_DRAFT, variables).await?;
        Ok(data.added.project_item.id)
    }

    /// The id of a person; `None` if GitHub does not know them any more.
    async fn person(&mut self, item: &Item, login: &str) -> Result<Option<String>, ApiError> {
        #[derive(Deserialize)]
        struct Data {
            user: Option<Id>,
        }
        if let Some(id) = item.person(login) {
            return Ok(Some(id.to_owned()));
        }
        if let Some(known) = self.people.get(login) {
            return Ok(known.clone());
        }
        let data: Data = self
            .api
            .ask(documents::USER, json!({ "login": login }))
            .await?;
        let id = data.user.map(|user| user.id);
        self.people.insert(login.to_owned(), id.clone());
        Ok(id)
    }

    /// The id of a label of the item's repository, which is created if it has none with this name.
    async fn label(&mut self, item: &Item, name: &str) -> Result<Option<String>, ApiError> {
        #[derive(Deserialize)]
        struct Data {
            node: Option<Labelled>,
        }
        #[derive(Deserialize)]
        struct Labelled {
            label: Option<Id>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Created {
            create_label: Labelled,
        }
        if let Some(id) = item.label(name) {
            return Ok(Some(id.to_owned()));
        }
        let Some(repository) = &item.repository_id else {
            return Ok(None);
        };
        // Labels there may have spaces, which are hyphens here.
        let spaced = name.replace('-', " ");
        let names = [name, spaced.as_str()];
        for name in &names[..if spaced == name { 1 } else { 2 }] {
            let variables = json!({ "repository": repository, "name": name });
            let data: Data = self.api.ask(documents::LABEL, variables).await?;
            if let Some(label) = data.node.and_then(|node| node.label) {
                return Ok(Some(label.id));
            }
        }
        let variables = json!({ "repository": repository, "name": name });
        let created: Created = self.api.ask(documents::CREATE_LABEL, variables).await?;
        Ok(created.create_label.label.map(|label| label.id))
    }
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// What a draft, issue or pull request has after a change.
#[derive(Deserialize)]
struct Updated {
    #[serde(
        alias = "draftIssue",
        alias = "issue",
        alias = "pullRequest",
        alias = "assignable",
        alias = "labelable"
    )]
    content: Content,
}

/// What was written of an item.
#[derive(Default)]
pub(super) struct Written {
    pub(super) fields: Vec<Field>,
    /// What GitHub has of these fields now.
    pub(super) values: Values,
    /// Why others were not written.
    pub(super) problem: String,
}

impl Written {
    /// Notes that fields were written, or refused for good.
    fn note(&mut self, fields: &[Field], done: Result<(), ApiError>) -> Result<(), ApiError> {
        match done {
            Ok(()) => self.fields.extend(fields),
            Err(error) if error.again == Again::Never => {
                self.problem = format!("Not written to GitHub: {}.", error.message);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
