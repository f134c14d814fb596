//! A pool of four threads against a thread for every connection, measured on this machine:
//! `cargo run --release -p ch02_thread_pool --example thread_per_connection`.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ch02_thread_pool::core::thread_pool::PoolConfig;
use ch02_thread_pool::core::{Deadline, Listener, ThreadPool};

/// The number of clients that connect and send nothing. Each takes two descriptors of this process,
/// one for each end.
const SILENT: u32 = 100;

/// The number of clients that connect, send four bytes, read four bytes and disconnect, one after
/// the other.
const ECHOES: usize = 2000;

/// The cost of one way of serving.
struct Cost {
    /// The number of idle clients that have a thread. The others wait in the queue.
    served: u32,
    /// Threads and memory, in addition to the threads and memory of the process at its start.
    kernel: Option<[f64; 2]>,
    /// The time for all short echoes together.
    time: Duration,
}

fn main() -> anyhow::Result<()> {
    let listener = Listener::bind("127.0.0.1:0".parse()?)?;

    let before = kernel();
    let served = Arc::new(AtomicU32::new(0));
    let pool = {
        let served = Arc::clone(&served);
        let size = PoolConfig { workers: 4, queue: 100 };
        ThreadPool::start("pool", size, move |stream| echo(stream, &served))?
    };
    let by_pool = measure(before, &listener, &served, 4, |stream| {
        pool.submit(stream).map_err(|_| io::Error::other("the queue is full"))
    })?;
    pool.close();
    pool.wait(Deadline::after(Duration::from_secs(10)));

    let served = Arc::new(AtomicU32::new(0));
    let by_thread = measure(before, &listener, &served, SILENT, |stream| {
        let served = Arc::clone(&served);
        let one = thread::Builder::new().name("one-client".to_string());
        one.spawn(move || echo(stream, &served)).map(drop)
    })?;

    println!("{:28}{:>10}{:>16}{:>8}", "", "pool of 4", "a thread each", "ratio");
    println!("{SILENT} silent clients");
    row("  are being served", by_pool.served.into(), by_thread.served.into());
    if let (Some([threads, memory]), Some(each)) = (by_pool.kernel, by_thread.kernel) {
        row("  threads started for them", threads, each[0]);
        row("  memory in use (KiB)", memory, each[1]);
    } else {
        println!("  threads and memory are unknown: only Linux has /proc/self/status");
    }
    println!("{ECHOES} short echoes, in turn");
    row("  time (ms)", by_pool.time.as_secs_f64() * 1e3, by_thread.time.as_secs_f64() * 1e3);
    Ok(())
}

/// Echoes all bytes until the client closes its side.
fn echo(mut stream: TcpStream, served: &AtomicU32) {
    served.fetch_add(1, Ordering::Relaxed);
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer)
        && stream.write_all(&buffer[..count]).is_ok()
    {}
}

/// Passes `serve` the idle clients until `expected` of them are served, and then the short echoes.
fn measure(
    before: Option<[f64; 2]>,
    listener: &Listener,
    served: &AtomicU32,
    expected: u32,
    mut serve: impl FnMut(TcpStream) -> io::Result<()>,
) -> io::Result<Cost> {
    let mut connect = || {
        let client = TcpStream::connect(listener.local_addr())?;
        client.set_read_timeout(Some(Duration::from_secs(10)))?;
        serve(listener.accept()?.0)?;
        Ok::<_, io::Error>(client)
    };
    let silent = (0..SILENT).map(|_| connect()).collect::<io::Result<Vec<_>>>()?;
    let started = Instant::now();
    while served.load(Ordering::Relaxed) < expected && started.elapsed().as_secs() < 10 {
        thread::yield_now();
    }
    let served = served.load(Ordering::Relaxed);
    let kernel = kernel().zip(before).map(|(now, then)| [now[0] - then[0], now[1] - then[1]]);
    drop(silent);

    let started = Instant::now();
    for _ in 0..ECHOES {
        let mut client = connect()?;
        client.write_all(b"ping")?;
        client.read_exact(&mut [0; 4])?;
    }
    Ok(Cost { served, kernel, time: started.elapsed() })
}

/// The threads of this process and its memory in use, in KiB. Linux only.
fn kernel() -> Option<[f64; 2]> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some([number("Threads:")?, number("VmRSS:")?])
}

fn row(what: &str, pool: f64, each: f64) {
    println!("{what:28}{pool:>10.0}{each:>16.0}{:>8.1}", each / pool);
}
