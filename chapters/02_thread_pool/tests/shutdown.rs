//! Graceful shutdown: no transfer in progress is aborted, and no client can delay the end forever.
#![cfg(unix)]

use std::process::Command;
use std::sync::mpsc::channel;
use std::thread::Builder;
use std::time::Duration;

use ch02_thread_pool::core::thread_pool::PoolConfig;
use ch02_thread_pool::{Server, ServerHandle};
use wire::{Client, Program, Signal};

/// Less than the ten seconds for which the program waits before it aborts connections.
const SOON: Duration = Duration::from_secs(6);

fn start() -> Program {
    let path = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));
    Program::start(path, &["127.0.0.1:0"]).unwrap()
}

/// A client that has had an echo, so its connection is busy.
fn busy(program: &Program) -> Client {
    let mut client = Client::connect(program.addr()).unwrap();
    client.send("first half, ").unwrap();
    assert_eq!(client.read_exact(12).unwrap(), b"first half, ");
    client
}

/// Sends the signal, and waits until the server has acted on it: the server then ends idle
/// connections.
fn interrupt(program: &Program) {
    let mut idle = Client::connect(program.addr()).unwrap();
    program.interrupt().unwrap();
    idle.expect_closed().unwrap();
}

/// Waits until the listening socket is closed, a moment after the signal.
fn wait_until_refused(program: &Program) {
    let refused = (0..1000).any(|_| {
        std::thread::yield_now();
        Client::connect(program.addr()).is_err()
    });
    assert!(refused);
}

#[test]
fn a_transfer_under_way_is_finished_and_then_the_program_ends_with_success() {
    let program = start();
    let mut client = busy(&program);
    interrupt(&program);
    client.send("second half").unwrap();
    assert_eq!(client.read_exact(11).unwrap(), b"second half");
    client.half_close().unwrap();
    assert_eq!(client.read_to_end().unwrap(), b"");
    assert!(program.wait(SOON).unwrap().success());
    assert!(program.stderr_so_far().contains("stopped: 0 aborted"), "{}", program.stderr_so_far());
}

#[test]
fn clients_that_have_not_begun_delay_nothing() {
    for signal in [Signal::Interrupt, Signal::Terminate] {
        let program = start();
        // Once a client has been served, the signal handlers are certainly set.
        busy(&program).half_close().unwrap();
        let mut clients = [(); 3].map(|()| Client::connect(program.addr()).unwrap());
        program.signal(signal).unwrap();
        for client in &mut clients {
            client.expect_closed().unwrap();
        }
        assert!(program.wait(SOON).unwrap().success());
    }
}

#[test]
fn a_client_after_the_signal_is_refused_by_the_kernel() {
    let program = start();
    let mut client = busy(&program);
    interrupt(&program);
    wait_until_refused(&program);
    client.send("still served").unwrap();
    assert_eq!(client.read_exact(12).unwrap(), b"still served");
}

#[test]
fn a_queued_client_is_served_before_the_server_ends() {
    let program = start();
    let clients = [(); 3].map(|()| busy(&program));
    // The fourth worker waits for this client until the signal ends the connection.
    let _silent = Client::connect(program.addr()).unwrap();
    let mut queued = Client::connect(program.addr()).unwrap();
    queued.send("waiting since before the signal").unwrap();
    queued.half_close().unwrap();
    program.interrupt().unwrap();
    assert_eq!(queued.read_to_end().unwrap(), b"waiting since before the signal");
    drop(clients);
    assert!(program.wait(SOON).unwrap().success());
}

