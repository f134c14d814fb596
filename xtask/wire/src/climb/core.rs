//! Stages 5 to 8: several clients of an echo at the same time, a bound, and graceful shutdown.

use std::time::{Duration, Instant};

use super::stage::{Phase, Scheme, Stage};
use super::tools::{Checked, echoed, require, still_echoes, stuffed};
use crate::exercise::{Connection, Failure, Server, check};
use crate::{Client, Kind, PATIENCE};

const PHASE: Phase = Phase { name: "Core", scheme: Scheme::Echo };

/// The maximum number of clients that an echo may serve at the same time. The check could not reach a higher bound.
const BOUND: usize = 100;

/// The number of clients that connect at the same time.
const CLIENTS: usize = 150;

pub(super) const STAGES: &[Stage] = &[
    PHASE.stage(5, "side-by-side", "serves four clients at once", "part2/one-slow-client.md")
        .contract("At least four clients are served at the same time, even if the other three send nothing, send \
                   without reading, or are slow.")
        .hint("A loop that serves one client until it leaves blocks in read while the next client waits in the accept \
               queue. Give each client a thread, or dispatch the sockets to a thread pool.")
        .checks(&[
            check("four clients take turns on four connections", turns),
            check("three idle clients do not delay another client", beside_silent_clients),
            check("a client that does not read does not delay another client", beside_a_client_that_does_not_read),
        ]),
    PHASE.stage(6, "bounded", "bounds its clients: the next one waits or is rejected", "part2/a-bounded-queue.md")
        .contract("The server serves at most 100 clients at a time (choose a bound from 4 to 100). A client beyond \
                   the bound waits until another client has left, or its connection is closed at once. No client is \
                   forgotten.")
        .hint("A thread for each client ends in thousands of threads. Let a fixed number of workers take sockets from \
               a bounded queue; when the queue is full, close the new connection (load shedding).")
        .checks(&[
            check("of 150 clients at most 100 are served at the same time, and at least 4", at_most),
            check("each client beyond the bound is served when others leave, or disconnected", none_is_forgotten),
        ]),
    PHASE.stage(7, "task-panic", "keeps its workers when a task panics", "part2/a-panic-costs-no-worker.md")
        .contract("This stage needs a task that fails: a client that sends the line `panic` may make its task panic \
                   (in another language: raise an exception). Its connection is closed, or it gets its line back. \
                   Afterwards the server can serve as many clients at the same time as before.")
        .hint("A panic unwinds its thread. A worker that has ended takes no more tasks, and after as many panics as \
               there are workers no client is served. Catch the panic around each task (catch_unwind), or start a new \
               worker.")
        .checks(&[
            check("after 200 tasks that failed, four clients are served at the same time", panics),
        ]),
    PHASE.stage(8, "stop", "finishes transfers in progress on SIGTERM", "part2/graceful-shutdown.md")
        .contract("After SIGTERM the server accepts no new clients, finishes the transfers in progress, does not wait \
                   for clients that have sent nothing, and exits with status 0 within 5 seconds after the last \
                   transfer. A transfer is in progress from the first byte of a client until that client closes.")
        .hint("A signal handler may do almost nothing: let it set a flag or write to a pipe, and let an ordinary \
               thread do the rest. Closing the listening socket is not enough to wake a thread that is blocked in \
               accept.")
        .checks(&[
            check("a transfer in progress is finished, and then the server exits with status 0", finishes),
            check("a client that has sent nothing does not delay the exit", does_not_wait_for_idle_clients),
            check("no client is accepted after the shutdown", accepts_no_client),
        ]),
];

fn turns(server: &Server) -> Checked {
    let mut connections = (0..4).map(|_| server.connect()).collect::<Result<Vec<_>, _>>()?;
    for round in ["a\n", "b\n", "c\n"] {
        // From the last to the first, because a server that serves one client after another blocks on the first.
        for connection in connections.iter_mut().rev() {
            echoed(connection, round.as_bytes())?;
        }
    }
    Ok(())
}

fn beside_silent_clients(server: &Server) -> Checked {
    let _silent = (0..3).map(|_| server.connect()).collect::<Result<Vec<_>, _>>()?;
    still_echoes(server, "three clients have connected and send nothing")
}

