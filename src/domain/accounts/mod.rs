//! People: who they are, how they sign in, and what proves it afterwards.

pub mod absences;
pub mod anonymize;
pub mod api_tokens;
pub mod create;
pub mod password_resets;
pub mod profile;
pub mod working_hours;
