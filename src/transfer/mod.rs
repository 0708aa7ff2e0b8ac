//! Bringing boards of other tools here.
