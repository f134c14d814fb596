//! The server: a listener, connections that are parked or in a turn, and threads that run the turns.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::core::listener::{BindError, Failure};
use crate::core::workers::{Mode, Size, Work, Workers};
use crate::core::{Connection, Interest, Listener, Parking, Poller, Token};
use crate::http::exchange::{Exchange, Next, Scratch, Surroundings};
use crate::http::limits::Limits;
use crate::http::{Handler, HttpError, Status};

/// The token of the listening socket. No place in the parking has it.
const LISTENER: Token = Token(u64::MAX - 1);

/// Clients that are accepted in one turn, at most.
const ACCEPTED_A_TURN: usize = 16;

/// How long accepting rests when the machine has run out of something, such as open files.
const PAUSE: Duration = Duration::from_millis(50);

/// How often the end looks whether it has come.
const LOOK: Duration = Duration::from_millis(5);

/// How many clients there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clients {
    /// In all. Who comes beyond that is told 503.
    pub total: u32,
    /// From one address; `None` for no such limit. Behind a proxy all clients have its address.
    pub by_address: Option<u32>,
}

impl Default for Clients {
    fn default() -> Clients {
        Clients { total: 16_384, by_address: None }
    }
}

/// A server that is bound to its address and not yet running.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    limits: Limits,
    size: Size,
    clients: Clients,
    always: Vec<String>,
    drain: Duration,
    shared: Arc<Shared>,
}

/// What the server and its handles look at.
#[derive(Debug, Default)]
struct Shared {
    /// How often the server has been asked to stop.
    asked: AtomicUsize,
    changed: Condvar,
    lock: Mutex<()>,
    counters: Counters,
}

/// What has happened so far.
#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    open: AtomicUsize,
    refused: AtomicU64,
    timed_out: AtomicU64,
}

/// What a server is doing and has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Connections that are open.
    pub open: usize,
    /// Connections that have been accepted.
    pub accepted: u64,
    /// Connections that have been turned away because there were too many.
    pub refused: u64,
    /// Connections that a deadline has ended.
    pub timed_out: u64,
}

impl Server {
    /// Binds a server to `address`. Clients can connect from now on; they are served by [`Server::run`].
    ///
    /// # Errors
    /// [`BindError`] with the step that failed and a way out.
    pub fn bind(address: SocketAddr) -> Result<Server, BindError> {
        Ok(Server {
            listener: Listener::bind(address)?,
            limits: Limits::default(),
            size: Size::default(),
            clients: Clients::default(),
            always: Vec::new(),
            drain: Duration::from_secs(10),
            shared: Arc::default(),
        })
    }

    /// Sets what one client may use.
    pub fn with_limits(self, limits: Limits) -> Server {
        Server { limits, ..self }
    }

    /// Sets how many threads there are.
    pub fn with_workers(self, size: Size) -> Server {
        Server { size, ..self }
    }

    /// Sets how many clients there may be.
    pub fn with_clients(self, clients: Clients) -> Server {
        Server { clients, ..self }
    }

    /// Sets how long a stopping server waits for what is under way.
    pub fn with_drain(self, drain: Duration) -> Server {
        Server { drain, ..self }
    }

    /// Answers requests below this path even when every thread is in a handler that blocks, and all others are
    /// told 503. For handlers that say how the server is, and that do not block themselves.
    pub fn always_answering(mut self, prefix: &str) -> Server {
        self.always.push(prefix.to_string());
        self
    }

