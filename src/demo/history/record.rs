//! Records changes of tasks in the demo's history, as rows and events.

use anyhow::Context;
use serde_json::{Map, Value, json};

use crate::{demo::history::*, domain::events::EventKind};

impl History {
    /// Adds a new row with its event, as creating a task would.
    pub(crate) fn add(&mut self, change: &Change, mut row: Row) {
        row.id = self.rng.id(change.at);
        self.last_numbers[row.team] += 1;
        row.number = self.last_numbers[row.team];
        let after = json!({
            "title": row.title, "column": slug(row.column), "state": row.column, "rank": row.rank, "sprint": row.sprint, "goal": row.goal,
            "owners": row.owners, "labels": row.labels,
        });
        let index = self.rows.len();
        if let Some(rank) = &row.rank {
            self.places
                .entry((row.team, row.column))
                .or_default()
                .insert(rank.clone(), index);
        }
        self.rows.push(row);
        self.record(
            change,
            index,
            EventKind::TaskCreated,
            json!({}),
            after,
            Some(1),
        );
    }

    /// Plans a task for a sprint and its goal; the first time with an estimate and maybe a due
    /// date.
    pub(super) fn set_aside(
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
        let old = &mut self.rows[row];
        let (mut before, mut after) = (Map::new(), Map::new());
        let mut note = |field: &str, old: Value, new: Value| {
            if old != new {
                before.insert(field.to_owned(), old);
                after.insert(field.to_owned(), new);
            }
        };
        note("sprint", json!(old.sprint), json!(sprint));
        note("goal", json!(old.goal), json!(goal));
        (old.sprint, old.goal) = (sprint, goal);
        if let Some((estimate, due)) = first {
            note("estimate", json!(old.estimate), json!(estimate));
            note(
                "due",
                json!(old.due.map(|day| day.to_string())),
                json!(due.map(|day| day.to_string())),
            );
            (old.estimate, old.due) = (estimate, due);
        }
        self.touch(
            change,
            row,
            EventKind::TaskEdited,
            Value::Object(before),
            Value::Object(after),
        );
    }

    /// To the end of a column.
    pub(crate) fn put_last(&mut self, change: &Change, row: usize, to: ColumnState) {
        let rank = self.last_rank(self.rows[row].team, to, Some(row));
        self.put(change, row, to, rank);
    }

    /// As the domain's move: sets the position and writes the events, also of tasks waiting on this
    /// one.
    pub(crate) fn put(&mut self, change: &Change, index: usize, to: ColumnState, rank: String) {
        let row = &mut self.rows[index];
        let from = row.column;
        let mut before = json!({ "column": slug(from), "state": from, "rank": row.rank });
        if from != to {
            before["column_since"] = json!(crate::domain::dates::instant(row.column_since));
            row.column_since = change.at;
        }
        if let Some(old) = row.rank.replace(rank.clone())
            && let Some(place) = self.places.get_mut(&(row.team, from))
        {
            place.remove(&old);
        }
        row.column = to;
        row.version += 1;
        row.moved_version = row.version;
        let (version, team, id) = (row.version, row.team, row.id);
        self.places
            .entry((team, to))
            .or_default()
            .insert(rank.clone(), index);
        let after = json!({ "column": slug(to), "state": to, "rank": rank });
        self.record(
            change,
            index,
            EventKind::TaskMoved,
            before,
            after,
            Some(version),
        );
        if from == ColumnState::Blocked && to != ColumnState::Blocked {
            self.end_blockers(change, index);
        }
        if from != to {
            let waiting = self.blockers.iter().filter(|blocker| {
                blocker.ended_at.is_none() && blocker.on_task == Some((team, id))
            });
            let waiting: Vec<Uuid> = waiting.map(|blocker| blocker.task).collect();
            for task in waiting {
                if let Some(index) = self.rows.iter().position(|row| row.id == task) {
                    self.record(
                        change,
                        index,
                        EventKind::BlockerMoved,
                        json!({}),
                        json!({ "state": to }),
                        None,
                    );
                }
            }
        }
    }

