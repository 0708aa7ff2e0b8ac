//! The pitch: all teams' goals for a sprint on one page, to present and discuss them.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        goals::{
            self, Goal,
            comments::{self, GoalComment},
        },
        humanize,
        measure::Measure,
        policy::{team_access, viewer::Viewer},
        sprints::{Sprint, SprintState, queries},
        team::Team,
        teams::{self, roster::load_rosters},
    },
    http::{layout::Layout, page},
};

#[derive(Template)]
#[template(path = "sprints/pitch.html")]
struct PitchPage {
    layout: Layout,
    sprint: Sprint,
    before: Option<i32>,
    after: Option<i32>,
    parts: Vec<Part>,
    may_comment: bool,
    /// The viewer's account.
    me: Uuid,
    now: OffsetDateTime,
}

/// One team's goals.
struct Part {
    team: Team,
    may_edit: bool,
    may_lead: bool,
    /// Whether the viewer may add a goal: neither ended nor closed by the team.
    may_add: bool,
    goals: Vec<Pitched>,
}

/// A goal with its comments.
struct Pitched {
    goal: Goal,
    comments: Vec<GoalComment>,
}

impl PitchPage {
    fn current_url(&self) -> String {
        format!("/sprints/{}", self.sprint.number)
    }

    fn is_author(&self, comment: &GoalComment) -> bool {
        let author = comment.author.as_ref();
        self.may_comment && author.is_some_and(|author| author.id == self.me)
    }

    fn ago(&self, at: &OffsetDateTime) -> String {
        humanize::ago(self.now, *at)
    }

    /// Whether the sprint has started; before that, progress is not shown.
    fn has_begun(&self) -> bool {
        self.sprint.state != SprintState::Planned
    }

    fn live_url(&self) -> String {
        teams::live_url(self.parts.iter().map(|part| &part.team))
    }

    fn event_number(&self) -> i64 {
        teams::event_number(self.parts.iter().map(|part| &part.team))
    }

    /// The number of open concerns.
    fn concerns(&self) -> usize {
        let comments = self
            .parts
            .iter()
            .flat_map(|part| &part.goals)
            .flat_map(|pitched| &pitched.comments);
        comments.filter(|remark| remark.is_open()).count()
    }
}

/// `GET /sprints/{n}`
pub(crate) async fn pitch(
    State(app): State<App>,
    viewer: Viewer,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let number: i32 = number.parse().map_err(|_| Problem::NotFound)?;
    let sprints = queries::sprints(&app.db).await?;
    let sprint = sprints
        .iter()
        .find(|sprint| sprint.number == number)
        .cloned()
        .ok_or(Problem::NotFound)?;
    let now = app.clock.now();
    let teams = team_access::teams(&app.db, &viewer).await?;
    let ids: Vec<Uuid> = teams.iter().map(|access| access.team.id).collect();
    let rosters = load_rosters(&app.db, &ids).await?;
    let goals = goals::of_teams(&app.db, &ids, &sprint, &rosters, now).await?;
    let goal_ids: Vec<Uuid> = goals.iter().map(|goal| goal.id).collect();
    let mut comments_by_goal: HashMap<Uuid, Vec<GoalComment>> = HashMap::new();
    for remark in comments::load_comments(&app.db, &goal_ids).await? {
        comments_by_goal
            .entry(remark.goal)
            .or_default()
            .push(remark);
    }
    let mut of_team: HashMap<Uuid, Vec<Pitched>> = HashMap::new();
    for goal in goals {
        let comments = comments_by_goal.remove(&goal.id).unwrap_or_default();
        of_team
            .entry(goal.team_id)
            .or_default()
            .push(Pitched { goal, comments });
    }
    let as_seen = queries::sprints_of_teams(&app.db, &ids).await?;
    let is_open = |team: &Uuid| {
        let sprints = as_seen.get(team).map_or(&[][..], Vec::as_slice);
        sprints.iter().any(|candidate| {
            candidate.id == sprint.id
                && matches!(candidate.state, SprintState::Planned | SprintState::Active)
        })
    };
    let parts = teams.into_iter().map(|access| Part {
        goals: of_team.remove(&access.team.id).unwrap_or_default(),
        may_add: access.may_edit && is_open(&access.team.id),
        may_edit: access.may_edit,
        may_lead: access.may_lead,
        team: access.team,
    });
    let parts = parts.collect();
    page::page(&PitchPage {
        layout: Layout::new(
            &app,
            &viewer,
            &headers,
            format!("{} goals", sprint.name),
            "",
        )
        .await?
        .at("sprints"),
        before: sprints
            .iter()
            .map(|other| other.number)
            .filter(|other| *other < number)
            .max(),
        after: sprints
            .iter()
            .map(|other| other.number)
            .filter(|other| *other > number)
            .min(),
        parts,
        may_comment: viewer.may_write(),
        me: viewer.person.id,
        sprint,
        now,
    })
}
