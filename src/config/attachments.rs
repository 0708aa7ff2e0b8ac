//! The flags of attachments.

use std::path::Path;

use clap::Args;

use crate::db::{backup::place::Place, file_store::FileStore};

/// Where attached files are stored, and how much may be.
#[derive(Args, Clone, Debug)]
pub(crate) struct AttachmentFlags {
    /// Directory or s3://bucket/prefix for attached files [default: attachments in the data directory]
    #[arg(
        long,
        env = "FORTNIGHT_ATTACHMENTS",
        value_name = "PLACE",
        global = true
    )]
    attachments: Option<Place>,

    /// Megabytes that one attached file may have
    #[arg(
        long,
        env = "FORTNIGHT_ATTACHMENT_SIZE",
        value_name = "MB",
        default_value_t = 25,
        value_parser = clap::value_parser!(u32).range(1..=10_000),
        global = true
    )]
    attachment_size: u32,

    /// Megabytes that all attached files of the workspace may have together
    #[arg(
        long,
        env = "FORTNIGHT_ATTACHMENT_QUOTA",
        value_name = "MB",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..),
        global = true
    )]
    attachment_quota: u32,
}

impl AttachmentFlags {
    /// The store of attached files.
    pub(crate) fn store(&self, data_dir: &Path) -> FileStore {
        // docker compose passes an empty text for a variable that is not set
        let is_named = |place: &&Place| {
            place
                .folder()
                .is_none_or(|folder| !folder.as_os_str().is_empty())
        };
        let place = match self.attachments.as_ref().filter(is_named) {
            Some(place) => place.clone(),
            None => Place::Folder(data_dir.join("attachments")),
        };
        FileStore::new(place, data_dir, self.attachment_size, self.attachment_quota)
    }
}
