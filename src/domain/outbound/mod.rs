//! Sends requests to addresses that people entered: one client that reaches public addresses only, unless the operator
//! allows more (`--outgoing-allow`).
//!
//! By http only those are reached: what is sent is often a secret.
//!
//! A name is resolved once, and the connection goes to the address that was checked. Redirects are not followed, a
//! response is read up to a limit, and proxies of the environment are not used: they would hide the address.

pub mod addresses;
mod guard;
mod refusal;
mod resolver;
pub(crate) mod webhook_url;

use std::{
    error::Error,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{
    Client, Request, Response, StatusCode, Url,
    header::{self, HeaderMap},
    redirect,
};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use url::Host;

pub use crate::domain::outbound::{
    refusal::OutgoingError,
    resolver::{Lookup, SystemLookup},
};
use crate::{
    config::networks::Networks,
    db::tls,
    domain::outbound::{guard::Guard, resolver::Resolver},
};

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From its start to the end of the response.
    pub time: Duration,
    /// The length of the response's body.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(10),
            bytes: 1024 * 1024,
        }
    }
}

/// A response with its whole body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// The longest time that a server may ask us to wait.
const LONGEST_WAIT: time::Duration = time::Duration::hours(24);

impl Answer {
    /// How long the server wants us to wait: seconds, with or without a fraction, or a date. At most a day.
    pub(crate) fn retry_after(&self, now: OffsetDateTime) -> Option<time::Duration> {
        let text = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = match text.parse::<f64>() {
            Ok(seconds) if (0.0..1e9).contains(&seconds) => {
                time::Duration::seconds_f64(seconds.ceil())
            }
            Ok(_) => return None,
            Err(_) => OffsetDateTime::parse(text, &Rfc2822).ok()? - now,
        };
        Some(wait.clamp(time::Duration::SECOND, LONGEST_WAIT))
    }
}

/// The client for every request to an address that was entered on a page or in a flag.
#[derive(Clone)]
pub struct OutgoingClient {
    encrypted: Arc<SchemeClient>,
    plain: Arc<SchemeClient>,
    limits: Limits,
    lookup: Arc<dyn Lookup>,
}

/// The client for requests by https, or by http, and where they may go.
struct SchemeClient {
    guard: Arc<Guard>,
    /// Made for the first request: it reads the system's certificates.
    client: OnceLock<Client>,
}

impl SchemeClient {
    fn new(guard: Guard) -> Arc<Self> {
        Arc::new(Self {
            guard: Arc::new(guard),
            client: OnceLock::new(),
        })
    }
}

impl OutgoingClient {
    /// A client that reaches public addresses and these networks.
    #[must_use]
    pub fn new(allowed: Networks) -> Self {
        Self::with(allowed, Limits::default(), Arc::new(SystemLookup))
    }

    /// As [`OutgoingClient::new`], with other limits and another way to find the addresses of a name.
    #[must_use]
    pub fn with(allowed: Networks, limits: Limits, lookup: Arc<dyn Lookup>) -> Self {
        Self {
            encrypted: SchemeClient::new(Guard::encrypted(allowed.clone())),
            plain: SchemeClient::new(Guard::plain(allowed)),
            limits,
            lookup,
        }
    }

    /// The networks that may be reached although they are not public.
    #[must_use]
    pub fn allowed(&self) -> &Networks {
        self.encrypted.guard.allowed()
    }

    /// Reads an address before it is stored, and checks where it leads now. It is checked again whenever it is used. The
    /// text is not repeated in errors: it may contain a secret.
    ///
    /// # Errors
    /// If it is no http or https address, or leads where requests may not go. By http, that is everywhere but in
    /// networks that the operator allows.
    pub async fn check(&self, text: &str) -> Result<Url, OutgoingError> {
        let not_an_address = || OutgoingError::NotAnAddress("This".to_owned());
        let url = Url::parse(text).map_err(|_| not_an_address())?;
        self.check_literal(&url).map_err(|error| match error {
            OutgoingError::NotAnAddress(_) => not_an_address(),
            error => error,
        })?;
        if let Some(Host::Domain(name)) = url.host() {
            let found = self.lookup.addresses(name.to_owned()).await;
            let found = found.map_err(|_| OutgoingError::UnknownHost(name.to_owned()))?;
            self.of_scheme(&url).guard.check(name, found)?;
        }
        Ok(url)
    }

