//! Stands between a program and Postgres's socket, and does what networks do: it falls silent, refuses, and forgets.

use std::path::Path;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

pub struct Silencer {
    folder: tempfile::TempDir,
    state: watch::Sender<State>,
}

/// Connections are numbered from 1 on.
#[derive(Clone, Copy, Default)]
struct State {
    newest: u64,
    /// Connections up to this number pass nothing on. They stay open.
    silent: u64,
    /// Connections up to this number are closed.
    closed: u64,
    /// New connections are closed at once.
    refuses: bool,
    /// What Postgres notifies of does not arrive.
    swallows_notifications: bool,
    swallowed: usize,
}

impl Silencer {
    pub fn before(postgres: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (state, _) = watch::channel(State::default());
        let (socket, shared) = (postgres.join(".s.PGSQL.5432"), state.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut number = 0;
                shared.send_modify(|state| {
                    state.newest += 1;
                    number = state.newest;
                });
                if shared.borrow().refuses {
                    continue;
                }
                // it may be down
                if let Ok(server) = UnixStream::connect(&socket).await {
                    tokio::spawn(pass(client, server, number, shared.clone()));
                }
            }
        });
        Self { folder, state }
    }

    /// The directory of its socket, in place of Postgres's.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The connections that there are fall silent without closing. New ones work.
    pub fn silence(&self) {
        self.state.send_modify(|state| state.silent = state.newest);
    }

    /// All connections fall silent, new ones too.
    pub fn silence_for_good(&self) {
        self.state.send_modify(|state| state.silent = u64::MAX);
    }

    /// The connections that there are fall silent, and new ones are refused.
    pub fn cut_off(&self) {
        self.state.send_modify(|state| {
            state.silent = state.newest;
            state.refuses = true;
        });
    }

    /// Silent connections go on where they stopped, and new ones work.
    pub fn let_go_on(&self) {
        self.state.send_modify(|state| {
            state.silent = 0;
            state.refuses = false;
        });
    }

    /// The network has forgotten the connections that there are, and closes them. New ones work.
    pub fn forget(&self) {
        self.state.send_modify(|state| state.closed = state.newest);
        self.let_go_on();
    }

    /// Whether notifications are lost.
    pub fn swallow_notifications(&self, swallows: bool) {
        self.state
            .send_modify(|state| state.swallows_notifications = swallows);
    }

    /// How many notifications were lost so far.
    pub fn swallowed(&self) -> usize {
        self.state.borrow().swallowed
    }
}

/// Passes on what both say, until one ends or the connection is closed.
async fn pass(client: UnixStream, server: UnixStream, number: u64, state: watch::Sender<State>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut closing = state.subscribe();
    tokio::select! {
        () = pass_questions(from_client, to_server, number, state.subscribe()) => {}
        () = pass_answers(from_server, to_client, number, &state) => {}
        _ = closing.wait_for(|state| state.closed >= number) => {}
    }
}

async fn speaks(state: &mut watch::Receiver<State>, number: u64) {
    // An error means that the test has ended.
    let _ = state.wait_for(|state| state.silent < number).await;
}

async fn pass_questions(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: u64,
    mut state: watch::Receiver<State>,
) {
    let mut said = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut said).await {
        speaks(&mut state, number).await;
        if to.write_all(&said[..count]).await.is_err() {
            return;
        }
    }
    // the end of a silent connection is not noticed either
    speaks(&mut state, number).await;
}

async fn pass_answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: u64,
    state: &watch::Sender<State>,
) {
    let (mut speaking, mut said) = (state.subscribe(), Vec::new());
    while let Ok(1..) = from.read_buf(&mut said).await {
        speaks(&mut speaking, number).await;
        let mut passed = Vec::with_capacity(said.len());
        // each message is a letter, the length of the rest, and the rest
        while let Some(length) = said.get(1..5) {
            let length = 1 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
            if said.len() < length {
                break;
            }
            let message = said.drain(..length);
            if message.as_slice()[0] == b'A' && state.borrow().swallows_notifications {
                state.send_modify(|state| state.swallowed += 1);
            } else {
                passed.extend(message);
            }
        }
        if to.write_all(&passed).await.is_err() {
            return;
        }
    }
    speaks(&mut speaking, number).await;
}
