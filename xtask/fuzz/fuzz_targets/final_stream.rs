//! It makes no difference in which pieces all requests of a connection arrive: the copy of the parser that `final` has.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../final/tests/agreement/mod.rs"]
#[allow(dead_code)]
mod agreement;

fuzz_target!(|bytes: &[u8]| agreement::stream(bytes));
