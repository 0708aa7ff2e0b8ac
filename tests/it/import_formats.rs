//! Importing the files of further tools. The files are our own, in the shapes that these tools write.

use std::io::Write;

use fortnight::domain::import::{fields::columns::Field, source::Source, summary::Summary};
use serde_json::{Value, json};

use crate::{
    fixtures::World,
    import_tables::{import_draft, task_called},
};

/// Three lines stand before the names.
const ASANA: &str = "Exported from Asana,,\n,,\n,,\n\
    Task ID,Created At,Completed At,Last Modified,Name,Section/Column,Assignee,Assignee Email,Start Date,Due Date,Tags,Notes,Projects,Parent task\n\
    1201,2026-10-01,,2026-10-02,Rotate the keys,In progress,Elif Hartmann,elif@example.org,,2026-12-04,\"security,ops\",Every quarter.,Platform,\n\
    1202,2026-10-01,2026-10-09,2026-10-09,Upgrade Kafka,In progress,,,,,,,Platform,\n\
    1203,2026-10-03,,2026-10-03,\"=HYPERLINK(\"\"https://evil.example\"\")\",Week 44,,,,,,,Platform,Rotate the keys\n";

const PLANE: &str = "ID,Project,Name,Description,State,Start Date,Target Date,Priority,Created By,Assignee,Labels,Cycle Name,Cycle Start Date,Cycle End Date,Created At,Updated At,Completed At,Archived At\n\
    OPS-1,Mobile,Make it smooth,Smoother,In Progress,,\"Thu, 24 Dec 2026 10:17:06 UTC+0000\",high,Ada Ahrens,Elif Hartmann,Fast,Cycle 7,,,\"Sun, 20 Sep 2026 10:17:06 UTC+0000\",,\"Tue, 22 Sep 2026 01:02:18 UTC+0000\",\n\
    OPS-2,Mobile,Drop the old queue,,Cancelled,,,none,Ada Ahrens,,,,,,\"Sun, 20 Sep 2026 10:17:06 UTC+0000\",,,\n";

const KANBOARD: &str = "\"Task Id\",Reference,Project,Status,Category,Swimlane,Column,Position,Color,\"Due date\",Creator,\"Creator Name\",\"Assignee Username\",\"Assignee Name\",Complexity,Title,\"Creation date\",\"Modification date\",\"Completion date\",\"Start date\",\"Time estimated\",\"Time spent\",Priority,Tags\n\
    7,,Platform,Open,Storage,Default,\"Work in progress\",1,Yellow,12/04/2026,ada,\"Ada Ahrens\",elif,\"Elif Hartmann\",5,\"Migrate the tables\",\"10/01/2026 09:30\",\"10/02/2026 09:30\",,\"10/02/2026 09:30\",0,0,2,\"db, slow query\"\n\
    8,,Platform,Closed,,Default,Backlog,1,Yellow,,ada,\"Ada Ahrens\",,,0,\"Buy discs\",\"10/01/2026 09:30\",,\"10/13/2026 16:00\",,0,0,0,\n";

const GITHUB_VIEW: &str = "Title\tURL\tAssignees\tStatus\tLabels\tMilestone\n\
    Cache the wheels\thttps://github.com/acme/ci/issues/4\telif\tIn review\tbuild\tv2\n\
    Drop Python 3.8\thttps://github.com/acme/ci/issues/5\t\tBacklog\t\t\n";

const ANY: &str = "Aid;Kind;Headline;Phase;Who;Opened;Finished;Size\n\
    1;ops;Restart the broker;finished;Elif Hartmann;13.10.2026;15.10.2026;3\n\
    2;ops;Size the discs;working on it;Jonas Gruber;14.10.2026;;2\n\
    3;ops;Size the discs;later;;14.10.2026;;\n";

const STARTS_AND_ENDS: &str = "Closed Date;Activated Date;ID;Story Points\n\
    10/31/2026 8:04:10 AM;10/15/2026 10:29:09 AM;136197;5\n\
    ;11/4/2026 2:48:18 PM;137007;3\n";

