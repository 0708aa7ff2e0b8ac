pub(crate) mod devices;
pub mod openid;
pub mod passwords;
pub(crate) mod pending_sign_ins;
pub(crate) mod second_factor;
pub mod secrets;
pub mod sessions;
pub(crate) mod totp;
