//! What a provider says of itself: its discovery document, with its keys.

use std::{future::Future, sync::Arc};

use openidconnect::{
    AdditionalProviderMetadata, ProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
        CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
        CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::sync::Mutex;

/// What a discovery document says of signing out.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SignOutMetadata {
    end_session_endpoint: Option<String>,
}

impl AdditionalProviderMetadata for SignOutMetadata {}

impl SignOutMetadata {
    /// Where people sign out at the provider.
    pub(super) fn end_session(&self) -> Option<String> {
        self.end_session_endpoint.clone()
    }

    /// Whether people can sign out at the provider.
    pub(crate) fn offers_sign_out(&self) -> bool {
        self.end_session_endpoint.is_some()
    }
}

/// A provider's discovery document, with its keys.
pub(crate) type Metadata = ProviderMetadata<
    SignOutMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// For how long the provider's keys are used again, in seconds, when it says that someone has signed out.
const KEYS_KEPT: i64 = 60;

/// The discovery document and keys that were read last, and of which issuer and when: one for the whole program, so that
/// strangers who send tokens do not make it send requests.
#[derive(Clone, Default)]
pub(crate) struct RecentMetadata(Arc<Mutex<Option<(String, i64, Metadata)>>>);

impl RecentMetadata {
    /// What the provider said within the last minute, or what it says now.
    pub(super) async fn get(
        &self,
        issuer: &str,
        now: OffsetDateTime,
        read: impl Future<Output = anyhow::Result<Metadata>>,
    ) -> anyhow::Result<Metadata> {
        let now = now.unix_timestamp();
        let mut recent = self.0.lock().await;
        if let Some((of, at, metadata)) = &*recent
            && of == issuer
            && (0..KEYS_KEPT).contains(&(now - at))
        {
            return Ok(metadata.clone());
        }
        let metadata = read.await?;
        *recent = Some((issuer.to_owned(), now, metadata.clone()));
        Ok(metadata)
    }
}
