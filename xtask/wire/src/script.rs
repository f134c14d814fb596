//! A server with scripted responses, for tests of clients and of this library itself.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::{Client, WireError};

/// A listening socket with a script of responses, which serves one connection after the other.
///
/// For each request on a connection it sends the next of that connection's responses, byte for byte.
/// After the last one it closes. The received header sections are kept.
#[derive(Debug)]
pub struct Script {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<Head>>>,
}

/// The header section of a request, and the time at which its end arrived.
type Head = (Instant, String);

impl Script {
    /// Starts to listen. `connections[i]` contains the responses for connection number `i`. Later
    /// connections are closed at once.
    pub fn start(connections: Vec<Vec<Vec<u8>>>) -> Result<Script, WireError> {
        let cannot = |error| WireError::io("starting a scripted server", &error);
        let listener = TcpListener::bind("127.0.0.1:0").map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        Builder::new()
            .name("script".to_string())
            .spawn(move || {
                let mut connections = connections.into_iter();
                // The thread ends with the process that runs the test.
                while let Ok((stream, _)) = listener.accept() {
                    let answers = connections.next().unwrap_or_default();
                    // A client may disconnect early. The test decides whether that is an error.
                    let client = Client::of("accepting", Ok(stream));
                    let _ = client.and_then(|client| play(client, answers, &seen));
                }
            })
            .map_err(cannot)?;
        Ok(Script { address, heads })
    }

    /// Starts to listen, with the same single response on each of `count` connections.
    pub fn repeat(answer: &[u8], count: usize) -> Result<Script, WireError> {
        Script::start(vec![vec![answer.to_vec()]; count])
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The header sections of the requests so far, over all connections.
    pub fn heads(&self) -> Vec<String> {
        self.arrivals().into_iter().map(|(_, head)| head).collect()
    }

    /// The header sections of the requests so far, each with the time at which its end arrived.
    pub fn arrivals(&self) -> Vec<(Instant, String)> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn play(
    mut client: Client,
    answers: Vec<Vec<u8>>,
    heads: &Mutex<Vec<Head>>,
) -> Result<(), WireError> {
    for answer in answers {
        let head = client.read_until(b"\r\n\r\n", "a header section")?;
        let head = (Instant::now(), String::from_utf8_lossy(&head).into_owned());
        heads.lock().unwrap_or_else(PoisonError::into_inner).push(head);
        client.send(answer)?;
    }
    // FIN is sent first, and the remaining input is discarded. Otherwise an RST might overtake the
    // response.
    client.half_close()?;
    client.set_patience(Duration::from_millis(200));
    client.read_to_end().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, Kind};

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    const SHORT: Duration = Duration::from_millis(50);

    #[test]
    fn each_request_gets_the_next_answer_and_then_the_end() {
        let script = Script::start(vec![vec![OK.to_vec(), OK.to_vec()]]).unwrap();
        let mut client = Client::connect(script.addr()).unwrap();
        client.send(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(client.read_reply().unwrap().body, b"hi");
        assert_eq!(client.read_reply().unwrap().body, b"hi");
        client.expect_closed().unwrap();
        assert_eq!(script.heads()[1], "GET /2 HTTP/1.1\r\n\r\n");
        let arrivals = script.arrivals();
        assert!(arrivals[0].0 <= arrivals[1].0, "{arrivals:?}");
        assert!(client.transcript().starts_with("> GET /1 HTTP/1.1\\r\\n\n> \\r\\n\n> GET /2"));
        assert!(client.transcript().ends_with("< hi\n"));
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_one_head() {
        let script = Script::repeat(OK, 1).unwrap();
        let mut client = Client::connect(script.addr()).unwrap();
        let request = b"GET / HTTP/1.1\r\n\r\n";
        client.send_slowly(request, 1..request.len()).unwrap();
        assert_eq!(client.read_reply().unwrap().status, 200);
        assert_eq!(script.heads().len(), 1);
    }

    #[test]
    fn a_wait_that_times_out_names_the_awaited_bytes_and_shows_the_others() {
        let script = Script::start(vec![vec![b"HTTP/1.1 200".to_vec(), Vec::new()]]).unwrap();
        let mut client = Client::connect(script.addr()).unwrap().with_patience(SHORT);
        let error = client.ask(b"GET / HTTP/1.1\r\n\r\n").unwrap_err();
        assert_eq!(error.kind(), Kind::TimedOut);
        assert_eq!(
            error.to_string(),
            "waited 50ms for the end of the response's header section\nthis had arrived:\n< HTTP/1.1 200"
        );
    }

    #[test]
    fn a_server_that_goes_on_is_not_closed_and_not_silent() {
        let script = Script::start(vec![vec![OK.to_vec(), Vec::new()]]).unwrap();
        let mut client = Client::connect(script.addr()).unwrap().with_patience(SHORT);
        client.expect_silence(SHORT).unwrap();
        assert_eq!(client.expect_closed().unwrap_err().kind(), Kind::TimedOut);
        client.send(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(client.expect_silence(SHORT * 10).unwrap_err().kind(), Kind::Unexpected);
        assert_eq!(client.expect_closed().unwrap_err().kind(), Kind::Unexpected);
        assert_eq!(client.read_exact(8).unwrap(), b"HTTP/1.1");
    }

    #[test]
    fn a_half_closed_client_still_reads() {
        let script = Script::repeat(b"raw bytes", 1).unwrap();
        let mut client = Client::connect(script.addr()).unwrap();
        client.send(b"x\r\n\r\n").unwrap();
        client.half_close().unwrap();
        assert_eq!(client.read_to_end().unwrap(), b"raw bytes");
    }
}
