//! Who else is looking at a board.

use std::collections::HashMap;

use askama::Template;
use uuid::Uuid;

use crate::domain::person::Person;

/// The people with a board open, each with how many streams.
#[derive(Default)]
pub struct Presence {
    people: HashMap<Uuid, (Person, usize)>,
}

#[derive(Template)]
#[template(path = "boards/_presence.html")]
struct Here<'p> {
    shown: Vec<&'p Person>,
    count: usize,
}

impl Presence {
    /// Adds a stream; true if the person was not here before.
    pub fn arrive(&mut self, person: &Person) -> bool {
        let entry = self
            .people
            .entry(person.id)
            .or_insert_with(|| (person.clone(), 0));
        entry.1 += 1;
        entry.1 == 1
    }

    /// Takes a stream away; true if it was the person's last.
    pub fn leave(&mut self, person: Uuid) -> bool {
        let Some(entry) = self.people.get_mut(&person) else {
            return false;
        };
        entry.1 -= 1;
        if entry.1 > 0 {
            return false;
        }
        self.people.remove(&person);
        true
    }

    /// Round badges and a figure, the reader among them: the page leaves its own reader out.
    pub fn html(&self) -> String {
        let mut shown: Vec<&Person> = self.people.values().map(|(person, _)| person).collect();
        shown.sort_by(|a, b| a.handle.cmp(&b.handle));
        let count = shown.len();
        // One more than a page shows, for the one that it leaves out.
        shown.truncate(7);
        Here { shown, count }.render().unwrap_or_default()
    }
}
