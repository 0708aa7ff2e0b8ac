//! What every page and every API answer shares; no feature in here.

pub mod assets;
pub mod cookies;
pub mod csv;
pub mod error;
pub mod forms;
pub mod giving_back;
pub mod health;
pub mod layers;
pub mod limits;
pub mod network;
pub mod openapi;
pub mod page;
pub mod repeats;
pub mod serve;
pub mod signals;
