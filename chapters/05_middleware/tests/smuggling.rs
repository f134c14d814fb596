//! Every ambiguous request is rejected, whether it arrives byte by byte or at once. The rules are in
//! `xtask/wire/src/tables`.

use wire::Program;
use wire::tables;

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

fn check(rows: &[tables::Row]) {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    tables::check(program.addr(), rows).unwrap();
}

#[test]
fn the_end_of_a_body_is_never_a_matter_of_opinion() {
    check(&tables::smuggling::rows());
}

#[test]
fn chunks_are_read_to_the_letter() {
    check(&tables::chunks::rows());
}

#[test]
fn the_request_line_and_the_fields_are_read_to_the_letter() {
    check(&tables::heads::rows());
}

#[test]
fn a_target_is_read_once_and_in_one_way() {
    check(&tables::targets::rows());
}
