//! Parses the tables of issues that Jira exports (“Export Excel CSV, all fields”).

use std::{collections::HashMap, sync::Arc};

use anyhow::Result;
use time::OffsetDateTime;

use crate::domain::{
    column_state::ColumnState,
    import::{
        dates::{self, Order},
        draft::{Comment, Draft, ExternalUser, Task},
        jira_xml, sanitize, states,
        statuses::{CLOSED_UNDONE, Statuses},
        table::{OtherColumns, Row, Table},
        wiki,
    },
};

const KEY: &[&str] = &["Issue key", "Key"];
const STORY_POINTS: &[&str] = &[
    "Custom field (Story Points)",
    "Custom field (Story point estimate)",
    "Story Points",
    "Story point estimate",
];
const STARTED: &[&str] = &[
    "Custom field (Actual start)",
    "Custom field (Start date)",
    "Start date",
];
const FINISHED: &[&str] = &["Resolved", "Custom field (Actual end)"];
const CHANGED: &str = "Status Category Changed";

/// Fields that become lines of the description: their columns, and how they are called there.
const LINES: [(&str, &str); 8] = [
    ("Priority", "Priority"),
    ("Sprint", "Sprint"),
    ("Component/s", "Component"),
    ("Components", "Component"),
    ("Fix Version/s", "Version"),
    ("Fix versions", "Version"),
    ("Custom field (Epic Link)", "Epic"),
    ("Environment", "Environment"),
];

/// What is in nearly every file and says nothing about the work, or is read elsewhere.
const KNOWN: &str = "summary|issue key|key|issue id|issue type|status|status category|status category changed|resolution|\
     project key|project name|project type|project lead|project lead id|project description|assignee|assignee id|reporter|\
     reporter id|creator|creator id|created|updated|last viewed|resolved|due date|due|votes|description|watchers|watchers id|\
     work ratio|labels|comment|attachment|parent|parent id|parent key|parent summary|priority|sprint|component/s|components|\
     fix version/s|fix versions|environment|custom field (epic link)|custom field (rank)|custom field (story points)|\
     custom field (story point estimate)|story points|story point estimate|custom field (actual start)|\
     custom field (start date)|start date|custom field (actual end)|custom field (development)|custom field (issue color)";

/// Parses a table of issues, or the same as XML, or returns what is wrong in it, with the line.
pub fn parse(text: String) -> Result<Draft> {
    if text.trim_ascii_start().starts_with('<') {
        return jira_xml::parse(&text);
    }
    let needed: &[&[&str]] = &[&["Summary"], KEY, &["Status"]];
    let people = people(Table::parse(&text, needed)?)?;
    let table = Table::parse(&text, needed)?;
    let mut links: Vec<(String, String)> = table.names().filter_map(link_name).collect();
    links.sort();
    let is_known = |name: &str| {
        KNOWN.split('|').any(|known| known.trim() == name)
            || links
                .iter()
                .any(|(column, _)| column.to_lowercase() == name)
    };
    let others = OtherColumns::of(&table, is_known);
    let mut file = File {
        draft: Draft {
            from: "Jira",
            ..Draft::default()
        },
        order: people.order,
        people: people.names,
        statuses: Statuses::default(),
        links,
        ranks: Vec::new(),
        others,
    };
    let is_first = &mut true;
    table.each(|row| {
        if std::mem::take(is_first) {
            file.draft.board = sanitize::line(row.text("Project name"), 100).0;
        }
        file.read(row);
        Ok(())
    })?;
    Ok(file.finished())
}

/// What is known only once the whole table was read: the names of accounts, and the order of day and month.
struct People {
    names: HashMap<String, String>,
    order: Order,
}

fn people(table: Table) -> Result<People> {
    let (mut names, mut dates) = (HashMap::new(), Vec::new());
    table.each(|row| {
        for role in [
            "Assignee",
            "Reporter",
            "Creator",
            "Project lead",
            "Watchers",
        ] {
            let ids = format!("{role} Id");
            for (id, name) in row.cells(&ids).zip(row.cells(role)) {
                if !id.is_empty() && !name.is_empty() {
                    names
                        .entry(id.to_owned())
                        .or_insert_with(|| name.to_owned());
                }
            }
        }
        dates.extend(["Created", "Updated", "Due date"].map(|field| row.text(field).to_owned()));
        Ok(())
    })?;
    let order = dates::order(dates.iter().map(String::as_str));
    Ok(People { names, order })
}

