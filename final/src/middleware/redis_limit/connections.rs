//! Connections to the store, which are kept between requests.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{Client, Cmd, Connection, ConnectionAddr, ConnectionInfo, ErrorKind};
use redis::{RedisResult, ServerErrorKind};

use super::address::Address;
use crate::core::Deadline;
use crate::core::sync::{Mutex, lock};

/// The maximum number of idle connections that are kept. By default there are 32 more threads than
/// permits, and a thread needs at most one connection.
const MAX_IDLE: usize = 32;

/// The response of the script: whether a token was taken (1 or 0), and the parts that are left.
pub(super) type Taken = (u8, u64);

/// A pool of connections. A thread that finds none opens a new one, so no thread waits for a
/// connection, and there are at most as many as there are threads.
pub(super) struct Connections {
    info: ConnectionInfo,
    address: Arc<Address>,
    /// The connection that was used last is taken first, so that few are in use under a low load.
    idle: Mutex<Vec<Connection>>,
}

impl Connections {
    pub(super) fn new(info: ConnectionInfo, address: Arc<Address>) -> Connections {
        Connections { info, address, idle: Mutex::new(Vec::new()) }
    }

    /// Runs the script by its hash, or by its text if the store does not have the script.
    ///
    /// # Errors
    /// Returns an error from the store or the connection, at the latest when the deadline passes.
    pub(super) fn run(&self, commands: &[Cmd; 2], deadline: Deadline) -> RedisResult<Taken> {
        let idle = lock(&self.idle).pop();
        if let Some(connection) = idle {
            match self.run_on(connection, commands, deadline) {
                // The store has closed the connection while it was idle, which shows only now. If
                // it had run the script before, a token would be lost, and none would be given out
                // twice.
                Err(error) if error.is_connection_dropped() => {}
                result => return result,
            }
        }
        self.run_on(self.connect(deadline)?, commands, deadline)
    }

    /// Closes all idle connections, and looks up the store's address again.
    pub(super) fn reset(&self) {
        lock(&self.idle).clear();
        self.address.refresh();
    }

    fn run_on(
        &self,
        mut connection: Connection,
        [by_hash, by_text]: &[Cmd; 2],
        deadline: Deadline,
    ) -> RedisResult<Taken> {
        let mut result = query(&mut connection, by_hash, deadline);
        let no_script = ErrorKind::Server(ServerErrorKind::NoScript);
        if result.as_ref().is_err_and(|error| error.kind() == no_script) {
            result = query(&mut connection, by_text, deadline);
        }
        // After a timeout the response may still arrive. The next request must not take it for its
        // own, so the connection is dropped. The same holds after bytes that are not a response.
        if result.is_ok() {
            let mut idle = lock(&self.idle);
            if idle.len() < MAX_IDLE {
                idle.push(connection);
            }
        }
        result
    }

    /// Opens a connection, and sends the password and the number of the database, if there are any.
    fn connect(&self, deadline: Deadline) -> RedisResult<Connection> {
        let mut last =
            io::Error::new(io::ErrorKind::NotFound, "the name resolves to no address").into();
        let known = self.address.known();
        for (left, address) in (1..=u32::try_from(known.len()).unwrap_or(1)).rev().zip(known) {
            let target = ConnectionAddr::Tcp(address.ip().to_string(), address.port());
            let client = Client::open(self.info.clone().set_addr(target))?;
            // Each address gets a share of the time. Otherwise an address that drops packets, such
            // as the IPv6 address of a name on a network without IPv6, would leave no time for the
            // rest.
            match client.get_connection_with_timeout(remaining(deadline)? / left) {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Sends a command and reads its response. The timeout restarts with each read, but Redis sends a
/// response in one piece, because it has less than 40 bytes. Another program that sends a byte now
/// and then would not be bounded.
fn query(connection: &mut Connection, command: &Cmd, deadline: Deadline) -> RedisResult<Taken> {
    let left = Some(remaining(deadline)?);
    connection.set_write_timeout(left)?;
    connection.set_read_timeout(left)?;
    command.query(connection)
}

fn remaining(deadline: Deadline) -> RedisResult<Duration> {
    let expired = || io::Error::new(io::ErrorKind::TimedOut, "the time limit has passed").into();
    deadline.remaining().ok_or_else(expired)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread::Builder;

    use redis::IntoConnectionInfo;

    use super::*;

    #[test]
    fn an_address_that_does_not_respond_leaves_time_for_the_next_one() {
        let [silent, store] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses = [&silent, &store].map(|it| it.local_addr().unwrap());
        let respond = move || {
            let (mut stream, _) = store.accept().unwrap();
            // To SELECT, and to the script.
            stream.write_all(b"+OK\r\n*2\r\n:1\r\n:7\r\n").unwrap();
            stream
        };
        let store = Builder::new().name("store".to_string()).spawn(respond).unwrap();
        let info = "redis://store.example/1".into_connection_info().unwrap();
        let info_settings = info.redis_settings().clone().set_skip_set_lib_name();
        let info = info.set_redis_settings(info_settings);
        let connections = Connections::new(info, Address::known_as(addresses));
        let commands = ["EVALSHA", "EVAL"].map(redis::cmd);
        let taken = connections.run(&commands, Deadline::after(Duration::from_secs(2)));
        assert_eq!(taken.unwrap(), (1, 7));
        drop(store.join().unwrap());
    }
}
