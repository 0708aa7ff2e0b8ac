//! Turns the demo's tables into task rows and events in chronological order, with the events that
//! the domain's functions would write. It cannot call these, since they use the current time.

pub mod record;
pub mod rows;

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use jiff::tz::TimeZone;
use serde_json::json;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

pub use crate::demo::history::rows::{
    Blocker, Change, Comment, Event, InsertedIds, Row, Step, slug,
};
use crate::{demo::calendar::Calendar, domain::events::EventKind};

use crate::demo::content::{Deed, NOMINAL_TODAY, On, Task};
use crate::demo::people::{PEOPLE, TEAMS};
use crate::demo::rng::Chance;
use crate::domain::column_state::ColumnState;
use crate::domain::tasks::rank;

/// The history of all tasks, up to now.
pub(crate) struct History {
    known: InsertedIds,
    pub(crate) rows: Vec<Row>,
    /// The row of each task, by its name in the tables.
    by_name: HashMap<&'static str, usize>,
    /// The tasks of each column, by rank.
    places: HashMap<(usize, ColumnState), BTreeMap<String, usize>>,
    pub(crate) steps: Vec<Step>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) blockers: Vec<Blocker>,
    /// By team, in order.
    pub(crate) events: Vec<Vec<Event>>,
    /// By team.
    pub(crate) last_numbers: Vec<i64>,
    pub(crate) rng: Chance,
}

/// One action of a person.
struct Doing {
    at: OffsetDateTime,
    actor: &'static str,
    team: usize,
    task: &'static Task,
    act: Act,
}

#[derive(Clone, Copy)]
enum Act {
    /// Created, and planned for a sprint at once.
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
    /// Builds the history of all tables.
    pub(crate) fn of(calendar: &Calendar, known: InsertedIds) -> anyhow::Result<Self> {
        let mut doings = Vec::new();
        for (team, table) in TEAMS.iter().enumerate() {
            for task in table.tasks {
                doings.extend(Self::plan(calendar, team, task)?);
            }
        }
        // A stable sort: one person's actions on one task keep their order.
        doings.sort_by_key(|doing| doing.at);
        let mut history = Self {
            known,
            rows: Vec::new(),
            by_name: HashMap::new(),
            places: HashMap::new(),
            steps: Vec::new(),
            comments: Vec::new(),
            blockers: Vec::new(),
            events: TEAMS.iter().map(|_| Vec::new()).collect(),
            last_numbers: vec![0; TEAMS.len()],
            rng: Chance::new(42),
        };
        for doing in &doings {
            history
                .act(calendar, doing)
                .with_context(|| format!("the demo's task {}", doing.task.id))?;
        }
        history.name_keys()?;
        Ok(history)
    }

    /// The actions on a task, each with its time. People act within their working hours if possible,
    /// so a colleague across the ocean may push what follows to the next morning.
    fn plan(calendar: &Calendar, team: usize, task: &'static Task) -> anyhow::Result<Vec<Doing>> {
        let lead = TEAMS[team].members[0];
        let owner = task.owners.first().copied().unwrap_or(task.by);
        let last_sprint = task.sprints.last().copied().unwrap_or(0);
        let clock = |time: f64| calendar.clock(last_sprint, time);
        let created = clock(task.created);
        let mut acts: Vec<(f64, &'static str, Act)> = Vec::new();

        let first = task.sprints.first().copied();
        // The Wednesday before; planning of the next sprint has already started.
        let set_aside =
            first.map(|sprint| calendar.clock(sprint.min(0), if sprint > 0 { 5.6 } else { -2.5 }));
        let at_once = set_aside.is_some_and(|planning| planning <= created);
        acts.push((created, task.by, Act::Make(first.filter(|_| at_once))));
        if let (Some(sprint), Some(planning), false) = (first, set_aside, at_once) {
            acts.push((planning, lead, Act::SetAside(sprint)));
        }
        for pair in task.sprints.windows(2) {
            acts.push((calendar.clock(pair[1], 0.01), lead, Act::Carry(pair[1])));
        }
        let started = task
            .deeds
            .iter()
            .find(|(_, deed)| matches!(deed, Deed::To(ColumnState::Doing)))
            .map(|(time, _)| clock(*time));
        let owned = started.map_or(
            set_aside.map_or(created, |planning| planning.max(created)) + 0.02,
            |started| started - 0.01,
        );
        for index in 0..task.owners.len() {
            acts.push((
                owned + 0.35 * index as f64,
                task.owners[index],
                Act::Own(index + 1),
            ));
        }
        for index in 0..task.steps.len() {
            acts.push((created + 0.001, task.by, Act::AddStep(index)));
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
        if let (Some(started), Some(until)) = (started, until) {
            let between = (until - started) / (task.ticked as f64 + 1.0);
            acts.extend((0..task.ticked).map(|index| {
                (
                    started + between * (index as f64 + 1.0),
                    owner,
                    Act::TickStep(index),
                )
            }));
        }
        for (time, deed) in task.deeds {
            let person = match deed {
                Deed::To(ColumnState::Done) => task.owners.last().copied().unwrap_or(owner),
                Deed::Archive => lead,
                _ => owner,
            };
            acts.push((clock(*time), person, Act::Do(*deed)));
        }
        acts.extend(
            task.said
                .iter()
                .map(|(author, time, text)| (clock(*time), *author, Act::Say(text))),
        );
        acts.sort_by(|a, b| a.0.total_cmp(&b.0));

        let seed = task
            .id
            .bytes()
            .fold(7, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
        let mut rng = Chance::new(seed);
        let mut last = None;
        let mut doings = Vec::with_capacity(acts.len());
        for (clock, actor, act) in acts {
            let person = PEOPLE
                .iter()
                .find(|person| person.handle == actor)
                .context("unknown username")?;
            let at = calendar.instant(clock, &TimeZone::get(person.zone)?, last, &mut rng);
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
            id: self.rng.id(doing.at),
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
                self.blocker(&change, row, on, note)?;
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
            Act::AddStep(index) => {
                let step = Step {
                    team: doing.team,
                    id: self.rng.id(doing.at),
                    task: self.rows[row].id,
                    position: index as i32 + 1,
                    text: doing.task.steps[index],
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
            Act::TickStep(index) => {
                let (task, text) = (self.rows[row].id, doing.task.steps[index]);
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
                let id = self.rng.id(doing.at);
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
        // A task planned later gets its estimate then.
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

    /// Replaces task names in texts by keys, now that every task has its number.
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
    pub(crate) fn person(&self, handle: &str) -> Uuid {
        self.known.people[handle]
    }

    /// The id of a sprint; 0 is the active one.
    pub(crate) fn sprint(&self, sprint: i32) -> Option<Uuid> {
        self.known.sprints.get(&sprint).copied()
    }

    /// The time of the newest event.
    pub(crate) fn newest(&self) -> Option<OffsetDateTime> {
        self.events.iter().flatten().map(|event| event.at).max()
    }

    pub(crate) fn known(&self) -> &InsertedIds {
        &self.known
    }
}
