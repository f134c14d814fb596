//! Several requests on one connection: each begins where the previous one ends.

use std::net::SocketAddr;
use std::time::Duration;

use super::requests::{expect, expect_status, plain, post};
use super::{Row, Table};
use crate::{Client, Kind, WireError};

/// The table.
pub fn rows() -> Vec<Row> {
    let mut table = Table::new("Connections");
    pipelining(&mut table);
    keep_alive(&mut table);
    expectations(&mut table);

    table.rule("RFC 9112 section 9.6", "A client that has half-closed still gets its response");
    table.scenario("half-close after a request", half_close_behind_a_request);
    table.scenario("half-close in a header section", half_close_in_a_head);
    table.scenario("half-close in a body", half_close_in_a_body);

    table.rule("RFC 9112 section 9.6", "The last response is followed by FIN, not by RST");
    table.scenario("even if the client has sent more", fin_behind_the_last_answer);
    table.rows()
}

fn pipelining(table: &mut Table) {
    table.rule("RFC 9112 section 9.3.2", "Pipelined requests get their responses in order");
    let two = [plain("GET /"), plain("GET /nowhere")].concat();
    table.sequence(&[200, 404], "two in one write", two).json("/error", "not_found");
    let put =
        "PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\n";
    let two = post("Content-Length: 3", &format!("abc{put}"));
    table.sequence(&[200, 200], "a body between them", two).body(b"def");
    let unread =
        "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 19\r\n\r\nGET /x HTTP/1.1\r\n\r\n";
    let two = [unread.as_bytes(), &post("Content-Length: 1", "z")].concat();
    table.sequence(&[405, 200], "a body that no handler reads", two).body(b"z");
    let unread = "POST /nowhere HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n13\r\nGET /x HTTP/1.1\r\n\r\n\r\n0\r\n\r\n";
    let two = format!("{unread}GET /inspect HTTP/1.1\r\nHost: b\r\n\r\n").into_bytes();
    table.sequence(&[404, 200], "a chunked body that no handler reads", two).json("/host", "b");
    let hello = b"GET /inspect HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    table.answered(200, "GET with a body", hello).json("/body_length", 5);
    table.scenario("a thousand in one write", many_in_one_write);
}

fn keep_alive(table: &mut Table) {
    let with = |version: &str, fields: &str| {
        format!("GET / {version}\r\nHost: a\r\n{fields}\r\n").into_bytes()
    };
    table.rule("RFC 9112 section 9.3", "HTTP/1.1 persists unless Connection lists close");
    for (name, fields) in [
        ("no Connection", ""),
        ("keep-alive", "Connection: keep-alive\r\n"),
        ("another element", "Connection: TE\r\n"),
        ("an element that contains it", "Connection: closed, not-close\r\n"),
        ("empty", "Connection:\r\n"),
    ] {
        table.answered(200, name, with("HTTP/1.1", fields)).no_field("Connection");
    }
    for (name, fields) in [
        ("close", "Connection: close\r\n"),
        ("Close", "Connection: Close\r\n"),
        ("close in a list", "Connection: close, TE\r\n"),
        ("close at the end of a list", "Connection: TE,\tclose\r\n"),
        ("close on a second line", "Connection: TE\r\nConnection: close\r\n"),
        ("close beside keep-alive", "Connection: keep-alive, close\r\n"),
    ] {
        table.last(200, name, with("HTTP/1.1", fields));
    }

    table.rule("RFC 9112 section 9.3", "HTTP/1.0 closes unless Connection lists keep-alive");
    for (name, fields) in [
        ("no Connection", ""),
        ("close", "Connection: close\r\n"),
        ("another element", "Connection: TE\r\n"),
        ("keep-alive and close", "Connection: keep-alive, close\r\n"),
    ] {
        table.last(200, name, with("HTTP/1.0", fields));
    }
    for (name, fields) in [
        ("keep-alive", "Connection: keep-alive\r\n"),
        ("in a list, in capitals", "Connection: TE, Keep-Alive\r\n"),
    ] {
        table.answered(200, name, with("HTTP/1.0", fields)).lists("Connection", "keep-alive");
    }
}

