//! Parses a Kanboard project: the table of its export page, or the answers of its JSON-RPC API in one file, by method:
//! `{"getAllTasks": …, "getColumns": …, "getAllSubtasks": …}`.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::domain::{
    column_state::ColumnState,
    import::{
        cards::{Card, CardComment, CardStep, People, instant},
        document::Document,
        draft::{Draft, Due, ExternalUser},
        fields::{self, formats::KANBOARD},
        json::Node,
        sanitize, states,
        statuses::Statuses,
    },
};

/// Parses a table or a file of answers, or returns what is wrong in it, with its place.
pub fn parse(text: String) -> Result<Draft> {
    if !text.trim_ascii_start().starts_with(['{', '[']) {
        return fields::parse(&text, &KANBOARD);
    }
    let answers = Document::parse(&text)?;
    let tasks = answer(&answers, &["getAllTasks", "tasks", "result"])?;
    ensure!(
        tasks.is_array(),
        "the file is not of Kanboard: it has no answer of “getAllTasks”"
    );
    let mut file = File {
        draft: Draft {
            from: "Kanboard",
            ..Draft::default()
        },
        statuses: Statuses::default(),
        columns: names(&answers, &["getColumns", "columns"], "title")?,
        swimlanes: names(
            &answers,
            &["getAllSwimlanes", "getActiveSwimlanes", "swimlanes"],
            "name",
        )?,
        categories: names(&answers, &["getAllCategories", "categories"], "name")?,
        people: people(&answers)?,
        steps: HashMap::new(),
        comments: HashMap::new(),
        tags: answer(&answers, &["getTaskTags", "tags"])?,
    };
    file.read_parts(&answers)?;
    // Also the columns without tasks, in their order.
    let columns = file.columns.clone();
    for (_, column) in &columns {
        file.statuses.place(column, states::guess(column));
    }
    for task in Node::of(&tasks, "getAllTasks").elements()? {
        let card = file.card(&task)?;
        let task = card.into_task(&mut file.draft);
        file.draft.tasks.push(task);
    }
    let mut draft = file.draft;
    draft.order_tasks();
    file.statuses.finish(&mut draft);
    Ok(draft)
}

/// The answer of a method, with or without the wrapper of JSON-RPC.
fn answer(answers: &Document, methods: &[&str]) -> Result<Value> {
    for method in methods {
        let mut value = answers.value(method)?;
        if let Some(result) = value.get_mut("result") {
            value = result.take();
        }
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(Value::Null)
}

/// The objects of an answer, which is a list, or an object by id.
fn objects<'v>(value: &'v Value, place: &str) -> Vec<Node<'v>> {
    let all: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    };
    let objects = all.into_iter().filter(|value| value.is_object());
    objects.map(|value| Node::of(value, place)).collect()
}

/// Ids and names, in the order of their positions.
fn names(answers: &Document, methods: &[&str], name: &str) -> Result<Vec<(String, String)>> {
    let value = answer(answers, methods)?;
    let mut found = objects(&value, methods.first().unwrap_or(&""));
    let place = |node: &Node| node.loose_number("position").unwrap_or(0.0);
    found.sort_by(|a, b| place(a).total_cmp(&place(b)));
    found
        .iter()
        .map(|node| Ok((node.loose_text("id")?, node.text(name)?.to_owned())))
        .collect()
}

fn name_of<'n>(names: &'n [(String, String)], id: &str) -> &'n str {
    let found = names.iter().find(|(other, _)| other == id);
    found.map_or("", |(_, name)| name.as_str())
}

fn people(answers: &Document) -> Result<People> {
    let value = answer(answers, &["getAllUsers", "users"])?;
    let mut people = People::new();
    for user in objects(&value, "getAllUsers") {
        let external = ExternalUser {
            name: user.text("name")?.to_owned(),
            username: user.first_text(&["email", "username"])?.to_owned(),
        };
        people.insert(user.loose_text("id")?, Arc::new(external));
    }
    Ok(people)
}

