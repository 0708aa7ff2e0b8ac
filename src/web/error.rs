//! What went wrong, in words for the reader. Everything that fails in a request becomes one of these.

use std::{borrow::Cow, collections::BTreeMap};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// The result of everything that a request asks for.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// A refusal or failure. It carries sentences that a reader may see, and nothing else that they may.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Missing, or hidden from this reader: nobody can tell which.
    #[error("not found")]
    NotFound,
    #[error("sign in first")]
    SignedOut,
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// Fields and why they were refused.
    #[error("refused: {0:?}")]
    Invalid(BTreeMap<&'static str, String>),
    /// The request makes no sense as it stands.
    #[error("{0}")]
    BadRequest(Cow<'static, str>),
    /// Somebody was quicker. What stands now is told beside what was sent.
    #[error("conflict: {}", .0.detail)]
    Conflict(Box<Conflict>),
    #[error("too many tries")]
    TooMany { retry_after_seconds: u64 },
    #[error("busy")]
    Busy,
    /// What was locked is not what was meant any more: the whole change is tried again.
    #[error("changed under way")]
    Again,
    /// An idempotency key that was used before: what it did then is known by its change.
    #[error("done before")]
    DoneBefore { change: uuid::Uuid },
    #[error(transparent)]
    Inside(#[from] anyhow::Error),
}

/// Who was quicker, and both versions.
#[derive(Debug, Default)]
pub struct Conflict {
    /// Who did what and when, in a sentence.
    pub detail: String,
    pub current: Value,
    pub sent: Value,
}

impl Problem {
    /// One field and why it was refused.
    pub fn field(name: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid(BTreeMap::from([(name, why.into())]))
    }

    /// A conflict with nothing to set side by side.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::Conflict(Box::new(Conflict { detail: detail.into(), ..Conflict::default() }))
    }

    /// Whether the database asks to try the same transaction again.
    pub fn is_transient(&self) -> bool {
        let Self::Inside(error) = self else { return matches!(self, Self::Again) };
        let Some(sqlx::Error::Database(error)) = error.downcast_ref::<sqlx::Error>() else { return false };
        matches!(error.code().as_deref(), Some("40001" | "40P01"))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) | Self::DoneBefore { .. } => StatusCode::CONFLICT,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Again => StatusCode::SERVICE_UNAVAILABLE,
            Self::Inside(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => return Self::NotFound,
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => return Self::Busy,
            sqlx::Error::Database(database) => match database.code().as_deref() {
                // lock_timeout, statement_timeout, too many connections, shutting down
                Some("55P03" | "57014" | "53300" | "57P01" | "57P03") => return Self::Busy,
                // a NUL byte, or text that is not UTF-8
                Some("22021" | "22P05") => {
                    return Self::BadRequest("The text has a character that cannot be kept.".into());
                }
                // two at once wanted the same place in the order: whoever comes second takes the next
                Some("23505") if matches!(database.constraint(), Some("goal_position" | "milestone_position")) => {
                    return Self::Again;
                }
                Some("23514" | "23505" | "23503" | "23P01") => {
                    if let Some((field, why)) = database.constraint().and_then(broken_rule) {
                        return Self::field(field, why);
                    }
                }
                _ => {}
            },
            sqlx::Error::Io(_) => return Self::Busy,
            _ => {}
        }
        Self::Inside(error.into())
    }
}

