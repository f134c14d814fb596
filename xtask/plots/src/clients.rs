//! Clients that ask over connections which stay open, a thread each, and count their answers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// Lets so many clients ask for `time`, each with a pause behind its answer. Returns the number of answers, or nothing
/// when the machine was busy with something else, so that the time became too long.
pub(crate) fn ask(
    address: SocketAddr,
    clients: u32,
    pause: Duration,
    time: Duration,
) -> Result<Option<u32>> {
    let (answers, over) = (AtomicU32::new(0), AtomicBool::new(false));
    let ready = Barrier::new(clients as usize + 1);
    thread::scope(|scope| {
        for _ in 0..clients {
            // Their stacks are small, for there are many.
            let client = thread::Builder::new().name("client".to_string()).stack_size(128 * 1024);
            client.spawn_scoped(scope, || {
                let mut stream = connect(address);
                ready.wait();
                while !over.load(Ordering::Relaxed) {
                    match stream.as_mut().map(|stream| exchange(stream, &over)) {
                        Ok(Ok(true)) => _ = answers.fetch_add(1, Ordering::Relaxed),
                        // Closed after its share of requests: as any client does, it comes again.
                        _ => stream = connect(address),
                    }
                    if !pause.is_zero() {
                        thread::sleep(pause);
                    }
                }
            })?;
        }
        ready.wait();
        let started = Instant::now();
        thread::sleep(time);
        let count = answers.load(Ordering::Relaxed);
        over.store(true, Ordering::Relaxed);
        anyhow::Ok((started.elapsed() < time.mul_f64(1.1)).then_some(count))
    })
    .context("clients")
}

pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    Ok(stream)
}

/// One request and its answer: `false` when the connection is over.
pub(crate) fn exchange(stream: &mut TcpStream, over: &AtomicBool) -> io::Result<bool> {
    stream.write_all(REQUEST)?;
    let mut answer = Vec::with_capacity(512);
    let mut buffer = [0; 512];
    while !is_whole(&answer) {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            // In the queue of a pool a client waits long; it looks up when everything is over.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                if over.load(Ordering::Relaxed) {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}

/// The head has ended, and behind it is the body: the two letters that the handler answers.
fn is_whole(answer: &[u8]) -> bool {
    answer.ends_with(b"\r\n\r\nhi")
}
