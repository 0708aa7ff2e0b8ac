//! Searches tasks by their titles, descriptions, steps and comments.
//!
//! The time of a search is bounded whatever the words are. A frequent word is found often enough among the newest texts,
//! which are read without an index. Words that are not in every tenth text are looked up in the index, where a frequent
//! one would take as long as reading all texts that it is in.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        column_state::ColumnState,
        error::Result,
        keys::split_key,
        policy::{
            predicates::{of_key, seen_by},
            viewer::Viewer,
        },
        search::Terms,
    },
};

/// The limits of a search of tasks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TaskFilter {
    /// Only tasks of this team.
    pub(crate) team: Option<Uuid>,
    /// Only tasks that are neither done nor archived.
    pub(crate) is_open: bool,
    /// How many to leave out at the beginning, and how many to return.
    pub(crate) offset: i64,
    pub(crate) limit: i64,
}

/// A task that was found.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct FoundTask {
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) state: ColumnState,
    pub(crate) column_name: String,
    pub(crate) is_archived: bool,
    pub(crate) team_slug: String,
    pub(crate) team_name: String,
    pub(crate) source: Source,
    /// The text that matches; empty if it is the title.
    pub(crate) text: String,
}

/// Which text of a task matches a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum Source {
    Title,
    Description,
    Step,
    Comment,
}

impl Source {
    /// Where an excerpt comes from: `in a comment`. Empty for the title, which is shown anyway.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Self::Title => "",
            Self::Description => "in the description",
            Self::Step => "in a step",
            Self::Comment => "in a comment",
        }
    }
}

/// CTE `seen`: the teams that the viewer `$1` can see, with a token that is limited to the teams `$2`, and of them only
/// `$3`, if it is not null.
macro_rules! seen_teams {
    () => {
        concat!(
            "seen AS MATERIALIZED (
                 SELECT t.id, t.key, t.name, t.slug,
                        EXISTS (SELECT FROM members m WHERE m.team_id = t.id AND m.account_id = $1) AS is_own
                 FROM teams t WHERE ($3::uuid IS NULL OR t.id = $3) AND ",
            seen_by!("$1", "$2"),
            ")"
        )
    };
}
pub(super) use seen_teams;

/// CTE `asked`: the query `$4`, and the part of it that is looked up in the indexes: those of its words `$5` that are
/// not in every tenth of the newest texts, or else the rarest one.
macro_rules! asked {
    () => {
        "sample AS MATERIALIZED (
             (SELECT words FROM comments ORDER BY id DESC LIMIT 300)
             UNION ALL (SELECT words FROM task_texts ORDER BY task_id DESC LIMIT 300)),
         counted AS MATERIALIZED (
             SELECT word, (SELECT count(*) FROM sample WHERE words @@ word::tsquery) AS count FROM unnest($5::text[]) word),
         asked AS MATERIALIZED (
             SELECT $4::text::tsquery AS query,
                    coalesce((SELECT string_agg(word, ' & ') FROM counted WHERE count < 60),
                             (SELECT word FROM counted ORDER BY count LIMIT 1))::tsquery AS indexed)"
    };
}

/// CTEs that find texts: `$name` has at most 400 rows of the table with their weights in the ranking. They come from the
/// 2,000 newest texts. If that gives few, and `$others`, the rows found in other tables so far, are few, the index is
/// asked as well, and the first 1,000 texts that it returns are checked. `IS TRUE` keeps Postgres from asking that index
/// once for each team.
macro_rules! found_in {
    ($name:literal, $table:literal, $id:literal, $condition:literal, $weight:literal, $others:literal) => {
        concat!(
            $name, "_newest AS MATERIALIZED (
                 SELECT team_id, task_id, ", $id, " AS id, ", $weight, " AS weight
                 FROM (SELECT * FROM ", $table, " WHERE ", $condition, " ORDER BY ", $id, " DESC LIMIT 2000) x
                 WHERE words @@ (SELECT query FROM asked) AND team_id IN (SELECT id FROM seen) LIMIT 200),
             ", $name, " AS MATERIALIZED (
                 SELECT * FROM ", $name, "_newest
                 UNION ALL
                 (SELECT team_id, task_id, ", $id, " AS id, ", $weight, " AS weight
                  FROM (SELECT * FROM ", $table, "
                        WHERE (SELECT count(*) FROM ", $name, "_newest) < 50 AND ", $others, " < 100
                              AND words @@ (SELECT indexed FROM asked)
                              AND (team_id = ANY ((SELECT array_agg(id) FROM seen)::uuid[])) IS TRUE AND ", $condition, "
                        LIMIT 1000) y
                  WHERE (SELECT query = indexed FROM asked) OR words @@ (SELECT query FROM asked)
                  ORDER BY id DESC LIMIT 200)),
             "
        )
    };
}

