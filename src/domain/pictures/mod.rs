//! Pictures that people attach: which files are pictures, what is removed from them, and their small versions.

mod jpeg;
mod metadata;
pub mod thumbnail;

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, Write},
    path::Path,
};

/// A format of pictures that browsers show, and that cannot contain scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Png,
    Jpeg,
    Gif,
    Webp,
}

impl Format {
    /// The format that a file begins like, whatever its name and its sender say.
    pub(crate) fn sniff(start: &[u8]) -> Option<Self> {
        if start.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if start.starts_with(b"\xFF\xD8\xFF") {
            Some(Self::Jpeg)
        } else if start.starts_with(b"GIF87a") || start.starts_with(b"GIF89a") {
            Some(Self::Gif)
        } else if start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP") {
            Some(Self::Webp)
        } else {
            None
        }
    }

    /// The media type that it is served with.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// Copies a picture without its metadata: where it was taken, with which camera, comments. Only how it is turned is kept.
/// The picture itself is not compressed anew.
///
/// # Errors
/// `InvalidData` or `UnexpectedEof` for a file that is not such a picture.
pub(crate) fn copy_without_metadata(format: Format, from: &Path, to: File) -> io::Result<File> {
    let mut from = BufReader::new(File::open(from)?);
    let mut to = BufWriter::new(to);
    match format {
        Format::Png => metadata::copy_png(&mut from, &mut to),
        Format::Jpeg => jpeg::copy_jpeg(&mut from, &mut to),
        Format::Gif => metadata::copy_gif(&mut from, &mut to),
        Format::Webp => metadata::copy_webp(&mut from, &mut to),
    }?;
    to.flush()?;
    to.into_inner().map_err(|error| error.into_error())
}

fn invalid() -> io::Error {
    ErrorKind::InvalidData.into()
}

fn read<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Copies exactly this many bytes.
fn copy(from: &mut impl Read, to: &mut impl Write, bytes: u64) -> io::Result<()> {
    match io::copy(&mut from.take(bytes), to)? {
        copied if copied == bytes => Ok(()),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn skip(from: &mut (impl Read + Seek), bytes: u64) -> io::Result<()> {
    copy(from, &mut io::sink(), bytes)
}
