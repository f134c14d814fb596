//! Tests outputs that cannot be written: a full disk, and a pipe without a reader. A server must still serve its
//! clients.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::{Client, Kind, Program, Signal, WireError, environment};

/// Far longer than starting or stopping takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The exit code of a Rust program after a panic in `main`.
const PANICKED: i32 = 101;

/// An output of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// Writes succeed.
    Good,
    /// Each write fails: there is no space left.
    FullDisk,
    /// Each write fails: the pipe has no reader.
    ClosedPipe,
}

impl Sink {
    /// Opens the output for a program.
    ///
    /// # Errors
    /// Returns an error when `/dev/full` or a pipe cannot be opened.
    pub fn open(self) -> io::Result<Stdio> {
        Ok(match self {
            Sink::Good => Stdio::null(),
            Sink::FullDisk => File::options().write(true).open("/dev/full")?.into(),
            // The reading end is dropped here.
            Sink::ClosedPipe => OwnedFd::from(io::pipe()?.1).into(),
        })
    }
}

/// Standard output and standard error.
const ROWS: [(Sink, Sink); 5] = [
    (Sink::FullDisk, Sink::Good),
    (Sink::ClosedPipe, Sink::Good),
    (Sink::Good, Sink::FullDisk),
    (Sink::Good, Sink::ClosedPipe),
    (Sink::FullDisk, Sink::FullDisk),
];

/// Starts `program` with each pair of outputs. It must not panic, and must serve two clients one after the other. The
/// address to listen on follows `arguments`.
///
/// # Errors
/// Returns the first pair that failed, with the reason.
pub fn check(program: &str, arguments: &[&str]) -> Result<(), WireError> {
    ROWS.into_iter().try_for_each(|(stdout, stderr)| {
        check_row(program, arguments, stdout, stderr).map_err(|error| {
            let message = format!("stdout {stdout:?}, stderr {stderr:?}: {error}");
            WireError::new(Kind::Program, message)
        })
    })
}

fn check_row(
    program: &str,
    arguments: &[&str],
    stdout: Sink,
    stderr: Sink,
) -> Result<(), WireError> {
    let address = own_address();
    let mut command = Command::new(program);
    environment::clean(&mut command);
    command.args(arguments).arg(address.to_string()).stdin(Stdio::null());
    let started = stdout.open().and_then(|stdout| Ok((stdout, stderr.open()?)));
    let started = started.and_then(|(out, err)| command.stdout(out).stderr(err).spawn());
    let started = started.and_then(|child| Program::of(child, address));
    let program = started.map_err(|error| WireError::io("starting the program", &error))?;
    for _ in 0..2 {
        let mut client = connect(&program)?;
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        client.half_close()?;
        client.read_exact(1)?;
        client.read_to_end()?;
    }
    program.signal(Signal::Terminate)?;
    match program.wait(PATIENCE)?.code() {
        Some(PANICKED) => Err(WireError::new(Kind::Program, "it panicked at its end")),
        _ => Ok(()),
    }
}

/// Connects as soon as the program listens. A program whose output fails cannot report that it listens, so this retries
/// until it succeeds.
fn connect(program: &Program) -> Result<Client, WireError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match Client::connect(program.addr()) {
            Ok(client) => return Ok(client),
            Err(error) if Instant::now() >= end => return Err(error),
            Err(_) => {}
        }
        if let Ok(Some(status)) = program.poll(Duration::from_millis(5)) {
            return Err(WireError::new(Kind::Program, format!("the program has ended: {status}")));
        }
    }
}

/// An address that no other test uses, because the program cannot report a port chosen by the kernel. On Linux every
/// address that begins with 127 belongs to this machine.
fn own_address() -> SocketAddr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from((Ipv4Addr::new(127, 128 | count, high, low), 8080))
}
