pub(crate) mod follow;
