//! What is too much is refused, with the status that says what it was.
//! The rules are in `xtask/wire/src/tables/limits.rs`.

use wire::Program;
use wire::tables;

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

#[test]
fn what_is_too_much_is_refused_with_its_status() {
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
    tables::check(program.addr(), &tables::limits::rows()).unwrap();
}
