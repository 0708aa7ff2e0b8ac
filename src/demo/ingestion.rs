//! The demo's tasks of the team Ingestion.

use crate::demo::content::{DOING, DONE, Deed, On, REVIEW, Task, task};

pub(crate) const TASKS: &[Task] = &[
    // ---- three sprints ago
    task("one-path", "sunhee", -4.0, "Route person updates through one code path")
        .about("There are four today. Merge them into one function before anything else changes.")
        .tagged(&["persons"]).own(&["sunhee", "daniel"]).points(5).goal(1).sprints(&[-3])
        .deeds(&[(0.4, DOING), (5.7, REVIEW), (7.4, DONE)])
        .said(&[("daniel", 6.2, "Minus 900 lines. I enjoyed every one of them.")]),
    task("registry-choice", "marie", -4.4, "Choose a schema registry")
        .about("Run one, or keep schemas in a repository and check them in CI? Criteria: on-call load when it is down, and how producers notice mistakes.")
        .tagged(&["schemas"]).own(&["marie", "noor"]).points(3).goal(2).sprints(&[-3])
        .deeds(&[(0.7, DOING), (2.8, REVIEW), (4.5, DONE)])
        .said(&[("noor", 3.1, "A repository with checks in CI: nothing to page anyone for. I like it.")]),
    task("lag-metric", "daniel", -3.0, "Measure consumer lag in seconds, not in messages")
        .tagged(&["consumers"]).own(&["daniel"]).points(2).sprints(&[-3])
        .deeds(&[(2.0, DOING), (4.2, REVIEW), (4.9, DONE), (14.0, Deed::Archive)]),
    task("poison", "sunhee", 5.2, "Keep a poison message from blocking its partition")
        .about("It blocked one for 20 minutes. After three attempts, move the message to the dead-letter queue and continue.")
        .tagged(&["consumers"]).own(&["sunhee"]).points(2).needed_by("Support").sprints(&[-3])
        .deeds(&[(5.3, DOING), (8.3, REVIEW), (8.9, DONE)])
        .said(&[("marie", 9.0, "Calm and quick, on the day it happened. Thank you.")]),
    // ---- two sprints ago
    task("dual-staging", "sunhee", -3.6, "Dual-write person updates on staging")
        .tagged(&["persons", "dual-write"]).own(&["sunhee", "daniel"]).points(5).goal(1).sprints(&[-2])
        .deeds(&[(0.5, DOING), (4.0, REVIEW), (6.3, DONE)])
        .said(&[("jonas", 4.4, "Our side looks healthy: no locks, no surprises. What do you do when the second write fails?"), ("sunhee", 4.9, "Log and continue for now. The retry is in {dual-write}.")]),
    task("registry-six", "marie", -3.1, "Move the first six producers to registered schemas")
        .tagged(&["schemas"]).own(&["marie", "noor"]).points(5).goal(2).sprints(&[-2])
        .deeds(&[(1.1, DOING), (9.1, REVIEW), (9.8, DONE)])
        .said(&[("marie", 8.6, "Six rather than eight. The two mobile ones need a release of their own.")]),
    task("compress", "daniel", -8.0, "Compress batches before they leave the edge")
        .tagged(&["pipeline"]).own(&["daniel"]).points(3).sprints(&[-2])
        .deeds(&[(1.9, DOING), (5.4, REVIEW), (7.0, DONE)])
        .said(&[("daniel", 6.9, "Traffic between regions is down by 61 %. Ebba will like the bill.")]),
    task("timezone", "noor", 4.1, "Handle events with timestamps in the future")
        .about("One in 4,000 events is from tomorrow, because of wrong phone clocks. Keep the device's timestamp, order by arrival.")
        .tagged(&["pipeline"]).own(&["noor"]).points(2).needed_by("Analytics").sprints(&[-2])
        .deeds(&[(5.6, DOING), (8.0, REVIEW), (9.0, DONE)]),
    // ---- the last sprint
    task("one-percent", "sunhee", -3.0, "Dual-write 1 % of person updates on production")
        .tagged(&["persons", "dual-write"]).own(&["sunhee"]).points(3).goal(1).sprints(&[-1])
        .deeds(&[(0.9, DOING), (3.2, Deed::Block(On::Task("pool"), "more connections, please")), (5.2, DOING), (6.4, REVIEW), (7.1, DONE)])
        .said(&[("daniel", 7.2, "1 % of updates, zero differences.")]),
    task("registry-twelve", "noor", -3.3, "Move six more producers, including both mobile apps")
        .tagged(&["schemas"]).own(&["noor", "marie"]).points(5).goal(2).sprints(&[-1])
        .deeds(&[(0.4, DOING), (6.1, REVIEW), (8.1, DONE)])
        .said(&[("marie", 6.6, "The checks found a field that has been misspelt since 2023. We keep it, with a comment.")]),
    task("lag-week", "daniel", -12.9, "Keep consumer lag under one minute for a week")
        .about("Scale by lag instead of by CPU. Lag is in seconds since {lag-metric}.")
        .tagged(&["consumers"]).own(&["daniel"]).points(5).goal_then(3).sprints(&[-1, 0])
        .deeds(&[(-8.4, DOING), (-4.4, Deed::Block(On::Team("infrastructure"), "a larger node pool")), (-1.9, DOING), (1.0, REVIEW), (2.1, DONE)])
        .said(&[("tomas", -2.0, "The node pool is there, and may grow to twelve. Sorry it took us three days."), ("daniel", 2.2, "Seven days under 40 seconds. A sprint late, but done.")]),
    task("docs-events", "marie", 2.0, "Document all events in one place")
        .tagged(&["docs", "schemas"]).own(&["marie"]).points(2).needed_by("Analytics").sprints(&[-1])
        .deeds(&[(3.3, DOING), (5.4, REVIEW), (6.0, DONE), (15.0, Deed::Archive)]),
    // ---- this sprint: done
    task("five-percent", "sunhee", -2.9, "Dual-write 5 % of person updates")
        .tagged(&["persons", "dual-write"]).own(&["sunhee"]).points(2).goal(1).sprints(&[0])
        .deeds(&[(0.5, DOING), (1.4, REVIEW), (2.3, DONE)])
        .said(&[("jonas", 2.4, "I watched our side for an hour. Boring, in the best way.")]),
    task("registry-billing", "noor", -2.8, "Move Billing's three producers to registered schemas")
        .tagged(&["schemas"]).own(&["noor", "marie"]).points(3).goal(2).sprints(&[0])
        .deeds(&[(0.9, DOING), (3.5, REVIEW), (4.4, DONE)]),
    task("checksum", "daniel", -2.5, "Nightly consistency check of both databases")
        .about("Counts and checksums per partition, and a message in the channel if they differ.")
        .tagged(&["dual-write"]).own(&["daniel"]).points(3).goal(1).sprints(&[0])
        .steps(3, &["Counts", "Checksums", "Message on a difference"])
        .deeds(&[(2.5, DOING), (4.5, REVIEW), (5.6, DONE)]),
    task("hot-key", "sunhee", 3.0, "Fix hot partition caused by one customer")
        .about("Found by Support. Add a second part to the key of the three largest customers.")
        .tagged(&["pipeline"]).own(&["sunhee"]).points(2).needed_by("Support").sprints(&[0])
        .deeds(&[(3.1, DOING), (3.7, REVIEW), (4.1, DONE)])
        .said(&[("ebba", 4.2, "Support sends cake.")]),
    // ---- this sprint: in review
    task("dual-write", "sunhee", -15.6, "Dual-write person updates with retries")
        .about("Writes go to both sides. If the second write fails, queue the update and retry; alert after an hour.\n\n**Out of scope**: reading from the new database.\n\nInfrastructure's {cutover} is waiting on this.")
        .tagged(&["persons", "dual-write"]).own(&["sunhee", "daniel"]).points(5).goal(1).needed_by("Infrastructure").sprints(&[-1, 0])
        .steps(4, &["Write to both", "Queue failed writes", "Retry", "Alert after an hour", "Increase to 10 %"])
        .deeds(&[(1.7, DOING), (4.8, REVIEW)])
        .said(&[("daniel", 3.0, "I drew the four ways in which the second write can fail. Picture in the pull request."), ("sunhee", 4.9, "Ready for review. @jonas offered to help, see {cutover}."), ("jonas", 5.5, "Read the retry. One question about the order of two updates to the same person; the rest is good.")]),
    task("registry-web", "marie", -2.7, "Move web and worker to registered schemas")
        .tagged(&["schemas"]).own(&["marie"]).points(2).goal(2).sprints(&[0])
        .deeds(&[(3.3, DOING), (5.6, REVIEW)]),
    // ---- this sprint: in progress
    task("ten-percent", "daniel", -2.4, "Increase dual writes to 10 % in daily steps")
        .tagged(&["persons", "dual-write"]).own(&["daniel", "sunhee"]).points(2).goal(1).sprints(&[0])
        .steps(1, &["6 %", "8 %", "10 %"])
        .deeds(&[(5.0, DOING)])
        .said(&[("daniel", 5.7, "6 % since this morning. Waiting on {dual-write} before the next step.")]),
    task("registry-ci", "noor", -2.3, "Fail pull requests that break a schema")
        .about("Comment on the line, and name the schema's owner.")
        .tagged(&["schemas"]).own(&["noor"]).points(3).goal(2).sprints(&[0])
        .deeds(&[(4.9, DOING)]),
    task("replay", "marie", -2.6, "Replay partitions in parallel")
        .about("A day takes 5 h 20 now. With sixteen readers it should be under one.")
        .tagged(&["replay"]).own(&["marie", "daniel"]).points(5).goal(3).sprints(&[0])
        .steps(2, &["One reader per partition", "Preserve order per person", "Pause and resume", "Measure a whole day"])
        .deeds(&[(2.6, DOING)])
        .said(&[("marie", 5.3, "1 h 50 with eight readers. Order per person is preserved.")]),
    task("dead-letters", "sunhee", -9.5, "Page to inspect and resend dead letters")
        .tagged(&["consumers"]).own(&["sunhee"]).points(3).needed_by("Support").sprints(&[0])
        .deeds(&[(5.8, DOING)]),
    // ---- this sprint: blocked
    task("replay-cluster", "daniel", -2.2, "Run a replay on staging")
        .about("So that we can test a whole day without affecting production.")
        .tagged(&["replay"]).own(&["daniel"]).points(2).goal(3).sprints(&[0])
        .deeds(&[(3.0, DOING), (3.9, Deed::Block(On::Task("peering"), "staging is unreachable without it"))])
        .said(&[("daniel", 4.0, "Asked in {peering}. Until then I am helping @marie with {replay}.")]),
    task("exports", "marie", -7.0, "Switch exports to the new person format")
        .tagged(&["persons"]).own(&["marie"]).points(3).needed_by("Analytics").sprints(&[0])
        .deeds(&[(1.8, DOING), (5.2, Deed::Block(On::Team("infrastructure"), "a read replica for exports"))]),
    // ---- this sprint: to do
    task("registry-last", "marie", -2.1, "Move the last two producers: cron and the importer")
        .tagged(&["schemas"]).own(&["noor"]).points(3).goal(2).sprints(&[0]),
    task("replay-runbook", "daniel", -2.0, "Runbook: replay a day")
        .tagged(&["docs", "replay"]).points(1).goal(3).sprints(&[0]),
    task("batch-size", "sunhee", 2.2, "Find the best batch size for Postgres")
        .about("Between 200 and 2,000. With @gita, who has the graphs.")
        .tagged(&["pipeline"]).own(&["sunhee"]).points(2).due(8).sprints(&[0])
        .said(&[("gita", 5.1, "I have a free hour tomorrow at 14:00 UTC, which is morning for you. Shall we?")]),
    // ---- planned for the next sprint
    task("all-percent", "sunhee", -1.2, "Dual-write every person update")
        .tagged(&["persons", "dual-write"]).own(&["sunhee", "daniel"]).points(5).goal(1).sprints(&[1]),
    task("refuse", "marie", 1.9, "Reject events without a registered schema")
        .about("For the first day, only count them.")
        .tagged(&["schemas"]).own(&["marie", "noor"]).points(3).goal(2).sprints(&[1]),
    task("read-new", "daniel", 3.3, "Read persons from the new database, for our own account first")
        .tagged(&["persons"]).points(3).needed_by("Infrastructure").sprints(&[1]),
    // ---- backlog
    task("eu-pipeline", "marie", -11.0, "Separate pipeline for the EU")
        .about("Events of EU customers must not leave the EU. First, map what crosses the border today.")
        .tagged(&["pipeline", "eu-cloud"]).points(8).needed_by("Infrastructure")
        .said(&[("gita", -9.4, "Happy to draw it with you: {first-request} shows how they come in.")]),
    task("sampling", "noor", -21.0, "Sample debug events instead of keeping them all")
        .tagged(&["pipeline"]).points(2),
    task("kafka-upgrade", "daniel", -17.0, "Upgrade Kafka by one version")
        .about("We are two versions behind. No problems yet.")
        .tagged(&["pipeline"]).points(5),
    task("csv", "marie", -33.0, "Accept CSV in the importer")
        .tagged(&["pipeline"])
        .deeds(&[(-13.0, Deed::Archive)])
        .said(&[("marie", -13.1, "No requests for half a year. Archived for now.")]),
];
