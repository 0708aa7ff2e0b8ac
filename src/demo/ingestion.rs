//! What Ingestion works on.

use crate::demo::content::{DOING, DONE, Deed, On, REVIEW, Task, task};

pub const TASKS: &[Task] = &[
    // ---- three sprints ago
    task("one-path", "sunhee", -4.0, "Person updates go through one code path")
        .about("There are four today. They become one function, with the four as callers, before anything else changes.")
        .tagged(&["persons"]).own(&["sunhee", "daniel"]).points(5).goal(1).sprints(&[-3])
        .deeds(&[(0.4, DOING), (5.7, REVIEW), (7.4, DONE)])
        .said(&[("daniel", 6.2, "Minus 900 lines. I enjoyed every one of them.")]),
    task("registry-choice", "marie", -4.4, "Choose a schema registry")
        .about("Run one, or keep schemas in a repository and check them in CI? Criteria: who is woken when it is down, and how a producer learns of a mistake.")
        .tagged(&["schemas"]).own(&["marie", "noor"]).points(3).goal(2).sprints(&[-3])
        .deeds(&[(0.7, DOING), (2.8, REVIEW), (4.5, DONE)])
        .said(&[("noor", 3.1, "A repository with checks in CI: nothing to wake anybody for. I like it.")]),
    task("lag-metric", "daniel", -3.0, "Measure consumer lag in seconds, not in messages")
        .tagged(&["consumers"]).own(&["daniel"]).points(2).sprints(&[-3])
        .deeds(&[(2.0, DOING), (4.2, REVIEW), (4.9, DONE), (14.0, Deed::Archive)]),
    task("poison", "sunhee", 5.2, "One bad message must not stop a partition")
        .about("It did, for 20 minutes. After three tries a message goes to the dead letters, and the partition goes on.")
        .tagged(&["consumers"]).own(&["sunhee"]).points(2).wanted_by("Support").sprints(&[-3])
        .deeds(&[(5.3, DOING), (8.3, REVIEW), (8.9, DONE)])
        .said(&[("marie", 9.0, "Calm and quick, on the day it happened. Thank you.")]),
    // ---- two sprints ago
    task("dual-staging", "sunhee", -3.6, "Dual-write person updates on staging")
        .tagged(&["persons", "dual-write"]).own(&["sunhee", "daniel"]).points(5).goal(1).sprints(&[-2])
        .deeds(&[(0.5, DOING), (4.0, REVIEW), (6.3, DONE)])
        .said(&[("jonas", 4.4, "Our side looks healthy: no locks, no surprises. What do you do when the second write fails?"), ("sunhee", 4.9, "Log and go on for now. The retry is in {dual-write}.")]),
    task("registry-six", "marie", -3.1, "First six producers send registered schemas")
        .tagged(&["schemas"]).own(&["marie", "noor"]).points(5).goal(2).sprints(&[-2])
        .deeds(&[(1.1, DOING), (9.1, REVIEW), (9.8, DONE)])
        .said(&[("marie", 8.6, "Six rather than eight. The two mobile ones need a release of their own.")]),
    task("compress", "daniel", -8.0, "Compress batches before they leave the edge")
        .tagged(&["pipeline"]).own(&["daniel"]).points(3).sprints(&[-2])
        .deeds(&[(1.9, DOING), (5.4, REVIEW), (7.0, DONE)])
        .said(&[("daniel", 6.9, "Traffic between regions is down by 61 %. Ebba will like the bill.")]),
    task("timezone", "noor", 4.1, "Events from the future: clocks of phones that are wrong")
        .about("One in 4,000 events is from tomorrow. Keep what the phone says, order by when we got it.")
        .tagged(&["pipeline"]).own(&["noor"]).points(2).wanted_by("Analytics").sprints(&[-2])
        .deeds(&[(5.6, DOING), (8.0, REVIEW), (9.0, DONE)]),
    // ---- the last sprint
    task("one-percent", "sunhee", -3.0, "Dual-write 1 % of person updates on production")
        .tagged(&["persons", "dual-write"]).own(&["sunhee"]).points(3).goal(1).sprints(&[-1])
        .deeds(&[(0.9, DOING), (3.2, Deed::Block(On::Task("pool"), "more connections, please")), (5.2, DOING), (6.4, REVIEW), (7.1, DONE)])
        .said(&[("daniel", 7.2, "One in a hundred, and the difference is nought.")]),
    task("registry-twelve", "noor", -3.3, "Six more producers, among them both mobile ones")
        .tagged(&["schemas"]).own(&["noor", "marie"]).points(5).goal(2).sprints(&[-1])
        .deeds(&[(0.4, DOING), (6.1, REVIEW), (8.1, DONE)])
        .said(&[("marie", 6.6, "The checks found a field that has been misspelt since 2023. We keep it, with a comment.")]),
    task("lag-week", "daniel", -12.9, "Keep consumer lag under one minute for a week")
        .about("Scale by lag instead of by CPU. Lag is in seconds since {lag-metric}.")
        .tagged(&["consumers"]).own(&["daniel"]).points(5).goal_then(3).sprints(&[-1, 0])
        .deeds(&[(-8.4, DOING), (-4.4, Deed::Block(On::Team("infrastructure"), "a larger node pool")), (-1.9, DOING), (1.0, REVIEW), (2.1, DONE)])
        .said(&[("tomas", -2.0, "The node pool is there, and may grow to twelve. Sorry that it took us three days."), ("daniel", 2.2, "Four days under 40 seconds, then I stopped looking. A sprint late; good all the same.")]),
    task("docs-events", "marie", 2.0, "Describe every event in one place")
        .tagged(&["docs", "schemas"]).own(&["marie"]).points(2).wanted_by("Analytics").sprints(&[-1])
        .deeds(&[(3.3, DOING), (5.4, REVIEW), (6.0, DONE), (15.0, Deed::Archive)]),
    // ---- this sprint: done
    task("five-percent", "sunhee", -2.9, "Dual-write 5 % of person updates")
        .tagged(&["persons", "dual-write"]).own(&["sunhee"]).points(2).goal(1).sprints(&[0])
        .deeds(&[(0.5, DOING), (1.4, REVIEW), (2.3, DONE)])
        .said(&[("jonas", 2.4, "I watched our side for an hour. Boring, in the best way.")]),
    task("registry-billing", "noor", -2.8, "Billing's three producers send registered schemas")
        .tagged(&["schemas"]).own(&["noor", "marie"]).points(3).goal(2).sprints(&[0])
        .deeds(&[(0.9, DOING), (3.5, REVIEW), (4.4, DONE)]),
    task("checksum", "daniel", -2.5, "Compare both sides every night")
        .about("Counts and checksums a partition, and a line in the channel when they differ.")
        .tagged(&["dual-write"]).own(&["daniel"]).points(3).goal(1).sprints(&[0])
        .steps(3, &["Counts", "Checksums", "A line when they differ"])
        .deeds(&[(2.5, DOING), (4.5, REVIEW), (5.6, DONE)]),
    task("hot-key", "sunhee", 3.0, "One customer fills a whole partition")
        .about("Found by Support. Split the key by a second part for the three largest customers.")
        .tagged(&["pipeline"]).own(&["sunhee"]).points(2).wanted_by("Support").sprints(&[0])
        .deeds(&[(3.1, DOING), (3.7, REVIEW), (4.1, DONE)])
        .said(&[("ebba", 4.2, "Support sends cake.")]),
    // ---- this sprint: in review
    task("dual-write", "sunhee", -15.6, "Dual-write person updates, with a retry that may fail")
        .about("Writes go to both sides. When the second one fails, the update is kept and tried again; after an hour somebody is told.\n\n**Not** in here: reading from the new side.\n\nInfrastructure's {cutover} waits for it.")
        .tagged(&["persons", "dual-write"]).own(&["sunhee", "daniel"]).points(5).goal(1).wanted_by("Infrastructure").sprints(&[-1, 0])
        .steps(4, &["Write to both", "Keep what failed", "Try again", "Tell somebody after an hour", "Turn it up to 10 %"])
        .deeds(&[(1.7, DOING), (4.8, REVIEW)])
        .said(&[("daniel", 3.0, "I drew the four ways in which the second write can fail. Picture in the pull request."), ("sunhee", 4.9, "Ready for eyes. @jonas offered some, see {cutover}."), ("jonas", 5.5, "Read the retry. One question about the order of two updates to the same person; the rest is good.")]),
    task("registry-web", "marie", -2.7, "Web and worker send registered schemas")
        .tagged(&["schemas"]).own(&["marie"]).points(2).goal(2).sprints(&[0])
        .deeds(&[(3.3, DOING), (5.6, REVIEW)]),
    // ---- this sprint: in progress
    task("ten-percent", "daniel", -2.4, "Turn dual writes up to 10 %, a step a day")
        .tagged(&["persons", "dual-write"]).own(&["daniel", "sunhee"]).points(2).goal(1).sprints(&[0])
        .steps(1, &["6 %", "8 %", "10 %"])
        .deeds(&[(5.0, DOING)])
        .said(&[("daniel", 5.7, "6 % since this morning. I wait for {dual-write} before the next step.")]),
    task("registry-ci", "noor", -2.3, "A pull request that breaks a schema says so")
        .about("In the pull request, with the line, and with whom to ask.")
        .tagged(&["schemas"]).own(&["noor"]).points(3).goal(2).sprints(&[0])
        .deeds(&[(4.9, DOING)]),
    task("replay", "marie", -2.6, "Replay reads partitions side by side")
        .about("A day takes 5 h 20 now. With sixteen readers it should be under one.")
        .tagged(&["replay"]).own(&["marie", "daniel"]).points(5).goal(3).sprints(&[0])
        .steps(2, &["One reader a partition", "Keep the order within a person", "Stop and go on", "Measure a whole day"])
        .deeds(&[(2.6, DOING)])
        .said(&[("marie", 5.3, "1 h 50 with eight readers. The order within a person holds.")]),
    task("dead-letters", "sunhee", -9.5, "Look at dead letters and send them again, from a page")
        .tagged(&["consumers"]).own(&["sunhee"]).points(3).wanted_by("Support").sprints(&[0])
        .deeds(&[(5.8, DOING)]),
    // ---- this sprint: blocked
    task("replay-cluster", "daniel", -2.2, "Run a replay on staging")
        .about("So that we can try a whole day without anybody noticing.")
        .tagged(&["replay"]).own(&["daniel"]).points(2).goal(3).sprints(&[0])
        .deeds(&[(3.0, DOING), (3.9, Deed::Block(On::Task("peering"), "staging cannot be reached without it"))])
        .said(&[("daniel", 4.0, "Asked in {peering}. Until then I help @marie with {replay}.")]),
    task("exports", "marie", -7.0, "Give exports the new person format")
        .tagged(&["persons"]).own(&["marie"]).points(3).wanted_by("Analytics").sprints(&[0])
        .deeds(&[(1.8, DOING), (5.2, Deed::Block(On::Team("infrastructure"), "a read replica for exports"))]),
    // ---- this sprint: to do
    task("registry-last", "marie", -2.1, "The last two producers: cron and the importer")
        .tagged(&["schemas"]).own(&["noor"]).points(3).goal(2).sprints(&[0]),
    task("replay-runbook", "daniel", -2.0, "Runbook: replay a day")
        .tagged(&["docs", "replay"]).points(1).goal(3).sprints(&[0]),
    task("batch-size", "sunhee", 2.2, "Find the batch size at which Postgres is happiest")
        .about("Between 200 and 2,000. With @gita, who has the graphs.")
        .tagged(&["pipeline"]).own(&["sunhee"]).points(2).due(8).sprints(&[0])
        .said(&[("gita", 5.1, "I have a free hour tomorrow at 14:00 UTC, which is morning for you. Shall we?")]),
    // ---- set aside for the next sprint
    task("all-percent", "sunhee", -1.2, "Dual-write every person update")
        .tagged(&["persons", "dual-write"]).own(&["sunhee", "daniel"]).points(5).goal(1).sprints(&[1]),
    task("refuse", "marie", 1.9, "Refuse events without a registered schema")
        .about("First for a day in which we only count them.")
        .tagged(&["schemas"]).own(&["marie", "noor"]).points(3).goal(2).sprints(&[1]),
    task("read-new", "daniel", 3.3, "Read persons from the new side, for ourselves first")
        .tagged(&["persons"]).points(3).wanted_by("Infrastructure").sprints(&[1]),
    // ---- backlog
    task("eu-pipeline", "marie", -11.0, "A pipeline of its own for the EU")
        .about("No event of an EU customer may leave the EU. Draw first what crosses the border today.")
        .tagged(&["pipeline", "eu-cloud"]).points(8).wanted_by("Infrastructure")
        .said(&[("gita", -9.4, "Happy to draw it with you: {first-request} shows how they come in.")]),
    task("sampling", "noor", -21.0, "Sample debug events instead of keeping them all")
        .tagged(&["pipeline"]).points(2),
    task("kafka-upgrade", "daniel", -17.0, "Upgrade Kafka by one version")
        .about("Two versions behind. Nothing hurts yet.")
        .tagged(&["pipeline"]).points(5),
    task("csv", "marie", -33.0, "Accept CSV in the importer")
        .tagged(&["pipeline"])
        .deeds(&[(-13.0, Deed::Archive)])
        .said(&[("marie", -13.1, "Nobody has asked for it in half a year. Archived; it can come back.")]),
];
