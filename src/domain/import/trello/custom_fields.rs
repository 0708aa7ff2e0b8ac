//! Converts custom fields: points become the estimate, choices become labels, and the rest lines in
//! the description.

use std::collections::HashMap;

use anyhow::Result;

use crate::domain::import::{
    document::Document, draft::Task, json::Node, sanitize, summary::Notices,
};

/// The greatest estimate.
const MOST_POINTS: f64 = 1000.0;

/// A board's custom fields by id.
pub(crate) struct CustomFields(HashMap<String, CustomField>);

struct CustomField {
    name: String,
    /// The texts of a choice by id.
    options: HashMap<String, String>,
}

pub(crate) fn parse(board: &Document) -> Result<CustomFields> {
    let mut fields = HashMap::new();
    board.each("customFields", |field| {
        let mut options = HashMap::new();
        for option in field.objects("options")? {
            let text = option
                .object("value")?
                .map_or(Ok(String::new()), |value| value.loose_text("text"))?;
            options.insert(option.text("id")?.to_owned(), text);
        }
        let name = sanitize::line(field.text("name")?, 100).0;
        let field_id = field.text("id")?.to_owned();
        fields.insert(field_id, CustomField { name, options });
        Ok(())
    })?;
    Ok(CustomFields(fields))
}

impl CustomFields {
    /// Adds a card's values to its task.
    pub(crate) fn add(&self, card: &Node, task: &mut Task, changed: &mut Notices) -> Result<()> {
        for item in card.objects("customFieldItems")? {
            let Some(field) = self.0.get(item.text("idCustomField")?) else {
                changed.add(
                    "the file does not name some custom fields of these, so they were left out",
                    &task.title,
                );
                continue;
            };
            if let Some(choice) = field.options.get(item.text("idValue")?) {
                task.labels
                    .push(sanitize::label(&format!("{}:{choice}", field.name)));
                continue;
            }
            let Some(value) = item.object("value")? else {
                continue;
            };
            let number = value.loose_number("number");
            if let Some(points) = number.filter(|_| is_points(&field.name))
                && task.estimate.is_none()
                && points.fract() == 0.0
                && (0.0..=MOST_POINTS).contains(&points)
            {
                task.estimate = Some(points as i32);
                continue;
            }
            let text = match value.loose_text("checked")?.as_str() {
                "true" => "yes".to_owned(),
                "false" => "no".to_owned(),
                _ => {
                    let day = value.text("date")?;
                    let texts = [value.loose_text("text")?, value.loose_text("number")?];
                    let day = day.get(..10).unwrap_or(day).to_owned();
                    texts
                        .into_iter()
                        .find(|text| !text.is_empty())
                        .unwrap_or(day)
                }
            };
            task.lines.extend(sanitize::field(&field.name, &text));
        }
        Ok(())
    }
}

/// Whether a number field is called like an estimate in points.
pub(crate) fn is_points(name: &str) -> bool {
    let name = name.to_lowercase();
    let words: Vec<&str> = name
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let is = |word: &&str| {
        matches!(
            *word,
            "point"
                | "points"
                | "storypoint"
                | "storypoints"
                | "estimate"
                | "estimation"
                | "sp"
                | "pts"
                | "effort"
                | "complexity"
                | "punkte"
                | "storypunkte"
                | "aufwand"
                | "schätzung"
                | "puntos"
                | "pontos"
                | "punti"
                | "punten"
                | "estimación"
                | "estimativa"
                | "poäng"
                | "оценка"
                | "ポイント"
                | "見積もり"
                | "估算"
                | "故事点"
        )
    };
    words.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_recognized_by_the_name_of_their_field() {
        for name in [
            "Story Points",
            "Points",
            "SP",
            "Estimate (points)",
            "Story-Punkte",
            "ポイント",
        ] {
            assert!(is_points(name), "{name}");
        }
        for name in ["Budget", "Pointer", "Spend", "Priority"] {
            assert!(!is_points(name), "{name}");
        }
    }
}
