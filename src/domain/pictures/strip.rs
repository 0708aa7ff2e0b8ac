//! Removes the metadata of pictures.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    path::Path,
};

use crate::domain::pictures::{format::Format, jpeg, metadata};

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
