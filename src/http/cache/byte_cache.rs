//! A cache bounded by bytes. The least recently used entries go first, those of the reader who adds one before those
//! of others once that reader has a quarter of the cache.

use std::hash::Hash;

use lru::LruCache;
use uuid::Uuid;

/// The least that an entry counts: its key, and its place in the cache.
const OVERHEAD: usize = 1024;

/// Values by key, with the bytes that each takes and the reader who caused it to be stored.
pub(crate) struct ByteCache<K: Eq + Hash, V> {
    entries: LruCache<K, Entry<V>>,
    bytes: usize,
    most: usize,
}

struct Entry<V> {
    value: V,
    bytes: usize,
    reader: Uuid,
}

impl<K: Clone + Eq + Hash, V> ByteCache<K, V> {
    /// An empty cache for this many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            entries: LruCache::unbounded(),
            bytes: 0,
            most,
        }
    }

    /// The bytes in use, and the most that may be.
    pub(crate) fn usage(&self) -> (usize, usize) {
        (self.bytes, self.most)
    }

    /// Removes all entries.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    /// The value, which then counts as recently used.
    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Stores a value, unless it is larger than a reader's share.
    pub(crate) fn put(&mut self, reader: Uuid, key: K, bytes: usize, value: V) {
        let (bytes, share) = (bytes + OVERHEAD, self.most / 4);
        self.remove(&key);
        if bytes > share {
            return;
        }
        let own = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.reader == reader);
        let mut left = share.saturating_sub(own.map(|(_, entry)| entry.bytes).sum());
        while left < bytes {
            let mut oldest_first = self.entries.iter().rev();
            let Some(key) = oldest_first
                .find(|(_, entry)| entry.reader == reader)
                .map(|(key, _)| key.clone())
            else {
                break;
            };
            left += self.remove(&key);
        }
        while self.bytes + bytes > self.most {
            let Some((_, oldest)) = self.entries.pop_lru() else {
                break;
            };
            self.bytes -= oldest.bytes;
        }
        self.bytes += bytes;
        self.entries.put(
            key,
            Entry {
                value,
                bytes,
                reader,
            },
        );
    }

    /// Removes an entry and returns its bytes.
    fn remove(&mut self, key: &K) -> usize {
        let bytes = self.entries.pop(key).map_or(0, |entry| entry.bytes);
        self.bytes -= bytes;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case 54.
    #[test]
    fn one_reader_does_not_evict_what_others_use() {
        let mut cache = ByteCache::new(1_000_000);
        let (many, one) = (Uuid::from_u128(1), Uuid::from_u128(2));
        cache.put(one, "board".to_owned(), 100_000, "board");
        for page in 0..10_000 {
            cache.put(many, format!("page {page}"), 40_000, "page");
        }
        assert_eq!(cache.get(&"board".to_owned()), Some(&"board"));
        assert_eq!(cache.get(&"page 9999".to_owned()), Some(&"page"));
        assert_eq!(cache.get(&"page 9990".to_owned()), None);
        assert!(cache.bytes <= 101_024 + 250_000, "{}", cache.bytes);
    }

    #[test]
    fn all_readers_together_stay_within_the_budget() {
        let mut cache = ByteCache::new(1_000_000);
        for reader in 0..100 {
            cache.put(Uuid::from_u128(reader), reader, 100_000, ());
        }
        assert!(cache.bytes <= 1_000_000);
        assert_eq!(cache.entries.len(), 9);
        assert!(cache.get(&99).is_some() && cache.get(&0).is_none());
    }

    #[test]
    fn replaced_and_oversized_values_are_not_counted_twice() {
        let mut cache = ByteCache::new(1_000_000);
        for _ in 0..10 {
            cache.put(Uuid::nil(), "a", 200_000, ());
        }
        assert_eq!(cache.bytes, 201_024);
        cache.put(Uuid::nil(), "a", 300_000, ());
        assert_eq!((cache.bytes, cache.get(&"a")), (0, None));
    }
}
