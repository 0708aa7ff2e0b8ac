//! Tests in a real browser.

mod board;
mod board_interaction;
mod board_sync;
mod browser_fixture;
mod bulk_edit;
#[path = "../it/cluster.rs"]
mod cluster;
mod firefox;
mod forms;
mod live_connection;
mod live_pages;
mod onboarding;
mod pages;
#[path = "../it/program.rs"]
#[expect(
    dead_code,
    reason = "the tests of starting and stopping use more of it"
)]
mod program;
mod roles_and_sharing;
#[path = "../it/served.rs"]
#[expect(dead_code, reason = "only its server is used here")]
mod served;
mod sprint_cycle;
mod task_dialogs;
#[path = "../it/world.rs"]
#[expect(dead_code, reason = "the tests through the router use more of it")]
mod world;
