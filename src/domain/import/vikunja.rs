//! Parses Vikunja's export of a person's projects (Settings, Export): a zip archive, or the `data.json` in it.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Result, ensure};

use crate::domain::{
    column_state::ColumnState,
    humanize::counted,
    import::{
        cards::{Card, CardComment, instant, markdown},
        colours,
        document::Document,
        draft::{Draft, Due, ExternalUser},
        json::Node,
        sanitize, states,
        statuses::Statuses,
    },
};

/// Parses projects, or returns what is wrong in the file, with its place.
pub fn parse(text: String) -> Result<Draft> {
    let projects = Document::parse(&text)?;
    ensure!(
        projects.is_list(),
        "the file is not an export of Vikunja: it is not a list of projects"
    );
    let mut file = File {
        draft: Draft {
            from: "Vikunja",
            ..Draft::default()
        },
        statuses: Statuses::default(),
        has_several: projects.len() > 1,
        files: 0,
    };
    projects.each_item(|project| file.read(&project))?;
    let mut draft = file.draft;
    if file.files > 0 {
        draft.notes.push(format!(
            "left out: {}.",
            counted(file.files, "attached file")
        ));
    }
    file.statuses.finish(&mut draft);
    Ok(draft)
}

struct File {
    draft: Draft,
    statuses: Statuses,
    has_several: bool,
    /// Attachments that were left out.
    files: usize,
}

impl File {
    fn read(&mut self, project: &Node) -> Result<()> {
        ensure!(
            project.has("title"),
            "the file is not an export of Vikunja: {} has no title",
            project.place
        );
        let name = project.text("title")?;
        let mut buckets = HashMap::new();
        for bucket in project.objects("buckets")? {
            let is_done = bucket.flag("is_done_bucket")?;
            buckets.insert(
                bucket.loose_text("id")?,
                (bucket.text("title")?.to_owned(), is_done),
            );
        }
        let is_archived = project.flag("is_archived")?;
        let mut tasks = project.objects("tasks")?;
        // Newer versions keep buckets and positions beside the tasks.
        let (mut of_task, mut positions) = (HashMap::new(), HashMap::new());
        for pair in project.objects("task_buckets")? {
            of_task.insert(pair.loose_text("task_id")?, pair.loose_text("bucket_id")?);
        }
        for pair in project.objects("positions")? {
            positions.insert(pair.loose_text("task_id")?, pair.loose_number("position"));
        }
        let place = |task: &Node| {
            let id = task.loose_text("id").unwrap_or_default();
            let beside = positions.get(&id).copied().flatten();
            beside.or(task.loose_number("position")).unwrap_or(f64::MAX)
        };
        tasks.sort_by(|a, b| place(a).total_cmp(&place(b)));
        for task in &tasks {
            let bucket = match of_task.get(&task.loose_text("id")?) {
                Some(bucket) => buckets.get(bucket),
                None => buckets.get(&task.loose_text("bucket_id")?),
            };
            self.read_task(task, name, bucket, is_archived)?;
        }
        for child in project.objects("child_projects")? {
            self.read(&child)?;
        }
        Ok(())
    }

    fn read_task(
        &mut self,
        task: &Node,
        project: &str,
        bucket: Option<&(String, bool)>,
        is_archived: bool,
    ) -> Result<()> {
        let is_done = task.flag("done")?;
        let list = match bucket {
            _ if is_done => self.statuses.place_in(ColumnState::Done),
            Some((name, true)) => self.statuses.place(name, Some(ColumnState::Done)),
            Some((name, false)) => self.statuses.place(name, states::guess(name)),
            None => self.statuses.place_in(ColumnState::Todo),
        };
        let mut labels = Vec::new();
        for label in task.objects("labels")? {
            let name = sanitize::label(label.text("title")?);
            if let Some(hue) = colours::of_hex(label.text("hex_color")?) {
                self.draft.hues.insert(name.clone(), hue);
            }
            labels.push(name);
        }
        let mut comments = Vec::new();
        for comment in task.objects("comments")? {
            comments.push(CardComment {
                by: person(&comment, "author")?.unwrap_or_default(),
                at: instant(&comment, "created")?,
                text: markdown(comment.text("comment")?),
            });
        }
        let mut members = Vec::new();
        for assignee in task.objects("assignees")? {
            members.push(Arc::new(user(&assignee)?));
        }
        self.files += task.items("attachments")?.len();
        let priority = match task.number("priority")?.unwrap_or(0) {
            0 => String::new(),
            priority => priority.to_string(),
        };
        let project = if self.has_several { project } else { "" };
        let card = Card {
            key: format!("vikunja:{}", task.loose_text("id")?),
            title: task.text("title")?.to_owned(),
            description: markdown(task.text("description")?),
            list: Some(list.0),
            is_archived: is_done || is_archived,
            is_done,
            created_at: instant(task, "created")?,
            created_by: person(task, "created_by")?,
            started_at: instant(task, "start_date")?,
            done_at: instant(task, "done_at")?,
            due: instant(task, "due_date")?.map(Due::Instant),
            members,
            labels,
            comments,
            fields: vec![
                ("Project".into(), project.to_owned()),
                ("Priority".into(), priority),
            ],
            ..Card::default()
        };
        let task = card.into_task(&mut self.draft);
        self.draft.tasks.push(task);
        Ok(())
    }
}

fn person(node: &Node, field: &str) -> Result<Option<Arc<ExternalUser>>> {
    let person = node.object(field)?;
    person.map(|person| user(&person).map(Arc::new)).transpose()
}

fn user(node: &Node) -> Result<ExternalUser> {
    Ok(ExternalUser {
        name: node.text("name")?.to_owned(),
        username: node.first_text(&["email", "username"])?.to_owned(),
    })
}