fn wekan() -> Value {
    json!({
        "_format": "wekan-board-1.0.0", "title": "Platform",
        "users": [{ "_id": "u1", "username": "elif", "profile": { "fullname": "Elif Hartmann" } }, { "_id": "u2", "username": "mira" }],
        "labels": [{ "_id": "b", "name": "", "color": "red" }],
        "lists": [{ "_id": "l2", "title": "Doing", "sort": 1, "archived": false }, { "_id": "l1", "title": "Backlog", "sort": 0, "archived": false }],
        "swimlanes": [{ "_id": "s1", "title": "Default" }, { "_id": "s2", "title": "Night shift" }],
        "customFields": [{ "_id": "f1", "name": "Ticket", "type": "text" }],
        "cards": [
            { "_id": "c1", "title": "Fix the login", "description": "People are signed out.", "listId": "l2", "swimlaneId": "s2", "labelIds": ["b"],
              "sort": 0, "archived": false, "dueAt": "2026-12-04T17:00:00.000Z", "createdAt": "2026-10-01T10:00:00.000Z", "userId": "u2",
              "assignees": ["u1"], "members": ["u1", "u2"], "customFields": [{ "_id": "f1", "value": "OPS-9" }] },
            { "_id": "c2", "title": "Old idea", "listId": "l1", "sort": 1, "archived": true, "createdAt": "2026-10-01T10:00:00.000Z" }
        ],
        "checklists": [{ "_id": "k1", "cardId": "c1", "title": "Steps", "sort": 0 }],
        "checklistItems": [
            { "_id": "i2", "checklistId": "k1", "cardId": "c1", "title": "Mend it", "sort": 1, "isFinished": false },
            { "_id": "i1", "checklistId": "k1", "cardId": "c1", "title": "Reproduce it", "sort": 0, "isFinished": true }
        ],
        "comments": [{ "_id": "m1", "text": "Also in Firefox.", "createdAt": "2026-10-02T11:30:00.000Z", "cardId": "c1", "userId": "u1" }],
        "activities": [
            { "activityType": "createCard", "cardId": "c1", "listId": "l1", "createdAt": "2026-10-01T10:00:00.000Z", "userId": "u2" },
            { "activityType": "moveCard", "cardId": "c1", "oldListId": "l1", "listId": "l2", "createdAt": "2026-10-05T10:00:00.000Z", "userId": "u1" }
        ],
        "attachments": [{ "_id": "a1", "cardId": "c1", "name": "note.txt" }]
    })
}

fn planka() -> Value {
    json!({
        "item": { "id": "10", "name": "Platform" },
        "included": {
            "users": [{ "id": "1", "name": "Elif Hartmann", "username": "elif" }],
            "labels": [{ "id": "500", "name": "Bug", "color": "berry-red" }],
            "lists": [
                { "id": "1002", "type": "closed", "position": 131072, "name": "Shipped" },
                { "id": "1000", "type": "active", "position": 65536, "name": "Doing" },
                { "id": "1003", "type": "archive", "position": null, "name": null },
                { "id": "1004", "type": "trash", "position": null, "name": null }
            ],
            "cards": [
                { "id": "2000", "position": 65536, "name": "First", "description": "Some **bold** text", "dueDate": "2026-12-04T10:00:00.000Z",
                  "isClosed": false, "commentsTotal": 2, "listChangedAt": "2026-10-02T00:00:00.000Z", "listId": "1000", "creatorUserId": "1",
                  "createdAt": "2026-10-01T00:00:00.000Z" },
                { "id": "2001", "position": 1, "name": "Shipped one", "isClosed": true, "listId": "1002", "createdAt": "2026-10-01T00:00:00.000Z" },
                { "id": "2002", "position": 1, "name": "Put away", "isClosed": false, "listId": "1003", "prevListId": "1000" },
                { "id": "2003", "position": 1, "name": "Thrown away", "isClosed": false, "listId": "1004" }
            ],
            "cardMemberships": [{ "id": "1", "cardId": "2000", "userId": "1" }],
            "cardLabels": [{ "id": "1", "cardId": "2000", "labelId": "500" }],
            "taskLists": [{ "id": "4000", "position": 1, "name": "Steps", "cardId": "2000" }],
            "tasks": [{ "id": "4100", "position": 2, "name": "second", "isCompleted": false, "taskListId": "4000" },
                      { "id": "4101", "position": 1, "name": "first", "isCompleted": true, "taskListId": "4000" }],
            "customFields": [{ "id": "5100", "name": "Priority" }],
            "customFieldValues": [{ "id": "1", "content": "High", "cardId": "2000", "customFieldId": "5100" }],
            "attachments": [{ "id": "1", "type": "link", "name": "Plan", "cardId": "2000", "data": { "url": "https://example.org/plan" } }]
        }
    })
}

