//! The retro page of a sprint, for one team or several together.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        clock,
        error::{Problem, Result},
        goals::{self, FrozenGoal},
        humanize,
        policy::{
            team_access::{self, TeamAccess},
            viewer::Viewer,
        },
        retro::{
            close,
            notes::{self, Note, NoteCategory},
            reopen,
            report::{self, SprintReport},
        },
        sprints::{Sprint, SprintState, queries},
        standup::{
            actions::{self, Action},
            topics::Meeting,
        },
        team::Team,
        teams::{
            self,
            queries::{Stay, on_team_between},
            roster::{Roster, load_rosters},
        },
    },
    http::{layout::Layout, page, pages::standup::Agenda},
};

#[derive(Template)]
#[template(path = "sprints/retro.html")]
struct RetroPage {
    layout: Layout,
    sprint: Sprint,
    parts: Vec<Part>,
    /// Every team, and whether it is shown.
    teams: Vec<(Team, bool)>,
    notes: Vec<Note>,
    actions: Vec<Action>,
    agenda: Agenda,
    before: Option<Before>,
    /// The sprint after this one, as long as it is not over itself.
    next: Option<Sprint>,
    me: Uuid,
    may_write: bool,
    now: OffsetDateTime,
    /// The day in the time zone of the first team.
    today: Date,
}

/// A team's sprint.
struct Part {
    team: Team,
    may_edit: bool,
    may_lead: bool,
    figures: SprintReport,
    goals: Vec<FrozenGoal>,
    /// The team's members in the sprint, with those who joined or left during it.
    people: Vec<String>,
    /// Who closed the sprint and when; empty while it is open.
    closed: Option<String>,
    /// Whether the viewer may reopen the sprint: nothing has changed in the next one.
    may_reopen: bool,
}

impl Part {
    fn met(&self) -> usize {
        self.goals.iter().filter(|goal| goal.met).count()
    }
}

/// The outcomes of the previous retro's actions.
struct Before {
    sprint: Sprint,
    actions: Vec<Action>,
}

impl Before {
    /// `Of 3 actions from Sprint 40: 2 done, 1 dismissed.`
    fn text(&self) -> String {
        let count = |which: fn(&&Action) -> bool| self.actions.iter().filter(which).count();
        let (done, dropped) = (
            count(|action| action.done),
            count(|action| action.dropped && !action.done),
        );
        let open = self.actions.len() - done - dropped;
        let counts: Vec<String> = [(done, "done"), (dropped, "dismissed"), (open, "still open")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        match self.actions.len() {
            0 => format!("The retro of {} had no actions.", self.sprint.name),
            all => format!(
                "Of {} from {}: {}.",
                humanize::counted(all, "action"),
                self.sprint.name,
                counts.join(", ")
            ),
        }
    }
}

impl RetroPage {
    fn url(&self, sprint: &Sprint) -> String {
        url(
            sprint.number,
            self.parts.iter().map(|part| part.team.slug.as_str()),
        )
    }

    fn current_url(&self) -> String {
        self.url(&self.sprint)
    }

    /// The URL of this page with one team more or less.
    fn with(&self, team: &Team, here: &bool) -> String {
        let others = self
            .parts
            .iter()
            .map(|part| part.team.slug.as_str())
            .filter(|slug| *slug != team.slug);
        if *here {
            url(self.sprint.number, others)
        } else {
            url(self.sprint.number, others.chain([team.slug.as_str()]))
        }
    }

    fn in_category<'a>(&'a self, category: &'a NoteCategory) -> impl Iterator<Item = &'a Note> {
        self.notes
            .iter()
            .filter(move |note| note.category == *category)
    }

    fn is_mine(&self, note: &Note) -> bool {
        self.may_write
            && note
                .author
                .as_ref()
                .is_some_and(|author| author.id == self.me)
    }

