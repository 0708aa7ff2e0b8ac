//! What a person wants to hear of by mail, and when.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, notifications::reason::Reason},
};

/// How a person hears of a reason by mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum Delivery {
    /// Within minutes, unless it was read meanwhile.
    AtOnce,
    /// On the mornings of standups.
    Digest,
    Never,
}

impl Delivery {
    pub(crate) const ALL: [Self; 3] = [Self::AtOnce, Self::Digest, Self::Never];

    /// The name in the database and in forms.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AtOnce => "at-once",
            Self::Digest => "digest",
            Self::Never => "never",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::AtOnce => "At once",
            Self::Digest => "In the digest",
            Self::Never => "Never",
        }
    }

    /// Reads a name of `as_str`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|delivery| delivery.as_str() == name)
    }

    /// The delivery of a reason that the person has not chosen.
    pub(crate) fn default_of(reason: Reason) -> Self {
        match reason {
            Reason::Mentioned | Reason::BlockedOnYou => Self::AtOnce,
            Reason::SprintStarted => Self::Never,
            Reason::Assigned
            | Reason::Review
            | Reason::Unblocked
            | Reason::Action
            | Reason::Request
            | Reason::RequestAnswered
            | Reason::DueSoon
            | Reason::Overdue
            | Reason::Comment
            | Reason::SprintClosed
            | Reason::Following => Self::Digest,
        }
    }

    /// The names of the reasons that have this delivery by default.
    pub(crate) fn defaults(self) -> Vec<&'static str> {
        let mine = |reason: &&Reason| Self::default_of(**reason) == self;
        let reasons = Reason::ALL.iter().filter(mine);
        reasons.map(|reason| reason.as_str()).collect()
    }
}

/// A person's choice for every reason.
#[derive(Clone, Debug)]
pub(crate) struct Choices(BTreeMap<Reason, Delivery>);

impl Choices {
    /// Loads a person's choices.
    pub(crate) async fn of(db: &Pool, account: Uuid) -> Result<Self> {
        let chosen: Vec<(String, Delivery)> =
            sqlx::query_as("SELECT reason, delivery FROM mail_choices WHERE account_id = $1")
                .bind(account)
                .fetch_all(db)
                .await?;
        let defaults = Reason::ALL
            .iter()
            .map(|reason| (*reason, Delivery::default_of(*reason)));
        let mut choices: BTreeMap<Reason, Delivery> = defaults.collect();
        for (reason, delivery) in chosen {
            if let Some(reason) = Reason::parse(&reason) {
                choices.insert(reason, delivery);
            }
        }
        Ok(Self(choices))
    }

    /// How the person hears of a reason.
    pub(crate) fn delivery(&self, reason: Reason) -> Delivery {
        self.0
            .get(&reason)
            .copied()
            .unwrap_or_else(|| Delivery::default_of(reason))
    }

    /// The names of the reasons with this delivery.
    pub(crate) fn reasons(&self, delivery: Delivery) -> Vec<&'static str> {
        let reasons = self.0.iter().filter(|(_, own)| **own == delivery);
        reasons.map(|(reason, _)| reason.as_str()).collect()
    }
}

/// Sets how a person hears of a reason.
pub(crate) async fn choose(
    db: &mut PgConnection,
    account: Uuid,
    reason: Reason,
    delivery: Delivery,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO mail_choices (account_id, reason, delivery) VALUES ($1, $2, $3)
         ON CONFLICT (account_id, reason) DO UPDATE SET delivery = excluded.delivery",
    )
    .bind(account)
    .bind(reason.as_str())
    .bind(delivery)
    .execute(db)
    .await?;
    Ok(())
}
