//! Lists of IP networks in flags and environment variables.

use std::{net::IpAddr, str::FromStr, sync::Arc};

use ipnet::IpNet;

/// Networks and single addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Arc<[IpNet]>);

impl FromStr for Networks {
    type Err = String;

    /// Parses networks such as `10.0.0.0/8` or single addresses, separated by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let network = |word: &str| {
            let network = word
                .parse()
                .or_else(|_| word.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| {
                format!("“{word}” is neither a network such as 10.0.0.0/8 nor an address")
            })
        };
        text.split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl FromIterator<Self> for Networks {
    fn from_iter<T: IntoIterator<Item = Self>>(all: T) -> Self {
        Self(all.into_iter().flat_map(|some| some.0.to_vec()).collect())
    }
}

impl Networks {
    /// Whether one of them contains this address.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Each of them, as it is written in a flag.
    pub(crate) fn list(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}