    /// The addresses of a host that may be reached. Connecting to one of them reaches what was checked.
    ///
    /// # Errors
    /// If it is no host, has no address, or leads only where requests may not go.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, OutgoingError> {
        let found = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => match Host::parse(host) {
                Ok(Host::Ipv4(address)) => vec![address.into()],
                Ok(Host::Ipv6(address)) => vec![address.into()],
                Ok(Host::Domain(name)) => {
                    let found = self.lookup.addresses(name).await;
                    found.map_err(|_| OutgoingError::UnknownHost(host.to_owned()))?
                }
                Err(_) => return Err(OutgoingError::NotAHost(host.to_owned())),
            },
        };
        self.encrypted.guard.check(host, found)
    }

    /// Checks the scheme, and an address that is written in the URL itself, which no resolver is asked for. The URL's
    /// parser has brought every notation of one, such as 127.1 or 0x7f000001, into its usual form.
    fn check_literal(&self, url: &Url) -> Result<(), OutgoingError> {
        let is_http = matches!(url.scheme(), "http" | "https");
        let has_user = !url.username().is_empty() || url.password().is_some();
        let address: IpAddr = match url.host() {
            Some(host) if is_http && !has_user => match host {
                Host::Domain(_) => return Ok(()),
                Host::Ipv4(address) => address.into(),
                Host::Ipv6(address) => address.into(),
            },
            _ => return Err(OutgoingError::NotAnAddress(shown(url))),
        };
        let host = url.host_str().unwrap_or_default();
        self.of_scheme(url)
            .guard
            .check(host, vec![address])
            .map(|_| ())
    }

    /// Sends a request and reads the response. A redirect is a response like any other.
    ///
    /// # Errors
    /// If the address may not be reached, or the response is late, too long or missing.
    pub async fn send(&self, request: Request) -> Result<Answer, OutgoingError> {
        self.check_literal(request.url())?;
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let client = self.client(request.url(), &host)?;
        let outcome = tokio::time::timeout(self.limits.time, async {
            let response = client.execute(request).await;
            match response {
                Ok(response) => self.read(&host, response).await,
                Err(error) => Err(explain(&host, error)),
            }
        });
        outcome.await.unwrap_or(Err(OutgoingError::TooSlow {
            host: host.clone(),
            time: self.limits.time,
        }))
    }

    /// As `send`, for a response whose status is what matters: of its body, this much is read, and what does not arrive
    /// in time is left out.
    ///
    /// # Errors
    /// If the address may not be reached, or there is no response in time.
    pub(crate) async fn send_for_status(
        &self,
        request: Request,
        most: usize,
    ) -> Result<Answer, OutgoingError> {
        self.check_literal(request.url())?;
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let client = self.client(request.url(), &host)?;
        let end = tokio::time::Instant::now() + self.limits.time;
        let response = tokio::time::timeout_at(end, client.execute(request)).await;
        let mut response = match response {
            Ok(response) => response.map_err(|error| explain(&host, error))?,
            Err(_) => {
                return Err(OutgoingError::TooSlow {
                    host,
                    time: self.limits.time,
                });
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let reading = async {
            while body.len() < most
                && let Ok(Some(piece)) = response.chunk().await
            {
                body.extend_from_slice(&piece);
            }
        };
        let _ = tokio::time::timeout_at(end, reading).await;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    async fn read(&self, host: &str, mut response: Response) -> Result<Answer, OutgoingError> {
        let mut body = Vec::new();
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|error| explain(host, error))?
        {
            if body.len() + piece.len() > self.limits.bytes {
                return Err(OutgoingError::TooLarge {
                    host: host.to_owned(),
                    bytes: self.limits.bytes,
                });
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body,
        })
    }

    fn of_scheme(&self, url: &Url) -> &SchemeClient {
        match url.scheme() {
            "https" => &self.encrypted,
            _ => &self.plain,
        }
    }

    fn client(&self, url: &Url, host: &str) -> Result<&Client, OutgoingError> {
        let of_scheme = self.of_scheme(url);
        if let Some(client) = of_scheme.client.get() {
            return Ok(client);
        }
        tls::choose_provider();
        let client = Client::builder()
            .dns_resolver(Arc::new(Resolver::new(
                of_scheme.guard.clone(),
                self.lookup.clone(),
            )))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("Fortnight/", env!("CARGO_PKG_VERSION")))
            // a connection that is kept would lead to an address that was checked long ago
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| explain(host, error))?;
        Ok(of_scheme.client.get_or_init(|| client))
    }
}

/// The scheme and host of a URL: the rest may contain a secret.
fn shown(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}

/// The reason of the resolver if it refused the host, and otherwise what the causes say.
fn explain(host: &str, error: reqwest::Error) -> OutgoingError {
    let error = error.without_url();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        match current.downcast_ref() {
            Some(OutgoingError::Forbidden { host, address }) => {
                return OutgoingError::Forbidden {
                    host: host.clone(),
                    address: *address,
                };
            }
            Some(OutgoingError::NotEncrypted) => return OutgoingError::NotEncrypted,
            Some(OutgoingError::UnknownHost(host)) => {
                return OutgoingError::UnknownHost(host.clone());
            }
            _ => cause = current.source(),
        }
    }
    OutgoingError::Failed {
        host: host.to_owned(),
        reason: format!("{:#}", anyhow::Error::from(error)),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn wait_is_read_as_seconds_or_as_a_date() {
        let now = datetime!(2026-11-24 10:00 UTC);
        let wait = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(text));
            let answer = Answer {
                status: StatusCode::TOO_MANY_REQUESTS,
                headers,
                body: Vec::new(),
            };
            answer.retry_after(now).map(time::Duration::whole_seconds)
        };
        assert_eq!(wait("30"), Some(30));
        assert_eq!(wait("1.337"), Some(2));
        assert_eq!(wait("0"), Some(1));
        assert_eq!(wait("Tue, 24 Nov 2026 10:05:00 GMT"), Some(300));
        assert_eq!(wait("Mon, 23 Nov 2026 10:05:00 GMT"), Some(1));
        assert_eq!(wait("99999999"), Some(86_400));
        for nonsense in ["NaN", "inf", "-5", "soon"] {
            assert_eq!(wait(nonsense), None);
        }
    }
}
