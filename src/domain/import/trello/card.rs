//! Converts one card to a task.

use std::{collections::HashMap, sync::Arc};

use anyhow::Result;
use time::OffsetDateTime;

use crate::domain::column_state::ColumnState;
use crate::domain::import::{
    draft::{Draft, Due, ExternalUser, HistoryAction, List, ListRef, Task},
    json::Node,
    sanitize,
    summary::Notices,
    trello::{
        actions, checklists,
        custom_fields::CustomFields,
        export::{Lists, People, place},
        labels::Labels,
    },
};

/// The label of cards that are marked as complete.
const COMPLETE: &str = "complete";

/// What the rest of the board contains about its cards.
pub(crate) struct Board {
    pub(crate) lists: Lists,
    pub(crate) people: People,
    pub(crate) labels: Labels,
    pub(crate) fields: CustomFields,
    pub(crate) checklists: checklists::ByCard,
    pub(crate) done: HashMap<String, actions::Done>,
}

impl Board {
    /// Converts a card, and takes what the board contains about it.
    pub(crate) fn task(&mut self, card: &Node, draft: &mut Draft) -> Result<Task> {
        let id = card.first_text(&["id", "shortLink"])?;
        if id.is_empty() {
            return Err(card.refuse(
                "id",
                "is missing; without it, a second run could not recognize the card",
            ));
        }
        let checklists = self.checklists.take(card, id, &self.people, draft)?;
        let done = self.done.remove(id).unwrap_or_default();
        let (title, whole_title) = sanitize::title(card.text("name")?);
        let list = self.lists.get(card.text("idList")?).copied();
        if list.is_none() {
            draft.changed.add(
                "the file has no list for these, so they were put in the first column",
                &title,
            );
        }
        let archived = card.flag("closed")? || list.is_some_and(|list| draft.lists[list].closed);
        let moved =
            done.past.iter().rev().find(|past| {
                !matches!(past.what, HistoryAction::Archived | HistoryAction::Restored)
            });
        let arrived = moved
            .filter(|past| arrives_at(&past.what, list))
            .map(|past| past.at);
        let put_away = done
            .past
            .iter()
            .rev()
            .find(|past| past.what == HistoryAction::Archived)
            .map(|past| past.at);
        let created = done
            .past
            .iter()
            .find(|past| matches!(past.what, HistoryAction::Made(_)));
        let created_at = created.map(|past| past.at).or_else(|| instant_of(id));
        let mut task = Task {
            key: sanitize::cut(&format!("trello:{}", sanitize::lines(id)), 500).0,
            whole_title,
            description: sanitize::lines(card.text("desc")?),
            list,
            archived,
            created_at,
            created_by: created.map(|past| past.by.clone()),
            column_since: arrived.or(created_at),
            archived_at: if archived {
                let last_active = card.instant("dateLastActivity")?;
                card.instant("dateClosed")?.or(put_away).or(last_active)
            } else {
                None
            },
            due: card.instant("due")?.map(Due::Instant),
            labels: self.labels.of(card, draft)?,
            comments: done.comments,
            past: done.past,
            position: place(card),
            is_complete: card.flag("dueComplete")?,
            title,
            ..Task::default()
        };
        task.members = self.members(card, &task.title, &mut draft.changed)?;
        self.fields.add(card, &mut task, &mut draft.changed)?;
        dates(card, &mut task)?;
        checklists::add_steps(&checklists, &mut task, draft);
        attachments(card, &mut task, &mut draft.changed)?;
        count_what_is_lost(card, &task, &mut draft.changed)?;
        Ok(task)
    }

    fn members(
        &self,
        card: &Node,
        title: &str,
        changed: &mut Notices,
    ) -> Result<Vec<Arc<ExternalUser>>> {
        let mut members = Vec::new();
        for id in card.items("idMembers")? {
            match self
                .people
                .get(id.as_text()?)
                .filter(|member| !member.called().is_empty())
            {
                Some(member) => members.push(member.clone()),
                None => changed.add("the file does not identify some members of these", title),
            }
        }
        Ok(members)
    }
}

/// Start and completion.
fn dates(card: &Node, task: &mut Task) -> Result<()> {
    task.started_at = card.instant("start")?;
    if let Some(start) = card.day("start")? {
        task.lines.push(format!("Start: {start}"));
    }
    if task.is_complete {
        // Newer exports know when a card was marked; in older ones its due date is the best guess.
        task.finished_at = card.instant("dateCompleted")?.or(card.instant("due")?);
    }
    Ok(())
}

