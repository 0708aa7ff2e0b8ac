//! How mail is sent.

use clap::Args;

use crate::config::secret_text::SecretText;

/// The flags for mail.
#[derive(Args, Clone, Debug)]
pub(crate) struct MailConfig {
    /// URL of the mail server, such as smtps://user:password@mail.example.org or
    /// smtp://mail.example.org:587?tls=required [default: no mail]
    #[arg(
        long,
        env = "FORTNIGHT_SMTP_URL",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    smtp_url: Option<SecretText>,

    /// Sender of mail, such as "Fortnight <fortnight@example.org>"
    #[arg(
        long,
        env = "FORTNIGHT_MAIL_FROM",
        value_name = "ADDRESS",
        global = true
    )]
    mail_from: Option<String>,
}

impl MailConfig {
    /// The URL of the mail server, and the sender if it was set.
    pub(crate) fn server(&self) -> Option<(&str, Option<&str>)> {
        // docker compose passes an empty text for a variable that is not set
        let url = self.smtp_url.as_ref().map(SecretText::text)?;
        let from = self.mail_from.as_deref().filter(|from| !from.is_empty());
        (!url.is_empty()).then_some((url, from))
    }
}
