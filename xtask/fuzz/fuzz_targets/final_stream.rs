//! It makes no difference in which pieces all requests of a connection arrive, to the parser of `final`. It has a short way for heads that come whole.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../final/tests/agreement/mod.rs"]
#[allow(dead_code)]
mod agreement;

fuzz_target!(|bytes: &[u8]| agreement::stream(bytes));
