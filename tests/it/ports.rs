//! Ports for servers that must be told theirs before they listen.

use std::{
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the ports that the system gives to connections, and to servers that listen on port 0. One of those could be
/// taken by another test while the server still starts.
const PORTS: Range<u16> = 20_000..32_000;

/// Returns a port of 127.0.0.1 that nothing listens on, and that no other test of this program is given.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let count = PORTS.end - PORTS.start;
    // programs that run side by side begin at different places
    let first = u16::try_from(process::id() % u32::from(count)).unwrap();
    for _ in 0..count {
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + first.wrapping_add(taken) % count;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port of {PORTS:?} is free");
}
