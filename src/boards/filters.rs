//! What a board is narrowed to. One language, read by the page, the API and saved filters:
//! `owner:me label:postgres -label:docs is:blocked age:>3d goal:2 "exact words"`.
//!
//! Several owners mean any of them; everything else must hold together. A `-` in front turns a term round.

use std::fmt;

use serde::Deserialize;

mod conditions;

pub use conditions::{Moment, ResolvedSprint, literal};

/// The filter as it stands in an address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Vec<(String, String)>")]
pub struct FilterParams {
    pub sprint: String,
    pub owner: String,
    pub label: String,
    pub goal: String,
    pub q: String,
    /// How the board is grouped: `owner`, `goal`, or nothing.
    pub lanes: String,
}

impl From<Vec<(String, String)>> for FilterParams {
    /// A name that stands there more than once is all of its values: the others become terms of the language.
    fn from(pairs: Vec<(String, String)>) -> Self {
        let mut params = Self::default();
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            let field = match name.as_str() {
                "sprint" => &mut params.sprint,
                "owner" => &mut params.owner,
                "label" => &mut params.label,
                "goal" => &mut params.goal,
                "q" => &mut params.q,
                "lanes" => &mut params.lanes,
                _ => continue,
            };
            match name.as_str() {
                _ if field.is_empty() => *field = value,
                "lanes" => {}
                "q" => *field = format!("{field} {value}"),
                _ => params.q = format!("{} {name}:\"{}\"", params.q, value.replace('"', "")),
            }
        }
        params
    }
}

/// A filter that was understood, with the terms that were not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    pub sprint: SprintChoice,
    pub terms: Vec<Term>,
    /// A sentence each, for beside the box.
    pub unknown: Vec<String>,
}

/// Which sprints' tasks are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SprintChoice {
    #[default]
    This,
    Next,
    None,
    All,
    Number(i32),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    pub not: bool,
    pub asks: Asks,
}

/// What one term asks of a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Asks {
    Owner(String),
    Label(String),
    Goal(Option<i32>),
    Blocked,
    Unowned,
    Overdue,
    Done,
    Archived,
    /// Longer (or shorter) in its column than this many hours.
    Age {
        longer: bool,
        hours: u32,
    },
    Words(String),
}

impl Filter {
    /// Reads an address's filter; its separate fields mean the same as their terms in `q`.
    pub fn read(params: &FilterParams) -> Self {
        let mut filter = Self::default();
        for (name, value) in
            [("sprint", &params.sprint), ("owner", &params.owner), ("label", &params.label), ("goal", &params.goal)]
        {
            if !value.trim().is_empty() {
                filter.add(false, name, value.trim());
            }
        }
        for (not, name, value) in split(&params.q) {
            filter.add(not, &name, &value);
        }
        filter
    }

    /// Reads the language alone.
    pub fn read_query(q: &str) -> Self {
        Self::read(&FilterParams { q: q.to_owned(), ..FilterParams::default() })
    }

    fn add(&mut self, not: bool, name: &str, value: &str) {
        let value = if name == "owner" { value.trim_start_matches('@') } else { value };
        let asks = match (name, value.to_lowercase().as_str()) {
            ("", _) if value.is_empty() => return,
            ("", _) => Ok(Asks::Words(value.to_owned())),
            (_, "") if NAMES.contains(&name) => {
                Err(format!("{name}: needs something behind it, as {name}:{}.", example(name)))
            }
            ("sprint", choice) if !not => match choice.parse() {
                Ok(choice) => {
                    self.sprint = choice;
                    return;
                }
                Err(why) => Err(why),
            },
            ("sprint", _) => {
                Err("-sprint: is not known. Choose the sprint to show, as sprint:next or sprint:none.".to_owned())
            }
            ("owner", handle) => Ok(Asks::Owner(handle.to_owned())),
            ("label", label) => Ok(Asks::Label(label.to_owned())),
            ("goal", "none") => Ok(Asks::Goal(None)),
            ("goal", number) => number
                .parse()
                .map(|number| Asks::Goal(Some(number)))
                .map_err(|_| format!("goal:{value} is not known. A goal is its number, as goal:2, or goal:none.")),
            ("is", "blocked") => Ok(Asks::Blocked),
            ("is", "unowned") => Ok(Asks::Unowned),
            ("is", "overdue") => Ok(Asks::Overdue),
            ("is", "done") => Ok(Asks::Done),
            ("is", "archived") => Ok(Asks::Archived),
            ("is", _) => Err(format!(
                "is:{value} is not known. There are is:blocked, is:unowned, is:overdue, is:done and is:archived."
            )),
            ("age", age) => read_age(age)
                .ok_or_else(|| format!("age:{value} is not known. An age is as age:>3d, age:<12h or age:>1w.")),
            _ => Err(format!("{name}: is not known. There are sprint, owner, label, goal, is and age.")),
        };
        match asks {
            Ok(asks) => {
                let term = Term { not, asks };
                if !self.terms.contains(&term) {
                    self.terms.push(term);
                }
            }
            Err(why) => self.unknown.push(why),
        }
    }

