//! What Infrastructure works on.

use crate::demo::content::{BLOCKED, DOING, DONE, Deed, On, REVIEW, TODO, Task, task};

pub const TASKS: &[Task] = &[
    // ---- three sprints ago
    task("compare", "ebba", -4.0, "Compare three ways to migrate a table under load")
        .about("Copy and swap, logical replication, or dual writes. For each:\n\n- how long writes wait\n- what happens when it is **interrupted**\n- who has to change code\n\nA page is enough; we decide together on Friday.")
        .tagged(&["postgres"]).own(&["ebba", "jonas"]).points(3).goal(1).sprints(&[-3])
        .deeds(&[(0.3, DOING), (3.6, REVIEW), (4.7, DONE)])
        .said(&[("jonas", 2.4, "Copy and swap looks best for the small ones. For the ten largest I would like logical replication."), ("gita", 4.0, "Very clear page, thank you. I had not thought of the sequences.")]),
    task("shadow", "jonas", -3.5, "Shadow reads against the new Postgres")
        .about("Send one read in a hundred to both, compare, log what differs. Nothing waits for the second answer.")
        .tagged(&["postgres", "reliability"]).own(&["jonas"]).points(5).goal(1).sprints(&[-3])
        .deeds(&[(1.0, DOING), (6.8, REVIEW), (9.4, DONE)])
        .said(&[("ebba", 7.3, "Two differences in a million, both timestamps cut to milliseconds. Lovely.")]),
    task("accounts", "gita", -5.0, "Agree on the account structure for the EU")
        .about("One account an environment, or one a region? Billing and Security both want a say.")
        .tagged(&["eu-cloud", "security"]).own(&["gita", "noor"]).points(2).goal(2).sprints(&[-3])
        .deeds(&[(0.6, DOING), (2.1, Deed::Block(On::Words, "Billing: which invoice the EU goes on")), (5.3, DOING), (7.9, DONE)])
        .said(&[("noor", 5.4, "Billing answered: one invoice, a line a region. We can go on.")]),
    task("pager", "tomas", 2.1, "Page the secondary when the primary does not answer in ten minutes")
        .tagged(&["on-call"]).own(&["tomas"]).points(1).sprints(&[-3])
        .deeds(&[(2.4, DOING), (2.9, REVIEW), (3.3, DONE), (12.0, Deed::Archive)]),
    task("budget", "ebba", -6.0, "Say what the EU cluster will cost a month")
        .about("For Finance, within 20 %. Compute, storage, traffic between regions.")
        .tagged(&["eu-cloud"]).own(&["ebba"]).points(2).wanted_by("Finance").due(8).sprints(&[-3])
        .deeds(&[(3.1, DOING), (6.4, DONE)])
        .said(&[("ebba", 6.3, "Sent: 4,100 € a month, 5,000 € with a standby. Traffic is the part I trust least.")]),
    // ---- two sprints ago
    task("framework", "jonas", -5.0, "First version of the migration framework")
        .about("A table is a file: how to copy, how to check, how to swap. The framework does the rest and can say at any time how far it is.\n\n```\nmigrate run tables/sessions.toml --dry-run\n```")
        .tagged(&["postgres"]).own(&["jonas", "ebba"]).points(8).goal(1)
        .steps(4, &["Copy in batches", "Compare checksums", "Swap under a short lock", "Say how far it is"]).sprints(&[-2])
        .deeds(&[(0.2, DOING), (6.9, REVIEW), (8.6, DONE)])
        .said(&[("ebba", 4.2, "Pairing on this was a joy. Shall we do the swap together tomorrow at ten?"), ("tomas", 7.4, "Read it twice, could follow all of it. Two small questions in the pull request.")]),
    task("five", "jonas", -2.8, "Migrate the first 5 tables")
        .tagged(&["postgres"]).own(&["jonas"]).points(3).goal(1).sprints(&[-2])
        .deeds(&[(8.7, DOING), (9.2, REVIEW), (9.6, DONE)])
        .said(&[("jonas", 9.5, "All five on the new side. The longest lock was 80 ms ({framework}).")]),
    task("threat", "noor", -14.0, "Threat model for the EU cluster")
        .about("What is new in the EU: another provider account, another set of keys, people who may enter at night.")
        .tagged(&["eu-cloud", "security"]).own(&["noor", "gita"]).points(5).goal(2).sprints(&[-2, -1])
        .deeds(&[(-8.9, DOING), (-6.0, Deed::Block(On::Words, "Security: two people to review, both on holiday")), (1.2, DOING), (3.9, REVIEW), (5.2, DONE)])
        .said(&[("gita", 0.4, "This waited for six days and nobody asked a third person. My miss; I will ask sooner."), ("noor", 4.1, "Security has read it: two findings, both small. {keys} is one of them.")]),
    task("dashboards", "tomas", -3.2, "One dashboard a service, made from the same template")
        .tagged(&["reliability"]).own(&["tomas"]).points(3).sprints(&[-2])
        .deeds(&[(1.4, DOING), (4.9, REVIEW), (6.1, DONE), (16.0, Deed::Archive)]),
    task("ssh", "gita", 3.4, "Take the shared SSH key out of the build machines")
        .about("Found by chance. Each machine gets a key of its own, for a day at a time.")
        .tagged(&["security", "soc2"]).own(&["gita"]).points(2).sprints(&[-2])
        .deeds(&[(3.6, DOING), (4.8, REVIEW), (5.5, DONE)])
        .said(&[("ebba", 5.1, "Well spotted. I added it to the evidence for the audit.")]),
    // ---- the last sprint
    task("ten", "jonas", -3.0, "Migrate 5 more tables, with somebody new at the keyboard")
        .about("@tomas drives, @jonas sits beside. What had to be asked goes into the runbook.")
        .tagged(&["postgres"]).own(&["tomas", "jonas"]).points(3).goal(1).sprints(&[-1])
        .deeds(&[(0.8, DOING), (3.0, REVIEW), (3.8, DONE)])
        .said(&[("tomas", 3.1, "Done, with four questions. All four are things that {runbook} should answer.")]),
    task("replication", "jonas", -4.0, "Logical replication to the new primary")
        .tagged(&["postgres"]).own(&["jonas", "gita"]).points(5).goal(1).sprints(&[-1])
        .deeds(&[(-0.4, DOING), (5.2, REVIEW), (7.7, DONE)])
        .said(&[("gita", 5.9, "Lag is under a second since the index went in.")]),
    task("first-request", "gita", -4.5, "The EU cluster answers a request from outside")
        .about("Whatever it answers. From outside, with a certificate that holds.")
        .tagged(&["eu-cloud", "k8s"]).own(&["gita", "tomas"]).points(3).goal(2).sprints(&[-1])
        .deeds(&[(1.6, DOING), (6.6, REVIEW), (7.5, DONE)])
        .said(&[("tomas", 7.6, "Hello from Frankfurt. 🎉")]),
    task("drill", "gita", -3.6, "Restore the backups in a drill, and take the time")
        .about("Goal: under ten minutes. We restore into an empty project, and time each part.")
        .tagged(&["reliability", "soc2"]).own(&["gita", "jonas"]).points(3).goal(3).wanted_by("Support").sprints(&[-1])
        .steps(3, &["Restore the newest base backup", "Replay to the minute", "Write down the time of each part"])
        .deeds(&[(4.1, DOING), (8.2, DONE)])
        .said(&[("gita", 8.1, "14 minutes. The copy of the index was the slow part: 9 of them. {index-copy} is for that."), ("ebba", 8.6, "Missed, and well worth it: now we know where to look.")]),
    task("pool", "noor", 2.6, "Raise the connection pool before the campaign on Friday")
        .tagged(&["postgres"]).own(&["noor"]).points(1).wanted_by("Growth").due(4).sprints(&[-1])
        .deeds(&[(4.4, DOING), (4.6, REVIEW), (4.8, DONE), (14.5, Deed::Archive)])
        .said(&[("daniel", 5.2, "Thank you for being so quick, our consumers did not notice the campaign at all.")]),
    task("keys", "noor", 3.8, "EU secrets get a key of their own")
        .about("A finding of {threat}.")
        .tagged(&["eu-cloud", "security"]).own(&["noor"]).points(2).goal(2).sprints(&[-1])
        .deeds(&[(6.2, DOING), (8.4, REVIEW), (9.3, DONE)]),
    // ---- this sprint: done
    task("twentyone", "jonas", -5.0, "Migrate the 21 smallest tables")
        .about("All under 200,000 rows, none with a trigger. In three batches of seven, one a morning.")
        .tagged(&["postgres"]).own(&["jonas", "ebba"]).points(5).goal(1).sprints(&[0])
        .steps(3, &["First seven", "Second seven", "Last seven"])
        .deeds(&[(0.3, DOING), (2.9, REVIEW), (3.6, DONE)])
        .said(&[("ebba", 3.0, "Checksums agree for all 21. That makes 31."), ("noor", 3.7, "And nobody noticed. That is the best thing one can say of a migration.")]),
    task("terraform", "gita", -4.2, "EU cluster boots from Terraform alone")
        .tagged(&["eu-cloud", "terraform"]).own(&["gita"]).points(5).goal(2).sprints(&[0])
        .deeds(&[(-1.2, DOING), (1.8, REVIEW), (2.7, DONE)])
        .said(&[("tomas", 2.2, "Destroyed it and built it again while having lunch: 17 minutes, no hands.")]),
    task("dns", "tomas", -3.4, "EU hostnames resolve to the EU cluster")
        .tagged(&["eu-cloud"]).own(&["tomas"]).points(2).goal(2).sprints(&[0])
        .deeds(&[(2.4, DOING), (4.1, REVIEW), (4.8, DONE)]),
    task("eu-backups", "noor", -3.0, "EU backups stay in the EU, with a key of their own")
        .about("- bucket in Frankfurt, no replication elsewhere\n- key from {keys}\n- a restore is tried before we say done")
        .tagged(&["eu-cloud", "security"]).own(&["noor", "gita"]).points(3).goal(2).sprints(&[0])
        .steps(3, &["Bucket and policy", "Nightly backup", "A restore that works"])
        .deeds(&[(1.3, DOING), (4.6, REVIEW), (5.7, DONE)])
        .said(&[("gita", 5.6, "Restored into an empty project: 6 minutes, all rows there.")]),
    task("index-copy", "gita", -2.1, "Time the index copy apart in a restore")
        .about("{drill} took 14 minutes, nine of them here. Is it the disk, or one process doing all the work?")
        .tagged(&["reliability"]).own(&["gita", "jonas"]).points(2).wanted_by("Support").sprints(&[0])
        .deeds(&[(0.7, DOING), (2.0, DONE)])
        .said(&[("jonas", 1.9, "One process. With four of them it is 3 minutes, so the next drill should pass.")]),
    task("certificate", "jonas", 1.1, "Renew the staging certificate before it ends this week")
        .tagged(&["on-call"]).own(&["jonas"]).points(1).sprints(&[0])
        .deeds(&[(1.2, DOING), (1.5, DONE)])
        .said(&[("sunhee", 1.3, "Our staging consumers would have stopped: thank you for taking this one in.")]),
    task("disk-alert", "tomas", 3.1, "Silence the disk alert that pages for nothing")
        .about("Eleven pages in a week, none needed anybody. It should look at the rate, not at the level.")
        .tagged(&["on-call"]).own(&["tomas"]).points(1).sprints(&[0])
        .deeds(&[(3.2, DOING), (3.6, REVIEW), (4.0, DONE)])
        .said(&[("gita", 4.2, "I slept through the night. Thank you, @tomas!")]),
    // ---- this sprint: in review
    task("resume", "ebba", -6.0, "Migration framework: resume after a crash")
        .about("If the framework is killed, it must go on where it was.\n\n1. Every batch writes its last key in the same transaction.\n2. At the start it reads that key.\n3. A checksum over the finished part, before it goes on.\n\nTried by killing it at random a hundred times.")
        .tagged(&["postgres", "reliability"]).own(&["ebba", "jonas"]).points(5).goal(1).sprints(&[0])
        .steps(8, &["Keep the last key", "Read it at the start", "Checksum of the finished part", "Kill it while copying", "Kill it while checking", "Kill it while swapping", "Say so in the log", "A hundred random kills"])
        .deeds(&[(-0.6, DOING), (2.6, REVIEW)])
        .said(&[("jonas", 1.4, "Killing it in the swap leaves the lock until the session ends. Shall we set a timeout?"), ("ebba", 1.7, "Yes: five seconds, then it gives up and says so. Good catch."), ("jonas", 3.1, "A hundred kills, a hundred resumes. @gita, would you have time to review? You see things that we no longer see."), ("gita", 5.8, "Gladly, tomorrow morning my time.")]),
    task("alerts", "gita", -3.2, "Alert routing for EU on-call")
        .about("EU alerts go to whoever is awake: Berlin and Lisbon by day, Bengaluru from 04:00 UTC.")
        .tagged(&["eu-cloud", "on-call"]).own(&["gita"]).points(2).goal(2).sprints(&[0])
        .deeds(&[(3.4, DOING), (5.5, REVIEW)]),
    task("sub-team", "noor", -2.9, "Document how a sub-team picks up a task")
        .tagged(&["docs"]).own(&["noor"]).points(1).sprints(&[0])
        .deeds(&[(5.2, DOING), (6.0, REVIEW)])
        .said(&[("marie", 6.2, "We would use this in Ingestion as well. May I link to it?")]),
    task("operator", "gita", 4.9, "Pin the ClickHouse operator to one version")
        .about("It updated itself last night. Nothing broke, and nobody had asked it to.")
        .tagged(&["k8s"]).own(&["gita"]).points(1).sprints(&[0])
        .deeds(&[(5.3, DOING), (6.2, REVIEW)]),
    // ---- this sprint: blocked
    task("cutover", "jonas", -24.0, "Cut Postgres over to the new primary")
        .about("Move the primary with **less than 60 s** in which nobody can write. Replication runs from the old one ({replication}); the switch is a DNS change and a read-only window.\n\nWe can only switch when Ingestion writes to both sides.")
        .tagged(&["postgres"]).own(&["jonas", "gita"]).points(5).goal(1).wanted_by("Growth").due(8).sprints(&[-2, -1, 0])
        .steps(2, &["Logical replication has caught up", "Rehearsed on staging", "Ingestion writes to both sides", "Switch, on a Thursday at 06:00 UTC"])
        .deeds(&[(-8.5, DOING), (-6.2, Deed::Block(On::Person("ebba"), "a maintenance window that Growth can live with")), (-3.1, DOING), (3.4, Deed::Block(On::Task("dual-write"), "")), (3.5, Deed::Top)])
        .said(&[("ebba", -3.2, "Growth is happy with any Thursday at 06:00 UTC, if they hear of it two days before."), ("gita", -0.9, "Rehearsed on staging: 41 seconds, and back again in 38."), ("jonas", 3.5, "Waits for {dual-write} now. @sunhee, no hurry: tell me if I can take something off you."), ("sunhee", 4.6, "It is going to review today. A second pair of eyes on the retry would help, @jonas."), ("jonas", 4.7, "With pleasure, I begin right away.")]),
    task("dpa", "ebba", -4.0, "Get the contract for the EU sub-processor signed")
        .about("Our first EU customer cannot start without it. Draft two is with Legal.")
        .tagged(&["eu-cloud", "soc2"]).own(&["ebba"]).points(1).goal(2).wanted_by("Sales").due(7).sprints(&[0])
        .deeds(&[(2.2, DOING), (5.1, Deed::Block(On::Words, "Legal: a reply to the second draft"))])
        .said(&[("ebba", 5.2, "Legal says: within the week. I will ask again in two days all the same.")]),
    task("failover", "tomas", -13.8, "Rehearse a failover of the EU database")
        .about("On staging, in daylight, with two of us watching. Steps and times go into the runbook.")
        .tagged(&["eu-cloud", "reliability"]).own(&["tomas"]).points(3).sprints(&[-1, 0])
        .steps(1, &["Standby in a second zone", "Fail over by hand", "Fail over by pulling the plug", "Back to where we were"])
        .deeds(&[(3.0, DOING), (4.6, Deed::Block(On::Person("noor"), "her key to the EU console"))])
        .said(&[("noor", 5.4, "Sorry for the wait! I hand it over as soon as I have the second signature.")]),
    task("wal", "tomas", -2.6, "Archive the write-ahead log to the EU bucket")
        .tagged(&["eu-cloud", "postgres"]).own(&["tomas"]).points(2).sprints(&[0])
        .deeds(&[(4.9, DOING), (5.9, BLOCKED)]),
    // ---- this sprint: in progress
    task("dead-letter-table", "jonas", -2.9, "Migrate events_dead_letter and 9 more tables")
        .about("The first ones with triggers. Order as in the sheet, the busiest last.")
        .tagged(&["postgres"]).own(&["jonas", "ebba"]).points(5).goal(1).sprints(&[0])
        .steps(6, &["events_dead_letter", "exports", "export_runs", "annotations", "cohort_members", "invites", "feature_flags", "flag_overrides", "api_keys", "plugin_storage"])
        .deeds(&[(4.3, DOING)])
        .said(&[("ebba", 5.8, "cohort_members took 40 minutes, and nobody noticed."), ("jonas", 6.2, "feature_flags tomorrow, while Toronto sleeps: @marie, that is the one you read most.")]),
    task("ingress", "noor", -2.8, "Helm chart values for the EU ingress")
        .tagged(&["eu-cloud", "k8s"]).own(&["noor", "gita"]).points(2).sprints(&[0])
        .deeds(&[(5.4, DOING)]),
    task("credentials", "jonas", -16.0, "Rotate the database credentials that came from the old host")
        .about("Eleven services still use them. One at a time, with a day between, and the old ones revoked at the end.")
        .tagged(&["security", "soc2"]).own(&["jonas"]).points(3).sprints(&[-1, 0])
        .steps(7, &["billing", "exports", "mailer", "search", "web", "worker", "cron", "reports", "admin", "webhooks", "Revoke the old ones"])
        .deeds(&[(-1.4, DOING)])
        .said(&[("noor", -0.6, "The auditors ask for this one by name."), ("jonas", 5.6, "Seven of eleven. reports has them in its image, so it needs a release."), ("marie", 5.9, "I can release reports with you, on any morning of mine."), ("jonas", 6.1, "You are kind. Shall we say tomorrow?")]),
    // ---- this sprint: to do
    task("lag", "ebba", -2.7, "Alert when replication lag passes 30 s")
        .about("Page at 30 s for five minutes; a line in the channel at 10 s.")
        .tagged(&["postgres", "on-call"]).points(1).goal(1).sprints(&[0]),
    task("peering", "gita", -13.5, "Terraform the staging VPC peering")
        .about("Ingestion's replay cannot reach staging without it.")
        .tagged(&["eu-cloud", "terraform"]).own(&["gita"]).points(3).wanted_by("Ingestion").sprints(&[-1, 0])
        .steps(0, &["Address plan", "Peering from both sides", "Routes", "A test that fails when it breaks"])
        .deeds(&[(4.2, Deed::Top)])
        .said(&[("daniel", 4.1, "Our replay waits for this one. Could it come before the others, @gita?"), ("gita", 4.3, "Of course, moved to the top. I begin as soon as {alerts} is through.")]),
    task("runbook", "ebba", -9.0, "Write the runbook for a failed table migration")
        .about("For whoever is on call and has never seen the framework.\n\n- How do I see that it failed?\n- Can I leave it until the morning?\n- How do I stop it, and how do I go back?")
        .tagged(&["docs", "on-call"]).own(&["ebba"]).points(2).goal(1).wanted_by("Support").sprints(&[0]),
    task("tool", "gita", -22.0, "Pick the load-testing tool: k6 or Gatling")
        .about("Half a day with each, the same scenario, and a table of what hurt.")
        .tagged(&["load-test"]).points(2).goal(3).sprints(&[0])
        .said(&[("tomas", -8.0, "k6 for me: we all read JavaScript, and it runs in the cluster."), ("noor", -7.4, "Gatling's reports are nicer, but I would rather have a tool that everybody changes without asking."), ("gita", 2.4, "I read that as k6. Whoever takes this has my blessing.")]),
    task("scenario", "gita", -2.6, "First load-test scenario: sign in, then search")
        .about("At twice the traffic of a Monday morning. Needs {tool} first.")
        .tagged(&["load-test"]).own(&["gita"]).points(3).goal(3).due(9).sprints(&[0]),
    // ---- set aside for the next sprint
    task("twenty", "jonas", -1.8, "Migrate events and 19 more tables")
        .about("The large ones. By logical replication, each with a rehearsal.")
        .tagged(&["postgres"]).own(&["jonas", "ebba"]).points(5).goal(1).sprints(&[1]),
    task("thirty", "jonas", -1.7, "Migrate persons and 29 more tables")
        .tagged(&["postgres"]).own(&["ebba"]).points(8).goal(1).sprints(&[1]),
    task("production-drill", "gita", 1.6, "Failover drill on production, announced")
        .about("After {failover}. On a Thursday at 06:00 UTC, with Support in the call.")
        .tagged(&["reliability"]).own(&["gita", "tomas"]).points(3).goal(2).wanted_by("Support").sprints(&[1]),
    task("sign-up", "ebba", 2.4, "The sign-up page offers the EU")
        .tagged(&["eu-cloud"]).points(3).wanted_by("Growth").sprints(&[1]),
    // ---- backlog
    task("six-people", "tomas", -12.0, "Share on-call among six people")
        .about("Four of us now, a week each. With Ingestion's two it would be six, and nobody twice in a month.")
        .tagged(&["on-call"]).points(1)
        .said(&[("daniel", -10.6, "I would join, if somebody shows me the dashboards first.")]),
    task("redis", "noor", -19.0, "Drop the old Redis")
        .about("Three keys are still read, by something that we have not found.")
        .tagged(&["reliability"]).points(3),
    task("tags", "ebba", -27.0, "Tag every cloud resource with its team")
        .tagged(&["terraform"]).points(2).wanted_by("Finance"),
    task("access-review", "noor", 3.0, "Collect the quarter's access review for SOC 2")
        .about("Who may enter what, and who said so. The list of last quarter is a good beginning.")
        .tagged(&["soc2", "security"]).points(2).due(18).wanted_by("Security"),
    task("puppet", "tomas", -38.0, "Upgrade the Puppet server")
        .about("Or see whether anything still needs it.")
        .tagged(&["reliability"])
        .deeds(&[(-9.0, Deed::Archive)])
        .said(&[("gita", -9.2, "The last machine that used it is gone. We can let this one go.")]),
    task("nightly", "gita", -14.0, "Move the nightly jobs out of cron")
        .tagged(&["k8s"]).own(&["gita"]).points(2)
        .deeds(&[(-12.5, DOING), (-11.0, TODO)])
        .said(&[("gita", -11.1, "Put back: the EU is more urgent, and cron has held for six years.")]),
];
