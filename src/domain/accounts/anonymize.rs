//! Taking somebody who is deleted out of what happened: whoever is called so next is not who did it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{error::Result, events::Change, humanize, text::literal};

/// What stands for somebody in what happened.
pub const FORMER: &str = "a former member";

/// What somebody is called, and was.
pub(crate) struct Known {
    email: String,
    handles: Vec<String>,
    names: Vec<String>,
}

impl Known {
    /// Everything that may name them.
    pub async fn of(change: &mut Change, account: Uuid) -> Result<Self> {
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

    /// Takes them out of the words of who waits for what. Before the workspace is counted: tasks are locked first.
    pub async fn leave_tasks(&self, change: &mut Change) -> Result<()> {
        let waited_for: Vec<(Uuid, Uuid, String)> = sqlx::query_as(
            "SELECT team_id, id, needed_by FROM tasks WHERE needed_by ILIKE ANY($1) ORDER BY team_id, id FOR NO KEY UPDATE",
        )
        .bind(self.patterns())
        .fetch_all(change.db())
        .await?;
        for (team, task, words) in waited_for {
            sqlx::query(
                "UPDATE tasks SET needed_by = left($3, 200) WHERE team_id = $1 AND id = $2",
            )
            .bind(team)
            .bind(task)
            .bind(self.left_out(&words))
            .execute(change.db())
            .await?;
        }
        Ok(())
    }

    /// Takes them out of everything else that was written down.
    pub async fn leave_the_past(&self, change: &mut Change, account: Uuid) -> Result<()> {
        self.leave_audit(change).await?;
        self.leave_events(change, account).await?;
        self.leave_closings(change).await
    }

    async fn leave_audit(&self, change: &mut Change) -> Result<()> {
        // An address is quoted: it may have signs that mean something in an expression.
        sqlx::query(
            "UPDATE audit_log SET about = regexp_replace(about, '(^|\\s)' || regexp_replace($1, '([^a-zA-Z0-9])', '\\\\\\1', 'g') || '(?=$|[\\s,])', '\\1' || $2, 'gi')
             WHERE strpos(lower(about), lower($1)) > 0",
        )
        .bind(&self.email)
        .bind(FORMER)
        .execute(change.db())
        .await?;
        for handle in &self.handles {
            // A handle has a–z, 0–9 and - only.
            sqlx::query("UPDATE audit_log SET about = regexp_replace(about, '@' || $1 || '(?![a-z0-9-])', $2, 'g') WHERE strpos(about, '@' || $1) > 0")
                .bind(handle)
                .bind(FORMER)
                .execute(change.db())
                .await?;
        }
        Ok(())
    }

    async fn leave_events(&self, change: &mut Change, account: Uuid) -> Result<()> {
        for event in change.pending() {
            self.leave(&mut event.before);
            self.leave(&mut event.after);
        }
        let mut said: Vec<(Uuid, i64, Value, Value, bool)> = sqlx::query_as(
            "SELECT team_id, seq, before, after, kind = 'member.profile-edited' AND actor_id = $2 FROM events
             WHERE before::text ILIKE ANY($1) OR after::text ILIKE ANY($1) OR kind = 'member.profile-edited' AND actor_id = $2",
        )
        .bind(self.patterns())
        .bind(account)
        .fetch_all(change.db())
        .await?;
        said.retain_mut(|(_, _, before, after, is_profile)| {
            let stood = (before.clone(), after.clone());
            for value in [&mut *before, &mut *after] {
                if *is_profile {
                    *value = json!({});
                }
                self.leave(value);
            }
            stood != (before.clone(), after.clone())
        });
        sqlx::query(
            "UPDATE events e SET before = n.before, after = n.after
             FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[], $4::jsonb[]) AS n (team, seq, before, after)
             WHERE e.team_id = n.team AND e.seq = n.seq",
        )
        .bind(said.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind(said.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind(said.iter().map(|row| &row.2).collect::<Vec<_>>())
        .bind(said.iter().map(|row| &row.3).collect::<Vec<_>>())
        .execute(change.db())
        .await?;
        Ok(())
    }

    /// The figures of a sprint that was closed have names in them, as they were then.
    async fn leave_closings(&self, change: &mut Change) -> Result<()> {
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
                    .for_each(|owner| self.leave_name(owner));
            }
            let waits = figures.get_mut("waits").and_then(Value::as_array_mut);
            waits
                .into_iter()
                .flatten()
                .filter_map(|wait| wait.get_mut("on"))
                .for_each(|on| self.leave_name(on));
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

    fn leave_name(&self, name: &mut Value) {
        if name.as_str().is_some_and(|name| self.is_name(name)) {
            *name = json!(FORMER);
        }
    }

    /// Puts `FORMER` where an event names them: as an owner, as whom it is about, what it waits on, or who waits for it.
    fn leave(&self, said: &mut Value) {
        let fields = match said {
            Value::Object(fields) => fields,
            Value::Array(list) => return list.iter_mut().for_each(|one| self.leave(one)),
            _ => return,
        };
        let is_person = fields.get("kind").is_some_and(|kind| kind == "person");
        for (field, value) in fields.iter_mut() {
            match (field.as_str(), value) {
                ("owners", Value::Array(owners)) => {
                    owners.iter_mut().for_each(|owner| self.leave_handle(owner))
                }
                ("who" | "owner", who) => self.leave_handle(who),
                // a name of one word may be another's handle
                ("on", on) if is_person && on.as_str().is_some_and(|on| on.contains(' ')) => {
                    self.leave_name(on)
                }
                ("on", on) if is_person => self.leave_handle(on),
                ("needed_by", Value::String(words)) => *words = self.left_out(words),
                (_, other) => self.leave(other),
            }
        }
    }

    fn leave_handle(&self, handle: &mut Value) {
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

    /// The words of who waits for something, as `awaiting` reads them, without this person's.
    fn left_out(&self, names: &str) -> String {
        let is_them = |part: &str| {
            self.is_name(part)
                || part
                    .strip_prefix('@')
                    .is_some_and(|part| self.handles.contains(&part.to_lowercase()))
        };
        humanize::instead_of(names, is_them, FORMER)
    }

    /// What a text that may name them has in it, as JSON writes it: short handles are part of many words.
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

    fn known() -> Known {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Known {
            email: "tomas@example.org".to_owned(),
            handles: texts(&["tomas", "tw"]),
            names: texts(&["Tomas Weber", "Weber, Tomas"]),
        }
    }

    #[test]
    fn only_they_are_left_out_of_who_waits() {
        let left = |words: &str| known().left_out(words);
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
    fn an_event_names_them_no_more_and_others_still() {
        let mut said = json!({
            "owners": ["tomas", "elif"], "who": "tw", "owner": "tomas", "needed_by": "@tw, Legal", "title": "tomas",
            "blockers": { "kind": "person", "on": "Tomas Weber", "note": "tomas" },
        });
        known().leave(&mut said);
        assert_eq!(
            said,
            json!({
                "owners": [FORMER, "elif"], "who": FORMER, "owner": FORMER, "needed_by": "a former member, Legal", "title": "tomas",
                "blockers": { "kind": "person", "on": FORMER, "note": "tomas" },
            })
        );
        let mut team = json!({ "blockers": { "kind": "team", "on": "tomas" } });
        known().leave(&mut team);
        assert_eq!(team["blockers"]["on"], "tomas");
    }
}
