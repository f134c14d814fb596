//! Several requests on a connection, and slow clients.

use std::time::Duration;

use super::super::stage::deadline;
use super::super::tools::Checked;
use crate::exercise::{Connection, Failure, Server};
use crate::{Kind, request};

const KIB: usize = 1024;

pub(super) fn one_after_another(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    for body in ["one", "two", "three"] {
        let answer = connection.ask("POST", "/echo", &[], body.as_bytes())?;
        answer.status(200)?.body(body.as_bytes())?;
    }
    Ok(())
}

pub(super) fn pipelined(server: &Server) -> Checked {
    let mut bytes = Vec::new();
    for body in ["a", "bb", "ccc", "dddd"] {
        bytes.extend(request("POST", "/echo", &[], body.as_bytes()));
    }
    let mut connection = server.connect()?;
    connection.write(&bytes)?;
    for body in ["a", "bb", "ccc", "dddd"] {
        connection.read(&bytes)?.status(200)?.body(body.as_bytes())?;
    }
    Ok(())
}

pub(super) fn unread_body(server: &Server) -> Checked {
    let hidden = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut connection = server.connect()?;
    let first = connection.ask("POST", "/nowhere", &[], hidden)?;
    first.status_in(&[404, 405, 501])?;
    // A server may close the connection instead of reading an unwanted body.
    if first.reply.lists("Connection", "close") {
        return Ok(());
    }
    connection.ask("POST", "/echo", &[], b"mine")?.status(200)?.body(b"mine").map(drop)
}

pub(super) fn closes(server: &Server) -> Checked {
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ] {
        let mut connection = server.connect()?;
        let answer = connection.send(bytes)?;
        answer.status(200)?;
        connection.ends_after(&answer, "the server closes")?;
    }
    Ok(())
}

pub(super) fn lingers(server: &Server) -> Checked {
    let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let bytes = format!("{last}{}", "x".repeat(128 * KIB));
    for _ in 0..5 {
        let mut connection = server.connect()?;
        let answer = connection.send(bytes.as_bytes())?;
        answer.status(200)?;
        // On this machine the response overtakes the reset. Over a real network it often does not.
        if let Err(error) = connection.client().read_exact(1)
            && error.kind() == Kind::Reset
        {
            return Err(answer.failure("the connection ends with FIN", "it was reset (RST)"));
        }
    }
    Ok(())
}

pub(super) fn half_a_header_section(server: &Server) -> Checked {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n";
    let mut connection = server.connect()?;
    connection.client().set_patience(deadline());
    connection.write(bytes)?;
    is_timed_out(&mut connection, bytes)
}

pub(super) fn slowloris(server: &Server) -> Checked {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ";
    let mut connection = server.connect()?;
    connection.write(bytes)?;
    let seconds = deadline().as_secs();
    for _ in 0..seconds {
        // Otherwise bytes or the end of the stream have arrived.
        let is_silent = connection.client().expect_silence(Duration::from_secs(1)).is_ok();
        if !is_silent || connection.client().send(b"x").is_err() {
            return is_timed_out(&mut connection, bytes);
        }
    }
    let expected = format!("status 408 within {seconds} s, although a byte arrives every second");
    let failure = Failure::new(expected, "nothing, and the connection is open");
    Err(failure.with_bytes(bytes, b"").with_timeout())
}

/// Expects 408 and then the end of the stream.
fn is_timed_out(connection: &mut Connection<'_>, bytes: &[u8]) -> Checked {
    let answer = connection.read(bytes).map_err(|failure| {
        let mut failure = failure.expecting("status 408");
        if failure.timed_out {
            failure.got = format!("{}\n(`--deadline SECONDS` waits longer)", failure.got).into();
        }
        failure
    })?;
    answer.status(408)?;
    connection.ends_after(&answer, "the server closes after 408")
}
