//! The result does not depend on the pieces in which a chunked body arrives.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../chapters/04_router/tests/agreement/mod.rs"]
#[allow(dead_code)]
mod agreement;

fuzz_target!(|bytes: &[u8]| agreement::chunked(bytes));
