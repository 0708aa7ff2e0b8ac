//! The formats that are imported.

use anyhow::{Context, Result, ensure};

use crate::domain::import::{
    archive,
    draft::Draft,
    fields::{
        self,
        columns::Field,
        formats::{ASANA, PLANE},
    },
    file::{self, OtherText},
    github, jira, kanboard, linear, planka, taiga, trello, vikunja, wekan,
};

/// The tool that exported a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Source {
    Asana,
    /// Any table of comma-separated values.
    Csv,
    Github,
    Jira,
    Kanboard,
    Linear,
    Plane,
    Planka,
    Taiga,
    Trello,
    Vikunja,
    Wekan,
}

impl Source {
    pub(crate) const ALL: [Self; 12] = [
        Self::Asana,
        Self::Github,
        Self::Jira,
        Self::Kanboard,
        Self::Linear,
        Self::Plane,
        Self::Planka,
        Self::Taiga,
        Self::Trello,
        Self::Vikunja,
        Self::Wekan,
        Self::Csv,
    ];

    /// The format of this name, as `fortnight import` calls it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Asana => "asana",
            Self::Csv => "csv",
            Self::Github => "github",
            Self::Jira => "jira",
            Self::Kanboard => "kanboard",
            Self::Linear => "linear",
            Self::Plane => "plane",
            Self::Planka => "planka",
            Self::Taiga => "taiga",
            Self::Trello => "trello",
            Self::Vikunja => "vikunja",
            Self::Wekan => "wekan",
        }
    }

    /// The name of the tool, and of the file that is read.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Asana => "Asana (CSV)",
            Self::Csv => "Another tool or a spreadsheet (CSV)",
            Self::Github => "GitHub (JSON of issues or a project, or a project's view)",
            Self::Jira => "Jira (CSV or XML)",
            Self::Kanboard => "Kanboard (CSV, or JSON of its API)",
            Self::Linear => "Linear (CSV)",
            Self::Plane => "Plane (CSV or JSON)",
            Self::Planka => "Planka (JSON of its API)",
            Self::Taiga => "Taiga (JSON)",
            Self::Trello => "Trello (JSON)",
            Self::Vikunja => "Vikunja (zip)",
            Self::Wekan => "WeKan (JSON)",
        }
    }

    /// Reads the contents of a file of this format. `name` is for messages, and `columns` is what was chosen for a table of
    /// another tool.
    ///
    /// # Errors
    /// If the file is not of this format, or damaged, or lacks a chosen column.
    pub fn parse(
        self,
        mut bytes: Vec<u8>,
        name: &str,
        columns: &[(Field, String)],
    ) -> Result<Draft> {
        let other = match self {
            Self::Trello | Self::Planka | Self::Taiga | Self::Vikunja | Self::Wekan => {
                OtherText::Refused
            }
            _ => OtherText::Windows1252,
        };
        if self == Self::Vikunja && archive::is_zip(&bytes) {
            bytes = archive::file(&bytes, "data.json")?;
        }
        let text = file::text(bytes, name, other, self == Self::Jira)?;
        match self {
            Self::Asana => fields::parse(&text, &ASANA),
            Self::Csv => fields::parse_any(&text, columns),
            Self::Github => github::parse(text),
            Self::Jira => jira::parse(text),
            Self::Kanboard => kanboard::parse(text),
            Self::Linear => linear::parse(text),
            Self::Plane => fields::parse(&as_table(text)?, &PLANE),
            Self::Planka => planka::parse(text),
            Self::Taiga => taiga::parse(text),
            Self::Trello => trello::parse(text),
            Self::Vikunja => vikunja::parse(text),
            Self::Wekan => wekan::parse(text),
        }
    }
}

/// The most fields of flat JSON objects together: each row of the table has a cell for each.
const MOST_FIELDS: usize = 200;

/// A list of flat JSON objects as a table; a table stays as it is.
fn as_table(text: String) -> Result<String> {
    if !text.trim_ascii_start().starts_with('[') {
        return Ok(text);
    }
    let rows: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(&text).context("the file cannot be read as JSON")?;
    let mut names: Vec<&String> = Vec::new();
    for row in &rows {
        for name in row.keys() {
            if !names.contains(&name) {
                names.push(name);
            }
            ensure!(
                names.len() <= MOST_FIELDS,
                "the file's rows have more than {MOST_FIELDS} different fields"
            );
        }
    }
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(&names)?;
    for row in &rows {
        table.write_record(names.iter().map(|name| match row.get(*name) {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(serde_json::Value::Array(items)) => {
                let texts = items.iter().filter_map(serde_json::Value::as_str);
                texts.collect::<Vec<_>>().join(",")
            }
            Some(other) => other.to_string(),
        }))?;
    }
    Ok(String::from_utf8(table.into_inner()?)?)
}
