//! Reads and copies parts of files.

use std::io::{self, ErrorKind, Read, Seek, Write};

pub(super) fn invalid() -> io::Error {
    ErrorKind::InvalidData.into()
}

pub(super) fn read<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Copies exactly this many bytes.
pub(super) fn copy(from: &mut impl Read, to: &mut impl Write, bytes: u64) -> io::Result<()> {
    match io::copy(&mut from.take(bytes), to)? {
        copied if copied == bytes => Ok(()),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}

pub(super) fn skip(from: &mut (impl Read + Seek), bytes: u64) -> io::Result<()> {
    copy(from, &mut io::sink(), bytes)
}
