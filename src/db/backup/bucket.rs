//! A bucket of an S3-compatible store that backups are kept in.

use std::{fmt, io, ops::Range, path::Path, time::Duration};

use anyhow::{Context, anyhow, bail};
use futures_util::{StreamExt, stream::BoxStream};
use hyper::body::Bytes;
use object_store::{
    ClientConfigKey, GetOptions, GetRange, ObjectStore, ObjectStoreExt, WriteMultipart,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    path::Path as Key,
};
use tokio::{
    fs::OpenOptions,
    io::AsyncWriteExt,
    sync::mpsc::{Receiver, Sender, channel},
    time::timeout,
};

use crate::db::tls;

/// Files are sent and read in parts of this size. A store takes at most 10,000 of them: 160 GB.
const PART_BYTES: usize = 16 * 1024 * 1024;

/// How long one request may take, such as that of a part over a slow line.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);

/// How long listing may take: pages wait for it.
const LISTED_WITHIN: Duration = Duration::from_secs(5);

/// A bucket and a prefix of names. The store's address and keys are in the environment, by the names
/// that other tools use for them too: `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    name: String,
    /// Without slashes at its ends; it may be empty.
    prefix: String,
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.name)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        Ok(())
    }
}

impl Bucket {
    /// The bucket of `s3://bucket/prefix`.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let path = url.strip_prefix("s3://")?;
        let (name, prefix) = path.split_once('/').unwrap_or((path, ""));
        Some(Self {
            name: name.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
        })
    }

    /// Splits the URL of a file into its bucket and its name there.
    pub(crate) fn of_file(url: &str) -> Option<(Self, String)> {
        let (folder, file) = url.rsplit_once('/')?;
        Some((Self::of_url(folder)?, file.to_owned()))
    }

    fn store(&self) -> anyhow::Result<AmazonS3> {
        if self.name.is_empty() {
            bail!("name the bucket: s3://bucket/prefix");
        }
        tls::choose_provider();
        let builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.name)
            .with_config(
                AmazonS3ConfigKey::Client(ClientConfigKey::Timeout),
                format!("{} seconds", REQUEST_TIMEOUT.as_secs()),
            );
        // A store in the same network may do without TLS, if its address says so.
        let is_plain = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
            .iter()
            .filter_map(|key| builder.get_config_value(key))
            .any(|address| address.starts_with("http://"));
        builder
            .with_allow_http(is_plain)
            .build()
            .with_context(|| format!("cannot use {self}"))
    }

    fn key(&self, name: &str) -> Key {
        Key::from(format!("{}/{name}", self.prefix))
    }

    /// The names and sizes of the files directly below the prefix.
    pub(super) async fn list(&self) -> anyhow::Result<Vec<(String, u64)>> {
        let prefix = Key::from(self.prefix.as_str());
        let cannot_list = || format!("cannot list {self}");
        let store = self.store()?;
        let listed = timeout(LISTED_WITHIN, store.list_with_delimiter(Some(&prefix)))
            .await
            .context("it does not answer")
            .with_context(cannot_list)?
            .map_err(store_error)
            .with_context(cannot_list)?;
        let files = listed.objects.into_iter();
        Ok(files
            .filter_map(|file| Some((file.location.filename()?.to_owned(), file.size)))
            .collect())
    }

    /// All files directly below the prefix, however long that takes.
    pub(crate) async fn list_all(
        &self,
    ) -> anyhow::Result<BoxStream<'static, anyhow::Result<(String, u64)>>> {
        let (store, prefix) = (self.store()?, Key::from(self.prefix.as_str()));
        let depth = prefix.parts().count() + 1;
        let shown = self.to_string();
        let files = store.list(Some(&prefix)).map(move |file| {
            let file = file
                .map_err(store_error)
                .with_context(|| format!("cannot list {shown}"))?;
            let is_here = file.location.parts().count() == depth;
            let name = file.location.filename().filter(|_| is_here);
            Ok((name.unwrap_or_default().to_owned(), file.size))
        });
        Ok(files.boxed())
    }

    pub(crate) async fn delete(&self, name: &str) -> anyhow::Result<()> {
        self.store()?
            .delete(&self.key(name))
            .await
            .map_err(store_error)
            .with_context(|| format!("cannot delete {self}/{name}"))
    }

    /// Downloads a file, in pieces.
    pub(crate) async fn download(&self, name: &str, to: &Path) -> anyhow::Result<()> {
        let cannot_read = || format!("cannot read {self}/{name}");
        let (store, key) = (self.store()?, self.key(name));
        let found = store.head(&key).await;
        let size = found.map_err(store_error).with_context(cannot_read)?.size;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)
            .await
            .with_context(|| format!("cannot write {}", to.display()))?;
        // in parts, because each request has a time limit
        for start in (0..size).step_by(PART_BYTES) {
            let end = size.min(start + PART_BYTES as u64);
            let part = store.get_range(&key, start..end).await;
            let part = part.map_err(store_error).with_context(cannot_read)?;
            file.write_all(&part)
                .await
                .with_context(|| format!("cannot write {}", to.display()))?;
        }
        file.flush().await?;
        Ok(())
    }

    /// Reads a part of a file, in pieces.
    pub(crate) async fn read(
        &self,
        name: &str,
        range: Range<u64>,
    ) -> anyhow::Result<BoxStream<'static, object_store::Result<Bytes>>> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let found = self.store()?.get_opts(&self.key(name), options).await;
        let found = found
            .map_err(store_error)
            .with_context(|| format!("cannot read {self}/{name}"))?;
        Ok(found.into_stream())
    }

    /// Uploads what `write` writes. The file appears only once the upload is complete.
    pub(crate) async fn upload<T>(
        &self,
        name: &str,
        write: impl AsyncFnOnce(Pipe) -> anyhow::Result<(Pipe, T)>,
    ) -> anyhow::Result<T> {
        let cannot_write = || format!("cannot write {self}/{name}");
        let upload = self
            .store()?
            .put_multipart(&self.key(name))
            .await
            .map_err(store_error)
            .with_context(cannot_write)?;
        let (sender, pieces) = channel(4);
        let upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let writing = async { write(Pipe(sender)).await.map(|(_, written)| written) };
        // If both fail, the store says why: the writer only knows that its pipe is broken.
        match tokio::join!(writing, send(upload, pieces)) {
            (_, Err(error)) => Err(store_error(error)).with_context(cannot_write),
            (Err(error), Ok(upload)) => {
                upload
                    .abort()
                    .await
                    .map_err(store_error)
                    .with_context(cannot_write)?;
                Err(error)
            }
            (Ok(written), Ok(upload)) => {
                upload
                    .finish()
                    .await
                    .map_err(store_error)
                    .with_context(cannot_write)?;
                Ok(written)
            }
        }
    }
}

/// What a store says of a failure, without the request and the response around it.
fn store_error(error: object_store::Error) -> anyhow::Error {
    let error = anyhow::Error::from(error);
    let text = format!("{error:#}");
    let in_tag = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once(&format!("</{tag}>"))?.0)
    };
    match (in_tag("Message"), in_tag("Code")) {
        (Some(message), Some(code)) => anyhow!("{message} ({code})"),
        _ => anyhow!("{}", error.root_cause()),
    }
}

/// Sends the pieces until there are no more, two parts at a time.
async fn send(
    mut upload: WriteMultipart,
    mut pieces: Receiver<Vec<u8>>,
) -> object_store::Result<WriteMultipart> {
    while let Some(piece) = pieces.recv().await {
        if let Err(error) = upload.wait_for_capacity(2).await {
            // What the store said first matters more.
            let _ = upload.abort().await;
            return Err(error);
        }
        upload.write(&piece);
    }
    Ok(upload)
}

/// Writes to an upload, from a thread that may block.
pub(crate) struct Pipe(Sender<Vec<u8>>);

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .blocking_send(bytes.to_vec())
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
