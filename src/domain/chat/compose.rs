//! What each message says, looked up when it is sent: only what everyone who sees the team may see.

use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        chat::{
            message::{Line, Message, Section},
            queue::{ChatEntry, ChatKind},
            reached_goals,
        },
        column_state::ColumnState,
        error::Result,
        humanize,
        policy::{
            predicates::named_beside,
            team_access::{self, TeamAccess},
        },
        retro::{figures::TaskOutcome, report},
        standup::{
            queries::standups,
            topics::{Meeting, topics},
        },
        tasks::{Blocker, card_details::open_waits},
        team::Team,
        teams::roster::load_roster,
    },
};

/// The most lines of each list of a summary.
const MOST_LINES: usize = 8;

/// The message of an entry, or `None` if there is nothing to say any more.
pub(crate) async fn compose(
    db: &Pool,
    public_url: &str,
    entry: &ChatEntry,
    now: OffsetDateTime,
) -> Result<Option<Message>> {
    let Some(access) = team_access::of_channel(db, entry.team_id).await? else {
        return Ok(None);
    };
    match entry.kind {
        ChatKind::StandupSummary => summary(db, public_url, access, now).await,
        ChatKind::Blocked => blocked(db, public_url, &access.team, &entry.subjects, now).await,
        ChatKind::GoalReached => reached(db, public_url, &access.team, &entry.subjects, now).await,
        ChatKind::SprintClosed => closed(db, public_url, &access.team, &entry.subjects).await,
    }
}

/// A message that shows that the webhook works.
pub(crate) fn test(public_url: &str, team: &Team) -> Message {
    Message::of(
        Line::default()
            .text("Fortnight can write here about ")
            .link(&team.name, format!("{public_url}/teams/{}", team.slug))
            .text("."),
    )
}

async fn summary(
    db: &Pool,
    public_url: &str,
    access: TeamAccess,
    now: OffsetDateTime,
) -> Result<Option<Message>> {
    let team = access.team.clone();
    let topics = topics(db, &[team.id], Meeting::Standup, now).await?;
    let mut standups = standups(db, vec![access], None, now).await?;
    let Some(standup) = standups.pop() else {
        return Ok(None);
    };
    let zone = load_roster(db, team.id).await?.week;
    let at = humanize::moment(zone.standup_on(standup.today), &zone.zone);
    let task = |key: &str, title: &str| {
        Line::default()
            .link(key, format!("{public_url}/tasks/{key}"))
            .text(" ")
            .quoted(title)
    };
    let needs = standup.tasks_needing_attention();
    let mut waiting: Vec<_> = needs
        .iter()
        .filter(|item| item.card.state == ColumnState::Blocked)
        .collect();
    waiting.sort_by_key(|item| item.card.column_since);
    let others = needs
        .iter()
        .filter(|item| item.card.state != ColumnState::Blocked);
    let goals = standup.goals.iter().filter(|goal| goal.is_behind());
    let sections = vec![
        section(
            "Needs someone",
            others.map(|item| {
                task(&item.card.key, &item.card.title)
                    .text(": ")
                    .quoted(&item.reason)
            }),
        ),
        section(
            "Blocked longest",
            waiting.into_iter().map(|item| {
                task(&item.card.key, &item.card.title)
                    .text(format!(", for {}: ", standup.age(item.card)))
                    .quoted(&item.reason)
            }),
        ),
        section(
            "Goals behind",
            goals.map(|goal| {
                Line::default()
                    .link(&goal.title, format!("{public_url}{}", goal.page))
                    .text(format!(
                        ": {}, should be at {} % by today",
                        goal.figure, goal.due
                    ))
            }),
        ),
        section(
            "Topics for today",
            topics.iter().filter(|topic| !topic.done).map(|topic| {
                let line = Line::default().quoted(&topic.text);
                match &topic.task {
                    Some((key, title)) => line
                        .text(" (")
                        .link(key, format!("{public_url}/tasks/{key}"))
                        .text(" ")
                        .quoted(title)
                        .text(")"),
                    None => line,
                }
            }),
        ),
    ];
    let is_quiet = sections.iter().all(|section| section.lines.is_empty());
    // Between sprints, there is nothing to meet for.
    if is_quiet && standup.sprint.is_none() {
        return Ok(None);
    }
    let title = Line::default()
        .bold(&format!("{}: standup", team.name))
        .text(format!(", {at}"));
    let title = match &standup.sprint {
        Some(sprint) if standup.day > 0 => title
            .text(", day ")
            .text(standup.day.to_string())
            .text(" of ")
            .quoted(&sprint.name),
        _ => title,
    };
    let title = title
        .text(". ")
        .link("Open", format!("{public_url}/teams/{}/standup", team.slug));
    let title = if is_quiet {
        title.text(". Nothing needs attention.")
    } else {
        title
    };
    Ok(Some(Message { title, sections }))
}

