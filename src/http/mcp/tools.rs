//! The tools: what agents read about each, and which function answers it.

use std::any::Any;

use rmcp::{
    handler::server::tool::{schema_for_output, schema_for_type},
    model::{JsonObject, Tool, ToolAnnotations},
    schemars::JsonSchema,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    domain::error::{Problem, Result},
    http::{
        extract::form::check_fields,
        mcp::{arguments, caller::Caller, read, results, status, write},
    },
};

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ToolName {
    Teams,
    Board,
    Task,
    Standup,
    CheckIn,
    Search,
    MyTasks,
    Ready,
    Claim,
    CreateTask,
    EditTask,
    MoveTask,
    Comment,
    BlockTask,
    UnblockTask,
}

/// What a tool does to the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Reads,
    /// Only adds something.
    Adds,
    /// Replaces something.
    Changes,
}

impl ToolName {
    const ALL: [Self; 15] = [
        Self::Teams,
        Self::Board,
        Self::Task,
        Self::Standup,
        Self::CheckIn,
        Self::Search,
        Self::MyTasks,
        Self::Ready,
        Self::Claim,
        Self::CreateTask,
        Self::EditTask,
        Self::MoveTask,
        Self::Comment,
        Self::BlockTask,
        Self::UnblockTask,
    ];

