//! Stories in a real browser.

mod asking;
#[path = "../it/cluster.rs"]
mod cluster;
mod everyone;
mod firefox;
mod first_day;
mod forms;
mod fortnight;
mod hands;
mod lanes;
mod line;
mod meeting;
mod pages;
#[path = "../it/program.rs"]
#[expect(
    dead_code,
    reason = "the stories of starting and stopping use more of it"
)]
mod program;
#[path = "../it/served.rs"]
#[expect(dead_code, reason = "only its server is wanted here")]
mod served;
mod several;
mod stage;
mod stories;
#[path = "../it/world.rs"]
#[expect(dead_code, reason = "the stories through the router use more of it")]
mod world;
