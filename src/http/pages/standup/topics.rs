//! The topics of standups and retros.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::Result,
        events::EventStore,
        policy::{
            team_access::{self, TeamAccess},
            viewer::Viewer,
        },
        standup::{
            edit_topics,
            topics::{self, Meeting, Topic},
        },
    },
    http::{
        extract::form::{Fields, id},
        pages::standup::actions::back,
    },
};

/// The topics of a meeting, with the form that adds one.
#[derive(Template)]
#[template(path = "standup/_agenda.html")]
pub(crate) struct Agenda {
    meeting: Meeting,
    /// The URL of the page that contains it.
    here: String,
    topics: Vec<Topic>,
    teams: Vec<TeamAccess>,
    /// The viewer's account.
    me: Uuid,
}

// The template escapes its own text.
impl askama::filters::HtmlSafe for Agenda {}

impl Agenda {
    /// Loads the topics of these teams.
    pub(crate) async fn read(
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

    /// Whether the viewer may edit or remove a topic of that team.
    fn may_correct(&self, access: &TeamAccess, topic: &Topic) -> bool {
        access.may_edit || access.may_comment && topic.author == Some(self.me)
    }

    /// The team of a new topic: the viewer's own if it meets, or else the first.
    fn adds_to(&self) -> Option<&str> {
        let own = self.teams.iter().find(|access| access.may_edit);
        own.or(self.teams.first())
            .filter(|access| access.may_comment)
            .map(|access| access.team.slug.as_str())
    }
}

/// `POST /teams/{slug}/topics`: adds a topic to a `meeting`. Every account that may write can.
pub(crate) async fn add_topic(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_comment()?
        .team;
    let meeting = Meeting::parse(fields.text("meeting"))?;
    let actor = viewer.actor();
    store
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

/// `POST /teams/{slug}/topics/{id}`: checks the topic with `done`, unchecks it without.
pub(crate) async fn tick_topic(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, topic)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let (topic, done) = (id(&topic)?, fields.get("done").is_some());
    let actor = viewer.actor();
    store
        .change(&actor, |change, _| {
            Box::pin(topics::set_topic_done(change, &team, topic, done))
        })
        .await?;
    Ok(back(&fields, &slug))
}

/// `POST /teams/{slug}/topics/{id}/text`: edits a topic; its author and its team may.
pub(crate) async fn edit_topic(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, topic)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&db, &viewer, &slug)
        .await?
        .require_comment()?;
    let (topic, actor, line) = (id(&topic)?, viewer.actor(), fields.text("text"));
    store
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

/// `POST /teams/{slug}/topics/{id}/remove`: removes a topic; its author and its team may.
pub(crate) async fn remove_topic(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, topic)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&db, &viewer, &slug)
        .await?
        .require_comment()?;
    let (topic, actor) = (id(&topic)?, viewer.actor());
    store
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
