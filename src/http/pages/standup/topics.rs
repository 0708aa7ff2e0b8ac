//! Agendas, on the pages of the meetings.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::Result,
        policy::{
            team_access::{self, TeamAccess},
            viewer::Viewer,
        },
    },
    http::extract::form::{Fields, id},
};
use crate::{
    domain::standup::{
        edit_topics,
        topics::{self, Meeting, Topic},
    },
    http::pages::standup::actions::back,
};

/// What is on the agenda of some teams' meeting, with a line to add to it.
#[derive(Template)]
#[template(path = "standup/_agenda.html")]
pub struct Agenda {
    meeting: Meeting,
    /// The address of the page that it stands on.
    here: String,
    topics: Vec<Topic>,
    teams: Vec<TeamAccess>,
    /// Who reads it.
    me: Uuid,
}

// It escapes its own texts.
impl askama::filters::HtmlSafe for Agenda {}

impl Agenda {
    /// What these teams have to talk about.
    pub async fn read(
        app: &App,
        teams: Vec<TeamAccess>,
        meeting: Meeting,
        here: String,
        me: Uuid,
        now: OffsetDateTime,
    ) -> Result<Self> {
        let ids: Vec<Uuid> = teams.iter().map(|access| access.team.id).collect();
        Ok(Self {
            topics: topics::topics(&app.db, &ids, meeting, now).await?,
            meeting,
            here,
            teams,
            me,
        })
    }

    fn of(&self, topic: &Topic) -> Option<&TeamAccess> {
        self.teams
            .iter()
            .find(|access| access.team.id == topic.team_id)
    }

    /// Whether the reader may change a topic of that team, or take it away.
    fn may_correct(&self, access: &TeamAccess, topic: &Topic) -> bool {
        access.may_edit || access.may_comment && topic.author == Some(self.me)
    }

    /// The team whose agenda a new line goes to: the viewer's own if it meets, or else the first.
    fn adds_to(&self) -> Option<&str> {
        let own = self.teams.iter().find(|access| access.may_edit);
        own.or(self.teams.first())
            .filter(|access| access.may_comment)
            .map(|access| access.team.slug.as_str())
    }
}

/// `POST /teams/{slug}/topics`: one line for the agenda of a `meeting`. Whoever may write may add one.
pub async fn add_topic(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_comment()?
        .team;
    let meeting = Meeting::read(fields.text("meeting"))?;
    let actor = viewer.actor();
    app.store
        .change(&actor, |change, _| {
            Box::pin(topics::add_topic(
                change,
                &team,
                meeting,
                fields.text("text"),
            ))
        })
        .await?;
    Ok(back(&fields, &slug))
}

/// `POST /teams/{slug}/topics/{id}`: ticked off with `done`, not so without.
pub async fn tick_topic(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, topic)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let (topic, done) = (id(&topic)?, fields.get("done").is_some());
    let actor = viewer.actor();
    app.store
        .change(&actor, |change, _| {
            Box::pin(topics::set_topic_done(change, &team, topic, done))
        })
        .await?;
    Ok(back(&fields, &slug))
}

/// `POST /teams/{slug}/topics/{id}/text`: in other words, by who put it there or by its team.
pub async fn correct_topic(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, topic)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_comment()?;
    let (topic, actor, line) = (id(&topic)?, viewer.actor(), fields.text("text"));
    app.store
        .change(&actor, |change, _| {
            Box::pin(edit_topics::edit_topic(
                change,
                &access.team,
                topic,
                line,
                access.may_edit,
            ))
        })
        .await?;
    Ok(back(&fields, &slug))
}

/// `POST /teams/{slug}/topics/{id}/remove`: by the same.
pub async fn remove_topic(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, topic)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_comment()?;
    let (topic, actor) = (id(&topic)?, viewer.actor());
    app.store
        .change(&actor, |change, _| {
            Box::pin(edit_topics::remove_topic(
                change,
                &access.team,
                topic,
                access.may_edit,
            ))
        })
        .await?;
    Ok(back(&fields, &slug))
}
