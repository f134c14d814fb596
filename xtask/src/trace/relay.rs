//! Forwards bytes in both directions, and the end of each direction too.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::connection_log::{ConnectionLog, End};
use super::head::Side;

/// The maximum number of open connections. Each has two threads.
const MAX_CONNECTIONS: usize = 64;

/// The idle timeout of each direction.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// The timeout for connecting to the server, and for each write.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum number of bytes of one read.
const READ_SIZE: usize = 16 * 1024;

/// Prints lines.
pub(super) type Print = Arc<dyn Fn(&str) + Send + Sync>;

/// Accepts clients until the listener fails.
pub(super) fn serve(listener: &TcpListener, target: SocketAddr, print: &Print) {
    let open = Arc::new(AtomicUsize::new(0));
    for number in 1.. {
        let Ok((client, peer)) = listener.accept() else { break };
        if open.fetch_add(1, Ordering::AcqRel) >= MAX_CONNECTIONS {
            open.fetch_sub(1, Ordering::AcqRel);
            print(&format!("#{number} rejected: {MAX_CONNECTIONS} connections are open\n"));
            continue;
        }
        let (print, open) = (Arc::clone(print), Arc::clone(&open));
        let relay = move || {
            forward(number, &client, peer, target, &print);
            open.fetch_sub(1, Ordering::AcqRel);
        };
        // Without a thread the client is dropped, which closes its connection.
        let _ = thread::Builder::new().name(format!("trace {number}")).spawn(relay);
    }
}

/// Serves one connection. A reset by one side is printed, and reaches the other side as a FIN, because the standard
/// library has no way to send an RST.
fn forward(number: usize, client: &TcpStream, peer: SocketAddr, target: SocketAddr, print: &Print) {
    let start = Instant::now();
    let log = Mutex::new(ConnectionLog::new(number));
    let print_line = |line: &dyn Fn(&mut ConnectionLog) -> String| {
        // Printed under the lock, so that the lines are in the order of events.
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        print(&line(&mut log));
    };
    print_line(&|log| log.opened(&peer.to_string()));
    let server = match TcpStream::connect_timeout(&target, TIMEOUT) {
        Ok(server) => server,
        Err(error) => {
            let why = format!("no server at {target}: {error}; start one, such as a chapter's");
            print_line(&|log| log.no_server(start.elapsed(), &why));
            return;
        }
    };
    for socket in [client, &server] {
        let _ = socket.set_nodelay(true);
        let _ = socket.set_read_timeout(Some(IDLE_TIMEOUT));
        let _ = socket.set_write_timeout(Some(TIMEOUT));
    }
    // After a failure of one direction both end, and only the failure is printed.
    let is_over = AtomicBool::new(false);
    let one_way = |side, from: &TcpStream, to: &TcpStream| {
        let end = copy(from, to, |bytes| {
            print_line(&|log| log.bytes(side, bytes, start.elapsed()));
        });
        // The line is printed before the end is forwarded, so that the consequences come after it.
        if let Some(end) = end.filter(|_| !is_over.load(Ordering::Acquire)) {
            print_line(&|log| log.ended(side, end, start.elapsed()));
        }
        if end == Some(End::Fin) {
            let _ = to.shutdown(Shutdown::Write);
        } else {
            is_over.store(true, Ordering::Release);
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        }
    };
    thread::scope(|scope| {
        let back = thread::Builder::new()
            .name(format!("trace {number} back"))
            .spawn_scoped(scope, || one_way(Side::Server, &server, client));
        if back.is_ok() {
            one_way(Side::Client, client, &server);
        }
    });
    print_line(&|log| log.closed(start.elapsed()));
}

