//! A number of slots, for something of which only so much may happen at the same time: a counting semaphore that nobody
//! waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// The slots that are free. A clone has the same ones.
#[derive(Debug, Clone)]
pub struct UploadSlots(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    free: AtomicU32,
    /// How many are in the queue. A slot is for the first of them, and not for a newcomer.
    queued: AtomicUsize,
}

/// One slot. It is free again when this is dropped.
#[derive(Debug)]
pub struct UploadSlot(Arc<Counts>);

impl UploadSlots {
    /// So many slots.
    pub fn new(count: u32) -> UploadSlots {
        let (free, queued) = (AtomicU32::new(count), AtomicUsize::new(0));
        UploadSlots(Arc::new(Counts { free, queued }))
    }

    /// How many are free.
    pub fn free(&self) -> u32 {
        self.0.free.load(Ordering::Relaxed)
    }

    /// Sets how many are in the queue.
    pub fn set_queued(&self, count: usize) {
        self.0.queued.store(count, Ordering::Relaxed);
    }

    /// A slot, if one is free and nothing is in the queue.
    pub fn take(&self) -> Option<UploadSlot> {
        if self.0.queued.load(Ordering::Relaxed) > 0 { None } else { self.take_for_queued() }
    }

    /// A slot for the first in the queue, if one is free.
    pub fn take_for_queued(&self) -> Option<UploadSlot> {
        // The number guards no other memory, so nothing has to be ordered by it.
        let one_less = |free: u32| free.checked_sub(1);
        self.0.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).ok()?;
        Some(UploadSlot(Arc::clone(&self.0)))
    }
}

impl Drop for UploadSlot {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_newcomer_gets_no_slot_as_long_as_others_wait() {
        let slots = UploadSlots::new(1);
        slots.set_queued(1);
        assert!(slots.take().is_none());
        let slot = slots.take_for_queued().unwrap();
        slots.set_queued(0);
        assert!(slots.take().is_none() && slots.free() == 0);
        drop(slot);
        assert!(slots.take().is_some());
    }

    #[test]
    fn a_slot_is_free_again_when_it_is_dropped() {
        let slots = UploadSlots::new(2);
        let [first, second] = [slots.take().unwrap(), slots.take().unwrap()];
        assert!(slots.take().is_none() && slots.free() == 0);
        drop(first);
        assert_eq!(slots.free(), 1);
        assert!(slots.clone().take().is_some(), "a clone has the same slots");
        drop(second);
        assert_eq!(slots.free(), 2);
    }
}