    /// The tools that a caller may use; only those that read if the token or account is read-only.
    pub(super) fn offered(may_write: bool) -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(move |tool| may_write || tool.effect() == Effect::Reads)
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == name)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Teams => "teams",
            Self::Board => "board",
            Self::Task => "task",
            Self::Standup => "standup",
            Self::CheckIn => "check_in",
            Self::Search => "search",
            Self::MyTasks => "my_tasks",
            Self::Ready => "ready",
            Self::Claim => "claim",
            Self::CreateTask => "create_task",
            Self::EditTask => "edit_task",
            Self::MoveTask => "move_task",
            Self::Comment => "comment",
            Self::BlockTask => "block_task",
            Self::UnblockTask => "unblock_task",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Teams => "List teams",
            Self::Board => "Read a board",
            Self::Task => "Read a task",
            Self::Standup => "Read a standup",
            Self::CheckIn => "Check in on a team",
            Self::Search => "Search tasks",
            Self::MyTasks => "List my tasks",
            Self::Ready => "Find a task to start with",
            Self::Claim => "Claim a task",
            Self::CreateTask => "Create a task",
            Self::EditTask => "Edit a task",
            Self::MoveTask => "Move a task",
            Self::Comment => "Comment on a task",
            Self::BlockTask => "Block a task",
            Self::UnblockTask => "Unblock a task",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Teams => {
                "Lists the teams that you can see, with the slugs by which other tools name them."
            }
            Self::Board => {
                "Reads a team's board: its columns with the number of tasks in each, and the tasks in order, a part at a time."
            }
            Self::Task => {
                "Reads a task: its fields, description, checklist, what it is waiting on, and its newest changes and comments."
            }
            Self::Standup => {
                "Reads a team's standup: what needs attention, what has changed since the last one, and who works on what."
            }
            Self::CheckIn => {
                "Reads where a team's sprint stands: progress of its goals, blocked and finished tasks, and what comes next."
            }
            Self::Search => {
                "Finds tasks of all teams by words in their titles, descriptions, checklists and comments, or by their key."
            }
            Self::MyTasks => {
                "Lists the open tasks of the person that you act for, what they could review, and what is waiting on them."
            }
            Self::Ready => {
                "Names the most useful unowned task of a team: what others are waiting on first, then what serves the sprint's goals, then the first on the board. Says why."
            }
            Self::Claim => {
                "Makes the person that you act for the owner of a task for a while, so that no one else starts it. If nothing happens to the task by then, it is free again. Claim it again to renew the claim."
            }
            Self::CreateTask => {
                "Creates a task at the end of a column of a team's board, in the current sprint unless another one is named."
            }
            Self::EditTask => {
                "Changes fields of a task, with the version of it that you read. Fields that are left out stay as they are."
            }
            Self::MoveTask => {
                "Moves a task to another column or to another place in its column, with the version of it that you read."
            }
            Self::Comment => {
                "Adds a comment in Markdown to a task, with the version of it that you read."
            }
            Self::BlockTask => {
                "Marks a task as waiting on another task, a person or something else, with the version of it that you read. It moves to the column for blocked tasks."
            }
            Self::UnblockTask => {
                "Removes all reasons why a task is blocked and moves it back to its previous column, with the version of it that you read."
            }
        }
    }

    fn effect(self) -> Effect {
        match self {
            Self::Teams
            | Self::Board
            | Self::Task
            | Self::Standup
            | Self::CheckIn
            | Self::Search
            | Self::MyTasks
            | Self::Ready => Effect::Reads,
            Self::CreateTask | Self::Comment => Effect::Adds,
            Self::Claim | Self::EditTask | Self::MoveTask | Self::BlockTask | Self::UnblockTask => {
                Effect::Changes
            }
        }
    }

    /// The tool as agents read it.
    pub(super) fn describe(self) -> Tool {
        match self {
            Self::Teams => self.with::<arguments::Nothing, results::Teams>(),
            Self::Board => self.with::<arguments::Board, results::Board>(),
            Self::Task => self.with::<arguments::OfTask, results::TaskPage>(),
            Self::Standup => self.with::<arguments::OfTeam, results::Standup>(),
            Self::CheckIn => self.with::<arguments::OfTeam, results::CheckIn>(),
            Self::Search => self.with::<arguments::Search, results::SearchResults>(),
            Self::MyTasks => self.with::<arguments::Nothing, results::MyTasks>(),
            Self::Ready => self.with::<arguments::OfTeam, results::Ready>(),
            Self::Claim => self.with::<arguments::Claim, results::Claimed>(),
            Self::CreateTask => self.with::<arguments::CreateTask, results::Task>(),
            Self::EditTask => self.with::<arguments::EditTask, results::Task>(),
            Self::MoveTask => self.with::<arguments::MoveTask, results::Task>(),
            Self::Comment => self.with::<arguments::Comment, results::Task>(),
            Self::BlockTask => self.with::<arguments::BlockTask, results::Task>(),
            Self::UnblockTask => self.with::<arguments::UnblockTask, results::Task>(),
        }
    }

    fn with<A: JsonSchema + Any, R: JsonSchema + Any>(self) -> Tool {
        let reads = self.effect() == Effect::Reads;
        let hints = ToolAnnotations::new()
            .read_only(reads)
            .destructive(self.effect() == Effect::Changes)
            .idempotent(reads)
            .open_world(false);
        Tool::new(self.as_str(), self.description(), schema_for_type::<A>())
            .with_title(self.title())
            .with_raw_output_schema(schema_for_output::<R>())
            .with_annotations(hints)
    }

    /// Answers a call. Each tool has a future of its own on the heap: together they would be too large for the stack.
    pub(super) async fn call(self, caller: &Caller, sent: JsonObject) -> Result<Value> {
        match self {
            Self::Teams => {
                let arguments::Nothing {} = parse(sent)?;
                answer(Box::pin(read::teams(caller)).await)
            }
            Self::Board => answer(Box::pin(read::board(caller, parse(sent)?)).await),
            Self::Task => answer(Box::pin(read::task(caller, parse(sent)?)).await),
            Self::Standup => answer(Box::pin(status::standup(caller, parse(sent)?)).await),
            Self::CheckIn => answer(Box::pin(status::check_in(caller, parse(sent)?)).await),
            Self::Search => answer(Box::pin(read::search(caller, parse(sent)?)).await),
            Self::MyTasks => {
                let arguments::Nothing {} = parse(sent)?;
                answer(Box::pin(read::my_tasks(caller)).await)
            }
            Self::Ready => answer(Box::pin(read::ready(caller, parse(sent)?)).await),
            Self::Claim => answer(Box::pin(write::claim(caller, parse(sent)?)).await),
            Self::CreateTask => answer(Box::pin(write::create_task(caller, parse(sent)?)).await),
            Self::EditTask => answer(Box::pin(write::edit_task(caller, parse(sent)?)).await),
            Self::MoveTask => answer(Box::pin(write::move_task(caller, parse(sent)?)).await),
            Self::Comment => answer(Box::pin(write::comment(caller, parse(sent)?)).await),
            Self::BlockTask => answer(Box::pin(write::block_task(caller, parse(sent)?)).await),
            Self::UnblockTask => answer(Box::pin(write::unblock_task(caller, parse(sent)?)).await),
        }
    }
}

fn parse<A: DeserializeOwned>(mut sent: JsonObject) -> Result<A> {
    check_fields(&mut sent)?;
    serde_path_to_error::deserialize(Value::Object(sent)).map_err(|error| {
        let (path, reason) = (error.path().to_string(), error.into_inner());
        let at = match path.as_str() {
            "." => String::new(),
            path => format!("{path}: "),
        };
        Problem::BadRequest(
            format!("The arguments do not fit this tool: {at}{reason}. Nothing was changed.")
                .into(),
        )
    })
}

fn answer<R: Serialize>(result: Result<R>) -> Result<Value> {
    serde_json::to_value(result?).map_err(|error| Problem::InternalError(error.into()))
}
