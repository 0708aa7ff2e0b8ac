//! Translates a filter to SQL conditions.

use sqlx::{PgExecutor, Postgres, QueryBuilder};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    boards::filters::terms::{Condition, Filter},
    clock,
    error::Result,
    team::Team,
    text::literal,
};

/// The current time, and what depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    now: OffsetDateTime,
    /// Today in the team's time zone.
    today: Date,
}

impl Moment {
    /// Looks up today's date only if the filter needs it.
    pub(crate) async fn of(
        db: impl PgExecutor<'_>,
        team: &Team,
        filter: &Filter,
        now: OffsetDateTime,
    ) -> Result<Self> {
        let needs_today = filter
            .terms
            .iter()
            .any(|term| term.condition == Condition::Overdue);
        let today = if needs_today {
            let zone: String = sqlx::query_scalar(
                "SELECT coalesce(t.time_zone, w.time_zone) FROM teams t, workspace w WHERE t.id = $1",
            )
            .bind(team.id)
            .fetch_one(db)
            .await?;
            clock::day_in(now, &zone)
        } else {
            now.date()
        };
        Ok(Self { now, today })
    }
}

impl Filter {
    /// Adds the filter's conditions on `tasks k` with `columns c` to a query's WHERE. Every text is
    /// bound; `%`, `_` and `\` in words match themselves.
    pub(crate) fn push_conditions(
        &self,
        query: &mut QueryBuilder<Postgres>,
        team: &Team,
        sprint: ResolvedSprint,
        moment: Moment,
    ) {
        query.push(if self.wants_archived() {
            " AND k.archived_at IS NOT NULL"
        } else {
            " AND k.archived_at IS NULL"
        });
        match sprint {
            ResolvedSprint::Any => {}
            ResolvedSprint::Without => {
                query.push(" AND k.sprint_id IS NULL");
            }
            ResolvedSprint::One(id) => {
                query.push(" AND k.sprint_id = ").push_bind(id);
            }
        }
        self.push_terms(query, team, moment);
    }

    /// Like `push_conditions`, without the sprint and including archived tasks: for reports about
    /// the past.
    pub(crate) fn push_terms(
        &self,
        query: &mut QueryBuilder<Postgres>,
        team: &Team,
        moment: Moment,
    ) {
        let wanted = self
            .terms
            .iter()
            .filter(|term| !term.not)
            .filter_map(|term| match &term.condition {
                Condition::Owner(handle) if handle != "none" => Some(handle.clone()),
                _ => None,
            });
        let wanted: Vec<String> = wanted.collect();
        let or_nobody = self.terms.iter().any(|term| {
            !term.not && matches!(&term.condition, Condition::Owner(handle) if handle == "none")
        });
        if !wanted.is_empty() || or_nobody {
            query.push(" AND (FALSE");
            if !wanted.is_empty() {
                query.push(" OR ");
                push_owned(query, wanted);
            }
            if or_nobody {
                query.push(" OR NOT ").push(OWNED);
            }
            query.push(")");
        }
        for term in &self.terms {
            let not = if term.not { " AND NOT (" } else { " AND (" };
            match &term.condition {
                Condition::Owner(_) if !term.not => continue,
                Condition::Archived => continue,
                _ => query.push(not),
            };
            match &term.condition {
                Condition::Owner(handle) if handle == "none" => {
                    query.push("NOT ").push(OWNED);
                }
                Condition::Owner(handle) => push_owned(query, vec![handle.clone()]),
                Condition::Label(label) => {
                    query
                        .push(
                            "EXISTS (SELECT FROM task_labels tl JOIN labels l ON l.team_id = tl.team_id AND l.id = tl.label_id
                             WHERE tl.team_id = k.team_id AND tl.task_id = k.id AND fold(l.name) = fold(",
                        )
                        .push_bind(label.clone())
                        .push("))");
                }
                Condition::Goal(None) => {
                    query.push("k.goal_id IS NULL");
                }
                Condition::Goal(Some(position)) => {
                    query
                        .push("EXISTS (SELECT FROM goals g WHERE g.team_id = ")
                        .push_bind(team.id)
                        .push(" AND g.id = k.goal_id AND g.position = ")
                        .push_bind(*position)
                        .push(")");
                }
                Condition::Blocked => {
                    query.push("c.state = 'blocked'");
                }
                Condition::Done => {
                    query.push("c.state = 'done'");
                }
                Condition::Unowned => {
                    query.push("NOT ").push(OWNED);
                }
                Condition::Overdue => {
                    query
                        .push("c.state <> 'done' AND k.due_on < ")
                        .push_bind(moment.today)
                        .push(" AND k.due_on IS NOT NULL");
                }
                Condition::Age { longer, hours } => {
                    let since = moment.now - Duration::hours(i64::from(*hours));
                    query
                        .push(if *longer {
                            "k.column_since < "
                        } else {
                            "k.column_since > "
                        })
                        .push_bind(since);
                }
                Condition::Text(text) => {
                    let like = format!("%{}%", literal(text));
                    query
                        .push("k.searched LIKE fold(")
                        .push_bind(like.clone())
                        .push(
                            ") OR EXISTS (SELECT FROM steps s WHERE s.team_id = k.team_id AND s.task_id = k.id AND fold(s.text) LIKE fold(",
                        )
                        .push_bind(like.clone())
                        .push(
                            ")) OR EXISTS (SELECT FROM comments m WHERE m.team_id = k.team_id AND m.task_id = k.id AND m.deleted_at IS NULL
                             AND fold(m.body) LIKE fold(",
                        )
                        .push_bind(like)
                        .push(")) OR ")
                        .push_bind(format!("{}-", team.key))
                        .push(" || k.number = upper(")
                        .push_bind(text.clone())
                        .push(")");
                }
                Condition::Archived => {}
            }
            query.push(")");
        }
    }
}

const OWNED: &str =
    "EXISTS (SELECT FROM task_owners o WHERE o.team_id = k.team_id AND o.task_id = k.id)";

fn push_owned(query: &mut QueryBuilder<Postgres>, handles: Vec<String>) {
    query
        .push(
            "EXISTS (SELECT FROM task_owners o JOIN accounts a ON a.id = o.account_id
             WHERE o.team_id = k.team_id AND o.task_id = k.id AND (a.handle = ANY(",
        )
        .push_bind(handles.clone())
        .push(") OR a.id IN (SELECT account_id FROM former_handles WHERE handle = ANY(")
        .push_bind(handles)
        .push("))))");
}

/// A sprint choice with the sprint's id looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResolvedSprint {
    Any,
    Without,
    One(Uuid),
}
