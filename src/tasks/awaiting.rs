//! Who of us waits for a task, as its "for" names them: teams by name, key or address, people by @handle or name.

use uuid::Uuid;

use crate::{activity::Change, boards::access::seen_by, teams::Team, web::error::Result};

/// Reads off a task's "for" who of us waits for it. Whatever names nobody here, or a team that its writer may not look
/// at, stays words.
pub(super) async fn set_awaiting(change: &mut Change, team: &Team, task: Uuid, words: &str) -> Result<()> {
    let parts = named(words);
    let (actor, reach) = (change.actor, change.reach.clone());
    sqlx::query("DELETE FROM awaits WHERE team_id = $1 AND task_id = $2")
        .bind(team.id)
        .bind(task)
        .execute(change.db())
        .await?;
    if parts.is_empty() {
        return Ok(());
    }
    sqlx::query(concat!(
        "INSERT INTO awaits (team_id, task_id, by_team_id, by_account_id)
         SELECT DISTINCT $1::uuid, $2::uuid, t.id, NULL::uuid FROM unnest($3::text[]) part
         JOIN teams t ON part IN (lower(t.name), t.slug, lower(t.key)) AND t.id <> $1 AND ",
        seen_by!("$4", "$5"),
        " UNION SELECT $1, $2, NULL, a.id FROM unnest($3::text[]) part JOIN accounts a ON part IN ('@' || a.handle, lower(a.name))"
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

/// What may be a name in a "for": each of its parts, and every two or three in a row, for names with commas of their own.
fn named(words: &str) -> Vec<String> {
    let parts: Vec<String> =
        words.split(',').map(|part| part.trim().to_lowercase()).filter(|part| !part.is_empty()).collect();
    (1..=3).flat_map(|count| parts.windows(count).map(|run| run.join(", "))).collect()
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn names_may_have_commas_of_their_own() {
        assert_eq!(named(" Legal, EU ,@elif,"), ["legal", "eu", "@elif", "legal, eu", "eu, @elif", "legal, eu, @elif"]);
        assert!(named(" , ").is_empty());
    }
}