/// The named rules of the tables, as words beside the field that broke them.
fn broken_rule(constraint: &str) -> Option<(&'static str, &'static str)> {
    Some(match constraint {
        "task_title_length" => ("title", "A title has 1 to 500 characters."),
        "task_description_length" => ("description", "A description has at most 100,000 characters."),
        "task_estimate" => ("estimate", "An estimate is a whole number from 0 to 1000."),
        "task_for_length" => ("for", "This has at most 200 characters."),
        "task_goal" => ("goal", "That goal is not one of this team's."),
        "task_column" => ("column", "That column is not on this board."),
        "column_wip_limit" => ("wip_limit", "A limit is a whole number from 1 to 999."),
        "column_name_length" => ("name", "A column's name has 1 to 50 characters."),
        "column_slug" => ("name", "There is a column of that name."),
        "comment_body_length" => ("body", "A comment has 1 to 20,000 characters."),
        "step_text_length" => ("text", "A step has 1 to 500 characters."),
        "wait_note_length" => ("note", "This has at most 500 characters."),
        "wait_names_one" => ("note", "Say what it waits on."),
        "wait_not_on_itself" => ("task", "A task cannot wait on itself."),
        "label_name" => ("label", "There is a label of that name."),
        "label_name_form" => ("label", "A label has 1 to 50 characters, without blanks, commas and quotes."),
        "saved_filter_name" => ("name", "There is a saved filter of that name."),
        "saved_filter_name_length" => ("name", "A name has 1 to 60 characters."),
        "saved_filter_query_length" => ("query", "A filter has at most 1000 characters."),
        "account_email" => ("email", "There is an account with that e-mail address."),
        "account_email_form" => ("email", "That is not an e-mail address."),
        "account_name_length" => ("name", "A name has 1 to 100 characters."),
        "account_handle" | "account_handle_form" => {
            ("handle", "That handle is taken, or has characters other than a–z, 0–9 and -.")
        }
        "account_hue" => ("hue", "A hue is one of the twelve."),
        "team_slug" => ("slug", "There is a team at that address."),
        "team_slug_form" => ("slug", "An address has a–z, 0–9 and -, at most 50."),
        "workspace_name_length" => ("name", "A workspace's name has 1 to 100 characters."),
        "token_name_length" => ("name", "A token's name has at most 100 characters."),
        "team_name_length" => ("name", "A team's name has 1 to 100 characters."),
        "team_key" => ("key", "There is a team with that key."),
        "team_key_form" => ("key", "A key has 2 to 10 capital letters or digits, a letter first."),
        "sprint_order" | "sprint_overlap" => {
            ("starts_on", "These dates overlap another sprint's, or end before they start.")
        }
        "sprint_number" => ("number", "There is a sprint of that number."),
        "goal_title_length" => ("title", "A goal has 1 to 200 characters."),
        "goal_target" => ("target", "A target is a whole number from 1 to 1,000,000,000."),
        "goal_unit_length" => ("unit", "This has at most 50 characters."),
        "goal_why_length" => ("why", "This has at most 2000 characters."),
        "goal_needs_length" => ("needs", "This has at most 500 characters."),
        "goal_position_range" => ("title", "A team has at most 99 goals in a sprint."),
        "goal_entry_note_length" => ("note", "A note has at most 500 characters."),
        "goal_key_result" => ("key_result", "That key result is not one of this team's."),
        "goal_milestone" => ("milestone", "That milestone is not one of this project's."),
        "remark_body_length" => ("body", "This has 1 to 5000 characters."),
        "remark_answer_length" => ("answer", "An answer has 1 to 5000 characters."),
        "leftover_reason_length" => ("reason", "A reason has at most 500 characters."),
        "action_text_length" => ("text", "An action has 1 to 500 characters."),
        "topic_text_length" => ("text", "A topic has 1 to 500 characters."),
        "note_text_length" => ("text", "A note has 1 to 2000 characters."),
        "sprint_name_length" => ("name", "A sprint's name has 1 to 100 characters."),
        "workspace_cadence_weekday" => ("weekday", "Choose one of the seven days."),
        "workspace_sprint_names" => ("names", "The name has {n} in it for the number, and at most 60 characters."),
        "workspace_cadence" => ("cadence_weeks", "A sprint has 1 to 8 weeks."),
        "team_working_days" => ("working_days", "A team works on at least one day of the week."),
        "team_standup_days" => ("standup_days", "A team meets on at least one day of the week."),
        "team_mission_length" => ("mission", "A mission has at most 2000 characters."),
        "team_chat_length" => ("chat", "This has at most 200 characters."),
        "team_roadmap_length" => ("roadmap", "A roadmap has at most 50,000 characters."),
        "member_does_length" => ("does", "This has at most 100 characters."),
        "day_off_name_length" => ("name", "This has at most 100 characters."),
        "account_hours" => ("works_to", "A working day ends after it begins."),
        "objective_title_length" => ("title", "An objective has 1 to 200 characters."),
        "objective_quarter" => ("quarter", "Write the quarter as 2026-Q4."),
        "objective_why_length" => ("why", "This has at most 2000 characters."),
        "objective_position_range" => ("title", "A team has at most 99 objectives in a quarter."),
        "key_result_title_length" => ("title", "A key result has 1 to 200 characters."),
        "key_result_target" => ("target", "A target is a whole number from 1 to 1,000,000,000."),
        "key_result_typed" => ("typed", "This is a whole number from 0 to 1,000,000,000."),
        "key_result_unit_length" => ("unit", "This has at most 50 characters."),
        "key_result_position_range" => ("title", "An objective has at most 99 key results."),
        "project_name_length" => ("name", "A project's name has 1 to 200 characters."),
        "project_slug" => ("name", "There is a project of that name."),
        "project_about_length" => ("about", "This has at most 20,000 characters."),
        "project_target" => ("target", "A target is a whole number from 1 to 1,000,000,000."),
        "project_typed" => ("typed", "This is a whole number from 0 to 1,000,000,000."),
        "project_unit_length" => ("unit", "This has at most 50 characters."),
        "project_key_result" => ("key_result", "That key result is not there any more."),
        "milestone_title_length" => ("title", "A milestone has 1 to 200 characters."),
        "milestone_position_range" => ("title", "A project has at most 99 milestones."),
        "team_public_is_open" => ("public", "A private team has no public address. Open it first."),
        "share_link_name_length" => ("name", "Say whom the link is for, in 1 to 100 characters."),
        "request_title_length" => ("title", "Say in 1 to 500 characters what you ask for."),
        "request_why_length" => ("why", "This has at most 5000 characters."),
        "request_answer_length" => ("answer", "An answer has at most 5000 characters."),
        "request_says_why" => ("answer", "Say why in a few words: whoever asked sees it."),
        "idempotency_key_length" => ("Idempotency-Key", "The key has 1 to 200 characters."),
        _ => return None,
    })
}

