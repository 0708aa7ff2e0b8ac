//! Parses a Planka board as its API answers it (`GET /api/boards/ID`), since Planka has no export of its own.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use anyhow::{Result, ensure};

use crate::domain::{
    column_state::ColumnState,
    humanize::counted,
    import::{
        cards::{Card, CardComment, CardStep, People, instant, read_lists},
        colours,
        document::Document,
        draft::{Draft, Due, ExternalUser},
        json::Node,
        sanitize,
    },
};

/// Parses a board, or returns what is wrong in the file, with its place.
pub fn parse(text: String) -> Result<Draft> {
    let answer = Document::parse(&text)?;
    let (item, included) = (answer.inside("item"), answer.inside("included"));
    let (Some(item), Some(included)) = (item, included) else {
        anyhow::bail!("the file is not a board of Planka: it has no “item” and “included”");
    };
    ensure!(
        included.has("cards") && included.has("lists"),
        "the file is not a board of Planka: it has no “lists” and “cards”"
    );
    let mut draft = Draft {
        from: "Planka",
        board: sanitize::line(&item.text("name")?, 100).0,
        ..Draft::default()
    };
    let all = included.value("lists")?;
    let mut of_board = Vec::new();
    let mut archive = Vec::new();
    for list in Node::of(&all, "included.lists").elements()? {
        match list.text("type")? {
            "trash" => {}
            "archive" => archive.push(list.loose_text("id")?),
            _ => of_board.push(list),
        }
    }
    let (lists, places) = read_lists(&of_board, "id", &["name"], "position")?;
    draft.lists = lists;
    for list in &of_board {
        if list.text("type")? == "closed"
            && let Some(place) = places.get(&list.loose_text("id")?)
            && let Some(list) = draft.lists.get_mut(*place)
        {
            list.state = Some(ColumnState::Done);
        }
    }
    let mut board = Board::read(&included, places, archive, &mut draft)?;
    let (mut uncounted, mut deleted) = (0_i64, 0_i64);
    included.each("cards", |card| {
        let list = card.text("listId")?;
        let is_known = board.places.contains_key(list) || board.archive.iter().any(|id| id == list);
        if !is_known {
            deleted += 1;
            return Ok(());
        }
        let comments = card.number("commentsTotal")?.unwrap_or(0);
        let card = board.card(&card)?;
        uncounted += comments.max(0) - card.comments.len() as i64;
        let task = card.into_task(&mut draft);
        draft.tasks.push(task);
        Ok(())
    })?;
    if uncounted > 0 {
        draft.notes.push(format!(
            "left out: {}, which Planka's API answers card by card.",
            counted(uncounted, "comment")
        ));
    }
    if deleted > 0 {
        draft.notes.push(format!(
            "left out: {} in the trash.",
            counted(deleted, "card")
        ));
    }
    draft.order_tasks();
    Ok(draft)
}

/// What the answer includes about its cards, by card.
#[derive(Default)]
struct Board {
    places: HashMap<String, usize>,
    /// The ids of lists of archived cards.
    archive: Vec<String>,
    people: People,
    labels: HashMap<String, Vec<String>>,
    members: HashMap<String, Vec<Arc<ExternalUser>>>,
    steps: HashMap<String, Vec<CardStep>>,
    comments: HashMap<String, Vec<CardComment>>,
    fields: HashMap<String, Vec<(Cow<'static, str>, String)>>,
}

impl Board {
    fn read(
        included: &Document,
        places: HashMap<String, usize>,
        archive: Vec<String>,
        draft: &mut Draft,
    ) -> Result<Self> {
        let mut board = Self {
            places,
            archive,
            ..Self::default()
        };
        included.each("users", |user| {
            let external = ExternalUser {
                name: user.text("name")?.to_owned(),
                username: user.first_text(&["email", "username"])?.to_owned(),
            };
            board
                .people
                .insert(user.loose_text("id")?, Arc::new(external));
            Ok(())
        })?;
        let mut names = HashMap::new();
        included.each("labels", |label| {
            let colour = label.text("color")?;
            let name = sanitize::label(label.first_text(&["name", "color"])?);
            // The words of a colour end with its hue, such as “berry-red”.
            if let Some(hue) = colour.split('-').next_back().and_then(colours::of_name) {
                draft.hues.insert(name.clone(), hue);
            }
            names.insert(label.loose_text("id")?, name);
            Ok(())
        })?;
        included.each("cardLabels", |pair| {
            let of_card = board.labels.entry(pair.loose_text("cardId")?).or_default();
            of_card.extend(names.get(&pair.loose_text("labelId")?).cloned());
            Ok(())
        })?;
        included.each("cardMemberships", |pair| {
            let of_card = board.members.entry(pair.loose_text("cardId")?).or_default();
            of_card.extend(board.people.get(&pair.loose_text("userId")?).cloned());
            Ok(())
        })?;
        board.read_steps(included)?;
        board.read_fields(included)?;
        included.each("comments", |comment| {
            let by = board.people.get(&comment.loose_text("userId")?).cloned();
            let of_card = board
                .comments
                .entry(comment.loose_text("cardId")?)
                .or_default();
            of_card.push(CardComment {
                by: by.unwrap_or_default(),
                at: instant(&comment, "createdAt")?,
                text: comment.text("text")?.to_owned(),
            });
            Ok(())
        })?;
        Ok(board)
    }

