//! The demo's tasks of the team Infrastructure.

use crate::demo::content::{BLOCKED, DOING, DONE, Deed, On, REVIEW, TODO, Task, task};

pub(crate) const TASKS: &[Task] = &[
    // ---- three sprints ago
    task("compare", "ebba", -4.0, "Compare three ways to migrate a table under load")
        .about("Copy and swap, logical replication, or dual writes. For each:\n\n- how long writes wait\n- what happens when it is **interrupted**\n- who has to change code\n\nA page is enough; we decide together on Friday.")
        .tagged(&["postgres"]).own(&["ebba", "jonas"]).points(3).goal(1).sprints(&[-3])
        .deeds(&[(0.3, DOING), (3.6, REVIEW), (4.7, DONE)])
        .said(&[("jonas", 2.4, "Copy and swap looks best for the small ones. For the ten largest I would like logical replication."), ("gita", 4.0, "Very clear write-up, thank you. I had not thought of the sequences.")]),
    task("shadow", "jonas", -3.5, "Shadow reads against the new Postgres")
        .about("Send 1 % of reads to both databases, compare, and log differences. Requests don't wait for the second response.")
        .tagged(&["postgres", "reliability"]).own(&["jonas"]).points(5).goal(1).sprints(&[-3])
        .deeds(&[(1.0, DOING), (6.8, REVIEW), (9.4, DONE)])
        .said(&[("ebba", 7.3, "Two differences in a million, both timestamps cut to milliseconds. Lovely.")]),
    task("accounts", "gita", -5.0, "Agree on the account structure for the EU")
        .about("One account per environment, or one per region? Billing and Security both need to agree.")
        .tagged(&["eu-cloud", "security"]).own(&["gita", "noor"]).points(2).goal(2).sprints(&[-3])
        .deeds(&[(0.6, DOING), (2.1, Deed::Block(On::Words, "Billing: which invoice the EU goes on")), (5.3, DOING), (7.9, DONE)])
        .said(&[("noor", 5.4, "Billing replied: one invoice, one line per region. We can continue.")]),
    task("pager", "tomas", 2.1, "Page the secondary if the primary does not respond within ten minutes")
        .tagged(&["on-call"]).own(&["tomas"]).points(1).sprints(&[-3])
        .deeds(&[(2.4, DOING), (2.9, REVIEW), (3.3, DONE), (12.0, Deed::Archive)]),
    task("budget", "ebba", -6.0, "Estimate the monthly cost of the EU cluster")
        .about("For Finance, within 20 %. Compute, storage, traffic between regions.")
        .tagged(&["eu-cloud"]).own(&["ebba"]).points(2).needed_by("Finance").due(8).sprints(&[-3])
        .deeds(&[(3.1, DOING), (6.4, DONE)])
        .said(&[("ebba", 6.3, "Sent: 4,100 € a month, 5,000 € with a standby. Traffic is the least certain part.")]),
    // ---- two sprints ago
    task("framework", "jonas", -5.0, "First version of the migration framework")
        .about("Each table is a file that describes how to copy, check and swap it. The framework does the rest and reports progress.\n\n```\nmigrate run tables/sessions.toml --dry-run\n```")
        .tagged(&["postgres"]).own(&["jonas", "ebba"]).points(8).goal(1)
        .steps(4, &["Copy in batches", "Compare checksums", "Swap under a short lock", "Report progress"]).sprints(&[-2])
        .deeds(&[(0.2, DOING), (6.9, REVIEW), (8.6, DONE)])
        .said(&[("ebba", 4.2, "Pairing on this was a joy. Shall we do the swap together tomorrow at ten?"), ("tomas", 7.4, "Reads well. Two small questions in the pull request.")]),
    task("five", "jonas", -2.8, "Migrate the first 5 tables")
        .tagged(&["postgres"]).own(&["jonas"]).points(3).goal(1).sprints(&[-2])
        .deeds(&[(8.7, DOING), (9.2, REVIEW), (9.6, DONE)])
        .said(&[("jonas", 9.5, "All five are on the new cluster. The longest lock was 80 ms ({framework}).")]),
    task("threat", "noor", -14.0, "Threat model for the EU cluster")
        .about("What changes in the EU: a second provider account, a second set of keys, on-call access at night.")
        .tagged(&["eu-cloud", "security"]).own(&["noor", "gita"]).points(5).goal(2).sprints(&[-2, -1])
        .deeds(&[(-8.9, DOING), (-6.0, Deed::Block(On::Words, "Security: two people to review, both on holiday")), (1.2, DOING), (3.9, REVIEW), (5.2, DONE)])
        .said(&[("gita", 0.4, "This waited for six days and we did not ask a third reviewer. My mistake; I will ask sooner."), ("noor", 4.1, "Security has read it: two findings, both small. {keys} is one of them.")]),
    task("dashboards", "tomas", -3.2, "One dashboard per service, from a shared template")
        .tagged(&["reliability"]).own(&["tomas"]).points(3).sprints(&[-2])
        .deeds(&[(1.4, DOING), (4.9, REVIEW), (6.1, DONE), (16.0, Deed::Archive)]),
    task("ssh", "gita", 3.4, "Remove the shared SSH key from the build machines")
        .about("Found by chance. Each machine gets its own key, valid for one day.")
        .tagged(&["security", "soc2"]).own(&["gita"]).points(2).sprints(&[-2])
        .deeds(&[(3.6, DOING), (4.8, REVIEW), (5.5, DONE)])
        .said(&[("ebba", 5.1, "Well spotted. I added it to the evidence for the audit.")]),
    // ---- the last sprint
    task("ten", "jonas", -3.0, "Migrate 5 more tables, with Tomas driving")
        .about("@tomas drives, @jonas pairs. Questions that come up go into the runbook.")
        .tagged(&["postgres"]).own(&["tomas", "jonas"]).points(3).goal(1).sprints(&[-1])
        .deeds(&[(0.8, DOING), (3.0, REVIEW), (3.8, DONE)])
        .said(&[("tomas", 3.1, "Done, with four questions. All four are things that {runbook} should answer.")]),
    task("replication", "jonas", -4.0, "Logical replication to the new primary")
        .tagged(&["postgres"]).own(&["jonas", "gita"]).points(5).goal(1).sprints(&[-1])
        .deeds(&[(-0.4, DOING), (5.2, REVIEW), (7.7, DONE)])
        .said(&[("gita", 5.9, "Lag is under a second since the index went in.")]),
    task("first-request", "gita", -4.5, "EU cluster serves its first external request")
        .about("Any response will do: from outside, with a valid certificate.")
        .tagged(&["eu-cloud", "k8s"]).own(&["gita", "tomas"]).points(3).goal(2).sprints(&[-1])
        .deeds(&[(1.6, DOING), (6.6, REVIEW), (7.5, DONE)])
        .said(&[("tomas", 7.6, "Hello from Frankfurt. 🎉")]),
    task("drill", "gita", -3.6, "Backup restore drill, with timings")
        .about("Goal: under ten minutes. We restore into an empty project, and time each part.")
        .tagged(&["reliability", "soc2"]).own(&["gita", "jonas"]).points(3).goal(3).needed_by("Support").sprints(&[-1])
        .steps(3, &["Restore the newest base backup", "Replay to the minute", "Record the time of each part"])
        .deeds(&[(4.1, DOING), (8.2, DONE)])
        .said(&[("gita", 8.1, "14 minutes. The copy of the index was the slow part: 9 of them. Follow-up: {index-copy}."), ("ebba", 8.6, "Missed, but worth it: now we know where to look.")]),
    task("pool", "noor", 2.6, "Raise the connection pool before the campaign on Friday")
        .tagged(&["postgres"]).own(&["noor"]).points(1).needed_by("Growth").due(4).sprints(&[-1])
        .deeds(&[(4.4, DOING), (4.6, REVIEW), (4.8, DONE), (14.5, Deed::Archive)])
        .said(&[("daniel", 5.2, "Thank you for being so quick, our consumers did not notice the campaign at all.")]),
    task("keys", "noor", 3.8, "Separate encryption key for EU secrets")
        .about("A finding of {threat}.")
        .tagged(&["eu-cloud", "security"]).own(&["noor"]).points(2).goal(2).sprints(&[-1])
        .deeds(&[(6.2, DOING), (8.4, REVIEW), (9.3, DONE)]),
    // ---- this sprint: done
    task("twentyone", "jonas", -5.0, "Migrate the 21 smallest tables")
        .about("All under 200,000 rows, none with a trigger. In three batches of seven, one a morning.")
        .tagged(&["postgres"]).own(&["jonas", "ebba"]).points(5).goal(1).sprints(&[0])
        .steps(3, &["First seven", "Second seven", "Last seven"])
        .deeds(&[(0.3, DOING), (2.9, REVIEW), (3.6, DONE)])
        .said(&[("ebba", 3.0, "Checksums agree for all 21. That makes 31."), ("noor", 3.7, "And no one noticed. The best kind of migration.")]),
    task("terraform", "gita", -4.2, "Create the EU cluster with Terraform only")
        .tagged(&["eu-cloud", "terraform"]).own(&["gita"]).points(5).goal(2).sprints(&[0])
        .deeds(&[(-1.2, DOING), (1.8, REVIEW), (2.7, DONE)])
        .said(&[("tomas", 2.2, "Destroyed and rebuilt it over lunch: 17 minutes, no manual steps.")]),
    task("dns", "tomas", -3.4, "EU hostnames resolve to the EU cluster")
        .tagged(&["eu-cloud"]).own(&["tomas"]).points(2).goal(2).sprints(&[0])
        .deeds(&[(2.4, DOING), (4.1, REVIEW), (4.8, DONE)]),
    task("eu-backups", "noor", -3.0, "Keep EU backups in the EU, with their own key")
        .about("- bucket in Frankfurt, no replication elsewhere\n- key from {keys}\n- a tested restore before we close this")
        .tagged(&["eu-cloud", "security"]).own(&["noor", "gita"]).points(3).goal(2).sprints(&[0])
        .steps(3, &["Bucket and policy", "Nightly backup", "A restore that works"])
        .deeds(&[(1.3, DOING), (4.6, REVIEW), (5.7, DONE)])
        .said(&[("gita", 5.6, "Restored into an empty project: 6 minutes, all rows there.")]),
    task("index-copy", "gita", -2.1, "Measure the index copy separately in a restore")
        .about("{drill} took 14 minutes, nine of them here. Is it the disk, or one process doing all the work?")
        .tagged(&["reliability"]).own(&["gita", "jonas"]).points(2).needed_by("Support").sprints(&[0])
        .deeds(&[(0.7, DOING), (2.0, DONE)])
        .said(&[("jonas", 1.9, "One process. With four of them it is 3 minutes, so the next drill should pass.")]),
    task("certificate", "jonas", 1.1, "Renew the staging certificate before it expires")
        .tagged(&["on-call"]).own(&["jonas"]).points(1).sprints(&[0])
        .deeds(&[(1.2, DOING), (1.5, DONE)])
        .said(&[("sunhee", 1.3, "Our staging consumers would have stopped. Thank you for fitting this in.")]),
    task("disk-alert", "tomas", 3.1, "Fix the noisy disk alert")
        .about("Eleven pages in a week, none actionable. Alert on the growth rate, not on the level.")
        .tagged(&["on-call"]).own(&["tomas"]).points(1).sprints(&[0])
        .deeds(&[(3.2, DOING), (3.6, REVIEW), (4.0, DONE)])
        .said(&[("gita", 4.2, "I slept through the night. Thank you, @tomas!")]),
    // ---- this sprint: in review
    task("resume", "ebba", -6.0, "Migration framework: resume after a crash")
        .about("If the framework is killed, it must resume where it stopped.\n\n1. Every batch writes its last key in the same transaction.\n2. At startup it reads that key.\n3. It verifies a checksum of the finished part before it continues.\n\nTest: kill it at random a hundred times.")
        .tagged(&["postgres", "reliability"]).own(&["ebba", "jonas"]).points(5).goal(1).sprints(&[0])
        .steps(8, &["Store the last key", "Read it at startup", "Checksum of the finished part", "Kill it while copying", "Kill it while checking", "Kill it while swapping", "Log the resume", "A hundred random kills"])
        .deeds(&[(-0.6, DOING), (2.6, REVIEW)])
        .said(&[("jonas", 1.4, "Killing it in the swap leaves the lock until the session ends. Shall we set a timeout?"), ("ebba", 1.7, "Yes: five seconds, then it aborts with an error. Good catch."), ("jonas", 3.1, "A hundred kills, a hundred resumes. @gita, would you have time to review? Fresh eyes would help."), ("gita", 5.8, "Gladly, tomorrow morning my time.")]),
    task("alerts", "gita", -3.2, "Alert routing for EU on-call")
        .about("Route EU alerts by working hours: Berlin and Lisbon by day, Bengaluru from 04:00 UTC.")
        .tagged(&["eu-cloud", "on-call"]).own(&["gita"]).points(2).goal(2).sprints(&[0])
        .deeds(&[(3.4, DOING), (5.5, REVIEW)]),
    task("sub-team", "noor", -2.9, "Document how a sub-team picks up a task")
        .tagged(&["docs"]).own(&["noor"]).points(1).sprints(&[0])
        .deeds(&[(5.2, DOING), (6.0, REVIEW)])
        .said(&[("marie", 6.2, "We would use this in Ingestion as well. May I link to it?")]),
    task("operator", "gita", 4.9, "Pin the ClickHouse operator to one version")
        .about("It updated itself last night. Nothing broke, but we want to choose when it happens.")
        .tagged(&["k8s"]).own(&["gita"]).points(1).sprints(&[0])
        .deeds(&[(5.3, DOING), (6.2, REVIEW)]),
    // ---- this sprint: blocked
    task("cutover", "jonas", -24.0, "Cut Postgres over to the new primary")
        .about("Move the primary with **less than 60 s** of read-only time. Replication runs from the old one ({replication}); the switch is a DNS change and a read-only window.\n\nWe can only switch when Ingestion writes to both sides.")
        .tagged(&["postgres"]).own(&["jonas", "gita"]).points(5).goal(1).needed_by("Growth").due(8).sprints(&[-2, -1, 0])
        .steps(2, &["Logical replication has caught up", "Rehearsed on staging", "Ingestion writes to both sides", "Switch, on a Thursday at 06:00 UTC"])
        .deeds(&[(-8.5, DOING), (-6.2, Deed::Block(On::Person("ebba"), "a maintenance window that Growth can live with")), (-3.1, DOING), (3.4, Deed::Block(On::Task("dual-write"), "")), (3.5, Deed::Top)])
        .said(&[("ebba", -3.2, "Growth is happy with any Thursday at 06:00 UTC, with two days' notice."), ("gita", -0.9, "Rehearsed on staging: 41 seconds, and back again in 38."), ("jonas", 3.5, "Waiting on {dual-write} now. @sunhee, no hurry; tell me if I can help."), ("sunhee", 4.6, "It goes to review today. A second pair of eyes on the retry would help, @jonas."), ("jonas", 4.7, "With pleasure, I begin right away.")]),
    task("dpa", "ebba", -4.0, "Sign the contract with the EU sub-processor")
        .about("Our first EU customer cannot start without it. Draft two is with Legal.")
        .tagged(&["eu-cloud", "soc2"]).own(&["ebba"]).points(1).goal(2).needed_by("Sales").due(7).sprints(&[0])
        .deeds(&[(2.2, DOING), (5.1, Deed::Block(On::Words, "Legal: a reply to the second draft"))])
        .said(&[("ebba", 5.2, "Legal expects to reply this week. I will follow up in two days.")]),
    task("failover", "tomas", -13.8, "Rehearse a failover of the EU database")
        .about("On staging, in daylight, with two of us watching. Steps and times go into the runbook.")
        .tagged(&["eu-cloud", "reliability"]).own(&["tomas"]).points(3).sprints(&[-1, 0])
        .steps(1, &["Standby in a second zone", "Fail over by hand", "Fail over by stopping the primary", "Fail back"])
        .deeds(&[(3.0, DOING), (4.6, Deed::Block(On::Person("noor"), "access to the EU console"))])
        .said(&[("noor", 5.4, "Sorry for the wait! You will have it as soon as the second approval is in.")]),
    task("wal", "tomas", -2.6, "Archive the write-ahead log to the EU bucket")
        .tagged(&["eu-cloud", "postgres"]).own(&["tomas"]).points(2).sprints(&[0])
        .deeds(&[(4.9, DOING), (5.9, BLOCKED)]),
    // ---- this sprint: in progress
    task("dead-letter-table", "jonas", -2.9, "Migrate events_dead_letter and 9 more tables")
        .about("The first ones with triggers. In the order of the spreadsheet, busiest last.")
        .tagged(&["postgres"]).own(&["jonas", "ebba"]).points(5).goal(1).sprints(&[0])
        .steps(6, &["events_dead_letter", "exports", "export_runs", "annotations", "cohort_members", "invites", "feature_flags", "flag_overrides", "api_keys", "plugin_storage"])
        .deeds(&[(4.3, DOING)])
        .said(&[("ebba", 5.8, "cohort_members took 40 minutes without any impact."), ("jonas", 6.2, "feature_flags tomorrow, while Toronto sleeps: @marie, your team reads that one most.")]),
    task("ingress", "noor", -2.8, "Helm chart values for the EU ingress")
        .tagged(&["eu-cloud", "k8s"]).own(&["noor", "gita"]).points(2).sprints(&[0])
        .deeds(&[(5.4, DOING)]),
    task("credentials", "jonas", -16.0, "Rotate the database credentials from the old host")
        .about("Eleven services still use them. One service per day, then revoke the old ones.")
        .tagged(&["security", "soc2"]).own(&["jonas"]).points(3).sprints(&[-1, 0])
        .steps(7, &["billing", "exports", "mailer", "search", "web", "worker", "cron", "reports", "admin", "webhooks", "Revoke the old ones"])
        .deeds(&[(-1.4, DOING)])
        .said(&[("noor", -0.6, "The auditors ask for this one by name."), ("jonas", 5.6, "Seven of eleven. reports has them in its image, so it needs a release."), ("marie", 5.9, "I can release reports with you, on any morning of mine."), ("jonas", 6.1, "Thank you. Tomorrow?")]),
    // ---- this sprint: to do
    task("lag", "ebba", -2.7, "Alert when replication lag passes 30 s")
        .about("Page at 30 s for five minutes; a line in the channel at 10 s.")
        .tagged(&["postgres", "on-call"]).points(1).goal(1).sprints(&[0]),
    task("peering", "gita", -13.5, "Terraform the staging VPC peering")
        .about("Ingestion's replay cannot reach staging without it.")
        .tagged(&["eu-cloud", "terraform"]).own(&["gita"]).points(3).needed_by("Ingestion").sprints(&[-1, 0])
        .steps(0, &["IP address plan", "Peering from both sides", "Routes", "Connectivity test in CI"])
        .deeds(&[(4.2, Deed::Top)])
        .said(&[("daniel", 4.1, "Our replay waits for this one. Could it come before the others, @gita?"), ("gita", 4.3, "Of course, moved to the top. I start as soon as {alerts} is merged.")]),
    task("runbook", "ebba", -9.0, "Write the runbook for a failed table migration")
        .about("For on-call engineers who have not used the framework.\n\n- How do I notice that it failed?\n- Can I leave it until the morning?\n- How do I stop it and roll back?")
        .tagged(&["docs", "on-call"]).own(&["ebba"]).points(2).goal(1).needed_by("Support").sprints(&[0]),
    task("tool", "gita", -22.0, "Pick the load-testing tool: k6 or Gatling")
        .about("Half a day with each, the same scenario, and a comparison table.")
        .tagged(&["load-test"]).points(2).goal(3).sprints(&[0])
        .said(&[("tomas", -8.0, "k6 for me: we all read JavaScript, and it runs in the cluster."), ("noor", -7.4, "Gatling's reports are nicer, but I prefer the tool that everyone can edit."), ("gita", 2.4, "So k6 it is. This one is up for grabs.")]),
    task("scenario", "gita", -2.6, "First load-test scenario: sign in, then search")
        .about("At twice the traffic of a Monday morning. Needs {tool} first.")
        .tagged(&["load-test"]).own(&["gita"]).points(3).goal(3).due(9).sprints(&[0]),
    // ---- planned for the next sprint
    task("twenty", "jonas", -1.8, "Migrate events and 19 more tables")
        .about("The large ones. By logical replication, each with a rehearsal.")
        .tagged(&["postgres"]).own(&["jonas", "ebba"]).points(5).goal(1).sprints(&[1]),
    task("thirty", "jonas", -1.7, "Migrate persons and 29 more tables")
        .tagged(&["postgres"]).own(&["ebba"]).points(8).goal(1).sprints(&[1]),
    task("production-drill", "gita", 1.6, "Failover drill on production, announced")
        .about("After {failover}. On a Thursday at 06:00 UTC, with Support in the call.")
        .tagged(&["reliability"]).own(&["gita", "tomas"]).points(3).goal(2).needed_by("Support").sprints(&[1]),
    task("sign-up", "ebba", 2.4, "Offer the EU region on the sign-up page")
        .tagged(&["eu-cloud"]).points(3).needed_by("Growth").sprints(&[1]),
    // ---- backlog
    task("six-people", "tomas", -12.0, "Share on-call among six people")
        .about("Four of us now, a week each. With two people from Ingestion it would be six, at most one week a month each.")
        .tagged(&["on-call"]).points(1)
        .said(&[("daniel", -10.6, "I would join if someone shows me the dashboards first.")]),
    task("redis", "noor", -19.0, "Decommission the old Redis")
        .about("Three keys are still read by an unknown client.")
        .tagged(&["reliability"]).points(3),
    task("tags", "ebba", -27.0, "Tag every cloud resource with its team")
        .tagged(&["terraform"]).points(2).needed_by("Finance"),
    task("access-review", "noor", 3.0, "Quarterly access review for SOC 2")
        .about("Who has access to what, and who approved it. Start from last quarter's list.")
        .tagged(&["soc2", "security"]).points(2).due(18).needed_by("Security"),
    task("puppet", "tomas", -38.0, "Upgrade the Puppet server")
        .about("Or check whether anything still needs it.")
        .tagged(&["reliability"])
        .deeds(&[(-9.0, Deed::Archive)])
        .said(&[("gita", -9.2, "The last machine that used it is gone. We can drop this.")]),
    task("nightly", "gita", -14.0, "Move the nightly jobs out of cron")
        .tagged(&["k8s"]).own(&["gita"]).points(2)
        .deeds(&[(-12.5, DOING), (-11.0, TODO)])
        .said(&[("gita", -11.1, "Moved back: the EU work is more urgent, and cron has worked for six years.")]),
];
