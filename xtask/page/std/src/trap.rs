//! Catches a panic with the help of the page.
//!
//! The standard library for wasm32-wasip1 aborts after a panic, which is a trap: all calls of the module end, and the
//! page gets an exception. So [`catch_unwind`] goes through the page. The page calls the module again, and if that call
//! traps, it returns to this function, as if the stack had been unwound. No destructor has run, so what the closure held
//! is leaked, and a lock that it held stays locked.

#![expect(unsafe_code, reason = "a pointer to the closure goes through the page and back")]

use std::ffi::c_void;
use std::panic::UnwindSafe;
use std::thread::Result;

#[link(wasm_import_module = "page")]
unsafe extern "C" {
    /// Calls `run(task)` and returns 0, or 1 after a trap.
    fn attempt(task: *mut c_void) -> u32;
}

/// Calls the closure, for the page.
///
/// # Safety
/// `task` must be the pointer that was passed to `attempt`, and that call must not have returned.
#[unsafe(no_mangle)]
unsafe extern "C" fn run(task: *mut c_void) {
    // SAFETY: the pointer is valid by the contract of this function, and `catch_unwind` does not use what it points to
    // until `attempt` has returned.
    unsafe { (*task.cast::<&mut dyn FnMut()>())() }
}

/// Like `std::panic::catch_unwind`. The payload of the panic is lost: the error is always the same text.
///
/// # Errors
/// Returns an error when `closure` panics.
pub fn catch_unwind<R>(closure: impl FnOnce() -> R + UnwindSafe) -> Result<R> {
    let (mut closure, mut result) = (Some(closure), None);
    let mut body = || result = closure.take().map(|closure| closure());
    let mut task: &mut dyn FnMut() = &mut body;
    // SAFETY: `task` outlives the call, and the page passes the pointer to nothing but `run`.
    let trapped = unsafe { attempt((&raw mut task).cast()) };
    match result {
        Some(value) if trapped == 0 => Ok(value),
        _ => Err(Box::new("the module trapped")),
    }
}
