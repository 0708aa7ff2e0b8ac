//! The file of a backup: a tar archive, compressed by zstd, so that other programs can open it too. It ends with a
//! zstd frame that decoders skip, with the SHA-256 hash of everything before.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};

use crate::db::{
    backup::manifest::{FORMAT, Manifest},
    file_store::hex,
};

/// The bytes of the database's dump in one entry: they are in memory at once.
const CHUNK: usize = 4 << 20;

const MANIFEST: &str = "manifest.json";
/// Entries of the dump, in order.
const DATABASE: &str = "database/";
/// Attached files, by their hash.
const FILES: &str = "files/";

const ZSTD_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// A skippable frame, and its length of 32 bytes.
const SEAL: [u8; 8] = [0x50, 0x2A, 0x4D, 0x18, 32, 0, 0, 0];
const SEAL_BYTES: u64 = 40;

/// Writes a backup to a file or pipe.
pub(crate) struct Writer<W: Write> {
    tar: tar::Builder<zstd::Encoder<'static, Hashed<W>>>,
    chunks: usize,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(to: W, manifest: &Manifest) -> anyhow::Result<Self> {
        let hashed = Hashed {
            to,
            hash: Sha256::new(),
            bytes: 0,
        };
        let mut writer = Self {
            tar: tar::Builder::new(zstd::Encoder::new(hashed, 3)?),
            chunks: 0,
        };
        writer.add(MANIFEST, &serde_json::to_vec_pretty(manifest)?)?;
        Ok(writer)
    }

    /// Adds the dump of the database, as it is read.
    pub(crate) fn add_database(&mut self, mut dump: impl Read) -> io::Result<()> {
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            chunk.clear();
            (&mut dump).take(CHUNK as u64).read_to_end(&mut chunk)?;
            if chunk.is_empty() {
                return Ok(());
            }
            self.chunks += 1;
            self.add(&format!("{DATABASE}{:06}", self.chunks), &chunk)?;
        }
    }

    /// Adds an attached file with this many bytes.
    pub(crate) fn add_file(
        &mut self,
        hash: &str,
        bytes: u64,
        contents: impl Read,
    ) -> anyhow::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        let mut contents = contents.take(bytes);
        self.tar
            .append_data(&mut header, format!("{FILES}{hash}"), &mut contents)?;
        // an entry that is shorter than its header says would shift all that follow
        ensure!(
            contents.limit() == 0,
            "the attached file {hash} has become shorter"
        );
        Ok(())
    }

    fn add(&mut self, name: &str, contents: &[u8]) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_mode(0o600);
        self.tar.append_data(&mut header, name, contents)
    }

    /// Completes the file. Returns what it was written to, and the number of bytes.
    pub(crate) fn finish(self) -> io::Result<(W, u64)> {
        let mut hashed = self.tar.into_inner()?.finish()?;
        let hash = hashed.hash.finalize();
        hashed.to.write_all(&SEAL)?;
        hashed.to.write_all(&hash)?;
        hashed.to.flush()?;
        Ok((hashed.to, hashed.bytes + SEAL_BYTES))
    }
}

/// Hashes and counts what is written.
struct Hashed<W> {
    to: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Checks that a file is a whole and undamaged backup that this version can read, and returns its manifest.
///
/// # Errors
/// One sentence for a file that is damaged, cut, not a backup, or made by a newer version.
pub fn check(path: &Path, newest_schema: i64) -> anyhow::Result<Manifest> {
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let length = file.metadata()?.len();
    let mut magic = [0; 4];
    let is_zstd = file.read_exact(&mut magic).is_ok() && magic == ZSTD_MAGIC;
    ensure!(is_zstd, "{} is not a backup of Fortnight", path.display());
    let damaged = || {
        format!(
            "{} is damaged or incomplete: use another backup",
            path.display()
        )
    };
    ensure!(
        length > SEAL_BYTES && is_sealed(&mut file, length)?,
        damaged()
    );
    let manifest = read_manifest(path).with_context(damaged)?;
    if manifest.format > FORMAT || manifest.schema > newest_schema {
        bail!(
            "{} was made by Fortnight {}, which is newer than this one ({}): use that version or a newer one",
            path.display(),
            manifest.fortnight,
            env!("CARGO_PKG_VERSION")
        );
    }
    Ok(manifest)
}

/// Whether the hash at the end of a file is that of everything before.
fn is_sealed(file: &mut File, length: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut hash = Sha256::new();
    io::copy(&mut (&mut reader).take(length - SEAL_BYTES), &mut hash)?;
    let mut seal = Vec::new();
    reader.read_to_end(&mut seal)?;
    Ok(seal.split_at_checked(SEAL.len()) == Some((&SEAL, &hash.finalize()[..])))
}

type Archive = tar::Archive<zstd::Decoder<'static, BufReader<File>>>;

fn open(path: &Path) -> io::Result<Archive> {
    Ok(tar::Archive::new(zstd::Decoder::new(File::open(path)?)?))
}

fn read_manifest(path: &Path) -> anyhow::Result<Manifest> {
    let mut archive = open(path)?;
    let mut entries = archive.entries()?;
    let entry = entries.next().context("it is empty")??;
    ensure!(entry.path()?.as_os_str() == MANIFEST, "it has no manifest");
    Ok(serde_json::from_reader(entry)?)
}

/// Copies the dump of the database to a writer.
pub(crate) fn copy_database(path: &Path, to: &mut impl Write) -> io::Result<()> {
    let mut archive = open(path)?;
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path()?.starts_with(DATABASE) {
            io::copy(&mut entry, to)?;
        }
    }
    Ok(())
}

