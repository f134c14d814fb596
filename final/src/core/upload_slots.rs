//! Slots that bound the number of uploads that are read at the same time: a counting semaphore
//! without a blocking wait.
//!
//! **No address gets all of them.** An address gets a slot only if more slots are free than it
//! holds, so a single client that is slow on purpose gets at most half of the slots, a second one
//! at most half of the remaining slots, and so on. A fixed share for each address would be too
//! small for a proxy, whose address many clients may share, or too large when there are few
//! clients.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::network::network;
use super::sync::{Mutex, MutexGuard, lock};

/// A set of slots, empty by default. Clones share the same slots.
#[derive(Debug, Clone, Default)]
pub struct UploadSlots(Arc<Mutex<Slots>>);

#[derive(Debug, Default)]
struct Slots {
    count: u32,
    free: u32,
    /// The number of uploads in the queue. While the queue is not empty, free slots go to queued
    /// uploads, not to new ones.
    queued: usize,
    /// The number of slots that each network holds, without networks that hold none.
    held: HashMap<IpAddr, u32>,
}

/// A slot for one upload. Dropping it frees the slot.
#[derive(Debug)]
pub struct UploadSlot {
    slots: UploadSlots,
    network: IpAddr,
}

impl UploadSlots {
    /// Creates `count` free slots.
    pub fn new(count: u32) -> UploadSlots {
        let slots = UploadSlots::default();
        slots.set_count(count);
        slots
    }

    /// Sets the number of slots and makes all of them free. Must not be called while a slot is
    /// taken.
    pub fn set_count(&self, count: u32) {
        let mut slots = lock(&self.0);
        (slots.count, slots.free) = (count, count);
    }

    /// Returns the number of slots, free or taken.
    pub fn count(&self) -> u32 {
        lock(&self.0).count
    }

    /// Returns the number of free slots.
    pub fn free(&self) -> u32 {
        lock(&self.0).free
    }

    /// Returns the number of uploads in the queue.
    pub fn queued(&self) -> usize {
        lock(&self.0).queued
    }

    /// Sets the number of uploads in the queue.
    pub fn set_queued(&self, count: usize) {
        lock(&self.0).queued = count;
    }

    /// Takes a slot for a client with this address. Returns `None` if no slot is free for it, or if
    /// uploads are queued.
    pub fn take(&self, address: IpAddr) -> Option<UploadSlot> {
        let slots = lock(&self.0);
        if slots.queued > 0 { None } else { self.take_from(slots, address) }
    }

    /// Takes a slot for a queued upload whose client has this address, if a slot is free for it.
    pub fn take_for_queued(&self, address: IpAddr) -> Option<UploadSlot> {
        self.take_from(lock(&self.0), address)
    }

    fn take_from(&self, mut slots: MutexGuard<'_, Slots>, address: IpAddr) -> Option<UploadSlot> {
        let network = network(address);
        let held = slots.held.get(&network).copied().unwrap_or(0);
        if slots.free <= held {
            return None;
        }
        slots.free -= 1;
        slots.held.insert(network, held + 1);
        drop(slots);
        Some(UploadSlot { slots: self.clone(), network })
    }
}

impl Drop for UploadSlot {
    fn drop(&mut self) {
        let mut slots = lock(&self.slots.0);
        slots.free += 1;
        if let Some(held) = slots.held.get_mut(&self.network) {
            *held -= 1;
            if *held == 0 {
                slots.held.remove(&self.network);
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_newcomer_gets_no_slot_while_uploads_are_queued() {
        let slots = UploadSlots::new(1);
        slots.set_queued(1);
        assert!(slots.take(address(1)).is_none());
        let slot = slots.take_for_queued(address(1)).unwrap();
        slots.set_queued(0);
        assert!(slots.take(address(2)).is_none() && slots.free() == 0);
        drop(slot);
        assert!(slots.take(address(2)).is_some());
    }

    #[test]
    fn a_slot_is_free_again_when_it_is_dropped() {
        let slots = UploadSlots::new(2);
        let [first, second] = [1, 2].map(|last| slots.take(address(last)).unwrap());
        assert!(slots.take(address(3)).is_none() && slots.free() == 0);
        drop(first);
        assert_eq!(slots.free(), 1);
        assert!(slots.clone().take(address(3)).is_some(), "a clone has the same slots");
        drop(second);
        assert_eq!((slots.free(), slots.count()), (2, 2));
        assert!(lock(&slots.0).held.is_empty());
    }

    #[test]
    fn each_address_gets_half_of_the_free_slots() {
        let slots = UploadSlots::new(16);
        let take_all = |address| std::iter::from_fn(|| slots.take(address)).collect::<Vec<_>>();
        let mut held: Vec<_> = (1..=5).map(|last| take_all(address(last))).collect();
        assert_eq!(held.iter().map(Vec::len).collect::<Vec<_>>(), [8, 4, 2, 1, 1]);
        // A freed slot may go to an address that holds fewer slots.
        held[0].truncate(6);
        assert!(slots.take(address(1)).is_none() && slots.take(address(2)).is_none());
        assert!(slots.take(address(6)).is_some());
    }

    #[test]
    fn all_addresses_of_an_ipv6_network_have_one_share() {
        let slots = UploadSlots::new(2);
        let [first, same, other] =
            ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:2::1"].map(|it| it.parse().unwrap());
        let _slot = slots.take(first).unwrap();
        assert!(slots.take(same).is_none());
        assert!(slots.take(other).is_some());
    }
}
