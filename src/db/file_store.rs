//! Where attached files are stored, by the SHA-256 hash of their contents: in a folder, or in a bucket of an
//! S3-compatible store.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    pin::Pin,
};

use anyhow::Context;
use futures_util::{Stream, StreamExt, stream};
use time::{Duration, OffsetDateTime};
use tokio::{
    fs::OpenOptions,
    io::{AsyncReadExt, AsyncSeekExt},
    runtime::Handle,
    task::spawn_blocking,
};
use uuid::Uuid;

use crate::db::backup::place::Place;

/// A bucket is asked for this many bytes at a time, because each request has a time limit.
const PART_BYTES: u64 = 16 * 1024 * 1024;

/// Files are read in pieces of this size.
const PIECE_BYTES: usize = 64 * 1024;

/// An upload that was not completed is deleted after this time.
const UNFINISHED_FOR: Duration = Duration::days(1);

const MEGABYTE: u64 = 1_000_000;

/// The bytes of a file, in pieces.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = io::Result<Vec<u8>>> + Send>>;

/// Where a file is in the folder that attached files are stored in: `ab/abcdef…`, so that no directory gets too large.
fn path_of(folder: &Path, hash: &str) -> PathBuf {
    folder.join(hash.get(..2).unwrap_or_default()).join(hash)
}

/// Hashes and lengths of files, some at a time.
pub(crate) type Listed = Pin<Box<dyn Stream<Item = anyhow::Result<Vec<(String, u64)>>> + Send>>;

/// Bytes as hexadecimal digits, as the name of a file is written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where attached files are stored, and how much may be.
#[derive(Clone, Debug)]
pub struct FileStore {
    place: Place,
    /// The folder of uploads that are not complete. A complete one is renamed into the store.
    incoming: PathBuf,
    /// The largest file, in bytes.
    pub(crate) max_bytes: u64,
    /// How much may be stored altogether, in bytes.
    pub(crate) quota_bytes: u64,
}

impl FileStore {
    /// A store in this place. Uploads to a bucket are written below `data_dir` first.
    pub fn new(place: Place, data_dir: &Path, max_megabytes: u32, quota_megabytes: u32) -> Self {
        let incoming = place.folder().unwrap_or(data_dir).join("incoming");
        Self {
            place,
            incoming,
            max_bytes: u64::from(max_megabytes) * MEGABYTE,
            quota_bytes: u64::from(quota_megabytes) * MEGABYTE,
        }
    }

    /// Where the files are.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Creates an empty file for an upload. It is deleted when what is returned beside it is dropped.
    pub(crate) async fn create_incoming(&self) -> anyhow::Result<(tokio::fs::File, Incoming)> {
        let cannot_write = || format!("cannot write to {}", self.incoming.display());
        tokio::fs::create_dir_all(&self.incoming)
            .await
            .with_context(cannot_write)?;
        let incoming = Incoming(self.incoming.join(Uuid::new_v4().simple().to_string()));
        let file = OpenOptions::new()
            .write(true)
            .read(true)
            .create_new(true)
            .mode(0o600)
            .open(&incoming.0)
            .await
            .with_context(cannot_write)?;
        Ok((file, incoming))
    }

    /// Stores a complete upload under its hash.
    pub(crate) async fn store(&self, file: Incoming, hash: &str) -> anyhow::Result<()> {
        match &self.place {
            Place::Folder(folder) => {
                let to = path_of(folder, hash);
                let shown = to.display().to_string();
                spawn_blocking(move || move_into_place(&file, &to))
                    .await?
                    .with_context(|| format!("cannot write {shown}"))
            }
            Place::Bucket(bucket) => {
                let write = async |mut pipe| {
                    spawn_blocking(move || {
                        io::copy(&mut File::open(&file.0)?, &mut pipe)?;
                        anyhow::Ok((pipe, ()))
                    })
                    .await?
                };
                bucket.upload(hash, write).await
            }
        }
    }

    /// Reads a part of a file.
    pub(crate) async fn read(&self, hash: &str, range: Range<u64>) -> anyhow::Result<Pieces> {
        match &self.place {
            Place::Folder(folder) => {
                let path = path_of(folder, hash);
                let opened = async {
                    let mut file = tokio::fs::File::open(&path).await?;
                    file.seek(SeekFrom::Start(range.start)).await?;
                    io::Result::Ok(file)
                };
                let file = opened
                    .await
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let left = range.end.saturating_sub(range.start);
                Ok(Box::pin(stream::try_unfold((file, left), next_piece)))
            }
            Place::Bucket(bucket) => {
                let pieces = bucket.read(hash, range).await?;
                Ok(Box::pin(pieces.map(|piece| {
                    piece.map(Into::into).map_err(io::Error::other)
                })))
            }
        }
    }

