//! Reads a board's actions: comments, and moves between lists.

use std::{collections::HashMap, sync::Arc};

use anyhow::Result;

use crate::domain::import::{
    document::Document,
    draft::{Comment, Draft, HistoryAction, ListRef, Past},
    json::Node,
    sanitize,
    trello::export::{Lists, People, external_user},
};

/// Trello exports no more actions than this, the newest.
const MOST: usize = 1000;

/// The actions of one card, oldest first.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) comments: Vec<Comment>,
    pub(crate) past: Vec<Past>,
}

/// Returns the actions by card id, and adds those who acted to the people.
pub(crate) fn parse(
    board: &Document,
    lists: &Lists,
    people: &mut People,
    draft: &mut Draft,
) -> Result<HashMap<String, Done>> {
    let mut done: HashMap<String, Done> = HashMap::new();
    let (mut count, mut is_from_the_start) = (0, false);
    board.each("actions", |action| {
        count += 1;
        is_from_the_start |= matches!(action.text("type")?, "createBoard" | "copyBoard");
        let by = match action.object("memberCreator")? {
            Some(member) => {
                let user = external_user(&member)?;
                let known = people.entry(member.text("id")?.to_owned()).or_default();
                // The same person in a thousand actions is in memory once.
                if **known != user {
                    *known = Arc::new(user);
                }
                known.clone()
            }
            None => Arc::default(),
        };
        let Some(data) = action.object("data")? else {
            return Ok(());
        };
        let Some(card) = data.object("card")? else {
            return Ok(());
        };
        let at = action.instant("date")?;
        let of_card = done.entry(card.text("id")?.to_owned()).or_default();
        if matches!(action.text("type")?, "commentCard" | "copyCommentCard") {
            let title = card.text("name")?;
            match sanitize::comment(data.text("text")?) {
                Some((body, was_cut)) => {
                    if was_cut {
                        draft
                            .changed
                            .add("comments over 20,000 characters were shortened", title);
                    }
                    of_card.comments.push(Comment { by, at, body });
                }
                None => draft.skipped.add("are empty comments", title),
            }
        } else if let (Some(at), Some(what)) = (at, deed(&action, &data, &card, lists)?) {
            of_card.past.push(Past { at, by, what });
        }
        Ok(())
    })?;
    if count == MOST && !is_from_the_start {
        draft.notes.push(format!(
            "the file has {MOST} actions, the newest, which is the most that Trello exports: comments and moves before them are missing."
        ));
    }
    for done in done.values_mut() {
        // An export lists the newest first.
        done.comments.reverse();
        done.comments.sort_by_key(|comment| comment.at);
        done.past.reverse();
        done.past.sort_by_key(|past| past.at);
        let mut is_made = false;
        done.past.retain(|past| {
            !matches!(past.what, HistoryAction::Made(_)) || !std::mem::replace(&mut is_made, true)
        });
    }
    Ok(done)
}

fn deed(action: &Node, data: &Node, card: &Node, lists: &Lists) -> Result<Option<HistoryAction>> {
    Ok(match action.text("type")? {
        "createCard"
        | "copyCard"
        | "emailCard"
        | "convertToCardFromCheckItem"
        | "moveCardToBoard" => data
            .object("list")?
            .map(|list| spot(&list, lists))
            .transpose()?
            .map(HistoryAction::Made),
        "updateCard" => match (data.object("listBefore")?, data.object("listAfter")?) {
            (Some(before), Some(after)) => Some(HistoryAction::Moved(
                spot(&before, lists)?,
                spot(&after, lists)?,
            )),
            _ if data.object("old")?.is_some_and(|old| old.has("closed")) => {
                Some(if card.flag("closed")? {
                    HistoryAction::Archived
                } else {
                    HistoryAction::Restored
                })
            }
            _ => None,
        },
        _ => None,
    })
}

fn spot(list: &Node, lists: &Lists) -> Result<ListRef> {
    Ok(match lists.get(list.text("id")?) {
        Some(list) => ListRef::List(*list),
        None => ListRef::Gone(sanitize::line(list.text("name")?, 50).0),
    })
}
