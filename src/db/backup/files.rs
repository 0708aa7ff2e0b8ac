//! The attached files of a backup: from their store into the archive, and back.

use std::{collections::HashMap, fs::File, io, path::Path};

use anyhow::{Context, ensure};
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use tokio::runtime::Handle;

use crate::db::{
    backup::{
        archive::{Writer, each_file},
        manifest::{FileList, MissingFile},
    },
    file_store::{FileStore, hex},
};

/// The advisory lock that is held, shared, while attached files are backed up: no file is deleted meanwhile.
pub(crate) const FILES_LOCK: i64 = 0x666f_7274_6669_6c65;

/// The attached files to back up: those that a transaction saw, and that are in the store.
pub(crate) struct Files {
    store: FileStore,
    /// Hash and length of each.
    found: Vec<(String, u64)>,
}

/// A file as the database knows it.
#[derive(sqlx::FromRow)]
struct KnownFile {
    hash: String,
    bytes: i64,
    /// The name and task of an attachment that needs it.
    name: Option<String>,
}

impl Files {
    /// The files that this transaction sees and that are in the store, with what the manifest says of them. A file that
    /// no attachment needs may be on its way into the store, or out of it, and is not missing.
    pub(crate) async fn listed(
        db: &mut PgConnection,
        store: &FileStore,
    ) -> anyhow::Result<(Self, FileList)> {
        // a backup before an upgrade can be of a schema without them
        let is_there: bool =
            sqlx::query_scalar("SELECT to_regclass('public.stored_files') IS NOT NULL")
                .fetch_one(&mut *db)
                .await?;
        let known: Vec<KnownFile> = if is_there {
            sqlx::query_as(KNOWN_FILES).fetch_all(db).await?
        } else {
            Vec::new()
        };
        let stored = if known.is_empty() {
            HashMap::new()
        } else {
            stored(store).await?
        };
        let (mut found, mut list) = (Vec::new(), FileList::default());
        for file in known {
            let bytes = file.bytes.unsigned_abs();
            match (stored.get(&file.hash) == Some(&bytes), file.name) {
                (true, _) => {
                    list.count += 1;
                    list.bytes += bytes;
                    found.push((file.hash, bytes));
                }
                (false, Some(name)) => list.missing.push(MissingFile {
                    hash: file.hash,
                    name,
                }),
                (false, None) => {}
            }
        }
        let store = store.clone();
        Ok((Self { store, found }, list))
    }

    /// Adds them to the archive, on a thread that may block.
    ///
    /// # Errors
    /// Also if one is gone by now, since the manifest lists it.
    pub(crate) fn add_to<W: io::Write>(&self, archive: &mut Writer<W>) -> anyhow::Result<()> {
        self.each(|hash, bytes, contents| archive.add_file(hash, bytes, contents))
    }

    /// Reads each of them, on a thread that may block.
    pub(crate) fn each(
        &self,
        mut read: impl FnMut(&str, u64, &mut dyn io::Read) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for (hash, bytes) in &self.found {
            read(hash, *bytes, &mut self.store.open(hash, *bytes)?)?;
        }
        Ok(())
    }
}

/// Hash and length of all files in the store.
async fn stored(store: &FileStore) -> anyhow::Result<HashMap<String, u64>> {
    let all = store.list().await?.try_concat().await;
    let all =
        all.with_context(|| format!("cannot look for the attached files in {}", store.place()))?;
    Ok(all.into_iter().collect())
}

/// Copies the attached files of a checked backup into the store, on a thread that may block. Those that are there already
/// are the same ones.
pub(crate) fn restore_files(path: &Path, store: &FileStore) -> anyhow::Result<()> {
    let mut there = None;
    each_file(path, |hash, bytes, contents| {
        let there = match &there {
            Some(there) => there,
            None => there.insert(Handle::current().block_on(stored(store))?),
        };
        if there.get(hash) == Some(&bytes) {
            return Ok(());
        }
        receive(store, hash, contents, |_| Ok(()))
    })
}

/// Puts a file into the store, on a thread that may block. `check` is told the hash that its contents have before it is
/// stored.
pub(crate) fn receive(
    store: &FileStore,
    hash: &str,
    contents: &mut dyn io::Read,
    check: impl FnOnce(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let is_hash = hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    ensure!(is_hash, "it contains {hash}, which is no attached file");
    let runtime = Handle::current();
    let (file, incoming) = runtime.block_on(store.create_incoming())?;
    let mut file = Hashing {
        file: runtime.block_on(file.into_std()),
        hash: Sha256::new(),
    };
    io::copy(contents, &mut file)
        .with_context(|| format!("cannot write {}", incoming.path().display()))?;
    check(&hex(&file.hash.finalize()))?;
    runtime.block_on(store.store(incoming, hash))
}

/// Hashes what is written to a file.
struct Hashing {
    file: File,
    hash: Sha256,
}

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Query: every file in the store, with one of the attachments or people that need it. Of a schema that knows no pictures of
/// people too.
const KNOWN_FILES: &str = "
    SELECT s.hash, s.bytes, coalesce(
        (SELECT a.name || ' (' || t.key || '-' || k.number || ')' FROM public.attachments a
         JOIN public.tasks k ON k.team_id = a.team_id AND k.id = a.task_id JOIN public.teams t ON t.id = a.team_id
         WHERE a.hash = s.hash AND a.deleted_at IS NULL ORDER BY a.id LIMIT 1),
        (SELECT 'the small version of ' || a.name || ' (' || t.key || '-' || k.number || ')' FROM public.attachments a
         JOIN public.tasks k ON k.team_id = a.team_id AND k.id = a.task_id JOIN public.teams t ON t.id = a.team_id
         WHERE a.thumbnail = s.hash AND a.deleted_at IS NULL ORDER BY a.id LIMIT 1),
        (SELECT 'the picture of ' || p.name FROM public.accounts p WHERE to_jsonb(p)->>'avatar' = s.hash ORDER BY p.id LIMIT 1)) AS name
    FROM public.stored_files s ORDER BY s.hash";
