//! What every answer must look like.
//! The rules are in `xtask/wire/src/tables/responses.rs`.

use wire::Program;
use wire::tables;

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

#[test]
fn every_answer_has_what_it_must_have() {
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
    tables::check(program.addr(), &tables::responses::rows()).unwrap();
}
