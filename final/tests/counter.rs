//! `/counter` sends the status that its client requests. Regression test: it sent even an interim status as the final
//! response.

use wire::{Client, PATIENCE, Program, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// Each line of the log has the status that was sent, and standard error has the reason.
#[test]
fn an_interim_status_of_a_page_is_a_500_that_is_logged() {
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
    let mut client = Client::connect(program.addr()).unwrap();
    for status in ["100", "101", "103", "199"] {
        let target = format!("/counter?status={status}");
        let both = [request("GET", &target, &[], b""), request("GET", "/empty", &[], b"")];
        client.send(both.concat()).unwrap();
        assert_eq!(client.read_reply().unwrap().status, 500, "{target}");
        assert_eq!(client.read_reply().unwrap().status, 204, "{target}");
        let line = format!("\"GET {target} HTTP/1.1\" 500 ");
        program.wait_for_stdout(&line, PATIENCE, |text| text.contains(&line)).unwrap();
        let reason = format!("GET {target}: the handler responded with {status}");
        program.wait_for_stderr(&reason, PATIENCE, |text| text.contains(&reason)).unwrap();
    }
    for status in ["0", "99", "600", "65536", "-1", "ok"] {
        let target = format!("/counter?status={status}");
        assert_eq!(client.ask(request("GET", &target, &[], b"")).unwrap().status, 400, "{target}");
    }
}
