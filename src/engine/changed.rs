//! What is to be saved: keys enter as they change, each leaves once. Its size follows the keys, however long nothing can be saved.

/// Keys that changed since they were taken.
#[derive(Debug)]
pub(super) struct Changed<K>(Vec<K>);

impl<K> Default for Changed<K> {
    fn default() -> Changed<K> {
        Changed(Vec::new())
    }
}

impl<K: Copy + Ord> Changed<K> {
    /// Notes a key.
    pub fn add(&mut self, key: K) {
        if self.0.last() == Some(&key) {
            return;
        }
        if self.0.len() == self.0.capacity() && self.0.len() >= 4096 {
            // Before it grows: repeats leave. What is left may double, so that this stays rare.
            self.tidy();
            self.0.reserve(self.0.len().max(4096));
        }
        self.0.push(key);
    }

    /// All of them, in order.
    pub fn take(&mut self) -> Vec<K> {
        self.tidy();
        std::mem::take(&mut self.0)
    }

    fn tidy(&mut self) {
        self.0.sort_unstable();
        self.0.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_changes_of_ten_keys_are_ten_keys() {
        let mut changed = Changed::default();
        for number in 0..1_000_000 {
            changed.add(number * 7 % 10);
        }
        assert!(changed.0.capacity() <= 3 * 4096, "{}", changed.0.capacity());
        assert_eq!(changed.take(), (0..10).collect::<Vec<_>>());
        assert_eq!(changed.take(), Vec::<i32>::new());
    }
}
