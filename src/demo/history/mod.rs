//! The tables acted out: every task made, planned, moved, blocked and talked about in the order of time,
//! with the events that the verbs in `tasks` would have written. Nothing goes through the verbs, which stamp now.

pub mod record;

use crate::domain::events::EventKind;
use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::demo::calendar::Calendar;
use crate::demo::content::{Deed, NOMINAL_TODAY, On, Task};
use crate::demo::people::{PEOPLE, TEAMS};
use crate::demo::rng::Chance;
use crate::domain::column_state::ColumnState;
use crate::domain::tasks::rank;

/// Ids that tasks refer to.
pub struct Known {
    /// By handle.
    pub people: HashMap<&'static str, Uuid>,
    pub teams: Vec<Uuid>,
    /// By sprint; 0 is the active one.
    pub sprints: HashMap<i32, Uuid>,
    /// By team, sprint and position.
    pub goals: HashMap<(usize, i32, i32), Uuid>,
}

/// A task as its row will be.
pub struct Row {
    pub team: usize,
    pub id: Uuid,
    pub number: i64,
    pub column: ColumnState,
    pub rank: Option<String>,
    pub title: String,
    pub description: String,
    pub sprint: Option<Uuid>,
    pub goal: Option<Uuid>,
    pub estimate: Option<i32>,
    pub due: Option<Date>,
    pub needed_by: &'static str,
    pub version: i64,
    pub moved_version: i64,
    pub created_by: Uuid,
    pub created_at: OffsetDateTime,
    pub column_since: OffsetDateTime,
    pub archived_at: Option<OffsetDateTime>,
    /// Handles, in order.
    pub owners: Vec<&'static str>,
    pub labels: &'static [&'static str],
}

pub struct Step {
    pub team: usize,
    pub id: Uuid,
    pub task: Uuid,
    pub position: i32,
    pub text: &'static str,
    pub done: bool,
}

pub struct Comment {
    pub team: usize,
    pub id: Uuid,
    pub task: Uuid,
    pub author: Uuid,
    pub body: String,
    pub at: OffsetDateTime,
}

pub struct Wait {
    pub team: usize,
    pub id: Uuid,
    pub task: Uuid,
    pub kind: &'static str,
    pub on_task: Option<(usize, Uuid)>,
    pub on_team: Option<Uuid>,
    pub on_person: Option<Uuid>,
    pub note: &'static str,
    pub since: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
}

pub struct Event {
    pub seq: i64,
    pub change: Uuid,
    pub task: Uuid,
    pub actor: Uuid,
    pub kind: EventKind,
    pub before: Value,
    pub after: Value,
    pub version: Option<i64>,
    pub at: OffsetDateTime,
}

/// Everything that happened, up to now.
pub struct History {
    known: Known,
    pub rows: Vec<Row>,
    /// Which row a table's task is.
    by_name: HashMap<&'static str, usize>,
    /// What is where, in order.
    places: HashMap<(usize, ColumnState), BTreeMap<String, usize>>,
    pub steps: Vec<Step>,
    pub comments: Vec<Comment>,
    pub waits: Vec<Wait>,
    /// By team, in order.
    pub events: Vec<Vec<Event>>,
    /// By team.
    pub last_numbers: Vec<i64>,
    pub chance: Chance,
}

/// One thing that somebody did.
struct Doing {
    at: OffsetDateTime,
    actor: &'static str,
    team: usize,
    task: &'static Task,
    act: Act,
}

#[derive(Clone, Copy)]
enum Act {
    /// Made, and set aside at once for what comes with it.
    Make(Option<i32>),
    SetAside(i32),
    Carry(i32),
    Own(usize),
    Do(Deed),
    AddStep(usize),
    TickStep(usize),
    Say(&'static str),
}

impl History {
    /// Acts out all tables.
    pub fn of(calendar: &Calendar, known: Known) -> anyhow::Result<Self> {
        let mut doings = Vec::new();
        for (team, table) in TEAMS.iter().enumerate() {
            for task in table.tasks {
                doings.extend(Self::plan(calendar, team, task)?);
            }
        }
        // Stable: what one person did to one task stays in its order.
        doings.sort_by_key(|doing| doing.at);
        let mut history = Self {
            known,
            rows: Vec::new(),
            by_name: HashMap::new(),
            places: HashMap::new(),
            steps: Vec::new(),
            comments: Vec::new(),
            waits: Vec::new(),
            events: TEAMS.iter().map(|_| Vec::new()).collect(),
            last_numbers: vec![0; TEAMS.len()],
            chance: Chance::new(42),
        };
        for doing in &doings {
            history
                .act(calendar, doing)
                .with_context(|| format!("the demo's task {}", doing.task.id))?;
        }
        history.name_keys()?;
        Ok(history)
    }

