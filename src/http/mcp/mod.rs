//! The Model Context Protocol: tools by which agents read and change boards, with the same operations and the same access
//! as the pages and the API.

mod arguments;
mod caller;
pub mod endpoint;
mod prompts;
mod read;
mod refusals;
mod results;
mod server;
mod status;
mod tools;
mod write;
