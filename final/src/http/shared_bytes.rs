//! Bytes in memory that several responses can send at the same time.

use std::ops::Deref;
use std::sync::Arc;

use crate::core::MemoryBudget;
use crate::core::memory_budget::{OverBudget, Reservation};
use crate::core::sync::{Mutex, lock};

/// The bytes of a body, which exist in memory only once even if many clients receive them. Clones
/// share the bytes, and dropping the last clone frees them.
#[derive(Debug, Clone, Default)]
pub struct SharedBytes(Arc<Contents>);

#[derive(Debug, Default)]
struct Contents {
    bytes: Vec<u8>,
    /// The reservation for the bytes, which are counted once, from the first response that sends
    /// them until they are freed.
    memory: Mutex<Reservation>,
}

impl SharedBytes {
    /// Reserves memory for the bytes in the budget, unless they are already counted.
    pub(super) fn count_in(&self, budget: &MemoryBudget) -> Result<(), OverBudget> {
        lock(&self.0.memory).resize(budget, self.0.bytes.capacity())
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

/// Takes ownership of the bytes. They are only copied if the vector has spare capacity, which has
/// to be freed.
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
    fn a_clone_shares_the_bytes() {
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
