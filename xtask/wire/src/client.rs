//! One TCP connection to the server under test.

use std::io::{self, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Type};

use crate::reader;
use crate::socket::{Socket, is_timeout};
use crate::transcript::{Piece, Transcript};
use crate::{Kind, Reply, WireError};

/// How long a client waits, unless [`Client::with_patience`] sets another time.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The default maximum number of received bytes that are collected, see [`Client::set_most`].
const MOST: usize = 512 * 1024 * 1024;

/// The pause between two pieces of [`Client::send_slowly`], in which the server's read can return.
const PAUSE: Duration = Duration::from_millis(1);

/// A connection that sends bytes as they are and reads replies.
///
/// Every call has its own deadline, `patience` from its start. Received bytes that no call has returned
/// stay buffered.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
}

impl Client {
    /// Connects, and turns Nagle's algorithm off, so that the kernel sends the bytes of each call
    /// at once.
    pub fn connect(address: SocketAddr) -> Result<Client, WireError> {
        let doing = format!("connecting to {address}");
        Client::of(&doing, TcpStream::connect_timeout(&address, PATIENCE))
    }

    /// Connects from this address of the machine, such as 127.0.0.2, where Linux has 2^24 of them.
    pub fn connect_from(source: IpAddr, address: SocketAddr) -> Result<Client, WireError> {
        let connect = || {
            let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            socket.bind(&SocketAddr::new(source, 0).into())?;
            socket.connect_timeout(&address.into(), PATIENCE)?;
            Ok(socket.into())
        };
        Client::of(&format!("connecting from {source} to {address}"), connect())
    }

    /// A client with this connection.
    pub(crate) fn of(doing: &str, connected: io::Result<TcpStream>) -> Result<Client, WireError> {
        let prepared = connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        let stream = prepared.map_err(|error| WireError::io(doing, &error))?;
        let (patience, deadline, most) = (PATIENCE, Instant::now(), MOST);
        let (received, has_ended, transcript) = (Vec::new(), false, Transcript::default());
        let socket = Socket { stream, patience, deadline, most, received, has_ended, transcript };
        Ok(Client { socket })
    }

    /// Waits at most this long in every call.
    pub fn with_patience(mut self, patience: Duration) -> Client {
        self.socket.patience = patience;
        self
    }

    /// From now on, waits at most this long in every call.
    pub fn set_patience(&mut self, patience: Duration) {
        self.socket.patience = patience;
    }

    /// How long a call waits at most.
    pub fn patience(&self) -> Duration {
        self.socket.patience
    }

    /// From now on, collects at most `bytes` received bytes that no call has returned.
    pub fn set_most(&mut self, bytes: usize) {
        self.socket.most = bytes;
    }

    /// The address of our end, which is the peer address for the server.
    pub fn local_addr(&self) -> Result<SocketAddr, WireError> {
        let address = self.socket.stream.local_addr();
        address.map_err(|error| WireError::io("asking for the local address", &error))
    }

