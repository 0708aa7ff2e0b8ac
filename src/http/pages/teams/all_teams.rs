//! The list of all teams, and adding a team.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        checkin::changes,
        column_state::ColumnState,
        error::Result,
        events::EventStore,
        goals::{self, Goal},
        humanize,
        person::Person,
        policy::{team_access, viewer::Viewer},
        sprints::{self, Sprint},
        tasks::{self, sprint_counts::LongestBlocked},
        team::Team,
        teams::{
            create,
            roster::{Week, load_rosters},
        },
    },
    http::{extract::form::Fields, layout::Layout, page},
};

#[derive(Template)]
#[template(path = "teams/teams.html")]
struct TeamsPage {
    layout: Layout,
    sprint: Option<Sprint>,
    day: (usize, usize),
    rows: Vec<Row>,
    /// Whether the viewer may add a team.
    may_add: bool,
    now: OffsetDateTime,
}

impl TeamsPage {
    fn age(&self, blocked: &LongestBlocked) -> String {
        humanize::age(self.now, blocked.since)
    }

    fn ago(&self, at: &OffsetDateTime) -> String {
        humanize::ago(self.now, *at)
    }
}

/// A team's row, with its sprint.
struct Row {
    team: Team,
    goals: Vec<Goal>,
    counts: Vec<(ColumnState, i64)>,
    members: Vec<Person>,
    /// The task that has been blocked for longest, and since when.
    blocked: Option<LongestBlocked>,
    /// The time of the last change.
    changed: Option<OffsetDateTime>,
    /// The sprint of the row's numbers, if it is not the page's.
    sprint: Option<Sprint>,
}

impl Row {
    fn done(&self) -> i64 {
        self.counts
            .iter()
            .filter(|(state, _)| *state == ColumnState::Done)
            .map(|(_, count)| count)
            .sum()
    }

    fn total(&self) -> i64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }
}

/// `GET /teams`
pub(crate) async fn list_teams(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    let sprints = sprints::queries::sprints(&app.db).await?;
    let sprint = sprints::queries::active(&sprints).cloned();
    let now = app.clock.now();
    let today = sprints::queries::workspace_today(&app.db, now).await?;
    let teams = team_access::seen_teams(&app.db, &viewer).await?;
    let ids: Vec<Uuid> = teams.iter().map(|team| team.id).collect();
    // Per team: one that has closed the active sprint works in the next.
    let theirs: HashMap<Uuid, Sprint> = sprints::queries::sprints_of_teams(&app.db, &ids)
        .await?
        .into_iter()
        .filter_map(|(team, sprints)| Some((team, sprints::queries::current(&sprints)?.clone())))
        .collect();
    let (of, sprint_ids): (Vec<Uuid>, Vec<Uuid>) = theirs
        .iter()
        .map(|(team, sprint)| (*team, sprint.id))
        .unzip();
    let counted = tasks::sprint_counts::count_by_state(&app.db, &of, &sprint_ids).await?;
    let mut rows = Vec::new();
    let mut rosters = load_rosters(&app.db, &ids).await?;
    let mut goals = Vec::new();
    let different: HashMap<Uuid, &Sprint> =
        theirs.values().map(|sprint| (sprint.id, sprint)).collect();
    for sprint in different.values() {
        let in_it: Vec<Uuid> = ids
            .iter()
            .filter(|id| theirs.get(id).is_some_and(|own| own.id == sprint.id))
            .copied()
            .collect();
        goals.extend(goals::of_teams(&app.db, &in_it, sprint, &rosters, now).await?);
    }
    let blocked = tasks::sprint_counts::longest_blocked(&app.db, &of, &sprint_ids).await?;
    let changed = changes::last(&app.db, &ids).await?;
    for team in teams {
        let goals = goals
            .iter()
            .filter(|goal| goal.team_id == team.id)
            .cloned()
            .collect();
        let count = |state: ColumnState| {
            counted
                .iter()
                .find(|(id, counted_state, _)| *id == team.id && *counted_state == state)
                .map_or(0, |(_, _, count)| *count)
        };
        let counts = ColumnState::ALL
            .into_iter()
            .map(|state| (state, count(state)))
            .collect();
        let roster = rosters.remove(&team.id).unwrap_or_default();
        let members = roster
            .members
            .into_iter()
            .map(|member| member.person)
            .collect();
        let blocked = blocked
            .iter()
            .find(|blocked| blocked.team_id == team.id)
            .cloned();
        let changed = changed
            .iter()
            .find(|(id, _)| *id == team.id)
            .map(|(_, at)| *at);
        // only if it differs from the page's
        let own = theirs
            .get(&team.id)
            .filter(|own| sprint.as_ref().is_none_or(|sprint| sprint.id != own.id));
        rows.push(Row {
            members,
            goals,
            counts,
            blocked,
            changed,
            sprint: own.cloned(),
            team,
        });
    }
    let layout = Layout::new(&app, &viewer, &headers, "All teams", "").await?;
    let day = sprint.as_ref().map_or((0, 0), |sprint| {
        let week = Week::beginning(sprint.starts_on);
        (
            sprint.day_number(&week, today),
            sprint.working_days(&week).len(),
        )
    });
    let may_add = team_access::may_edit_workspace(&viewer);
    page::page(&TeamsPage {
        layout,
        sprint,
        day,
        rows,
        may_add,
        now,
    })
}

/// `POST /teams`: an administrator adds a team, and is its first lead.
pub(crate) async fn create_team(
    State(store): State<EventStore>,
    viewer: Viewer,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let (name, key) = (
        fields.text("name").trim(),
        fields.text("key").trim().to_uppercase(),
    );
    let created = store
        .change(&viewer.actor(), |change, _| {
            Box::pin(create::create_team(change, name, &key))
        })
        .await?;
    let slug = created.value;
    Ok(Redirect::to(&format!("/teams/{slug}/settings")).into_response())
}
