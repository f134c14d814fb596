//! The result does not depend on the pieces in which the requests of a connection arrive. This tests `final`'s copy of
//! the parser.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../final/tests/agreement/mod.rs"]
#[allow(dead_code)]
mod agreement;

fuzz_target!(|bytes: &[u8]| agreement::stream(bytes));
