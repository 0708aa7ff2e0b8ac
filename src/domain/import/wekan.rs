//! Parses a WeKan board's export (board menu, Export board, JSON).

use std::{collections::HashMap, sync::Arc};

use anyhow::{Result, ensure};

use crate::domain::{
    humanize::counted,
    import::{
        cards::{Card, CardComment, CardStep, People, instant, read_lists},
        colours,
        document::Document,
        draft::{Draft, Due, ExternalUser, HistoryAction, ListRef, Past},
        json::Node,
        sanitize,
    },
};

/// Parses a board, or returns what is wrong in the file, with its place.
pub fn parse(text: String) -> Result<Draft> {
    let board = Document::parse(&text)?;
    ensure!(
        board.is_object() && board.has("lists") && board.has("cards"),
        "the file is not a board of WeKan: it has no “lists” and “cards”"
    );
    let mut draft = Draft {
        from: "WeKan",
        board: sanitize::line(&board.text("title")?, 100).0,
        ..Draft::default()
    };
    let all = board.value("lists")?;
    let lists = Node::of(&all, "lists").elements()?;
    let (lists, places) = read_lists(&lists, "_id", &["title"], "sort")?;
    draft.lists = lists;
    let mut file = File {
        people: people(&board)?,
        labels: labels(&board, &mut draft)?,
        fields: HashMap::new(),
        places,
        swimlanes: HashMap::new(),
        by_card: by_card(&board)?,
    };
    board.each("customFields", |field| {
        let name = field.text("name")?.to_owned();
        file.fields.insert(field.text("_id")?.to_owned(), name);
        Ok(())
    })?;
    board.each("swimlanes", |lane| {
        let name = lane.text("title")?.to_owned();
        file.swimlanes.insert(lane.text("_id")?.to_owned(), name);
        Ok(())
    })?;
    let mut attachments = 0_usize;
    board.each("attachments", |_| {
        attachments += 1;
        Ok(())
    })?;
    if attachments > 0 {
        draft.notes.push(format!(
            "left out: {}.",
            counted(attachments, "attached file")
        ));
    }
    file.read_comments(&board)?;
    file.read_activities(&board)?;
    board.each("cards", |card| {
        let card = file.card(&card)?;
        let task = card.into_task(&mut draft);
        draft.tasks.push(task);
        Ok(())
    })?;
    draft.order_tasks();
    Ok(draft)
}

/// What the rest of the board contains about its cards.
struct File {
    people: People,
    /// Names by id.
    labels: HashMap<String, String>,
    fields: HashMap<String, String>,
    swimlanes: HashMap<String, String>,
    /// Places of lists by id.
    places: HashMap<String, usize>,
    by_card: HashMap<String, OfCard>,
}

#[derive(Default)]
struct OfCard {
    steps: Vec<CardStep>,
    comments: Vec<CardComment>,
    past: Vec<Past>,
}

fn people(board: &Document) -> Result<People> {
    let mut people = People::new();
    board.each("users", |user| {
        let profile = user.object("profile")?;
        let name = match &profile {
            Some(profile) => profile.text("fullname")?,
            None => "",
        };
        let user_name = user.text("username")?.to_owned();
        let external = ExternalUser {
            name: name.to_owned(),
            username: user_name,
        };
        people.insert(user.text("_id")?.to_owned(), Arc::new(external));
        Ok(())
    })?;
    Ok(people)
}

/// Names of labels by id. One without a name is called after its colour.
fn labels(board: &Document, draft: &mut Draft) -> Result<HashMap<String, String>> {
    let mut labels = HashMap::new();
    board.each("labels", |label| {
        let colour = label.text("color")?;
        let name = match label.text("name")? {
            "" => colour,
            name => name,
        };
        let name = sanitize::label(name);
        if let Some(hue) = colours::of_name(colour) {
            draft.hues.insert(name.clone(), hue);
        }
        labels.insert(label.text("_id")?.to_owned(), name);
        Ok(())
    })?;
    Ok(labels)
}

