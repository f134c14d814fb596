//! Bytes in memory that many responses send at the same time.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use crate::core::MemoryBudget;
use crate::core::memory_budget::{OverBudget, Reservation};

/// The bytes of a body, which are in memory once however many clients they are sent to. A clone refers to the same
/// bytes, and the last one that is dropped frees them.
#[derive(Debug, Clone, Default)]
pub struct SharedBytes(Arc<Contents>);

#[derive(Debug, Default)]
struct Contents {
    bytes: Vec<u8>,
    /// They are counted once, from the first response that sends them until they are freed.
    memory: Mutex<Reservation>,
}

impl SharedBytes {
    /// Counts the bytes in the budget, if they are not counted yet.
    pub(super) fn count_in(&self, budget: &MemoryBudget) -> Result<(), OverBudget> {
        let mut memory = self.0.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.resize(budget, self.0.bytes.capacity())
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl PartialEq for SharedBytes {
    fn eq(&self, other: &SharedBytes) -> bool {
        **self == **other
    }
}

impl Eq for SharedBytes {}

/// Takes the bytes over. They are not copied unless the vector has spare room, which is given back.
impl From<Vec<u8>> for SharedBytes {
    fn from(mut bytes: Vec<u8>) -> SharedBytes {
        bytes.shrink_to_fit();
        SharedBytes(Arc::new(Contents { bytes, memory: Mutex::default() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_has_the_same_bytes_and_not_a_copy_of_them() {
        let bytes = b"hello".to_vec();
        let before = bytes.as_ptr();
        let shared = SharedBytes::from(bytes);
        assert_eq!(&*shared, b"hello");
        assert_eq!((shared.as_ptr(), shared.clone().as_ptr()), (before, before));
    }

    #[test]
    fn bytes_are_counted_once_for_all_clones_until_the_last_is_dropped() {
        let budget = MemoryBudget::new(1000);
        let shared = SharedBytes::from(vec![0; 600]);
        let other = shared.clone();
        for bytes in [&shared, &other, &shared] {
            bytes.count_in(&budget).unwrap();
            assert_eq!(budget.held(), 600);
        }
        assert_eq!(SharedBytes::from(vec![0; 600]).count_in(&budget), Err(OverBudget));
        drop(shared);
        assert_eq!(budget.held(), 600);
        drop(other);
        assert_eq!(budget.held(), 0);
    }
}