    /// Whether nothing but the sprint is chosen.
    pub fn is_plain(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether the answer changes as time goes by, though no task does.
    pub fn depends_on_time(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.asks, Asks::Age { .. } | Asks::Overdue))
    }

    pub fn wants_archived(&self) -> bool {
        self.terms.iter().any(|term| term.asks == Asks::Archived && !term.not)
    }

    /// The same filter with `me` replaced by whom that is.
    pub fn for_reader(mut self, handle: &str) -> Self {
        for term in &mut self.terms {
            if term.asks == Asks::Owner("me".to_owned()) {
                term.asks = Asks::Owner(handle.to_owned());
            }
        }
        self
    }

    /// The address's query for this filter, beginning with `?`.
    pub fn address(&self, lanes: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("sprint", &self.sprint.to_string());
        let terms = self.terms_text();
        if !terms.is_empty() {
            query.append_pair("q", &terms);
        }
        if !lanes.is_empty() {
            query.append_pair("lanes", lanes);
        }
        format!("?{}", query.finish())
    }

    /// The terms, written as the language.
    pub fn terms_text(&self) -> String {
        self.terms.iter().map(Term::to_string).collect::<Vec<_>>().join(" ")
    }

    /// The same filter with this term, or without it if it was there.
    pub fn toggled(&self, asks: Asks) -> Self {
        let mut filter = self.clone();
        let before = filter.terms.len();
        filter.terms.retain(|term| term.not || term.asks != asks);
        if filter.terms.len() == before {
            filter.terms.push(Term { not: false, asks });
        }
        filter
    }

    /// The same terms in another sprint.
    pub fn in_sprint(&self, sprint: SprintChoice) -> Self {
        Self { sprint, ..self.clone() }
    }
}

/// What terms are called.
const NAMES: [&str; 6] = ["sprint", "owner", "label", "goal", "is", "age"];

fn example(name: &str) -> &'static str {
    match name {
        "sprint" => "next",
        "owner" => "me",
        "label" => "docs",
        "goal" => "2",
        "is" => "blocked",
        _ => ">3d",
    }
}

/// Cuts a query into (turned round?, name, value); words without a name have an empty one.
fn split(q: &str) -> Vec<(bool, String, String)> {
    let mut terms = Vec::new();
    let mut letters = q.chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        if letters.peek().is_none() {
            return terms;
        }
        let not = letters.next_if_eq(&'-').is_some();
        let (mut name, mut value, mut quoted) = (String::new(), String::new(), false);
        while let Some(letter) = letters.next_if(|letter| quoted || !letter.is_whitespace()) {
            match letter {
                '"' => quoted = !quoted,
                ':' if !quoted && name.is_empty() && is_name(&value) => {
                    name = std::mem::take(&mut value).to_lowercase()
                }
                _ => value.push(letter),
            }
        }
        if !name.is_empty() && value.is_empty() && !NAMES.contains(&name.as_str()) {
            value = std::mem::take(&mut name) + ":";
        }
        terms.push((not, name, value));
    }
}

