//! Stages 1 to 4: an echo over TCP.

use std::io::Write;
use std::time::Instant;

use super::stage::{Scheme, Stage, deadline};
use super::tools::{
    Checked, echoed, is_timeout, pattern, require, socket, still_echoes, stream_through,
    until_closed,
};
use crate::exercise::{Check, Failure, Server};

const PHASE: &str = "Foundation";
const MIB: usize = 1024 * 1024;

pub(super) const STAGES: &[Stage] = &[
    Stage {
        number: 1,
        name: "echo",
        title: "accepts and echoes",
        phase: PHASE,
        scheme: Scheme::Echo,
        contract: "The server listens at the address in its last argument; port 0 means any free port. Its first line \
                   of output is `listening on tcp://ADDRESS`, with the actual port. It sends every byte that a client \
                   sends back to the same client as soon as the byte arrives, and closes when the client has closed. \
                   Then it serves the next client.",
        hint: "accept(2) returns a new socket for each client. Read from it until read returns 0, and write back the \
               bytes that you have read.",
        page: "part1/index.md",
        checks: &[
            Check { sentence: "a line that a client sends comes back", rule: "", run: a_line },
            Check {
                sentence: "each byte comes back at once, without a newline",
                rule: "RFC 9293 section 3.9.1 (a stream of octets)",
                run: one_by_one,
            },
            Check {
                sentence: "bytes that are not text come back as well",
                rule: "",
                run: all_bytes,
            },
            Check {
                sentence: "when the client closes, the server closes, and the next client is served",
                rule: "",
                run: one_after_another,
            },
        ],
    },
    Stage {
        number: 2,
        name: "large-stream",
        title: "echoes a large stream in pieces and honours half-close",
        phase: PHASE,
        scheme: Scheme::Echo,
        contract: "A stream may have any length: 8 MiB come back complete and in order. A client that has closed its \
                   sending direction (shutdown with SHUT_WR, a FIN on the wire) still gets the remaining bytes, and \
                   then the end of the stream. The server waits at least 3 seconds for a client that does not read, \
                   and does not buffer its bytes meanwhile.",
        hint: "read(2) returns the bytes that have arrived, which is rarely a whole message. write(2) may take fewer \
               bytes than it was given: use write_all, or a loop. Read again only after everything that was read \
               before has been written.",
        page: "part1/index.md",
        checks: &[
            Check { sentence: "8 MiB come back whole and in order", rule: "", run: large },
            Check {
                sentence: "after a half-close everything comes back, and then the end of the stream",
                rule: "RFC 9293 section 3.6 (Closing a Connection)",
                run: half_close,
            },
            Check {
                sentence: "a client that does not read stops the server from reading (backpressure)",
                rule: "RFC 9293 section 3.8.6 (Managing the Window)",
                run: backpressure,
            },
        ],
    },
    Stage {
        number: 3,
        name: "reset",
        title: "survives a client that resets",
        phase: PHASE,
        scheme: Scheme::Echo,
        contract: "A client may end its connection with a reset (RST) at any moment: at once, after it has sent \
                   something, and while the server is writing. A reset ends this connection and nothing else.",
        hint: "After a reset, read and write fail with ECONNRESET or EPIPE. The error concerns one client: log it and \
               go on with the next. In C and Python, SIGPIPE or an exception must not end the process.",
        page: "part1/index.md",
        checks: &[
            Check { sentence: "a reset before the first byte", rule: "", run: reset_at_once },
            Check { sentence: "a reset after a line", rule: "", run: reset_after_a_line },
            Check {
                sentence: "a reset while the server is writing",
                rule: "",
                run: reset_while_writing,
            },
        ],
    },
    Stage {
        number: 4,
        name: "idle",
        title: "gives up on a silent client",
        phase: PHASE,
        scheme: Scheme::Echo,
        contract: "A client that sends nothing is disconnected after a while, at most 10 seconds here. (Two seconds \
                   are enough while you climb, but only for reading: stage 2 needs more for writing. The server of \
                   chapter 1 waits 60: use `--deadline 70` for a server that waits longer.) The time starts again \
                   with every byte that arrives.",
        hint: "A blocking read waits forever. Set a receive timeout on the socket (SO_RCVTIMEO, set_read_timeout) and \
               close the socket when it expires.",
        page: "part1/index.md",
        checks: &[
            Check {
                sentence: "a client that sends nothing is disconnected, and the next one is served",
                rule: "",
                run: silent,
            },
            Check {
                sentence: "a client that goes idle after a line is disconnected",
                rule: "",
                run: falls_silent,
            },
        ],
    },
];

