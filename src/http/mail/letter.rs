//! A mail as text and as HTML, both from the same parts.

use askama::Template;

use crate::{domain::error::Result, http::page::Rendered};

/// What a mail says.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "mail/letter.html")]
pub(super) struct Letter {
    pub(super) title: String,
    pub(super) intro: String,
    pub(super) sections: Vec<Section>,
    /// Label and URL of the one thing to do.
    pub(super) button: Option<(String, String)>,
    /// Links at the end: label and URL.
    pub(super) footer: Vec<(String, String)>,
}

/// A list with a heading.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    pub(super) heading: String,
    pub(super) rows: Vec<Row>,
}

/// Something with a page of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) title: String,
    pub(super) key: String,
    pub(super) url: String,
    pub(super) lines: Vec<String>,
}

impl Letter {
    /// The HTML part.
    pub(super) fn html(&self) -> Result<String> {
        Ok(Rendered::of(self)?.to_string())
    }

    /// The text part.
    pub(super) fn text(&self) -> String {
        let mut parts = vec![self.title.clone()];
        parts.extend(Some(self.intro.clone()).filter(|intro| !intro.is_empty()));
        for section in &self.sections {
            if !section.heading.is_empty() {
                let underline = "-".repeat(section.heading.chars().count());
                parts.push(format!("{}\n{underline}", section.heading));
            }
            for row in &section.rows {
                let mut lines = vec![format!("{} ({})", row.title, row.key)];
                lines.extend(row.lines.iter().map(|line| format!("  {line}")));
                lines.push(format!("  {}", row.url));
                parts.push(lines.join("\n"));
            }
        }
        parts.extend(
            self.button
                .iter()
                .map(|(label, url)| format!("{label}:\n{url}")),
        );
        let footer: Vec<String> = self
            .footer
            .iter()
            .map(|(label, url)| format!("{label}: {url}"))
            .collect();
        parts.push(format!("-- \n{}", footer.join("\n")));
        parts.join("\n\n") + "\n"
    }
}
