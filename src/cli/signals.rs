//! Signals that ask the program to stop.

use anyhow::Context;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Listens for SIGTERM and Ctrl-C, which from now on do not end the process by themselves.
pub fn listen() -> anyhow::Result<mpsc::Receiver<()>> {
    let hear = |kind| signal(kind).context("cannot listen for signals");
    let mut terminate = hear(SignalKind::terminate())?;
    let mut interrupt = hear(SignalKind::interrupt())?;
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if sender.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
