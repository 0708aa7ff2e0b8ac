//! Settings → Sign-in: the OpenID provider, what follows from people's groups, and whether passwords are accepted.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use crate::{
    app::{App, SingleSignOn},
    domain::{
        auth::openid::provider::Identity,
        error::{Problem, Result},
        policy::{
            actor::Actor,
            team_access,
            viewer::{Role, Viewer},
        },
        single_sign_on::{
            group_rules::{self, Gives, GroupRule},
            identities::{self, Owner},
            sessions,
            settings::{self, Edit, SignInSettings},
        },
        team::Team,
        text::check_length,
        workspace,
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        middleware::client_ip::ClientIp,
        page,
        pages::accounts::{
            provider_facts::{Registration, registration},
            provider_visit::{Purpose, send_to_provider, single_sign_on},
        },
    },
};

#[derive(Template)]
#[template(path = "accounts/sign_in.html")]
struct SignInPage {
    layout: Layout,
    settings: SignInSettings,
    /// The provider that flags have named, which wins.
    named: Option<NamedProvider>,
    /// What to register at the provider that applies.
    provider: Option<Registration>,
    rules: Vec<GroupRule>,
    teams: Vec<Team>,
    passwords: bool,
    /// Whether the administrator's own session began at the provider.
    is_from_provider: bool,
    trial: Option<Trial>,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
}

/// A provider of flags.
struct NamedProvider {
    issuer: String,
    client_id: String,
    domains: String,
}

/// How a sign-in went that changed nothing.
#[derive(Default)]
struct Trial {
    /// The claims that the provider sent.
    claims: String,
    /// Why the sign-in failed.
    refusal: Option<String>,
    /// Which account it would have been.
    account: &'static str,
    groups: Vec<String>,
    matched: Vec<String>,
    changes: Vec<String>,
}

impl SignInPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// The entered value of a refused form, or the stored one.
    fn value(&self, field: &str, stored: &str) -> String {
        self.submitted.get(field).unwrap_or(stored).to_owned()
    }

    fn is_chosen(&self, gives: &str) -> bool {
        self.submitted.text("gives") == gives
    }
}

/// `GET /settings/sign-in`
pub(crate) async fn sign_in_settings(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    let page = settings_page(&app, &viewer, &headers).await?;
    page::page(&page)
}

async fn settings_page(app: &App, viewer: &Viewer, headers: &HeaderMap) -> Result<SignInPage> {
    team_access::require_workspace_admin(viewer)?;
    let settings = settings::load(&app.db).await?;
    let ways = app.ways_to_sign_in().await?;
    let named = app.named_provider.as_ref().map(|provider| NamedProvider {
        issuer: provider.issuer.clone(),
        client_id: provider.client_id.clone(),
        domains: provider.domains.join(", "),
    });
    let provider = match &ways.single_sign_on {
        None => None,
        Some(single_sign_on) => Some(registration(single_sign_on).await),
    };
    Ok(SignInPage {
        layout: Layout::new(app, viewer, headers, "Sign-in", "")
            .await?
            .at("settings-sign-in"),
        settings,
        named,
        provider,
        rules: group_rules::all(&app.db, viewer.person.id).await?,
        teams: team_access::seen_teams(&app.db, viewer).await?,
        passwords: ways.passwords,
        is_from_provider: is_from_provider(app, viewer).await?,
        trial: None,
        submitted: Fields::default(),
        errors: BTreeMap::new(),
    })
}

/// Whether the administrator has signed in through the provider that applies now.
async fn is_from_provider(app: &App, viewer: &Viewer) -> Result<bool> {
    match app.ways_to_sign_in().await?.single_sign_on {
        Some(SingleSignOn { policy, .. }) => {
            let issuer = &policy.provider.issuer;
            sessions::is_from_provider(&app.db, viewer.proof.token_hash(), issuer).await
        }
        None => Ok(false),
    }
}

/// The page after a form: itself again, or with what was refused.
async fn after(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    outcome: Result<()>,
    fields: Fields,
    part: &str,
) -> Result<Response> {
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("/settings/sign-in#{part}")).into_response()),
        Err(problem) => {
            let (status, errors) = problem.in_form("form")?;
            let page = SignInPage {
                submitted: fields,
                errors,
                ..settings_page(app, viewer, headers).await?
            };
            page::with_errors(status, &page)
        }
    }
}

fn require_admin_session(viewer: &Viewer) -> Result<()> {
    team_access::require_workspace_admin(viewer)?;
    viewer.require_session()
}

/// `POST /settings/sign-in`: the provider.
pub(crate) async fn set_provider(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    require_admin_session(&viewer)?;
    if app.named_provider.is_some() {
        return Err(Problem::conflict(
            "The provider is set by --oidc-issuer, which wins over this page. Nothing was changed.",
        ));
    }
    let actor = viewer.actor();
    let outcome = match read_provider(&fields) {
        Ok(edit) => app
            .store
            .change(&actor, |change, _| {
                Box::pin(settings::set_provider(change, &edit))
            })
            .await
            .map(|_| ()),
        Err(problem) => Err(problem),
    };
    after(&app, &viewer, &headers, outcome, fields, "provider").await
}