/// `Inward issue link (Blocks)` and how it is told.
fn link_name(column: &str) -> Option<(String, String)> {
    let column_name = column.to_lowercase();
    let (side, rest) = column_name.split_once(" issue link (")?;
    let kind = rest.strip_suffix(')')?;
    let is_inward = match side {
        "inward" => true,
        "outward" => false,
        _ => return None,
    };
    let told = match (kind, is_inward) {
        ("blocks", true) => "Is blocked by".to_owned(),
        ("blocks", false) => "Blocks".to_owned(),
        ("relates", _) => "Relates to".to_owned(),
        ("duplicate", true) => "Is duplicated by".to_owned(),
        ("duplicate", false) => "Duplicates".to_owned(),
        ("cloners", true) => "Is cloned by".to_owned(),
        ("cloners", false) => "Clones".to_owned(),
        _ => format!("Linked ({kind})"),
    };
    Some((column.to_owned(), told))
}

struct File {
    draft: Draft,
    order: Order,
    /// The names of accounts, by their ids.
    people: HashMap<String, String>,
    statuses: Statuses,
    links: Vec<(String, String)>,
    /// The rank of each task, in the order of the draft's.
    ranks: Vec<String>,
    others: OtherColumns,
}

impl File {
    fn read(&mut self, row: &Row) {
        let (title, whole_title) = sanitize::title(row.text("Summary"));
        let key = row.first(KEY);
        if key.is_empty() {
            self.draft.skipped.add("have no key", &title);
            return;
        }
        let is_undone = is_undone(row.text("Resolution"));
        let (list, state) = if is_undone {
            self.statuses.place_undone()
        } else {
            self.list(row)
        };
        let created_at = self.instant(row.text("Created"), &title);
        let started_at = self.instant(row.first(STARTED), &title);
        let changed_at = self.instant(row.text(CHANGED), &title);
        let is_done = state == Some(ColumnState::Done);
        let finished_at = self
            .instant(row.first(FINISHED), &title)
            .or(changed_at)
            .or_else(|| self.instant(row.text("Updated"), &title))
            .filter(|_| is_done || is_undone);
        let due_text = row.first(&["Due date", "Due"]);
        let due = dates::due(due_text, self.order);
        let due = dates::or_notice(due, due_text, &title, &mut self.draft.changed);
        let mut names: Vec<String> = row
            .all("Labels")
            .flat_map(str::split_whitespace)
            .map(sanitize::label)
            .collect();
        names.extend(kind_label(row.text("Issue Type")));
        if is_undone {
            names.push(sanitize::label(row.text("Resolution")));
            self.draft.changed.add(CLOSED_UNDONE, &title);
        }
        let comments = self.comments(row, &title);
        let lines = self.lines(row, key);
        let description = wiki::to_markdown(row.text("Description"), |id| {
            self.people.get(id).map(String::as_str)
        });
        let user = |role| {
            let name = sanitize::line(row.text(role), 100).0;
            (!name.is_empty()).then(|| {
                Arc::new(ExternalUser {
                    name,
                    ..ExternalUser::default()
                })
            })
        };
        let id = row.text("Issue id");
        let task = Task {
            key: sanitize::cut(&format!("jira:{key}#{id}"), 500).0,
            whole_title,
            description: sanitize::lines(&description),
            list: Some(list),
            // Years of finished issues would flood the board.
            archived: is_done || is_undone,
            archived_at: finished_at,
            created_at,
            created_by: user("Creator").or(user("Reporter")),
            column_since: changed_at.or(finished_at),
            due,
            estimate: sanitize::estimate(row.first(STORY_POINTS), &title, &mut self.draft.changed),
            started_at,
            finished_at: finished_at.filter(|_| is_done),
            members: user("Assignee").into_iter().collect(),
            labels: sanitize::labels(names, &title, &mut self.draft.changed),
            comments,
            lines,
            is_complete: is_done,
            title,
            ..Task::default()
        };
        self.others.count(row);
        self.draft.tasks.push(task);
        self.ranks.push(row.text("Custom field (Rank)").to_owned());
    }

    /// The list of the status, and its state. The category says it in every language; a name such as “In review”
    /// says more than “In Progress”.
    fn list(&mut self, row: &Row) -> (usize, Option<ColumnState>) {
        let guess = states::guess(row.text("Status"));
        let is_resolved = !row.text("Resolution").is_empty() && !row.text("Resolved").is_empty();
        let state = match row.text("Status Category").to_lowercase().as_str() {
            "done" | "complete" => Some(ColumnState::Done),
            "in progress" | "indeterminate" => Some(match guess {
                Some(state @ (ColumnState::Review | ColumnState::Blocked)) => state,
                _ => ColumnState::Doing,
            }),
            "to do" | "new" => Some(match guess {
                Some(ColumnState::Blocked) => ColumnState::Blocked,
                _ => ColumnState::Todo,
            }),
            _ => guess.or(is_resolved.then_some(ColumnState::Done)),
        };
        self.statuses.place(row.text("Status"), state)
    }