/// Returns the tasks that match, the best first: with the words in the title before those with the words elsewhere, the
/// viewer's teams before others, open before done before archived, recently moved before old ones. Words that nothing
/// contains are also looked for inside of words of titles, and then misspelt.
pub(crate) async fn search_tasks(
    db: &Pool,
    viewer: &Viewer,
    terms: &Terms,
    filter: TaskFilter,
    now: OffsetDateTime,
) -> Result<Vec<FoundTask>> {
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    let patterns = terms.patterns();
    let tasks = sqlx::query_as(concat!(
        "WITH ", seen_teams!(), ",
         ", asked!(), ",
         ",
        found_in!("task_hits", "task_texts", "task_id", "true",
                  "CASE WHEN title_words @@ (SELECT query FROM asked) THEN 40 ELSE 20 END", "0"),
        found_in!("step_hits", "steps", "id", "true", "15", "(SELECT count(*) FROM task_hits)"),
        found_in!("comment_hits", "comments", "id", "deleted_at IS NULL", "10",
                  "(SELECT count(*) FROM task_hits) + (SELECT count(*) FROM step_hits)"),
        "word_hits AS MATERIALIZED (
             SELECT * FROM task_hits UNION ALL SELECT * FROM step_hits UNION ALL SELECT * FROM comment_hits),
         part_hits AS MATERIALIZED (
             SELECT team_id, task_id, task_id AS id, 30 AS weight FROM task_texts
             WHERE (SELECT count(*) FROM word_hits) < 10 AND length($6) > 4 AND title LIKE $6 AND title LIKE ALL ($7)
                   AND team_id IN (SELECT id FROM seen) LIMIT 200),
         similar_hits AS (
             SELECT team_id, task_id, task_id AS id, 30 AS weight FROM task_texts
             WHERE NOT EXISTS (SELECT FROM word_hits) AND NOT EXISTS (SELECT FROM part_hits)
                   AND length($8) > 3 AND fold($8) <% title AND team_id IN (SELECT id FROM seen)
             ORDER BY word_similarity(fold($8), title) DESC LIMIT 20),
         hits AS (
             SELECT DISTINCT ON (team_id, task_id) team_id, task_id, id, weight
             FROM (SELECT * FROM word_hits UNION ALL SELECT * FROM part_hits UNION ALL SELECT * FROM similar_hits) every
             ORDER BY team_id, task_id, weight DESC, id DESC),
         best AS (
             SELECT h.team_id, h.task_id, h.id, h.weight, s.key || '-' || k.number AS key, k.title, c.state, c.name AS column_name,
                    k.archived_at IS NOT NULL AS is_archived, s.slug AS team_slug, s.name AS team_name,
                    h.weight + CASE WHEN s.is_own THEN 15 ELSE 0 END
                             + CASE WHEN k.archived_at IS NOT NULL THEN -15 WHEN c.state <> 'done' THEN 15 ELSE 0 END
                             + 15 * power(0.5, extract(epoch FROM greatest($9 - k.column_since, interval '0')) / 2592000) AS score
             FROM hits h JOIN seen s ON s.id = h.team_id
             JOIN tasks k ON k.team_id = h.team_id AND k.id = h.task_id
             JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
             WHERE NOT $10 OR k.archived_at IS NULL AND c.state <> 'done'
             ORDER BY score DESC, h.task_id DESC OFFSET $11 LIMIT $12)
         SELECT b.key, b.title, b.state, b.column_name, b.is_archived, b.team_slug, b.team_name,
                CASE b.weight WHEN 10 THEN 'comment' WHEN 15 THEN 'step' WHEN 20 THEN 'description' ELSE 'title' END AS source,
                coalesce(CASE b.weight
                    WHEN 10 THEN (SELECT body FROM comments m WHERE m.team_id = b.team_id AND m.id = b.id)
                    WHEN 15 THEN (SELECT text FROM steps p WHERE p.team_id = b.team_id AND p.id = b.id)
                    WHEN 20 THEN (SELECT description FROM tasks d WHERE d.team_id = b.team_id AND d.id = b.id)
                END, '') AS text
         FROM best b ORDER BY b.score DESC, b.task_id DESC",
    ))
    .bind(viewer.person.id)
    .bind(viewer.reach())
    .bind(filter.team)
    .bind(terms.query())
    .bind(terms.queries())
    .bind(patterns.first().cloned().unwrap_or_default())
    .bind(&patterns)
    .bind(&terms.typed)
    .bind(now)
    .bind(filter.is_open)
    .bind(filter.offset)
    .bind(filter.limit)
    .fetch_all(db)
    .await?;
    Ok(tasks)
}

/// Returns the task whose key was typed (`INF-9`, `inf 9`), if the viewer can see it.
pub(crate) async fn find_by_key(
    db: impl PgExecutor<'_>,
    viewer: &Viewer,
    typed: &str,
) -> Result<Option<FoundTask>> {
    let Some((key, number)) = split_key(&typed.trim().replace(' ', "-")) else {
        return Ok(None);
    };
    let task = sqlx::query_as(concat!(
        "SELECT t.key || '-' || k.number AS key, k.title, c.state, c.name AS column_name, k.archived_at IS NOT NULL AS is_archived,
                t.slug AS team_slug, t.name AS team_name, 'title' AS source, '' AS text
         FROM tasks k JOIN teams t ON t.id = k.team_id JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = ", of_key!("$3"), " AND k.number = $4 AND ", seen_by!("$1", "$2")
    ))
    .bind(viewer.person.id)
    .bind(viewer.reach())
    .bind(key)
    .bind(number)
    .fetch_optional(db)
    .await?;
    Ok(task)
}
