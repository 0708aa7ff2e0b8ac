//! The supervisor thread that starts Postgres and restarts it if it dies.

use std::{
    io,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use crate::db::embedded::complaint::Logs;

/// Time for Postgres's fast shutdown. After that it is stopped immediately, which loses nothing:
/// the next start replays its log.
const IN_ORDER_WITHIN: Duration = Duration::from_secs(3);
const AT_ONCE_WITHIN: Duration = Duration::from_secs(1);
const PAUSE_BEFORE_AGAIN: Duration = Duration::from_millis(300);

/// The state of the Postgres process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// About to be started.
    Starting,
    Running(Pid),
    /// It died, this many times so far, and is about to be restarted.
    Ended(u32),
    /// It stopped as requested.
    Stopped,
}

/// Owns a Postgres process. Dropping it asks Postgres to stop, without waiting.
pub(crate) struct Keeper {
    stopping: Arc<AtomicBool>,
    state: watch::Receiver<State>,
}

impl Keeper {
    /// Starts the command on a thread that lives as long as the process: the kernel sends the death
    /// signal when the *thread* that started a child ends.
    pub(crate) fn start(mut command: Command, logs: Logs) -> io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let (states, state) = watch::channel(State::Starting);
        let stop_requested = Arc::clone(&stopping);
        thread::Builder::new()
            .name("postgres-keeper".to_owned())
            .spawn(move || keep(&mut command, &logs, &stop_requested, &states))?;
        Ok(Self { stopping, state })
    }

    pub(crate) fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Stops Postgres cleanly: it closes sessions and keeps what they committed.
    pub(crate) async fn stop(mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        for (signal, within) in [
            (Signal::INT, IN_ORDER_WITHIN),
            (Signal::QUIT, AT_ONCE_WITHIN),
        ] {
            let ended = async {
                // It may be between two processes: signal whichever appears, until none will.
                loop {
                    let state = *self.state.borrow_and_update();
                    match state {
                        State::Stopped => return,
                        State::Running(pid) => signal_to(pid, signal),
                        State::Starting | State::Ended(_) => {}
                    }
                    if self.state.changed().await.is_err() {
                        return;
                    }
                }
            };
            if tokio::time::timeout(within, ended).await.is_ok() {
                return;
            }
            tracing::warn!("Postgres did not stop within {within:?} of {signal:?}");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        if let State::Running(pid) = self.state() {
            signal_to(pid, Signal::INT);
        }
    }
}

fn keep(command: &mut Command, logs: &Logs, stopping: &AtomicBool, states: &watch::Sender<State>) {
    let mut ends = 0;
    while !stopping.load(Ordering::SeqCst) {
        let mut how_it_ended = None;
        match command.spawn() {
            Ok(mut child) => {
                let pid = Pid::from_child(&child);
                states.send_replace(State::Running(pid));
                // asked to stop since the check above, when there was no process to signal
                if stopping.load(Ordering::SeqCst) {
                    signal_to(pid, Signal::INT);
                }
                let ended = child.wait();
                if stopping.load(Ordering::SeqCst) {
                    break;
                }
                match ended {
                    Ok(status) => how_it_ended = Some(status),
                    Err(error) => tracing::error!("cannot wait for Postgres: {error}"),
                }
            }
            Err(error) => tracing::error!("cannot start {command:?}: {error}"),
        }
        ends += 1;
        states.send_replace(State::Ended(ends));
        thread::sleep(PAUSE_BEFORE_AGAIN);
        // by now its log is written
        if let Some(status) = how_it_ended {
            let reason = logs.reason().map(|reason| format!(": {reason}"));
            let reason = reason.unwrap_or_default();
            tracing::warn!("Postgres exited ({status}) and is restarted{reason}");
        }
    }
    states.send_replace(State::Stopped);
}

fn signal_to(pid: Pid, signal: Signal) {
    if let Err(error) = kill_process(pid, signal) {
        // it just stopped by itself
        tracing::debug!("cannot signal Postgres: {error}");
    }
}