/// Times of day, addresses and Rust paths have colons too; a term's name is a word of letters.
fn is_name(text: &str) -> bool {
    (2..=12).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !text.eq_ignore_ascii_case("http")
        && !text.eq_ignore_ascii_case("https")
}

fn read_age(age: &str) -> Option<Asks> {
    let (longer, rest) = match age.strip_prefix('<') {
        Some(rest) => (false, rest),
        None => (true, age.strip_prefix('>').unwrap_or(age)),
    };
    let unit = rest.chars().next_back()?;
    let number: u32 = rest[..rest.len() - unit.len_utf8()].parse().ok()?;
    let hours = number.checked_mul(match unit {
        'h' => 1,
        'd' => 24,
        'w' => 24 * 7,
        _ => return None,
    })?;
    (hours <= 24 * 3650).then_some(Asks::Age { longer, hours })
}

impl std::str::FromStr for SprintChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "this" => Self::This,
            "next" => Self::Next,
            "none" => Self::None,
            "all" => Self::All,
            number => match number.parse() {
                Ok(number) if number >= 1 => Self::Number(number),
                _ => {
                    return Err(format!(
                        "sprint:{text} is not known. There are this, next, none, all and a sprint's number."
                    ));
                }
            },
        })
    }
}

impl fmt::Display for SprintChoice {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::This => to.write_str("this"),
            Self::Next => to.write_str("next"),
            Self::None => to.write_str("none"),
            Self::All => to.write_str("all"),
            Self::Number(number) => write!(to, "{number}"),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.not {
            to.write_str("-")?;
        }
        match &self.asks {
            Asks::Owner(handle) => write!(to, "owner:{}", Quoted(handle)),
            Asks::Label(label) => write!(to, "label:{}", Quoted(label)),
            Asks::Goal(None) => to.write_str("goal:none"),
            Asks::Goal(Some(number)) => write!(to, "goal:{number}"),
            Asks::Blocked => to.write_str("is:blocked"),
            Asks::Unowned => to.write_str("is:unowned"),
            Asks::Overdue => to.write_str("is:overdue"),
            Asks::Done => to.write_str("is:done"),
            Asks::Archived => to.write_str("is:archived"),
            Asks::Age { longer, hours } => {
                let sign = if *longer { '>' } else { '<' };
                if hours % 24 == 0 { write!(to, "age:{sign}{}d", hours / 24) } else { write!(to, "age:{sign}{hours}h") }
            }
            Asks::Words(words)
                if words.contains(|letter: char| letter.is_whitespace() || letter == ':' || letter == '-') =>
            {
                write!(to, "\"{words}\"")
            }
            Asks::Words(words) => to.write_str(words),
        }
    }
}

/// A value as the language writes it: what has a blank in it stands between quotes.
struct Quoted<'v>(&'v str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(char::is_whitespace) { write!(to, "\"{}\"", self.0) } else { to.write_str(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_language_reads_and_writes_itself() {
        let filter = Filter::read_query(
            r#"owner:me label:postgres -label:docs is:blocked is:unowned age:>3d goal:2 "exact words" sprint:next"#,
        );
        assert!(filter.unknown.is_empty());
        assert_eq!(filter.sprint, SprintChoice::Next);
        assert_eq!(
            filter.terms_text(),
            r#"owner:me label:postgres -label:docs is:blocked is:unowned age:>3d goal:2 "exact words""#
        );
    }

    #[test]
    fn unknown_terms_are_named_and_not_swallowed() {
        let filter = Filter::read_query("colour:red is:tall age:>soon goal:x 12:30 https://example.org");
        assert_eq!(filter.unknown.len(), 4);
        assert!(filter.unknown[0].starts_with("colour:"));
        assert_eq!(filter.terms.len(), 2);
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_what_was_read_reads_the_same(q in r#"(owner:|label:|goal:|is:|age:>|[-" @:,]|3d|none|done|.){0,40}"#) {
            let filter = Filter::read_query(&q);
            let again = Filter::read_query(&filter.terms_text());
            prop_assert_eq!(again.terms, filter.terms);
        }
    }
}