fn read_provider(fields: &Fields) -> Result<Edit> {
    let text = |name| fields.text(name).trim().to_owned();
    // An empty field keeps the secret, because the page does not know it.
    let client_secret = match (text("client_secret"), fields.get("no_secret")) {
        (_, Some(_)) => Some(String::new()),
        (secret, None) if secret.is_empty() => None,
        (secret, None) => Some(secret),
    };
    Ok(Edit {
        issuer: text("issuer"),
        client_id: text("client_id"),
        client_secret,
        provider_name: text("provider_name"),
        domains: workspace::read_domains(fields.text("domains"))?,
    })
}

/// `POST /settings/sign-in/groups`: the claim with the groups, and the required one.
pub(crate) async fn set_groups(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    require_admin_session(&viewer)?;
    let (claim, required) = (
        fields.text("groups_claim").trim(),
        fields.text("required_group").trim(),
    );
    let actor = viewer.actor();
    let outcome = app
        .store
        .change(&actor, |change, _| {
            Box::pin(settings::set_groups(change, claim, required))
        })
        .await
        .map(|_| ());
    after(&app, &viewer, &headers, outcome, fields, "groups").await
}

/// `POST /settings/sign-in/rules`: adds a rule.
pub(crate) async fn add_rule(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    require_admin_session(&viewer)?;
    let outcome = match read_rule(&app, &viewer, &fields).await {
        Ok((group, gives)) => app
            .store
            .change(&viewer.actor(), |change, _| {
                Box::pin(group_rules::add(change, group, gives))
            })
            .await
            .map(|_| ()),
        Err(problem) => Err(problem),
    };
    after(&app, &viewer, &headers, outcome, fields, "groups").await
}

async fn read_rule<'f>(app: &App, viewer: &Viewer, fields: &'f Fields) -> Result<(&'f str, Gives)> {
    let group = fields.text("group").trim();
    check_length("group", group, 200)?;
    if group.is_empty() {
        return Err(Problem::field("group", "Enter the name of a group."));
    }
    let gives = match fields.text("gives").split_once(':') {
        Some(("role", role)) => Role::parse(role).map(Gives::Role),
        Some(("team", slug)) => {
            let team = team_access::team(&app.db, viewer, slug).await?.team;
            Some(Gives::Team(team.id))
        }
        _ => None,
    };
    let gives = gives.ok_or_else(|| Problem::field("gives", "Choose a role or a team."))?;
    Ok((group, gives))
}

/// `POST /settings/sign-in/rules/{id}/remove`
pub(crate) async fn remove_rule(
    State(app): State<App>,
    viewer: Viewer,
    Path(rule): Path<String>,
) -> Result<Response> {
    require_admin_session(&viewer)?;
    let rule: Uuid = id(&rule)?;
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(group_rules::remove(change, rule))
        })
        .await?;
    Ok(Redirect::to("/settings/sign-in#groups").into_response())
}

/// `POST /settings/sign-in/passwords`: accepts passwords or not.
pub(crate) async fn set_passwords(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    require_admin_session(&viewer)?;
    let allowed = fields.text("passwords") == "on";
    // An administrator who switches passwords off must be able to come back.
    let is_proved = is_from_provider(&app, &viewer).await?;
    let outcome = if allowed || is_proved {
        app.store
            .change(&viewer.actor(), |change, _| {
                Box::pin(settings::set_passwords(change, allowed))
            })
            .await
            .map(|_| ())
    } else {
        Err(Problem::field(
            "passwords",
            "Sign in through the provider first, to be sure that you can. Nothing was changed.",
        ))
    };
    after(&app, &viewer, &headers, outcome, fields, "passwords").await
}

/// `GET /settings/sign-in/test`: sends the administrator to the provider. Nothing changes when they come back.
pub(crate) async fn try_sign_in(
    State(app): State<App>,
    from: ClientIp,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    require_admin_session(&viewer)?;
    let single_sign_on = single_sign_on(&app).await?;
    let page = "/settings/sign-in";
    match send_to_provider(&app, from, &single_sign_on, page, Purpose::Trial).await? {
        Ok(response) => Ok(response),
        Err(error) => show_trial(&app, &viewer, &headers, &single_sign_on, Err(error)).await,
    }
}

/// Shows how a sign-in would have gone.
pub(crate) async fn show_trial(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    SingleSignOn { policy, .. }: &SingleSignOn,
    identity: anyhow::Result<Identity>,
) -> Result<Response> {
    require_admin_session(viewer)?;
    let trial = match identity {
        Err(error) => Trial {
            refusal: Some(format!("{error:#}")),
            ..Trial::default()
        },
        Ok(identity) => {
            let verdict = app
                .store
                .dry_run(&Actor::system(), |change, _| {
                    Box::pin(identities::judge(
                        change,
                        &identity,
                        policy,
                        Some(viewer.person.id),
                    ))
                })
                .await?;
            Trial {
                claims: identity.claims.shown(),
                refusal: match verdict.owner {
                    Owner::NoOne(reason) => Some(reason),
                    Owner::Account(_) | Owner::AfterPassword { .. } => None,
                },
                account: verdict.account,
                groups: verdict.groups,
                matched: verdict.following.matched,
                changes: verdict.following.changes,
            }
        }
    };
    let page = SignInPage {
        trial: Some(trial),
        ..settings_page(app, viewer, headers).await?
    };
    page::with_errors(StatusCode::OK, &page)
}
