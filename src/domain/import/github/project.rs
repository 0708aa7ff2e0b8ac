//! Parses the items of a GitHub project as `gh project item-list` prints them.

use anyhow::Result;
use time::{Date, Duration};

use crate::domain::{
    dates::parse_date,
    import::{
        document::Document,
        draft::{Draft, List, Task},
        github::{
            body::without_html,
            issue::{add_milestone, assignees, labels},
        },
        json::Node,
        sanitize,
        trello::custom_fields::is_points,
    },
};

/// Fields of every item. The others are the project's own.
const COMMON: &[&str] = &[
    "assignees",
    "content",
    "id",
    "isArchived",
    "labels",
    "milestone",
    "repository",
    "status",
    "title",
    "type",
];

/// Whether a list is one of project items: they have their issue inside.
pub(crate) fn is_project(list: &Document) -> bool {
    let mut is_project = false;
    let _ = list.each_item(|item| {
        is_project |= item.has("content") && !item.has("number");
        Ok(())
    });
    is_project
}

/// Adds the items to the draft. Their statuses are its lists, in the order of their states: the
/// file does not tell the project's own.
pub(crate) fn parse(list: &Document, draft: &mut Draft) -> Result<()> {
    list.each_item(|item| {
        let name = status(&item)?;
        if !draft.lists.iter().any(|list| list.name == name) {
            draft.lists.push(List {
                name,
                ..List::default()
            });
        }
        Ok(())
    })?;
    draft.lists.sort_by_key(List::known_state);
    list.each_item(|item| {
        let content = item.object("content")?;
        let kind = content
            .as_ref()
            .map_or(Ok(""), |content| content.text("type"))?;
        let title = item
            .first_text(&["title"])
            .and_then(|title| match (&content, title) {
                (Some(content), "") => content.text("title"),
                (_, title) => Ok(title),
            })?;
        let (title, whole_title) = sanitize::title(title);
        if kind == "PullRequest" {
            draft.skipped.add("are pull requests", &title);
            return Ok(());
        }
        let mut task = Task {
            title,
            whole_title,
            ..Task::default()
        };
        read_item(&item, content.as_ref(), &mut task, draft)?;
        draft.tasks.push(task);
        Ok(())
    })
}

fn status(item: &Node) -> Result<String> {
    let name = sanitize::line(item.text("status")?, 1000).0;
    Ok(if name.is_empty() {
        "No status".to_owned()
    } else {
        name
    })
}

fn read_item(
    item: &Node,
    content: Option<&Node>,
    task: &mut Task,
    draft: &mut Draft,
) -> Result<()> {
    let of_content = |field: &str| content.map_or(Ok(""), |content| content.text(field));
    let url = of_content("url")?;
    let id = item.text("id")?;
    task.key = match (url, id) {
        ("", "") => {
            return Err(item.refuse(
                "id",
                "is missing; without it, a second run could not recognize the item",
            ));
        }
        ("", id) => format!("github:{id}"),
        (url, _) => format!("github:{url}"),
    };
    task.key = sanitize::cut(&sanitize::lines(&task.key), 500).0;
    task.description = sanitize::lines(&without_html(of_content("body")?));
    let name = status(item)?;
    task.list = draft.lists.iter().position(|list| list.name == name);
    task.archived = item.flag("isArchived")?;
    task.members = assignees(item)?;
    let mut names = labels(item, draft)?;
    add_milestone(item, task)?;
    for field in item.fields().filter(|field| !COMMON.contains(field)) {
        let number = item.loose_number(field);
        let value = match item.get(field) {
            Some(value) if value.is_text() => value.as_text()?.to_owned(),
            // an iteration
            Some(value) if value.is_object() => {
                task.sprint_days = iteration_days(&value)?.or(task.sprint_days);
                value.text("title")?.to_owned()
            }
            Some(value) if value.is_list() => continue,
            _ => item.loose_text(field)?,
        };
        match number {
            Some(points)
                if is_points(field)
                    && points.fract() == 0.0
                    && (0.0..=1000.0).contains(&points) =>
            {
                task.estimate = Some(points as i32);
            }
            None if item.get(field).is_some_and(|value| value.is_text()) && value.len() <= 30 => {
                names.push(sanitize::label(&format!("{field}:{value}")));
            }
            _ => task.lines.extend(sanitize::field(field, &value)),
        }
    }
    task.labels = sanitize::labels(names, &task.title, &mut draft.changed);
    task.lines.extend(sanitize::link("Imported from", url));
    Ok(())
}

/// The first and last day of an iteration.
fn iteration_days(iteration: &Node) -> Result<Option<(Date, Date)>> {
    let first = iteration.text("startDate")?.get(..10).and_then(parse_date);
    let days = iteration
        .loose_number("duration")
        .filter(|days| (1.0..=366.0).contains(days));
    Ok(first.zip(days).and_then(|(first, days)| {
        let last = first.checked_add(Duration::days(days as i64 - 1))?;
        Some((first, last))
    }))
}
