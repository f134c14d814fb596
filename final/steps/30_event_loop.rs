//! Step 30: an event loop. One thread waits for all sockets at once, and serves the sockets that are ready.

mod common;

use std::collections::HashMap;
use std::env;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};

use ch06_handlers::http::{Handler, HeaderValue, Request, Response, Router};
use ch06_handlers::middleware::{CatchPanic, Chain};
use common::{Messages, context_of};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);

fn main() -> anyhow::Result<()> {
    let address = env::args().skip(1).rfind(|word| word.contains(':'));
    let address = address.unwrap_or("127.0.0.1:8080".to_string());
    // Each client is an open file, and the usual limit is 1,024 of them.
    httpserver::core::files::raise_limit();
    let mut listener = TcpListener::bind(address.parse()?)?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut router = Router::new();
    router.get("/", |_: &mut Request| "my server\n");
    router.get("/hello/:name", |request: &mut Request| {
        format!("Hello, {}!\n", request.param("name").unwrap_or_default())
    });
    router.post("/echo", |request: &mut Request| {
        let bytes = HeaderValue::from_static("application/octet-stream");
        Response::bytes(bytes, request.body().as_bytes().to_vec())
    });
    let routes = Chain::around(router.build()?).with(CatchPanic);
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    Server { poll, listener, routes, clients: HashMap::new(), accepted: 0 }.run()?;
    Ok(())
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    routes: Chain,
    clients: HashMap<Token, Client>,
    /// How many clients have been accepted: the next token, so that none is used twice.
    accepted: usize,
}

impl Server {
    fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    token => self.step(token),
                }
            }
        }
    }

    /// Edge-triggered polling reports each change once, so this accepts until no client is waiting.
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let (mut stream, peer) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The client has left while it waited in the accept queue.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                // Perhaps no file descriptor is left. We try again when the next client connects.
                Err(error) => {
                    eprintln!("accept: {error}");
                    return Ok(());
                }
            };
            let token = Token(self.accepted);
            self.accepted += 1;
            let both = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, token, both)?;
            self.clients.insert(token, Client::new(stream, peer));
        }
    }

    /// Serves a client as far as possible without waiting. An error ends only that client's connection.
    fn step(&mut self, token: Token) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        loop {
            match client.next_request() {
                Ok(Some(mut request)) => {
                    let context = context_of(&request);
                    client.messages.respond(self.routes.handle(&mut request), context);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Ok(None) | Err(_) => {
                    self.clients.remove(&token);
                    return;
                }
            }
        }
    }
}

/// A connection between two events: everything that a dedicated thread would have on its stack.
struct Client {
    stream: TcpStream,
    messages: Messages,
}

impl Client {
    fn new(stream: TcpStream, peer: SocketAddr) -> Client {
        Client { stream, messages: Messages::new(peer) }
    }

    /// Writes and reads until a request is complete, or the socket would block. `None`: the connection has ended.
    fn next_request(&mut self) -> io::Result<Option<Request>> {
        let mut buffer = [0; 16 * 1024];
        let Client { stream, messages, .. } = self;
        loop {
            if !messages.output.is_empty() {
                // Backpressure: a client that does not read its responses is not read from.
                let count = stream.write(&messages.output)?;
                messages.output.drain(..count);
                continue;
            }
            // In their order: a client may send several requests at once (pipelining).
            if let Some(request) = messages.next_request() {
                return Ok(Some(request));
            }
            // A malformed request gets a response too, so the output is sent before the close.
            if messages.output.is_empty() {
                if messages.ends {
                    // Closing with unread bytes would send a reset, so further input is read and dropped.
                    stream.shutdown(Shutdown::Write)?;
                }
                let count = stream.read(&mut buffer)?;
                if count == 0 {
                    return Ok(None);
                }
                messages.receive(&buffer[..count]);
            }
        }
    }
}
