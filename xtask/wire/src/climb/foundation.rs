//! Stages 1 to 4: an echo over TCP.

use std::time::Duration;

use super::stage::{Phase, Scheme, Stage, deadline};
use super::tools::{Checked, echoed, pattern, still_echoes, stream_through, stuffed};
use crate::Client;
use crate::exercise::{Connection, Failure, Server, check, first_difference};

const PHASE: Phase = Phase { name: "Foundation", scheme: Scheme::Echo };
const MIB: usize = 1024 * 1024;

pub(super) const STAGES: &[Stage] = &[
    PHASE.stage(1, "echo", "accepts and echoes", "part1/index.md")
        .contract("The server listens at the address in its last argument; port 0 means any free port. Its first line \
                   of output is `listening on tcp://ADDRESS`, with the actual port. It sends every byte that a client \
                   sends back to the same client as soon as the byte arrives, and closes when the client has closed. \
                   Then it serves the next client.")
        .hint("accept(2) returns a new socket for each client. Read from it until read returns 0, and write back the \
               bytes that you have read.")
        .checks(&[
            check("a line that a client sends comes back", |server| echoed(&mut server.connect()?, b"hello\n")),
            check("each byte comes back at once, without a newline", one_by_one)
                .rule("RFC 9293 section 3.9.1 (a stream of octets)"),
            check("bytes that are not text come back as well", all_bytes),
            check("when the client closes, the server closes, and the next client is served", one_after_another),
        ]),
    PHASE.stage(2, "large-stream", "echoes a large stream in pieces and honours half-close", "part1/index.md")
        .contract("A stream may have any length: 8 MiB come back complete and in order. A client that has closed its \
                   sending direction (shutdown with SHUT_WR, a FIN on the wire) still gets the remaining bytes, and \
                   then the end of the stream. The server waits at least 3 seconds for a client that does not read, \
                   and does not buffer its bytes meanwhile.")
        .hint("read(2) returns the bytes that have arrived, which is rarely a whole message. write(2) may take fewer \
               bytes than it was given: use write_all, or a loop. Read again only after everything that was read \
               before has been written.")
        .checks(&[
            check("8 MiB come back whole and in order", |server| same_stream(server, 8 * MIB)),
            check("after a half-close everything comes back, and then the end of the stream",
                  |server| [1, 5000, MIB].into_iter().try_for_each(|length| same_stream(server, length)))
                .rule("RFC 9293 section 3.6 (Closing a Connection)"),
            check("a client that does not read stops the server from reading (backpressure)", backpressure)
                .rule("RFC 9293 section 3.8.6 (Managing the Window)"),
        ]),
    PHASE.stage(3, "reset", "survives a client that resets", "part1/index.md")
        .contract("A client may end its connection with a reset (RST) at any moment: at once, after it has sent \
                   something, and while the server is writing. A reset ends this connection and nothing else.")
        .hint("After a reset, read and write fail with ECONNRESET or EPIPE. The error concerns one client: log it and \
               go on with the next. In C and Python, SIGPIPE or an exception must not end the process.")
        .checks(&[
            check("a reset before the first byte", reset_at_once),
            check("a reset after a line", reset_after_a_line),
            check("a reset while the server is writing", reset_while_writing),
        ]),
    PHASE.stage(4, "idle", "gives up on a silent client", "part1/index.md")
        .contract("A client that sends nothing is disconnected after a while, at most 10 seconds here. (Two seconds \
                   are enough while you climb, but only for reading: stage 2 needs more for writing. The server of \
                   chapter 1 waits 60: use `--deadline 70` for a server that waits longer.) The time starts again \
                   with every byte that arrives.")
        .hint("A blocking read waits forever. Set a receive timeout on the socket (SO_RCVTIMEO, set_read_timeout) and \
               close the socket when it expires.")
        .checks(&[
            check("a client that sends nothing is disconnected, and the next one is served", silent),
            check("a client that goes idle after a line is disconnected", falls_silent),
        ]),
];

fn one_by_one(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    b"ping".iter().try_for_each(|&byte| echoed(&mut connection, &[byte]))
}

fn all_bytes(server: &Server) -> Checked {
    let bytes: Vec<u8> = (0..=255).collect();
    echoed(&mut server.connect()?, &bytes)
}

fn one_after_another(server: &Server) -> Checked {
    for line in [&b"first\n"[..], b"second\n", b"third\n"] {
        let mut connection = server.connect()?;
        echoed(&mut connection, line)?;
        connection.half_close()?;
        connection.ends("the end of the stream after the client has closed")?;
    }
    Ok(())
}

fn same_stream(server: &Server, length: usize) -> Checked {
    let bytes = pattern(length);
    let expected = format!("{length} bytes, and then the end of the stream");
    let got = stream_through(server, &bytes).map_err(|failure| failure.expecting(&*expected))?;
    let got = match first_difference(&got, &bytes) {
        _ if got == bytes => return Ok(()),
        same if same == got.len() => format!("only the first {same} bytes"),
        same => format!("{} bytes, and byte {same} is the first wrong byte", got.len()),
    };
    Err(Failure::new(expected, got))
}

/// The socket buffers of both sides hold several megabytes. If the server accepts more, it buffers the rest itself.
fn backpressure(server: &Server) -> Checked {
    const MOST: usize = 64 * MIB;
    let mut connection = server.connect()?;
    connection.client().set_patience(Duration::from_secs(1));
    let piece = pattern(64 * 1024);
    for _ in 0..MOST / piece.len() {
        let sent = connection.with_client(b"", |client| client.send(&piece));
        match sent {
            Ok(()) => {}
            Err(failure) if failure.timed_out => return Ok(()),
            Err(failure) => {
                return Err(
                    failure.expecting("the connection stays open while its client does not read")
                );
            }
        }
    }
    let expected = "the server stops reading while its client does not read";
    let got =
        format!("it has read {} MiB and keeps reading: all of it is in its memory", MOST / MIB);
    Err(Failure::new(expected, got))
}

fn reset_at_once(server: &Server) -> Checked {
    for _ in 0..5 {
        reset(server.connect()?)?;
    }
    still_echoes(server, "five clients have reset their connections")
}

fn reset_after_a_line(server: &Server) -> Checked {
    for _ in 0..5 {
        let mut connection = server.connect()?;
        let _ = connection.client().send(b"hello\n");
        reset(connection)?;
    }
    still_echoes(server, "five clients have sent a line and reset their connections")
}

fn reset_while_writing(server: &Server) -> Checked {
    for _ in 0..3 {
        // The server has stopped reading because it blocks in write(2).
        reset(stuffed(server)?)?;
    }
    still_echoes(server, "three clients have reset their connections in the middle of a transfer")
}

fn reset(mut connection: Connection<'_>) -> Checked {
    connection.with_client(b"", |client| client.reset_when_dropped())
}

fn silent(server: &Server) -> Checked {
    gives_up(server.connect()?)?;
    still_echoes(server, "a silent client has been disconnected")
}

fn falls_silent(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    connection.write(b"hello\n")?;
    gives_up(connection)
}

fn gives_up(mut connection: Connection<'_>) -> Checked {
    let patience = deadline();
    connection.client().set_patience(patience);
    connection.with_client(b"", Client::read_to_any_end).map(drop).map_err(|mut failure| {
        if failure.timed_out {
            let seconds = patience.as_secs();
            let got = "it is still open after";
            failure.got = format!("{got} {seconds} s (`--deadline SECONDS` waits longer)").into();
        }
        failure.expecting("the server closes an idle connection")
    })
}
