//! Stages 1 to 4: an echo over TCP.

use std::io::Write;

use super::tools::{
    Checked, echoed, is_timeout, pattern, require, socket, still_echoes, stream_through,
    until_closed,
};
use super::{Scheme, Stage, deadline};
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
        contract: "The server listens at the address in its last argument; port 0 means any free port. Its first line of \
                   output is `listening on tcp://ADDRESS`, with the port that it got. It sends every byte that a client \
                   sends back to this client, as soon as it arrives, and closes when the client has closed. Then it \
                   serves the next client.",
        hint: "accept(2) returns a new socket for each client. Read from it until read returns 0, and write what was read.",
        page: "part1/index.md",
        checks: &[
            Check { sentence: "what a client sends comes back", rule: "", run: a_line },
            Check {
                sentence: "each byte comes back at once, without a newline",
                rule: "RFC 9293 section 3.9.1 (a stream of octets)",
                run: one_by_one,
            },
            Check {
                sentence: "bytes that are no text come back as well",
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
        contract: "A stream is as long as the client likes: 8 MiB come back whole and in order. A client that has closed \
                   its sending direction (shutdown with SHUT_WR, a FIN on the wire) still gets the rest, and then the end of \
                   the stream. A client that does not read is waited for, at least 10 seconds; the server does not collect its \
                   bytes.",
        hint: "read(2) returns what has arrived, which is rarely a whole message. write(2) may take less than it was given: \
               write_all, or a loop. Read only when everything that was read before has been written.",
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
        contract: "A client may end its connection with a reset (RST) at any moment: at once, after it has sent, and while \
                   the server is writing. That ends this connection and nothing else.",
        hint: "After a reset read and write fail with ECONNRESET or EPIPE. That is an error of one client: log it and go \
               on with the next. In C and Python, SIGPIPE or an exception must not end the process.",
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
        contract: "A client that sends nothing is disconnected after a while, at most 10 seconds here. (Two are enough while \
                   you climb, but for reading only: stage 2 wants more for writing. The server of chapter 1 waits 60: give \
                   `--deadline 70` for one that waits longer.) The time begins anew with every byte that arrives.",
        hint: "A blocking read waits for ever. Set a receive timeout on the socket (SO_RCVTIMEO, set_read_timeout) and close \
               when it expires.",
        page: "part1/index.md",
        checks: &[
            Check {
                sentence: "a client that sends nothing is disconnected, and the next one is served",
                rule: "",
                run: silent,
            },
            Check {
                sentence: "a client that falls silent after a line is disconnected",
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
        format!("{} bytes, of which number {same} is the first wrong one", got.len())
    };
    Err(Failure::new(expected, words))
}

/// The buffers of the two kernels take some megabytes. What they do not take, the server would have collected.
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
        format!("it took {} MiB and goes on: all of it is in its memory", sent / MIB),
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
        // Until the server waits in write(2), because nothing is read.
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
    let patience = deadline();
    until_closed(stream, patience).map(drop).map_err(|_| {
        Failure::new(
            "the server closes a connection on which nothing arrives",
            format!(
                "it is still open after {} s (`--deadline SECONDS` waits longer)",
                patience.as_secs()
            ),
        )
        .with_timeout()
    })
}
