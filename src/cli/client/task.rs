//! `fortnight task`: works with tasks.

use anyhow::Result;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::cli::{
    client::{
        server::Server,
        table::{aligned, handles, text},
    },
    output::print_line,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// List tasks of the current sprint
    List(List),
    /// Show a task
    Show {
        key: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Create a task
    Create(Create),
    /// Move a task to the end of a column
    Move {
        key: String,
        /// The column's name, or a state: todo, doing, blocked, review or done
        column: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Block a task, with the reason
    Block {
        key: String,
        /// A task's key, @username, or words
        reason: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Unblock a task
    Unblock {
        key: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only my tasks
    #[arg(long)]
    mine: bool,
    /// Only tasks of this team, by its slug
    #[arg(long)]
    team: Option<String>,
    /// The sprint: its number, this, next, none (the backlog) or all
    #[arg(long, default_value = "this")]
    sprint: String,
    /// Only tasks that match, as in the filter of a board: "is:blocked label:postgres"
    #[arg(long)]
    filter: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Create {
    title: String,
    /// The team's slug
    #[arg(long)]
    team: String,
    /// The column's name [default: the first one]
    #[arg(long)]
    column: Option<String>,
    /// The description in Markdown
    #[arg(long)]
    description: Option<String>,
    /// The sprint: its number, this, next or none
    #[arg(long)]
    sprint: Option<String>,
    /// Username of an owner; can be repeated
    #[arg(long = "owner")]
    owners: Vec<String>,
    /// A label; can be repeated
    #[arg(long = "label")]
    labels: Vec<String>,
    /// The estimate in points
    #[arg(long)]
    estimate: Option<i32>,
    /// The due date, as YYYY-MM-DD
    #[arg(long)]
    due: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Task {
    pub(crate) async fn run(self) -> Result<()> {
        let server = Server::logged_in()?;
        match self {
            Self::List(args) => list(&server, &args).await,
            Self::Show { key, json } => {
                let task = server.get(&["tasks", &key], &[]).await?;
                if json {
                    print_json(&task);
                } else {
                    show(&server, &task);
                }
                Ok(())
            }
            Self::Create(args) => create(&server, args).await,
            Self::Move { key, column, json } => {
                let path = ["tasks", &key, "position"];
                let place = place(&column);
                let task = server.send(Method::PUT, &path, &[], Some(&place)).await?;
                report(
                    &task,
                    json,
                    "Moved",
                    &format!(" to {}", text(&task["column"])),
                );
                Ok(())
            }
            Self::Block { key, reason, json } => {
                let body = json!({ "on": reason });
                let path = ["tasks", &key, "block"];
                let task = server.send(Method::PUT, &path, &[], Some(&body)).await?;
                report(&task, json, "Blocked", "");
                Ok(())
            }
            Self::Unblock { key, json } => {
                let path = ["tasks", &key, "block"];
                let task = server.send(Method::DELETE, &path, &[], None).await?;
                report(
                    &task,
                    json,
                    "Unblocked",
                    &format!(", in {}", text(&task["column"])),
                );
                Ok(())
            }
        }
    }
}

pub(super) fn print_json(value: &Value) {
    print_line(&format!("{value:#}"));
}

/// The end of a column, from its name or state.
fn place(column: &str) -> Value {
    let slug = slug(column);
    match slug.as_str() {
        "todo" | "doing" | "blocked" | "review" | "done" => json!({ "state": slug }),
        _ => json!({ "column": slug }),
    }
}

/// The slug of a column's name: `In progress` is `in-progress`.
fn slug(name: &str) -> String {
    name.trim().to_lowercase().replace(' ', "-")
}

fn report(task: &Value, json: bool, what: &str, rest: &str) {
    if json {
        print_json(task);
    } else {
        print_line(&format!(
            "{what} {} {}{rest}.",
            text(&task["key"]),
            text(&task["title"])
        ));
    }
}

async fn list(server: &Server, args: &List) -> Result<()> {
    let slugs = match &args.team {
        Some(team) => vec![team.clone()],
        None => {
            let teams = server.get(&["teams"], &[]).await?;
            let teams = teams["teams"].as_array().into_iter().flatten();
            teams.map(|team| text(&team["slug"])).collect()
        }
    };
    let mut query = vec![("sprint", args.sprint.as_str())];
    if args.mine {
        query.push(("owner", "me"));
    }
    query.extend(args.filter.as_deref().map(|filter| ("q", filter)));
    let mut tasks = Vec::new();
    for slug in &slugs {
        let board = server.get(&["teams", slug, "board"], &query).await?;
        for column in board["columns"].as_array().into_iter().flatten() {
            let name = text(&column["name"]);
            for task in column["tasks"].as_array().into_iter().flatten() {
                tasks.push((name.clone(), task.clone()));
            }
        }
    }
    if args.json {
        let tasks: Vec<Value> = tasks.into_iter().map(|(_, task)| task).collect();
        print_json(&json!({ "tasks": tasks }));
        return Ok(());
    }
    if tasks.is_empty() {
        print_line("There are no such tasks. Use --sprint all to look beyond the current sprint.");
    }
    let rows: Vec<Vec<String>> = tasks
        .iter()
        .map(|(column, task)| {
            let (key, title) = (text(&task["key"]), text(&task["title"]));
            vec![key, column.clone(), handles(&task["owners"]), title]
        })
        .collect();
    for line in aligned(&rows) {
        print_line(&line);
    }
    Ok(())
}

fn show(server: &Server, task: &Value) {
    let key = text(&task["key"]);
    print_line(&format!("{key}  {}", text(&task["title"])));
    let labels = task["labels"].as_array().into_iter().flatten();
    let labels: Vec<String> = labels.map(text).collect();
    let number = |value: &Value| value.as_i64().map(|number| number.to_string());
    let rows = [
        ("Column", text(&task["column"])),
        ("Owners", handles(&task["owners"])),
        ("Sprint", number(&task["sprint"]).unwrap_or_default()),
        ("Labels", labels.join(", ")),
        ("Estimate", number(&task["estimate"]).unwrap_or_default()),
        ("Due", text(&task["due"])),
        ("Page", server.page(&format!("/tasks/{key}"))),
    ];
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    for line in aligned(&rows) {
        print_line(&line);
    }
    for step in task["checklist"].as_array().into_iter().flatten() {
        let mark = if step["done"] == true { 'x' } else { ' ' };
        print_line(&format!("[{mark}] {}", text(&step["text"])));
    }
    let description = task["description"].as_str().unwrap_or_default();
    if !description.is_empty() {
        print_line("");
        for line in description.lines() {
            print_line(&text(&json!(line)));
        }
    }
}

async fn create(server: &Server, args: Create) -> Result<()> {
    let mut body = Map::new();
    body.insert("title".to_owned(), json!(args.title));
    let optional = [
        ("column", args.column.map(|column| json!(slug(&column)))),
        ("description", args.description.map(|text| json!(text))),
        ("sprint", args.sprint.map(|sprint| json!(sprint))),
        ("estimate", args.estimate.map(|points| json!(points))),
        ("due", args.due.map(|day| json!(day))),
    ];
    for (name, value) in optional {
        body.extend(value.map(|value| (name.to_owned(), value)));
    }
    body.insert("owners".to_owned(), json!(args.owners));
    body.insert("labels".to_owned(), json!(args.labels));
    let path = ["teams", &args.team, "tasks"];
    let task = server
        .send(Method::POST, &path, &[], Some(&Value::Object(body)))
        .await?;
    report(&task, args.json, "Created", "");
    Ok(())
}