fn expectations(table: &mut Table) {
    table.rule("RFC 9110 section 10.1.1", "Expect: 100-continue gets its 100 before the body");
    table.scenario("the body waits for it", continue_comes_first);
    table.scenario("not once the body has begun to arrive", no_continue_for_a_body_that_comes);
    table.scenario("not without the expectation", no_continue_unasked);
    table
        .answered(200, "no body, no 100", post("Content-Length: 0\r\nExpect: 100-continue", ""))
        .body(b"");
    let hi = b"POST /echo HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi";
    table.last(200, "ignored in HTTP/1.0", hi).body(b"hi");

    table.rule("RFC 9110 section 10.1.1", "A rejected request gets its final status and no 100");
    for (status, name, fields) in [
        (413, "a body that is too large", "Content-Length: 99999999999\r\nExpect: 100-continue"),
        (400, "two lengths", "Content-Length: 5\r\nContent-Length: 6\r\nExpect: 100-continue"),
        (501, "an unknown coding", "Transfer-Encoding: gzip, chunked\r\nExpect: 100-continue"),
    ] {
        table.refused(status, name, post(fields, ""));
    }
    table.rule("RFC 9110 section 10.1.1", "Any other expectation is 417");
    table.refused(417, "a word", post("Content-Length: 2\r\nExpect: magic", "hi"));
    table.refused(
        417,
        "beside the known one",
        post("Content-Length: 2\r\nExpect: 100-continue, magic", "hi"),
    );
    let hi = b"POST /echo HTTP/1.0\r\nContent-Length: 2\r\nExpect: magic\r\n\r\nhi";
    table.last(200, "not in HTTP/1.0, which has none", hi).body(b"hi");
}

fn many_in_one_write(address: SocketAddr) -> Result<(), WireError> {
    const COUNT: usize = 1000;
    let mut requests = Vec::new();
    for number in 0..COUNT {
        requests.extend(crate::request("GET", &format!("/inspect?{number}"), &[], b""));
    }
    let mut client = Client::connect(address)?;
    client.send(requests)?;
    for number in 0..COUNT {
        let reply = client.read_reply()?;
        let query = &reply.json()?["query"];
        let message = format!("response {number} must be to request {number}, is to {query}");
        expect(query.as_str() == Some(&number.to_string()), &message, &reply)?;
    }
    Ok(())
}

fn half_close_behind_a_request(address: SocketAddr) -> Result<(), WireError> {
    let mut client = Client::connect(address)?;
    client.send(post("Content-Length: 5", "hello"))?;
    client.half_close()?;
    expect_status(200, &client.read_reply()?)?;
    client.expect_closed()
}

/// The request will never be complete, so there is nothing to handle. RFC 9112 section 8 permits an error response,
/// but our servers send none: usually the client has gone.
fn half_close_in_a_head(address: SocketAddr) -> Result<(), WireError> {
    let mut client = Client::connect(address)?;
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")?;
    client.half_close()?;
    client.expect_closed()
}

