//! The groups of events that a webhook can be for.

/// Declares the enum with the name of each group in the database and its label.
macro_rules! groups {
    ($($group:ident = $name:literal, $label:literal;)*) => {
        /// Events that a webhook gets together.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Group {
            $($group,)*
        }

        impl Group {
            /// All groups, in the order of the form.
            pub(crate) const ALL: &[Self] = &[$(Self::$group,)*];

            /// The name in the database and in forms.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$group => $name,)*
                }
            }

            /// The label in the form.
            pub(crate) const fn label(self) -> &'static str {
                match self {
                    $(Self::$group => $label,)*
                }
            }
        }
    };
}

groups! {
    Tasks = "tasks", "Tasks: created, moved, edited, assigned, blocked, archived";
    Comments = "comments", "Comments and attachments";
    PullRequests = "pull-requests", "Pull requests";
    Sprints = "sprints", "Sprints: started, closed, rescheduled";
    Goals = "goals", "Goals, with their comments and concerns";
    Projects = "projects", "Projects, milestones and objectives";
    Meetings = "meetings", "Topics and actions of meetings";
    Team = "team", "The team: members, columns, labels, requests";
}

/// What is stored for all groups, those that come later included.
pub(crate) const ALL: &str = "all";

/// Whether a webhook with these groups gets the events of this one.
pub(crate) fn include(groups: &[String], group: Group) -> bool {
    let names = [ALL, group.as_str()];
    groups.iter().any(|name| names.contains(&name.as_str()))
}

/// The groups in words, for a list.
pub(crate) fn in_words(groups: &[String]) -> String {
    if groups.iter().any(|name| name == ALL) {
        return "all events".to_owned();
    }
    let names: Vec<String> = Group::ALL
        .iter()
        .filter(|group| groups.iter().any(|name| name == group.as_str()))
        .map(|group| group.as_str().replace('-', " "))
        .collect();
    names.join(", ")
}

/// The groups that a form names; unknown ones are left out.
pub(crate) fn of_form(names: &[String]) -> Vec<String> {
    if names.iter().any(|name| name == ALL) {
        return vec![ALL.to_owned()];
    }
    Group::ALL
        .iter()
        .map(|group| group.as_str())
        .filter(|known| names.iter().any(|name| name == known))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_names_all_groups_or_some() {
        let form = |names: &[&str]| {
            of_form(
                &names
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(form(&["goals", "tasks", "nonsense"]), ["tasks", "goals"]);
        assert_eq!(form(&["goals", "all"]), ["all"]);
        assert!(form(&[]).is_empty());
        assert!(include(&form(&["all"]), Group::Team));
        assert!(include(&form(&["goals"]), Group::Goals));
        assert!(!include(&form(&["goals"]), Group::Tasks));
        assert_eq!(
            in_words(&form(&["pull-requests", "tasks"])),
            "tasks, pull requests"
        );
    }
}
