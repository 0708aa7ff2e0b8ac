//! The search over everything: the palette that `/` opens, and the page of results; and suggestions
//! while typing.

mod commands;
mod results;
mod suggestions;

pub(crate) use results::search;
pub(crate) use suggestions::suggest;
