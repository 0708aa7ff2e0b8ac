//! A believable pair of teams.
