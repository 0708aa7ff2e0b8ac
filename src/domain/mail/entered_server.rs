//! A mail server that an administrator entered on a page: it is reached only where requests may go, as every other
//! address that is entered on a page.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use lettre::{
    AsyncSmtpTransport, Tokio1Executor,
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use tokio::net::TcpStream;

use crate::{
    db::tls::choose_provider,
    domain::outbound::{OutgoingClient, OutgoingError},
};

/// How long one of several addresses may take to accept a connection.
const PROBED_WITHIN: Duration = Duration::from_secs(3);

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub(crate) enum Encryption {
    /// From the start.
    Tls,
    /// After a command of SMTP, without which nothing is sent.
    Starttls,
    /// Not at all, which only a server on this machine may be.
    None,
}

impl Encryption {
    pub(crate) const ALL: [Self; 3] = [Self::Tls, Self::Starttls, Self::None];

    /// The name in the database and in forms.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Starttls => "starttls",
            Self::None => "none",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Tls => "TLS",
            Self::Starttls => "STARTTLS",
            Self::None => "None, on this machine only",
        }
    }

    /// The port of servers that are reached this way.
    pub(crate) fn usual_port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

/// A server, and how to sign in there.
#[derive(Clone)]
pub(crate) struct EnteredServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) encryption: Encryption,
    /// User name and password.
    pub(crate) credentials: Option<(String, String)>,
    pub(crate) outgoing: OutgoingClient,
}

impl fmt::Display for EnteredServer {
    /// Host and port.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<Ipv6Addr>() {
            Ok(address) => write!(to, "[{address}]:{}", self.port),
            Err(_) => write!(to, "{}:{}", self.host, self.port),
        }
    }
}

impl EnteredServer {
    /// The addresses of the server that mail may be sent to.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) async fn addresses(&self) -> Result<Vec<IpAddr>, OutgoingError> {
        let mut addresses = self.outgoing.addresses(&self.host).await?;
        if self.encryption == Encryption::None {
            addresses.retain(|address| address.to_canonical().is_loopback());
        }
        if addresses.is_empty() {
            return Err(OutgoingError::NotEncryptedMail(self.host.clone()));
        }
        Ok(addresses)
    }

    /// A connection to an address that was checked, for one mail: a name may lead elsewhere later.
    ///
    /// # Errors
    /// If there is no such address.
    pub(super) async fn transport(
        &self,
        step: Duration,
    ) -> Result<AsyncSmtpTransport<Tokio1Executor>, OutgoingError> {
        let address = self.reachable(self.addresses().await?).await?;
        choose_provider();
        let parameters = || {
            TlsParameters::new(self.host.clone()).map_err(|error| OutgoingError::Failed {
                host: self.host.clone(),
                reason: error.to_string(),
            })
        };
        let tls = match self.encryption {
            Encryption::Tls => Tls::Wrapper(parameters()?),
            Encryption::Starttls => Tls::Required(parameters()?),
            Encryption::None => Tls::None,
        };
        let mut transport =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.to_string())
                .port(self.port)
                .tls(tls)
                .timeout(Some(step));
        if let Some((username, password)) = &self.credentials {
            let credentials = Credentials::new(username.clone(), password.clone());
            transport = transport.credentials(credentials);
        }
        Ok(transport.build())
    }

    /// The first of several addresses that accepts a connection: the network here may have no IPv6.
    async fn reachable(&self, addresses: Vec<IpAddr>) -> Result<IpAddr, OutgoingError> {
        if addresses.len() > 1 {
            for address in &addresses {
                let connected = TcpStream::connect((*address, self.port));
                if let Ok(Ok(_)) = tokio::time::timeout(PROBED_WITHIN, connected).await {
                    return Ok(*address);
                }
            }
        }
        let first = addresses.into_iter().next();
        first.ok_or_else(|| OutgoingError::UnknownHost(self.host.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        pin::Pin,
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::domain::outbound::{Limits, Lookup};

    /// Answers every name with the next of these lists.
    struct Changing(Mutex<Vec<&'static str>>);

    impl Lookup for Changing {
        fn addresses(
            &self,
            _: String,
        ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
            let list = self.0.lock().unwrap().pop().unwrap();
            let addresses = list.split(' ').map(|address| address.parse().unwrap());
            let addresses = addresses.collect();
            Box::pin(async move { Ok(addresses) })
        }
    }

    /// A server whose name leads to these addresses, the last ones first.
    fn server(encryption: Encryption, allowed: &str, answers: &[&'static str]) -> EnteredServer {
        let lookup = Arc::new(Changing(Mutex::new(answers.to_vec())));
        EnteredServer {
            host: "mail.example.org".to_owned(),
            port: 587,
            encryption,
            credentials: None,
            outgoing: OutgoingClient::with(allowed.parse().unwrap(), Limits::default(), lookup),
        }
    }

    /// Case 44.
    #[tokio::test]
    async fn name_that_leads_elsewhere_later_is_refused() {
        let server = server(Encryption::Tls, "", &["10.0.0.1", "93.184.215.14"]);
        server.addresses().await.unwrap();
        let refused = server.transport(Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "mail.example.org leads to 10.0.0.1, which is not a public address. The operator can allow it with \
             --outgoing-allow 10.0.0.1"
        );
    }

    #[tokio::test]
    async fn mail_that_is_not_encrypted_stays_on_this_machine() {
        let answers = ["10.0.0.1 93.184.215.14", "10.0.0.1 127.0.0.1 ::1"];
        let server = server(Encryption::None, "10.0.0.0/8,127.0.0.1", &answers);
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(server.addresses().await.unwrap(), [loopback]);
        let refused = server.addresses().await.unwrap_err();
        assert!(
            refused.to_string().contains("must be encrypted"),
            "{refused}"
        );
    }

    #[test]
    fn ipv6_address_is_shown_in_brackets() {
        let server = EnteredServer {
            host: "2001:4860::1".to_owned(),
            ..server(Encryption::Tls, "", &[])
        };
        assert_eq!(server.to_string(), "[2001:4860::1]:587");
    }
}
