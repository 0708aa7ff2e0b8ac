//! Tells cargo that the migrations are part of the program: the macro that reads them
//! notices edits, but not a new file.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
