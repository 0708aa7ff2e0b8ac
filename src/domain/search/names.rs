//! Searches everything that has a name: goals, projects, milestones, people, teams, and the labels and saved filters of
//! one team.

use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        policy::{predicates::seen_by, viewer::Viewer},
        search::{Terms, tasks::seen_teams},
    },
};

/// Something that was found by its name.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct FoundName {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// The slug of its team or project, or the person's handle.
    pub(crate) slug: String,
    /// What identifies it within its team: the goal's id, the label's name, the filter's query. Empty for others.
    pub(crate) id: String,
    /// What tells it apart from others: the team and sprint, or the person's handle.
    pub(crate) detail: String,
}

/// What kind of thing was found, in the order of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum Kind {
    Goal,
    Project,
    Milestone,
    Team,
    Person,
    Label,
    SavedFilter,
}

impl Kind {
    /// What it is called in a result.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Goal => "goal",
            Self::Project => "project",
            Self::Milestone => "milestone",
            Self::Team => "team",
            Self::Person => "person",
            Self::Label => "label",
            Self::SavedFilter => "saved filter",
        }
    }
}

/// Returns at most `limit` results of each kind, the best first: names that begin with what was typed, then the viewer's
/// teams, then the newest. Labels and saved filters are those of the team `page_team`. `team` limits goals, projects and
/// milestones to one team.
pub(crate) async fn search_names(
    db: &Pool,
    viewer: &Viewer,
    terms: &Terms,
    team: Option<Uuid>,
    page_team: Option<Uuid>,
    limit: i64,
) -> Result<Vec<FoundName>> {
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    let names = sqlx::query_as(concat!(
        "WITH ", seen_teams!(), ",
         named AS (
             SELECT 1 AS place, 'goal' AS kind, g.title AS name, s.slug, g.id::text AS id, s.name || ' · ' || sp.name AS detail,
                    s.is_own, g.id AS newest
             FROM goals g JOIN seen s ON s.id = g.team_id JOIN sprints sp ON sp.id = g.sprint_id
             WHERE fold(g.title) LIKE ALL ($4)
             UNION ALL
             SELECT 2, 'project', p.name, p.slug, '', s.name, s.is_own, p.id
             FROM projects p JOIN seen s ON s.id = p.team_id WHERE fold(p.name) LIKE ALL ($4)
             UNION ALL
             SELECT 3, 'milestone', m.title, p.slug, '', p.name, s.is_own, m.id
             FROM milestones m JOIN projects p ON p.team_id = m.team_id AND p.id = m.project_id JOIN seen s ON s.id = m.team_id
             WHERE fold(m.title) LIKE ALL ($4)
             UNION ALL
             SELECT 4, 'team', s.name, s.slug, '', s.key, s.is_own, s.id FROM seen s
             WHERE fold(s.name || ' ' || s.key) LIKE ALL ($4)
             UNION ALL
             SELECT 5, 'person', a.name, a.handle, '', '@' || a.handle,
                    EXISTS (SELECT FROM members m JOIN seen s ON s.id = m.team_id AND s.is_own WHERE m.account_id = a.id), a.id
             FROM accounts a WHERE a.deactivated_at IS NULL AND fold(a.name || ' ' || a.handle) LIKE ALL ($4)
             UNION ALL
             SELECT 6, 'label', l.name, s.slug, l.name, s.name, s.is_own, l.id
             FROM labels l JOIN seen s ON s.id = l.team_id
             WHERE l.team_id = $5 AND fold(l.name) LIKE ALL ($4)
             UNION ALL
             SELECT 7, 'saved-filter', f.name, s.slug, f.query, s.name, s.is_own, f.id
             FROM saved_filters f JOIN seen s ON s.id = f.team_id
             WHERE f.team_id = $5 AND (f.account_id IS NULL OR f.account_id = $1) AND fold(f.name) LIKE ALL ($4)),
         ranked AS (
             SELECT *, row_number() OVER (
                 PARTITION BY kind ORDER BY starts_with(fold(name), fold($6)) DESC, is_own DESC, newest DESC) AS rank
             FROM named)
         SELECT kind, name, slug, id, detail FROM ranked WHERE rank <= $7 ORDER BY place, rank"
    ))
    .bind(viewer.person.id)
    .bind(viewer.reach())
    .bind(team)
    .bind(terms.patterns())
    .bind(page_team)
    .bind(&terms.typed)
    .bind(limit)
    .fetch_all(db)
    .await?;
    Ok(names)
}
