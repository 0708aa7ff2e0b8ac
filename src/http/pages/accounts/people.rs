//! People settings for administrators: accounts, invitations and password reset links.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        accounts::{
            password_resets,
            queries::{self, AccountRow},
            second_factor,
        },
        error::{Problem, Result},
        events::EventStore,
        humanize, keys, offboarding,
        policy::{
            team_access,
            viewer::{Role, Viewer},
        },
        team::Team,
        teams::invitations::{self, Draft, Open},
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        page,
    },
};

#[derive(Template)]
#[template(path = "accounts/people.html")]
struct PeoplePage {
    layout: Layout,
    people: Vec<AccountRow>,
    invitations: Vec<Open>,
    teams: Vec<Team>,
    /// A link that was just created and its purpose; it is shown only once.
    created: Option<(String, String)>,
    errors: Vec<String>,
    /// What was sent by mail.
    sent: String,
    /// Whether links can be sent by mail.
    has_mail: bool,
    /// The entered values of a refused form.
    submitted: Fields,
    now: OffsetDateTime,
}

impl PeoplePage {
    fn seen(&self, account: &AccountRow) -> String {
        account.seen_at.map_or_else(
            || "never signed in".to_owned(),
            |at| humanize::ago(self.now, at),
        )
    }

    /// The entered value, or the default.
    fn submitted(&self, field: &str, usual: &str) -> String {
        self.submitted.get(field).unwrap_or(usual).to_owned()
    }

    fn until(&self, invitation: &Open) -> String {
        humanize::day(invitation.expires_at.date())
    }
}

/// `GET /settings/people`
pub(crate) async fn people(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    page::page(&people_page(&app, &viewer, &headers, None, Vec::new(), Fields::default()).await?)
}

async fn people_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    created: Option<(String, String)>,
    errors: Vec<String>,
    submitted: Fields,
) -> Result<PeoplePage> {
    let now = app.clock.now();
    let people = queries::accounts(&app.db, viewer.person.id).await?;
    Ok(PeoplePage {
        layout: Layout::new(app, viewer, headers, "People", "")
            .await?
            .at("settings-people"),
        invitations: invitations::open(&app.db, now, viewer.person.id).await?,
        teams: team_access::seen_teams(&app.db, viewer).await?,
        people,
        created,
        errors,
        sent: String::new(),
        has_mail: app.has_mail().await?,
        submitted,
        now,
    })
}

/// `POST /settings/invitations`: creates an invitation and shows its link once.
pub(crate) async fn invite(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    viewer.require_session_for_links()?;
    let team = match fields.text("team") {
        "" => None,
        slug => Some(team_access::team(&app.db, &viewer, slug).await?.team),
    };
    let days: Option<i64> = match fields.parse("days", "An invitation expires after 1 to 90 days.")
    {
        Ok(days) => days,
        Err(problem) => return shown(&app, &viewer, &headers, Err(problem), fields).await,
    };
    let email = match fields.text("invitee").trim() {
        "" => None,
        email => {
            require_mail(&app).await?;
            Some(email.to_owned())
        }
    };
    let draft = Draft {
        team,
        email,
        role: match Role::parse(fields.text("role")) {
            Some(Role::Viewer) => Role::Viewer,
            _ => Role::Member,
        },
        single_use: fields.text("for") != "many",
        days: days.unwrap_or(7),
    };
    let actor = viewer.actor();
    let created = app
        .store
        .change(&actor, |change, _| {
            Box::pin(invitations::invite(change, &draft))
        })
        .await;
    if let Some(email) = &draft.email {
        let sent = created.map(|_| format!("An invitation will be sent to {email}."));
        return mailed(&app, &viewer, &headers, sent, fields).await;
    }
    shown(
        &app,
        &viewer,
        &headers,
        created.map(|created| {
            (
                "Invitation link".to_owned(),
                format!("{}/join/{}", app.public_url, created.value),
            )
        }),
        fields,
    )
    .await
}