    fn instant(&mut self, text: &str, title: &str) -> Option<OffsetDateTime> {
        let at = dates::instant(text, self.order);
        dates::or_notice(at, text, title, &mut self.draft.changed)
    }

    /// `27/Dec/25 10:48 AM;712020:1;The text; with semicolons`
    fn comments(&mut self, row: &Row, title: &str) -> Vec<Comment> {
        let mut comments = Vec::new();
        for cell in row.all("Comment") {
            let mut parts = cell.splitn(3, ';');
            let first = parts.next().unwrap_or("");
            let at = dates::instant(first, self.order);
            let (by, body) = match (at, parts.next(), parts.next()) {
                (Some(_), Some(by), Some(body)) => (by, body),
                _ => ("", cell),
            };
            let name_of = |id: &str| self.people.get(id).map(String::as_str);
            let by = ExternalUser {
                name: sanitize::line(name_of(by).unwrap_or(""), 100).0,
                // of a Jira on a server of one's own
                username: sanitize::line(if is_account_id(by) { "" } else { by }, 100).0,
            };
            match sanitize::comment(&wiki::to_markdown(body, name_of)) {
                Some((body, was_cut)) => {
                    if was_cut {
                        let reason = "comments over 20,000 characters were shortened";
                        self.draft.changed.add(reason, title);
                    }
                    let by = Arc::new(by);
                    comments.push(Comment { by, at, body });
                }
                None => self.draft.skipped.add("are empty comments", title),
            }
        }
        comments.sort_by_key(|comment| comment.at);
        comments
    }

    fn lines(&self, row: &Row, key: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let parent = format!(
            "{} {}",
            row.first(&["Parent key", "Parent"]),
            row.text("Parent summary")
        );
        lines.extend(sanitize::field("Parent", &parent));
        for (column, name) in LINES {
            let values: Vec<&str> = row.all(column).collect();
            lines.extend(sanitize::field(name, &values.join(", ")));
        }
        for (column, told) in &self.links {
            let keys: Vec<&str> = row.all(column).collect();
            lines.extend(sanitize::field(told, &keys.join(", ")));
        }
        for cell in row.all("Attachment") {
            // date;account;name;address
            let mut parts = cell.splitn(4, ';').skip(2);
            let (name, address) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let name = sanitize::line(name, 200).0;
            lines.extend(sanitize::link(&format!("Attachment {name}"), address));
        }
        lines.extend(sanitize::field("Imported from Jira", key));
        lines
    }

    /// The draft with its tasks by rank. Without ranks, the order of the file stays.
    fn finished(self) -> Draft {
        let mut draft = self.draft;
        let mut by_rank: Vec<(String, Task)> = self.ranks.into_iter().zip(draft.tasks).collect();
        by_rank.sort_by(|(one, _), (other, _)| one.cmp(other));
        draft.tasks = by_rank.into_iter().map(|(_, task)| task).collect();
        self.statuses.finish(&mut draft);
        draft.notes.extend(self.others.note());
        if !draft.tasks.is_empty() {
            draft.notes.push(
                "Jira's tables do not say in which time zone their times are, so they were read as UTC.".to_owned(),
            );
        }
        draft
    }
}

/// Whether it is an account of Jira in the cloud: `712020:ca841f8a-0000-4000-8000-000000000000`, or 24 digits.
fn is_account_id(text: &str) -> bool {
    text.contains(':') || text.len() == 24 && text.chars().all(|digit| digit.is_ascii_hexdigit())
}

/// Whether a resolution says that the work was not done.
fn is_undone(resolution: &str) -> bool {
    const UNDONE: &str = "won't do|won’t do|won't fix|won’t fix|duplicate|cannot reproduce|declined|incomplete|rejected|\
         not a bug|invalid|obsolete|abandoned|known error|cancelled|canceled";
    let resolution = resolution.to_lowercase();
    UNDONE.split('|').any(|word| word.trim() == resolution)
}

/// The type of an issue as a label; most are tasks.
fn kind_label(kind: &str) -> Option<String> {
    let label = sanitize::label(kind);
    let is_usual = matches!(
        label.to_lowercase().as_str(),
        "" | "task" | "sub-task" | "subtask"
    );
    (!is_usual).then_some(label)
}
