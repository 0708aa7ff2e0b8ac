//! Uploads: received piece by piece, checked, and stored. And what is in the store without being attached to anything.

use std::{fs::File, io, path::Path};

use anyhow::Context;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use tokio::{io::AsyncWriteExt, sync::Semaphore, task::spawn_blocking};

use crate::{
    db::{
        backup::files::FILES_LOCK,
        file_store::{FileStore, Incoming, hex},
        pool::Pool,
    },
    domain::{
        error::{Problem, Result},
        humanize,
        pictures::{
            format::Format,
            strip::copy_without_metadata,
            thumbnail::{NoThumbnail, size_of, write_square, write_thumbnail},
        },
        tasks::attachments::{NewFile, NewPicture},
        text::without_turns,
    },
};

/// Pictures are decoded one at a time: each needs a lot of memory.
static DECODING: Semaphore = Semaphore::const_new(1);

/// The advisory lock under which the quota is compared.
const QUOTA_LOCK: i64 = 0x666f_7274_7175_6f74;

/// The side of a person's picture, in pixels: twice that of the largest avatar on a page, and some more.
const AVATAR_SIDE: u32 = 96;

/// How long a file is kept that nothing refers to.
const UNUSED_FOR: Duration = Duration::days(1);

/// A file that is being received.
pub(crate) struct Upload<'s> {
    store: &'s FileStore,
    name: String,
    file: tokio::fs::File,
    incoming: Incoming,
    hash: Sha256,
    bytes: u64,
    /// Its first bytes.
    start: Vec<u8>,
}

impl<'s> Upload<'s> {
    pub(crate) async fn begin(store: &'s FileStore, name: &str) -> Result<Self> {
        let (file, incoming) = store.create_incoming().await?;
        Ok(Self {
            store,
            name: file_name(name),
            file,
            incoming,
            hash: Sha256::new(),
            bytes: 0,
            start: Vec::new(),
        })
    }

    pub(crate) async fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.store.max_bytes {
            return Err(too_large(&self.name, self.store));
        }
        let missing = 16_usize.saturating_sub(self.start.len());
        self.start
            .extend_from_slice(&piece[..missing.min(piece.len())]);
        self.hash.update(piece);
        let written = self.file.write_all(piece).await;
        Ok(written.context("an upload could not be written")?)
    }

    /// Checks and stores the file.
    pub(crate) async fn complete(mut self, db: &Pool, now: OffsetDateTime) -> Result<NewFile> {
        if self.bytes == 0 {
            let reason = format!("“{}” is empty. Nothing was attached.", self.name);
            return Err(Problem::field("file", reason));
        }
        let flushed = self.file.flush().await;
        flushed.context("an upload could not be written")?;
        drop(self.file);
        let picture = match Format::sniff(&self.start) {
            Some(format) => prepare(self.store, &self.name, &self.incoming, format).await?,
            None => None,
        };
        let Some(Prepared { full, small, size }) = picture else {
            let hash = hex(&self.hash.finalize());
            let stored = [(self.incoming, hash.clone(), self.bytes)];
            store(db, self.store, now, stored).await?;
            return Ok(NewFile {
                name: self.name,
                hash,
                bytes: self.bytes.cast_signed(),
                picture: None,
            });
        };
        let (hash, bytes, thumbnail) = (full.1.clone(), full.2, small.1.clone());
        store(db, self.store, now, [full, small]).await?;
        Ok(NewFile {
            name: self.name,
            hash,
            bytes: bytes.cast_signed(),
            picture: Some(NewPicture {
                media_type: size.0,
                thumbnail,
                width: size.1,
                height: size.2,
            }),
        })
    }
}