fn vikunja() -> Value {
    json!([{
        "id": 1, "title": "Platform", "is_archived": false,
        "buckets": [{ "id": 1, "title": "Doing", "is_done_bucket": false }, { "id": 2, "title": "Finished", "is_done_bucket": true }],
        "tasks": [
            { "id": 1, "title": "Pack the rack", "description": "<p>With <strong>care</strong></p>", "done": false, "done_at": "0001-01-01T00:00:00Z",
              "due_date": "2026-12-04T17:00:00Z", "start_date": "0001-01-01T00:00:00Z", "priority": 3, "position": 2, "bucket_id": 1,
              "labels": [{ "id": 1, "title": "move", "hex_color": "ff0000" }], "assignees": [{ "username": "elif", "name": "" }],
              "attachments": [{ "id": 1 }], "created": "2026-10-01T10:00:00Z", "created_by": { "username": "mira", "name": "" },
              "comments": [{ "comment": "By Friday", "author": { "username": "elif", "name": "" }, "created": "2026-10-02T10:00:00Z" }] },
            { "id": 2, "title": "Order the van", "done": true, "done_at": "2026-10-09T10:00:00Z", "position": 1, "bucket_id": 2,
              "labels": null, "assignees": null, "comments": null, "attachments": null, "created": "2026-10-01T10:00:00Z" }
        ],
        "child_projects": [{ "id": 2, "title": "Cables", "buckets": null, "child_projects": null,
            "tasks": [{ "id": 3, "title": "Label them", "done": false, "created": "2026-10-01T10:00:00Z" }] }]
    }])
}

fn taiga() -> Value {
    json!({
        "name": "Platform", "slug": "platform",
        "us_statuses": [{ "name": "Shipped", "order": 3, "is_closed": true }, { "name": "New", "order": 1, "is_closed": false },
                        { "name": "In progress", "order": 2, "is_closed": false }],
        "task_statuses": [{ "name": "Closed", "is_closed": true }, { "name": "Open", "is_closed": false }],
        "issue_statuses": [{ "name": "Rejected", "is_closed": true }],
        "points": [{ "name": "3", "value": 3.0 }, { "name": "1/2", "value": 0.5 }, { "name": "?", "value": null }],
        "milestones": [{ "name": "Sprint 9", "estimated_start": "2026-10-05", "estimated_finish": "2026-10-16" }],
        "user_stories": [{
            "ref": 4, "subject": "Search by name", "description": "As a reader", "status": "In progress", "is_closed": false,
            "created_date": "2026-10-01T10:00:00+0000", "finish_date": null, "due_date": "2026-12-04",
            "tags": [["search", "#00ff00"], "ui"], "owner": "mira@example.org", "assigned_to": "elif@example.org",
            "assigned_users": ["elif@example.org"], "milestone": "Sprint 9", "kanban_order": 1, "is_blocked": true, "blocked_note": "No index yet",
            "role_points": [{ "role": "back", "points": "3" }, { "role": "ux", "points": "?" }],
            "history": [{ "created_at": "2026-10-06T10:00:00Z", "user": ["elif@example.org", "Elif Hartmann"], "comment": "On it",
                          "diff": { "status": [1, 2] }, "values": { "status": { "1": "New", "2": "In progress" } } }]
        }],
        "tasks": [{ "ref": 5, "subject": "Add the index", "user_story": 4, "status": "Closed", "us_order": 1 },
                  { "ref": 6, "subject": "Tidy up", "user_story": null, "status": "Open", "us_order": 1 }],
        "issues": [{ "ref": 7, "subject": "Crash on empty name", "status": "Rejected", "type": "Bug", "severity": "Normal", "priority": "High",
                     "created_date": "2026-10-02T10:00:00Z", "finished_date": "2026-10-03T10:00:00Z", "tags": null, "history": [] }]
    })
}