    /// A task's life in instants. Nobody acts outside of their working hours if it can be helped,
    /// so a colleague across the ocean may push what follows to the next morning.
    fn plan(calendar: &Calendar, team: usize, task: &'static Task) -> anyhow::Result<Vec<Doing>> {
        let lead = TEAMS[team].members[0];
        let owner = task.owners.first().copied().unwrap_or(task.by);
        let last_sprint = task.sprints.last().copied().unwrap_or(0);
        let clock = |time: f64| calendar.clock(last_sprint, time);
        let made = clock(task.made);
        let mut acts: Vec<(f64, &'static str, Act)> = Vec::new();

        let first = task.sprints.first().copied();
        // The Wednesday before; for the next sprint, people begin to collect now.
        let set_aside =
            first.map(|sprint| calendar.clock(sprint.min(0), if sprint > 0 { 5.6 } else { -2.5 }));
        let at_once = set_aside.is_some_and(|planning| planning <= made);
        acts.push((made, task.by, Act::Make(first.filter(|_| at_once))));
        if let (Some(sprint), Some(planning), false) = (first, set_aside, at_once) {
            acts.push((planning, lead, Act::SetAside(sprint)));
        }
        for pair in task.sprints.windows(2) {
            acts.push((calendar.clock(pair[1], 0.01), lead, Act::Carry(pair[1])));
        }
        let begun = task
            .deeds
            .iter()
            .find(|(_, deed)| matches!(deed, Deed::To(ColumnState::Doing)))
            .map(|(time, _)| clock(*time));
        let owned = begun.map_or(
            set_aside.map_or(made, |planning| planning.max(made)) + 0.02,
            |begun| begun - 0.01,
        );
        for nth in 0..task.owners.len() {
            acts.push((
                owned + 0.35 * nth as f64,
                task.owners[nth],
                Act::Own(nth + 1),
            ));
        }
        for nth in 0..task.steps.len() {
            acts.push((made + 0.001, task.by, Act::AddStep(nth)));
        }
        let at_work = task
            .deeds
            .iter()
            .rev()
            .find(|(_, deed)| !matches!(deed, Deed::Archive | Deed::Top));
        let until = at_work.map(|(time, deed)| {
            if matches!(deed, Deed::To(ColumnState::Doing)) {
                clock(NOMINAL_TODAY - 0.2)
            } else {
                clock(*time)
            }
        });
        if let (Some(begun), Some(until)) = (begun, until) {
            let between = (until - begun) / (task.ticked as f64 + 1.0);
            acts.extend((0..task.ticked).map(|nth| {
                (
                    begun + between * (nth as f64 + 1.0),
                    owner,
                    Act::TickStep(nth),
                )
            }));
        }
        for (time, deed) in task.deeds {
            let who = match deed {
                Deed::To(ColumnState::Done) => task.owners.last().copied().unwrap_or(owner),
                Deed::Archive => lead,
                _ => owner,
            };
            acts.push((clock(*time), who, Act::Do(*deed)));
        }
        acts.extend(
            task.said
                .iter()
                .map(|(who, time, text)| (clock(*time), *who, Act::Say(text))),
        );
        acts.sort_by(|one, other| one.0.total_cmp(&other.0));

        let seed = task
            .id
            .bytes()
            .fold(7, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
        let mut chance = Chance::new(seed);
        let mut last = None;
        let mut doings = Vec::with_capacity(acts.len());
        for (clock, actor, act) in acts {
            let person = PEOPLE
                .iter()
                .find(|person| person.handle == actor)
                .context("nobody of that handle")?;
            let at = calendar.instant(clock, &TimeZone::get(person.zone)?, last, &mut chance);
            last = Some(at);
            doings.push(Doing {
                at,
                actor,
                team,
                task,
                act,
            });
        }
        Ok(doings)
    }

    fn act(&mut self, calendar: &Calendar, doing: &Doing) -> anyhow::Result<()> {
        let change = Change {
            id: self.chance.id(doing.at),
            actor: self.known.people[doing.actor],
            at: doing.at,
        };
        if let Act::Make(sprint) = doing.act {
            self.make(calendar, &change, doing, sprint);
            return Ok(());
        }
        let row = *self
            .by_name
            .get(doing.task.id)
            .context("it is used before it is made")?;
        match doing.act {
            Act::Make(_) => {}
            Act::SetAside(sprint) => {
                let (estimate, due) = (doing.task.estimate, self.due(calendar, doing.task));
                self.set_aside(&change, doing, row, sprint, Some((estimate, due)));
            }
            Act::Carry(sprint) => self.set_aside(&change, doing, row, sprint, None),
            Act::Own(count) => {
                let (before, after) = (
                    self.rows[row].owners.clone(),
                    doing.task.owners[..count].to_vec(),
                );
                self.rows[row].owners.clone_from(&after);
                self.touch(
                    &change,
                    row,
                    EventKind::TaskAssigned,
                    json!({ "owners": before }),
                    json!({ "owners": after }),
                );
            }
            Act::Do(Deed::To(state)) => self.put_last(&change, row, state),
            Act::Do(Deed::Block(on, note)) => {
                self.put_last(&change, row, ColumnState::Blocked);
                self.wait(&change, row, on, note)?;
            }
            Act::Do(Deed::Top) => {
                let (team, state) = (self.rows[row].team, self.rows[row].column);
                let mut others = self.places[&(team, state)]
                    .iter()
                    .filter(|(_, other)| **other != row);
                let rank = rank::between(None, others.next().map(|(rank, _)| rank.as_str()));
                self.put(&change, row, state, rank);
            }
            Act::Do(Deed::Archive) => self.archive(&change, row),
            Act::AddStep(nth) => {
                let step = Step {
                    team: doing.team,
                    id: self.chance.id(doing.at),
                    task: self.rows[row].id,
                    position: nth as i32 + 1,
                    text: doing.task.steps[nth],
                    done: false,
                };
                self.touch(
                    &change,
                    row,
                    EventKind::StepAdded,
                    json!({}),
                    json!({ "step": step.text }),
                );
                self.steps.push(step);
            }
            Act::TickStep(nth) => {
                let (task, text) = (self.rows[row].id, doing.task.steps[nth]);
                let step = self
                    .steps
                    .iter_mut()
                    .find(|step| step.task == task && step.text == text);
                step.context("no such step")?.done = true;
                self.touch(
                    &change,
                    row,
                    EventKind::StepDone,
                    json!({}),
                    json!({ "step": text }),
                );
            }
            Act::Say(text) => {
                let id = self.chance.id(doing.at);
                self.comments.push(Comment {
                    team: doing.team,
                    id,
                    task: self.rows[row].id,
                    author: change.actor,
                    body: text.to_owned(),
                    at: doing.at,
                });
                self.touch(
                    &change,
                    row,
                    EventKind::CommentAdded,
                    json!({}),
                    json!({ "comment": id }),
                );
            }
        }
        Ok(())
    }

    fn make(&mut self, calendar: &Calendar, change: &Change, doing: &Doing, sprint: Option<i32>) {
        let (team, task) = (doing.team, doing.task);
        // What is set aside later gets its estimate then, when people talk about it.
        let whole = sprint.is_some() || task.sprints.is_empty();
        let rank = self.last_rank(team, ColumnState::Todo, None);
        self.by_name.insert(task.id, self.rows.len());
        self.add(
            change,
            Row {
                team,
                id: self.known.teams[team], // `add` gives it its own
                number: 0,
                column: ColumnState::Todo,
                rank: Some(rank),
                title: task.title.to_owned(),
                description: task.about.to_owned(),
                sprint: sprint.and_then(|sprint| self.known.sprints.get(&sprint).copied()),
                goal: sprint.and_then(|sprint| self.goal(team, task, sprint)),
                estimate: task.estimate.filter(|_| whole),
                due: self.due(calendar, task).filter(|_| whole),
                needed_by: task.needed_by,
                version: 1,
                moved_version: 1,
                created_by: change.actor,
                created_at: change.at,
                column_since: change.at,
                archived_at: None,
                owners: Vec::new(),
                labels: task.labels,
            },
        );
    }

    /// Adds a new row with its event, as `tasks::creating` would.
    pub fn add(&mut self, change: &Change, mut row: Row) {
        row.id = self.chance.id(change.at);
        self.last_numbers[row.team] += 1;
        row.number = self.last_numbers[row.team];
        let after = json!({
            "title": row.title, "column": slug(row.column), "state": row.column, "rank": row.rank, "sprint": row.sprint, "goal": row.goal,
            "owners": row.owners, "labels": row.labels,
        });
        let nth = self.rows.len();
        if let Some(rank) = &row.rank {
            self.places
                .entry((row.team, row.column))
                .or_default()
                .insert(rank.clone(), nth);
        }
        self.rows.push(row);
        self.record(
            change,
            nth,
            EventKind::TaskCreated,
            json!({}),
            after,
            Some(1),
        );
    }

    /// Puts a task to a sprint and to its goal there; the first time with an estimate and perhaps a date.
    fn set_aside(
        &mut self,
        change: &Change,
        doing: &Doing,
        row: usize,
        sprint: i32,
        first: Option<(Option<i32>, Option<Date>)>,
    ) {
        let (sprint, goal) = (
            self.known.sprints.get(&sprint).copied(),
            self.goal(doing.team, doing.task, sprint),
        );
        let was = &mut self.rows[row];
        let (mut before, mut after) = (Map::new(), Map::new());
        let mut note = |field: &str, old: Value, new: Value| {
            if old != new {
                before.insert(field.to_owned(), old);
                after.insert(field.to_owned(), new);
            }
        };
        note("sprint", json!(was.sprint), json!(sprint));
        note("goal", json!(was.goal), json!(goal));
        (was.sprint, was.goal) = (sprint, goal);
        if let Some((estimate, due)) = first {
            note("estimate", json!(was.estimate), json!(estimate));
            note(
                "due",
                json!(was.due.map(|day| day.to_string())),
                json!(due.map(|day| day.to_string())),
            );
            (was.estimate, was.due) = (estimate, due);
        }
        self.touch(
            change,
            row,
            EventKind::TaskEdited,
            Value::Object(before),
            Value::Object(after),
        );
    }

    fn goal(&self, team: usize, task: &Task, sprint: i32) -> Option<Uuid> {
        let position = if task.sprints.last() == Some(&sprint) {
            task.goal
        } else {
            task.goal_then.or(task.goal)
        };
        self.known.goals.get(&(team, sprint, position?)).copied()
    }

    fn due(&self, calendar: &Calendar, task: &Task) -> Option<Date> {
        task.due
            .map(|day| calendar.day(task.sprints.last().copied().unwrap_or(0), day))
    }

    /// Puts keys where texts name tasks, now that every task has its number.
    fn name_keys(&mut self) -> anyhow::Result<()> {
        let key = |row: &Row| format!("{}-{}", TEAMS[row.team].key, row.number);
        let keys: HashMap<&str, String> = self
            .by_name
            .iter()
            .map(|(name, row)| (*name, key(&self.rows[*row])))
            .collect();
        let texts = self.rows.iter_mut().map(|row| &mut row.description);
        for text in texts.chain(self.comments.iter_mut().map(|comment| &mut comment.body)) {
            while let Some((start, end)) = text
                .find('{')
                .and_then(|start| Some((start, start + text[start..].find('}')?)))
            {
                let name = &text[start + 1..end];
                let key = keys
                    .get(name)
                    .with_context(|| format!("a text names {name}, which there is not"))?;
                text.replace_range(start..=end, key);
            }
        }
        Ok(())
    }

    /// The id of a person.
    pub fn person(&self, handle: &str) -> Uuid {
        self.known.people[handle]
    }

    /// The id of a sprint; 0 is the active one.
    pub fn sprint(&self, sprint: i32) -> Option<Uuid> {
        self.known.sprints.get(&sprint).copied()
    }

    /// When the newest event was.
    pub fn newest(&self) -> Option<OffsetDateTime> {
        self.events.iter().flatten().map(|event| event.at).max()
    }

    pub fn known(&self) -> &Known {
        &self.known
    }
}

/// What one transaction's events have in common.
pub struct Change {
    pub id: Uuid,
    pub actor: Uuid,
    pub at: OffsetDateTime,
}

/// A default column's slug.
pub fn slug(state: ColumnState) -> String {
    crate::domain::slug::slug(state.default_name())
}