/// Regression test: at the signal, the receiving direction of every queued client was shut down,
/// whatever its state.
#[test]
fn a_queued_client_that_has_sent_something_can_send_the_rest_after_the_signal() {
    let program = start();
    let mut busy = [(); 4].map(|()| busy(&program));
    let mut queued = Client::connect(program.addr()).unwrap();
    queued.send("first line, ").unwrap();
    program.interrupt().unwrap();
    wait_until_refused(&program);
    busy[0].half_close().unwrap();
    assert_eq!(queued.read_exact(12).unwrap(), b"first line, ");
    queued.send("second line").unwrap();
    assert_eq!(queued.read_exact(11).unwrap(), b"second line");
    queued.half_close().unwrap();
    assert_eq!(queued.read_to_end().unwrap(), b"");
    drop(busy);
    assert!(program.wait(SOON).unwrap().success());
    assert!(program.stderr_so_far().contains("stopped: 0 aborted"), "{}", program.stderr_so_far());
}

#[test]
fn a_second_signal_aborts_the_connections_in_progress() {
    let program = start();
    let mut client = busy(&program);
    interrupt(&program);
    client.expect_silence(Duration::from_millis(200)).unwrap();
    program.interrupt().unwrap();
    client.expect_closed().unwrap();
    assert!(program.wait(SOON).unwrap().success());
    assert!(program.stderr_so_far().contains("stopped: 1 aborted"), "{}", program.stderr_so_far());
}

/// Regression test: the connection that wakes the accept loop needs a free file descriptor too, and was not
/// retried.
#[test]
fn a_server_that_has_no_file_left_at_the_signal_ends_all_the_same() {
    let mut command = Command::new("sh");
    let path = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));
    command.args(["-c", "ulimit -n 24; exec \"$0\" 127.0.0.1:0", path]);
    let program = Program::start_command(command).unwrap();
    let mut busy = [(); 4].map(|()| busy(&program));
    let mut waiting: Vec<Client> = Vec::new();
    for _ in 0..10 {
        waiting.push(Client::connect(program.addr()).unwrap());
    }
    for client in &mut busy {
        client.expect_silence(Duration::from_millis(50)).unwrap();
    }
    program.interrupt().unwrap();
    for client in &mut busy {
        client.expect_silence(Duration::from_millis(50)).unwrap();
    }
    drop((busy, waiting));
    assert!(program.wait(SOON).unwrap().success());
}

/// Serves with one worker, and stops once `started` has connected its clients. Returns how many connections
/// were aborted.
fn cut_off(drain: Duration, started: impl FnOnce(&ServerHandle) -> Vec<Client>) -> usize {
    let server = Server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let server = server.with_workers(PoolConfig { workers: 1, queue: 8 }).with_drain(drain);
    let handle = server.handle();
    let (ended, has_ended) = channel();
    let run = move || ended.send(server.run().unwrap()).unwrap();
    let thread = Builder::new().name("server".to_string()).spawn(run).unwrap();
    let clients = started(&handle);
    handle.shutdown();
    let count = has_ended.recv_timeout(SOON).unwrap();
    for mut client in clients {
        client.expect_closed().unwrap();
    }
    thread.join().unwrap();
    count
}

/// A client whose worker has begun to echo.
fn served(handle: &ServerHandle) -> Client {
    let mut client = Client::connect(handle.local_addr()).unwrap();
    client.send("busy").unwrap();
    assert_eq!(client.read_exact(4).unwrap(), b"busy");
    client
}

#[test]
fn at_the_deadline_the_remaining_connections_are_aborted_and_counted() {
    let count = cut_off(Duration::from_millis(100), |handle| vec![served(handle)]);
    assert_eq!(count, 1);
}

/// Regression test: a client that waited in the queue was neither served nor counted.
#[test]
fn a_client_that_has_begun_and_is_still_queued_at_the_deadline_is_counted_too() {
    let count = cut_off(Duration::from_millis(100), |handle| {
        let busy = served(handle);
        let mut begun = Client::connect(handle.local_addr()).unwrap();
        begun.send("in the queue").unwrap();
        let silent = Client::connect(handle.local_addr()).unwrap();
        vec![busy, begun, silent]
    });
    assert_eq!(count, 2, "the silent one has lost nothing");
}
