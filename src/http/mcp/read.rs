//! The tools that read boards and tasks.

use crate::{
    domain::{
        boards::{
            filters::{FilterParams, terms::Filter},
            queries,
        },
        column_state::ColumnState,
        dates::instant,
        error::{Problem, Result},
        policy::team_access,
        search::{self, excerpt, tasks::TaskFilter},
        sprints,
        tasks::{
            self, Card, claims, dependencies, of_person, ready, task_details,
            timeline::{self, EntryContent, TimelineEntry},
        },
    },
    http::mcp::{arguments, caller::Caller, results},
};

/// The most items of a list that has no cursor.
pub(super) const LISTED: usize = 50;

/// The newest activity of a task that is returned, and the characters of each comment.
const ACTIVITY: usize = 20;
const COMMENT_LENGTH: usize = 2000;

/// The most characters of a title or text in a list.
pub(super) const LINE_LENGTH: usize = 500;

/// The beginning of a text.
pub(super) fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A number of items, checked.
fn limit(sent: Option<i64>, usual: i64, most: i64) -> Result<i64> {
    match sent {
        None => Ok(usual),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::field(
            "limit",
            format!("Send a number from 1 to {most}."),
        )),
    }
}

fn wrong_cursor() -> Problem {
    Problem::field(
        "cursor",
        "Send `next_cursor` of the previous answer, unchanged.",
    )
}

/// The teams that the caller can see.
pub(super) async fn teams(caller: &Caller) -> Result<results::Teams> {
    let teams = team_access::teams(&caller.app.db, &caller.viewer).await?;
    let teams = teams.into_iter().map(|access| results::Team {
        may_edit: access.may_edit,
        slug: access.team.slug,
        name: access.team.name,
        key: access.team.key,
    });
    Ok(results::Teams {
        teams: teams.collect(),
    })
}

/// A part of a board, with the counts of all of it.
pub(super) async fn board(caller: &Caller, sent: arguments::Board) -> Result<results::Board> {
    let (app, team) = (&caller.app, caller.team(&sent.team).await?.team);
    let limit = limit(sent.limit, 50, 200)?;
    let filter = Filter::parse(&FilterParams {
        sprint: sent.sprint.map_or(String::new(), |sprint| sprint.text()),
        q: sent.q.unwrap_or_default(),
        ..FilterParams::default()
    })?
    .for_reader(&caller.viewer.person.handle);
    if !filter.unknown.is_empty() {
        return Err(Problem::field("q", filter.unknown.join(" ")));
    }
    if filter.wants_archived() {
        return Err(Problem::field(
            "q",
            "Archived tasks are on no board. The tool `search` finds them.",
        ));
    }
    let now = app.clock.now();
    let sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
    let (resolved, _) = sprints::queries::resolve(&sprints, filter.sprint)?;
    let counts = tasks::queries::counts_by_column(&app.db, &team, &filter, resolved, now).await?;
    let columns = queries::columns(&app.db, team.id).await?;
    let (from, mut after) = match sent.cursor.as_deref().map(|cursor| cursor.split_once(':')) {
        None => (None, ""),
        Some(Some((column, rank))) => (Some(column), rank),
        Some(None) => return Err(wrong_cursor()),
    };
    let known = |slug: &str| columns.iter().any(|column| column.slug == slug);
    if from.is_some_and(|from| !known(from)) {
        return Err(wrong_cursor());
    }
    if let Some(wanted) = sent.column.as_deref().filter(|wanted| !known(wanted)) {
        let slugs: Vec<&str> = columns.iter().map(|column| column.slug.as_str()).collect();
        return Err(Problem::field(
            "column",
            format!(
                "The board has no column {wanted:?}. Its columns are {}.",
                slugs.join(", ")
            ),
        ));
    }
    let (mut cards, mut next_cursor): (Vec<Card>, Option<String>) = (Vec::new(), None);
    for column in columns
        .iter()
        .skip_while(|column| from.is_some_and(|from| column.slug != from))
        .filter(|column| {
            sent.column
                .as_ref()
                .is_none_or(|wanted| *wanted == column.slug)
        })
        .filter(|column| counts.contains_key(&column.id))
    {
        // one more than there is room for, to know whether there are more
        let left = limit - cards.len() as i64;
        let after = match std::mem::take(&mut after) {
            rank if from == Some(column.slug.as_str()) => rank,
            _ => "",
        };
        let part = (column.id, after, left + 1);
        let found =
            tasks::queries::cards_of_column(&app.db, &team, &filter, resolved, now, part).await?;
        let more = found.len() as i64 > left;
        cards.extend(found.into_iter().take(left as usize));
        if more {
            next_cursor = match cards.last() {
                Some(last) if last.column == column.slug => {
                    let rank = last.rank.as_deref().unwrap_or_default();
                    Some(format!("{}:{rank}", column.slug))
                }
                _ => Some(format!("{}:", column.slug)),
            };
            break;
        }
    }
    Ok(results::Board {
        team: team.name,
        columns: columns
            .into_iter()
            .map(|column| results::Column {
                count: counts.get(&column.id).copied().unwrap_or_default(),
                slug: column.slug,
                name: column.name,
                state: column.state.as_str().to_owned(),
                wip_limit: column.wip_limit,
            })
            .collect(),
        tasks: lines(caller, cards),
        next_cursor,
    })
}

pub(super) fn lines(caller: &Caller, cards: impl IntoIterator<Item = Card>) -> Vec<results::Task> {
    let line = |card| results::Task::of(&caller.app, card);
    cards.into_iter().map(line).collect()
}