fn kanboard() -> Value {
    let answer = |result: Value| json!({ "jsonrpc": "2.0", "id": 1, "result": result });
    json!({
        "getAllTasks": answer(json!([
            { "id": "7", "title": "Migrate the tables", "description": "All of them", "date_creation": "1790848800", "column_id": "2", "owner_id": "1",
              "position": "1", "is_active": "1", "date_completed": null, "score": "5", "date_due": "1796368800", "category_id": "3", "creator_id": "1",
              "swimlane_id": "1", "date_started": "1790935200", "date_moved": "1790935200", "reference": "" },
            { "id": 8, "title": "Buy discs", "date_creation": 1790848800, "column_id": 1, "is_active": 0, "date_completed": 1791885600, "score": 0 }
        ])),
        "getColumns": answer(json!([{ "id": "1", "title": "Backlog", "position": "1" }, { "id": "2", "title": "Work in progress", "position": "2" }])),
        "getAllCategories": [{ "id": "3", "name": "Storage" }],
        "getAllUsers": [{ "id": "1", "username": "elif", "name": "Elif Hartmann" }],
        "getAllSubtasks": [{ "id": "1", "task_id": "7", "title": "Copy", "status": "2", "position": "1" }],
        "getAllComments": [{ "task_id": "7", "date_creation": "1790935200", "username": "elif", "name": "Elif Hartmann", "comment": "Half done" }],
        "getTaskTags": { "7": { "1": "db" } }
    })
}

const JIRA_XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><!-- RSS generated by JIRA -->
<rss version="0.92"><channel><title>Acme</title><item>
  <title>[OPS-7] Rotate &amp; test</title><key id="107">OPS-7</key><summary>Rotate &amp; test</summary><type id="1">Task</type>
  <status id="3">Wird bearbeitet</status><statusCategory id="4" key="indeterminate" colorName="inprogress"/>
  <resolution id="-1">Unresolved</resolution><assignee username="elif">Elif Hartmann</assignee><reporter username="mira">Mira Holm</reporter>
  <labels><label>ops</label><label>keys</label></labels><created>Thu, 1 Oct 2026 10:00:00 +0000</created><due>Fri, 4 Dec 2026 00:00:00 +0000</due>
  <description>&lt;p&gt;Every &lt;b&gt;quarter&lt;/b&gt;&lt;/p&gt;</description>
  <comments><comment id="1" author="elif" created="Fri, 2 Oct 2026 10:00:00 +0000">&lt;p&gt;Started&lt;/p&gt;</comment></comments>
  <customfields><customfield id="c1"><customfieldname>Story Points</customfieldname><customfieldvalues><customfieldvalue>5.0</customfieldvalue></customfieldvalues></customfield>
  <customfield id="c2"><customfieldname>Colour</customfieldname><customfieldvalues><customfieldvalue>red</customfieldvalue></customfieldvalues></customfield></customfields>
  <attachments><attachment id="9" name="plan.pdf" size="7"/></attachments>
</item><item>
  <key id="108">OPS-8</key><summary>Old queue</summary><status id="9">Fertig</status><statusCategory id="3" key="done"/><resolution id="2">Won't Do</resolution>
  <created>Thu, 1 Oct 2026 10:00:00 +0000</created><resolved>Fri, 9 Oct 2026 10:00:00 +0000</resolved>
</item></channel></rss>"#;

/// Files of all formats.
pub fn files() -> Vec<(Source, String)> {
    vec![
        (Source::Asana, ASANA.to_owned()),
        (Source::Plane, PLANE.to_owned()),
        (Source::Kanboard, KANBOARD.to_owned()),
        (Source::Github, GITHUB_VIEW.to_owned()),
        (Source::Csv, ANY.to_owned()),
        (Source::Csv, STARTS_AND_ENDS.to_owned()),
        (Source::Wekan, wekan().to_string()),
        (Source::Planka, planka().to_string()),
        (Source::Vikunja, vikunja().to_string()),
        (Source::Taiga, taiga().to_string()),
        (Source::Kanboard, kanboard().to_string()),
        (Source::Jira, JIRA_XML.to_owned()),
        (Source::Plane, json!([{ "ID": "OPS-1", "Name": "Make it smooth", "State": "In Progress", "Created At": "2026-09-20" }]).to_string()),
    ]
}