/// Copies until one direction ends. Returns `None` after an error that does not come from its sender.
fn copy(mut from: &TcpStream, mut to: &TcpStream, mut record: impl FnMut(&[u8])) -> Option<End> {
    let mut buffer = vec![0; READ_SIZE];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Some(End::Fin),
            Ok(count) => count,
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => continue,
                ErrorKind::WouldBlock | ErrorKind::TimedOut => return Some(End::Idle),
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
                    return Some(End::Reset);
                }
                _ => return None,
            },
        };
        record(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            return Some(End::Undeliverable);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use socket2::{Domain, Socket, Type};
    use wire::{Client, Script};

    use super::*;
    use crate::ui::plain;

    /// Starts a trace of `target`. Returns its address and its output.
    fn trace(target: SocketAddr) -> (SocketAddr, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = channel();
        let print: Print = Arc::new(move |text: &str| {
            let _ = sender.send(plain(text));
        });
        let run = move || serve(&listener, target, &print);
        thread::Builder::new().name("trace".to_string()).spawn(run).unwrap();
        (address, receiver)
    }

    /// Everything that is printed up to a line with `last`.
    fn until(lines: &Receiver<String>, last: &str) -> String {
        let mut text = String::new();
        while !text.contains(last) {
            text += &lines
                .recv_timeout(wire::PATIENCE)
                .unwrap_or_else(|_| panic!("no `{last}`: {text}"));
        }
        text
    }

    #[test]
    fn an_exchange_is_forwarded_and_printed() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
        let script = Script::start(vec![vec![response.to_vec()]]).unwrap();
        let (address, lines) = trace(script.addr());
        let mut client = Client::connect(address).unwrap();
        let reply = client.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (200, "hi"));
        client.expect_closed().unwrap();
        drop(client);
        let text = until(&lines, "closed after");
        let mut rest = text.as_str();
        for part in [
            "opened by 127.0.0.1:",
            "> GET /a HTTP/1.1\\r\\n",
            "status line",
            "body, 2 of 2 bytes",
            "< FIN: the server sends no more",
            "28 bytes >, 59 bytes <",
        ] {
            let at = rest.find(part).unwrap_or_else(|| panic!("no `{part}` in its place:\n{text}"));
            rest = &rest[at + part.len()..];
        }
    }

    #[test]
    fn a_half_close_is_forwarded_alone() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, lines) = trace(server.local_addr().unwrap());
        let mut client = Client::connect(address).unwrap();
        client.send("hello\n").unwrap();
        client.half_close().unwrap();
        let (mut stream, _) = server.accept().unwrap();
        stream.set_read_timeout(Some(wire::PATIENCE)).unwrap();
        let mut seen = String::new();
        stream.read_to_string(&mut seen).unwrap();
        assert_eq!(seen, "hello\n", "and then the end");
        until(&lines, "> FIN: the client sends no more");
        stream.write_all(b"still here\n").unwrap();
        drop(stream);
        assert_eq!(client.read_to_end().unwrap(), b"still here\n");
        until(&lines, "6 bytes >, 11 bytes <");
    }

    #[test]
    fn a_reset_ends_both_directions_and_is_printed_once() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, lines) = trace(server.local_addr().unwrap());
        let mut client = Client::connect(address).unwrap();
        client.send("hello\n").unwrap();
        let (stream, _) = server.accept().unwrap();
        stream.set_read_timeout(Some(wire::PATIENCE)).unwrap();
        stream.peek(&mut [0]).unwrap();
        // Closing with unread bytes sends an RST.
        drop(stream);
        client.expect_closed().unwrap();
        let text = until(&lines, "closed after");
        assert!(text.contains("< RST: the server has reset"), "{text}");
        assert!(!text.contains("FIN"), "{text}");
    }

    #[test]
    fn without_a_server_it_prints_that_and_closes() {
        // Bound and not listening: no other program gets this port.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let target = socket.local_addr().unwrap().as_socket().unwrap();
        let (address, lines) = trace(target);
        let mut client = Client::connect(address).unwrap();
        client.expect_closed().unwrap();
        let text = until(&lines, "no server at");
        assert!(text.contains("start one"), "{text}");
    }
}
