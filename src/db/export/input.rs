//! The folder or zip archive that an export is read from.

use std::{
    fs::{self, File},
    io::{BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use zip::ZipArchive;

use crate::db::{
    export::manifest::{FILES, FORMAT, MANIFEST, Manifest},
    schema,
};

/// A manifest names some dozens of tables.
const MAX_MANIFEST_BYTES: u64 = 10 << 20;

/// An export to read. Nothing in it decides where anything is written: files are asked for by the names that an export
/// has, and others are ignored.
pub(crate) enum Input {
    Folder(PathBuf),
    Zip(Box<ZipArchive<BufReader<File>>>),
}

impl Input {
    /// Opens an export, and reads its manifest.
    ///
    /// # Errors
    /// One sentence for what is not a complete export, or made by a newer version.
    pub(crate) fn open(path: &Path) -> Result<(Self, Manifest)> {
        let name = path.display();
        let mut input = if path.is_dir() {
            Self::Folder(path.to_owned())
        } else {
            let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
            let archive = ZipArchive::new(BufReader::new(file)).with_context(|| {
                format!("{name} is no folder or complete zip archive with an export of Fortnight")
            })?;
            Self::Zip(Box::new(archive))
        };
        let read = input.read(MANIFEST, |contents| {
            let mut text = String::new();
            contents
                .take(MAX_MANIFEST_BYTES)
                .read_to_string(&mut text)?;
            Ok(serde_json::from_str::<Manifest>(&text)?)
        });
        let manifest = read.with_context(|| {
            format!("{name} is no complete export of Fortnight: its manifest cannot be read")
        })?;
        ensure!(
            manifest.format <= FORMAT && manifest.schema <= schema::newest(),
            "{name} was made by Fortnight {}, which is newer than this one ({}): use that version or a newer one",
            manifest.fortnight,
            env!("CARGO_PKG_VERSION")
        );
        Ok((input, manifest))
    }

    /// Reads the file of this name.
    pub(crate) fn read<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut dyn Read) -> Result<T>,
    ) -> Result<T> {
        match self {
            Self::Folder(folder) => {
                let file = File::open(folder.join(name));
                read(&mut file.with_context(|| format!("{name} is missing"))?)
            }
            Self::Zip(archive) => {
                let file = archive.by_name(name);
                read(&mut file.with_context(|| format!("{name} is missing"))?)
            }
        }
        .with_context(|| format!("cannot read {name}"))
    }

    /// The names of the attached files: hexadecimal digits.
    pub(crate) fn attached_files(&self) -> Result<Vec<String>> {
        let names: Vec<String> = match self {
            Self::Folder(folder) => match fs::read_dir(folder.join(FILES)) {
                Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
                entries => entries?
                    .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                    .collect::<Result<_>>()?,
            },
            Self::Zip(archive) => archive
                .file_names()
                .filter_map(|name| Some(name.ok()?.strip_prefix(FILES)?.to_owned()))
                .collect(),
        };
        let is_hash =
            |name: &String| name.len() == 64 && name.bytes().all(|digit| digit.is_ascii_hexdigit());
        Ok(names.into_iter().filter(is_hash).collect())
    }
}
