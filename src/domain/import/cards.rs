//! Cards of tools whose exports are JSON, and their conversion to tasks within our limits.

use std::{borrow::Cow, collections::HashMap, sync::Arc, thread};

use anyhow::Result;
use time::{Date, OffsetDateTime};

use crate::domain::import::{
    dates::{self, Order},
    draft::{Comment, Draft, Due, ExternalUser, List, Past, Step, Task},
    json::Node,
    sanitize,
};

/// People by their id in the file.
pub(crate) type People = HashMap<String, Arc<ExternalUser>>;

/// A card as a parser found it.
#[derive(Default)]
pub(crate) struct Card {
    /// Identifies it on a second run; unique among all tools.
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) list: Option<usize>,
    pub(crate) position: f64,
    pub(crate) is_archived: bool,
    pub(crate) is_done: bool,
    pub(crate) created_at: Option<OffsetDateTime>,
    pub(crate) created_by: Option<Arc<ExternalUser>>,
    pub(crate) started_at: Option<OffsetDateTime>,
    pub(crate) done_at: Option<OffsetDateTime>,
    /// When it came to its list.
    pub(crate) moved_at: Option<OffsetDateTime>,
    pub(crate) due: Option<Due>,
    /// The first and last day of its sprint.
    pub(crate) sprint_days: Option<(Date, Date)>,
    pub(crate) estimate: String,
    pub(crate) members: Vec<Arc<ExternalUser>>,
    pub(crate) labels: Vec<String>,
    pub(crate) steps: Vec<CardStep>,
    pub(crate) comments: Vec<CardComment>,
    /// Names and values that have no field here.
    pub(crate) fields: Vec<(Cow<'static, str>, String)>,
    /// Oldest first.
    pub(crate) past: Vec<Past>,
}

/// A step of a checklist.
#[derive(Clone)]
pub(crate) struct CardStep {
    /// The checklist's name, where a card can have several.
    pub(crate) of: Option<String>,
    pub(crate) text: String,
    pub(crate) is_done: bool,
    pub(crate) position: f64,
}

/// A comment on a card.
pub(crate) struct CardComment {
    pub(crate) by: Arc<ExternalUser>,
    pub(crate) at: Option<OffsetDateTime>,
    pub(crate) text: String,
}

impl Card {
    /// The task of this card. What had to be changed is noted in the draft.
    pub(crate) fn into_task(mut self, draft: &mut Draft) -> Task {
        let (title, whole_title) = sanitize::title(&self.title);
        let labels = self.labels.iter().map(|name| sanitize::label(name));
        self.steps.sort_by(|a, b| a.position.total_cmp(&b.position));
        let mut steps = Vec::new();
        for step in &self.steps {
            if let Some((text, was_cut)) = sanitize::step(step.of.as_deref(), &step.text, "") {
                if was_cut {
                    draft
                        .changed
                        .add("steps over 500 characters were shortened", &title);
                }
                let done = step.is_done;
                steps.push(Step { text, done });
            }
        }
        self.comments.sort_by_key(|comment| comment.at);
        let mut comments = Vec::new();
        for comment in self.comments {
            if let Some((body, was_cut)) = sanitize::comment(&comment.text) {
                if was_cut {
                    draft
                        .changed
                        .add("comments over 20,000 characters were shortened", &title);
                }
                comments.push(Comment {
                    by: comment.by,
                    at: comment.at,
                    body,
                });
            }
        }
        self.past.sort_by_key(|past| past.at);
        let lines = self.fields.iter();
        Task {
            key: sanitize::cut(&self.key, 500).0,
            whole_title,
            description: sanitize::lines(&self.description),
            list: self.list,
            archived: self.is_archived,
            archived_at: self.done_at.filter(|_| self.is_archived),
            created_at: self.created_at,
            created_by: self.created_by,
            column_since: self.moved_at.or(self.done_at).or(self.started_at),
            due: self.due,
            sprint_days: self.sprint_days,
            estimate: sanitize::estimate(&self.estimate, &title, &mut draft.changed),
            started_at: self.started_at,
            finished_at: self.done_at.filter(|_| self.is_done),
            members: self.members,
            labels: sanitize::labels(labels.collect(), &title, &mut draft.changed),
            steps,
            comments,
            lines: lines
                .filter_map(|(name, value)| sanitize::field(name, value))
                .collect(),
            past: self.past,
            position: self.position,
            is_complete: self.is_done,
            title,
        }
    }
}

