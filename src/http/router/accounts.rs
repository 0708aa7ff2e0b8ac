//! The pages of accounts and of the workspace: setup, sign-in, settings and one's own account.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use crate::{app::App, http::pages};

/// The routes of these pages.
pub(super) fn routes() -> Router<App> {
    use pages::{
        accounts,
        teams::{restore, setup},
    };
    Router::new()
        .route("/setup", get(setup::form).post(setup::set_up))
        .route("/setup/restore", get(restore::form).post(restore::restore))
        .route(
            "/setup/restore/upload",
            post(restore::upload).layer(DefaultBodyLimit::disable()),
        )
        .route("/login", get(accounts::login_form).post(accounts::login))
        .route("/login/openid", get(accounts::start_openid))
        .route("/login/openid/callback", get(accounts::finish_openid))
        .route("/login/openid/confirm", post(accounts::confirm_openid))
        .route("/login/proxy", get(accounts::sign_in_from_proxy))
        .route("/login/openid/logout", post(accounts::end_by_provider))
        .route(
            "/login/code",
            get(accounts::code_form).post(accounts::enter_code),
        )
        .route(
            "/login/forgot",
            get(accounts::forgot_form).post(accounts::send_reset),
        )
        .route("/logout", post(accounts::logout))
        .route(
            "/confirm/{key}",
            get(accounts::confirm_form).post(accounts::confirm),
        )
        .route(
            "/unsubscribe/{key}",
            get(accounts::unsubscribe_form).post(accounts::unsubscribe),
        )
        .route(
            "/me/notifications",
            get(accounts::notifications).post(accounts::set_notifications),
        )
        .route("/me/email/confirmation", post(accounts::send_confirmation))
        .route("/enter/{key}", get(accounts::enter))
        .route("/join/{key}", get(accounts::join_form).post(accounts::join))
        .route(
            "/register",
            get(accounts::register_form).post(accounts::register),
        )
        .route(
            "/reset/{key}",
            get(accounts::reset_form).post(accounts::reset),
        )
        .route(
            "/settings",
            get(accounts::workspace).post(accounts::set_workspace),
        )
        .route("/settings/people", get(accounts::people))
        .route("/settings/people/{handle}", post(accounts::change_person))
        .route("/settings/invitations", post(accounts::invite))
        .route(
            "/settings/invitations/{id}/revoke",
            post(accounts::revoke_invitation),
        )
        .route(
            "/settings/mail",
            get(accounts::mail).post(accounts::set_mail_server),
        )
        .route("/settings/mail/remove", post(accounts::remove_mail_server))
        .route("/settings/mail/test", post(accounts::send_test))
        .route("/settings/mail/retry", post(accounts::retry))
        .route(
            "/settings/sign-in",
            get(accounts::sign_in_settings).post(accounts::set_provider),
        )
        .route("/settings/sign-in/test", get(accounts::try_sign_in))
        .route("/settings/sign-in/groups", post(accounts::set_groups))
        .route("/settings/sign-in/rules", post(accounts::add_rule))
        .route(
            "/settings/sign-in/rules/{id}/remove",
            post(accounts::remove_rule),
        )
        .route("/settings/sign-in/passwords", post(accounts::set_passwords))
        .route("/settings/system", get(accounts::system))
        .route(
            "/settings/security",
            get(accounts::security).post(accounts::set_security),
        )
        .route("/settings/outgoing", get(accounts::outgoing))
        .route("/settings/audit", get(accounts::audit_log))
        .route("/settings/audit.csv", get(accounts::audit_csv))
        .route("/me/theme", post(accounts::set_theme))
        .route("/me", get(accounts::me).post(accounts::edit_me))
        .route(
            "/me/avatar",
            post(accounts::set_avatar).layer(DefaultBodyLimit::disable()),
        )
        .route("/me/avatar/remove", post(accounts::remove_avatar))
        .route("/people/avatars/{version}", get(accounts::avatar_styles))
        .route("/people/{handle}/avatar/{hash}", get(accounts::avatar))
        .route("/me/absences", post(accounts::add_away))
        .route("/me/absences/{day}/remove", post(accounts::remove_away))
        .route("/me/email", post(accounts::set_email))
        .route("/me/password", post(accounts::set_password))
        .route(
            "/me/second-factor",
            get(accounts::second_factor).post(accounts::switch_on),
        )
        .route(
            "/me/second-factor/setup",
            post(accounts::prepare_second_factor),
        )
        .route("/me/second-factor/codes", post(accounts::make_codes))
        .route("/me/second-factor/off", post(accounts::switch_off))
        .route("/me/sessions", post(accounts::end_sessions))
        .route("/me/tokens/{id}/revoke", post(accounts::revoke_token))
}
