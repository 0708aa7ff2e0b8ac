//! The bodies of messages: made from an event and the list of what may be told of it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    dates::instant,
    events::EventKind,
    team::Team,
    webhooks::events::{self, CHANGED, Contents, Field, STORED_AS, Shape},
};

/// The kind of the message that a test sends.
pub const TEST: &str = "webhook.test";

/// The most entries of a list that are sent.
const MOST_TEXTS: usize = 100;

/// An event that may become a message.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct NewEvent {
    pub(super) seq: i64,
    pub(super) kind: EventKind,
    change_id: Uuid,
    /// The author's username.
    actor: Option<String>,
    /// The number and title of its task.
    number: Option<i64>,
    title: Option<String>,
    pub(super) before: Value,
    pub(super) after: Value,
    pub(super) at: OffsetDateTime,
    is_undo: bool,
}

/// Returns the body about an event. `sprints`: the numbers of those that events name by id.
pub(super) fn body(
    event: &NewEvent,
    contents: &Contents,
    team: &Team,
    sprints: &HashMap<Uuid, i32>,
    public_url: &str,
) -> String {
    let task = event.number.map(|number| {
        let key = format!("{}-{number}", team.key);
        let url = format!("{public_url}/tasks/{key}");
        json!({ "key": key, "title": event.title, "url": url })
    });
    let mut data = json!({
        "team": about_team(team),
        "seq": event.seq,
        "change": event.change_id,
        "actor": event.actor,
        "undo": event.is_undo,
        "task": task,
        "before": told(&event.before, contents.before, sprints),
        "after": told(&event.after, contents.after, sprints),
    });
    if event.kind == EventKind::TaskEdited {
        let changed = CHANGED
            .iter()
            .filter(|name| event.after.get(**name).is_some());
        data["changed"] = changed.copied().collect();
    }
    envelope(event.kind.as_str(), event.at, data)
}

/// Returns the body of a test.
pub(super) fn test_body(team: Option<&Team>, by: &str, at: OffsetDateTime) -> String {
    envelope(
        TEST,
        at,
        json!({ "team": team.map(about_team), "actor": by }),
    )
}

fn about_team(team: &Team) -> Value {
    json!({ "slug": team.slug, "name": team.name, "key": team.key })
}

/// A whole body. A struct, so that the type comes first.
#[derive(Serialize, Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    timestamp: String,
    data: Value,
}

/// Lays a body out for people.
pub(super) fn laid_out(body: &str) -> Option<String> {
    let envelope: Envelope = serde_json::from_str(body).ok()?;
    serde_json::to_string_pretty(&envelope).ok()
}

fn envelope(kind: &str, at: OffsetDateTime, data: Value) -> String {
    let envelope = Envelope {
        kind: kind.to_owned(),
        timestamp: instant(at),
        data,
    };
    serde_json::to_string(&envelope).unwrap_or_default()
}

/// The ids of sprints that an event names.
pub(super) fn sprint_ids(event: &NewEvent) -> impl Iterator<Item = Uuid> {
    let contents = events::of(event.kind);
    let sides = contents
        .map(|contents| {
            [
                (contents.before, &event.before),
                (contents.after, &event.after),
            ]
        })
        .into_iter()
        .flatten();
    sides.flat_map(|(fields, value)| {
        fields
            .iter()
            .filter(|(_, shape)| *shape == Shape::Sprint)
            .filter_map(|(name, _)| value.get(*name)?.as_str()?.parse().ok())
    })
}

/// The listed fields of one side of an event, as far as it has them.
fn told(value: &Value, fields: &[Field], sprints: &HashMap<Uuid, i32>) -> Value {
    let mut all = Map::new();
    for (name, shape) in fields {
        let stored = STORED_AS.iter().find(|(told, _)| told == name);
        let found = stored
            .and_then(|(_, stored)| value.get(*stored))
            .or_else(|| value.get(*name));
        let told = match shape {
            Shape::Waits => waits(&value["blockers"]),
            _ => found.and_then(|value| as_shape(value, *shape, sprints)),
        };
        if let Some(told) = told {
            all.insert((*name).to_owned(), told);
        }
    }
    Value::Object(all)
}

