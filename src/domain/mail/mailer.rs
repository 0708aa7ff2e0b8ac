//! The connection to the mail server.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, bail};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport,
};
use time::OffsetDateTime;
use url::Url;

use crate::{
    db::tls::choose_provider,
    domain::{mail::entered_server::EnteredServer, outbound::OutgoingError},
};

/// How long the server is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For each step of a conversation.
    pub step: Duration,
    /// For all of it: a server may say a little from time to time, without end. Less than the lease of a mail.
    pub conversation: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            step: Duration::from_secs(10),
            conversation: Duration::from_secs(60),
        }
    }
}

/// How long a page waits for a mail server: less than a request may take.
const PAGE_WAITS: Duration = Duration::from_secs(15);

/// Sends mail through one server.
#[derive(Clone)]
pub struct Mailer {
    destination: Destination,
    patience: Patience,
    from: Mailbox,
    /// Host and port, for pages.
    server: String,
}

/// Where mail is sent.
#[derive(Clone)]
enum Destination {
    /// The server that flags name, wherever that is.
    Named(AsyncSmtpTransport<Tokio1Executor>),
    /// A server that was entered on a page.
    Entered(Box<EnteredServer>),
}

/// A mail that is ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    /// `<…@host>`
    pub(crate) message_id: String,
    /// The thread that it belongs to, in the same form.
    pub(crate) thread: Option<String>,
    /// The URL that ends such mails with one click.
    pub(crate) unsubscribe: Option<String>,
    pub(crate) at: OffsetDateTime,
}

/// Why a mail was not sent.
#[derive(Debug)]
pub(crate) struct SendError {
    pub(crate) message: String,
    /// Whether trying again is pointless.
    pub(crate) is_permanent: bool,
}

impl Mailer {
    /// A mailer for the server at this URL. Without a sender, mail comes from `fortnight@` and the host of the public
    /// URL.
    ///
    /// # Errors
    /// The URL or the sender is invalid, or would send passwords and mail unencrypted through a network.
    pub fn new(url: &str, from: Option<&str>, public_url: &str) -> anyhow::Result<Self> {
        Self::with_patience(url, from, public_url, Patience::default())
    }

    /// As [`Mailer::new`], with other limits of time.
    ///
    /// # Errors
    /// As there.
    pub fn with_patience(
        url: &str,
        from: Option<&str>,
        public_url: &str,
        patience: Patience,
    ) -> anyhow::Result<Self> {
        let parsed = Url::parse(url).context("it is not a URL")?;
        if !matches!(parsed.scheme(), "smtp" | "smtps") {
            bail!("it must start with smtp:// or smtps://");
        }
        let host = parsed.host_str().context("it has no host")?;
        let is_encrypted = parsed.scheme() == "smtps"
            || parsed
                .query_pairs()
                .any(|(name, value)| name == "tls" && value == "required");
        if !is_encrypted && !is_loopback(host) {
            bail!(
                "it must be smtps:// or end in ?tls=required, except for a server on this machine"
            );
        }
        choose_provider();
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .context("it is not the URL of a mail server")?
            .timeout(Some(patience.step))
            .build();
        let own_sender = own_sender(public_url);
        let from = from.unwrap_or(&own_sender);
        Ok(Self {
            destination: Destination::Named(transport),
            patience,
            from: from
                .parse()
                .with_context(|| format!("“{from}” is not a sender of mail: set --mail-from"))?,
            server: match parsed.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            },
        })
    }

    /// A mailer for a server that was entered on a page.
    ///
    /// # Errors
    /// The sender is invalid.
    pub(crate) fn through(
        server: EnteredServer,
        from: Option<&str>,
        public_url: &str,
    ) -> anyhow::Result<Self> {
        let own_sender = own_sender(public_url);
        Ok(Self {
            server: server.to_string(),
            destination: Destination::Entered(Box::new(server)),
            patience: Patience::default(),
            from: from.unwrap_or(&own_sender).parse().context("the sender")?,
        })
    }

    /// Host and port of the server.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// The sender.
    pub(crate) fn from(&self) -> String {
        self.from.to_string()
    }

    /// Sends a mail; returns once the server has accepted it.
    pub(crate) async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = self.message(mail).map_err(|error| SendError {
            message: format!("{error:#}"),
            is_permanent: true,
        })?;
        self.in_time(async |transport| {
            transport.send(message).await?;
            Ok(())
        })
        .await
    }

    /// As it is, but with a server that is waited for no longer than a page is.
    #[must_use]
    pub(crate) fn for_a_page(mut self) -> Self {
        self.patience.conversation = self.patience.conversation.min(PAGE_WAITS);
        self
    }

    /// Connects to the server and signs in there, without sending a mail.
    pub(crate) async fn check(&self) -> Result<(), SendError> {
        self.in_time(async |transport| {
            transport.test_connection().await?;
            Ok(())
        })
        .await
    }

    /// Converses with the server for as long as it is waited for.
    async fn in_time(
        &self,
        conversation: impl AsyncFnOnce(
            AsyncSmtpTransport<Tokio1Executor>,
        ) -> Result<(), transport::smtp::Error>,
    ) -> Result<(), SendError> {
        let whole = async {
            let transport = match &self.destination {
                Destination::Named(transport) => transport.clone(),
                Destination::Entered(server) => server.transport(self.patience.step).await?,
            };
            Ok(conversation(transport).await?)
        };
        let outcome = tokio::time::timeout(self.patience.conversation, whole).await;
        outcome.unwrap_or_else(|_| {
            Err(SendError {
                message: "the mail server took too long".to_owned(),
                is_permanent: false,
            })
        })
    }

    fn message(&self, mail: &Mail) -> anyhow::Result<Message> {
        let to = mail.to.parse().context("the address is invalid")?;
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(&mail.subject))
            .date(mail.at.into())
            .message_id(Some(mail.message_id.clone()))
            .raw_header(raw("Auto-Submitted", "auto-generated"));
        if let Some(thread) = &mail.thread {
            builder = builder
                .references(thread.clone())
                .in_reply_to(thread.clone());
        }
        if let Some(url) = &mail.unsubscribe {
            // RFC 8058
            builder = builder
                .raw_header(raw("List-Unsubscribe", &format!("<{url}>")))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        let body = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
        Ok(builder.multipart(body)?)
    }
}

