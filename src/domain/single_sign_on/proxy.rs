//! People whom a trusted proxy in front has signed in.

use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::Change,
    single_sign_on::identities::{DEACTIVATED, create},
};

/// Finds the account with the address that the proxy has named, or creates it.
///
/// The proxy alone decides who may come in, so its word is enough for an existing account too. The inner error is the
/// reason why nobody is signed in.
pub(crate) async fn owner(
    change: &mut Change,
    email: &str,
) -> Result<std::result::Result<Uuid, &'static str>> {
    let is_address = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    if !is_address || email.len() > 254 || email.contains(char::is_whitespace) {
        return Ok(Err(
            "The proxy in front sent no e-mail address for you. Ask your administrator.",
        ));
    }
    let existing: Option<(Uuid, bool)> = sqlx::query_as(
        "SELECT id, deactivated_at IS NULL FROM accounts WHERE lower(email) = lower($1)",
    )
    .bind(email)
    .fetch_optional(change.db())
    .await?;
    match existing {
        Some((account, true)) => Ok(Ok(account)),
        Some((_, false)) => Ok(Err(DEACTIVATED)),
        None => create(change, email, None, "through the proxy")
            .await
            .map(Ok),
    }
}
