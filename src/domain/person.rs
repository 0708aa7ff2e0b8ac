//! A person, as all features name one.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The public part of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Person {
    #[serde(skip_serializing)]
    pub id: Uuid,
    /// The username, without `@`.
    #[schema(example = "elif")]
    pub handle: String,
    /// The full name.
    #[schema(example = "Elif Hartmann")]
    pub name: String,
    #[serde(skip_serializing)]
    pub hue: i16,
}

/// The end of an account's id, by which the style sheet of pictures finds an avatar.
pub(crate) fn mark(account: Uuid) -> String {
    let id = account.simple().to_string();
    id.get(20..).unwrap_or_default().to_owned()
}

impl Person {
    /// As `mark`.
    pub(crate) fn mark(&self) -> String {
        mark(self.id)
    }

    /// At most two letters for the avatar.
    pub(crate) fn initials(&self) -> String {
        let mut letters = self
            .name
            .split_whitespace()
            .filter_map(|word| word.chars().next());
        let first = letters.next();
        first
            .into_iter()
            .chain(letters.next_back())
            .flat_map(char::to_uppercase)
            .collect()
    }

    /// The first part of the name.
    pub(crate) fn first_name(&self) -> &str {
        self.name.split_whitespace().next().unwrap_or(&self.name)
    }
}
