//! The names under which the server may be reached.

use std::net::IpAddr;

use axum::http::Uri;

/// The host of the public URL, and the names of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    public: String,
}

impl Hosts {
    /// The hosts of a server with this public URL.
    pub(crate) fn of(public_url: &str) -> Self {
        let url: Option<Uri> = public_url.parse().ok();
        let public = url.as_ref().and_then(Uri::host).unwrap_or_default();
        Self {
            public: public.to_ascii_lowercase(),
        }
    }

    /// Whether a `Host` header names this server; its port does not matter. Without a name of its own, the server
    /// may be reached by any address: only names can be made to lead elsewhere.
    pub(crate) fn has(&self, host: &str) -> bool {
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        match host.rsplit_once(':') {
            Some((name, port)) if is_port(port) => self.is_named(name),
            _ => self.is_named(host),
        }
    }

    fn is_named(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if host == self.public || host == "localhost" || host.ends_with(".localhost") {
            return true;
        }
        // localhost is the default public URL: it does not mean that only this machine may connect.
        let has_name = address_of(&self.public).is_none() && self.public != "localhost";
        address_of(&host).is_some_and(|address| address.is_loopback() || !has_name)
    }
}

/// The IP address that a host is, if it is one.
fn address_of(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_name_and_this_machine_are_served() {
        let hosts = Hosts::of("https://board.example.org");
        for own in [
            "board.example.org",
            "Board.Example.org.",
            "board.example.org:443",
            "localhost:8042",
            "app.localhost",
            "127.0.0.1:8042",
            "[::1]:8042",
        ] {
            assert!(hosts.has(own), "{own}");
        }
        for other in [
            "evil.test",
            "board.example.org.evil.test",
            "xboard.example.org",
            "192.0.2.7",
            "10.0.0.7:80",
            "[2001:db8::1]",
            "",
            "?",
            "127.0.0.1.evil.test",
            "localhost.evil.test",
        ] {
            assert!(!hosts.has(other), "{other}");
        }
    }

    #[test]
    fn without_a_name_any_address_is_served_and_no_name() {
        for url in ["http://127.0.0.1:8042", "http://localhost:8042"] {
            let hosts = Hosts::of(url);
            for own in [
                "192.0.2.7:8042",
                "[2001:db8::1]:8042",
                "127.0.0.1",
                "localhost",
            ] {
                assert!(hosts.has(own), "{url}: {own}");
            }
            assert!(!hosts.has("evil.test:8042"));
        }
    }
}
