//! Reads fields of deliveries: whatever they contain, texts are cut to what can be stored.

use serde_json::Value;
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339,
    macros::format_description,
};

use crate::domain::pull_requests::model::{CheckState, Forge, ForgeEvent};

/// The most characters of a text in which keys are looked for.
const LONGEST_TEXT: usize = 100_000;

/// The most commits of a push, and reviewers of a pull request, that are read.
pub(super) const MOST: usize = 50;

/// Why a delivery could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("The body is not JSON")]
    NotJson,
    /// The pointer of the field.
    #[error("The field {0} is missing or has another form")]
    Field(&'static str),
}

/// Reads a body as JSON.
pub(super) fn json(body: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(body).map_err(|_| Unreadable::NotJson)
}

/// The repository that a body is of, even if nothing else of it is understood; empty if it names none.
pub(super) fn repository_of(forge: Forge, body: &[u8]) -> String {
    let pointer = match forge {
        Forge::GitHub | Forge::Forgejo => "/repository/full_name",
        Forge::GitLab => "/project/path_with_namespace",
    };
    json(body).map_or_else(|_| String::new(), |value| text(&value, pointer, 200))
}

/// A text at a pointer, without NUL and cut to a length; empty if there is none.
pub(super) fn text(value: &Value, pointer: &str, most: usize) -> String {
    let text = value.pointer(pointer).and_then(Value::as_str);
    cut(text.unwrap_or_default(), most)
}

/// A text without NUL, cut to a length.
pub(super) fn cut(text: &str, most: usize) -> String {
    text.chars()
        .filter(|letter| *letter != '\0')
        .take(most)
        .collect()
}

/// A text that the delivery must have.
pub(super) fn required(
    value: &Value,
    pointer: &'static str,
    most: usize,
) -> Result<String, Unreadable> {
    let found = text(value, pointer, most);
    Some(found)
        .filter(|found| !found.trim().is_empty())
        .ok_or(Unreadable::Field(pointer))
}

/// A long text: a description or message.
pub(super) fn long_text(value: &Value, pointer: &str) -> String {
    text(value, pointer, LONGEST_TEXT)
}

/// The number of a pull request.
pub(super) fn number(value: &Value, pointer: &'static str) -> Result<i64, Unreadable> {
    let number = value.pointer(pointer).and_then(Value::as_i64);
    number
        .filter(|number| (1..=999_999_999_999).contains(number))
        .ok_or(Unreadable::Field(pointer))
}

/// A flag that is false where it is missing.
pub(super) fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

/// An address that can be a link.
pub(super) fn address(value: &Value, pointer: &str) -> String {
    let address = text(value, pointer, 1000);
    let is_link = ["https://", "http://"]
        .into_iter()
        .any(|start| address.starts_with(start))
        && !address.chars().any(char::is_whitespace);
    if is_link { address } else { String::new() }
}

/// The logins in a list of accounts.
pub(super) fn logins(value: &Value, pointer: &str, field: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .take(MOST)
        .map(|account| text(account, field, 100))
        .filter(|login| !login.is_empty())
        .collect()
}

/// The forge's number of a run; 0 if it has none.
pub(super) fn run(value: &Value, pointer: &str) -> i64 {
    let run = value.pointer(pointer).and_then(Value::as_i64);
    run.filter(|run| *run > 0).unwrap_or(0)
}

/// The messages of the commits in a push. GitHub marks those that were pushed to another branch before, as after a merge
/// of the default branch: they are left out.
pub(super) fn messages(value: &Value) -> Vec<String> {
    let commits = value.pointer("/commits").and_then(Value::as_array);
    commits
        .into_iter()
        .flatten()
        .filter(|commit| commit.pointer("/distinct") != Some(&Value::Bool(false)))
        .take(MOST)
        .map(|commit| long_text(commit, "/message"))
        .collect()
}

/// The name of the branch that was pushed; `None` for tags and other references.
pub(super) fn branch(value: &Value) -> Option<String> {
    let reference = text(value, "/ref", 320);
    reference
        .strip_prefix("refs/heads/")
        .map(|branch| cut(branch, 300))
}

/// The time at the first of these pointers that has one.
pub(super) fn time(value: &Value, pointers: &[&str]) -> Option<OffsetDateTime> {
    let texts = pointers
        .iter()
        .filter_map(|pointer| value.pointer(pointer)?.as_str());
    texts.filter_map(instant).next()
}

/// A time as the forges write it: RFC 3339, or `2026-11-24 10:00:00 UTC` at GitLab.
fn instant(text: &str) -> Option<OffsetDateTime> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(at).filter(|at| (2000..3000).contains(&at.year()));
    }
    let plain = text.strip_suffix(" UTC")?;
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let at = PrimitiveDateTime::parse(plain, form).ok()?.assume_utc();
    Some(at).filter(|at| (2000..3000).contains(&at.year()))
}

/// The state of a check by the words that forges use; `None` for words that say nothing about it.
pub(super) fn check_state(word: &str) -> Option<CheckState> {
    Some(match word {
        "success" | "neutral" | "skipped" | "warning" => CheckState::Passed,
        "failure" | "failed" | "error" | "timed_out" | "action_required" | "startup_failure"
        | "cancelled" | "canceled" => CheckState::Failed,
        "pending"
        | "queued"
        | "in_progress"
        | "requested"
        | "rerequested"
        | "waiting"
        | "running"
        | "created"
        | "preparing"
        | "waiting_for_resource" => CheckState::Running,
        _ => return None,
    })
}

/// A delivery of which no use is made.
pub(super) fn other(name: &str, repository: String) -> ForgeEvent {
    ForgeEvent::Other {
        name: cut(name, 60),
        repository,
    }
}