    fn read_steps(&mut self, included: &Document) -> Result<()> {
        let mut lists: HashMap<String, (String, String, f64)> = HashMap::new();
        included.each("taskLists", |list| {
            let place = list.loose_number("position").unwrap_or(0.0);
            let (card, name) = (list.loose_text("cardId")?, list.text("name")?.to_owned());
            lists.insert(list.loose_text("id")?, (card, name, place));
            Ok(())
        })?;
        included.each("tasks", |task| {
            // Planka 1 has the steps in the card itself.
            let of_card = (task.loose_text("cardId")?, String::new(), 0.0);
            let list = lists.get(&task.loose_text("taskListId")?);
            let (card, name, place) = list.unwrap_or(&of_card);
            let of_card = self.steps.entry(card.clone()).or_default();
            of_card.push(CardStep {
                of: Some(name.clone()).filter(|name| !name.is_empty()),
                text: task.text("name")?.to_owned(),
                is_done: task.flag("isCompleted")?,
                position: place * 1e6 + task.loose_number("position").unwrap_or(0.0),
            });
            Ok(())
        })
    }

    /// Values of custom fields, and links.
    fn read_fields(&mut self, included: &Document) -> Result<()> {
        let mut names = HashMap::new();
        included.each("customFields", |field| {
            names.insert(field.loose_text("id")?, field.text("name")?.to_owned());
            Ok(())
        })?;
        included.each("customFieldValues", |value| {
            let of_card = self.fields.entry(value.loose_text("cardId")?).or_default();
            let name = names.get(&value.loose_text("customFieldId")?);
            let content = value.loose_text("content")?;
            let name = name.cloned().unwrap_or_else(|| "Field".to_owned());
            of_card.push((name.into(), content));
            Ok(())
        })?;
        included.each("attachments", |file| {
            let of_card = self.fields.entry(file.loose_text("cardId")?).or_default();
            let url = match file.object("data")? {
                Some(data) => data.text("url")?.to_owned(),
                None => String::new(),
            };
            of_card.push(("Attachment".into(), format!("{} {url}", file.text("name")?)));
            Ok(())
        })
    }

    fn card(&mut self, card: &Node) -> Result<Card> {
        let id = card.loose_text("id")?;
        let list = card.loose_text("listId")?;
        let is_archived = self.archive.contains(&list);
        let list = if is_archived {
            card.loose_text("prevListId")?
        } else {
            list
        };
        Ok(Card {
            key: format!("planka:{id}"),
            title: card.text("name")?.to_owned(),
            description: card.text("description")?.to_owned(),
            list: self.places.get(&list).copied(),
            position: card.loose_number("position").unwrap_or(0.0),
            is_archived,
            is_done: card.flag("isClosed")?,
            created_at: instant(card, "createdAt")?,
            created_by: self.people.get(&card.loose_text("creatorUserId")?).cloned(),
            moved_at: instant(card, "listChangedAt")?,
            due: instant(card, "dueDate")?.map(Due::Instant),
            members: self.members.remove(&id).unwrap_or_default(),
            labels: self.labels.remove(&id).unwrap_or_default(),
            steps: self.steps.remove(&id).unwrap_or_default(),
            comments: self.comments.remove(&id).unwrap_or_default(),
            fields: self.fields.remove(&id).unwrap_or_default(),
            ..Card::default()
        })
    }
}