/// A list whose open cards are all marked as complete is one for finished work, if its name does
/// not tell otherwise. Cards that are complete elsewhere get a label.
pub(crate) fn mark_complete(draft: &mut Draft) {
    let Draft {
        lists,
        tasks,
        changed,
        ..
    } = draft;
    let mut all_complete = vec![None; lists.len()];
    for task in tasks.iter() {
        if let Some(all) = task.list.and_then(|list| all_complete.get_mut(list))
            && !task.archived
        {
            *all = Some(all.unwrap_or(true) && task.is_complete);
        }
    }
    for (list, all) in lists.iter_mut().zip(all_complete) {
        if all == Some(true) && list.known_state().is_none() {
            list.state = Some(ColumnState::Done);
        }
    }
    let states: Vec<_> = lists.iter().map(List::known_state).collect();
    for task in tasks.iter_mut() {
        let state = task
            .list
            .and_then(|list| states.get(list).copied().flatten());
        if task.is_complete && state != Some(ColumnState::Done) {
            task.labels.push(COMPLETE.to_owned());
            changed.add(
                "these are marked as complete in Trello, but not in a done list; they have the label “complete”",
                &task.title,
            );
        }
        let labels = std::mem::take(&mut task.labels);
        task.labels = sanitize::labels(labels, &task.title, changed);
    }
}

/// The files are not imported; the description links to them.
fn attachments(card: &Node, task: &mut Task, changed: &mut Notices) -> Result<()> {
    for attachment in card.objects("attachments")? {
        let name = sanitize::line(
            &attachment
                .text("name")?
                .replace(['<', '>', '[', ']', '`', '*'], ""),
            100,
        )
        .0;
        let before = if name.is_empty() {
            "Attachment".to_owned()
        } else {
            format!("Attachment {name}")
        };
        let address = attachment.text("url")?.trim();
        if address.is_empty() {
            task.lines.push(format!("{before} (no address)"));
            changed.add("attachments without an address were left out", &task.title);
            continue;
        }
        if attachment.flag("isUpload")? || is_upload(address) {
            changed.add(
                "files stay at Trello; descriptions link to them, and Trello asks to sign in",
                &task.title,
            );
        }
        match sanitize::link(&before, address) {
            Some(link) => task.lines.push(link),
            None => {
                changed.add(
                    "attachments with an address that is not a web page are kept as text",
                    &task.title,
                );
                task.lines
                    .push(format!("{before}: {}", sanitize::verbatim(address)));
            }
        }
    }
    Ok(())
}

/// Whether Trello stores the file behind an address.
fn is_upload(address: &str) -> bool {
    address.contains("trello-attachments.s3.")
        || address.starts_with("trello-attachments/")
        || address.contains("trello.com/1/cards/") && address.contains("/attachments/")
}

fn count_what_is_lost(card: &Node, task: &Task, changed: &mut Notices) -> Result<()> {
    let cover = card.object("cover")?;
    let has_cover = cover.is_some_and(|cover| {
        [
            "color",
            "idAttachment",
            "idUploadedBackground",
            "sharedSourceUrl",
        ]
        .iter()
        .any(|field| cover.has(field))
    });
    if has_cover || card.has("idAttachmentCover") {
        changed.add("covers were left out", &task.title);
    }
    if !card.items("stickers")?.is_empty() {
        changed.add("stickers were left out", &task.title);
    }
    if !card.items("idMembersVoted")?.is_empty() {
        changed.add("votes were left out", &task.title);
    }
    if card.has("locationName") || card.has("coordinates") || card.has("address") {
        changed.add("locations were left out", &task.title);
    }
    let counted = card
        .object("badges")?
        .map_or(Ok(None), |badges| badges.number("comments"))?
        .unwrap_or(0);
    if counted > task.comments.len() as i64 {
        changed.add(
            "the file contains fewer comments than Trello counts for these",
            &task.title,
        );
    }
    Ok(())
}

fn arrives_at(what: &HistoryAction, list: Option<usize>) -> bool {
    match what {
        HistoryAction::Made(ListRef::List(to)) | HistoryAction::Moved(_, ListRef::List(to)) => {
            Some(*to) == list
        }
        _ => false,
    }
}

/// The creation time: a Trello id starts with the seconds since 1970, in eight hexadecimal digits.
fn instant_of(id: &str) -> Option<OffsetDateTime> {
    if id.len() != 24 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    OffsetDateTime::from_unix_timestamp(i64::from_str_radix(&id[..8], 16).ok()?).ok()
}
