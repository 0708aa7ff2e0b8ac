//! Generates many tasks with plausible titles, for benchmarks.

use time::Duration;

use crate::{
    demo::{
        calendar::{Calendar, whole_micros},
        history::{Change, History, Row},
        people::TEAMS,
    },
    domain::{column_state::ColumnState, tasks::rank},
};

const INFRASTRUCTURE: usize = 0;

const VERBS: [&str; 24] = [
    "Measure", "Simplify", "Move", "Document", "Alert on", "Rehearse", "Speed up", "Split",
    "Retire", "Tidy", "Encrypt", "Test", "Automate", "Back up", "Trace", "Review", "Rename",
    "Limit", "Cache", "Upgrade", "Draw", "Count", "Secure", "Repair",
];
const SYSTEMS: [&str; 31] = [
    "the connection pool",
    "the billing tables",
    "the staging cluster",
    "the EU ingress",
    "the nightly backups",
    "the image builds",
    "the session store",
    "the search index",
    "the certificate renewal",
    "the job queue",
    "the audit log",
    "the feature flags",
    "the log shipping",
    "the secrets store",
    "the read replicas",
    "the service mesh",
    "the node pools",
    "the DNS zones",
    "the export workers",
    "the on-call calendar",
    "the Terraform state",
    "the mail relay",
    "the rate limits",
    "the Grafana folders",
    "the webhooks",
    "the object storage",
    "the deploy pipeline",
    "the load balancer",
    "the metrics store",
    "the VPN",
    "the tracing",
];
const REASONS: [&str; 23] = [
    "before the next failover drill",
    "to avoid pages at night",
    "for the SOC 2 audit",
    "ahead of the EU launch",
    "now that traffic has doubled",
    "so that new colleagues can follow",
    "while it is still small",
    "before the contract ends",
    "for Support",
    "after last week's incident",
    "to unblock Ingestion",
    "to halve the bill",
    "without a restart",
    "on both regions",
    "with a rollback plan",
    "for Growth's campaign",
    "behind a flag",
    "as in the runbook",
    "in one place",
    "before Black Friday",
    "for good",
    "one team at a time",
    "and announce it",
];
const LABELS: [&[&str]; 9] = [
    &["postgres"],
    &["eu-cloud"],
    &["k8s"],
    &["terraform"],
    &["security"],
    &["reliability"],
    &["on-call"],
    &["docs"],
    &["load-test"],
];

/// Adds to Infrastructure's active sprint until it has `count` tasks, spread over its columns.
/// They are created just before now, and ranked after the hand-written demo tasks.
pub(crate) fn fill_sprint(history: &mut History, calendar: &Calendar, count: usize) {
    let sprint = history.sprint(0);
    let in_sprint = |row: &&Row| {
        row.team == INFRASTRUCTURE && row.sprint == sprint && row.archived_at.is_none()
    };
    let missing = count.saturating_sub(history.rows.iter().filter(in_sprint).count());
    let columns = ColumnState::ALL.len();
    // Ranks "Y…" sort after the existing ones ("V…") and before those of tasks that people add ("Z…").
    let ranks: Vec<String> = rank::spread(missing.div_ceil(columns))
        .iter()
        .map(|rank| format!("Y{rank}"))
        .collect();
    let members = TEAMS[INFRASTRUCTURE].members;
    let from = history
        .newest()
        .unwrap_or(calendar.now - Duration::hours(1));
    let change_id = history.rng.id(calendar.now);
    for index in 0..missing {
        let at = whole_micros(
            from + (calendar.now - from) * ((index + 1) as f64 / (missing + 1) as f64),
        );
        let (column, owner) = (
            ColumnState::ALL[index % columns],
            members[index / columns % members.len()],
        );
        let change = Change {
            id: change_id,
            actor: history.person(members[0]),
            at,
        };
        let row = Row {
            team: INFRASTRUCTURE,
            id: change_id, // replaced in `add`
            number: 0,
            column,
            rank: Some(ranks[index / columns].clone()),
            title: title(index),
            description: String::new(),
            sprint,
            goal: None,
            estimate: Some([1, 2, 3, 5][index % 4]),
            due: None,
            needed_by: "",
            version: 1,
            moved_version: 1,
            created_by: change.actor,
            created_at: at,
            column_since: at,
            archived_at: None,
            owners: vec![owner],
            labels: LABELS[index % LABELS.len()],
        };
        history.add(&change, row);
    }
}

/// The nth of 17,112 titles, none twice; after those they are numbered.
fn title(index: usize) -> String {
    // The three lengths share no divisor, so stepping through all at once meets every combination once.
    let title = format!(
        "{} {} {}",
        VERBS[index % 24],
        SYSTEMS[index % 31],
        REASONS[index % 23]
    );
    match index / (24 * 31 * 23) {
        0 => title,
        again => format!("{title} ({})", again + 1),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn no_title_comes_twice() {
        assert_eq!(
            (0..40_000).map(super::title).collect::<HashSet<_>>().len(),
            40_000
        );
    }
}