fn as_shape(value: &Value, shape: Shape, sprints: &HashMap<Uuid, i32>) -> Option<Value> {
    if value.is_null() {
        return Some(Value::Null);
    }
    match shape {
        Shape::Text | Shape::Id | Shape::Day => value.is_string().then(|| value.clone()),
        Shape::Number => value.is_number().then(|| value.clone()),
        Shape::Texts => {
            let texts = value.as_array()?.iter().filter(|text| text.is_string());
            Some(texts.take(MOST_TEXTS).cloned().collect())
        }
        Shape::Sprint => {
            let id: Uuid = value.as_str()?.parse().ok()?;
            sprints.get(&id).map(|number| json!(number))
        }
        Shape::Waits => None,
    }
}

/// What a task waits on. Another team and its task are not named: they may be hidden from the receiver, today or when
/// the message is sent.
fn waits(blocker: &Value) -> Option<Value> {
    let kind = blocker["kind"].as_str()?;
    let person = (kind == "person").then(|| blocker["on"].clone());
    Some(json!({ "kind": kind, "person": person, "note": blocker["note"] }))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn event(kind: EventKind, before: Value, after: Value) -> NewEvent {
        NewEvent {
            seq: 7,
            kind,
            change_id: Uuid::nil(),
            actor: Some("elif".to_owned()),
            number: Some(42),
            title: Some("Cut over".to_owned()),
            before,
            after,
            at: datetime!(2026-11-24 10:00 UTC),
            is_undo: false,
        }
    }

    fn data(event: &NewEvent, sprints: &HashMap<Uuid, i32>) -> Value {
        let team = Team {
            id: Uuid::nil(),
            slug: "infrastructure".to_owned(),
            name: "Infrastructure".to_owned(),
            key: "INF".to_owned(),
            seq: 7,
        };
        let contents = events::of(event.kind).unwrap();
        let body = body(event, &contents, &team, sprints, "http://fortnight.test");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["type"], event.kind.as_str());
        assert_eq!(body["timestamp"], "2026-11-24T10:00:00Z");
        assert_eq!(
            body["data"]["task"]["url"],
            "http://fortnight.test/tasks/INF-42"
        );
        body["data"].clone()
    }

    #[test]
    fn only_listed_fields_of_the_right_type_are_told() {
        let sprint = Uuid::now_v7();
        let event = event(
            EventKind::TaskEdited,
            json!({ "title": "Old", "description": "Secret", "sprint": null }),
            json!({ "title": "New", "description": "Top secret", "sprint": sprint, "estimate": "three", "needed_by": "Legal" }),
        );
        let data = data(&event, &HashMap::from([(sprint, 42)]));
        assert_eq!(data["before"], json!({ "title": "Old", "sprint": null }));
        assert_eq!(data["after"], json!({ "title": "New", "sprint": 42 }));
        let changed = ["title", "description", "sprint", "estimate", "needed_by"];
        assert_eq!(data["changed"], json!(changed));
        assert!(!data.to_string().contains("ecret"));
    }

    #[test]
    fn blocker_names_a_person_but_no_other_team() {
        let waiting = |kind: &str, on: &str| {
            let blockers = json!({ "id": Uuid::nil(), "kind": kind, "on": on, "note": "soon", "team": Uuid::nil() });
            let event = event(
                EventKind::TaskBlocked,
                json!({}),
                json!({ "blockers": blockers }),
            );
            data(&event, &HashMap::new())["after"]["waiting_on"].clone()
        };
        let person = json!({ "kind": "person", "person": "jonas", "note": "soon" });
        assert_eq!(waiting("person", "jonas"), person);
        let team = json!({ "kind": "team", "person": null, "note": "soon" });
        assert_eq!(waiting("team", "Payroll"), team);
    }

    #[test]
    fn list_is_cut_and_fields_have_plain_names() {
        let labels: Vec<String> = (0..1000).map(|number| format!("label-{number}")).collect();
        let event_of = |after: Value| event(EventKind::TaskLabelled, json!({}), after);
        let cut = data(&event_of(json!({ "labels": labels })), &HashMap::new());
        assert_eq!(cut["after"]["labels"].as_array().unwrap().len(), 100);
        let joined = event(
            EventKind::MemberJoined,
            json!({ "role": null }),
            json!({ "who": "jonas", "role": "lead", "by": "ada" }),
        );
        let joined = data(&joined, &HashMap::new());
        assert_eq!(
            joined["after"],
            json!({ "person": "jonas", "role": "lead" })
        );
    }
}
