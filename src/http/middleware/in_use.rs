//! What is in use by each account or network: open streams, connections, bytes of request bodies.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Amounts in use by key.
pub struct InUse<K>(Arc<Mutex<HashMap<K, usize>>>);

/// An amount in use, which is given back when dropped.
pub struct Share<K: Copy + Eq + Hash> {
    of: InUse<K>,
    key: K,
    amount: usize,
}

impl<K> Clone for InUse<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for InUse<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Copy + Eq + Hash> InUse<K> {
    /// Takes an amount; `None` if the key would have more than `most`.
    pub fn take(&self, key: K, amount: usize, most: usize) -> Option<Share<K>> {
        let mut share = Share {
            of: self.clone(),
            key,
            amount: 0,
        };
        share.grow(amount, most).then_some(share)
    }

    fn amounts(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Share<K> {
    /// Takes more; false, and nothing taken, if the key would have more than `most`.
    pub fn grow(&mut self, more: usize, most: usize) -> bool {
        let mut amounts = self.of.amounts();
        let used = amounts.get(&self.key).copied().unwrap_or(0);
        if used.saturating_add(more) > most {
            return false;
        }
        amounts.insert(self.key, used + more);
        self.amount += more;
        true
    }
}

impl<K: Copy + Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut amounts = self.of.amounts();
        if let Entry::Occupied(mut used) = amounts.entry(self.key) {
            *used.get_mut() -= self.amount;
            if *used.get() == 0 {
                used.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_counted_by_key_and_given_back() {
        let in_use = InUse::default();
        let mut share = in_use.take('a', 2, 5).unwrap();
        assert!(share.grow(3, 5) && !share.grow(1, 5));
        assert!(in_use.take('a', 1, 5).is_none());
        assert!(in_use.take('b', 5, 5).is_some());
        drop(share);
        assert!(in_use.take('a', 5, 5).is_some());
        assert!(in_use.amounts().is_empty());
    }
}