impl From<OutgoingError> for SendError {
    fn from(error: OutgoingError) -> Self {
        Self {
            message: error.to_string(),
            // The administrator or the operator can mend it, and the mail is sent then.
            is_permanent: false,
        }
    }
}

impl From<transport::smtp::Error> for SendError {
    fn from(error: transport::smtp::Error) -> Self {
        let is_about_sign_in = is_about_sign_in(&error);
        // It says its first cause itself.
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error).and_then(std::error::Error::source);
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        if is_about_sign_in {
            message = format!("the server refuses the user name or the password: {message}");
        }
        Self {
            message,
            // The operator can correct a refused password, and the mail is sent then.
            is_permanent: error.is_permanent() && !is_about_sign_in,
        }
    }
}

/// The sender if none is set.
pub(crate) fn own_sender(public_url: &str) -> String {
    let own = Url::parse(public_url).ok();
    let host = own.as_ref().and_then(Url::host_str).unwrap_or("localhost");
    format!("Fortnight <fortnight@{host}>")
}

/// Whether the server wants another password, or one at all (RFC 4954).
fn is_about_sign_in(error: &lettre::transport::smtp::Error) -> bool {
    let code = error.status().map(|code| code.to_string());
    code.is_some_and(|code| matches!(code.as_str(), "530" | "534" | "535"))
}

/// A header that lettre does not know. The values are our own and have no line breaks.
fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), one_line(value))
}

/// A text without line breaks, which would begin another header.
fn one_line(text: &str) -> String {
    text.split(|letter: char| letter.is_control())
        .collect::<Vec<_>>()
        .join(" ")
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        match Mailer::new(url, None, "https://board.example.org") {
            Ok(mailer) => format!("sends through {} from {}", mailer.server(), mailer.from()),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn mail_crosses_networks_encrypted_only() {
        for (url, expected) in [
            (
                "smtps://me:secret@mail.example.org",
                "sends through mail.example.org from Fortnight <fortnight@board.example.org>",
            ),
            (
                "smtp://mail.example.org:587?tls=required",
                "sends through mail.example.org:587 from Fortnight <fortnight@board.example.org>",
            ),
            (
                "smtp://127.0.0.1:1025",
                "sends through 127.0.0.1:1025 from Fortnight <fortnight@board.example.org>",
            ),
            (
                "smtp://mail.example.org",
                "it must be smtps:// or end in ?tls=required, except for a server on this machine",
            ),
            (
                "smtp://mail.example.org?tls=opportunistic",
                "it must be smtps:// or end in ?tls=required, except for a server on this machine",
            ),
            (
                "https://mail.example.org",
                "it must start with smtp:// or smtps://",
            ),
        ] {
            assert_eq!(refusal(url), expected, "{url}");
        }
    }

    #[test]
    fn line_breaks_begin_no_header() {
        assert_eq!(one_line("a\r\nBcc: b\u{0}c"), "a  Bcc: b c");
    }
}
