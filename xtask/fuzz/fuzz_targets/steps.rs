//! A whole connection of `final`: the result does not depend on the pieces in which its bytes arrive, each request gets
//! one response, in order, and nothing follows the last response.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../final/tests/steps/mod.rs"]
#[allow(dead_code)]
mod steps;

fuzz_target!(|bytes: &[u8]| {
    // A handler that panics is a part of the test, but the fuzzer would stop at the panic.
    static QUIET: std::sync::Once = std::sync::Once::new();
    QUIET.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload_as_str() != Some(steps::ASKED) {
                hook(info);
            }
        }));
    });
    steps::agree(bytes);
});
