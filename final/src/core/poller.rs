//! The poller, which reports the sockets that are ready. [`Poll`], in `poller/contract.rs`, is the
//! contract between the engine and the kernel.
//!
//! `poller/epoll.rs` implements the contract on Linux, `poller/portable.rs` on other systems. The
//! engine runs on both, so it depends only on the contract, and the tests below check both
//! implementations against it.

mod contract;
#[cfg(target_os = "linux")]
pub mod epoll;
#[cfg(any(test, feature = "portable", not(target_os = "linux")))]
pub mod portable;

pub use contract::{Interest, Poll, Ready, Token};

/// The poller of this system.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub type Poller = epoll::Epoll;
/// The poller of this system.
#[cfg(any(feature = "portable", not(target_os = "linux")))]
pub type Poller = portable::Portable;

/// Tests of the contract of [`Poll`], for each implementation that compiles on this system.
#[cfg(all(test, not(loom)))]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    pub(super) const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);

    /// Returns a client, and the server's end of its connection, which does not block.
    pub(super) fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.accept().unwrap().0;
        server.set_nonblocking(true).unwrap();
        (client, server)
    }

    fn told(poller: &impl Poll, time: Duration) -> Vec<u64> {
        let mut ready = Ready::with_capacity(8);
        poller.wait(&mut ready, Some(time)).unwrap();
        let mut tokens: Vec<_> = ready.tokens().map(|token| token.0).collect();
        tokens.dedup(); // the contract allows repeated reports
        tokens
    }

    /// Defines the tests for one poller and the sockets that it accepts.
    macro_rules! contract {
        ($name:ident, $poller:ty, $stream:ty, $listen_socket:expr) => {
            mod $name {
                use super::*;

                fn poller() -> $poller {
                    <$poller>::new().unwrap()
                }

                fn sockets() -> (TcpStream, $stream) {
                    let (client, server) = pair();
                    #[allow(clippy::useless_conversion, reason = "it is none for the other poller")]
                    (client, server.into())
                }

                #[test]
                fn a_waiting_thread_is_notified_when_bytes_arrive() {
                    let (poller, (mut client, server)) = (poller(), sockets());
                    poller.add(&server, Token(7), Interest::Read).unwrap();
                    assert_eq!(told(&poller, Duration::ZERO), [0; 0]);
                    client.write_all(b"x").unwrap();
                    assert_eq!(told(&poller, LONG), [7]);
                }

                #[test]
                fn bytes_that_arrived_before_are_reported_too() {
                    let (poller, (mut client, server)) = (poller(), sockets());
                    client.write_all(b"x").unwrap();
                    poller.add(&server, Token(7), Interest::Read).unwrap();
                    assert_eq!(told(&poller, LONG), [7]);
                }

                #[test]
                fn bytes_left_unread_are_reported_after_arming_with_the_new_token() {
                    let (poller, (mut client, server)) = (poller(), sockets());
                    poller.add(&server, Token(7), Interest::Read).unwrap();
                    client.write_all(b"x").unwrap();
                    assert_eq!(told(&poller, LONG), [7]);
                    for token in 8..11 {
                        poller.arm(&server, Token(token), Interest::Read).unwrap();
                        assert_eq!(told(&poller, LONG), [token]);
                    }
                }

                #[test]
                fn without_bytes_nothing_is_reported() {
                    let (poller, (mut client, server)) = (poller(), sockets());
                    poller.add(&server, Token(7), Interest::Read).unwrap();
                    client.write_all(b"x").unwrap();
                    assert_eq!(told(&poller, LONG), [7]);
                    // The byte is still unread. Repeated reports of it would keep a whole core
                    // busy.
                    assert_eq!(told(&poller, SHORT), [0; 0]);
                }

                #[test]
                fn bytes_that_arrive_during_a_step_are_reported_after_it() {
                    let (poller, (mut client, server)) = (poller(), sockets());
                    poller.add(&server, Token(7), Interest::Read).unwrap();
                    client.write_all(b"x").unwrap();
                    assert_eq!(told(&poller, LONG), [7]);
                    assert_eq!(server.peek(&mut [0; 8]).unwrap(), 1);
                    client.write_all(b"y").unwrap();
                    // Another thread may get a spurious report at this point.
                    told(&poller, SHORT);
                    poller.arm(&server, Token(7), Interest::Read).unwrap();
                    assert_eq!(told(&poller, LONG), [7]);
                }

                #[test]
                fn room_to_write_is_reported_and_so_is_the_end() {
                    let (poller, (client, server)) = (poller(), sockets());
                    poller.add(&server, Token(1), Interest::Write).unwrap();
                    assert_eq!(told(&poller, LONG), [1]);
                    poller.arm(&server, Token(2), Interest::Read).unwrap();
                    assert_eq!(told(&poller, Duration::ZERO), [0; 0]);
                    drop(client);
                    assert_eq!(told(&poller, LONG), [2]);
                    assert_eq!(server.peek(&mut [0; 8]).unwrap(), 0);
                }

                #[test]
                fn a_writer_is_notified_when_the_peer_has_read() {
                    let (poller, (mut client, server)) = (poller(), pair());
                    while (&server).write(&[0; 4096]).is_ok() {}
                    #[allow(clippy::useless_conversion, reason = "it is none for the other poller")]
                    let server: $stream = server.into();
                    poller.add(&server, Token(3), Interest::Write).unwrap();
                    assert_eq!(told(&poller, SHORT), [0; 0]);
                    thread::scope(|scope| {
                        scope.spawn(move || client.read_to_end(&mut Vec::new()).unwrap());
                        assert_eq!(told(&poller, LONG), [3]);
                        drop(server);
                    });
                }

                #[test]
                fn a_writer_is_not_notified_of_bytes() {
                    let (poller, (mut client, server)) = (poller(), pair());
                    while (&server).write(&[0; 4096]).is_ok() {}
                    #[allow(clippy::useless_conversion, reason = "it is none for the other poller")]
                    let server: $stream = server.into();
                    poller.add(&server, Token(1), Interest::Write).unwrap();
                    client.write_all(b"x").unwrap();
                    assert_eq!(told(&poller, SHORT), [0; 0]);
                    poller.arm(&server, Token(1), Interest::Read).unwrap();
                    assert_eq!(told(&poller, LONG), [1]);
                }

                #[test]
                fn an_end_that_arrives_after_the_last_report_is_reported_by_arming() {
                    let (poller, (mut client, server)) = (poller(), sockets());
                    client.write_all(b"x").unwrap();
                    drop(client);
                    poller.add(&server, Token(1), Interest::Read).unwrap();
                    assert_eq!(told(&poller, LONG), [1]);
                    poller.arm(&server, Token(2), Interest::Read).unwrap();
                    assert_eq!(told(&poller, LONG), [2]);
                }

                #[test]
                fn a_pending_client_is_reported() {
                    let poller = poller();
                    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                    let address = listener.local_addr().unwrap();
                    listener.set_nonblocking(true).unwrap();
                    let socket = $listen_socket(listener);
                    poller.add(&socket, Token(5), Interest::Read).unwrap();
                    assert_eq!(told(&poller, Duration::ZERO), [0; 0]);
                    let _one = TcpStream::connect(address).unwrap();
                    assert_eq!(told(&poller, LONG), [5]);
                    // The first client has not been accepted, so arming the socket reports it
                    // again.
                    poller.arm(&socket, Token(5), Interest::Read).unwrap();
                    assert_eq!(told(&poller, LONG), [5]);
                }

                #[test]
                fn a_removed_or_closed_socket_is_not_reported() {
                    let (poller, (mut client, server)) = (poller(), sockets());
                    let (mut other_client, other) = sockets();
                    poller.add(&server, Token(1), Interest::Read).unwrap();
                    poller.add(&other, Token(2), Interest::Read).unwrap();
                    poller.remove(&server).unwrap();
                    drop(other);
                    client.write_all(b"x").unwrap();
                    let _ = other_client.write_all(b"x");
                    assert_eq!(told(&poller, SHORT), [0; 0]);
                }

                #[test]
                fn events_without_room_are_reported_by_the_next_wait() {
                    let poller = poller();
                    let mut waiting = Vec::new();
                    for number in 0..8 {
                        let (mut client, server) = sockets();
                        client.write_all(b"x").unwrap();
                        poller.add(&server, Token(number), Interest::Read).unwrap();
                        waiting.push((client, server));
                    }
                    let mut all = Vec::new();
                    while all.len() < 8 {
                        let mut ready = Ready::with_capacity(3);
                        poller.wait(&mut ready, Some(LONG)).unwrap();
                        let some: Vec<_> = ready.tokens().map(|token| token.0).collect();
                        assert!((1..=3).contains(&some.len()), "{some:?} after {all:?}");
                        all.extend(some);
                    }
                    all.sort_unstable();
                    assert_eq!(all, [0, 1, 2, 3, 4, 5, 6, 7]);
                }

                #[test]
                fn a_busy_thread_does_not_delay_reports_to_the_others() {
                    let (poller, (mut client, server)) = (poller(), sockets());
                    let (mut second_client, second) = sockets();
                    poller.add(&server, Token(1), Interest::Read).unwrap();
                    poller.add(&second, Token(2), Interest::Read).unwrap();
                    let (send, receive) = mpsc::channel();
                    let (poller, has_heard) = (&poller, &send);
                    thread::scope(|scope| {
                        let mut busy = Vec::new();
                        for _ in 0..2 {
                            let (go_on, wait) = mpsc::channel::<()>();
                            busy.push(go_on);
                            scope.spawn(move || {
                                has_heard.send(told(poller, LONG)).unwrap();
                                let _ = wait.recv();
                            });
                        }
                        client.write_all(b"x").unwrap();
                        assert_eq!(receive.recv_timeout(LONG).unwrap(), [1]);
                        second_client.write_all(b"x").unwrap();
                        assert_eq!(receive.recv_timeout(LONG).unwrap(), [2]);
                        drop(busy);
                    });
                }

                #[test]
                fn each_thread_has_its_own_timeout() {
                    let poller = &poller();
                    let (send, receive) = mpsc::channel();
                    thread::scope(|scope| {
                        scope.spawn(|| poller.wait(&mut Ready::with_capacity(1), None).unwrap());
                        for _ in 0..3 {
                            let send = send.clone();
                            scope.spawn(move || send.send(told(poller, SHORT)).unwrap());
                        }
                        for _ in 0..3 {
                            assert_eq!(receive.recv_timeout(LONG).unwrap(), [0; 0]);
                        }
                        poller.shutdown();
                    });
                }

                #[test]
                fn a_socket_can_be_added_while_a_thread_waits() {
                    let (poller, (mut client, server)) = (&poller(), sockets());
                    client.write_all(b"x").unwrap();
                    thread::scope(|scope| {
                        let waiting = scope.spawn(|| told(poller, LONG));
                        poller.add(&server, Token(4), Interest::Read).unwrap();
                        assert_eq!(waiting.join().unwrap(), [4]);
                    });
                }

                #[test]
                fn after_the_shutdown_no_wait_blocks() {
                    let poller = &poller();
                    thread::scope(|scope| {
                        for _ in 0..3 {
                            scope
                                .spawn(|| poller.wait(&mut Ready::with_capacity(8), None).unwrap());
                        }
                        poller.shutdown();
                    });
                    for _ in 0..3 {
                        let mut room = Ready::with_capacity(8);
                        poller.wait(&mut room, None).unwrap();
                        assert_eq!(room.tokens().count(), 0);
                    }
                }
            }
        };
    }

    #[cfg(target_os = "linux")]
    contract!(linux, epoll::Epoll, TcpStream, std::convert::identity);
    contract!(
        everywhere,
        portable::Portable,
        crate::core::system::portable::Stream,
        crate::core::system::portable::listen_socket
    );
}
