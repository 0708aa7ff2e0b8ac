//! Pages of teams: my work, all teams, a team's about page, its history and settings.

pub mod about;
pub mod all_teams;
pub mod chat;
pub mod columns;
pub mod github_project;
pub mod github_projects;
pub mod history;
pub mod import;
pub mod imports;
pub mod members;
pub mod my_work;
pub mod pull_requests;
pub mod restore;
pub mod settings;
pub mod setup;
pub mod share_links;

pub(crate) use crate::http::pages::teams::about::*;
pub(crate) use crate::http::pages::teams::all_teams::*;
pub(crate) use crate::http::pages::teams::chat::*;
pub(crate) use crate::http::pages::teams::columns::*;
pub(crate) use crate::http::pages::teams::github_project::*;
pub(crate) use crate::http::pages::teams::github_projects::*;
pub(crate) use crate::http::pages::teams::history::*;
pub(crate) use crate::http::pages::teams::import::*;
pub(crate) use crate::http::pages::teams::imports::*;
pub(crate) use crate::http::pages::teams::members::*;
pub(crate) use crate::http::pages::teams::my_work::*;
pub(crate) use crate::http::pages::teams::pull_requests::*;
pub(crate) use crate::http::pages::teams::settings::*;
pub(crate) use crate::http::pages::teams::share_links::*;
