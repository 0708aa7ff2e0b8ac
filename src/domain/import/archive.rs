//! Reads one file out of a zip archive, however hostile the archive is.

use std::io::{Cursor, Read};

use anyhow::{Context, Result, bail, ensure};
use zip::ZipArchive;

/// The most that a file in an archive may have, in bytes: a small archive can hold terabytes.
const MAX_BYTES: u64 = 100 * 1024 * 1024;

/// The most files in an archive.
const MAX_FILES: usize = 10_000;

/// Whether these are the bytes of a zip archive.
pub(crate) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// Reads the file of this name. Other files stay packed, and nothing is written anywhere.
///
/// # Errors
/// If the archive is damaged, has no such file, or too many or too large ones, or a name that leads out of it.
pub(crate) fn file(bytes: &[u8], name: &str) -> Result<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).context("the archive cannot be read")?;
    ensure!(
        archive.len() <= MAX_FILES,
        "the archive has more than {MAX_FILES} files"
    );
    for index in 0..archive.len() {
        let file = archive
            .by_index_raw(index)
            .context("the archive cannot be read")?;
        let name = file.name().context("the archive cannot be read")?;
        let is_outside =
            name.starts_with(['/', '\\']) || name.split(['/', '\\']).any(|part| part == "..");
        if is_outside {
            bail!("the archive has a file whose name leads out of it");
        }
    }
    let file = archive
        .by_name(name)
        .with_context(|| format!("the archive has no file {name} that can be read"))?;
    let mut contents = Vec::new();
    // The size that the archive states may be a lie.
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut contents)
        .with_context(|| format!("{name} in the archive cannot be read"))?;
    ensure!(
        contents.len() as u64 <= MAX_BYTES,
        "{name} in the archive is larger than 100 MB"
    );
    Ok(contents)
}
