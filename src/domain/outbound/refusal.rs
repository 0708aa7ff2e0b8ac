//! Why a request was not sent, or has no usable response.

use std::{net::IpAddr, time::Duration};

/// Why a request was not sent, or has no usable response. The text is a sentence without its full stop, and may be shown
/// to the person who entered the address.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    #[error("“{0}” is not an address that starts with https:// or http://")]
    NotAnAddress(String),
    #[error(
        "{host} leads to {address}, which is not a public address. The operator can allow it with \
         --outgoing-allow {address}"
    )]
    Forbidden { host: String, address: IpAddr },
    #[error("an address on the internet must start with https://")]
    NotEncrypted,
    #[error("“{0}” is not the name of a server")]
    NotAHost(String),
    #[error("mail to {0} must be encrypted: only a server on this machine may do without")]
    NotEncryptedMail(String),
    #[error("{0} has no address")]
    UnknownHost(String),
    #[error("{host} did not answer within {} seconds", .time.as_secs())]
    TooSlow { host: String, time: Duration },
    #[error("{host} sent more than {} kB", .bytes / 1024)]
    TooLarge { host: String, bytes: usize },
    #[error("{host} cannot be reached: {reason}")]
    Failed { host: String, reason: String },
}
