//! The mail server that administrators have set on the page Settings → Mail.

use std::net::{IpAddr, Ipv6Addr};

use anyhow::Context;
use lettre::message::Mailbox;
use sqlx::PgExecutor;
use url::Host;

use crate::{
    config::secret_text::SecretText,
    domain::{
        error::{Problem, Result},
        events::{Change, audit_log},
        mail::{
            entered_server::{Encryption, EnteredServer},
            mailer::Mailer,
        },
        outbound::OutgoingClient,
        text::check_length,
    },
};

/// The settings, as a database row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct MailSettings {
    pub(crate) host: Option<String>,
    port: i32,
    pub(crate) encryption: Encryption,
    pub(crate) username: String,
    #[sqlx(try_from = "Option<String>")]
    password: StoredPassword,
    pub(crate) sender: String,
}

/// The password, which is never printed.
#[derive(Clone, Debug)]
struct StoredPassword(Option<SecretText>);

impl From<Option<String>> for StoredPassword {
    fn from(password: Option<String>) -> Self {
        Self(password.map(SecretText::from))
    }
}

/// What the form of the settings sends.
pub(crate) struct Edit {
    pub(crate) host: String,
    /// Empty: the usual one.
    pub(crate) port: String,
    pub(crate) encryption: Encryption,
    /// Empty: nobody signs in.
    pub(crate) username: String,
    /// A new password; empty keeps the old one.
    pub(crate) password: String,
    pub(crate) sender: String,
}

/// Loads the settings.
pub(crate) async fn load(db: impl PgExecutor<'_>) -> Result<MailSettings> {
    Ok(sqlx::query_as(
        "SELECT host, port, encryption, username, password, sender FROM mail_settings",
    )
    .fetch_one(db)
    .await?)
}

impl MailSettings {
    pub(crate) fn port(&self) -> u16 {
        // as the constraint says
        u16::try_from(self.port).unwrap_or_else(|_| self.encryption.usual_port())
    }

    /// The server, if there is one.
    pub(crate) fn server(&self, outgoing: &OutgoingClient) -> Option<EnteredServer> {
        let password = self.password.0.as_ref();
        let password = password.map(|password| password.text().to_owned());
        Some(EnteredServer {
            host: self.host.clone()?,
            port: self.port(),
            encryption: self.encryption,
            credentials: password.map(|password| (self.username.clone(), password)),
            outgoing: outgoing.clone(),
        })
    }

    /// Sends through that server.
    ///
    /// # Errors
    /// If the sender is not one, which the page does not accept.
    pub(crate) fn mailer(
        &self,
        outgoing: &OutgoingClient,
        public_url: &str,
    ) -> Result<Option<Mailer>> {
        let Some(server) = self.server(outgoing) else {
            return Ok(None);
        };
        let sender = Some(self.sender.as_str()).filter(|sender| !sender.is_empty());
        let mailer = Mailer::through(server, sender, public_url).context("the mail settings")?;
        Ok(Some(mailer))
    }
}

/// Reads what was entered, and checks that mail may be sent there now. That is checked again whenever mail is sent.
///
/// # Errors
/// `Invalid` for what is incomplete, malformed or not allowed.
pub(crate) async fn check(edit: &Edit, outgoing: &OutgoingClient) -> Result<EnteredServer> {
    check_length("host", &edit.host, 255)?;
    check_length("username", &edit.username, 320)?;
    check_length("password", &edit.password, 1000)?;
    check_length("sender", &edit.sender, 320)?;
    let Some(host) = read_host(&edit.host) else {
        let message = "Enter the name of the server, such as mail.example.org.";
        return Err(Problem::field("host", message));
    };
    let port = match edit.port.as_str() {
        "" => Some(edit.encryption.usual_port()),
        port => port.parse().ok().filter(|port| *port > 0),
    };
    let Some(port) = port else {
        return Err(Problem::field("port", "Enter a port from 1 to 65535."));
    };
    if !edit.sender.is_empty() && edit.sender.parse::<Mailbox>().is_err() {
        let message = "Enter an address, such as Fortnight <board@example.org>.";
        return Err(Problem::field("sender", message));
    }
    let server = EnteredServer {
        host,
        port,
        encryption: edit.encryption,
        credentials: None,
        outgoing: outgoing.clone(),
    };
    let addresses = server.addresses().await;
    addresses.map_err(|error| Problem::field("host", format!("{error}.")))?;
    Ok(server)
}

/// A name or an address in its usual form.
fn read_host(text: &str) -> Option<String> {
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<Ipv6Addr>() {
        return Some(address.to_string());
    }
    match Host::parse(text).ok()? {
        Host::Domain(name) => Some(name),
        Host::Ipv4(address) => Some(IpAddr::from(address).to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

/// Sets the server, which `check` has accepted.
///
/// # Errors
/// `Invalid` if a password is missing.
pub(crate) async fn set(change: &mut Change, server: &EnteredServer, edit: &Edit) -> Result<()> {
    let before = load(change.db()).await?;
    let (host, port) = (server.host.as_str(), server.port);
    let kept = before.password.0.as_ref().map(SecretText::text);
    // A password belongs to its server, and must not be sent to another one.
    let is_another = before.host.as_deref() != Some(host) || before.port() != port;
    let password = match (edit.username.as_str(), edit.password.as_str(), kept) {
        ("", "", _) => None,
        ("", ..) => {
            let message = "Enter the user name that this password is for.";
            return Err(Problem::field("username", message));
        }
        (_, "", Some(kept)) if !is_another => Some(kept),
        (_, "", Some(_)) => {
            let message =
                "The stored password is for another server. Enter the one for this server.";
            return Err(Problem::field("password", message));
        }
        (_, "", None) => return Err(Problem::field("password", "Enter the password.")),
        (_, new, _) => Some(new),
    };
    sqlx::query(
        "UPDATE mail_settings SET host = $1, port = $2, encryption = $3, username = $4, password = $5, sender = $6",
    )
    .bind(host)
    .bind(i32::from(port))
    .bind(edit.encryption)
    .bind(&edit.username)
    .bind(password)
    .bind(&edit.sender)
    .execute(change.db())
    .await?;
    let encryption = match edit.encryption {
        Encryption::None => "not encrypted",
        encrypted => encrypted.label(),
    };
    let about = format!("{server}, {encryption}");
    audit_log::note(change, "mail.server-changed", &about).await
}

/// Removes the server, with its password.
pub(crate) async fn remove(change: &mut Change) -> Result<()> {
    let removed = sqlx::query(
        "UPDATE mail_settings SET host = NULL, port = DEFAULT, encryption = DEFAULT, username = '', password = NULL, sender = ''
         WHERE host IS NOT NULL",
    )
    .execute(change.db())
    .await?;
    // The same form may be sent twice.
    if removed.rows_affected() == 0 {
        return Ok(());
    }
    audit_log::note(change, "mail.server-removed", "no server").await
}
