//! The people who are viewing a board.

use std::collections::HashMap;

use askama::Template;
use uuid::Uuid;

use crate::domain::person::Person;

/// The people with a board open, and the number of streams of each.
#[derive(Default)]
pub(crate) struct Presence {
    people: HashMap<Uuid, (Person, usize)>,
}

#[derive(Template)]
#[template(path = "boards/_presence.html")]
struct PresenceHtml<'p> {
    shown: Vec<&'p Person>,
    count: usize,
}

impl Presence {
    /// Adds a stream; true if it is the person's first.
    pub(crate) fn arrive(&mut self, person: &Person) -> bool {
        let entry = self
            .people
            .entry(person.id)
            .or_insert_with(|| (person.clone(), 0));
        entry.1 += 1;
        entry.1 == 1
    }

    /// Removes a stream; true if it was the person's last.
    pub(crate) fn leave(&mut self, person: Uuid) -> bool {
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

    /// Avatars and a count, including the reader; the page leaves the reader out.
    pub(crate) fn html(&self) -> String {
        let mut shown: Vec<&Person> = self.people.values().map(|(person, _)| person).collect();
        shown.sort_by(|a, b| a.handle.cmp(&b.handle));
        let count = shown.len();
        // One more than a page shows, since it leaves out its reader.
        shown.truncate(7);
        PresenceHtml { shown, count }.render().unwrap_or_default()
    }
}
