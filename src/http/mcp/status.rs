//! The tools that say where a team stands.

use crate::{
    domain::{
        checkin::summary,
        column_state::ColumnState,
        error::{Problem, Result},
        standup::{
            self,
            actions::{self, Action},
            topics::{self, Meeting},
        },
        tasks::Card,
    },
    http::mcp::{
        arguments,
        caller::Caller,
        read::{LINE_LENGTH, LISTED, beginning, lines},
        results,
    },
};

/// A team's standup as of now.
pub(super) async fn standup(caller: &Caller, sent: arguments::OfTeam) -> Result<results::Standup> {
    let access = caller.team(&sent.team).await?;
    let (db, now) = (&caller.app.db, caller.app.clock.now());
    let ids = [access.team.id];
    let standups = standup::queries::standups(db, vec![access], None, now).await?;
    let standup = standups.first().ok_or(Problem::NotFound)?;
    let open = |action: &Action| !action.done && !action.dropped;
    let actions = actions::actions(db, &ids, standup.previous_at).await?;
    let topics = topics::topics(db, &ids, Meeting::Standup, now).await?;
    let handles = |card: &Card| {
        card.owners
            .iter()
            .map(|owner| owner.handle.clone())
            .collect()
    };
    Ok(results::Standup {
        team: standup.team.name.clone(),
        sprint: standup.sprint.as_ref().map(|sprint| sprint.name.clone()),
        day: standup.day,
        since: standup.since.to_string(),
        summary: standup.tally(),
        goals: standup
            .goals
            .iter()
            .map(results::GoalProgress::of)
            .collect(),
        attention: standup
            .tasks_needing_attention()
            .into_iter()
            .take(LISTED)
            .map(|item| results::Attention {
                key: item.card.key.clone(),
                title: item.card.title.clone(),
                state: item.card.state.as_str().to_owned(),
                owners: handles(item.card),
                why: item.reason,
            })
            .collect(),
        changes: standup
            .happened
            .iter()
            .take(LISTED)
            .map(|update| results::Update {
                key: update.key.clone(),
                title: update.title.clone(),
                what: update.what.to_owned(),
                owners: update
                    .owners
                    .iter()
                    .map(|owner| owner.handle.clone())
                    .collect(),
            })
            .collect(),
        people: standup
            .members
            .iter()
            .map(|member| {
                let keys = |state| {
                    let cards = standup.in_state(&member.person, state).take(LISTED);
                    cards.map(|card| card.key.clone()).collect()
                };
                results::Member {
                    username: member.person.handle.clone(),
                    name: member.person.name.clone(),
                    away: standup.absence(member),
                    doing: keys(ColumnState::Doing),
                    in_review: keys(ColumnState::Review),
                    blocked: keys(ColumnState::Blocked),
                    suggested: standup.suggested(member).map(|card| card.key.clone()),
                }
            })
            .collect(),
        actions: actions
            .iter()
            .filter(|action| open(action))
            .take(LISTED)
            .map(|action| match &action.owner {
                Some(owner) => {
                    format!(
                        "@{}: {}",
                        owner.handle,
                        beginning(&action.text, LINE_LENGTH)
                    )
                }
                None => beginning(&action.text, LINE_LENGTH),
            })
            .collect(),
        topics: topics
            .iter()
            .filter(|topic| !topic.done)
            .take(LISTED)
            .map(|topic| beginning(&topic.text, LINE_LENGTH))
            .collect(),
    })
}

/// A team's sprint, for people of other teams.
pub(super) async fn check_in(caller: &Caller, sent: arguments::OfTeam) -> Result<results::CheckIn> {
    let team = caller.team(&sent.team).await?.team;
    let state = summary::check_in(&caller.app.db, &team, caller.app.clock.now()).await?;
    Ok(results::CheckIn {
        title: state.title(),
        summary: state.in_short(),
        counts: ColumnState::ALL
            .into_iter()
            .map(|of| results::StateCount {
                state: of.as_str().to_owned(),
                count: state.count(of),
            })
            .collect(),
        goals: state.goals.iter().map(results::GoalProgress::of).collect(),
        blocked: lines(caller, state.blocked.into_iter().take(LISTED / 2)),
        in_review: lines(caller, state.in_review),
        done: lines(caller, state.done),
        next_up: lines(caller, state.next_up),
        url: format!("{}/teams/{}/check-in", caller.app.public_url, team.slug),
    })
}
