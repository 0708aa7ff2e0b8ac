//! Lists in parts: `?limit=20&cursor=…`, and the cursor of the next part in the response.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::domain::error::{Problem, Result};

/// The part of a list that a request asks for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct Paging {
    /// The most entries to return: from 1 to 100, by default 50
    #[param(value_type = Option<i32>, minimum = 1, maximum = 100, example = 50)]
    limit: Option<String>,
    /// `next_cursor` of the previous part; without it, the list starts from its beginning
    #[param(example = "NTB8MDE5MzczM2U")]
    cursor: Option<String>,
}

/// A part of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Page<T> {
    /// The entries, in order.
    pub(crate) items: Vec<T>,
    /// Send it as `cursor` for the next part; null in the last one.
    #[schema(example = "NTB8MDE5MzczM2U")]
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Changes every entry.
    pub(crate) fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            next_cursor: self.next_cursor,
        }
    }
}

impl Paging {
    /// The most entries to return.
    pub(crate) fn limit(&self) -> Result<usize> {
        self.limit_within(50, 100)
    }

    /// The most entries to return, for a list with other bounds.
    pub(crate) fn limit_within(&self, usual: usize, most: usize) -> Result<usize> {
        let Some(text) = &self.limit else {
            return Ok(usual);
        };
        let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(|| Problem::field("limit", format!("Enter a number from 1 to {most}.")))
    }

    /// What a list wrote into its cursor; `None` at its beginning.
    pub(crate) fn position<P>(&self, read: impl FnOnce(&str) -> Option<P>) -> Result<Option<P>> {
        let Some(cursor) = self.cursor.as_deref().filter(|cursor| !cursor.is_empty()) else {
            return Ok(None);
        };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let position = text.and_then(|text| read(&text));
        position.map(Some).ok_or_else(|| {
            Problem::field(
                "cursor",
                "This cursor is invalid. Send the next_cursor of a response, or none.",
            )
        })
    }

    /// Cuts a part out of a list that is short enough to be loaded as a whole. The next part starts after the last
    /// entry of this one, or at its place if it is gone meanwhile.
    pub(crate) fn cut<T>(&self, list: Vec<T>, id: impl Fn(&T) -> String) -> Result<Page<T>> {
        let limit = self.limit()?;
        let after = self.position(|text| {
            let (place, last) = text.split_once('|')?;
            Some((place.parse::<usize>().ok()?, last.to_owned()))
        })?;
        let start = match after {
            None => 0,
            Some((place, last)) => match list.iter().position(|entry| id(entry) == last) {
                Some(at) => at + 1,
                None => place,
            },
        };
        let end = start.saturating_add(limit);
        let has_more = list.len() > end;
        let items: Vec<T> = list.into_iter().skip(start).take(limit).collect();
        let last = items.last().filter(|_| has_more);
        let next_cursor = last.map(|last| encoded(&format!("{end}|{}", id(last))));
        Ok(Page { items, next_cursor })
    }

    /// The part of a list of which one more entry than `limit` was loaded, if there were that many.
    pub(crate) fn page<T>(
        &self,
        mut loaded: Vec<T>,
        limit: usize,
        position: impl Fn(&T) -> String,
    ) -> Page<T> {
        let has_more = loaded.len() > limit;
        loaded.truncate(limit);
        let last = loaded.last().filter(|_| has_more);
        Page {
            next_cursor: last.map(|last| encoded(&position(last))),
            items: loaded,
        }
    }
}

/// A position in a list as a cursor.
pub(super) fn encoded(position: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(position)
}
