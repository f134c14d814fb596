//! Other connections that are open while a server is measured.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::ensure;
use socket2::{Domain, Protocol, Socket, Type};

/// The timeout of each step with one connection.
pub(super) const TIMEOUT: Duration = Duration::from_secs(3);
/// The timeout for opening all of them: servers close connections that are idle too long.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);

/// A server that has just lost 10,000 clients stays busy for a while, which must not slow down the next measurement.
const COOL_DOWN: Duration = Duration::from_millis(300);

/// Opens connections with these numbers, `size` at a time: no more than fit into the accept queue of any server.
pub(super) fn in_batches(
    count: usize,
    size: usize,
    mut open: impl FnMut(Range<usize>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    for first in (0..count).step_by(size) {
        let is_late = start.elapsed() > TOTAL_TIMEOUT;
        ensure!(!is_late, "only {first} could be opened in {TOTAL_TIMEOUT:?}");
        open(first..count.min(first + size))?;
    }
    Ok(())
}

/// Connects a socket that `prepare` has seen first.
pub(super) fn connect(
    address: SocketAddr,
    prepare: impl FnOnce(&Socket) -> io::Result<()>,
) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    prepare(&socket)?;
    socket.connect_timeout(&address.into(), TIMEOUT)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.set_write_timeout(Some(TIMEOUT))?;
    // Reset the connection on close: 50,000 ports in TIME_WAIT would be too many.
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(socket.into())
}

/// Threads that keep connections open. Dropping stops them, which closes the connections.
#[derive(Default)]
pub(crate) struct Background {
    /// A thread ends soon after its sender is dropped.
    threads: Vec<(Sender<()>, JoinHandle<Outcome>)>,
}

/// What happened to the connections.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// How many connections the server has closed.
    pub lost: usize,
    /// Their throughput as a fraction of the possible throughput.
    pub share: Option<f64>,
}

impl Background {
    /// Adds a thread with a name. It must return when its receiver is disconnected.
    pub(crate) fn spawn(
        &mut self,
        name: &str,
        run: impl FnOnce(&Receiver<()>) -> Outcome + Send + 'static,
    ) -> anyhow::Result<()> {
        let (stop, stopped) = channel();
        let handle = Builder::new().name(name.to_string()).spawn(move || run(&stopped))?;
        self.threads.push((stop, handle));
        Ok(())
    }

    /// Closes all connections. Losses are added up, and the throughput is the mean of all threads.
    pub(crate) fn stop(mut self) -> Outcome {
        let outcomes = self.join();
        if !outcomes.is_empty() {
            thread::sleep(COOL_DOWN);
        }
        let shares: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.share).collect();
        let count = u32::try_from(shares.len()).unwrap_or(u32::MAX);
        Outcome {
            lost: outcomes.iter().map(|outcome| outcome.lost).sum(),
            share: (count > 0).then(|| shares.iter().sum::<f64>() / f64::from(count)),
        }
    }

    fn join(&mut self) -> Vec<Outcome> {
        let (senders, handles): (Vec<_>, Vec<_>) = self.threads.drain(..).unzip();
        // All threads end at the same time.
        drop(senders);
        handles.into_iter().map(|handle| handle.join().unwrap_or_default()).collect()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.join();
    }
}
