pub mod passwords;
pub mod sessions;
pub mod tokens;