    /// Opens a file with this many bytes, to be read on a thread that may block.
    pub(crate) fn open(&self, hash: &str, bytes: u64) -> anyhow::Result<Box<dyn Read>> {
        Ok(match &self.place {
            Place::Folder(folder) => {
                let path = path_of(folder, hash);
                let file = File::open(&path);
                Box::new(file.with_context(|| format!("cannot read {}", path.display()))?)
            }
            Place::Bucket(_) => Box::new(InBucket {
                store: self.clone(),
                hash: hash.to_owned(),
                left: 0..bytes,
                pieces: Box::pin(stream::empty()),
                piece: io::Cursor::default(),
                runtime: Handle::current(),
            }),
        })
    }

    /// Deletes a file. One that is not there is no error.
    pub(crate) async fn delete(&self, hash: &str) -> anyhow::Result<()> {
        match &self.place {
            Place::Folder(folder) => match tokio::fs::remove_file(path_of(folder, hash)).await {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            },
            Place::Bucket(bucket) => bucket.delete(hash).await,
        }
    }

    /// The hashes and lengths of all stored files, some at a time.
    pub(crate) async fn list(&self) -> anyhow::Result<Listed> {
        Ok(match &self.place {
            Place::Folder(folder) => {
                let folder = folder.clone();
                let shards = stream::iter(0..=u8::MAX);
                Box::pin(shards.then(move |shard| {
                    let shard = folder.join(format!("{shard:02x}"));
                    async move { Ok(spawn_blocking(move || files_in(&shard)).await??) }
                }))
            }
            Place::Bucket(bucket) => {
                let pieces = bucket.list_all().await?.chunks(1000);
                Box::pin(pieces.map(|files| {
                    let mut files: Vec<_> = files.into_iter().collect::<anyhow::Result<_>>()?;
                    files.retain(|(name, _)| is_hash(name));
                    Ok(files)
                }))
            }
        })
    }

    /// Deletes uploads that were not completed, for example because the program was killed.
    pub(crate) async fn delete_unfinished(&self, now: OffsetDateTime) -> anyhow::Result<()> {
        let incoming = self.incoming.clone();
        spawn_blocking(move || {
            let entries = match fs::read_dir(&incoming) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let modified = OffsetDateTime::from(entry.metadata()?.modified()?);
                if now - modified > UNFINISHED_FOR {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        })
        .await?
    }
}

/// The names and lengths of the files in a folder that are named by their hash. A folder that is not there has none.
fn files_in(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if is_hash(&name) {
            files.push((name, entry.metadata()?.len()));
        }
    }
    Ok(files)
}

fn is_hash(name: &str) -> bool {
    name.len() == 64
        && name
            .bytes()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// Renames a file into the store, once it is on the disk.
fn move_into_place(file: &Incoming, to: &Path) -> io::Result<()> {
    File::open(&file.0)?.sync_all()?;
    let shard = to.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(shard)?;
    fs::rename(&file.0, to)?;
    File::open(shard)?.sync_all()
}

async fn next_piece(
    (mut file, left): (tokio::fs::File, u64),
) -> io::Result<Option<(Vec<u8>, (tokio::fs::File, u64))>> {
    let wanted = left.min(PIECE_BYTES as u64);
    if wanted == 0 {
        return Ok(None);
    }
    let mut piece = vec![0; wanted as usize];
    let read = file.read(&mut piece).await?;
    if read == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    piece.truncate(read);
    Ok(Some((piece, (file, left - read as u64))))
}

/// A file of a bucket that is read on a thread that may block.
struct InBucket {
    store: FileStore,
    hash: String,
    /// What was not asked for yet.
    left: Range<u64>,
    /// The rest of what was asked for.
    pieces: Pieces,
    piece: io::Cursor<Vec<u8>>,
    runtime: Handle,
}

impl Read for InBucket {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = io::Read::read(&mut self.piece, to)?;
            if read > 0 || to.is_empty() {
                return Ok(read);
            }
            match self.runtime.block_on(self.pieces.next()) {
                Some(piece) => self.piece = io::Cursor::new(piece?),
                None if self.left.is_empty() => return Ok(0),
                None => {
                    let end = self.left.end.min(self.left.start + PART_BYTES);
                    let part = self.store.read(&self.hash, self.left.start..end);
                    self.pieces = self.runtime.block_on(part).map_err(io::Error::other)?;
                    self.left.start = end;
                }
            }
        }
    }
}

/// The path of an upload that is not complete. It is deleted when this is dropped, unless it was stored.
#[derive(Debug)]
pub(crate) struct Incoming(PathBuf);

impl Incoming {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // it is gone if it was renamed
        let _ = fs::remove_file(&self.0);
    }
}
