//! Decides which addresses a request may go to.

use std::net::IpAddr;

use crate::{
    config::networks::Networks,
    domain::outbound::{addresses::is_public, refusal::OutgoingError},
};

/// Which addresses may be reached.
#[derive(Debug)]
pub(super) struct Guard {
    allowed: Networks,
    is_encrypted: bool,
}

impl Guard {
    /// For requests by https, or for mail: allows public addresses and these networks.
    pub(super) fn encrypted(allowed: Networks) -> Self {
        Self {
            allowed,
            is_encrypted: true,
        }
    }

    /// For requests by http: allows these networks only. What is sent there is often a secret.
    pub(super) fn plain(allowed: Networks) -> Self {
        Self {
            allowed,
            is_encrypted: false,
        }
    }

    /// The networks that are allowed although they are not public.
    pub(super) fn allowed(&self) -> &Networks {
        &self.allowed
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.is_encrypted && is_public(address)
            || self.allowed.has(address)
            || self.allowed.has(address.to_canonical())
    }

    /// Returns those addresses that may be reached.
    pub(super) fn check(
        &self,
        host: &str,
        addresses: Vec<IpAddr>,
    ) -> Result<Vec<IpAddr>, OutgoingError> {
        let first = addresses.first().copied();
        let mut allowed = addresses;
        allowed.retain(|address| self.allows(*address));
        match (allowed.is_empty(), first) {
            (false, _) => Ok(allowed),
            (true, Some(address)) if is_public(address) => Err(OutgoingError::NotEncrypted),
            (true, Some(address)) => Err(OutgoingError::Forbidden {
                host: host.to_owned(),
                address,
            }),
            (true, None) => Err(OutgoingError::UnknownHost(host.to_owned())),
        }
    }
}
