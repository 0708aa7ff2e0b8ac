//! Pages of accounts: signing in, and what people say about themselves.

mod entering;
mod joining;
mod me;
mod own;
mod people;
mod workspace;

pub use entering::*;
pub use joining::*;
pub use me::*;
pub use own::*;
pub use people::*;
pub use workspace::*;