    /// The address that clients can reach, with the port that the kernel chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// What can stop the server and look at it, from any thread.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle { address: self.local_addr(), shared: Arc::clone(&self.shared) }
    }

    /// Serves clients until somebody asks the server to stop. Returns how many connections had to be cut off
    /// at the end.
    ///
    /// # Errors
    /// When the system has no threads or files for the engine.
    pub fn run(self, handler: impl Handler) -> io::Result<usize> {
        let Server { listener, limits, size, clients, always, drain, shared } = self;
        let poller = Arc::new(Poller::new()?);
        poller.add(&listener, LISTENER, Interest::Read)?;
        let engine = Arc::new(Engine {
            handler: Box::new(handler),
            limits,
            clients,
            always,
            poller: Arc::clone(&poller),
            parking: Parking::new(clients.total),
            listener: Mutex::new(Some(listener)),
            rests_until: Mutex::new(None),
            reserve: Mutex::new(File::open("/dev/null").ok()),
            by_address: Mutex::new(HashMap::new()),
            is_stopping: AtomicBool::new(false),
            shared: Arc::clone(&shared),
        });
        let workers = Workers::start(size, poller, Arc::clone(&engine))?;
        shared.wait_until_asked(1, None);

        // The end. First nobody new, but who has connected before is a client of ours.
        engine.is_stopping.store(true, Ordering::Release);
        engine.close_the_door();
        let deadline = Instant::now() + drain;
        while !engine.parking.is_empty()
            && Instant::now() < deadline
            && shared.asked.load(Ordering::Acquire) < 2
        {
            engine.end_idle();
            shared.wait_until_asked(2, Some(LOOK));
        }
        let severed = engine.sever();
        let left = workers.stop(Duration::from_secs(1)) as usize;
        let severed = severed.max(left);
        eprintln!("stopped: {severed} cut off, {:?}", shared.statistics());
        Ok(severed)
    }
}

impl Shared {
    /// Waits until somebody has asked so often, or for `time`.
    fn wait_until_asked(&self, times: usize, time: Option<Duration>) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while self.asked.load(Ordering::Acquire) < times {
            guard = match time {
                None => self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    let waited = self.changed.wait_timeout(guard, time);
                    drop(waited.unwrap_or_else(PoisonError::into_inner));
                    return;
                }
            };
        }
    }

    fn statistics(&self) -> Statistics {
        let Counters { connections, open, refused, timed_out } = &self.counters;
        Statistics {
            open: open.load(Ordering::Relaxed),
            accepted: connections.load(Ordering::Relaxed),
            refused: refused.load(Ordering::Relaxed),
            timed_out: timed_out.load(Ordering::Relaxed),
        }
    }
}

/// A connection in its place.
struct Client {
    connection: Connection,
    exchange: Exchange,
    /// What it waits for in the poller's list, if it is in that.
    listed: Option<Interest>,
}

/// What the threads work with.
struct Engine {
    handler: Box<dyn Handler>,
    limits: Limits,
    clients: Clients,
    always: Vec<String>,
    poller: Arc<Poller>,
    parking: Parking<Box<Client>>,
    listener: Mutex<Option<Listener>>,
    /// Until when nobody is accepted, since there is not enough of something.
    rests_until: Mutex<Option<Instant>>,
    /// A file that is given up to answer one client when there is no other left.
    reserve: Mutex<Option<File>>,
    by_address: Mutex<HashMap<IpAddr, u32>>,
    is_stopping: AtomicBool,
    shared: Arc<Shared>,
}

impl Work for Engine {
    type Scratch = Scratch;

    fn ready(&self, token: Token, scratch: &mut Scratch, mode: Mode) {
        if token == LISTENER {
            self.accept(scratch, mode);
        } else if let Some(client) = self.parking.take(token) {
            self.turn(token, client, scratch, mode);
        }
        // Otherwise a deadline was quicker, or it is a socket of the past.
    }

    fn tell_again(&self, token: Token) {
        if token == LISTENER {
            self.arm_listener();
            return;
        }
        // Should it be in nobody's place any more, a deadline was quicker.
        self.parking.look_at(token, |client| {
            let interest = client.listed.unwrap_or(Interest::Read);
            let armed = self.poller.arm(client.connection.stream(), token, interest);
            if let Err(error) = armed {
                eprintln!("{}: {error}", client.connection.peer());
            }
        });
    }

    fn tick(&self, now: Instant) {
        while let Some((token, client)) = self.parking.take_expired(now) {
            self.time_out(token, client);
        }
        let mut rests_until = lock(&self.rests_until);
        if rests_until.is_some_and(|time| time <= now) {
            *rests_until = None;
            drop(rests_until);
            self.arm_listener();
        }
    }
}

