pub mod housekeeping;