impl Upload<'_> {
    /// Makes the file a person's picture, a small square without metadata, and stores that. Returns its hash.
    pub(crate) async fn complete_avatar(
        mut self,
        db: &Pool,
        now: OffsetDateTime,
    ) -> Result<String> {
        let flushed = self.file.flush().await;
        flushed.context("an upload could not be written")?;
        drop(self.file);
        let not_a_picture = || {
            let reason = format!(
                "“{}” is not a picture that can be read. Choose a PNG, JPEG, GIF or WebP. Your picture was not changed.",
                self.name
            );
            Problem::field("picture", reason)
        };
        let format = Format::sniff(&self.start).ok_or_else(not_a_picture)?;
        let (square_file, square) = self.store.create_incoming().await?;
        let square_file = square_file.into_std().await;
        let permit = DECODING.acquire().await;
        let permit = permit.map_err(|error| Problem::InternalError(error.into()))?;
        let from = self.incoming;
        let work = spawn_blocking(move || {
            // It goes on when the request is cancelled.
            let _one_at_a_time = permit;
            size_of(format, from.path())?;
            write_square(format, from.path(), square_file, AVATAR_SIDE)?;
            Ok::<_, NoThumbnail>(hashed(square)?)
        });
        let done = work
            .await
            .map_err(|error| Problem::InternalError(error.into()))?;
        let square = done.map_err(|reason| match reason {
            NoThumbnail::Damaged => not_a_picture(),
            NoThumbnail::TooLarge { width, height } => Problem::field(
                "picture",
                format!(
                    "The picture has {width} × {height} pixels. It can have at most 40 million, and 20,000 on a side. \
                     Your picture was not changed."
                ),
            ),
        })?;
        let hash = square.1.clone();
        let stored = store(db, self.store, now, [square]).await;
        stored.map_err(|problem| for_picture(problem, NO_SPACE))?;
        Ok(hash)
    }
}

const NO_SPACE: &str = "The workspace has no more space for files. Your picture was not changed. Ask your administrator \
    for more space.";

/// A refusal of a file, said in this way about a person's picture.
pub(crate) fn for_picture(problem: Problem, reason: impl Into<String>) -> Problem {
    match problem {
        Problem::Invalid(_) => Problem::field("picture", reason),
        other => other,
    }
}

/// A file with its hash and its length.
type Hashed = (Incoming, String, u64);

/// A picture without its metadata, and its small version.
struct Prepared {
    full: Hashed,
    small: Hashed,
    /// Media type, width and height.
    size: (&'static str, u32, u32),
}

/// Removes a picture's metadata, and makes its small version. `None` if it only looks like a picture.
async fn prepare(
    store: &FileStore,
    name: &str,
    incoming: &Incoming,
    format: Format,
) -> Result<Option<Prepared>> {
    let (full_file, full) = store.create_incoming().await?;
    let (small_file, small) = store.create_incoming().await?;
    let (full_file, small_file) = (full_file.into_std().await, small_file.into_std().await);
    let permit = DECODING.acquire().await;
    let permit = permit.map_err(|error| Problem::InternalError(error.into()))?;
    let from = incoming.path().to_owned();
    let work = spawn_blocking(move || {
        // It goes on when the request is cancelled.
        let _one_at_a_time = permit;
        size_of(format, &from)?;
        copy_without_metadata(format, &from, full_file)?;
        let (width, height) = write_thumbnail(format, full.path(), small_file)?;
        Ok(Prepared {
            full: hashed(full)?,
            small: hashed(small)?,
            size: (format.media_type(), width, height),
        })
    });
    let done = work
        .await
        .map_err(|error| Problem::InternalError(error.into()))?;
    match done {
        Ok(prepared) => Ok(Some(prepared)),
        Err(NoThumbnail::Damaged) => Ok(None),
        Err(NoThumbnail::TooLarge { width, height }) => Err(Problem::field(
            "file",
            format!(
                "“{name}” has {width} × {height} pixels. A picture can have at most 40 million, and 20,000 on a \
                 side. Nothing was attached. Make it smaller first."
            ),
        )),
    }
}

fn hashed(incoming: Incoming) -> io::Result<Hashed> {
    let (hash, bytes) = hash_of(incoming.path())?;
    Ok((incoming, hash, bytes))
}

/// Hash and length of a file.
fn hash_of(path: &Path) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let bytes = io::copy(&mut File::open(path)?, &mut hash)?;
    Ok((hex(&hash.finalize()), bytes))
}