/// What a reader is told; the outermost layer turns it into a page or into problem+json.
#[derive(Clone, Debug)]
pub struct Told {
    pub title: Cow<'static, str>,
    pub detail: String,
    pub errors: BTreeMap<&'static str, String>,
    pub current: Value,
    pub sent: Value,
}

/// What went wrong inside, for the log and nobody else.
#[derive(Clone, Debug)]
pub struct Inside(pub String);

impl Told {
    /// Words for a status that no handler explained.
    pub fn of(status: StatusCode) -> Self {
        let (title, detail) = match status {
            StatusCode::NOT_FOUND => ("Not found", "There is nothing at this address, or it is not for you to see."),
            StatusCode::METHOD_NOT_ALLOWED => ("Not possible here", "This address does not take that method."),
            StatusCode::PAYLOAD_TOO_LARGE => ("Too large", "That was more than this address takes. Nothing was saved."),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("Wrong kind", "The body is not of a kind that this address reads."),
            StatusCode::BAD_REQUEST => ("Not understood", "The request could not be read. Nothing was changed."),
            StatusCode::UNPROCESSABLE_ENTITY => {
                ("Not understood", "The request could not be read. Nothing was changed.")
            }
            StatusCode::REQUEST_TIMEOUT => ("Too slow", "The request took too long to arrive. Nothing was changed."),
            StatusCode::SERVICE_UNAVAILABLE => {
                ("Busy", "The server is busy. Nothing was changed; please try again in a moment.")
            }
            _ => ("Something went wrong", "That is our fault. Nothing was changed; please try again."),
        };
        Self {
            title: title.into(),
            detail: detail.into(),
            errors: BTreeMap::new(),
            current: Value::Null,
            sent: Value::Null,
        }
    }

    /// RFC 9457.
    pub fn as_json(&self, status: StatusCode, request_id: &str) -> Value {
        let mut body =
            json!({ "type": "about:blank", "title": self.title, "status": status.as_u16(), "detail": self.detail });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        if !self.current.is_null() {
            body["current"] = self.current.clone();
        }
        if !self.sent.is_null() {
            body["sent"] = self.sent.clone();
        }
        if status.is_server_error() {
            body["request_id"] = json!(request_id);
        }
        body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut told = Told::of(status);
        let (mut retry_after, mut inside) = (None, None);
        match self {
            Self::SignedOut => {
                told.title = "Sign in first".into();
                told.detail = "This needs somebody who is signed in, or a valid token.".into();
            }
            Self::Forbidden(why) => {
                told.title = "Not allowed".into();
                told.detail = why.into_owned();
            }
            Self::BadRequest(why) => told.detail = why.into_owned(),
            Self::Invalid(errors) => {
                told.title = "Not saved".into();
                told.detail = errors.values().cloned().collect::<Vec<_>>().join(" ");
                told.errors = errors;
            }
            Self::Conflict(conflict) => {
                // where nothing stands beside it, nobody was: it cannot be done as things are
                let quicker = !conflict.current.is_null();
                told.title = if quicker { "Somebody was quicker" } else { "Not as things stand" }.into();
                told.detail = conflict.detail;
                told.current = conflict.current;
                told.sent = conflict.sent;
            }
            Self::TooMany { retry_after_seconds } => {
                told.title = "Too many tries".into();
                told.detail = format!("Please wait {retry_after_seconds} seconds and try again. Nothing was changed.");
                retry_after = Some(retry_after_seconds);
            }
            Self::Busy | Self::Again => retry_after = Some(1),
            Self::DoneBefore { .. } => told.detail = "This was done before.".into(),
            Self::Inside(error) => inside = Some(Inside(format!("{error:#}"))),
            Self::NotFound => {}
        }
        let mut response = status.into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(told);
        if let Some(inside) = inside {
            response.extensions_mut().insert(inside);
        }
        response
    }
}
