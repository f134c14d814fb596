//! The memory budget, which counts the bytes held for clients and bounds them.
//!
//! The budget counts request bodies that are being collected, response bodies that have not been
//! sent, and the data that a connection keeps between two steps: unread input, output that the
//! kernel has not taken, and the request whose body is still arriving. A limit on each client is
//! not enough: 600 clients with up to 8 MiB each are 4.8 GB.
//!
//! The budget does not count memory that the number of threads already bounds: the buffers of a
//! step, and the allocations of a running handler.
//!
//! **At the bound** a reservation fails, and the caller drops its data: a body that cannot grow is
//! dropped and its client gets 503, a response that cannot be kept is replaced by a 503, and a
//! connection that cannot keep its unsent output ends. No reservation waits for memory. So there is
//! no deadlock in which many incomplete bodies each wait for the memory of another. A connection's
//! memory is free again at the connection's deadline at the latest.
//!
//! **The last eighth is for small reservations** of at most 64 KiB. Large bodies alone cannot use
//! up the budget, so small ones are still accepted. A request that arrives in one piece and whose
//! response fits into the socket's send buffer needs no reservation at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The largest reservation that may use the last eighth, in bytes.
pub const SMALL: usize = 64 * 1024;

/// The default limit in bytes: half of the memory of a 512 MiB container.
pub const DEFAULT_LIMIT: usize = 256 * 1024 * 1024;

/// A count of the bytes held for clients, with a limit. Clones share the budget.
#[derive(Debug, Clone)]
pub struct MemoryBudget(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    limit: AtomicUsize,
    held: AtomicUsize,
}

/// The error for a reservation that does not fit into the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverBudget;

/// A number of bytes taken from a budget, zero at first. Dropping the reservation returns them.
#[derive(Debug, Default)]
pub struct Reservation {
    budget: Option<MemoryBudget>,
    bytes: usize,
}

/// Returns the size of the largest single reservation that a budget of `limit` bytes can ever
/// grant.
pub fn largest_reservation(limit: usize) -> usize {
    limit - limit / 8
}

impl MemoryBudget {
    /// Creates a budget of `limit` bytes.
    pub fn new(limit: usize) -> MemoryBudget {
        let limit = AtomicUsize::new(limit);
        MemoryBudget(Arc::new(Counts { limit, held: AtomicUsize::new(0) }))
    }

    /// Sets another limit, in bytes. Existing reservations do not change.
    pub fn set_limit(&self, limit: usize) {
        self.0.limit.store(limit, Ordering::Relaxed);
    }

    /// Returns the limit in bytes.
    pub fn limit(&self) -> usize {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes that are held now.
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Counts `more` bytes as held, for a reservation that will then have `total` bytes.
    fn take(&self, more: usize, total: usize) -> Result<(), OverBudget> {
        let limit = self.limit();
        let bound = if total > SMALL { largest_reservation(limit) } else { limit };
        let grown = |held: usize| held.checked_add(more).filter(|held| *held <= bound);
        // Relaxed ordering is enough, because the count guards no other data.
        let taken = self.0.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
        taken.map(|_| ()).map_err(|_| OverBudget)
    }
}

impl Default for MemoryBudget {
    fn default() -> MemoryBudget {
        MemoryBudget::new(DEFAULT_LIMIT)
    }
}

impl Reservation {
    /// Returns the size of the reservation in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Grows or shrinks the reservation to `bytes` bytes. The first call that grows it determines
    /// the budget; later calls ignore the argument.
    ///
    /// # Errors
    /// Returns [`OverBudget`] if the reservation cannot grow to this size. Its size does not change
    /// then. Shrinking always succeeds.
    pub fn resize(&mut self, budget: &MemoryBudget, bytes: usize) -> Result<(), OverBudget> {
        if bytes > self.bytes {
            let budget = self.budget.get_or_insert_with(|| budget.clone());
            budget.take(bytes - self.bytes, bytes)?;
        } else if let Some(budget) = &self.budget {
            budget.0.held.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.0.held.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;

    use super::*;

    const MIB: usize = 1024 * 1024;

    fn reserved(budget: &MemoryBudget, bytes: usize) -> Result<Reservation, OverBudget> {
        let mut reservation = Reservation::default();
        reservation.resize(budget, bytes).map(|()| reservation)
    }

    #[test]
    fn a_reservation_is_counted_until_it_is_dropped() {
        let budget = MemoryBudget::new(8 * MIB);
        let mut first = reserved(&budget, 100).unwrap();
        let second = reserved(&budget, MIB).unwrap();
        assert_eq!(budget.held(), MIB + 100);
        first.resize(&budget, 10).unwrap();
        first.resize(&budget, 30).unwrap();
        drop(second);
        assert_eq!((budget.held(), first.bytes()), (30, 30));
        drop(first);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_reservation_that_cannot_grow_keeps_its_size() {
        let budget = MemoryBudget::new(MIB);
        let mut reservation = reserved(&budget, MIB / 2).unwrap();
        assert_eq!(reservation.resize(&budget, MIB), Err(OverBudget));
        assert_eq!(reservation.resize(&budget, usize::MAX), Err(OverBudget));
        assert_eq!((reservation.bytes(), budget.held()), (MIB / 2, MIB / 2));
    }

    #[test]
    fn the_last_eighth_is_for_small_reservations() {
        let budget = MemoryBudget::new(MIB);
        let most = largest_reservation(MIB);
        assert_eq!(most, 7 * MIB / 8);
        assert_eq!(reserved(&budget, most + 1).err(), Some(OverBudget));
        let _large = reserved(&budget, most).unwrap();
        assert_eq!(reserved(&budget, SMALL + 1).err(), Some(OverBudget));
        let _small = [reserved(&budget, SMALL).unwrap(), reserved(&budget, SMALL).unwrap()];
        assert_eq!(budget.held(), budget.limit());
        assert_eq!(reserved(&budget, 1).err(), Some(OverBudget));
    }

    #[test]
    fn many_threads_together_never_hold_more_than_the_limit() {
        let budget = MemoryBudget::new(MIB);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for size in 0..2_000 {
                        let reservation = reserved(&budget, size * 512);
                        assert!(budget.held() <= budget.limit(), "{reservation:?}");
                    }
                });
            }
        });
        assert_eq!(budget.held(), 0);
    }
}
