//! Mail about accounts: sign-ins, changed addresses, new passwords and invitations.

use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        accounts::password_resets,
        error::{Problem, Result},
        humanize,
        mail::{
            mailer::Mail,
            outbox::{MailKind, OutboxEntry},
        },
        notifications::mailing::Recipient,
        teams::invitations,
        webhooks::switch_off,
        workspace,
    },
    http::mail::{compose::letter_to, letter::Letter},
};

/// A link for a new password that has waited longer is not sent any more: the person has long given up.
const RESET_WITHIN: time::Duration = time::Duration::hours(1);

/// The mail of an entry about an account; `None` if it is no longer needed. `reader` has the account of the entry, and
/// may not have confirmed their address.
pub(crate) async fn about_account(
    app: &App,
    entry: &OutboxEntry,
    reader: &Recipient,
    now: OffsetDateTime,
) -> Result<Option<Mail>> {
    let to = Recipient {
        email: entry.address.clone().unwrap_or(reader.email.clone()),
        ..reader.clone()
    };
    let letter = match entry.kind {
        MailKind::NewDevice if reader.is_confirmed => Some(new_device(app, entry, reader)),
        MailKind::SecondFactorReset if reader.is_confirmed => Some(second_factor_reset(app, entry)),
        MailKind::WebhookOff if reader.is_confirmed => webhook_off(app, entry).await?,
        MailKind::AddressChanged => Some(address_changed(app, entry)),
        MailKind::PasswordReset if reader.is_confirmed => password_reset(app, entry, now).await?,
        MailKind::Invitation => invitation(app, entry, now).await?,
        _ => None,
    };
    let mail = letter.map(|letter| letter_to(app, entry.id, &to, &letter, now, None));
    mail.transpose()
}

fn footer(app: &App) -> Vec<(String, String)> {
    vec![("Fortnight".to_owned(), app.public_url.clone())]
}

fn new_device(app: &App, entry: &OutboxEntry, reader: &Recipient) -> Letter {
    Letter {
        title: "New sign-in to your account".to_owned(),
        intro: format!(
            "Your account at {} was used in a browser that is new to it: {}, on {}. If that was you, there is nothing \
             to do. If not, change your password, which ends all other sessions, and tell your administrator.",
            app.public_url,
            entry.details,
            humanize::moment(entry.created_at, &reader.time_zone)
        ),
        button: Some((
            "Review sessions".to_owned(),
            format!("{}/me#sessions", app.public_url),
        )),
        footer: footer(app),
        ..Letter::default()
    }
}

fn second_factor_reset(app: &App, entry: &OutboxEntry) -> Letter {
    Letter {
        title: "Your second factor was removed".to_owned(),
        intro: format!(
            "{} has removed the second factor of your account at {}. You are signed out everywhere. If you did not ask \
             for this, change your password and tell your administrator.",
            entry.details, app.public_url
        ),
        button: Some((
            "Set up second factor".to_owned(),
            format!("{}/me/second-factor", app.public_url),
        )),
        footer: footer(app),
        ..Letter::default()
    }
}

/// `None` if the webhook was resumed or deleted meanwhile.
async fn webhook_off(app: &App, entry: &OutboxEntry) -> Result<Option<Letter>> {
    let path = match entry.subjects.first() {
        // of a version before
        None => "/help/webhooks".to_owned(),
        Some(id) => {
            let found = switch_off::still_off(&app.db, *id, entry.account_id).await?;
            let Some(webhook) = found else {
                return Ok(None);
            };
            let team = webhook.team_slug.map(|slug| format!("/teams/{slug}"));
            let team = team.unwrap_or_default();
            format!("{team}/settings/webhooks/{}", webhook.id)
        }
    };
    Ok(Some(Letter {
        title: "A webhook was switched off".to_owned(),
        intro: format!(
            "Fortnight no longer sends events to the webhook {} What happens meanwhile is not sent later. Once the \
             reason is gone, resume the webhook on its page.",
            entry.details
        ),
        button: Some((
            "Open the webhook".to_owned(),
            format!("{}{path}", app.public_url),
        )),
        footer: footer(app),
        ..Letter::default()
    }))
}

/// Goes to the former address, whose reader may not own the account any more: it has no links into it.
fn address_changed(app: &App, entry: &OutboxEntry) -> Letter {
    Letter {
        title: "Your e-mail address was changed".to_owned(),
        intro: format!(
            "The account at {} that had the address {} has another one now. If you did not change it, tell your \
             administrator at once.",
            app.public_url,
            entry.address.as_deref().unwrap_or_default()
        ),
        footer: footer(app),
        ..Letter::default()
    }
}

async fn password_reset(
    app: &App,
    entry: &OutboxEntry,
    now: OffsetDateTime,
) -> Result<Option<Letter>> {
    if now - entry.created_at > RESET_WITHIN {
        return Ok(None);
    }
    let secret = password_resets::make_mailed_link(&app.db, entry.account_id, now).await?;
    Ok(secret.map(|secret| Letter {
        title: "Set a new password".to_owned(),
        intro: format!(
            "Someone asked for a new password of your account at {}. The link works once, within an hour. If you did \
             not ask for it, ignore this mail: your password stays as it is.",
            app.public_url
        ),
        button: Some((
            "Set new password".to_owned(),
            format!("{}/reset/{secret}", app.public_url),
        )),
        footer: footer(app),
        ..Letter::default()
    }))
}

async fn invitation(app: &App, entry: &OutboxEntry, now: OffsetDateTime) -> Result<Option<Letter>> {
    let Some(id) = entry.invitation_id else {
        return Ok(None);
    };
    let Some(secret) = invitations::renew(&app.db, id, now).await? else {
        return Ok(None);
    };
    // One to a private team that its creator has left is no longer open.
    let open = match invitations::load_open_invitation(&app.db, now, &secret).await {
        Err(Problem::NotFound | Problem::Gone(_)) => return Ok(None),
        open => open?,
    };
    let by = open.by.as_deref().unwrap_or("An administrator");
    let name = workspace::name(&app.db).await?;
    let to = match &open.team {
        Some(team) => format!("{team} at {name}"),
        None => name,
    };
    Ok(Some(Letter {
        title: format!("{by} invited you to {to}"),
        intro: format!(
            "Fortnight at {} is where the team plans its work. The invitation is for you alone, and works until {}.",
            app.public_url,
            humanize::day(open.expires_at.date())
        ),
        button: Some((
            "Accept invitation".to_owned(),
            format!("{}/join/{secret}", app.public_url),
        )),
        footer: footer(app),
        ..Letter::default()
    }))
}
