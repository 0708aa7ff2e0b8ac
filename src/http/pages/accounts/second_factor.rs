//! The reader's second factor: setting up an authenticator app, recovery codes, and switching it off.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    app::App,
    domain::{
        accounts::{
            password_resets, queries,
            second_factor::{self as changes, Requirement},
            sign_in,
        },
        auth::{
            second_factor,
            totp::{self, AppSetup},
        },
        error::{Problem, Result},
        policy::viewer::Viewer,
        workspace,
    },
    http::{
        extract::form::Fields,
        layout::Layout,
        local_path::local_path,
        page::{self, theme},
        pages::accounts::sessions::Next,
    },
};

/// What the page shows.
enum Shown {
    Off,
    SettingUp(AppSetup),
    On {
        recovery_codes: i64,
    },
    /// New recovery codes, which are shown once.
    Codes(Vec<String>),
}

#[derive(Template)]
#[template(path = "accounts/second_factor.html")]
struct SecondFactorPage {
    layout: Layout,
    shown: Shown,
    /// Whether the account has a password, which is asked for before changes.
    has_password: bool,
    requirement: Requirement,
    /// Whether the reader can do nothing else until it is set up.
    is_missing: bool,
    /// The page to go to afterwards.
    next: String,
    errors: BTreeMap<&'static str, String>,
}

impl SecondFactorPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    fn code_tip(&self) -> &'static str {
        match self.shown {
            Shown::On { .. } => "Or a recovery code",
            _ => "",
        }
    }

    /// The recovery codes as a text file that can be saved.
    fn download(&self, codes: &[String]) -> String {
        let text = format!(
            "Recovery codes for Fortnight, each for one use\n\n{}\n",
            codes.join("\n")
        );
        format!(
            "data:text/plain;charset=utf-8,{}",
            utf8_percent_encode(&text, NON_ALPHANUMERIC)
        )
    }
}

async fn second_factor_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    next: &str,
    codes: Option<Vec<String>>,
    errors: BTreeMap<&'static str, String>,
) -> Result<SecondFactorPage> {
    let account = viewer.person.id;
    let is_missing = viewer.lacks_second_factor && codes.is_none();
    let title = "Second factor";
    // Who has to set it up first does not see teams and tasks either.
    let layout = match viewer.lacks_second_factor {
        true => Layout::bare(app, title.to_owned(), theme(headers)),
        false => Layout::new(app, viewer, headers, title, "").await?,
    };
    let means = queries::sign_in_means(&app.db, account).await?;
    let found = second_factor::of(&app.db, account, app.clock.now()).await?;
    let shown = match (codes, found) {
        (Some(codes), _) => Shown::Codes(codes),
        (None, None) => Shown::Off,
        (None, Some(found)) if found.enabled_at.is_some() => Shown::On {
            recovery_codes: found.recovery_codes,
        },
        (None, Some(found)) => {
            let issuer = workspace::name(&app.db).await?;
            Shown::SettingUp(totp::app_setup(&found.secret, &issuer, &means.email)?)
        }
    };
    Ok(SecondFactorPage {
        layout,
        shown,
        has_password: means.has_password,
        requirement: changes::requirement(&app.db).await?,
        is_missing,
        next: local_path(next, "").to_owned(),
        errors,
    })
}

/// `GET /me/second-factor`
pub(crate) async fn second_factor(
    State(app): State<App>,
    viewer: Viewer,
    Query(next): Query<Next>,
    headers: HeaderMap,
) -> Result<Response> {
    // It may show the secret.
    viewer.require_session()?;
    let errors = BTreeMap::new();
    page::page(&second_factor_page(&app, &viewer, &headers, &next.next, None, errors).await?)
}

/// `POST /me/second-factor/setup`: makes a secret for an app.
pub(crate) async fn prepare_second_factor(
    State(app): State<App>,
    viewer: Viewer,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let account = viewer.person.id;
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(changes::prepare(change, account))
        })
        .await?;
    Ok(match local_path(fields.text("next"), "") {
        "" => Redirect::to("/me/second-factor").into_response(),
        next => page::redirect_with_next("/me/second-factor", next),
    })
}

/// What a form of the page asks for.
#[derive(Clone, Copy)]
enum Wanted {
    On,
    Codes,
    Off,
}

/// `POST /me/second-factor`: switches it on with the first code, and shows the recovery codes.
pub(crate) async fn switch_on(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    change(&app, &viewer, &headers, &fields, Wanted::On).await
}

/// `POST /me/second-factor/codes`: makes new recovery codes, and shows them.
pub(crate) async fn make_codes(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    change(&app, &viewer, &headers, &fields, Wanted::Codes).await
}

/// `POST /me/second-factor/off`
pub(crate) async fn switch_off(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    change(&app, &viewer, &headers, &fields, Wanted::Off).await
}

/// Makes a change that needs the password and a code. Wrong ones are counted as at a sign-in: an unlocked computer could
/// be used to guess.
async fn change(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    fields: &Fields,
    wanted: Wanted,
) -> Result<Response> {
    viewer.require_session()?;
    let account = viewer.person.id;
    app.sign_in_limits.count_code(account)?;
    // People who sign in through a provider have none.
    let checked = match queries::sign_in_means(&app.db, account).await?.has_password {
        true => password_resets::check_password(&app.db, account, fields.text("old"))
            .await
            .map(|_| ()),
        false => Ok(()),
    };
    let outcome = match checked {
        Ok(()) => {
            let (code, session) = (fields.text("code"), viewer.proof.token_hash());
            let outcome = app
                .store
                .change(&viewer.actor(), |change, _| {
                    Box::pin(async move {
                        match wanted {
                            Wanted::On => changes::switch_on(change, account, session, code).await,
                            Wanted::Codes => {
                                changes::make_recovery_codes(change, account, code).await
                            }
                            Wanted::Off => changes::switch_off(change, account, code)
                                .await
                                .map(|()| Vec::new()),
                        }
                    })
                })
                .await;
            if matches!(outcome, Err(Problem::Invalid(_))) {
                let now = app.clock.now();
                sign_in::note_wrong_code(&mut *app.db.acquire().await?, now, account).await?;
            }
            outcome.map(|changed| changed.value)
        }
        Err(problem) => Err(problem),
    };
    let next = fields.text("next");
    let errors = BTreeMap::new();
    match outcome {
        Ok(_) if matches!(wanted, Wanted::Off) => {
            Ok(Redirect::to("/me/second-factor").into_response())
        }
        Ok(codes) => {
            let viewer = Viewer {
                lacks_second_factor: false,
                ..viewer.clone()
            };
            let page = second_factor_page(app, &viewer, headers, next, Some(codes), errors).await?;
            page::page(&page)
        }
        Err(Problem::Invalid(errors)) => {
            let page = second_factor_page(app, viewer, headers, next, None, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}
