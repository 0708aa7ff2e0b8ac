//! Task keys, such as `INF-42`, and other texts from a URL.

use crate::domain::error::{Problem, Result};

/// Splits a task key into team key and number; lower case is accepted.
pub(crate) fn split_key(key: &str) -> Option<(String, i64)> {
    let (prefix, number) = key.rsplit_once('-')?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    let letters = !prefix.is_empty()
        && prefix.len() <= 10
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (digits && letters).then(|| Some((prefix.to_ascii_uppercase(), number.parse().ok()?)))?
}

/// The longest part of a URL that names something: a secret or a slug.
const MAX_LENGTH: usize = 200;

/// Refuses texts from a URL that the database cannot look up.
pub(crate) fn plain(address: &str) -> Result<&str> {
    if address.contains('\0') || address.len() > MAX_LENGTH {
        Err(Problem::NotFound)
    } else {
        Ok(address)
    }
}
