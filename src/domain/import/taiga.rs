//! Parses Taiga's export of a project (Settings, Project, Export): user stories with their tasks as steps, and issues.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use anyhow::{Result, ensure};
use time::Date;

use crate::domain::{
    column_state::ColumnState,
    dates::parse_date,
    import::{
        cards::{Card, CardComment, CardStep, instant},
        colours,
        document::Document,
        draft::{Draft, Due, ExternalUser, HistoryAction, ListRef, Past},
        json::Node,
        people::external_user,
        sanitize, states,
        statuses::Statuses,
    },
};

/// Parses a project, or returns what is wrong in the file, with its place.
pub fn parse(text: String) -> Result<Draft> {
    let project = Document::parse(&text)?;
    ensure!(
        project.is_object() && project.has("user_stories"),
        "the file is not a project of Taiga: it has no “user_stories”"
    );
    let slug = project.text("slug")?;
    let mut file = File {
        draft: Draft {
            from: "Taiga",
            board: sanitize::line(&project.text("name")?, 100).0,
            ..Draft::default()
        },
        statuses: Statuses::default(),
        closed: HashSet::new(),
        points: HashMap::new(),
        sprints: HashMap::new(),
        steps: HashMap::new(),
        slug,
    };
    file.read_settings(&project)?;
    project.each("tasks", |task| {
        let story = task.loose_text("user_story")?;
        let step = CardStep {
            of: None,
            text: task.text("subject")?.to_owned(),
            is_done: file.is_closed("task", task.text("status")?)
                || instant(&task, "finished_date")?.is_some(),
            position: task.loose_number("us_order").unwrap_or(0.0),
        };
        if story.is_empty() {
            return file.read_item(&task, "task");
        }
        file.steps.entry(story).or_default().push(step);
        Ok(())
    })?;
    project.each("user_stories", |story| file.read_item(&story, "story"))?;
    project.each("issues", |issue| file.read_item(&issue, "issue"))?;
    let mut draft = file.draft;
    file.statuses.finish(&mut draft);
    Ok(draft)
}

struct File {
    draft: Draft,
    statuses: Statuses,
    /// The statuses of closed work, with the kind of item that has them.
    closed: HashSet<(&'static str, String)>,
    /// The number of each kind of points, by its name.
    points: HashMap<String, f64>,
    /// First and last day of sprints, by name.
    sprints: HashMap<String, Option<(Date, Date)>>,
    /// The tasks of a user story, by its reference.
    steps: HashMap<String, Vec<CardStep>>,
    slug: String,
}

impl File {
    fn read_settings(&mut self, project: &Document) -> Result<()> {
        for (kind, field) in [
            ("story", "us_statuses"),
            ("task", "task_statuses"),
            ("issue", "issue_statuses"),
        ] {
            project.each(field, |status| {
                if status.flag("is_closed")? {
                    let name = status.text("name")?.to_owned();
                    self.closed.insert((kind, name));
                }
                Ok(())
            })?;
        }
        // Columns of the board, in its order, also those without stories.
        let all = project.value("us_statuses")?;
        let mut statuses = match all.is_array() {
            true => Node::of(&all, "us_statuses").elements()?,
            false => Vec::new(),
        };
        let order = |status: &Node| status.loose_number("order").unwrap_or(0.0);
        statuses.sort_by(|a, b| order(a).total_cmp(&order(b)));
        for status in statuses {
            self.place("story", status.text("name")?);
        }
        project.each("points", |points| {
            if let Some(value) = points.loose_number("value") {
                self.points.insert(points.text("name")?.to_owned(), value);
            }
            Ok(())
        })?;
        project.each("milestones", |sprint| {
            let name = sprint.text("name")?;
            let day = |field| anyhow::Ok(sprint.text(field)?.get(..10).and_then(parse_date));
            let days: (Option<Date>, Option<Date>) =
                (day("estimated_start")?, day("estimated_finish")?);
            self.sprints.insert(name.to_owned(), days.0.zip(days.1));
            Ok(())
        })
    }

    fn is_closed(&self, kind: &'static str, status: &str) -> bool {
        self.closed.contains(&(kind, status.to_owned()))
    }

    /// The list of a status. One kind of items may be closed in a status in which another is not.
    fn place(&mut self, kind: &'static str, status: &str) -> (usize, Option<ColumnState>) {
        let is_closed = self.is_closed(kind, status);
        let state = match is_closed {
            true => Some(ColumnState::Done),
            // Taiga knows what is not closed, whatever its name says.
            false => states::guess(status).filter(|state| *state != ColumnState::Done),
        };
        let placed = self.statuses.place(status, state);
        match (is_closed, placed.1 == Some(ColumnState::Done)) {
            (true, false) => self.statuses.place_in(ColumnState::Done),
            (false, true) => self.statuses.place_in(state.unwrap_or(ColumnState::Doing)),
            _ => placed,
        }
    }