async fn import(world: &World, source: Source, file: &str, columns: &[(Field, String)]) -> Summary {
    let draft = source.parse(file.as_bytes().to_vec(), "the file", columns);
    let draft = draft.unwrap_or_else(|error| panic!("{source:?}: {error:#}"));
    import_draft(world, &draft).await
}

/// What each task became: title, column, state, and whether it is in the archive.
async fn places(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT concat_ws(' | ', k.title, c.name, c.state, CASE WHEN k.archived_at IS NOT NULL THEN 'archived' END)
         FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id ORDER BY k.title, k.number",
    )
    .fetch_all(&world.db)
    .await
    .unwrap()
}

fn contains_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn every_format_is_imported_once() {
    for (source, file) in files() {
        let world = World::new().await;
        let first = import(&world, source, &file, &[]).await;
        assert!(first.created > 0, "{source:?}: {first}");
        let again = import(&world, source, &file, &[]).await;
        assert_eq!(again.created, 0, "{source:?}: {again}");
        contains_all(&again.to_string(), &["were imported before"]);
        let board = world.elif.get("/teams/infrastructure?sprint=all").await;
        assert_eq!(board.status, 200, "{source:?}");
    }
}

#[tokio::test]
async fn tables_of_asana_plane_and_kanboard_arrive() {
    let world = World::new().await;
    let summary = import(&world, Source::Asana, ASANA, &[]).await;
    assert_eq!(
        places(&world).await,
        [
            "=HYPERLINK(\"https://evil.example\") | Week 44 | todo",
            "Rotate the keys | In progress | doing",
            "Upgrade Kafka | Done | done | archived",
        ],
        "{summary}"
    );
    let keys = task_called(&world, "Rotate the keys").await;
    assert_eq!(keys["owners"][0]["handle"], "elif");
    assert_eq!(keys["owners"].as_array().unwrap().len(), 1, "{keys}");
    assert_eq!(
        (&keys["due"], &keys["labels"]),
        (&json!("2026-12-04"), &json!(["ops", "security"]))
    );

    let world = World::new().await;
    import(&world, Source::Plane, PLANE, &[]).await;
    assert_eq!(
        places(&world).await,
        [
            "Drop the old queue | Todo | todo | archived",
            "Make it smooth | In progress | doing"
        ]
    );
    let smooth = task_called(&world, "Make it smooth").await;
    assert_eq!(smooth["due"], "2026-12-24");
    contains_all(
        smooth["description"].as_str().unwrap(),
        &["Smoother", "Priority: high", "Cycle Name: Cycle 7"],
    );
    // The same as JSON, whose values are not all text.
    let world = World::new().await;
    let rows = json!([{ "ID": "OPS-1", "Name": "Make it smooth", "State": "In Progress", "Created At": "2026-09-20", "Labels": ["Fast", "ui"], "Estimate": 3 }]);
    import(&world, Source::Plane, &rows.to_string(), &[]).await;
    let smooth = task_called(&world, "Make it smooth").await;
    assert_eq!(
        (&smooth["labels"], &smooth["estimate"]),
        (&json!(["Fast", "ui"]), &json!(3))
    );

    for file in [KANBOARD.to_owned(), kanboard().to_string()] {
        let world = World::new().await;
        import(&world, Source::Kanboard, &file, &[]).await;
        assert_eq!(
            places(&world).await,
            [
                "Buy discs | Done | done | archived",
                "Migrate the tables | In progress | doing"
            ]
        );
        let tables = task_called(&world, "Migrate the tables").await;
        assert_eq!(
            (&tables["estimate"], &tables["due"]),
            (&json!(5), &json!("2026-12-04")),
            "{tables}"
        );
        assert_eq!(tables["owners"][0]["handle"], "elif");
        contains_all(&tables["labels"].to_string(), &["Storage", "db"]);
    }
}

