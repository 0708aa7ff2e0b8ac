//! Pages of accounts: signing in, and what people say about themselves.

mod entering;
mod me;

pub use entering::*;
pub use me::*;
