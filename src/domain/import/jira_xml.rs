//! Parses the issues that Jira exports as XML (Export, XML): an RSS feed with an item for each.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use anyhow::{Context, Result, bail, ensure};
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use crate::domain::{
    column_state::ColumnState,
    import::{
        cards::{Card, CardComment, markdown},
        dates::{self, Order},
        draft::{Draft, ExternalUser},
        sanitize, states,
        statuses::{self, CLOSED_UNDONE, Statuses},
        table::left_out,
    },
};

/// The deepest nesting of elements; Jira's has ten.
const MAX_DEPTH: usize = 100;

/// Before the names of the fields that a site has added itself.
const CUSTOM: &str = "custom ";

/// What an item may tell without having a field here, and its name in the description.
const LINES: [(&str, &str); 8] = [
    ("type", "Type"),
    ("priority", "Priority"),
    ("parent", "Parent"),
    ("component", "Component"),
    ("fixVersion", "Fix version"),
    ("sprint", "Sprint"),
    ("issuelinks", "Linked"),
    ("attachment", "Attachment"),
];

/// Parses issues, or returns what is wrong in the file.
pub(crate) fn parse(text: &str) -> Result<Draft> {
    let mut reader = Reader::from_str(text);
    let mut file = File {
        draft: Draft {
            from: "Jira",
            ..Draft::default()
        },
        statuses: Statuses::default(),
        others: BTreeMap::new(),
    };
    let mut item: Option<Item> = None;
    let mut open: Vec<String> = Vec::new();
    let mut is_feed = false;
    loop {
        let place = reader.buffer_position();
        let event = reader.read_event();
        match event.with_context(|| format!("the file cannot be read as XML, at byte {place}"))? {
            Event::Start(start) => {
                ensure!(
                    open.len() < MAX_DEPTH,
                    "the file's elements are nested too deep"
                );
                let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
                match &mut item {
                    Some(item) => item.open(&name, &start)?,
                    None if name == "item" => item = Some(Item::default()),
                    None => is_feed |= name == "rss",
                }
                open.push(name);
            }
            Event::Empty(start) => {
                if let Some(item) = &mut item {
                    let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
                    item.open(&name, &start)?;
                }
            }
            Event::End(_) => {
                let name = open.pop().unwrap_or_default();
                match &mut item {
                    Some(found) if name == "item" => {
                        let found = std::mem::take(found);
                        item = None;
                        file.add(found);
                    }
                    Some(item) => item.close(&name),
                    None => {}
                }
            }
            Event::Text(text) => {
                if let Some(item) = &mut item {
                    item.text += &text.decode()?;
                }
            }
            Event::CData(text) => {
                if let Some(item) = &mut item {
                    item.text += &text.decode()?;
                }
            }
            Event::GeneralRef(entity) => {
                if let Some(item) = &mut item {
                    item.text += &resolved(&entity)?;
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    ensure!(
        is_feed && open.is_empty(),
        "the file is not an export of Jira as XML, or it is cut"
    );
    let mut draft = file.draft;
    let others = file.others.iter().map(|(name, count)| (name, *count));
    draft.notes.extend(left_out("fields", others));
    file.statuses.finish(&mut draft);
    Ok(draft)
}

/// A character that is written as a reference. Entities that a file declares itself are none: they can grow without end.
fn resolved(entity: &quick_xml::events::BytesRef) -> Result<String> {
    if let Some(letter) = entity.resolve_char_ref()? {
        return Ok(letter.to_string());
    }
    let name = entity.decode()?;
    let Some(text) = quick_xml::escape::resolve_xml_entity(&name) else {
        bail!("the file has the entity “{name}”, which is none of XML");
    };
    Ok(text.to_owned())
}

/// An issue.
#[derive(Default)]
struct Item {
    /// The texts of its elements, by name; several are kept in order.
    texts: HashMap<String, Vec<String>>,
    attributes: HashMap<String, String>,
    /// Of the element that is open.
    text: String,
    author: String,
    at: String,
    comments: Vec<(String, String, String)>,
    field: String,
}

impl Item {
    fn open(&mut self, name: &str, start: &BytesStart) -> Result<()> {
        self.text.clear();
        for attribute in start.attributes() {
            let attribute = attribute.context("the file cannot be read as XML")?;
            let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
            let value = String::from_utf8_lossy(&attribute.value).into_owned();
            match (name, key.as_str()) {
                ("comment", "author") => self.author = value,
                ("comment", "created") => self.at = value,
                ("attachment", "name") => {
                    self.texts.entry(name.to_owned()).or_default().push(value);
                }
                _ => {
                    self.attributes.insert(format!("{name}.{key}"), value);
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, name: &str) {
        let text = std::mem::take(&mut self.text);
        match name {
            "comment" => {
                let (by, at) = (
                    std::mem::take(&mut self.author),
                    std::mem::take(&mut self.at),
                );
                self.comments.push((by, at, text));
            }
            "customfieldname" => self.field = text.trim().to_lowercase(),
            "customfieldvalue" => {
                let field = match self.field.as_str() {
                    "sprint" => "sprint".to_owned(),
                    field if field.starts_with("story point") => "points".to_owned(),
                    field => format!("{CUSTOM}{field}"),
                };
                self.texts
                    .entry(field)
                    .or_default()
                    .push(text.trim().to_owned());
            }
            "issuekey" => self
                .texts
                .entry("issuelinks".to_owned())
                .or_default()
                .push(text),
            _ if !text.trim().is_empty() => {
                self.texts
                    .entry(name.to_owned())
                    .or_default()
                    .push(text.trim().to_owned());
            }
            _ => {}
        }
    }

    fn first(&self, name: &str) -> &str {
        self.all(name).first().map_or("", String::as_str)
    }

    fn all(&self, name: &str) -> &[String] {
        self.texts.get(name).map_or(&[], Vec::as_slice)
    }

    fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    fn person(&self, element: &str) -> Option<Arc<ExternalUser>> {
        let name = self.first(element);
        (!name.is_empty() && !name.eq_ignore_ascii_case("unassigned")).then(|| {
            Arc::new(ExternalUser {
                name: name.to_owned(),
                username: self.attribute(&format!("{element}.username")).to_owned(),
            })
        })
    }
}

struct File {
    draft: Draft,
    statuses: Statuses,
    /// How often each field without a place here was seen.
    others: BTreeMap<String, usize>,
}

impl File {
    fn add(&mut self, item: Item) {
        let (title, key) = (item.first("summary").to_owned(), item.first("key"));
        if key.is_empty() {
            self.draft.skipped.add("have no key", &title);
            return;
        }
        let status = item.first("status");
        let category = item.attribute("statusCategory.key");
        let resolution = item.first("resolution");
        let is_undone = category == "done" && statuses::is_closed_undone(resolution)
            || statuses::is_closed_undone(status);
        let guess = states::guess(status);
        // Only the category tells the state in every language.
        let state = match (category, guess) {
            ("done", _) => Some(ColumnState::Done),
            ("indeterminate", Some(ColumnState::Todo | ColumnState::Done) | None) => {
                Some(ColumnState::Doing)
            }
            ("new", Some(ColumnState::Done | ColumnState::Doing) | None) => Some(ColumnState::Todo),
            (_, guess) => guess,
        };
        let (list, state) = match is_undone {
            true => self.statuses.place_undone(),
            false => self.statuses.place(status, state),
        };
        let is_done = state == Some(ColumnState::Done);
        let mut labels: Vec<String> = item.all("label").to_vec();
        if is_undone {
            let is_reason = statuses::is_closed_undone(resolution);
            labels.push(if is_reason { resolution } else { status }.to_owned());
            self.draft.changed.add(CLOSED_UNDONE, &title);
        }
        let day = |text: &str| dates::instant(text, Order::DayFirst);
        let comments = item.comments.iter().map(|(by, at, text)| CardComment {
            by: Arc::new(ExternalUser {
                name: by.clone(),
                username: by.clone(),
            }),
            at: day(at),
            text: markdown(text),
        });
        let mut fields: Vec<(Cow<'static, str>, String)> = LINES
            .iter()
            .map(|(name, told)| ((*told).into(), item.all(name).join(", ")))
            .collect();
        fields.push(("Imported from Jira".into(), key.to_owned()));
        for (name, values) in &item.texts {
            if let Some(name) = name.strip_prefix(CUSTOM) {
                *self.others.entry(name.to_owned()).or_default() += values.len();
            }
        }
        let done_at = day(item.first("resolved"));
        let card = Card {
            key: format!("jira:{key}#{}", item.attribute("key.id")),
            description: markdown(item.first("description")),
            list: Some(list),
            position: self.draft.tasks.len() as f64,
            is_archived: is_done || is_undone,
            is_done,
            created_at: day(item.first("created")),
            created_by: item.person("reporter"),
            done_at: done_at.filter(|_| is_done || is_undone),
            due: dates::due(item.first("due"), Order::DayFirst),
            estimate: item.first("points").to_owned(),
            members: item.person("assignee").into_iter().collect(),
            labels: labels.iter().map(|name| sanitize::label(name)).collect(),
            comments: comments.collect(),
            fields,
            title,
            ..Card::default()
        };
        let task = card.into_task(&mut self.draft);
        self.draft.tasks.push(task);
    }
}
