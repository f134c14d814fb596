//! Where a request ends and the next begins, on a real connection.
//! The rules are in `xtask/wire/src/tables/framing.rs`.

use wire::Program;
use wire::tables;

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

#[test]
fn requests_on_one_connection_are_kept_apart() {
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
    tables::check(program.addr(), &tables::framing::rows()).unwrap();
}
