//! Reads a board's actions: comments, and moves between lists.

use std::collections::HashMap;

use anyhow::Result;

use crate::domain::import::{
    draft::{Comment, Draft, ExternalUser, HistoryAction, ListRef, Past},
    json::Node,
    sanitize,
    trello::export::{Lists, external_user},
};

/// Trello exports no more actions than this.
const MAX: usize = 1000;

/// The actions of one card, oldest first.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) comments: Vec<Comment>,
    pub(crate) past: Vec<Past>,
}

/// Returns the actions by card id.
pub(crate) fn parse<'j>(
    board: &Node<'j>,
    lists: &Lists,
    draft: &mut Draft,
) -> Result<HashMap<&'j str, Done>> {
    let actions = board.objects("actions")?;
    if actions.len() >= MAX {
        draft.notes.push(format!(
            "the export contains only the newest {} actions, so older comments and moves are missing.",
            actions.len()
        ));
    }
    let mut done: HashMap<&str, Done> = HashMap::new();
    for action in &actions {
        let Some(data) = action.object("data")? else {
            continue;
        };
        let Some(card) = data.object("card")? else {
            continue;
        };
        let id = card.text("id")?;
        let by = action
            .object("memberCreator")?
            .map_or(Ok(ExternalUser::default()), |member| external_user(&member))?;
        let at = action.instant("date")?;
        let done = done.entry(id).or_default();
        if matches!(action.text("type")?, "commentCard" | "copyCommentCard") {
            match sanitize::comment(data.text("text")?) {
                Some((body, was_cut)) => {
                    if was_cut {
                        draft.changed.add(
                            "comments over 20,000 characters were shortened",
                            card.text("name")?,
                        );
                    }
                    done.comments.push(Comment { by, at, body });
                }
                None => draft.skipped.add("are empty comments", card.text("name")?),
            }
        } else if let (Some(at), Some(what)) = (at, deed(action, &data, &card, lists)?) {
            done.past.push(Past { at, by, what });
        }
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
