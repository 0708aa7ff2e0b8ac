//! `fortnight licenses`: prints the licences of what the program contains.

use crate::cli::output::print_line;

/// Written by packaging/update-licenses.
const THIRD_PARTY: &str = include_str!("../../packaging/THIRD-PARTY.txt");

pub(super) fn print() {
    print_line(THIRD_PARTY.trim_end());
}
