//! Pages of teams: my work, all teams, a team's about page, its history and settings.

pub mod about;
pub mod all_teams;
pub mod columns;
pub mod history;
pub mod members;
pub mod my_work;
pub mod settings;
pub mod setup;
pub mod share_links;

pub use crate::http::pages::teams::about::*;
pub use crate::http::pages::teams::all_teams::*;
pub use crate::http::pages::teams::columns::*;
pub use crate::http::pages::teams::history::*;
pub use crate::http::pages::teams::members::*;
pub use crate::http::pages::teams::my_work::*;
pub use crate::http::pages::teams::settings::*;
pub use crate::http::pages::teams::share_links::*;
