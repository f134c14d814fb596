//! Inputs that the fuzzer has found, replayed: `xtask/fuzz/corpus`.

use std::fs;
use std::path::Path;

mod agreement;

/// Calls `check` with every input of one fuzz target.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count > 20, "{} has only {count} inputs", folder.display());
}

#[test]
fn a_header_section_does_not_depend_on_how_it_is_split() {
    replay("head", agreement::head);
}

#[test]
fn a_chunked_body_does_not_depend_on_how_it_is_split() {
    replay("chunked", agreement::chunked);
}

#[test]
fn requests_are_the_same_however_they_arrive() {
    replay("stream", agreement::stream);
}
