//! Anonymizes a deleted account in history, so that a later account with the same name is not
//! mistaken for it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{error::Result, events::Change, humanize, text::literal};

/// Replaces a deleted person's name in history.
pub(crate) const FORMER: &str = "a former member";

/// The current and former names of a person.
pub(crate) struct PersonNames {
    email: String,
    handles: Vec<String>,
    names: Vec<String>,
}

impl PersonNames {
    /// Loads everything that may name the person.
    pub(crate) async fn of(change: &mut Change, account: Uuid) -> Result<Self> {
        let (email, handle, name): (String, String, String) =
            sqlx::query_as("SELECT email, handle, name FROM accounts WHERE id = $1")
                .bind(account)
                .fetch_one(change.db())
                .await?;
        let mut handles: Vec<String> =
            sqlx::query_scalar("SELECT handle FROM former_handles WHERE account_id = $1")
                .bind(account)
                .fetch_all(change.db())
                .await?;
        let mut names: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT before->>'name' FROM events
             WHERE kind = 'member.profile-edited' AND actor_id = $1 AND before->>'name' IS NOT NULL",
        )
        .bind(account)
        .fetch_all(change.db())
        .await?;
        handles.push(handle);
        names.push(name);
        Ok(Self {
            email,
            handles,
            names,
        })
    }

    /// Removes the person from the "Needed by" of tasks. Call it before the workspace row is
    /// locked, because tasks are locked first.
    pub(crate) async fn anonymize_tasks(&self, change: &mut Change) -> Result<()> {
        let waited_for: Vec<(Uuid, Uuid, String)> = sqlx::query_as(
            "SELECT team_id, id, needed_by FROM tasks WHERE needed_by ILIKE ANY($1) ORDER BY team_id, id FOR NO KEY UPDATE",
        )
        .bind(self.patterns())
        .fetch_all(change.db())
        .await?;
        for (team, task, needed_by) in waited_for {
            sqlx::query(
                "UPDATE tasks SET needed_by = left($3, 200) WHERE team_id = $1 AND id = $2",
            )
            .bind(team)
            .bind(task)
            .bind(self.without_person(&needed_by))
            .execute(change.db())
            .await?;
        }
        Ok(())
    }

    /// Removes the person from all other history.
    pub(crate) async fn anonymize_history(&self, change: &mut Change, account: Uuid) -> Result<()> {
        self.anonymize_audit_log(change).await?;
        self.anonymize_events(change, account).await?;
        self.anonymize_reports(change).await
    }

    async fn anonymize_audit_log(&self, change: &mut Change) -> Result<()> {
        // The address is escaped: it may contain special characters of regular expressions.
        sqlx::query(
            "UPDATE audit_log SET about = regexp_replace(about, '(^|\\s)' || regexp_replace($1, '([^a-zA-Z0-9])', '\\\\\\1', 'g') || '(?=$|[\\s,])', '\\1' || $2, 'gi')
             WHERE strpos(lower(about), lower($1)) > 0",
        )
        .bind(&self.email)
        .bind(FORMER)
        .execute(change.db())
        .await?;
        for handle in &self.handles {
            // A handle contains a–z, 0–9 and - only.
            sqlx::query("UPDATE audit_log SET about = regexp_replace(about, '@' || $1 || '(?![a-z0-9-])', $2, 'g') WHERE strpos(about, '@' || $1) > 0")
                .bind(handle)
                .bind(FORMER)
                .execute(change.db())
                .await?;
        }
        Ok(())
    }

    async fn anonymize_events(&self, change: &mut Change, account: Uuid) -> Result<()> {
        for event in change.pending() {
            self.anonymize_value(&mut event.before);
            self.anonymize_value(&mut event.after);
        }
        let mut events: Vec<(Uuid, i64, Value, Value, bool)> = sqlx::query_as(
            "SELECT team_id, seq, before, after, kind = 'member.profile-edited' AND actor_id = $2 FROM events
             WHERE before::text ILIKE ANY($1) OR after::text ILIKE ANY($1) OR kind = 'member.profile-edited' AND actor_id = $2",
        )
        .bind(self.patterns())
        .bind(account)
        .fetch_all(change.db())
        .await?;
        events.retain_mut(|(_, _, before, after, is_profile)| {
            let unchanged = (before.clone(), after.clone());
            for value in [&mut *before, &mut *after] {
                if *is_profile {
                    *value = json!({});
                }
                self.anonymize_value(value);
            }
            unchanged != (before.clone(), after.clone())
        });
        sqlx::query(
            "UPDATE events e SET before = n.before, after = n.after
             FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[], $4::jsonb[]) AS n (team, seq, before, after)
             WHERE e.team_id = n.team AND e.seq = n.seq",
        )
        .bind(events.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind(events.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind(events.iter().map(|row| &row.2).collect::<Vec<_>>())
        .bind(events.iter().map(|row| &row.3).collect::<Vec<_>>())
        .execute(change.db())
        .await?;
        Ok(())
    }

    /// Frozen reports of closed sprints contain names.
    async fn anonymize_reports(&self, change: &mut Change) -> Result<()> {
        let closings: Vec<(Uuid, Uuid, Value)> = sqlx::query_as(
            "SELECT team_id, sprint_id, figures FROM sprint_reports WHERE figures::text ILIKE ANY($1)",
        )
        .bind(self.patterns())
        .fetch_all(change.db())
        .await?;
        for (team, sprint, mut figures) in closings {
            let goals = figures.get_mut("goals").and_then(Value::as_object_mut);
            for goal in goals.into_iter().flat_map(|goals| goals.values_mut()) {
                let owners = goal.get_mut("owners").and_then(Value::as_array_mut);
                owners
                    .into_iter()
                    .flatten()
                    .for_each(|owner| self.anonymize_name(owner));
            }
            let blockers = figures.get_mut("blockers").and_then(Value::as_array_mut);
            blockers
                .into_iter()
                .flatten()
                .filter_map(|blocker| blocker.get_mut("on"))
                .for_each(|on| self.anonymize_name(on));
            sqlx::query(
                "UPDATE sprint_reports SET figures = $3 WHERE team_id = $1 AND sprint_id = $2",
            )
            .bind(team)
            .bind(sprint)
            .bind(figures)
            .execute(change.db())
            .await?;
        }
        Ok(())
    }

    fn anonymize_name(&self, name: &mut Value) {
        if name.as_str().is_some_and(|name| self.is_name(name)) {
            *name = json!(FORMER);
        }
    }

    /// Replaces the person by `FORMER` in an event: as an owner or reviewer, as its subject or sender, as what a task is
    /// waiting on, or who needs it.
    fn anonymize_value(&self, value: &mut Value) {
        let fields = match value {
            Value::Object(fields) => fields,
            Value::Array(list) => {
                return list.iter_mut().for_each(|item| self.anonymize_value(item));
            }
            _ => return,
        };
        let is_person = fields.get("kind").is_some_and(|kind| kind == "person");
        for (field, value) in fields.iter_mut() {
            match (field.as_str(), value) {
                ("owners" | "reviewers", Value::Array(handles)) => handles
                    .iter_mut()
                    .for_each(|handle| self.anonymize_handle(handle)),
                ("who" | "owner" | "sender", handle) => self.anonymize_handle(handle),
                // A name of one word may be another person's handle.
                ("on", on) if is_person && on.as_str().is_some_and(|on| on.contains(' ')) => {
                    self.anonymize_name(on)
                }
                ("on", on) if is_person => self.anonymize_handle(on),
                ("needed_by", Value::String(text)) => *text = self.without_person(text),
                (_, other) => self.anonymize_value(other),
            }
        }
    }

    fn anonymize_handle(&self, handle: &mut Value) {
        let is = |handle: &str| {
            self.handles
                .contains(&handle.trim().trim_start_matches('@').to_lowercase())
        };
        if handle.as_str().is_some_and(is) {
            *handle = json!(FORMER);
        }
    }

    fn is_name(&self, text: &str) -> bool {
        self.names
            .iter()
            .any(|name| name.to_lowercase() == text.trim().to_lowercase())
    }

    /// The names in a "Needed by" without this person's.
    fn without_person(&self, names: &str) -> String {
        let is_them = |part: &str| {
            self.is_name(part)
                || part
                    .strip_prefix('@')
                    .is_some_and(|part| self.handles.contains(&part.to_lowercase()))
        };
        humanize::instead_of(names, is_them, FORMER)
    }

    /// JSON texts that may name the person. They include the quotes, because short handles are part
    /// of many words.
    fn patterns(&self) -> Vec<String> {
        let handles = self
            .handles
            .iter()
            .flat_map(|handle| [format!("%\"{handle}\"%"), format!("%@{handle}%")]);
        let names = self.names.iter().map(|name| {
            let written = json!(name).to_string();
            format!("%{}%", literal(written.trim_matches('"')))
        });
        handles.chain(names).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> PersonNames {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        PersonNames {
            email: "tomas@example.org".to_owned(),
            handles: texts(&["tomas", "tw"]),
            names: texts(&["Tomas Weber", "Weber, Tomas"]),
        }
    }

    #[test]
    fn needed_by_loses_only_the_deleted_person() {
        let left = |text: &str| known().without_person(text);
        assert_eq!(
            left("Legal, @Tomas, @tomas-2"),
            "Legal, a former member, @tomas-2"
        );
        assert_eq!(left("tomas weber"), "a former member");
        assert_eq!(left("weber, tomas, Legal"), "a former member, Legal");
        assert_eq!(
            left("tomas, Legal"),
            "tomas, Legal",
            "a handle is written with its sign"
        );
    }

    #[test]
    fn events_are_anonymized_for_one_person_only() {
        let mut value = json!({
            "owners": ["tomas", "elif"], "who": "tw", "owner": "tomas", "needed_by": "@tw, Legal", "title": "tomas",
            "blockers": { "kind": "person", "on": "Tomas Weber", "note": "tomas" },
            "reviewers": ["elif", "tw"], "sender": "tomas",
        });
        known().anonymize_value(&mut value);
        assert_eq!(
            value,
            json!({
                "owners": [FORMER, "elif"], "who": FORMER, "owner": FORMER, "needed_by": "a former member, Legal", "title": "tomas",
                "blockers": { "kind": "person", "on": FORMER, "note": "tomas" },
                "reviewers": ["elif", FORMER], "sender": FORMER,
            })
        );
        let mut team = json!({ "blockers": { "kind": "team", "on": "tomas" } });
        known().anonymize_value(&mut team);
        assert_eq!(team["blockers"]["on"], "tomas");
    }
}