impl Engine {
    /// Takes in who stands at the door. The turn of a new client may end in a handler that blocks, and nobody
    /// else may have to wait for that: so of several clients all but one are left for the poller, and if there may be
    /// more at the door, somebody is told of them before.
    fn accept(&self, scratch: &mut Scratch, mode: Mode) {
        if lock(&self.rests_until).is_some() {
            return; // there is still not enough, and the monitor will say when to try again
        }
        let mut mine = None;
        let mut more = true;
        for _ in 0..ACCEPTED_A_TURN {
            let accepted = match &*lock(&self.listener) {
                Some(listener) => listener.accept(),
                None => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let before = mine.take();
                    mine = self.welcome(stream, peer);
                    if let Some(before) = before {
                        self.leave(before);
                    }
                }
                Err(Failure::Nobody) => {
                    more = false;
                    break;
                }
                Err(Failure::Shortage(error)) => {
                    self.run_short(&error);
                    more = false; // the monitor will arm it, after a rest
                    break;
                }
            }
        }
        if more {
            self.arm_listener();
        }
        if let Some((token, client)) = mine {
            self.turn(token, client, scratch, mode);
        }
    }

    /// Leaves a new client to whoever is told that its request has come.
    fn leave(&self, (token, client): (Token, Box<Client>)) {
        let mut held = Held { engine: self, token, client: Some(client) };
        held.park(Interest::Read, Instant::now() + self.limits.idle_time, false);
    }

    fn arm_listener(&self) {
        if let Some(listener) = &*lock(&self.listener)
            && let Err(error) = self.poller.arm(listener, LISTENER, Interest::Read)
        {
            eprintln!("accept: {error}");
        }
    }

    /// There are no more files, or no more memory. The one file in reserve is enough to tell one client, and
    /// then accepting rests for a moment: to try again at once would use a whole core for nothing.
    fn run_short(&self, error: &io::Error) {
        eprintln!("accept: {error}; trying again");
        let mut reserve = lock(&self.reserve);
        if reserve.take().is_some() {
            let accepted = lock(&self.listener).as_ref().map(Listener::accept);
            if let Some(Ok((stream, _))) = accepted {
                self.shared.counters.connections.fetch_add(1, Ordering::Relaxed);
                self.shared.counters.refused.fetch_add(1, Ordering::Relaxed);
                Engine::turn_away(&stream);
            }
        }
        *reserve = File::open("/dev/null").ok();
        drop(reserve);
        *lock(&self.rests_until) = Some(Instant::now() + PAUSE);
    }

    /// A new client gets a place, or is told that there is none.
    fn welcome(&self, stream: TcpStream, peer: SocketAddr) -> Option<(Token, Box<Client>)> {
        let counters = &self.shared.counters;
        counters.connections.fetch_add(1, Ordering::Relaxed);
        let Some(token) = self.admit(peer) else {
            counters.refused.fetch_add(1, Ordering::Relaxed);
            Engine::turn_away(&stream);
            return None;
        };
        counters.open.fetch_add(1, Ordering::Relaxed);
        let client = Box::new(Client {
            connection: Connection::new(stream, peer),
            exchange: Exchange::default(),
            listed: None,
        });
        Some((token, client))
    }

    fn admit(&self, peer: SocketAddr) -> Option<Token> {
        if let Some(most) = self.clients.by_address {
            let mut by_address = lock(&self.by_address);
            let count = by_address.entry(peer.ip()).or_default();
            if *count >= most {
                return None;
            }
            *count += 1;
        }
        let token = self.parking.claim();
        if token.is_none() {
            self.forget_address(peer);
        }
        token
    }

    /// Says that there is no room. The answer fits into the socket's empty buffer, so this does not wait; and
    /// nothing has been read, so a client that has sent something may see a reset in place of it.
    fn turn_away(stream: &TcpStream) {
        let message = "there are too many connections; try again";
        let error = HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message);
        let mut exchange = Exchange::default();
        exchange.refuse(&error);
        let mut stream = stream;
        let _ = stream.write_all(exchange.unsent());
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }

    /// One turn of a connection that is ours, and then back to its place or to its end.
    fn turn(&self, token: Token, client: Box<Client>, scratch: &mut Scratch, mode: Mode) {
        // Should the turn panic, the place is given up all the same.
        let mut held = Held { engine: self, token, client: Some(client) };
        let Some(client) = &mut held.client else { return };
        let around = Surroundings {
            handler: self.handler.as_ref(),
            limits: &self.limits,
            mode,
            always: &self.always,
            is_stopping: &self.is_stopping,
            peer: client.connection.peer(),
            clock: &Instant::now,
        };
        match client.exchange.turn(&mut client.connection, scratch, around) {
            Ok(Next::Wait(interest, deadline)) => held.park(interest, deadline, false),
            Ok(Next::More(deadline)) => held.park(Interest::Read, deadline, true),
            Ok(Next::End) => {}
            Err(error) => {
                let is_usual = matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionReset
                        | io::ErrorKind::BrokenPipe
                        | io::ErrorKind::NotConnected
                );
                if !is_usual {
                    eprintln!("{}: {error}", client.connection.peer());
                }
            }
        }
    }

    /// A deadline has passed.
    fn time_out(&self, token: Token, client: Box<Client>) {
        self.shared.counters.timed_out.fetch_add(1, Ordering::Relaxed);
        let mut held = Held { engine: self, token, client: Some(client) };
        let Some(client) = &mut held.client else { return };
        if client.exchange.time_out() {
            // It must be told. The socket can surely be written to, so a thread will do that.
            held.park(Interest::Write, Instant::now() + self.limits.write_time, false);
        }
    }

    fn forget_address(&self, peer: SocketAddr) {
        if self.clients.by_address.is_none() {
            return;
        }
        let mut by_address = lock(&self.by_address);
        if let Some(count) = by_address.get_mut(&peer.ip()) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&peer.ip());
            }
        }
    }

    /// No more clients: those who have connected are taken in, and later ones are refused by the kernel.
    fn close_the_door(&self) {
        let Some(listener) = lock(&self.listener).take() else { return };
        let _ = self.poller.remove(&listener);
        while let Ok((stream, peer)) = listener.accept() {
            if let Some(client) = self.welcome(stream, peer) {
                self.leave(client);
            }
        }
    }

    /// Ends the connections that have nothing under way. A request may have come that nobody has read yet, so
    /// each gets one more turn: every socket can be written to, and a turn that finds no request is the last.
    fn end_idle(&self) {
        for (token, client) in self.parking.take_all(|client| client.exchange.is_idle()) {
            let mut held = Held { engine: self, token, client: Some(client) };
            held.park(Interest::Write, Instant::now() + self.limits.idle_time, false);
        }
    }

    /// Cuts off all connections that are parked, and returns how many had something under way.
    fn sever(&self) -> usize {
        let clients = self.parking.take_all(|_| true);
        let severed = clients.iter().filter(|(_, client)| !client.exchange.is_closing()).count();
        for (token, client) in clients {
            drop(Held { engine: self, token, client: Some(client) });
        }
        severed
    }
}

