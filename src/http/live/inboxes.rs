//! Which open pages show whose number of unread notifications.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// The streams that wait for changes of each inbox, and for new events to deliver.
#[derive(Default)]
pub struct Inboxes {
    watchers: Mutex<HashMap<Uuid, watch::Sender<u64>>>,
    /// Rings when events were committed.
    pub(crate) committed: Notify,
}

impl Inboxes {
    fn watchers(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Sender<u64>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever the inbox of this person does.
    pub(crate) fn watch(&self, account: Uuid) -> watch::Receiver<u64> {
        self.watchers().entry(account).or_default().subscribe()
    }

    /// Tells the pages of these people that are open here.
    pub(crate) fn note(&self, accounts: impl IntoIterator<Item = Uuid>) {
        let mut watchers = self.watchers();
        watchers.retain(|_, watcher| watcher.receiver_count() > 0);
        for account in accounts {
            if let Some(watcher) = watchers.get(&account) {
                watcher.send_modify(|count| *count += 1);
            }
        }
    }
}
