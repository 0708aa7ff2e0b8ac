pub mod openid;
pub mod passwords;
pub mod secrets;
pub mod sessions;
