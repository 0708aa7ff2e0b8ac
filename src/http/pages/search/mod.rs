//! The search over everything: the palette that `/` opens, and the page of results.

mod commands;
mod results;

pub(crate) use results::search;
