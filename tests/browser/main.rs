//! Tests in a real browser.

#[path = "../it/asset_serving.rs"]
#[expect(dead_code, reason = "only its server is used here")]
mod asset_serving;
mod attachments;
mod board;
mod board_interaction;
mod board_sync;
mod browser_fixture;
mod bulk_edit;
mod chat;
#[path = "../it/cluster.rs"]
mod cluster;
mod drafts;
#[path = "../it/fake_github.rs"]
#[expect(dead_code, reason = "the tests through the router use more of it")]
mod fake_github;
mod firefox;
#[path = "../it/fixtures.rs"]
#[expect(dead_code, reason = "the tests through the router use more of it")]
mod fixtures;
mod forms;
mod github_projects;
mod imports;
mod inbox;
mod live_connection;
mod live_pages;
mod long_boards;
#[path = "../it/mail_server.rs"]
mod mail_server;
mod mail_settings;
mod mails;
mod onboarding;
mod pages;
mod pictures;
#[path = "../it/ports.rs"]
mod ports;
#[path = "../it/program.rs"]
#[expect(
    dead_code,
    reason = "the tests of starting and stopping use more of it"
)]
mod program;
mod pull_requests;
mod roles_and_sharing;
mod screen_sizes;
mod search;
mod second_factor;
mod single_sign_on;
mod sprint_cycle;
mod tab_order;
mod task_dialogs;
mod webhooks;
