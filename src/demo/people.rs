//! The demo's people, teams and goals.

use crate::demo::{content::Task, infrastructure, ingestion};

pub(crate) struct Person {
    pub handle: &'static str,
    pub name: &'static str,
    pub hue: i16,
    pub(crate) zone: &'static str,
    pub(crate) admin: bool,
}

const fn person(handle: &'static str, name: &'static str, hue: i16, zone: &'static str) -> Person {
    Person {
        handle,
        name,
        hue,
        zone,
        admin: false,
    }
}

/// The accounts; the printed link signs in as the first one.
pub(crate) const PEOPLE: [Person; 8] = [
    Person {
        admin: true,
        ..person("ebba", "Ebba Holm", 6, "Europe/Berlin")
    },
    person("jonas", "Jonas Gerlach", 1, "Europe/Berlin"),
    person("gita", "Gita Iyer", 8, "Asia/Kolkata"),
    person("tomas", "Tomás Nogueira", 4, "Europe/Lisbon"),
    person("noor", "Noor Haddad", 10, "Europe/Berlin"),
    person("marie", "Marie Okafor", 0, "America/Toronto"),
    person("sunhee", "Sun-hee Park", 5, "America/Toronto"),
    person("daniel", "Daniel Levy", 9, "Europe/Lisbon"),
];

pub(crate) struct Team {
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    pub(crate) key: &'static str,
    /// Usernames; the first one is the lead.
    pub(crate) members: &'static [&'static str],
    pub(crate) goals: &'static [Goal],
    pub(crate) tasks: &'static [Task],
}

pub(crate) const TEAMS: [Team; 2] = [
    Team {
        slug: "infrastructure",
        name: "Infrastructure",
        key: "INF",
        members: &["ebba", "jonas", "gita", "tomas", "noor"],
        goals: INFRASTRUCTURE_GOALS,
        tasks: infrastructure::TASKS,
    },
    Team {
        slug: "ingestion",
        name: "Ingestion",
        key: "ING",
        members: &["marie", "sunhee", "daniel", "noor"],
        goals: INGESTION_GOALS,
        tasks: ingestion::TASKS,
    },
];

pub(crate) struct Goal {
    /// 0 is the active sprint.
    pub(crate) sprint: i32,
    pub(crate) position: i32,
    pub(crate) title: &'static str,
    pub(crate) measure: &'static str,
    pub(crate) unit: &'static str,
    /// The current value; `None` if done tasks are counted.
    pub(crate) manual_value: Option<i64>,
    pub(crate) target: i64,
    pub(crate) owners: &'static [&'static str],
}

const fn goal(
    sprint: i32,
    position: i32,
    title: &'static str,
    owners: &'static [&'static str],
) -> Goal {
    Goal {
        sprint,
        position,
        title,
        measure: "yes-no",
        unit: "",
        manual_value: Some(0),
        target: 1,
        owners,
    }
}

impl Goal {
    const fn met(mut self) -> Self {
        self.manual_value = Some(1);
        self
    }

    const fn count(mut self, manual_value: i64, target: i64, unit: &'static str) -> Self {
        self.measure = "count";
        self.manual_value = Some(manual_value);
        self.target = target;
        self.unit = unit;
        self
    }

    const fn counted(mut self, target: i64, unit: &'static str) -> Self {
        self.measure = "count";
        self.manual_value = None;
        self.target = target;
        self.unit = unit;
        self
    }

    const fn share(mut self, manual_value: i64, target: i64, unit: &'static str) -> Self {
        self.measure = "share";
        self.manual_value = Some(manual_value);
        self.target = target;
        self.unit = unit;
        self
    }
}

const INFRASTRUCTURE_GOALS: &[Goal] = &[
    goal(
        -3,
        1,
        "Agree on how a table is migrated under load",
        &["ebba", "jonas"],
    )
    .met(),
    goal(
        -3,
        2,
        "Account structure for the EU is agreed",
        &["gita", "noor"],
    )
    .met(),
    goal(-2, 1, "Migrate the first 5 tables", &["jonas", "ebba"]).count(5, 5, "tables"),
    goal(
        -2,
        2,
        "Security has reviewed the EU cluster",
        &["gita", "noor"],
    ),
    goal(-1, 1, "Migrate 10 of the 100 tables", &["jonas", "ebba"]).count(10, 10, "tables"),
    goal(
        -1,
        2,
        "The EU cluster answers its first request",
        &["gita", "tomas"],
    )
    .met(),
    goal(
        -1,
        3,
        "Backups are restored in under ten minutes",
        &["gita", "jonas"],
    ),
    goal(0, 1, "Migrate 50 of the 100 tables", &["jonas", "ebba"]).count(31, 50, "tables"),
    goal(0, 2, "EU Cloud takes its first customer", &["gita", "ebba"])
        .counted(5, "things it needs"),
    goal(0, 3, "Weekly load test on production", &["gita"]).counted(2, "runs"),
    goal(1, 1, "Migrate the last 50 tables", &["jonas", "ebba"]).count(0, 50, "tables"),
    goal(
        1,
        2,
        "Failover drill passes on production",
        &["gita", "tomas"],
    ),
];

const INGESTION_GOALS: &[Goal] = &[
    goal(
        -3,
        1,
        "Person updates have one code path",
        &["sunhee", "daniel"],
    )
    .met(),
    goal(-3, 2, "Choose a schema registry", &["marie", "noor"]).met(),
    goal(-2, 1, "Dual-write works on staging", &["sunhee", "daniel"]).met(),
    goal(
        -2,
        2,
        "Schema registry knows 8 of 24 producers",
        &["marie", "noor"],
    )
    .count(6, 8, "producers"),
    goal(
        -1,
        1,
        "Dual-write 1 % of person updates",
        &["sunhee", "daniel"],
    )
    .share(1, 1, "of updates"),
    goal(
        -1,
        2,
        "Schema registry knows 12 of 24 producers",
        &["marie", "noor"],
    )
    .count(12, 12, "producers"),
    goal(
        -1,
        3,
        "Consumer lag stays under one minute for a week",
        &["daniel"],
    ),
    goal(
        0,
        1,
        "Dual-write 10 % of person updates",
        &["sunhee", "daniel"],
    )
    .share(6, 10, "of updates"),
    goal(
        0,
        2,
        "Schema registry knows all 24 producers",
        &["marie", "noor"],
    )
    .count(17, 24, "producers"),
    goal(
        0,
        3,
        "Replay a day of events within an hour",
        &["daniel", "marie"],
    ),
    goal(
        1,
        1,
        "Dual-write every person update",
        &["sunhee", "daniel"],
    )
    .share(0, 100, "of updates"),
    goal(
        1,
        2,
        "No event without a registered schema",
        &["marie", "noor"],
    ),
];
