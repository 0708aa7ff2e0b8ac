//! Parses a Trello board's export (menu, Print, export and share, Export as JSON).

pub mod actions;
pub mod checklists;
pub mod export;
pub mod labels;

use std::collections::HashMap;

use anyhow::{Result, bail};
use serde_json::Value;
use time::OffsetDateTime;

use crate::domain::import::{
    draft::{Draft, Due, ExternalUser, HistoryAction, List, ListRef, Task},
    json::Node,
    sanitize,
    summary::Notices,
    trello::export::{Lists, external_user, place},
};

/// Parses a board, or returns what is wrong in the file, with its place.
pub fn parse(file: &Value) -> Result<Draft> {
    let board = Node::root(file);
    check_board(&board)?;
    let mut draft = Draft {
        from: "Trello",
        board: sanitize::line(board.text("name")?, 100).0,
        ..Draft::default()
    };
    let lists = read_lists(&board, &mut draft)?;
    let people = read_people(&board)?;
    let labels = labels::parse(&board)?;
    let mut steps = checklists::parse(&board)?;
    let mut done = actions::parse(&board, &lists, &mut draft)?;
    let mut tasks = Vec::new();
    for card in board.objects("cards")? {
        let id = card.first_text(&["id", "shortLink"])?;
        if id.is_empty() {
            return Err(card.refuse(
                "id",
                "is missing; without it, a second run could not recognize the card",
            ));
        }
        let reading = CardParser {
            card: &card,
            id,
            lists: &lists,
            people: &people,
            labels: &labels,
        };
        let task = reading.task(
            &mut draft,
            steps.remove(id),
            done.remove(id).unwrap_or_default(),
        )?;
        tasks.push((task.list.unwrap_or(usize::MAX), place(&card), task));
    }
    tasks.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    draft.tasks = tasks.into_iter().map(|(.., task)| task).collect();
    Ok(draft)
}

fn check_board(board: &Node) -> Result<()> {
    if board.is_list() {
        bail!(
            "the file is a list, but a Trello export is an object. To import GitHub issues, use “import github”"
        );
    }
    if !board.is_object() {
        bail!("the file is not a Trello board: it is not an object");
    }
    if board.has("idList") && !board.has("lists") {
        bail!("the file is a single Trello card, not a board: export the board from its menu");
    }
    for field in ["lists", "cards"] {
        if !board.has(field) {
            bail!("the file is not a Trello board export: it has no “{field}”");
        }
    }
    Ok(())
}

/// Adds the board's lists to the draft, from left to right.
fn read_lists<'j>(board: &Node<'j>, draft: &mut Draft) -> Result<Lists<'j>> {
    let mut by_position = Vec::new();
    for list in board.objects("lists")? {
        let name = match sanitize::line(list.text("name")?, 50).0 {
            name if name.is_empty() => "Untitled".to_owned(),
            name => name,
        };
        let row = List {
            name,
            closed: list.flag("closed")?,
            state: None,
        };
        by_position.push((place(&list), list.text("id")?, row));
    }
    by_position.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lists = Lists::new();
    for (_, id, list) in by_position {
        lists.entry(id).or_insert(draft.lists.len());
        draft.lists.push(list);
    }
    Ok(lists)
}

/// The board's members, and everyone else who acted on it.
fn read_people<'j>(board: &Node<'j>) -> Result<HashMap<&'j str, ExternalUser>> {
    let mut people = HashMap::new();
    for action in board.objects("actions")? {
        if let Some(member) = action.object("memberCreator")? {
            people.insert(member.text("id")?, external_user(&member)?);
        }
    }
    for member in board.objects("members")? {
        people.insert(member.text("id")?, external_user(&member)?);
    }
    Ok(people)
}

/// One card, with what the rest of the board contains about it.
struct CardParser<'a, 'j> {
    card: &'a Node<'j>,
    id: &'j str,
    lists: &'a Lists<'j>,
    people: &'a HashMap<&'j str, ExternalUser>,
    labels: &'a labels::Labels<'j>,
}

impl CardParser<'_, '_> {
    fn task(
        &self,
        draft: &mut Draft,
        lists: Option<checklists::Checklists>,
        done: actions::Done,
    ) -> Result<Task> {
        let card = self.card;
        let (title, whole) = sanitize::title(card.text("name")?);
        let list = self.lists.get(card.text("idList")?).copied();
        if list.is_none() {
            draft.changed.add(
                "the file has no list for these, so they were put in the first column",
                &title,
            );
        }
        let archived = card.flag("closed")? || list.is_some_and(|list| draft.lists[list].closed);
        let last_active = card.instant("dateLastActivity")?;
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
        let created_at = created.map(|past| past.at).or_else(|| instant_of(self.id));
        if card
            .object("badges")?
            .map_or(Ok(None), |badges| badges.number("comments"))?
            .unwrap_or(0)
            > done.comments.len() as i64
        {
            draft.changed.add(
                "the file contains fewer comments than Trello counts for these",
                &title,
            );
        }
        let steps = checklists::steps(lists.unwrap_or_default(), &title, &mut draft.changed);
        let labels = self.labels.of(card, &title, &mut draft.changed)?;
        Ok(Task {
            key: sanitize::cut(&format!("trello:{}", sanitize::lines(self.id)), 500).0,
            whole_title: whole,
            description: sanitize::lines(card.text("desc")?),
            list,
            archived,
            created_at,
            created_by: created.map(|past| past.by.clone()),
            column_since: arrived.or(created_at),
            archived_at: if archived {
                card.instant("dateClosed")?.or(put_away).or(last_active)
            } else {
                None
            },
            due: card.instant("due")?.map(Due::Instant),
            members: self.members(&title, &mut draft.changed)?,
            labels,
            steps,
            comments: done.comments,
            links: self.attachments()?,
            past: done.past,
            title,
        })
    }

    fn members(&self, title: &str, changed: &mut Notices) -> Result<Vec<ExternalUser>> {
        let mut members = Vec::new();
        for id in self.card.items("idMembers")? {
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

    /// The files are not imported; the description links to them.
    fn attachments(&self) -> Result<Vec<String>> {
        let mut links = Vec::new();
        for attachment in self.card.objects("attachments")? {
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
            links.extend(sanitize::link(&before, attachment.text("url")?));
        }
        Ok(links)
    }
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

#[cfg(test)]
mod tests;
