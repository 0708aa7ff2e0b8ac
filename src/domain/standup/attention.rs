//! Who needs someone, and what would help most: read off the sprint's cards, with nothing stored.

use std::collections::HashMap;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::standup::summary::Standup;
use crate::domain::{column_state::ColumnState, humanize, person::Person, tasks::Card};

impl Standup {
    /// The tasks that need attention, in the order they need it.
    pub fn needs(&self) -> Vec<AttentionItem<'_>> {
        needs(self)
    }
}

/// A task that somebody should look at, and why.
pub struct AttentionItem<'c> {
    pub card: &'c Card,
    pub why: String,
    pub at_risk: bool,
}

/// Blocked first, those of goals behind pace ahead and then the longest; then reviews that wait, what is longer in its
/// column than the team's tasks usually are, work that stands still, and work that is nobody's.
pub fn needs(standup: &Standup) -> Vec<AttentionItem<'_>> {
    let mut needs: Vec<(u8, AttentionItem<'_>)> = standup
        .cards
        .iter()
        .filter_map(|card| {
            let mut reasons = reasons(standup, card);
            reasons.sort_by_key(|(order, _)| *order);
            let order = reasons.first()?.0;
            let why: Vec<String> = reasons.into_iter().map(|(_, why)| why).collect();
            Some((
                order,
                AttentionItem {
                    card,
                    why: why.join("; "),
                    at_risk: serves_goal_at_risk(card, &standup.at_risk),
                },
            ))
        })
        .collect();
    needs.sort_by_key(|(order, need)| (*order, !need.at_risk, need.card.column_since));
    needs.into_iter().map(|(_, need)| need).collect()
}

/// Why somebody should look at a card, and how soon.
fn reasons(standup: &Standup, card: &Card) -> Vec<(u8, String)> {
    let now = standup.now();
    let mut reasons = Vec::new();
    if card.state == ColumnState::Blocked {
        reasons.push((0, waits(card, now)));
    }
    if card.state == ColumnState::Review && card.owners.len() < 2 {
        reasons.push((1, "nobody else is on it yet".to_owned()));
    }
    if matches!(card.state, ColumnState::Doing | ColumnState::Review) && standup.is_old(card) {
        reasons.push((
            2,
            format!("longer in {} than 85 % of tasks are", card.column_name),
        ));
    }
    if card.state == ColumnState::Doing && card.owners.is_empty() {
        reasons.push((4, "it is nobody's".to_owned()));
    } else if card.state == ColumnState::Doing && standup.changed(card) < standup.began {
        reasons.push((
            3,
            format!(
                "no change for {}",
                humanize::age(now, standup.changed(card))
            ),
        ));
    }
    reasons
}

fn waits(card: &Card, now: OffsetDateTime) -> String {
    let told: Vec<String> = card.blocked_by.iter().map(|wait| wait.words(now)).collect();
    if told.is_empty() {
        "nobody said yet what it waits on".to_owned()
    } else {
        told.join("; ")
    }
}

fn serves_goal_at_risk(card: &Card, at_risk: &[Uuid]) -> bool {
    card.goal_id.is_some_and(|goal| at_risk.contains(&goal))
}

/// What would help most from each of these, who have nothing in progress; by person, the place of a card, and no card
/// for two of them.
pub fn most_useful(cards: &[Card], at_risk: &[Uuid], idle: &[&Person]) -> HashMap<Uuid, usize> {
    let mut useful = HashMap::new();
    for who in idle {
        let taken: Vec<usize> = useful.values().copied().collect();
        if let Some(card) = most_useful_to(cards, &taken, at_risk, who) {
            useful.insert(who.id, card);
        }
    }
    useful
}

/// What waits on them by name, then a free task that others wait on, then a review of another's, then a free task of a
/// goal behind pace, then the oldest that is free.
fn most_useful_to(
    cards: &[Card],
    taken: &[usize],
    at_risk: &[Uuid],
    who: &Person,
) -> Option<usize> {
    let mine = |card: &Card| card.owners.iter().any(|owner| owner.id == who.id);
    let free =
        |card: &Card| card.state == ColumnState::Todo && (card.owners.is_empty() || mine(card));
    let on_me = |card: &Card| {
        card.blocked_by
            .iter()
            .any(|wait| wait.kind == "person" && wait.on.as_deref() == Some(who.handle.as_str()))
    };
    let oldest = |which: &dyn Fn(&Card) -> bool| {
        let left = cards
            .iter()
            .enumerate()
            .filter(|(place, card)| which(card) && !taken.contains(place));
        left.min_by_key(|(_, card)| card.column_since)
            .map(|(place, _)| place)
    };
    oldest(&|card| card.state == ColumnState::Blocked && on_me(card))
        .or_else(|| oldest(&|card| free(card) && !card.blocking.is_empty()))
        .or_else(|| {
            oldest(&|card| {
                card.state == ColumnState::Review && card.owners.len() < 2 && !mine(card)
            })
        })
        .or_else(|| oldest(&|card| free(card) && serves_goal_at_risk(card, at_risk)))
        .or_else(|| oldest(&free))
}