fn a_line(server: &Server) -> Checked {
    echoed(&mut server.connect()?, b"hello\n")
}

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

fn large(server: &Server) -> Checked {
    let bytes = pattern(8 * MIB);
    same_stream(&bytes, stream_through(server.address(), &bytes))
}

fn half_close(server: &Server) -> Checked {
    for length in [1, 5000, MIB] {
        let bytes = pattern(length);
        same_stream(&bytes, stream_through(server.address(), &bytes))?;
    }
    Ok(())
}

fn same_stream(bytes: &[u8], got: Result<Vec<u8>, String>) -> Checked {
    let expected = format!("{} bytes, and then the end of the stream", bytes.len());
    let got = got.map_err(|why| Failure::new(expected.clone(), why))?;
    if got == bytes {
        return Ok(());
    }
    let same = got.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    let words = if same == got.len() {
        format!("only the first {same} bytes")
    } else {
        format!("{} bytes, and byte {same} is the first wrong byte", got.len())
    };
    Err(Failure::new(expected, words))
}

/// The socket buffers of both sides hold several megabytes. If the server accepts more, it buffers the rest itself.
fn backpressure(server: &Server) -> Checked {
    const MOST: usize = 64 * MIB;
    let mut stream = socket(server)?;
    let piece = pattern(64 * 1024);
    let cannot = |error: std::io::Error| {
        Failure::new("the connection stays open while its client does not read", error.to_string())
    };
    stream.set_write_timeout(Some(std::time::Duration::from_secs(1))).map_err(cannot)?;
    let mut sent = 0;
    while sent < MOST {
        match stream.write(&piece) {
            Ok(count) => sent += count,
            Err(error) if is_timeout(&error) => break,
            Err(error) => return Err(cannot(error)),
        }
    }
    require(
        sent < MOST,
        "the server stops reading while its client does not read",
        format!("it has read {} MiB and keeps reading: all of it is in its memory", sent / MIB),
    )?;
    drop(stream);
    Ok(())
}

fn reset_at_once(server: &Server) -> Checked {
    for _ in 0..5 {
        reset(&socket(server)?)?;
    }
    still_echoes(server, "five clients have reset their connections")
}

fn reset_after_a_line(server: &Server) -> Checked {
    for _ in 0..5 {
        let mut stream = socket(server)?;
        let _ = stream.write_all(b"hello\n");
        reset(&stream)?;
    }
    still_echoes(server, "five clients have sent a line and reset their connections")
}

fn reset_while_writing(server: &Server) -> Checked {
    for _ in 0..3 {
        let mut stream = socket(server)?;
        let cannot = |error: std::io::Error| Failure::new("a stream", error.to_string());
        stream.set_write_timeout(Some(std::time::Duration::from_millis(500))).map_err(cannot)?;
        // Send until the server blocks in write(2), because this client reads nothing.
        while stream.write(&pattern(64 * 1024)).is_ok_and(|count| count > 0) {}
        reset(&stream)?;
    }
    still_echoes(server, "three clients have reset their connections in the middle of a transfer")
}

/// With a linger time of zero, closing sends RST in place of FIN.
fn reset(stream: &std::net::TcpStream) -> Checked {
    socket2::SockRef::from(stream)
        .set_linger(Some(std::time::Duration::ZERO))
        .map_err(|error| Failure::new("a reset", error.to_string()))
}

fn silent(server: &Server) -> Checked {
    let mut stream = socket(server)?;
    gives_up(&mut stream)?;
    still_echoes(server, "a silent client has been disconnected")
}

fn falls_silent(server: &Server) -> Checked {
    let mut stream = socket(server)?;
    stream
        .write_all(b"hello\n")
        .map_err(|error| Failure::new("a connection", error.to_string()))?;
    gives_up(&mut stream)
}

fn gives_up(stream: &mut std::net::TcpStream) -> Checked {
    let (patience, begun) = (deadline(), Instant::now());
    until_closed(stream, patience).map(drop).map_err(|arrived| {
        let expected = "the server closes an idle connection";
        let seconds = patience.as_secs();
        if begun.elapsed() < patience {
            let count = arrived.unwrap_or_default().len();
            let got = format!("it sends without an end: {count} bytes so far");
            return Failure::new(expected, got);
        }
        let got = format!("it is still open after {seconds} s (`--deadline SECONDS` waits longer)");
        Failure::new(expected, got).with_timeout()
    })
}
