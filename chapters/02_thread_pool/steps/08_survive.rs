//! Step 8: a panic ends its task, and the worker continues.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::catch_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use std::{env, io};

/// How long a client may be idle, and how long it may leave our bytes unread.
const IDLE: Duration = Duration::from_secs(3);

/// An accepted client: a task for the workers.
type Client = (TcpStream, SocketAddr);

fn main() -> io::Result<()> {
    // socket(2), bind(2) and listen(2) in one call. From now on the kernel completes handshakes for us.
    let listener = TcpListener::bind(address())?;
    println!("listening on tcp://{}", listener.local_addr()?);
    // Four clients are served at the same time, and 64 more may wait.
    let (queue, tasks) = sync_channel(64);
    // A channel has one receiver, so the workers take turns with it.
    let tasks = &Mutex::new(tasks);
    thread::scope(move |scope| {
        for number in 0..4 {
            let worker = thread::Builder::new().name(format!("worker {number}"));
            worker.spawn_scoped(scope, move || work(tasks))?;
        }
        accept(&listener, &queue)
    })
}

/// Accepts clients, and puts them into the queue.
fn accept(listener: &TcpListener, queue: &SyncSender<Client>) -> io::Result<()> {
    loop {
        // Blocks until a client has connected.
        let (stream, peer) = listener.accept()?;
        eprintln!("{peer}: connected");
        // `send` would block until there is room, and this loop would accept no client meanwhile. `try_send` hands the
        // stream back, and dropping it closes the connection.
        if queue.try_send((stream, peer)).is_err() {
            eprintln!("{peer}: rejected, the queue is full");
        }
    }
}

/// A worker: serves one client after another.
fn work(tasks: &Mutex<Receiver<Client>>) {
    loop {
        // The lock is released at the end of this statement, before the client is served.
        let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((stream, peer)) = task else { return };
        // Unwinding drops what the task owns, so its connection is closed. We share nothing with the task that it
        // could have left half changed.
        if catch_unwind(|| serve(stream, peer)).is_err() {
            eprintln!("{peer}: the task panicked");
        }
    }
}

/// Serves one client. A client may reset its connection at any moment, so an error is only logged.
fn serve(stream: TcpStream, peer: SocketAddr) {
    match echo(stream) {
        Ok(()) => eprintln!("{peer}: done"),
        Err(error) => eprintln!("{peer}: {error}"),
    }
}

/// Sends back what the client sends, until it closes its side.
fn echo(mut stream: TcpStream) -> io::Result<()> {
    // SO_RCVTIMEO and SO_SNDTIMEO: without them a blocked call waits forever. The time restarts with each call, so a
    // client that sends a byte a second keeps its connection.
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    let mut buffer = [0; 1024];
    loop {
        // Returns what has arrived, which may be one byte or the end of one line and half of the next.
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            // The client has sent its FIN. It may still be reading, and by now we have sent everything back.
            return Ok(());
        }
        // A bug that a client can reach. The panic unwinds the stack as far as `catch_unwind`.
        assert_ne!(&buffer[..count], b"panic\n", "there is a bug here");
        // While this blocks we do not read, so a client that does not read cannot fill our memory.
        stream.write_all(&buffer[..count])?;
    }
}

/// The last argument that has a colon, or port 8080 of this machine.
fn address() -> String {
    let address = env::args().skip(1).rfind(|argument| argument.contains(':'));
    address.unwrap_or_else(|| "127.0.0.1:8080".to_string())
}