    /// Sends `bytes`.
    ///
    /// # Errors
    /// Returns [`Kind::Reset`] when the server has closed the connection. There may still be a
    /// reply to read.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), WireError> {
        let bytes = bytes.as_ref();
        let doing = format!("sending {} bytes", bytes.len());
        self.socket.transcript.record(true, bytes);
        self.socket.begin();
        let mut rest = bytes;
        while !rest.is_empty() {
            let remaining = self.socket.remaining().ok_or_else(|| {
                let (count, patience) = (rest.len(), self.socket.patience);
                let message = format!("{doing}: {count} were not taken in {patience:?}");
                WireError::new(Kind::TimedOut, message)
            })?;
            let ready = self.socket.stream.set_write_timeout(Some(remaining));
            match ready.and_then(|()| self.socket.stream.write(rest)) {
                Ok(count) => rest = &rest[count..],
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(WireError::io(&doing, &error)),
            }
        }
        Ok(())
    }

    /// Sends `bytes`, [`until_reset`].
    pub(crate) fn send_until_reset(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), WireError> {
        until_reset(self.send(bytes))
    }

    /// Sends `bytes` in pieces that end at `cuts`, with a pause between them, so that each of the server's reads
    /// returns one piece. `1..bytes.len()` sends single bytes.
    pub fn send_slowly(
        &mut self,
        bytes: &[u8],
        cuts: impl IntoIterator<Item = usize>,
    ) -> Result<(), WireError> {
        let mut start = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            let end = cut.clamp(start, bytes.len());
            if end > start {
                self.send(&bytes[start..end])?;
                std::thread::sleep(PAUSE);
            }
            start = end;
        }
        Ok(())
    }

    /// Shuts down the sending direction (FIN). The client can still read.
    pub fn half_close(&mut self) -> Result<(), WireError> {
        let closed = self.socket.stream.shutdown(Shutdown::Write);
        closed.map_err(|error| WireError::io("closing our direction", &error))
    }

    /// From now on, closing sends a reset (RST) in place of a FIN, because the linger time is zero.
    pub(crate) fn reset_when_dropped(&self) -> Result<(), WireError> {
        let set = socket2::SockRef::from(&self.socket.stream).set_linger(Some(Duration::ZERO));
        set.map_err(|error| WireError::io("asking for a reset", &error))
    }

    /// A second client of the same connection, so that one can send while the other receives.
    pub(crate) fn sender(&self) -> Result<Client, WireError> {
        let second = Client::of("a second handle", self.socket.stream.try_clone())?;
        Ok(second.with_patience(self.socket.patience))
    }

    /// Reads the next reply to any method but HEAD. A 1xx is a reply too.
    pub fn read_reply(&mut self) -> Result<Reply, WireError> {
        self.read_reply_to("GET")
    }

    /// Reads the next reply to `method`. A reply to HEAD has no body, whatever its fields are.
    pub fn read_reply_to(&mut self, method: &str) -> Result<Reply, WireError> {
        self.socket.begin();
        reader::read_reply(&mut self.socket, method)
    }

    /// Sends a request and reads the reply to it.
    pub fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Result<Reply, WireError> {
        let bytes = bytes.as_ref();
        self.send(bytes)?;
        self.read_reply_to(if bytes.starts_with(b"HEAD ") { "HEAD" } else { "GET" })
    }

    /// Reads exactly `count` bytes.
    pub fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, WireError> {
        self.socket.begin();
        let what = if count == 1 { "1 byte".to_string() } else { format!("{count} bytes") };
        self.socket.at_least(count, &what)?;
        Ok(self.socket.take(count))
    }

    /// Reads up to these bytes, and returns them as well.
    pub(crate) fn read_until(&mut self, end: &[u8], what: &str) -> Result<Vec<u8>, WireError> {
        self.socket.begin();
        let count = self.socket.until(0, end, what)?;
        Ok(self.socket.take(count))
    }

    /// Reads until the server closes.
    pub fn read_to_end(&mut self) -> Result<Vec<u8>, WireError> {
        self.socket.begin();
        let count = self.socket.until_closed("the end of the connection")?;
        Ok(self.socket.take(count))
    }

    /// Reads until the server closes, with FIN or RST.
    pub(crate) fn read_to_any_end(&mut self) -> Result<Vec<u8>, WireError> {
        match self.read_to_end() {
            Err(error) if error.kind() == Kind::Reset => Ok(error.arrived().to_vec()),
            ended => ended,
        }
    }

    /// Waits for the server to close, with FIN or RST, without sending anything more.
    ///
    /// # Errors
    /// Returns an error when a byte arrives instead, or nothing happens.
    pub fn expect_closed(&mut self) -> Result<(), WireError> {
        self.socket.begin();
        match self.socket.at_least(1, "the server to close") {
            Ok(more) => {
                let message = "the server went on sending instead of closing";
                Err(WireError::new(Kind::Unexpected, message).with_arrived(more))
            }
            Err(error) if matches!(error.kind(), Kind::Closed | Kind::Reset) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Waits for `time`, and fails if a byte or the end of the stream arrives.
    pub fn expect_silence(&mut self, time: Duration) -> Result<(), WireError> {
        self.socket.deadline = Instant::now() + time;
        let failed = |kind, what: &str| {
            WireError::new(kind, format!("expected silence for {time:?}, but the server {what}"))
        };
        match self.socket.at_least(1, "silence") {
            Ok(bytes) => Err(failed(Kind::Unexpected, "sent something").with_arrived(bytes)),
            Err(error) if error.kind() == Kind::TimedOut => Ok(()),
            Err(error) => Err(failed(error.kind(), "closed")),
        }
    }

    /// All bytes sent (`>`) and received (`<`) so far, as readable text.
    pub fn transcript(&self) -> String {
        self.socket.transcript.text()
    }

    /// All pieces sent and received so far.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.socket.transcript.0
    }
}

/// Accepts a reset as the end of sending: the server may reject a request before it has read all of it, and what counts
/// is its reply.
pub(crate) fn until_reset(sent: Result<(), WireError>) -> Result<(), WireError> {
    sent.or_else(|error| if error.kind() == Kind::Reset { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests;