/// A connection that a thread has taken. When it is dropped the connection ends and its place is free.
struct Held<'a> {
    engine: &'a Engine,
    token: Token,
    client: Option<Box<Client>>,
}

impl Held<'_> {
    /// Puts the connection back to wait. `again`: also for what is there already.
    fn park(&mut self, interest: Interest, deadline: Instant, again: bool) {
        let Some(mut client) = self.client.take() else { return };
        let (poller, token) = (&self.engine.poller, self.token);
        let before = client.listed.replace(interest);
        let parked = self.engine.parking.park(token, client, deadline, |client, missed| {
            let socket = client.connection.stream();
            match (before, interest) {
                (None, _) => poller.add(socket, token, interest),
                // The usual case, and no system call: what comes is told.
                (Some(Interest::Read), Interest::Read) if !again && !missed => Ok(()),
                _ => poller.arm(socket, token, interest),
            }
        });
        if let Err((client, error)) = parked {
            eprintln!("{}: {error}", client.connection.peer());
            self.client = Some(client);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let peer = client.connection.peer();
            drop(client);
            self.engine.forget_address(peer);
            self.engine.parking.release(self.token);
            self.engine.shared.counters.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops a server and looks at it, from any thread.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl ServerHandle {
    /// The address that clients can reach.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Asks the server to stop and returns at once. Asked again, it cuts off what is still under way.
    pub fn shutdown(&self) {
        let _guard = lock(&self.shared.lock);
        self.shared.asked.fetch_add(1, Ordering::AcqRel);
        self.shared.changed.notify_all();
    }

    /// Whether the server has been asked to stop. It still answers those who are there.
    pub fn is_stopping(&self) -> bool {
        self.shared.asked.load(Ordering::Acquire) > 0
    }

    /// What the server is doing and has done.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }
}