/// The steps of each card.
fn by_card(board: &Document) -> Result<HashMap<String, OfCard>> {
    let mut lists: HashMap<String, (String, f64)> = HashMap::new();
    board.each("checklists", |list| {
        let place = list.loose_number("sort").unwrap_or(0.0);
        lists.insert(
            list.text("_id")?.to_owned(),
            (list.text("title")?.to_owned(), place),
        );
        Ok(())
    })?;
    let mut by_card: HashMap<String, OfCard> = HashMap::new();
    board.each("checklistItems", |item| {
        let (of, place) = lists
            .get(item.text("checklistId")?)
            .cloned()
            .unwrap_or_default();
        let of_card = by_card.entry(item.text("cardId")?.to_owned()).or_default();
        of_card.steps.push(CardStep {
            of: Some(of).filter(|of| !of.is_empty()),
            text: item.text("title")?.to_owned(),
            is_done: item.flag("isFinished")?,
            position: place * 100_000.0 + item.loose_number("sort").unwrap_or(0.0),
        });
        Ok(())
    })?;
    Ok(by_card)
}

impl File {
    fn person(&self, node: &Node, field: &str) -> Result<Option<Arc<ExternalUser>>> {
        Ok(self.people.get(node.text(field)?).cloned())
    }

    fn read_comments(&mut self, board: &Document) -> Result<()> {
        board.each("comments", |comment| {
            let by = self.person(&comment, "userId")?.unwrap_or_default();
            let of_card = self
                .by_card
                .entry(comment.text("cardId")?.to_owned())
                .or_default();
            of_card.comments.push(CardComment {
                by,
                at: instant(&comment, "createdAt")?,
                text: comment.text("text")?.to_owned(),
            });
            Ok(())
        })
    }

    /// The history of moves.
    fn read_activities(&mut self, board: &Document) -> Result<()> {
        board.each("activities", |activity| {
            let list = |field: &str| -> Result<ListRef> {
                let id = activity.text(field)?;
                Ok(match self.places.get(id) {
                    Some(place) => ListRef::List(*place),
                    None => ListRef::Gone(id.to_owned()),
                })
            };
            let what = match activity.text("activityType")? {
                "createCard" => HistoryAction::Made(list("listId")?),
                "moveCard" => HistoryAction::Moved(list("oldListId")?, list("listId")?),
                "archivedCard" => HistoryAction::Archived,
                "restoredCard" => HistoryAction::Restored,
                _ => return Ok(()),
            };
            let is_move = matches!(&what, HistoryAction::Moved(from, to) if from == to);
            let (at, card) = (instant(&activity, "createdAt")?, activity.text("cardId")?);
            if let Some(at) = at.filter(|_| !is_move) {
                let by = self.person(&activity, "userId")?.unwrap_or_default();
                let of_card = self.by_card.entry(card.to_owned()).or_default();
                of_card.past.push(Past { at, by, what });
            }
            Ok(())
        })
    }

    fn card(&mut self, card: &Node) -> Result<Card> {
        let id = card.text("_id")?;
        let of_card = self.by_card.remove(id).unwrap_or_default();
        let mut members = Vec::new();
        for field in ["assignees", "members"] {
            for member in card.items(field)? {
                let known = self.people.get(member.as_text()?).cloned();
                members.extend(known.filter(|member| !members.contains(member)));
            }
        }
        let mut labels = Vec::new();
        for label in card.items("labelIds")? {
            labels.extend(self.labels.get(label.as_text()?).cloned());
        }
        let lane = self.swimlanes.get(card.text("swimlaneId")?);
        let lane = lane.filter(|_| self.swimlanes.len() > 1).cloned();
        let mut fields = vec![("Swimlane".into(), lane.unwrap_or_default())];
        for field in card.objects("customFields")? {
            let value = field.loose_text("value").unwrap_or_default();
            let name = self
                .fields
                .get(field.text("_id")?)
                .filter(|_| !value.is_empty());
            fields.extend(name.map(|name| (name.clone().into(), value)));
        }
        Ok(Card {
            key: format!("wekan:{id}"),
            title: card.text("title")?.to_owned(),
            description: card.text("description")?.to_owned(),
            list: self.places.get(card.text("listId")?).copied(),
            position: card.loose_number("sort").unwrap_or(0.0),
            is_archived: card.flag("archived")?,
            created_at: instant(card, "createdAt")?,
            created_by: self.person(card, "userId")?,
            started_at: instant(card, "startAt")?,
            done_at: instant(card, "endAt")?,
            due: instant(card, "dueAt")?.map(Due::Instant),
            members,
            labels,
            steps: of_card.steps,
            comments: of_card.comments,
            fields,
            past: of_card.past,
            ..Card::default()
        })
    }
}
