//! `fortnight standup`: what a team talks about in its standup.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::Value;

use crate::cli::{
    client::{
        server::Server,
        table::{aligned, handles, text},
        task::print_json,
    },
    output::print_line,
};

#[derive(Args, Debug)]
pub(crate) struct ShowStandup {
    /// The team's slug; not needed if there is only one
    team: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ShowStandup {
    pub(crate) async fn run(self) -> Result<()> {
        let server = Server::logged_in()?;
        let team = match self.team {
            Some(team) => team,
            None => only_team(&server).await?,
        };
        let standup = server.get(&["teams", &team, "standup"], &[]).await?;
        if self.json {
            print_json(&standup);
        } else {
            print(&standup);
        }
        Ok(())
    }
}

/// The team, if there is only one.
async fn only_team(server: &Server) -> Result<String> {
    let teams = server.get(&["teams"], &[]).await?;
    let teams = teams["teams"].as_array().into_iter().flatten();
    let mut slugs: Vec<String> = teams.map(|team| text(&team["slug"])).collect();
    match (slugs.len(), slugs.pop()) {
        (1, Some(team)) => Ok(team),
        (0, _) | (_, None) => bail!("you are on no team yet"),
        (_, Some(last)) => bail!("name a team: {}", [slugs, vec![last]].concat().join(", ")),
    }
}

fn print(standup: &Value) {
    let mut first = text(&standup["team"]);
    if let Some(sprint) = standup["sprint_name"].as_str() {
        first += &format!(", {sprint}, day {}", standup["day"]);
    }
    print_line(&first);
    let tally = text(&standup["tally"]);
    let tally = if tally.is_empty() {
        "no changes"
    } else {
        &tally
    };
    print_line(&format!("Since {}: {tally}", text(&standup["since"])));
    section("Needs attention", &standup["attention"], |task| {
        let (key, owners) = (text(&task["key"]), handles(&task["owners"]));
        vec![
            key,
            owners,
            format!("{} ({})", text(&task["title"]), text(&task["reason"])),
        ]
    });
    section("Goals in need", &standup["goals_in_need"], |goal| {
        let figures = format!("{} %, expected {} %", goal["progress"], goal["expected"]);
        vec![figures, text(&goal["title"])]
    });
    section("People", &standup["people"], |person| {
        vec![format!("@{}", text(&person["handle"])), work_of(person)]
    });
    section("Topics", &standup["topics"], |topic| {
        let asked = topic["asks"].as_str().map(|handle| format!(" @{handle}"));
        vec![format!(
            "{}{}",
            text(&topic["text"]),
            asked.unwrap_or_default()
        )]
    });
    section("Actions", &standup["actions"], |action| {
        let owner = action["owner"].as_str().map(|handle| format!(" @{handle}"));
        let due = action["due"].as_str().map(|day| format!(", by {day}"));
        let rest = format!("{}{}", owner.unwrap_or_default(), due.unwrap_or_default());
        vec![format!("{}{rest}", text(&action["text"]))]
    });
}

/// `INF-42 in progress, INF-40 in review`
fn work_of(person: &Value) -> String {
    if let Some(day) = person["away_until"].as_str() {
        return format!("away through {day}");
    }
    let mut work = Vec::new();
    for (field, state) in [
        ("doing", "in progress"),
        ("review", "in review"),
        ("blocked", "blocked"),
    ] {
        let keys = person[field].as_array().into_iter().flatten();
        work.extend(keys.map(|key| format!("{} {state}", text(key))));
    }
    match (work.is_empty(), person["suggested"].as_str()) {
        (false, _) => work.join(", "),
        (true, Some(key)) => format!("nothing in progress; could take {key}"),
        (true, None) => "nothing in progress".to_owned(),
    }
}

/// Prints a list under its title, unless it is empty.
fn section(title: &str, items: &Value, row: impl Fn(&Value) -> Vec<String>) {
    let rows: Vec<Vec<String>> = items.as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return;
    }
    print_line("");
    print_line(title);
    for line in aligned(&rows) {
        print_line(&format!("  {line}"));
    }
}
