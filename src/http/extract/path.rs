//! What the path of an API's URL names: a team or project with the viewer's permissions, and the parts of one.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        policy::{
            team_access::{self, TeamAccess},
            viewer::Viewer,
        },
        team::Team,
    },
};

/// The viewer and the team whose slug is in the URL.
pub(crate) struct TeamContext {
    pub(crate) viewer: Viewer,
    pub(crate) access: TeamAccess,
}

impl FromRequestParts<App> for TeamContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let viewer = viewer(parts, app).await?;
        let slug = value(parts, app, "slug").await?;
        let access = team_access::team(&app.db, &viewer, &slug).await?;
        Ok(Self { viewer, access })
    }
}

impl TeamContext {
    /// Returns viewer and team if the viewer may change the team's board.
    pub(crate) fn require_edit(self) -> Result<(Viewer, Team)> {
        Ok((self.viewer, self.access.require_edit()?.team))
    }

    /// Returns viewer and team if the viewer may comment.
    pub(crate) fn require_comment(self) -> Result<(Viewer, TeamAccess)> {
        Ok((self.viewer, self.access.require_comment()?))
    }

    /// Returns viewer and team if the viewer may change the team's settings.
    pub(crate) fn require_lead(self) -> Result<(Viewer, Team)> {
        Ok((self.viewer, self.access.require_lead()?.team))
    }
}

/// The viewer, the project whose slug is in the URL, and the team that leads it.
pub(crate) struct ProjectContext {
    pub(crate) viewer: Viewer,
    pub(crate) access: TeamAccess,
    pub(crate) project: Uuid,
}

impl FromRequestParts<App> for ProjectContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let viewer = viewer(parts, app).await?;
        let slug = value(parts, app, "slug").await?;
        let (access, project) = team_access::project(&app.db, &viewer, &slug).await?;
        Ok(Self {
            viewer,
            access,
            project,
        })
    }
}

impl ProjectContext {
    /// Returns viewer, leading team and project if the viewer may change that team's board.
    pub(crate) fn require_edit(self) -> Result<(Viewer, Team, Uuid)> {
        Ok((self.viewer, self.access.require_edit()?.team, self.project))
    }
}

/// An id in the URL; an invalid one is not found.
pub(crate) struct ObjectId(pub(crate) Uuid);

/// A sprint's number in the URL.
pub(crate) struct SprintNumber(pub(crate) i32);

/// A slug in the URL, where a task is named too.
pub(crate) struct Slug(pub(crate) String);

/// A column's slug in the URL.
pub(crate) struct ColumnSlug(pub(crate) String);

/// A person's username in the URL.
pub(crate) struct Handle(pub(crate) String);

/// A day in the URL.
pub(crate) struct Day(pub(crate) time::Date);

/// Reads such a value from the part of the path with this name.
macro_rules! part_of_path {
    ($type:ty, $name:literal, $read:expr) => {
        impl FromRequestParts<App> for $type {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
                let text = value(parts, app, $name).await?;
                $read(text).map(Self).ok_or(Problem::NotFound)
            }
        }
    };
}

part_of_path!(ObjectId, "id", |text: String| text.parse().ok());
part_of_path!(SprintNumber, "number", |text: String| text.parse().ok());
part_of_path!(Slug, "slug", storable);
part_of_path!(ColumnSlug, "column", storable);
part_of_path!(Handle, "handle", storable);
part_of_path!(Day, "day", |text: String| crate::domain::dates::parse_date(
    &text
));

fn storable(text: String) -> Option<String> {
    crate::domain::keys::plain(&text).ok().map(str::to_owned)
}

async fn viewer(parts: &mut Parts, app: &App) -> Result<Viewer> {
    <Viewer as FromRequestParts<App>>::from_request_parts(parts, app).await
}

async fn value(parts: &mut Parts, app: &App, name: &str) -> Result<String> {
    let path = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(|_| Problem::NotFound)?;
    path.iter()
        .find(|(part, _)| *part == name)
        .map(|(_, value)| value.to_owned())
        .ok_or(Problem::NotFound)
}
