//! Creates tasks for new items, and drafts for new tasks.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    github_projects::{
        api::Api,
        here::refusal,
        items,
        look::Work,
        new_tasks::{self, Owner},
        push::Writer,
        remote_items::{self, Found, Item},
        schedule,
        sync::{Run, Stop},
        values::Values,
    },
    import::sanitize,
    outbox::Again,
    policy::actor::Actor,
};

/// The longest description of a task of which a draft has all. GitHub's limit is 65,536 characters.
const MOST_TEXT: usize = 60_000;

/// The items whose tasks are created in one transaction.
const CREATED_AT_ONCE: usize = 10;

impl Run<'_> {
    /// Creates tasks for new items. Returns those items that belong to a task already, which are to be compared.
    pub(super) async fn take_new(
        &mut self,
        api: &mut Api<'_>,
        work: &Work,
    ) -> Result<Vec<(String, Uuid)>, Stop> {
        let mut drafts = self.drafts(&work.uncertain).await?;
        let mut owned = Vec::new();
        for part in work.new.chunks(CREATED_AT_ONCE) {
            self.renew_lease().await?;
            let (ids, logins) = (&self.project.field_ids, self.mapping.logins());
            let found = remote_items::items(api, part, true, ids, logins).await?;
            let mut found: Vec<Item> = found
                .into_iter()
                .filter_map(|(_, found)| match found {
                    Found::Item(item) => Some(*item),
                    Found::Hidden | Found::Deleted => None,
                })
                .filter(|item| !item.values.is_archived)
                .collect();
            // Drafts of ours, of which we did not learn that they were created.
            let mut arrived = Vec::new();
            found.retain(|item| {
                let end = drafts
                    .keys()
                    .find(|mark| item.body.trim_end().ends_with(mark.as_str()))
                    .cloned();
                let task = end.and_then(|end| drafts.remove(&end));
                arrived.extend(task.map(|task| (item.id.clone(), task)));
                task.is_none()
            });
            for (item, task) in arrived {
                self.note_draft(&item, task).await?;
                owned.push((item, task));
            }
            owned.extend(self.create_all(&found).await?);
        }
        if self.outcome.listed.is_some() {
            items::forget_archived(self.parts.db, self.project).await?;
        }
        Ok(owned)
    }

    /// The tasks whose draft may have been created, by the end of its text.
    async fn drafts(&self, uncertain: &[Uuid]) -> Result<HashMap<String, Uuid>> {
        let numbers: Vec<(Uuid, i64)> =
            sqlx::query_as("SELECT id, number FROM tasks WHERE team_id = $1 AND id = ANY($2)")
                .bind(self.team.id)
                .bind(uncertain)
                .fetch_all(self.parts.db)
                .await?;
        let mark = |(task, number): (Uuid, i64)| (self.mark(number), task);
        Ok(numbers.into_iter().map(mark).collect())
    }

    /// The end of a draft's text, by which it is recognized: the task's address.
    fn mark(&self, number: i64) -> String {
        format!("{}/tasks/{}-{number}", self.parts.public_url, self.team.key)
    }

    async fn note_draft(&self, item: &str, task: Uuid) -> Result<()> {
        let mut db = self.parts.db.begin().await?;
        items::draft_arrived(&mut db, self.project, task, item).await?;
        db.commit().await?;
        Ok(())
    }

    /// Creates tasks together, or else those that can be.
    async fn create_all(&mut self, found: &[Item]) -> Result<Vec<(String, Uuid)>, Stop> {
        let why = match self.create(found).await {
            Ok(owned) => {
                self.note_new(found.len(), owned.len());
                return Ok(owned);
            }
            Err(problem) => refusal(problem)?,
        };
        let mut owned = Vec::new();
        for item in found {
            match self.create(std::slice::from_ref(item)).await {
                Ok(one) => {
                    self.note_new(1, one.len());
                    owned.extend(one);
                }
                Err(problem) => {
                    refusal(problem)?;
                    self.outcome.note = format!("Some new items were not taken over: {why}");
                }
            }
        }
        Ok(owned)
    }

    /// Counts new items as such that differed; those that have a task are compared later.
    fn note_new(&mut self, all: usize, owned: usize) {
        self.different += i32::try_from(all - owned).unwrap_or(0);
    }

    async fn create(&self, found: &[Item]) -> Result<Vec<(String, Uuid)>> {
        let (team, project, mapping) = (&self.team, &*self.project, self.mapping);
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let created = self
            .parts
            .store
            .change(&Actor::system(), |change, _| {
                Box::pin(async move {
                    schedule::require_lease(change.db(), project).await?;
                    let (mut owned, mut new) = (Vec::new(), Vec::new());
                    for item in found {
                        match new_tasks::owner(change, project, item).await? {
                            Owner::Task(task) => {
                                items::adopt(change.db(), project, task, &item.id).await?;
                                owned.push((item.id.clone(), task));
                            }
                            Owner::Archived(task) => {
                                items::adopt(change.db(), project, task, &item.id).await?;
                                items::leave(change.db(), project, task).await?;
                            }
                            Owner::Nobody => new.push(item),
                        }
                    }
                    new_tasks::create(change, team, project, mapping, &new).await?;
                    Ok(owned)
                })
            })
            .await?;
        Ok(created.value)
    }

    /// Sends drafts for tasks that have no item. Returns their items, which are to be compared.
    pub(super) async fn send_new(
        &mut self,
        api: &mut Api<'_>,
    ) -> Result<Vec<(String, Uuid)>, Stop> {
        let db = self.parts.db;
        let looked = self.outcome.listed.is_some();
        if !looked && !self.has_new {
            return Ok(Vec::new());
        }
        let room = self.most_writes - api.writes;
        let waiting = items::without_item(db, self.project, room.max(0) + 1).await?;
        let mut sent = Vec::new();
        for task in waiting {
            if api.writes >= self.most_writes {
                self.outcome.is_unfinished = true;
                break;
            }
            self.renew_lease().await?;
            let project = &*self.project;
            let read: Option<(i64, String, String, bool)> = sqlx::query_as(
                "SELECT k.number, k.title, k.description,
                     EXISTS (SELECT FROM github_project_items i WHERE i.github_project_id = $3 AND i.team_id = $1 AND i.task_id = $2)
                 FROM tasks k WHERE k.team_id = $1 AND k.id = $2 AND k.archived_at IS NULL",
            )
            .bind(project.team_id)
            .bind(task)
            .bind(project.id)
            .fetch_optional(db)
            .await
            .map_err(Problem::from)?;
            let Some((number, title, description, is_uncertain)) = read else {
                continue;
            };
            // What no list was searched for may have arrived.
            if is_uncertain && !looked {
                continue;
            }
            let values = Values {
                title: title.clone(),
                ..Values::default()
            };
            items::announce_draft(db, project, task, &values).await?;
            let (text, _) = sanitize::cut(&description, MOST_TEXT);
            let body = format!("{text}\n\n{}", self.mark(number));
            let mut writer = Writer::new(
                api,
                &project.node_id,
                &project.field_ids,
                self.mapping.logins(),
            );
            let item = match writer.add_draft(&title, body.trim_start()).await {
                Err(error) if error.again == Again::Never => {
                    let why = format!("Not written to GitHub: {}.", error.message);
                    items::note_problem(db, project, task, ("", &why, self.team.seq)).await?;
                    continue;
                }
                item => item?,
            };
            self.note_draft(&item, task).await?;
            sent.push((item, task));
        }
        Ok(sent)
    }
}
