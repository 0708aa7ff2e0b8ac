//! What is searched for: the words of the typed text, compared as `search_words` stores them.

use sqlx::PgExecutor;

use crate::domain::{
    error::{Problem, Result},
    text::{is_within, literal},
};

/// The most characters of a search.
pub(crate) const MAX_LENGTH: usize = 200;

/// The most words that are looked at.
const MAX_WORDS: usize = 10;

/// The words of a search. Each matches every word that begins with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    /// What was typed, without blanks around it.
    pub(crate) typed: String,
    /// Folded, each once.
    pub(crate) words: Vec<String>,
}

/// Splits a typed text into its words.
///
/// # Errors
/// `q` is invalid if it is longer than 200 characters.
pub(crate) async fn load_terms(db: impl PgExecutor<'_>, typed: &str) -> Result<Terms> {
    let typed = typed.trim();
    if !is_within(typed, MAX_LENGTH) {
        return Err(Problem::field(
            "q",
            format!("A search can have at most {MAX_LENGTH} characters."),
        ));
    }
    if typed.is_empty() {
        return Ok(Terms::default());
    }
    let words: Vec<String> = sqlx::query_scalar("SELECT tsvector_to_array(search_words($1))")
        .bind(typed)
        .fetch_one(db)
        .await?;
    Ok(Terms {
        typed: typed.to_owned(),
        words: words.into_iter().take(MAX_WORDS).collect(),
    })
}

impl Terms {
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The `tsquery` that a text must match.
    pub(super) fn query(&self) -> String {
        self.queries().join(" & ")
    }

    /// The `tsquery` of each word.
    pub(super) fn queries(&self) -> Vec<String> {
        self.words.iter().map(|word| beginning(word)).collect()
    }

    /// Patterns for LIKE, one for each word, the longest first.
    pub(super) fn patterns(&self) -> Vec<String> {
        let mut words = self.words.clone();
        words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        words
            .iter()
            .map(|word| format!("%{}%", literal(word)))
            .collect()
    }
}

/// The `tsquery` for all words that begin with this one.
fn beginning(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('\'', "''");
    format!("'{escaped}':*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted() {
        let terms = |words: &[&str]| Terms {
            typed: words.join(" "),
            words: words.iter().map(|&word| word.to_owned()).collect(),
        };
        let both = terms(&["po", "zebra"]);
        assert_eq!(both.query(), "'po':* & 'zebra':*");
        assert_eq!(terms(&["it's\\"]).queries(), ["'it''s\\\\':*"]);
        assert_eq!(both.patterns(), ["%zebra%", "%po%"]);
    }
}
