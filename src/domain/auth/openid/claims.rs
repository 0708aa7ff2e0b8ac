//! What a provider says of a person, as the JSON object of its claims.

use serde_json::{Map, Value};

/// More groups of one person are not read.
const MOST_GROUPS: usize = 1000;

/// Claims by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    /// The claims of a JSON object; none for any other value.
    pub(crate) fn of(value: Value) -> Self {
        match value {
            Value::Object(claims) => Self(claims),
            _ => Self::default(),
        }
    }

    /// Adds those of another source that are missing here.
    pub(crate) fn complete_with(&mut self, other: Self) {
        for (name, value) in other.0 {
            self.0.entry(name).or_insert(value);
        }
    }

    /// A claim that is a text which is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?.as_str()?.trim();
        Some(text).filter(|text| !text.is_empty())
    }

    /// The address, if the provider has verified it.
    pub(crate) fn verified_email(&self) -> Option<&str> {
        let is_verified = self.0.get("email_verified").and_then(Value::as_bool) == Some(true);
        self.text("email").filter(|_| is_verified)
    }

    /// The claim with this name; dots lead into objects, as in `realm_access.roles`.
    fn at(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(name) {
            return Some(value);
        }
        let (first, rest) = name.split_once('.')?;
        let start = self.0.get(first)?;
        rest.split('.')
            .try_fold(start, |value, part| value.get(part))
    }

    /// Whether there is a claim with this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.at(name).is_some()
    }

    /// The groups in the claim with this name: a list of texts, or one text.
    pub(crate) fn groups(&self, name: &str) -> Vec<String> {
        let value = self.at(name);
        let list: &[Value] = match value {
            Some(Value::Array(list)) => list,
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let texts = list.iter().filter_map(Value::as_str);
        // the database stores no NUL
        let usable = texts.filter(|text| !text.is_empty() && !text.contains('\0'));
        usable.take(MOST_GROUPS).map(ToOwned::to_owned).collect()
    }

    /// All of them, for a person to read.
    pub(crate) fn shown(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_are_read_from_each_form_that_providers_send() {
        let claims = Claims::of(json!({
            "groups": ["platform", "", 7, "a\0b", "data team"],
            "role": "admin",
            "realm_access": { "roles": ["lead"] },
            "https://example.org/groups": ["by.url"],
        }));
        assert_eq!(claims.groups("groups"), ["platform", "data team"]);
        assert_eq!(claims.groups("role"), ["admin"]);
        assert_eq!(claims.groups("realm_access.roles"), ["lead"]);
        assert_eq!(claims.groups("https://example.org/groups"), ["by.url"]);
        for missing in ["", ".", "realm_access", "realm_access.", "no.such"] {
            assert!(claims.groups(missing).is_empty(), "{missing}");
        }
    }

    #[test]
    fn only_true_means_that_an_address_is_verified() {
        for (verified, expected) in [
            (json!(true), true),
            (json!("true"), false),
            (json!(1), false),
        ] {
            let claims = Claims::of(json!({ "email": "a@b.example", "email_verified": verified }));
            assert_eq!(claims.verified_email().is_some(), expected, "{verified}");
        }
    }
}
