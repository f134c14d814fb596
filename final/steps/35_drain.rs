//! Step 35: a stop under load. New clients are refused, and each request that has arrived gets its response.

mod common;

use std::collections::HashMap;
use std::env;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ch06_handlers::core::signals::on_stop;
use ch06_handlers::core::task_queue::Rejected;
use ch06_handlers::core::thread_pool::{PoolConfig, ThreadPool};
use ch06_handlers::http::encoder::ResponseContext;
use ch06_handlers::http::{
    Handler, HeaderValue, HttpError, IntoResponse, Request, Response, Router, Status, extract,
    header,
};
use ch06_handlers::middleware::{CatchPanic, Chain};
use common::{Messages, context_of};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// Set by a signal.
static STOPS: AtomicBool = AtomicBool::new(false);

/// How long a client may be idle, and how long it may take to send a request.
const IDLE: Duration = Duration::from_secs(30);
const REQUEST: Duration = Duration::from_secs(5);

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
    router.get("/slow", slow);
    let routes = Chain::around(router.build()?).with(CatchPanic);
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
    let stop = Arc::clone(&waker);
    on_stop(move || {
        STOPS.store(true, Ordering::SeqCst);
        let _ = stop.wake();
    })?;
    let (done, finished) = mpsc::channel();
    // In a longer queue, requests outlast their clients: without a bound, overload becomes waiting.
    let size = PoolConfig { workers: 16, queue: 32 };
    let pool = ThreadPool::start("worker", size, move |(token, mut request)| {
        let context = context_of(&request);
        // An error means that the loop has ended, and its clients with it.
        let _ = done.send((token, routes.handle(&mut request), context));
        let _ = waker.wake();
    })?;
    Server { poll, listener: Some(listener), pool, finished, clients: HashMap::new(), accepted: 0 }
        .run()?;
    Ok(())
}

/// `GET /slow?ms=N`: a handler that waits, as it would for a database. It blocks one thread of the pool.
fn slow(request: &mut Request) -> &'static str {
    let milliseconds = extract::query(request).get("ms").and_then(|ms| ms.parse().ok());
    thread::sleep(Duration::from_millis(milliseconds.unwrap_or(1000).min(10_000)));
    "done\n"
}

fn overloaded() -> Response {
    HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", "all threads are busy")
        .into_response()
        .with_header(header::RETRY_AFTER, 1u64.into())
}

struct Server {
    poll: Poll,
    /// `None` during a stop: the kernel rejects new clients then.
    listener: Option<TcpListener>,
    pool: ThreadPool<(Token, Request)>,
    finished: mpsc::Receiver<(Token, Response, ResponseContext)>,
    clients: HashMap<Token, Client>,
    /// How many clients have been accepted: the next token, so that none is used twice.
    accepted: usize,
}

impl Server {
    fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while self.listener.is_some() || !self.clients.is_empty() {
            match self.poll.poll(&mut events, Some(Duration::from_millis(250))) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    WAKER => self.respond(),
                    token => self.step(token),
                }
            }
            self.expire(Instant::now());
            if STOPS.load(Ordering::SeqCst) {
                self.drain()?;
            }
        }
        Ok(())
    }

    /// Closes the listening socket and the idle connections. Requests that have already arrived are still served.
    fn drain(&mut self) -> io::Result<()> {
        self.accept()?; // the clients in the accept queue
        self.listener = None;
        for token in self.clients.keys().copied().collect::<Vec<_>>() {
            self.step(token); // a last read: a request may be in the kernel's buffer
        }
        let is_idle = |client: &Client| !client.busy && !client.begun && !client.messages.ends;
        self.clients.retain(|_, client| !is_idle(client) || !client.messages.output.is_empty());
        Ok(())
    }

    /// Edge-triggered polling reports each change once, so this accepts until no client is waiting.
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let Some(listener) = &self.listener else { return Ok(()) };
            let (mut stream, peer) = match listener.accept() {
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

    /// Sends the responses that the pool has finished.
    fn respond(&mut self) {
        while let Ok((token, response, mut context)) = self.finished.try_recv() {
            if let Some(client) = self.clients.get_mut(&token) {
                (client.busy, client.begun) = (false, false);
                client.deadline = Instant::now() + IDLE;
                context.keep_alive &= !STOPS.load(Ordering::SeqCst);
                client.messages.respond(response, context);
            }
            self.step(token);
        }
    }

    fn expire(&mut self, now: Instant) {
        let is_late = |client: &Client| !client.busy && client.deadline < now;
        for client in self.clients.values_mut().filter(|client| client.begun && is_late(client)) {
            let error = HttpError::new(Status::REQUEST_TIMEOUT, "request_timeout", "too slow");
            client.messages.reject(error);
            // Sends the response, or as much as the socket accepts now. The next events send the rest.
            let _ = client.next_request();
            client.wait();
        }
        self.clients.retain(|_, client| !is_late(client));
    }

    /// Serves a client as far as possible without waiting. An error ends only that client's connection.
    fn step(&mut self, token: Token) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        // While a handler works, the bytes of the next request stay in the kernel.
        while !client.busy {
            match client.next_request() {
                Ok(Some(request)) => match self.pool.submit((token, request)) {
                    Ok(()) => client.busy = true,
                    Err(Rejected::Full((_, request)) | Rejected::Closed((_, request))) => {
                        client.messages.respond(overloaded(), context_of(&request));
                    }
                },
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Ok(None) | Err(_) => {
                    self.clients.remove(&token);
                    return;
                }
            }
        }
        client.wait();
    }
}

/// A connection between two events: everything that a dedicated thread would have on its stack.
struct Client {
    stream: TcpStream,
    messages: Messages,
    /// A handler works on its request.
    busy: bool,
    begun: bool,
    deadline: Instant,
}

impl Client {
    fn new(stream: TcpStream, peer: SocketAddr) -> Client {
        let (messages, deadline) = (Messages::new(peer), Instant::now() + IDLE);
        Client { stream, messages, busy: false, begun: false, deadline }
    }

    /// A deadline is fixed when a request begins. A byte must not restart it (slowloris).
    fn wait(&mut self) {
        let Messages { input, request, ends, .. } = &self.messages;
        let begun = !ends && (request.is_some() || !input.is_empty());
        if begun != self.begun {
            let limit = if begun { REQUEST } else { IDLE };
            (self.begun, self.deadline) = (begun, Instant::now() + limit);
        }
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
