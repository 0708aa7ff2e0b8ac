//! Rules that give the people of a group at the provider a team or a role here, applied at each sign-in.

use sqlx::{PgExecutor, Row};
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{
        Change,
        audit_log::{self, AuditEntry},
    },
    offboarding,
    policy::{predicates::seen_by, viewer::Role},
    team::Team,
    teams::membership::{self, TeamRole},
    workspace_seq::bump_workspace_seq,
};

/// More rules are refused.
const MOST_RULES: i64 = 200;

/// The author in events of memberships that follow from groups.
const BY: &str = "Single sign-on";

/// A team whose name the reader may not know.
const HIDDEN: &str = "a private team";

/// A rule.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct GroupRule {
    pub(crate) id: Uuid,
    pub(crate) group_name: String,
    pub(crate) team_id: Option<Uuid>,
    /// The team's name, if the reader may know it.
    pub(crate) team: Option<String>,
    pub(crate) role: Option<Role>,
}

/// What a rule gives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gives {
    Team(Uuid),
    Role(Role),
}

/// All rules, by group, with the names of the teams that the reader can see.
pub(crate) async fn all(db: impl PgExecutor<'_>, reader: Uuid) -> Result<Vec<GroupRule>> {
    const RULES: &str = concat!(
        "SELECT r.id, r.group_name, r.team_id, t.name AS team, r.role FROM group_rules r
         LEFT JOIN teams t ON t.id = r.team_id AND ",
        seen_by!("$1"),
        " ORDER BY r.group_name, t.name NULLS FIRST, r.id"
    );
    Ok(sqlx::query_as(RULES).bind(reader).fetch_all(db).await?)
}

/// Adds a rule.
///
/// # Errors
/// `Invalid` for a rule that exists, or too many.
pub(crate) async fn add(change: &mut Change, group: &str, gives: Gives) -> Result<()> {
    let rules: i64 = sqlx::query_scalar("SELECT count(*) FROM group_rules")
        .fetch_one(change.db())
        .await?;
    if rules >= MOST_RULES {
        let message = format!("There can be at most {MOST_RULES} rules.");
        return Err(Problem::field("group", message));
    }
    let (team, role) = match gives {
        Gives::Team(team) => (Some(team), None),
        Gives::Role(role) => (None, Some(role)),
    };
    sqlx::query("INSERT INTO group_rules (id, group_name, team_id, role) VALUES ($1, $2, $3, $4)")
        .bind(Uuid::now_v7())
        .bind(group)
        .bind(team)
        .bind(role)
        .execute(change.db())
        .await?;
    match gives {
        Gives::Team(team) => {
            let about = format!("people in {group} are on {{team}}");
            audit_log::note_for_team(change, team, "sign-in.rule-added", &about).await
        }
        Gives::Role(role) => {
            let about = format!("people in {group} are {}", role.as_str());
            audit_log::note(change, "sign-in.rule-added", &about).await
        }
    }
}

/// Removes a rule. What it gave is taken again at the next sign-in.
pub(crate) async fn remove(change: &mut Change, rule: Uuid) -> Result<()> {
    let removed: Option<String> =
        sqlx::query_scalar("DELETE FROM group_rules WHERE id = $1 RETURNING group_name")
            .bind(rule)
            .fetch_optional(change.db())
            .await?;
    let group = removed.ok_or(Problem::NotFound)?;
    audit_log::note(change, "sign-in.rule-removed", &format!("of {group}")).await
}

/// What follows from a person's groups, in words for a reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Following {
    /// The rules that match.
    pub(crate) matched: Vec<String>,
    /// What changes at this sign-in.
    pub(crate) changes: Vec<String>,
}

impl GroupRule {
    /// The rule in words.
    pub(crate) fn in_words(&self) -> String {
        format!("{} → {}", self.group_name, self.gives())
    }

    /// What it gives, in words.
    pub(crate) fn gives(&self) -> &str {
        match (self.role, &self.team) {
            (Some(role), _) => role.as_str(),
            (None, Some(team)) => team,
            (None, None) => HIDDEN,
        }
    }
}

/// The role that an account has and should have.
struct RoleChange {
    handle: String,
    from: Role,
    to: Role,
    is_by_group: bool,
}

/// A team that an account joins or leaves.
struct TeamChange {
    team: Team,
    is_joining: bool,
    /// The name, if the reader may know it.
    name: String,
}

/// Gives an account the teams and the role of its groups, and takes again what earlier groups gave. What people gave
/// stays. Without groups, because the provider sent no such claim, nothing changes. The words are for `reader`.
pub(crate) async fn apply(
    change: &mut Change,
    account: Uuid,
    groups: Option<&[String]>,
    reader: Uuid,
) -> Result<Following> {
    let Some(groups) = groups else {
        return Ok(Following::default());
    };
    let rules = all(change.db(), reader).await?;
    let matching: Vec<&GroupRule> = rules
        .iter()
        .filter(|rule| groups.contains(&rule.group_name))
        .collect();
    let mut following = Following {
        matched: matching.iter().map(|rule| rule.in_words()).collect(),
        changes: Vec::new(),
    };
    // Most sign-ins change nothing, and then no lock is taken and no board is made anew.
    let is_settled = role_change(change, account, &matching).await?.is_none()
        && team_changes(change, account, &matching, reader)
            .await?
            .is_empty();
    if is_settled {
        return Ok(following);
    }
    bump_workspace_seq(change.db()).await?;
    if let Some(role) = role_change(change, account, &matching).await? {
        following
            .changes
            .extend(follow_role(change, account, role).await?);
    }
    let teams = team_changes(change, account, &matching, reader).await?;
    for team in teams {
        following
            .changes
            .push(follow_team(change, account, team).await?);
    }
    let mut groups: Vec<&str> = matching
        .iter()
        .map(|rule| rule.group_name.as_str())
        .collect();
    groups.dedup();
    let about = match groups.as_slice() {
        [] => "in no group that a rule is for".to_owned(),
        groups => format!("in {}", groups.join(", ")),
    };
    let (at, entry) = (
        change.at,
        AuditEntry {
            actor: Some(account),
            kind: "sign-in.groups-applied",
            about: &about,
            ..AuditEntry::default()
        },
    );
    audit_log::write(change.db(), at, entry).await?;
    Ok(following)
}

