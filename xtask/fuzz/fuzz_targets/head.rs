//! It makes no difference in which pieces a request's head arrives.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../chapters/04_router/tests/agreement/mod.rs"]
#[allow(dead_code)]
mod agreement;

fuzz_target!(|bytes: &[u8]| agreement::head(bytes));
