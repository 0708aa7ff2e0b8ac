//! The parts of one GitHub issue.

use std::sync::Arc;

use anyhow::Result;

use crate::domain::import::{
    colours,
    draft::{Comment, Draft, Due, ExternalUser, Task},
    github::body::without_html,
    json::Node,
    sanitize,
};

/// The URL of the issue's page, not of the API.
pub(crate) fn url(issue: &Node, repo: &str) -> Result<String> {
    let page = issue.text("html_url")?;
    let url = issue.text("url")?;
    let from_interface = url.strip_prefix("https://api.github.com/repos/");
    Ok(match (page, from_interface, issue.number("number")?) {
        ("", Some(path), _) => format!("https://github.com/{path}"),
        ("", None, Some(number)) if url.is_empty() && !repo.is_empty() => {
            format!("https://github.com/{repo}/issues/{number}")
        }
        ("", None, _) => url.to_owned(),
        (page, ..) => page.to_owned(),
    })
}

pub(crate) fn first_instant(
    issue: &Node,
    fields: [&str; 2],
) -> Result<Option<time::OffsetDateTime>> {
    Ok(issue.instant(fields[0])?.or(issue.instant(fields[1])?))
}

pub(crate) fn first_object<'j>(issue: &Node<'j>, fields: [&str; 2]) -> Result<Option<Node<'j>>> {
    Ok(issue.object(fields[0])?.or(issue.object(fields[1])?))
}

pub(crate) fn external_user(user: &Node) -> Result<ExternalUser> {
    Ok(ExternalUser {
        name: sanitize::line(user.text("name")?, 100).0,
        username: sanitize::line(user.text("login")?, 100).0,
    })
}

fn due(issue: &Node) -> Result<Option<Due>> {
    let Some(milestone) = issue.object("milestone")? else {
        return Ok(None);
    };
    // GitHub stores a due date as some instant of that day.
    Ok(milestone
        .day("due_on")?
        .or(milestone.day("dueOn")?)
        .map(Due::Day))
}

pub(crate) fn assignees(issue: &Node) -> Result<Vec<Arc<ExternalUser>>> {
    let mut members = Vec::new();
    for user in issue.nodes("assignees")? {
        members.push(if user.is_text() {
            ExternalUser {
                username: sanitize::line(user.as_text()?, 100).0,
                ..ExternalUser::default()
            }
        } else {
            external_user(&user.into_object()?)?
        });
    }
    if members.is_empty() {
        members.extend(
            issue
                .object("assignee")?
                .map(|user| external_user(&user))
                .transpose()?,
        );
    }
    members.retain(|member| !member.called().is_empty());
    Ok(members.into_iter().map(Arc::new).collect())
}

/// The names of an issue's labels, and its type. Their colours go to the draft.
pub(crate) fn labels(issue: &Node, draft: &mut Draft) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for label in issue.nodes("labels")? {
        if label.is_text() {
            names.push(sanitize::label(label.as_text()?));
            continue;
        }
        let label = label.into_object()?;
        let name = sanitize::label(label.text("name")?);
        if let Some(hue) = colours::of_hex(label.text("color")?) {
            draft.hues.entry(name.clone()).or_insert(hue);
        }
        names.push(name);
    }
    for field in ["type", "issueType"] {
        if let Some(kind) = issue.get(field) {
            let name = if kind.is_object() {
                kind.text("name")?
            } else {
                kind.as_text()?
            };
            names.push(sanitize::label(name));
        }
    }
    Ok(names)
}

/// Adds what is known of a milestone: its title as a line, its date as the due date.
pub(crate) fn add_milestone(issue: &Node, task: &mut Task) -> Result<()> {
    task.due = due(issue)?;
    if let Some(milestone) = issue.object("milestone")? {
        let line = sanitize::field("Milestone", milestone.text("title")?);
        task.lines.extend(line);
    }
    Ok(())
}

/// Why an issue was closed without being done, if it was.
pub(crate) fn closed_undone(issue: &Node) -> Result<Option<&'static str>> {
    let reason = issue.first_text(&["state_reason", "stateReason"])?;
    Ok(match reason.to_lowercase().as_str() {
        "not_planned" => Some("not-planned"),
        "duplicate" => Some("duplicate"),
        _ => None,
    })
}

/// The comments, where the file contains them; the REST API only counts them.
pub(crate) fn comments(issue: &Node, title: &str, draft: &mut Draft) -> Result<Vec<Comment>> {
    let Some(field) = issue.get("comments") else {
        return Ok(Vec::new());
    };
    if !field.is_list() && !field.is_object() {
        if issue.number("comments")?.is_some_and(|count| count > 0) {
            draft.changed.add(
                "the file counts comments on these but does not contain them",
                title,
            );
        }
        return Ok(Vec::new());
    }
    let nodes = issue.nodes("comments")?;
    let total = if field.is_object() {
        field.number("totalCount")?
    } else {
        None
    };
    if total.is_some_and(|total| total > nodes.len() as i64) {
        draft.changed.add(
            "the file contains fewer comments than GitHub counts for these",
            title,
        );
    }
    let mut comments = Vec::new();
    for comment in nodes {
        let comment = comment.into_object()?;
        let by = first_object(&comment, ["author", "user"])?
            .map(|user| external_user(&user).map(Arc::new))
            .transpose()?;
        let at = first_instant(&comment, ["created_at", "createdAt"])?;
        match sanitize::comment(&without_html(comment.text("body")?)) {
            Some((body, was_cut)) => {
                if was_cut {
                    draft
                        .changed
                        .add("comments over 20,000 characters were shortened", title);
                }
                comments.push(Comment {
                    by: by.unwrap_or_default(),
                    at,
                    body,
                });
            }
            None => draft.skipped.add("are empty comments", title),
        }
    }
    comments.sort_by_key(|comment| comment.at);
    Ok(comments)
}
