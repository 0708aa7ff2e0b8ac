//! Accounts: profiles, credentials, invitations and absences.

pub mod absences;
pub mod anonymize;
pub mod api_tokens;
pub mod avatars;
pub mod create;
pub(crate) mod email;
pub mod end_sessions;
pub(crate) mod mails;
pub mod oauth_clients;
pub mod oauth_codes;
pub mod password_resets;
pub mod personal_data;
pub mod profile;
pub mod queries;
pub(crate) mod second_factor;
pub mod sign_in;
pub mod working_hours;