    fn may_moderate(&self, note: &Note) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| part.team.id == note.team_id && part.may_lead)
    }

    fn slug(&self, team: &Uuid) -> &str {
        self.parts
            .iter()
            .find(|part| part.team.id == *team)
            .map_or("", |part| part.team.slug.as_str())
    }

    /// Whether the viewer may edit what belongs to that team.
    fn may_edit(&self, team: &Uuid) -> bool {
        self.parts
            .iter()
            .any(|part| part.team.id == *team && part.may_edit)
    }

    /// The team that the forms write to: the first one shown that the viewer is a member of.
    fn own(&self) -> Option<&Team> {
        self.parts
            .iter()
            .find(|part| part.may_edit)
            .map(|part| &part.team)
    }

    /// The steps from this sprint to the next, for a team that takes them: its slug, the next sprint, and whether
    /// it has closed this one.
    fn turn(&self) -> Option<(&Team, &Sprint, bool)> {
        let [part] = self.parts.as_slice() else {
            return None;
        };
        let is_over = part.closed.is_some() || self.sprint.is_ended();
        let next = self
            .next
            .as_ref()
            .filter(|next| is_over && part.may_edit && next.is_being_planned(self.today))?;
        Some((&part.team, next, part.closed.is_some()))
    }

    fn live_url(&self) -> String {
        teams::live_url(self.parts.iter().map(|part| &part.team))
    }

    fn event_number(&self) -> i64 {
        teams::event_number(self.parts.iter().map(|part| &part.team))
    }
}

fn url<'t>(number: i32, teams: impl Iterator<Item = &'t str>) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(teams.map(|team| ("team", team)))
        .finish();
    format!("/sprints/{number}/retro?{query}")
}

/// `GET /teams/{slug}/retro`: the retro that is due.
pub(crate) async fn latest_retro(
    State(db): State<Pool>,
    viewer: Viewer,
    Path(slug): Path<String>,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug).await?.team;
    let sprints = queries::sprints_of(&db, team.id).await?;
    // An ended sprint that is not closed comes first, then the newest closed one, and else the
    // current one.
    let latest = queries::unclosed(&sprints)
        .or_else(|| {
            sprints
                .iter()
                .filter(|sprint| sprint.state == SprintState::Closed)
                .max_by_key(|sprint| sprint.number)
        })
        .or_else(|| queries::current(&sprints));
    let latest = latest.ok_or(Problem::NotFound)?;
    Ok(Redirect::to(&url(latest.number, std::iter::once(slug.as_str()))).into_response())
}

