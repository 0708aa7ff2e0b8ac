//! The planning page: the next sprint's goals, the backlog beside the sprint, and the team's
//! velocity and capacity.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        checkin::requests,
        error::{Problem, Result},
        events::EventStore,
        goals::{self, Goal, comments},
        humanize::{self, counted},
        person::Person,
        planning::{self, BacklogItem, Load, SHOWN, Theirs, median},
        policy::{team_access, viewer::Viewer},
        sprints::{Sprint, SprintState, queries},
        standup::topics::Meeting,
        tasks::{
            bulk_edit::{self, BulkEdit},
            timeline,
        },
        team::Team,
        teams::roster::{Roster, load_roster},
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        page::{self, back_to},
        pages::{standup::Agenda, tasks::flash::with_undoable},
    },
};

#[derive(Template)]
#[template(path = "sprints/planning.html")]
struct PlanningPage {
    layout: Layout,
    team: Team,
    may_edit: bool,
    may_close: bool,
    sprint: Sprint,
    /// The ended sprint that is not closed yet: its unfinished tasks are not in these lists.
    /// The sprint before, if it is over and this one has not been going for long.
    turned_from: Option<Sprint>,
    unclosed: Option<Sprint>,
    /// The numbers of the sprints that can be planned.
    open: Vec<i32>,
    /// The team's remaining working days in the sprint.
    days: Vec<Date>,
    roster: Roster,
    goals: Vec<Goal>,
    slips: Vec<BacklogItem>,
    backlog: i64,
    finished: Vec<(i64, i64)>,
    loads: Vec<Load>,
    theirs: Vec<Theirs>,
    /// The number of open requests and concerns of others.
    open_requests: i64,
    concerns: usize,
    agenda: Agenda,
    undoable: Option<timeline::Undoable>,
    now: OffsetDateTime,
}

impl PlanningPage {
    fn current_url(&self) -> String {
        page_url(&self.team, &self.sprint)
    }

    fn unplanned(&self) -> Vec<&BacklogItem> {
        self.slips.iter().filter(|item| !item.set_aside).collect()
    }

    fn aside(&self) -> Vec<&BacklogItem> {
        self.slips.iter().filter(|item| item.set_aside).collect()
    }

    /// The tasks planned for each goal of the sprint.
    fn of_goal(&self, goal: &Uuid) -> Vec<&BacklogItem> {
        self.slips
            .iter()
            .filter(|item| item.set_aside && item.goal == Some(*goal))
            .collect()
    }

    /// The tasks planned for no goal.
    fn of_none(&self) -> Vec<&BacklogItem> {
        let known = |item: &BacklogItem| {
            item.goal
                .is_some_and(|goal| self.goals.iter().any(|listed| listed.id == goal))
        };
        self.slips
            .iter()
            .filter(|item| item.set_aside && !known(item))
            .collect()
    }

    /// `2 requests, 1 concern`.
    /// `open requests, 1 concern`, after the number of requests.
    fn requests_and_concerns(&self) -> String {
        let plural = if self.open_requests == 1 { "" } else { "s" };
        let concerns = counted(self.concerns, "concern");
        format!("open request{plural}, {concerns}")
    }

    fn points(&self) -> i64 {
        self.slips
            .iter()
            .filter(|item| item.set_aside)
            .filter_map(|item| item.estimate)
            .map(i64::from)
            .sum()
    }

    /// The median, and the values it is of: `17, 12, 13`.
    fn usual(&self, points: bool) -> (i64, String) {
        let figures: Vec<i64> = self
            .finished
            .iter()
            .map(|(tasks, all)| if points { *all } else { *tasks })
            .collect();
        let notes: Vec<String> = figures.iter().map(ToString::to_string).collect();
        (median(&figures), notes.join(", "))
    }

    /// The days on which each person is available.
    fn days_of(&self, person: &Person) -> usize {
        let member = self
            .roster
            .members
            .iter()
            .find(|member| member.person.id == person.id);
        member.map_or(0, |member| member.there(&self.days))
    }

    /// The available person-days, and their number without any absence.
    fn days_of_all(&self) -> (usize, usize) {
        let there = self
            .roster
            .members
            .iter()
            .map(|member| member.there(&self.days))
            .sum();
        (there, self.roster.members.len() * self.days.len())
    }

    /// The number of planned tasks that were carried over, and of those carried over more than
    /// once.
    fn carried(&self) -> (usize, usize) {
        let carried = |times| {
            self.slips
                .iter()
                .filter(|item| item.set_aside && item.carried >= times)
                .count()
        };
        (carried(1), carried(2))
    }

    /// A summary of a task for planning: what it blocks, who needs it, and its age.
    fn word(&self, item: &BacklogItem) -> String {
        let mut notes = Vec::new();
        if !item.blocking.is_empty() {
            let verb = if item.blocking.len() == 1 {
                "waits"
            } else {
                "wait"
            };
            notes.push(format!("{} {verb}", item.blocking.join(", ")));
        }
        if !item.needed_by.is_empty() {
            notes.push(format!("for {}", item.needed_by));
        }
        match item.carried {
            0 => {}
            1 => notes.push("carried over once".to_owned()),
            2 => notes.push("carried over twice".to_owned()),
            times => notes.push(format!("carried over {times} times")),
        }
        if !item.set_aside {
            notes.push(humanize::age(self.now, item.created_at));
        }
        notes.join(" · ")
    }

    fn blocked_reason(&self, theirs: &Theirs) -> String {
        humanize::age(self.now, theirs.since)
    }

