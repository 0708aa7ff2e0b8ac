//! Fields of a body that changes something, where a missing field is not the same as null.

use serde::{Deserialize, Deserializer};

/// Deserializes a field that may be missing, null (which clears it), or have a value.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Deserializes a field that may be missing but not null: it has no empty value to be set to.
pub(crate) fn value<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