    fn read_item(&mut self, item: &Node, kind: &'static str) -> Result<()> {
        let reference = item.loose_text("ref")?;
        let (list, state) = self.place(kind, item.text("status")?);
        let is_done = state == Some(ColumnState::Done);
        let mut labels = self.labels(item)?;
        if kind == "issue" {
            labels.push(sanitize::label(match item.text("type")? {
                "" => "issue",
                name => name,
            }));
        }
        let sprint = item.text("milestone")?;
        let sprint_days = self.sprints.get(sprint).copied().flatten();
        let sprint = match sprint_days {
            Some((from, to)) => format!("{sprint}, {from} to {to}"),
            None => sprint.to_owned(),
        };
        let blocked = match item.flag("is_blocked")? {
            true => item.text("blocked_note")?,
            false => "",
        };
        let (past, comments) = self.history(item, kind)?;
        let mut members: Vec<Arc<ExternalUser>> = Vec::new();
        let mut names = vec![item.text("assigned_to")?];
        for other in item.items("assigned_users")? {
            names.push(other.as_text()?);
        }
        for user in names.into_iter().filter_map(external_user).map(Arc::new) {
            if !members.contains(&user) {
                members.push(user);
            }
        }
        let card = Card {
            key: format!("taiga:{}:{kind}#{reference}", self.slug),
            title: item.text("subject")?.to_owned(),
            description: item.text("description")?.to_owned(),
            list: Some(list),
            position: item.loose_number("kanban_order").unwrap_or(0.0),
            // Years of finished stories would flood the board.
            is_archived: is_done,
            is_done,
            created_at: instant(item, "created_date")?,
            created_by: external_user(item.text("owner")?).map(Arc::new),
            done_at: instant(
                item,
                if kind == "story" {
                    "finish_date"
                } else {
                    "finished_date"
                },
            )?,
            due: item.day("due_date")?.map(Due::Day),
            sprint_days,
            estimate: self.estimate(item)?,
            members,
            labels,
            steps: self
                .steps
                .remove(&reference)
                .filter(|_| kind == "story")
                .unwrap_or_default(),
            comments,
            fields: vec![
                ("Sprint".into(), sprint),
                ("Blocked".into(), blocked.to_owned()),
                ("Priority".into(), item.text("priority")?.to_owned()),
                ("Severity".into(), item.text("severity")?.to_owned()),
                ("Imported from Taiga".into(), format!("#{reference}")),
            ],
            past,
            ..Card::default()
        };
        let task = card.into_task(&mut self.draft);
        self.draft.tasks.push(task);
        Ok(())
    }

    /// Tags are names, or pairs of a name and a colour.
    fn labels(&mut self, item: &Node) -> Result<Vec<String>> {
        let mut labels = Vec::new();
        for tag in item.items("tags")? {
            let parts = if tag.is_list() {
                tag.value.as_array().cloned()
            } else {
                None
            };
            let parts = parts.unwrap_or_else(|| vec![tag.value.clone()]);
            let mut texts = parts.iter().filter_map(serde_json::Value::as_str);
            let Some(name) = texts.next() else { continue };
            let name = sanitize::label(name);
            if let Some(hue) = texts.next().and_then(colours::of_hex) {
                self.draft.hues.insert(name.clone(), hue);
            }
            labels.push(name);
        }
        Ok(labels)
    }

    /// The points of all roles together.
    fn estimate(&self, item: &Node) -> Result<String> {
        let mut all = None;
        for of_role in item.objects("role_points")? {
            if let Some(points) = self.points.get(of_role.text("points")?) {
                *all.get_or_insert(0.0) += points;
            }
        }
        Ok(all.map_or_else(String::new, |points: f64| points.to_string()))
    }

    /// Moves and comments.
    fn history(
        &mut self,
        item: &Node,
        kind: &'static str,
    ) -> Result<(Vec<Past>, Vec<CardComment>)> {
        let (mut past, mut comments) = (Vec::new(), Vec::new());
        for entry in item.objects("history")? {
            let by = match entry.items("user")?.as_slice() {
                [email, name, ..] => ExternalUser {
                    name: name.as_text()?.to_owned(),
                    username: email.as_text()?.to_owned(),
                },
                [only] => external_user(only.as_text()?).unwrap_or_default(),
                [] => ExternalUser::default(),
            };
            let (by, at) = (Arc::new(by), instant(&entry, "created_at")?);
            let comment = entry.text("comment")?;
            if !comment.is_empty() && !entry.has("delete_comment_date") {
                comments.push(CardComment {
                    by: by.clone(),
                    at,
                    text: comment.to_owned(),
                });
            }
            let Some(diff) = entry.object("diff")? else {
                continue;
            };
            let names = match entry.object("values")? {
                Some(values) => values.object("status")?,
                None => None,
            };
            let name = |status: &Node| -> Result<String> {
                let id = match status.value {
                    serde_json::Value::Number(number) => number.to_string(),
                    _ => status.as_text()?.to_owned(),
                };
                let name = names
                    .as_ref()
                    .map(|names| names.loose_text(&id))
                    .transpose()?;
                Ok(name.filter(|name| !name.is_empty()).unwrap_or(id))
            };
            if let ([from, to], Some(at)) = (diff.items("status")?.as_slice(), at) {
                let (from, to) = (name(from)?, name(to)?);
                let list = |place: (usize, _)| ListRef::List(place.0);
                let (from, to) = (self.place(kind, &from), self.place(kind, &to));
                let what = HistoryAction::Moved(list(from), list(to));
                past.push(Past { at, by, what });
            }
        }
        Ok((past, comments))
    }
}
