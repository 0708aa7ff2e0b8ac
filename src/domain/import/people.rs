//! Matches people of the other tool to accounts.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    import::{draft::ExternalUser, sanitize},
};

/// An account.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    pub(crate) handle: String,
    name: String,
    email: String,
    /// Not deactivated, so it can own tasks.
    pub(crate) active: bool,
}

/// All accounts, by handle, name and e-mail address.
pub(crate) struct People {
    by_handle: HashMap<String, Account>,
    /// `None` for a name that two people share, which matches neither.
    by_name: HashMap<String, Option<Account>>,
    by_email: HashMap<String, Account>,
}

impl People {
    pub(crate) async fn load(db: &mut PgConnection) -> Result<Self> {
        let accounts: Vec<Account> = sqlx::query_as(
            "SELECT id, handle, name, email, deactivated_at IS NULL AS active FROM accounts",
        )
        .fetch_all(db)
        .await?;
        let mut by_name: HashMap<String, Option<Account>> = HashMap::new();
        for account in &accounts {
            by_name
                .entry(account.name.to_lowercase())
                .and_modify(|other| *other = None)
                .or_insert_with(|| Some(account.clone()));
        }
        let by_email = accounts
            .iter()
            .map(|account| (account.email.to_lowercase(), account.clone()))
            .collect();
        let by_handle = accounts
            .into_iter()
            .map(|account| (account.handle.to_lowercase(), account))
            .collect();
        Ok(Self {
            by_handle,
            by_name,
            by_email,
        })
    }

    /// The account whose handle or e-mail address is their username, or else the one with their name.
    pub(crate) fn find(&self, user: &ExternalUser) -> Option<&Account> {
        let by_name = || {
            self.by_name
                .get(&user.name.to_lowercase())
                .and_then(Option::as_ref)
        };
        self.by_handle
            .get(&user.username.to_lowercase())
            .or_else(|| self.by_email.get(&user.username.to_lowercase()))
            .or_else(by_name)
    }
}

/// A person of whom a table has the name, or the e-mail address; `None` for nothing.
pub(crate) fn external_user(text: &str) -> Option<ExternalUser> {
    let text = sanitize::line(text, 100).0;
    if text.is_empty() {
        return None;
    }
    Some(match text.split_once('@') {
        Some((name, _)) => ExternalUser {
            name: name.to_owned(),
            username: text,
        },
        // A single word may be a username.
        None if !text.contains(' ') => ExternalUser {
            name: text.clone(),
            username: text,
        },
        None => ExternalUser {
            name: text,
            ..ExternalUser::default()
        },
    })
}