/// Stores files, unless the workspace's quota is used up.
async fn store<const N: usize>(
    db: &Pool,
    store: &FileStore,
    now: OffsetDateTime,
    files: [Hashed; N],
) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(QUOTA_LOCK)
        .execute(&mut *tx)
        .await?;
    for (_, hash, bytes) in &files {
        sqlx::query(
            "INSERT INTO stored_files (hash, bytes, stored_at) VALUES ($1, $2, $3)
             ON CONFLICT (hash) DO UPDATE SET stored_at = excluded.stored_at",
        )
        .bind(hash)
        .bind(bytes.cast_signed())
        .bind(now)
        .execute(&mut *tx)
        .await?;
    }
    let all: i64 = sqlx::query_scalar("SELECT coalesce(sum(bytes), 0)::bigint FROM stored_files")
        .fetch_one(&mut *tx)
        .await?;
    if all.unsigned_abs() > store.quota_bytes {
        let most = humanize::bytes(store.quota_bytes);
        return Err(Problem::field(
            "file",
            format!(
                "The attachments of this workspace may have {most} altogether, and this would be more. Nothing was \
                 attached. Delete attachments that are no longer needed, or ask your administrator for more space."
            ),
        ));
    }
    tx.commit().await?;
    for (file, hash, _) in files {
        store.store(file, &hash).await?;
    }
    Ok(())
}

/// Why a file is refused that is too large.
pub(crate) fn too_large(name: &str, store: &FileStore) -> Problem {
    let most = humanize::bytes(store.max_bytes);
    Problem::field(
        "file",
        format!(
            "“{name}” is larger than {most}, the most that an attachment may have. Nothing was attached."
        ),
    )
}

/// The name of a file without folders and without characters that are not shown.
pub(crate) fn file_name(sent: &str) -> String {
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = without_turns(name)
        .chars()
        .filter(|letter| !letter.is_control())
        .take(200)
        .collect();
    match visible.trim() {
        "" | "." | ".." => "file".to_owned(),
        name => name.to_owned(),
    }
}

/// Deletes stored files that nothing has referred to for a day, and uploads that were cut. Stored files stay while a backup
/// is made.
pub async fn delete_unused(db: &Pool, files: &FileStore, now: OffsetDateTime) -> Result<()> {
    files.delete_unfinished(now).await?;
    let mut tx = db.begin().await?;
    let may_delete: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
        .bind(FILES_LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !may_delete {
        return Ok(());
    }
    let unused: Vec<String> = sqlx::query_scalar(
        "DELETE FROM stored_files WHERE hash IN (
             SELECT s.hash FROM stored_files s WHERE s.stored_at < $1
             AND NOT EXISTS (SELECT FROM attachments a WHERE a.hash = s.hash)
             AND NOT EXISTS (SELECT FROM attachments a WHERE a.thumbnail = s.hash)
             AND NOT EXISTS (SELECT FROM accounts p WHERE p.avatar = s.hash)
             ORDER BY s.stored_at LIMIT 500 FOR UPDATE SKIP LOCKED)
         RETURNING hash",
    )
    .bind(now - UNUSED_FOR)
    .fetch_all(&mut *tx)
    .await?;
    // The rows go last, so that a file that cannot be deleted now is tried again.
    for hash in unused {
        files.delete(&hash).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Makes files known to the database that are in the store, but not in it, as after an older backup was restored. From then
/// on they are like any other file that nothing refers to: `delete_unused` deletes them after a day. An upload is known
/// before its file is there.
pub async fn adopt_unknown(db: &Pool, files: &FileStore, now: OffsetDateTime) -> Result<()> {
    let mut listed = files.list().await?;
    while let Some(found) = listed.next().await {
        let (hashes, bytes): (Vec<String>, Vec<i64>) = found?
            .into_iter()
            .map(|(hash, bytes)| (hash, bytes.cast_signed()))
            .unzip();
        if hashes.is_empty() {
            continue;
        }
        sqlx::query(
            "INSERT INTO stored_files (hash, bytes, stored_at) SELECT hash, bytes, $3 FROM unnest($1::text[], $2::bigint[]) f (hash, bytes)
             WHERE NOT EXISTS (SELECT FROM stored_files s WHERE s.hash = f.hash) ON CONFLICT DO NOTHING",
        )
        .bind(hashes)
        .bind(bytes)
        .bind(now)
        .execute(db)
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_folders_and_no_invisible_characters() {
        for (sent, name) in [
            ("plan.png", "plan.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\plan.png", "plan.png"),
            ("a\r\nSet-Cookie: x\".png", "aSet-Cookie: x\".png"),
            ("gpj\u{202e}exe.pdf", "gpjexe.pdf"),
            ("..", "file"),
            ("", "file"),
        ] {
            assert_eq!(file_name(sent), name);
        }
        assert_eq!(file_name(&"ä".repeat(300)).chars().count(), 200);
    }
}
