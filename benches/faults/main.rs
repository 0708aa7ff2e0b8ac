//! `cargo bench --profile dev --bench faults`: the test of faults, for longer and with another seed each time.
//! `FAULT_ROUNDS` and `FAULT_SEED` set both. docs/RELIABILITY.md has the figures of one run.

use std::{
    env,
    process::{Command, ExitCode},
    time::SystemTime,
};

fn main() -> ExitCode {
    let seed = SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| time.as_secs());
    let given = |name, otherwise: u64| env::var(name).unwrap_or_else(|_| otherwise.to_string());
    let status = Command::new(env!("CARGO"))
        .args(["test", "--locked", "--test", "it", "--"])
        .args(["faults::checker", "--nocapture"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("FAULT_ROUNDS", given("FAULT_ROUNDS", 200))
        .env("FAULT_SEED", given("FAULT_SEED", seed))
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot run cargo: {error}");
            ExitCode::FAILURE
        }
    }
}