async fn shown(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    created: Result<(String, String)>,
    submitted: Fields,
) -> Result<Response> {
    match created {
        Ok(created) => page::page(
            &people_page(
                app,
                viewer,
                headers,
                Some(created),
                Vec::new(),
                Fields::default(),
            )
            .await?,
        ),
        Err(Problem::Invalid(errors)) => {
            let errors = errors.into_values().collect();
            page::with_errors(
                StatusCode::UNPROCESSABLE_ENTITY,
                &people_page(app, viewer, headers, None, errors, submitted).await?,
            )
        }
        Err(problem) => Err(problem),
    }
}

async fn require_mail(app: &App) -> Result<()> {
    if !app.has_mail().await? {
        return Err(Problem::conflict("Mail is not set up. Nothing was sent."));
    }
    Ok(())
}

/// Shows what was sent by mail, or why nothing was.
async fn mailed(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    sent: Result<String>,
    submitted: Fields,
) -> Result<Response> {
    let sent = match sent {
        Ok(sent) => sent,
        Err(problem) => return shown(app, viewer, headers, Err(problem), submitted).await,
    };
    let page = people_page(app, viewer, headers, None, Vec::new(), Fields::default()).await?;
    page::page(&PeoplePage { sent, ..page })
}

/// `POST /settings/invitations/{id}/revoke`
pub(crate) async fn revoke_invitation(
    State(store): State<EventStore>,
    viewer: Viewer,
    Path(invitation): Path<String>,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let (actor, invitation): (_, Uuid) = (viewer.actor(), id(&invitation)?);
    store
        .change(&actor, |change, _| {
            Box::pin(invitations::revoke(change, invitation))
        })
        .await?;
    Ok(Redirect::to("/settings/people#invitations").into_response())
}

/// `POST /settings/people/{handle}`: changes an account; `do` names the action.
pub(crate) async fn change_person(
    State(app): State<App>,
    viewer: Viewer,
    Path(handle): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let (actor, handle) = (viewer.actor(), keys::plain(&handle)?);
    let free = fields.get("free").is_some();
    let done = match fields.text("do") {
        "link" => {
            viewer.require_session_for_links()?;
            let created = app
                .store
                .change(&actor, |change, _| {
                    Box::pin(password_resets::make_link(change, handle))
                })
                .await;
            let link = |secret| {
                (
                    format!("Password reset link for @{handle}, expires in one hour"),
                    format!("{}/reset/{secret}", app.public_url),
                )
            };
            return shown(
                &app,
                &viewer,
                &headers,
                created.map(|created| link(created.value)),
                fields,
            )
            .await;
        }
        "mail-link" => {
            viewer.require_session_for_links()?;
            require_mail(&app).await?;
            let sent = app
                .store
                .change(&actor, |change, _| {
                    Box::pin(password_resets::mail_link(change, handle))
                })
                .await;
            return mailed(
                &app,
                &viewer,
                &headers,
                sent.map(|_| format!("A password reset link will be sent to @{handle}.")),
                fields,
            )
            .await;
        }
        "reset-second-factor" => {
            viewer.require_session()?;
            let has_mail = app.has_mail().await?;
            app.store
                .change(&actor, |change, _| {
                    Box::pin(second_factor::reset(change, handle, has_mail))
                })
                .await
        }
        "deactivate" => {
            app.store
                .change(&actor, |change, _| {
                    Box::pin(offboarding::deactivate(change, handle, free))
                })
                .await
        }
        "reactivate" => {
            app.store
                .change(&actor, |change, _| {
                    Box::pin(offboarding::reactivate(change, handle))
                })
                .await
        }
        "delete" => {
            app.store
                .change(&actor, |change, _| {
                    Box::pin(offboarding::delete(change, handle))
                })
                .await
        }
        role => {
            let role = Role::parse(role)
                .ok_or_else(|| Problem::field("do", "Choose an action for this person."))?;
            app.store
                .change(&actor, |change, _| {
                    Box::pin(offboarding::set_role(change, handle, role))
                })
                .await
        }
    };
    match done {
        Ok(_) => Ok(Redirect::to("/settings/people").into_response()),
        Err(Problem::Invalid(errors)) => {
            shown(
                &app,
                &viewer,
                &headers,
                Err(Problem::Invalid(errors)),
                Fields::default(),
            )
            .await
        }
        Err(problem) => Err(problem),
    }
}
