//! The syntax of filters: parses and prints `owner:me label:postgres -label:docs age:>3d "exact
//! words"`.

use std::fmt;

use crate::domain::boards::filters::terms::{Condition, SprintChoice, Term};

/// The names of terms.
pub(crate) const NAMES: [&str; 6] = ["sprint", "owner", "label", "goal", "is", "age"];

pub(crate) fn example(name: &str) -> &'static str {
    match name {
        "sprint" => "next",
        "owner" => "me",
        "label" => "docs",
        "goal" => "2",
        "is" => "blocked",
        _ => ">3d",
    }
}

/// Splits a query into (negated, name, value); words without a name have an empty one.
pub(crate) fn split(q: &str) -> Vec<(bool, String, String)> {
    let mut terms = Vec::new();
    let mut chars = q.chars().peekable();
    loop {
        while chars.next_if(|letter| letter.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return terms;
        }
        let negated = chars.next_if_eq(&'-').is_some();
        let (mut name, mut value, mut quoted) = (String::new(), String::new(), false);
        while let Some(letter) = chars.next_if(|letter| quoted || !letter.is_whitespace()) {
            match letter {
                '"' => quoted = !quoted,
                ':' if !quoted && name.is_empty() && is_name(&value) => {
                    name = std::mem::take(&mut value).to_lowercase()
                }
                _ => value.push(letter),
            }
        }
        terms.push((negated, name, value));
    }
}

/// Everything else before a colon is text: times of day, addresses, Rust paths, error codes.
fn is_name(text: &str) -> bool {
    NAMES.iter().any(|name| text.eq_ignore_ascii_case(name))
}

pub(crate) fn parse_age(age: &str) -> Option<Condition> {
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
    (hours <= 24 * 3650).then_some(Condition::Age { longer, hours })
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
                        "Unknown filter “sprint:{text}”. Use sprint:this, sprint:next, sprint:none, sprint:all or a sprint's number."
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
        match &self.condition {
            Condition::Owner(handle) => write!(to, "owner:{}", Quoted(handle)),
            Condition::Label(label) => write!(to, "label:{}", Quoted(label)),
            Condition::Goal(None) => to.write_str("goal:none"),
            Condition::Goal(Some(number)) => write!(to, "goal:{number}"),
            Condition::Blocked => to.write_str("is:blocked"),
            Condition::Unowned => to.write_str("is:unowned"),
            Condition::Overdue => to.write_str("is:overdue"),
            Condition::Done => to.write_str("is:done"),
            Condition::Archived => to.write_str("is:archived"),
            Condition::Age { longer, hours } => {
                let sign = if *longer { '>' } else { '<' };
                if hours % 24 == 0 {
                    write!(to, "age:{sign}{}d", hours / 24)
                } else {
                    write!(to, "age:{sign}{hours}h")
                }
            }
            Condition::Text(text)
                if text.contains(|letter: char| {
                    letter.is_whitespace() || letter == ':' || letter == '-'
                }) =>
            {
                write!(to, "\"{text}\"")
            }
            Condition::Text(text) => to.write_str(text),
        }
    }
}

/// A value in filter syntax: values with spaces are quoted.
struct Quoted<'v>(&'v str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(char::is_whitespace) {
            write!(to, "\"{}\"", self.0)
        } else {
            to.write_str(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::boards::filters::terms::{Condition, Filter, SprintChoice};
    use proptest::prelude::*;

    #[test]
    fn filters_round_trip() {
        let filter = Filter::read_query(
            r#"owner:me label:postgres -label:docs is:blocked is:unowned age:>3d goal:2 "exact words" sprint:next"#,
        )
        .unwrap();
        assert!(filter.unknown.is_empty());
        assert_eq!(filter.sprint, SprintChoice::Next);
        assert_eq!(
            filter.terms_text(),
            r#"owner:me label:postgres -label:docs is:blocked is:unowned age:>3d goal:2 "exact words""#
        );
    }

    #[test]
    fn unknown_terms_are_reported() {
        let filter =
            Filter::read_query("is:tall age:>soon goal:x 12:30 https://example.org").unwrap();
        assert_eq!(filter.unknown.len(), 3);
        assert!(filter.unknown[0].starts_with("Unknown filter “is:tall”"));
        assert_eq!(filter.terms.len(), 2);
    }

    #[test]
    fn long_filters_are_refused_before_they_are_parsed() {
        let words = |count: usize| {
            (0..count)
                .map(|word| format!("w{word} "))
                .collect::<String>()
        };
        assert_eq!(Filter::read_query(&words(50)).unwrap().terms.len(), 50);
        assert!(Filter::read_query(&"å".repeat(2000)).is_ok());
        for long in [
            words(51),
            "å".repeat(2001),
            words(200_000),
            "é ".repeat(500_000),
        ] {
            assert!(Filter::read_query(&long).is_err());
        }
    }

    #[test]
    fn other_words_with_a_colon_are_text() {
        for word in [
            "localhost:8080",
            "std::vec",
            "error:E0308",
            "s3://bucket",
            "TODO:",
            "colour:red",
            "12:30",
            "C:\\temp",
        ] {
            let filter = Filter::read_query(word).unwrap();
            let asked = Condition::Text(word.to_owned());
            assert!(filter.unknown.is_empty(), "{:?}", filter.unknown);
            assert_eq!(filter.terms.len(), 1, "{word}");
            assert_eq!(filter.terms[0].condition, asked, "{word}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_and_round_trips(q in r#"(owner:|label:|goal:|is:|age:>|[-" @:,]|3d|none|done|.){0,40}"#) {
            let filter = Filter::read_query(&q).unwrap();
            let again = Filter::read_query(&filter.terms_text()).unwrap();
            prop_assert_eq!(again.terms, filter.terms);
        }
    }
}
