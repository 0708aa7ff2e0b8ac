//! The form of a goal: its fields, and reading them.

use std::collections::BTreeMap;

use askama::Template;

use crate::{
    app::App,
    domain::{
        boards,
        error::{Problem, Result},
        goals::{
            Goal,
            choices::{self, Choice},
            edit::Draft,
            progress::CountedBy,
        },
        measure::Measure,
        person::Person,
        policy::viewer::Viewer,
        team::Team,
    },
    http::extract::form::Fields,
};

/// The goal form, with the current or the entered values.
#[derive(Template)]
#[template(path = "sprints/_goal_form.html")]
pub(crate) struct GoalForm {
    action: String,
    /// The number of a new goal's sprint.
    sprint: String,
    version: i64,
    current: Option<Goal>,
    people: Vec<Person>,
    projects: Vec<Choice>,
    milestones: Vec<Choice>,
    key_results: Vec<Choice>,
    pub(crate) submitted: Fields,
    pub(crate) errors: BTreeMap<&'static str, String>,
}

// The template escapes its own text.
impl askama::filters::HtmlSafe for GoalForm {}

/// The entered values and the errors of a refused form.
pub(crate) type FormErrors = (Fields, BTreeMap<&'static str, String>);

impl GoalForm {
    pub(crate) fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// Whether this form was refused, and not the progress form on the same page.
    pub(crate) fn is_refused(&self) -> bool {
        !self.errors.is_empty() && self.submitted.get("title").is_some()
    }

    /// The entered value, or the current one.
    fn value(&self, field: &str) -> String {
        if self.is_refused() {
            return self.submitted.text(field).to_owned();
        }
        let Some(goal) = &self.current else {
            return String::new();
        };
        match field {
            "title" => goal.title.clone(),
            "unit" => goal.unit.clone(),
            "target" => goal.target.to_string(),
            "why" => goal.why.clone(),
            "needs" => goal.needs.clone(),
            "measure" => goal.measure.to_string(),
            "counted_by" => goal.counted_by.to_string(),
            "project" => goal
                .project
                .as_ref()
                .map_or(String::new(), |(slug, _)| slug.clone()),
            "milestone" => goal.milestone.map_or(String::new(), |id| id.to_string()),
            "key_result" => goal.key_result.map_or(String::new(), |id| id.to_string()),
            _ => String::new(),
        }
    }

    fn is(&self, field: &str, value: impl AsRef<str>) -> bool {
        self.value(field) == value.as_ref()
    }

    fn owns(&self, handle: &str) -> bool {
        if self.is_refused() {
            return self
                .submitted
                .all("owners")
                .iter()
                .any(|owner| owner == handle);
        }
        self.current
            .as_ref()
            .is_some_and(|goal| goal.owners.iter().any(|owner| owner.handle == handle))
    }

    pub(crate) async fn new(
        app: &App,
        viewer: &Viewer,
        team: &Team,
        sprint: String,
        current: Option<Goal>,
        form_errors: FormErrors,
    ) -> Result<Self> {
        let action = match &current {
            Some(goal) => format!("/teams/{}/goals/{}", team.slug, goal.id),
            None => format!("/teams/{}/goals", team.slug),
        };
        // The current project stays an option after it is finished, or saving would remove it.
        let (own_project, own_milestone) = current.as_ref().map_or((None, None), |goal| {
            (
                goal.project.as_ref().map(|(slug, _)| slug.as_str()),
                goal.milestone,
            )
        });
        // Another team's private project is not an option.
        let projects = choices::projects(&app.db, team.id, viewer.reach(), own_project).await?;
        let milestones =
            choices::milestones(&app.db, team.id, viewer.reach(), own_milestone).await?;
        let key_results = choices::key_results(&app.db, team.id).await?;
        let version = current.as_ref().map_or(0, |goal| goal.version);
        let mut people = boards::queries::members(&app.db, team.id).await?;
        // An owner who changed teams meanwhile is still an owner.
        let owners = current.iter().flat_map(|goal| &goal.owners);
        let gone: Vec<Person> = owners
            .filter(|owner| people.iter().all(|person| person.id != owner.id))
            .cloned()
            .collect();
        people.extend(gone);
        let (submitted, errors) = form_errors;
        Ok(Self {
            action,
            sprint,
            version,
            current,
            people,
            projects,
            milestones,
            key_results,
            submitted,
            errors,
        })
    }
}

pub(crate) fn read_draft(fields: &Fields) -> Result<Draft> {
    let measure = Measure::try_from(fields.get("measure").unwrap_or("count").to_owned())?;
    let counted_by = CountedBy::try_from(fields.get("counted_by").unwrap_or("tasks").to_owned())?;
    let missing = || Problem::field("target", "Enter a target: a whole number of 1 or more.");
    let target = match measure {
        Measure::YesNo => 1,
        _ => fields
            .parse("target", "Enter a target: a whole number of 1 or more.")?
            .ok_or_else(missing)?,
    };
    Ok(Draft {
        title: fields.text("title").to_owned(),
        measure,
        unit: fields.text("unit").to_owned(),
        target,
        counted_by,
        why: fields.text("why").to_owned(),
        needs: fields.text("needs").to_owned(),
        owners: fields.all("owners"),
        project: fields
            .get("project")
            .filter(|slug| !slug.is_empty())
            .map(str::to_owned),
        milestone: fields.parse("milestone", "This milestone does not exist.")?,
        key_result: fields.parse("key_result", "This key result does not exist.")?,
    })
}