async fn role_change(
    change: &mut Change,
    account: Uuid,
    matching: &[&GroupRule],
) -> Result<Option<RoleChange>> {
    let (handle, from, was_by_group): (String, Role, bool) =
        sqlx::query_as("SELECT handle, role, role_by_group FROM accounts WHERE id = $1")
            .bind(account)
            .fetch_one(change.db())
            .await?;
    // Someone gave the role on purpose.
    if !was_by_group && from != Role::Member {
        return Ok(None);
    }
    let has = |role: &Role| matching.iter().any(|rule| rule.role == Some(*role));
    // of several, the one that may do most
    let wanted = Role::ALL.into_iter().find(has);
    let to = wanted.unwrap_or(Role::Member);
    let is_by_group = wanted.is_some();
    let is_changed = (from, was_by_group) != (to, is_by_group);
    Ok(is_changed.then_some(RoleChange {
        handle,
        from,
        to,
        is_by_group,
    }))
}

async fn follow_role(
    change: &mut Change,
    account: Uuid,
    role: RoleChange,
) -> Result<Option<String>> {
    let (from, to) = (role.from.as_str(), role.to.as_str());
    let mut words = None;
    if role.from != role.to {
        let set = attempt(change, async |change| {
            offboarding::set_role(change, &role.handle, role.to).await
        });
        if let Err(reason) = set.await? {
            return Ok(Some(format!("The role stays {from}: {reason}")));
        }
        words = Some(format!("The role becomes {to}."));
    }
    sqlx::query("UPDATE accounts SET role_by_group = $2 WHERE id = $1")
        .bind(account)
        .bind(role.is_by_group)
        .execute(change.db())
        .await?;
    Ok(words)
}

async fn team_changes(
    change: &mut Change,
    account: Uuid,
    matching: &[&GroupRule],
    reader: Uuid,
) -> Result<Vec<TeamChange>> {
    const CHANGES: &str = concat!(
        "SELECT t.id, t.slug, t.name, t.key, t.seq, m.account_id IS NULL AS is_joining, ",
        seen_by!("$3"),
        " AS is_seen FROM teams t LEFT JOIN members m ON m.team_id = t.id AND m.account_id = $1
         WHERE (t.id = ANY($2) AND m.account_id IS NULL) OR (m.by_group AND t.id <> ALL($2)) ORDER BY t.id"
    );
    let wanted: Vec<Uuid> = matching.iter().filter_map(|rule| rule.team_id).collect();
    let rows = sqlx::query(CHANGES)
        .bind(account)
        .bind(&wanted)
        .bind(reader)
        .fetch_all(change.db())
        .await?;
    let mut changes = Vec::new();
    for row in rows {
        let team: Team = sqlx::FromRow::from_row(&row)?;
        let name = match row.try_get("is_seen")? {
            true => team.name.clone(),
            false => HIDDEN.to_owned(),
        };
        changes.push(TeamChange {
            team,
            is_joining: row.try_get("is_joining")?,
            name,
        });
    }
    Ok(changes)
}

async fn follow_team(change: &mut Change, account: Uuid, follow: TeamChange) -> Result<String> {
    let TeamChange {
        team,
        is_joining,
        name,
    } = follow;
    let handle: String = sqlx::query_scalar("SELECT handle FROM accounts WHERE id = $1")
        .bind(account)
        .fetch_one(change.db())
        .await?;
    let role = is_joining.then_some(TeamRole::Member);
    let set = attempt(change, async |change| {
        membership::set_member_by(change, &team, &handle, role, BY).await
    });
    if let Err(reason) = set.await? {
        return Ok(format!("Nothing changes in {name}: {reason}"));
    }
    sqlx::query("UPDATE members SET by_group = true WHERE team_id = $1 AND account_id = $2")
        .bind(team.id)
        .bind(account)
        .execute(change.db())
        .await?;
    Ok(match is_joining {
        true => format!("Joins {name}."),
        false => format!("Leaves {name}."),
    })
}

/// Makes a change that may be refused: then it is as if it had not been tried, and the sign-in goes on. Returns the
/// reason.
async fn attempt(
    change: &mut Change,
    verb: impl AsyncFnOnce(&mut Change) -> Result<()>,
) -> Result<std::result::Result<(), String>> {
    let recorded = change.recorded();
    sqlx::query("SAVEPOINT rule").execute(change.db()).await?;
    let refused = match verb(change).await {
        Ok(()) => None,
        Err(Problem::Invalid(reasons)) => Some(reasons.into_values().collect::<Vec<_>>().join(" ")),
        Err(Problem::Conflict(conflict)) => Some(conflict.detail),
        Err(problem) => return Err(problem),
    };
    let Some(reason) = refused else {
        sqlx::query("RELEASE SAVEPOINT rule")
            .execute(change.db())
            .await?;
        return Ok(Ok(()));
    };
    sqlx::query("ROLLBACK TO SAVEPOINT rule")
        .execute(change.db())
        .await?;
    change.forget_events_since(recorded);
    Ok(Err(reason))
}