/// `GET /sprints/{n}/retro?team=infrastructure&team=ingestion`
pub(crate) async fn retro(
    State(app): State<App>,
    viewer: Viewer,
    Path(number): Path<String>,
    Query(wanted): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response> {
    let number: i32 = number.parse().map_err(|_| Problem::NotFound)?;
    let all = team_access::teams(&app.db, &viewer).await?;
    let meeting = team_access::named(&all, &wanted)?;
    let sprints = queries::sprints(&app.db).await?;
    let sprint = sprints
        .iter()
        .find(|sprint| sprint.number == number)
        .cloned()
        .ok_or(Problem::NotFound)?;
    let ids: Vec<Uuid> = meeting.iter().map(|access| access.team.id).collect();
    let rosters = load_rosters(&app.db, &ids).await?;
    let mut parts = Vec::with_capacity(meeting.len());
    for access in &meeting {
        let roster = rosters.get(&access.team.id).cloned().unwrap_or_default();
        parts.push(part(&app, &viewer, access.clone(), &roster, &sprint).await?);
    }
    let is_coming =
        |other: &&Sprint| matches!(other.state, SprintState::Planned | SprintState::Active);
    let next = sprints
        .iter()
        .find(|other| other.number == number + 1)
        .filter(is_coming)
        .cloned();
    let before = sprints
        .iter()
        .filter(|other| other.number < number)
        .max_by_key(|other| other.number);
    let before = match before {
        Some(before) => Some(Before {
            sprint: before.clone(),
            actions: actions::of_retro(&app.db, &ids, before.id).await?,
        }),
        None => None,
    };
    let own = match parts.as_slice() {
        [part] => part.team.slug.clone(),
        _ => String::new(),
    };
    let slugs = parts.iter().map(|part| part.team.slug.as_str());
    let (here, me) = (url(number, slugs), viewer.person.id);
    let agenda = Agenda::read(&app, meeting, Meeting::Retro, here, me, app.clock.now()).await?;
    let layout = Layout::new(
        &app,
        &viewer,
        &headers,
        format!("{} retro", sprint.name),
        &own,
    )
    .await?
    .at("retro");
    page::page(&RetroPage {
        layout,
        notes: notes::notes(&app.db, &ids, sprint.id).await?,
        actions: actions::of_retro(&app.db, &ids, sprint.id).await?,
        teams: all
            .into_iter()
            .map(|access| (access.team.clone(), ids.contains(&access.team.id)))
            .collect(),
        agenda,
        before,
        next,
        me,
        may_write: viewer.may_write(),
        today: ids
            .first()
            .and_then(|team| rosters.get(team))
            .map_or(app.clock.now().date(), |roster| {
                roster.week.today(app.clock.now())
            }),
        now: app.clock.now(),
        sprint,
        parts,
    })
}

async fn part(
    app: &App,
    viewer: &Viewer,
    access: TeamAccess,
    roster: &Roster,
    sprint: &Sprint,
) -> Result<Part> {
    let (may_edit, may_lead) = (access.may_edit, access.may_lead);
    let (team, now) = (access.team, app.clock.now());
    let mut db = app.db.acquire().await?;
    let people = people(&mut db, &team, sprint, &roster.week.zone).await?;
    if let Some(figures) = report::frozen(&mut db, team.id, sprint.id).await? {
        let (closed_by, at) = report::closed_by(&mut db, team.id, sprint.id).await?;
        let day = humanize::day(clock::day_in(at, &viewer.time_zone));
        let closed = Some(format!(
            "closed by {} on {day}",
            closed_by.as_deref().unwrap_or("a former member")
        ));
        let goals = close::in_order(&figures.goals)
            .into_iter()
            .cloned()
            .collect();
        let may_reopen = may_edit && !reopen::is_built_on(&mut db, team.id, sprint.id).await?;
        return Ok(Part {
            team,
            may_edit,
            may_lead,
            figures,
            goals,
            people,
            closed,
            may_reopen,
        });
    }
    let figures = report::current_figures(&mut db, &team, sprint, &roster.week, now).await?;
    let goals = goals::goals(&app.db, &team, sprint, roster, now).await?;
    let decisions = close::CloseDecisions::default();
    let goals = goals
        .iter()
        .map(|goal| close::final_figure(goal, &decisions))
        .collect();
    Ok(Part {
        team,
        may_edit,
        may_lead,
        figures,
        goals,
        people,
        closed: None,
        may_reopen: false,
    })
}

/// The team's members in a sprint, including former ones: `Tomas Weber, until Fri 20 Nov`.
async fn people(
    db: &mut PgConnection,
    team: &Team,
    sprint: &Sprint,
    zone: &str,
) -> Result<Vec<String>> {
    let (from, to) = (
        clock::instant(sprint.starts_on, 0, zone),
        clock::instant(sprint.ends_on, 1440, zone),
    );
    let stays = on_team_between(db, team.id, from, to).await?;
    let day = |at| humanize::day(clock::day_in(at, zone));
    let describe = |stay: Stay| {
        let mut text = stay.name.unwrap_or_else(|| "a former member".to_owned());
        if stay.since > from {
            text += &format!(", from {}", day(stay.since));
        }
        if let Some(until) = stay.until.filter(|until| *until < to) {
            text += &format!(", until {}", day(until));
        }
        text
    };
    Ok(stays.into_iter().map(describe).collect())
}
