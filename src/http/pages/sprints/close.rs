//! The close page of a sprint: what happens to each unfinished task, and whether each goal was met.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        column_state::ColumnState,
        error::{Problem, Result},
        events::EventStore,
        goals::{self, Goal},
        humanize,
        policy::{team_access, viewer::Viewer},
        retro::{
            close::{self, CloseAction, CloseDecisions},
            reopen,
            report::{self, SprintReport},
        },
        sprints::{Sprint, SprintState, queries},
        tasks::{self, Card},
        team::Team,
        teams::roster::{Roster, load_roster},
    },
    http::{extract::form::Fields, layout::Layout, page},
};

#[derive(Template)]
#[template(path = "sprints/close.html")]
struct ClosePage {
    layout: Layout,
    team: Team,
    sprint: Sprint,
    next: Sprint,
    goals: Vec<Goal>,
    figures: SprintReport,
    left: Vec<Left>,
    now: OffsetDateTime,
    problem: String,
    submitted: Option<Fields>,
}

/// An unfinished task with the proposed outcome.
struct Left {
    card: Card,
    carried_before: i64,
    proposal: CloseAction,
}

impl ClosePage {
    fn age(&self, card: &Card) -> String {
        humanize::age(self.now, card.column_since)
    }

    fn outcome(&self, left: &Left) -> CloseAction {
        let submitted = self.submitted.as_ref().and_then(|submitted| {
            CloseAction::parse(submitted.text(&format!("task:{}", left.card.key)))
        });
        submitted.unwrap_or(left.proposal)
    }

    fn is(&self, left: &Left, outcome: &CloseAction) -> bool {
        self.outcome(left) == *outcome
    }

    fn reason(&self, left: &Left) -> &str {
        self.submitted.as_ref().map_or("", |submitted| {
            submitted.text(&format!("why:{}", left.card.key))
        })
    }

    fn met(&self, goal: &Goal) -> bool {
        match &self.submitted {
            Some(submitted) => submitted.text(&format!("goal:{}", goal.id)) == "met",
            None => goal.is_reached(),
        }
    }

    fn why_not(&self, goal: &Goal) -> &str {
        self.submitted
            .as_ref()
            .map_or("", |submitted| submitted.text(&format!("why:{}", goal.id)))
    }

    fn outcome_words(&self, outcome: &CloseAction) -> String {
        match outcome {
            CloseAction::Carry => format!("Move to {}", self.next.name),
            CloseAction::Backlog => "Move to backlog".to_owned(),
            CloseAction::Drop => "Drop".to_owned(),
        }
    }
}

/// A team's sprint to close, the next one, and the data of both.
struct Closing {
    team: Team,
    roster: Roster,
    sprint: Sprint,
    next: Sprint,
    goals: Vec<Goal>,
}

impl Closing {
    async fn read(app: &App, viewer: &Viewer, slug: &str, number: &str) -> Result<Self> {
        let team = team_access::team(&app.db, viewer, slug)
            .await?
            .require_edit()?
            .team;
        let number: i32 = number.parse().map_err(|_| Problem::NotFound)?;
        let sprints = queries::sprints_of(&app.db, team.id).await?;
        let (sprint, next) = queries::to_close(&sprints, number)?;
        let (sprint, next) = (sprint.clone(), next.clone());
        let roster = load_roster(&app.db, team.id).await?;
        let goals = goals::goals(&app.db, &team, &sprint, &roster, app.clock.now()).await?;
        Ok(Self {
            team,
            roster,
            sprint,
            next,
            goals,
        })
    }

    fn retro(&self) -> String {
        format!(
            "/sprints/{}/retro?team={}",
            self.sprint.number, self.team.slug
        )
    }
}

/// `GET /teams/{slug}/sprints/{n}/close`
pub(crate) async fn close_form(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, number)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let closing = Closing::read(&app, &viewer, &slug, &number).await?;
    if closing.sprint.state == SprintState::Closed {
        return Ok(Redirect::to(&closing.retro()).into_response());
    }
    page::page(&close_page(&app, &viewer, &headers, closing, String::new(), None).await?)
}