/// A task with its newest activity.
pub(super) async fn task(caller: &Caller, sent: arguments::OfTask) -> Result<results::TaskPage> {
    let access = caller.task(&sent.key).await?;
    let (db, team) = (&caller.app.db, &access.team);
    let details = task_details::load_task(db, team, access.id).await?;
    let links = team_access::links(db, &caller.viewer).await?;
    let activity = timeline::of_task(db, team.id, access.id, &links, None).await?;
    let hidden = activity.entries.len().saturating_sub(ACTIVITY);
    Ok(results::TaskPage {
        team: team.slug.clone(),
        needed_by: details.card.needed_by.clone(),
        task: results::Task::of(&caller.app, details.card),
        description: details.description,
        project: details.project,
        checklist: details
            .steps
            .into_iter()
            .map(|step| results::Step {
                text: step.text,
                done: step.done,
            })
            .collect(),
        has_earlier_activity: hidden > 0 || activity.earlier.is_some(),
        activity: activity
            .entries
            .into_iter()
            .skip(hidden)
            .map(entry)
            .collect(),
        claimed_until: claims::claimed_until(db, team.id, access.id, caller.app.clock.now())
            .await?
            .map(instant),
        may_edit: access.may_edit,
    })
}

/// The most useful task to start with.
pub(super) async fn ready(caller: &Caller, sent: arguments::OfTeam) -> Result<results::Ready> {
    let team = caller.team(&sent.team).await?.team;
    Ok(match ready::most_useful(&caller.app.db, &team).await? {
        Some(ready) => results::Ready {
            task: Some(results::Task::of(&caller.app, ready.card)),
            why: ready.reason,
        },
        None => results::Ready {
            task: None,
            why: format!(
                "Every task of {} that can be started has an owner.",
                team.name
            ),
        },
    })
}

fn entry(entry: TimelineEntry) -> results::Entry {
    let (at, by) = (entry.iso(), entry.name());
    let (what, comment) = match entry.content {
        EntryContent::Event { text, .. } => (beginning(&text, LINE_LENGTH), None),
        EntryContent::Comment { body, .. } => (
            "commented".to_owned(),
            Some(beginning(&body, COMMENT_LENGTH)),
        ),
    };
    results::Entry {
        at,
        by,
        what,
        comment,
    }
}

/// Tasks that contain words.
pub(super) async fn search(
    caller: &Caller,
    sent: arguments::Search,
) -> Result<results::SearchResults> {
    let (db, viewer) = (&caller.app.db, &caller.viewer);
    let limit = limit(sent.limit, 20, 50)?;
    let offset = match sent.cursor.as_deref().map(str::parse::<i64>) {
        None => 0,
        Some(Ok(offset)) if (0..=1000).contains(&offset) => offset,
        Some(_) => return Err(wrong_cursor()),
    };
    let team = match &sent.team {
        Some(slug) => Some(caller.team(slug).await?.team.id),
        None => None,
    };
    let filter = TaskFilter {
        team,
        is_open: sent.open_only,
        offset,
        limit: limit + 1,
    };
    let terms = search::load_terms(db, &sent.q).await?;
    let mut found =
        search::tasks::search_tasks(db, viewer, &terms, filter, caller.app.clock.now()).await?;
    let more = found.len() as i64 > limit;
    found.truncate(limit as usize);
    if offset == 0 && team.is_none() {
        let named = search::tasks::find_by_key(db, viewer, &sent.q).await?;
        if let Some(named) = named.filter(|named| found.iter().all(|task| task.key != named.key)) {
            found.insert(0, named);
        }
    }
    let tasks = found.into_iter().map(|task| results::Found {
        url: results::url(&caller.app, &task.key),
        key: task.key,
        title: task.title,
        team: task.team_slug,
        state: task.state.as_str().to_owned(),
        column: task.column_name,
        archived: task.is_archived,
        place: Some(task.source.place().to_owned()).filter(|place| !place.is_empty()),
        excerpt: (!task.text.is_empty()).then(|| {
            let passages = excerpt(&task.text, &terms);
            passages.into_iter().map(|passage| passage.text).collect()
        }),
    });
    Ok(results::SearchResults {
        tasks: tasks.collect(),
        next_cursor: more.then(|| (offset + limit).to_string()),
    })
}

/// The tasks of the person that the caller acts for.
pub(super) async fn my_tasks(caller: &Caller) -> Result<results::MyTasks> {
    let (db, viewer) = (&caller.app.db, &caller.viewer);
    let account = viewer.person.id;
    let teams = team_access::seen_teams(db, viewer).await?;
    let seen: Vec<uuid::Uuid> = teams.iter().map(|team| team.id).collect();
    let owned = of_person::of_owner(db, account, &seen).await?;
    let reviews = of_person::to_review(db, account, &seen).await?;
    let cards = tasks::queries::cards_by_id(db, &teams, owned.iter().chain(&reviews)).await?;
    let of = |list: &[(uuid::Uuid, uuid::Uuid)]| -> Vec<Card> {
        let cards = list.iter().filter_map(|(_, task)| cards.get(task).cloned());
        cards.collect()
    };
    let mut own = of(&owned);
    own.sort_by_key(|card| {
        (
            card.state != ColumnState::Doing,
            card.state,
            card.column_since,
        )
    });
    let waiting = dependencies::on_person(db, account, &seen, viewer).await?;
    Ok(results::MyTasks {
        username: viewer.person.handle.clone(),
        owned_count: own.len(),
        owned: lines(caller, own.into_iter().take(2 * LISTED)),
        to_review: lines(caller, of(&reviews)),
        waiting: waiting
            .into_iter()
            .take(LISTED)
            .map(|waiting| results::Waiting {
                key: Some(waiting.key).filter(|key| !key.is_empty()),
                title: waiting.title,
                team: waiting.team,
                on: waiting.on,
                note: waiting.note,
            })
            .collect(),
    })
}
