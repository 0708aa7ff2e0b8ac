pub mod openapi;
pub mod v1;
