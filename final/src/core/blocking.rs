//! Work that blocks: meanwhile another thread takes over this thread's permit.

use std::cell::RefCell;
use std::rc::Rc;

type Release = Rc<dyn Fn() -> bool>;

thread_local! {
    /// The function that hands this thread's permit to another thread.
    static RELEASE: RefCell<Option<Release>> = const { RefCell::new(None) };
}

/// Runs `work` that is known to block, such as a query, a read from a slow disk, or a call to
/// another service.
///
/// Another thread takes over this thread's permit at once. Without this call the watchdog moves the
/// permit 5 to 10 ms later, or up to 55 ms later if the server was idle before. On a thread that is
/// not a worker, `work` just runs.
pub fn blocking<T>(work: impl FnOnce() -> T) -> T {
    release_permit();
    work()
}

/// Hands this thread's permit to another thread. The current step continues without a permit until
/// its end.
///
/// Returns false if this thread holds no permit, or if all threads are in use.
pub fn release_permit() -> bool {
    let release = RELEASE.with(|cell| cell.borrow().clone());
    release.is_some_and(|release| release())
}

/// Sets the function that [`release_permit`] calls on this thread.
pub(super) fn set_release(release: impl Fn() -> bool + 'static) {
    RELEASE.with(|cell| *cell.borrow_mut() = Some(Rc::new(release)));
}