/// Reads the lists of a board, from left to right, and their places by id.
pub(crate) fn read_lists(
    lists: &[Node],
    id: &str,
    name: &[&str],
    position: &str,
) -> Result<(Vec<List>, HashMap<String, usize>)> {
    let mut ordered: Vec<&Node> = lists.iter().collect();
    let place = |list: &Node| list.loose_number(position).unwrap_or(f64::MAX);
    ordered.sort_by(|a, b| place(a).total_cmp(&place(b)));
    let (mut found, mut places) = (Vec::new(), HashMap::new());
    for list in ordered {
        let name = sanitize::line(list.first_text(name)?, 500).0;
        places.insert(list.loose_text(id)?, found.len());
        found.push(List {
            name,
            closed: list.flag("archived").unwrap_or(false),
            ..List::default()
        });
    }
    Ok((found, places))
}

/// An instant that some tools leave out and others set to the year 1 or to zero.
pub(crate) fn instant(node: &Node, field: &str) -> Result<Option<OffsetDateTime>> {
    if let Some(seconds) = node.loose_number(field) {
        let at = OffsetDateTime::from_unix_timestamp(seconds as i64).ok();
        return Ok(at.filter(|_| seconds > 0.0).filter(is_usable));
    }
    let text = node.text(field)?;
    // Vikunja writes the year 1 for nothing.
    if text.is_empty() || text.starts_with("0001-") {
        return Ok(None);
    }
    // Also with offsets such as +0000, as Taiga writes them.
    let read = dates::instant(text, Order::DayFirst);
    let at = read.ok_or_else(|| node.refuse(field, "is not a date and time"))?;
    Ok(Some(at).filter(is_usable))
}

/// The database has no others.
fn is_usable(at: &OffsetDateTime) -> bool {
    (1900..3000).contains(&at.year())
}

/// The most tags of HTML that is converted, each of which may be nested in the one before, and the stack for that: the
/// converter calls itself for each level.
const MAX_TAGS: usize = 4_000;
const STACK: usize = 128 * 1024 * 1024;

/// Up to so many tags are converted on the caller's stack.
const FEW_TAGS: usize = 40;

/// Text as Markdown that may be HTML, as the editors of some tools write it. HTML without end stays as it is.
pub(crate) fn markdown(text: &str) -> String {
    let is_html = text.trim_start().starts_with('<') && text.contains("</");
    let tags = text.matches('<').count();
    if !is_html || tags > MAX_TAGS {
        return text.to_owned();
    }
    let convert = || htmd::convert(text).ok();
    let converted = match tags {
        0..=FEW_TAGS => convert(),
        _ => thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, convert).ok()?.join().ok()?
        }),
    };
    converted.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_markdown_unless_it_would_fill_the_stack() {
        assert_eq!(markdown("<p>One <b>two</b></p>"), "One **two**");
        assert_eq!(markdown("1 < 2 </b>"), "1 < 2 </b>");
        let lines = format!("<p>{}</p>", "line<br>".repeat(500));
        assert!(!markdown(&lines).contains("<p>"));
        let nested = |levels: usize| "<div>".repeat(levels) + "x" + &"</div>".repeat(levels);
        assert_eq!(markdown(&nested(MAX_TAGS / 2)), "x");
        // Ends of elements that are not open end nothing.
        let unmatched = "<div></b>".repeat(MAX_TAGS / 2);
        assert_eq!(markdown(&unmatched), "");
        let deep = nested(100_000);
        assert_eq!(markdown(&deep), deep);
        let unclosed = "<div>".repeat(100_000) + "</div>";
        assert_eq!(markdown(&unclosed), unclosed);
    }
}