#[tokio::test]
async fn any_table_is_read_by_the_names_of_its_columns() {
    let world = World::new().await;
    // “Headline” and “Who” say nothing by themselves.
    let columns = [
        (Field::Title, "Headline".to_owned()),
        (Field::Owners, "Who".to_owned()),
    ];
    let summary = import(&world, Source::Csv, ANY, &columns).await;
    assert_eq!(
        places(&world).await,
        [
            "Restart the broker | finished | done | archived",
            "Size the discs | later | todo",
            "Size the discs | working on it | doing",
        ],
        "{summary}"
    );
    let broker = task_called(&world, "Restart the broker").await;
    assert_eq!(broker["owners"][0]["handle"], "elif");
    assert_eq!(broker["estimate"], 3);
    contains_all(
        broker["description"].as_str().unwrap(),
        &["Kind: ops", "Aid: 1"],
    );
    let ended: time::Date = sqlx::query_scalar(
        "SELECT archived_at::date FROM tasks WHERE title = 'Restart the broker'",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(ended, time::macros::date!(2026 - 10 - 15));
    // Days in work count in the flow figures.
    let world = World::new().await;
    import(&world, Source::Csv, STARTS_AND_ENDS, &[]).await;
    assert_eq!(
        places(&world).await,
        [
            "136197 | Done | done | archived",
            "137007 | In progress | doing"
        ]
    );
    let flow = world
        .elif
        .get("/teams/infrastructure/flow/cycle-time.csv?from=2026-10-01&to=2026-11-20")
        .await;
    assert_eq!(flow.status, 200);
    contains_all(&flow.text(), &["INF-", "2026-10-31"]);

    // A spreadsheet may have a column of ticks.
    let world = World::new().await;
    import(
        &world,
        Source::Csv,
        "Task,Done\nBook the room,TRUE\nBring cake,FALSE\n",
        &[],
    )
    .await;
    assert_eq!(
        places(&world).await,
        [
            "Book the room | Done | done | archived",
            "Bring cake | Todo | todo"
        ]
    );

    let error = Source::Csv
        .parse(ANY.into(), "x.csv", &[(Field::Title, "Name".to_owned())])
        .unwrap_err()
        .to_string();
    contains_all(&error, &["no column “Name”", "Aid, Kind, Headline"]);
}

#[tokio::test]
async fn boards_of_wekan_planka_and_vikunja_arrive() {
    let world = World::new().await;
    let summary = import(&world, Source::Wekan, &wekan().to_string(), &[]).await;
    assert_eq!(
        places(&world).await,
        [
            "Fix the login | In progress | doing",
            "Old idea | Backlog | todo | archived"
        ]
    );
    contains_all(
        &summary.to_string(),
        &["left out: 1 attached file.", "mira"],
    );
    let login = task_called(&world, "Fix the login").await;
    assert_eq!(
        (&login["labels"], &login["due"]),
        (&json!(["red"]), &json!("2026-12-04"))
    );
    let steps: Vec<(&Value, &Value)> = login["checklist"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (&step["text"], &step["done"]))
        .collect();
    assert_eq!(
        steps,
        [
            (&json!("Steps: Reproduce it"), &json!(true)),
            (&json!("Steps: Mend it"), &json!(false))
        ]
    );
    contains_all(
        login["description"].as_str().unwrap(),
        &["Night shift", "Ticket: OPS-9"],
    );
    let moved: String = sqlx::query_scalar("SELECT string_agg(transition, ', ' ORDER BY at) FROM events WHERE transition IS NOT NULL AND at < '2026-11-01' AND task_id IN (SELECT id FROM tasks WHERE title = 'Fix the login')")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(moved, "created todo, moved doing");

    let world = World::new().await;
    let summary = import(&world, Source::Planka, &planka().to_string(), &[]).await;
    assert_eq!(
        places(&world).await,
        [
            "First | In progress | doing",
            "Put away | In progress | doing | archived",
            "Shipped one | Shipped | done"
        ]
    );
    contains_all(
        &summary.to_string(),
        &[
            "left out: 2 comments, which Planka",
            "left out: 1 card in the trash",
        ],
    );
    let first = task_called(&world, "First").await;
    contains_all(
        first["description"].as_str().unwrap(),
        &["Priority: High", "https://example.org/plan"],
    );
    assert_eq!(
        (&first["labels"], &first["owners"][0]["handle"]),
        (&json!(["Bug"]), &json!("elif"))
    );

    let world = World::new().await;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("data.json", options).unwrap();
    archive.write_all(vikunja().to_string().as_bytes()).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    let draft = Source::Vikunja.parse(bytes, "export.zip", &[]).unwrap();
    import_draft(&world, &draft).await;
    assert_eq!(
        places(&world).await,
        [
            "Label them | Todo | todo",
            "Order the van | Done | done | archived",
            "Pack the rack | In progress | doing"
        ]
    );
    let rack = task_called(&world, "Pack the rack").await;
    contains_all(
        rack["description"].as_str().unwrap(),
        &["With **care**", "Priority: 3"],
    );
    assert_eq!(rack["due"], "2026-12-04");
}

#[tokio::test]
async fn project_of_taiga_and_issues_as_xml_arrive() {
    let world = World::new().await;
    import(&world, Source::Taiga, &taiga().to_string(), &[]).await;
    assert_eq!(
        places(&world).await,
        [
            "Crash on empty name | Rejected | done | archived",
            "Search by name | In progress | doing",
            "Tidy up | Open | todo",
        ]
    );
    let search = task_called(&world, "Search by name").await;
    assert_eq!(
        (&search["estimate"], &search["labels"]),
        (&json!(3), &json!(["search", "ui"]))
    );
    assert_eq!(search["checklist"][0]["text"], "Add the index");
    assert_eq!(search["checklist"][0]["done"], true);
    contains_all(
        search["description"].as_str().unwrap(),
        &[
            "Sprint: Sprint 9, 2026-10-05 to 2026-10-16",
            "Blocked: No index yet",
        ],
    );

    let world = World::new().await;
    let summary = import(&world, Source::Jira, JIRA_XML, &[]).await;
    contains_all(
        &summary.to_string(),
        &["left out, with the number of their values: colour (1)"],
    );
    assert_eq!(
        places(&world).await,
        [
            "Old queue | Todo | todo | archived",
            "Rotate & test | Wird bearbeitet | doing"
        ]
    );
    let rotate = task_called(&world, "Rotate & test").await;
    assert_eq!(
        (&rotate["estimate"], &rotate["due"]),
        (&json!(5), &json!("2026-12-04"))
    );
    assert_eq!(rotate["labels"], json!(["keys", "ops"]));
    contains_all(
        rotate["description"].as_str().unwrap(),
        &["Every **quarter**", "Type: Task", "Attachment: plan.pdf"],
    );
    let comments: Vec<String> = sqlx::query_scalar("SELECT body FROM comments")
        .fetch_all(&world.db)
        .await
        .unwrap();
    contains_all(&comments.join("\n"), &["Started"]);
    // The table of the same issues imports them no second time.
    let table = "Summary,Issue key,Issue id,Status\nRotate & test,OPS-7,107,Done\n";
    let again = import(&world, Source::Jira, table, &[]).await;
    assert_eq!(again.created, 0, "{again}");
}

/// Archives and XML that are made to fill the memory, and files that are something else.
#[test]
fn hostile_files_are_refused() {
    let mut bomb = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    bomb.start_file("data.json", options).unwrap();
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..101 {
        bomb.write_all(&zeros).unwrap();
    }
    let bomb = bomb.finish().unwrap().into_inner();
    assert!(bomb.len() < 1 << 20);
    let refusal = |source: Source, bytes: Vec<u8>| {
        let refused = source
            .parse(bytes, "the file", &[])
            .map(|_| ())
            .unwrap_err();
        format!("{refused:#}")
    };
    contains_all(&refusal(Source::Vikunja, bomb), &["larger than 100 MB"]);

    for name in ["../data.json", "/etc/passwdd"] {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        archive.start_file("qq/data.json", options).unwrap();
        archive.write_all(b"[]").unwrap();
        let mut bytes = archive.finish().unwrap().into_inner();
        // The writer itself makes no such names.
        while let Some(at) = bytes
            .windows(name.len())
            .position(|part| part == b"qq/data.json")
        {
            bytes.splice(at..at + name.len(), name.bytes());
        }
        contains_all(&refusal(Source::Vikunja, bytes), &["leads out of it"]);
    }
    contains_all(
        &refusal(Source::Vikunja, b"PK\x03\x04 cut".to_vec()),
        &["cannot be read"],
    );

    let laughs = "<?xml version=\"1.0\"?><!DOCTYPE rss [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]>\
                  <rss><channel><item><key id=\"1\">A-1</key><summary>&b;</summary></item></channel></rss>";
    contains_all(&refusal(Source::Jira, laughs.into()), &["entity “b”"]);
    let nested = format!("<rss>{}", "<a>".repeat(100_000));
    contains_all(
        &refusal(Source::Jira, nested.into_bytes()),
        &["nested too deep"],
    );
    let cut = JIRA_XML.split_once("</channel>").unwrap().0;
    contains_all(&refusal(Source::Jira, cut.into()), &["cut"]);
    for source in [
        Source::Wekan,
        Source::Planka,
        Source::Taiga,
        Source::Vikunja,
        Source::Kanboard,
    ] {
        let refused = refusal(source, b"{\"cards\": 7}".to_vec());
        assert!(refused.contains("the file is not"), "{source:?}: {refused}");
    }
}

/// What newer versions of the tools write, and what is easily mistaken.
#[tokio::test]
async fn buckets_statuses_and_dates_are_not_mixed_up() {
    let world = World::new().await;
    let projects = json!([{
        "id": 1, "title": "Platform", "buckets": [{ "id": 5, "title": "In review" }],
        "task_buckets": [{ "task_id": 1, "bucket_id": 5 }], "positions": [{ "task_id": 1, "position": 2.5 }],
        "tasks": [{ "id": 1, "title": "Check the plan", "done": false, "bucket_id": 0, "created": "2026-10-01T10:00:00Z" }]
    }]);
    import(&world, Source::Vikunja, &projects.to_string(), &[]).await;
    assert_eq!(
        places(&world).await,
        ["Check the plan | In review | review"]
    );

    // Open for a story, closed for an issue.
    let world = World::new().await;
    let project = json!({
        "name": "Platform", "slug": "platform", "us_statuses": [{ "name": "Ready for test", "order": 1, "is_closed": false }],
        "issue_statuses": [{ "name": "Ready for test", "is_closed": true }],
        "user_stories": [{ "ref": 1, "subject": "Story", "status": "Ready for test" }],
        "issues": [{ "ref": 2, "subject": "Issue", "status": "Ready for test" }]
    });
    import(&world, Source::Taiga, &project.to_string(), &[]).await;
    let found = places(&world).await;
    assert_eq!(found[0], "Issue | Done | done | archived");
    assert!(!found[1].contains("done"), "{found:?}");

    // Days of ISO say nothing about the order in others.
    let world = World::new().await;
    let table = "Title,Due,Created\nA,03/04/2026,2026-01-05\nB,03/20/2026,2026-01-05\n";
    import(&world, Source::Csv, table, &[]).await;
    assert_eq!(task_called(&world, "A").await["due"], "2026-03-04");
    assert_eq!(task_called(&world, "B").await["due"], "2026-03-20");

    // A column with a value for each row is no status.
    let many: String = (0..300).map(|n| format!("Task {n},{n}\n")).collect();
    let draft = Source::Csv
        .parse(format!("Title,Status\n{many}").into_bytes(), "x.csv", &[])
        .unwrap();
    let request = fortnight::domain::import::ImportRequest {
        draft: &draft,
        team: "infrastructure",
        mappings: &[],
        sprint: Default::default(),
        dry_run: true,
    };
    let refused = fortnight::domain::import::import(&world.app.store, &request, &|_| {}).await;
    assert!(
        format!("{refused:?}").contains("at most 200"),
        "{refused:?}"
    );
    // Neither does a file of a megabyte become a table of gigabytes.
    let rows: Vec<Value> = (0..300).map(|n| json!({ format!("a{n}"): 1 })).collect();
    let refused = Source::Plane.parse(json!(rows).to_string().into_bytes(), "x.json", &[]);
    assert!(refused.is_err_and(|error| error.to_string().contains("more than 200")));
}
