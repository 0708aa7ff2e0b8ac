//! Flags for the requests that Fortnight itself sends.

use clap::Args;

use crate::config::networks::Networks;

/// The flags, accepted by every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct OutgoingFlags {
    /// Networks, such as 10.0.0.0/8, that Fortnight may send requests to although they are not public
    #[arg(
        long,
        env = "FORTNIGHT_OUTGOING_ALLOW",
        value_name = "NETWORK",
        global = true
    )]
    outgoing_allow: Vec<Networks>,
}

impl OutgoingFlags {
    /// The networks that are allowed although they are not public.
    pub(crate) fn allowed(&self) -> Networks {
        self.outgoing_allow.iter().cloned().collect()
    }
}
