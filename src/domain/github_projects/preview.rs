//! What the first comparison of a project would do. Nothing is written, neither here nor there.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, github_projects::remote::ListedItem, import::sanitize, team::Team},
};

/// How many titles of each kind are shown.
const SHOWN: usize = 50;

/// How many items are looked at. Someone is waiting.
pub(crate) const MOST_PREVIEWED: usize = 2_000;

/// What would happen, in numbers and in some titles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preview {
    /// Items without a task.
    pub(crate) new_here: Titles,
    /// Tasks without an item.
    pub(crate) new_there: Titles,
    /// Tasks that were imported from an item: they get its values.
    pub(crate) matched: Titles,
    /// Items that this token does not show: they are left alone.
    pub(crate) hidden: usize,
    /// Items whose task here is archived: they are left alone.
    #[serde(default)]
    pub(crate) archived: usize,
    /// Whether there are more items than were looked at.
    pub(crate) is_partial: bool,
}

impl Preview {
    /// How many items were looked at.
    pub(crate) fn seen(&self) -> usize {
        self.new_here.count + self.matched.count + self.hidden + self.archived
    }

    /// What would be done, with its titles.
    pub(crate) fn kinds(&self) -> [(&'static str, &Titles); 3] {
        [
            ("Created here", &self.new_here),
            ("Created on GitHub", &self.new_there),
            ("Changed here", &self.matched),
        ]
    }
}

/// A number of things, and the titles of some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Titles {
    pub(crate) count: usize,
    pub(crate) titles: Vec<String>,
}

impl Titles {
    fn add(&mut self, title: String) {
        self.count += 1;
        if self.titles.len() < SHOWN {
            self.titles.push(title);
        }
    }

    /// How many are not shown.
    pub(crate) fn others(&self) -> usize {
        self.count - self.titles.len()
    }
}

/// The name under which a task remembers the item that it was made from.
pub(crate) fn source(item: &str, url: &str) -> String {
    let source = match url {
        "" => format!("github:{item}"),
        url => format!("github:{url}"),
    };
    source.chars().take(500).collect()
}

/// The names under which a task may remember the item: it may have been a draft before.
pub(crate) fn sources(item: &str, url: &str) -> [String; 2] {
    [source(item, url), source(item, "")]
}

/// Compares the items of a project with the tasks of a team, or of one of its projects.
pub(crate) async fn preview(
    db: &Pool,
    team: &Team,
    project: Option<Uuid>,
    items: &[ListedItem],
) -> Result<Preview> {
    let seen = || items.iter().filter(|item| !item.is_hidden);
    let of_each: Vec<[String; 2]> = seen().map(|item| sources(&item.id, &item.url)).collect();
    let sources: Vec<&str> = of_each.iter().flatten().map(String::as_str).collect();
    let matched: Vec<(String, i64, String, bool)> = sqlx::query_as(
        "SELECT imported_from, number, title, archived_at IS NOT NULL FROM tasks
         WHERE team_id = $1 AND imported_from = ANY($2) ORDER BY number",
    )
    .bind(team.id)
    .bind(&sources)
    .fetch_all(db)
    .await?;
    let others: Vec<(i64, String)> = sqlx::query_as(
        "SELECT number, title FROM tasks
         WHERE team_id = $1 AND archived_at IS NULL AND ($2::uuid IS NULL OR project_id = $2)
             AND (imported_from IS NULL OR imported_from <> ALL($3)) ORDER BY number",
    )
    .bind(team.id)
    .bind(project)
    .bind(&sources)
    .fetch_all(db)
    .await?;
    let named = |number: i64, title: &str| format!("{}-{number} {title}", team.key);
    let mut preview = Preview {
        hidden: items.iter().filter(|item| item.is_hidden).count(),
        is_partial: items.len() >= MOST_PREVIEWED,
        ..Preview::default()
    };
    let known: HashSet<&str> = matched.iter().map(|(from, ..)| from.as_str()).collect();
    for (item, sources) in seen().zip(&of_each) {
        if !sources.iter().any(|source| known.contains(source.as_str())) {
            preview.new_here.add(sanitize::title(&item.title).0);
        }
    }
    for (_, number, title, is_archived) in &matched {
        match is_archived {
            true => preview.archived += 1,
            false => preview.matched.add(named(*number, title)),
        }
    }
    for (number, title) in &others {
        preview.new_there.add(named(*number, title));
    }
    Ok(preview)
}