struct File {
    draft: Draft,
    statuses: Statuses,
    columns: Vec<(String, String)>,
    swimlanes: Vec<(String, String)>,
    categories: Vec<(String, String)>,
    people: People,
    /// By the id of the task.
    steps: HashMap<String, Vec<CardStep>>,
    comments: HashMap<String, Vec<CardComment>>,
    /// The names of tags by the id of the task, then of the tag.
    tags: Value,
}

impl File {
    fn read_parts(&mut self, answers: &Document) -> Result<()> {
        let subtasks = answer(answers, &["getAllSubtasks", "subtasks"])?;
        for step in objects(&subtasks, "getAllSubtasks") {
            let of_task = self.steps.entry(step.loose_text("task_id")?).or_default();
            of_task.push(CardStep {
                of: None,
                text: step.text("title")?.to_owned(),
                // 0 is to do, 1 in progress
                is_done: step.loose_number("status") == Some(2.0),
                position: step.loose_number("position").unwrap_or(0.0),
            });
        }
        let comments = answer(answers, &["getAllComments", "comments"])?;
        for comment in objects(&comments, "getAllComments") {
            let by = ExternalUser {
                name: comment.text("name")?.to_owned(),
                username: comment.first_text(&["email", "username"])?.to_owned(),
            };
            let of_task = self
                .comments
                .entry(comment.loose_text("task_id")?)
                .or_default();
            of_task.push(CardComment {
                by: Arc::new(by),
                at: instant(&comment, "date_creation")?,
                text: comment.text("comment")?.to_owned(),
            });
        }
        Ok(())
    }

    fn card(&mut self, task: &Node) -> Result<Card> {
        let id = task.loose_text("id")?;
        let is_closed = task.loose_number("is_active") == Some(0.0);
        let column = name_of(&self.columns, &task.loose_text("column_id")?).to_owned();
        let (list, state) = match column.as_str() {
            _ if is_closed => self.statuses.place_in(ColumnState::Done),
            "" => self.statuses.place_in(ColumnState::Todo),
            column => self.statuses.place(column, states::guess(column)),
        };
        let is_done = state == Some(ColumnState::Done);
        let category = name_of(&self.categories, &task.loose_text("category_id")?);
        let mut labels = vec![sanitize::label(category)];
        if let Some(Value::Object(tags)) = self.tags.get(&id) {
            let names = tags.values().filter_map(Value::as_str);
            labels.extend(names.map(sanitize::label));
        }
        let lane = match self.swimlanes.len() {
            0 | 1 => "",
            _ => name_of(&self.swimlanes, &task.loose_text("swimlane_id")?),
        };
        let owner = self.people.get(&task.loose_text("owner_id")?).cloned();
        let score = task.loose_text("score")?;
        Ok(Card {
            key: format!("kanboard:{id}"),
            title: task.text("title")?.to_owned(),
            description: task.text("description")?.to_owned(),
            list: Some(list),
            position: task.loose_number("position").unwrap_or(0.0),
            is_archived: is_closed,
            is_done,
            created_at: instant(task, "date_creation")?,
            created_by: self.people.get(&task.loose_text("creator_id")?).cloned(),
            started_at: instant(task, "date_started")?,
            done_at: instant(task, "date_completed")?,
            moved_at: instant(task, "date_moved")?,
            due: instant(task, "date_due")?.map(Due::Instant),
            estimate: if score == "0" { String::new() } else { score },
            members: owner.into_iter().collect(),
            labels,
            steps: self.steps.remove(&id).unwrap_or_default(),
            comments: self.comments.remove(&id).unwrap_or_default(),
            fields: vec![
                ("Swimlane".into(), lane.to_owned()),
                ("Reference".into(), task.loose_text("reference")?),
            ],
            ..Card::default()
        })
    }
}
