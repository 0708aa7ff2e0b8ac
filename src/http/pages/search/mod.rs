//! The search over everything: the palette that `/` opens, and the page of results; and suggestions
//! while typing.

mod commands;
mod results;
mod suggestions;

pub(crate) use results::{find_tasks, search};
pub(crate) use suggestions::suggest;
