//! Passes bytes on, in both directions, and what ends a direction too.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::account::{Account, End};
use super::message::Side;

/// Connections at the same time. Each has two threads.
const MAX_CONNECTIONS: usize = 64;

/// How long both ends may say nothing.
const SILENCE: Duration = Duration::from_secs(600);

/// How long the server may take to accept a connection, and either end to take bytes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes that are read at once.
const READ_SIZE: usize = 16 * 1024;

/// Where the lines go.
pub(super) type Print = Arc<dyn Fn(&str) + Send + Sync>;

/// Takes in clients until the listener fails.
pub(super) fn serve(listener: &TcpListener, target: SocketAddr, print: &Print) {
    let open = Arc::new(AtomicUsize::new(0));
    for number in 1.. {
        let Ok((client, peer)) = listener.accept() else { break };
        if open.fetch_add(1, Ordering::AcqRel) >= MAX_CONNECTIONS {
            open.fetch_sub(1, Ordering::AcqRel);
            print(&format!("#{number} turned away: {MAX_CONNECTIONS} connections are open\n"));
            continue;
        }
        let (print, open) = (Arc::clone(print), Arc::clone(&open));
        let relay = move || {
            pass_on(number, &client, peer, target, &print);
            open.fetch_sub(1, Ordering::AcqRel);
        };
        // Without a thread the client is dropped, and sees that.
        let _ = thread::Builder::new().name(format!("trace {number}")).spawn(relay);
    }
}

/// One connection, from its beginning to its end. A reset by one end is told, and reaches the other as a FIN: the
/// standard library has no way to send one.
fn pass_on(number: usize, client: &TcpStream, peer: SocketAddr, target: SocketAddr, print: &Print) {
    let start = Instant::now();
    let account = Mutex::new(Account::new(number));
    let tell = |line: &dyn Fn(&mut Account) -> String| {
        // Nobody else comes in between, so the lines are in the order of events.
        let mut account = account.lock().unwrap_or_else(PoisonError::into_inner);
        print(&line(&mut account));
    };
    tell(&|account| account.opened(&peer.to_string()));
    let server = match TcpStream::connect_timeout(&target, PATIENCE) {
        Ok(server) => server,
        Err(error) => {
            let why = format!("no server at {target}: {error}; start one, such as a chapter's");
            tell(&|account| account.no_server(start.elapsed(), &why));
            return;
        }
    };
    for socket in [client, &server] {
        let _ = socket.set_nodelay(true);
        let _ = socket.set_read_timeout(Some(SILENCE));
        let _ = socket.set_write_timeout(Some(PATIENCE));
    }
    // Once one direction has gone wrong, the other one ends too, and nobody has said so.
    let is_over = AtomicBool::new(false);
    let one_way = |side, from: &TcpStream, to: &TcpStream| {
        let end = copy(from, to, |bytes| {
            tell(&|account| account.bytes(side, bytes, start.elapsed()));
        });
        // First the line, then the deed: what follows from it is told behind it.
        if let Some(end) = end.filter(|_| !is_over.load(Ordering::Acquire)) {
            tell(&|account| account.ended(side, end, start.elapsed()));
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
    tell(&|account| account.closed(start.elapsed()));
}

/// Copies until one direction ends. `None`: with an error that says nothing about its sender.
fn copy(mut from: &TcpStream, mut to: &TcpStream, mut see: impl FnMut(&[u8])) -> Option<End> {
    let mut buffer = vec![0; READ_SIZE];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Some(End::Fin),
            Ok(count) => count,
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => continue,
                ErrorKind::WouldBlock | ErrorKind::TimedOut => return Some(End::Silence),
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
                    return Some(End::Reset);
                }
                _ => return None,
            },
        };
        see(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            return Some(End::Refused);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use socket2::{Domain, Socket, Type};
    use wire::{Client, Script};

    use super::*;
    use crate::ui::tests::plain;

    /// Stands in front of `target`. What it prints comes out of the other end.
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

    /// All that is told until a line has `last` in it.
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
    fn an_exchange_is_passed_on_and_told() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
        let script = Script::start(vec![vec![answer.to_vec()]]).unwrap();
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
            "request line",
            "> \\r\\n",
            "end of the head",
            "< HTTP/1.1 200 OK\\r\\n",
            "status line",
            "< hi ",
            "body, 2 of 2 bytes",
            "< FIN: the server sends no more",
            "28 bytes >, 59 bytes <",
        ] {
            let at = rest.find(part).unwrap_or_else(|| panic!("no `{part}` in its place:\n{text}"));
            rest = &rest[at + part.len()..];
        }
    }

    #[test]
    fn a_half_close_is_passed_on_alone() {
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
    fn a_reset_ends_both_directions_and_is_told_once() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, lines) = trace(server.local_addr().unwrap());
        let mut client = Client::connect(address).unwrap();
        client.send("hello\n").unwrap();
        let (stream, _) = server.accept().unwrap();
        stream.set_read_timeout(Some(wire::PATIENCE)).unwrap();
        stream.peek(&mut [0]).unwrap();
        // To close with bytes unread is a reset.
        drop(stream);
        client.expect_closed().unwrap();
        let text = until(&lines, "closed after");
        assert!(text.contains("< RST: the server has given up"), "{text}");
        assert!(!text.contains("FIN"), "{text}");
    }

    #[test]
    fn without_a_server_it_says_so_and_closes() {
        // Bound and not listening, it keeps the port from everybody who asks for any.
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
