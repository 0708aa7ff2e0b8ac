//! Accounts: profiles, credentials, invitations and absences.

pub mod absences;
pub mod anonymize;
pub mod api_tokens;
pub mod avatars;
pub mod create;
pub mod end_sessions;
pub mod identities;
pub mod password_resets;
pub mod profile;
pub mod queries;
pub mod sign_in;
pub mod working_hours;
