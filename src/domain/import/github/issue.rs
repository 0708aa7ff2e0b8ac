//! The parts of one GitHub issue.

use anyhow::Result;

use crate::domain::import::{
    draft::{Comment, Draft, Due, ExternalUser},
    json::Node,
    sanitize,
    summary::Notices,
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

pub(crate) fn due(issue: &Node) -> Result<Option<Due>> {
    let Some(milestone) = issue.object("milestone")? else {
        return Ok(None);
    };
    // GitHub stores a due date as some instant of that day.
    Ok(milestone
        .day("due_on")?
        .or(milestone.day("dueOn")?)
        .map(Due::Day))
}

pub(crate) fn assignees(issue: &Node) -> Result<Vec<ExternalUser>> {
    let mut members = issue
        .objects("assignees")?
        .iter()
        .map(external_user)
        .collect::<Result<Vec<_>>>()?;
    if members.is_empty() {
        members.extend(
            issue
                .object("assignee")?
                .map(|user| external_user(&user))
                .transpose()?,
        );
    }
    members.retain(|member| !member.called().is_empty());
    Ok(members)
}

pub(crate) fn labels(issue: &Node, title: &str, changed: &mut Notices) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for label in issue.items("labels")? {
        let name = if label.is_text() {
            label.as_text()?
        } else {
            label.into_object()?.text("name")?
        };
        let name = sanitize::label(name);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > sanitize::LABELS {
        changed.add(
            "a task can have at most 30 labels, so the remaining ones were left out",
            title,
        );
        names.truncate(sanitize::LABELS);
    }
    Ok(names)
}

/// The comments, where the file contains them; the REST API only counts them.
pub(crate) fn comments(issue: &Node, title: &str, draft: &mut Draft) -> Result<Vec<Comment>> {
    let Some(field) = issue.get("comments") else {
        return Ok(Vec::new());
    };
    if !field.is_list() {
        if issue.number("comments")?.is_some_and(|count| count > 0) {
            draft.changed.add(
                "the file counts comments on these but does not contain them",
                title,
            );
        }
        return Ok(Vec::new());
    }
    let mut comments = Vec::new();
    for comment in field.elements()? {
        let comment = comment.into_object()?;
        let by = first_object(&comment, ["author", "user"])?
            .map(|user| external_user(&user))
            .transpose()?;
        let at = first_instant(&comment, ["created_at", "createdAt"])?;
        match sanitize::comment(comment.text("body")?) {
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
