//! Signing in and out, with their entries in the audit log.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        accounts::mails,
        auth::{
            devices, pending_sign_ins, second_factor, secrets,
            sessions::{self, SessionIdentity, SessionStart},
        },
        error::Result,
        events::audit_log::{self, AuditEntry},
    },
};

/// A sign-in whose credentials were verified.
pub(crate) struct SignIn<'s> {
    pub(crate) account: Uuid,
    /// The password hash that matched, if a password was entered.
    pub(crate) password_hash: Option<&'s str>,
    /// How the person signed in, for the audit log.
    pub(crate) by: &'s str,
    /// Whether an OpenID provider, or a proxy in front, vouched for the person.
    pub(crate) is_by_provider: bool,
    /// What the provider said.
    pub(crate) identity: Option<&'s SessionIdentity>,
    /// Whether a code was entered already, with the rest.
    pub(crate) has_entered_code: bool,
    pub(crate) browser: Browser<'s>,
    /// The path to go to, if a code has to be entered before.
    pub(crate) next: &'s str,
}

/// The browser that signs in.
#[derive(Clone, Copy)]
pub(crate) struct Browser<'s> {
    pub(crate) user_agent: &'s str,
    /// The digest of the cookie by which accounts know it.
    pub(crate) device: &'s [u8],
    /// The token hash of its previous session, which ends, whichever account it had.
    pub(crate) previous: Option<&'s [u8]>,
    /// The user that a proxy in front has named: the session is theirs alone.
    pub(crate) proxy_user: Option<&'s str>,
    /// Whether mail is set up, which tells people of sign-ins with a new browser.
    pub(crate) has_mail: bool,
}

/// How a sign-in went on.
pub(crate) enum SignedIn {
    /// The value of the session's cookie.
    Session(String),
    /// A code has to be entered first. The value of the cookie by which the browser is recognized then.
    NeedsCode(String),
}

/// Starts a session, or, for an account with a second factor, a sign-in that waits for a code. Every road to a session
/// that begins without one leads through here.
///
/// # Errors
/// `SignedOut` if the password was changed or the account deactivated meanwhile.
pub(crate) async fn sign_in(
    db: &mut PgConnection,
    now: OffsetDateTime,
    sign_in: &SignIn<'_>,
) -> Result<SignedIn> {
    sessions::lock_account(&mut *db, sign_in.account, sign_in.password_hash).await?;
    let is_asked = !sign_in.has_entered_code
        && second_factor::is_asked(&mut *db, sign_in.account, sign_in.is_by_provider).await?;
    if is_asked {
        let secret = pending_sign_ins::begin(
            db,
            now,
            sign_in.account,
            sign_in.by,
            (sign_in.is_by_provider, sign_in.identity),
            sign_in.next,
        )
        .await?;
        return Ok(SignedIn::NeedsCode(secret));
    }
    let session = start_session(
        db,
        now,
        sign_in.account,
        sign_in.by,
        (sign_in.is_by_provider, sign_in.identity),
        &sign_in.browser,
    )
    .await?;
    Ok(SignedIn::Session(session))
}

async fn start_session(
    db: &mut PgConnection,
    now: OffsetDateTime,
    account: Uuid,
    by: &str,
    (is_by_provider, identity): (bool, Option<&SessionIdentity>),
    browser: &Browser<'_>,
) -> Result<String> {
    let network = audit_log::client();
    let start = SessionStart {
        account,
        user_agent: browser.user_agent,
        network: &network,
        is_by_provider,
        proxy_user: browser.proxy_user,
    };
    let session = sessions::start_with(&mut *db, now, &start).await?;
    let entry = AuditEntry {
        actor: Some(account),
        kind: "sign-in.succeeded",
        about: by,
        ..AuditEntry::default()
    };
    audit_log::write(&mut *db, now, entry).await?;
    if let Some(identity) = identity {
        let token_hash = secrets::session_digest(&session, browser.proxy_user);
        sessions::remember_identity(&mut *db, &token_hash, identity).await?;
    }
    let is_new = devices::note(&mut *db, account, browser.device, now).await?;
    if is_new && browser.has_mail {
        let name = devices::name(browser.user_agent);
        let details = match network.as_str() {
            "" => name,
            network => format!("{name}, from {network}"),
        };
        mails::tell_of_new_device(&mut *db, account, &details, now).await?;
    }
    if let Some(previous) = browser.previous {
        sessions::end(&mut *db, previous).await?;
    }
    Ok(session)
}

/// What came of a code.
pub(crate) enum CodeEntered {
    /// It was right: the value of the session's cookie, and the path to go to.
    Session { session: String, next: String },
    /// It was wrong, or was used before. Another one may be entered.
    Wrong,
    /// The sign-in has ended: ten minutes have passed, or too many codes were wrong.
    Ended,
}

/// Finishes a sign-in that waits for a code.
pub(crate) async fn enter_code(
    db: &Pool,
    now: OffsetDateTime,
    secret: &str,
    code: &str,
    browser: &Browser<'_>,
) -> Result<CodeEntered> {
    let mut tx = db.begin().await?;
    let Some(pending) = pending_sign_ins::lock(&mut tx, now, secret).await? else {
        return Ok(CodeEntered::Ended);
    };
    let account = pending.account_id;
    let entered = match second_factor::accept(&mut tx, account, code, now).await? {
        Some(accepted) => {
            let by = format!("{}, and {}", pending.begun_by, accepted.label());
            let provider = (pending.is_by_provider, pending.identity());
            let provider = (provider.0, provider.1.as_ref());
            let session = start_session(&mut tx, now, account, &by, provider, browser).await?;
            pending_sign_ins::end(&mut tx, secret).await?;
            CodeEntered::Session {
                session,
                next: pending.next,
            }
        }
        None => {
            note_wrong_code(&mut tx, now, account).await?;
            match pending_sign_ins::note_wrong_code(&mut tx, secret).await? {
                true => CodeEntered::Wrong,
                false => CodeEntered::Ended,
            }
        }
    };
    tx.commit().await?;
    Ok(entered)
}

/// Writes an attempt with a wrong code to the audit log.
pub(crate) async fn note_wrong_code(
    db: &mut PgConnection,
    now: OffsetDateTime,
    account: Uuid,
) -> Result<()> {
    let entry = AuditEntry {
        actor: Some(account),
        kind: "second-factor.failed",
        about: "wrong code",
        ..AuditEntry::default()
    };
    audit_log::write(db, now, entry).await
}

/// Ends the session with this token hash.
pub(crate) async fn sign_out(
    db: &Pool,
    now: OffsetDateTime,
    account: Uuid,
    token_hash: &[u8],
) -> Result<()> {
    let mut tx = db.begin().await?;
    sessions::end(&mut *tx, token_hash).await?;
    let entry = AuditEntry {
        actor: Some(account),
        kind: "sign-in.ended",
        ..AuditEntry::default()
    };
    audit_log::write(&mut tx, now, entry).await?;
    tx.commit().await?;
    Ok(())
}
