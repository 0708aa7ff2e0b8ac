//! A row of the inbox, in words.

use std::collections::HashMap;

use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    events::EventKind,
    humanize,
    notifications::{
        reason::Reason,
        text::{self, Context, ItemEvent},
    },
    person::Person,
    tasks::event_names::Names,
};

/// A row of the inbox.
#[derive(Clone, Debug)]
pub(crate) struct Thread {
    pub(crate) id: Uuid,
    pub(crate) title: String,
    /// The task's key, or the kind of thing.
    pub(crate) key: String,
    /// Where it leads.
    pub(crate) url: String,
    /// The link that leads there and marks the thread as read.
    pub(crate) link: String,
    pub(crate) is_unread: bool,
    pub(crate) is_done: bool,
    pub(crate) snoozed_until: Option<OffsetDateTime>,
    pub(crate) newest_at: OffsetDateTime,
    /// The newest first; at least one.
    pub(crate) lines: Vec<Line>,
    /// The request that it is about, while that is open.
    pub(crate) open_request: Option<OpenRequest>,
}

/// A request that awaits an answer.
#[derive(Clone, Debug)]
pub(crate) struct OpenRequest {
    /// The team that answers.
    pub(crate) team: Uuid,
    /// The field of its answer.
    pub(crate) url: String,
}

/// One reason in words.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) reason: Reason,
    pub(crate) text: String,
    /// The author of the event, if there is one that may be shown.
    pub(crate) actor: Option<Person>,
}

#[derive(sqlx::FromRow)]
pub(super) struct ThreadRow {
    pub(super) id: Uuid,
    pub(super) team_id: Uuid,
    pub(super) slug: String,
    pub(super) team: String,
    pub(super) is_unread: bool,
    pub(super) is_done: bool,
    pub(super) snoozed_until: Option<OffsetDateTime>,
    pub(super) newest_at: OffsetDateTime,
    pub(super) key: Option<String>,
    pub(super) title: Option<String>,
    pub(super) goal_id: Option<Uuid>,
    pub(super) project: Option<String>,
    pub(super) request_id: Option<Uuid>,
    pub(super) change_id: Option<Uuid>,
    pub(super) day: Option<Date>,
    pub(super) is_open_request: bool,
}

#[derive(sqlx::FromRow)]
pub(super) struct ItemRow {
    pub(super) thread_id: Uuid,
    pub(super) reason: Reason,
    pub(super) tasks: i32,
    pub(super) kind: Option<EventKind>,
    pub(super) before: Option<serde_json::Value>,
    pub(super) after: Option<serde_json::Value>,
    pub(super) actor_id: Option<Uuid>,
    pub(super) handle: Option<String>,
    pub(super) name: Option<String>,
    pub(super) hue: Option<i16>,
    pub(super) excerpt: Option<String>,
}

impl ThreadRow {
    pub(super) fn into_thread(self, items: Vec<ItemRow>, names: &HashMap<Uuid, Names>) -> Thread {
        let (title, key, url) = self.about(items.first());
        // These pages mark the thread as read when they are opened.
        let has_page = self.key.is_some() || self.goal_id.is_some() || self.project.is_some();
        let context = (self.team.as_str(), self.day, names.get(&self.team_id));
        let lines = items.into_iter().map(|item| item.into_line(context));
        let lines = lines.collect();
        Thread {
            id: self.id,
            title,
            key,
            link: if has_page {
                url.clone()
            } else {
                format!("/inbox/{}", self.id)
            },
            url,
            is_unread: self.is_unread,
            is_done: self.is_done,
            snoozed_until: self.snoozed_until,
            newest_at: self.newest_at,
            lines,
            open_request: self
                .request_id
                .filter(|_| self.is_open_request)
                .map(|id| OpenRequest {
                    team: self.team_id,
                    url: format!("/teams/{}/requests#answer-{id}", self.slug),
                }),
        }
    }

    /// Title, key and URL of what the thread is about.
    fn about(&self, newest: Option<&ItemRow>) -> (String, String, String) {
        let slug = &self.slug;
        let title = self.title.clone().unwrap_or_else(|| self.team.clone());
        if let Some(key) = &self.key {
            return (title, key.clone(), format!("/tasks/{key}"));
        }
        if let Some(goal) = self.goal_id {
            let url = format!("/teams/{slug}/goals/{goal}");
            return (title, "goal".to_owned(), url);
        }
        if let Some(project) = &self.project {
            return (title, "project".to_owned(), format!("/projects/{project}"));
        }
        if self.request_id.is_some() {
            let url = format!("/teams/{slug}/requests");
            return (title, "request".to_owned(), url);
        }
        let after = newest.and_then(|item| item.after.as_ref());
        let url = match newest.and_then(|item| item.kind) {
            // The retro page shows the goals' results.
            Some(EventKind::SprintClosed) => {
                format!("/sprints/{}/retro?team={slug}", text::sprint(after))
            }
            Some(EventKind::ActionAdded) => format!("/teams/{slug}/standup"),
            Some(EventKind::TopicAdded) => {
                match after.and_then(|after| after["meeting"].as_str()) {
                    Some("planning") => format!("/teams/{slug}/planning"),
                    Some("retro") => format!("/teams/{slug}/retro"),
                    _ => format!("/teams/{slug}/standup"),
                }
            }
            Some(EventKind::SprintStarted) => format!("/teams/{slug}"),
            _ if self.change_id.is_some() => format!("/teams/{slug}/history"),
            _ => format!("/teams/{slug}/check-in"),
        };
        (title, "team".to_owned(), url)
    }
}

impl ItemRow {
    fn into_line(self, (team, day, names): (&str, Option<Date>, Option<&Names>)) -> Line {
        let actor = match (self.actor_id, self.handle, self.name, self.hue) {
            (Some(id), Some(handle), Some(name), Some(hue)) => Some(Person {
                id,
                handle,
                name,
                hue,
            }),
            _ => None,
        };
        let event = match (self.kind, self.before, self.after) {
            (Some(kind), Some(before), Some(after)) => Some(ItemEvent {
                kind,
                before,
                after,
            }),
            _ => None,
        };
        let text = text::sentence(&Context {
            reason: self.reason,
            event: event.as_ref(),
            actor: actor.as_ref().map(Person::first_name),
            excerpt: self.excerpt.as_deref().filter(|text| !text.is_empty()),
            team,
            day,
            tasks: self.tasks,
            names,
        });
        Line {
            reason: self.reason,
            text,
            actor,
        }
    }
}

impl Thread {
    pub(crate) fn ago(&self, now: OffsetDateTime) -> String {
        humanize::ago(now, self.newest_at)
    }

    /// Why it is in the inbox: the most important reason.
    pub(crate) fn reason(&self) -> Reason {
        let reasons = self.lines.iter().map(|line| line.reason);
        reasons.min().unwrap_or(Reason::Following)
    }

    /// The further reasons, after the newest.
    pub(crate) fn earlier(&self) -> &[Line] {
        self.lines.get(1..).unwrap_or_default()
    }
}