    pub(crate) fn blocker(
        &mut self,
        change: &Change,
        index: usize,
        on: On,
        note: &'static str,
    ) -> anyhow::Result<()> {
        let row = &self.rows[index];
        let mut blocker = Blocker {
            team: row.team,
            id: self.rng.id(change.at),
            task: row.id,
            kind: "text",
            on_task: None,
            on_team: None,
            on_person: None,
            note,
            since: change.at,
            ended_at: None,
        };
        let mut name = String::new();
        match on {
            On::Words => {}
            On::Task(other) => {
                let other = *self
                    .by_name
                    .get(other)
                    .context("it waits on a task that is not made yet")?;
                let other = &self.rows[other];
                (blocker.kind, blocker.on_task) = ("task", Some((other.team, other.id)));
                name = format!("{}-{}", TEAMS[other.team].key, other.number);
            }
            On::Team(slug) => {
                let team = TEAMS
                    .iter()
                    .position(|team| team.slug == slug)
                    .context("it waits on an unknown team")?;
                (blocker.kind, blocker.on_team) = ("team", Some(self.known.teams[team]));
                name = slug.to_owned();
            }
            On::Person(handle) => {
                (blocker.kind, blocker.on_person) = ("person", Some(self.known.people[handle]));
                name = handle.to_owned();
            }
        }
        let after = json!({ "blockers": { "id": blocker.id, "kind": blocker.kind, "on": name, "note": note } });
        self.blockers.push(blocker);
        self.touch(change, index, EventKind::TaskBlocked, json!({}), after);
        Ok(())
    }

    pub(crate) fn end_blockers(&mut self, change: &Change, index: usize) {
        let task = self.rows[index].id;
        let mut ended = Vec::new();
        for blocker in self
            .blockers
            .iter_mut()
            .filter(|blocker| blocker.task == task && blocker.ended_at.is_none())
        {
            blocker.ended_at = Some(change.at);
            ended.push(blocker.id);
        }
        if !ended.is_empty() {
            self.touch(
                change,
                index,
                EventKind::TaskUnblocked,
                json!({ "blockers": ended }),
                json!({}),
            );
        }
    }

    pub fn archive(&mut self, change: &Change, index: usize) {
        let row = &mut self.rows[index];
        let rank = row.rank.take();
        if let (Some(rank), Some(place)) = (&rank, self.places.get_mut(&(row.team, row.column))) {
            place.remove(rank);
        }
        row.archived_at = Some(change.at);
        row.version += 1;
        row.moved_version = row.version;
        let version = Some(row.version);
        let before = json!({ "column": slug(row.column), "rank": rank, "archived": false });
        self.record(
            change,
            index,
            EventKind::TaskArchived,
            before,
            json!({ "rank": null, "archived": true }),
            version,
        );
        self.end_blockers(change, index);
    }

    /// Records a change that does not move the task.
    pub(crate) fn touch(
        &mut self,
        change: &Change,
        index: usize,
        kind: EventKind,
        before: Value,
        after: Value,
    ) {
        self.rows[index].version += 1;
        let version = Some(self.rows[index].version);
        self.record(change, index, kind, before, after, version);
    }

    pub(crate) fn record(
        &mut self,
        change: &Change,
        index: usize,
        kind: EventKind,
        before: Value,
        after: Value,
        version: Option<i64>,
    ) {
        let row = &self.rows[index];
        let events = &mut self.events[row.team];
        let seq = events.len() as i64 + 1;
        events.push(Event {
            seq,
            change: change.id,
            task: row.id,
            actor: change.actor,
            kind,
            before,
            after,
            version,
            at: change.at,
        });
    }

    pub(crate) fn last_rank(&self, team: usize, state: ColumnState, but: Option<usize>) -> String {
        let place = self.places.get(&(team, state));
        let last = place.and_then(|place| place.iter().rev().find(|(_, row)| Some(**row) != but));
        rank::between(last.map(|(rank, _)| rank.as_str()), None)
    }
}
