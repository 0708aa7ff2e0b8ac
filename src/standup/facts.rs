//! Who needs someone, and what would help most: read off the sprint's cards, with nothing stored.

use time::OffsetDateTime;

use crate::{
    accounts::Person,
    boards::{State, words},
    sprints::goals::Goal,
    tasks::Card,
};

/// A task that somebody should look at, and why.
pub struct Need<'c> {
    pub card: &'c Card,
    pub why: String,
    pub at_risk: bool,
}

/// Blocked first, those of goals behind pace ahead and then the longest; then reviews that wait, work that stands
/// still, and work that is nobody's. `changed` tells when something last happened to a card.
pub fn needs<'c>(
    cards: &'c [Card],
    goals: &[Goal],
    changed: impl Fn(&Card) -> OffsetDateTime,
    since: OffsetDateTime,
    now: OffsetDateTime,
) -> Vec<Need<'c>> {
    let at_risk = |card: &Card| serves_goal_behind(card, goals);
    let mut needs: Vec<(u8, Need<'c>)> = cards
        .iter()
        .filter_map(|card| {
            let (order, why) = match card.state {
                State::Blocked => (0, waits(card, now)),
                State::Review if card.owners.len() < 2 => (1, "nobody else is on it yet".to_owned()),
                State::Doing if card.owners.is_empty() => (3, "it is nobody's".to_owned()),
                State::Doing if changed(card) < since => {
                    (2, format!("no change for {}", words::age(now, changed(card))))
                }
                _ => return None,
            };
            Some((order, Need { card, why, at_risk: at_risk(card) }))
        })
        .collect();
    needs.sort_by_key(|(order, need)| (*order, !need.at_risk, need.card.column_since));
    needs.into_iter().map(|(_, need)| need).collect()
}

fn waits(card: &Card, now: OffsetDateTime) -> String {
    let told: Vec<String> = card.waits_on.iter().map(|wait| wait.words(now)).collect();
    if told.is_empty() { "nobody said yet what it waits on".to_owned() } else { told.join("; ") }
}

fn serves_goal_behind(card: &Card, goals: &[Goal]) -> bool {
    goals.iter().any(|goal| goal.is_behind() && Some(goal.position) == card.goal)
}

/// What would help most from somebody with nothing in progress: what others wait on, then a review of another's,
/// then a free task of a goal behind pace, then the oldest that is free.
pub fn most_useful<'c>(cards: &'c [Card], goals: &[Goal], who: &Person) -> Option<&'c Card> {
    let mine = |card: &Card| card.owners.iter().any(|owner| owner.id == who.id);
    let free = |card: &&Card| card.state == State::Todo && (card.owners.is_empty() || mine(card));
    let oldest =
        |which: &dyn Fn(&&Card) -> bool| cards.iter().filter(|card| which(card)).min_by_key(|card| card.column_since);
    oldest(&|card| free(card) && !card.waited_by.is_empty())
        .or_else(|| oldest(&|card| card.state == State::Review && card.owners.len() < 2 && !mine(card)))
        .or_else(|| oldest(&|card| free(card) && serves_goal_behind(card, goals)))
        .or_else(|| oldest(&|card| free(card)))
}
