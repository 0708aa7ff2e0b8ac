//! What can complete the word that is being typed: the language of filters with its values, mentions, and task keys.

use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        sprints,
        team::Team,
        text::{fold, literal},
    },
};

/// The most suggestions for a word.
const MAX: usize = 8;

/// A completion of the typed word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suggestion {
    /// What replaces the word. A trailing colon is followed by a value.
    pub(crate) insert: String,
    /// The thing or person it means.
    pub(crate) detail: String,
}

/// The words of the filter language, each with what it finds.
const FILTERS: [(&str, &str); 14] = [
    ("owner:", "someone’s tasks: owner:me, owner:none"),
    ("label:", "with a label"),
    ("goal:", "of a goal, by its number"),
    ("is:blocked", "blocked tasks"),
    ("is:unowned", "without an owner"),
    ("is:overdue", "due before today"),
    ("is:done", "finished tasks"),
    ("is:archived", "archived tasks"),
    ("age:>3d", "longer than three days in their column"),
    ("age:<8h", "moved in the last eight hours"),
    ("sprint:next", "planned for the next sprint"),
    ("sprint:none", "in the backlog"),
    ("sprint:all", "of every sprint"),
    ("-label:", "a leading - leaves tasks out"),
];

/// Returns completions of a word of a filter: names of terms, then the values of a term.
pub(crate) async fn complete_filter(
    db: &Pool,
    team: &Team,
    typed: &str,
) -> Result<Vec<Suggestion>> {
    let (sign, word) = match typed.strip_prefix('-') {
        Some(word) => ("-", word),
        None => ("", typed),
    };
    let Some((name, value)) = word.split_once(':') else {
        return Ok(matching_filters(typed));
    };
    let values = match name.to_lowercase().as_str() {
        "owner" => owners(db, team.id, value).await?,
        "label" => labels(db, team.id, value).await?,
        "goal" => goals(db, team.id, value).await?,
        _ => return Ok(matching_filters(typed)),
    };
    let term = |(value, detail): (String, String)| Suggestion {
        insert: format!("{sign}{}:{value}", name.to_lowercase()),
        detail,
    };
    Ok(values.into_iter().map(term).take(MAX).collect())
}

fn matching_filters(typed: &str) -> Vec<Suggestion> {
    let (typed, most) = (
        typed.to_lowercase(),
        if typed.is_empty() { 14 } else { MAX },
    );
    FILTERS
        .iter()
        .filter(|(word, _)| word.starts_with(&typed) && *word != typed)
        .map(|&(word, detail)| Suggestion {
            insert: word.to_owned(),
            detail: detail.to_owned(),
        })
        .take(most)
        .collect()
}

async fn owners(db: &Pool, team: Uuid, typed: &str) -> Result<Vec<(String, String)>> {
    let fixed = [("me", "you"), ("none", "without an owner")];
    let mut found: Vec<(String, String)> = fixed
        .iter()
        .filter(|(word, _)| word.starts_with(&typed.to_lowercase()))
        .map(|&(word, detail)| (word.to_owned(), detail.to_owned()))
        .collect();
    found.extend(people(db, team, typed, true).await?);
    Ok(found)
}

/// Handles and names of people: members of the team first; with `members_only`, no others.
async fn people(
    db: &Pool,
    team: Uuid,
    typed: &str,
    members_only: bool,
) -> Result<Vec<(String, String)>> {
    let begins = format!("{}%", literal(&fold(typed)));
    Ok(sqlx::query_as(
        "SELECT a.handle, a.name FROM accounts a LEFT JOIN members m ON m.account_id = a.id AND m.team_id = $1
         WHERE a.deactivated_at IS NULL AND (m.account_id IS NOT NULL OR NOT $3)
               AND (a.handle LIKE $2 OR ' ' || fold(a.name) LIKE '% ' || $2)
         ORDER BY m.account_id IS NULL, a.handle NOT LIKE $2, a.name, a.id LIMIT $4",
    )
    .bind(team)
    .bind(begins)
    .bind(members_only)
    .bind(MAX as i64)
    .fetch_all(db)
    .await?)
}

