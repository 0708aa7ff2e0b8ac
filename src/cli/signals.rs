//! Signals that ask the program to stop.

use anyhow::Context;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Listens for SIGTERM and Ctrl-C, which from now on do not end the process by themselves.
pub fn listen() -> anyhow::Result<mpsc::Receiver<()>> {
    let listen_for = |kind| signal(kind).context("cannot listen for signals");
    let mut terminate = listen_for(SignalKind::terminate())?;
    let mut interrupt = listen_for(SignalKind::interrupt())?;
    // One signal stops the server gracefully, a second one at once.
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