/// A list with its first lines, and how many more there are.
fn section(heading: &'static str, lines: impl Iterator<Item = Line>) -> Section {
    let mut lines: Vec<Line> = lines.collect();
    if lines.len() > MOST_LINES {
        let more = lines.len() - MOST_LINES;
        lines.truncate(MOST_LINES);
        lines.push(Line::default().text(format!("and {more} more")));
    }
    Section { heading, lines }
}

async fn blocked(
    db: &Pool,
    public_url: &str,
    team: &Team,
    blockers: &[Uuid],
    now: OffsetDateTime,
) -> Result<Option<Message>> {
    let rows: Vec<(i64, String, Json<Blocker>)> = sqlx::query_as(concat!(
        "SELECT k.number, k.title, w.wait FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         CROSS JOIN LATERAL (SELECT w.id, w.since, ",
        open_waits!(),
        " AS wait",
        open_waits!(from),
        "k.team_id AND w.task_id = k.id) w
         WHERE k.team_id = $1 AND w.id = ANY($2) AND c.state = 'blocked' AND k.archived_at IS NULL ORDER BY w.since, w.id"
    ))
    .bind(team.id)
    .bind(blockers)
    .fetch_all(db)
    .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let lines = rows.iter().map(|(number, title, Json(blocker))| {
        let key = format!("{}-{number}", team.key);
        let url = format!("{public_url}/tasks/{key}");
        Line::default()
            .link(&key, url)
            .text(" ")
            .quoted(title)
            .text(": ")
            .quoted(&blocker.text(now))
    });
    Ok(Some(Message {
        title: Line::default().bold(&format!("{}: blocked on another team", team.name)),
        sections: vec![section("", lines)],
    }))
}

async fn reached(
    db: &Pool,
    public_url: &str,
    team: &Team,
    goals: &[Uuid],
    now: OffsetDateTime,
) -> Result<Option<Message>> {
    let mut connection = db.acquire().await?;
    let mut reached = reached_goals::reached(&mut connection, team.id, now).await?;
    reached.retain(|goal| goals.contains(&goal.id));
    // One that is no longer reached is announced when it is reached again.
    let still: Vec<Uuid> = reached.iter().map(|goal| goal.id).collect();
    reached_goals::forget(&mut connection, team.id, goals, &still).await?;
    if reached.is_empty() {
        return Ok(None);
    }
    let lines = reached.iter().map(|goal| {
        Line::default()
            .link(&goal.title, format!("{public_url}{}", goal.page))
            .text(format!(": {}", goal.figure))
    });
    let what = if reached.len() == 1 { "goal" } else { "goals" };
    Ok(Some(Message {
        title: Line::default().bold(&format!("{}: {what} reached", team.name)),
        sections: vec![section("", lines)],
    }))
}

async fn closed(
    db: &Pool,
    public_url: &str,
    team: &Team,
    sprints: &[Uuid],
) -> Result<Option<Message>> {
    let sprints: Vec<(Uuid, i32, String)> =
        sqlx::query_as("SELECT id, number, name FROM sprints WHERE id = ANY($1) ORDER BY number")
            .bind(sprints)
            .fetch_all(db)
            .await?;
    let mut connection = db.acquire().await?;
    let mut lines = Vec::new();
    for (id, number, name) in sprints {
        // It may have been reopened.
        let Some(report) = report::frozen(&mut connection, team.id, id).await? else {
            continue;
        };
        let (done, _) = report.finished();
        let left = |outcome: TaskOutcome| {
            let tasks = report.left();
            tasks.filter(|task| task.outcome == Some(outcome)).count()
        };
        let all = done
            + left(TaskOutcome::Carried)
            + left(TaskOutcome::Backlog)
            + left(TaskOutcome::Dropped);
        let met = report.goals.values().filter(|goal| goal.met).count();
        let goals = report.goals.len();
        let url = format!("{public_url}/sprints/{number}/retro?team={}", team.slug);
        let mut figures = format!(
            ": {done} of {} done, {} carried over",
            humanize::counted(all as i64, "task"),
            left(TaskOutcome::Carried)
        );
        if goals > 0 {
            figures.push_str(&format!(
                ", {met} of {} met",
                humanize::counted(goals as i64, "goal")
            ));
        }
        lines.push(Line::default().link(&name, url).text(figures));
    }
    if lines.is_empty() {
        return Ok(None);
    }
    Ok(Some(Message {
        title: Line::default().bold(&format!("{}: sprint closed", team.name)),
        sections: vec![section("", lines.into_iter())],
    }))
}