fn half_close_in_a_body(address: SocketAddr) -> Result<(), WireError> {
    for (fields, body) in
        [("Content-Length: 5", "hell"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n")]
    {
        let mut client = Client::connect(address)?;
        client.send(post(fields, body))?;
        client.half_close()?;
        client.expect_closed()?;
    }
    Ok(())
}

fn continue_comes_first(address: SocketAddr) -> Result<(), WireError> {
    for (fields, body) in [
        ("Content-Length: 5\r\nExpect: 100-continue", "hello"),
        ("Content-Length: 1\r\nExpect: 100-continue", "h"),
        ("Transfer-Encoding: chunked\r\nExpect: 100-Continue", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        let mut client = Client::connect(address)?;
        client.send(post(fields, ""))?;
        expect_status(100, &client.read_reply()?)?;
        client.expect_silence(Duration::from_millis(20))?;
        client.send(body)?;
        expect_status(200, &client.read_reply()?)?;
        // `100 Continue` must not be sent twice, and the connection stays open.
        expect_status(200, &client.ask(crate::request("GET", "/", &[], b""))?)?;
    }
    Ok(())
}

/// A client that has begun to send the body without waiting does not need `100 Continue`, and might mistake it for the
/// final response.
fn no_continue_for_a_body_that_comes(address: SocketAddr) -> Result<(), WireError> {
    for (fields, begun, rest) in [
        ("Content-Length: 5", "hello", ""),
        ("Content-Length: 5", "he", "llo"),
        ("Transfer-Encoding: chunked", "5\r\nhe", "llo\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "5", "\r\nhello\r\n0\r\n\r\n"),
    ] {
        let mut client = Client::connect(address)?;
        client.send(post(&format!("{fields}\r\nExpect: 100-continue"), begun))?;
        if !rest.is_empty() {
            client.expect_silence(Duration::from_millis(20))?;
            client.send(rest)?;
        }
        let reply = client.read_reply()?;
        expect_status(200, &reply)?;
        expect(reply.body == b"hello", "the body must be whole", &reply)?;
        expect_status(200, &client.ask(crate::request("GET", "/", &[], b""))?)?;
    }
    Ok(())
}

/// A client gets no `100 Continue` if it has not requested it, or if it uses HTTP/1.0, which has no
/// interim responses.
fn no_continue_unasked(address: SocketAddr) -> Result<(), WireError> {
    for head in [
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        "POST /echo HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ] {
        let mut client = Client::connect(address)?;
        client.send(head)?;
        client.expect_silence(Duration::from_millis(20))?;
        client.send("hello")?;
        expect_status(200, &client.read_reply()?)?;
    }
    Ok(())
}

/// An RST, which a plain close(2) sends when there are unread bytes, may destroy the response before the
/// client has read it.
fn fin_behind_the_last_answer(address: SocketAddr) -> Result<(), WireError> {
    for (last, status) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\n\r\n", 400),
    ] {
        let mut client = Client::connect(address)?;
        client.send(format!("{last}{}", "x".repeat(128 * 1024)))?;
        expect_status(status, &client.read_reply()?)?;
        match client.read_exact(1) {
            Err(error) if error.kind() == Kind::Closed => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(WireError::new(Kind::Unexpected, "nothing may follow")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::{Builder, JoinHandle};

    use super::*;

    const RESPONSE: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

    /// Starts a server for `count` clients. It reads until FIN, whatever arrives, then sends `response` and closes.
    fn server(count: usize, response: &'static [u8]) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move || {
            for _ in 0..count {
                let mut stream = listener.accept().unwrap().0;
                stream.read_to_end(&mut Vec::new()).unwrap();
                stream.write_all(response).unwrap();
            }
        };
        (address, Builder::new().name("server".to_string()).spawn(serve).unwrap())
    }

    /// One server takes FIN for the end of any request, the other closes at FIN without a response.
    #[test]
    fn each_row_with_a_half_close_fails_on_a_server_that_breaks_its_rule() {
        type Steps = fn(SocketAddr) -> Result<(), WireError>;
        let table: [(Steps, usize, [Option<Kind>; 2]); 3] = [
            (half_close_behind_a_request, 1, [None, Some(Kind::Closed)]),
            (half_close_in_a_head, 1, [Some(Kind::Unexpected), None]),
            (half_close_in_a_body, 2, [Some(Kind::Unexpected), None]),
        ];
        for (number, (steps, connections, expected)) in (1..).zip(table) {
            // The first connection shows that a server responds.
            for (response, count, expected) in
                [(RESPONSE, 1, expected[0]), (b"", connections, expected[1])]
            {
                let (address, thread) = server(count, response);
                let found = steps(address).err().map(|error| error.kind());
                assert_eq!(found, expected, "line {number}, {} bytes", response.len());
                thread.join().unwrap();
            }
        }
    }
}