fn beside_a_client_that_does_not_read(server: &Server) -> Checked {
    let _stuffed = stuffed(server)?;
    still_echoes(server, "a client sends and does not read")
}

fn crowd(server: &Server) -> Result<Vec<Connection<'_>>, Failure> {
    let connect = |_| {
        let mut connection = server.connect()?;
        connection.client().set_patience(Duration::from_millis(1));
        // If the server has already closed the connection, the read detects that.
        let _ = connection.client().send(b"x");
        Ok(connection)
    };
    (0..CLIENTS).map(connect).collect()
}

/// Takes the clients that have got their echo out of `waiting`, and calls `served` with them, and the clients that were
/// disconnected, until nothing has changed for `quiet`.
fn settle<'a>(
    waiting: &mut Vec<Connection<'a>>,
    quiet: Duration,
    mut served: impl FnMut(Connection<'a>),
) {
    let mut changed = Instant::now();
    while !waiting.is_empty() && changed.elapsed() < quiet {
        for mut connection in std::mem::take(waiting) {
            match connection.client().read_exact(1) {
                Err(error) if error.kind() == Kind::TimedOut => waiting.push(connection),
                echoed => {
                    changed = Instant::now();
                    if echoed.is_ok() {
                        served(connection);
                    }
                }
            }
        }
    }
}

fn at_most(server: &Server) -> Checked {
    let mut served = Vec::new();
    settle(&mut crowd(server)?, Duration::from_secs(1), |connection| served.push(connection));
    require(
        (4..=BOUND).contains(&served.len()),
        format!("from 4 to {BOUND} of {CLIENTS} clients are served at the same time"),
        format!("{} were", served.len()),
    )
}

fn none_is_forgotten(server: &Server) -> Checked {
    let mut waiting = crowd(server)?;
    // Each served client leaves at once, which frees its slot. Some progress within PATIENCE is enough.
    settle(&mut waiting, PATIENCE, drop);
    require(
        waiting.is_empty(),
        "each client is served or closed in the end",
        format!("{} wait, and nothing has changed for {} s", waiting.len(), PATIENCE.as_secs()),
    )
}

fn panics(server: &Server) -> Checked {
    for _ in 0..200 {
        let mut connection = server.connect()?;
        let client = connection.client();
        let _ = client.send(b"panic\n").and_then(|()| client.half_close());
        // The server may send the line or nothing, and then the end of the stream.
        client.read_to_any_end().map_err(|_| {
            Failure::new("the connection of a failed task is closed", "it stays open")
                .with_timeout()
        })?;
    }
    turns(server)
}

fn finishes(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    echoed(&mut connection, b"before\n")?;
    connection.exchange(b"half of a", 9)?;
    terminate(server)?;
    // A server that exits immediately still takes a moment, during which the rest of the transfer could arrive.
    let moment = Duration::from_millis(300);
    connection.with_client(b"half of a", |client| client.expect_silence(moment))?;
    echoed(&mut connection, b" transfer\n")?;
    connection.half_close()?;
    connection.ends("the end of the stream after the last byte")?;
    drop(connection);
    exits(server)
}

fn does_not_wait_for_idle_clients(server: &Server) -> Checked {
    let _silent = server.connect()?;
    still_echoes(server, "a client has connected and sends nothing")?;
    terminate(server)?;
    exits(server)
}

fn accepts_no_client(server: &Server) -> Checked {
    still_echoes(server, "the start")?;
    terminate(server)?;
    exits(server)?;
    let again = Client::connect(server.address());
    let expected = "connections are refused after the shutdown";
    require(again.is_err(), expected, "a connection was accepted")
}

pub(super) fn terminate(server: &Server) -> Checked {
    server
        .program()
        .signal(crate::Signal::Terminate)
        .map_err(|error| Failure::new("a server that gets SIGTERM", error.message()))
}

pub(super) fn exits(server: &Server) -> Checked {
    let status = server.program().wait(PATIENCE).map_err(|error| {
        Failure::new("the server exits within 5 s after SIGTERM", error.message()).with_timeout()
    })?;
    require(status.success(), "exit status 0", status)
}
