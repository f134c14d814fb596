//! Step 9: SIGTERM stops the server after the transfers under way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, io};

use ch02_thread_pool::core::signals::on_stop;

/// How long a client may be idle, and how long it may leave our bytes unread.
const IDLE: Duration = Duration::from_secs(3);

/// Set when a signal has requested a stop.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// An accepted client: a task for the workers.
type Client = (TcpStream, SocketAddr);

fn main() -> io::Result<()> {
    // socket(2), bind(2) and listen(2) in one call. From now on the kernel completes handshakes for us.
    let listener = TcpListener::bind(address())?;
    let address = listener.local_addr()?;
    // This runs in a separate thread: a signal handler itself may do almost nothing.
    on_stop(move || {
        STOPPING.store(true, Ordering::SeqCst);
        // A thread that is blocked in accept(2) cannot check the flag. A connection from ourselves wakes it up.
        let _ = TcpStream::connect(address);
    })?;
    println!("listening on tcp://{address}");
    // Four clients are served at the same time, and 64 more may wait.
    let (queue, tasks) = sync_channel(64);
    // A channel has one receiver, so the workers take turns with it.
    let tasks = &Mutex::new(tasks);
    thread::scope(move |scope| {
        for number in 0..4 {
            let worker = thread::Builder::new().name(format!("worker {number}"));
            worker.spawn_scoped(scope, move || work(tasks))?;
        }
        // Afterwards the closure drops what it owns: the listener, so the kernel rejects new clients, and the queue, so
        // the workers return when it is empty. The scope waits for them.
        accept(&listener, &queue)
    })
}

/// Accepts clients, and puts them into the queue.
fn accept(listener: &TcpListener, queue: &SyncSender<Client>) -> io::Result<()> {
    loop {
        // Blocks until a client has connected.
        let (stream, peer) = listener.accept()?;
        if STOPPING.load(Ordering::SeqCst) {
            return Ok(());
        }
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
    wait_for_first_byte(&stream)?;
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

/// Waits as long as a client may send nothing. A client that has sent nothing loses nothing when we stop.
fn wait_for_first_byte(stream: &TcpStream) -> io::Result<usize> {
    let deadline = Instant::now() + IDLE;
    // A thread that is blocked in recv(2) cannot check the flag either, so this call returns ten times a second.
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    loop {
        match stream.peek(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Err(error),
            Err(_) if Instant::now() < deadline && !STOPPING.load(Ordering::SeqCst) => {}
            ended => return ended,
        }
    }
}

/// The last argument that has a colon, or port 8080 of this machine.
fn address() -> String {
    let address = env::args().skip(1).rfind(|argument| argument.contains(':'));
    address.unwrap_or_else(|| "127.0.0.1:8080".to_string())
}
