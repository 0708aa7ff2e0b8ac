//! What a chat message says, before it is written in the format of a product.

/// The longest text of a task, topic or goal in a message, in characters.
const LONGEST: usize = 120;

/// A message: a title, and lists below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) title: Line,
    pub(crate) sections: Vec<Section>,
}

/// A list with a heading, which may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// A line, in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line(pub(crate) Vec<Part>);

/// A part of a line. All texts are plain, and are escaped when they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Bold(String),
    Link { label: String, url: String },
}

impl Line {
    /// Adds plain text.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Part::Text(text.into()));
        self
    }

    /// Adds a text of a person, on one line and not too long.
    pub(crate) fn quoted(self, text: &str) -> Self {
        self.text(shortened(text))
    }

    /// Adds bold text.
    pub(crate) fn bold(mut self, text: &str) -> Self {
        self.0.push(Part::Bold(shortened(text)));
        self
    }

    /// Adds a link.
    pub(crate) fn link(mut self, label: &str, url: String) -> Self {
        self.0.push(Part::Link {
            label: shortened(label),
            url,
        });
        self
    }
}

impl Message {
    /// A message without lists.
    pub(crate) fn of(title: Line) -> Self {
        Self {
            title,
            sections: Vec::new(),
        }
    }
}

/// The beginning of a text, on one line.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let cut: String = line.chars().take(LONGEST).collect();
    format!("{}…", cut.trim_end())
}
