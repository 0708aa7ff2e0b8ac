//! Where a page of webhooks is: in a team's settings, or in those of the workspace.

use axum::http::HeaderMap;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        policy::{team_access, viewer::Viewer},
        webhooks::owner::Owner,
    },
    http::{extract::form::id, layout::Layout},
};

/// What the path says: a team's slug, unless it is of the workspace, and the id of a webhook or message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Place {
    slug: Option<String>,
    id: Option<String>,
}

impl Place {
    /// The team that the viewer leads, or the workspace if they are an administrator.
    pub(super) async fn owner(&self, app: &App, viewer: &Viewer) -> Result<Owner> {
        let Some(slug) = &self.slug else {
            team_access::require_workspace_admin(viewer)?;
            return Ok(Owner::Workspace);
        };
        let access = team_access::team(&app.db, viewer, slug).await?;
        Ok(Owner::Team(access.require_lead()?.team))
    }

    /// The id of the webhook or message.
    pub(super) fn id(&self) -> Result<Uuid> {
        id(self.id.as_deref().ok_or(Problem::NotFound)?)
    }
}

/// The path of the list.
pub(super) fn base(owner: &Owner) -> String {
    match owner.team() {
        Some(team) => format!("/teams/{}/settings/webhooks", team.slug),
        None => "/settings/webhooks".to_owned(),
    }
}

/// The path of a message.
pub(super) fn message_path(owner: &Owner, id: Uuid) -> String {
    match owner.team() {
        Some(team) => format!("/teams/{}/settings/webhook-messages/{id}", team.slug),
        None => format!("/settings/webhook-messages/{id}"),
    }
}

/// The layout of a page of webhooks.
pub(super) async fn layout(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    owner: &Owner,
    title: &str,
) -> Result<Layout> {
    let (title, slug, at) = match owner.team() {
        Some(team) => (
            format!("{}: {title}", team.name),
            team.slug.as_str(),
            "settings",
        ),
        None => (title.to_owned(), "", "settings-webhooks"),
    };
    Ok(Layout::new(app, viewer, headers, title, slug).await?.at(at))
}