async fn close_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    closing: Closing,
    problem: String,
    submitted: Option<Fields>,
) -> Result<ClosePage> {
    let Closing {
        team,
        roster,
        sprint,
        next,
        goals,
    } = closing;
    let now = app.clock.now();
    let mut db = app.db.acquire().await?;
    let figures = report::current_figures(&mut db, &team, &sprint, &roster.week, now).await?;
    let open: HashMap<Uuid, i64> = figures
        .tasks
        .iter()
        .filter(|task| !task.done && task.outcome.is_none())
        .map(|task| (task.id, task.carried_before))
        .collect();
    let ids: Vec<Uuid> = open.keys().copied().collect();
    let mut left: Vec<Left> = tasks::queries::cards_of(&app.db, &team, &ids)
        .await?
        .into_iter()
        .map(|card| {
            let carried_before = open.get(&card.id).copied().unwrap_or(0);
            Left {
                proposal: proposal(&card, carried_before),
                card,
                carried_before,
            }
        })
        .collect();
    left.sort_by_key(|left| (std::cmp::Reverse(left.card.state), left.card.column_since));
    let layout = Layout::new(
        app,
        viewer,
        headers,
        format!("Close {}", sprint.name),
        &team.slug,
    )
    .await?
    .at("retro");
    Ok(ClosePage {
        layout,
        team,
        sprint,
        next,
        goals,
        figures,
        left,
        now,
        problem,
        submitted,
    })
}

/// The proposed outcome: started tasks are carried over, unstarted ones return to the backlog, and
/// those carried over twice without a start are dropped.
fn proposal(card: &Card, carried_before: i64) -> CloseAction {
    let started = card.state != ColumnState::Todo;
    match carried_before {
        _ if started => CloseAction::Carry,
        0 if card.goal.is_some() || !card.owners.is_empty() => CloseAction::Carry,
        0 | 1 => CloseAction::Backlog,
        _ => CloseAction::Drop,
    }
}

/// `POST /teams/{slug}/sprints/{n}/close`
pub(crate) async fn close(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, number)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let closing = Closing::read(&app, &viewer, &slug, &number).await?;
    let decisions = read_decisions(&fields);
    let actor = viewer.actor();
    let Closing {
        team,
        roster,
        sprint,
        next,
        ..
    } = &closing;
    let outcome = app
        .store
        .change(&actor, |change, _| {
            Box::pin(close::close_sprint(
                change, team, roster, sprint, next, &decisions,
            ))
        })
        .await;
    let (status, problem) = match outcome {
        Ok(_) => return Ok(Redirect::to(&closing.retro()).into_response()),
        Err(problem) => problem.in_words()?,
    };
    page::with_errors(
        status,
        &close_page(&app, &viewer, &headers, closing, problem, Some(fields)).await?,
    )
}

fn read_decisions(fields: &Fields) -> CloseDecisions {
    let mut decisions = CloseDecisions::default();
    for (name, value) in fields.iter() {
        match name.split_once(':') {
            Some(("task", key)) => {
                if let Some(outcome) = CloseAction::parse(value) {
                    decisions.tasks.insert(
                        key.to_owned(),
                        (outcome, fields.text(&format!("why:{key}")).to_owned()),
                    );
                }
            }
            Some(("goal", goal)) => {
                if let Ok(id) = goal.parse() {
                    decisions.goals.insert(
                        id,
                        (
                            value == "met",
                            fields.text(&format!("why:{goal}")).to_owned(),
                        ),
                    );
                }
            }
            _ => {}
        }
    }
    decisions
}

/// `POST /teams/{slug}/sprints/{n}/reopen`: reopens a closed sprint.
pub(crate) async fn reopen(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, number)): Path<(String, String)>,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let number: i32 = number.parse().map_err(|_| Problem::NotFound)?;
    let sprint = queries::sprint_of(&db, team.id, number).await?;
    let actor = viewer.actor();
    store
        .change(&actor, |change, _| {
            Box::pin(reopen::reopen_sprint(change, &team, &sprint))
        })
        .await?;
    Ok(Redirect::to(&format!("/teams/{slug}/sprints/{number}/close")).into_response())
}
