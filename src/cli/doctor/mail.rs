//! What `fortnight doctor` says of the mail server.

use crate::{
    cli::doctor::finding::Finding,
    config::Config,
    db::pool::Pool,
    domain::{
        mail::{mailer::Mailer, settings},
        outbound::OutgoingClient,
    },
};

const MAIL: &str = "Mail";

/// Connects to the server that flags name, if they do.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let Some((url, from)) = config.mail_server() else {
        return Vec::new();
    };
    let remedy = "Check --smtp-url and --mail-from.";
    match Mailer::new(url, from, &config.public_url(config.listen)) {
        Ok(mailer) => vec![of_server(&mailer, remedy).await],
        Err(error) => vec![Finding::bad(MAIL, format!("{error:#}."), remedy)],
    }
}

/// Connects to the server that the settings name, unless flags name another.
pub(super) async fn of_settings(config: &Config, pool: &Pool) -> Option<Finding> {
    if config.mail_server().is_some() {
        return None;
    }
    // an older schema has no such settings
    let settings = settings::load(pool).await.ok()?;
    let outgoing = OutgoingClient::new(config.outgoing.allowed());
    let remedy = "Check the server under Settings → Mail.";
    match settings.mailer(&outgoing, &config.public_url(config.listen)) {
        Ok(mailer) => Some(of_server(&mailer?, remedy).await),
        Err(error) => Some(Finding::bad(MAIL, format!("{error}."), remedy)),
    }
}

/// Signs in at the server as if to send a mail.
async fn of_server(mailer: &Mailer, remedy: &str) -> Finding {
    match mailer.check().await {
        Ok(()) => Finding::good(MAIL, format!("{} answers", mailer.server())),
        Err(error) => Finding::bad(
            MAIL,
            format!(
                "{} does not accept mail: {}.",
                mailer.server(),
                error.message
            ),
            remedy,
        ),
    }
}
