//! Filters of a board, in one language for the page, the API and saved filters: `owner:me
//! label:postgres -label:docs is:blocked age:>3d goal:2 "exact words"`.
//!
//! Several owners mean any of them; all other terms must match. A leading `-` negates a term.

pub mod parser;
pub mod sql;
pub mod terms;

use serde::Deserialize;

pub use crate::domain::{
    boards::filters::sql::{Moment, ResolvedSprint},
    text::literal,
};
use crate::domain::{
    boards::filters::{
        parser::{NAMES, example, parse_age, split},
        terms::{Condition, Filter, SprintChoice, Term},
    },
    error::{Problem, Result},
};

/// The filter's parameters in a URL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Vec<(String, String)>")]
pub struct FilterParams {
    pub(crate) sprint: String,
    pub(crate) owner: String,
    pub(crate) label: String,
    pub(crate) goal: String,
    pub(crate) q: String,
    /// How the board is grouped: `owner`, `goal`, or not at all.
    pub(crate) lanes: String,
}

impl FilterParams {
    /// How the board is grouped; an unknown name means not at all.
    pub(crate) fn known_lanes(&self) -> &'static str {
        match self.lanes.as_str() {
            "owner" => "owner",
            "goal" => "goal",
            _ => "",
        }
    }
}

impl From<Vec<(String, String)>> for FilterParams {
    /// All values of a repeated parameter count: the second and later ones become terms of `q`.
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
                "q" => {
                    field.push(' ');
                    field.push_str(&value);
                }
                _ => {
                    let value = value.replace('"', "");
                    params.q.push_str(&format!(" {name}:\"{value}\""));
                }
            }
        }
        params
    }
}

/// The longest filter, in characters and in terms. Each term is a condition of every query and a chip on the page.
const MAX_LENGTH: usize = 2000;
const MAX_TERMS: usize = 50;

fn too_long() -> Problem {
    Problem::field(
        "q",
        "A filter can have at most 50 terms and 2,000 characters.",
    )
}

impl Filter {
    /// Reads the filter of a URL; its separate parameters mean the same as their terms in `q`.
    ///
    /// # Errors
    /// `Invalid` for a filter that is too long. Terms that are not understood are in `unknown`.
    pub(crate) fn parse(params: &FilterParams) -> Result<Self> {
        let texts = [
            &params.sprint,
            &params.owner,
            &params.label,
            &params.goal,
            &params.q,
        ];
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        // A character has at most four bytes: counting them takes time for long texts.
        if bytes > MAX_LENGTH * 4
            || texts.iter().map(|text| text.chars().count()).sum::<usize>() > MAX_LENGTH
        {
            return Err(too_long());
        }
        let terms = split(&params.q);
        if terms.len() > MAX_TERMS {
            return Err(too_long());
        }
        let mut filter = Self::default();
        for (name, value) in [
            ("sprint", &params.sprint),
            ("owner", &params.owner),
            ("label", &params.label),
            ("goal", &params.goal),
        ] {
            if !value.trim().is_empty() {
                filter.add(false, name, value.trim());
            }
        }
        for (not, name, value) in terms {
            filter.add(not, &name, &value);
        }
        Ok(filter)
    }

    /// Reads a query in the filter language.
    pub(crate) fn read_query(q: &str) -> Result<Self> {
        Self::parse(&FilterParams {
            q: q.to_owned(),
            ..FilterParams::default()
        })
    }

    fn add(&mut self, not: bool, name: &str, value: &str) {
        let value = if name == "owner" {
            value.trim_start_matches('@')
        } else {
            value
        };
        let condition = match (name, value.to_lowercase().as_str()) {
            ("", _) if value.is_empty() => return,
            ("", _) => Ok(Condition::Text(value.to_owned())),
            (_, "") if NAMES.contains(&name) => Err(format!(
                "Filter “{name}:” needs a value, such as {name}:{}.",
                example(name)
            )),
            ("sprint", choice) if !not => match choice.parse() {
                Ok(choice) => {
                    self.sprint = choice;
                    return;
                }
                Err(message) => Err(message),
            },
            ("sprint", _) => Err(
                "Unknown filter “-sprint:”. Choose the sprint to show, such as sprint:next or sprint:none."
                    .to_owned(),
            ),
            ("owner", handle) => Ok(Condition::Owner(handle.to_owned())),
            ("label", label) => Ok(Condition::Label(label.to_owned())),
            ("goal", "none") => Ok(Condition::Goal(None)),
            ("goal", number) => number
                .parse()
                .map(|number| Condition::Goal(Some(number)))
                .map_err(|_| {
                    format!(
                        "Unknown filter “goal:{value}”. Use a goal's number, such as goal:2, or goal:none."
                    )
                }),
            ("is", "blocked") => Ok(Condition::Blocked),
            ("is", "unowned") => Ok(Condition::Unowned),
            ("is", "overdue") => Ok(Condition::Overdue),
            ("is", "done") => Ok(Condition::Done),
            ("is", "archived") => Ok(Condition::Archived),
            ("is", _) => Err(format!(
                "Unknown filter “is:{value}”. Try is:blocked, is:unowned, is:overdue, is:done or is:archived."
            )),
            ("age", age) => parse_age(age).ok_or_else(|| {
                format!("Unknown filter “age:{value}”. Try age:>3d, age:<12h or age:>1w.")
            }),
            _ => Err(format!(
                "Unknown filter “{name}:”. Try sprint, owner, label, goal, is or age."
            )),
        };
        match condition {
            Ok(condition) => {
                let term = Term { not, condition };
                if !self.terms.contains(&term) {
                    self.terms.push(term);
                }
            }
            Err(message) => self.unknown.push(message),
        }
    }

    /// Whether nothing but the sprint is filtered.
    pub(crate) fn is_plain(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether the result changes with time, even if no task changes.
    pub(crate) fn depends_on_time(&self) -> bool {
        self.terms
            .iter()
            .any(|term| matches!(term.condition, Condition::Age { .. } | Condition::Overdue))
    }

    pub(crate) fn wants_archived(&self) -> bool {
        self.terms
            .iter()
            .any(|term| term.condition == Condition::Archived && !term.not)
    }

    /// Replaces `me` by the reader's handle.
    pub(crate) fn for_reader(mut self, handle: &str) -> Self {
        for term in &mut self.terms {
            if term.condition == Condition::Owner("me".to_owned()) {
                term.condition = Condition::Owner(handle.to_owned());
            }
        }
        self
    }

    /// The query string for this filter, starting with `?`.
    pub(crate) fn query_string(&self, lanes: &str) -> String {
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

    /// Identifies what a page of this filter shows. The words themselves are on it only if some were not understood.
    pub(crate) fn cache_key(&self, q: &str, lanes: &str) -> String {
        let query = self.query_string(lanes);
        if self.unknown.is_empty() {
            query
        } else {
            format!("{query} {:?} {q}", self.unknown)
        }
    }

    /// The terms, written in the filter language.
    pub(crate) fn terms_text(&self) -> String {
        self.terms
            .iter()
            .map(Term::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Adds this term, or removes it if it is there.
    pub(crate) fn toggled(&self, condition: Condition) -> Self {
        let mut filter = self.clone();
        let before = filter.terms.len();
        filter
            .terms
            .retain(|term| term.not || term.condition != condition);
        if filter.terms.len() == before {
            filter.terms.push(Term {
                not: false,
                condition,
            });
        }
        filter
    }

    /// The same terms in another sprint.
    pub(crate) fn in_sprint(&self, sprint: SprintChoice) -> Self {
        Self {
            sprint,
            ..self.clone()
        }
    }
}
