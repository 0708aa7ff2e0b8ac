//! Standup attention: which tasks need attention, and what each idle person should work on next.
//! Computed from the sprint's cards; nothing is stored.

use std::collections::HashMap;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    column_state::ColumnState,
    humanize,
    person::Person,
    standup::summary::Standup,
    tasks::{BlockerKind, Card},
};

impl Standup {
    /// The tasks that need attention, most urgent first.
    pub(crate) fn tasks_needing_attention(&self) -> Vec<AttentionItem<'_>> {
        tasks_needing_attention(self)
    }
}

/// A task that needs attention, and why.
pub(crate) struct AttentionItem<'c> {
    pub(crate) card: &'c Card,
    pub(crate) reason: String,
    pub(crate) at_risk: bool,
}

/// Blocked tasks first, those of goals behind pace before others and then the longest; then
/// unreviewed tasks, tasks longer in their column than usual, tasks without recent changes, and
/// tasks without an owner.
pub(crate) fn tasks_needing_attention(standup: &Standup) -> Vec<AttentionItem<'_>> {
    let mut tasks_needing_attention: Vec<(u8, AttentionItem<'_>)> = standup
        .cards
        .iter()
        .filter_map(|card| {
            let mut reasons = reasons(standup, card);
            reasons.sort_by_key(|(order, _)| *order);
            let order = reasons.first()?.0;
            let texts: Vec<String> = reasons.into_iter().map(|(_, text)| text).collect();
            Some((
                order,
                AttentionItem {
                    card,
                    reason: texts.join("; "),
                    at_risk: is_for_goal_at_risk(card, &standup.at_risk),
                },
            ))
        })
        .collect();
    tasks_needing_attention
        .sort_by_key(|(order, need)| (*order, !need.at_risk, need.card.column_since));
    tasks_needing_attention
        .into_iter()
        .map(|(_, need)| need)
        .collect()
}

/// The reasons why a card needs attention, with their priority.
fn reasons(standup: &Standup, card: &Card) -> Vec<(u8, String)> {
    let now = standup.now();
    let mut reasons = Vec::new();
    if card.state == ColumnState::Blocked {
        reasons.push((0, waiting_reason(card, now)));
    }
    if card.state == ColumnState::Review && card.owners.len() < 2 && !has_forge_reviewers(card) {
        reasons.push((1, "No reviewer yet".to_owned()));
    }
    if matches!(card.state, ColumnState::Doing | ColumnState::Review) && standup.is_old(card) {
        reasons.push((2, format!("{} longer than 85 % of tasks", card.column_name)));
    }
    if card.state == ColumnState::Doing && card.owners.is_empty() {
        reasons.push((4, "No owner".to_owned()));
    } else if card.state == ColumnState::Doing && standup.changed(card) < standup.previous_at {
        reasons.push((
            3,
            format!(
                "No change for {}",
                humanize::age(now, standup.changed(card))
            ),
        ));
    }
    reasons
}

/// Whether its pull request has reviewers.
fn has_forge_reviewers(card: &Card) -> bool {
    let pull_request = card.pull_request.as_ref();
    pull_request.is_some_and(|pull_request| pull_request.has_reviewers())
}

fn waiting_reason(card: &Card, now: OffsetDateTime) -> String {
    let reasons: Vec<String> = card
        .blocked_by
        .iter()
        .map(|blocker| blocker.text(now))
        .collect();
    if reasons.is_empty() {
        "No reason given".to_owned()
    } else {
        reasons.join("; ")
    }
}

fn is_for_goal_at_risk(card: &Card, at_risk: &[Uuid]) -> bool {
    card.goal_id.is_some_and(|goal| at_risk.contains(&goal))
}

/// The most useful card for each of these idle people, by person, as an index into the cards. No
/// card is suggested twice.
pub(crate) fn most_useful(
    cards: &[Card],
    at_risk: &[Uuid],
    idle: &[&Person],
) -> HashMap<Uuid, usize> {
    let mut useful = HashMap::new();
    for person in idle {
        let taken: Vec<usize> = useful.values().copied().collect();
        if let Some(card) = most_useful_to(cards, &taken, at_risk, person) {
            useful.insert(person.id, card);
        }
    }
    useful
}

/// First a task that is waiting on the person, then an unowned task that others are waiting on,
/// then a review of someone else's task, then an unowned task of a goal behind pace, then the
/// oldest unowned task.
fn most_useful_to(
    cards: &[Card],
    taken: &[usize],
    at_risk: &[Uuid],
    person: &Person,
) -> Option<usize> {
    let is_mine = |card: &Card| card.owners.iter().any(|owner| owner.id == person.id);
    let is_free =
        |card: &Card| card.state == ColumnState::Todo && (card.owners.is_empty() || is_mine(card));
    let is_waiting_on_them = |card: &Card| {
        card.blocked_by.iter().any(|blocker| {
            blocker.kind == BlockerKind::Person
                && blocker.on.as_deref() == Some(person.handle.as_str())
        })
    };
    let oldest = |which: &dyn Fn(&Card) -> bool| {
        let left = cards
            .iter()
            .enumerate()
            .filter(|(place, card)| which(card) && !taken.contains(place));
        left.min_by_key(|(_, card)| card.column_since)
            .map(|(place, _)| place)
    };
    oldest(&|card| card.state == ColumnState::Blocked && is_waiting_on_them(card))
        .or_else(|| oldest(&|card| is_free(card) && !card.blocking.is_empty()))
        .or_else(|| {
            oldest(&|card| {
                card.state == ColumnState::Review
                    && card.owners.len() < 2
                    && !is_mine(card)
                    && !has_forge_reviewers(card)
            })
        })
        .or_else(|| oldest(&|card| is_free(card) && is_for_goal_at_risk(card, at_risk)))
        .or_else(|| oldest(&is_free))
}