async fn labels(db: &Pool, team: Uuid, typed: &str) -> Result<Vec<(String, String)>> {
    Ok(sqlx::query_as(
        "SELECT l.name, '' FROM labels l WHERE l.team_id = $1 AND fold(l.name) LIKE '%' || $2 || '%'
         ORDER BY NOT starts_with(fold(l.name), $3), (SELECT count(*) FROM task_labels tl WHERE tl.team_id = l.team_id AND tl.label_id = l.id) DESC, l.name LIMIT $4",
    )
    .bind(team)
    .bind(literal(&fold(typed)))
    .bind(fold(typed))
    .bind(MAX as i64)
    .fetch_all(db)
    .await?)
}

/// The goals of the team's current sprint, by number or words of the title.
async fn goals(db: &Pool, team: Uuid, typed: &str) -> Result<Vec<(String, String)>> {
    let sprints = sprints::queries::sprints_of(db, team).await?;
    let Some(sprint) = sprints::queries::current(&sprints) else {
        return Ok(Vec::new());
    };
    let mut found: Vec<(String, String)> = sqlx::query_as(
        "SELECT g.position::text, g.title FROM goals g WHERE g.team_id = $1 AND g.sprint_id = $2
               AND (starts_with(g.position::text, $3) OR fold(g.title) LIKE '%' || $4 || '%') ORDER BY g.position LIMIT $5",
    )
    .bind(team)
    .bind(sprint.id)
    .bind(typed)
    .bind(literal(&fold(typed)))
    .bind(MAX as i64)
    .fetch_all(db)
    .await?;
    if "none".starts_with(typed) {
        found.push(("none".to_owned(), "without a goal".to_owned()));
    }
    Ok(found)
}

/// Returns completions of a word in a text: a mention (`@el`), or a key of the team's tasks (`INF-4`).
pub(crate) async fn complete_text(db: &Pool, team: &Team, typed: &str) -> Result<Vec<Suggestion>> {
    if let Some(name) = typed.strip_prefix('@') {
        let people = people(db, team.id, name, false).await?;
        return Ok(people
            .into_iter()
            .map(|(handle, name)| Suggestion {
                insert: format!("@{handle}"),
                detail: name,
            })
            .collect());
    }
    let number = typed
        .rsplit_once('-')
        .filter(|(key, _)| key.eq_ignore_ascii_case(&team.key))
        .map(|(_, number)| number);
    let Some(number) = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    else {
        return Ok(Vec::new());
    };
    let tasks: Vec<(i64, String)> = sqlx::query_as(
        "SELECT number, title FROM tasks WHERE team_id = $1 AND starts_with(number::text, $2) AND archived_at IS NULL
         ORDER BY number::text = $2 DESC, number DESC LIMIT $3",
    )
    .bind(team.id)
    .bind(number)
    .bind(MAX as i64)
    .fetch_all(db)
    .await?;
    Ok(tasks
        .into_iter()
        .map(|(number, title)| Suggestion {
            insert: format!("{}-{number}", team.key),
            detail: title,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::boards::filters::terms::Filter;

    #[test]
    fn every_suggested_filter_is_understood() {
        for (word, _) in FILTERS {
            let example = word.to_owned() + if word.ends_with(':') { "1" } else { "" };
            let filter = Filter::read_query(&example).unwrap();
            assert!(filter.unknown.is_empty(), "{word}: {:?}", filter.unknown);
            assert!(!filter.terms_text().contains('"'), "{word} is not a text");
        }
        let inserts = |typed: &str| {
            let found = matching_filters(typed);
            found
                .into_iter()
                .map(|suggestion| suggestion.insert)
                .collect::<Vec<_>>()
        };
        assert_eq!(inserts("OW"), ["owner:"]);
        assert_eq!(inserts("is:b"), ["is:blocked"]);
        assert_eq!(inserts("is:blocked"), [] as [&str; 0]);
        assert_eq!(inserts("").len(), FILTERS.len());
    }
}
