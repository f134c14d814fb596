//! A number of slots, for something of which only so much may happen at the same time: a counting semaphore that nobody
//! waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The slots that are free. A clone has the same ones.
#[derive(Debug, Clone)]
pub struct Slots(Arc<AtomicU32>);

/// One slot. It is free again when this is dropped.
#[derive(Debug)]
pub struct Slot(Arc<AtomicU32>);

impl Slots {
    /// So many slots.
    pub fn new(count: u32) -> Slots {
        Slots(Arc::new(AtomicU32::new(count)))
    }

    /// How many are free.
    pub fn free(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// A slot, if one is free.
    pub fn take(&self) -> Option<Slot> {
        // The number guards no other memory, so nothing has to be ordered by it.
        let one_less = |free: u32| free.checked_sub(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).ok()?;
        Some(Slot(Arc::clone(&self.0)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_free_again_when_it_is_dropped() {
        let slots = Slots::new(2);
        let [first, second] = [slots.take().unwrap(), slots.take().unwrap()];
        assert!(slots.take().is_none() && slots.free() == 0);
        drop(first);
        assert_eq!(slots.free(), 1);
        assert!(slots.clone().take().is_some(), "a clone has the same slots");
        drop(second);
        assert_eq!(slots.free(), 2);
    }
}
