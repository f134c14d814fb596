//! Requests beyond a limit are rejected, with a status that names the limit. The rules are in
//! `xtask/wire/src/tables/limits.rs`.

use wire::Program;
use wire::tables;

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

#[test]
fn exceeding_a_limit_is_rejected_with_its_status() {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    tables::check(program.addr(), &tables::limits::rows()).unwrap();
}