/// Checks the attached files of a backup: each has the contents that its name is the hash of, and all are there that the
/// manifest lists.
pub(crate) fn check_files(path: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let (mut count, mut bytes) = (0_u64, 0_u64);
    each_file(path, |hash, _, contents| {
        let mut actual = Sha256::new();
        bytes += io::copy(contents, &mut actual)?;
        count += 1;
        let actual = hex(&actual.finalize());
        ensure!(
            actual == hash,
            "the attached file {hash} was damaged before it came into the backup"
        );
        Ok(())
    })?;
    let Some(listed) = &manifest.files else {
        return Ok(());
    };
    ensure!(
        (count, bytes) == (listed.count, listed.bytes),
        "it contains {count} attached files with {bytes} bytes, but lists {} with {}",
        listed.count,
        listed.bytes
    );
    Ok(())
}

/// Calls `read` with the name, the length and the contents of each attached file of a backup.
pub(crate) fn each_file(
    path: &Path,
    mut read: impl FnMut(&str, u64, &mut dyn Read) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut archive = open(path)?;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        if let Some(hash) = name.strip_prefix(FILES) {
            let bytes = entry.size();
            read(hash, bytes, &mut entry)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use time::OffsetDateTime;

    use super::*;
    use crate::db::backup::manifest::FileList;

    const SCHEMA: i64 = 3;

    fn manifest(format: u32, schema: i64) -> Manifest {
        Manifest {
            format,
            fortnight: "9.0.0".to_owned(),
            schema,
            postgres: 15,
            pg_dump: 15,
            workspace: "Platform".to_owned(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            tables: BTreeMap::new(),
            files: None,
        }
    }

    fn backup(manifest: &Manifest, dump: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), manifest).unwrap();
        writer.add_database(dump).unwrap();
        let (file, bytes) = writer.finish().unwrap();
        assert_eq!(file.len() as u64, bytes);
        file
    }

    /// What is wrong with a file of these bytes.
    fn complaint(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, bytes).unwrap();
        check(&path, SCHEMA).unwrap_err().to_string()
    }

    #[test]
    fn dump_is_read_as_it_was_written() {
        let dump: Vec<u8> = (0..CHUNK * 2 + 7).map(|n| (n * n % 251) as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, backup(&manifest(FORMAT, SCHEMA), &dump)).unwrap();
        assert_eq!(check(&path, SCHEMA).unwrap(), manifest(FORMAT, SCHEMA));
        let mut read = Vec::new();
        copy_database(&path, &mut read).unwrap();
        assert_eq!(read, dump);
    }

    #[test]
    fn attached_files_are_compared_with_their_hashes_and_their_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let checked = |contents: &str, list: Option<FileList>| {
            let manifest = Manifest {
                files: list,
                ..manifest(FORMAT, SCHEMA)
            };
            let mut writer = Writer::new(Vec::new(), &manifest).unwrap();
            writer.add_database(&b"dump"[..]).unwrap();
            writer.add_file(hash, 5, contents.as_bytes()).unwrap();
            fs::write(&path, writer.finish().unwrap().0).unwrap();
            check_files(&path, &check(&path, SCHEMA).unwrap()).map_err(|error| error.to_string())
        };
        let list = |count, bytes| {
            let missing = Vec::new();
            Some(FileList {
                count,
                bytes,
                missing,
            })
        };
        checked("hello", list(1, 5)).unwrap();
        checked("hello", None).unwrap();
        let damaged = checked("Hello", list(1, 5)).unwrap_err();
        assert!(damaged.contains("was damaged before"), "{damaged}");
        let fewer = checked("hello", list(2, 9)).unwrap_err();
        assert_eq!(
            fewer,
            "it contains 1 attached files with 5 bytes, but lists 2 with 9"
        );
    }

    #[test]
    fn file_that_has_become_shorter_is_refused() {
        let mut writer = Writer::new(Vec::new(), &manifest(FORMAT, SCHEMA)).unwrap();
        let refused = writer.add_file("ab", 6, &b"hello"[..]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the attached file ab has become shorter"
        );
    }

    #[test]
    fn damaged_and_cut_files_are_refused() {
        let dump: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        let whole = backup(&manifest(FORMAT, SCHEMA), &dump);
        for place in (0..50).map(|nth| nth * (whole.len() - 1) / 49) {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x10;
            let complaint = complaint(&damaged);
            let expected = if place < 4 {
                "is not a backup"
            } else {
                "is damaged"
            };
            assert!(complaint.contains(expected), "{place}: {complaint}");
            let cut = self::complaint(&whole[..place]);
            let expected = if place < 4 {
                "is not a backup"
            } else {
                "incomplete"
            };
            assert!(cut.contains(expected), "{place}: {cut}");
        }
        assert!(complaint(&[whole, b"more".to_vec()].concat()).contains("is damaged"));
    }

    #[test]
    fn foreign_and_newer_files_are_refused() {
        assert!(complaint(b"PK, a zip archive").contains("is not a backup"));
        assert!(complaint(b"").contains("is not a backup"));
        let other = zstd::encode_all(&b"something else that someone compressed"[..], 3).unwrap();
        assert!(complaint(&other).contains("is damaged"));
        for newer in [manifest(FORMAT + 1, SCHEMA), manifest(FORMAT, SCHEMA + 1)] {
            let complaint = complaint(&backup(&newer, b"dump"));
            assert!(
                complaint.contains("made by Fortnight 9.0.0, which is newer"),
                "{complaint}"
            );
        }
    }
}