    fn hidden(&self) -> i64 {
        (self.backlog - SHOWN).max(0)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Planned {
    sprint: String,
    #[serde(rename = "did")]
    done_change: Option<Uuid>,
}

fn page_url(team: &Team, sprint: &Sprint) -> String {
    format!("/teams/{}/planning?sprint={}", team.slug, sprint.number)
}

/// `GET /teams/{slug}/planning?sprint=43`: by default the sprint after the current one.
pub(crate) async fn planning(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(wanted): Query<Planned>,
    headers: HeaderMap,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug).await?;
    let (team, access_may_edit) = (access.team.clone(), access.may_edit);
    let sprints = queries::sprints_of(&app.db, team.id).await?;
    let sprint = match wanted.sprint.as_str() {
        "" => queries::next(&sprints)
            .or_else(|| queries::current(&sprints))
            .cloned(),
        number => number
            .parse()
            .ok()
            .and_then(|number: i32| sprints.iter().find(|sprint| sprint.number == number))
            .cloned(),
    };
    let sprint = sprint.ok_or(Problem::NotFound)?;
    let roster = load_roster(&app.db, team.id).await?;
    let now = app.clock.now();
    let today = roster.week.today(now);
    let going = queries::active(&sprints);
    let rosters = HashMap::from([(team.id, roster.clone())]);
    let at_risk = goals::at_risk(&app.db, &[team.id], &sprints, &rosters, now).await?;
    let (slips, backlog) = planning::load_backlog(&app.db, team.id, &sprint, &at_risk).await?;
    let open = |sprint: &&Sprint| {
        sprint.state == SprintState::Planned || sprint.state == SprintState::Active
    };
    let mut open: Vec<i32> = sprints
        .iter()
        .filter(open)
        .map(|sprint| sprint.number)
        .collect();
    open.sort_unstable();
    open.truncate(4);
    let shown = PlanningPage {
        layout: Layout::new(
            &app,
            &viewer,
            &headers,
            format!("Planning {}", sprint.name),
            &slug,
        )
        .await?
        .at("planning"),
        days: sprint
            .working_days(&roster.week)
            .into_iter()
            .filter(|day| *day >= today)
            .collect(),
        goals: goals::goals(&app.db, &team, &sprint, &roster, now).await?,
        finished: planning::finished(&app.db, team.id).await?,
        loads: planning::loads(&app.db, team.id, going.map(|going| going.id), sprint.id).await?,
        open_requests: requests::open(&app.db, team.id).await?,
        concerns: comments::open_concerns(&app.db, team.id).await?.len(),
        theirs: planning::tasks_waiting_on_team(&app.db, team.id).await?,
        may_close: access.may_edit,
        may_edit: access.may_edit && sprint.state != SprintState::Closed,
        agenda: Agenda::read(
            &app,
            vec![access],
            Meeting::Planning,
            page_url(&team, &sprint),
            viewer.person.id,
            now,
        )
        .await?,
        undoable: timeline::undoable(&app.db, wanted.done_change, &viewer, now).await?,
        open,
        turned_from: turned_from(&sprints, &sprint, today)
            .filter(|_| access_may_edit)
            .cloned(),
        unclosed: queries::unclosed(&sprints).cloned(),
        slips,
        backlog,
        roster,
        sprint,
        team,
        now,
    };
    let response = page::page(&shown)?;
    Ok(match page::fragment(&headers) {
        Some(_) => with_undoable(response, shown.undoable.as_ref()),
        None => response,
    })
}

/// The sprint before this one, if it is over and this one is in its first days at most.
fn turned_from<'s>(sprints: &'s [Sprint], sprint: &Sprint, today: Date) -> Option<&'s Sprint> {
    let before = sprints
        .iter()
        .find(|other| other.number == sprint.number - 1)?;
    (sprint.is_being_planned(today) && (before.is_ended() || before.is_closed())).then_some(before)
}

/// `POST /teams/{slug}/planning`: plans tasks for a goal or the sprint, or moves them to the
/// backlog; all or none.
pub(crate) async fn plan_tasks(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let number: i32 = fields.parse("sprint", "Choose a sprint.")?.unwrap_or(0);
    let sprint = queries::sprint_of(&db, team.id, number).await?;
    let same = match fields.text("to") {
        "backlog" => BulkEdit::SetAside {
            sprint: None,
            goal: None,
        },
        "sprint" => BulkEdit::SetAside {
            sprint: Some(sprint.id),
            goal: None,
        },
        goal => {
            let goal = id(goal)?;
            if goals::sprint_of(&db, team.id, goal).await? != Some(sprint.id) {
                return Err(Problem::field(
                    "to",
                    format!("This goal does not belong to {}.", sprint.name),
                ));
            }
            BulkEdit::SetAside {
                sprint: Some(sprint.id),
                goal: Some(goal),
            }
        }
    };
    // A dragged task moves alone, or with all selected ones if it is selected.
    let (mut keys, dragged) = (fields.all("keys"), fields.text("dragged").to_owned());
    if !dragged.is_empty() && !keys.contains(&dragged) {
        keys = vec![dragged];
    }
    let actor = viewer.actor();
    let changed = store
        .change(&actor, |change, _| {
            Box::pin(bulk_edit::edit_tasks(
                change,
                &team,
                &keys,
                std::slice::from_ref(&same),
            ))
        })
        .await?;
    Ok(back_to(
        &format!("/teams/{slug}/planning?sprint={number}"),
        changed.id,
    ))
}
