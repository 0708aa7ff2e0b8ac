//! The teams and people who need a task, as its "Needed by" field names them: teams by name, key or
//! slug, people by @handle or name.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::Change,
    humanize,
    policy::predicates::{named_beside, seen_by},
    team::Team,
    text::{check_length, literal},
};

/// Replaces the name of a team that not all readers of a task can see.
const HIDDEN: &str = "a private team";

/// A task's "Needed by" as every reader of the task may see it: names of other private teams are
/// replaced. A name that its writer may not see either is left, because it tells them nothing.
pub(crate) async fn without_hidden_names(
    change: &mut Change,
    team: &Team,
    names: &str,
) -> Result<String> {
    let names = names.trim();
    check_length("needed_by", names, 200)?;
    if names.is_empty() {
        return Ok(String::new());
    }
    let (actor, reach) = (change.actor, change.reach.clone());
    let hidden: Vec<String> = sqlx::query_scalar(concat!(
        "SELECT unnest(ARRAY[fold(t.name), t.slug, lower(t.key)] || ARRAY(SELECT lower(f.key) FROM former_keys f WHERE f.team_id = t.id UNION SELECT fold(f.name) FROM former_names f WHERE f.team_id = t.id
                AND NOT EXISTS (SELECT FROM teams o WHERE fold(o.name) = fold(f.name))))
         FROM teams t WHERE NOT ",
        named_beside!("t", "$1"),
        " AND ",
        seen_by!("$2", "$3")
    ))
    .bind(team.id)
    .bind(actor)
    .bind(reach)
    .fetch_all(change.db())
    .await?;
    Ok(humanize::instead_of(
        names,
        |part| hidden.contains(&part.to_lowercase()),
        HIDDEN,
    ))
}

/// Removes a team that becomes private from every "Needed by" of other teams' tasks and their
/// events. Call it before anything else is locked: tasks are locked first.
pub(crate) async fn remove_hidden_name(change: &mut Change, team: &Team) -> Result<()> {
    let mut team_names = vec![
        team.name.to_lowercase(),
        team.slug.clone(),
        team.key.to_lowercase(),
    ];
    let former: Vec<String> = sqlx::query_scalar(
        "SELECT lower(key) FROM former_keys WHERE team_id = $1 UNION SELECT fold(f.name) FROM former_names f
         WHERE f.team_id = $1 AND NOT EXISTS (SELECT FROM teams o WHERE fold(o.name) = fold(f.name))",
    )
    .bind(team.id)
    .fetch_all(change.db())
    .await?;
    team_names.extend(former);
    let without_hidden_names = |names: &str| {
        humanize::instead_of(
            names,
            |part| team_names.contains(&part.to_lowercase()),
            HIDDEN,
        )
    };
    let patterns: Vec<String> = team_names
        .iter()
        .map(|name| format!("%{}%", literal(name)))
        .collect();
    let tasks: Vec<(Uuid, Uuid, String)> = sqlx::query_as(
        "SELECT team_id, id, needed_by FROM tasks WHERE team_id <> $1 AND needed_by ILIKE ANY($2) ORDER BY team_id, id FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .bind(&patterns)
    .fetch_all(change.db())
    .await?;
    for (team_id, task, names) in tasks {
        sqlx::query("UPDATE tasks SET needed_by = left($3, 200) WHERE team_id = $1 AND id = $2")
            .bind(team_id)
            .bind(task)
            .bind(without_hidden_names(&names))
            .execute(change.db())
            .await?;
    }
    let events: Vec<(Uuid, i64, Value, Value)> = sqlx::query_as(
        "SELECT team_id, seq, before, after FROM events
         WHERE team_id <> $1 AND (before->>'needed_by' ILIKE ANY($2) OR after->>'needed_by' ILIKE ANY($2))",
    )
    .bind(team.id)
    .bind(&patterns)
    .fetch_all(change.db())
    .await?;
    for (team_id, seq, mut before, mut after) in events {
        for fields in [&mut before, &mut after] {
            if let Some(names) = fields["needed_by"].as_str().map(without_hidden_names) {
                fields["needed_by"] = json!(names);
            }
        }
        sqlx::query("UPDATE events SET before = $3, after = $4 WHERE team_id = $1 AND seq = $2")
            .bind(team_id)
            .bind(seq)
            .bind(before)
            .bind(after)
            .execute(change.db())
            .await?;
    }
    Ok(())
}

/// Stores which teams and people a task's "Needed by" names, by current or former name. A part that
/// matches no one, or a team that its writer may not see, stays text.
pub(crate) async fn set_stakeholders(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    needed_by: &str,
) -> Result<()> {
    let parts = named(needed_by);
    let (actor, reach) = (change.actor, change.reach.clone());
    // Removes those who are no longer named.
    sqlx::query(concat!(
        "DELETE FROM task_stakeholders WHERE team_id = $1 AND task_id = $2
             AND NOT ($3 AND by_team_id IN (SELECT t.id FROM teams t WHERE NOT ",
        named_beside!("t", "$1"),
        "))"
    ))
    .bind(team.id)
    .bind(task)
    .bind(parts.iter().any(|part| part == HIDDEN))
    .execute(change.db())
    .await?;
    if parts.is_empty() {
        return Ok(());
    }
    sqlx::query(concat!(
        "INSERT INTO task_stakeholders (team_id, task_id, by_team_id, by_account_id)
         SELECT DISTINCT $1::uuid, $2::uuid, t.id, NULL::uuid FROM unnest($3::text[]) part
         JOIN teams t ON (part IN (fold(t.name), t.slug, lower(t.key)) OR t.id IN (SELECT team_id FROM former_keys WHERE lower(key) = part)
              -- a name that another team has by now is that one's
              OR t.id IN (SELECT team_id FROM former_names WHERE fold(name) = part) AND NOT EXISTS (SELECT FROM teams WHERE fold(name) = part)) AND t.id <> $1 AND ",
        seen_by!("$4", "$5"),
        " UNION SELECT $1, $2, NULL, a.id FROM unnest($3::text[]) part LEFT JOIN former_handles f ON '@' || f.handle = part
         JOIN accounts a ON part IN ('@' || a.handle, fold(a.name)) OR a.id = f.account_id
         WHERE true ON CONFLICT DO NOTHING"
    ))
    .bind(team.id)
    .bind(task)
    .bind(&parts)
    .bind(actor)
    .bind(reach)
    .execute(change.db())
    .await?;
    Ok(())
}

/// Candidates for names in a "Needed by": each of its parts, and every two or three in a row,
/// because names may contain commas.
fn named(needed_by: &str) -> Vec<String> {
    let parts: Vec<String> = needed_by
        .split(',')
        .map(|part| part.trim().to_lowercase())
        .filter(|part| !part.is_empty())
        .collect();
    (1..=3)
        .flat_map(|count| parts.windows(count).map(|run| run.join(", ")))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::domain::tasks::stakeholders::named;

    #[test]
    fn names_may_contain_commas() {
        assert_eq!(
            named(" Legal, EU ,@elif,"),
            [
                "legal",
                "eu",
                "@elif",
                "legal, eu",
                "eu, @elif",
                "legal, eu, @elif"
            ]
        );
        assert!(named(" , ").is_empty());
    }
}
