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

impl Group {
    /// The label without what it includes.
    pub(crate) fn name(self) -> &'static str {
        self.label().split([':', ',']).next().unwrap_or_default()
    }
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
