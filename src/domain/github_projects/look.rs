//! Finds out which items and tasks have to be compared.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use crate::domain::github_projects::{
    api::Api,
    items::{self, KnownItem},
    remote::{self, ListedItem, MOST_ITEMS},
    schedule,
    sync::{Run, Stop},
};

/// What is to be compared.
#[derive(Default)]
pub(super) struct Work {
    /// Items with their tasks, and whether what they lack is sent.
    pub(super) known: Vec<(String, Uuid, bool)>,
    /// Items without a task.
    pub(super) new: Vec<String>,
    /// Tasks whose draft may have been created.
    pub(super) uncertain: Vec<Uuid>,
}

impl Run<'_> {
    /// Finds out what has changed here, and on GitHub if that is due.
    pub(super) async fn look(
        &mut self,
        api: &mut Api<'_>,
        pending: Vec<KnownItem>,
    ) -> Result<Work, Stop> {
        let uncertain: Vec<Uuid> = pending
            .iter()
            .filter(|item| item.item_id.is_none() && !item.is_refused)
            .map(|item| item.task_id)
            .collect();
        let polls = self.is_due(self.project.poll_at) || !uncertain.is_empty();
        let listed = match polls {
            true if schedule::is_used_up(self.project, self.now) => {
                self.outcome.poll_at = schedule::next_hour(self.project);
                None
            }
            true => Some(self.list(api).await?),
            false => None,
        };
        let known = match listed {
            Some(_) => items::all(self.parts.db, self.project).await?,
            None => pending,
        };
        let seen: Option<HashMap<&str, &ListedItem>> = listed
            .as_ref()
            .map(|listed| listed.iter().map(|item| (item.id.as_str(), item)).collect());
        let is_hinted = |id: &str| self.project.hinted.iter().any(|hinted| hinted == id);
        // Whether GitHub's side or this one has changed since the last look.
        let has_changed = |item: &KnownItem, id: &str| {
            let there = seen.as_ref().map(|seen| seen.get(id));
            let differs = match there {
                None => false,
                // Archived or deleted: asking for it tells.
                Some(None) => !item.is_archived,
                Some(Some(listed)) => !listed.is_hidden && listed.changed != item.changed,
            };
            differs || item.is_sent || is_hinted(id) || self.changed.contains(&item.task_id)
        };
        let ids: HashSet<&str> = known
            .iter()
            .filter_map(|item| item.item_id.as_deref())
            .collect();
        let listed_ids = listed.iter().flatten();
        let listed_ids = listed_ids
            .filter(|item| !item.is_hidden)
            .map(|item| &item.id);
        let new: BTreeSet<&String> = listed_ids
            .chain(&self.project.hinted)
            .filter(|id| !ids.contains(id.as_str()))
            .collect();
        Ok(Work {
            new: new.into_iter().cloned().collect(),
            known: known
                .iter()
                .filter(|item| !item.is_gone)
                .filter_map(|item| Some((item, item.item_id.as_deref()?)))
                .filter_map(|(item, id)| {
                    let has_changed = has_changed(item, id);
                    // What was refused would be refused again.
                    let is_sent = has_changed || !item.is_refused;
                    let is_compared = has_changed || self.is_comparison();
                    is_compared.then(|| (id.to_owned(), item.task_id, is_sent))
                })
                .collect(),
            uncertain,
        })
    }

    async fn list(&mut self, api: &mut Api<'_>) -> Result<Vec<ListedItem>, Stop> {
        let listed = remote::list(api, &self.project.node_id, MOST_ITEMS).await?;
        let hidden = listed.iter().filter(|item| item.is_hidden).count();
        self.outcome.listed = Some((listed.len(), hidden));
        Ok(listed)
    }
}
